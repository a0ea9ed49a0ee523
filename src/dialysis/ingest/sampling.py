"""From printed times to a sampling interval, or to times of their own."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.ingest.numbers import NumberFormat

# Rounding of the arithmetic, in intervals.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Sampling:
    """When the points of a trace were taken.

    Parameters
    ----------
    start_s, interval_s : float
        First time and distance of the points (median when not uniform), in s.
    time_s : ndarray of float64, shape (n,), or None
        All times in s when sampling is not uniform.
    """

    start_s: float
    interval_s: float
    time_s: FloatArray | None = None


def printed_step(cells: Iterable[str], form: NumberFormat) -> float:
    """Return the last digit of the largest times: 1e-5 for ``54.91667``.

    Programs print a number of decimals or of significant digits, and may leave out zeros at the
    end.  The cell with most significant digits tells how many the largest time has.

    Parameters
    ----------
    cells : iterable of str
        Times as printed, among them the largest.
    form : NumberFormat
        Marks they are printed with.
    """
    digits, largest = 0, 0.0
    for cell in cells:
        value = form.number(cell)
        if value:
            mantissa = re.split("[eE]", cell)[0]
            digits = max(digits, len(re.sub("[^0-9]", "", mantissa).lstrip("0")))
            largest = max(largest, abs(value))
    if not largest:
        return 0.0
    return float(10.0 ** (math.floor(math.log10(largest)) + 1 - digits))


def sampling(times: FloatArray, step: float, unit_s: float = 60.0) -> Sampling:
    """Tell uniform sampling from other, as far as the printed digits allow.

    Parameters
    ----------
    times : ndarray of float64, shape (n,)
        Times of all points, increasing; n is at least 2.
    step : float
        Last digit the largest times are printed with, in the unit of `times`.
    unit_s : float
        Unit of `times` in s.

    Notes
    -----
    A printed time is known to half its last digit, so a point may lie off the straight line
    between the first and the last by a whole one (never by a quarter of an interval).  The
    interval is then the shortest decimal number of s that the first and the last time allow,
    0.5 rather than 0.50000003.
    """
    n = times.size
    with np.errstate(over="ignore", invalid="ignore"):
        interval = (times[-1] - times[0]) / (n - 1)
        line = times[0] + np.arange(n) * interval
        allowed = min(step, interval / 4) + _ROUNDING * interval
        uniform = bool(np.all(np.abs(times - line) <= allowed))
        in_s = times * unit_s
        if not uniform:
            return Sampling(float(in_s[0]), float(np.median(np.diff(in_s))), in_s)
        known_to = unit_s * (step + 1e-9 * interval) / (n - 1)
    return Sampling(float(in_s[0]), _shortest(float(interval) * unit_s, known_to))


def _shortest(value: float, known_to: float) -> float:
    """Return the number with fewest decimals within `known_to` of a value."""
    if not np.isfinite(value):
        return value
    for decimals in range(12):
        rounded = round(value, decimals)
        if abs(rounded - value) <= known_to and (rounded or not value):
            return rounded
    return value
