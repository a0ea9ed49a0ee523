"""The analysis of one outcome, and of all outcomes of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dialysis.stats.anova import anova_table
from dialysis.stats.auc import Auc, auc_table
from dialysis.stats.contrasts import Contrasts, contrast_table
from dialysis.stats.design import BASELINE_TERM
from dialysis.stats.emmeans import emmeans_table
from dialysis.stats.fitted import FittedOutcome, fit_outcome
from dialysis.stats.layout import layout_of
from dialysis.stats.means import means_table
from dialysis.stats.multiplicity import SEED, star_levels

DF_METHOD = (
    "between animals: number of animals minus the rank of what is constant within an animal "
    "(groups, log baseline, covariates), for all t and F tests; conservative for comparisons "
    "within animals (time, group:time)"
)
HEAVY_CENSORING = 0.5


@dataclass(frozen=True)
class OutcomeStats:
    """All results of one outcome; the frames are those of `dialysis.tables.stats`.

    Parameters
    ----------
    anova : DataFrame
        Tests of the model's terms.
    contrasts : DataFrame
        Every group against its control at every time after the dose.
    emmeans : DataFrame
        The model's mean of every group at every time after the dose.
    means : DataFrame
        Means over animals of percent of baseline, baseline included.
    auc : DataFrame
        Area under the curve per group.
    model : dict
        What was fitted to what, and how; can be written as JSON.
    """

    anova: pd.DataFrame
    contrasts: pd.DataFrame
    emmeans: pd.DataFrame
    means: pd.DataFrame
    auc: pd.DataFrame
    model: dict[str, Any]


def analyse_study(
    timecourse: pd.DataFrame, summary: pd.DataFrame, config: Mapping[str, Any]
) -> dict[str, OutcomeStats]:
    """Analyse every outcome of a study.

    Parameters
    ----------
    timecourse, summary : DataFrame
        `dialysis.tables.normalize.TIMECOURSE` and `SUMMARY` of all outcomes.
    config : mapping
        The ``stats`` section of ``study.yaml`` with defaults.

    Returns
    -------
    dict of str to OutcomeStats
        By the slug of the outcome, in the order of `timecourse`.

    Raises
    ------
    StatsError
        If the study can't be analysed as asked; see `analyse_outcome`.
    """
    slugs = [str(slug) for slug in dict.fromkeys(timecourse["outcome"])]
    return {
        slug: analyse_outcome(
            timecourse[timecourse["outcome"] == slug], summary[summary["outcome"] == slug], config
        )
        for slug in tqdm(slugs, desc="stats", unit="outcome", disable=None)
    }


def analyse_outcome(
    timecourse: pd.DataFrame, summary: pd.DataFrame, config: Mapping[str, Any]
) -> OutcomeStats:
    """Analyse one outcome: mixed model, contrasts, means and AUC.

    A model that can't be fitted gives rows whose status and reason say so.

    Parameters
    ----------
    timecourse, summary : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE` and `SUMMARY`.
    config : mapping
        The ``stats`` section of ``study.yaml`` with defaults: ``alpha``, ``confidence``,
        ``adjustment``, ``stars``, ``covariates``.

    Returns
    -------
    OutcomeStats
        Independent of the order of the rows.

    Raises
    ------
    StatsError
        If animals of one group have different controls, or a covariate that is asked for is not
        given for some animals.
    ValueError
        If `timecourse` is not the rows of exactly one outcome.
    """
    layout = layout_of(timecourse)
    covariates = [str(name) for name in dict.fromkeys(config["covariates"])]
    confidence, adjustment = float(config["confidence"]), str(config["adjustment"])
    fitted = fit_outcome(timecourse, layout, covariates)
    contrasts = contrast_table(
        fitted, confidence, adjustment, float(config["alpha"]), str(config["stars"])
    )
    auc = auc_table(summary, layout, confidence, adjustment)
    return OutcomeStats(
        anova=anova_table(fitted, covariates),
        contrasts=contrasts.table,
        emmeans=emmeans_table(fitted, confidence),
        means=means_table(timecourse, layout, confidence),
        auc=auc.table,
        model=_model(timecourse, summary, config, fitted, contrasts, auc),
    )


def _model(
    timecourse: pd.DataFrame,
    summary: pd.DataFrame,
    config: Mapping[str, Any],
    fitted: FittedOutcome,
    contrasts: Contrasts,
    auc: Auc,
) -> dict[str, Any]:
    layout, design, fit = fitted.layout, fitted.design, fitted.fit
    rows = timecourse.iloc[:0] if design is None else design.rows
    asked = [BASELINE_TERM, *dict.fromkeys(config["covariates"])]
    per_group = {} if design is None else design.animals_per_group()
    per_cell = {} if design is None else design.animals_per_cell()
    terms = asked if design is None else list(design.covariates)
    alpha = float(config["alpha"])
    return {
        "outcome": layout.outcome,
        "label": str(timecourse["outcome_label"].iloc[0]),
        "response": "log_ratio",
        "response_meaning": "ln(concentration / mean of the animal's own baseline), after the dose",
        "formula": " + ".join(["log_ratio ~ group * time", *terms]),
        "terms_left_out": {} if design is None else dict(design.left_out),
        "estimator": "REML",
        "covariance": "none" if fit is None else fit.covariance,
        "status": fitted.status,
        "reason": fitted.reason,
        "converged": fit is not None and fit.converged,
        "variance_components": {
            "animal": _number(None if fit is None else fit.variance_animal),
            "residual": _number(None if fit is None else fit.variance_residual),
        },
        "log_likelihood": _number(None if fit is None else fit.loglik),
        "df": fitted.df,
        "df_method": DF_METHOD,
        "n_animals": 0 if design is None else design.n_animals,
        "n_probes": int(rows["probe_id"].nunique()),
        "n_observations": len(rows),
        "n_per_group": {group: per_group.get(group, 0) for group in layout.groups},
        "n_per_group_time": {
            group: {str(time): per_cell.get((group, time), 0) for time in layout.post_times}
            for group in layout.groups
        },
        "controls": {group: layout.control[group] for group in layout.compared},
        "n_censored": int(rows["censored"].fillna(False).sum()),
        "uncalibrated": bool((timecourse["conc_unit"] == "response").any()),
        "conc_unit": str(timecourse["conc_unit"].iloc[0]),
        "exclusions": _exclusions(timecourse, rows),
        "alpha": alpha,
        "confidence": float(config["confidence"]),
        "multiplicity": {
            "adjustment": str(config["adjustment"]),
            "families": {
                "within": "the groups that are compared with a control, within one time",
                "all": "all compared groups at all times after the dose",
                "auc": "all compared groups",
            },
            "seed": SEED,
            "largest_standard_error": _number(max(contrasts.standard_error, auc.standard_error)),
        },
        "stars": {"family": str(config["stars"]), "below": star_levels(alpha)},
        "auc": {
            "n_animals": int(auc.table["n"].sum()),
            "without_auc": _counts(summary.loc[summary["auc_pct_min"].isna(), "reason"]),
        },
        "warnings": _warnings(fitted, rows),
        "statsmodels_messages": [] if fit is None else list(fit.messages),
    }


def _exclusions(timecourse: pd.DataFrame, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Count the post-dose fractions that are not in the model, by reason."""
    post = timecourse[timecourse["period"] == "post"]
    entered = set(zip(rows["probe_id"], rows["fraction"], strict=True))
    left = post[
        [key not in entered for key in zip(post["probe_id"], post["fraction"], strict=True)]
    ]
    reasons = left["reason"].where(
        left["reason"] != "", "the logarithm of the ratio to baseline is not defined"
    )
    return _counts(reasons)


def _counts(reasons: pd.Series) -> list[dict[str, Any]]:
    counted = reasons.value_counts()
    return [{"reason": str(reason), "n": int(counted[reason])} for reason in sorted(counted.index)]


def _warnings(fitted: FittedOutcome, rows: pd.DataFrame) -> list[str]:
    layout, design, fit = fitted.layout, fitted.design, fitted.fit
    out: list[str] = []
    if design is None:
        return out
    out += [f"{term} is left out: {reason}" for term, reason in design.left_out.items()]
    per_group = design.animals_per_group()
    for group in layout.groups:
        n = per_group.get(group, 0)
        if n == 1:
            out.append(
                f"group '{group}' has one animal; its standard errors rest on the other groups"
            )
        elif n == 0:
            out.append(f"group '{group}' has no usable value after the dose")
    if design.null_space.shape[1]:
        out.append(
            f"{design.confounders} is confounded with other terms; not every comparison can be made"
        )
    for (group, time), cell in rows.groupby(["group", "time_index"]):
        share = float(cell["censored"].fillna(False).mean())
        if share > HEAVY_CENSORING:
            out.append(
                f"group '{group}' at time_index {time}: {share:.0%} of the values are below the "
                "limit of detection; the mean rests on substituted values"
            )
    if fit is not None:
        out += fit.warnings
        if fit.covariance.startswith("independent (one"):
            out.append(
                "one sample per animal: the variance between animals is part of the residual"
            )
    return out


def _number(value: float | None) -> float | None:
    """Return a number as JSON has it: missing instead of NaN, ten significant digits."""
    if value is None or not math.isfinite(value):
        return None
    return float(np.format_float_scientific(value, precision=9))
