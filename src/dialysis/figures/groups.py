"""Rows that every source table of a figure has: its groups, doses and epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.study.groups import group_order
from dialysis.study.start import marks

GROUP_COLUMNS = ["group", "drug", "dose", "dose_unit", "route", "control", "is_control"]


def group_heads(timecourse: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """One row per group of an outcome: what sets its place, name and look.

    Parameters
    ----------
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, rows of one outcome; at least one.
    labels : mapping of str to str
        ``figures.labels``.
    """
    order = group_order(timecourse)
    groups = timecourse.drop_duplicates("group").set_index("group", drop=False).loc[order]
    heads = groups[GROUP_COLUMNS].reset_index(drop=True)
    heads["group_order"] = np.arange(1, len(heads) + 1)
    heads["drug_label"] = [labels.get(drug, drug) for drug in heads["drug"]]
    heads["group_label"] = [
        str(group).replace(drug, label, 1)
        for group, drug, label in zip(
            heads["group"], heads["drug"], heads["drug_label"], strict=True
        )
    ]
    heads["outcome"] = str(timecourse["outcome"].iloc[0])
    heads["outcome_label"] = outcome_label(timecourse, labels)
    region = str(timecourse["region"].iloc[0])
    heads["region"] = labels.get(region, region)
    heads["analyte_label"] = analyte_label(timecourse, labels)
    heads["marks"] = ";".join(marks(timecourse["source"], timecourse["conc_unit"]))
    return heads


def outcome_label(timecourse: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Printed label of an outcome, with the configured names of analytes and region."""
    name, region = analyte_label(timecourse, labels), str(timecourse["region"].iloc[0])
    return f"{name}, {labels.get(region, region)}" if region else name


def analyte_label(timecourse: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Printed name of an outcome's analyte or ratio, without the region."""
    first = timecourse.iloc[0]
    parts = [str(first[c]) for c in ("analyte", "denominator") if first[c]]
    return "/".join(labels.get(part, part) for part in parts)


def event_rows(
    heads: pd.DataFrame, timecourse: pd.DataFrame, doses: pd.DataFrame, labels: Mapping[str, str]
) -> pd.DataFrame:
    """Doses and epochs of every group, min from the first dose.

    Parameters
    ----------
    heads : DataFrame
        `group_heads`.
    timecourse : DataFrame
        The outcome's rows, to know whose animals are shown.
    doses : DataFrame
        `dialysis.tables.inputs.DOSES`; without rows each group has one dose at 0 min.

    Returns
    -------
    DataFrame
        `heads` with ``row`` event, ``time_min``, ``end_min`` and ``text``: of every event of a
        group the median over its animals.
    """
    group_of = timecourse.drop_duplicates("animal_id").set_index("animal_id")["group"]
    own = doses[doses["animal_id"].isin(group_of.index)].copy()
    if not len(own):
        only = heads.assign(row="event", time_min=0.0, end_min=np.nan)
        return only.assign(text=[_given(head, labels) for head in heads.to_dict("records")])
    first = own.groupby("animal_id")["time_min"].transform("min")
    own["group"] = own["animal_id"].map(group_of)
    own["place"] = own.sort_values("time_min", kind="stable").groupby("animal_id").cumcount()
    own["end_min"] = own["end_min"] - first
    own["time_min"] = own["time_min"] - first
    own["text"] = [
        _given(row, labels) for row in own.rename(columns={"unit": "dose_unit"}).to_dict("records")
    ]
    events = own.groupby(["group", "place"], sort=False).agg(
        time_min=("time_min", "median"), end_min=("end_min", "median"), text=("text", "first")
    )
    rounded = events.round({"time_min": 1, "end_min": 1}).reset_index().drop(columns="place")
    return heads.merge(rounded, on="group").assign(row="event")


def _given(row: Mapping[Any, Any], labels: Mapping[str, str]) -> str:
    drug = str(row["drug"])
    if not row["dose"]:
        return labels.get(drug, drug)
    parts = (labels.get(drug, drug), f"{row['dose']:g}", row["dose_unit"], row["route"])
    return " ".join(str(part) for part in parts if part)


def error_name(error: str, confidence: float) -> str:
    """Name of an error bar as it is printed."""
    return "SEM" if error == "sem" else f"{100 * confidence:g} % CI"
