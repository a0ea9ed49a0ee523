"""What a table is: its columns with kinds, units and meaning, and its key.

One definition serves to read, check, write and document a table.  pandera is
imported only when a table is checked, because it costs more than the check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from dialysis.errors import TableError

Kind = Literal["text", "number", "integer", "flag", "array"]

_DTYPES: dict[str, str] = {
    "text": "str",
    "number": "float64",
    "integer": "Int64",
    "flag": "boolean",
    "array": "object",
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Column name; units are part of it (``_min``, ``_s``, ``_nM``).
    kind : {"text", "number", "integer", "flag", "array"}
        ``flag`` is yes/no; ``array`` one ndarray per row (parquet only).
    description : str
        What the column holds, with its unit; goes to the reference.
    required : bool
        Whether every row must have a value (an empty text counts as none).
    choices : tuple of str
        Allowed values, when the column is a choice.
    minimum, maximum : float or None
        Inclusive bounds; with `exclusive_minimum` the lower one is excluded.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False

    @property
    def dtype(self) -> str:
        """The pandas dtype of the column."""
        return _DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """A table that one stage hands on, or that a lab fills in.

    Parameters
    ----------
    name : str
        Name of the table, that of its file without the ending.
    description : str
        One sentence on what a row is.
    columns : tuple of Column
        In the order they are written.
    key : tuple of str
        Columns that together name a row.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def column_names(self) -> list[str]:
        """Names of the columns in their order."""
        return [column.name for column in self.columns]

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")

    def coerce(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Put columns in order with their dtypes; add absent optional ones as missing."""
        data = {}
        for column in self.columns:
            if column.name in frame:
                series = frame[column.name]
            else:
                series = pd.Series([None] * len(frame), index=frame.index, dtype="object")
            # Arrays need no alignment of their indexes, which takes longer than all else.
            data[column.name] = _as_kind(series, column.kind).array
        return pd.DataFrame(data, index=pd.RangeIndex(len(frame)))

    def of_rows(self, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """Make the table of rows that hold all columns; None and NaN are missing."""
        listed = list(rows)
        data: dict[str, Any] = {}
        for column in self.columns:
            values = [row[column.name] for row in listed]
            if column.kind == "number":
                data[column.name] = np.array(values, dtype=np.float64)
            elif column.kind == "array":
                data[column.name] = pd.Series(values, dtype="object").array
            else:
                data[column.name] = pd.array(values, dtype=column.dtype)
        return pd.DataFrame(data)

    def empty(self) -> pd.DataFrame:
        """Return the table without rows."""
        return self.coerce(pd.DataFrame({name: [] for name in self.column_names}))

    def validate(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Check a frame against the definition.

        Returns
        -------
        DataFrame
            The frame with the table's columns, dtypes and order.

        Raises
        ------
        TableError
            Naming every column and row that breaks the definition, at once.
        """
        unknown = [name for name in frame.columns if name not in self.column_names]
        missing = [c.name for c in self.columns if c.required and c.name not in frame]
        if unknown or missing:
            raise TableError(
                f"table {self.name}: unknown columns {unknown}, missing columns {missing}; "
                f"expected {self.column_names}"
            )
        coerced = self.coerce(frame)
        failures = self.failures(coerced)
        if len(failures):
            shown = "\n".join(
                f"  row {row}, column {column}: found {_shown(found)}; expected {expected}"
                for row, column, found, expected in failures[:20]
            )
            more = f"\n  … and {len(failures) - 20} more" if len(failures) > 20 else ""
            raise TableError(
                f"table {self.name} breaks its definition in {len(failures)} places:\n{shown}{more}"
            )
        return coerced

    def failures(self, coerced: pd.DataFrame) -> list[tuple[int, str, object, str]]:
        """List (row position, column, value, expectation) of every broken rule."""
        import pandera.pandas as pa

        try:
            self._pandera().validate(coerced, lazy=True)
        except pa.errors.SchemaErrors as error:
            return _failure_rows(error.failure_cases, self, coerced)
        return []

    def _pandera(self) -> Any:
        import pandera.pandas as pa

        columns = {}
        for column in self.columns:
            # Missing values are the rules' own business: passed over, one could not be required.
            checks = [
                pa.Check(test, element_wise=False, ignore_na=False, error=text)
                for text, test in _rules(column)
            ]
            columns[column.name] = pa.Column(
                dtype=None, checks=checks, nullable=True, required=True
            )
        checks = []
        if self.key:
            key = list(self.key)
            checks.append(
                pa.Check(
                    lambda frame: ~frame.duplicated(subset=key, keep=False) | _empty(frame[key]),
                    error=f"a row of its own for every {' × '.join(key)}",
                )
            )
        return pa.DataFrameSchema(columns, checks=checks, strict=True)


def _rules(column: Column) -> list[tuple[str, Callable[[pd.Series], pd.Series]]]:
    """Rules of a column: (what is expected, test that is true where it holds)."""
    rules: list[tuple[str, Callable[[pd.Series], pd.Series]]] = []
    if column.required and column.kind == "text":
        rules.append(("a value", lambda s: s.notna() & (s != "")))
    elif column.required:
        rules.append(("a value", lambda s: s.notna()))
    if column.choices:
        choices = list(column.choices)
        rules.append(
            (f"one of {', '.join(choices)}", lambda s: s.isna() | (s == "") | s.isin(choices))
        )
    low, high = column.minimum, column.maximum
    if low is not None and column.exclusive_minimum:
        rules.append((f"a number above {low:g}", lambda s: (s.isna() | (s > low)).astype(bool)))
    elif low is not None:
        rules.append((f"a number from {low:g}", lambda s: (s.isna() | (s >= low)).astype(bool)))
    if high is not None:
        rules.append((f"a number up to {high:g}", lambda s: (s.isna() | (s <= high)).astype(bool)))
    return rules


def _failure_rows(
    cases: pd.DataFrame, table: Table, frame: pd.DataFrame
) -> list[tuple[int, str, object, str]]:
    rows: dict[tuple[int, str, str], object] = {}
    for case in cases.to_dict("records"):
        index = case["index"]
        position = -1 if index is None or pd.isna(index) else int(index)
        if case["schema_context"] == "Column":
            column = str(case["column"])
            found = frame[column].iloc[position] if position >= 0 else case["failure_case"]
        else:
            column = ", ".join(table.key)
            found = (
                " × ".join(str(frame[name].iloc[position]) for name in table.key)
                if position >= 0
                else case["failure_case"]
            )
        rows[position, column, str(case["check"])] = found
    return sorted(
        ((position, column, found, check) for (position, column, check), found in rows.items()),
        key=lambda row: (row[0], row[1], row[3]),
    )


def _empty(keys: pd.DataFrame) -> pd.Series:
    """Rows whose key is left to the program, which makes it."""
    return (keys.isna() | (keys == "").fillna(False)).all(axis=1).astype(bool)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value)
    missing = value is None or (pd.api.types.is_scalar(value) and pd.isna(value))
    return "nothing" if missing else str(value)


def _as_kind(series: pd.Series, kind: Kind) -> pd.Series:
    if kind == "text":
        if series.dtype == "str" and not series.hasnans:
            return series
        return series.astype("str").where(series.notna(), "")
    if kind == "number" and series.dtype == "float64":
        return series
    if kind == "number":
        return pd.to_numeric(series).astype("float64")
    if kind == "integer":
        return pd.to_numeric(series).astype("Int64")
    if kind == "flag":
        if series.dtype == "boolean":
            return series
        return series.map(_as_flag).astype("boolean")
    return series.astype("object")


def _as_flag(value: object) -> object:
    if isinstance(value, str):
        return {"true": True, "false": False, "yes": True, "no": False, "": None}[value.lower()]
    return None if value is None or pd.isna(value) else bool(value)
