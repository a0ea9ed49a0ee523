"""Areas under the curve by dose, every animal shown, with the trend over dose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.dots import INSET_FACTOR, INSET_UNIT, draw_dots
from dialysis.figures.groups import group_heads
from dialysis.figures.words import star_levels
from dialysis.tables.figures import FIGURE_DATA

UNIT = "% × min"


def auc_data(
    timecourse: pd.DataFrame,
    summary: pd.DataFrame,
    auc: pd.DataFrame,
    dose: pd.DataFrame,
    model: Mapping[str, Any],
    config: Mapping[str, Any],
) -> pd.DataFrame:
    """Collect the areas of one outcome.

    Parameters
    ----------
    timecourse, summary : DataFrame
        Of `dialysis.tables.normalize`, rows of one outcome.
    auc, dose : DataFrame
        Of `dialysis.tables.stats`: means and comparisons, trends.
    model : mapping
        ``model.json``: ``confidence``, ``stars``.
    config : mapping
        The ``figures`` section: ``labels``.

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.FIGURE_DATA`: individual areas (of probes; a mean is over
        animals), means with their interval, p and stars; a trend row per drug, ``value`` being
        the change of the area per doubled dose.
    """
    labels = dict(config.get("labels", {}))
    confidence = float(model.get("confidence") or 0.95)
    heads = group_heads(timecourse, labels).assign(unit=UNIT)
    base = heads.assign(center="arithmetic", error_bar=f"{100 * confidence:g} % CI")
    single = summary[summary["auc_pct_min"].notna()]
    columns = ["group", "animal_id", "probe_id", "auc_pct_min"]
    individuals = heads.merge(single[columns], on="group").rename(columns={"auc_pct_min": "value"})
    names = {
        "mean_pct_min": "value",
        "low_pct_min": "low",
        "high_pct_min": "high",
        "p_adjusted": "p",
    }
    shown = auc[auc["mean_pct_min"].notna()].drop(columns="p").rename(columns=names)
    means = base.merge(shown[["group", "n", *names.values()]], on="group")
    means["stars"] = [stars_of(p, model) for p in means["p"]]
    counts = dict(zip(auc["group"], auc["n"], strict=True))
    parts = [
        base.assign(row="group", n=[int(counts.get(g, 0)) for g in base["group"]]),
        means.assign(row="mean"),
        individuals.assign(row="individual"),
        _trends(heads, dose),
    ]
    return pd.concat([FIGURE_DATA.coerce(part) for part in parts], ignore_index=True)


def _trends(heads: pd.DataFrame, dose: pd.DataFrame) -> pd.DataFrame:
    """The trend of the areas over the dose, one row per drug, at the drug's highest dose."""
    trends = dose[(dose["model"] == "trend") & (dose["scope"] == "auc") & dose["p"].notna()]
    rows = []
    for trend in trends.itertuples(index=False):
        treated = heads[~heads["is_control"].astype(bool)]
        named = [_names_drug(str(trend.drug), head) for head in treated.itertuples(index=False)]
        own = treated[np.array(named, dtype=bool)]
        if len(own):
            rows.append(
                own.tail(1).assign(
                    row="trend",
                    value=trend.estimate * math.log(2.0),
                    p=trend.p,
                    unit=f"{UNIT} per doubled dose",
                )
            )
    return pd.concat(rows) if rows else heads.head(0).assign(row="trend")


def _names_drug(name: str, head: Any) -> bool:
    """Whether a trend's drug is that of a group: the trend adds the route to the name."""
    group = str(head.group)
    without_dose = group.replace(f" {head.dose:g} {head.dose_unit}".rstrip(), "", 1)
    return name in (str(head.drug), f"{head.drug} {head.route}".strip(), without_dose)


def stars_of(p: float, model: Mapping[str, Any]) -> str:
    """Stars of a p-value by the levels of the model."""
    if pd.isna(p):
        return ""
    reached = [mark for mark, level in star_levels(model).items() if p < level]
    return reached[-1] if reached else ""


def draw_auc(rows: pd.DataFrame, config: Mapping[str, Any]) -> Any:
    """Draw the areas by dose.

    Parameters
    ----------
    rows : DataFrame
        `auc_data`.
    config : mapping
        The ``figures`` section.

    Returns
    -------
    matplotlib.figure.Figure
    """
    label = f"{rows['outcome_label'].iloc[0]}, AUC"
    return draw_dots(rows, label, INSET_UNIT, config, factor=INSET_FACTOR, from_zero=False)
