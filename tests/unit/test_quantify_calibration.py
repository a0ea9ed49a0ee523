from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.errors import CalibrationError
from dialysis.quantify.calibration import (
    calibrate,
    calibration_weights,
    count_levels,
    fit_curve,
)

WEIGHTS = ("none", "1/x", "1/x2")


def test_line_by_hand() -> None:
    # x̄ = 1, ȳ = 3, Sxx = 2, Sxy = 5, Syy = 14; residuals 0.5, −1, 0.5; s² = 1.5 with 1 df.
    line = fit_curve([0.0, 1.0, 2.0], [1.0, 2.0, 6.0], weight="none")
    assert line.slope == pytest.approx(2.5, rel=1e-14)
    assert line.intercept == pytest.approx(0.5, rel=1e-13)
    assert line.residual_sd == pytest.approx(math.sqrt(1.5), rel=1e-14)
    assert line.cov[1, 1] == pytest.approx(0.75, rel=1e-13)
    assert line.cov[0, 0] == pytest.approx(1.25, rel=1e-13)
    assert line.cov[0, 1] == pytest.approx(-0.75, rel=1e-13)
    assert line.r2 == pytest.approx(1 - 1.5 / 14, rel=1e-14)
    assert (line.n_points, line.df, line.low_fmol, line.high_fmol) == (3, 1, 1.0, 2.0)


@pytest.mark.parametrize(
    ("weight", "through_zero", "slope", "intercept"),
    [
        ("none", False, 17 / 7, -1.0),
        ("1/x", False, 29 / 13, -7 / 13),
        ("1/x2", False, 2.0, -1 / 7),
        ("none", True, 44 / 21, 0.0),
        ("1/x", True, 2.0, 0.0),  # Σy/Σx
        ("1/x2", True, 23 / 12, 0.0),  # mean of y/x
    ],
)
def test_weights_by_hand(weight: str, through_zero: bool, slope: float, intercept: float) -> None:
    line = fit_curve([1.0, 2.0, 4.0], [2.0, 3.0, 9.0], weight, through_zero)
    assert line.slope == pytest.approx(slope, rel=1e-13)
    assert line.intercept == pytest.approx(intercept, rel=1e-13)


