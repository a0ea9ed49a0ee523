"""t and F tests of linear functions of the fixed effects, with given degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialysis.stats.model import FloatArray


@dataclass(frozen=True)
class FTest:
    """A Wald F test: numerator and denominator degrees of freedom, F and p."""

    num_df: int
    den_df: float
    statistic: float
    p: float


def two_sided_p(statistic: FloatArray, df: float) -> FloatArray:
    """Return two-sided p-values of t statistics."""
    from scipy.special import stdtr

    return np.asarray(2.0 * stdtr(df, -np.abs(statistic)))


def t_quantile(df: float, confidence: float) -> float:
    """Half-width of a two-sided confidence interval, in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + 0.5 * confidence))


def wald_f(
    params: FloatArray, cov_params: FloatArray, hypothesis: FloatArray, den_df: float
) -> FTest:
    """Test ``Lβ = 0``.

    Parameters
    ----------
    params : ndarray of float, shape (p,)
        Fixed effects.
    cov_params : ndarray of float, shape (p, p)
        Their covariance.
    hypothesis : ndarray of float, shape (q, p)
        L, of full row rank; F does not depend on which basis of its row space is given.
    den_df : float
        Denominator degrees of freedom.

    Notes
    -----
    ``F = (Lβ)'(LΦL')⁻¹(Lβ)/q``.
    """
    from scipy.special import fdtrc

    values = hypothesis @ params
    covariance = hypothesis @ cov_params @ hypothesis.T
    q = len(values)
    statistic = float(values @ np.linalg.solve(covariance, values)) / q
    return FTest(q, float(den_df), statistic, float(fdtrc(q, den_df, statistic)))
