"""Residuals of a fit, their variogram, and the influence of single animals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.blocks import Blocks
from dialysis.stats.fit import Fit


def residual_table(fit: Fit, response: FloatArray, design: FloatArray) -> pd.DataFrame:
    """Fitted values and residuals of every row, in the order of the data.

    Returns
    -------
    DataFrame
        fitted, residual, scaled_residual (the residual whitened by the fitted covariance, which
        is standard normal and independent where the model holds) and normal_quantile (of a normal
        sample of this size, by Blom's formula).
    """
    from scipy.special import ndtri

    fitted = design @ fit.params
    residual = response - fitted
    scaled = np.empty(len(response))
    for pattern, state in zip(fit.blocks.patterns, fit.optimum.state.patterns, strict=True):
        scaled[pattern.rows.T] = state.inverse @ (residual[pattern.rows.T] / fit.scale)
    rank = np.empty(len(scaled))
    rank[np.argsort(scaled, kind="stable")] = np.arange(1, len(scaled) + 1)
    return pd.DataFrame(
        {
            "fitted": fitted,
            "residual": residual,
            "scaled_residual": scaled,
            "normal_quantile": ndtri((rank - 0.375) / (len(scaled) + 0.25)),
        }
    )


def variogram(fit: Fit, residual: FloatArray, lags: Blocks | None = None) -> pd.DataFrame:
    """Half the mean squared difference of two residuals of an animal, by lag.

    Parameters
    ----------
    fit : Fit
        The model.
    residual : ndarray of float, shape (n,)
        Residuals in the order of the data.
    lags : Blocks, optional
        The same rows with their times, for a covariance that does not depend on time.

    Returns
    -------
    DataFrame
        lag_min, n_pairs, semivariance and fitted_semivariance (what the fitted covariance
        expects), one row per lag; lags that are no whole multiples are binned by the nearest.

    Notes
    -----
    Residuals are of estimated means, so that both columns are those of (I − H)V(I − H)', which the
    fitted one allows for.
    """
    names = ("at", "pairs", "observed", "expected")
    parts: dict[str, list[FloatArray]] = {name: [] for name in names}
    timed = fit.blocks if lags is None else lags
    lag_of = {
        int(rows[0]): (rows, pattern.lag) for pattern in timed.patterns for rows in pattern.rows
    }
    state = fit.optimum.state
    for pattern, whitened in zip(fit.blocks.patterns, state.patterns, strict=True):
        k = pattern.rows.shape[1]
        lower = np.linalg.inv(whitened.inverse)
        # cov of residuals of a block: L (I − UU') L'.
        u = whitened.u
        shared = np.einsum("imr,jmr->mij", u, u, optimize=True)
        covariance = lower @ (np.eye(k) - shared) @ lower.T * fit.scale**2
        for block, rows in enumerate(pattern.rows):
            own = covariance[block]
            place = {int(row): position for position, row in enumerate(rows)}
            for first in [row for row in rows if int(row) in lag_of]:
                members, lag = lag_of[int(first)]
                i, j = np.triu_indices(len(members), 1)
                at = lag[i, j]
                here = ~np.isnan(at)
                a = np.array([place[int(row)] for row in members[i[here]]], dtype=np.int64)
                b = np.array([place[int(row)] for row in members[j[here]]], dtype=np.int64)
                parts["at"].append(np.round(at[here]))
                parts["pairs"].append(np.ones(len(a)))
                parts["observed"].append(0.5 * (residual[rows[a]] - residual[rows[b]]) ** 2)
                parts["expected"].append(0.5 * (own[a, a] + own[b, b]) - own[a, b])
    if not any(len(part) for part in parts["at"]):
        return pd.DataFrame(
            columns=["lag_min", "n_pairs", "semivariance", "fitted_semivariance"], dtype=float
        )
    frame = pd.DataFrame({name: np.concatenate(values) for name, values in parts.items()})
    grouped = frame.groupby("at", sort=True)
    return pd.DataFrame(
        {
            "lag_min": grouped.size().index.to_numpy() * timed.time_unit,
            "n_pairs": grouped["pairs"].sum().to_numpy(dtype=np.int64),
            "semivariance": grouped["observed"].mean().to_numpy(),
            "fitted_semivariance": grouped["expected"].mean().to_numpy(),
        }
    )


def without_block(fit: Fit, subject_rows: FloatArray) -> FloatArray | None:
    """Fixed effects without some rows of one block, covariance parameters as they are.

    Parameters
    ----------
    fit : Fit
        The model.
    subject_rows : ndarray of bool, shape (n,)
        Rows to leave out: all those of one animal.

    Returns
    -------
    ndarray of float, shape (p,), or None
        None when the rest does not determine all fixed effects.
    """
    state = fit.optimum.state
    rank = len(state.cholesky)
    gram = np.eye(rank)
    projected = np.zeros(rank)
    for pattern, whitened in zip(fit.blocks.patterns, state.patterns, strict=True):
        out = subject_rows[pattern.rows]
        for block in np.flatnonzero(out.any(axis=1)):
            leave = out[block]
            u, e = whitened.u[:, block, :], whitened.e[:, block]
            gram -= u.T @ u
            projected -= u.T @ e
            if not leave.all():
                lower = np.linalg.inv(whitened.inverse)
                keep = np.flatnonzero(~leave)
                kept = np.linalg.cholesky((lower @ lower.T)[np.ix_(keep, keep)])
                u_kept = np.linalg.solve(kept, (lower @ u)[keep])
                e_kept = np.linalg.solve(kept, (lower @ e)[keep])
                gram += u_kept.T @ u_kept
                projected += u_kept.T @ e_kept
    values, vectors = np.linalg.eigh(gram)
    if values[0] < 1e-9:
        return None
    change = vectors @ ((vectors.T @ projected) / values)
    from scipy.linalg import solve_triangular

    step = solve_triangular(state.cholesky, change, check_finite=False)
    return np.asarray(fit.params + fit.scale * (fit.basis.to_params @ step))
