"""The source data of a time-course figure: all that is drawn, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.errors import FigureError
from dialysis.figures.groups import error_name, event_rows, group_heads
from dialysis.tables.figures import FIGURE_DATA, SOURCE_DATA
from dialysis.tables.inputs import DOSES

SHOWN_PERIODS = ("baseline", "post")


def source_data(
    timecourse: pd.DataFrame,
    means: pd.DataFrame,
    contrasts: pd.DataFrame,
    model: Mapping[str, Any],
    config: Mapping[str, Any],
    doses: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Collect what the time-course figure of one outcome shows.

    Parameters
    ----------
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, rows of one outcome.
    means, contrasts : DataFrame
        `dialysis.tables.stats.MEANS` and `CONTRASTS` of that outcome.
    model : mapping
        ``stats/<outcome>/model.json``; ``confidence`` is read (0.95 when absent).
    config : mapping
        The ``figures`` section: ``center``, ``error``, ``labels``.
    doses : DataFrame, optional
        `dialysis.tables.inputs.DOSES`; without it the dose is at 0 min.

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.SOURCE_DATA`.

    Raises
    ------
    FigureError
        If there are no rows, or if `means` does not count the animals that `timecourse` holds.
    """
    if not len(timecourse):
        raise FigureError(
            "normalize/timecourse.csv: found no row of this outcome; expected at least one. "
            "Run the stage normalize again."
        )
    labels = dict(config.get("labels", {}))
    outcome = str(timecourse["outcome"].iloc[0])
    used = used_values(timecourse)
    _check_counts(outcome, used, means)
    center = str(config.get("center", "arithmetic"))
    error = str(config.get("error", "ci"))
    confidence = float(model.get("confidence") or 0.95)

    doses = DOSES.empty() if doses is None else doses
    heads_only = group_heads(timecourse, labels)
    base = heads_only.assign(center=center, error_bar=error_name(error, confidence))

    animals = used.groupby("group")["animal_id"].nunique()
    heads = base.assign(row="group", n=[int(animals.get(g, 0)) for g in base["group"]])

    cells = _mean_cells(means[means["n"] >= 1], center, error, confidence)
    stars = contrasts.loc[contrasts["stars"] != "", ["group", "time_index", "stars"]]
    cells = cells.merge(stars, on=["group", "time_index"], how="left")
    drawn = base.merge(cells, on="group").assign(row="mean")

    values = used[
        ["group", "animal_id", "probe_id", "time_index", "time_min", "pct_of_baseline", "censored"]
    ]
    individuals = base.merge(values, on="group").assign(row="individual")
    events = event_rows(heads_only, timecourse, doses, labels)

    rows = pd.concat(
        [SOURCE_DATA.coerce(part) for part in (heads, drawn, individuals, events)],
        ignore_index=True,
    )
    rank = rows["row"].map({"group": 0, "mean": 1, "individual": 2, "event": 3})
    by = ["rank", "group_order", "animal_id", "probe_id", "time_index", "time_min"]
    rows = rows.assign(rank=rank).sort_values(by, kind="stable").drop(columns="rank")
    return SOURCE_DATA.validate(rows.reset_index(drop=True))


def figure_rows(source: pd.DataFrame) -> pd.DataFrame:
    """Source data of a time course as FIGURE_DATA, in percent of baseline."""
    names = {"pct_of_baseline": "value", "low_pct": "low", "high_pct": "high"}
    return FIGURE_DATA.coerce(source.rename(columns=names).assign(unit="% of baseline"))


def used_values(timecourse: pd.DataFrame) -> pd.DataFrame:
    """Rows a time course shows: used, in the baseline or after the dose, with a percent."""
    return timecourse[
        timecourse["used"].fillna(False).astype(bool)
        & timecourse["period"].isin(SHOWN_PERIODS)
        & timecourse["pct_of_baseline"].notna()
    ]


def _mean_cells(means: pd.DataFrame, center: str, error: str, confidence: float) -> pd.DataFrame:
    """Centre and ends of the error bar of every cell, from the table of means."""
    cells = means[["group", "time_index", "time_min", "n", "n_censored"]].copy()
    if center == "arithmetic":
        cells["pct_of_baseline"] = means["mean_pct"]
        if error == "sem":
            cells["low_pct"] = means["mean_pct"] - means["sem_pct"]
            cells["high_pct"] = means["mean_pct"] + means["sem_pct"]
        else:
            cells["low_pct"], cells["high_pct"] = means["low_pct"], means["high_pct"]
        return cells
    cells["pct_of_baseline"] = means["geomean_pct"]
    low, high = means["geomean_low_pct"], means["geomean_high_pct"]
    if error == "sem":
        from scipy.special import stdtrit

        # The interval is mean ± t·SEM on logs, so its length gives the SEM on logs back.
        df = (means["n"].astype("float64") - 1.0).clip(lower=1.0)
        t = stdtrit(df.to_numpy(), 0.5 + confidence / 2.0)
        sem = np.log(high / low) / (2.0 * t)
        low = means["geomean_pct"] * np.exp(-sem)
        high = means["geomean_pct"] * np.exp(sem)
    cells["low_pct"], cells["high_pct"] = low, high
    return cells


def _check_counts(outcome: str, used: pd.DataFrame, means: pd.DataFrame) -> None:
    """Refuse means that were not computed from these values."""
    counted = used.groupby(["group", "time_index"])["animal_id"].nunique()
    stated = means.set_index(["group", "time_index"])["n"]
    for (group, index), n in stated.items():
        found = int(counted.get((group, index), 0))
        if found != int(n):
            raise FigureError(
                f"stats/{outcome}/means.csv, group '{group}', time_index {index}: found n = {n}; "
                f"expected {found}, the animals with a used value in normalize/timecourse.csv. "
                "Run the stage stats again."
            )
