"""Results tables of other software: areas or concentrations, one row per sample or per value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dialysis.errors import Problem
from dialysis.init.survey import natural_key
from dialysis.study.cells import (
    NOT_DETECTED,
    DecimalMarks,
    plain_number,
    read_choice,
    read_number,
)
from dialysis.study.sheets import Sheet, read_csv_sheet, read_workbook
from dialysis.study.start import AREAS, CONCENTRATIONS
from dialysis.tables.inputs import CONCENTRATION_UNITS, INPUT_TABLES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COLUMNS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "animal": _words("animal animal_id rat mouse ratte maus tier subject"),
        "probe": _words("probe_id region site side hirnregion"),
        "fraction": _words("fraction fraktion frac fr fraction_no fraktion_nr"),
        "sample": _words(
            "sample sample_name name sample_id label probe probenname injection vial_name"
        ),
        "analyte": _words("analyte compound analyt component substance peak_name"),
        "unit": _words("unit einheit units"),
    }
)
_VALUES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        AREAS: _words("area peak_area fläche flaeche peakfläche"),
        CONCENTRATIONS: _words("concentration conc konzentration amount gehalt"),
    }
)
# Columns that say nothing that is needed.
_PASSED_OVER = _words(
    "vial order no nr date time datum zeit type run batch dilution comment comments kommentar "
    "bemerkung bemerkungen remark remarks note notes notiz anmerkung"
)
# Tables of a study that lie in the wrong folder are no results.
_OWN_TABLES = frozenset(
    f"{table.name}.csv" for table in INPUT_TABLES if table.name not in (AREAS, CONCENTRATIONS)
)
# So many rows of a title may stand above the header.
TITLE_ROWS = 5
_NUMBER = re.compile(r"[<\s]*[-−+]?\d+[.,]\d+$")
_UNIT = re.compile(r"(.+?)\s*[\[(]\s*([^\])]+?)\s*[\])]")
_AREA_WORDS = re.compile(r"area|fläche|flaeche|[*·.× ]\s?(?:min|s|sec)$|counts", re.IGNORECASE)


@dataclass(frozen=True)
class ResultRow:
    """Values of one sample.

    Parameters
    ----------
    sample, animal, probe : str
        What the table says of it; empty where it has no such column.
    fraction : int or None
        Likewise.
    values : mapping of str to str
        By analyte: a plain number, ``<number``, ``<LOD`` or nothing.
    """

    sample: str
    animal: str
    probe: str
    fraction: int | None
    values: Mapping[str, str]


@dataclass(frozen=True)
class ResultTable:
    """A results table.

    Parameters
    ----------
    file : str
        Its file, with the sheet where it is a workbook.
    start : str
        ``areas`` or ``concentrations``; empty when the table does not say it.
    unit : str
        Unit of concentrations; empty when the table does not say it.
    analytes : tuple of str
        In the order of the table.
    rows : tuple of ResultRow
        In the order of the table.
    """

    file: str
    start: str
    unit: str
    analytes: tuple[str, ...]
    rows: tuple[ResultRow, ...]


def find_results(folder: Path, files: Sequence[str]) -> tuple[list[ResultTable], list[Problem]]:
    """Read those of some files that are results tables.

    Parameters
    ----------
    folder : Path
        Folder of the files.
    files : sequence of str
        Names relative to it.

    Returns
    -------
    tables : list of ResultTable
        The longest first.
    problems : list of Problem
        Cells that can't be read.
    """
    tables: list[ResultTable] = []
    problems: list[Problem] = []
    for name in sorted(files, key=natural_key):
        if Path(name).name in _OWN_TABLES:
            continue
        for sheet in _sheets(folder / name, name):
            table, wrong = _read(sheet)
            problems += wrong
            if table is not None:
                tables.append(table)
    return sorted(tables, key=lambda table: -len(table.rows)), problems


def _sheets(path: Path, shown: str) -> Iterator[Sheet]:
    if path.suffix.lower() in (".csv", ".txt", ".tsv"):
        yield read_csv_sheet(path, shown)
    elif path.suffix.lower() == ".xlsx":
        yield from read_workbook(path, shown)[0].values()


def _key(text: str) -> str:
    return re.sub(r"[\s-]+", "_", text.casefold()).strip("_.")


def _role(header: str) -> str:
    return next((role for role, words in _COLUMNS.items() if _key(header) in words), "")


def _read(sheet: Sheet) -> tuple[ResultTable | None, list[Problem]]:
    """Read a sheet, wide or long; ``None`` when it is no results table."""
    filled = [(line, cells) for line, cells in sheet.rows if any(cells)]
    top = next((at for at in range(TITLE_ROWS + 1) if _is_header(filled[at : at + 1])), None)
    if sheet.problems or top is None or len(filled) < top + 2:
        return None, []
    filled = filled[top:]
    header = filled[0][1]
    roles = {at: _role(cell) for at, cell in enumerate(header) if _role(cell)}
    named = set(roles.values())
    texts = [cell for _, cells in filled[1:] for cell in cells]
    marks = DecimalMarks.of(texts, sheet.delimiter)
    values = {
        at: start
        for at, cell in enumerate(header)
        for start, words in _VALUES.items()
        if _key(_UNIT.sub(r"\1", cell)) in words
    }
    if "analyte" in named and values:
        return _long(sheet, filled, roles, min(values), values[min(values)], marks)
    return _wide(sheet, filled, roles, marks)


def _is_header(rows: Sequence[tuple[int, tuple[str, ...]]]) -> bool:
    """Whether a row names the columns of a results table."""
    named = {_role(cell) for _, cells in rows for cell in cells}
    return "sample" in named or {"animal", "fraction"} <= named


def _subject(
    cells: Sequence[str], roles: Mapping[int, str], marks: DecimalMarks
) -> tuple[str, str, str, int | None]:
    parts = {role: cells[at] if at < len(cells) else "" for at, role in roles.items()}
    number = read_number(parts.get("fraction", ""), marks).value
    fraction = None if math.isnan(number) or number % 1 else int(number)
    return parts.get("sample", ""), parts.get("animal", ""), parts.get("probe", ""), fraction


def _wide(
    sheet: Sheet,
    filled: Sequence[tuple[int, tuple[str, ...]]],
    roles: Mapping[int, str],
    marks: DecimalMarks,
) -> tuple[ResultTable | None, list[Problem]]:
    header = filled[0][1]
    columns: dict[int, tuple[str, str]] = {}
    for at, cell in enumerate(header):
        own = [cells[at] for _, cells in filled[1:] if at < len(cells) and cells[at]]
        # A number that can be read in two ways is a value, and asked about.
        numbers = [text for text in own if not _value(text, marks)[1] or _NUMBER.match(text)]
        if at in roles or not cell or _key(cell) in _PASSED_OVER:
            continue
        if not own or len(numbers) < len(own) / 2:
            continue
        match = _UNIT.fullmatch(cell)
        columns[at] = (match[1], match[2]) if match else (cell, "")
    if not columns:
        return None, []
    units = {unit for _, unit in columns.values() if unit}
    start, unit = _start_of(units, [name for name, _ in columns.values()], sheet.shown)
    names = {at: _analyte(name) for at, (name, _) in columns.items()}
    rows: list[ResultRow] = []
    problems: list[Problem] = []
    for line, cells in filled[1:]:
        values = {}
        for at, name in names.items():
            text = cells[at] if at < len(cells) else ""
            values[name], expected = _value(text, marks)
            if expected:
                where = f"row {line}, column {header[at]}"
                problems.append(Problem(sheet.shown, where, f"'{text}'", expected))
        rows.append(ResultRow(*_subject(cells, roles, marks), values))
    return ResultTable(sheet.shown, start, unit, tuple(names.values()), tuple(rows)), problems


def _long(
    sheet: Sheet,
    filled: Sequence[tuple[int, tuple[str, ...]]],
    roles: Mapping[int, str],
    value_at: int,
    start: str,
    marks: DecimalMarks,
) -> tuple[ResultTable | None, list[Problem]]:
    match = _UNIT.fullmatch(filled[0][1][value_at])
    at = {role: place for place, role in roles.items()}
    units = {match[2]} if match else set()
    by_subject: dict[tuple[str, str, str, int | None], dict[str, str]] = {}
    analytes: dict[str, None] = {}
    problems: list[Problem] = []
    for line, cells in filled[1:]:
        padded = [*cells, *[""] * (len(filled[0][1]) - len(cells))]
        analyte = padded[at["analyte"]]
        value, expected = _value(padded[value_at], marks)
        if expected:
            where = f"row {line}, column {filled[0][1][value_at]}"
            problems.append(Problem(sheet.shown, where, f"'{padded[value_at]}'", expected))
        if "unit" in at and padded[at["unit"]]:
            units.add(padded[at["unit"]])
        analytes[analyte] = None
        by_subject.setdefault(_subject(padded, roles, marks), {})[analyte] = value
    unit = _start_of(units, [], sheet.shown)[1] if start == CONCENTRATIONS else ""
    rows = tuple(ResultRow(*subject, values) for subject, values in by_subject.items())
    return ResultTable(sheet.shown, start, unit, tuple(analytes), rows), problems


def _start_of(units: set[str], names: Sequence[str], file: str) -> tuple[str, str]:
    """What the values are, and the unit of concentrations."""
    known = {read_choice(unit, CONCENTRATION_UNITS) for unit in units}
    if known and known <= set(CONCENTRATION_UNITS):
        return CONCENTRATIONS, known.pop() if len(known) == 1 else ""
    if any(_AREA_WORDS.search(text) for text in (*units, *names, file)):
        return AREAS, ""
    if re.search(r"conc|konz", file, re.IGNORECASE):
        return CONCENTRATIONS, ""
    return "", ""


def _analyte(header: str) -> str:
    """Name of an analyte in a header like ``DA area`` or ``Area DA``."""
    bare = re.sub(r"[\s_.-]*\b(?:area|fläche|conc\.?|konz\.?)\b[\s_.-]*", "", header, flags=re.I)
    return bare.strip(" _") or header


def _value(text: str, marks: DecimalMarks) -> tuple[str, str]:
    """A value as tables have it, and what was expected where it can't be read."""
    if text.casefold() in NOT_DETECTED:
        return "<LOD", ""
    below = text.startswith("<")
    # A workbook's number is left as it is: it knows that it is one.
    number = read_number(text.lstrip("< ") if below else text, marks)
    if number.expected or number.unit:
        return "", number.expected or "a number"
    if math.isnan(number.value):
        return "", ""
    return f"{'<' if below else ''}{plain_number(number.value)}", ""
