"""Fit the areas of known peaks with a local baseline, for many traces at once.

A group of peaks is fitted to block means y of a window,

    y = Σ A_j f(t; µ_j, σ_j, τ_j) + b₀ + b₁s + b₂s² [+ b₃ exp(−(t − t₀)/τ_f)] + noise

with Gaussian priors on µ, ln σ, ln τ, b₂ and ln τ_f, whitened by the covariance of the noise: one
linear solve for areas and baseline, Gauss–Newton steps for everything jointly, and a linear solve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.detection import IntArray
from dialysis.integrate.shapes import Correction, shape_values

# Largest step of µ, in widths, and of the logarithms.
MAX_MU_STEP = 0.6
MAX_LN_STEP = 0.25
# What is added to the diagonal of scaled normal equations, so that they can always be solved.
_RIDGE = 1e-10


@dataclass(frozen=True, eq=False)
class Group:
    """Peaks that are fitted together, and the window they are fitted in.

    Parameters
    ----------
    members : tuple of int
        Positions of the peaks in the list of targets.
    start_s : float
        Start of the window at retention factor 1, s.
    block_s : float
        Length of a block, s.
    n : int
        Number of blocks.
    front : bool
        Whether the tail of the solvent front is part of the baseline; the window does not move
        with the retention then.
    whitener : ndarray of float64, shape (n, n)
        Turns block means into white noise of variance 1.
    """

    members: tuple[int, ...]
    start_s: float
    block_s: float
    n: int
    front: bool
    whitener: FloatArray

    @property
    def since_s(self) -> FloatArray:
        """Middles of the blocks from the start of the window, s, shape (n,)."""
        return np.asarray((np.arange(self.n) + 0.5) * self.block_s)

    @property
    def scaled(self) -> FloatArray:
        """Middles of the blocks on a scale from −1 to 1, shape (n,)."""
        return np.asarray((2 * np.arange(self.n) + 1) / self.n - 1)


@dataclass(frozen=True, eq=False)
class Priors:
    """Gaussian priors of a group's parameters in each of B traces with J peaks.

    Parameters
    ----------
    mu_s, ln_sigma, ln_tau : ndarray of float64, shape (B, J)
        Means.
    mu_sd_s, ln_sigma_sd, ln_tau_sd : ndarray of float64, shape (B, J)
        Standard deviations.
    bend, bend_sd : float
        Mean and standard deviation of the quadratic coefficient b₂, signal unit.
    ln_front, ln_front_sd : float
        Mean and standard deviation of ln τ_f (τ_f in s); used by a group with a front.
    """

    mu_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    mu_sd_s: FloatArray
    ln_sigma_sd: FloatArray
    ln_tau_sd: FloatArray
    bend: float
    bend_sd: float
    ln_front: float
    ln_front_sd: float

    def of(self, rows: IntArray) -> Priors:
        """Priors of some of the traces."""
        names = ("mu_s", "ln_sigma", "ln_tau", "mu_sd_s", "ln_sigma_sd", "ln_tau_sd")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})


@dataclass(frozen=True, eq=False)
class Parameters:
    """Nonlinear parameters: of peaks (B, J), and ln τ_f of the front (B,)."""

    mu_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    ln_front: FloatArray


@dataclass(frozen=True, eq=False)
class GroupFit:
    """A group fitted in each of B traces; J peaks, n blocks, p parameters.

    Parameters
    ----------
    times_s : ndarray of float64, shape (B, n)
        Middles of the blocks.
    mu_s, ln_sigma, ln_tau : ndarray of float64, shape (B, J)
        Parameters of the peaks.
    ln_front : ndarray of float64, shape (B,)
        ln τ_f.
    area : ndarray of float64, shape (B, J)
        Areas, signal unit × s.
    baseline : ndarray of float64, shape (B, 3 or 4)
        Coefficients of 1, s, s² and the front.
    covariance : ndarray of float64, shape (B, p, p)
        Covariance of areas, then µ, ln σ, ln τ of the peaks (the latter times area), then the
        baseline, from noise and priors.
    residual : ndarray of float64, shape (B, n)
        Whitened residuals.
    chi2 : ndarray of float64, shape (B,)
        Sum of squared whitened residuals per degree of freedom.
    design : ndarray of float64, shape (B, p, n)
        Whitened derivatives by the parameters.
    precision : ndarray of float64, shape (B, p)
        Prior precision of the parameters.
    pull : ndarray of float64, shape (B, p)
        Precision times distance of the parameters from their prior means.
    """

    times_s: FloatArray
    mu_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    ln_front: FloatArray
    area: FloatArray
    baseline: FloatArray
    covariance: FloatArray
    residual: FloatArray
    chi2: FloatArray
    design: FloatArray
    precision: FloatArray
    pull: FloatArray

    @property
    def strain(self) -> FloatArray:
        """Sum of squared distances from the priors in their standard deviations, shape (B,)."""
        precision = np.where(self.precision > 0, self.precision, 1.0)
        return np.asarray(np.sum(self.pull**2 / precision, axis=1))

    @property
    def parameters(self) -> Parameters:
        """Where another fit can begin."""
        return Parameters(self.mu_s, self.ln_sigma, self.ln_tau, self.ln_front)

    @property
    def area_se(self) -> FloatArray:
        """Standard errors of the areas from noise and priors, shape (B, J)."""
        n = self.area.shape[1]
        variance = np.diagonal(self.covariance, axis1=1, axis2=2)[:, :n]
        return np.asarray(np.sqrt(variance))


def fit_group(
    group: Group,
    times_s: FloatArray,
    signal: FloatArray,
    priors: Priors,
    correction: Correction,
    steps: int = 2,
    start: Parameters | None = None,
) -> GroupFit:
    """Fit a group in B traces.

    Parameters
    ----------
    group : Group
        The peaks and their window.
    times_s, signal : ndarray of float64, shape (B, n)
        Middles of the blocks and block means.
    priors : Priors
        For these traces.
    correction : Correction
        The run's correction of the EMG.
    steps : int
        Number of Gauss–Newton steps.
    start : Parameters, optional
        Where to begin; the prior means by default.
    """
    n_traces, n_peaks = priors.mu_s.shape
    began = priors if start is None else start
    mu, ls, lt = began.mu_s.copy(), began.ln_sigma.copy(), began.ln_tau.copy()
    lf = np.full(n_traces, priors.ln_front) if start is None else start.ln_front.copy()
    level = signal[:, -1:]
    white = (signal - level) @ group.whitener.T
    fixed = np.stack([np.ones(group.n), group.scaled, group.scaled**2])
    fixed_white = fixed @ group.whitener.T
    since = group.since_s
    n_lin = n_peaks + 3 + group.front
    # Order of the parameters: areas, baseline, [front], then µ, ln σ, ln τ of each, [ln τ_f].
    n_all = n_lin + 3 * n_peaks + group.front
    inverse_var = np.stack(
        [priors.mu_sd_s**-2.0, priors.ln_sigma_sd**-2.0, priors.ln_tau_sd**-2.0], axis=1
    ).reshape(n_traces, 3 * n_peaks)
    precision = np.zeros((n_traces, n_all))
    precision[:, n_peaks + 2] = priors.bend_sd**-2.0
    precision[:, n_lin : n_lin + 3 * n_peaks] = inverse_var
    if group.front:
        precision[:, -1] = priors.ln_front_sd**-2.0
    linear = np.zeros((n_traces, n_lin))
    for step in range(steps + 1):
        values = shape_values(
            times_s[:, None, :],
            mu[:, :, None],
            np.exp(ls)[:, :, None],
            np.exp(lt)[:, :, None],
            correction,
        )
        raw = [values.value]
        if group.front:
            rate = since / np.exp(lf)[:, None]
            falling = np.exp(-rate)
            raw.append(falling[:, None, :])
        if step == 0:
            # Areas and baseline with the shapes as they are, for the scale of the derivatives.
            columns = _columns(np.concatenate(raw, axis=1), fixed_white, n_peaks, group)
            linear = _solve_linear(columns, white, precision[:, :n_lin], priors.bend, n_peaks)
        area = linear[:, :n_peaks, None]
        raw += [area * values.by_mu, area * values.by_ln_sigma, area * values.by_ln_tau]
        if group.front:
            raw.append((linear[:, n_lin - 1, None] * rate * falling)[:, None, :])
        columns = _columns(np.concatenate(raw, axis=1), fixed_white, n_peaks, group)
        away = np.zeros((n_traces, n_all))
        away[:, n_lin : n_lin + 3 * n_peaks] = np.concatenate(
            [mu - priors.mu_s, ls - priors.ln_sigma, lt - priors.ln_tau], axis=1
        )
        if group.front:
            away[:, -1] = lf - priors.ln_front
        normal = columns @ columns.transpose(0, 2, 1)
        normal[:, np.arange(n_all), np.arange(n_all)] += precision
        # The linear part is solved for anew in each step, the rest moves from where it is.
        right = (columns @ white[:, :, None])[:, :, 0]
        right[:, n_lin:] -= precision[:, n_lin:] * away[:, n_lin:]
        right[:, n_peaks + 2] += precision[:, n_peaks + 2] * priors.bend
        if step == steps:
            break
        moved = _solve(normal, right)
        linear = moved[:, :n_lin]
        theta = moved[:, n_lin : n_lin + 3 * n_peaks].reshape(n_traces, 3, n_peaks)
        width = np.sqrt(np.exp(2 * ls) + np.exp(2 * lt))
        mu += np.clip(theta[:, 0], -MAX_MU_STEP * width, MAX_MU_STEP * width)
        ls += np.clip(theta[:, 1], -MAX_LN_STEP, MAX_LN_STEP)
        lt += np.clip(theta[:, 2], -MAX_LN_STEP, MAX_LN_STEP)
        if group.front:
            lf += np.clip(moved[:, -1], -MAX_LN_STEP, MAX_LN_STEP)
    # The last solve is linear; the curvature by the shapes only enters the errors.
    linear = _solve_linear(columns[:, :n_lin], white, precision[:, :n_lin], priors.bend, n_peaks)
    residual = white - (linear[:, None, :] @ columns[:, :n_lin])[:, 0]
    covariance = _inverse(normal)
    pull = precision * away
    pull[:, n_peaks + 2] = precision[:, n_peaks + 2] * (linear[:, n_peaks + 2] - priors.bend)
    baseline = linear[:, n_peaks:].copy()
    baseline[:, :1] += level
    return GroupFit(
        times_s=times_s,
        mu_s=mu,
        ln_sigma=ls,
        ln_tau=lt,
        ln_front=lf,
        area=linear[:, :n_peaks],
        baseline=baseline,
        covariance=covariance,
        residual=residual,
        chi2=np.sum(residual**2, axis=1) / (group.n - n_lin),
        design=columns,
        precision=precision,
        pull=pull,
    )


def _columns(raw: FloatArray, fixed_white: FloatArray, n_peaks: int, group: Group) -> FloatArray:
    """Whiten derivatives and put the fixed baseline between areas and the rest, (B, p, n)."""
    n_traces, n_raw, n = raw.shape
    whitened = (raw.reshape(-1, n) @ group.whitener.T).reshape(n_traces, n_raw, n)
    out = np.empty((n_traces, n_raw + 3, n))
    out[:, :n_peaks] = whitened[:, :n_peaks]
    out[:, n_peaks : n_peaks + 3] = fixed_white
    out[:, n_peaks + 3 :] = whitened[:, n_peaks:]
    return out


def _solve_linear(
    columns: FloatArray,
    white: FloatArray,
    precision: FloatArray,
    bend: float,
    n_peaks: int,
) -> FloatArray:
    """Areas and baseline by penalised least squares, shape (B, n_lin)."""
    normal = columns @ columns.transpose(0, 2, 1)
    index = np.arange(columns.shape[1])
    normal[:, index, index] += precision
    right = (columns @ white[:, :, None])[:, :, 0]
    right[:, n_peaks + 2] += precision[:, n_peaks + 2] * bend
    return _solve(normal, right)


def _solve(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Solve B systems of normal equations."""
    scaled, scale = _scaled(normal)
    out: FloatArray = scale * np.linalg.solve(scaled, (scale * right)[:, :, None])[:, :, 0]
    return out


def invert_normal(design: FloatArray, precision: FloatArray) -> FloatArray:
    """Covariance of p parameters in B traces from design (B, p, n) and prior precision (B, p)."""
    normal = design @ design.transpose(0, 2, 1)
    index = np.arange(normal.shape[1])
    normal[:, index, index] += precision
    return _inverse(normal)


def _inverse(normal: FloatArray) -> FloatArray:
    scaled, scale = _scaled(normal)
    return np.asarray(np.linalg.inv(scaled) * scale[:, :, None] * scale[:, None, :])


def _scaled(normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Normal equations with a diagonal of one, and the scale that makes it so."""
    diagonal = np.diagonal(normal, axis1=1, axis2=2)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = normal * scale[:, :, None] * scale[:, None, :]
    index = np.arange(normal.shape[1])
    scaled[:, index, index] += _RIDGE
    return scaled, scale
