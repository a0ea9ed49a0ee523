"""The source data of a time-course figure: all that is drawn, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.errors import FigureError
from dialysis.study.groups import group_order
from dialysis.study.start import marks
from dialysis.tables.figures import SOURCE_DATA

SHOWN_PERIODS = ("baseline", "post")
_GROUP_COLUMNS = ["group", "drug", "dose", "dose_unit", "route", "control", "is_control"]


def source_data(
    timecourse: pd.DataFrame,
    means: pd.DataFrame,
    contrasts: pd.DataFrame,
    model: Mapping[str, Any],
    config: Mapping[str, Any],
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
    order = group_order(timecourse)
    groups = timecourse.drop_duplicates("group").set_index("group", drop=False).loc[order]
    center = str(config.get("center", "arithmetic"))
    error = str(config.get("error", "ci"))
    confidence = float(model.get("confidence") or 0.95)

    base = groups[_GROUP_COLUMNS].reset_index(drop=True)
    base["group_order"] = np.arange(1, len(base) + 1)
    base["drug_label"] = [labels.get(drug, drug) for drug in base["drug"]]
    base["group_label"] = [
        str(group).replace(drug, label, 1)
        for group, drug, label in zip(base["group"], base["drug"], base["drug_label"], strict=True)
    ]
    base["outcome"] = outcome
    base["outcome_label"] = outcome_label(timecourse, labels)
    base["center"] = center
    base["error_bar"] = error_name(error, confidence)
    base["marks"] = ";".join(marks(timecourse["source"], timecourse["conc_unit"]))

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

    rows = pd.concat(
        [SOURCE_DATA.coerce(part) for part in (heads, drawn, individuals)], ignore_index=True
    )
    rank = rows["row"].map({"group": 0, "mean": 1, "individual": 2})
    rows = (
        rows.assign(rank=rank)
        .sort_values(["rank", "group_order", "animal_id", "probe_id", "time_index"], kind="stable")
        .drop(columns="rank")
    )
    return SOURCE_DATA.validate(rows.reset_index(drop=True))


def used_values(timecourse: pd.DataFrame) -> pd.DataFrame:
    """Rows a time course shows: used, in the baseline or after the dose, with a percent."""
    return timecourse[
        timecourse["used"].fillna(False).astype(bool)
        & timecourse["period"].isin(SHOWN_PERIODS)
        & timecourse["pct_of_baseline"].notna()
    ]


def outcome_label(timecourse: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Printed label of an outcome, with the configured names of analytes and region."""
    first = timecourse.iloc[0]
    parts = [str(first["analyte"])]
    if first["denominator"]:
        parts.append(str(first["denominator"]))
    name = "/".join(labels.get(part, part) for part in parts)
    region = str(first["region"])
    return f"{name}, {labels.get(region, region)}" if region else name


def error_name(error: str, confidence: float) -> str:
    """Name of an error bar as it is printed."""
    return "SEM" if error == "sem" else f"{100 * confidence:g} % CI"


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
