"""Fit the targets of many traces with what was learned of their run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.alignment import RunningMean, curvature, factor_grid, find_factor
from dialysis.integrate.fitting import Group, GroupFit, fit_group
from dialysis.integrate.learning import (
    RunModel,
    Spread,
    cut_windows,
    data_estimates,
    make_priors,
)

# Traces are fitted this many at a time, to bound the memory.
BATCH = 32
# What is known of a trace's retention factor and common ln width before it is fitted.
FACTOR_SD, LN_WIDTH_SD = 0.002, 0.08
# Blocks for the retention factor: this part of the smallest width.
COARSE_PART = 0.5


@dataclass(frozen=True, eq=False)
class TargetedFit:
    """Targets fitted in B traces; arrays of shape (B, J) unless said otherwise.

    Parameters
    ----------
    factor, ln_width : ndarray of float64, shape (B,)
        Retention factor and common ln width relative to the model.
    area, area_se : ndarray of float64
        Areas and their standard errors, signal unit × s.
    mu_s, ln_sigma, ln_tau : ndarray of float64
        Parameters of the peaks.
    chi2 : ndarray of float64
        Reduced χ² of the peak's group.
    fits : tuple of GroupFit
        The groups.
    """

    factor: FloatArray
    ln_width: FloatArray
    area: FloatArray
    area_se: FloatArray
    mu_s: FloatArray
    ln_sigma: FloatArray
    ln_tau: FloatArray
    chi2: FloatArray
    fits: tuple[GroupFit, ...]


def align(model: RunModel, traces: Sequence[RunningMean], max_shift: float) -> FloatArray:
    """Retention factors of traces from the pattern of their peaks, shape (B,)."""
    width = model.width_s
    rt = model.mu_s + 0.5 * np.exp(model.ln_tau)
    factors = factor_grid(rt.tolist(), width.tolist(), max_shift)
    out = np.ones(len(traces))
    for i, trace in enumerate(traces):
        step = max(1, round(COARSE_PART * float(width.min()) / trace.step_s)) * trace.step_s
        start = trace.snap(model.first_s)
        n = int((min(model.last_s, trace.edges_s[-1]) - start) / step)
        response = curvature(trace.blocks(start, step, n), float(np.median(width)) / step)
        out[i], _ = find_factor(response, start, step, rt, width, factors)
    return out


def fit_targets(
    model: RunModel, traces: Sequence[RunningMean], max_shift: float = 0.1
) -> TargetedFit:
    """Fit all targets in some traces."""
    factor = align(model, traces, max_shift)
    none = np.zeros(factor.size)
    s = model.spread
    loose = Spread(
        float(np.hypot(s.mu_s, FACTOR_SD * model.mu_s.max())),
        float(np.hypot(s.ln_sigma, LN_WIDTH_SD)),
        float(np.hypot(s.ln_tau, LN_WIDTH_SD)),
    )
    windows = [cut_windows(group, model, traces, factor) for group in model.groups]
    first = [
        fit_group(group, *window, make_priors(model, i, factor, none, loose), model.correction, 2)
        for i, (group, window) in enumerate(zip(model.groups, windows, strict=True))
    ]
    factor, ln_width = common_changes(model, first, factor)
    fits = [
        fit_group(
            group, *window, make_priors(model, i, factor, ln_width), model.correction, 2, first[i]
        )
        for i, (group, window) in enumerate(zip(model.groups, windows, strict=True))
    ]
    return collect(model, factor, ln_width, fits)


def common_changes(
    model: RunModel, fits: Sequence[GroupFit], factor: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Retention factor and common ln width of each trace from its well-known peaks."""
    mu, ls, lt = data_estimates(fits, model.groups, model.mu_s.size)
    weight = 1 / (mu.variance + model.spread.mu_s**2)
    prior = 1 / (FACTOR_SD**2)
    off = (weight * (mu.value - factor[:, None] * model.mu_s) * model.mu_s).sum(axis=1)
    new = factor + off / ((weight * model.mu_s**2).sum(axis=1) + prior)
    # The variance of a peak's width is what is common; its parts σ and τ correlate.
    total = np.zeros(factor.size)
    weights = np.full(factor.size, LN_WIDTH_SD**-2.0)
    for data, mean, sd in (
        (ls, model.ln_sigma, model.spread.ln_sigma),
        (lt, model.ln_tau, model.spread.ln_tau),
    ):
        w = 1 / (data.variance + sd**2)
        total += (w * (data.value - mean)).sum(axis=1)
        weights += w.sum(axis=1)
    return new, total / weights


def collect(
    model: RunModel, factor: FloatArray, ln_width: FloatArray, fits: Sequence[GroupFit]
) -> TargetedFit:
    """Put the fits of the groups together by target."""
    shape = (factor.size, model.mu_s.size)
    arrays = {name: np.zeros(shape) for name in ("area", "area_se", "mu_s", "ln_sigma", "ln_tau", "chi2")}
    for fit, group, effects in zip(fits, model.groups, model.shape_effects, strict=True):
        columns = list(group.members)
        noise = fit.area_se * np.sqrt(np.maximum(fit.chi2, 1))[:, None]
        by_shape = np.einsum("bj,ijk->bik", fit.area, effects)
        arrays["area"][:, columns] = fit.area
        arrays["area_se"][:, columns] = np.sqrt(noise**2 + (by_shape**2).sum(axis=2))
        arrays["mu_s"][:, columns] = fit.mu_s
        arrays["ln_sigma"][:, columns] = fit.ln_sigma
        arrays["ln_tau"][:, columns] = fit.ln_tau
        arrays["chi2"][:, columns] = fit.chi2[:, None]
    return TargetedFit(factor=factor, ln_width=ln_width, fits=tuple(fits), **arrays)
