"""Bounds and baselines of the peaks of a trace, without knowing what is in it.

Peaks begin and end where the slope of the trace, less the slope of the background under them,
has died away in its noise.  Those that touch form a cluster, whose baseline is the lower hull of
its bounds; inside it neighbours are parted at their valley by a perpendicular drop.  One set
of constants serves all traces: what changes from one to the next (width, noise, background) is
measured on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks, peak_widths

from dialysis.chromatogram import FloatArray
from dialysis.integrate.blocks import Blocks, BoolArray
from dialysis.integrate.detection import IntArray, smooth_blocks
from dialysis.integrate.measuring import savitzky_golay_slope

# Longest blocks the bounds are sought on, s; a peak should be at least eight of them wide.
INTERVAL_S = 0.5
# Prominence that makes a peak, in σ of the smoothed blocks; σ is that of second differences over
# this distance, s, so that wander of the baseline counts as noise.
PROMINENCE_SIGMAS = 8.0
NOISE_LAG_S = 4.0
# Wider than this part of the trace at half height is baseline.
WIDEST_PART = 0.1
# Length of the slope's Savitzky–Golay window as a part of the width at half height, and its
# largest reach to either side, blocks.
WINDOW_PART = 0.7
MAX_REACH = 6
MIN_REACH = 2
# The background under a peak is the lower hull of the trace within this many widths of its apex.
HULL_WIDTHS = 10.0
# The slope's noise is that of this many widths of the trace around the apex, without peaks.
NOISE_WIDTHS = 20.0
# A flank ends where it is less steep than this many σ of the slope.
FRONT_SIGMAS = 2.0
TAIL_SIGMAS = 1.75
# So many widths from the apex a slope that no longer changes is the background's.
FAR_WIDTHS = 3.0
# A cluster is split where a valley is lower than this part of the smaller peak.
SPLIT_PART = 0.01
# The value of the trace at a bound is smoothed as far as that moves it by no more than this many
# σ of a block.
VALUE_SIGMAS = 2.0
# Second differences have √6 times the standard deviation of one value.
_PER_DIFFERENCE = 1.482602218505602 / float(np.sqrt(6.0))


@dataclass(frozen=True)
class Bounds:
    """Where one peak begins and ends; places in blocks, fractions allowed.

    Parameters
    ----------
    apex : int
        Block of the apex.
    start, end : float
        Bounds.
    width : float
        Width at half height, blocks.
    reach : int
        Blocks to either side that its slope was smoothed over.
    """

    apex: int
    start: float
    end: float
    width: float
    reach: int


@dataclass(frozen=True, eq=False)
class Cluster:
    """Peaks that touch, by time, above one baseline.

    Parameters
    ----------
    members : tuple of Bounds
        The peaks; each begins where the one before it ends.
    bounds_s, level : ndarray of float64, shape (m + 1,)
        Bounds (s) and the baseline there: the lower hull of the trace's values.
    hull : ndarray of int
        Positions of the bounds that the baseline rests on.
    """

    members: tuple[Bounds, ...]
    bounds_s: FloatArray
    level: FloatArray
    hull: IntArray

    @property
    def n(self) -> int:
        """Number of peaks."""
        return len(self.members)

    def facet_s(self, k: int) -> FloatArray:
        """Times of the two bounds that carry the baseline under member k, s, shape (2,)."""
        right = int(np.searchsorted(self.hull, k, side="right"))
        return self.bounds_s[self.hull[[right - 1, right]]]


def find_clusters(blocks: Blocks) -> tuple[list[Cluster], BoolArray]:
    """Find the peaks of a trace, their bounds and the baseline under each cluster.

    Parameters
    ----------
    blocks : Blocks
        The trace.

    Returns
    -------
    clusters : list of Cluster
        By time.
    free : ndarray of bool, shape (n,)
        Blocks in no peak.
    """
    smoothed = smooth_blocks(blocks.signal)
    apexes, widths, free = _find_apexes(blocks, smoothed)
    if not apexes.size:
        return [], free
    slopes = _background_slopes(blocks.times_s, smoothed, apexes, widths)
    valleys = [
        _valley(blocks.times_s, smoothed, apexes[i], apexes[i + 1], (slopes[i] + slopes[i + 1]) / 2)
        for i in range(apexes.size - 1)
    ]
    walls = [0, *valleys, blocks.n - 1]
    peaks = _find_bounds(blocks, apexes, widths, slopes, walls, free)
    clusters: list[Cluster] = []
    for group in _touching(blocks, smoothed, peaks, valleys):
        clusters += _settle(blocks, smoothed, group)
    free = blocks.filled.copy()
    for cluster in clusters:
        low, high = np.searchsorted(blocks.times_s, cluster.bounds_s[[0, -1]])
        free[low:high] = False
    return clusters, free


@dataclass(frozen=True, eq=False)
class LocalBounds:
    """Bounds of one peak and the straight baseline under it.

    Parameters
    ----------
    start_s, end_s : float
        Bounds, s.
    line_s, line : ndarray of float64, shape (2,)
        Ends of the baseline: times (s) and values.
    shared : bool
        Whether a bound is the valley to a neighbour.
    """

    start_s: float
    end_s: float
    line_s: FloatArray
    line: FloatArray
    shared: bool


def local_bounds(
    blocks: Blocks, apexes_s: Sequence[float], reaches_s: Sequence[float]
) -> list[LocalBounds | None]:
    """Bounds of certain peaks, each the one whose apex is nearest to a time.

    Parameters
    ----------
    blocks : Blocks
        The trace.
    apexes_s, reaches_s : sequence of float
        Where an apex is expected and how far from it it may be, s.

    Returns
    -------
    list of LocalBounds or None
        ``None`` where there is no peak of its own.
    """
    found = [(cluster, k) for cluster in find_clusters(blocks)[0] for k in range(cluster.n)]
    if not found:
        return [None for _ in apexes_s]
    times_s = blocks.times_s[[cluster.members[k].apex for cluster, k in found]]
    out: list[LocalBounds | None] = []
    for apex_s, reach_s in zip(apexes_s, reaches_s, strict=True):
        nearest = int(np.argmin(np.abs(times_s - apex_s)))
        if abs(times_s[nearest] - apex_s) > reach_s:
            out.append(None)
            continue
        cluster, k = found[nearest]
        line_s = cluster.facet_s(k)
        line = np.interp(line_s, cluster.bounds_s, cluster.level)
        start_s, end_s = cluster.bounds_s[[k, k + 1]].tolist()
        out.append(LocalBounds(start_s, end_s, line_s, line, cluster.n > 1))
    return out


def _find_apexes(blocks: Blocks, smoothed: FloatArray) -> tuple[IntArray, FloatArray, BoolArray]:
    """Apexes, widths at half prominence (blocks), and the blocks away from peaks."""
    lag = max(2, round(NOISE_LAG_S / blocks.interval_s))
    sigma = float(np.median(_second_differences(smoothed, lag))) * _PER_DIFFERENCE
    if sigma == 0.0:
        # More than half of the trace is flat: the smallest step there is stands for noise.
        steps = np.abs(np.diff(blocks.signal))
        sigma = float(np.min(steps, where=steps > 0, initial=np.inf))
    found, _ = find_peaks(smoothed, prominence=PROMINENCE_SIGMAS * sigma)
    width, _, left, right = peak_widths(smoothed, found, rel_height=0.5)
    # Narrower than three blocks is a spike, wider than a tenth of the trace baseline.
    kept = (width >= 3.0) & (width <= WIDEST_PART * blocks.n)
    free = blocks.filled.copy()
    for apex, start, end in zip(found[kept], left[kept], right[kept], strict=True):
        free[max(0, int(apex - 3 * (apex - start))) : int(apex + 4 * (end - apex)) + 2] = False
    return found[kept].astype(np.int64), np.asarray(width[kept]), free


def _second_differences(values: FloatArray, lag: int) -> FloatArray:
    """Absolute second differences over a distance; empty when there are too few values."""
    if values.size <= 2 * lag:
        lag = max(1, (values.size - 1) // 2)
    out: FloatArray = np.abs(values[2 * lag :] - 2 * values[lag:-lag] + values[: -2 * lag])
    return out


def lower_hull(x: FloatArray, y: FloatArray) -> IntArray:
    """Positions of the points on the lower convex hull of y over increasing x."""
    hull: list[int] = []
    for i in range(x.size):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (y[b] - y[a]) * (x[i] - x[a]) < (y[i] - y[a]) * (x[b] - x[a]):
                break
            hull.pop()
        hull.append(i)
    return np.array(hull, dtype=np.int64)


def _background_slopes(
    times_s: FloatArray, smoothed: FloatArray, apexes: IntArray, widths: FloatArray
) -> list[float]:
    """Slope under each apex of the lower hull of the trace around it, signal unit/s."""
    slopes = []
    for apex, width in zip(apexes.tolist(), widths.tolist(), strict=True):
        reach = int(HULL_WIDTHS * width) + 1
        # Eight points to a width are enough for a hull.
        every = max(1, int(width / 8))
        part = np.arange(max(0, apex - reach), min(times_s.size, apex + reach + 1), every)
        hull = part[lower_hull(times_s[part], smoothed[part])]
        right = int(np.clip(np.searchsorted(hull, apex), 1, hull.size - 1))
        a, b = hull[right - 1], hull[right]
        slopes.append(float((smoothed[b] - smoothed[a]) / (times_s[b] - times_s[a])))
    return slopes


def _valley(times_s: FloatArray, smoothed: FloatArray, low: int, high: int, slope: float) -> int:
    """Lowest block between two apexes above a background of this slope."""
    part = slice(low, high + 1)
    return int(low + np.argmin(smoothed[part] - slope * times_s[part]))


def _find_bounds(
    blocks: Blocks,
    apexes: IntArray,
    widths: FloatArray,
    slopes: Sequence[float],
    walls: Sequence[int],
    free: BoolArray,
) -> list[Bounds]:
    """Walk from the inflections out to where the slope dies away, at most to the valley."""
    cache: dict[int, tuple[FloatArray, FloatArray, IntArray]] = {}
    out = []
    for i, apex in enumerate(apexes.tolist()):
        reach = int(np.clip(round(0.5 * WINDOW_PART * widths[i]), MIN_REACH, MAX_REACH))
        if reach not in cache:
            slope = savitzky_golay_slope(blocks.signal, reach) / blocks.interval_s
            cache[reach] = (slope, *_slope_noise(slope, reach, free))
        slope, differences, at = cache[reach]
        n_near = max(30, int(NOISE_WIDTHS * widths[i]))
        near = np.argsort(np.abs(at - apex), kind="stable")[:n_near]
        sigma = float(np.median(differences[near])) * _PER_DIFFERENCE
        above = slope - slopes[i]
        low, high = walls[i], walls[i + 1]
        front = low + int(np.argmax(above[low : apex + 1]))
        tail = apex + int(np.argmin(above[apex : high + 1]))
        width = max(2, round(widths[i]))
        far = round(FAR_WIDTHS * widths[i])
        start = _walk(above[low : front + 1][::-1], FRONT_SIGMAS * sigma, front - apex + far, width)
        end = _walk(-above[tail : high + 1], TAIL_SIGMAS * sigma, apex - tail + far, width)
        out.append(Bounds(apex, front - start, tail + end, float(widths[i]), reach))
    return out


def _slope_noise(slope: FloatArray, reach: int, free: BoolArray) -> tuple[FloatArray, IntArray]:
    """Second differences of the slope over a window's length, where no peak is, and their places.

    With fewer than ten of them those of the whole trace.
    """
    lag = 2 * reach + 1
    differences = _second_differences(slope, lag)
    at = lag + np.arange(differences.size)
    covered = np.concatenate([[0], np.cumsum(~free)])
    if covered.size > 2 * lag + 1:
        whole = covered[2 * lag + 1 :] == covered[: -2 * lag - 1]
        if np.count_nonzero(whole) >= 10:
            return differences[whole], at[whole]
    return differences, at


def _walk(outward: FloatArray, limit: float, far: int, width: int) -> float:
    """Distance at which a flank ends, between blocks; its length if it does not.

    It ends where its slope falls below the limit or, from `far` on, where it changes by no more
    than that over a width: then it is the background's slope, which the hull missed.
    """
    far = max(far, 0)
    below = np.flatnonzero(outward < limit)
    i = int(below[0]) if below.size else outward.size - 1
    if i > far and outward.size > far + width:
        steady = np.abs(outward[far + width :] - outward[far:-width]) < limit
        if steady.any() and far + int(np.argmax(steady)) < i:
            return float(far + int(np.argmax(steady)))
    if i == 0 or not below.size:
        return float(i)
    return float(i - (limit - outward[i]) / (outward[i - 1] - outward[i]))


def _touching(
    blocks: Blocks, smoothed: FloatArray, peaks: Sequence[Bounds], valleys: Sequence[int]
) -> list[list[Bounds]]:
    """Group peaks that touch; the bounds between them are put at the valley."""
    groups = [[peaks[0]]]
    for peak, valley in zip(peaks[1:], valleys, strict=True):
        last = groups[-1][-1]
        if _touch(smoothed, last, peak, valley):
            groups[-1][-1] = replace(last, end=float(valley))
            groups[-1].append(replace(peak, start=float(valley)))
        else:
            groups.append([peak])
    return groups


def _touch(smoothed: FloatArray, before: Bounds, after: Bounds, valley: int) -> bool:
    """Whether bounds meet, or noise parts them at a valley that is high above the baseline."""
    if before.end >= after.start - 1.0:
        return True
    if after.start - before.end > min(before.width, after.width):
        return False
    ends = np.array([before.start, after.end])
    places = np.array([before.apex, valley, after.apex])
    above = smoothed[places] - np.interp(
        places, ends, np.interp(ends, np.arange(smoothed.size), smoothed)
    )
    return bool(above[1] > SPLIT_PART * min(above[0], above[2]))


def _settle(blocks: Blocks, smoothed: FloatArray, group: Sequence[Bounds]) -> list[Cluster]:
    """Draw the baseline of touching peaks, and split them where a valley nearly reaches it."""
    places = np.array([group[0].start, *(peak.end for peak in group)])
    reaches = [
        group[0].reach,
        *(min(a.reach, b.reach) for a, b in pairwise(group)),
        group[-1].reach,
    ]
    sigma = float(np.median(_second_differences(blocks.signal, 1))) * _PER_DIFFERENCE
    values = np.array(
        [_value(blocks.signal, p, r, sigma) for p, r in zip(places, reaches, strict=True)]
    )
    bounds_s = np.interp(places, np.arange(blocks.n), blocks.times_s)
    hull = lower_hull(bounds_s, values)
    level = np.interp(bounds_s, bounds_s[hull], values[hull])
    apexes = [peak.apex for peak in group]
    heights = smoothed[apexes] - np.interp(blocks.times_s[apexes], bounds_s, level)
    for k in range(1, len(group)):
        depth = values[k] - level[k]
        if 0.0 < depth < SPLIT_PART * min(heights[k - 1], heights[k]):
            return [*_settle(blocks, smoothed, group[:k]), *_settle(blocks, smoothed, group[k:])]
    return [Cluster(tuple(group), bounds_s, level, hull)]


def _value(signal: FloatArray, place: float, reach: int, sigma: float) -> float:
    """Value of the trace at a bound by a parabola.

    It goes through as many blocks to either side, up to `reach`, as leave the value where two to
    either side put it.
    """
    first = value = _parabola_at(signal, place, MIN_REACH)
    for wider in range(MIN_REACH + 1, reach + 1):
        tried = _parabola_at(signal, place, wider)
        if abs(tried - first) > VALUE_SIGMAS * sigma:
            break
        value = tried
    return value


def _parabola_at(signal: FloatArray, place: float, reach: int) -> float:
    middle = round(place)
    low, high = max(0, middle - reach), min(signal.size, middle + reach + 1)
    if high - low < 5:
        return float(np.interp(place, np.arange(signal.size), signal))
    x = np.arange(low, high) - place
    columns = np.column_stack([np.ones_like(x), x, x * x])
    return float(np.linalg.lstsq(columns, signal[low:high], rcond=None)[0][0])
