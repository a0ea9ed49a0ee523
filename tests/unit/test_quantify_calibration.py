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
    fit_pooled,
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


# ---------------------------------------------------------------- quadratic and pooled


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("through_zero", [False, True])
def test_a_quadratic_agrees_with_statsmodels(weight: str, through_zero: bool) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    x = np.repeat([0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0], 2)
    y = (0.3 + 4.0 * x - 0.01 * x**2) * rng.lognormal(0.0, 0.03, x.size)
    w = 1.0 / np.where(x == 0, 0.5, x) ** {"none": 0, "1/x": 1, "1/x2": 2}[weight]
    columns = [x, x**2] if through_zero else [np.ones_like(x), x, x**2]
    oracle = sm.WLS(y, np.column_stack(columns), weights=w).fit()
    curve = fit_curve(x, y, weight, through_zero, quadratic=True)
    first = 1 if through_zero else 0
    values = [curve.intercept, curve.slope, curve.curvature]
    np.testing.assert_allclose(values[first:], oracle.params, rtol=1e-10)
    np.testing.assert_allclose(curve.cov[first:, first:], oracle.cov_params(), rtol=1e-10)
    assert curve.residual_sd**2 == pytest.approx(oracle.scale, rel=1e-10)
    assert curve.df == oracle.df_resid
    assert curve.r2 == pytest.approx(oracle.rsquared, rel=1e-10)
    assert curve.model == ("quadratic through zero" if through_zero else "quadratic")


def test_a_quadratic_is_inverted_on_the_branch_of_the_calibrated_range() -> None:
    # y = 1 + 4x − 0.05x² exactly; 4 at x = 0 and 2 at x = 20: its top is at 40.
    x = np.array([0.0, 2.0, 5.0, 10.0, 20.0])
    curve = fit_curve(x, 1 + 4 * x - 0.05 * x**2, "none", quadratic=True)
    np.testing.assert_allclose(curve.amount(curve.response(x)), x, atol=1e-11)
    np.testing.assert_allclose(curve.gradient([0.0, 20.0]), [4.0, 2.0], rtol=1e-10)
    assert np.isnan(curve.amount(82.0))  # the curve ends at 81
    # The error of the amount is that of the response over the slope there: 0.5/2.
    se, df = curve.amount_error(curve.response(20.0), 0.5)
    assert se == pytest.approx(0.25, rel=1e-6)
    assert df > 1e6  # the integration's error is taken as known


def test_curves_that_turn_or_have_too_few_amounts_are_refused() -> None:
    x = np.array([1.0, 2.0, 4.0, 8.0])
    message = (
        "found a quadratic curve that turns at 5 fmol, inside the calibrated range; expected a "
        "response that grows with the amount"
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        fit_curve(x, 10 * x - x**2, "none", quadratic=True)
    message = (
        "found 2 different amounts, while a curve with 3 parameters was asked for; expected at "
        "least 3, or quantify.model: linear"
    )
    with pytest.raises(CalibrationError, match=f"^{re.escape(message)}$"):
        fit_curve([1.0, 2.0, 2.0], [1.0, 2.0, 2.0], quadratic=True)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_pooled_runs_agree_with_statsmodels(weight: str) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    x = np.tile([1.0, 2.0, 5.0, 10.0], 3)
    runs = np.repeat(["a", "b", "c"], 4)
    slopes = np.repeat([4.0, 3.5, 4.4], 4)
    y = (0.2 + slopes * x) * rng.lognormal(0.0, 0.03, x.size)
    design = np.column_stack([np.ones_like(x)] + [np.where(runs == r, x, 0.0) for r in "abc"])
    oracle = sm.WLS(y, design, weights=calibration_weights(x, weight)).fit()
    curves = fit_pooled(x, y, list(runs), weight)
    assert list(curves) == ["a", "b", "c"]
    covariance = np.asarray(oracle.cov_params())
    for place, name in enumerate("abc"):
        curve, k = curves[name], place + 1
        assert curve.intercept == pytest.approx(oracle.params[0], rel=1e-10)
        assert curve.slope == pytest.approx(oracle.params[k], rel=1e-10)
        assert curve.cov[0, 0] == pytest.approx(covariance[0, 0], rel=1e-10)
        assert curve.cov[1, 1] == pytest.approx(covariance[k, k], rel=1e-10)
        assert curve.cov[0, 1] == pytest.approx(covariance[0, k], rel=1e-10)
        assert (curve.df, curve.n_points, curve.n_runs) == (oracle.df_resid, 12, 3)


def test_lack_of_fit_by_hand() -> None:
    # Duplicates 1, 3 at x = 1; 5, 7 at 2; 5, 7 at 3: line y = 2 + 4/3·... about means 2, 6, 6:
    # slope 2, intercept 2/3; lack of fit Σ2(ȳ − ŷ)² = 2(2/3)²·... = 16/3 with 1 df, pure error
    # 6·1 = 6 with 3 df: F = (16/3)/2 = 8/3.
    from scipy.stats import f

    x = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    curve = fit_curve(x, [1.0, 3.0, 5.0, 7.0, 5.0, 7.0], "none")
    assert curve.slope == pytest.approx(2.0, rel=1e-12)
    assert curve.intercept == pytest.approx(2 / 3, rel=1e-12)
    assert curve.lack_of_fit_p == pytest.approx(f.sf(8 / 3, 1, 3), rel=1e-10)


def test_curvature_is_the_t_test_of_a_quadratic_term() -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(8)
    x = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    y = (1 + 3 * x - 0.01 * x**2) * rng.lognormal(0.0, 0.01, x.size)
    oracle = sm.WLS(y, np.column_stack([np.ones_like(x), x, x**2]), weights=1 / x).fit()
    curve = fit_curve(x, y)
    assert curve.curvature_p == pytest.approx(oracle.pvalues[2], rel=1e-8)
    assert math.isnan(curve.lack_of_fit_p)  # no replicates
