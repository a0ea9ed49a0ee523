"""The analysis of one outcome, and of all outcomes of a study."""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dialysis import __version__
from dialysis.stats.anova import anova_table
from dialysis.stats.auc import Auc, auc_table, window_ends
from dialysis.stats.auc_model import auc_model_table, window_times
from dialysis.stats.checks import checks_table
from dialysis.stats.contrasts import compare, contrast_table, secondary_table
from dialysis.stats.design import BASELINE_TERM
from dialysis.stats.diagnostics import influence_frame, residuals_frame, variogram_frame
from dialysis.stats.dose import dose_series, dose_table
from dialysis.stats.emmeans import emmeans_table
from dialysis.stats.fitted import FittedOutcome, fit_outcome
from dialysis.stats.interaction import interaction_table
from dialysis.stats.layout import layout_of
from dialysis.stats.means import means_table
from dialysis.stats.multiplicity import SEED, star_levels
from dialysis.stats.options import Options, read_options
from dialysis.stats.sensitivity import SUBSTITUTES, sensitivity_table
from dialysis.stats.variances import LEVEL
from dialysis.stats.words import methods_text, results_text
from dialysis.tables.stats import SECONDARY_ANOVA, SENSITIVITY

FEWEST_FOR_PROCESSES = 4


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
        Area under the curve of complete animals, per group.
    auc_model : DataFrame
        Area under the model's time course, per group.
    secondary, secondary_anova : DataFrame
        The same comparisons and tests of percent of baseline.
    dose : DataFrame
        Dose response.
    interaction : DataFrame
        The effect of a treatment between two pretreatments.
    sensitivity : DataFrame
        The comparisons with other treatments of the data.
    checks : DataFrame
        Other analyses of the same data.
    residuals, variogram, influence : DataFrame
        Diagnostics.
    model : dict
        What was fitted to what, and how; can be written as JSON.
    results, methods : str
        The same in words, as Markdown.
    """

    anova: pd.DataFrame
    contrasts: pd.DataFrame
    emmeans: pd.DataFrame
    means: pd.DataFrame
    auc: pd.DataFrame
    auc_model: pd.DataFrame
    secondary: pd.DataFrame
    secondary_anova: pd.DataFrame
    dose: pd.DataFrame
    interaction: pd.DataFrame
    sensitivity: pd.DataFrame
    checks: pd.DataFrame
    residuals: pd.DataFrame
    variogram: pd.DataFrame
    influence: pd.DataFrame
    model: dict[str, Any]
    results: str
    methods: str


def analyse_study(
    timecourse: pd.DataFrame,
    summary: pd.DataFrame,
    config: Mapping[str, Any],
    processes: int = 1,
) -> dict[str, OutcomeStats]:
    """Analyse every outcome of a study.

    Parameters
    ----------
    timecourse, summary : DataFrame
        `dialysis.tables.normalize.TIMECOURSE` and `SUMMARY` of all outcomes.
    config : mapping
        The ``stats`` section of ``study.yaml`` with defaults.
    processes : int
        Most processes to use; one for a few outcomes, whatever this is.

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
    parts = [
        (timecourse[timecourse["outcome"] == slug], summary[summary["outcome"] == slug], config)
        for slug in slugs
    ]
    # Another process would import this script again where it can't be forked.
    if processes > 1 and len(slugs) >= FEWEST_FOR_PROCESSES and sys.platform == "linux":
        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
            found = list(_progress(pool.map(_analyse, parts), len(parts)))
    else:
        found = list(_progress(map(_analyse, parts), len(parts)))
    return dict(zip(slugs, found, strict=True))


def _progress(results: Iterable[OutcomeStats], total: int) -> Iterable[OutcomeStats]:
    return tqdm(results, desc="stats", unit="outcome", disable=None, total=total)


def _analyse(part: tuple[pd.DataFrame, pd.DataFrame, Mapping[str, Any]]) -> OutcomeStats:
    return analyse_outcome(*part)


