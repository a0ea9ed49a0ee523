"""Agilent ChemStation and OpenLab signals saved as CSV.

UTF-16 with a byte order mark, a time in min and a signal per line, a comma or a TAB between
them, no names.  Diode-array spectra have the wavelengths in the first row and one column for
each.  Nothing else is in the file: no unit, no sample, no injection time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.points import read_points
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import any_text, check_last_line_ended, head_lines, is_utf16
from dialysis.ingest.time_unit import usual_minutes

_NUMBER = r"\s*[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?\s*"
_WAVELENGTH = re.compile(r"[0-9]{3,4}(?:[.][0-9]+)?")
_SEPARATORS = ("\t", ";", ",")


class AgilentCsvReader(Reader):
    """Agilent ChemStation signal CSV."""

    key = "agilent_csv"
    name = "Agilent signal CSV"
    extensions = (".csv",)
    yields = "one channel, or one per wavelength, of one injection; times and signal, nothing else"
    verified = "one real file (fluorescence, 26,401 points)"
    counts_points = False

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file is UTF-16 and its second line is numbers only."""
        if not is_utf16(head):
            return False
        lines = head_lines(head)
        separator = _separator(lines)
        if len(lines) < 3 or not separator:
            return False
        cells = rf"{_NUMBER}(?:{separator}{_NUMBER})+"
        return re.fullmatch(cells, lines[1]) is not None

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read all columns of the file.

        Raises
        ------
        BadExport
            When the file is not UTF-16, or a line is no time and signals.
        """
        if not is_utf16(content):
            raise BadExport(
                "byte 0", f"the bytes {content[:2].hex(' ')}", "UTF-16 text with a byte order mark"
            )
        body = any_text(content)
        lines = body.split(b"\n", 2)
        separator = _separator([line.decode("utf-8") for line in lines[:2]])
        if not separator:
            raise BadExport(
                "line 1",
                f"{lines[0].decode('utf-8')[:80]!r}",
                "a time and a signal with a TAB, a semicolon or a comma between them",
            )
        wavelengths = _wavelengths(lines[0].decode("utf-8"), separator)
        first_line = 2 if wavelengths else 1
        block = body.partition(b"\n")[2] if wavelengths else body
        check_last_line_ended(block, first_line, "the last point")
        names = [f"{value} nm" for value in wavelengths] or [""]
        points = read_points(
            block,
            self.options.marks,
            separator=separator,
            first_line=first_line,
            signals=["a signal"] * len(names),
        )
        axis = replace(points, time_unit=usual_minutes(points.times, self.options.time_unit)).axis
        return [
            Chromatogram(
                signal=points.signals[:, column],
                unit="",
                start_s=axis.start_s,
                interval_s=axis.interval_s,
                time_s=axis.time_s,
                channel=name,
            )
            for column, name in enumerate(names)
        ]


def _separator(lines: Sequence[str]) -> str:
    """What stands between the cells: the first of TAB, semicolon and comma that is there."""
    first = lines[1] if len(lines) > 1 and lines[1] else lines[0]
    return next((mark for mark in _SEPARATORS if mark in first), "")


def _wavelengths(line: str, separator: str) -> list[str]:
    """Wavelengths of the first row of a diode array's file; none when it is a point."""
    first, *others = (cell.strip() for cell in line.split(separator))
    if first or not others or not all(_WAVELENGTH.fullmatch(cell) for cell in others):
        return []
    return others
