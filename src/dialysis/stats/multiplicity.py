"""Adjusted p-values of a family of t tests, and stars.

max-|t| (for comparisons with one control: Dunnett 1955, J Am Stat Assoc 50:1096) uses the
correlation of the estimates: ``p = P(max_j |T_j| ≥ |t|)`` with T multivariate t.  Where the
correlation has product form, ``R_ij = λ_i λ_j``, it is a double integral, done by quadrature.
Otherwise it is averaged over a seeded quasi-random sample shared by all p-values of the family:
by separation of variables in families of up to ten, directly in larger ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dialysis.stats.inference import two_sided_p
from dialysis.stats.model import FloatArray

SEED = 1955
_SCRAMBLES = 8
_LOG2_POINTS = 14
_LOG2_POINTS_SMALL = 11
_LARGEST_SMALL_FAMILY = 10
_NODES = 120
_PRODUCT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p-values and the largest standard error of them that is due to sampling."""

    p: FloatArray
    standard_error: float


def adjust(
    statistic: FloatArray, correlation: FloatArray, df: float, method: str, seed: int = SEED
) -> Adjusted:
    """Adjust the p-values of one family.

    Parameters
    ----------
    statistic : ndarray of float, shape (k,)
        t statistics.
    correlation : ndarray of float, shape (k, k)
        Correlation of the estimates; used by ``dunnett`` only.
    df : float
        Degrees of freedom, the same for all.
    method : {"dunnett", "holm", "bonferroni", "none"}
        How to adjust.
    seed : int
        Seed of the quasi-random sample.

    Returns
    -------
    Adjusted
        p-values, never below the unadjusted ones and never above Bonferroni's; monotone in |t|.

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    k = len(statistic)
    p = two_sided_p(statistic, df)
    if k == 0 or method == "none":
        return Adjusted(p, 0.0)
    bound = np.minimum(1.0, k * p)
    if method == "bonferroni":
        return Adjusted(bound, 0.0)
    if method == "holm":
        return Adjusted(_holm(p), 0.0)
    if method != "dunnett":
        raise ValueError(f"unknown adjustment {method!r}")
    if k == 1:
        return Adjusted(p, 0.0)
    factor = _product_form(correlation)
    if factor is not None:
        raw, error = _quadrature(np.abs(statistic), factor, df), 0.0
    else:
        # In the order of |t|, the sample does not depend on how groups are named or sorted.
        order = np.argsort(-np.abs(statistic), kind="stable")
        average = _separated if k <= _LARGEST_SMALL_FAMILY else _sampled
        raw = np.empty(k)
        raw[order], error = average(
            np.abs(statistic[order]), correlation[np.ix_(order, order)], df, seed
        )
        raw[order] = np.maximum.accumulate(raw[order])
    return Adjusted(np.clip(raw, p, bound), error)


def correlation_of(covariance: FloatArray) -> FloatArray:
    """Turn a covariance matrix into a correlation matrix."""
    scale = 1.0 / np.sqrt(np.diag(covariance))
    correlation = covariance * np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation)


def stars(p: Sequence[float] | FloatArray, alpha: float) -> list[str]:
    """Stars of p-values: * below alpha, ** below alpha/5, *** below alpha/50; none for NaN."""
    return ["".join("*" for level in star_levels(alpha).values() if value < level) for value in p]


def star_levels(alpha: float) -> dict[str, float]:
    """Return the level that each number of stars stands for."""
    return {"*": alpha, "**": alpha / 5, "***": alpha / 50}


def _holm(p: FloatArray) -> FloatArray:
    """Holm's step-down procedure (Holm 1979, Scand J Stat 6:65)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    out = np.empty_like(p)
    out[order] = np.minimum(1.0, stepped)
    return out


def _product_form(correlation: FloatArray) -> FloatArray | None:
    """Return λ with ``R_ij = λ_i λ_j`` off the diagonal and |λ| < 1, or None."""
    k = len(correlation)
    if k == 2:
        r = float(correlation[0, 1])
        root = np.sqrt(abs(r))
        candidate = np.array([root, np.copysign(root, r)])
    else:
        first = np.abs(correlation[0, 1:])
        if np.min(first) < 1e-6 or abs(correlation[1, 2]) < 1e-6:
            return None
        square = correlation[0, 1] * correlation[0, 2] / correlation[1, 2]
        if not 0 < square < 1:
            return None
        candidate = np.concatenate([[np.sqrt(square)], correlation[0, 1:] / np.sqrt(square)])
    if np.max(np.abs(candidate)) >= 1 - 1e-6:
        return None
    misfit = np.outer(candidate, candidate) - correlation
    np.fill_diagonal(misfit, 0.0)
    return candidate if np.max(np.abs(misfit)) < _PRODUCT_TOLERANCE else None