def analyse_outcome(
    timecourse: pd.DataFrame, summary: pd.DataFrame, config: Mapping[str, Any]
) -> OutcomeStats:
    """Analyse one outcome: mixed model, contrasts, means, AUC, dose, sensitivity, diagnostics.

    A model that can't be fitted gives rows whose status and reason say so.

    Parameters
    ----------
    timecourse, summary : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE` and `SUMMARY`.
    config : mapping
        The ``stats`` section of ``study.yaml`` with defaults.

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
    options = read_options(config)
    fitted = fit_outcome(timecourse, layout, options)
    compared = compare(fitted, options)
    contrasts = contrast_table(compared, options)
    anova = anova_table(fitted, options)
    auc = auc_table(summary, layout, options.confidence, options.adjustment)
    auc_model = auc_model_table(fitted, summary, options)
    percent = fit_outcome(timecourse, layout, options, "pct_of_baseline")
    compared_percent = compare(percent, options)
    sensitivity = SENSITIVITY.empty()
    if options.sensitivity:
        sensitivity = sensitivity_table(timecourse, fitted, options, compared)
    window = window_times(summary, layout)
    errors = (compared.standard_error, compared_percent.standard_error, auc.standard_error)
    model = _model(timecourse, summary, options, fitted, percent, auc, max(errors))
    return OutcomeStats(
        anova=anova,
        contrasts=contrasts,
        emmeans=emmeans_table(fitted, options),
        means=means_table(timecourse, layout, options.confidence),
        auc=auc.table,
        auc_model=auc_model,
        secondary=secondary_table(compared_percent, options),
        secondary_anova=SECONDARY_ANOVA.coerce(anova_table(percent, options)),
        dose=_joined(dose_table(fitted, window, options), auc.trends),
        interaction=interaction_table(fitted, window, options),
        sensitivity=sensitivity,
        checks=checks_table(fitted, anova),
        residuals=residuals_frame(fitted),
        variogram=variogram_frame(fitted),
        influence=influence_frame(fitted, compared),
        model=model,
        results=results_text(model, anova, contrasts, auc.table, auc_model, sensitivity),
        methods=methods_text(model),
    )


def _model(
    timecourse: pd.DataFrame,
    summary: pd.DataFrame,
    options: Options,
    fitted: FittedOutcome,
    percent: FittedOutcome,
    auc: Auc,
    standard_error: float,
) -> dict[str, Any]:
    layout, design, fit = fitted.layout, fitted.design, fitted.fit
    rows = timecourse.iloc[:0] if design is None else design.rows
    per_group = {} if design is None else design.animals_per_group()
    per_cell = {} if design is None else design.animals_per_cell()
    terms = [BASELINE_TERM, *options.covariates] if design is None else list(design.covariates)
    theta = {} if fit is None else fit.covariance_params
    random = [] if design is None else list(design.random)
    post = timecourse[(timecourse["period"] == "post") & timecourse["used"].fillna(False)]
    return {
        "outcome": layout.outcome,
        "label": str(timecourse["outcome_label"].iloc[0]),
        "response": "log_ratio",
        "response_meaning": "ln(concentration / mean of the animal's own baseline), after the dose",
        "formula": " + ".join(["log_ratio ~ group * time", *terms]),
        "terms": terms,
        "terms_left_out": {} if design is None else dict(design.left_out),
        "estimator": "REML",
        "covariance": "none" if fit is None else fit.structure.words,
        "covariance_name": "none" if fit is None else fit.structure.name,
        "covariance_asked": options.covariance,
        "variances": _variances(fitted, options),
        "random_intercepts": ["animal", *random],
        "status": fitted.status,
        "reason": fitted.reason,
        "zero_variances": [] if fit is None else list(fit.zero_variances),
        "converged": fit is not None and fit.converged,
        "variance_components": {
            "animal": _number(theta.get("tau2")),
            "residual": _number(theta.get("sigma2")),
        },
        "covariance_parameters": {name: _number(value) for name, value in theta.items()},
        "lag_unit_min": _number(None if fit is None else fit.blocks.time_unit),
        "log_likelihood": _number(None if fit is None else fit.loglik),
        "df": None,
        "df_method": options.df_method,
        "n_animals": 0 if design is None else design.n_animals,
        "n_probes": int(rows["probe_id"].nunique()),
        "n_observations": len(rows),
        "n_per_group": {group: per_group.get(group, 0) for group in layout.groups},
        "n_per_group_time": {
            group: {str(time): per_cell.get((group, time), 0) for time in layout.post_times}
            for group in layout.groups
        },
        "controls": {group: layout.control[group] for group in layout.compared},
        "n_censored": int(post["censored"].fillna(False).sum()),
        "uncalibrated": bool((timecourse["conc_unit"] == "response").any()),
        "conc_unit": str(timecourse["conc_unit"].iloc[0]),
        "exclusions": _exclusions(timecourse, rows, fitted),
        "alpha": options.alpha,
        "confidence": options.confidence,
        "multiplicity": {
            "adjustment": options.adjustment,
            "families": {
                "within": "the groups that are compared with a control, within one time",
                "all": "all compared groups at all times after the dose",
                "auc": "all compared groups",
            },
            "seed": SEED,
            "largest_standard_error": _number(standard_error),
        },
        "dose_series": [series.label for series in dose_series(layout)],
        "stars": {"family": options.stars, "below": star_levels(options.alpha)},
        "baseline": _baseline(timecourse),
        "auc": {
            "window_min": window_ends(summary),
            "n_animals": int(auc.table["n"].sum()),
            "without_auc": _counts(summary.loc[summary["auc_pct_min"].isna(), "reason"]),
        },
        "secondary": {
            "response": "pct_of_baseline",
            "status": percent.status,
            "reason": percent.reason,
        },
        "software": f"dialysis {__version__}",
        "notes": _notes(fitted),
        "warnings": _warnings(fitted),
    }


def _joined(*tables: pd.DataFrame) -> pd.DataFrame:
    """Rows of the same table, one after the other."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _baseline(timecourse: pd.DataFrame) -> dict[str, Any]:
    """How many fractions baselines are means of, and what stands for values below the limit."""
    rows = timecourse[timecourse["period"] == "baseline"]
    used = timecourse[timecourse["used"].fillna(False).astype(bool)]
    censored = used[used["censored"].fillna(False).astype(bool)]
    fewest = rows["used"].fillna(False).astype(bool).groupby(rows["probe_id"]).sum()
    return {
        "fractions": int(rows.groupby("probe_id").size().max()) if len(rows) else 0,
        "fewest_fractions": int(fewest[fewest > 0].min()) if (fewest > 0).any() else 0,
        "below_limit": _substitute(censored),
    }


