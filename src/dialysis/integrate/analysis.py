"""Everything that is measured on one trace before its peaks get names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.errors import IntegrationError
from dialysis.integrate.baseline import (
    Baseline,
    arpls_baseline,
    half_power_period_s,
    masked_baseline,
)
from dialysis.integrate.blocks import (
    Blocks,
    BoolArray,
    IntArray,
    block_means,
    bridge_spikes,
    check_trace,
    find_gaps,
    find_standstills,
)
from dialysis.integrate.clusters import INTERVAL_S, LocalBounds, local_bounds
from dialysis.integrate.detection import (
    SMOOTHING_BLOCKS,
    Candidates,
    find_apexes,
    find_feet,
    local_half_widths,
    set_limits,
    smooth_blocks,
)
from dialysis.integrate.measuring import (
    Shape,
    area_between,
    longest_gap,
    measure_shape,
    point_flags,
    savitzky_golay,
)
from dialysis.integrate.method import IntegrationMethod
from dialysis.integrate.noise import (
    PEAK_TO_PEAK_WIDTHS,
    BlockNoise,
    block_noise,
    peak_to_peak,
    point_sigma,
)

_NAN = float("nan")
# The baseline begins this much before start_min, so that it is well defined there.
LEAD_S = 18.0
# Peaks are masked and the baseline refitted until the same peaks are found, at most this often.
MAX_PASSES = 4
# In the first of these passes the limits are taken this many times as far from the apex.
FIRST_MASK = 1.7
# Prominence that makes a candidate, in σ of the smoothed blocks: this, and so many times min_snr
# where that is more (h is at least 4 σ, so that 2H/h is at most half of H/σ).
CANDIDATE_SIGMAS = 4.0
CANDIDATE_PART = 1.5
# A peak this many σ of the smoothed blocks high is kept whatever its peak-to-peak noise.
CLEAR_SIGMAS = 60.0
# Blocks beside a peak that tell whether the baseline follows the trace, and how far off it may be.
FLANK_BLOCKS = 12
FLANK_SIGMAS = 5.0
# A peak is on the front when the front at its start exceeds this part of its height.
FRONT_PART = 0.1


@dataclass(frozen=True)
class Peak:
    """One measured peak; times in s, signal in the trace's unit, NaN where not measurable."""

    rt_s: float
    start_s: float
    end_s: float
    baseline_start: float
    baseline_end: float
    area: float
    area_se: float
    height: float
    width_s: float
    snr_usp: float
    snr_sigma: float
    tailing: float
    resolution: float
    method: str
    flags: tuple[str, ...]

    @property
    def plates(self) -> float:
        """Plate number by the width at half height, 5.54·(t/w½)²."""
        return 5.54 * (self.rt_s / self.width_s) ** 2


@dataclass(frozen=True, eq=False)
class TraceAnalysis:
    """A trace with its baseline, noise and measured peaks.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace, single spikes bridged.
    first_s, last_s : float
        Peaks were sought between these times, s.
    sigma : float
        Noise σ of a point, signal unit.
    baseline : Baseline or None
        None when the trace is flat.
    noise : BlockNoise
        Noise of the blocks.
    peaks : tuple of Peak
        By time, with S/N (2H/h) of at least min_snr.
    gaps : tuple of (float, float)
        Gaps of the recording and stretches in which the signal stands still, s.
    nothing : str
        Why there can be no peaks at all; empty when there can.
    where : str
        How the trace is named in messages.
    """

    times_s: FloatArray
    signal: FloatArray
    first_s: float
    last_s: float
    sigma: float
    baseline: Baseline | None
    noise: BlockNoise
    peaks: tuple[Peak, ...]
    gaps: tuple[tuple[float, float], ...]
    nothing: str
    where: str

    def peak_to_peak_at(self, times_s: FloatArray, widths_s: FloatArray) -> FloatArray:
        """Peak-to-peak noise h around some places for peaks of these widths, signal unit.

        NaN when too little of the trace is free of peaks.
        """
        if self.baseline is None:
            return np.full(times_s.size, np.nan)
        blocks = self.baseline.blocks
        corrected = blocks.signal - self.baseline.at(blocks.times_s)
        block = np.argmin(np.abs(blocks.times_s[:, None] - times_s), axis=0)
        n_blocks = np.rint(PEAK_TO_PEAK_WIDTHS * widths_s / blocks.interval_s).astype(np.int64)
        return peak_to_peak(corrected, self.baseline.free, block, n_blocks, blocks.signal)


