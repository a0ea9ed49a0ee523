"""Where the cells of an input table come from: a CSV file, or a sheet of a workbook."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

from dialysis.errors import Problem

WORKBOOK_ENDING = ".xlsx"
OTHER_WORKBOOKS = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
DELIMITERS = (",", ";", "\t")


class TrueNumber(str):
    """A number that a workbook holds as one: it has no decimal mark to be taken for another."""


class DateCell(str):
    """A cell that a workbook holds as a date or time, as ISO 8601."""


@dataclass(frozen=True)
class Sheet:
    """Cells of one table as they stand there.

    Parameters
    ----------
    shown : str
        How messages name it: ``config/x/animals.csv`` or ``config/x/tables.xlsx, sheet animals``.
    rows : tuple of (int, tuple of str)
        Number of the row or line from 1, and its cells without blanks around them.
    delimiter : str
        What stands between the cells of a CSV; empty for a workbook.
    problems : tuple of Problem
        What can't be read at all, or stands in the way of reading it right.
    """

    shown: str
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()
    delimiter: str = ""
    problems: tuple[Problem, ...] = field(default=())


def clean(text: str) -> str:
    """Text without blanks around it; blanks of other widths inside count as blanks."""
    for odd in "\u00a0\u2007\u2009\u202f\t":
        text = text.replace(odd, " ")
    return text.replace("\u200b", "").replace("\ufeff", "").strip()


def read_csv_sheet(path: Path, shown: str) -> Sheet:
    """Read a CSV file in UTF-8 with commas, semicolons or TABs between the cells.

    The delimiter is the one that the first line has most of.
    """
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
        return Sheet(shown, problems=(problem,))
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    try:
        for row in reader:
            rows.append((reader.line_num, tuple(clean(cell) for cell in row)))
    except csv.Error as error:
        problem = Problem(
            shown,
            f"line {reader.line_num}",
            f"text that is not CSV ({error})",
            "comma-separated values",
            "Check the quotes of this line.",
        )
        return Sheet(shown, problems=(problem,))
    return Sheet(shown, tuple(rows), delimiter)


def workbooks_in(folder: Path) -> list[Path]:
    """Workbooks of a folder; the lock files of programs that have one open are none."""
    endings = (WORKBOOK_ENDING, *OTHER_WORKBOOKS)
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in endings and not path.name.startswith(("~$", ".~", "."))
    )


def read_workbook(path: Path, shown: str) -> tuple[dict[str, Sheet], list[Problem]]:
    """Read every sheet of a workbook.

    Parameters
    ----------
    path : Path
        An ``.xlsx`` file.
    shown : str
        Its name in messages.

    Returns
    -------
    sheets : dict of str to Sheet
        By the sheet's name, in the order of the workbook; sheets without any cell are left out.
    problems : list of Problem
        When the workbook itself can't be read.

    Notes
    -----
    A formula counts as the value that was saved with it.  Merged cells and formulas without a saved
    value are problems of their sheet: which rows a merged value is for can't be known.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    if path.suffix.lower() in OTHER_WORKBOOKS:
        problem = Problem(
            shown, "", f"a '{path.suffix}' workbook", "an .xlsx workbook", "Save it as .xlsx."
        )
        return {}, [problem]
    try:
        content = path.read_bytes()
        values = load_workbook(io.BytesIO(content), data_only=True)
        formulas = load_workbook(io.BytesIO(content))
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        problem = Problem(
            shown,
            "",
            f"a file that is no workbook ({error})",
            "an .xlsx workbook",
            "Save it again.",
        )
        return {}, [problem]
    sheets = {}
    for page in values.worksheets:
        name = f"{shown}, sheet {page.title}"
        problems = [
            Problem(
                name,
                f"cells {area}",
                "merged cells",
                "one value in every cell",
                "Unmerge them and fill in every row.",
            )
            for area in sorted(str(area) for area in page.merged_cells.ranges)
        ]
        rows = []
        own = formulas[page.title]
        for number, row in enumerate(page.iter_rows(values_only=True), start=1):
            rows.append((number, tuple(_text(cell) for cell in row)))
            problems += [
                Problem(
                    name,
                    f"cell {cell.coordinate}",
                    f"the formula {cell.value} without its value",
                    "a value",
                    "Open the workbook, save it and close it again.",
                )
                for cell, value in zip(own[number], row, strict=True)
                if value is None and cell.data_type == "f"
            ]
        if any(any(cells) for _, cells in rows):
            sheets[str(page.title)] = Sheet(name, _without_empty_columns(rows), "", tuple(problems))
    return sheets, []


def _text(value: object) -> str:
    """A workbook's value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return TrueNumber(value)
    if isinstance(value, float):
        return TrueNumber(int(value) if value.is_integer() and abs(value) < 1e15 else repr(value))
    if isinstance(value, datetime):
        whole = value.time() == time()
        return DateCell(value.date().isoformat() if whole else value.isoformat())
    if isinstance(value, date | time):
        return DateCell(value.isoformat())
    return clean(str(value))


def _without_empty_columns(
    rows: Sequence[tuple[int, tuple[str, ...]]],
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Rows cut behind the last column that has any value: formats reach further than cells."""
    widest = max(
        (max((i + 1 for i, cell in enumerate(cells) if cell), default=0) for _, cells in rows),
        default=0,
    )
    return tuple((number, cells[:widest]) for number, cells in rows)


def write_workbook(path: Path, tables: Iterable[tuple[str, Sequence[Sequence[object]]]]) -> None:
    """Write a workbook with a sheet for each table, its first row bold and fixed.

    Parameters
    ----------
    path : Path
        Where to write it.
    tables : iterable of (name, rows)
        Rows of cells, the header first; texts are written as texts, so that a spreadsheet program
        makes no dates of them.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    for sheet in book.worksheets:
        book.remove(sheet)
    for name, rows in tables:
        page = book.create_sheet(name)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                if value in (None, ""):
                    continue
                cell = page.cell(number, column, value)
                if isinstance(value, str):
                    cell.number_format = "@"
                    cell.data_type = "s"
                if number == 1:
                    cell.font = Font(bold=True)
        page.freeze_panes = "A2"
    # A workbook holds its time of writing; equal tables give equal bytes without it.
    moment = datetime(2000, 1, 1)
    book.properties.created = moment
    book.properties.modified = moment
    book.save(path)
