"""The areas of the textbook: trapezoid, perpendicular drop, tangent and exponential skim.

Every function takes points, limits and what the baseline rests on, and knows nothing of traces,
analytes or noise.  Times are s, areas signal unit × s.

References
----------
Dyson N (1998) Chromatographic Integration Methods, 2nd ed., Royal Society of Chemistry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.clusters import lower_hull
from dialysis.integrate.measuring import area_between, savitzky_golay

Method = Literal["trapezoid", "drop", "tangent", "exponential"]


@dataclass(frozen=True, eq=False)
class Area:
    """An area with the baseline it was taken above.

    Parameters
    ----------
    method : {"trapezoid", "drop", "tangent", "exponential"}
        How it was taken.
    area : float
        Signal unit × s.
    start_s, end_s : float
        Limits, s.
    baseline_start, baseline_end : float
        Baseline at the limits, signal unit.
    times_s, baseline : ndarray of float64, shape (m,)
        The baseline from limit to limit at the limits and the points between them.
    """

    method: Method
    area: float
    start_s: float
    end_s: float
    baseline_start: float
    baseline_end: float
    times_s: FloatArray
    baseline: FloatArray


def trapezoid(
    times_s: FloatArray,
    signal: FloatArray,
    start_s: float,
    end_s: float,
    line_s: FloatArray | None = None,
    line: FloatArray | None = None,
) -> Area:
    """Area above a straight line, by the trapezoidal rule.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace; `times_s` increases.
    start_s, end_s : float
        Limits, s.
    line_s, line : ndarray of float64, shape (2,), optional
        Two points of the baseline: times (s) and values.  Without them it is the chord: the line
        between the trace's (interpolated) values at the limits.

    Raises
    ------
    ValueError
        If the limits are not inside the trace or not in order.
    """
    if line_s is None or line is None:
        line_s = np.array([start_s, end_s])
        line = np.interp(line_s, times_s, signal)
    level = _on_line(np.array([start_s, end_s]), line_s, line)
    area = area_between(times_s, signal, start_s, end_s, *level.tolist())
    inside_s = _inside(times_s, start_s, end_s)
    return Area(
        "trapezoid",
        area,
        start_s,
        end_s,
        float(level[0]),
        float(level[1]),
        inside_s,
        _on_line(inside_s, line_s, line),
    )


def perpendicular_drop(
    times_s: FloatArray,
    signal: FloatArray,
    bounds_s: Sequence[float],
    line_s: FloatArray | None = None,
    line: FloatArray | None = None,
) -> tuple[Area, ...]:
    """Areas of touching peaks above one line, parted by perpendiculars at their valleys.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace.
    bounds_s : sequence of float
        Start of the first peak, valleys, end of the last, s.
    line_s, line : ndarray of float64, shape (2,), optional
        Two points of the baseline; without them it is the chord from the first bound to the last.

    Returns
    -------
    tuple of Area
        One for every two neighbouring bounds; they add up to the area above the whole line.
    """
    if line_s is None or line is None:
        line_s = np.array([bounds_s[0], bounds_s[-1]])
        line = np.interp(line_s, times_s, signal)
    method: Method = "drop" if len(bounds_s) > 2 else "trapezoid"
    return tuple(
        replace(trapezoid(times_s, signal, start, end, line_s, line), method=method)
        for start, end in pairwise(bounds_s)
    )


def tangent_skim(
    times_s: FloatArray,
    signal: FloatArray,
    apex_s: float,
    start_s: float,
    end_s: float,
    reach: int = 0,
) -> Area:
    """Area of a peak on the flank of another above the line that touches the trace on both sides.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace.
    apex_s : float
        Apex of the rider, s; the line passes under it.
    start_s, end_s : float
        Limits between which the line may touch, s: the valley to the parent, and where the rider
        has gone.
    reach : int
        The touching points are sought on the trace smoothed over this many points to either side
        (Savitzky–Golay, quadratic), since a line under single points lies below the noise.

    Returns
    -------
    Area
        Its limits are the touching points.

    Raises
    ------
    ValueError
        If the apex is not between the limits, or fewer than five points are.
    """
    low, high = _points_between(times_s, start_s, end_s, apex_s)
    smoothed = savitzky_golay(signal, reach)
    inside_s, values = times_s[low:high], smoothed[low:high]
    hull = lower_hull(inside_s, values)
    right = int(np.clip(np.searchsorted(inside_s[hull], apex_s), 1, hull.size - 1))
    ends = hull[[right - 1, right]]
    line_s, line = inside_s[ends], values[ends]
    start_s, end_s = line_s.tolist()
    return replace(trapezoid(times_s, signal, start_s, end_s, line_s, line), method="tangent")


def exponential_skim(
    times_s: FloatArray,
    signal: FloatArray,
    start_s: float,
    end_s: float,
    line_s: FloatArray,
    line: FloatArray,
    reach: int = 0,
    noise: float = 0.0,
) -> Area:
    """Area of a peak on the flank of another above an exponential through the trace at its limits.

        B(t) = L(t) + h₁·(h₂/h₁)^((t − t₁)/(t₂ − t₁)),    h = y − L at the limits t₁ and t₂

    with L the straight baseline of the parent: exact on the exponential tail of an exponentially
    modified Gaussian, where the tangent cuts off the curvature.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace.
    start_s, end_s : float
        Limits of the rider, s.
    line_s, line : ndarray of float64, shape (2,)
        Two points of the parent's baseline: times (s) and values.
    reach : int
        The trace's values at the limits are smoothed over this many points to either side.
    noise : float
        Noise of these values, signal unit: what is lower than it, by up to three times as much, is
        raised to it, as of a flank that has died away an end may be below its baseline.

    Raises
    ------
    ValueError
        If there are fewer than five points between the limits or the trace is not above the
        parent's baseline at both.
    """
    _points_between(times_s, start_s, end_s, 0.5 * (start_s + end_s))
    smoothed = savitzky_golay(signal, reach)
    ends_s = np.array([start_s, end_s])
    above = np.interp(ends_s, times_s, smoothed) - _on_line(ends_s, line_s, line)
    if not (above > -3 * noise).all() or not (np.maximum(above, noise) > 0).all():
        raise ValueError(
            f"a trace {above[0]:.4g} and {above[1]:.4g} above the parent's baseline at the limits; "
            "expected more than 0"
        )
    above = np.maximum(above, noise)
    inside_s = _inside(times_s, start_s, end_s)
    part = (inside_s - start_s) / (end_s - start_s)
    baseline = _on_line(inside_s, line_s, line) + above[0] * (above[1] / above[0]) ** part
    values = np.interp(inside_s, times_s, signal)
    corrected = values - baseline
    area = float(np.dot(np.diff(inside_s), corrected[1:] + corrected[:-1])) / 2
    return Area(
        "exponential",
        area,
        start_s,
        end_s,
        float(baseline[0]),
        float(baseline[-1]),
        inside_s,
        baseline,
    )


def _inside(times_s: FloatArray, start_s: float, end_s: float) -> FloatArray:
    """The limits and the times of the points between them."""
    low = int(np.searchsorted(times_s, start_s, side="right"))
    high = int(np.searchsorted(times_s, end_s, side="left"))
    out: FloatArray = np.concatenate([[start_s], times_s[low:high], [end_s]])
    return out


def _on_line(at_s: FloatArray, line_s: FloatArray, line: FloatArray) -> FloatArray:
    """Values of the straight line through two points, outside them too."""
    out: FloatArray = line[0] + (line[1] - line[0]) / (line_s[1] - line_s[0]) * (at_s - line_s[0])
    return out


def _points_between(
    times_s: FloatArray, start_s: float, end_s: float, apex_s: float
) -> tuple[int, int]:
    """Positions of the points from limit to limit."""
    low = int(np.searchsorted(times_s, start_s))
    high = int(np.searchsorted(times_s, end_s, side="right"))
    if not start_s < apex_s < end_s or high - low < 5:
        raise ValueError(
            f"{max(high - low, 0)} points from {start_s:g} to {end_s:g} s and an apex at "
            f"{apex_s:g} s; expected at least 5 points with the apex between them"
        )
    return low, high
