"""Estimates of linear functions of the fixed effects, and their families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dialysis.stats.arrays import FloatArray
from dialysis.stats.fit import Fit
from dialysis.stats.inference import Ddf, Information, two_sided_p
from dialysis.stats.multiplicity import adjust, correlation_of


@dataclass(frozen=True)
class Estimates:
    """Lβ̂ with standard errors and degrees of freedom.

    Parameters
    ----------
    value, se, df, statistic, p : ndarray of float, shape (l,)
        Estimate, standard error, degrees of freedom, t and its two-sided p-value.
    covariance : ndarray of float, shape (l, l)
        Their covariance.
    """

    value: FloatArray
    se: FloatArray
    df: FloatArray
    statistic: FloatArray
    p: FloatArray
    covariance: FloatArray


@dataclass(frozen=True)
class FamilyResult:
    """Adjusted p-values over families.

    Parameters
    ----------
    p : ndarray of float, shape (l,)
        Adjusted p-values.
    critical : ndarray of float, shape (l,)
        Half-width of the simultaneous interval in standard errors.
    standard_error : float
        Largest standard error of `p` that is due to sampling.
    """

    p: FloatArray
    critical: FloatArray
    standard_error: float


def estimate(
    fit: Fit,
    hypothesis: FloatArray,
    ddf: Ddf = "kenward-roger",
    information: Information | None = None,
    value: FloatArray | None = None,
) -> Estimates:
    """Estimate every row of L.

    Parameters
    ----------
    fit : Fit
        The model.
    hypothesis : ndarray of float, shape (l, p)
        L.
    ddf, information
        As in `Fit.f_test`.
    value : ndarray of float, shape (l,), optional
        Estimates to test instead of Lβ̂, when L is the gradient of a nonlinear function (the delta
        method).
    """
    covariance = fit.covariance_of(hypothesis, ddf, information)
    found = hypothesis @ fit.params if value is None else value
    se = np.sqrt(np.diag(covariance))
    df = fit.df_of(hypothesis, ddf, information)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = found / se
    return Estimates(found, se, df, statistic, two_sided_p(statistic, df), covariance)


def adjust_families(
    estimates: Estimates, family: Sequence[object], method: str, confidence: float | None
) -> FamilyResult:
    """Adjust for multiplicity within every family.

    Parameters
    ----------
    estimates : Estimates
        All comparisons.
    family : sequence
        Which family each belongs to.
    method : {"dunnett", "tukey", "holm", "bonferroni", "none"}
        How to adjust.
    confidence : float or None
        Level of simultaneous intervals; None for none.
    """
    p = np.full(len(estimates.value), np.nan)
    critical = np.full(len(estimates.value), np.nan)
    error = 0.0
    labels = list(family)
    for name in dict.fromkeys(labels):
        at = np.array([i for i, label in enumerate(labels) if label == name])
        correlation = correlation_of(estimates.covariance[np.ix_(at, at)])
        adjusted = adjust(
            estimates.statistic[at], correlation, estimates.df[at], method, confidence
        )
        p[at] = adjusted.p
        critical[at] = adjusted.critical
        error = max(error, adjusted.standard_error)
    return FamilyResult(p, critical, error)


def with_numbers(
    rows: Sequence[Mapping[str, Any]], at: Sequence[int], numbers: Mapping[str, Iterable[Any]]
) -> list[dict[str, Any]]:
    """Put columns of numbers into some of the rows of a table, one number for each of `at`."""
    out = [dict(row) for row in rows]
    for name, values in numbers.items():
        for place, value in zip(at, values, strict=True):
            out[place][name] = value
    return out
