"""Integration events as a study's table: checked with their rows, sliced by run."""

from __future__ import annotations

import pytest

from dialysis import stamps
from dialysis.files import canonical_json
from dialysis.study.load import examine_study, load_study
from tests.conftest import PROJECT
from tests.toy import ToyStudy

HEADER = (
    "injection_id,run,channel,analyte,event,start_min,end_min,value,reason,decided_by,decided_on"
)
WHO = "test,AB,2026-01-05"


def with_events(toy: ToyStudy, *rows: str) -> ToyStudy:
    toy.add("integration_events.csv", "\n".join([HEADER, *(f"{row},{WHO}" for row in rows)]) + "\n")
    return toy


def problems_of(toy: ToyStudy) -> list[str]:
    return [str(problem) for problem in examine_study(toy.root, toy.name)[1]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "run1_099,,,DOPAC,drop,,,",
            "row 2, column injection_id: found 'run1_099', which is not in injections.csv; "
            "expected one of its 11 names. Did you mean 'run1_009'?",
        ),
        (
            "*,run9,,DOPAC,drop,,,",
            "row 2, column run: found 'run9', which is not in injections.csv; expected one of its "
            "1 names. Did you mean 'run1'?",
        ),
        (
            "run1_004,run9,,DOPAC,drop,,,",
            "row 2, column run: found 'run9' for run1_004, which is in run1; expected nothing, or "
            "'*' in injection_id for all of a run.",
        ),
        (
            "run1_004,,,DOPA,drop,,,",
            "row 2, column analyte: found 'DOPA', which is not in analytes.csv; expected one of "
            "its 2 names. Did you mean 'DOPAC'?",
        ),
        (
            "run1_004,,,DOPAC,limits,10,,",
            "row 2, column end_min: found nothing; expected a value for 'limits'.",
        ),
        (
            "run1_004,,,,merge,,,",
            "row 2, columns start_min, end_min: found nothing; expected a value for 'merge'.",
        ),
        (
            "run1_004,,,DOPAC,limits,10,9,",
            "row 2, column end_min: found 9; expected a time after start_min, which is 10.",
        ),
        (
            "run1_004,,,DOPAC,inhibit,10,11,",
            "row 2, column analyte: found 'DOPAC'; expected nothing, because 'inhibit' does not "
            "use it. Empty the cell, or choose another event.",
        ),
        (
            "*,,,,add_peak,10,11,",
            "row 2, column injection_id: found '*'; expected one injection, because 'add_peak' is "
            "for a peak that somebody saw.",
        ),
        (
            "run1_004,,,DOPAC,tangents,,,",
            "row 2, column event: found 'tangents'; expected one of inhibit, limits, start, end, "
            "baseline, drop, tangent, skim, split, merge, add_peak, delete_peak. Did you mean "
            "'tangent'?",
        ),
    ],
)
def test_a_wrong_row_is_named(toy: ToyStudy, row: str, message: str) -> None:
    with_events(toy, row).write()
    assert problems_of(toy) == [f"config/toy/integration_events.csv, {message}"]


def test_a_contradiction_names_both_rows(toy: ToyStudy) -> None:
    with_events(
        toy,
        "run1_004,,,DOPAC,tangent,,,",
        "run1_005,,,DOPAC,drop,,,",
        "run1_004,,,DOPAC,drop,,,",
    ).write()
    assert problems_of(toy) == [
        "config/toy/integration_events.csv, row 4, column event: found 'drop', which contradicts "
        "'tangent' in row 2; expected events that can both hold. Remove one of the two rows."
    ]


def test_all_problems_are_listed_together(toy: ToyStudy) -> None:
    with_events(
        toy, "run1_099,,,DOPAC,drop,,,", "run1_004,,,X,drop,,,", "run1_004,,,,split,,,"
    ).write()
    assert [text.split(": found")[0].rsplit(", ", 2)[1:] for text in problems_of(toy)] == [
        ["row 2", "column injection_id"],
        ["row 3", "column analyte"],
        ["row 4", "column start_min"],
    ]


def two_runs(toy: ToyStudy) -> ToyStudy:
    """The samples of R2 in a run of their own."""
    toy.files["injections.csv"] = toy.files["injections.csv"].replace(
        "run1,run1/R2", "run2,run1/R2"
    )
    return toy


def test_a_run_has_the_events_of_its_injections_its_own_and_the_studys(toy: ToyStudy) -> None:
    with_events(
        two_runs(toy),
        "run1_004,,,DOPAC,drop,,,",
        "run1_008,,,DOPAC,drop,,,",
        "*,run2,,DOPAC,tangent,,,",
        "*,,,,inhibit,1,2,",
    ).write()
    study = load_study(toy.root, "toy")
    assert study.runs == ["run1", "run2"]
    events = {run: study.run_table("integration_events", run) for run in study.runs}
    assert events["run1"]["event"].tolist() == ["drop", "inhibit"]
    assert events["run2"]["event"].tolist() == ["drop", "tangent", "inhibit"]


@pytest.mark.parametrize(
    ("row", "runs"),
    [
        ("run1_004,,,DOPAC,drop,,,", ["run1"]),
        ("*,run2,,DOPAC,drop,,,", ["run2"]),
        ("*,,,DOPAC,drop,,,", ["run1", "run2"]),
    ],
)
def test_an_event_changes_the_stamps_of_the_runs_it_is_for(
    toy: ToyStudy, row: str, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the stamps of the code, which take seconds and don't depend on the tables.
    monkeypatch.setattr(stamps, "RULES", {})
    with_events(two_runs(toy)).write()
    before = stamps.stamp_texts(*_study(toy))
    with_events(toy, row).write()
    after = stamps.stamp_texts(*_study(toy))
    changed = sorted(name for name in before if before[name] != after[name])
    own = [f"runs/{run}/integration_events.csv" for run in runs]
    assert changed == [*own, "tables/integration_events.csv"]


def _study(toy: ToyStudy):  # type: ignore[no-untyped-def]
    study = load_study(toy.root, "toy")
    files = {name: canonical_json(name) for run in study.runs for name in study.run_files(run)}
    return study, PROJECT, files
