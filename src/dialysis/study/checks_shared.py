"""What the checks of a study's tables have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.config import did_you_mean
from dialysis.study.given import MASS_UNITS

Tables = Mapping[str, pd.DataFrame]
Config = Mapping[str, Any] | None
Found = tuple[list[Problem], list[Problem]]

# Where a cell need not be filled.
OTHER_STARTS = "unless ingest.start is areas or concentrations"


def start_of(config: Config) -> str:
    """What the study starts from; empty when study.yaml has problems of its own."""
    return str(config["ingest"]["start"]) if config is not None else ""


def file_of_injections(tables: Tables, shown: str) -> str:
    """The table the injections are from; those made of concentrations.csv belong to no run."""
    injections = tables["injections"]
    made = len(injections) and (injections["run"] == "").all()
    return f"{shown}/{'concentrations' if made else 'injections'}.csv"


def unknown(
    file: str, line: object, column: str, found: str, known: Iterable[str], what: str
) -> Problem:
    """The problem of a name that another table does not have."""
    names = [str(name) for name in known]
    hint = did_you_mean(found, names) or f"Add it to {what}, or mend the name here."
    if found.isdecimal() and any(n.isdecimal() and int(n) == int(found) for n in names):
        hint += " A spreadsheet takes zeros at the beginning away: format the cells as text."
    return Problem(
        file,
        f"row {line}, column {column}",
        f"'{found}', which is not in {what}",
        f"one of its {len(names)} names",
        hint,
    )


def analyte_problems(file: str, row: Any, analytes: pd.DataFrame, remedy: str) -> list[Problem]:
    """Whether the analyte of a row is known, with a molar mass where the row's unit needs one."""
    if row.analyte not in analytes.index:
        return [unknown(file, row.Index, "analyte", row.analyte, analytes.index, "analytes.csv")]
    if row.unit not in MASS_UNITS or pd.notna(analytes.loc[row.analyte, "mw"]):
        return []
    return [
        Problem(
            file,
            f"row {row.Index}, column unit",
            f"'{row.unit}' for {row.analyte}, which has no mw in analytes.csv",
            "a molar mass to convert mass to amount",
            remedy,
        )
    ]


def empty_cells(file: str, table: pd.DataFrame, columns: Iterable[str]) -> list[Problem]:
    """Cells that must be filled for exports to be read; a column without any is one problem."""
    problems = []
    for name in columns:
        cells = table[name]
        empty = cells.isna() | (cells == "").fillna(False)
        if len(cells) and empty.all():
            expected = f"a value in every row, because exports are read ({OTHER_STARTS})"
            problems.append(Problem(file, f"column {name}", "nothing", expected))
        else:
            problems += [
                Problem(file, f"row {line}, column {name}", "nothing", "a value")
                for line in cells.index[empty]
            ]
    return problems
