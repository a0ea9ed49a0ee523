"""Excel workbooks (``.xlsx``) with points in columns that the study declares.

A workbook is a zip archive of XML (ECMA-376).  Only values are read: ``xl/workbook.xml`` names the
sheets, ``xl/sharedStrings.xml`` holds texts, and a sheet's cells have a number, the place of a
text, or a text of their own.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Self
from xml.etree import ElementTree

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.layout import Columns, Layout, locate, traces
from dialysis.ingest.numbers import NumberFormat, number_format
from dialysis.ingest.options import ReadOptions
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.sampling import Sampling, printed_step, sampling
from dialysis.ingest.time_unit import TIME_UNITS, time_unit

_ZIP = b"PK\x03\x04"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
# A sheet of 18,000 points and ten channels is 8 MB of XML.
_MAX_BYTES = 20_000_000
_MAX_COLUMNS = 16_384
_MAX_EMPTY_ROWS = 10_000
_SAVE_AGAIN = "Save the workbook again as .xlsx, or as CSV."


class ExcelReader(Reader):
    """Excel sheets with a declared layout."""

    key = "excel"
    name = "Excel workbook, declared"
    extensions = (".xlsx",)
    yields = "one or more channels of one injection, as `ingest.delimited` declares"
    verified = "no real file: hand-made workbooks"

    def __init__(self, options: ReadOptions | None = None, layout: Layout | None = None) -> None:
        super().__init__(options)
        self.layout = layout or Layout()

    def configured(self, config: Mapping[str, Any]) -> Self:
        """Make the same reader with the layout that the study declares."""
        return type(self)(ReadOptions.of(config), Layout.of(config))

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file is a zip archive with the parts of a workbook."""
        return head.startswith(_ZIP) and (b"[Content_Types].xml" in head or b"xl/" in head)

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the declared columns of the declared sheet.

        Raises
        ------
        BadExport
            When the workbook is damaged, or the sheet is not as declared.
        """
        rows = _rows(content, self.layout.sheet)
        above, points = rows[: self.layout.header_rows], rows[self.layout.header_rows :]
        while points and not any(cell != "" for cell in points[-1]):
            points.pop()
        header = [str(cell).strip() for cell in above[-1]] if above else []
        if not points:
            raise BadExport(
                f"row {len(above) + 1}",
                "no points",
                f"points below {self.layout.header_rows} header rows",
            )
        columns = locate(self.layout, header, len(points[0]))
        first_row = self.layout.header_rows + 1

        def place(point: int) -> str:
            return f"row {first_row + point}"

        values = self._values(points, columns, first_row)
        axis = Sampling(0.0, float(self.layout.interval_s or 0))
        if columns.time is not None:
            times = values[:, columns.wanted.index(columns.time)]
            check_signal(times, place, "the times")
            check_times(times, place, "")
            unit = time_unit(times, self.options.time_unit)
            step = printed_step([repr(float(time)) for time in times[-16:]], NumberFormat())
            axis = sampling(times, step, TIME_UNITS[unit])
        return traces(values, axis, columns, place)

    def _values(
        self, points: Sequence[Sequence[str | float]], columns: Columns, first_row: int
    ) -> FloatArray:
        """Numbers of the declared columns; texts that are numbers count, too."""
        texts = [row[c] for row in points for c in columns.wanted if c < len(row) and row[c] != ""]
        form = number_format([t for t in texts if isinstance(t, str)], self.options.marks)
        values = [
            [_number(row, column, form, first_row + at) for column in columns.wanted]
            for at, row in enumerate(points)
        ]
        return np.array(values, dtype=np.float64)


def _number(row: Sequence[str | float], column: int, form: NumberFormat, number: int) -> float:
    cell = row[column] if column < len(row) else ""
    value = cell if isinstance(cell, float) else form.number(cell)
    if value is None:
        shown = repr(cell) if cell != "" else "nothing"
        raise BadExport(
            f"row {number}, column {column + 1}",
            shown,
            "a number",
            "Mend ingest.delimited of study.yaml or the sheet.",
        )
    return value


def _rows(content: bytes, sheet: str) -> list[list[str | float]]:
    """Cells of a sheet, row by row; rows and cells that are not there are empty."""
    if not content.startswith(_ZIP):
        raise BadExport(
            "byte 0",
            f"the bytes {content[:4].hex(' ')}",
            "an .xlsx workbook, which starts with 50 4b 03 04",
            _SAVE_AGAIN,
        )
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise BadExport(
            "the archive", f"a damaged zip archive ({error})", "a workbook", _SAVE_AGAIN
        ) from error
    with archive:
        texts = _shared_texts(archive)
        return _cells(archive, _sheet_part(archive, sheet), texts)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One XML part of a workbook."""
    try:
        info = archive.getinfo(name)
        if info.file_size > _MAX_BYTES:
            raise BadExport(
                name, f"{info.file_size} bytes", f"at most {_MAX_BYTES}", "Export as text instead."
            )
        with archive.open(info) as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except KeyError:
        raise BadExport("the archive", f"no {name} in the workbook", "it", _SAVE_AGAIN) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        OSError,
        EOFError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise BadExport(
            name, f"a damaged part of the workbook ({error})", "a whole one", _SAVE_AGAIN
        ) from error
    # Entities, which can grow without bounds, need a declaration.
    if b"<!" in raw or b"\x00" in raw:
        raise BadExport(name, "XML with declarations or zeros", "plain XML", _SAVE_AGAIN)
    return raw


