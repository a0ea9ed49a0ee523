"""Tests of linear functions of the fixed effects: Kenward–Roger and Satterthwaite.

Everything is computed in the basis in which the estimated covariance of the fixed effects is the
identity, so that a hypothesis Lβ = 0 is a matrix K with LΦL' = KK', and traces of products with
Φ are traces of products with K.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dialysis.stats.arrays import BoolArray, FloatArray
from dialysis.stats.reml import State

Ddf = Literal["kenward-roger", "satterthwaite"]
Information = Literal["expected", "observed"]
DDF = ("kenward-roger", "satterthwaite")
INFORMATION = ("expected", "observed")


@dataclass(frozen=True)
class FTest:
    """An F test.

    Parameters
    ----------
    num_df : int
        Rank of the hypothesis.
    den_df : float
        Denominator degrees of freedom; NaN when they can't be computed.
    statistic : float
        F, scaled by λ under Kenward–Roger.
    p : float
        p-value.
    reason : str
        Why a number is missing or where another rule was used.
    """

    num_df: int
    den_df: float
    statistic: float
    p: float
    reason: str = ""


@dataclass(frozen=True)
class Adjustment:
    """What Kenward–Roger and Satterthwaite need beside the covariance of the fixed effects.

    Parameters
    ----------
    w : ndarray of float, shape (q, q)
        Covariance of θ̂; rows and columns of parameters that count as known are zero.
    information : {"expected", "observed"}
        Which information it is the inverse of.
    p_matrices : list of ndarray of float, shape (r, r)
        P_h.
    inflation : ndarray of float, shape (r, r)
        2 Σ W_hj (Q_hj − P_h P_j − ¼ R_hj): what Φ_A adds to the identity.
    corrected : bool
        Whether Φ_A is positive definite.  Where it is not, in data with hardly more animals than
        groups, `inflation` is zero and standard errors are not corrected.
    """

    w: FloatArray
    information: str
    p_matrices: list[FloatArray]
    inflation: FloatArray
    corrected: bool = True


def adjustment(state: State, known: BoolArray, information: Information) -> Adjustment:
    """Prepare the tests of one fit.

    Parameters
    ----------
    state : State
        The likelihood at the optimum.
    known : ndarray of bool, shape (q,)
        Parameters that are treated as known: those on a bound that are not kept.
    information : {"expected", "observed"}
        Information of θ; an observed one that is not positive definite gives way to the expected.

    Notes
    -----
    Kenward & Roger 1997 (Biometrics 53:983), with the second derivatives R_hj because ρ enters
    the covariance nonlinearly.  Both sums over h and j are folded into single products: with
    W = ZZ', Σ W_hj Q_hj is a sum over columns of Z of squares.
    """
    free = np.flatnonzero(~known)
    q = len(known)
    w = np.zeros((q, q))
    used: str = information
    if len(free):
        pick = np.ix_(free, free)
        inverse = None
        if information == "observed":
            inverse = _inverse(state.observed[pick])
        if inverse is None:
            inverse, used = _inverse(state.expected[pick]), "expected"
        if inverse is None:
            inverse = np.asarray(
                np.linalg.pinv(state.expected[pick], rcond=1e-10, hermitian=True), dtype=np.float64
            )
        w[pick] = inverse
    r = len(state.cholesky)
    inflation = np.zeros((r, r))
    values, vectors = np.linalg.eigh(w)
    columns = [
        np.sqrt(value) * vector
        for value, vector in zip(values, vectors.T, strict=True)
        if value > 1e-14 * max(values[-1], 1e-300)
    ]
    for pattern in state.patterns:
        k, m, _ = pattern.u.shape
        flat = pattern.u.reshape(k, m * r)
        for column in columns:
            mixed = sum(c * g for c, g in zip(column, pattern.first, strict=True))
            b = (mixed @ flat).reshape(k * m, r)
            inflation += b.T @ b
        curved = np.zeros((k, k))
        for (h, j), part in pattern.second.items():
            curved += (1.0 if h == j else 2.0) * w[h, j] * part
        if pattern.second:
            inflation -= 0.25 * (pattern.u.reshape(k * m, r).T @ (curved @ flat).reshape(k * m, r))
    for column in columns:
        p = sum(c * part for c, part in zip(column, state.p_matrices, strict=True))
        inflation -= p @ p
    inflation *= 2.0
    corrected = bool(np.linalg.eigvalsh(inflation)[0] > -0.9)
    if not corrected:
        inflation = np.zeros_like(inflation)
    return Adjustment(w, used, state.p_matrices, inflation, corrected)


def _inverse(information: FloatArray) -> FloatArray | None:
    """Invert a positive definite matrix of parameters with different units; None if it is not."""
    diagonal = np.diag(information)
    if np.any(~(diagonal > 0)):
        return None
    scale = 1.0 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if values[0] <= 1e-10 * values[-1]:
        return None
    return np.asarray(((vectors / values) @ vectors.T) * np.outer(scale, scale))


def t_df(k: FloatArray, adjusted: Adjustment) -> FloatArray:
    """Degrees of freedom of t tests, one per row of K.

    Notes
    -----
    For one row, Kenward–Roger's and Satterthwaite's are the same formula, ν = 2/(g'Wg) with
    g_h = l'P_h l / l'l, and differ in the information that W comes from.
    """
    norm = np.sum(k * k, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        g = np.stack([np.sum((k @ p) * k, axis=1) / norm for p in adjusted.p_matrices], axis=1)
        spread = np.einsum("ih,hj,ij->i", g, adjusted.w, g)
        return np.asarray(np.where(spread > 0, 2.0 / spread, np.inf))


def kenward_roger(k: FloatArray, estimate: FloatArray, adjusted: Adjustment) -> FTest:
    """Kenward–Roger's scaled F test.

    Parameters
    ----------
    k : ndarray of float, shape (l, r)
        The hypothesis, of full row rank.
    estimate : ndarray of float, shape (l,)
        Lβ̂ in units of the standardised response.
    adjusted : Adjustment
        Of the fit.

    Notes
    -----
    Formulas of Kenward & Roger 1997, as in pbkrtest (Halekoh & Højsgaard 2014, J Stat Softw
    59:9).
    """
    rank = len(k)
    q, _ = np.linalg.qr(k.T)
    projected = [q.T @ p @ q for p in adjusted.p_matrices]
    traces = np.array([np.trace(part) for part in projected])
    products = np.array([[float(np.vdot(a, b)) for b in projected] for a in projected])
    a1 = float(traces @ adjusted.w @ traces)
    a2 = float(np.sum(adjusted.w * products))
    covariance = k @ k.T + k @ adjusted.inflation @ k.T
    statistic = _quadratic(estimate, covariance) / rank
    if a2 <= 0:
        return _f_test(rank, np.inf, statistic)
    b = (a1 + 6.0 * a2) / (2.0 * rank)
    g = ((rank + 1) * a1 - (rank + 4) * a2) / ((rank + 2) * a2)
    d = 3.0 * rank + 2.0 * (1.0 - g)
    c1, c2, c3 = g / d, (rank - g) / d, (rank + 2.0 - g) / d
    v0, v1, v2 = 1.0 + c1 * b, 1.0 - c2 * b, 1.0 - c3 * b
    shrink = 1.0 - a2 / rank
    if rank == 1:
        # The general formula in closed form: λ = 1.
        return _f_test(rank, 2.0 / a2, statistic)
    v0 = 0.0 if abs(v0) < 1e-10 else v0
    ratio = v0 * shrink**2 / (v1**2 * v2) if v1 and v2 else np.nan
    den_df = 4.0 + (rank + 2.0) / (ratio - 1.0) if ratio != 1.0 else np.inf
    if not (np.isfinite(den_df) and den_df > 2.0 and shrink > 0):
        plain = satterthwaite(k, estimate, adjusted)
        reason = "Kenward–Roger's degrees of freedom do not exist here; Satterthwaite's are given"
        return FTest(plain.num_df, plain.den_df, plain.statistic, plain.p, reason)
    scale = den_df * shrink / (den_df - 2.0)
    return _f_test(rank, den_df, scale * statistic)


def satterthwaite(k: FloatArray, estimate: FloatArray, adjusted: Adjustment) -> FTest:
    """F test with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    k, estimate, adjusted
        As in `kenward_roger`.

    Notes
    -----
    ν_m of every eigenvector of LΦL' is combined as in Fai & Cornelius 1996 and lmerTest
    (Kuznetsova et al. 2017, J Stat Softw 82:13): E = Σ ν/(ν − 2) over ν > 2, df = 2E/(E − l).
    """
    rank = len(k)
    covariance = k @ k.T
    statistic = _quadratic(estimate, covariance) / rank
    _, vectors = np.linalg.eigh(covariance)
    each = t_df(vectors.T @ k, adjusted)
    if rank == 1:
        return _f_test(rank, float(each[0]), statistic)
    if np.ptp(each) <= 1e-8 * each[0]:
        return _f_test(rank, float(np.mean(each)), statistic)
    if np.any(each <= 2.0):
        return _f_test(rank, 2.0, statistic)
    total = float(np.sum(each / (each - 2.0)))
    return _f_test(rank, 2.0 * total / (total - rank), statistic)


def _quadratic(values: FloatArray, covariance: FloatArray) -> float:
    scale = 1.0 / np.sqrt(np.diag(covariance))
    solved = np.linalg.solve(covariance * np.outer(scale, scale), values * scale)
    return float((values * scale) @ solved)


def _f_test(rank: int, den_df: float, statistic: float) -> FTest:
    from scipy.special import chdtrc, fdtrc

    if np.isfinite(den_df):
        p = float(fdtrc(rank, den_df, statistic))
    else:
        p = float(chdtrc(rank, rank * statistic))
    return FTest(rank, float(den_df), float(statistic), p)


def two_sided_p(statistic: FloatArray, df: float | FloatArray) -> FloatArray:
    """Return two-sided p-values of t statistics."""
    from scipy.special import ndtr, stdtr

    finite = np.isfinite(df)
    size = -np.abs(statistic)
    return np.asarray(2.0 * np.where(finite, stdtr(np.where(finite, df, 1.0), size), ndtr(size)))


def t_quantile(df: float | FloatArray, confidence: float) -> FloatArray:
    """Half-width of a two-sided confidence interval, in standard errors."""
    from scipy.special import ndtri, stdtrit

    finite = np.isfinite(df)
    level = 0.5 + 0.5 * confidence
    return np.asarray(np.where(finite, stdtrit(np.where(finite, df, 1.0), level), ndtri(level)))
