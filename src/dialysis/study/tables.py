"""Read one table a lab filled in: people's habits understood, every cell that is wrong named."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.cells import (
    A_NUMBER,
    DecimalMarks,
    Number,
    is_formula_error,
    looks_like_date,
    plain_number,
    read_choice,
    read_number,
    read_route,
    read_treatment,
    read_vehicle,
    same_unit,
    split_unit,
)
from dialysis.study.config import did_you_mean
from dialysis.study.sheets import DateCell, Sheet, read_csv_sheet
from dialysis.tables import Column, Table
from dialysis.tables.inputs import ANIMALS, AREAS, DOSES, GIVEN_CONCENTRATIONS, STANDARDS


@dataclass(frozen=True)
class Understood:
    """A cell that was read otherwise than it stands.

    Parameters
    ----------
    file, column : str
        Where it is.
    habit : str
        What is unusual about it.
    found, read : str
        The cell, and what it was read as.
    """

    file: str
    column: str
    habit: str
    found: str
    read: str


@dataclass(frozen=True, eq=False)
class ReadTable:
    """A table as it was read.

    Parameters
    ----------
    frame : DataFrame
        All columns of the definition with their dtypes; the index is the row or line number.
        Cells that could not be read are missing.
    problems : tuple of Problem
        Everything that is wrong with it.
    understood : tuple of Understood
        Cells that were read otherwise than they stand.
    """

    frame: pd.DataFrame
    problems: tuple[Problem, ...]
    understood: tuple[Understood, ...] = ()


def notes_of(understood: Iterable[Understood]) -> tuple[str, ...]:
    """Put what was understood into one sentence per table, column and habit."""
    alike: dict[tuple[str, str, str], list[Understood]] = {}
    for item in understood:
        alike.setdefault((item.file, item.column, item.habit), []).append(item)
    notes = []
    for (file, column, habit), items in alike.items():
        pairs = list(dict.fromkeys((item.found, item.read) for item in items))
        shown = ", ".join(f"'{found}' as {read}" for found, read in pairs[:_PAIRS])
        more = f" and {len(pairs) - _PAIRS} more" if len(pairs) > _PAIRS else ""
        cells = f" ({len(items)} cells)" if len(items) > len(pairs) else ""
        notes.append(f"{file}, column {column}: {habit}, read {shown}{more}{cells}")
    return tuple(notes)


_PAIRS = 3

# Columns of units that a number cell may fill, when a unit stands beside its number.
_UNIT_OF: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        (ANIMALS.name, "dose"): "dose_unit",
        (DOSES.name, "dose"): "unit",
        (STANDARDS.name, "amount"): "unit",
        (GIVEN_CONCENTRATIONS.name, "concentration"): "unit",
    }
)
# Units that a column's name already says, as they may stand in a cell.
_OWN_UNITS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "_min": ("min", "min.", "minutes", "minuten", "'"),
        "_g": ("g", "gram", "grams"),
        "_uL": ("µl", "ul", "μl"),
        "mw": ("g/mol", "da"),
        "lod": ("fmol",),
    }
)
# Texts whose spelling may vary from row to row and that mean one thing.
_WORDS = ("drug", "pretreatment", "control", "route", "dose_unit", "strain", "cohort", "region")
# Names that a spreadsheet turns into dates: animal 1-2 becomes 2-Jan.
_NAMES = ("animal_id", "probe_id", "injection_id", "reinjection_of", "analyte", "vial", "id")
_DATE_COLUMNS = ("decided_on", "injected_at")
_DRUGS = ("drug", "pretreatment", "control")


def read_input_table(path: Path, table: Table, shown: str) -> ReadTable:
    """Read a CSV of `config/<study>/`; see `read_sheet`."""
    return read_sheet(read_csv_sheet(path, shown), table)


def read_sheet(sheet: Sheet, table: Table) -> ReadTable:
    """Read the cells of a table as a lab fills them in.

    Parameters
    ----------
    sheet : Sheet
        Its cells.
    table : Table
        Its definition.

    Returns
    -------
    ReadTable

    Notes
    -----
    Empty rows are passed over.  Understood are: other letters in names of columns and choices,
    decimal commas, units beside numbers (``5 mg/kg`` fills dose and unit), a drug with its dose in
    one cell, words for a vehicle (dose 0), for "not detected" and for "no value", and spellings of
    one word that differ in letters or blanks.  What can be read in two ways, dates in the place of
    numbers or names, and failed formulas are problems.
    """
    if sheet.problems:
        return ReadTable(_no_rows(table), sheet.problems)
    header, rows, problems, understood = _named_rows(sheet, table)
    cells = _Cells(sheet.shown, table, rows, problems, understood)
    if header:
        _read_drugs(cells)
        _read_numbers(cells, sheet.delimiter)
        _read_texts(cells)
    return _checked(cells)


@dataclass(frozen=True, eq=False)
class _Cells:
    """Cells of a table by row number and column, while they are being read."""

    shown: str
    table: Table
    rows: dict[int, dict[str, str]]
    problems: list[Problem]
    understood: list[Understood]

    def set(self, line: int, column: str, value: str, habit: str, words: str = "") -> None:
        """Read a cell otherwise than it stands."""
        found = self.rows[line][column]
        self.rows[line][column] = value
        read = words or (f"'{value}'" if value else "empty")
        self.understood.append(Understood(self.shown, column, habit, found, read))

    def wrong(self, line: int, column: str, expected: str, remedy: str = "") -> None:
        """Name a cell that can't be read, and empty it."""
        found = self.rows[line][column]
        self.problems.append(
            Problem(self.shown, f"row {line}, column {column}", f"'{found}'", expected, remedy)
        )
        self.rows[line][column] = ""


