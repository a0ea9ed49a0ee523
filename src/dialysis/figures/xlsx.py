"""Workbooks that equal tables make equal bytes of (ECMA-376, Office Open XML, part 1).

Written by hand because libraries put the time into what they write, and because a workbook of
plain tables needs six small parts.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pandas as pd

from dialysis.files import write_bytes

Row = Sequence[Any]
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_NAME = 31
_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font><sz val="10"/><name val="Arial"/></font>'
    '<font><b/><sz val="10"/><name val="Arial"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf xfId="0"/><xf fontId="1" applyFont="1" xfId="0"/></cellXfs>'
    "</styleSheet>"
)


def frame_rows(frame: pd.DataFrame) -> list[Row]:
    """Rows of a frame with its column names first; missing values become empty cells."""
    columns = [frame[name].astype("object").where(frame[name].notna(), None) for name in frame]
    return [list(frame.columns), *zip(*columns, strict=True)]


def write_workbook(
    path: Path | str, sheets: Mapping[str, Sequence[Row]], header_rows: Mapping[str, int]
) -> None:
    """Write tables as the sheets of a workbook, atomically.

    Parameters
    ----------
    path : path
        ``….xlsx``.
    sheets : mapping of str to sequence of rows
        By the name of the sheet, at most 31 characters.  A cell is a text, a number, a flag or
        None.
    header_rows : mapping of str to int
        Rows that are bold and stay in view, by sheet; 1 where not named.
    """
    parts = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(list(sheets)),
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", f"worksheets/sheet{k + 1}.xml") for k in range(len(sheets))]
            + [("styles", "styles.xml")]
        ),
        "xl/styles.xml": _STYLES,
    }
    for place, (name, rows) in enumerate(sheets.items()):
        parts[f"xl/worksheets/sheet{place + 1}.xml"] = _sheet(rows, header_rows.get(name, 1))
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, text in parts.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (_HEAD + text).encode("utf-8"))
    write_bytes(path, buffer.getvalue())


def _content_types(n_sheets: int) -> str:
    overrides = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles")]
    overrides += [(f"/xl/worksheets/sheet{k + 1}.xml", "worksheet") for k in range(n_sheets)]
    listed = "".join(
        f'<Override PartName="{part}" ContentType="{_TYPE}.{kind}+xml"/>'
        for part, kind in overrides
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{listed}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{k + 1}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for k, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _workbook(names: Sequence[str]) -> str:
    listed = "".join(
        f'<sheet name={quoteattr(name[:_SHEET_NAME])} sheetId="{k + 1}" r:id="rId{k + 1}"/>'
        for k, name in enumerate(names)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'


def _sheet(rows: Sequence[Row], header_rows: int) -> str:
    pane = ""
    if header_rows:
        pane = (
            f'<sheetViews><sheetView workbookViewId="0"><pane ySplit="{header_rows}" '
            f'topLeftCell="A{header_rows + 1}" activePane="bottomLeft" state="frozen"/>'
            "</sheetView></sheetViews>"
        )
    body = "".join(
        f'<row r="{place + 1}">{_cells(row, place, bold=place < header_rows)}</row>'
        for place, row in enumerate(rows)
    )
    return f'<worksheet xmlns="{_MAIN}">{pane}<sheetData>{body}</sheetData></worksheet>'


def _cells(row: Row, place: int, bold: bool) -> str:
    style = ' s="1"' if bold else ""
    parts = []
    for column, value in enumerate(row):
        at = f'r="{column_letters(column)}{place + 1}"{style}'
        if value is None or value == "":
            continue
        if isinstance(value, str):
            parts.append(
                f'<c {at} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
            )
        elif isinstance(value, bool):
            parts.append(f'<c {at} t="b"><v>{int(value)}</v></c>')
        elif math.isfinite(value):
            number = f"{value}" if isinstance(value, int) else f"{float(value):.10g}"
            parts.append(f"<c {at}><v>{number}</v></c>")
    return "".join(parts)


def column_letters(column: int) -> str:
    """Name of a column: 0 is A, 25 Z, 26 AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
