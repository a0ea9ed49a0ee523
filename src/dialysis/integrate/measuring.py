"""Measure peaks on the raw points: area, apex, widths, tailing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from dialysis.chromatogram import FloatArray

# So many equal values at the top of a peak are a detector at its limit.
CLIPPED_POINTS = 5
# A point this many σ and this part of the signal away from both its neighbours is a spike.
SPIKE_SIGMAS = 10.0
SPIKE_PART = 0.2
# A top this many times as wide as a Gaussian's, so deep below it at most, is flat.
FLAT_FACTOR = 1.8
FLAT_DEPTH = 0.05
# Flanks are smoothed over at most about so many points to a side; more are averaged first.
MOST_POINTS = 12


@dataclass(frozen=True)
class Shape:
    """Apex and widths of a peak; NaN where the peak does not reach the level on both sides.

    Parameters
    ----------
    apex_s : float
        Time of the apex, s.
    height : float
        Height above the baseline, signal unit.
    width_s : float
        Full width at half height, s.
    tailing : float
        USP tailing factor W₀.₀₅/(2f).
    """

    apex_s: float
    height: float
    width_s: float
    tailing: float


def area_between(
    times_s: FloatArray,
    signal: FloatArray,
    start_s: float,
    end_s: float,
    baseline_start: float,
    baseline_end: float,
    baseline_start_s: float | None = None,
    baseline_end_s: float | None = None,
) -> float:
    """Area between a trace and a straight baseline, by the trapezoidal rule.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace; `times_s` increases.
    start_s, end_s : float
        Limits, s.  Between two points the trace is interpolated linearly.
    baseline_start, baseline_end : float
        Values of the baseline, signal unit.
    baseline_start_s, baseline_end_s : float, optional
        Times of these values, s; the limits when not given.

    Returns
    -------
    float
        Signal unit × s; negative where the trace is below the baseline.

    Raises
    ------
    ValueError
        If the limits are not inside the trace or not in order.
    """
    if not times_s[0] <= start_s < end_s <= times_s[-1]:
        raise ValueError(
            f"limits {start_s:g} to {end_s:g} s; expected increasing times inside the trace, "
            f"{times_s[0]:g} to {times_s[-1]:g} s"
        )
    low = int(np.searchsorted(times_s, start_s, side="right"))
    high = int(np.searchsorted(times_s, end_s, side="left"))
    ends = np.interp([start_s, end_s], times_s, signal)
    times = np.concatenate([[start_s], times_s[low:high], [end_s]])
    values = np.concatenate([[ends[0]], signal[low:high], [ends[1]]])
    total = float(np.dot(np.diff(times), values[1:] + values[:-1])) / 2
    at_start = start_s if baseline_start_s is None else baseline_start_s
    at_end = end_s if baseline_end_s is None else baseline_end_s
    slope = (baseline_end - baseline_start) / (at_end - at_start)
    middle = baseline_start + slope * (0.5 * (start_s + end_s) - at_start)
    return total - middle * (end_s - start_s)


def measure_shape(
    times_s: FloatArray,
    corrected: FloatArray,
    apex_s: float,
    left_s: float,
    right_s: float,
    start_s: float,
    end_s: float,
    sigma: float,
) -> Shape:
    """Apex by a parabola, widths from a Savitzky–Golay smoothed flank.

    Parameters
    ----------
    times_s, corrected : ndarray of float64, shape (n,)
        Raw points above the baseline.
    apex_s, left_s, right_s : float
        Apex and half widths at half height as detected on blocks, s.
    start_s, end_s : float
        Limits of the peak, s.
    sigma : float
        Noise σ of a point, signal unit; tailing is measured when 5 % of the height is above it.

    Notes
    -----
    The parabola is a least-squares fit to the points within 0.4 half widths of the apex; there
    a Gaussian differs from it by less than 0.1 % of the height.
    """
    low = max(0, int(np.searchsorted(times_s, start_s)) - 1)
    high = min(times_s.size, int(np.searchsorted(times_s, end_s, side="right")) + 1)
    times, values = times_s[low:high], corrected[low:high]
    apex_s, height = _parabola(times, values, apex_s, 0.4 * left_s, 0.4 * right_s)
    step = float(times[-1] - times[0]) / (times.size - 1)
    # A quadratic over half the full width follows a Gaussian's flank within 0.5 % of its width.
    reach = int(0.25 * (left_s + right_s) / step)
    together = reach // MOST_POINTS
    if together > 1:
        n = times.size // together
        times = times[: n * together].reshape(n, together).mean(axis=1)
        values = values[: n * together].reshape(n, together).mean(axis=1)
        reach //= together
    smoothed = savitzky_golay(values, reach)
    apex = int(np.clip(np.searchsorted(times, apex_s), 1, times.size - 2))
    left, right = _crossings(times, smoothed, apex, 0.5 * height)
    width = right - left
    tailing = float("nan")
    if 0.05 * height > sigma:
        front, tail = _crossings(times, smoothed, apex, 0.05 * height)
        if apex_s > front:
            tailing = (tail - front) / (2 * (apex_s - front))
    return Shape(apex_s, height, width, tailing)


def _parabola(
    times: FloatArray, values: FloatArray, apex_s: float, left_s: float, right_s: float
) -> tuple[float, float]:
    """Apex and height of a least-squares parabola around a maximum."""
    low = int(np.searchsorted(times, apex_s - left_s))
    high = int(np.searchsorted(times, apex_s + right_s, side="right"))
    if high - low < 5:
        middle = int(np.argmin(np.abs(times - apex_s)))
        low, high = max(0, middle - 2), min(times.size, middle + 3)
    scale = max(left_s, right_s)
    # Centred, so that the odd sums nearly vanish and the normal equations are well conditioned.
    middle_s = 0.5 * float(times[low] + times[high - 1])
    x = (times[low:high] - middle_s) / scale
    y = values[low:high]
    squared = x * x
    s1, s2 = float(x.sum()), float(squared.sum())
    s3, s4 = float(squared @ x), float(squared @ squared)
    y0, y1, y2 = float(y.sum()), float(x @ y), float(squared @ y)
    # The normal equations, eliminated by hand: a solver costs more than the sums.
    n = float(x.size)
    a, b, c = s2 - s1 * s1 / n, s3 - s1 * s2 / n, s4 - s2 * s2 / n
    y1, y2 = y1 - s1 * y0 / n, y2 - s2 * y0 / n
    curvature = (y2 - b * y1 / a) / (c - b * b / a)
    slope = (y1 - b * curvature) / a
    offset = (y0 - s1 * slope - s2 * curvature) / n
    top = -slope / (2 * curvature) if curvature < 0 else float("inf")
    if not x[0] <= top <= x[-1]:
        best = low + int(np.argmax(values[low:high]))
        return float(times[best]), float(values[best])
    return middle_s + top * scale, offset + 0.5 * slope * top


def savitzky_golay(values: FloatArray, reach: int) -> FloatArray:
    """Quadratic Savitzky–Golay smoothing over 2·reach + 1 points; the ends are repeated."""
    reach = min(reach, (values.size - 1) // 2)
    if reach < 2:
        return values
    padded = edges_repeated(values, reach)
    out: FloatArray = np.convolve(padded, _quadratic_kernel(reach), mode="valid")
    return out


def edges_repeated(values: FloatArray, reach: int) -> FloatArray:
    """Values with the first and the last repeated `reach` times."""
    padded = np.empty(values.size + 2 * reach)
    padded[:reach] = values[0]
    padded[reach : reach + values.size] = values
    padded[reach + values.size :] = values[-1]
    return padded


def savitzky_golay_slope(values: FloatArray, reach: int) -> FloatArray:
    """Slope per point of a least-squares parabola over 2·reach + 1 points; the ends are repeated.

    On an even grid it is that of a straight line: Σ k·y_k / Σ k².
    """
    k = np.arange(-reach, reach + 1, dtype=np.float64)
    padded = edges_repeated(values, reach)
    out: FloatArray = np.convolve(padded, -k / float(k @ k), mode="valid")
    return out


@lru_cache(maxsize=256)
def _quadratic_kernel(reach: int) -> FloatArray:
    """Weights of the value at the middle of a least-squares parabola."""
    k = np.arange(-reach, reach + 1, dtype=np.float64)
    n = k.size
    second, fourth = float(np.sum(k**2)), float(np.sum(k**4))
    kernel: FloatArray = (fourth - second * k**2) / (n * fourth - second**2)
    return kernel


def longest_gap(gaps: Sequence[tuple[float, float]], start_s: float, end_s: float) -> float:
    """Longest part of a gap of the recording between two times, s."""
    return max([0.0, *(min(end, end_s) - max(start, start_s) for start, end in gaps)])


def point_flags(
    signal: FloatArray, corrected: FloatArray, sigma: float, bridged: bool = False
) -> list[str]:
    """Say what is odd about the points of a peak.

    Parameters
    ----------
    signal, corrected : ndarray of float64, shape (n,)
        Points of the peak as recorded and above the baseline.
    sigma : float
        Noise σ of a point, signal unit.
    bridged : bool
        Whether a spike among them was bridged.

    Returns
    -------
    list of str
        ``clipped``: equal values at the top; ``flat_top``: a top flatter than a peak's;
        ``spike``: a point that stands out, bridged or not.
    """
    flags = []
    at_top = signal == signal.max()
    if np.count_nonzero(at_top) >= CLIPPED_POINTS and _longest_run(at_top) >= CLIPPED_POINTS:
        flags.append("clipped")
    elif _flat_topped(corrected, sigma):
        flags.append("flat_top")
    if bridged or _spiked(signal, corrected, sigma):
        flags.append("spike")
    return flags


def _spiked(signal: FloatArray, corrected: FloatArray, sigma: float) -> bool:
    """Whether a point stands out of its neighbours."""
    apart = np.abs(signal[1:-1] - 0.5 * (signal[:-2] + signal[2:]))
    odd = np.flatnonzero(apart > SPIKE_SIGMAS * sigma)
    level = np.maximum(np.abs(corrected[odd]), np.abs(corrected[odd + 2]))
    return bool(np.any(apart[odd] > SPIKE_PART * level))


def _longest_run(holds: npt.NDArray[np.bool_]) -> int:
    """Most true values in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], holds.astype(np.int8), [0]])))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _flat_topped(corrected: FloatArray, sigma: float) -> bool:
    """Whether the top, a few σ deep, is much wider than that of a Gaussian as wide at half height.

    A detector at its limit with noise, or two peaks in one.
    """
    top = int(np.argmax(corrected))
    height = float(corrected[top])
    depth = 6 * sigma + 0.005 * height
    if not 0 < depth < FLAT_DEPTH * height:
        return False
    half = _run_around(corrected > 0.5 * height, top)
    if half is None:
        return False
    # Noise may part the top: it lasts from its first to its last point.
    high = np.flatnonzero(corrected[half[0] : half[1]] > height - depth)
    expected = np.sqrt(np.log(1 / (1 - depth / height)) / np.log(2.0)) * (half[1] - half[0])
    width = int(high[-1] - high[0])
    return width >= CLIPPED_POINTS and width > FLAT_FACTOR * float(expected)


def _run_around(holds: npt.NDArray[np.bool_], at: int) -> tuple[int, int] | None:
    """Start and end of the run of true values around a place; None when it reaches an end."""
    before = first_true(~holds[:at][::-1])
    after = first_true(~holds[at:])
    return None if before < 0 or after < 0 else (at - before, at + after)


def _crossings(
    times: FloatArray, values: FloatArray, apex: int, level: float
) -> tuple[float, float]:
    """Times at which a peak crosses a level on either side; NaN where it does not."""
    left = right = float("nan")
    out = first_true(values[:apex][::-1] < level)
    if out >= 0:
        i = apex - 1 - out
        part = (level - values[i]) / (values[i + 1] - values[i])
        left = float(times[i] + part * (times[i + 1] - times[i]))
    out = first_true(values[apex + 1 :] < level)
    if out >= 0:
        i = apex + 1 + out
        part = (level - values[i]) / (values[i - 1] - values[i])
        right = float(times[i] + part * (times[i - 1] - times[i]))
    return left, right


def first_true(holds: npt.NDArray[np.bool_]) -> int:
    """Position of the first true value, −1 when there is none."""
    if not holds.size:
        return -1
    first = int(holds.argmax())
    return first if holds[first] else -1
