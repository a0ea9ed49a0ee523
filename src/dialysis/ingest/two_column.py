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
from dialysis.ingest.points import read_points
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import check_last_line_ended, head_lines, is_utf16, read_text
from dialysis.ingest.time_unit import time_unit

_CELL = r"[+-]?(?:[0-9][0-9.,]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
_BETWEEN = {";": r"[ \t]*;[ \t]*", "\t": r" *\t *", " ": r"[ \t]+", ",": r"[ \t]*,[ \t]*"}
_LINES = {mark: re.compile(rf"[ \t]*{_CELL}{gap}{_CELL}[ \t]*") for mark, gap in _BETWEEN.items()}
_END = b"EOT"
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
        body = read_text(content).body
        rest, _, last = body.rstrip(b"\n").rpartition(b"\n")
        block = rest + b"\n" if last.strip() == _END else body.rstrip(b"\n") + b"\n"
        if last.strip() != _END:
            check_last_line_ended(body, 1, "the last point")
        top = block.split(b"\n", 5)[:-1][:5]
        separator = _separator([line.decode("latin-1") for line in top])
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
        raise BadExport("line 1", f"{lines[0][:80]!r}" if lines else "nothing", "two numbers")
    # A TAB alone is a run of blanks, too.
    mark = fitting[0]
    if mark == ",":
        whole = [line for line in lines if re.fullmatch(r"[ \t]*[+-]?[0-9]+,[0-9]+[ \t]*", line)]
        if len(whole) == len(lines):
            first, _, second = lines[0].strip().partition(",")
            raise BadExport(
                "line 1",
                f"{lines[0].strip()!r}, which is the two numbers {first} and {second} or the one "
                f"number {first}.{second}",
                "two numbers that can't be read as one",
                _DECLARE,
            )
    return mark
