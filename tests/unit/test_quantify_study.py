from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.errors import CalibrationError
from dialysis.quantify import QuantifiedStudy, quantify_study
from tests.unit.quantify_builder import (
    StudyBuilder,
    line_of,
    point_of,
    quantify_config,
    value_of,
)

CHROMATOGRAMS = Path(__file__).resolve().parents[3] / "shared" / "data" / "chromatograms"


def external(**analyte: object) -> StudyBuilder:
    """DA, area = 10·fmol + 2 exactly, S/N 6 per fmol, at 1, 2, 4 fmol."""
    study = StudyBuilder().analyte("DA", 11.0, **analyte)
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        study.inject(name, "standard", {"DA": peak(10 * fmol + 2, snr_usp=6 * fmol)}, {"DA": fmol})
    return study


def with_internal_standard(is_area: float = 100.0) -> StudyBuilder:
    """DA and its internal standard DHBA: ratio = 0.1·fmol exactly, at 1, 2, 4, 8 fmol."""
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA")
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0), ("S4", 8.0)):
        areas = {"DHBA": is_area, "DA": peak(0.1 * fmol * is_area, snr_usp=6 * fmol)}
        study.inject(name, "standard", areas, {"DA": fmol})
    return study


def peak(area: float, **more: object) -> dict[str, object]:
    return {"area": area, "height": area / 10, **more}


# ---------------------------------------------------------------- external standard


