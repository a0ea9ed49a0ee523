from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.unit.quantify_builder import StudyBuilder, checks_of


def external() -> StudyBuilder:
    """DA, area = 10·fmol + 2 exactly, S/N 6 per fmol (LOQ 10/6 fmol), at 1, 2, 4 fmol."""
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        area = {"area": 10 * fmol + 2, "snr_usp": 6 * fmol}
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    return study


def with_internal_standard() -> StudyBuilder:
    """DA beside 200 of DHBA, area ratio = 0.1·fmol exactly, at 1, 2, 4 fmol."""
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA")
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        areas = {"DHBA": 200.0, "DA": {"area": 20 * fmol, "snr_usp": 6 * fmol}}
        study.inject(name, "standard", areas, {"DA": fmol})
    return study


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


# ---------------------------------------------------------------- accuracy


@pytest.mark.parametrize(
    ("role", "kind", "rule"),
    [("qc", "qc", "qc_accuracy"), ("bracket", "standard", "bracket_accuracy")],
)
def test_accuracy(role: str, kind: str, rule: str) -> None:
    study = external()
    study.inject("A1", kind, {"DA": 24.2}, {"DA": 2.0}, role=role)  # 2.22 fmol
    study.inject("A2", kind, {"DA": 18.0}, {"DA": 2.0}, role=role)  # 1.6 fmol
    study.inject("A3", kind, {"DA": None}, {"DA": 2.0}, role=role)
    study.inject("A4", kind, {"DA": 22.0}, {"DA": 2.0}, role=role).exclude("A4")
    study.inject("A5", kind, {"DA": 3.0}, {"DA": 0.0}, role=role)
    checks = checks_of(study.quantify(), rule)
    assert list(checks["injection_id"]) == ["A1", "A2", "A3", "A4", "A5"]
    assert list(checks["status"]) == ["PASS", "WARN", "NA", "NA", "NA"]
    assert checks["value"].iloc[0] == pytest.approx(11.0, rel=1e-9)
    assert checks["value"].iloc[1] == pytest.approx(-20.0, rel=1e-9)
    assert checks["value"].iloc[2:].isna().all()
    # At or below the lowest calibrated amount a QC may err by 20 %.
    assert list(checks["limit"]) == [15.0] * 4 + [20.0 if role == "qc" else 15.0]
    assert set(checks["unit"]) == {"%"}
    assert list(checks["reason"]) == [
        "2.22 fmol found for 2 fmol, error +11.0 %, limit 15 %",
        "1.6 fmol found for 2 fmol, error -20.0 %, limit 15 %",
        "no peak in the window",
        "excluded: bad injection (air bubble)",
        "the nominal amount is 0, of which no percentage can be taken",
    ]


def test_limits_come_from_the_config() -> None:
    study = external()
    study.inject("Q1", "qc", {"DA": 24.2}, {"DA": 2.0})
    study.inject("K1", "standard", {"DA": 24.2}, {"DA": 2.0}, role="bracket")
    found = study.quantify(suitability={"qc_error_pct": 5, "bracket_error_pct": 12})
    qc, bracket = only(checks_of(found, "qc_accuracy")), only(checks_of(found, "bracket_accuracy"))
    assert (qc["status"], qc["limit"]) == ("WARN", 5.0)
    assert (bracket["status"], bracket["limit"]) == ("PASS", 12.0)


# ---------------------------------------------------------------- calibration


def test_calibration_r2_and_back_calculation_of_a_good_line() -> None:
    found = external().quantify()
    r2 = only(checks_of(found, "calibration_r2"))
    assert (r2["status"], r2["limit"]) == ("PASS", 0.99)
    assert r2["value"] == pytest.approx(1.0, abs=1e-12)
    assert r2["reason"] == "weighted R² 1.00000 is at least 0.99"
    assert only(checks_of(found, "back_calculation"))["status"] == "PASS"


def test_scattered_line_is_warned_of_with_its_worst_calibrator() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S0", 0.0, 1.0), ("S1", 1.0, 2.0), ("S2", 2.0, 6.0)):
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    found = study.quantify(weight="none", min_levels=2)
    r2 = only(checks_of(found, "calibration_r2"))
    assert r2["status"] == "WARN"
    assert r2["value"] == pytest.approx(1 - 1.5 / 14, rel=1e-12)
    assert r2["reason"] == "weighted R² 0.89286 is below 0.99"
    # Back-calculated: (2 − 0.5)/2.5 = 0.6 for 1 fmol, −40 %, limit 20 % at the lowest level;
    # (6 − 0.5)/2.5 = 2.2 for 2 fmol, +10 %, limit 15 %.
    back = only(checks_of(found, "back_calculation"))
    assert (back["status"], back["injection_id"], back["limit"]) == ("WARN", "S1", 20.0)
    assert back["value"] == pytest.approx(-40.0, rel=1e-12)
    assert back["reason"] == (
        "S1, 1 fmol: back-calculated error -40.0 %, limit 20 %; 1 of 2 calibrators exceed theirs"
    )


