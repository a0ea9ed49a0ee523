"""A trace checked, and averaged to blocks of about one second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.errors import IntegrationError

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

# A distance of this many median distances between two points is a gap in the recording.
GAP_FACTOR = 5.0
# So long at exactly one value, and for so many points, a detector does not measure.
STANDSTILL_S = 30.0
STANDSTILL_POINTS = 30
# Second differences of so many points beside it scatter by so many of the recording's steps.
BESIDE_POINTS = 20
BESIDE_STEPS = 5.0
# A point this many σ, and farther than its neighbours spread, from the cubic through them is a
# spike.
SPIKE_SIGMAS = 10.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """Block means of a trace on a uniform grid.

    Parameters
    ----------
    times_s : ndarray of float64, shape (n,)
        Mean time of the points of each block, s.
    signal : ndarray of float64, shape (n,)
        Mean signal of each block, signal unit; interpolated where a block has no point.
    filled : ndarray of bool, shape (n,)
        Whether a block has points.
    interval_s : float
        Length of a block, s.
    """

    times_s: FloatArray
    signal: FloatArray
    filled: BoolArray
    interval_s: float

    @property
    def n(self) -> int:
        """Number of blocks."""
        return int(self.signal.size)


def check_trace(chromatogram: Chromatogram, where: str) -> tuple[FloatArray, FloatArray]:
    """Return times and signal of a trace that can be integrated.

    Parameters
    ----------
    chromatogram : Chromatogram
        The trace.
    where : str
        How the trace is named in messages.

    Returns
    -------
    times_s, signal : ndarray of float64, shape (n,)

    Raises
    ------
    IntegrationError
        If there are fewer than 20 points, times don't increase, or a value is not finite.
    """
    signal = np.asarray(chromatogram.signal, dtype=np.float64)
    times_s = np.asarray(chromatogram.times_s, dtype=np.float64)
    if signal.size < 20:
        raise IntegrationError(
            f"{where}: found {signal.size} points; expected at least 20. "
            "Export the trace again, or exclude the injection."
        )
    if times_s.size != signal.size:
        raise IntegrationError(
            f"{where}: found {times_s.size} times for {signal.size} signal values; expected one "
            "time for each. Export the trace again."
        )
    # A sum tells at once whether all is well; what is not is then looked for.
    if not np.isfinite(signal.sum() + times_s.sum()):
        bad = np.flatnonzero(~np.isfinite(signal) | ~np.isfinite(times_s))
    else:
        bad = np.zeros(0, np.int64)
    if bad.size:
        raise IntegrationError(
            f"{where}: found {bad.size} values that are not numbers, the first at point "
            f"{bad[0] + 1}; expected numbers only. Export the trace again."
        )
    backwards = np.flatnonzero(np.diff(times_s) <= 0)
    if backwards.size:
        at = int(backwards[0])
        raise IntegrationError(
            f"{where}: found time {times_s[at + 1]:g} s after {times_s[at]:g} s at point "
            f"{at + 2}; expected increasing times. Export the trace again."
        )
    return times_s, signal


def find_gaps(times_s: FloatArray) -> list[tuple[float, float]]:
    """List the gaps of a recording: (last time before, first time after), s."""
    steps = np.diff(times_s)
    usual = _even_step(times_s, steps)
    if usual is not None:
        return []
    usual = float(np.median(steps))
    return [
        (float(times_s[i]), float(times_s[i + 1]))
        for i in np.flatnonzero(steps > GAP_FACTOR * usual)
    ]


def find_standstills(times_s: FloatArray, signal: FloatArray) -> list[tuple[float, float]]:
    """List the stretches in which the signal stands still: (first, last time), s.

    A dead detector, a full range, or a recording that was filled up.  A baseline that is constant
    because the noise is finer than the recording's steps is none: there the signal beside a
    stretch moves by few steps.
    """
    # So long a stretch holds four of any points that are a quarter as far apart.
    sparse = signal[:: STANDSTILL_POINTS // 4]
    same = sparse[1:] == sparse[:-1]
    if not np.any(same[2:] & same[1:-1] & same[:-2]):
        return []
    edges = np.flatnonzero(np.diff(signal) != 0.0)
    starts = np.concatenate([[0], edges + 1])
    ends = np.concatenate([edges, [signal.size - 1]])
    long = (ends - starts >= STANDSTILL_POINTS) & (times_s[ends] - times_s[starts] >= STANDSTILL_S)
    if not long.any() or not edges.size:
        return []
    steps = np.abs(np.diff(signal))
    finest = float(steps[steps > 0].min())

    def moves(part: FloatArray) -> bool:
        return part.size > 2 and float(np.std(np.diff(part, 2))) > BESIDE_STEPS * finest

    return [
        (float(times_s[a]), float(times_s[b]))
        for a, b in zip(starts[long].tolist(), ends[long].tolist(), strict=True)
        if moves(signal[max(0, a - BESIDE_POINTS) : a])
        or moves(signal[b + 1 : b + 1 + BESIDE_POINTS])
    ]


def bridge_spikes(signal: FloatArray, sigma: float) -> tuple[FloatArray, IntArray]:
    """Replace single points that stand out of their four neighbours.

    Parameters
    ----------
    signal : ndarray of float64, shape (n,)
    sigma : float
        Noise σ of a point, signal unit.

    Returns
    -------
    signal : ndarray of float64, shape (n,)
        With the value of the cubic through the neighbours in place of each spike; the input itself
        when there is none.
    spikes : ndarray of int
        Positions of the spikes.

    Notes
    -----
    The apex of a peak, five points wide at half height, is 2 % of its height off that cubic, but
    its neighbours spread over 25 %.
    """
    apart = np.abs(signal[2:-2] - 0.5 * (signal[1:-3] + signal[3:-1]))
    odd = np.flatnonzero(apart > 0.5 * SPIKE_SIGMAS * sigma) + 2
    if not odd.size:
        return signal, odd
    beside = signal[odd[:, None] + np.array([-2, -1, 1, 2])]
    expected = beside @ np.array([-1.0, 4.0, 4.0, -1.0]) / 6.0
    off = np.abs(signal[odd] - expected)
    spikes = odd[(off > SPIKE_SIGMAS * sigma) & (off > np.ptp(beside, axis=1))]
    if not spikes.size:
        return signal, spikes
    mended = signal.copy()
    mended[spikes] = expected[np.isin(odd, spikes)]
    return mended, spikes


def block_means(times_s: FloatArray, signal: FloatArray, interval_s: float) -> Blocks:
    """Average a trace to blocks.

    A block holds a whole number of the median sampling distance, at least one, so that on
    uniform sampling all blocks hold the same number of points.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The trace.
    interval_s : float
        Wanted length of a block, s.
    """
    steps = np.diff(times_s)
    even = _even_step(times_s, steps)
    if even is not None:
        return _even_blocks(times_s, signal, max(1, round(interval_s / even)), even)
    step = float(np.median(steps))
    length = max(1, round(interval_s / step)) * step
    # A hundredth of a step keeps rounding of the times from moving a point to the next block.
    index = ((times_s - times_s[0] + 0.01 * step) / length).astype(np.int64)
    count = np.bincount(index)
    filled = count > 0
    divisor = np.maximum(count, 1)
    # Relative to the first time, so that large offsets cost no precision.
    middle = np.bincount(index, times_s - times_s[0]) / divisor + times_s[0]
    mean = np.bincount(index, signal) / divisor
    # A last block with few points would be noisier than the others.
    if count.size > 2 and count[-1] < 0.5 * np.median(count[filled]):
        count, filled, middle, mean = count[:-1], filled[:-1], middle[:-1], mean[:-1]
    if not filled.all():
        grid = times_s[0] + length * (np.arange(count.size) + 0.5) - 0.5 * step
        middle = np.where(filled, middle, grid)
        mean = np.where(filled, mean, np.interp(middle, middle[filled], mean[filled]))
    return Blocks(middle, mean, filled, length)


def _even_step(times_s: FloatArray, steps: FloatArray) -> float | None:
    """Distance of evenly sampled points, s; None when the sampling is not even."""
    step = float(times_s[-1] - times_s[0]) / steps.size
    even = float(steps.max()) < 1.001 * step and float(steps.min()) > 0.999 * step
    # Small differences must not add up to a point.
    off = times_s[:: max(1, steps.size // 64)] - times_s[0]
    return step if even and np.all(np.abs(off / step - np.rint(off / step)) < 0.01) else None


def _even_blocks(times_s: FloatArray, signal: FloatArray, points: int, step_s: float) -> Blocks:
    """Means over so many evenly sampled points each."""
    n = signal.size // points
    rest = signal.size - n * points
    middle = times_s[: n * points : points] + 0.5 * (points - 1) * step_s
    mean = signal[: n * points].reshape(n, points).mean(axis=1)
    # A last block with few points would be noisier than the others.
    if rest and (n < 2 or 2 * rest >= points):
        middle = np.append(middle, times_s[n * points :].mean())
        mean = np.append(mean, signal[n * points :].mean())
    return Blocks(middle, mean, np.ones(mean.size, bool), points * step_s)