def test_zero_level_gets_the_weight_of_the_lowest_level_above() -> None:
    amounts = [0.0, 0.5, 2.0]
    np.testing.assert_array_equal(calibration_weights(amounts, "none"), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(calibration_weights(amounts, "1/x"), [2.0, 2.0, 0.5])
    np.testing.assert_array_equal(calibration_weights(amounts, "1/x2"), [4.0, 4.0, 0.25])


def test_levels_are_counted_apart_from_rounding() -> None:
    assert count_levels([]) == 0
    assert count_levels([0.0, 0.0]) == 0
    assert count_levels([0.0, 0.1 * 3, 0.3, 1.0, 1.0, 1.001]) == 3


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("through_zero", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_statsmodels(weight: str, through_zero: bool, seed: int) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(seed)
    levels = np.array([0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0])
    x = np.repeat(levels, rng.integers(1, 4, levels.size))
    y = (0.3 + 4.0 * x) * rng.lognormal(0.0, 0.05, x.size) + rng.normal(0.0, 0.05, x.size)
    power = {"none": 0, "1/x": 1, "1/x2": 2}[weight]
    w = 1.0 / np.where(x == 0, 0.5, x) ** power
    design = x[:, None] if through_zero else sm.add_constant(x)
    oracle = sm.WLS(y, design, weights=w).fit()

    line = fit_curve(x, y, weight, through_zero)
    covariance = np.asarray(oracle.cov_params())
    near = pytest.approx
    assert line.slope == near(oracle.params[-1], rel=1e-10)
    assert line.cov[1, 1] == near(covariance[-1, -1], rel=1e-10)
    assert line.residual_sd**2 == near(oracle.scale, rel=1e-10)
    assert line.r2 == near(oracle.rsquared, rel=1e-10)
    assert line.df == oracle.df_resid
    if not through_zero:
        assert line.intercept == near(oracle.params[0], rel=1e-10)
        assert line.cov[0, 0] == near(covariance[0, 0], rel=1e-10)
        assert line.cov[0, 1] == near(covariance[0, 1], rel=1e-10)

    # The error of a new response at 7 fmol is statsmodels' prediction error there.
    new = np.array([[7.0]]) if through_zero else np.array([[1.0, 7.0]])
    predicted = oracle.get_prediction(new, weights=1.0 / 7.0**power)
    response = line.response(7.0)
    assert response == near(predicted.predicted_mean[0], rel=1e-10)
    assert line.amount_error(response, 0.0)[0] * line.slope == near(predicted.se_obs[0], rel=1e-10)


def test_inverse_prediction_by_hand() -> None:
    line = fit_curve([0.0, 1.0, 2.0], [1.0, 2.0, 6.0], weight="none")
    np.testing.assert_allclose(line.amount([5.5, 0.5, -2.0]), [2.0, 0.0, -1.0], atol=1e-14)
    # At x = 2: V_b + 2·2·C + 4·V_m = 1.25 − 3 + 3 = 1.25, and s² = 1.5.
    assert line.amount_error(5.5, 0.0)[0] == pytest.approx(math.sqrt(2.75) / 2.5, rel=1e-13)
    # An integration error above the scatter replaces it: 1.25 + 2².
    assert line.amount_error(5.5, 2.0)[0] == pytest.approx(math.sqrt(5.25) / 2.5, rel=1e-13)
    assert line.amount_error(5.5, math.nan)[0] == pytest.approx(math.sqrt(2.75) / 2.5, rel=1e-13)


def test_scatter_below_the_lowest_level_is_that_at_the_lowest_level() -> None:
    line = fit_curve([1.0, 2.0, 4.0, 8.0], [2.1, 3.9, 8.3, 15.6], weight="1/x2")
    scatter = line.response_variance([-1.0, 0.0, 0.5, 1.0, 2.0])
    np.testing.assert_allclose(scatter / line.residual_sd**2, [1.0, 1.0, 1.0, 1.0, 4.0], rtol=1e-14)


def test_without_degrees_of_freedom_there_is_a_line_and_no_error() -> None:
    line = fit_curve([2.0], [10.0], "1/x", through_zero=True)
    assert line.slope == 5.0
    assert (line.df, line.r2) == (0, 1.0)
    assert math.isnan(line.residual_sd)
    assert np.isnan(line.amount_error(5.0, 0.1)[0])


@pytest.mark.parametrize("weight", WEIGHTS)
def test_interval_covers_the_truth(weight: str) -> None:
    # Scatter as the weights say, t interval with the line's degrees of freedom: 95 % within
    # ± 3 binomial standard errors of 3000 runs (1.2 %).
    from scipy.stats import t

    rng = np.random.default_rng(7)
    levels = np.repeat([1.0, 2.0, 5.0, 10.0, 20.0], 2)
    power = {"none": 0, "1/x": 1, "1/x2": 2}[weight]
    truth, runs, hits = 4.0, 3000, 0
    for _ in range(runs):
        y = 1.0 + 3.0 * levels + 0.06 * levels ** (power / 2) * rng.normal(size=levels.size)
        line = fit_curve(levels, y, weight)
        new = 1.0 + 3.0 * truth + 0.06 * truth ** (power / 2) * rng.normal()
        error = abs(float(line.amount(new)) - truth)
        hits += error <= t.ppf(0.975, line.df) * float(line.amount_error(new, 0.0)[0])
    assert hits / runs == pytest.approx(0.95, abs=0.012)


def test_messages_of_lines_that_cannot_be_fitted() -> None:
    message = "found no standard with an amount above 0; expected at least one"
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        fit_curve([0.0, 0.0], [1.0, 2.0])
    message = (
        "found one amount only (2 fmol), which gives no intercept; expected at least two, or "
        "quantify.through_zero: true"
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        fit_curve([2.0, 2.0], [1.0, 2.0])
    message = "found a slope of -2 per fmol; expected a response that grows with the amount"
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        fit_curve([1.0, 2.0, 3.0], [6.0, 4.0, 2.0], "none")
    message = (
        "found 2 different amounts above 0 in the standards that can be used; expected at least "
        "3 (quantify.min_levels)"
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        calibrate([1.0, 2.0], [1.0, 2.0], ["r", "r"], 2, "1/x", False, False, min_levels=3)


amounts = st.lists(
    st.floats(0.1, 1000.0, allow_nan=False), min_size=3, max_size=12, unique=True
).filter(lambda values: max(values) > 1.5 * min(values))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    x=amounts,
    slope=st.floats(0.01, 100.0),
    intercept=st.floats(-10.0, 10.0),
    weight=st.sampled_from(WEIGHTS),
)
def test_exact_line_is_recovered_and_inverted(
    x: list[float], slope: float, intercept: float, weight: str
) -> None:
    exact = np.array(x) * slope + intercept
    line = fit_curve(x, exact, weight)
    # Cancellation: rounding of the responses, relative to their spread.
    tolerance = 1e-12 * np.abs(exact).max() / np.ptp(exact) * 100.0
    assert line.slope == pytest.approx(slope, rel=max(tolerance, 1e-12))
    np.testing.assert_allclose(line.amount(line.response(x)), x, rtol=1e-9)
