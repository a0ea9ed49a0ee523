"""Weighted calibration curves, straight or quadratic, and their inverse prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialysis.chromatogram import FloatArray
from dialysis.errors import CalibrationError
from dialysis.words import decimal

WEIGHT_POWER = {"none": 0, "1/x": 1, "1/x2": 2}
SAME_AMOUNT = 1e-9
"""Relative difference up to which two amounts are one level: rounding of unit conversions."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A fitted calibration curve, response = intercept + slope·amount + curvature·amount².

    Parameters
    ----------
    intercept, slope, curvature : float
        Response at 0 fmol, response per fmol there, and response per fmol²; the curvature of a
        straight line is 0.
    cov : ndarray of float64, shape (3, 3)
        Their covariance matrix in this order; 0 for what was fixed, NaN without degrees of
        freedom.
    residual_sd : float
        √(Σ w·r²/df): standard deviation of the response at weight 1; NaN without degrees of
        freedom.
    r2 : float
        Weighted coefficient of determination, about the weighted mean, or about zero for a curve
        through zero; NaN when all responses are equal.
    n_points, df : int
        Points fitted and degrees of freedom; of a pooled fit those of all runs.
    weight : str
        ``"none"``, ``"1/x"`` or ``"1/x2"``.
    through_zero, quadratic : bool
        Whether the intercept was fixed at zero, and whether the curvature was fitted.
    low_fmol, high_fmol : float
        Lowest non-zero and highest amount fitted, fmol.
    lack_of_fit_p : float
        p of the weighted lack-of-fit F test (scatter of the level means about the curve against
        that within levels); NaN without replicates.
    curvature_p : float
        p of Mandel's test: what a quadratic term would add to a straight line; NaN for a
        quadratic curve and where there are too few levels.
    n_runs : int
        Runs that were pooled; 1 for a curve of its own run.
    """

    intercept: float
    slope: float
    curvature: float
    cov: FloatArray
    residual_sd: float
    r2: float
    n_points: int
    df: int
    weight: str
    through_zero: bool
    quadratic: bool
    low_fmol: float
    high_fmol: float
    lack_of_fit_p: float
    curvature_p: float
    n_runs: int = 1

    @property
    def model(self) -> str:
        """Linear, quadratic, through zero, or quadratic through zero."""
        if self.quadratic:
            return "quadratic through zero" if self.through_zero else "quadratic"
        return "through zero" if self.through_zero else "linear"

    def response(self, fmol: npt.ArrayLike) -> FloatArray:
        """Response of an amount."""
        amount = np.asarray(fmol, dtype=np.float64)
        return self.intercept + (self.slope + self.curvature * amount) * amount

    def gradient(self, fmol: npt.ArrayLike) -> FloatArray:
        """Slope of the curve at an amount, response per fmol."""
        return self.slope + 2.0 * self.curvature * np.asarray(fmol, dtype=np.float64)

    def amount(self, response: npt.ArrayLike) -> FloatArray:
        """Amount of a response, fmol, on the branch through the calibrated range.

        Negative where the response is below the intercept; NaN beyond the turning point of a
        quadratic curve, which no amount reaches.
        """
        above = np.asarray(response, dtype=np.float64) - self.intercept
        inside = self.slope**2 + 4.0 * self.curvature * above
        # This form of the root has no difference of near equals, and holds for a straight line.
        root = np.sqrt(np.where(inside >= 0.0, inside, np.nan))
        return np.asarray(2.0 * above / (self.slope + root), dtype=np.float64)

    def response_variance(self, fmol: npt.ArrayLike) -> FloatArray:
        """Variance of one response at an amount, from the scatter of the standards.

        residual_sd² ÷ weight.  Below the lowest non-zero level the scatter is taken as that at
        this level: a weight that goes to infinity at 0 would claim a response without error.
        """
        amounts = np.maximum(np.asarray(fmol, dtype=np.float64), self.low_fmol)
        return np.asarray(
            self.residual_sd**2 * amounts ** WEIGHT_POWER[self.weight], dtype=np.float64
        )

    def curve_variance(self, fmol: npt.ArrayLike) -> FloatArray:
        """Variance of the curve's own height at an amount: gᵀ·cov·g with g = (1, x, x²)."""
        x = np.asarray(fmol, dtype=np.float64)
        g = np.stack([np.ones_like(x), x, x**2])
        # Rounding can push an all but zero quadratic form below zero.
        return np.asarray(np.maximum(np.einsum("i...,ij,j...->...", g, self.cov, g), 0.0))

    def amount_error(
        self, response: npt.ArrayLike, response_se: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Standard error of the amount of a single response, and its degrees of freedom.

        Parameters
        ----------
        response : array_like of float
            Measured response.
        response_se : array_like of float
            Its standard error from the integration; NaN when not known.

        Returns
        -------
        se : ndarray of float64
            √(V_y + gᵀ·cov·g) ÷ the slope at this amount, fmol, with V_y the larger of the
            standards' scatter at this amount and `response_se`² (the scatter holds the
            integration error of the standards already, so that their sum would count it twice).
            NaN without degrees of freedom.
        df : ndarray of float64
            Those of the curve where its scatter is V_y; where the integration's error is, they
            are larger (Welch–Satterthwaite), because that error is taken as known.

        Notes
        -----
        First-order propagation through the inverse of the curve, e.g. Miller & Miller, Statistics
        and Chemometrics for Analytical Chemistry, 6th ed., sections 5.6 and 5.10 (weighted), with
        one replicate.
        """
        amount = self.amount(response)
        scatter = self.response_variance(amount)
        measured = np.asarray(response_se, dtype=np.float64) ** 2
        larger = measured > scatter
        # np.maximum would let a NaN of the integration hide the scatter.
        variance_y = np.where(larger, measured, scatter)
        curve = self.curve_variance(amount)
        total = variance_y + curve
        estimated = np.where(larger, curve, total)
        with np.errstate(divide="ignore", invalid="ignore"):
            df = np.where(estimated > 0, self.df * (total / estimated) ** 2, np.inf)
        se = np.sqrt(total) / self.gradient(amount)
        return np.asarray(se, dtype=np.float64), np.where(np.isfinite(se), df, np.nan)


def calibration_weights(fmol: npt.ArrayLike, weight: str) -> FloatArray:
    """Weights of calibration points: 1, 1/x or 1/x².

    A zero amount gets the weight of the lowest non-zero amount: 1/0 would force the curve
    through the blank, and leaving the blank out would waste it.

    Parameters
    ----------
    fmol : array_like of float, shape (n,)
        Amounts, at least one above zero.
    weight : {"none", "1/x", "1/x2"}
        Kind of weights.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    amounts = np.asarray(fmol, dtype=np.float64)
    lowest = amounts[amounts > 0].min()
    return np.asarray(
        np.where(amounts > 0, amounts, lowest) ** -float(WEIGHT_POWER[weight]), dtype=np.float64
    )


