"""EZChrom ASCII exports (``.asc``), which Agilent OpenLab EZChrom and others write.

``Key:`` lines with one value per channel, TABs or commas between them, then nothing but the
counts of the channels, one stacked on the other.  There is no time column: a point comes every
``1 / Sampling Rate`` s.  Signal = count × `Y Axis Multiplier` in the unit of `Y Axis Title`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.ingest.checks import check_signal
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.numbers import NumberFormat, number_format, read_numbers
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.text import any_text, check_last_line_ended, decoded, head_lines

_KEY = re.compile(r"([A-Za-z][^:\t,]*):([\t,])(.*)")
_RATE, _POINTS = "Sampling Rate", "Total Data Points"
_X_TITLE, _Y_TITLE = "X Axis Title", "Y Axis Title"
_X_FACTOR, _Y_FACTOR = "X Axis Multiplier", "Y Axis Multiplier"
_PER_CHANNEL = (_RATE, _POINTS, _X_TITLE, _Y_TITLE, _X_FACTOR, _Y_FACTOR)
_NUMBERS = (_RATE, _POINTS, _X_FACTOR, _Y_FACTOR)
_UNITS = {_RATE: "Hz", _POINTS: "Pts."}
# Units of the time axis in one second.
_AXES = {"minutes": 1 / 60, "min": 1 / 60, "seconds": 1.0, "sec": 1.0}
_UNDERSTOOD = {"Sample ID", "Method", "Acquisition Date and Time", *_PER_CHANNEL}


class EzChromReader(Reader):
    """EZChrom `.asc`."""

    key = "ezchrom"
    name = "EZChrom text"
    extensions = (".asc",)
    yields = "all channels of one injection; sample, method, injection time"
    verified = "no real file: files made after published ones"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether keys of channels and of points stand at the top."""
        top = head_lines(head)
        keys = {match[1] for line in top if (match := _KEY.fullmatch(line))}
        return {_RATE, _POINTS, _Y_FACTOR} <= keys

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read all channels of the file.

        Raises
        ------
        BadExport
            When the channels' keys are not there for every channel, or their numbers of points
            are not those of the file.
        """
        text = any_text(content)
        entries, lines, block, first_line = _header(text)
        channels = _channels(entries, lines)
        form = number_format(
            [cell for key in _NUMBERS for cell in channels[key]], self.options.marks
        )
        n_points = [_whole(cell, form, lines[_POINTS]) for cell in channels[_POINTS]]
        counts = _counts(block, sum(n_points), form, first_line)
        stamp = entries.get("Acquisition Date and Time", [""])[0]
        injected_at, note = iso_time(stamp, date_order([stamp], declared=self.options.date_order))
        header = {
            key: ", ".join(values) for key, values in entries.items() if key not in _UNDERSTOOD
        }
        traces = []
        start = 0
        for number, n in enumerate(n_points):
            name = f"Channel {number + 1}"
            own = {key: channels[key][number] for key in _PER_CHANNEL}
            with np.errstate(over="ignore"):
                signal = counts[start : start + n] * _positive(own, _Y_FACTOR, form, lines)
            check_signal(signal, _place(first_line + start), name)
            traces.append(
                Chromatogram(
                    signal=signal,
                    unit=own[_Y_TITLE],
                    start_s=0.0,
                    interval_s=_interval_s(own, form, lines),
                    channel=name,
                    sample_name=entries.get("Sample ID", [""])[0],
                    method=PureWindowsPath(entries.get("Method", [""])[0]).name,
                    injected_at=injected_at,
                    injected_at_note=note,
                    header=MappingProxyType(header),
                )
            )
            start += n
        return traces


def _place(first_line: int) -> Callable[[int], str]:
    return lambda point: f"line {first_line + point}"


def _header(text: bytes) -> tuple[dict[str, list[str]], dict[str, int], bytes, int]:
    """Values and line of every key, the lines below, and the line of the first of them."""
    entries: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    rest, line = text, 1
    while rest:
        row, _, after = rest.partition(b"\n")
        match = _KEY.fullmatch(decoded(row).strip())
        if match is None:
            break
        key = match[1].strip()
        cells = [cell.strip() for cell in match[3].split(match[2])]
        if entries.setdefault(key, cells) != cells:
            raise BadExport(
                f"line {line}",
                f"{', '.join(cells)!r} as '{key}'",
                f"{', '.join(entries[key])!r}, as line {lines[key]} has it",
            )
        lines.setdefault(key, line)
        rest, line = after, line + 1
    return entries, lines, rest, line


def _channels(
    entries: Mapping[str, Sequence[str]], lines: Mapping[str, int]
) -> dict[str, list[str]]:
    """The keys that have one value per channel, without the unit behind some of them."""
    values: dict[str, list[str]] = {}
    for key in _PER_CHANNEL:
        if key not in entries:
            raise BadExport("line 1", f"no '{key}'", f"'{key}'")
        cells = list(entries[key])
        if key in _UNITS:
            unit = cells.pop()
            if unit != _UNITS[key]:
                raise BadExport(
                    f"line {lines[key]}", f"{unit!r} behind '{key}'", f"'{_UNITS[key]}'"
                )
        values[key] = cells
    n = len(values[_POINTS])
    for key, cells in values.items():
        if len(cells) != n:
            raise BadExport(
                f"line {lines[key]}",
                f"{len(cells)} values of '{key}'",
                f"{n}, one for each channel of '{_POINTS}'",
            )
    return values


def _whole(cell: str, form: NumberFormat, line: int) -> int:
    value = form.number(cell)
    if value is None or value < 0 or value != int(value):
        raise BadExport(f"line {line}", f"{cell!r} as '{_POINTS}'", "a whole number")
    return int(value)


def _positive(
    own: Mapping[str, str], key: str, form: NumberFormat, lines: Mapping[str, int]
) -> float:
    value = form.number(own[key])
    if value is None or value <= 0:
        raise BadExport(f"line {lines[key]}", f"{own[key]!r} as '{key}'", "a number above 0")
    return value


def _counts(block: bytes, wanted: int, form: NumberFormat, first_line: int) -> FloatArray:
    """All counts of the file, as many as its channels have points."""
    block = block.rstrip(b"\n") + b"\n" if block.endswith(b"\n") else block
    n_lines = block.count(b"\n") + (bool(block) and not block.endswith(b"\n"))
    if n_lines != wanted:
        raise BadExport(
            f"line {first_line + n_lines}",
            f"{n_lines} points",
            f"{wanted}, as '{_POINTS}' says",
        )
    check_last_line_ended(block, first_line, "the last point")
    form = NumberFormat(form.decimal)
    return read_numbers(block, form, names=("a count",), first_line=first_line)[:, 0]


def _interval_s(own: Mapping[str, str], form: NumberFormat, lines: Mapping[str, int]) -> float:
    """Distance of the points; title and multiplier of the time axis must agree."""
    rate = _positive(own, _RATE, form, lines)
    factor = _positive(own, _X_FACTOR, form, lines)
    title = own[_X_TITLE]
    meant = _AXES.get(title.casefold())
    digits = len(own[_X_FACTOR].partition(form.decimal)[2])
    if meant is None or abs(factor - meant) > 0.5 * 10.0**-digits + 1e-12:
        raise BadExport(
            f"line {lines[_X_FACTOR]}",
            f"a time axis in '{title}' with the multiplier {own[_X_FACTOR]}",
            "Minutes with 0.016667 or Seconds with 1",
            "Export again with the time axis in minutes.",
        )
    with np.errstate(over="ignore"):
        return float(np.float64(1.0) / rate)
