"""Noise of a run as white, 1/f and random-walk noise, and the covariance of block means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_triangular, toeplitz
from scipy.optimize import nnls

from dialysis.chromatogram import FloatArray

# Median of the square of a standard normal variable.
_MEDIAN_SQUARE = 0.45493642311957283
# Second differences are taken of means over 1, 2, 4 … blocks, at most this long.
LONGEST_MEAN_S = 60.0
# White noise is at least this part of the variance from block to block.
LEAST_WHITE = 0.01
# Frequencies of the spectra: from about 1/PERIOD_S, far below what a fit window resolves, to four
# times the Nyquist frequency of the blocks.
PERIOD_S = 8192.0


@dataclass(frozen=True)
class NoiseSpectrum:
    """Noise of a run.

    Parameters
    ----------
    white : float
        Spectral density of the white part, signal unit² × s (variance of a mean over 1 s).
    pink : float
        Factor h of the one-sided density h/f, signal unit².
    walk : float
        Factor of the one-sided density 1/f², signal unit²/s.
    """

    white: float
    pink: float
    walk: float

    def autocovariance(self, block_s: float, n: int) -> FloatArray:
        """Autocovariance of block means at lags of 0 … n − 1 blocks, shape (n,), signal unit²."""
        pink, walk = _coloured(block_s, n)
        out = self.pink * pink + self.walk * walk
        out[0] += self.white / block_s
        return out

    def whitener(self, block_s: float, n: int) -> FloatArray:
        """Matrix that turns block means into white noise of variance 1, shape (n, n)."""
        covariance = toeplitz(self.autocovariance(block_s, n))
        root = np.linalg.cholesky(covariance)
        out: FloatArray = solve_triangular(root, np.eye(n), lower=True)
        return out


def estimate_spectrum(
    stretches: Sequence[FloatArray], block_s: float, floor: float = 0.0
) -> NoiseSpectrum:
    """Estimate the noise of a run from stretches without peaks.

    Parameters
    ----------
    stretches : sequence of ndarray of float64
        Block means of parts of traces without peaks, signal unit.
    block_s : float
        Length of a block, s.
    floor : float
        Smallest variance of a block, signal unit², for traces without noise.

    Notes
    -----
    Second differences of means of k blocks have the variances 6·white/(k·block) and
    ∫ S(f)·sinc²(fT)·16 sin⁴(πfT) df with T = k·block.  Their medians are fitted by non-negative
    least squares with relative weights.
    """
    rows, values = [], []
    shortest = 0.0
    k = 1
    while k * block_s <= LONGEST_MEAN_S or k == 1:
        pieces = []
        for stretch in stretches:
            if stretch.size >= 3 * k:
                total = np.concatenate([[0.0], np.cumsum(stretch - stretch.mean())])
                mean = (total[k:] - total[:-k]) / k
                pieces.append(mean[2 * k :] - 2 * mean[k:-k] + mean[: -2 * k])
        second = np.concatenate(pieces) if pieces else np.zeros(0)
        # Independent second differences become few for long means.
        independent = second.size / (2 * k)
        if second.size < 8 or independent < 4:
            break
        value = float(np.median(second**2)) / _MEDIAN_SQUARE
        if value > 0:
            shortest = shortest or value / 6.0
            weight = np.sqrt(independent) / value
            rows.append([weight * part for part in _second_differences(block_s, k)])
            values.append(weight * value)
        k *= 2
    if not rows:
        return NoiseSpectrum(max(floor, 1e-300) * block_s, 0.0, 0.0)
    design = np.asarray(rows)
    scale = np.linalg.norm(design, axis=0)
    fitted, _ = nnls(design / scale, np.asarray(values))
    white, pink, walk = (float(v) for v in fitted / scale)
    # Some white noise is always there, be it that of the digitisation.
    return NoiseSpectrum(max(white, floor * block_s, LEAST_WHITE * shortest * block_s), pink, walk)


def _second_differences(block_s: float, k: int) -> tuple[float, float, float]:
    """Variance of second differences of k-block means for unit white, 1/f and 1/f² noise."""
    length = k * block_s
    f, step = _frequencies(block_s)
    phase = np.pi * f * length
    gain = (np.sin(phase) / phase) ** 2 * 16 * np.sin(phase) ** 4 * step
    return 6.0 / length, float(np.sum(gain / f)), float(np.sum(gain / f**2))


def _frequencies(block_s: float) -> tuple[FloatArray, float]:
    """Harmonics of 1/(N·block), N a power of two, up to four times the Nyquist frequency."""
    n = 2 ** int(np.ceil(np.log2(PERIOD_S / block_s)))
    step = 1.0 / (n * block_s)
    return np.arange(1, 2 * n + 1) * step, step


@lru_cache(maxsize=32)
def _coloured(block_s: float, n: int) -> tuple[FloatArray, FloatArray]:
    """Autocovariances of block means for unit 1/f and 1/f² noise."""
    f, step = _frequencies(block_s)
    damped = np.sinc(f * block_s) ** 2 * step
    size = f.size // 2
    out = []
    for power in (damped / f, damped / f**2):
        # At lags of whole blocks frequencies above 1/block fold back onto those below.
        folded = np.roll(power.reshape(2, size).sum(axis=0), 1)
        out.append(np.ascontiguousarray(np.fft.fft(folded).real[:n]))
    return out[0], out[1]