def level_numbers(fmol: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Number of the level of every amount, from 0; those within `SAME_AMOUNT` are one."""
    amounts = np.asarray(fmol, dtype=np.float64)
    order = np.argsort(amounts, kind="stable")
    ordered = amounts[order]
    steps = np.diff(ordered) > SAME_AMOUNT * ordered[1:]
    numbers = np.empty(amounts.size, dtype=np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(steps)]) if amounts.size else []
    return numbers


def count_levels(fmol: npt.ArrayLike) -> int:
    """Number of different non-zero amounts; those within `SAME_AMOUNT` are one."""
    amounts = np.asarray(fmol, dtype=np.float64)
    return int(np.unique(level_numbers(amounts[amounts > 0])).size)


def fit_curve(
    fmol: npt.ArrayLike,
    response: npt.ArrayLike,
    weight: str = "1/x",
    through_zero: bool = False,
    quadratic: bool = False,
) -> Curve:
    """Fit the calibration curve of one run by weighted linear least squares.

    Parameters
    ----------
    fmol : array_like of float, shape (n,)
        Nominal amounts, fmol, zero or above.
    response : array_like of float, shape (n,)
        Measured responses.
    weight : {"none", "1/x", "1/x2"}
        Weights, see `calibration_weights`.
    through_zero : bool
        Fix the intercept at zero.
    quadratic : bool
        Fit a quadratic term.

    Returns
    -------
    Curve

    Raises
    ------
    CalibrationError
        If there is no amount above zero, if there are fewer different amounts than parameters,
        or if the response does not grow with the amount over the calibrated range.
    """
    runs = ["" for _ in np.asarray(fmol, dtype=np.float64)]
    return fit_pooled(fmol, response, runs, weight, through_zero, quadratic)[""]


def fit_pooled(
    fmol: npt.ArrayLike,
    response: npt.ArrayLike,
    runs: Sequence[str],
    weight: str = "1/x",
    through_zero: bool = False,
    quadratic: bool = False,
) -> dict[str, Curve]:
    """Fit one curve to the standards of several runs, with a slope of its own for each run.

    The run term is the slope, because what differs between runs is the detector's sensitivity;
    the intercept, the curvature and the residual scatter are common.

    Parameters
    ----------
    fmol, response, weight, through_zero, quadratic
        As for `fit_curve`.
    runs : sequence of str, length n
        Run of every point.

    Returns
    -------
    dict of str to Curve
        By run, in the order of `runs`.

    Raises
    ------
    CalibrationError
        As for `fit_curve`, also if a run has no amount above zero.
    """
    x = np.asarray(fmol, dtype=np.float64)
    y = np.asarray(response, dtype=np.float64)
    names = list(dict.fromkeys(runs))
    place = np.array([names.index(name) for name in runs], dtype=np.int64)
    _check_amounts(x, place, names, through_zero, quadratic)
    w = calibration_weights(x, weight)
    columns = [] if through_zero else [np.ones_like(x)]
    columns += [np.where(place == k, x, 0.0) for k in range(len(names))]
    if quadratic:
        columns.append(x**2)
    coefficients, unscaled, squares = _least_squares(np.column_stack(columns), y, w)
    # What is left by rounding of an exact curve is no scatter.
    if squares <= 1e-24 * float(w @ y**2):
        squares = 0.0
    df = x.size - len(columns)
    variance = squares / df if df > 0 else math.nan
    center = 0.0 if through_zero else float(w @ y) / float(w.sum())
    total = float(w @ (y - center) ** 2)
    r2 = 1.0 - squares / total if total > 0 else math.nan
    low, high = float(x[x > 0].min()), float(x.max())
    curvature_p = math.nan
    if not quadratic and df > 1 and count_levels(x) + (not through_zero) > 2:
        _, _, fewer = _least_squares(np.column_stack([*columns, x**2]), y, w)
        curvature_p = _f_test(squares - fewer, 1, fewer, df - 1)
    lack_of_fit_p = _lack_of_fit(x, y, w, place, squares, len(columns))
    curves = {}
    for k, name in enumerate(names):
        at = [-1 if through_zero else 0, len(columns) - quadratic - len(names) + k]
        at.append(len(columns) - 1 if quadratic else -1)
        values = [float(coefficients[i]) if i >= 0 else 0.0 for i in at]
        cov = np.zeros((3, 3))
        free = [i for i, column in enumerate(at) if column >= 0]
        chosen = [at[i] for i in free]
        cov[np.ix_(free, free)] = variance * unscaled[np.ix_(chosen, chosen)]
        curve = Curve(
            intercept=values[0],
            slope=values[1],
            curvature=values[2],
            cov=cov,
            residual_sd=math.sqrt(variance),
            r2=r2,
            n_points=int(x.size),
            df=df,
            weight=weight,
            through_zero=through_zero,
            quadratic=quadratic,
            low_fmol=low,
            high_fmol=high,
            lack_of_fit_p=lack_of_fit_p,
            curvature_p=curvature_p,
            n_runs=len(names),
        )
        _check_growth(curve)
        curves[name] = curve
    return curves


def calibrate(
    fmol: npt.ArrayLike,
    response: npt.ArrayLike,
    runs: Sequence[str],
    n_levels: int,
    weight: str,
    through_zero: bool,
    quadratic: bool,
    min_levels: int,
) -> dict[str, Curve]:
    """Fit the calibration of an analyte in one run or, pooled, in several, if there is enough.

    Parameters
    ----------
    fmol, response : array_like of float, shape (n,)
        Amounts and responses of the standards that can be used.
    runs : sequence of str, length n
        Run of every standard.
    n_levels : int
        Different non-zero nominal amounts among them (`count_levels`); scaled by the amount of
        the internal standard, `fmol` can differ within a level.
    weight, through_zero, quadratic
        As for `fit_curve`.
    min_levels : int
        Fewest different non-zero amounts.

    Returns
    -------
    dict of str to Curve
        By run.

    Raises
    ------
    CalibrationError
        With what was found and what was expected, to be put into the calibration table.
    """
    if n_levels < min_levels:
        raise CalibrationError(
            f"found {n_levels} different amounts above 0 in the standards that can be used; "
            f"expected at least {min_levels} (quantify.min_levels)"
        )
    return fit_pooled(fmol, response, runs, weight, through_zero, quadratic)


def _check_amounts(
    x: FloatArray,
    place: npt.NDArray[np.int64],
    names: Sequence[str],
    through_zero: bool,
    quadratic: bool,
) -> None:
    if not np.any(x > 0):
        raise CalibrationError("found no standard with an amount above 0; expected at least one")
    for k, name in enumerate(names):
        if not np.any(x[place == k] > 0):
            raise CalibrationError(
                f"found no standard with an amount above 0 in run {name}; expected at least one "
                "in every run that is pooled"
            )
    levels = int(np.unique(level_numbers(x)).size) if np.any(x == 0) else count_levels(x)
    if through_zero:
        levels = count_levels(x)
    needed = 1 + (not through_zero) + quadratic
    if levels >= needed:
        return
    if not quadratic:
        raise CalibrationError(
            f"found one amount only ({decimal(x[0])} fmol), which gives no intercept; expected at "
            "least two, or quantify.through_zero: true"
        )
    raise CalibrationError(
        f"found {levels} different amounts, while a curve with {needed} parameters was asked for; "
        f"expected at least {needed}, or quantify.model: linear"
    )


def _least_squares(
    design: FloatArray, y: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Coefficients, (XᵀWX)⁻¹ and Σ w·r² by QR of the scaled design.

    Amounts of 10⁶ fmol and their squares beside a column of ones would cost ten digits unscaled.
    """
    root = np.sqrt(w)
    weighted = design * root[:, None]
    scale = np.sqrt((weighted**2).sum(axis=0))
    q, r = np.linalg.qr(weighted / scale)
    inverse = np.linalg.inv(r)
    coefficients = inverse @ (q.T @ (root * y)) / scale
    residuals = root * (y - design @ coefficients)
    unscaled = inverse @ inverse.T / np.outer(scale, scale)
    return coefficients, unscaled, float(residuals @ residuals)


def _check_growth(curve: Curve) -> None:
    if not curve.slope > 0:
        raise CalibrationError(
            f"found a slope of {curve.slope:.4g} per fmol; expected a response that grows with the "
            "amount"
        )
    if not curve.gradient(curve.high_fmol) > 0:
        top = -curve.slope / (2.0 * curve.curvature)
        raise CalibrationError(
            f"found a quadratic curve that turns at {decimal(top)} fmol, inside the calibrated "
            "range; expected a response that grows with the amount"
        )


def _lack_of_fit(
    x: FloatArray,
    y: FloatArray,
    w: FloatArray,
    place: npt.NDArray[np.int64],
    squares: float,
    n_parameters: int,
) -> float:
    """Probability of the weighted lack-of-fit test; replicates are points of one run and level."""
    cells = place * (x.size + 1) + level_numbers(x)
    pure, groups = 0.0, np.unique(cells)
    for cell in groups:
        own = cells == cell
        mean = float(w[own] @ y[own]) / float(w[own].sum())
        pure += float(w[own] @ (y[own] - mean) ** 2)
    df_pure, df_lack = x.size - groups.size, groups.size - n_parameters
    if df_pure < 1 or df_lack < 1:
        return math.nan
    return _f_test(max(squares - pure, 0.0), df_lack, pure, df_pure)


def _f_test(above: float, df_above: int, below: float, df_below: int) -> float:
    """Probability of the ratio of mean squares; 0 without scatter below, unless above has none."""
    from scipy.special import fdtrc

    if not below > 0:
        return 0.0 if above > 0 else 1.0
    ratio = max(above, 0.0) / df_above / (below / df_below)
    return float(fdtrc(df_above, df_below, ratio))
