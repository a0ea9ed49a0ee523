"""Read one table a lab filled in, naming every cell that is wrong."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.config import did_you_mean
from dialysis.tables import Column, Table

_TRUE_NUMBER = "a number (decimal point, no thousands mark, no unit)"


def read_input_table(path: Path, table: Table, shown: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Read a CSV of `config/<study>/`.

    Empty rows are passed over and spaces around values are dropped.  The frame's index is the
    line number of each row in the file, so that later checks can name it.

    Parameters
    ----------
    path : Path
        The file.
    table : Table
        Its definition.
    shown : str
        How the file is named in messages.

    Returns
    -------
    frame : DataFrame
        All columns of the definition with their dtypes; cells that could not be read are missing.
    problems : list of Problem
        Everything that is wrong with it.
    """
    rows, problems = _read_rows(path, table, shown)
    frame = pd.DataFrame(rows, columns=["__line__", *table.column_names])
    frame = frame.set_index("__line__")
    lines = list(frame.index)
    broken: set[tuple[int, str]] = set()
    for column in table.columns:
        if column.kind not in ("number", "integer"):
            continue
        values = []
        for line, text in zip(lines, frame[column.name], strict=True):
            value, expected = _parse_number(str(text), column)
            if expected:
                broken.add((line, column.name))
                problems.append(
                    Problem(shown, f"row {line}, column {column.name}", f"'{text}'", expected)
                )
            values.append(value)
        frame[column.name] = pd.Series(values, index=frame.index, dtype="object")
    coerced = table.coerce(frame)
    key = ", ".join(table.key)
    first: dict[str, int] = {}
    for position, column_name, found, expected in table.failures(coerced):
        line = lines[position]
        # Of rows with one key the later ones are told, each with the first.
        if column_name == key and expected.startswith("a row of its own"):
            if str(found) not in first:
                first[str(found)] = line
                continue
            where = f"row {line}, column {column_name}"
            again = f"'{_plain(found)}' again (first in row {first[str(found)]})"
            problems.append(Problem(shown, where, again, expected))
            continue
        if (line, column_name) in broken:
            continue
        hint = ""
        if column_name in table.column_names and table[column_name].choices:
            hint = did_you_mean(str(found), table[column_name].choices)
        empty = found is None or found == "" or (not isinstance(found, str) and pd.isna(found))
        problems.append(
            Problem(
                shown,
                f"row {line}, column {column_name}",
                "nothing" if empty else f"'{_plain(found)}'",
                expected,
                hint,
            )
        )
    coerced.index = pd.Index(lines, name="line")
    return coerced, problems


def _read_rows(path: Path, table: Table, shown: str) -> tuple[list[list[object]], list[Problem]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(
            shown,
            f"byte {error.start}",
            "bytes that are not UTF-8",
            "UTF-8 text",
            "Save the table as 'CSV UTF-8'.",
        )
        return [], [problem]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[Problem] = []
    try:
        numbered = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        problem = Problem(
            shown,
            f"line {reader.line_num}",
            f"text that is not CSV ({error})",
            "comma-separated values",
            "Check the quotes of this line.",
        )
        return [], [problem]
    if not numbered or not any(numbered[0][1]):
        return [], [
            Problem(shown, "line 1", "nothing", f"the columns {', '.join(table.column_names)}")
        ]
    header = numbered[0][1]
    if len(header) == 1 and ";" in header[0]:
        problem = Problem(
            shown,
            "line 1",
            "semicolons between the columns",
            "commas",
            "Save the table with commas as the delimiter.",
        )
        return [], [problem]
    for name in header:
        if name not in table.column_names:
            hint = did_you_mean(name, table.column_names)
            problems.append(
                Problem(
                    shown,
                    f"line 1, column {name or '(no name)'}",
                    f"unknown column '{name}'",
                    f"some of {', '.join(table.column_names)}",
                    hint or "Rename it, or remove it from the table.",
                )
            )
        elif header.count(name) > 1:
            problems.append(Problem(shown, f"line 1, column {name}", "the column twice", "it once"))
    for column in table.columns:
        if column.required and column.name not in header:
            problems.append(
                Problem(
                    shown,
                    "line 1",
                    f"no column '{column.name}'",
                    f"a column '{column.name}' ({column.description.rstrip('.')})",
                )
            )
    if problems:
        return [], list(dict.fromkeys(problems))
    rows: list[list[object]] = []
    for line, cells in numbered[1:]:
        if not any(cells):
            continue
        if len(cells) > len(header) and any(cells[len(header) :]):
            problems.append(
                Problem(
                    shown,
                    f"row {line}",
                    f"{len(cells)} values",
                    f"{len(header)}, one for each column",
                    "Put values that hold a comma in double quotes.",
                )
            )
        given = dict(zip(header, cells, strict=False))
        rows.append([line, *(given.get(name, "") for name in table.column_names)])
    return rows, problems


def _parse_number(text: str, column: Column) -> tuple[float | int | None, str]:
    """Return the value, and what was expected when it can't be read."""
    if text == "":
        return None, ""
    try:
        value = float(text)
    except ValueError:
        return None, _TRUE_NUMBER
    if value != value or value in (float("inf"), float("-inf")):
        return None, _TRUE_NUMBER
    if column.kind == "integer":
        if value != int(value):
            return None, "a whole number"
        return int(value), ""
    return value, ""


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