def _substitute(censored: pd.DataFrame) -> str:
    """What the values below the limit of detection are, seen from the values."""
    limits = censored["limit"].to_numpy(dtype=float)
    if not len(limits) or not np.isfinite(limits).all():
        return ""
    shares = censored["conc"].to_numpy(dtype=float) / limits
    for name, share in SUBSTITUTES.items():
        if np.allclose(shares, share, rtol=1e-6):
            return name
    return "measured"


def _variances(fitted: FittedOutcome, options: Options) -> dict[str, Any]:
    """Whether groups have variances of their own, and the test that told."""
    test = fitted.variance_test
    return {
        "asked": options.variances,
        "per_group": fitted.fit is not None and bool(fitted.fit.structure.strata),
        "test": None
        if test is None
        else {
            "statistic": _number(test.statistic),
            "df": test.df,
            "p": _number(test.p),
            "level": LEVEL,
        },
    }


def _exclusions(
    timecourse: pd.DataFrame, rows: pd.DataFrame, fitted: FittedOutcome
) -> list[dict[str, Any]]:
    """Count the post-dose fractions that are not in the model, by reason."""
    post = timecourse[timecourse["period"] == "post"]
    entered = set(zip(rows["probe_id"], rows["fraction"], strict=True))
    left = post[
        [key not in entered for key in zip(post["probe_id"], post["fraction"], strict=True)]
    ]
    refused = {} if fitted.design is None else fitted.design.refused
    cells = zip(left["group"].astype(str), left["time_index"].astype("int64"), strict=True)
    other = [
        "cell refused: too many values below the limit of detection"
        if (group, int(time)) in refused
        else "the logarithm of the ratio to baseline is not defined"
        for group, time in cells
    ]
    reasons = left["reason"].where(left["reason"] != "", pd.Series(other, index=left.index))
    return _counts(reasons)


def _counts(reasons: pd.Series) -> list[dict[str, Any]]:
    counted = reasons.value_counts()
    return [{"reason": str(reason), "n": int(counted[reason])} for reason in sorted(counted.index)]


def _notes(fitted: FittedOutcome) -> list[str]:
    """What is worth knowing about the model, without being a warning."""
    out = [] if fitted.design is None else list(fitted.design.notes)
    if fitted.fit is not None and fitted.fit.reason and fitted.status == "ok":
        out.append(fitted.fit.reason)
    return out


def _warnings(fitted: FittedOutcome) -> list[str]:
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
    if fit is not None and fit.basis.null_space.shape[1]:
        confounders = design.confounders(fit.basis.null_space)
        out.append(
            f"{confounders} is confounded with other terms; not every comparison can be made"
        )
    out += [f"left out of the model: {reason}" for reason in design.refused.values()]
    if fit is not None and not fit.adjustment("expected").corrected:
        out.append(
            "too few animals for the small-sample correction of standard errors; they are not "
            "corrected"
        )
    if fit is not None and not fit.converged:
        out.append("the optimum of the likelihood was not reached to full precision")
    return out


def _number(value: float | None) -> float | None:
    """Return a number as JSON has it: missing instead of NaN, ten significant digits."""
    if value is None or not math.isfinite(value):
        return None
    return float(np.format_float_scientific(value, precision=9))
