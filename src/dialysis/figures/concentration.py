"""The level itself against time: what percent of baseline was computed from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.groups import error_name, event_rows, group_heads
from dialysis.figures.panelplot import Measure, draw_panels
from dialysis.figures.scales import level_scale
from dialysis.figures.source import used_values
from dialysis.tables.figures import FIGURE_DATA

LIMIT = "limit of detection"


def concentration_data(
    timecourse: pd.DataFrame,
    doses: pd.DataFrame,
    config: Mapping[str, Any],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Collect the levels of one outcome: every animal's, and means with error bars.

    Parameters
    ----------
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, rows of one outcome.
    doses : DataFrame
        `dialysis.tables.inputs.DOSES`.
    config : mapping
        The ``figures`` section: ``error``, ``center``, ``labels``.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.FIGURE_DATA`, in the unit of the level.

    Notes
    -----
    The values are those that percent of baseline is shown of.  Probes of one animal are averaged
    first; mean and interval (t distribution) are over animals, on logarithms where the study asks
    for geometric means.
    """
    labels = dict(config.get("labels", {}))
    center, error = str(config.get("center", "arithmetic")), str(config.get("error", "ci"))
    heads = group_heads(timecourse, labels)
    unit = str(timecourse["conc_unit"].iloc[0])
    heads = heads.assign(unit=unit)
    base = heads.assign(center=center, error_bar=error_name(error, confidence))
    used = used_values(timecourse)
    used = used[used["conc"].notna()]
    names = {"conc": "value"}
    columns = ["group", "animal_id", "probe_id", "time_index", "time_min", "conc", "censored"]
    individuals = heads.merge(used[columns].rename(columns=names), on="group")
    means = base.merge(_means(used, center, error, confidence), on="group")
    animals = used.groupby("group")["animal_id"].nunique()
    parts = [
        base.assign(row="group", n=[int(animals.get(g, 0)) for g in base["group"]]),
        means.assign(row="mean"),
        individuals.assign(row="individual"),
        event_rows(heads, timecourse, doses, labels),
        _limit_row(heads, used),
    ]
    return pd.concat([FIGURE_DATA.coerce(part) for part in parts], ignore_index=True)


def _means(used: pd.DataFrame, center: str, error: str, confidence: float) -> pd.DataFrame:
    from scipy.special import stdtrit

    by_animal = used.groupby(["group", "time_index", "animal_id"], as_index=False).agg(
        time_min=("time_min", "mean"), conc=("conc", "mean"), censored=("censored", "any")
    )
    values = by_animal["conc"].where(by_animal["conc"] > 0) if center == "geometric" else None
    by_animal["x"] = by_animal["conc"] if values is None else np.log(values)
    cells = by_animal.groupby(["group", "time_index"], as_index=False).agg(
        time_min=("time_min", "mean"),
        n=("animal_id", "nunique"),
        n_censored=("censored", "sum"),
        value=("x", lambda x: x.mean(skipna=False)),
        sem=("x", lambda x: x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else np.nan),
    )
    df = (cells["n"].astype("float64") - 1.0).clip(lower=1.0).to_numpy()
    half = cells["sem"] * (1.0 if error == "sem" else stdtrit(df, 0.5 + confidence / 2.0))
    cells["low"], cells["high"] = cells["value"] - half, cells["value"] + half
    if center == "geometric":
        for column in ("value", "low", "high"):
            cells[column] = np.exp(cells[column])
    return cells.drop(columns="sem")


def _limit_row(heads: pd.DataFrame, used: pd.DataFrame) -> pd.DataFrame:
    """The usual limit of detection, where the values have one."""
    limits = used["limit"].dropna()
    row = heads.head(1 if len(limits) else 0).assign(row="limit", text=LIMIT)
    return row.assign(value=float(limits.median()) if len(limits) else np.nan)


def level_words(unit: str) -> str:
    """What the unit of a level is printed as, with its parentheses."""
    return {"ratio": "(molar ratio)", "response": "(detector response)"}.get(unit, f"({unit})")


def draw_concentration(rows: pd.DataFrame, config: Mapping[str, Any]) -> Any:
    """Draw the level against time from the dose.

    Parameters
    ----------
    rows : DataFrame
        `concentration_data`.
    config : mapping
        The ``figures`` section.

    Returns
    -------
    matplotlib.figure.Figure
    """
    limits = rows.loc[rows["row"] == "limit", "value"]
    measure = Measure(
        label=str(rows["outcome_label"].iloc[0]),
        unit=level_words(str(rows["unit"].iloc[0])),
        scale=partial(level_scale, axis=str(config.get("axis", "auto"))),
        individuals=bool(config.get("individuals", True)),
        limits={LIMIT: float(limits.median())} if len(limits) else {},
    )
    return draw_panels(rows, measure, config)
