"""Find peaks on the baseline-corrected blocks and set the limits between which each is measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.signal import find_peaks, peak_widths

from dialysis.chromatogram import FloatArray
from dialysis.integrate.blocks import BoolArray
from dialysis.integrate.measuring import edges_repeated, first_true

IntArray = npt.NDArray[np.int64]

# Standard deviation of the Gaussian the blocks are smoothed with, blocks.
SMOOTHING_BLOCKS = 1.5
# Limits lie at least this many half widths (at half height) from the apex.  An EMG peak with
# τ/σ = 0.7 loses 0.01 % of its area in front of the start and 0.13 % behind the end.
FRONT_HALF_WIDTHS = 3.0
TAIL_HALF_WIDTHS = 3.5
# A tail that is still visible there is followed, at most this far.
MAX_FRONT_HALF_WIDTHS = 6.0
MAX_TAIL_HALF_WIDTHS = 9.0
# Visible: above this part of the height and this many σ of the smoothed trace.
TAIL_HEIGHT = 0.0005
TAIL_SIGMAS = 2.0
# The baseline is believed around a peak when the lowest point within this many half widths (at
# half the prominence) differs from it by less than this part of the height or this many σ.
ZERO_HALF_WIDTHS = 20.0
ZERO_HEIGHT = 0.05
ZERO_SIGMAS = 8.0
# Half the distance between the crossings of a Gaussian's half height, in units of its σ.
HALF_WIDTH_PER_SIGMA = 1.1774100225154747
_SMOOTHING = np.exp(-0.5 * (np.arange(-6, 7) / SMOOTHING_BLOCKS) ** 2)
_SMOOTHING /= _SMOOTHING.sum()


@dataclass(frozen=True, eq=False)
class Candidates:
    """Peaks of a trace by time, with what is needed to measure them.

    All arrays have shape (m,).

    Parameters
    ----------
    apex : ndarray of int
        Block of the apex.
    apex_s, height : ndarray of float64
        Time (s) and height of the apex of the smoothed blocks, above the line where `local`.
    left_s, right_s : ndarray of float64
        Half widths at half height, s, without the smoothing's part.
    start_s, end_s : ndarray of float64
        Limits of the integration, s.
    start_shared, end_shared : ndarray of bool
        Whether the limit is the valley to the neighbour (perpendicular drop).
    start_cut, end_cut : ndarray of bool
        Whether the limit is the end of the trace.
    local : ndarray of bool
        Whether the peak is measured above a straight line between two points of the trace,
        because the baseline does not follow the trace there.
    line_start_s, line_end_s : ndarray of float64
        Ends of that line, s; NaN where there is none.
    """

    apex: IntArray
    apex_s: FloatArray
    height: FloatArray
    left_s: FloatArray
    right_s: FloatArray
    start_s: FloatArray
    end_s: FloatArray
    start_shared: BoolArray
    end_shared: BoolArray
    start_cut: BoolArray
    end_cut: BoolArray
    local: BoolArray
    line_start_s: FloatArray
    line_end_s: FloatArray

    @property
    def n(self) -> int:
        """Number of peaks."""
        return int(self.apex.size)

    def free_blocks(
        self, times_s: FloatArray, interval_s: float, widened: float = 1.0
    ) -> BoolArray:
        """Blocks that lie in no peak, shape (n,).

        With `widened` the limits are taken that many times as far from the apex.
        """
        start_s = self.apex_s - widened * (self.apex_s - self.start_s)
        end_s = self.apex_s + widened * (self.end_s - self.apex_s)
        start = np.searchsorted(times_s + 0.5 * interval_s, start_s)
        end = np.searchsorted(times_s - 0.5 * interval_s, end_s)
        depth = np.zeros(times_s.size + 1)
        np.add.at(depth, start, 1)
        np.add.at(depth, end, -1)
        return np.asarray(np.cumsum(depth[:-1]) == 0)


def smooth_blocks(values: FloatArray) -> FloatArray:
    """Smooth blocks with a Gaussian of `SMOOTHING_BLOCKS`; the ends are repeated."""
    padded = edges_repeated(values, _SMOOTHING.size // 2)
    out: FloatArray = np.convolve(padded, _SMOOTHING, mode="valid")
    return out


def find_apexes(
    smoothed: FloatArray, prominence: float, sigma: float, widest: float
) -> tuple[IntArray, FloatArray, BoolArray]:
    """Find peaks by their prominence.

    Parameters
    ----------
    smoothed : ndarray of float64, shape (n,)
        Blocks above the baseline, smoothed by `smooth_blocks`.
    prominence : float
        Smallest prominence, signal unit.
    sigma : float
        Noise σ of a block, signal unit.
    widest : float
        Largest full width at half height, blocks; what is wider belongs to the baseline.

    Returns
    -------
    apexes : ndarray of int, shape (m,)
        Blocks of the apexes.
    half : ndarray of float64, shape (m, 2)
        Half widths at half height to the left and right, in blocks, without the smoothing's part.
    local : ndarray of bool, shape (m,)
        Whether the trace does not come back to the baseline around the peak, so that the peak
        has to be measured above a local line.
    """
    apexes, found = find_peaks(smoothed, prominence=prominence)
    if not apexes.size:
        return apexes.astype(np.int64), np.zeros((0, 2)), np.zeros(0, bool)
    bases = (found["prominences"], found["left_bases"], found["right_bases"])
    _, _, left, right = peak_widths(smoothed, apexes, rel_height=0.5, prominence_data=bases)
    listed = apexes.tolist()
    valleys = [low + int(smoothed[low : high + 1].argmin()) for low, high in pairwise(listed)]
    bounds = np.array([0, *valleys, smoothed.size - 1])
    prominent = np.column_stack([apexes - left, right - apexes])
    local = ~_back_at_zero(smoothed, apexes, prominent.max(axis=1), sigma)
    half = _half_widths(smoothed, apexes, bounds)
    for i in np.flatnonzero(local).tolist():
        before, behind = prominent[i].tolist()
        low, high = int(bounds[i]), int(bounds[i + 1])
        half[i] = local_half_widths(smoothed, listed[i], (before, behind), low, high)
    # The Gaussian's own width is taken off again: variances add.
    own = HALF_WIDTH_PER_SIGMA * SMOOTHING_BLOCKS
    half = np.sqrt(np.maximum(half**2 - own**2, (0.5 * half) ** 2))
    # Narrower than two blocks is a spike, no peak.
    full = half.sum(axis=1)
    peak = (full >= 2.0) & (full <= widest)
    return apexes[peak].astype(np.int64), half[peak], local[peak]


def _back_at_zero(
    smoothed: FloatArray, apexes: IntArray, half: FloatArray, sigma: float
) -> BoolArray:
    """Whether the lowest point around each peak is at the baseline, neither above nor below."""
    reach = ZERO_HALF_WIDTHS * half
    # One value more, so that every window has an end.
    padded = np.append(smoothed, np.inf)
    low = np.maximum(apexes - reach, 0.0).astype(np.int64)
    high = np.minimum((apexes + reach).astype(np.int64) + 2, smoothed.size)
    lowest = np.minimum.reduceat(padded, np.column_stack([low, high]).ravel())[::2]
    allowed = np.maximum(ZERO_HEIGHT * (smoothed[apexes] - lowest), ZERO_SIGMAS * sigma)
    return np.asarray(np.abs(lowest) <= allowed)


def _half_widths(smoothed: FloatArray, apexes: IntArray, bounds: IntArray) -> FloatArray:
    """Half widths of all peaks at half their height, each inside its bounds, blocks, (m, 2).

    As `half_widths`, but with SciPy's search for the crossings.
    """
    out = np.empty((apexes.size, 2))
    height = smoothed[apexes]
    above = height > 0
    for i in np.flatnonzero(~above).tolist():
        # Below the baseline there is no half height to search down to.
        apex, first, last = int(apexes[i]), int(bounds[i]), int(bounds[i + 1])
        out[i] = half_widths(smoothed, apex, first, last, 0.5 * float(height[i]))
    low, high = bounds[:-1][above], bounds[1:][above]
    # At half of this "prominence" below the apex lies the half height.
    levels = (height[above], low, high)
    top = apexes[above]
    _, _, left, right = peak_widths(smoothed, top, rel_height=0.5, prominence_data=levels)
    front, tail = top - left, right - top
    # A search that ends at a bound has found nothing.
    no_front, no_tail = left <= low, right >= high
    out[above, 0] = np.where(no_front, np.where(no_tail, top - low, tail), front)
    out[above, 1] = np.where(no_tail, np.where(no_front, high - top, front), tail)
    return out


def half_widths(
    values: FloatArray, apex: int, low: int, high: int, level: float
) -> tuple[float, float]:
    """Half widths at a level, blocks; a side that a valley cuts off takes the other's.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Blocks above the baseline.
    apex, low, high : int
        Blocks of the apex and of the bounds.
    level : float
        Where the width is taken, signal unit.
    """
    left = right = 0.0
    out = first_true(values[low:apex][::-1] < level)
    if out >= 0:
        i = apex - 1 - out
        left = apex - i - (level - values[i]) / (values[i + 1] - values[i])
    out = first_true(values[apex + 1 : high + 1] < level)
    if out >= 0:
        i = apex + 1 + out
        right = i - apex - (level - values[i]) / (values[i - 1] - values[i])
    if not left and not right:
        left, right = float(apex - low), float(high - apex)
    return float(left or right), float(right or left)


def local_half_widths(
    smoothed: FloatArray, apex: int, half: tuple[float, float], low: int, high: int
) -> tuple[float, float]:
    """Half widths above the line between the feet of a peak, blocks.

    Feet and half widths depend on each other; four rounds from the width at half the prominence
    settle them.
    """
    for _ in range(4):
        left, right = find_feet(smoothed, apex, half, low, high)
        first, last = int(np.floor(left)), int(np.ceil(right))
        grid = np.arange(smoothed.size)
        ends = np.interp([left, right], grid, smoothed)
        line = np.interp(grid[first : last + 1], [left, right], ends)
        above = smoothed[first : last + 1] - line
        half = half_widths(above, apex - first, 0, last - first, 0.5 * float(above[apex - first]))
    return half


def find_feet(
    smoothed: FloatArray, apex: int, half: tuple[float, float], low: int, high: int
) -> tuple[float, float]:
    """Places (blocks) where a line from below touches a peak on both sides (lower hull).

    The hull is taken over `FRONT_HALF_WIDTHS` and `TAIL_HALF_WIDTHS` at most, so that it neither
    reaches out to a far valley nor crosses the trace.
    """
    top = _refined(smoothed, apex, -1)
    first = max(float(low), top - FRONT_HALF_WIDTHS * half[0], 0.0)
    last = min(float(high), top + TAIL_HALF_WIDTHS * half[1], smoothed.size - 1.0)
    grid = np.arange(max(0, int(first)), min(smoothed.size, int(last) + 2))
    before = np.append(first, np.arange(int(np.floor(first)) + 1, apex))
    after = np.append(np.arange(apex + 1, int(np.ceil(last))), last)
    before, after = before[before < apex], after[after > apex]
    before = before if before.size else np.array([apex - 1.0])
    after = after if after.size else np.array([apex + 1.0])
    left_values = np.interp(before, grid, smoothed[grid])
    right_values = np.interp(after, grid, smoothed[grid])
    i, j = 0, after.size - 1
    for _ in range(20):
        # The touching point on one side as seen from that on the other, in turns.
        new_i = int(np.argmax((right_values[j] - left_values) / (after[j] - before)))
        new_j = int(np.argmin((right_values - left_values[new_i]) / (after - before[new_i])))
        if (new_i, new_j) == (i, j):
            break
        i, j = new_i, new_j
    return float(before[i]), float(after[j])


def set_limits(
    times_s: FloatArray,
    smoothed: FloatArray,
    interval_s: float,
    apexes: IntArray,
    half: FloatArray,
    local: BoolArray,
    sigma: float,
) -> Candidates:
    """Set limits from the widths, follow visible tails, separate neighbours at their valley.

    Parameters
    ----------
    times_s, smoothed : ndarray of float64, shape (n,)
        Blocks above the baseline, smoothed by `smooth_blocks`.
    interval_s : float
        Length of a block, s.
    apexes, half, local : ndarray
        As `find_apexes` gives them.
    sigma : float
        Noise σ of the smoothed blocks, signal unit.
    """
    m = apexes.size
    half_s = half * interval_s
    first, last = times_s[0] - 0.5 * interval_s, times_s[-1] + 0.5 * interval_s
    apex_s = times_s[apexes]
    height = smoothed[apexes]
    local = local.copy()
    away = np.zeros((m, 2))
    for i, apex in enumerate(apexes):
        if local[i]:
            away[i] = _away(smoothed, int(apex), half[i])
            continue
        visible = max(TAIL_HEIGHT * height[i], TAIL_SIGMAS * sigma)
        outward = smoothed[: apex + 1][::-1], smoothed[apex:]
        away[i, 0] = _follow(
            outward[0], visible, FRONT_HALF_WIDTHS * half[i, 0], MAX_FRONT_HALF_WIDTHS * half[i, 0]
        )
        away[i, 1] = _follow(
            outward[1], visible, TAIL_HALF_WIDTHS * half[i, 1], MAX_TAIL_HALF_WIDTHS * half[i, 1]
        )
    for group in _groups(apexes - away[:, 0], apexes + away[:, 1]):
        # A baseline that is not believed for one is not believed for those that touch it.
        if any(local[i] for i in group):
            for i in group:
                if not local[i]:
                    away[i] = _away(smoothed, int(apexes[i]), half[i])
                    local[i] = True
    start, end = apex_s - away[:, 0] * interval_s, apex_s + away[:, 1] * interval_s
    start_cut, end_cut = start < first, end > last
    start, end = np.maximum(start, first), np.minimum(end, last)
    start_shared, end_shared = np.zeros(m, bool), np.zeros(m, bool)
    line_start, line_end = np.full(m, np.nan), np.full(m, np.nan)
    for i in range(m - 1):
        if end[i] <= start[i + 1]:
            continue
        low = max(int(np.searchsorted(times_s, start[i + 1])), int(apexes[i]))
        high = min(int(np.searchsorted(times_s, end[i])), int(apexes[i + 1]))
        valley = low + int(np.argmin(smoothed[low : high + 1])) if high > low else low
        end[i] = start[i + 1] = _valley_time(times_s, smoothed, valley)
        if local[i]:
            # Twice the sum of the facing half widths apart, valleys are baseline.
            overlap = apexes[i + 1] - apexes[i] < 2 * (half[i, 1] + half[i + 1, 0])
        else:
            # Peaks that touch at the baseline are separate.
            depth = max(0.01 * min(height[i], height[i + 1]), TAIL_SIGMAS * sigma)
            overlap = smoothed[valley] > depth
        end_shared[i] = start_shared[i + 1] = overlap
    line_start, line_end = np.where(local, start, np.nan), np.where(local, end, np.nan)
    for i in range(1, m):
        if local[i] and start_shared[i]:
            line_start[i] = line_start[i - 1]
    for i in range(m - 2, -1, -1):
        if local[i] and end_shared[i]:
            line_end[i] = line_end[i + 1]
    for i in np.flatnonzero(local).tolist():
        ends = np.array([line_start[i], line_end[i]])
        height[i] -= np.interp(apex_s[i], ends, np.interp(ends, times_s, smoothed))
    return Candidates(
        apexes,
        apex_s,
        height,
        half_s[:, 0],
        half_s[:, 1],
        start,
        end,
        start_shared,
        end_shared,
        start_cut,
        end_cut,
        local,
        line_start,
        line_end,
    )


def _away(smoothed: FloatArray, apex: int, half: FloatArray) -> tuple[float, float]:
    """Distances of the feet of a peak from its apex, blocks."""
    left, right = find_feet(smoothed, apex, (half[0], half[1]), 0, smoothed.size - 1)
    return apex - left, right - apex


def _groups(start: FloatArray, end: FloatArray) -> list[list[int]]:
    """Positions of the peaks that overlap with their neighbours, group by group."""
    groups: list[list[int]] = []
    for i in range(start.size):
        if groups and end[i - 1] > start[i]:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _follow(outward: FloatArray, visible: float, least: float, most: float) -> float:
    """Distance from the apex (blocks) at which the flank ends.

    That is where it is no longer visible, or, when it never gets there (on a solvent front, say),
    its lowest point.
    """
    reach = outward[: int(most) + 1]
    low = int(np.ceil(least))
    if low >= outward.size:
        return least
    hidden = first_true(reach[low:] < visible)
    if hidden >= 0:
        return max(least, float(low + hidden))
    return float(reach.argmin())


def _valley_time(times_s: FloatArray, smoothed: FloatArray, valley: int) -> float:
    """Time of a minimum, refined by a parabola through three blocks."""
    place = _refined(smoothed, valley, 1)
    low = min(int(place), times_s.size - 2)
    return float(times_s[low] + (place - low) * (times_s[low + 1] - times_s[low]))


def _refined(values: FloatArray, at: int, sign: int) -> float:
    """Place of a minimum (sign 1) or maximum (−1) from a parabola through three blocks."""
    if at in (0, values.size - 1):
        return float(at)
    left, middle, right = (sign * values[at - 1 : at + 2]).tolist()
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature > 0 else 0.0
    return at + float(min(max(shift, -0.5), 0.5))
