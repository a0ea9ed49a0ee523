"""What sample names say: patterns, kinds, levels."""

from __future__ import annotations

import pytest

from dialysis.errors import StudyError
from dialysis.init.kinds import declared_kind, kind_of, read_level
from dialysis.init.names import NamePattern, Sample, find_patterns, is_convincing

PLAIN = [f"R{a:02d}_F{f:02d}" for a in (1, 2, 5, 9) for f in range(1, 14)]


@pytest.mark.parametrize(
    ("names", "pattern", "first"),
    [
        (PLAIN, "{animal}_F{fraction}", Sample("R01", "", 1)),
        (
            [f"Maus {a} - {f}" for a in (11, 12, 14) for f in range(1, 8)],
            "Maus {animal} - {fraction}",
            Sample("11", "", 1),
        ),
        (
            [f"20240513_A{a}_{f:02d}" for a in (1, 2, 3) for f in range(1, 10)],
            "20240513_{animal}_{fraction}",
            Sample("A1", "", 1),
        ),
        (
            [
                f"Rätte_{a} {place} Fr {f}"
                for a in ("x1", "x2")
                for place in ("hip", "pfc")
                for f in range(1, 10)
            ],
            "Rätte_{animal} {probe} Fr {fraction}",
            Sample("x1", "hip", 1),
        ),
        (
            [f"m{a}{side}{f}" for a in (1, 2, 3) for side in "LR" for f in range(1, 10)],
            "{animal}{probe}{fraction}",
            Sample("m1", "L", 1),
        ),
        (
            [
                f"{a}-{p}{f}"
                for a in (101, 102, 103)
                for p, n in (("B", 4), ("D", 9))
                for f in range(1, n + 1)
            ],
            "{animal}-{period}{fraction}",
            Sample("101", "", 1, "b"),
        ),
        (
            [f"rat {a}_{f}" for f in range(1, 10) for a in "ABC"],
            "rat {animal}_{fraction}",
            Sample("A", "", 1),
        ),
        (
            [f"K3.{a}.{f}" for a in (1, 2, 3, 4) for f in range(1, 10)],
            "K3.{animal}.{fraction}",
            Sample("1", "", 1),
        ),
    ],
)
def test_patterns_are_found(names: list[str], pattern: str, first: Sample) -> None:
    best = find_patterns(names)[0]
    assert best.pattern.text == pattern
    assert (best.matched, best.total) == (len(names), len(names))
    assert is_convincing(best)
    assert best.pattern.match(names[0]) == first


def test_names_that_are_missed_and_marked_as_repeated() -> None:
    names = [*PLAIN, "R01_F03 re", "R02_F05_reinj", "R05_F13 (2)", "R1F3", "oops"]
    best = find_patterns(names)[0]
    assert best.pattern.text == "{animal}_F{fraction}"
    assert [name for name in names if best.pattern.match(name) is None] == ["R1F3", "oops"]
    assert best.pattern.match("R02_F05_reinj") == Sample("R02", "", 5, again=True)
    assert best.matched == len(names) - 2


@pytest.mark.parametrize(
    "names",
    [
        [f"Sample{n}" for n in range(1, 40)],
        ["alpha", "beta", "gamma", "delta"],
        [f"{n * 7919 % 9973:04d}" for n in range(1, 40)],
        [],
    ],
)
def test_names_without_a_pattern_convince_nobody(names: list[str]) -> None:
    assert not any(is_convincing(item) for item in find_patterns(names))


def test_a_pattern_that_was_given() -> None:
    pattern = NamePattern("{animal}/{probe} day {*} #{fraction}")
    assert pattern.match("R7/L day 3 #012") == Sample("R7", "L", 12)
    assert pattern.match("R7/L day 3") is None
    with pytest.raises(StudyError) as caught:
        NamePattern("{rat}_{fraction}").match("x")
    assert str(caught.value) == (
        "--pattern '{rat}_{fraction}': found the fields rat, fraction; expected {animal} and "
        "{fraction} once each, and {probe}, {period} or {*} where names have them."
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("STD1", "standard"),
        ("KAL 50 %", "standard"),
        ("standard_0.05mM", "standard"),
        ("D-St6", "standard"),
        ("Calib 3", "standard"),
        ("BLK2", "blank"),
        ("water", "blank"),
        ("Blindwert 1", "blank"),
        ("QC2", "qc"),
        ("Maus 11 - 3", ""),
        ("R01_F01", ""),
        ("Stdev", ""),
        ("Strabismus_F1", ""),
    ],
)
def test_kinds(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_what_the_export_says_counts_where_the_name_says_nothing() -> None:
    assert declared_kind({"Type": "Check Standard"}) == "qc"
    assert declared_kind({"Sample Type": "0:Unknown"}) == ""
    assert kind_of("x", "qc") == "qc"


@pytest.mark.parametrize(
    ("name", "amount", "unit", "factor"),
    [
        ("standard_0.05mM", 0.05, "mM", None),
        ("Std 12,5 nmol/L", 12.5, "nM", None),
        ("Std 5 pmol", 5.0, "pmol", None),
        ("KAL 50 %", None, "", 0.5),
        ("Mix 1:100", None, "", 0.01),
        ("Std 2x", None, "", 2.0),
        ("STD3", None, "", None),
        ("Std 5 min", None, "", None),
    ],
)
def test_levels(name: str, amount: float | None, unit: str, factor: float | None) -> None:
    level = read_level(name)
    assert (level.amount, level.unit, level.factor) == (amount, unit, factor)
