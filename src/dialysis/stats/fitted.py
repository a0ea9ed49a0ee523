"""The fitted model of an outcome, as inference uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dialysis.stats.design import Design, build_design, model_rows
from dialysis.stats.layout import Layout
from dialysis.stats.model import FloatArray, MixedFit, Status, fit_random_intercept

# Values are written with ten significant digits: less spread than this is rounding.
SMALLEST_SD = 1e-9


@dataclass(frozen=True)
class FittedOutcome:
    """A model with its data, or the reason why there is none.

    Parameters
    ----------
    layout : Layout
        Groups and times.
    design : Design or None
        None when no value can be used.
    fit : MixedFit or None
        None when there is too little data to try.
    status, reason : str
        Of every row that rests on the fit.
    params, cov_params : ndarray or None
        Fixed effects in the coding of `design` and their covariance; None when not fitted.
    df : int
        Degrees of freedom of all t and F tests (denominator).
    """

    layout: Layout
    design: Design | None
    fit: MixedFit | None
    status: Status
    reason: str
    params: FloatArray | None
    cov_params: FloatArray | None
    df: int


def fit_outcome(
    timecourse: pd.DataFrame, layout: Layout, covariates: Sequence[str]
) -> FittedOutcome:
    """Fit the model of one outcome, or say why that can't be done.

    Parameters
    ----------
    timecourse : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE`.
    layout : Layout
        Its groups and times.
    covariates : sequence of str
        ``sex``, ``cohort`` or both.

    Raises
    ------
    StatsError
        If a covariate is not given for some animals.
    """
    rows = model_rows(timecourse)
    if rows.empty:
        reason = "no post-dose value can be used"
        return FittedOutcome(layout, None, None, "not_estimable", reason, None, None, 0)
    design = build_design(rows, layout, covariates)
    if design.den_df < 1:
        groups = len({group for group, _ in design.cells})
        also = f" and {', '.join(design.covariates)}" if design.covariates else ""
        reason = (
            f"no degrees of freedom between animals: {_count(design.n_animals, 'animal')} "
            f"for {_count(groups, 'group')}{also}"
        )
        return FittedOutcome(
            layout, design, None, "not_estimable", reason, None, None, design.den_df
        )
    fit = fit_random_intercept(
        design.response, design.matrix @ design.basis, design.animal, SMALLEST_SD
    )
    if fit.status == "failed":
        return FittedOutcome(layout, design, fit, "failed", fit.reason, None, None, design.den_df)
    return FittedOutcome(
        layout,
        design,
        fit,
        fit.status,
        fit.reason,
        design.basis @ fit.params,
        design.basis @ fit.cov_params @ design.basis.T,
        design.den_df,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