def analyse_trace(
    chromatogram: Chromatogram, method: IntegrationMethod, where: str
) -> TraceAnalysis:
    """Fit the baseline of a trace, find its peaks and measure them.

    Parameters
    ----------
    chromatogram : Chromatogram
        The trace.
    method : IntegrationMethod
        Options; the targets are not used.
    where : str
        How the trace is named in messages.

    Raises
    ------
    IntegrationError
        If the trace is not fit to be integrated or does not reach the range of the method.
    """
    times_s, signal = check_trace(chromatogram, where)
    first_s = max(60.0 * method.start_min, float(times_s[0]))
    last_s = float(times_s[-1])
    if method.end_min is not None:
        last_s = min(last_s, 60.0 * method.end_min)
    if last_s - first_s < 20.0 * method.baseline_interval_s:
        raise IntegrationError(
            f"{where}: found a trace from {times_s[0] / 60:g} to {times_s[-1] / 60:g} min; "
            f"expected at least {20 * method.baseline_interval_s:g} s of it between "
            f"integrate.start_min ({method.start_min:g}) and integrate.end_min "
            f"({'the end' if method.end_min is None else format(method.end_min, 'g')}). "
            "Change these options or export the whole trace."
        )
    standstills = find_standstills(times_s, signal)
    gaps = tuple(sorted([*find_gaps(times_s), *standstills]))
    with_front = 60.0 * method.start_min > times_s[0]
    low = int(np.searchsorted(times_s, first_s - LEAD_S)) if with_front else 0
    high = int(np.searchsorted(times_s, last_s, side="right"))
    alive = np.ones(times_s.size, bool)
    for start, end in standstills:
        alive[(times_s >= start) & (times_s <= end)] = False
    sigma = point_sigma(signal[low:high][alive[low:high]])
    signal, spikes = bridge_spikes(signal, sigma)
    used_s, used = times_s[low:high], signal[low:high]
    blocks = block_means(used_s, used, method.baseline_interval_s)
    for start, end in standstills:
        blocks.filled[(blocks.times_s >= start) & (blocks.times_s <= end)] = False
    if np.ptp(used) == 0.0 or np.count_nonzero(blocks.filled) < 20:
        return TraceAnalysis(
            times_s,
            signal,
            first_s,
            last_s,
            0.0,
            None,
            BlockNoise(0.0, 0.0, 0.0),
            (),
            gaps,
            f"the trace is flat at {float(np.median(used)):g}",
            where,
        )
    baseline, noise, candidates = _baseline_and_candidates(
        blocks, method, first_s, last_s, with_front
    )
    peaks = _measure(
        used_s, used, sigma, baseline, noise, candidates, gaps, times_s[spikes], method
    )
    return TraceAnalysis(
        times_s, signal, first_s, last_s, sigma, baseline, noise, peaks, gaps, "", where
    )