def _elements(
    archive: zipfile.ZipFile,
    name: str,
    tags: Sequence[str],
    events: Sequence[Literal["start", "end"]] = ("end",),
) -> Iterator[tuple[str, str, ElementTree.Element]]:
    """Events, tags without namespace and elements of the given tags, one by one."""
    try:
        for event, element in ElementTree.iterparse(BytesIO(_part(archive, name)), events):
            tag = element.tag.rpartition("}")[2]
            if tag in tags:
                yield event, tag, element
                if event == "end":
                    element.clear()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadExport(name, f"damaged XML ({error})", "XML", _SAVE_AGAIN) from error


def _texts_in(element: ElementTree.Element, tag: str) -> str:
    return "".join(e.text or "" for e in element.iter() if e.tag.rpartition("}")[2] == tag)


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    return [_texts_in(item, "t") for _, _, item in _elements(archive, name, ("si",))]


def _sheet_part(archive: zipfile.ZipFile, wanted: str) -> str:
    """Name of the part that holds a sheet; the first one when none is wanted."""
    sheets = {
        element.get("name", ""): element.get(_RELATION, "")
        for _, _, element in _elements(archive, "xl/workbook.xml", ("sheet",))
    }
    if not sheets or (wanted and wanted not in sheets):
        shown = ", ".join(f"'{name}'" for name in sheets) or "none"
        raise BadExport(
            "xl/workbook.xml",
            f"the sheets {shown}",
            f"the sheet '{wanted}'" if wanted else "at least one sheet",
            "Mend ingest.delimited.sheet in study.yaml.",
        )
    relation = sheets[wanted] if wanted else next(iter(sheets.values()))
    name = "xl/_rels/workbook.xml.rels"
    for _, _, element in _elements(archive, name, ("Relationship",)):
        if element.get("Id") == relation:
            target = element.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise BadExport(name, f"no '{relation}'", "the sheet's part", _SAVE_AGAIN)


def _cells(archive: zipfile.ZipFile, part: str, texts: Sequence[str]) -> list[list[str | float]]:
    """Cells of a sheet, row by row; what is not there is empty."""
    rows: list[list[str | float]] = []
    cells: list[str | float] = []
    for event, tag, element in _elements(archive, part, ("row", "c"), ("start", "end")):
        if tag == "row" and event == "start":
            _skip_to(rows, element.get("r", str(len(rows) + 1)))
            cells = []
        elif tag == "row":
            rows.append(cells)
        elif event == "end":
            at = _column(element.get("r", ""), len(cells), len(rows) + 1)
            cells += [""] * (at - len(cells))
            cells.append(_value(element, texts, f"row {len(rows) + 1}, column {at + 1}"))
    return rows


def _skip_to(rows: list[list[str | float]], number: str) -> None:
    """Add the empty rows above a row."""
    if not (number.isascii() and number.isdecimal() and len(number) < 8):
        raise BadExport(f"row {len(rows) + 1}", f"row '{number}'", "a number", _SAVE_AGAIN)
    missing = int(number) - len(rows) - 1
    if not 0 <= missing <= _MAX_EMPTY_ROWS:
        raise BadExport(f"row {len(rows) + 1}", f"row {number}", "rows in order", _SAVE_AGAIN)
    rows += [[] for _ in range(missing)]


def _column(reference: str, following: int, row: int) -> int:
    """Column, counted from 0, of a reference like ``C12``."""
    if following >= _MAX_COLUMNS:
        raise BadExport(f"row {row}", f"{following} cells", "fewer", _SAVE_AGAIN)
    if not reference:
        return following
    match = _CELL.fullmatch(reference)
    column = 0
    for letter in match[1] if match else "":
        column = column * 26 + ord(letter) - ord("A") + 1
    if match is None or int(match[2]) != row or not following < column <= _MAX_COLUMNS:
        raise BadExport(f"row {row}", f"the cell '{reference}'", "cells in order", _SAVE_AGAIN)
    return column - 1


def _value(cell: ElementTree.Element, texts: Sequence[str], where: str) -> str | float:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _texts_in(cell, "t")
    text = _texts_in(cell, "v").strip()
    if kind == "s":
        if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) >= len(texts):
            raise BadExport(where, f"the text number '{text}'", f"one of {len(texts)}", _SAVE_AGAIN)
        return texts[int(text)]
    if kind != "n" or not text:
        return text
    value = NumberFormat().number(text)
    if value is None or not math.isfinite(value):
        raise BadExport(where, repr(text), "a number", _SAVE_AGAIN)
    return value