def test_lowest_level_is_allowed_five_points_more() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S1", 1.0, 1.18), ("S2", 10.0, 10.0), ("S3", 100.0, 100.0)):
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    # Unweighted through zero: Σxy/Σx² = 10101.18/10101, so that the errors are near 18, 0, 0 %.
    found = study.quantify(weight="none", through_zero=True)
    back = only(checks_of(found, "back_calculation"))
    assert back["value"] == pytest.approx(100 * (1.18 * 10101 / 10101.18 - 1), rel=1e-9)
    assert (back["status"], back["limit"]) == ("PASS", 20.0)


def test_line_without_degrees_of_freedom_has_no_r2() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    study.inject("S1", "standard", {"DA": 50.0}, {"DA": 10.0})
    found = study.quantify(through_zero=True, min_levels=1)
    r2 = only(checks_of(found, "calibration_r2"))
    assert (r2["status"], r2["reason"]) == (
        "NA",
        "no degrees of freedom: as many points as parameters",
    )


def test_failed_calibration_makes_every_check_say_so() -> None:
    study = external()
    study.inject("R2S1", "standard", {"DA": 12.0}, {"DA": 4.0}, run="R2")
    study.inject("R2B1", "blank", {"DA": 1.0}, run="R2")
    study.inject("R2Q1", "qc", {"DA": 12.0}, {"DA": 1.0}, run="R2")
    found = study.quantify()
    checks = found.suitability[found.suitability["run"] == "R2"]
    needing = checks[~checks["rule"].isin(["broken_injection", "swapped_vials"])]
    assert list(needing["rule"]) == [
        "back_calculation",
        "calibration_r2",
        "lack_of_fit",
        "calibrated_range",
        "qc_accuracy",
        "bracket_difference",
        "sensitivity_drift",
        "carry_over",
        "carry_over_sample",
        "blank_response",
        "blank_snr",
    ]
    assert set(checks["status"]) == {"NA"}
    curves = needing["rule"].isin(
        ["carry_over_sample", "blank_response", "blank_snr"]
    )  # these need blanks and samples first
    assert set(needing.loc[~curves, "reason"]) == {
        "no calibration: found 1 different amounts above 0 in the standards that can be used; "
        "expected at least 3 (quantify.min_levels)"
    }


# ---------------------------------------------------------------- carry-over


def test_carry_over_by_hand() -> None:
    # LOQ is 10/6 fmol: its response is 10·10/6 + 2 = 18.667.
    study = external()
    study.inject("B1", "blank", {"DA": 2.8})  # 15 %, after S3
    study.inject("S4", "standard", {"DA": 42.0}, {"DA": 4.0})
    study.inject("B2", "blank", {"DA": 5.6})  # 30 %
    study.inject("B3", "blank", {"DA": 9.0})  # after a blank: not a carry-over blank
    study.inject("S5", "standard", {"DA": 22.0}, {"DA": 2.0})
    study.inject("B4", "blank", {"DA": 9.0})  # after a middle standard
    study.inject("S6", "standard", {"DA": 42.0}, {"DA": 4.0})
    study.inject("B5", "blank", {"DA": None})
    study.inject("S7", "standard", {"DA": 42.0}, {"DA": 4.0})
    study.inject("B6", "blank", {"DA": 1.0}).exclude("B6")
    found = study.quantify()
    checks = checks_of(found, "carry_over")
    loq = float(found.calibration["loq_fmol"].iloc[0])
    assert list(checks["injection_id"]) == ["B1", "B2", "B5", "B6"]
    assert list(checks["status"]) == ["PASS", "WARN", "PASS", "NA"]
    assert checks["value"].iloc[0] == pytest.approx(100 * 2.8 / (10 * loq + 2), rel=1e-9)
    assert checks["value"].iloc[1] == pytest.approx(100 * 5.6 / (10 * loq + 2), rel=1e-9)
    assert checks["value"].iloc[2:].isna().all()
    assert set(checks["unit"]) == {"% of LOQ response"}
    assert list(checks["reason"]) == [
        "after 4 fmol: signal is 15.0 % of the response at the lower end of quantification "
        "(1.67 fmol), limit 20 %",
        "after 4 fmol: signal is 30.0 % of the response at the lower end of quantification "
        "(1.67 fmol), limit 20 %",
        "after 4 fmol: no peak: no peak in the window",
        "excluded: bad injection (air bubble)",
    ]


