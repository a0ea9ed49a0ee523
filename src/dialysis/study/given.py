"""Concentrations that were computed elsewhere: their cells, their units, their samples."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.config import did_you_mean
from dialysis.tables.inputs import INJECTIONS

NM_PER_UNIT: Mapping[str, float] = MappingProxyType(
    {
        "pM": 1e-3,
        "nM": 1.0,
        "µM": 1e3,
        "uM": 1e3,
        "mM": 1e6,
        "fmol/µL": 1.0,
        "fmol/uL": 1.0,
        "pg/µL": 1e3,
        "pg/uL": 1e3,
        "ng/mL": 1e3,
    }
)
"""nM per unit; for a mass nM per unit × g/mol."""

MASS_UNITS = ("pg", "ng", "pg/µL", "pg/uL", "ng/mL")
"""Units of amounts and concentrations that need a molar mass."""

_BELOW = re.compile(r"<\s*(?:LOD|([0-9.eE+-]+))", re.IGNORECASE)


def read_concentration(cell: str, lod: float) -> tuple[float, float, bool]:
    """Read one cell of the column `concentration`.

    Parameters
    ----------
    cell : str
        A number, ``<LOD``, ``<0.05`` or nothing.
    lod : float
        The row's limit of detection; nan when it has none.

    Returns
    -------
    value : float
        nan when there is none.
    limit : float
        Limit of detection: the row's, or the number behind ``<``.
    censored : bool
        Whether the value is below the limit.

    Raises
    ------
    ValueError
        With what was expected, when the cell can't be read.
    """
    if cell == "":
        return math.nan, lod, False
    below = _BELOW.fullmatch(cell)
    if below and below[1] is None:
        return math.nan, lod, True
    value = _positive(below[1] if below else cell)
    if value is None:
        raise ValueError("a number from 0 (decimal point, no unit), <LOD or <number")
    if not below:
        return value, lod, value < lod
    if not math.isnan(lod) and not math.isclose(lod, value):
        raise ValueError(f"<LOD or <{lod:g}, because the column lod says {lod:g}")
    return math.nan, value, True


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 and "_" not in text else None


def only_probe_of(probes: pd.DataFrame) -> dict[str, str]:
    """Probe of every animal that carries one, by animal."""
    return {
        str(animal): str(rows["probe_id"].iloc[0])
        for animal, rows in probes.groupby("animal_id", sort=False)
        if len(rows) == 1
    }


def make_injections(given: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Make the injections table of a study that has concentrations and no injections.csv.

    Parameters
    ----------
    given : DataFrame
        concentrations.csv; its index is the line in the file.
    file : str
        Its name in messages.

    Returns
    -------
    injections : DataFrame
        One sample per animal (or probe) and fraction, with the line of its first row as index.
        They belong to no run.
    problems : list of Problem
        Rows that name no sample, or give one sample two times.
    """
    problems = [
        Problem(
            file,
            f"row {line}, column injection_id",
            f"'{name}', though there is no injections.csv",
            "nothing: animal_id (or probe_id) and fraction name the sample",
            "Empty the column, or add injections.csv.",
        )
        for line, name in given["injection_id"].items()
        if name
    ]
    records = []
    named = given[((given["animal_id"] != "") | (given["probe_id"] != ""))]
    named = named[named["fraction"].notna()]
    for (animal, probe, fraction), rows in named.groupby(
        ["animal_id", "probe_id", "fraction"], sort=False
    ):
        record = {
            "injection_id": sample_name(str(probe or animal), int(fraction)),
            "type": "sample",
            "animal_id": animal,
            "probe_id": probe,
            "fraction": fraction,
            "line": rows.index[0],
        }
        for column in ("start_min", "end_min"):
            times = rows[column].dropna()
            record[column] = times.iloc[0] if len(times) else math.nan
            other = times[times != record[column]]
            if len(other):
                problems.append(
                    Problem(
                        file,
                        f"row {other.index[0]}, column {column}",
                        f"{other.iloc[0]:g} for fraction {fraction} of {probe or animal}",
                        f"{record[column]:g}, as in row {times.index[0]}",
                        "A fraction has one start and one end for all its analytes.",
                    )
                )
        records.append(record)
    frame = pd.DataFrame(records, columns=[*INJECTIONS.column_names, "line"])
    lines = frame.pop("line")
    injections = INJECTIONS.coerce(frame)
    injections.index = pd.Index(lines, name="line", dtype="int64")
    return injections, problems


