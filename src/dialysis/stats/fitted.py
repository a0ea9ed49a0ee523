"""The fitted model of an outcome, as the tables use it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from dialysis.errors import StatsError
from dialysis.stats.covariance import parse_structure
from dialysis.stats.design import BASELINE_TERM, Design, build_design, model_rows
from dialysis.stats.fit import Fit, fit_design
from dialysis.stats.layout import Layout
from dialysis.stats.lmm import SMALLEST_GROUP_FOR_VARIANCE
from dialysis.stats.options import Options
from dialysis.stats.reml import Status
from dialysis.stats.variances import VarianceTest, compare_variances
from dialysis.words import counted

# Values are written with ten significant digits: less spread than this is rounding.
SMALLEST_SD = {"log_ratio": 1e-9, "pct_of_baseline": 1e-7}


@dataclass(frozen=True)
class FittedOutcome:
    """A model with its data, or the reason why there is none.

    Parameters
    ----------
    layout : Layout
        Groups and times.
    response : str
        ``log_ratio`` or ``pct_of_baseline``.
    design : Design or None
        None when no value can be used.
    fit : Fit or None
        None when nothing was fitted.
    status, reason : str
        Of every row that rests on the fit.
    between_terms : tuple of str
        Covariates that were asked for, in the model or not.
    variance_test : VarianceTest or None
        Whether groups have variances of their own, where that was left to the data.
    """

    layout: Layout
    response: str
    design: Design | None
    fit: Fit | None
    status: Status
    reason: str
    between_terms: tuple[str, ...]
    variance_test: VarianceTest | None = None


def fit_outcome(
    timecourse: pd.DataFrame, layout: Layout, options: Options, response: str = "log_ratio"
) -> FittedOutcome:
    """Fit the model of one outcome, or say why that can't be done.

    Parameters
    ----------
    timecourse : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE`.
    layout : Layout
        Its groups and times.
    options : Options
        Covariance, covariates.
    response : {"log_ratio", "pct_of_baseline"}
        What is analysed.

    Raises
    ------
    StatsError
        If a covariate is not given for some animals.
    """
    rows, refused = model_rows(timecourse)
    terms = ((BASELINE_TERM,) if response == "log_ratio" else ()) + options.covariates
    if rows.empty:
        reason = "no post-dose value can be used"
        if refused:
            reason += ": too many are below the limit of detection"
        return FittedOutcome(layout, response, None, None, "not_estimable", reason, terms)
    design = build_design(rows, layout, options.covariates, options.random, response, refused)
    terms += tuple(name for name in design.covariates if name not in terms)
    if design.den_df < 1:
        groups = len({group for group, _ in design.cells})
        also = f" and {', '.join(design.covariates)}" if design.covariates else ""
        reason = (
            f"no degrees of freedom between animals: {counted(design.n_animals, 'animal')} "
            f"for {counted(groups, 'group')}{also}"
        )
        return FittedOutcome(layout, response, design, None, "not_estimable", reason, terms)
    strata: tuple[str, ...] = ()
    if options.covariance.endswith("+het"):
        animals = design.animals_per_group()
        strata = tuple(group for group in layout.groups if group in animals)
        small = [g for g in strata if animals[g] < SMALLEST_GROUP_FOR_VARIANCE]
        if small:
            reason = (
                f"a variance per group needs at least {SMALLEST_GROUP_FOR_VARIANCE} animals in "
                f"each: '{small[0]}' has {animals[small[0]]}"
            )
            return FittedOutcome(layout, response, design, None, "not_estimable", reason, terms)
    try:
        fit = _fit(design, options.covariance, strata, response)
    except StatsError as error:
        return FittedOutcome(layout, response, design, None, "failed", str(error), terms)
    test = None
    if options.variances == "auto" and not strata:
        fit, test = _with_own_variances(design, layout, options.covariance, response, fit)
    # A variance of zero is an ordinary estimate, which is named; a correlation of ±1 is not.
    ordinary = int(fit.at_bound.sum()) == len(fit.zero_variances)
    status: Status = "ok" if ordinary else fit.status
    reason = fit.reason if fit.at_bound.any() else ""
    return FittedOutcome(layout, response, design, fit, status, reason, terms, test)


def _fit(
    design: Design,
    covariance: str,
    strata: tuple[str, ...],
    response: str,
    near: Fit | None = None,
) -> Fit:
    blocks = design.blocks("ar1" in covariance, strata)
    structure = parse_structure(covariance, strata, tuple(design.random), blocks.integer_lags)
    return fit_design(
        design.response,
        design.matrix,
        blocks,
        structure,
        smallest_sd=SMALLEST_SD[response],
        near=near,
    )


def _with_own_variances(
    design: Design, layout: Layout, covariance: str, response: str, common: Fit
) -> tuple[Fit, VarianceTest | None]:
    """Return the fit with a variance per group where groups clearly differ, and the test."""
    animals = design.animals_per_group()
    strata = tuple(group for group in layout.groups if group in animals)
    if len(strata) < 2 or min(animals.values()) < SMALLEST_GROUP_FOR_VARIANCE:
        return common, None
    try:
        own = _fit(design, f"{covariance}+het", strata, response, common)
    except StatsError:
        return common, None
    test = compare_variances(common, own)
    return (own if test.unequal and own.converged else common), test
