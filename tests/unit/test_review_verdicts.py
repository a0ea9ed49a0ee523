"""PASS, WARN and FAIL, and the table of flags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.decisions import Entry
from dialysis.files import write_json
from dialysis.review.blinding import Mask, blinded
from dialysis.review.flags import collect_flags
from dialysis.review.origins import provenance_data
from dialysis.review.results import Results, read_results
from dialysis.review.verdicts import outcome_verdict, run_verdict
from dialysis.tables.inputs import EXCLUSIONS
from tests.unit.review_results import StudyResults, plant_faults

FIVE_HT, DA = "5-ht_hippocampus", "da_hippocampus"


@pytest.fixture
def study(tmp_path: Path) -> StudyResults:
    return StudyResults(tmp_path)


def read(study: StudyResults) -> Results:
    study.write(traces=False)
    return read_results(study.results, "made-up", study.config, study.tables)


def findings(study: StudyResults, slug: str = FIVE_HT) -> list[tuple[str, str, str]]:
    results = read(study)
    each = next(each for each in results.outcomes if each.outcome.slug == slug)
    return [(f.status, f.rule, f.text) for f in outcome_verdict(results, each).findings]


def test_a_study_without_fault_passes(study: StudyResults) -> None:
    results = read(study)
    verdicts = [outcome_verdict(results, each) for each in results.outcomes]
    assert [(v.status, v.findings) for v in verdicts] == [("PASS", ())] * 2
    assert [run_verdict(results, run).status for run in results.runs] == ["PASS"] * 3
    assert collect_flags(results).empty


def used(study: StudyResults, slug: str = FIVE_HT) -> pd.Series:
    return study.frames["timecourse"]["outcome"] == slug


def fit_failed(study: StudyResults) -> None:
    study.stats[FIVE_HT]["anova"][["status", "reason"]] = ["failed", "no convergence"]
    study.stats[FIVE_HT]["contrasts"][["status", "reason"]] = ["failed", "no convergence"]


def fit_singular(study: StudyResults) -> None:
    study.stats[FIVE_HT]["anova"][["status", "reason"]] = ["singular", "animal variance is zero"]


def not_estimable(study: StudyResults) -> None:
    table = study.stats[FIVE_HT]["contrasts"]
    table.loc[:2, ["status", "reason"]] = ["not_estimable", "empty cell"]


def model_warning(study: StudyResults) -> None:
    study.models[FIVE_HT]["warnings"] = ["the gradient is not small"]


def calibration_failed_in_one(study: StudyResults) -> None:
    table = study.frames["calibration"]
    own = (table["run"] == "run2") & (table["analyte"] == "5-HT")
    table.loc[own, ["status", "reason"]] = ["failed", "1 level"]


def calibration_failed_in_all(study: StudyResults) -> None:
    table = study.frames["calibration"]
    table.loc[table["analyte"] == "5-HT", ["status", "reason"]] = ["failed", "1 level"]


def uncalibrated(study: StudyResults) -> None:
    study.frames["timecourse"]["conc_unit"] = "response"


def unstable(study: StudyResults) -> None:
    table = study.frames["baseline"]
    table.loc[(table["outcome"] == FIVE_HT) & (table["probe_id"] == "R05"), "stable"] = False


def unusable(study: StudyResults) -> None:
    table = study.frames["baseline"]
    own = (table["outcome"] == FIVE_HT) & (table["probe_id"] == "R05")
    table.loc[own, "usable"] = False
    course = study.frames["timecourse"]
    course.loc[used(study) & (course["probe_id"] == "R05"), "used"] = False


def censored(study: StudyResults) -> None:
    table = study.frames["timecourse"]
    table.loc[used(study) & (table["fraction"] <= 3), "censored"] = True


def extrapolated(study: StudyResults) -> None:
    study.frames["concentrations"]["extrapolated"] = True


def left_out(study: StudyResults) -> None:
    table = study.frames["timecourse"]
    table.loc[used(study) & (table["fraction"] > 10), "used"] = False


def two_animals(study: StudyResults) -> None:
    table = study.frames["timecourse"]
    table.loc[used(study) & table["animal_id"].isin(["R01", "R02"]), "used"] = False


def no_control(study: StudyResults) -> None:
    table = study.frames["timecourse"]
    table.loc[used(study) & (table["group"] == "vehicle"), "used"] = False


def nothing(study: StudyResults) -> None:
    table = study.frames["timecourse"]
    table.loc[used(study), "used"] = False


def check_warned(study: StudyResults) -> None:
    table = study.frames["run_checks"]
    own = (table["analyte"] == "5-HT") & (table["rule"] == "qc_accuracy") & (table["run"] != "run2")
    table.loc[own, "status"] = "WARN"


def chromatography_flagged(study: StudyResults) -> None:
    table = study.frames["chromatography"]
    own = (table["analyte"] == "5-HT") & (table["run"] == "run3")
    table.loc[own, "flags"] = "drift;tailing"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (fit_failed, [("FAIL", "fit_failed", "There are no statistics: no convergence")]),
        (
            fit_singular,
            [
                (
                    "note",
                    "fit_singular",
                    "The estimate lies on the boundary: animal variance is zero",
                )
            ],
        ),
        (
            not_estimable,
            [
                (
                    "WARN",
                    "not_estimable",
                    "3 of 18 (17 %) comparisons with the control: empty cell",
                )
            ],
        ),
        (model_warning, [("WARN", "model", "the gradient is not small.")]),
        (
            calibration_failed_in_one,
            [
                (
                    "WARN",
                    "calibration_failed",
                    "In 1 run of 3 (run2): 1 level",
                )
            ],
        ),
        (
            calibration_failed_in_all,
            [
                (
                    "FAIL",
                    "calibration_failed",
                    "In 3 runs of 3 (run1, run2, run3): 1 level",
                )
            ],
        ),
        (
            uncalibrated,
            [
                (
                    "WARN",
                    "uncalibrated",
                    "Percent of baseline is from responses, not from concentrations.",
                )
            ],
        ),
        (
            unstable,
            [("WARN", "baseline_unstable", "1 of 12 that enter the figure (R05).")],
        ),
        (
            unusable,
            [
                (
                    "WARN",
                    "baseline_unusable",
                    "1 of 12 (R05); these animals are left out.",
                )
            ],
        ),
        (
            censored,
            [
                (
                    "WARN",
                    "censored",
                    "36 of 156 (23 %) of the values used, limit 20 %.",
                )
            ],
        ),
        (
            extrapolated,
            [
                (
                    "WARN",
                    "extrapolated",
                    "156 of 156 (100 %) of the values above the LOD, limit 20 %.",
                )
            ],
        ),
        (
            left_out,
            [
                (
                    "WARN",
                    "unused",
                    "36 of 156 (23 %), limit 20 %.",
                )
            ],
        ),
        (
            two_animals,
            [("WARN", "few_animals", "Group 'vehicle' has 2 animals; expected at least 3.")],
        ),
        (
            no_control,
            [
                ("FAIL", "empty_group", "Group 'vehicle' has no animal with a usable value."),
                (
                    "WARN",
                    "unused",
                    "52 of 156 (33 %), limit 20 %.",
                ),
            ],
        ),
        (nothing, [("FAIL", "no_values", "No fraction of any animal has a usable value.")]),
        (
            check_warned,
            [
                (
                    "WARN",
                    "suitability:qc_accuracy",
                    "Outside its limit 2 times (run1, run3).",
                )
            ],
        ),
        (
            chromatography_flagged,
            [("WARN", "chromatography", "Samples: retention drifts, tailing in run3.")],
        ),
    ],
)
def test_each_rule_fires_alone_and_says_what_it_found(
    study: StudyResults,
    fault: Callable[[StudyResults], None],
    expected: list[tuple[str, str, str]],
) -> None:
    fault(study)
    assert findings(study) == expected
    if fault not in (uncalibrated, extrapolated):  # these two concern every outcome
        assert findings(study, DA) == []


def test_a_missing_figure_fails_the_outcome(study: StudyResults) -> None:
    study.write(traces=False)
    (study.results / f"figures/{FIVE_HT}/{FIVE_HT}_timecourse.png").unlink()
    results = read_results(study.results, "made-up", study.config, study.tables)
    found = outcome_verdict(results, results.outcomes[0])
    assert [(f.status, f.rule, f.text) for f in found.findings] == [
        ("FAIL", "no_figure", "No figure was drawn.")
    ]


def test_limits_come_from_the_config(study: StudyResults) -> None:
    censored(study)
    two_animals(study)
    assert [rule for _, rule, _ in findings(study)] == ["few_animals", "censored"]
    study.config["review"] |= {"max_censored_pct": 30, "min_animals": 2}
    assert findings(study) == []


def test_a_run_fails_when_nothing_in_it_is_calibrated(study: StudyResults) -> None:
    calibration_failed_in_one(study)
    results = read(study)
    assert [run_verdict(results, run).status for run in results.runs] == ["PASS", "WARN", "PASS"]
    study.frames["calibration"].loc[study.frames["calibration"]["run"] == "run2", "status"] = (
        "failed"
    )
    results = read(study)
    found = run_verdict(results, "run2")
    assert (found.status, [f.text for f in found.findings]) == (
        "FAIL",
        ["5-HT, DA."],
    )


def test_flags_of_all_stages_with_the_worst_first(tmp_path: Path) -> None:
    study = plant_faults(StudyResults(tmp_path, analytes=("5-HT", "DA", "NE")))
    flags = collect_flags(read(study))
    kinds = flags.groupby(["severity", "stage", "flag"], sort=False).size()
    assert [(*kind, int(n)) for kind, n in kinds.items()] == [
        ("FAIL", "quantify", "calibration_failed", 3),
        ("FAIL", "stats", "fit_failed", 4),
        ("WARN", "quantify", "qc_accuracy", 1),
        ("WARN", "normalize", "baseline_unusable", 11),
        ("WARN", "normalize", "baseline_unstable", 1),
        ("note", "integrate", "unresolved", 1),
        ("note", "integrate", "spike", 1),
        ("note", "integrate", "not_found", 1),
        ("note", "integrate", "manual_integration", 1),
        # fractions 3, 6, 9, 12 of 12 animals, one vial of them lost
        ("note", "quantify", "below_lod", 47),
        ("note", "normalize", "left_out", 3),
        # R02 in two outcomes, R03's lost vial in two, NE of everyone
        ("note", "normalize", "not_used", 2 * 13 + 2 + 12 * 13),
        ("note", "stats", "fit_singular", 1),
    ]


def test_a_flag_names_animal_and_fraction_of_its_injection(study: StudyResults) -> None:
    peaks = study.frames["peaks"]
    peaks.loc[
        (peaks["analyte"] == "DA") & (peaks["injection_id"] == "run1_012"), ["flags", "rt_min"]
    ] = ["spike", 11.034]
    concentrations = study.frames["concentrations"]
    own = (concentrations["analyte"] == "DA") & (concentrations["injection_id"] == "run1_012")
    concentrations.loc[own, "flags"] = "spike;below_loq"
    concentrations.loc[own, "fmol_on_column"] = 1.25
    flags = collect_flags(read(study))
    columns = ["severity", "stage", "flag", "run", "injection_id", "animal_id", "fraction"]
    place = ["run1", "run1_012", "R01", 3]
    assert flags[columns].to_numpy().tolist() == [
        ["note", "integrate", "spike", *place],
        ["note", "quantify", "below_loq", *place],
    ]
    assert flags["detail"].str.replace(r"S/N .*", "S/N", regex=True).tolist() == [
        "at 11.03 min, S/N",
        "1.25 fmol on column",
    ]


def test_a_probe_that_a_decision_leaves_out_is_no_news(study: StudyResults) -> None:
    unusable(study)
    study.tables["exclusions"] = EXCLUSIONS.coerce(
        pd.DataFrame(
            [
                {"level": "animal", "id": "R05", "reason_code": "histology"}
                | {"decided_by": "A. Person", "decided_on": "2024-03-20", "analyte": "DA"}
            ]
        )
    )
    assert [rule for _, rule, _ in findings(study)] == ["baseline_unusable"]
    study.tables["exclusions"]["analyte"] = ""
    assert findings(study) == []
    flags = collect_flags(read(study))
    assert set(zip(flags["severity"], flags["flag"], strict=True)) == {
        ("note", "left_out"),
        ("note", "not_used"),
    }


def test_a_note_does_not_change_the_verdict(study: StudyResults) -> None:
    fit_singular(study)
    results = read(study)
    assert outcome_verdict(results, results.outcomes[0]).status == "PASS"


def test_a_figure_that_a_reviewer_rejected_fails(study: StudyResults) -> None:
    rejected = Entry(
        1,
        "decide",
        level="figure",
        id=FIVE_HT,
        decision="reject",
        reason_code="co_elution",
        decided_by="A. Person",
        decided_on="2024-03-20",
    )
    study.write(traces=False)
    results = read_results(study.results, "made-up", study.config, study.tables, log=[rejected])
    found = outcome_verdict(results, results.outcomes[0])
    assert [(f.status, f.rule, f.text) for f in found.findings] == [
        ("FAIL", "rejected", "A. Person, 2024-03-20: co elution.")
    ]
    accepted = replace(rejected, n=2, decision="accept")
    results = replace(results, log=(rejected, accepted))
    assert outcome_verdict(results, results.outcomes[0]).status == "PASS"


def test_a_blinded_reviewer_is_told_nothing_of_the_statistics(study: StudyResults) -> None:
    fit_failed(study)
    two_animals(study)
    results = read(study)
    hidden = blinded(results, Mask.of(results))
    found = outcome_verdict(hidden, hidden.outcomes[0])
    assert [f.rule for f in found.findings] == ["few_animals"]


def test_a_sidecar_of_another_installation_shows(study: StudyResults) -> None:
    study.write(traces=False)
    write_json(study.results / "normalize/sidecar.json", {"versions": {"numpy": "1.0"}})
    results = read_results(study.results, "made-up", study.config, study.tables)
    versions = provenance_data(results)["tables"][1]
    assert [row for row in versions["rows"] if row[0] == "numpy"] == [
        ["numpy", "1.0", "normalize"],
        ["numpy", np.__version__, "figures"],
    ]
