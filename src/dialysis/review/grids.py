"""Tables as the page's script draws them: columns with headings and meaning, rows of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dialysis.review.numbers import is_missing
from dialysis.review.words import column_words
from dialysis.tables import Column, Table

# Kinds of cells the script knows; the first five are those of `dialysis.tables`.
KINDS = (
    "text",
    "number",
    "integer",
    "flag",
    "p",
    "status",
    "flags",
    "rule",
    "code",
    "injection",
    "animal",
    "probe",
    "run",
    "outcome",
)
_P_VALUES = frozenset({"p", "p_within", "p_all", "p_adjusted", "p_family", "trend_p"})
_BY_NAME = {
    "injection_id": "injection",
    "animal_id": "animal",
    "probe_id": "probe",
    "run": "run",
    "outcome": "outcome",
    "flags": "flags",
    "flag": "rule",
    "rule": "rule",
    "status": "status",
    "severity": "status",
    "sha256": "code",
    "file": "code",
}


def grid(
    name: str,
    title: str,
    table: Table,
    frame: pd.DataFrame,
    *,
    file: str = "",
    drop: Iterable[str] = (),
    first: Sequence[str] = (),
) -> dict[str, Any]:
    """Lay a table out by its definition.

    Parameters
    ----------
    name : str
        Unique on a page.
    title : str
        Heading.
    table : Table
        Says what the columns are; new ones appear by themselves.
    frame : DataFrame
        Its rows, in the order they are shown.
    file : str
        The whole table as CSV, relative to the page.
    drop : iterable of str
        Columns that the page says elsewhere.
    first : sequence of str
        Columns that come first.

    Returns
    -------
    dict
        ``name``, ``title``, ``about``, ``file``, ``columns`` (label, kind, about) and ``rows``;
        columns without any value are left out.
    """
    hidden = set(drop)
    ordered = [table[name] for name in first]
    ordered += [c for c in table.columns if c.name not in first]
    shown = [
        column
        for column in ordered
        if column.kind != "array"
        and column.name not in hidden
        and column.name in frame
        and not (len(frame) and frame[column.name].map(is_missing).all())
    ]
    adjusted = any(column.name in _P_VALUES - {"p", "trend_p"} for column in table.columns)
    columns = [
        {
            "name": column.name,
            "label": "p, unadjusted"
            if column.name == "p" and adjusted
            else column_words(column.name),
            "kind": column_kind(column),
            "about": column.description,
        }
        for column in shown
    ]
    cells = [plain_values(frame[column.name], column.kind) for column in shown]
    return {
        "name": name,
        "title": title,
        "about": table.description,
        "file": file,
        "columns": columns,
        "rows": [list(row) for row in zip(*cells, strict=True)],
    }


def column_kind(column: Column) -> str:
    """How the cells of a column are shown."""
    if column.name in _P_VALUES:
        return "p"
    return _BY_NAME.get(column.name, column.kind)


def plain_values(series: pd.Series, kind: str) -> list[Any]:
    """Values as JSON has them: null for a missing one, numbers with seven digits."""
    values = series.tolist()
    if kind == "number":
        return [rounded(value) for value in values]
    if kind == "integer":
        return [None if is_missing(value) else int(value) for value in values]
    if kind == "flag":
        return [None if is_missing(value) else bool(value) for value in values]
    return [None if is_missing(value) else str(value) for value in values]


def rounded(value: Any) -> float | int | None:
    """A number with seven digits, None where there is none."""
    if is_missing(value) or value in (float("inf"), float("-inf")):
        return None
    number = float(f"{float(value):.7g}")
    return int(number) if number.is_integer() and abs(number) < 1e7 else number


def records(frame: pd.DataFrame, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows as objects with these columns (name to kind); missing values are left out."""
    cells = {name: plain_values(frame[name], kind) for name, kind in kinds.items()}
    return [
        {name: value for name, value in zip(cells, row, strict=True) if value is not None}
        for row in zip(*cells.values(), strict=True)
    ]
