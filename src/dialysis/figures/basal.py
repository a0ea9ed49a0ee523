"""Basal levels: every animal's baseline by group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.concentration import level_words
from dialysis.figures.dots import draw_dots
from dialysis.figures.groups import error_name, group_heads
from dialysis.tables.figures import FIGURE_DATA


def basal_data(
    timecourse: pd.DataFrame,
    baseline: pd.DataFrame,
    config: Mapping[str, Any],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Collect the baselines of one outcome: of every probe, and the mean over animals by group.

    Parameters
    ----------
    timecourse, baseline : DataFrame
        Of `dialysis.tables.normalize`, rows of one outcome; baselines that are not usable are
        left out.
    config : mapping
        The ``figures`` section: ``error``, ``labels``.
    confidence : float
        Of the interval (t distribution).

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.FIGURE_DATA`, in the unit of the level.
    """
    from scipy.special import stdtrit

    labels = dict(config.get("labels", {}))
    error = str(config.get("error", "ci"))
    heads = group_heads(timecourse, labels).assign(unit=str(timecourse["conc_unit"].iloc[0]))
    base = heads.assign(center="arithmetic", error_bar=error_name(error, confidence))
    own = baseline[baseline["usable"].fillna(False).astype(bool) & baseline["baseline"].notna()]
    columns = ["group", "animal_id", "probe_id", "baseline"]
    individuals = heads.merge(own[columns], on="group").rename(columns={"baseline": "value"})
    by_animal = own.groupby(["group", "animal_id"], as_index=False)["baseline"].mean()
    cells = by_animal.groupby("group", as_index=False).agg(
        value=("baseline", "mean"), sd=("baseline", "std"), n=("animal_id", "nunique")
    )
    df = (cells["n"].astype("float64") - 1.0).clip(lower=1.0).to_numpy()
    sem = cells["sd"] / np.sqrt(cells["n"].astype("float64"))
    half = sem * (1.0 if error == "sem" else stdtrit(df, 0.5 + confidence / 2.0))
    cells["low"], cells["high"] = cells["value"] - half, cells["value"] + half
    animals = dict(zip(cells["group"], cells["n"], strict=True))
    parts = [
        base.assign(row="group", n=[int(animals.get(g, 0)) for g in base["group"]]),
        base.merge(cells.drop(columns="sd"), on="group").assign(row="mean"),
        individuals.assign(row="individual"),
    ]
    return pd.concat([FIGURE_DATA.coerce(part) for part in parts], ignore_index=True)


def draw_basal(rows: pd.DataFrame, config: Mapping[str, Any]) -> Any:
    """Draw the baselines by group.

    Parameters
    ----------
    rows : DataFrame
        `basal_data`.
    config : mapping
        The ``figures`` section.

    Returns
    -------
    matplotlib.figure.Figure
    """
    label = f"{rows['outcome_label'].iloc[0]}, basal"
    return draw_dots(rows, label, level_words(str(rows["unit"].iloc[0])), config)
