"""Checks by hand: drift and brackets, carry-over into samples, blanks, shape, vials, actions."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dialysis.errors import CalibrationError
from dialysis.quantify import QuantifiedStudy
from dialysis.study.config import load_schema
from dialysis.tables.quantify import CHECKS
from tests.unit.quantify_builder import StudyBuilder, checks_of, line_of, point_of, value_of

LEVELS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 100.0)


def exact(bad: dict[int, float] | None = None, **peak: float) -> StudyBuilder:
    """DA, area = 10·fmol exactly at eight levels, some of them made wrong by a factor."""
    study = StudyBuilder().analyte("DA", 11.0)
    for number, fmol in enumerate(LEVELS, start=1):
        area = 10 * fmol * (bad or {}).get(number, 1.0)
        found = {"area": area, "snr_usp": 20 * fmol, **peak}
        study.inject(f"S{number}", "standard", {"DA": found}, {"DA": fmol})
    return study


def warned(study: QuantifiedStudy) -> set[str]:
    table = study.suitability
    return set(table.loc[table["status"] == "WARN", "rule"])


def test_the_configuration_knows_every_rule() -> None:
    quantify = load_schema()["properties"]["quantify"]["properties"]
    actions = quantify["suitability"]["properties"]["actions"]
    assert actions["propertyNames"]["enum"] == list(CHECKS)


# ---------------------------------------------------------------- calibrators


def test_one_bad_standard_is_named_and_its_neighbours_are_not() -> None:
    found = exact({5: 0.6}).quantify(weight="none")
    check = checks_of(found, "back_calculation")
    assert list(check["injection_id"]) == ["S5"]
    # From the curve through the others, which is exact: 40 % too low.
    assert check["value"].iloc[0] == pytest.approx(-40.0, rel=1e-9)
    assert check["reason"].iloc[0] == (
        "S5, 16 fmol: back-calculated error -40.0 % from the curve through the others, limit "
        "15 %; 1 of 8 calibrators exceed theirs; kept in the curve"
    )
    assert line_of(found, "DA")["n_points"] == 8
    assert line_of(found, "DA")["slope"] != pytest.approx(10.0, rel=1e-6)


def test_a_bad_standard_is_left_out_where_the_action_says_so() -> None:
    study = exact({5: 0.6})
    found = study.quantify(suitability={"actions": {"back_calculation": "exclude"}})
    assert line_of(found, "DA")["n_points"] == 7
    assert line_of(found, "DA")["slope"] == pytest.approx(10.0, rel=1e-12)
    point = point_of(found, "S5", "DA")
    assert (point["used"], point["reason"]) == (
        False,
        "left out by back_calculation: error -40.0 %",
    )
    check = checks_of(found, "back_calculation").iloc[0]
    assert (check["status"], check["action"]) == ("WARN", "exclude")


def test_when_more_than_a_quarter_fails_no_standard_is_blamed() -> None:
    study = exact({2: 0.5, 5: 0.6, 7: 1.6})
    found = study.quantify(suitability={"actions": {"back_calculation": "exclude"}})
    assert line_of(found, "DA")["n_points"] == 8
    check = checks_of(found, "back_calculation")
    assert len(check) == 1
    assert "calibrators exceed theirs" in check["reason"].iloc[0]


# ---------------------------------------------------------------- QCs, brackets, drift


def test_two_thirds_of_the_qcs_must_hold() -> None:
    study = exact()
    for name, factor in (("Q1", 1.2), ("Q2", 1.0), ("Q3", 1.0)):
        study.inject(name, "qc", {"DA": 80 * factor}, {"DA": 8.0})
    checks = checks_of(study.quantify(), "qc_accuracy")
    assert list(checks["status"]) == ["PASS", "PASS", "PASS"]
    assert checks["reason"].iloc[0] == (
        "9.6 fmol found for 8 fmol, error +20.0 %, limit 15 %; passed, because 2 of the run's 3 "
        "QCs hold theirs (two thirds must)"
    )
    study.inject("Q4", "qc", {"DA": 10 * 50.0 * 1.2}, {"DA": 50.0})
    # Now it is two of four, and none of the level of 50 fmol.
    checks = checks_of(study.quantify(), "qc_accuracy")
    assert list(checks["status"]) == ["WARN", "PASS", "PASS", "WARN"]


def brackets(factors: tuple[float, ...]) -> StudyBuilder:
    study = exact()
    for number, factor in enumerate(factors, start=1):
        study.inject(f"X{number}", "sample", {"DA": 80.0 * factor})
        study.inject(f"B{number}", "standard", {"DA": 80 * factor}, {"DA": 8.0}, role="bracket")
    return study


def test_a_step_between_brackets_by_hand() -> None:
    actions = {"bracket_difference": "exclude"}
    found = brackets((1.0, 1.0, 0.8, 0.8)).quantify(suitability={"actions": actions})
    check = checks_of(found, "bracket_difference")
    assert list(check["injection_id"]) == ["B3"]
    assert check["value"].iloc[0] == pytest.approx(-20.0, rel=1e-6)
    assert check["reason"].iloc[0] == (
        "from B2 to B3 the response factor changes by -20.0 %, limit 15 %; 1 sample between"
    )
    left_out = value_of(found, "X3", "DA")
    assert left_out["excluded"]
    assert left_out["reason"].startswith("excluded by bracket_difference: from B2 to B3")
    assert not value_of(found, "X2", "DA")["excluded"]


def test_a_difference_within_the_scatter_of_the_standards_is_chance() -> None:
    rng = np.random.default_rng(1)
    noisy = {k: 1 + 0.05 * z for k, z in enumerate(rng.standard_normal(8), start=1)}
    study = exact(noisy)
    for number, factor in enumerate((1.0, 1.06, 0.96, 1.08, 0.9), start=1):
        study.inject(f"X{number}", "sample", {"DA": 80.0})
        study.inject(f"B{number}", "standard", {"DA": 80 * factor}, {"DA": 8.0}, role="bracket")
    check = checks_of(study.quantify(), "bracket_difference").iloc[0]
    assert check["value"] == pytest.approx(100 * (0.9 / 1.08 - 1), rel=1e-6)
    assert check["status"] == "PASS"
    assert check["limit"] > 16.7
    assert "because single standards of this run scatter by" in check["reason"]


def test_drift_over_the_run_by_hand() -> None:
    found = brackets((0.95, 0.9, 0.85, 0.8)).quantify(drift={"correction": "none"})
    line = line_of(found, "DA")
    # Factors 100 at 1 to 8, then 95, 90, 85, 80 at 10, 12, 14, 16.
    at = np.array([*range(1, 9), 10, 12, 14, 16], dtype=float)
    factor = np.array([100.0] * 8 + [95.0, 90.0, 85.0, 80.0])
    slope, start = np.polyfit(at, factor, 1)
    assert line["drift_change_pct"] == pytest.approx(100 * slope * 15 / (start + slope), rel=1e-6)
    assert "sensitivity_drift" in warned(found)


# ---------------------------------------------------------------- blanks


def test_what_the_injection_before_leaves_in_a_sample_by_hand() -> None:
    # The blank after 100 fmol (area 1000) has 10: 1 % is carried over.
    study = exact()
    study.inject("B1", "blank", {"DA": {"area": 10.0, "snr_usp": 2.0}})
    study.inject("H1", "standard", {"DA": 640.0}, {"DA": 64.0}, role="bracket")
    study.inject("X1", "sample", {"DA": 80.0})  # 6.4 of its 80: 8 %
    study.inject("X2", "sample", {"DA": 80.0})  # 0.8 of its 80: 1 %
    actions = {"carry_over_sample": "exclude"}
    found = study.quantify(suitability={"actions": actions}, drift={"correction": "none"})
    check = checks_of(found, "carry_over_sample")
    assert list(check["injection_id"]) == ["X1"]
    assert check["value"].iloc[0] == pytest.approx(8.0, rel=1e-9)
    assert check["reason"].iloc[0] == (
        "1 % of H1 (carry-over in the blanks after the highest standard) is 8 % of this sample's "
        "signal, limit 5 %"
    )
    assert value_of(found, "X1", "DA")["excluded"]
    assert not value_of(found, "X2", "DA")["excluded"]


def test_other_blanks_are_compared_with_the_lower_end() -> None:
    study = StudyBuilder().analyte("DA", 11.0)
    study.inject("B0", "blank", {"DA": {"area": 3.0, "snr_usp": 6.0}})
    for number, fmol in enumerate(LEVELS, start=1):
        area = {"area": 10 * fmol, "snr_usp": 20 * fmol}
        study.inject(f"S{number}", "standard", {"DA": area}, {"DA": fmol})
    found = study.quantify()
    response = checks_of(found, "blank_response").iloc[0]
    # The LOQ is 0.5 fmol; the lowest calibrator, 1 fmol, has 10: 30 %.
    assert response["value"] == pytest.approx(30.0, rel=1e-9)
    assert response["status"] == "WARN"
    snr = checks_of(found, "blank_snr").iloc[0]
    assert (snr["value"], snr["status"], snr["reason"]) == (
        6.0,
        "WARN",
        "a peak with S/N (2H/h) 6.0, limit 5",
    )


# ---------------------------------------------------------------- chromatography


def test_shape_and_retention_by_hand() -> None:
    shape = {"tailing": 2.1, "plates": 1500.0, "resolution": 1.2, "rt_min": 11.0}
    study = exact(**shape)
    study.inject("X1", "sample", {"DA": {"area": 80.0, "rt_min": 11.33}})
    found = study.quantify()
    assert {"tailing", "plates", "resolution", "retention_drift"} <= warned(found)
    tailing = checks_of(found, "tailing").iloc[0]
    assert (tailing["value"], tailing["limit"]) == (2.1, 1.8)
    assert tailing["reason"] == "median of 8 standards 2.10, range 0.8 to 1.8"
    resolution = checks_of(found, "resolution").iloc[0]
    assert resolution["limit"] == 1.5
    retention = checks_of(found, "retention_drift").iloc[0]
    assert retention["injection_id"] == "X1"
    assert retention["value"] == pytest.approx(3.0, rel=1e-9)
    # Parted by a fit of their shapes, peaks need less resolution.
    fitted = exact(**shape)
    for peak in fitted.peaks:
        peak["method"] = "fit"
    assert checks_of(fitted.quantify(), "resolution")["status"].tolist() == ["PASS"]


# ---------------------------------------------------------------- range and actions


def test_samples_outside_the_range_are_counted_and_can_be_left_out() -> None:
    study = exact()
    for name, fmol in (("X1", 50.0), ("X2", 150.0), ("X3", 20.0)):
        study.inject(name, "sample", {"DA": 10 * fmol})
    actions = {"calibrated_range": "exclude"}
    found = study.quantify(suitability={"actions": actions})
    check = checks_of(found, "calibrated_range").iloc[0]
    assert (check["value"], check["status"]) == (pytest.approx(100 / 3), "WARN")
    assert check["reason"] == (
        "1 of 3 samples above the LOD lie outside 1 to 100 fmol, limit 20 %: X2"
    )
    excluded = found.concentrations.set_index("injection_id")["excluded"]
    assert excluded[["X1", "X2", "X3"]].tolist() == [False, True, False]


def test_stop_ends_the_job_with_every_reason() -> None:
    study = exact({5: 0.6})
    study.inject("X1", "sample", {"DA": 1500.0})
    message = (
        "Suitability: 2 checks fail whose action is stop (quantify.suitability.actions)\n"
        "  run R1, DA, S5: back_calculation: S5, 16 fmol: back-calculated error -40.0 % from the "
        "curve through the others, limit 15 %; 1 of 8 calibrators exceed theirs; kept in the "
        "curve\n"
        "  run R1, DA: calibrated_range: 1 of 1 samples above the LOD lie outside 1 to 100 fmol, "
        "limit 20 %: X1\n"
        "Repeat or exclude what is at fault, or set the action of the rule to warn or exclude."
    )
    actions = {"back_calculation": "stop", "calibrated_range": "stop"}
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        study.quantify(weight="1/x2", suitability={"actions": actions})
