"""Noise of a trace: its σ, its spectrum, and the peak-to-peak noise of the pharmacopoeias."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len, rfft

from dialysis.chromatogram import FloatArray
from dialysis.integrate.blocks import BoolArray, IntArray

# Median of the square of a standard normal variable.
_MEDIAN_SQUARE = 0.45493642311957283
# Hadamard variance of 1/f noise with the one-sided spectral density 1/f.
_FLICKER_HADAMARD = 0.5 * float(np.log(256 / 27))
# The peak-to-peak noise is taken over this many widths at half height (USP <621>, Ph. Eur. 2.2.46).
PEAK_TO_PEAK_WIDTHS = 5.0
# Fewest blocks a peak-to-peak noise is read from.
_MIN_BLOCKS = 15


@dataclass(frozen=True)
class BlockNoise:
    """Noise of block means as the sum of white and 1/f noise.

    Parameters
    ----------
    white : float
        Variance of a block from white noise, signal unit².
    flicker : float
        Factor h of the one-sided spectral density h/f, signal unit².
    short : float
        Standard deviation from block to block as measured at the shortest distance, signal unit;
        unlike the two parts it is not inflated by a baseline that does not fit.
    """

    white: float
    flicker: float
    short: float

    @property
    def sigma(self) -> float:
        """Standard deviation from block to block, signal unit."""
        return float(np.sqrt(self.white + _FLICKER_HADAMARD * self.flicker))

    def smoothed_sigma(self, smoothing_blocks: float) -> float:
        """Standard deviation after smoothing with a Gaussian, signal unit.

        White noise shrinks by 2√π times the Gaussian's σ in blocks; 1/f noise stays.
        """
        shrunk = self.white / (2 * np.sqrt(np.pi) * smoothing_blocks)
        return float(np.sqrt(shrunk + _FLICKER_HADAMARD * self.flicker))

    def standard_errors(self, weights: FloatArray) -> FloatArray:
        """Standard errors of linear functions Σ c·signal of the blocks.

        Parameters
        ----------
        weights : ndarray of float64, shape (m, n)
            The weights c; each row sums to zero.

        Returns
        -------
        ndarray of float64, shape (m,)

        Notes
        -----
        var = white·Σc² + h·∫|C(f)|²/f df, with C the Fourier transform of c; as C(0) = 0 the
        integral is finite.
        """
        variance = self.white * np.einsum("ij,ij->i", weights, weights)
        if self.flicker > 0:
            size = next_fast_len(2 * weights.shape[1], real=True)
            spectrum = rfft(weights, size, axis=1)
            power = spectrum.real**2 + spectrum.imag**2
            variance = variance + self.flicker * (
                power[:, 1:] @ (1.0 / np.arange(1, size // 2 + 1))
            )
        out: FloatArray = np.sqrt(variance)
        return out


def point_sigma(signal: FloatArray) -> float:
    """Noise σ of single points from second differences, signal unit.

    Peaks and drift are slow against the sampling and drop out; the median of the absolute second
    differences (σ·√6 · 0.6745 for white noise) ignores the few that peaks leave.  On a trace so
    coarse that half of them are zero the root mean square of the lower 90 % is taken instead.
    """
    second = np.abs(np.diff(signal, 2))
    if not second.size:
        return 0.0
    typical = middle_value(second) / float(np.sqrt(_MEDIAN_SQUARE))
    if typical == 0.0:
        low = np.sort(second)[: max(1, int(0.9 * second.size))]
        typical = float(np.sqrt(np.mean(low**2)))
    return float(typical / np.sqrt(6.0))


def middle_value(values: FloatArray) -> float:
    """Median without the checks that make NumPy's slow; of an even number the upper middle."""
    half = values.size // 2
    return float(np.partition(values, half)[half])