def _quadrature(statistic: FloatArray, factor: FloatArray, df: float) -> FloatArray:
    """``P(max|T| ≥ t)`` for a correlation of product form, by Gauss–Legendre rules.

    Given the common normal z and the chi-distributed s, the T_j are independent; the tail is
    summed as ``−expm1(Σ log1p(−q_j))``, which keeps small probabilities accurate.
    """
    from scipy.special import chdtri, gammaln, ndtr

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = 8.5 * nodes
    z_weight = 8.5 * weights * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    top = np.sqrt(chdtri(df, 1e-16) / df)
    bottom = np.sqrt(chdtri(df, 1.0 - 1e-14) / df) if df > 50 else 0.0
    s = bottom + 0.5 * (top - bottom) * (nodes + 1.0)
    log_density = (
        np.log(2.0)
        + 0.5 * df * np.log(0.5 * df)
        - gammaln(0.5 * df)
        + (df - 1.0) * np.log(s)
        - 0.5 * df * s**2
    )
    s_weight = 0.5 * (top - bottom) * weights * np.exp(log_density)
    spread = np.sqrt(1.0 - factor**2)
    shift = factor[:, None, None] * z[None, None, :]
    out = np.empty(len(statistic))
    for i, t in enumerate(statistic):
        limit = (t * s)[None, :, None]
        outside = ndtr((-limit - shift) / spread[:, None, None]) + ndtr(
            (-limit + shift) / spread[:, None, None]
        )
        tail = -np.expm1(np.sum(np.log1p(-np.minimum(outside, 1.0 - 1e-16)), axis=0))
        out[i] = s_weight @ tail @ z_weight
    return np.clip(out, 0.0, 1.0)


def _separated(
    statistic: FloatArray, correlation: FloatArray, df: float, seed: int
) -> tuple[FloatArray, float]:
    """``P(max|T| ≥ t)`` by separation of variables on scrambled Sobol points.

    Genz & Bretz 2002 (J Comput Graph Stat 11:950): given the chi-distributed s and the normals
    before it, each normal is drawn from within its limits, and the integrand is the product of
    the probabilities of doing so, a smooth function.  Precise, but its cost grows with k³.
    """
    from scipy.special import chdtri, ndtr, ndtri

    root = np.linalg.cholesky(correlation)
    k = len(statistic)
    estimates = np.empty((_SCRAMBLES, k))
    for row, uniform in enumerate(_uniform(k, _LOG2_POINTS_SMALL, seed)):
        s = np.sqrt(chdtri(df, uniform[:, 0]) / df)
        for column, t in enumerate(statistic):
            limit = t * s
            drawn = np.zeros((len(s), k))
            log_inside = np.zeros(len(s))
            for j in range(k):
                shift = drawn[:, :j] @ root[j, :j]
                below = ndtr((-limit - shift) / root[j, j])
                outside = np.minimum(below + ndtr((shift - limit) / root[j, j]), 1.0 - 1e-16)
                log_inside += np.log1p(-outside)
                if j + 1 < k:
                    share = below + uniform[:, j + 1] * (1.0 - outside)
                    drawn[:, j] = ndtri(np.clip(share, 1e-300, 1.0 - 1e-16))
            estimates[row, column] = -np.mean(np.expm1(log_inside))
    return _mean_and_error(estimates)


def _sampled(
    statistic: FloatArray, correlation: FloatArray, df: float, seed: int
) -> tuple[FloatArray, float]:
    """``P(max|T| ≥ t)`` from normal vectors on scrambled Sobol points.

    ``T = Z/S``: of a normal vector Z only ``m = max|Z_j|`` matters, and ``P(m/S ≥ t)`` is the
    distribution function of S² at (m/t)².
    """
    from scipy.special import chdtr, ndtri

    root = np.linalg.cholesky(correlation)
    squared = np.maximum(statistic, 1e-150) ** 2
    estimates = np.empty((_SCRAMBLES, len(statistic)))
    for row, uniform in enumerate(_uniform(len(statistic), _LOG2_POINTS, seed)):
        largest = np.max(np.abs(ndtri(uniform) @ root.T), axis=1)
        for column, value in enumerate(squared):
            estimates[row, column] = np.mean(chdtr(df, df * largest**2 / value))
    return _mean_and_error(estimates)


def _uniform(dimension: int, log2_points: int, seed: int) -> Iterator[FloatArray]:
    """Yield independently scrambled Sobol point sets, away from 0 and 1."""
    from scipy.stats import qmc

    for child in np.random.SeedSequence(seed).spawn(_SCRAMBLES):
        sobol = qmc.Sobol(dimension, scramble=True, rng=np.random.default_rng(child))
        yield np.clip(sobol.random_base2(log2_points), 2.0**-33, 1.0 - 2.0**-33)


def _mean_and_error(estimates: FloatArray) -> tuple[FloatArray, float]:
    error = np.std(estimates, axis=0, ddof=1) / np.sqrt(len(estimates))
    return estimates.mean(axis=0), float(np.max(error))