def test_external_by_hand() -> None:
    study = external()
    study.inject("X1", "sample", {"DA": 32.0}, inj_uL=5.0, dilution=1.25, volume_uL=20.0)
    found = study.quantify()
    line = line_of(found, "DA")
    assert line["status"] == "ok"
    assert (line["model"], line["weight"], line["response_kind"]) == ("linear", "1/x", "area")
    assert (line["n_points"], line["n_levels"]) == (3, 3)
    assert line["slope"] == pytest.approx(10.0, rel=1e-12)
    assert line["intercept"] == pytest.approx(2.0, rel=1e-12)
    assert line["r2"] == pytest.approx(1.0, abs=1e-12)
    assert (line["low_fmol"], line["high_fmol"]) == (1.0, 4.0)
    assert line["max_abs_error_pct"] == pytest.approx(0.0, abs=1e-9)
    # S/N is 6 per fmol: LOD 3/6, LOQ 10/6 fmol.
    assert line["lod_fmol"] == pytest.approx(0.5, rel=1e-12)
    assert line["loq_fmol"] == pytest.approx(10 / 6, rel=1e-12)
    # (32 − 2)/10 = 3 fmol; 3/5 µL × 1.25 = 0.75 nM; × 20 µL = 15 fmol.
    value = value_of(found, "X1", "DA")
    assert value["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert value["conc_nM"] == pytest.approx(0.75, rel=1e-12)
    assert value["fmol_per_fraction"] == pytest.approx(15.0, rel=1e-12)
    assert value["lod_nM"] == pytest.approx(0.125, rel=1e-12)
    assert value["loq_nM"] == pytest.approx(10 / 24, rel=1e-12)
    assert value["limit_method"] == "S/N (2H/h) 3 and 10"
    assert not value[["censored", "extrapolated", "excluded"]].any()
    assert (value["reason"], value["flags"]) == ("", "")


def test_standard_error_of_a_value_by_hand() -> None:
    # 0, 1, 2 fmol with areas 1, 2, 6: slope 2.5, variance at x = 2 is (1.5 + 1.25)/2.5².
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S0", 0.0, 1.0), ("S1", 1.0, 2.0), ("S2", 2.0, 6.0)):
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    study.inject("X1", "sample", {"DA": peak(5.5, area_se=0.1)})
    study.inject("X2", "sample", {"DA": peak(5.5, area_se=2.0)})
    found = study.quantify(weight="none", min_levels=2)
    assert value_of(found, "X1", "DA")["fmol_se"] == pytest.approx(np.sqrt(2.75) / 2.5, rel=1e-12)
    assert value_of(found, "X2", "DA")["fmol_se"] == pytest.approx(np.sqrt(5.25) / 2.5, rel=1e-12)


def test_height_as_response() -> None:
    study = StudyBuilder().analyte("DA", 11.0, response="height")
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        study.inject(
            name, "standard", {"DA": {"area": 77.0, "height": 3 * fmol, "noise": 0.3}}, {"DA": fmol}
        )
    study.inject("X1", "sample", {"DA": {"area": 1.0, "height": 9.0, "noise": 0.3}})
    found = study.quantify()
    value = value_of(found, "X1", "DA")
    assert value["response_kind"] == "height"
    assert value["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    # The line is exact, so that only the noise of the height is left: 0.3/3 fmol.
    assert value["fmol_se"] == pytest.approx(0.1, rel=1e-6)


def test_through_zero_and_weights_reach_the_line() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S1", 1.0, 2.0), ("S2", 2.0, 3.0), ("S3", 4.0, 9.0)):
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    line = line_of(study.quantify(through_zero=True, weight="1/x2"), "DA")
    assert (line["model"], line["weight"]) == ("through zero", "1/x2")
    assert line["slope"] == pytest.approx(23 / 12, rel=1e-12)
    assert (line["intercept"], line["intercept_se"], line["covariance"]) == (0.0, 0.0, 0.0)
    assert line_of(study.quantify(weight="1/x2"), "DA")["slope"] == pytest.approx(2.0, rel=1e-12)


def test_one_level_through_zero() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    study.inject("S1", "standard", {"DA": 50.0}, {"DA": 10.0})
    for name, area in (("X1", 5.0), ("X2", 52.0), ("X3", 53.0)):
        study.inject(name, "sample", {"DA": area})
    found = study.quantify(through_zero=True, min_levels=1)
    assert value_of(found, "X1", "DA")["fmol_on_column"] == pytest.approx(1.0, rel=1e-12)
    # The origin is the second point: 1 fmol is inside, 10.6 is beyond 10 + 5 %.
    assert [value_of(found, x, "DA")["extrapolated"] for x in ("X1", "X2", "X3")] == [
        False,
        False,
        True,
    ]
    assert line_of(found, "DA")["flags"] == "no_standard_error;no_limits"
    assert value_of(found, "X1", "DA")["flags"] == "no_limits;no_standard_error"
    assert value_of(found, "X3", "DA")["flags"] == "extrapolated;no_limits;no_standard_error"


def test_millimolar_standards_and_injected_volume() -> None:
    # 0.05 mM × 10 µL = 0.05e6 fmol/µL × 10 µL = 5e5 fmol.
    study = StudyBuilder().analyte("DA", 11.0)
    for name, mM in (("S1", 0.05), ("S2", 0.1), ("S3", 0.2)):
        study.inject(name, "standard", {"DA": 1000 * mM}, {"DA": mM}, unit="mM", inj_uL=None)
    study.inject("X1", "sample", {"DA": 150.0}, inj_uL=None)
    found = study.quantify(inj_uL=10.0)
    assert point_of(found, "S1", "DA")["amount_fmol"] == pytest.approx(5e5, rel=1e-12)
    value = value_of(found, "X1", "DA")
    assert value["fmol_on_column"] == pytest.approx(1.5e6, rel=1e-9)
    assert value["conc_nM"] == pytest.approx(0.15e6, rel=1e-9)


def test_dilution_of_the_config_is_that_of_samples_and_a_row_s_own_that_of_its_vial() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for name, nM, own in (("S1", 1.0, None), ("S2", 2.0, None), ("S3", 5.0, 1.25)):
        fmol = 10 * nM / (own or 1.0)
        study.inject(name, "standard", {"DA": fmol}, {"DA": nM}, unit="nM", dilution=own)
    study.inject("X1", "sample", {"DA": 20.0})
    study.inject("X2", "sample", {"DA": 20.0}, dilution=2.0)
    found = study.quantify(dilution=1.5)
    amounts = [point_of(found, name, "DA")["amount_fmol"] for name in ("S1", "S2", "S3")]
    assert amounts == pytest.approx([10.0, 20.0, 40.0], rel=1e-14)
    conc = [value_of(found, name, "DA")["conc_nM"] for name in ("X1", "X2", "S1", "S3")]
    # 2 nM in the vial; the standards come back as the concentrations that standards.csv states.
    assert conc == pytest.approx([3.0, 4.0, 1.0, 5.0], rel=1e-9)


def test_mass_of_a_salt_is_converted_to_free_base() -> None:
    # DA·HCl 189.64 g/mol: 18.964 pg of the salt are 0.1 pmol of DA.
    study = StudyBuilder().analyte("DA", 11.0, mw=153.18, salt_mw=189.64)
    study.analyte("HVA", 19.0, mw=182.17)
    for name, factor in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        study.inject(
            name,
            "standard",
            {"DA": factor, "HVA": factor},
            {"DA": 18.964 * factor, "HVA": 18.217 * factor},
            unit="pg",
        )
    found = study.quantify()
    assert point_of(found, "S1", "DA")["amount_fmol"] == pytest.approx(100.0, rel=1e-12)
    assert point_of(found, "S1", "HVA")["amount_fmol"] == pytest.approx(100.0, rel=1e-12)


def test_own_row_of_a_run_wins_over_the_row_for_all() -> None:
    study = StudyBuilder().analyte("DA", 11.0, lod=0.1).analyte("DA", 11.5, run="R2", lod=0.9)
    for run in ("R1", "R2"):
        for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
            study.inject(f"{run}{name}", "standard", {"DA": fmol}, {"DA": fmol}, run=run)
    found = study.quantify(limits={"method": "given"})
    assert line_of(found, "DA", "R1")["lod_fmol"] == 0.1
    assert line_of(found, "DA", "R2")["lod_fmol"] == 0.9
    assert line_of(found, "DA", "R2")["loq_fmol"] == pytest.approx(3.0, rel=1e-12)
    assert line_of(found, "DA", "R2")["limit_method"] == "given, LOQ = 10/3 LOD"


# ---------------------------------------------------------------- roles


def test_brackets_and_qcs_are_checked_and_not_fitted() -> None:
    study = external()
    study.inject("B1", "standard", {"DA": 20.0}, {"DA": 2.0}, role="bracket")
    study.inject("Q1", "qc", {"DA": 42.0}, {"DA": 3.2})
    found = study.quantify()
    assert line_of(found, "DA")["n_points"] == 3
    assert line_of(found, "DA")["slope"] == pytest.approx(10.0, rel=1e-12)
    bracket, qc = point_of(found, "B1", "DA"), point_of(found, "Q1", "DA")
    assert (bracket["role"], bracket["used"]) == ("bracket", False)
    assert bracket["reason"] == "bracket: checked against the line, not fitted"
    assert bracket["back_fmol"] == pytest.approx(1.8, rel=1e-12)
    assert bracket["error_pct"] == pytest.approx(-10.0, rel=1e-11)
    assert (qc["role"], qc["used"]) == ("qc", False)
    assert qc["reason"] == "QC: checked against the line, not fitted"
    assert qc["error_pct"] == pytest.approx(25.0, rel=1e-11)
    assert point_of(found, "S1", "DA")[["role", "used", "reason"]].tolist() == ["cal", True, ""]


def test_blank_with_an_amount_of_zero_is_a_calibrator() -> None:
    study = external()
    study.inject("B1", "blank", {"DA": 2.0}, {"DA": 0.0})
    study.inject("B2", "blank", {"DA": None}, {"DA": 0.0})
    found = study.quantify()
    used, absent = point_of(found, "B1", "DA"), point_of(found, "B2", "DA")
    assert (used["role"], used["used"]) == ("cal", True)
    assert used["back_fmol"] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(used["error_pct"])
    assert (absent["used"], absent["reason"]) == (False, "no peak in the window")
    line = line_of(found, "DA")
    assert (line["n_points"], line["n_levels"], line["low_fmol"]) == (4, 3, 1.0)


# ---------------------------------------------------------------- limits and censoring


def test_values_below_the_limit_are_kept_and_marked() -> None:
    study = external()
    study.inject("X1", "sample", {"DA": 6.0})  # 0.4 fmol, LOD is 0.5
    study.inject("X2", "sample", {"DA": 1.0})  # −0.1 fmol
    study.inject("X3", "sample", {"DA": 2.0})  # 0 fmol
    study.inject("X4", "sample", {"DA": None})
    study.inject("X5", "sample", {"DA": 12.0})  # 1 fmol, below the LOQ of 1.67
    found = study.quantify()
    values = {name: value_of(found, name, "DA") for name in ("X1", "X2", "X3", "X4", "X5")}
    assert [bool(v["censored"]) for v in values.values()] == [True, True, True, True, False]
    assert values["X1"]["fmol_on_column"] == pytest.approx(0.4, rel=1e-11)
    assert values["X2"]["fmol_on_column"] == pytest.approx(-0.1, rel=1e-11)
    assert values["X2"]["conc_nM"] == pytest.approx(-0.01, rel=1e-11)
    assert values["X3"]["fmol_on_column"] == pytest.approx(0.0, abs=1e-12)
    assert values["X1"]["flags"] == "below_lod;extrapolated"
    assert values["X5"]["flags"] == "below_loq"
    assert np.isnan(values["X4"]["conc_nM"])
    assert values["X4"]["reason"] == "no peak in the window"
    assert values["X4"]["lod_nM"] == pytest.approx(0.05, rel=1e-12)
    assert values["X4"]["flags"] == ""


def test_extrapolation_begins_five_percent_beyond_the_range() -> None:
    study = external()
    amounts = {"X1": 0.94, "X2": 0.96, "X3": 4.19, "X4": 4.21}
    for name, fmol in amounts.items():
        study.inject(name, "sample", {"DA": 10 * fmol + 2})
    found = study.quantify()
    flagged = [bool(value_of(found, name, "DA")["extrapolated"]) for name in amounts]
    assert flagged == [True, False, False, True]


def test_limits_by_sigma_and_by_regression() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S0", 0.0, 1.0), ("S1", 1.0, 2.0), ("S2", 2.0, 6.0)):
        study.inject(name, "standard", {"DA": peak(area, snr_sigma=20 * fmol)}, {"DA": fmol})
    options = {"weight": "none", "min_levels": 2}
    line = line_of(study.quantify(limits={"method": "snr_sigma"}, **options), "DA")
    assert line["lod_fmol"] == pytest.approx(3 / 20, rel=1e-12)
    assert line["loq_fmol"] == pytest.approx(10 / 20, rel=1e-12)
    assert line["limit_method"] == "S/N (H/σ) 3 and 10"
    line = line_of(study.quantify(limits={"method": "regression"}, **options), "DA")
    assert line["lod_fmol"] == pytest.approx(3.3 * np.sqrt(1.5) / 2.5, rel=1e-12)
    assert line["loq_fmol"] == pytest.approx(10 * np.sqrt(1.5) / 2.5, rel=1e-12)
    assert line["limit_method"] == "regression (ICH Q2), 3.3σ/S and 10σ/S"


def test_limits_take_the_config_s_ratios() -> None:
    line = line_of(external().quantify(limits={"detection": 2, "quantification": 6}), "DA")
    assert line["lod_fmol"] == pytest.approx(2 / 6, rel=1e-12)
    assert line["loq_fmol"] == pytest.approx(1.0, rel=1e-12)


# ---------------------------------------------------------------- internal standard


def test_drift_is_cancelled_by_the_internal_standard() -> None:
    study = with_internal_standard()
    for number, response in enumerate((1.0, 0.9, 0.8), start=1):
        study.inject(f"X{number}", "sample", {"DHBA": 100 * response, "DA": 30 * response})
    ratio, area = study.quantify(), study.quantify(calibration="external")
    cancelled = [value_of(ratio, f"X{n}", "DA")["fmol_on_column"] for n in (1, 2, 3)]
    drifting = [value_of(area, f"X{n}", "DA")["fmol_on_column"] for n in (1, 2, 3)]
    np.testing.assert_allclose(cancelled, [3.0, 3.0, 3.0], rtol=1e-12)
    np.testing.assert_allclose(drifting, [3.0, 2.7, 2.4], rtol=1e-12)
    assert value_of(ratio, "X1", "DA")["response_kind"] == "area ratio"
    assert value_of(area, "X1", "DA")["response_kind"] == "area"
    assert line_of(ratio, "DA")["internal_standard"] == "DHBA"
    assert line_of(area, "DA")["internal_standard"] == ""
    assert list(ratio.calibration["analyte"]) == ["DA"]


def test_error_of_a_ratio_holds_that_of_both_peaks() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": peak(50, area_se=1.0), "DA": peak(15, area_se=0.4)})
    value = value_of(study.quantify(), "X1", "DA")
    # R = 0.3; se = √(0.4² + (0.3·1)²)/50 = 0.01; the line is exact: 0.01/0.1 fmol.
    assert value["fmol_se"] == pytest.approx(0.1, rel=1e-9)


def test_ratio_is_height_by_height_whatever_the_internal_standard_s_own_response() -> None:
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself", response="area")
    study.analyte("DA", 11.0, internal_standard="DHBA", response="height")
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        areas = {"DHBA": {"area": 900.0, "height": 50.0}, "DA": {"area": 1.0, "height": 5 * fmol}}
        study.inject(name, "standard", areas, {"DA": fmol})
    value = value_of(study.quantify(), "S2", "DA")
    assert value["response_kind"] == "height ratio"
    assert value["response"] == pytest.approx(0.2, rel=1e-14)


def test_amount_ratio_when_standards_give_the_internal_standard() -> None:
    # ratio of areas = 2 × ratio of amounts; the third standard got twice the internal standard.
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA")
    for name, fmol, internal in (("S1", 1.0, 10.0), ("S2", 2.0, 10.0), ("S3", 4.0, 20.0)):
        areas = {"DHBA": 50 * internal, "DA": 50 * internal * 2 * fmol / internal}
        study.inject(name, "standard", areas, {"DA": fmol, "DHBA": internal})
    study.inject("X1", "sample", {"DHBA": 500.0, "DA": 300.0})
    found = study.quantify()
    # At 10 fmol (the median) the slope is 2/10 per fmol.
    assert line_of(found, "DA")["slope"] == pytest.approx(0.2, rel=1e-12)
    assert line_of(found, "DA")["r2"] == pytest.approx(1.0, abs=1e-12)
    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        assert point_of(found, name, "DA")["back_fmol"] == pytest.approx(fmol, rel=1e-12)
    # 0.6 = 2·x/10: 3 fmol.
    assert value_of(found, "X1", "DA")["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert value_of(found, "X1", "DHBA")["reason"] == "internal standard: not calibrated"
    assert point_of(found, "S3", "DHBA")["reason"] == (
        "internal standard: not calibrated, its amount scales the ratios"
    )


def test_internal_standard_given_as_concentration_follows_the_injected_volume() -> None:
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA")
    for name, nM in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        study.inject(
            name, "standard", {"DHBA": 100.0, "DA": 10 * nM}, {"DA": nM, "DHBA": 5.0}, "nM"
        )
    # 20 µL instead of 10: both peaks double, the ratio is that of the concentrations.
    study.inject("X1", "sample", {"DHBA": 200.0, "DA": 60.0}, inj_uL=20.0)
    found = study.quantify()
    value = value_of(found, "X1", "DA")
    assert value["conc_nM"] == pytest.approx(3.0, rel=1e-12)
    assert value["fmol_on_column"] == pytest.approx(60.0, rel=1e-12)
    # The range of 10 to 40 fmol beside 50 fmol of DHBA is 20 to 80 beside 100.
    assert value["flags"] == ""
    assert value["limit_method"] == "regression (ICH Q2), 3.3σ/S and 10σ/S"
    recovery = found.suitability[found.suitability["rule"] == "internal_standard_recovery"]
    assert list(recovery["value"]) == [pytest.approx(100.0, rel=1e-12)]


def test_other_injected_volume_is_flagged_when_the_internal_standard_has_no_concentration() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": 100.0, "DA": 30.0}, inj_uL=20.0)
    study.inject("X2", "sample", {"DHBA": 100.0, "DA": 30.0})
    found = study.quantify()
    assert value_of(found, "X1", "DA")["flags"] == "other_volume_than_standards"
    assert value_of(found, "X2", "DA")["flags"] == ""


def test_missing_internal_standard_gives_no_value_and_no_censoring() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": None, "DA": 30.0})
    study.inject("X2", "sample", {"DHBA": None, "DA": None})
    study.inject("X3", "sample", {"DHBA": 0.0, "DA": 30.0})
    study.inject("X4", "sample", {"DHBA": 100.0, "DA": None})
    found = study.quantify()
    reasons = {
        "X1": "internal standard DHBA: no peak in the window",
        "X2": "no peak in the window; internal standard DHBA: no peak in the window",
        "X3": "internal standard DHBA: found a response of 0; expected one above 0",
        "X4": "no peak in the window",
    }
    for name, reason in reasons.items():
        value = value_of(found, name, "DA")
        assert np.isnan(value["fmol_on_column"])
        assert np.isnan(value["response"])
        assert value["reason"] == reason
        # Only a healthy injection shows that an analyte is below its limit.
        assert bool(value["censored"]) is (name == "X4")
        assert value["flags"] == ("" if name == "X4" else "internal_standard_recovery")
    assert not value_of(found, "X1", "DHBA")["censored"]


def test_internal_standard_far_off_is_flagged_and_the_value_kept() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": 60.0, "DA": 18.0})
    found = study.quantify()
    value = value_of(found, "X1", "DA")
    assert value["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert value["flags"] == "internal_standard_recovery"
    assert value_of(found, "X1", "DHBA")["flags"] == "internal_standard_recovery"


def test_internal_standard_asked_for_and_not_named() -> None:
    study = with_internal_standard().analyte("HVA", 19.0)
    study.inject("X1", "sample", {"DHBA": 100.0, "DA": 20.0, "HVA": 5.0})
    found = study.quantify(calibration="internal_standard")
    reason = (
        "found no internal standard in analytes.csv; expected one, because quantify.calibration "
        "is internal_standard"
    )
    assert line_of(found, "HVA")["reason"] == reason
    assert value_of(found, "X1", "HVA")["reason"] == f"no calibration: {reason}"
    assert line_of(found, "DA")["status"] == "ok"


def test_excluded_internal_standard_peak_takes_its_analytes_with_it() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": 100.0, "DA": 30.0}).exclude("X1", "DHBA")
    value = value_of(study.quantify(), "X1", "DA")
    assert np.isnan(value["fmol_on_column"])
    assert value["reason"] == "internal standard DHBA excluded: bad injection (air bubble)"
    assert not value["excluded"]


# ---------------------------------------------------------------- exclusions


def test_excluded_standard_is_not_fitted() -> None:
    study = external()
    study.inject("S4", "standard", {"DA": 500.0}, {"DA": 3.0}).exclude("S4")
    found = study.quantify()
    assert line_of(found, "DA")["n_points"] == 3
    point = point_of(found, "S4", "DA")
    assert (point["used"], point["reason"]) == (False, "excluded: bad injection (air bubble)")
    assert point["back_fmol"] == pytest.approx(49.8, rel=1e-11)


def test_excluded_sample_keeps_its_value_and_says_why() -> None:
    study = external().analyte("HVA", 19.0)
    for name in ("S1", "S2", "S3"):
        study.standards.append(
            {"injection_id": name, "analyte": "HVA", "amount": int(name[1]), "unit": "fmol"}
        )
        study.peaks.append(
            {
                "injection_id": name,
                "run": "R1",
                "analyte": "HVA",
                "found": True,
                "area": int(name[1]),
            }
        )
    study.inject("X1", "sample", {"DA": 32.0, "HVA": 2.0}).exclude("X1", "DA")
    study.inject("X2", "sample", {"DA": 32.0, "HVA": 2.0}).exclude("X2")
    study.inject("X3", "sample", {"DA": 32.0, "HVA": 2.0}).exclude("X3", "DA", level="peak")
    found = study.quantify()
    marked = {
        (injection, analyte): bool(value_of(found, injection, analyte)["excluded"])
        for injection in ("X1", "X2", "X3")
        for analyte in ("DA", "HVA")
    }
    assert [key for key, value in marked.items() if value] == [
        ("X1", "DA"),
        ("X2", "DA"),
        ("X2", "HVA"),
    ]
    value = value_of(found, "X1", "DA")
    assert value["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert value["reason"] == "excluded: bad injection (air bubble)"


# ---------------------------------------------------------------- nothing, or not everything


def test_uncalibrated() -> None:
    study = with_internal_standard()
    study.inject("X1", "sample", {"DHBA": 100.0, "DA": 30.0})
    study.inject("X2", "sample", {"DHBA": 100.0, "DA": None})
    found = study.quantify(calibration="none")
    assert not len(found.calibration)
    assert set(found.calibration_points["reason"]) == {"quantify.calibration is none"}
    assert not found.calibration_points["used"].any()
    rules = {"internal_standard_recovery", "broken_injection", "swapped_vials"}
    assert set(found.suitability["rule"]) == rules
    table = found.concentrations
    assert table[["fmol_on_column", "fmol_se", "conc_nM", "lod_nM"]].isna().all(axis=None)
    assert all("uncalibrated" in flags.split(";") for flags in table["flags"])
    value = value_of(found, "X1", "DA")
    assert value["response"] == pytest.approx(0.3, rel=1e-14)
    assert value["reason"] == "uncalibrated"
    assert not value["censored"]
    absent = value_of(found, "X2", "DA")
    assert absent["reason"] == "no peak in the window; uncalibrated"
    assert absent["censored"]


def test_uncalibrated_without_any_standard() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    study.inject("X1", "sample", {"DA": 30.0})
    found = study.quantify(calibration="none")
    assert value_of(found, "X1", "DA")["response"] == 30.0
    assert not len(found.calibration_points)
    assert list(found.suitability["rule"]) == ["broken_injection", "swapped_vials"]
    assert set(found.suitability["status"]) == {"NA"}
    assert set(found.suitability["reason"]) == {"no injection has enough analytes to compare"}


def test_failed_run_does_not_stop_the_others() -> None:
    study = external()
    study.inject("R2S1", "standard", {"DA": 12.0}, {"DA": 1.0}, run="R2")
    study.inject("R2S2", "standard", {"DA": None}, {"DA": 2.0}, run="R2")
    study.inject("R2X1", "sample", {"DA": 32.0}, run="R2")
    study.inject("R2X2", "sample", {"DA": None}, run="R2")
    study.inject("X1", "sample", {"DA": 32.0})
    found = study.quantify()
    reason = (
        "found 1 different amounts above 0 in the standards that can be used; expected at least "
        "3 (quantify.min_levels)"
    )
    line = line_of(found, "DA", "R2")
    assert (line["status"], line["reason"]) == ("failed", reason)
    assert np.isnan(line["slope"])
    assert line_of(found, "DA", "R1")["status"] == "ok"
    value = value_of(found, "R2X1", "DA")
    assert np.isnan(value["conc_nM"])
    assert value["reason"] == f"no calibration: {reason}"
    assert not value["censored"]
    assert value_of(found, "R2X2", "DA")["reason"] == (
        f"no peak in the window; no calibration: {reason}"
    )
    assert value_of(found, "X1", "DA")["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert point_of(found, "R2S1", "DA")["reason"] == f"no calibration: {reason}"
    assert point_of(found, "R2S2", "DA")["reason"] == "no peak in the window"


def test_no_run_has_a_calibration() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    study.inject("S1", "standard", {"DA": 12.0}, {"DA": 1.0})
    study.inject("X1", "sample", {"DA": 12.0})
    message = (
        "No run has a calibration, although quantify.calibration is 'auto':\n"
        "  run R1, DA: found 1 different amounts above 0 in the standards that can be used; "
        "expected at least 3 (quantify.min_levels)\n"
        "Mend standards.csv or the exclusions, or set quantify.calibration: none in study.yaml "
        "to work on uncalibrated responses."
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        study.quantify()


def test_unknown_injected_volume_is_the_reason_of_a_missing_concentration() -> None:
    study = external()
    study.inject("X1", "sample", {"DA": 32.0}, inj_uL=None)
    value = value_of(study.quantify(), "X1", "DA")
    assert value["fmol_on_column"] == pytest.approx(3.0, rel=1e-12)
    assert np.isnan(value["conc_nM"])
    assert value["reason"] == "the injected volume is not known"


def test_analyte_that_was_not_measured_in_an_injection() -> None:
    study = external()
    study.inject("X1", "sample", {})
    value = value_of(study.quantify(), "X1", "DA")
    assert value["reason"] == "not measured in this injection"
    assert not value["censored"]


def test_standard_of_an_analyte_that_its_run_does_not_measure_is_kept_as_a_row() -> None:
    study = external().analyte("HVA", 19.0, run="R2", mw=182.17)
    study.standards.append({"injection_id": "S1", "analyte": "HVA", "amount": 182.17, "unit": "pg"})
    study.inject("R2X1", "sample", {"DA": 3.0, "HVA": 4.0}, run="R2")
    point = point_of(study.quantify(), "S1", "HVA")
    assert point["amount_fmol"] == pytest.approx(1000.0, rel=1e-12)
    assert point["reason"] == "analytes.csv has no row for this analyte in this run"


def test_unidentified_peaks_are_passed_over() -> None:
    study = external()
    study.peaks.append({"injection_id": "S1", "run": "R1", "analyte": "", "found": True})
    study.peaks.append({"injection_id": "S1", "run": "R1", "analyte": "", "found": True})
    assert len(study.quantify().concentrations) == 3


# ---------------------------------------------------------------- bad input


def test_amounts_that_cannot_be_told_are_listed_at_once() -> None:
    study = external().analyte("HVA", 19.0)
    study.inject("S4", "standard", {}, {"HVA": 1.0}, unit="pg")
    study.inject("S5", "standard", {}, {"DA": 1.0}, unit="nM", inj_uL=None)
    study.inject("S6", "standard", {}, {"DA": 1.0}, unit="furlong")
    study.inject("S7", "standard", {}, {"5-HT": 1.0})
    study.standards.append({"injection_id": "S9", "analyte": "DA", "amount": 1.0, "unit": "fmol"})
    study.standards.append({"injection_id": "S1", "analyte": "DA", "amount": 2.0, "unit": "fmol"})
    message = (
        "Standards can't be used: 6 problems\n"
        "  1. standards.csv, injection S4, analyte HVA: found 'pg' without a molar mass; "
        "expected mw or salt_mw in analytes.csv.\n"
        "  2. standards.csv, injection S5, analyte DA: found 'nM' without an injected volume; "
        "expected inj_uL in injections.csv, or quantify.inj_uL in study.yaml.\n"
        "  3. standards.csv, injection S6, analyte DA: found the unit 'furlong'; expected one of "
        "fmol, pmol, nmol, pg, ng, nM, µM, uM, mM, pg/µL, pg/uL.\n"
        "  4. standards.csv, injection S7, analyte 5-HT: found an analyte that analytes.csv does "
        "not have; expected one of its analytes.\n"
        "  5. standards.csv, injection S9, analyte DA: found an injection that injections.csv "
        "does not have; expected one of its injections.\n"
        "  6. standards.csv, injection S1, analyte DA: found the analyte twice; expected one "
        "amount for each analyte of an injection."
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        study.quantify()


def test_peaks_that_do_not_fit_the_tables_are_listed_at_once() -> None:
    study = external()
    study.peaks.append({"injection_id": "S1", "run": "R1", "analyte": "DA", "found": False})
    study.peaks.append({"injection_id": "S9", "run": "R1", "analyte": "DA", "found": False})
    message = (
        "Peaks can't be quantified: 2 problems\n"
        "  1. peaks, injection S1: found DA twice; expected one peak for each analyte. Name the "
        "analyte's channel in analytes.csv.\n"
        "  2. peaks, injection S9: found DA, which injections.csv and analytes.csv don't give; "
        "expected injections and analytes of this study. Run integrate again."
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        study.quantify()


# ---------------------------------------------------------------- properties


def realistic(factor: float = 1.0) -> StudyBuilder:
    """Two runs with scatter, an internal standard, brackets, QCs, blanks and odd samples."""
    rng = np.random.default_rng(11)
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA").analyte("HVA", 19.0)

    def areas(da: float, hva: float) -> dict[str, dict[str, object]]:
        noise = rng.lognormal(0.0, 0.03, 3) * factor
        return {
            "DHBA": peak(300 * noise[0], area_se=2 * factor, snr_usp=900.0),
            "DA": peak((40 * da + 3) * noise[1], area_se=factor, snr_usp=6 * da),
            "HVA": peak((25 * hva + 8) * noise[2], area_se=factor, snr_usp=5 * hva),
        }

    for run in ("R1", "R2"):
        for number, fmol in enumerate((0.5, 1.0, 2.0, 5.0, 10.0, 20.0)):
            both = {"DA": fmol, "HVA": 10 * fmol}
            study.inject(f"{run}S{number}", "standard", areas(fmol, 10 * fmol), both, run=run)
        study.inject(f"{run}B1", "blank", {"DHBA": None, "DA": 2 * factor, "HVA": None}, run=run)
        for number in range(5):
            study.inject(f"{run}X{number}", "sample", areas(0.3 + number, 50.0), run=run)
        both = {"DA": 2.0, "HVA": 20.0}
        study.inject(f"{run}Q1", "qc", areas(2.0, 20.0), both, run=run)
        study.inject(f"{run}K1", "standard", areas(2.0, 20.0), both, role="bracket", run=run)
        study.inject(f"{run}X9", "sample", {"DHBA": None, "DA": 5 * factor, "HVA": None}, run=run)
    return study.exclude("R1S3").exclude("R2X1", "DA")


def frames_of(study: QuantifiedStudy) -> dict[str, pd.DataFrame]:
    return {
        "concentrations": study.concentrations,
        "calibration": study.calibration,
        "calibration_points": study.calibration_points,
        "suitability": study.suitability,
    }


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    factor=st.floats(1e-4, 1e4),
    mode=st.sampled_from(["auto", "external"]),
    weight=st.sampled_from(["none", "1/x", "1/x2"]),
    method=st.sampled_from(["snr_usp", "regression"]),
)
def test_scaling_all_areas_leaves_concentrations_unchanged(
    factor: float, mode: str, weight: str, method: str
) -> None:
    options = {"calibration": mode, "weight": weight, "limits": {"method": method}}
    plain = quantify_study(**realistic().frames(), config=quantify_config(**options))
    scaled = quantify_study(**realistic(factor).frames(), config=quantify_config(**options))
    unscaled = ["injection_id", "analyte", "fmol_on_column", "fmol_se", "conc_nM", "lod_nM"]
    pd.testing.assert_frame_equal(
        plain.concentrations[[*unscaled, "censored", "extrapolated", "reason", "flags"]],
        scaled.concentrations[[*unscaled, "censored", "extrapolated", "reason", "flags"]],
        rtol=1e-9,
        atol=1e-12,
    )
    pd.testing.assert_frame_equal(
        plain.suitability[["run", "analyte", "rule", "value", "status"]],
        scaled.suitability[["run", "analyte", "rule", "value", "status"]],
        rtol=1e-9,
    )


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), mode=st.sampled_from(["auto", "external", "none"]))
def test_order_of_rows_makes_no_difference_not_even_in_the_last_digit(seed: int, mode: str) -> None:
    frames = realistic().frames()
    rng = np.random.default_rng(seed)
    shuffled = {
        name: frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
        for name, frame in frames.items()
    }
    config = quantify_config(calibration=mode)
    plain = frames_of(quantify_study(**frames, config=config))
    other = frames_of(quantify_study(**shuffled, config=config))
    for name, frame in plain.items():
        pd.testing.assert_frame_equal(frame, other[name], check_exact=True)


def test_output_is_sorted_by_run_order_and_retention() -> None:
    table = realistic().quantify().concentrations
    keys = [
        (row.run, int(row.order), {"DHBA": 7.0, "DA": 11.0, "HVA": 19.0}[row.analyte])
        for row in table.itertuples()
    ]
    assert all(a < b for a, b in pairwise(keys))


# ---------------------------------------------------------------- real data


def test_real_labsolutions_standards() -> None:
    """The 11 real standards, 0.05–1.00 mM, with the vendor's areas, external, areas only."""
    sources = CHROMATOGRAMS / "SOURCES.md"
    if not sources.is_file():
        pytest.skip(f"the real chromatograms are not here: no {sources.name}")
    row = next(
        line
        for line in sources.read_text("utf-8").splitlines()
        if "labsolutions_calibration/" in line
    )
    areas = [float(number) for number in re.findall(r"\b\d{4,6}\b", row.rsplit("areas:")[1])]
    levels = [0.05, *(round(0.1 * step, 1) for step in range(1, 11))]
    assert len(areas) == len(levels) == 11
    study = StudyBuilder().analyte("analyte", 5.0)
    for number, (mM, area) in enumerate(zip(levels, areas, strict=True), start=1):
        study.inject(f"S{number:02d}", "standard", {"analyte": area}, {"analyte": mM}, unit="mM")
    for weight in ("none", "1/x", "1/x2"):
        found = study.quantify(weight=weight)
        line = line_of(found, "analyte")
        points = found.calibration_points
        assert line["status"] == "ok"
        assert line["r2"] >= 0.998, weight
        assert points["error_pct"].iloc[1:].abs().max() <= 10.0, weight
