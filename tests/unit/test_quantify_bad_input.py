"""Standards that can't be meant so: one clear message each, and all of them at once."""

from __future__ import annotations

import pytest

from dialysis.study.load import examine_study
from tests.toy import ToyStudy

HEADER = "injection_id,analyte,amount,unit,level,role\n"
FILE = "config/toy/standards.csv"
UNITS = "fmol, pmol, nmol, pg, ng, nM, µM, uM, mM, pg/µL, pg/uL"

FEW = (
    f"{FILE}, row 2, DOPAC in run run1: found calibrators of 2 different amounts above 0 "
    "(10 fmol, 50 fmol); expected at least 3 (quantify.min_levels). Add levels, or say in "
    "study.yaml that fewer are meant: quantify.min_levels: 2."
)


def problems_of(toy: ToyStudy, rows: str) -> list[str]:
    toy.add("standards.csv", HEADER + rows)
    return [str(problem) for problem in examine_study(toy.root, toy.name)[1]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "run1_001,DOPAC,10,fmol,,\nrun1_002,DOPAC,5,nM,,\nrun1_003,DOPAC,100,fmol,,\n",
            f"{FILE}, row 2, column unit: found DOPAC both as an amount and as a concentration; "
            "expected one basis for all standards of an analyte.",
        ),
        ("run1_001,DOPAC,10,fmol,,\nrun1_002,DOPAC,50,fmol,,\nrun1_003,DOPAC,50,fmol,,\n", FEW),
        (
            "run1_001,DOPAC,10,fmol,,\nrun1_002,DOPAC,50,fmol,,\nrun1_003,DOPAC,99,fmol,,\n"
            "run1_003,DOPAC,100,fmol,,\n",
            f"{FILE}, row 5, column injection_id, analyte: found 'run1_003 × DOPAC' again "
            "(first in row 4); expected a row of its own for every injection_id × analyte.",
        ),
        (
            "run1_001,DOPAC,10,fmol,,\nrun1_002,DOPAC,50,fmoles,,\nrun1_003,DOPAC,99,fmol,,\n",
            f"{FILE}, row 3, column unit: found 'fmoles'; expected one of {UNITS}. Did you mean "
            "'fmol'?",
        ),
    ],
    ids=["two bases", "too few levels", "listed twice", "unknown unit"],
)
def test_one_mistake_gives_one_message(toy: ToyStudy, rows: str, message: str) -> None:
    assert problems_of(toy, rows) == [message]


def test_all_mistakes_are_told_at_once(toy: ToyStudy) -> None:
    toy.change("analytes.csv", "DOPAC,10.1", "DA,11.0,0.4,DHBA\nDOPAC,10.1")
    found = problems_of(
        toy,
        "run1_001,DOPAC,10,fmol,,\n"
        "run1_002,DOPAC,50,fmol,,\n"
        "run1_002,DOPAC,50,fmol,,\n"  # twice; DOPAC has two levels
        "run1_001,DA,1,fmol,,\n"
        "run1_002,DA,2,nM,,\n"  # two bases
        "run1_003,DA,4,fmoles,,\n",  # unknown unit
    )
    words = ("every injection_id × analyte", "one of fmol", "calibrators of 2", "one basis")
    assert [sum(word in text for text in found) for word in words] == [1, 1, 1, 1]
    assert len(found) == 4


def test_fewer_levels_are_taken_when_the_config_says_so(toy: ToyStudy) -> None:
    toy.change("study.yaml", "  inj_uL: 20", "  inj_uL: 20\n  min_levels: 1\n  through_zero: true")
    assert problems_of(toy, "run1_001,DOPAC,10,fmol,,\n") == []


def test_levels_of_pooled_runs_count_together(toy: ToyStudy) -> None:
    toy.change("study.yaml", "  inj_uL: 20", "  inj_uL: 20\n  pool: runs\n  min_levels: 4")
    found = problems_of(
        toy, "run1_001,DOPAC,10,fmol,,\nrun1_002,DOPAC,50,fmol,,\nrun1_003,DOPAC,100,fmol,,\n"
    )
    assert found == [
        f"{FILE}, row 2, DOPAC: found calibrators of 3 different amounts above 0 (10 fmol, "
        "50 fmol, 100 fmol); expected at least 4 (quantify.min_levels). Add levels, or say in "
        "study.yaml that fewer are meant: quantify.min_levels: 3."
    ]


def test_preservative_and_dilution_exclude_each_other(toy: ToyStudy) -> None:
    toy.change("study.yaml", "  inj_uL: 20", "  inj_uL: 20\n  dilution: 1.2\n  preservative_uL: 5")
    assert problems_of(toy, toy.files["standards.csv"].removeprefix(HEADER)) == [
        "config/toy/study.yaml, quantify.preservative_uL, quantify.dilution: found 5 and 1.2; "
        "expected one of the two, because either gives the dilution of the samples' vials."
    ]


def test_an_unknown_rule_and_action(toy: ToyStudy) -> None:
    toy.change(
        "study.yaml",
        "  inj_uL: 20",
        "  inj_uL: 20\n  suitability:\n    actions: {tailing: shout, talling: warn}",
    )
    found = problems_of(toy, toy.files["standards.csv"].removeprefix(HEADER))
    assert len(found) == 2
    assert any("tailing: found 'shout'; expected one of warn, exclude, stop." in f for f in found)
    assert any("found 'talling'; expected one of back_calculation," in f for f in found)
