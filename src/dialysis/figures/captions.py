"""Captions of the further figures of a bundle, written from the data that they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dialysis.figures.concentration import LIMIT
from dialysis.figures.words import (
    ADJUSTMENTS,
    adjusted,
    adjustment_of,
    error_words,
    groups_with_n,
    has,
    sentence,
    star_levels,
    star_words,
    was,
)
from dialysis.words import counted, listed, p_words, whole

_MEANINGS = {"ratio": "molar ratio", "response": "detector response"}


def concentration_caption(rows: pd.DataFrame, log: bool, individuals: bool) -> str:
    """Caption of the level against time.

    Parameters
    ----------
    rows : DataFrame
        `dialysis.figures.concentration.concentration_data`.
    log : bool
        Whether its axis is logarithmic.
    individuals : bool
        Whether animals are drawn.
    """
    unit = str(rows["unit"].iloc[0])
    means = rows[rows["row"] == "mean"]
    level = _MEANINGS.get(unit, f"level in the dialysate ({unit})")
    parts = [
        f"The {level} that percent of baseline was computed from, against the time from the dose "
        "(arrow; a bar is an infusion or epoch)."
    ]
    if len(means):
        center, error = str(means["center"].iloc[0]), str(means["error_bar"].iloc[0])
        parts.append(
            f"Large markers: {center} mean over animals; error bars: {error_words(center, error)}."
        )
    if individuals:
        parts.append("Thin lines: individual animals, broken where a fraction is missing.")
    limit = rows[rows["row"] == "limit"]
    if len(limit):
        parts.append(f"Dotted line: the usual {LIMIT}, {float(limit['value'].iloc[0]):.3g} {unit}.")
    values = rows[rows["row"] == "individual"]
    censored = int(values["censored"].fillna(False).astype(bool).sum())
    if censored:
        parts.append(f"{censored} of the {len(values)} values {was(censored)} below it (crosses).")
    if log:
        parts.append("The vertical axis is logarithmic.")
    parts.append("Described, not tested: the comparisons are those of percent of baseline.")
    return _caption(rows, "level against time", parts, groups_with_n(rows))


def basal_caption(rows: pd.DataFrame) -> str:
    """Caption of the basal levels, from `dialysis.figures.basal.basal_data`."""
    means = rows[rows["row"] == "mean"]
    error = str(means["error_bar"].iloc[0]) if len(means) else "CI"
    parts = [
        "Small markers: the baseline of every animal (the mean of its fractions before the dose).",
        f"Horizontal lines: mean over animals; error bars: {_plain_error(error)}.",
        "Described, not tested: the model takes each animal's baseline into account.",
    ]
    return _caption(rows, "basal level by group", parts, groups_with_n(rows))


def auc_caption(
    rows: pd.DataFrame, summary: pd.DataFrame, auc: pd.DataFrame, model: Mapping[str, Any]
) -> str:
    """Caption of the areas under the curve.

    Parameters
    ----------
    rows : DataFrame
        `dialysis.figures.auc.auc_data`.
    summary : DataFrame
        `dialysis.tables.normalize.SUMMARY` of the outcome.
    auc : DataFrame
        `dialysis.tables.stats.AUC` of the outcome.
    model : mapping
        ``model.json``.
    """
    means = rows[rows["row"] == "mean"]
    error = str(means["error_bar"].iloc[0]) if len(means) else "CI"
    parts = [
        f"Small markers: area under percent of baseline{_window(summary)} of every animal that "
        "has all fractions (Σ percent × minutes; no change over one hour is 6 × 10³ % × min).",
        f"Horizontal lines: mean; error bars: {_plain_error(error)}.",
    ]
    compared = means[means["p"].notna()]
    if len(compared):
        controls = listed(list(dict.fromkeys(compared["control"])))
        method = str(auc["adjustment"].iloc[0]) if len(auc) else "none"
        how = "not adjusted for the number of groups"
        if method not in ("none", ""):
            how = f"p adjusted over the groups by {ADJUSTMENTS.get(method, method)}"
        named = [f"{r.group_label} {p_words(float(r.p))}" for r in compared.itertuples(index=False)]
        stars = f"Stars ({star_words(model)})" if (means["stars"] != "").any() else "No stars"
        parts.append(
            f"{stars}: difference from {controls} in a linear model of the areas ({how}): "
            f"{'; '.join(named)}."
        )
    trends = rows[(rows["row"] == "trend") & rows["p"].notna()]
    if len(trends):
        named = [
            f"{r.drug_label} {whole(float(r.value), sign=True)} % × min per doubled dose, "
            f"{p_words(float(r.p))}"
            for r in trends.itertuples(index=False)
        ]
        parts.append(
            "Trend: slope of the mean areas over the logarithm of the dose in the same linear "
            f"model (one test for each drug, not adjusted): {'; '.join(named)}."
        )
    missing = int(summary["auc_pct_min"].isna().sum())
    if missing:
        parts.append(
            f"{counted(missing, 'animal')} {has(missing)} no area, because a fraction is missing "
            "or the animal is left out; incomplete animals count in the areas under the model's "
            "time course, stats_auc_model.csv."
        )
    return _caption(rows, "area under the curve by dose", parts, groups_with_n(rows))


def inset_caption(rows: pd.DataFrame, summary: pd.DataFrame) -> str:
    """Sentence on the inset of the time course."""
    heads = rows[rows["row"] == "group"].sort_values("group_order")
    counts = ", ".join(str(int(n)) for n in heads["n"])
    error = str(heads["error_bar"].iloc[0])
    return (
        f"Insets: area under percent of baseline{_window(summary)} of every animal that has all "
        f"fractions (n = {counts} in the order of the groups), mean with {error}, in the order of "
        "the legend."
    )


def ratio_caption(rows: pd.DataFrame, contrasts: pd.DataFrame, model: Mapping[str, Any]) -> str:
    """Caption of the estimated ratios.

    Parameters
    ----------
    rows : DataFrame
        `dialysis.figures.ratio.ratio_data`.
    contrasts : DataFrame
        `dialysis.tables.stats.CONTRASTS` of the outcome.
    model : mapping
        ``model.json``.
    """
    means = rows[rows["row"] == "mean"]
    if not len(means):
        reason = str(model.get("reason", "") or "there is no group with a control")
        return _caption(
            rows, "estimated ratio to control", [f"No estimate: {sentence(reason)}"], ""
        )
    controls = listed(list(dict.fromkeys(means["control"])))
    level = str(rows["error_bar"].iloc[0]).replace("CI", "confidence interval (CI)")
    parts = [
        f"Ratio of each group to {controls} at every time after the dose, in percent, of the level "
        "relative to each animal's own baseline, as the linear mixed model estimates it "
        "(logarithmic axis; dashed line: no difference).",
    ]
    parts.append(_interval_words(means, level, contrasts, model))
    absent = contrasts[contrasts["ratio_pct"].isna()]
    if len(absent):
        parts.append(f"{counted(len(absent), 'comparison')} can't be estimated.")
    return _caption(rows, "estimated ratio to control", parts, groups_with_n(rows))


def _interval_words(
    means: pd.DataFrame, level: str, contrasts: pd.DataFrame, model: Mapping[str, Any]
) -> str:
    """Say what the bars of ratios are, and how they go with the stars where they do."""
    stars = f"Stars: {star_words(model)}{adjusted(model, contrasts)}."
    if not means["outer_low"].notna().any():
        return f"Bars: {level}, each by itself."
    method = adjustment_of(model, contrasts)
    alpha = next(iter(star_levels(model).values()))
    # Of another level, intervals and stars are two questions.
    same = abs(1.0 - alpha - float(model.get("confidence") or 1.0 - alpha)) < 1e-9
    go_together = "; where one does not hold 100 there are stars" if same else ""
    if method == "none":
        return f"Bars: {level}, each by itself, not adjusted{go_together}. {stars}"
    thick = f"Thick bars: {level}, each by itself. Thin bars: "
    if method == "holm":
        return (
            f"{thick}simultaneous interval by Bonferroni's method over the same comparisons, "
            f"because Holm's has none; one may hold 100 where there are stars. {stars}"
        )
    return f"{thick}simultaneous interval, adjusted as the p-values are{go_together}. {stars}"


def diagnostics_caption(
    rows: pd.DataFrame, residuals: pd.DataFrame, influence: pd.DataFrame
) -> str:
    """Caption of the model's diagnostics."""
    parts = [
        f"**a** Residuals against fitted values ({counted(len(residuals), 'value')}): look for a "
        "trend or a funnel. **b** Residuals whitened by the fitted covariance against normal "
        "quantiles: on the line where the model holds. **c** Semivariance of the residuals of an "
        "animal against the minutes between them (circles, larger with more pairs) and what the "
        "fitted covariance expects (line). **d** Cook's distance of every animal over all "
        f"comparisons ({counted(len(influence), 'animal')}); the largest are named."
    ]
    return _caption(rows, "model diagnostics", parts, "")


def _caption(rows: pd.DataFrame, title: str, parts: list[str], ending: str) -> str:
    marks = str(rows["marks"].iloc[0])
    said = f"{marks[:1].upper()}{marks[1:].replace(';', ', ')}." if marks else ""
    paragraphs = [
        f"**{rows['outcome_label'].iloc[0]}: {title}.**",
        " ".join(parts),
        " ".join(part for part in (ending, said) if part),
    ]
    return "\n\n".join(part for part in paragraphs if part) + "\n"


def _plain_error(error: str) -> str:
    if error == "SEM":
        return "standard error of the mean (SEM)"
    return f"{error.replace('CI', 'confidence interval (CI)')} of the mean (t distribution)"


def _window(summary: pd.DataFrame) -> str:
    known = summary[summary["window_end_min"].notna()]
    if not len(known):
        return ""
    start, end = known["window_start_min"].median(), known["window_end_min"].median()
    over = f" from {whole(start)} to {whole(end)} min"
    if start > -0.5:
        return over
    return f"{over} (the first fraction after the dose holds fluid from {-start:.0f} min before it)"
