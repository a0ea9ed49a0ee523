"""Measure a peak of a trace again: between other limits, or above another baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.analysis import (
    Peak,
    TraceAnalysis,
    line_area_weights,
    signal_to_noise,
)
from dialysis.integrate.blocks import block_means
from dialysis.integrate.classical import Area, exponential_skim, tangent_skim, trapezoid
from dialysis.integrate.detection import half_widths
from dialysis.integrate.emg import fit_emg
from dialysis.integrate.measuring import (
    longest_gap,
    measure_shape,
    point_flags,
    savitzky_golay,
)

# Classical methods that may be asked for beside the automatic trapezoid or drop.
CLASSICAL_WAYS = ("tangent", "exponential", "emg")
# A tangent touches, and an exponential starts and ends on, the trace smoothed over this part of
# the width at half height to either side.
SMOOTHED_PART = 0.25
# An EMG is fitted with the neighbours that are nearer than this many widths, over the stretch
# from this many widths before the first to so many behind the last.
NEIGHBOUR_WIDTHS = 4.0
BEFORE_WIDTHS, BEHIND_WIDTHS = 2.0, 3.0


def automatic_level(peak: Peak, analysis: TraceAnalysis, at_s: FloatArray) -> FloatArray:
    """The baseline that a peak was measured above, extended to other times, signal unit."""
    if analysis.baseline is not None and "local_baseline" not in peak.flags:
        return analysis.baseline.at(at_s)
    slope = (peak.baseline_end - peak.baseline_start) / (peak.end_s - peak.start_s)
    out: FloatArray = peak.baseline_start + slope * (at_s - peak.start_s)
    return out


def above_automatic(peak: Peak, analysis: TraceAnalysis, start_s: float, end_s: float) -> Area:
    """Area between limits above the baseline that a peak was measured above."""
    times_s = _with_ends(analysis.times_s, start_s, end_s)
    level = automatic_level(peak, analysis, times_s)
    corrected = np.interp(times_s, analysis.times_s, analysis.signal) - level
    area = trapezoid(times_s, corrected, start_s, end_s, times_s[[0, -1]], np.zeros(2)).area
    ends = float(level[0]), float(level[-1])
    return Area("trapezoid", area, start_s, end_s, *ends, times_s, level)


def remeasure(analysis: TraceAnalysis, peak: Peak, method: str) -> Peak:
    """Measure a peak in another classical way, within its limits.

    Parameters
    ----------
    analysis : TraceAnalysis
        The trace.
    peak : Peak
        A peak with classical limits.
    method : {"trapezoid", "drop", "tangent", "exponential", "emg"}
        ``trapezoid`` and ``drop`` leave it as it is: which of the two it is depends on its
        neighbours.

    Raises
    ------
    ValueError
        If the peak can't be measured so.
    """
    if method in ("trapezoid", "drop"):
        return peak
    if analysis.baseline is None:
        raise ValueError("a flat trace; expected a peak")
    if method == "emg":
        return _by_emg(analysis, peak)
    reach = smoothing_reach(analysis, peak)
    times_s, signal = analysis.times_s, analysis.signal
    if method == "tangent":
        area = tangent_skim(times_s, signal, peak.rt_s, peak.start_s, peak.end_s, reach)
    elif method == "exponential":
        ends_s = np.array([peak.start_s, peak.end_s])
        level = automatic_level(peak, analysis, ends_s)
        area = exponential_skim(
            times_s,
            signal,
            peak.start_s,
            peak.end_s,
            ends_s,
            level,
            reach,
            analysis.noise.sigma,
        )
    else:
        raise ValueError(
            f"method '{method}'; expected trapezoid, drop, tangent, exponential or emg"
        )
    return measure_above(analysis, area, area.method, kept_flags(peak))


def in_their_way(
    analysis: TraceAnalysis, peaks: Sequence[Peak], methods: Mapping[int, str]
) -> tuple[Peak, ...]:
    """Measure some peaks of a trace in the classical way that was asked for.

    Parameters
    ----------
    analysis : TraceAnalysis
        The trace.
    peaks : sequence of Peak
        Its classical peaks.
    methods : mapping of int to str
        Method by position of the peak; peaks that a person measured stay as they are.

    Returns
    -------
    tuple of Peak
        A peak that can't be measured so stays as it is, flagged ``method_failed``.
    """
    out = list(peaks)
    for i, method in methods.items():
        if "manual" in peaks[i].flags:
            continue
        try:
            out[i] = remeasure(analysis, peaks[i], method)
        except ValueError:
            out[i] = replace(peaks[i], flags=(*peaks[i].flags, "method_failed"))
    return tuple(out)


def measure_above(
    analysis: TraceAnalysis,
    found: Area,
    method: str,
    flags: Sequence[str] = (),
    smooth: bool = False,
) -> Peak:
    """Measure a peak above a baseline that is given.

    Parameters
    ----------
    analysis : TraceAnalysis
        The trace.
    found : Area
        The area with its limits and baseline.
    method : str
        What the row of the peak says.
    flags : sequence of str
        Flags beside those of the points.
    smooth : bool
        Whether the baseline is the trace's own smooth one, for the standard error; else it rests
        on the trace at the limits.

    Raises
    ------
    ValueError
        If there are fewer than five points between the limits or the trace is flat.
    """
    times_s, signal = analysis.times_s, analysis.signal
    low = int(np.searchsorted(times_s, found.start_s, side="right"))
    high = int(np.searchsorted(times_s, found.end_s))
    inside = slice(low, high)
    if high - low < 5 or analysis.baseline is None:
        what = "a flat trace" if analysis.baseline is None else f"{high - low} points"
        raise ValueError(f"{what} there; expected a peak of at least 5 points")
    part = slice(max(0, low - 1), high + 1)
    corrected = signal[part] - np.interp(times_s[part], found.times_s, found.baseline)
    top, left_s, right_s = _top(times_s[part], corrected, found.start_s, found.end_s)
    shape = measure_shape(
        times_s[part], corrected, top, left_s, right_s, found.start_s, found.end_s, analysis.sigma
    )
    width_s = shape.width_s if np.isfinite(shape.width_s) else left_s + right_s
    height = shape.height
    h = float(analysis.peak_to_peak_at(np.array([shape.apex_s]), np.array([width_s]))[0])
    own = point_flags(
        signal[inside], signal[inside] - _level(found, times_s[inside]), analysis.sigma
    )
    if longest_gap(analysis.gaps, found.start_s, found.end_s) > 0:
        own.append("gap")
    if not np.isfinite(shape.width_s):
        own.append("width_estimated")
    return Peak(
        rt_s=shape.apex_s,
        start_s=found.start_s,
        end_s=found.end_s,
        baseline_start=found.baseline_start,
        baseline_end=found.baseline_end,
        area=found.area,
        area_se=_standard_error(analysis, found, smooth),
        height=height,
        width_s=width_s,
        snr_usp=signal_to_noise(2 * height, h),
        snr_sigma=signal_to_noise(height, analysis.sigma),
        tailing=shape.tailing,
        resolution=float("nan"),
        method=method,
        flags=tuple(dict.fromkeys([*flags, *own])),
    )


def smoothing_reach(analysis: TraceAnalysis, peak: Peak) -> int:
    """Points to either side that a peak's flank may be smoothed over."""
    step = float(np.median(np.diff(analysis.times_s)))
    return int(SMOOTHED_PART * peak.width_s / step)


