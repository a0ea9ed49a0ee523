"""Integrate a whole trace without analytes, as a chromatography data system does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.errors import IntegrationError
from dialysis.integrate.analysis import Peak, line_area_weights, signal_to_noise
from dialysis.integrate.blocks import (
    Blocks,
    BoolArray,
    block_means,
    bridge_spikes,
    check_trace,
    find_gaps,
    find_standstills,
)
from dialysis.integrate.clusters import INTERVAL_S, Cluster, find_clusters
from dialysis.integrate.detection import half_widths
from dialysis.integrate.measuring import area_between, longest_gap, measure_shape, point_flags
from dialysis.integrate.noise import (
    PEAK_TO_PEAK_WIDTHS,
    BlockNoise,
    block_noise,
    peak_to_peak,
    point_sigma,
)

# A peak rides when its neighbour across a valley is this many times higher or lower and the area
# above its own chord differs by more than this part.
RIDING_RATIO = 10.0
RIDING_PART = 0.02


def integrate_all(
    chromatogram: Chromatogram,
    start_min: float = 0.0,
    end_min: float | None = None,
    interval_s: float = INTERVAL_S,
    where: str = "trace",
) -> tuple[Peak, ...]:
    """Find and measure every peak of a trace.

    Parameters
    ----------
    chromatogram : Chromatogram
        The trace; sampling need not be uniform.
    start_min, end_min : float
        Peaks are sought between these times, min; ``None`` for the end of the trace.
    interval_s : float
        Length of the blocks the bounds are sought on, s: at most an eighth of the width at half
        height of the narrowest peak.
    where : str
        How the trace is named in messages.

    Returns
    -------
    tuple of Peak
        By time; empty for a flat trace.  ``method`` is ``drop``
        where a bound is a valley, else ``trapezoid``.

    Raises
    ------
    IntegrationError
        If the trace is not fit to be integrated or there is too little of it.
    """
    times_s, signal = check_trace(chromatogram, where)
    last_min = times_s[-1] / 60 if end_min is None else end_min
    inside = (times_s >= 60 * start_min) & (times_s <= 60 * last_min)
    if np.count_nonzero(inside) < 20 or np.ptp(times_s[inside]) < 20 * interval_s:
        raise IntegrationError(
            f"{where}: found a trace from {times_s[0] / 60:g} to {times_s[-1] / 60:g} min; "
            f"expected at least {20 * interval_s:g} s of it between {start_min:g} and "
            f"{last_min:g} min. "
            "Change these times or export the whole trace."
        )
    times_s, signal = times_s[inside], signal[inside]
    signal, spikes = bridge_spikes(signal, point_sigma(signal))
    if np.ptp(signal) == 0.0:
        return ()
    blocks = block_means(times_s, signal, interval_s)
    clusters, free = find_clusters(blocks)
    return _measure(times_s, signal, times_s[spikes], blocks, clusters, free)


def _measure(
    times_s: FloatArray,
    signal: FloatArray,
    spikes_s: FloatArray,
    blocks: Blocks,
    clusters: Sequence[Cluster],
    free: BoolArray,
) -> tuple[Peak, ...]:
    """Measure the members of the clusters on the points."""
    sigma = point_sigma(signal)
    noise = block_noise(blocks.signal, free)
    gaps = [*find_gaps(times_s), *find_standstills(times_s, signal)]
    peaks = [
        peak
        for cluster in clusters
        for k in range(cluster.n)
        if (peak := _measure_member(times_s, signal, blocks, cluster, k, free, sigma, noise, gaps))
    ]
    peaks = [
        replace(peak, flags=("spike", *peak.flags))
        if np.any((spikes_s > peak.start_s) & (spikes_s < peak.end_s)) and "spike" not in peak.flags
        else peak
        for peak in peaks
    ]
    if len(peaks) < 2:
        return tuple(peaks)
    rt = np.array([peak.rt_s for peak in peaks])
    width = np.array([peak.width_s for peak in peaks])
    resolved = np.concatenate([[np.inf], 1.18 * np.diff(rt) / (width[1:] + width[:-1]), [np.inf]])
    nearer = np.minimum(resolved[:-1], resolved[1:])
    return tuple(
        replace(
            peak,
            resolution=float(value),
            flags=(*peak.flags, "unresolved") if value < 1.0 else peak.flags,
        )
        for peak, value in zip(peaks, nearer, strict=True)
    )


def _measure_member(
    times_s: FloatArray,
    signal: FloatArray,
    blocks: Blocks,
    cluster: Cluster,
    k: int,
    free: BoolArray,
    sigma: float,
    noise: BlockNoise,
    gaps: Sequence[tuple[float, float]],
) -> Peak | None:
    """Measure one member of a cluster; None when it is noise or in a gap."""
    member = cluster.members[k]
    bounds_s = np.clip(cluster.bounds_s, times_s[0], times_s[-1])
    start_s, end_s = float(bounds_s[k]), float(bounds_s[k + 1])
    low, high = np.searchsorted(times_s, [start_s, end_s])
    # A point beyond each bound, to interpolate to it.
    part = slice(max(0, int(low) - 1), int(high) + 1)
    inside_s, points = times_s[part], signal[part]
    corrected = points - np.interp(inside_s, cluster.bounds_s, cluster.level)
    left_s, right_s = _half_widths(blocks, cluster, k)
    apex_s = float(blocks.times_s[member.apex])
    shape = measure_shape(inside_s, corrected, apex_s, left_s, right_s, start_s, end_s, sigma)
    width_s = shape.width_s if np.isfinite(shape.width_s) else left_s + right_s
    if not shape.height > 0 or longest_gap(gaps, start_s, end_s) > 0.5 * width_s:
        return None
    n_blocks = np.array([round(PEAK_TO_PEAK_WIDTHS * width_s / blocks.interval_s)])
    h = peak_to_peak(blocks.signal, free, np.array([member.apex]), n_blocks)
    snr = signal_to_noise(2 * shape.height, float(h[0]))
    level = cluster.level[[k, k + 1]].tolist()
    area = area_between(times_s, signal, start_s, end_s, *level)
    weights = line_area_weights(blocks, start_s, end_s, cluster.facet_s(k))
    shared = cluster.n > 1
    cut = bounds_s[k] <= blocks.times_s[0] or bounds_s[k + 1] >= blocks.times_s[-1]
    odd = (
        ("gap", longest_gap(gaps, start_s, end_s) > 0),
        ("edge", bool(cut)),
        ("riding", _rides(blocks, cluster, k, inside_s, corrected, area)),
        ("width_estimated", not np.isfinite(shape.width_s)),
    )
    return Peak(
        rt_s=shape.apex_s,
        start_s=start_s,
        end_s=end_s,
        baseline_start=level[0],
        baseline_end=level[1],
        area=area,
        area_se=float(noise.standard_errors(weights[None, :])[0]),
        height=shape.height,
        width_s=width_s,
        snr_usp=snr,
        snr_sigma=signal_to_noise(shape.height, sigma),
        tailing=float("nan") if shared else shape.tailing,
        resolution=float("nan"),
        method="drop" if shared else "trapezoid",
        flags=(
            *point_flags(points, corrected, sigma),
            *(name for name, holds in odd if holds),
        ),
    )


def _half_widths(blocks: Blocks, cluster: Cluster, k: int) -> tuple[float, float]:
    """Half widths of a member at half its height, s."""
    low, high = np.searchsorted(blocks.times_s, cluster.bounds_s[[k, k + 1]])
    low, high = max(0, int(low) - 1), min(blocks.n - 1, int(high))
    part = slice(low, high + 1)
    above = blocks.signal[part] - np.interp(blocks.times_s[part], cluster.bounds_s, cluster.level)
    apex = cluster.members[k].apex - low
    left, right = half_widths(above, apex, 0, high - low, 0.5 * float(above[apex]))
    return left * blocks.interval_s, right * blocks.interval_s


def _rides(
    blocks: Blocks,
    cluster: Cluster,
    k: int,
    inside_s: FloatArray,
    corrected: FloatArray,
    area: float,
) -> bool:
    """Whether a peak stands on a much larger or smaller one, and its area depends on it."""
    apexes = [member.apex for member in cluster.members]
    level = np.interp(blocks.times_s[apexes], cluster.bounds_s, cluster.level)
    height = blocks.signal[apexes] - level
    beside = [j for j in (k - 1, k + 1) if 0 <= j < height.size]
    unlike = any(not 1 / RIDING_RATIO < height[j] / height[k] < RIDING_RATIO for j in beside)
    if not unlike:
        return False
    ends_s = np.clip(cluster.bounds_s[[k, k + 1]], inside_s[0], inside_s[-1])
    ends = np.interp(ends_s, inside_s, corrected)
    under_chord = 0.5 * float(ends.sum()) * float(ends_s[1] - ends_s[0])
    return abs(under_chord) > RIDING_PART * abs(area - under_chord)
