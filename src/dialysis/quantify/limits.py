"""Limits of detection and quantification, with the name of how they were set.

The methods differ several-fold: a peak-to-peak noise h is about 5–6 σ, so that 2H/h = 3 is
an H/σ of about 8.  The name therefore always goes with the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialysis.quantify.calibration import Curve

GIVEN_LOQ_TO_LOD = 10.0 / 3.0


@dataclass(frozen=True)
class Limits:
    """Limits of one run and analyte.

    Parameters
    ----------
    lod_fmol, loq_fmol : float
        Limits of detection and quantification, fmol on column; NaN when they can't be told.
    method : str
        How they were set, in words.
    """

    lod_fmol: float
    loq_fmol: float
    method: str


def limits_from_snr(
    fmol: npt.ArrayLike,
    snr: npt.ArrayLike,
    detection: float,
    quantification: float,
    name: str,
) -> Limits:
    """Amounts at which the signal-to-noise ratio is `detection` and `quantification`.

    S/N is proportional to the amount as long as the noise is that of the baseline.  The
    proportion is the median of S/N ÷ amount over the standards, which one bad standard or one
    noisy trace does not move.

    Parameters
    ----------
    fmol, snr : array_like of float, shape (n,)
        Amounts and S/N of the standards; zero amounts and missing S/N are passed over.
    detection, quantification : float
        S/N at the limits.
    name : str
        Which S/N it is, ``"2H/h"`` (USP <621>, Ph. Eur. 2.2.46) or ``"H/σ"``.
    """
    amounts = np.asarray(fmol, dtype=np.float64)
    ratios = np.asarray(snr, dtype=np.float64)
    use = (amounts > 0) & (ratios > 0)
    method = f"S/N ({name}) {detection:g} and {quantification:g}"
    if not use.any():
        return Limits(math.nan, math.nan, method)
    per_fmol = float(np.median(ratios[use] / amounts[use]))
    return Limits(detection / per_fmol, quantification / per_fmol, method)


def limits_from_regression(curve: Curve) -> Limits:
    """Limits 3.3·σ/S and 10·σ/S from the calibration curve (ICH Q2(R1), section 6.3).

    σ is the residual standard deviation; of a weighted curve it is that at the lowest non-zero
    level, the one nearest the limit.  S is the slope, of a quadratic curve that at zero.  NaN
    without degrees of freedom.
    """
    sigma = float(np.sqrt(curve.response_variance(0.0)))
    return Limits(
        3.3 * sigma / curve.slope,
        10.0 * sigma / curve.slope,
        "regression (ICH Q2), 3.3σ/S and 10σ/S",
    )


def limits_given(lod_fmol: float) -> Limits:
    """Limit of detection stated by the lab; the limit of quantification is 10/3 of it."""
    return Limits(lod_fmol, lod_fmol * GIVEN_LOQ_TO_LOD, "given, LOQ = 10/3 LOD")


def limits(
    method: str,
    curve: Curve,
    fmol: npt.ArrayLike,
    snr_usp: npt.ArrayLike,
    snr_sigma: npt.ArrayLike,
    lod_given: float,
    detection: float,
    quantification: float,
) -> Limits:
    """Limits by the method of ``quantify.limits.method``.

    Parameters
    ----------
    method : {"auto", "snr_usp", "snr_sigma", "regression", "given"}
        How the limits are set; auto takes S/N (2H/h) where a standard has one, else the lab's
        own where there is one, else the regression: areas of other software come without noise.
    curve : Curve
        The calibration curve.
    fmol, snr_usp, snr_sigma : array_like of float, shape (n,)
        The standards the curve was fitted to.
    lod_given : float
        The `lod` of analytes.csv, fmol; NaN when there is none.
    detection, quantification : float
        S/N at the limits.
    """
    if method == "auto":
        method = _automatic(fmol, snr_usp, lod_given)
    if method == "snr_usp":
        return limits_from_snr(fmol, snr_usp, detection, quantification, "2H/h")
    if method == "snr_sigma":
        return limits_from_snr(fmol, snr_sigma, detection, quantification, "H/σ")
    if method == "regression":
        return limits_from_regression(curve)
    return limits_given(lod_given)


def _automatic(fmol: npt.ArrayLike, snr_usp: npt.ArrayLike, lod_given: float) -> str:
    amounts = np.asarray(fmol, dtype=np.float64)
    ratios = np.asarray(snr_usp, dtype=np.float64)
    if np.any((amounts > 0) & (ratios > 0)):
        return "snr_usp"
    return "regression" if math.isnan(lod_given) else "given"