def _baseline_and_candidates(
    blocks: Blocks,
    method: IntegrationMethod,
    first_s: float,
    last_s: float,
    with_front: bool,
) -> tuple[Baseline, BlockNoise, Candidates]:
    """Alternate between baseline and peaks until the peaks stay the same."""
    times_s, interval_s = blocks.times_s, blocks.interval_s
    sought = (times_s >= first_s) & (times_s <= last_s) & blocks.filled

    # Wider bumps are undulations that the baseline follows.
    widest = 0.5 * half_power_period_s(method.baseline_stiffness) / interval_s

    least = max(CANDIDATE_SIGMAS, CANDIDATE_PART * method.min_snr)

    def find(corrected: FloatArray, noise: BlockNoise, free: BoolArray | None) -> Candidates:
        smoothed = smooth_blocks(corrected)
        sigma = noise.smoothed_sigma(SMOOTHING_BLOCKS)
        apexes, half, local = find_apexes(smoothed, least * sigma, noise.short, widest)
        keep = sought[apexes]
        if free is not None:
            # Above a smooth baseline the height is known before the limits are.
            height = smoothed[apexes]
            keep &= local | enough(height, apexes, half, corrected, free, sigma)
        apexes, half, local = apexes[keep], half[keep], local[keep]
        found = set_limits(times_s, smoothed, interval_s, apexes, half, local, sigma)
        if free is None:
            return found
        strays = baseline_strays(found, corrected, free, noise, times_s) & ~found.local
        if not strays.any() and not found.local.any():
            return found
        keep = enough(found.height, apexes, half, corrected, free, sigma)
        if keep.all() and not strays.any():
            return found
        local = found.local | strays
        return set_limits(
            times_s, smoothed, interval_s, apexes[keep], half[keep], local[keep], sigma
        )

    def enough(
        height: FloatArray,
        apexes: IntArray,
        half: FloatArray,
        corrected: FloatArray,
        free: BoolArray,
        sigma: float,
    ) -> BoolArray:
        """Whether peaks reach min_snr."""
        keep = np.ones(apexes.size, bool)
        # Of a peak that is large against any noise h need not be known.
        small = np.flatnonzero(~(height > CLEAR_SIGMAS * sigma))
        if small.size:
            n_blocks = np.rint(PEAK_TO_PEAK_WIDTHS * half[small].sum(axis=1)).astype(np.int64)
            h = peak_to_peak(corrected, free, apexes[small], n_blocks, blocks.signal)
            # Not known (NaN) is no reason to drop a peak.
            keep[small] = ~(2 * height[small] < method.min_snr * h)
        return keep

    baseline: Baseline | None = None
    corrected = blocks.signal - arpls_baseline(blocks, method.baseline_stiffness)
    noise = block_noise(corrected, blocks.filled)
    candidates = find(corrected, noise, None)
    for number in range(MAX_PASSES):
        # arPLS draws tails into the baseline; what it leaves of them must not stay there.
        widened = FIRST_MASK if number == 0 else 1.0
        free = candidates.free_blocks(times_s, interval_s, widened) & blocks.filled
        if np.count_nonzero(free) < 3:
            free = _lowest(corrected, blocks.filled)
        baseline = masked_baseline(
            blocks, free, method.baseline_stiffness, noise.sigma, with_front, baseline
        )
        corrected = blocks.signal - baseline.at(times_s)
        noise = block_noise(corrected, free)
        before, candidates = candidates, find(corrected, noise, free)
        if number > 0 and np.array_equal(before.apex, candidates.apex):
            break
    assert baseline is not None
    return baseline, noise, candidates


def baseline_strays(
    candidates: Candidates,
    corrected: FloatArray,
    free: BoolArray,
    noise: BlockNoise,
    times_s: FloatArray,
) -> BoolArray:
    """Find the peaks beside which the baseline lies away from the trace, shape (m,).

    Beside a group of touching peaks the mean of up to `FLANK_BLOCKS` peak-free blocks on either
    side should be zero; when it is more than `FLANK_SIGMAS` σ of a block off (1/f noise does not
    average out), and so far that the area would change by more than 1 %, the baseline is not
    believed.
    """
    where = np.flatnonzero(free)
    total = np.concatenate([[0.0], np.cumsum(corrected[where])])
    first = np.searchsorted(times_s[where], candidates.start_s)
    last = np.searchsorted(times_s[where], candidates.end_s)
    # Members of a group share its outer flanks.
    for i in range(1, candidates.n):
        if candidates.start_s[i] <= candidates.end_s[i - 1]:
            first[i] = first[i - 1]
    for i in range(candidates.n - 2, -1, -1):
        if candidates.end_s[i] >= candidates.start_s[i + 1]:
            last[i] = last[i + 1]
    # About 1 % of the area, spread over the width of the peak.
    width = candidates.left_s + candidates.right_s
    allowed = 0.01 * candidates.height * width / (candidates.end_s - candidates.start_s)
    strays = np.zeros(candidates.n, bool)
    for low, high in (
        (np.maximum(first - FLANK_BLOCKS, 0), first),
        (last, np.minimum(last + FLANK_BLOCKS, where.size)),
    ):
        count = np.maximum(high - low, 1)
        mean = np.where(high - low >= 5, np.abs(total[high] - total[low]) / count, 0.0)
        strays |= mean > np.maximum(FLANK_SIGMAS * noise.short, allowed)
    return strays


