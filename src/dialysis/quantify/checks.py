"""What a check of a run is: the rule, the value, the limit, the outcome, and what it is of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dialysis.quantify.model import Calibration, Key

Target = tuple[str, str]
"""Injection and analyte."""


@dataclass(frozen=True)
class Check:
    """One check; the columns of `dialysis.tables.quantify.SUITABILITY` and its targets.

    Parameters
    ----------
    run, analyte, injection_id : str
        What was checked; empty where it is wider.
    rule : str
        Key of `dialysis.tables.quantify.CHECKS`.
    value, limit : float
        NaN where there is none.
    unit : str
        Of both.
    status : {"PASS", "WARN", "NA"}
    reason : str
        In words.
    targets : tuple of (injection_id, analyte)
        Values that are left out where it fails and its action is ``exclude``.
    """

    run: str
    analyte: str
    injection_id: str
    rule: str
    value: float
    limit: float
    unit: str
    status: str
    reason: str
    targets: tuple[Target, ...] = ()


def judged(passes: bool) -> str:
    """Return PASS or WARN."""
    return "PASS" if passes else "WARN"


def not_applicable(key: Key, rule: str, unit: str, reason: str, limit: float = math.nan) -> Check:
    """Return a check of a run and analyte that can't be made, with the reason."""
    return Check(*key, "", rule, math.nan, limit, unit, "NA", reason)


def no_calibration(key: Key, rule: str, unit: str, calibration: Calibration, limit: float) -> Check:
    """Return a check that can't be made without a calibration."""
    return not_applicable(key, rule, unit, f"no calibration: {calibration.reason}", limit)


def samples_of(rows: pd.DataFrame) -> dict[Key, tuple[Target, ...]]:
    """Sample injections of every run and analyte, as targets."""
    samples = rows[rows["type"] == "sample"]
    out: dict[Key, list[Target]] = {}
    for run, analyte, injection in zip(
        samples["run"], samples["analyte"], samples["injection_id"], strict=True
    ):
        out.setdefault((str(run), str(analyte)), []).append((str(injection), str(analyte)))
    return {key: tuple(targets) for key, targets in out.items()}


def records_by_key(frame: pd.DataFrame, columns: Iterable[str]) -> dict[Key, list[dict[str, Any]]]:
    """Rows of a frame by run and analyte, in their order."""
    out: dict[Key, list[dict[str, Any]]] = {}
    for record in frame[list(columns)].to_dict("records"):
        row: dict[str, Any] = {str(name): value for name, value in record.items()}
        out.setdefault((str(row["run"]), str(row["analyte"])), []).append(row)
    return out


def injected_before(rows: pd.DataFrame) -> Mapping[str, str]:
    """Injection before every injection of the same run, by order."""
    sequence = rows.drop_duplicates("injection_id").dropna(subset=["order"])
    sequence = sequence.sort_values(["run", "order", "injection_id"], kind="stable")
    names = list(sequence["injection_id"])
    runs = list(sequence["run"])
    return {names[i]: names[i - 1] for i in range(1, len(names)) if runs[i] == runs[i - 1]}
