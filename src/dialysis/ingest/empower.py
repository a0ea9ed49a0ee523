"""Waters Empower raw data exports (``.arw``).

Two rows of quoted names and values with TABs between them, as the export method chose them, or
none; then minutes, TAB, signal.  Lines end with CR alone.  Nothing says how many points there
are, and the default rows have neither a unit nor an injection time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.points import read_points
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import any_text, check_last_line_ended, decoded, head_lines
from dialysis.ingest.time_unit import usual_minutes

_POINT = re.compile(r"[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?\t[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?")
_ZONE = re.compile(r"\s+([A-Z]{2,5})$")
# Names of Empower's fields, without blanks and in small letters.
_FIELDS = {
    "samplename": "sample_name",
    "channel": "channel",
    "channelname": "channel",
    "channeldescription": "detector",
    "vial": "vial",
    "instrumentmethodname": "method",
    "dateacquired": "acquired",
    "detectorunits": "unit",
    "units": "unit",
    "injectionvolume": "volume",
    "dilution": "dilution",
}


class EmpowerReader(Reader):
    """Waters Empower `.arw`."""

    key = "empower"
    name = "Waters Empower text"
    extensions = (".arw",)
    yields = (
        "one channel of one injection; of sample, channel, method, vial, injection time and unit "
        "what the export method puts in its header"
    )
    verified = "one real file (fluorescence, 6601 points)"
    counts_points = False

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether two quoted rows come before points, or points have CR alone behind them."""
        lines = head_lines(head)
        if len(lines) > 3 and lines[0].startswith('"') and lines[1].startswith('"'):
            return "\t" in lines[2] and _POINT.fullmatch(lines[2]) is not None
        alone = b"\r" in head and b"\n" not in head
        return alone and _POINT.fullmatch(lines[0]) is not None

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the one chromatogram of the file.

        Raises
        ------
        BadExport
            When the header rows don't fit each other, or a line is no time and signal.
        """
        text = any_text(content)
        fields, header, block, first_line = _header(text)
        check_last_line_ended(block, first_line, "the last point")
        points = read_points(block, self.options.marks, first_line=first_line)
        unit = "min" if fields or header else usual_minutes(points.times, self.options.time_unit)
        axis = replace(points, time_unit=unit).axis
        injected_at, note = _injected_at(fields.get("acquired", ""), self.options.date_order)
        return [
            Chromatogram(
                signal=points.signals[:, 0],
                unit=fields.get("unit", ""),
                start_s=axis.start_s,
                interval_s=axis.interval_s,
                time_s=axis.time_s,
                channel=fields.get("channel", ""),
                detector=fields.get("detector", ""),
                sample_name=fields.get("sample_name", ""),
                vial=fields.get("vial", ""),
                method=fields.get("method", ""),
                injected_at=injected_at,
                injected_at_note=note,
                dilution=points.form.number(fields.get("dilution", "")),
                injection_uL=points.form.number(fields.get("volume", "")),
                header=MappingProxyType(header),
            )
        ]


def _header(text: bytes) -> tuple[Mapping[str, str], dict[str, str], bytes, int]:
    """Fields that are understood, the others, the lines of data, and the line of the first."""
    if not text.startswith(b'"'):
        return {}, {}, text, 1
    lines = text.split(b"\n", 2)
    if len(lines) < 3:
        raise BadExport("line 2", "the end of the file", "a row of values and points")
    names, values = (_cells(decoded(line), n) for n, line in enumerate(lines[:2], start=1))
    if len(names) != len(values):
        raise BadExport(
            "line 2",
            f"{len(values)} values",
            f"{len(names)}, one for each name of line 1",
        )
    fields: dict[str, str] = {}
    header: dict[str, str] = {}
    for name, value in zip(names, values, strict=True):
        known = _FIELDS.get(name.replace(" ", "").casefold(), "")
        if known and known not in fields:
            fields[known] = value
        elif name and value:
            header[name] = value
    return fields, header, lines[2], 3


def _cells(line: str, number: int) -> list[str]:
    try:
        [cells] = csv.reader([line], delimiter="\t", strict=True)
    except (csv.Error, ValueError) as error:
        raise BadExport(
            f"line {number}", f"{line[:80]!r}", "quoted cells with TABs between them"
        ) from error
    return [cell.strip() for cell in cells]


def _injected_at(stamp: str, declared: str) -> tuple[str, str]:
    """Injection time; a zone by name is noted, because its offset is not in the file."""
    zone = _ZONE.search(stamp)
    if zone is None or zone[1] in ("AM", "PM"):
        return iso_time(stamp, date_order([stamp], declared=declared))
    plain = stamp[: zone.start()]
    iso, note = iso_time(plain, date_order([plain], declared=declared))
    return iso, "; ".join(part for part in (note, f"time zone {zone[1]}") if part)
