"""Adjusted p-values of a family of t tests, simultaneous intervals, and stars.

max-|t| (for comparisons with one control: Dunnett 1955, J Am Stat Assoc 50:1096; for all pairs:
Tukey and Kramer) uses the correlation of the estimates: ``p = P(max_j |T_j| ≥ |t|)`` with T
multivariate t.  Where the correlation has product form, ``R_ij = λ_i λ_j``, it is a double
integral, done by quadrature to 1e-12.  Otherwise the radius is integrated exactly and the direction
averaged over a seeded quasi-random sample shared by all p-values of the family.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dialysis.stats.arrays import FloatArray
from dialysis.stats.inference import t_quantile, two_sided_p

SEED = 1955
_SCRAMBLES = 8
_LOG2_POINTS = 13
_LOG2_POINTS_FEW = 15
_FEW = 8
_BINS = 2000
_NODES = 120
_NODES_CRITICAL = 48
_PRODUCT_TOLERANCE = 1e-9


METHODS = ("dunnett", "tukey", "holm", "bonferroni", "none")


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p-values of a family and the multiplier of its intervals.

    Parameters
    ----------
    p : ndarray of float, shape (k,)
        Adjusted p-values.
    critical : ndarray of float, shape (k,)
        Half-width of simultaneous confidence intervals in standard errors; NaN when no level was
        asked for.  Holm's are Bonferroni's, because step-down tests have no simple intervals.
    standard_error : float
        Largest standard error of `p` that is due to sampling.
    """

    p: FloatArray
    critical: FloatArray
    standard_error: float


def adjust(
    statistic: FloatArray,
    correlation: FloatArray,
    df: float | FloatArray,
    method: str,
    confidence: float | None = None,
    seed: int = SEED,
) -> Adjusted:
    """Adjust the p-values of one family.

    Parameters
    ----------
    statistic : ndarray of float, shape (k,)
        t statistics.
    correlation : ndarray of float, shape (k, k)
        Correlation of the estimates; used by max-|t| only.
    df : float or ndarray of float, shape (k,)
        Degrees of freedom.  max-|t| takes the smallest for the whole family, so that the joint
        distribution is a multivariate t and the adjustment errs on the safe side.
    method : {"dunnett", "tukey", "holm", "bonferroni", "none"}
        How to adjust; ``dunnett`` and ``tukey`` are both max-|t| over the family given.
    confidence : float, optional
        Level of simultaneous confidence intervals.
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
    if method not in METHODS:
        raise ValueError(f"unknown adjustment {method!r}")
    k = len(statistic)
    each = np.broadcast_to(np.asarray(df, dtype=np.float64), (k,))
    p = two_sided_p(statistic, each)
    single = bonferroni = np.full(k, np.nan)
    if confidence is not None and k:
        single = t_quantile(each, confidence)
        bonferroni = t_quantile(each, 1.0 - (1.0 - confidence) / k)
    if k <= 1 or method == "none":
        return Adjusted(p, single, 0.0)
    bound = np.minimum(1.0, k * p)
    if method == "bonferroni":
        return Adjusted(bound, bonferroni, 0.0)
    if method == "holm":
        return Adjusted(_holm(p), bonferroni, 0.0)
    df = float(np.min(each))
    if np.ptp(each) > 0:
        bound = np.minimum(1.0, k * two_sided_p(statistic, df))
    factor = _product_form(correlation)
    # In the order of |t|, the sample does not depend on how groups are named or sorted.
    order = np.argsort(-np.abs(statistic), kind="stable")
    sorted_t = np.abs(statistic[order])
    tail: Callable[[FloatArray], FloatArray]
    error = 0.0
    raw = np.empty(k)
    if factor is not None:
        coefficients = factor
        raw = _quadrature(np.abs(statistic), coefficients, df, _NODES)
        tail = lambda t: _quadrature(t, coefficients, df, _NODES_CRITICAL)  # noqa: E731
    else:
        radial = _radial(correlation[np.ix_(order, order)], df, seed)
        raw[order], error = radial.p(sorted_t)
        raw[order] = np.maximum.accumulate(raw[order])
        tail = lambda t: radial.p(t)[0]  # noqa: E731
    critical = np.nan
    if confidence is not None:
        low = float(t_quantile(df, confidence))
        high = float(t_quantile(df, 1.0 - (1.0 - confidence) / k))
        critical = _critical(tail, 1.0 - confidence, low, high)
    return Adjusted(np.clip(raw, p, bound), np.full(k, critical), error)


def _critical(
    tail: Callable[[FloatArray], FloatArray], alpha: float, low: float, high: float
) -> float:
    """Solve P(max|T| ≥ t) = alpha between the single and Bonferroni's critical value."""
    if high - low < 1e-9:
        return high
    # log P is close to a straight line in t here: regula falsi on three points at a time.
    for _ in range(8):
        points = np.linspace(low, high, 4)
        values = np.log(np.maximum(tail(points), 1e-300)) - np.log(alpha)
        below = np.flatnonzero(values <= 0)
        if not len(below):
            return high
        if below[0] == 0:
            return low
        low, high = points[below[0] - 1], points[below[0]]
        share = values[below[0] - 1] / (values[below[0] - 1] - values[below[0]])
        guess = float(low + share * (high - low))
        width = high - low
        if width < 2e-3:
            return guess
        low, high = max(low, guess - 0.05 * width), min(high, guess + 0.05 * width)
        if not (tail(np.array([low]))[0] >= alpha >= tail(np.array([high]))[0]):
            low, high = points[below[0] - 1], points[below[0]]
    return 0.5 * (low + high)


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