def block_noise(corrected: FloatArray, free: BoolArray) -> BlockNoise:
    """Noise of the blocks outside the peaks.

    The Hadamard variance (second differences of means of m blocks, divided by 6) at m = 1, 4,
    16 is σ²/m for white noise and ½ ln(256/27)·h, the same for all m, for 1/f noise with the
    density h/f (W. J. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065, 2008).  Both
    parts are fitted by non-negative least squares with relative weights.

    Parameters
    ----------
    corrected : ndarray of float64, shape (n,)
        Block means above the baseline, signal unit.
    free : ndarray of bool, shape (n,)
        Blocks outside the peaks.
    """
    total = np.concatenate([[0.0], np.cumsum(corrected)])
    covered = np.concatenate([[0], np.cumsum(~free)])
    rows, values = [], []
    shortest = 0.0
    for m in (1, 4, 16):
        whole = covered[3 * m :] == covered[: -3 * m] if covered.size > 3 * m else np.zeros(0, bool)
        if np.count_nonzero(whole) < max(8, 3 * m):
            break
        second = (total[3 * m :] - 3 * total[2 * m : -m] + 3 * total[m : -2 * m] - total[: -3 * m])[
            whole
        ] / m
        value = middle_value(second**2) / (6.0 * _MEDIAN_SQUARE)
        if value <= 0:
            break
        shortest = value if m == 1 else shortest
        # The number of independent second differences falls with m.
        scale = np.sqrt(np.count_nonzero(whole) / m) / value
        rows.append((scale / m, scale * _FLICKER_HADAMARD))
        values.append(scale * value)
    if not rows:
        second = np.diff(corrected[free], 2)
        spread = float(np.mean(second**2)) / 6.0 if second.size else 0.0
        return BlockNoise(spread, 0.0, float(np.sqrt(spread)))
    white, flicker = _two_parts(np.asarray(rows), np.asarray(values))
    return BlockNoise(white, flicker, float(np.sqrt(shortest)))


def _two_parts(design: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Non-negative least squares with two unknowns: the free solution, or the better edge."""
    (aa, ab), (_, bb) = (design.T @ design).tolist()
    ay, by = (design.T @ values).tolist()
    determinant = aa * bb - ab * ab
    if determinant > 1e-12 * aa * bb:
        first, second = (bb * ay - ab * by) / determinant, (aa * by - ab * ay) / determinant
        if first >= 0 and second >= 0:
            return first, second
    ay, by = max(ay, 0.0), max(by, 0.0)
    # By how much each alone lowers the sum of squares.
    return (ay / aa, 0.0) if ay * ay / aa >= by * by / bb else (0.0, by / bb)


def peak_to_peak(
    corrected: FloatArray,
    free: BoolArray,
    apexes: IntArray,
    n_blocks: IntArray,
    signal: FloatArray | None = None,
) -> FloatArray:
    """Peak-to-peak noise h: the range of the peak-free blocks nearest to some places.

    It is taken about the straight line through these blocks, so that drift does not count.

    Parameters
    ----------
    corrected : ndarray of float64, shape (n,)
        Block means above the baseline, signal unit.
    free : ndarray of bool, shape (n,)
        Blocks outside the peaks.
    apexes : ndarray of int, shape (m,)
        The blocks it is wanted for.
    n_blocks : ndarray of int, shape (m,)
        How many blocks each is read from; see `PEAK_TO_PEAK_WIDTHS`.
    signal : ndarray of float64, shape (n,), optional
        Block means as recorded.  The smaller of the two ranges is taken, since a baseline that
        does not follow the trace is no noise.

    Returns
    -------
    ndarray of float64, shape (m,)
        Signal unit; NaN when there are fewer than 15 peak-free blocks.
    """
    where = np.flatnonzero(free)
    if where.size < _MIN_BLOCKS or not apexes.size:
        return np.full(apexes.size, np.nan)
    place = where.astype(np.float64)
    values = [corrected[where]] if signal is None else [corrected[where], signal[where]]
    out = np.empty(apexes.size)
    wanted = np.minimum(np.maximum(n_blocks, _MIN_BLOCKS), where.size).tolist()
    after = np.searchsorted(where, apexes).tolist()
    for i, (apex, split, n) in enumerate(zip(apexes.tolist(), after, wanted, strict=True)):
        low = _nearest(where, apex, split, n)
        part = slice(low, low + n)
        x = place[part] - place[part].sum() / n
        size = x @ x
        ranges = []
        for one in values:
            y = one[part]
            y = y - (x @ y / size) * x
            ranges.append(y.max() - y.min())
        out[i] = min(ranges)
    return out


def _nearest(where: IntArray, apex: int, split: int, n: int) -> int:
    """First of the n sorted places that are nearest to one; `split` of them are before it."""
    low, high = max(0, split - n), min(split, where.size - n)
    while low < high:
        middle = (low + high) // 2
        # The run moves on when what it loses is farther than what it wins.
        if apex - where[middle] > where[middle + n] - apex:
            low = middle + 1
        else:
            high = middle
    return low
