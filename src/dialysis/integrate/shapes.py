"""Peak shapes of unit area: an EMG with a correction that is learned from the run.

    f(t) = [h(t; µ, σ, τ) + c(u)/w] / (1 + ∫c),    u = (t − µ − τ)/w,    w² = σ² + τ²

h is the exponentially modified Gaussian (EMG) and c a cubic B-spline shared by all peaks of a
run, so that no family of shapes is taken on faith.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import BSpline
from scipy.special import erfcx

from dialysis.chromatogram import FloatArray

# The correction lives between these values of u and is zero outside.
U_LOW, U_HIGH = -4.0, 6.0
# Number of its B-splines; the outer two on either side are zero, so that it ends smoothly.
N_SPLINES = 34
PINNED = 2
# Step of the table it is evaluated from.
U_STEP = 0.01
# Below this argument erfcx(x) is 2·exp(x²) to 1e-12 and may overflow: the tail is exponential.
_FAR_TAIL = -5.0
_SQRT_2 = float(np.sqrt(2.0))
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Correction:
    """The correction c(u) of the EMG.

    Parameters
    ----------
    coefficients : ndarray of float64, shape (N_SPLINES,)
        Of the cubic B-splines; all zero for a pure EMG.
    table : ndarray of float64, shape (2, m)
        c and dc/du on the grid of u with a zero at either end.
    area : float
        ∫c du.
    """

    coefficients: FloatArray
    table: FloatArray
    area: float

    @classmethod
    def of(cls, coefficients: FloatArray) -> Correction:
        """Tabulate the correction with these coefficients."""
        values, slopes, areas = _splines()
        table = np.stack([coefficients @ values, coefficients @ slopes])
        return cls(coefficients, table, float(coefficients @ areas))

    @classmethod
    def none(cls) -> Correction:
        """No correction: the EMG itself."""
        return cls.of(np.zeros(N_SPLINES))

    def at(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and slopes at any u, both of the shape of `u`."""
        return _look_up(self.table[0], u), _look_up(self.table[1], u)


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
    near = gauss * (sigma_s * _SQRT_2PI / 2) * erfcx(np.maximum(x, _FAR_TAIL))
    far = np.exp(np.minimum(0.5 * ratio**2 - ratio * z, 0.0))
    emg = np.where(x > _FAR_TAIL, near, far) / tau_s
    slope = (gauss - emg) / tau_s
    second = (-z / sigma_s * gauss - slope) / tau_s
    by_ln_tau = emg * (ratio * z - 1 - ratio**2) + ratio**2 * gauss
    by_ln_sigma = sigma_s**2 * second
    if not correction.coefficients.any():
        return ShapeValues(emg, -slope, by_ln_sigma, by_ln_tau)
    width = np.hypot(sigma_s, tau_s)
    u = (times_s - mu_s - tau_s) / width
    c, dc = correction.at(u)
    scale = 1 / (1 + correction.area)
    c, dc = c / width, dc / width**2
    stretch = c + (u * width) * dc
    return ShapeValues(
        scale * (emg + c),
        scale * (-slope - dc),
        scale * (by_ln_sigma - (sigma_s / width) ** 2 * stretch),
        scale * (by_ln_tau - (tau_s / width) ** 2 * stretch - tau_s * dc),
    )


def spline_values(u: FloatArray) -> FloatArray:
    """All B-splines at some u, shape (N_SPLINES, *u.shape); zero outside their support."""
    values, _, _ = _splines()
    return np.stack([_look_up(row, u) for row in values])


def _look_up(row: FloatArray, u: FloatArray) -> FloatArray:
    """Linear interpolation in a table over u that is zero at its ends."""
    place = np.clip((u - U_LOW) * (1 / U_STEP), 0.0, row.size - 1.001)
    low = place.astype(np.int32)
    part = place - low
    out: FloatArray = row[low] * (1 - part) + row[low + 1] * part
    return out


@lru_cache(maxsize=1)
def _splines() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Tables of the B-splines and their slopes, shape (N_SPLINES, m), and their integrals."""
    inner = np.linspace(U_LOW, U_HIGH, N_SPLINES - 2)
    step = inner[1] - inner[0]
    knots = np.concatenate([U_LOW - step * np.arange(3, 0, -1), inner, U_HIGH + step * np.arange(1, 4)])
    grid = np.arange(round((U_HIGH - U_LOW) / U_STEP) + 1) * U_STEP + U_LOW
    basis = BSpline(knots, np.eye(N_SPLINES), 3)
    values = np.ascontiguousarray(basis(grid).T)
    slopes = np.ascontiguousarray(basis(grid, 1).T)
    # The pinned splines are those that don't vanish at the ends.
    for table in (values, slopes):
        table[:PINNED] = table[-PINNED:] = 0.0
        table[:, 0] = table[:, -1] = 0.0
    return values, slopes, values.sum(axis=1) * U_STEP