def kept_flags(peak: Peak) -> tuple[str, ...]:
    """Flags of a peak that stay true whatever it is measured above."""
    return tuple(f for f in peak.flags if f in ("edge", "front", "unresolved", "riding"))


def _by_emg(analysis: TraceAnalysis, peak: Peak) -> Peak:
    """Area by an EMG, fitted together with its neighbours above a local line."""
    assert analysis.baseline is not None
    group = [
        other
        for other in analysis.peaks
        if abs(other.rt_s - peak.rt_s) < NEIGHBOUR_WIDTHS * max(peak.width_s, other.width_s)
    ]
    if peak not in group:
        group = [peak, *group]
    first, last = min(group, key=lambda p: p.rt_s), max(group, key=lambda p: p.rt_s)
    blocks = analysis.baseline.blocks
    used = (
        blocks.filled
        & (blocks.times_s > first.rt_s - BEFORE_WIDTHS * first.width_s)
        & (blocks.times_s < last.rt_s + BEHIND_WIDTHS * last.width_s)
    )
    fit = fit_emg(
        blocks.times_s[used],
        blocks.signal[used],
        [p.rt_s for p in group],
        [p.width_s for p in group],
        degree=2 if "front" in peak.flags else 1,
    )
    if not fit.converged:
        raise ValueError("a fit that ended at its bounds; expected a peak of that shape")
    own = fit.peaks[group.index(peak)]
    flags = peak.flags if fit.misfit(analysis.noise.sigma) < 2 else (*peak.flags, "misfit")
    ends_s = np.array([peak.start_s, peak.end_s])
    level = np.interp(ends_s, blocks.times_s[used], fit.baseline).tolist()
    # The scatter of the residuals as white noise is too little where noise is 1/f.
    error = max(own.area_se, peak.area_se)
    return replace(
        peak,
        area=own.area,
        area_se=error,
        baseline_start=level[0],
        baseline_end=level[1],
        method="emg",
        flags=flags,
    )


