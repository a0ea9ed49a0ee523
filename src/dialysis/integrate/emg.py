"""Fit exponentially modified Gaussians and a local baseline by variable projection.

Areas and baseline are linear: for given times and widths they follow from one linear least-squares
solution, and only µ, ln σ and ln τ of each peak are sought.

References
----------
Golub G, Pereyra V (2003) Inverse Problems 19, R1; the Jacobian is Kaufman's (1975).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from dialysis.chromatogram import FloatArray
from dialysis.integrate.shapes import Correction, shape_values

# σ and τ of the first guess as parts of the width at half height; an EMG with them has that width.
SIGMA_PART, TAU_PART = 0.36, 0.25
# How far µ may move from its guess, in widths, and σ and τ change, as a factor.
MU_WIDTHS = 0.75
SIGMA_FACTOR = 2.5
TAU_FACTOR = 12.0


@dataclass(frozen=True)
class EmgPeak:
    """One fitted peak.

    Parameters
    ----------
    area, area_se : float
        Area and its standard error, signal unit × s; the latter from the scatter of the residuals
        taken as white noise.
    mu_s, sigma_s, tau_s : float
        Mean and standard deviation of the Gaussian and decay time of the exponential, s.
    """

    area: float
    area_se: float
    mu_s: float
    sigma_s: float
    tau_s: float


@dataclass(frozen=True, eq=False)
class EmgFit:
    """Peaks and baseline fitted to a stretch of a trace.

    Parameters
    ----------
    peaks : tuple of EmgPeak
        In the order of the guesses.
    baseline, fitted : ndarray of float64, shape (n,)
        The baseline, and the baseline with all peaks, on the points.
    residual_rms : float
        Root mean square of what is left, per degree of freedom, signal unit.
    converged : bool
        Whether the search ended inside its bounds before it ran out of steps.
    """

    peaks: tuple[EmgPeak, ...]
    baseline: FloatArray
    fitted: FloatArray
    residual_rms: float
    converged: bool

    def misfit(self, sigma: float) -> float:
        """Residual over noise: about 1 where the shape is right (σ of a point, signal unit)."""
        return self.residual_rms / sigma if sigma > 0 else float("nan")


def fit_emg(
    times_s: FloatArray,
    signal: FloatArray,
    apexes_s: Sequence[float],
    widths_s: Sequence[float],
    degree: int = 1,
    max_steps: int = 40,
) -> EmgFit:
    """Fit a group of peaks with a polynomial baseline.

    Parameters
    ----------
    times_s, signal : ndarray of float64, shape (n,)
        The stretch of the trace; block means serve as well as points.
    apexes_s, widths_s : sequence of float
        Apex and full width at half height of every peak, s, roughly.
    degree : int
        Of the baseline: 1 for a line, 2 near the solvent front.
    max_steps : int
        Most evaluations of the search.

    Raises
    ------
    ValueError
        If there is no peak, or fewer points than unknowns.
    """
    width = np.asarray(widths_s, dtype=np.float64)
    apex = np.asarray(apexes_s, dtype=np.float64)
    unknowns = 4 * apex.size + degree + 1
    if not apex.size or times_s.size <= unknowns:
        raise ValueError(
            f"{times_s.size} points for {apex.size} peaks; expected at least one peak and more "
            f"points than the {unknowns} unknowns"
        )
    middle, half = 0.5 * (times_s[0] + times_s[-1]), 0.5 * (times_s[-1] - times_s[0])
    powers = ((times_s - middle) / half)[:, None] ** np.arange(degree + 1)
    sigma, tau = SIGMA_PART * width, TAU_PART * width
    first = np.concatenate([(apex - 0.6 * tau) / width, np.log(sigma), np.log(tau)])
    spread = np.repeat([MU_WIDTHS, np.log(SIGMA_FACTOR), np.log(TAU_FACTOR)], apex.size)
    scale = float(np.ptp(signal)) or 1.0
    problem = _Projection(times_s, signal / scale, powers, width)
    found = least_squares(
        problem.residuals,
        first,
        jac=problem.jacobian,
        bounds=(first - spread, first + spread),
        method="trf",
        x_scale="jac",
        max_nfev=max_steps,
    )
    solved = problem.solve(found.x)
    freedom = times_s.size - unknowns
    rms = float(np.sqrt(solved.residual @ solved.residual / freedom))
    full = np.hstack([solved.columns, solved.derivatives])
    # The pseudo-inverse holds where two peaks can't be told apart.
    covariance = np.linalg.pinv(full.T @ full)
    errors = rms * np.sqrt(np.maximum(np.diag(covariance)[: apex.size], 0.0))
    m = apex.size
    peaks = tuple(
        EmgPeak(
            scale * float(solved.coefficients[j]),
            scale * float(errors[j]),
            float(found.x[j] * width[j]),
            float(np.exp(found.x[m + j])),
            float(np.exp(found.x[2 * m + j])),
        )
        for j in range(m)
    )
    baseline = scale * (powers @ solved.coefficients[m:])
    fitted = scale * (solved.columns @ solved.coefficients)
    inside = bool(np.all(np.abs(found.x - first) < 0.999 * spread))
    return EmgFit(peaks, baseline, fitted, scale * rms, bool(found.status > 0) and inside)


@dataclass(frozen=True, eq=False)
class _Solved:
    """The linear part for given nonlinear parameters."""

    columns: FloatArray
    coefficients: FloatArray
    residual: FloatArray
    derivatives: FloatArray


class _Projection:
    """Residuals and Jacobian of the nonlinear parameters (µ in widths, ln σ, ln τ)."""

    def __init__(
        self, times_s: FloatArray, signal: FloatArray, powers: FloatArray, width: FloatArray
    ) -> None:
        self._times_s = times_s[:, None]
        self._signal = signal
        self._powers = powers
        self._width = width

    def solve(self, parameters: FloatArray) -> _Solved:
        """Areas and baseline by linear least squares, and how the fit moves with the others."""
        mu, ln_sigma, ln_tau = np.split(parameters, 3)
        shape = shape_values(
            self._times_s,
            mu * self._width,
            np.exp(ln_sigma),
            np.exp(ln_tau),
            Correction.none(),
        )
        columns = np.hstack([shape.value, self._powers])
        coefficients: FloatArray = np.linalg.lstsq(columns, self._signal, rcond=None)[0].astype(
            np.float64
        )
        areas = coefficients[: mu.size]
        derivatives = np.hstack(
            [
                shape.by_mu * self._width * areas,
                shape.by_ln_sigma * areas,
                shape.by_ln_tau * areas,
            ]
        )
        return _Solved(columns, coefficients, self._signal - columns @ coefficients, derivatives)

    def residuals(self, parameters: FloatArray) -> FloatArray:
        """What is left of the signal."""
        return self.solve(parameters).residual

    def jacobian(self, parameters: FloatArray) -> FloatArray:
        """Kaufman's approximation: the derivatives less their projection on the columns."""
        solved = self.solve(parameters)
        basis, _ = np.linalg.qr(solved.columns)
        out: FloatArray = basis @ (basis.T @ solved.derivatives) - solved.derivatives
        return out
