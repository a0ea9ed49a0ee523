"""DataApex Clarity text exports.

``Key : value`` lines, a line of units in brackets, then a time and a signal, with a TAB between
them; one trace per file.  The layout is what published programs that read it expect: no real
file was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.points import Points, read_points
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import LF, any_text, check_last_line_ended, decoded, head_lines

_UNITS = re.compile(r"\[([^\]\t]*)\]\t\[([^\]\t]*)\]")
_RATE = re.compile(r"([0-9.,]+)\s+per sec\.?")
_TIME_UNITS = {"min": "min", "min.": "min", "s": "s", "sec": "s", "sec.": "s"}
_UNDERSTOOD = {"Sample", "Sample Injected", "Rate", "Y Axis Title", "Method"}


class ClarityReader(Reader):
    """DataApex Clarity text."""

    key = "clarity"
    name = "DataApex Clarity text"
    extensions = (".txt",)
    yields = "one channel of one injection; sample, method, injection time"
    verified = "no real file: **unverified**, please send one"
    counts_points = False

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether Clarity's keys stand above a line of units in brackets."""
        lines = head_lines(head)
        if not any(line.startswith("Sample Injected :") for line in lines):
            return False
        at = next((i for i, line in enumerate(lines) if _UNITS.fullmatch(line.strip())), 0)
        return any(line.startswith("Sample Injected :") for line in lines[:at])

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the one chromatogram of the file.

        Raises
        ------
        BadExport
            When units are absent or not of time and signal, or points contradict the rate.
        """
        text = any_text(content)
        entries, units, block, first_line = _header(text)
        time_unit = _TIME_UNITS.get(units[0].casefold())
        if time_unit is None:
            raise BadExport(f"line {first_line - 1}", f"a time in '{units[0]}'", "Min. or Sec.")
        check_last_line_ended(block, first_line, "the last point")
        points = read_points(block, self.options.marks, first_line=first_line, time_unit=time_unit)
        _check_rate(points, entries, first_line)
        stamp = entries.get("Sample Injected", "")
        injected_at, note = iso_time(stamp, date_order([stamp], declared=self.options.date_order))
        title = entries.get("Y Axis Title", "")
        return [
            Chromatogram(
                signal=points.signals[:, 0],
                unit=units[1],
                start_s=points.axis.start_s,
                interval_s=points.axis.interval_s,
                time_s=points.axis.time_s,
                channel=title,
                sample_name=entries.get("Sample", ""),
                method=entries.get("Method", ""),
                injected_at=injected_at,
                injected_at_note=note,
                header=MappingProxyType(
                    {key: value for key, value in entries.items() if key not in _UNDERSTOOD}
                ),
            )
        ]


def _header(text: bytes) -> tuple[dict[str, str], tuple[str, str], bytes, int]:
    """Keys and values, the two units, the lines of points, and the line of the first."""
    entries: dict[str, str] = {}
    rest, line = text, 1
    while rest:
        row, _, rest = rest.partition(LF)
        shown = decoded(row).strip()
        units = _UNITS.fullmatch(shown)
        line += 1
        if units is not None:
            return entries, (units[1].strip(), units[2].strip()), rest, line
        key, mark, value = shown.partition(":")
        if mark and key.strip():
            entries.setdefault(key.strip(), value.strip())
    raise BadExport(
        f"line {line}",
        "the end of the file and no line of units",
        "a line like '[Min.]<TAB>[mV]' above the points",
    )


def _check_rate(points: Points, entries: Mapping[str, str], first_line: int) -> None:
    match = _RATE.fullmatch(entries.get("Rate", ""))
    rate = points.form.number(match[1]) if match else None
    if match is None or not rate or points.axis.time_s is not None:
        return
    # A rate is printed with few digits; a sampling that is a tenth off is another one.
    if abs(points.axis.interval_s * rate - 1) > 0.1:
        raise BadExport(
            f"line {first_line}",
            f"points {points.axis.interval_s:.6g} s apart",
            f"{1 / rate:.6g} s, as the rate of {match[1]} per sec. says",
        )