def sample_name(subject: str, fraction: int) -> str:
    """Name of a sample that has no injection_id of its own."""
    return f"{subject}_F{fraction:02d}"


def locate_samples(
    given: pd.DataFrame, injections: pd.DataFrame, probes: pd.DataFrame, file: str
) -> tuple[pd.DataFrame, list[Problem]]:
    """Fill in the injection of every row of concentrations.csv.

    Parameters
    ----------
    given : DataFrame
        concentrations.csv; its index is the line in the file.
    injections, probes : DataFrame
        The other tables; injections may have been made by `make_injections`.
    file : str
        Name of concentrations.csv in messages.

    Returns
    -------
    given : DataFrame
        With `injection_id` in every row that has no problem.
    problems : list of Problem
        Rows whose sample is not known, not told, or not the one that other columns say.
    """
    only = only_probe_of(probes)
    by_id = {row.injection_id: row for row in injections.itertuples()}
    by_vial: dict[tuple[str, int], list[str]] = {}
    for row in injections[injections["type"] == "sample"].itertuples():
        if not pd.isna(row.fraction):
            subject = row.probe_id or only.get(row.animal_id, row.animal_id)
            by_vial.setdefault((subject, int(row.fraction)), []).append(row.injection_id)
    problems: list[Problem] = []
    found = []
    for row in given.itertuples():
        name, problem = _sample_of(row, by_id, by_vial, only, file)
        found.append(name)
        if problem is not None:
            problems.append(problem)
    return given.assign(injection_id=pd.Series(found, index=given.index, dtype="str")), problems


def _sample_of(
    row: Any,
    by_id: Mapping[str, Any],
    by_vial: Mapping[tuple[str, int], list[str]],
    only: Mapping[str, str],
    file: str,
) -> tuple[str, Problem | None]:
    line, fraction = row.Index, row.fraction
    if row.injection_id:
        return row.injection_id, _contradiction(row, by_id, file)
    subject = row.probe_id or only.get(row.animal_id, row.animal_id)
    if not subject or pd.isna(fraction):
        return "", Problem(
            file,
            f"row {line}",
            "no sample",
            "injection_id, or animal_id (or probe_id) and fraction",
        )
    names = by_vial.get((subject, int(fraction)), [])
    if len(names) == 1:
        return names[0], None
    if names:
        return "", Problem(
            file,
            f"row {line}, column fraction",
            f"fraction {fraction} of {subject}, which was injected {len(names)} times",
            f"the injection_id of one of them: {', '.join(names)}",
        )
    return "", Problem(
        file,
        f"row {line}, column fraction",
        f"fraction {fraction} of {subject}, which is not in injections.csv",
        "a sample of that table",
    )


def _contradiction(row: Any, by_id: Mapping[str, Any], file: str) -> Problem | None:
    """What injections.csv says otherwise about the injection a row names."""
    sample = by_id.get(row.injection_id)
    if sample is None:
        hint = did_you_mean(row.injection_id, by_id)
        return Problem(
            file,
            f"row {row.Index}, column injection_id",
            f"'{row.injection_id}', which is not in injections.csv",
            f"one of its {len(by_id)} names",
            hint or "Add it to injections.csv, or mend the name here.",
        )
    for column in ("animal_id", "probe_id", "fraction"):
        here, there = getattr(row, column), getattr(sample, column)
        if _said(here) and _said(there) and here != there:
            return Problem(
                file,
                f"row {row.Index}, column {column}",
                f"'{here}' for injection '{row.injection_id}'",
                f"'{there}', as in injections.csv",
            )
    return None


def _said(cell: Any) -> bool:
    return not pd.isna(cell) and cell != ""
