"""Peak shapes of unit area: an EMG with a correction that is learned from the run.

    f(t) = [h(t; µ, σ, τ) + c(u, r)/w] / (1 + ∫c),    c(u, r) = (r/r₀)⁴ Σ (r − r₀)^k·c_k(u)
    u = (t − µ − τ)/w,    w² = σ² + τ²,    r = τ/w

h is the exponentially modified Gaussian (EMG); the c_k are cubic B-splines shared by all peaks of
a run, so that no family of shapes is taken on faith, nor how it changes with tailing.  (r/r₀)⁴ is
how the difference begins: a peak without tailing is a Gaussian in any family, with the same first
three moments shapes differ from the fourth cumulant on, and that goes with r⁴.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline
from scipy.special import erfcx

from dialysis.chromatogram import FloatArray

# The correction lives between these values of u and is zero outside.
U_LOW, U_HIGH = -4.0, 7.0
# Number of its B-splines; the outer three on either side are zero, so that it ends smoothly.
N_SPLINES = 37
PINNED = 3
# Powers of r − r₀ that the correction has, besides the growth with r to this power.
N_POWERS = 3
GROWTH = 4.0
# Step of the table it is evaluated from.
U_STEP = 0.01
# Below this argument erfcx(x) is 2·exp(x²) to 1e-12 and may overflow: the tail is exponential.
_FAR_TAIL = -5.0
_SQRT_2 = float(np.sqrt(2.0))
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Correction:
    """The correction c(u, r) of the EMG.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (N_POWERS, N_SPLINES)
        Of the cubic B-splines of c_k; all zero for a pure EMG.
    ratio : float
        The reference r₀.
    table : ndarray of float64, shape (2·N_POWERS, m)
        c_k, then dc_k/du, on the grid of u with a zero at either end.
    area : ndarray of float64, shape (N_POWERS,)
        ∫c_k du.
    """

    coefficients: FloatArray
    ratio: float
    table: FloatArray
    area: FloatArray

    @classmethod
    def of(cls, coefficients: FloatArray, ratio: float) -> Correction:
        """Tabulate the correction with these coefficients."""
        values, slopes, areas = _splines()
        table = np.concatenate([coefficients @ values, coefficients @ slopes])
        return cls(coefficients, ratio, table, coefficients @ areas)

    @classmethod
    def none(cls, ratio: float = 0.5) -> Correction:
        """No correction: the EMG itself."""
        return cls.of(np.zeros((N_POWERS, N_SPLINES)), ratio)


@dataclass(frozen=True, eq=False)
class ShapeValues:
    """A peak of area 1 and its derivatives, all of the same shape."""

    value: FloatArray
    by_mu: FloatArray
    by_ln_sigma: FloatArray
    by_ln_tau: FloatArray


def shape_values(
    times_s: FloatArray,
    mu_s: FloatArray,
    sigma_s: FloatArray,
    tau_s: FloatArray,
    correction: Correction,
) -> ShapeValues:
    """Evaluate peaks of area 1 and their derivatives.

    Parameters
    ----------
    times_s : ndarray of float64
        Times, s.
    mu_s, sigma_s, tau_s : ndarray of float64
        Parameters, s; they are broadcast against `times_s`.
    correction : Correction
        The run's correction.

    Notes
    -----
    The EMG h solves h + τ·h' = φ, with φ the Gaussian, and ∂h/∂σ = σ·h'' as any convolution with
    a Gaussian; ∂h/∂ln τ = h·(z·σ/τ − 1 − σ²/τ²) + φ·σ²/τ² with z = (t − µ)/σ.
    """
    z = (times_s - mu_s) / sigma_s
    ratio = sigma_s / tau_s
    gauss = np.exp(-0.5 * z * z) / (sigma_s * _SQRT_2PI)
    x = (ratio - z) / _SQRT_2
    emg = gauss * erfcx(np.maximum(x, _FAR_TAIL))
    emg *= 0.5 * _SQRT_2PI * ratio
    behind = x <= _FAR_TAIL
    if behind.any():
        far = np.exp(np.minimum(0.5 * ratio**2 - ratio * z, 0.0)) / tau_s
        emg = np.where(behind, far, emg)
    slope = (gauss - emg) / tau_s
    second = (-z / sigma_s * gauss - slope) / tau_s
    by_ln_tau = emg * (ratio * z - 1 - ratio**2) + ratio**2 * gauss
    by_ln_sigma = sigma_s**2 * second
    if not correction.coefficients.any():
        return ShapeValues(emg, -slope, by_ln_sigma, by_ln_tau)
    width = np.hypot(sigma_s, tau_s)
    r = tau_s / width
    u = (times_s - mu_s - tau_s) / width
    looked = _look_up(correction.table, u)
    area, area_by_r = _grown(correction.area, r, correction.ratio)
    c, c_by_r = _grown(looked[:N_POWERS], r, correction.ratio)
    dc, _ = _grown(looked[N_POWERS:], r, correction.ratio)
    c, dc = c / width, dc / width**2
    scale = 1 / (1 + area)
    value = scale * (emg + c)
    sigma_part, tau_part = (sigma_s / width) ** 2, r**2
    stretch = c + (u * width) * dc
    # By r, which grows with ln τ as it falls with ln σ.
    by_r = r * sigma_part * scale * (c_by_r / width - area_by_r * value)
    return ShapeValues(
        value,
        scale * (-slope - dc),
        scale * (by_ln_sigma - sigma_part * stretch) - by_r,
        scale * (by_ln_tau - tau_part * stretch - tau_s * dc) + by_r,
    )


def powers_of(r: FloatArray, ratio: float) -> FloatArray:
    """Factors of the c_k in a peak with this r, shape (*r.shape, N_POWERS)."""
    grown: FloatArray = (r / ratio) ** GROWTH
    return np.asarray(grown[..., None] * (r - ratio)[..., None] ** np.arange(N_POWERS))


def _grown(terms: FloatArray, r: FloatArray, ratio: float) -> tuple[FloatArray, FloatArray]:
    """(r/r₀)^GROWTH·Σ terms[k]·(r − r₀)^k and its derivative by r."""
    x = r - ratio
    value, slope = terms[-1] + 0 * x, 0 * x
    for term in terms[-2::-1]:
        slope = value + x * slope
        value = term + x * value
    grown = (r / ratio) ** GROWTH
    return grown * value, grown * (slope + GROWTH / r * value)


def spline_values(u: FloatArray) -> FloatArray:
    """All B-splines at some u, shape (N_SPLINES, *u.shape); zero outside their support."""
    values, _, _ = _splines()
    return _look_up(values, u)


def spline_areas() -> FloatArray:
    """Integrals of all B-splines, shape (N_SPLINES,)."""
    return _splines()[2]


def _look_up(table: FloatArray, u: FloatArray) -> FloatArray:
    """Linear interpolation in the rows of a table over u that is zero at its ends."""
    place = np.clip((u - U_LOW) * (1 / U_STEP), 0.0, table.shape[1] - 1)
    low = np.minimum(place.astype(np.int32), table.shape[1] - 2)
    part = place - low
    left = np.take(table, low, axis=1)
    out: FloatArray = left + part * (np.take(table, low + 1, axis=1) - left)
    return out


@lru_cache(maxsize=1)
def _splines() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Tables of the B-splines and their slopes, shape (N_SPLINES, m), and their integrals."""
    inner = np.linspace(U_LOW, U_HIGH, N_SPLINES - 2)
    step = inner[1] - inner[0]
    knots = np.concatenate(
        [U_LOW - step * np.arange(3, 0, -1), inner, U_HIGH + step * np.arange(1, 4)]
    )
    grid = np.arange(round((U_HIGH - U_LOW) / U_STEP) + 1) * U_STEP + U_LOW
    basis = BSpline(knots, np.eye(N_SPLINES), 3)
    values = np.ascontiguousarray(basis(grid).T)
    slopes = np.ascontiguousarray(basis(grid, 1).T)
    # The pinned splines are those that don't vanish at the ends.
    for table in (values, slopes):
        table[:PINNED] = table[-PINNED:] = 0.0
        table[:, 0] = table[:, -1] = 0.0
    return values, slopes, values.sum(axis=1) * U_STEP