def _no_rows(table: Table) -> pd.DataFrame:
    frame = table.empty()
    frame.index = pd.Index([], name="line", dtype="int64")
    return frame


def _named_rows(
    sheet: Sheet, table: Table
) -> tuple[list[str], dict[int, dict[str, str]], list[Problem], list[Understood]]:
    """Rows with their cells by column; without a header that can be read, none."""
    filled = [(line, cells) for line, cells in sheet.rows if any(cells)]
    at_top = sheet.rows[0][0] if sheet.rows else 1
    if not filled or (sheet.delimiter and filled[0][0] != at_top):
        columns = f"the columns {', '.join(table.column_names)}"
        return [], {}, [Problem(sheet.shown, "line 1", "nothing", columns)], []
    first, header = filled[0]
    where = "line 1" if sheet.delimiter else f"row {first}"
    used = max(
        (i + 1 for _, cells in filled for i, cell in enumerate(cells) if cell), default=len(header)
    )
    names, understood = [], []
    for found in [*header, *[""] * (used - len(header))][:used]:
        name = _column_name(found, table)
        if name != found:
            understood.append(
                Understood(sheet.shown, name, "the column's name", found, f"'{name}'")
            )
        names.append(name)
    # a column without a name and without values is what is left of a deleted one
    empty = {
        at
        for at, name in enumerate(names)
        if not name and not any(at < len(cells) and cells[at] for _, cells in filled[1:])
    }
    extra = 0 if sheet.delimiter else len(names)
    problems = _header_problems(
        sheet.shown,
        where,
        [n for at, n in enumerate(names[: len(header)]) if at not in empty],
        table,
    )
    if problems:
        return [], {}, problems, understood
    rows = {}
    for line, cells in filled[1:]:
        beyond = [cell for at, cell in enumerate(cells) if at >= len(header) and cell]
        if beyond:
            problems.append(
                Problem(
                    sheet.shown,
                    f"row {line}",
                    f"{len(cells)} values",
                    f"{len(header)}, one for each column",
                    "Put values that hold a comma in double quotes."
                    if not extra
                    else "Give every column a name in the first row.",
                )
            )
            # Its cells stand under other columns than their own, so that each would be wrong.
            continue
        given = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        rows[line] = {name: given.get(name, "") for name in table.column_names}
    return names, rows, problems, understood


def _column_name(found: str, table: Table) -> str:
    """Return the column that a header means: letters and blanks may be others."""
    if found in table.column_names:
        return found
    key = re.sub(r"[^a-zµ]+", "_", found.replace("μ", "µ").casefold()).strip("_")
    for name in table.column_names:
        if key.replace("µ", "u") == name.casefold():
            return name
    return found