@lru_cache(maxsize=2)
def _gauss_legendre(n_nodes: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return nodes, weights


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


def _quadrature(statistic: FloatArray, factor: FloatArray, df: float, n_nodes: int) -> FloatArray:
    """``P(max|T| ≥ t)`` for a correlation of product form, by Gauss–Legendre rules.

    Given the common normal z and the chi-distributed s, the T_j are independent; the tail is
    summed as ``−expm1(Σ log1p(−q_j))``, which keeps small probabilities accurate.
    """
    from scipy.special import chdtri, gammaln, ndtr

    nodes, weights = _gauss_legendre(n_nodes)
    # The tail given z is that given −z: half of the (even) rule is enough.
    z = 8.5 * nodes[n_nodes // 2 :]
    z_weight = 17.0 * weights[n_nodes // 2 :] * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
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
    # Equal factors, as with groups of equal size, are computed once.
    distinct, times = np.unique(np.round(np.abs(factor), 14), return_counts=True)
    spread = np.sqrt(1.0 - distinct**2)[:, None, None]
    shift = distinct[:, None, None] * z[None, None, :] / spread
    out = np.empty(len(statistic))
    for i, t in enumerate(statistic):
        limit = (t * s)[None, :, None] / spread
        outside = ndtr(-limit - shift) + ndtr(shift - limit)
        inside = np.tensordot(times, np.log1p(-np.minimum(outside, 1.0 - 1e-16)), axes=1)
        out[i] = s_weight @ -np.expm1(inside) @ z_weight
    return np.clip(out, 0.0, 1.0)


@dataclass(frozen=True)
class _Radial:
    """Distribution of max|T| by integrating over directions.

    A multivariate t vector of k dimensions is a random direction times a radius whose square is k
    times an F variable: ``P(max|T| ≥ t) = E_w[P(F_{k,df} ≥ t²/(k w²))]``, with w the largest
    coordinate of a unit vector rotated by a root of the correlation.  The radius is integrated
    exactly; directions come from scrambled Sobol points, whose first coordinates go with the
    largest eigenvalues of the correlation.  One sample serves all p-values of a family.

    Parameters
    ----------
    log_w2 : ndarray of float, shape (bins,)
        2 log w at the bins of w: values this close together act as their mean.
    shares : ndarray of float, shape (scrambles, bins)
        Share of every scrambled set in the bins.
    log_tail : callable
        log P(F_{k,df} ≥ exp(x)).
    k : int
        Size of the family.
    """

    log_w2: FloatArray
    shares: FloatArray
    log_tail: Callable[[FloatArray], FloatArray]
    k: int

    def p(self, statistic: FloatArray) -> tuple[FloatArray, float]:
        """Return the tail at every statistic and the largest standard error of it."""
        log_t2 = 2.0 * np.log(np.maximum(statistic, 1e-100))
        tail = np.exp(self.log_tail(log_t2[:, None] - np.log(self.k) - self.log_w2[None, :]))
        estimates = self.shares @ tail.T
        error = np.std(estimates, axis=0, ddof=1) / np.sqrt(len(estimates))
        return estimates.mean(axis=0), float(np.max(error))


def _radial(correlation: FloatArray, df: float, seed: int) -> _Radial:
    k = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    root = (vectors * np.sqrt(np.maximum(values, 0.0)))[:, ::-1].astype(np.float32)
    largest = [_largest(root @ direction) for direction in _directions(k, seed)]
    low, high = min(w.min() for w in largest), max(w.max() for w in largest)
    width = max((high - low) / _BINS, 1e-12)
    total, count = np.zeros(_BINS), np.zeros((len(largest), _BINS))
    for row, w in enumerate(largest):
        at = np.minimum(((w - low) / width).astype(np.int64), _BINS - 1)
        count[row] = np.bincount(at, minlength=_BINS)
        total += np.bincount(at, weights=w, minlength=_BINS)
    filled = count.sum(axis=0) > 0
    mean = total[filled] / count.sum(axis=0)[filled]
    shares = count[:, filled] / len(largest[0])
    return _Radial(2.0 * np.log(mean), shares, _log_f_tail(k, df), k)


def _largest(coordinates: NDArray[np.float32]) -> FloatArray:
    """Largest absolute coordinate of every column."""
    largest = np.maximum(coordinates.max(axis=0), -coordinates.min(axis=0))
    return np.asarray(largest, dtype=np.float64)


def _log_f_tail(k: int, df: float) -> Callable[[FloatArray], FloatArray]:
    """Return log P(F_{k,df} ≥ exp(x)) as an interpolated function, exact to some 1e-9."""
    from scipy.interpolate import CubicSpline
    from scipy.special import chdtrc, fdtrc

    nodes = np.linspace(-14.0, 14.0, 1401)
    x = np.exp(nodes)
    tail = fdtrc(k, df, x) if np.isfinite(df) else chdtrc(k, k * x)
    last = int(np.flatnonzero(tail > 1e-250)[-1])
    spline = CubicSpline(nodes[: last + 1], np.log(tail[: last + 1]))
    low, high = float(nodes[0]), float(nodes[last])
    return lambda value: np.minimum(spline(np.clip(value, low, high)), 0.0)


@lru_cache(maxsize=4)
def _directions(k: int, seed: int) -> tuple[NDArray[np.float32], ...]:
    """Independently scrambled sets of unit vectors (columns), the same for a k and a seed.

    Single precision is some 1e-7 of a coordinate, far below the sampling error.
    """
    from scipy.special import ndtri
    from scipy.stats import qmc

    sets = []
    for child in np.random.SeedSequence(seed).spawn(_SCRAMBLES):
        sobol = qmc.Sobol(k, scramble=True, rng=np.random.default_rng(child))
        points = sobol.random_base2(_LOG2_POINTS if k > _FEW else _LOG2_POINTS_FEW)
        # The points are multiples of 2^-30: centres of the intervals are neither 0 nor 1.
        points += 2.0**-31
        normal = np.ascontiguousarray(ndtri(points, out=points).T, dtype=np.float32)
        sets.append(normal / np.sqrt(np.einsum("ij,ij->j", normal, normal)))
    return tuple(sets)