def _lowest(corrected: FloatArray, filled: BoolArray) -> BoolArray:
    """The lowest fifth of the blocks, for traces that are peaks from end to end."""
    limit = np.quantile(corrected[filled], 0.2)
    return np.asarray(filled & (corrected <= limit))


def _measure(
    times_s: FloatArray,
    signal: FloatArray,
    sigma: float,
    baseline: Baseline,
    noise: BlockNoise,
    candidates: Candidates,
    gaps: tuple[tuple[float, float], ...],
    spikes_s: FloatArray,
    method: IntegrationMethod,
) -> tuple[Peak, ...]:
    """Measure the candidates on the raw points and drop those below min_snr."""
    if not candidates.n:
        return ()
    blocks = baseline.blocks
    corrected = _corrected(times_s, signal, baseline, candidates)
    block_corrected = blocks.signal - baseline.at(blocks.times_s)
    start_s = np.maximum(candidates.start_s, times_s[0])
    end_s = np.minimum(candidates.end_s, times_s[-1])
    weights = baseline.area_weights(start_s, end_s)
    at_start, at_end = baseline.at(start_s), baseline.at(end_s)
    shared = candidates.start_shared | candidates.end_shared
    bounds = _local_bounds(times_s, signal, candidates, blocks.interval_s)
    for i in np.flatnonzero(candidates.local).tolist():
        if (own := bounds.get(i)) is not None:
            start_s[i], end_s[i] = np.clip([own.start_s, own.end_s], times_s[0], times_s[-1])
            if i > 0 and i - 1 not in bounds:
                end_s[i - 1] = min(end_s[i - 1], start_s[i])
            if i + 1 < candidates.n and i + 1 not in bounds:
                start_s[i + 1] = max(start_s[i + 1], end_s[i])
            shared[i] = own.shared
            ends, line = own.line_s, own.line
        else:
            ends = np.array([candidates.line_start_s[i], candidates.line_end_s[i]])
            if not shared[i]:
                start_s[i], end_s[i] = ends = _feet_on_points(times_s, corrected, candidates, i)
            ends = np.clip(ends, times_s[0], times_s[-1])
            line = local_means(times_s, signal, ends, 0.5 * blocks.interval_s)
        low, high = np.searchsorted(times_s, [start_s[i], end_s[i]])
        part = slice(low, high + 1)
        corrected[part] = signal[part] - np.interp(times_s[part], ends, line)
        at_start[i], at_end[i] = np.interp([start_s[i], end_s[i]], ends, line)
        weights[i] = line_area_weights(blocks, float(start_s[i]), float(end_s[i]), ends)
    errors = noise.standard_errors(weights)
    shapes = [
        measure_shape(
            times_s,
            corrected,
            float(candidates.apex_s[i]),
            float(candidates.left_s[i]),
            float(candidates.right_s[i]),
            float(start_s[i]),
            float(end_s[i]),
            sigma,
        )
        for i in range(candidates.n)
    ]
    widths = np.array([_width(shape, candidates, i) for i, shape in enumerate(shapes)])
    apex_s = np.array([shape.apex_s for shape in shapes])
    resolved = 1.18 * np.diff(apex_s) / (widths[1:] + widths[:-1])
    sides = np.array([np.inf, *resolved, np.inf])
    resolution = np.minimum(sides[:-1], sides[1:])
    ends_s = np.column_stack([start_s, end_s])
    n_blocks = np.rint(PEAK_TO_PEAK_WIDTHS * widths / blocks.interval_s).astype(np.int64)
    noises = peak_to_peak(
        block_corrected, baseline.free, candidates.apex, n_blocks, blocks.signal
    ).tolist()
    peaks = []
    for i, (shape, h) in enumerate(zip(shapes, noises, strict=True)):
        snr_usp = signal_to_noise(2 * shape.height, h)
        if snr_usp < method.min_snr:
            continue
        if longest_gap(gaps, start_s[i], end_s[i]) > 0.5 * widths[i]:
            continue
        low, high = np.searchsorted(times_s, [start_s[i], end_s[i]])
        bridged = np.any((spikes_s > start_s[i]) & (spikes_s < end_s[i]))
        flags = point_flags(signal[low:high], corrected[low:high], sigma, bool(bridged))
        flags += [
            name
            for name, holds in (
                ("gap", longest_gap(gaps, start_s[i], end_s[i]) > 0),
                ("edge", bool(candidates.start_cut[i] or candidates.end_cut[i])),
                ("local_baseline", bool(candidates.local[i])),
                ("front", baseline.front_at(float(start_s[i])) > FRONT_PART * shape.height),
                ("unresolved", resolution[i] < 1.0),
                ("width_estimated", not np.isfinite(shape.width_s)),
            )
            if holds
        ]
        peaks.append(
            Peak(
                rt_s=shape.apex_s,
                start_s=float(start_s[i]),
                end_s=float(end_s[i]),
                baseline_start=float(at_start[i]),
                baseline_end=float(at_end[i]),
                area=area_between(times_s, corrected, float(start_s[i]), float(end_s[i]), 0.0, 0.0),
                area_se=float(errors[i]),
                height=shape.height,
                width_s=float(widths[i]),
                snr_usp=snr_usp,
                snr_sigma=signal_to_noise(shape.height, sigma),
                tailing=shape.tailing if _alone(corrected, times_s, ends_s[i], shape) else _NAN,
                resolution=float(resolution[i]) if np.isfinite(resolution[i]) else _NAN,
                method="drop" if shared[i] else "trapezoid",
                flags=tuple(flags),
            )
        )
    return tuple(peaks)


