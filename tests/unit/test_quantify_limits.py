from __future__ import annotations

import math

import numpy as np
import pytest

from dialysis.quantify.calibration import fit_curve
from dialysis.quantify.limits import limits, limits_from_regression, limits_from_snr, limits_given

LINE = fit_curve([0.0, 1.0, 2.0], [1.0, 2.0, 6.0], weight="none")  # slope 2.5, s² 1.5


def test_signal_to_noise() -> None:
    # S/N per fmol: 6, 6 and, of a bad standard, 60; the median is 6.
    found = limits_from_snr([1.0, 2.0, 10.0], [6.0, 12.0, 600.0], 3.0, 10.0, "2H/h")
    assert found.lod_fmol == pytest.approx(0.5, rel=1e-14)
    assert found.loq_fmol == pytest.approx(10 / 6, rel=1e-14)
    assert found.method == "S/N (2H/h) 3 and 10"


def test_zero_levels_and_missing_ratios_are_passed_over() -> None:
    found = limits_from_snr([0.0, 1.0, 2.0], [2.0, 5.0, math.nan], 3.0, 10.0, "H/σ")
    assert found.lod_fmol == pytest.approx(0.6, rel=1e-14)
    assert found.method == "S/N (H/σ) 3 and 10"


def test_without_any_ratio_the_limit_is_missing_and_the_method_named() -> None:
    found = limits_from_snr([1.0, 2.0], [math.nan, math.nan], 3.0, 10.0, "2H/h")
    assert math.isnan(found.lod_fmol)
    assert math.isnan(found.loq_fmol)
    assert found.method == "S/N (2H/h) 3 and 10"


def test_regression_by_hand() -> None:
    found = limits_from_regression(LINE)
    assert found.lod_fmol == pytest.approx(3.3 * math.sqrt(1.5) / 2.5, rel=1e-13)
    assert found.loq_fmol == pytest.approx(10 * math.sqrt(1.5) / 2.5, rel=1e-13)


@pytest.mark.parametrize(("weight", "power"), [("1/x", 0.5), ("1/x2", 1.0)])
def test_regression_of_a_weighted_line_takes_the_scatter_at_its_lowest_level(
    weight: str, power: float
) -> None:
    line = fit_curve([0.5, 1.0, 2.0, 4.0], [2.1, 3.9, 8.3, 15.6], weight)
    found = limits_from_regression(line)
    expected = 3.3 * line.residual_sd * 0.5**power / line.slope
    assert found.lod_fmol == pytest.approx(expected, rel=1e-13)


def test_regression_without_degrees_of_freedom_is_missing() -> None:
    line = fit_curve([2.0], [10.0], "1/x", through_zero=True)
    assert math.isnan(limits_from_regression(line).lod_fmol)


def test_given() -> None:
    found = limits_given(0.3)
    assert (found.lod_fmol, found.loq_fmol) == (0.3, pytest.approx(1.0, rel=1e-14))
    assert found.method == "given, LOQ = 10/3 LOD"


@pytest.mark.parametrize(
    ("method", "lod", "words"),
    [
        ("snr_usp", 0.5, "S/N (2H/h) 3 and 10"),
        ("snr_sigma", 0.125, "S/N (H/σ) 3 and 10"),
        ("regression", 3.3 * math.sqrt(1.5) / 2.5, "regression (ICH Q2), 3.3σ/S and 10σ/S"),
        ("given", 0.8, "given, LOQ = 10/3 LOD"),
    ],
)
def test_method_of_the_config(method: str, lod: float, words: str) -> None:
    found = limits(
        method,
        LINE,
        fmol=np.array([1.0, 2.0]),
        snr_usp=np.array([6.0, 12.0]),
        snr_sigma=np.array([24.0, 48.0]),
        lod_given=0.8,
        detection=3.0,
        quantification=10.0,
    )
    assert found.lod_fmol == pytest.approx(lod, rel=1e-13)
    assert found.method == words