def _header_problems(shown: str, where: str, header: Sequence[str], table: Table) -> list[Problem]:
    problems = []
    for name in header:
        if name not in table.column_names:
            hint = did_you_mean(name, table.column_names)
            problems.append(
                Problem(
                    shown,
                    f"{where}, column {name or '(no name)'}",
                    f"unknown column '{name}'",
                    f"some of {', '.join(table.column_names)}",
                    hint or "Rename it, or remove it from the table.",
                )
            )
        elif list(header).count(name) > 1:
            problems.append(
                Problem(shown, f"{where}, column {name}", "the column twice", "it once")
            )
    for column in table.columns:
        if column.required and column.name not in header:
            problems.append(
                Problem(
                    shown,
                    where,
                    f"no column '{column.name}'",
                    f"a column '{column.name}' ({column.description.rstrip('.')})",
                )
            )
    return list(dict.fromkeys(problems))


def _read_drugs(cells: _Cells) -> None:
    """Part ``mianserin 5 mg/kg s.c.`` into its columns, and give vehicles the dose 0."""
    table = cells.table
    if table not in (ANIMALS, DOSES):
        return
    unit_column = _UNIT_OF[table.name, "dose"]
    for line, row in cells.rows.items():
        parts = read_treatment(row["drug"])
        if parts.dose and not row["dose"]:
            row["dose"] = parts.dose
            row[unit_column] = row[unit_column] or parts.unit
            row["route"] = row["route"] or parts.route
            words = f"'{parts.drug}', dose {parts.dose}, {parts.unit} {parts.route}".rstrip()
            cells.set(line, "drug", parts.drug, "drug and dose in one cell", words)
        for column in _DRUGS:
            usual = read_vehicle(row.get(column, ""))
            if usual and usual != row[column]:
                cells.set(line, column, usual, "a word for vehicle")
        vehicle = read_vehicle(row["drug"])
        if vehicle and (not row["dose"] or read_vehicle(row["dose"])):
            words = f"0, because {row['drug']} is a vehicle"
            cells.set(line, "dose", "0", "no dose of a vehicle", words)


def _read_numbers(cells: _Cells, delimiter: str) -> None:
    """Turn the cells of number columns into plain numbers."""
    columns = [c for c in cells.table.columns if c.kind in ("number", "integer")]
    concentrations = cells.table is GIVEN_CONCENTRATIONS
    if concentrations:
        columns = [*columns, cells.table["concentration"]]
    texts = [row[column.name] for row in cells.rows.values() for column in columns]
    marks = DecimalMarks.of([text for text in texts if text], delimiter)
    for line, row in cells.rows.items():
        for column in columns:
            if column.name == "concentration":
                _read_concentration(cells, line, marks)
            elif row[column.name]:
                _read_number(cells, line, column, marks)


def _read_number(cells: _Cells, line: int, column: Column, marks: DecimalMarks) -> None:
    text = cells.rows[line][column.name]
    number = read_number(text, marks)
    expected = number.expected or _unit_problem(cells, line, column, number)
    nothing = math.isnan(number.value)
    if not expected and column.kind == "integer" and not nothing and number.value % 1:
        expected = "a whole number"
    if number.habit == "a text for 'not detected'" and cells.table is not AREAS:
        expected = "a number"
    if expected:
        cells.wrong(line, column.name, expected)
        return
    value = "" if nothing else plain_number(number.value)
    if number.habit:
        unit = f" {number.unit}" if number.unit else ""
        words = f"{value}{unit}" if value else "empty"
        if cells.table is AREAS and number.habit == "a text for 'not detected'":
            words = "empty: a peak that was not found"
        cells.set(line, column.name, value, number.habit, words)
    else:
        cells.rows[line][column.name] = value


def _unit_problem(cells: _Cells, line: int, column: Column, number: Number) -> str:
    """Put the unit of a number cell where it belongs; return what was expected if it can't be."""
    if not number.unit:
        return ""
    row = cells.rows[line]
    unit_column = _UNIT_OF.get((cells.table.name, column.name), "")
    if unit_column:
        unit, route = split_unit(number.unit)
        if row[unit_column] and same_unit(row[unit_column]) != same_unit(unit):
            return f"a number in '{row[unit_column]}', as column {unit_column} says"
        row[unit_column] = row[unit_column] or unit
        if route and "route" in row:
            if row["route"] and read_route(row["route"]) != route:
                return f"the route '{row['route']}', as column route says"
            row["route"] = route
        return ""
    for ending, units in _OWN_UNITS.items():
        if column.name.endswith(ending):
            if number.unit.casefold() in units:
                return ""
            return f"a number in {ending.strip('_').replace('uL', 'µL')}, without another unit"
    return "a number without a unit"