def _corrected(
    times_s: FloatArray, signal: FloatArray, baseline: Baseline, candidates: Candidates
) -> FloatArray:
    """The points above the baseline; only those near peaks, when all of these are above it."""
    if candidates.local.any():
        everywhere: FloatArray = signal - baseline.at(times_s)
        return everywhere
    out = signal.copy()
    low = np.maximum(np.searchsorted(times_s, candidates.start_s) - 2, 0)
    high = np.searchsorted(times_s, candidates.end_s, side="right") + 2
    parts, done = [], 0
    for first, last in zip(low.tolist(), high.tolist(), strict=True):
        parts.append(np.arange(max(first, done), min(last, times_s.size)))
        done = max(done, last)
    where = np.concatenate(parts)
    out[where] -= baseline.at(times_s[where])
    return out


def _local_bounds(
    times_s: FloatArray, signal: FloatArray, candidates: Candidates, interval_s: float
) -> dict[int, LocalBounds]:
    """Bounds of the peaks that are measured above a local line, by their slope.

    A peak that has none of its own (it is too small for that) is not in it, nor one that has such
    a peak inside its bounds.
    """
    local = np.flatnonzero(candidates.local)
    if not local.size:
        return {}
    blocks = block_means(times_s, signal, min(interval_s, INTERVAL_S))
    reach_s = np.minimum(candidates.left_s, candidates.right_s)
    found = local_bounds(blocks, candidates.apex_s[local].tolist(), reach_s[local].tolist())
    bounds = {i: own for i, own in zip(local.tolist(), found, strict=True) if own is not None}
    apexes_s = candidates.apex_s
    return {
        i: own
        for i, own in bounds.items()
        if np.count_nonzero((apexes_s > own.start_s) & (apexes_s < own.end_s)) == 1
    }


