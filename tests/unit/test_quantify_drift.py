"""Drift through a run: interpolation by hand, order and time, and what it does to the errors."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dialysis.errors import CalibrationError
from dialysis.quantify.drift import standard_groups
from tests.unit.quantify_builder import StudyBuilder, checks_of, line_of, point_of, value_of


def drifting(times: bool = False) -> StudyBuilder:
    """DA, area = 10·fmol × response factor; calibrated at 1.0, brackets at 0.8 and 0.6.

    Order: S1–S3 (centre 2), X1 at 4, X2 at 5, B1 at 6, X3 at 7, B2 at 8, X4 at 9.
    """
    study = StudyBuilder().analyte("DA", 11.0)
    clock = {"X1": "08:30", "X2": "09:30", "B1": "10:00", "X3": "10:15", "B2": "11:00"}

    def add(name: str, kind: str, factor: float, fmol: float, role: str = "") -> None:
        amounts = {"DA": fmol} if kind == "standard" else None
        at = f"2024-05-01T{clock.get(name, '08:00')}:00+00:00" if times else None
        study.inject(name, kind, {"DA": 10 * fmol * factor}, amounts, role=role, injected_at=at)

    for name, fmol in (("S1", 1.0), ("S2", 2.0), ("S3", 4.0)):
        add(name, "standard", 1.0, fmol)
    add("X1", "sample", 1.0, 3.0)
    add("X2", "sample", 1.0, 3.0)
    add("B1", "standard", 0.8, 2.0, "bracket")
    add("X3", "sample", 1.0, 3.0)
    add("B2", "standard", 0.6, 2.0, "bracket")
    add("X4", "sample", 1.0, 3.0)
    return study


OPTIONS = {"through_zero": True, "weight": "1/x2"}


def test_groups_are_parted_by_samples() -> None:
    types = ["blank", "standard", "qc", "sample", "sample", "standard", "sample"]
    assert standard_groups(types).tolist() == [0, 0, 0, 1, 1, 2, 3]


def test_factors_between_brackets_by_hand() -> None:
    found = drifting().quantify(**OPTIONS)
    factors = {x: value_of(found, x, "DA")["drift_factor"] for x in ("X1", "X2", "X3", "X4")}
    # The factor falls from the calibration's centre (2) to B1 (6) and on to B2 (8). Inside the
    # calibration the first segment goes on, and the curve is fitted to responses without it.
    b1 = point_of(found, "B1", "DA")
    b2 = point_of(found, "B2", "DA")
    assert b2["drift_factor"] / b1["drift_factor"] == pytest.approx(0.75, rel=1e-9)
    for name, share in (("X1", 0.5), ("X2", 0.75)):
        between = 1.0 + share * (b1["drift_factor"] - 1.0)
        assert factors[name] == pytest.approx(between, rel=5e-3)
    middle = 0.5 * (b1["drift_factor"] + b2["drift_factor"])
    assert factors["X3"] == pytest.approx(middle, rel=1e-9)
    assert factors["X4"] == b2["drift_factor"]  # nothing closes it
    assert "not_bracketed" in value_of(found, "X4", "DA")["flags"].split(";")
    assert "not_bracketed" not in value_of(found, "X3", "DA")["flags"].split(";")
    # A bracket agrees by construction.
    assert b1["back_fmol"] == pytest.approx(2.0, rel=1e-9)
    assert b1["reason"] == ("bracket: drift is corrected by it; the line is not fitted to it")
    check = checks_of(found, "bracket_accuracy").iloc[0]
    assert (check["status"], check["reason"]) == (
        "NA",
        "drift is corrected by it, so that it agrees by construction",
    )
    assert line_of(found, "DA")["drift"] == "3 groups of standards, by injection order"


def test_concentrations_follow_the_factor() -> None:
    found = drifting().quantify(**OPTIONS)
    slope = float(line_of(found, "DA")["slope"])
    for name in ("X1", "X2", "X3", "X4"):
        value = value_of(found, name, "DA")
        expected = 30.0 / value["drift_factor"] / slope
        assert value["fmol_on_column"] == pytest.approx(expected, rel=1e-12)


def test_drift_is_left_where_the_config_or_an_internal_standard_says_so() -> None:
    left = drifting().quantify(**OPTIONS, drift={"correction": "none"})
    assert set(left.concentrations["drift_factor"]) == {1.0}
    assert line_of(left, "DA")["drift"] == "none"
    assert point_of(left, "B1", "DA")["error_pct"] == pytest.approx(-20.0, rel=1e-9)
    study = StudyBuilder().analyte("DHBA", 7.0, internal_standard="itself")
    study.analyte("DA", 11.0, internal_standard="DHBA")
    for name, fmol, role in (("S1", 1.0, ""), ("S2", 2.0, ""), ("S3", 4.0, "")):
        study.inject(name, "standard", {"DHBA": 100.0, "DA": 10 * fmol}, {"DA": fmol}, role=role)
    study.inject("X1", "sample", {"DHBA": 90.0, "DA": 20.0})
    study.inject("B1", "standard", {"DHBA": 80.0, "DA": 17.0}, {"DA": 2.0}, role="bracket")
    assert value_of(study.quantify(), "X1", "DA")["drift_factor"] == 1.0
    forced = study.quantify(drift={"correction": "brackets"})
    assert value_of(forced, "X1", "DA")["drift_factor"] != 1.0


def test_by_time_the_clock_counts() -> None:
    found = drifting(times=True).quantify(**OPTIONS, drift={"by": "time"})
    b1 = float(point_of(found, "B1", "DA")["drift_factor"])
    b2 = float(point_of(found, "B2", "DA")["drift_factor"])
    # 10:15 lies a quarter of the way from 10:00 to 11:00.
    x3 = float(value_of(found, "X3", "DA")["drift_factor"])
    assert x3 == pytest.approx(b1 + 0.25 * (b2 - b1), rel=1e-9)
    assert line_of(found, "DA")["drift"] == "3 groups of standards, by injection time"


def test_by_time_every_injection_needs_one() -> None:
    study = drifting(times=True)
    study.injections[3]["injected_at"] = ""
    study.injections[4]["injected_at"] = "yesterday"
    message = (
        "Drift can't be corrected: 2 problems\n"
        "  1. injections.csv, injection X1, column injected_at: found nothing; expected the time "
        "of every injection, because quantify.drift.by is 'time'. Fill it in, or set "
        "quantify.drift.correction: none.\n"
        "  2. injections.csv, injection X2, column injected_at: found 'yesterday'; expected the "
        "time of every injection, because quantify.drift.by is 'time'. Fill it in, or set "
        "quantify.drift.correction: none."
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        study.quantify(**OPTIONS, drift={"by": "time"})


def test_a_bracket_carries_its_error_to_the_concentrations() -> None:
    # Two noisy brackets: halfway between them the relative variance is half that of one.
    study = StudyBuilder().analyte("DA", 11.0)
    for name, fmol, area in (("S1", 1.0, 10.5), ("S2", 2.0, 19.0), ("S3", 4.0, 41.0)):
        study.inject(name, "standard", {"DA": area}, {"DA": fmol})
    study.inject("X0", "sample", {"DA": 20.0})
    study.inject("B1", "standard", {"DA": 19.0}, {"DA": 2.0}, role="bracket")
    study.inject("X1", "sample", {"DA": 20.0})
    study.inject("B2", "standard", {"DA": 19.0}, {"DA": 2.0}, role="bracket")
    found = study.quantify(**OPTIONS)
    line, value = line_of(found, "DA"), value_of(found, "X1", "DA")
    x, m, s = value["fmol_on_column"], line["slope"], line["residual_sd"]
    # V = s²x² (scatter at 1/x²) + x²·V(m), over m², + x²·(½²+½²)·(s/m)², brackets at 2 fmol.
    expected = x * np.sqrt((s / m) ** 2 + (line["slope_se"] / m) ** 2 + 0.5 * (s / m) ** 2)
    assert value["fmol_se"] == pytest.approx(expected, rel=1e-9)
    assert value["fmol_df"] > line["df"]
