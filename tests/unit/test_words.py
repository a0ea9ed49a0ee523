"""Counts and lists in sentences."""

from __future__ import annotations

from dialysis.words import counted, listed, shortened


def test_a_number_takes_its_noun() -> None:
    assert [counted(n, "run") for n in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert counted(2, "study", "studies") == "2 studies"


def test_names_are_joined() -> None:
    assert [listed(range(n)) for n in (1, 2, 3)] == ["0", "0 and 1", "0, 1 and 2"]


def test_what_is_too_long_is_shortened() -> None:
    assert shortened([], 2) == ""
    assert shortened(["a", "b"], 2) == "a, b"
    assert shortened(["a", "b", "c", "d"], 2, "; ") == "a; b and 2 more"