def _feet_on_points(
    times_s: FloatArray, corrected: FloatArray, candidates: Candidates, i: int
) -> FloatArray:
    """Feet of a peak above a local line, on the points: blocks are coarse for narrow peaks."""
    start, end = float(candidates.start_s[i]), float(candidates.end_s[i])
    spare = 0.5 * (end - start)
    # A neighbour's valley is not passed.
    if i == 0 or candidates.end_s[i - 1] < start:
        start -= spare
    if i == candidates.n - 1 or candidates.start_s[i + 1] > end:
        end += spare
    low = int(np.searchsorted(times_s, start))
    high = int(np.searchsorted(times_s, end, side="right"))
    step = float(times_s[high - 1] - times_s[low]) / (high - 1 - low)
    left, right = candidates.left_s[i] / step, candidates.right_s[i] / step
    smoothed = savitzky_golay(corrected[low:high], int(0.25 * (left + right)))
    near = int(np.searchsorted(times_s[low:high], candidates.apex_s[i]))
    first = max(1, near - int(left))
    last = min(smoothed.size - 1, near + int(right) + 1)
    apex = first + int(np.argmax(smoothed[first:last]))
    half = local_half_widths(smoothed, apex, (left, right), 0, smoothed.size - 1)
    feet = find_feet(smoothed, apex, half, 0, smoothed.size - 1)
    out: FloatArray = np.interp(feet, np.arange(smoothed.size), times_s[low:high])
    return out


def local_means(
    times_s: FloatArray, signal: FloatArray, at_s: FloatArray, reach_s: float
) -> FloatArray:
    """Mean of the points within `reach_s` of each of some times, signal unit."""
    low = np.searchsorted(times_s, at_s - reach_s)
    high = np.maximum(np.searchsorted(times_s, at_s + reach_s, side="right"), low + 1)
    return np.array([signal[a:b].mean() for a, b in zip(low, high, strict=True)])


def line_area_weights(
    blocks: Blocks, start_s: float, end_s: float, ends_s: FloatArray
) -> FloatArray:
    """Weights of the blocks in the area above a straight line between two points of the trace, s.

    Parameters
    ----------
    blocks : Blocks
        The trace.
    start_s, end_s : float
        Limits of the area, s.
    ends_s : ndarray of float64, shape (2,)
        Times of the ends of the line, s.
    """
    edges = blocks.times_s - 0.5 * blocks.interval_s
    inside = np.minimum(edges + blocks.interval_s, end_s) - np.maximum(edges, start_s)
    weights: FloatArray = np.maximum(inside, 0.0)
    # The area under the line is its value at the middle times the width.
    middle = (0.5 * (start_s + end_s) - ends_s[0]) / (ends_s[1] - ends_s[0])
    width = float(weights.sum())
    for at, part in zip(ends_s, (1 - middle, middle), strict=True):
        weights[int(np.argmin(np.abs(blocks.times_s - at)))] -= part * width
    return weights


def _width(shape: Shape, candidates: Candidates, i: int) -> float:
    """Full width at half height, from one half when a neighbour hides the other, s."""
    if np.isfinite(shape.width_s):
        return shape.width_s
    return float(candidates.left_s[i] + candidates.right_s[i])


def _alone(corrected: FloatArray, times_s: FloatArray, ends_s: FloatArray, shape: Shape) -> bool:
    """Whether a peak is below 2 % of its height at both limits, so that 5 % is its own flank."""
    at_ends = np.interp(ends_s, times_s, corrected)
    return bool(np.all(at_ends < 0.02 * shape.height))


def signal_to_noise(signal: float, noise: float) -> float:
    """Divide a signal by a noise; NaN when the noise is not known or zero."""
    return signal / noise if noise > 0 else float("nan")
