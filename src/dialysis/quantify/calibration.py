"""Weighted calibration lines and their inverse prediction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialysis.chromatogram import FloatArray
from dialysis.errors import CalibrationError

WEIGHT_POWER = {"none": 0, "1/x": 1, "1/x2": 2}
SAME_AMOUNT = 1e-9
"""Relative difference up to which two amounts are one level: rounding of unit conversions."""


@dataclass(frozen=True)
class Line:
    """A fitted calibration line, response = intercept + slope × amount.

    Parameters
    ----------
    slope, intercept : float
        Response per fmol, and response at 0 fmol.
    slope_var, intercept_var, covariance : float
        Their variances and covariance; NaN without degrees of freedom, 0 for the intercept of a
        line through zero.
    residual_sd : float
        √(Σ w·r²/df): standard deviation of the response at weight 1; NaN without degrees of
        freedom.
    r2 : float
        Weighted coefficient of determination, about the weighted mean, or about zero for a line
        through zero; NaN when all responses are equal.
    n_points, df : int
        Points fitted and degrees of freedom.
    weight : str
        ``"none"``, ``"1/x"`` or ``"1/x2"``.
    through_zero : bool
        Whether the intercept was fixed at zero.
    low_fmol, high_fmol : float
        Lowest non-zero and highest amount fitted, fmol.
    """

    slope: float
    intercept: float
    slope_var: float
    intercept_var: float
    covariance: float
    residual_sd: float
    r2: float
    n_points: int
    df: int
    weight: str
    through_zero: bool
    low_fmol: float
    high_fmol: float

    def response(self, fmol: npt.ArrayLike) -> FloatArray:
        """Response of an amount."""
        return self.intercept + self.slope * np.asarray(fmol, dtype=np.float64)

    def amount(self, response: npt.ArrayLike) -> FloatArray:
        """Amount of a response, fmol; negative where the response is below the intercept."""
        return (np.asarray(response, dtype=np.float64) - self.intercept) / self.slope

    def response_variance(self, fmol: npt.ArrayLike) -> FloatArray:
        """Variance of one response at an amount, from the scatter of the standards.

        residual_sd² ÷ weight.  Below the lowest non-zero level the scatter is taken as that at
        this level: a weight that goes to infinity at 0 would claim a response without error.
        """
        amounts = np.maximum(np.asarray(fmol, dtype=np.float64), self.low_fmol)
        return np.asarray(
            self.residual_sd**2 * amounts ** WEIGHT_POWER[self.weight], dtype=np.float64
        )

    def amount_se(self, response: npt.ArrayLike, response_se: npt.ArrayLike) -> FloatArray:
        """Standard error of the amount of a single response, fmol.

        Parameters
        ----------
        response : array_like of float
            Measured response.
        response_se : array_like of float
            Its standard error from the integration; NaN when not known.

        Returns
        -------
        ndarray of float64
            √[(V_y + V_b + 2·x·C_bm + x²·V_m)/m²], with V_y the larger of the standards'
            scatter at this amount and `response_se`² (the scatter holds the integration error
            of the standards already, so that their sum would count it twice).  NaN without
            degrees of freedom.

        Notes
        -----
        First-order propagation through x = (y − b)/m, e.g. Miller & Miller, Statistics and
        Chemometrics for Analytical Chemistry, 6th ed., section 5.6 and 5.10 (weighted), with
        one replicate.
        """
        amount = self.amount(response)
        scatter = self.response_variance(amount)
        measured = np.asarray(response_se, dtype=np.float64) ** 2
        # np.maximum would let a NaN of the integration hide the scatter.
        variance_y = np.where(measured > scatter, measured, scatter)
        line = self.intercept_var + 2.0 * amount * self.covariance + amount**2 * self.slope_var
        # Rounding can push an all but zero quadratic form below zero.
        total = np.maximum(variance_y + np.maximum(line, 0.0), 0.0)
        return np.asarray(np.sqrt(total) / self.slope, dtype=np.float64)


def calibration_weights(fmol: npt.ArrayLike, weight: str) -> FloatArray:
    """Weights of calibration points: 1, 1/x or 1/x².

    A zero amount gets the weight of the lowest non-zero amount: 1/0 would force the line
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


def count_levels(fmol: npt.ArrayLike) -> int:
    """Number of different non-zero amounts; those within `SAME_AMOUNT` are one."""
    amounts = np.sort(np.asarray(fmol, dtype=np.float64))
    amounts = amounts[amounts > 0]
    if not amounts.size:
        return 0
    return 1 + int(np.sum(np.diff(amounts) > SAME_AMOUNT * amounts[1:]))


def fit_line(
    fmol: npt.ArrayLike,
    response: npt.ArrayLike,
    weight: str = "1/x",
    through_zero: bool = False,
) -> Line:
    """Fit a calibration line by weighted linear least squares.

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

    Returns
    -------
    Line

    Raises
    ------
    CalibrationError
        If there is no amount above zero, if one amount is to give slope and intercept, or if the
        slope is not positive.
    """
    x = np.asarray(fmol, dtype=np.float64)
    y = np.asarray(response, dtype=np.float64)
    if not np.any(x > 0):
        raise CalibrationError("found no standard with an amount above 0; expected at least one")
    w = calibration_weights(x, weight)
    if through_zero:
        center, center_y, inverse_weight = 0.0, 0.0, 0.0
    else:
        if float(np.ptp(x)) <= SAME_AMOUNT * float(x.max()):
            raise CalibrationError(
                f"found one amount only ({x[0]:.4g} fmol), which gives no intercept; expected at "
                "least two, or quantify.through_zero: true"
            )
        total_weight = float(w.sum())
        center, center_y = float(w @ x) / total_weight, float(w @ y) / total_weight
        inverse_weight = 1.0 / total_weight
    dx, dy = x - center, y - center_y
    spread = float(w @ dx**2)
    slope = float(w @ (dx * dy)) / spread
    if not slope > 0:
        raise CalibrationError(
            f"found a slope of {slope:.4g} per fmol; expected a response that grows with the amount"
        )
    intercept = 0.0 if through_zero else center_y - slope * center
    squares = float(w @ (dy - slope * dx) ** 2)
    total = float(w @ dy**2)
    df = x.size - (1 if through_zero else 2)
    variance = squares / df if df > 0 else math.nan
    return Line(
        slope=slope,
        intercept=intercept,
        slope_var=variance / spread,
        intercept_var=0.0 if through_zero else variance * (inverse_weight + center**2 / spread),
        covariance=0.0 if through_zero else -variance * center / spread,
        residual_sd=math.sqrt(variance),
        r2=1.0 - squares / total if total > 0 else math.nan,
        n_points=int(x.size),
        df=df,
        weight=weight,
        through_zero=through_zero,
        low_fmol=float(x[x > 0].min()),
        high_fmol=float(x.max()),
    )


def calibrate(
    fmol: npt.ArrayLike,
    response: npt.ArrayLike,
    n_levels: int,
    weight: str,
    through_zero: bool,
    min_levels: int,
) -> Line:
    """Fit the calibration line of one run and analyte, if its standards allow it.

    Parameters
    ----------
    fmol, response : array_like of float, shape (n,)
        Amounts and responses of the standards that can be used.
    n_levels : int
        Different non-zero nominal amounts among them (`count_levels`); scaled by the amount of
        the internal standard, `fmol` can differ within a level.
    weight, through_zero
        As for `fit_line`.
    min_levels : int
        Fewest different non-zero amounts.

    Returns
    -------
    Line

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
    return fit_line(fmol, response, weight, through_zero)