def _top(
    times_s: FloatArray, corrected: FloatArray, start_s: float, end_s: float
) -> tuple[float, float, float]:
    """Highest place of a smoothed stretch and its half widths, s."""
    step = float(times_s[-1] - times_s[0]) / (times_s.size - 1)
    smoothed = savitzky_golay(corrected, int(0.06 * (end_s - start_s) / step))
    inside = (times_s > start_s) & (times_s < end_s)
    apex = int(np.argmax(np.where(inside, smoothed, -np.inf)))
    left, right = half_widths(smoothed, apex, 0, smoothed.size - 1, 0.5 * float(smoothed[apex]))
    return float(times_s[apex]), max(left, 1.0) * step, max(right, 1.0) * step


def _standard_error(analysis: TraceAnalysis, found: Area, smooth: bool) -> float:
    """Standard error of an area from noise, signal unit × s.

    A baseline that rests on the trace's values at the limits counts with half the width at each;
    being single points, they carry more white noise than blocks.
    """
    assert analysis.baseline is not None
    ends_s = np.array([found.start_s, found.end_s])
    if smooth:
        weights = analysis.baseline.area_weights(ends_s[:1], ends_s[1:])
        return float(analysis.noise.standard_errors(weights)[0])
    step = analysis.baseline.blocks.interval_s
    blocks = block_means(analysis.times_s, analysis.signal, step)
    weights = line_area_weights(blocks, found.start_s, found.end_s, ends_s)
    half = 0.5 * (found.end_s - found.start_s)
    error = float(analysis.noise.standard_errors(weights[None, :])[0])
    extra = max(0.0, analysis.sigma**2 - analysis.noise.white)
    return float(np.sqrt(error**2 + 2 * half**2 * extra))


def _with_ends(times_s: FloatArray, start_s: float, end_s: float) -> FloatArray:
    """The limits and the times of the points between them."""
    inside = times_s[(times_s > start_s) & (times_s < end_s)]
    out: FloatArray = np.concatenate([[start_s], inside, [end_s]])
    return out


def _level(found: Area, at_s: FloatArray) -> FloatArray:
    """The baseline of an area at some times inside it."""
    out: FloatArray = np.interp(at_s, found.times_s, found.baseline)
    return out
