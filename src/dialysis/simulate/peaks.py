"""Peak shapes of known area: exponentially modified Gaussian and two others.

All families take the parameters of the EMG (mean of the Gaussian µ, σ, τ) and have its
first three moments, so that only the shape differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import erfc, erfcx, ndtr

from dialysis.chromatogram import FloatArray

Family = Literal["emg", "skew_normal", "two_exponential"]
FAMILIES: tuple[Family, ...] = ("emg", "skew_normal", "two_exponential")

# Kernel of the two-exponential family: 80 % of the peak decays with one time constant and
# 20 % with three times that.
_FAST_SHARE = 0.8
_SLOW_RATIO = 3.0


@dataclass(frozen=True)
class Peak:
    """One peak of a chromatogram, with its area known exactly.

    Parameters
    ----------
    analyte : str
        Name of the analyte.
    mu_s, sigma_s, tau_s : float
        Mean and standard deviation of the Gaussian and time constant of the tail, s.
    area_nA_s : float
        Area, nA·s.
    """

    analyte: str
    mu_s: float
    sigma_s: float
    tau_s: float
    area_nA_s: float


def density(
    time_s: FloatArray, mu_s: float, sigma_s: float, tau_s: float, family: Family = "emg"
) -> FloatArray:
    """Return a peak of area 1.

    Parameters
    ----------
    time_s : ndarray of float64, shape (n,)
        Times, s.
    mu_s, sigma_s, tau_s : float
        Parameters of the EMG, s; `sigma_s` above 0, `tau_s` from 0 (a Gaussian).
    family : {"emg", "skew_normal", "two_exponential"}
        Shape; the last two have the EMG's mean, variance and third central moment.

    Returns
    -------
    ndarray of float64, shape (n,)
        Density, 1/s.
    """
    if family == "emg":
        return emg(time_s, mu_s, sigma_s, tau_s)
    if family == "skew_normal":
        return _skew_normal(time_s, mu_s, sigma_s, tau_s)
    return _two_exponential(time_s, mu_s, sigma_s, tau_s)


def emg(time_s: FloatArray, mu_s: float, sigma_s: float, tau_s: float) -> FloatArray:
    """Exponentially modified Gaussian of area 1, free of overflow.

    Notes
    -----
    With z = (t − µ)/σ and x = (σ/τ − z)/√2 the density is exp(−z²/2)·erfcx(x)/(2τ).  erfcx
    overflows for x below about −26, so the right flank (x < 0) is computed as
    exp(σ²/(2τ²) − (t − µ)/τ)·erfc(x)/(2τ), whose exponent is negative there.

    References
    ----------
    Kalambet et al. (2011), J. Chemometrics 25:352-356.
    """
    z = (time_s - mu_s) / sigma_s
    if tau_s == 0:
        gauss: FloatArray = np.exp(-0.5 * z * z) / (sigma_s * np.sqrt(2 * np.pi))
        return gauss
    ratio = sigma_s / tau_s
    x = (ratio - z) / np.sqrt(2)
    out = np.empty_like(z)
    left = x >= 0
    out[left] = np.exp(-0.5 * z[left] ** 2) * erfcx(x[left])
    right = ~left
    out[right] = np.exp(0.5 * ratio**2 - ratio * z[right]) * erfc(x[right])
    return out / (2 * tau_s)


def apex(sigma_s: float, tau_s: float, family: Family = "emg") -> tuple[float, float]:
    """Return (apex time − µ in s, height of a peak of area 1 in 1/s).

    Notes
    -----
    For the EMG the apex is where erfcx(x) = (τ/σ)·√(2/π), solved by Newton steps (erfcx is
    convex and falling, so they converge); its height is then
    exp(−z²/2)/(σ√(2π)).  For other families it is the parabola through the three highest points
    of a grid of σ/200, exact to about 1e-7 of σ and better in height.
    """
    if family == "emg":
        return _emg_apex(sigma_s, tau_s)
    n_steps = 200 * (2 + int(np.ceil(2 * tau_s / sigma_s)))
    grid: FloatArray = np.arange(-200, n_steps, dtype=np.float64) * (sigma_s / 200)
    values = density(grid, 0.0, sigma_s, tau_s, family)
    top = int(np.argmax(values))
    before, peak, after = (float(v) for v in values[top - 1 : top + 2])
    offset = 0.5 * (before - after) / (before - 2 * peak + after)
    return float(grid[top] + offset * sigma_s / 200), peak - 0.25 * (before - after) * offset


def _emg_apex(sigma_s: float, tau_s: float) -> tuple[float, float]:
    target = tau_s / sigma_s * np.sqrt(2 / np.pi)
    if target == 0:
        return 0.0, 1 / (sigma_s * np.sqrt(2 * np.pi))
    # For a long tail the root is far to the left, where erfcx(x) is about 2 exp(x^2).
    x = -float(np.sqrt(np.log(target / 2))) if target > 2 else 0.0
    for _ in range(100):
        value = float(erfcx(x))
        step = (value - target) / (2 / np.sqrt(np.pi) - 2 * x * value)
        x += step
        if abs(step) <= 1e-14 * max(1.0, abs(x)):
            break
    z = sigma_s / tau_s - np.sqrt(2) * x
    return float(sigma_s * z), float(np.exp(-0.5 * z * z) / (sigma_s * np.sqrt(2 * np.pi)))


def _skew_normal(time_s: FloatArray, mu_s: float, sigma_s: float, tau_s: float) -> FloatArray:
    """Skew-normal (Azzalini 1985) with the EMG's first three moments.

    Skewness of a skew-normal stays below 0.995, which τ up to 1.3 σ keeps.
    """
    variance = sigma_s**2 + tau_s**2
    skewness = 2 * tau_s**3 / variance**1.5
    if skewness >= 0.99:
        raise ValueError(f"a skew-normal can't have skewness {skewness:.3f} (limit 0.995)")
    part = skewness ** (2 / 3)
    delta = np.sqrt(np.pi / 2 * part / (part + ((4 - np.pi) / 2) ** (2 / 3)))
    omega = np.sqrt(variance / (1 - 2 * delta**2 / np.pi))
    location = mu_s + tau_s - omega * delta * np.sqrt(2 / np.pi)
    alpha = delta / np.sqrt(1 - delta**2)
    z = (time_s - location) / omega
    gauss = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    out: FloatArray = 2 / omega * gauss * ndtr(alpha * z)
    return out


def _two_exponential(time_s: FloatArray, mu_s: float, sigma_s: float, tau_s: float) -> FloatArray:
    """Gaussian convolved with a fast and a slow exponential decay, the EMG's three moments."""
    w, r = _FAST_SHARE, _SLOW_RATIO
    mean = w + (1 - w) * r
    second = 2 * (w + (1 - w) * r**2)
    third = 6 * (w + (1 - w) * r**3) - 3 * mean * second + 2 * mean**3
    fast = tau_s * (2 / third) ** (1 / 3)
    # The kernel's variance stays below tau², so the Gaussian keeps a positive one.
    sigma = np.sqrt(sigma_s**2 + tau_s**2 - fast**2 * (second - mean**2))
    mu = mu_s + tau_s - fast * mean
    out: FloatArray = w * emg(time_s, mu, sigma, fast)
    out += (1 - w) * emg(time_s, mu, sigma, r * fast)
    return out
