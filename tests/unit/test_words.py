"""Counts and lists in sentences."""

from __future__ import annotations

import pytest

from dialysis.words import (
    counted,
    decimal,
    listed,
    p_words,
    reason_words,
    shortened,
    undecided,
    whole,
    with_article,
    with_error,
)


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


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1e-9, "p < 0.001"),
        (0.001, "p = 0.001"),
        (0.0123, "p = 0.012"),
        (0.0457, "p = 0.046"),
        (0.0496, "p = 0.0496"),
        (0.04999, "p = 0.04999"),
        (0.0501, "p = 0.050"),
        (0.2, "p = 0.20"),
        (0.9949, "p = 0.99"),
        (1.0, "p > 0.99"),
    ],
)
def test_a_p_value_is_never_rounded_onto_the_level_it_is_below(p: float, text: str) -> None:
    assert p_words(p) == text


def test_nouns_take_their_article() -> None:
    assert [with_article(noun) for noun in ("animal", "probe")] == ["an animal", "a probe"]


def test_codes_of_reasons_are_words() -> None:
    assert [reason_words(c) for c in ("co_elution", "lost_vial")] == ["co-elution", "lost vial"]


def test_who_decided_and_when_is_taken_off() -> None:
    assert undecided("lost vial? (A. B., 2024-05-01)") == "lost vial?"
    assert undecided("unstable baseline: falls (R24)") == "unstable baseline: falls (R24)"


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [(-3.6, "\N{MINUS SIGN}4", "\N{MINUS SIGN}4"), (3.6, "4", "+4"), (-0.2, "0", "0")],
)
def test_whole_numbers_have_minus_signs(value: float, plain: str, signed: str) -> None:
    assert (whole(value), whole(value, sign=True)) == (plain, signed)
