"""Counts and lists in sentences."""

from __future__ import annotations

from dialysis.words import counted, decimal, listed, shortened, with_error


def test_a_number_takes_its_noun() -> None:
    assert [counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert counted(2, "study", "studies") == "2 studies"


def test_names_are_joined() -> None:
    assert [listed(range(n)) for n in (1, 2, 3)] == ["0", "0 and 1", "0, 1 and 2"]


def test_what_is_too_long_is_shortened() -> None:
    assert shortened([], 2) == ""
    assert shortened(["a", "b"], 2) == "a, b"
    assert shortened(["a", "b", "c"], 2) == "a, b, c"
    assert shortened(["a", "b", "c", "d"], 2, "; ") == "a; b and 2 more"


def test_numbers_have_no_exponent_and_as_many_digits_as_their_error() -> None:
    shown = [decimal(x) for x in (21000.0, 123456.7, 0.05, 2.0, float("nan"))]
    assert shown == ["21000", "123500", "0.05", "2", "nan"]
    assert with_error(5.6634, 0.4261) == "5.66 ± 0.43"
    assert with_error(5663.4, 426.1) == "5663 ± 426"
    assert with_error(5.6634, 0.0) == "5.66 ± 0"
