"""Two columns of numbers, a time and a signal, and nothing else.

Blanks, a TAB, a semicolon or a comma stand between them; a last line ``EOT`` is allowed.  The
file has no unit, neither of time nor of signal: minutes are told from seconds by the length of
the run and the distance of the points where only one of the two makes sense.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.numbers import NumberFormat
from dialysis.ingest.points import read_points
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import any_text, check_last_line_ended, head_lines, is_utf16
from dialysis.ingest.time_unit import time_unit

_CELL = r"[+-]?(?:[0-9](?:[0-9.,]*[0-9])?\.?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_BETWEEN = {";": r"[ \t]*;[ \t]*", "\t": r" *\t *", " ": r"[ \t]+", ",": r"[ \t]*,[ \t]*"}
_LINES = {mark: re.compile(rf"[ \t]*{_CELL}{gap}{_CELL}[ \t]*") for mark, gap in _BETWEEN.items()}
_END = b"EOT"
_ONE_NUMBER = NumberFormat(",", ".")
_DECLARE = (
    "Set ingest.format to delimited and declare the layout in ingest.delimited of study.yaml."
)


class TwoColumnReader(Reader):
    """Two columns of numbers."""

    key = "two_column"
    name = "two-column text"
    extensions = (".txt", ".csv", ".dat", ".tsv")
    yields = "one channel of one injection; times and signal, nothing else"
    verified = "one real file (18,002 points)"
    counts_points = False

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the first lines are two numbers each, with LF behind them."""
        if is_utf16(head) or b"\n" not in head:
            return False
        lines = head_lines(head)[:5]
        whole = lines[:-1] if len(lines) < 5 else lines
        return len(whole) > 1 and bool(_separators(whole))

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the one trace of the file.

        Raises
        ------
        BadExport
            When a line is not two numbers, or the file fits two readings.
        """
        body = any_text(content)
        rest, _, last = body.rstrip(b"\n").rpartition(b"\n")
        block = rest + b"\n" if last.strip() == _END else body.rstrip(b"\n") + b"\n"
        if last.strip() != _END:
            check_last_line_ended(body, 1, "the last point")
        top = block.split(b"\n", 5)[:-1][:5]
        separator = _separator([line.decode("latin-1") for line in top])
        if separator == ",":
            _check_not_one_number(block)
        points = read_points(block, self.options.marks, separator=separator, time_unit="")
        axis = replace(points, time_unit=time_unit(points.times, self.options.time_unit)).axis
        return [
            Chromatogram(
                signal=points.signals[:, 0],
                unit="",
                start_s=axis.start_s,
                interval_s=axis.interval_s,
                time_s=axis.time_s,
            )
        ]


def _separators(lines: Sequence[str]) -> list[str]:
    return [mark for mark, line in _LINES.items() if all(line.fullmatch(shown) for shown in lines)]


def _separator(lines: Sequence[str]) -> str:
    """The only separator that fits the first lines."""
    fitting = _separators(lines)
    if not fitting:
        alone = [number for number, line in enumerate(lines, start=1) if not _separators([line])]
        number = alone[0] if alone else 1
        shown = repr(lines[number - 1][:80]) if lines else "nothing"
        raise BadExport(f"line {number}", shown, "two numbers")
    # A TAB alone is a run of blanks, too: the first one is taken.
    return fitting[0]


def _check_not_one_number(block: bytes) -> None:
    """With commas between them two numbers may be one: ``1,5`` or ``1.234,5``."""
    lines = (line.decode("latin-1").strip() for line in block.removesuffix(b"\n").split(b"\n"))
    if any(_ONE_NUMBER.number(line) is None for line in lines):
        return
    shown = block.partition(b"\n")[0].decode("latin-1").strip()
    first, _, second = shown.partition(",")
    raise BadExport(
        "line 1",
        f"{shown!r}, which is the two numbers {first} and {second} or the one number "
        f"{_ONE_NUMBER.number(shown):.10g}",
        "two numbers that can't be read as one",
        _DECLARE,
    )