def _read_concentration(cells: _Cells, line: int, marks: DecimalMarks) -> None:
    """Write a concentration as a plain number, ``<number``, ``<LOD`` or nothing."""
    row = cells.rows[line]
    text = row["concentration"]
    if not text:
        return
    below = text.startswith("<") and text.casefold() not in ("<lod", "< lod")
    number = read_number(text.lstrip("< ") if below else text, marks)
    if number.habit == "a text for 'not detected'":
        if text.casefold() not in ("<lod", "< lod"):
            cells.set(line, "concentration", "<LOD", number.habit, "<LOD")
        return
    expected = number.expected or _unit_problem(cells, line, cells.table["concentration"], number)
    if expected:
        other = ", <LOD or <number" if expected == A_NUMBER else ""
        cells.wrong(line, "concentration", f"{expected}{other}")
        return
    value = "" if math.isnan(number.value) else plain_number(number.value)
    if number.habit:
        words = f"{'<' if below else ''}{value}" if value else "empty"
        cells.set(line, "concentration", words if value else "", number.habit, words)


def _read_texts(cells: _Cells) -> None:
    """Choices in other letters, dates where names stand, and one spelling for every word."""
    for column in cells.table.columns:
        if column.kind != "text" or column.name == "concentration":
            continue
        for line, row in cells.rows.items():
            text = row[column.name]
            if not text:
                continue
            if is_formula_error(text):
                cells.wrong(line, column.name, "a value: a formula of the spreadsheet failed here")
            elif column.choices:
                choice = read_choice(text, column.choices)
                if choice != text:
                    cells.set(line, column.name, choice, "another spelling")
            elif column.name == "route" and read_route(text) != text:
                cells.set(line, column.name, read_route(text), "another spelling")
            elif _is_damaged(text, column.name):
                cells.wrong(
                    line,
                    column.name,
                    "a name: the spreadsheet has made a date of it",
                    "Format the column as text and type the name again.",
                )
        if column.name in _WORDS:
            _unite_spellings(cells, column.name)


def _is_damaged(text: str, column: str) -> bool:
    """Whether a spreadsheet made a date of a name."""
    if column in _DATE_COLUMNS:
        return False
    if isinstance(text, DateCell):
        return True
    return column in _NAMES and looks_like_date(text, figures=False)


def _unite_spellings(cells: _Cells, column: str) -> None:
    """Give words that differ in letters and blanks alone the spelling that most rows have."""
    counts: dict[str, dict[str, int]] = {}
    for row in cells.rows.values():
        if row[column]:
            own = counts.setdefault(same_unit(row[column]), {})
            own[row[column]] = own.get(row[column], 0) + 1
    usual = {key: max(own, key=lambda text: own[text]) for key, own in counts.items()}
    for line, row in cells.rows.items():
        text = row[column]
        if text and usual[same_unit(text)] != text:
            cells.set(line, column, usual[same_unit(text)], "another spelling")


def _checked(cells: _Cells) -> ReadTable:
    """Give the cells their dtypes and check them against the definition."""
    table, shown, problems = cells.table, cells.shown, cells.problems
    lines = list(cells.rows)
    frame = pd.DataFrame(
        [list(row.values()) for row in cells.rows.values()], columns=table.column_names
    )
    for column in table.columns:
        if column.kind in ("number", "integer"):
            values = [None if text == "" else float(text) for text in frame[column.name]]
            frame[column.name] = pd.Series(values, index=frame.index, dtype="object")
    coerced = table.coerce(frame)
    named = {problem.where for problem in problems}
    key = ", ".join(table.key)
    first: dict[str, int] = {}
    for position, column_name, found, expected in table.failures(coerced):
        where = f"row {lines[position]}, column {column_name}"
        if where in named:
            continue
        # Of rows with one key the later ones are told, each with the first.
        if column_name == key and expected.startswith("a row of its own"):
            before = first.setdefault(str(found), lines[position])
            if before != lines[position]:
                again = f"'{_plain(found)}' again (first in row {before})"
                problems.append(Problem(shown, where, again, expected))
            continue
        hint = ""
        if column_name in table.column_names and table[column_name].choices:
            hint = did_you_mean(str(found), table[column_name].choices)
        empty = found is None or found == "" or (not isinstance(found, str) and pd.isna(found))
        problems.append(
            Problem(shown, where, "nothing" if empty else f"'{_plain(found)}'", expected, hint)
        )
    coerced.index = pd.Index(lines, name="line", dtype="int64")
    return ReadTable(coerced, tuple(problems), tuple(cells.understood))


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
