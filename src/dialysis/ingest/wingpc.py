"""PSS WinGPC UniChrom text exports.

``Key :<TAB>value`` lines, results, then the raw data between ``RAWstart :`` and ``RAWstop :``:
minutes, one column per detector, the time of day.  The blocks ELU and MWD after it (against
volume and molar mass) are computed from it and not read.  The raw data have no unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.dates import DateOrder, date_order, iso_time
from dialysis.ingest.options import AUTO
from dialysis.ingest.points import Points, read_points
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import LF, any_text, decoded, head_lines, line_of

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DATED = re.compile(r"\s*([A-Za-z]+)\s+(\S+\s+\S+)\s*")
_UNDERSTOOD = {"Sample", "Inject date", "Inject volume", "Method", "Data Interval"}


class WinGpcReader(Reader):
    """PSS WinGPC text."""

    key = "wingpc"
    name = "PSS WinGPC text"
    extensions = (".txt",)
    yields = "all detectors of one injection; sample, vial, method, volume, injection time"
    verified = "one real file (refractive index, 1795 points)"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file starts with a sample and has WinGPC's injection date below it."""
        lines = head_lines(head)
        return lines[0].startswith("Sample :\t") and any(
            line.startswith("Inject date :\t") for line in lines[:20]
        )

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the raw data of all detectors.

        Raises
        ------
        BadExport
            When the raw data are absent or cut, or contradict the file's data interval.
        """
        text = any_text(content)
        block, first_line, names = _raw_block(text)
        entries = dict(_entries(text))
        n_detectors = len(names) - 2
        points = read_points(
            block,
            self.options.marks,
            first_line=first_line,
            signals=["a signal"] * n_detectors,
            n_columns=len(names) + 1,
        )
        _check_interval(points, entries, first_line)
        injected_at, note = _injected_at(entries, self.options.date_order)
        sample = entries.get("Sample", "")
        vial = re.match(r"Vial\s+([^:\s]+)\s*:", sample)
        header = {key: value for key, value in entries.items() if key not in _UNDERSTOOD}
        return [
            Chromatogram(
                signal=points.signals[:, column],
                unit="",
                start_s=points.axis.start_s,
                interval_s=points.axis.interval_s,
                time_s=points.axis.time_s,
                channel=name,
                detector=name,
                sample_name=sample,
                vial=vial[1] if vial else "",
                method=PureWindowsPath(entries.get("Method", "")).name,
                injected_at=injected_at,
                injected_at_note=note,
                injection_uL=_microlitres(entries, points),
                header=MappingProxyType(header),
            )
            for column, name in enumerate(names[1:-1])
        ]


def _raw_block(text: bytes) -> tuple[bytes, int, list[str]]:
    """Lines of points, the line of the first, and the names of the columns."""
    start = text.find(b"\nRAWstart :")
    if start < 0:
        raise BadExport(
            f"line {text.count(LF) + 1}",
            "the end of the file and no 'RAWstart :'",
            "raw data",
            "Export again with the raw data ticked.",
        )
    stop = text.find(b"\nRAWstop :", start)
    if stop < 0:
        raise BadExport(f"line {text.count(LF) + 1}", "the end of the file", "'RAWstop :'")
    title_line = line_of(text, start) + 2
    for mark in (b"\nRAWstart :", b"\nRAWstop :"):
        if text.count(mark) > 1:
            again = text.find(mark, text.find(mark) + 1)
            shown = mark.decode("ascii").strip()
            raise BadExport(f"line {line_of(text, again) + 1}", f"a second '{shown}'", "one")
    rows = text[start + 1 : stop + 1].split(b"\n", 3)
    if len(rows) < 4 or rows[2].strip():
        raise BadExport(f"line {title_line}", "no points", "names, a blank line and points")
    names = [name.strip() for name in decoded(rows[1]).split("\t")]
    if len(names) < 3 or names[0] != "Time" or names[-1] != "Time":
        raise BadExport(
            f"line {title_line}",
            f"the names {decoded(rows[1])!r}",
            "Time, one name for each detector, Time",
        )
    block = rows[3]
    while block.endswith(b"\n\n"):
        block = block[:-1]
    return block, title_line + 2, names


def _entries(text: bytes) -> Iterator[tuple[str, str]]:
    """Keys and values above the first blank line after the file's sample."""
    for line in decoded(text[: text.find(b"\nCalibration Coefficients")]).split("\n"):
        key, mark, value = line.partition(" :\t")
        if mark and key.strip():
            yield key.strip(), value.strip()


def _check_interval(points: Points, entries: Mapping[str, str], first_line: int) -> None:
    text, _, unit = entries.get("Data Interval", "").partition("\t")
    interval_s = points.form.number(text)
    if interval_s is None or unit.strip() != "s" or points.axis.time_s is not None:
        return
    digits = len(re.sub(r"^\s*[0-9]*[.,]?", "", text))
    if abs(points.axis.interval_s - interval_s) > 0.5 * 10.0**-digits + 1e-9:
        raise BadExport(
            f"line {first_line}",
            f"points {points.axis.interval_s:.6g} s apart",
            f"{interval_s:.6g} s, as 'Data Interval' says",
        )


def _microlitres(entries: Mapping[str, str], points: Points) -> float | None:
    value, _, unit = entries.get("Inject volume", "").partition("\t")
    return points.form.number(value) if unit.strip() in ("ul", "µl", "uL", "µL") else None


def _injected_at(entries: Mapping[str, str], declared: str) -> tuple[str, str]:
    """Injection time; the day of the week tells day from month."""
    match = _DATED.fullmatch(entries.get("Inject date", ""))
    if match is None:
        stamp = entries.get("Inject date", "")
        return iso_time(stamp, date_order([stamp], declared=declared))
    day, stamp = match[1].casefold(), re.sub(r"\s+", " ", match[2])
    if declared == AUTO and day in _WEEKDAYS:
        fitting = []
        for day_first in (True, False):
            iso, note = iso_time(stamp, DateOrder(day_first))
            if iso and datetime.fromisoformat(iso).weekday() == _WEEKDAYS.index(day):
                fitting.append((iso, note))
        if len(fitting) == 1:
            return fitting[0]
    return iso_time(stamp, date_order([stamp], declared=declared))
