"""Where the peaks of a trace are: a common retention factor from the pattern of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray

# Grid of retention factors: this part of the narrowest relative peak width.
_GRID_PART = 0.4
# What is known of a retention factor when a reference peak was found, and when not; how much of
# Σ ln(1 + S/N) a reference peak is worth.
KNOWN_FACTOR_SD, UNKNOWN_FACTOR_SD, MOST_TRUST = 0.003, 0.03, 3.0
# Response, in noise units, from which an apex refines the retention factor.
_CLEAR_RESPONSE = 5.0


@dataclass(frozen=True, eq=False)
class RunningMean:
    """The integral of a trace, from which means over any interval are read.

    Parameters
    ----------
    edges_s : ndarray of float64, shape (n + 1,)
        Edges between the points of the trace, s.
    integral : ndarray of float64, shape (n + 1,)
        Integral of the signal from the first edge, signal unit × s.
    step_s : float
        Median distance of the points, s.
    """

    edges_s: FloatArray
    integral: FloatArray
    step_s: float

    @classmethod
    def of(cls, times_s: FloatArray, signal: FloatArray) -> RunningMean:
        """Integrate a trace whose points stand for what is nearest to them."""
        step = float(times_s[-1] - times_s[0]) / (times_s.size - 1)
        edges = np.empty(times_s.size + 1)
        edges[1:-1] = 0.5 * (times_s[1:] + times_s[:-1])
        edges[0], edges[-1] = times_s[0] - 0.5 * step, times_s[-1] + 0.5 * step
        integral = np.empty(edges.size)
        integral[0] = 0.0
        # Relative to a level, so that the differences of large integrals stay exact.
        np.cumsum(signal * np.diff(edges), out=integral[1:])
        return cls(edges, integral, step)

    def blocks(self, start_s: float, block_s: float, n: int) -> FloatArray:
        """Means of n blocks from a start, shape (n,)."""
        at = start_s + block_s * np.arange(n + 1)
        return np.asarray(np.diff(np.interp(at, self.edges_s, self.integral)) / block_s)

    def snap(self, start_s: float) -> float:
        """The edge between two points nearest to a time, s."""
        place = int(np.searchsorted(self.edges_s, start_s - 0.5 * self.step_s))
        return float(self.edges_s[min(place, self.edges_s.size - 1)])


def curvature(block_means: FloatArray, width_blocks: float) -> FloatArray:
    """Response of a trace to a peak-like kernel without constant and slope, in noise units.

    Parameters
    ----------
    block_means : ndarray of float64, shape (n,)
        The trace.
    width_blocks : float
        σ of the peaks looked for, blocks.
    """
    reach = int(np.ceil(4 * width_blocks))
    x = np.arange(-reach, reach + 1) / width_blocks
    kernel = (1 - x * x) * np.exp(-0.5 * x * x)
    kernel -= kernel.mean()
    padded = np.pad(block_means, reach, mode="edge")
    response = np.convolve(padded, kernel, mode="valid")
    spread = 1.4826 * float(np.median(np.abs(response - np.median(response))))
    return np.asarray(response / spread) if spread > 0 else np.zeros_like(response)


def pattern_scores(
    response: FloatArray, start_s: float, block_s: float, rt_s: FloatArray, factors: FloatArray
) -> FloatArray:
    """How well each retention factor puts the expected peaks on peaks, shape (m,)."""
    place = (factors[:, None] * rt_s - start_s) / block_s - 0.5
    at = np.interp(place, np.arange(response.size), response, left=0.0, right=0.0)
    return np.asarray(np.log1p(np.maximum(at, 0.0)).sum(axis=1))


def factor_grid(rt_s: Sequence[float], width_s: Sequence[float], max_shift: float) -> FloatArray:
    """Retention factors to be tried, from 1 − max_shift to 1 + max_shift."""
    step = _GRID_PART * min(w / t for w, t in zip(width_s, rt_s, strict=True))
    n = int(np.ceil(max_shift / step))
    return 1 + max_shift * np.arange(-n, n + 1) / max(n, 1)


def find_factor(
    response: FloatArray,
    start_s: float,
    block_s: float,
    rt_s: FloatArray,
    width_s: FloatArray,
    factors: FloatArray,
    expected: float = 1.0,
    known: bool = False,
) -> float:
    """Find the retention factor that puts the expected peaks on peaks.

    Parameters
    ----------
    response : ndarray of float64
        From `curvature`, on blocks of `block_s` from `start_s`.
    rt_s, width_s : ndarray of float64, shape (J,)
        Apexes at factor 1 and their σ, s.
    factors : ndarray of float64
        From `factor_grid`.
    expected : float
        Factor to be expected.
    known : bool
        Whether it comes from a reference peak.  That peak may be another one, so that a pattern
        that fits clearly better elsewhere is believed.
    """
    scores = pattern_scores(response, start_s, block_s, rt_s, factors)
    away = factors - expected
    judged = scores - 0.5 * (away / UNKNOWN_FACTOR_SD) ** 2
    if known:
        judged -= np.minimum(0.5 * (away / KNOWN_FACTOR_SD) ** 2, MOST_TRUST)
    best = int(np.argmax(judged))
    factor = float(factors[best])
    # The apexes nearby, each counted by its size, refine it.
    place = (factor * rt_s - start_s) / block_s - 0.5
    reach = np.maximum(1, np.rint(width_s / block_s)).astype(int)
    total = weight = 0.0
    for at, near, t in zip(np.rint(place).astype(int), reach, rt_s, strict=True):
        low, high = max(1, at - near), min(response.size - 1, at + near + 1)
        if high - low < 2:
            continue
        top = low + int(np.argmax(response[low:high]))
        left, middle, right = response[top - 1 : top + 2]
        bent = left - 2 * middle + right
        if middle <= _CLEAR_RESPONSE or bent >= 0 or not low < top < high - 1:
            continue
        apex_s = start_s + block_s * (top + 0.5 + 0.5 * (left - right) / bent)
        # The relative error of a retention time falls with the time.
        size = t * t * np.log1p(middle)
        total += size * apex_s / t
        weight += size
    return total / weight if weight else factor