def test_carry_over_is_compared_with_the_lowest_calibrator_where_that_is_above_the_loq() -> None:
    # By S/N the LOQ is 10/60 fmol; quantified is from 1 fmol, whose response is 12.
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        area = {"area": 10 * fmol + 2, "snr_usp": 60 * fmol}
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    study.inject("B1", "blank", {"DA": 1.2})
    found = study.quantify()
    assert found.calibration["loq_fmol"].iloc[0] == pytest.approx(1 / 6, rel=1e-12)
    assert found.calibration["lower_end_fmol"].iloc[0] == pytest.approx(1.0, rel=1e-12)
    check = only(checks_of(found, "carry_over"))
    assert (check["value"], check["status"]) == (pytest.approx(10.0, rel=1e-9), "PASS")
    # Without any LOQ it is the lowest calibrator as well.
    check = only(checks_of(study.quantify(limits={"method": "snr_sigma"}), "carry_over"))
    assert check["value"] == pytest.approx(10.0, rel=1e-9)


def test_carry_over_of_a_ratio_needs_no_internal_standard_in_the_blank() -> None:
    study = with_internal_standard()
    study.inject("B1", "blank", {"DHBA": None, "DA": 10.0})
    check = only(checks_of(study.quantify(), "carry_over"))
    # Ratio at the LOQ of 10/6 fmol is 1/6, beside 200 of DHBA 33.3: 30 %.
    assert check["value"] == pytest.approx(30.0, rel=1e-9)
    assert check["status"] == "WARN"


def test_carry_over_that_cannot_be_checked_says_why() -> None:
    check = only(checks_of(external().quantify(), "carry_over"))
    assert (check["status"], check["reason"]) == (
        "NA",
        "no blank was injected right after the highest standard",
    )
    assert math.isnan(check["value"])
    check = only(checks_of(external().inject("B1", "blank", {}).quantify(), "carry_over"))
    assert (check["status"], check["reason"]) == ("NA", "not measured in this injection")


def test_a_blank_of_the_next_run_does_not_follow_the_last_standard_of_this_one() -> None:
    study = external()
    study.inject("R2B1", "blank", {"DA": 9.0}, run="R2")
    check = checks_of(study.quantify(), "carry_over")
    assert list(check["run"]) == ["R1", "R2"]
    assert set(check["status"]) == {"NA"}


# ---------------------------------------------------------------- internal standard


def test_internal_standard_recovery() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": 180.0, "DA": 20.0})
    study.inject("X2", "sample", {"DHBA": 100.0, "DA": 20.0})
    study.inject("X3", "sample", {"DHBA": 300.0, "DA": 20.0})
    study.inject("X4", "sample", {"DHBA": None, "DA": 20.0})
    study.inject("X5", "sample", {"DHBA": 180.0, "DA": 20.0}).exclude("X5")
    study.inject("B1", "blank", {"DHBA": None, "DA": None})
    checks = checks_of(study.quantify(), "internal_standard_recovery")
    assert list(checks["injection_id"]) == ["X1", "X2", "X3", "X4", "X5"]
    assert set(checks["analyte"]) == {"DHBA"}
    assert list(checks["status"]) == ["PASS", "WARN", "WARN", "WARN", "NA"]
    assert list(checks["value"].iloc[:3]) == pytest.approx([90.0, 50.0, 150.0], rel=1e-12)
    assert checks["value"].iloc[3:].isna().all()
    assert list(checks["limit"].iloc[:4]) == [70.0, 70.0, 130.0, 70.0]
    assert list(checks["reason"]) == [
        "90.0 % of the run's standards there, inside 70 to 130 %",
        "50.0 % of the run's standards there, outside 70 to 130 %",
        "150.0 % of the run's standards there, outside 70 to 130 %",
        "no peak in the window",
        "excluded: bad injection (air bubble)",
    ]


def test_recovery_is_against_the_median_of_standards_that_are_not_excluded() -> None:
    study = with_internal_standard()
    study.inject("S4", "standard", {"DHBA": 2.0, "DA": 0.2}, {"DA": 1.0}).exclude("S4")
    study.inject("S5", "standard", {"DHBA": 2.0, "DA": 0.2}, {"DA": 1.0})
    study.inject("X1", "sample", {"DHBA": 200.0, "DA": 20.0})
    check = only(checks_of(study.quantify(), "internal_standard_recovery"))
    assert check["value"] == pytest.approx(100.0, rel=1e-12)


def test_recovery_without_a_standard_to_compare_with() -> None:
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA")
    for name in ("X1", "X2"):
        study.inject(name, "sample", {"DHBA": 200.0, "DA": 20.0})
    check = only(checks_of(study.quantify(calibration="none"), "internal_standard_recovery"))
    assert (check["status"], check["reason"]) == (
        "NA",
        "no standard of this run has it, so that there is nothing to compare with",
    )
