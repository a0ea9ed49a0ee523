"""Delimited text whose layout the study declares in ``ingest.delimited``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.layout import Columns, Layout, locate, traces
from dialysis.ingest.numbers import NumberFormat, number_format, read_numbers
from dialysis.ingest.options import AUTO, ReadOptions
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.sampling import Sampling, printed_step, sampling
from dialysis.ingest.text import LF, any_text, check_last_line_ended, decoded, last_lines
from dialysis.ingest.time_unit import TIME_UNITS, time_unit

_QUOTE = b'"'


class DelimitedReader(Reader):
    """Delimited text with a declared layout."""

    key = "delimited"
    name = "delimited text, declared"
    extensions = (".csv", ".tsv", ".txt")
    yields = "one or more channels of one injection, as `ingest.delimited` declares"
    verified = "two real files (Empower, Agilent CSV) with their layouts declared"
    counts_points = False

    def __init__(self, options: ReadOptions | None = None, layout: Layout | None = None) -> None:
        super().__init__(options)
        self.layout = layout or Layout()

    def configured(self, config: Mapping[str, Any]) -> Self:
        """Make the same reader with the layout that the study declares."""
        return type(self)(ReadOptions.of(config), Layout.of(config))

    def sniff(self, head: bytes, path: Path) -> bool:
        """Never: only ``ingest.format: delimited`` chooses it, because nothing marks it."""
        return False

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the declared columns.

        Raises
        ------
        BadExport
            When the file is not as declared, or fits two readings.
        """
        layout = self.layout
        text = any_text(content, "" if layout.encoding == AUTO else layout.encoding)
        header, block, first_line = _parts(text, layout)
        separator = layout.separator
        if _QUOTE in block:
            block, separator = _unquoted(block, separator, first_line), "\t"
        first = decoded(block[: block.find(LF)])
        n_columns = len(_split(first, separator))
        columns = locate(layout, header, n_columns)
        form = self._number_format(block, separator, n_columns, columns, first_line)
        names = [_what(column, columns) for column in range(n_columns)]
        values = read_numbers(
            block,
            form,
            names=names,
            separator=separator,
            columns=columns.wanted,
            first_line=first_line,
        )
        axis = self._axis(values, form, block, separator, columns, first_line)
        return traces(values, axis, columns, lambda point: f"line {first_line + point}")

    def _number_format(
        self, block: bytes, separator: str, n_columns: int, columns: Columns, first_line: int
    ) -> NumberFormat:
        """Marks of the numbers in the declared columns."""
        marks = self.options.marks
        shown = repr(block[: block.find(LF)].decode("latin-1"))
        if separator == "," and marks.decimal == ",":
            raise BadExport(
                f"line {first_line}",
                f"{shown}, declared with a comma as decimal mark and as delimiter",
                "one of the two, or numbers in quotes",
                "Mend ingest.decimal or ingest.delimited.delimiter in study.yaml.",
            )
        if len(columns.wanted) == n_columns:
            return number_format(block, marks, separator=separator, first_line=first_line)
        rows = (_split(line, separator) for line in block.decode("latin-1").split("\n"))
        cells = "\n".join("\t".join(row[c] for c in columns.wanted if c < len(row)) for row in rows)
        if separator == "," and marks.decimal == AUTO and "." not in cells:
            raise BadExport(
                f"line {first_line}",
                f"{shown}, which is {n_columns} whole numbers or fewer with decimal commas",
                "a decimal mark that is not the delimiter",
                "Set ingest.decimal to '.' in study.yaml when the commas stand between numbers, "
                "or export with another delimiter.",
            )
        return number_format(cells.encode("latin-1"), marks, first_line=first_line)

    def _axis(
        self,
        values: FloatArray,
        form: NumberFormat,
        block: bytes,
        separator: str,
        columns: Columns,
        first_line: int,
    ) -> Sampling:
        if columns.time is None:
            return Sampling(0.0, float(self.layout.interval_s or 0))
        at = columns.time
        times = values[:, columns.wanted.index(at)]
        check_signal(times, lambda point: f"line {first_line + point}", "the times")
        check_times(times, lambda point: f"line {first_line + point}", "")
        unit = time_unit(times, self.options.time_unit)
        rows = [_split(line, separator) for line in last_lines(block) if line.strip()]
        step = printed_step((row[at] for row in rows if at < len(row)), form)
        return sampling(times, step, TIME_UNITS[unit])


def _parts(text: bytes, layout: Layout) -> tuple[list[str], bytes, int]:
    """Cells of the last header row, the lines of points, and the line of the first."""
    *above, block = text.split(LF, layout.header_rows) if layout.header_rows else [text]
    if len(above) < layout.header_rows:
        raise BadExport(
            f"line {len(above) + 1}",
            "the end of the file",
            f"points below {layout.header_rows} header rows",
        )
    header: list[str] = []
    if above:
        header = [cell.strip().strip('"') for cell in _split(decoded(above[-1]), layout.separator)]
    first_line = layout.header_rows + 1
    check_last_line_ended(block, first_line, "the last point")
    if not (block[:1000].strip() or block.strip()):
        raise BadExport(f"line {first_line}", "no points", "points below the header rows")
    return header, block if block[-2:] != LF + LF else block.rstrip(LF) + LF, first_line


def _split(line: str, separator: str) -> list[str]:
    return line.split() if separator == " " else line.split(separator)


def _unquoted(block: bytes, separator: str, first_line: int) -> bytes:
    """The same lines without quotes, TABs between the cells."""
    rows = []
    for number, line in enumerate(decoded(block).removesuffix("\n").split("\n")):
        try:
            [cells] = csv.reader([line], delimiter=separator, strict=True)
        except (csv.Error, ValueError) as error:
            raise BadExport(
                f"line {first_line + number}", f"{line[:80]!r}", "cells in pairs of quotes"
            ) from error
        rows.append("\t".join(cell.replace("\t", " ") for cell in cells))
    return ("\n".join(rows) + "\n").encode("utf-8")


def _what(column: int, columns: Columns) -> str:
    if column == columns.time:
        return "a time"
    return "a signal" if column in columns.signals else "another value"
