"""Chromeleon 7 reports saved as text: the vendor's integration of one channel of one injection.

The sheet's cells are separated by TABs: labels that end in a colon with their values to the right,
then ``Integration Results`` with three rows of column names, units and channels, one row for every
peak and a row ``Total:``.  Areas are in signal unit × min.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dialysis.chromatogram import VendorPeak, VendorReport
from dialysis.ingest.chromeleon import injection_time
from dialysis.ingest.numbers import NumberFormat, number_format
from dialysis.ingest.reader import BadExport, Reader, quoted
from dialysis.ingest.text import decoded, plain_text

_RESULTS = "Integration Results"
_NOT_GIVEN = ("", "n.a.")
_RETENTION = "Retention Time"
_STARTS = ("Start", "Start Time", "Peak Start", "Peak Start Time")
_STOPS = ("Stop", "Stop Time", "Peak Stop", "Peak Stop Time", "End", "Peak End")
_TYPES = ("Type", "Peak Type")
_MINUTES: Mapping[str, float] = MappingProxyType({"min": 1.0, "s": 1 / 60, "sec": 1 / 60})
_AREA_UNIT = re.compile(r"(.*\S)\s*[*·.×]\s*(min|sec|s)")
_UNDERSTOOD = {
    "Channel",
    "Dilution Factor",
    "Injection Date/Time",
    "Injection Name",
    "Injection Volume",
    "Instrument Method",
    "Vial Number",
}


@dataclass(frozen=True)
class _Table:
    """The integration results: columns, their units, and the cells of every peak by column.

    Parameters
    ----------
    units : mapping of str to str
        Unit by column.
    channel : str
        Channel that the third row names.
    rows : tuple of mapping of str to str
        Cells by column.
    lines : tuple of int
        Line of the file of every row.
    total : mapping of str to str
        Cells of the row ``Total:``.
    total_line : int
        Its line.
    """

    units: Mapping[str, str]
    channel: str
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]
    total: Mapping[str, str]
    total_line: int


class Chromeleon7ReportReader(Reader):
    """Thermo Chromeleon 7 report, saved as text."""

    key = "chromeleon7_report"
    name = "Chromeleon 7 report text"
    extensions = (".txt",)
    yields = (
        "no trace: the peaks of one channel of one injection (areas, heights, no limits), which "
        "join a trace by injection time and channel"
    )
    reports = True
    verified = "4 real files (7.2, amperometry)"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the sheet has labels of an injection and integration results."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return b"Injection Name:\t" in start and b"\nIntegration Results" in start

    def read(self, path: Path, content: bytes) -> list[VendorReport]:
        """Read the peaks.

        Raises
        ------
        BadExport
            When the table is cut, a peak is missing, or areas don't sum to the total.
        """
        lines = [line.split("\t") for line in decoded(plain_text(content)).split("\n")]
        titles = [n for n, cells in enumerate(lines) if cells[0].strip() == _RESULTS]
        if len(titles) != 1:
            raise BadExport(
                f"line {titles[1] + 1 if titles else len(lines)}",
                f"{len(titles)} tables '{_RESULTS}'",
                "one",
            )
        labels = _labels(lines[: titles[0]])
        table = _table(lines, titles[0] + 1)
        others = [
            labels.get(key, "") for key in ("Run Time (min)", "Injection Volume", "Dilution Factor")
        ]
        form = number_format(
            _numbers(table),
            self.options.marks,
            first_line=table.lines[0] if table.lines else table.total_line,
            others=[cell for cell in others if cell not in _NOT_GIVEN],
        )
        _check_channel(table, labels, titles[0] + 4)
        unit, seconds = _signal_unit(table, titles[0] + 3)
        _check_total(table, form)
        injected_at, note = injection_time(labels.get("Injection Date/Time", ""), "", self.options)
        peaks = (
            _peak(row, line, table.units, seconds, form)
            for row, line in zip(table.rows, table.lines, strict=True)
        )
        header = {
            key: value
            for key, value in labels.items()
            if value not in _NOT_GIVEN and key not in _UNDERSTOOD
        }
        return [
            VendorReport(
                vendor_peaks=tuple(peak for peak in peaks if peak is not None),
                unit=unit,
                channel=labels.get("Channel", "") or table.channel,
                sample_name=labels.get("Injection Name", ""),
                vial=labels.get("Vial Number", ""),
                method=labels.get("Instrument Method", ""),
                injected_at=injected_at,
                injected_at_note=note,
                dilution=form.number(labels.get("Dilution Factor", "")),
                injection_uL=form.number(labels.get("Injection Volume", "")),
                header=MappingProxyType(header),
            )
        ]


def _labels(lines: Sequence[Sequence[str]]) -> dict[str, str]:
    """Labels that end in a colon, with the first cell that follows before the next label."""
    labels: dict[str, str] = {}
    for cells in lines:
        label = ""
        for cell in (cell.strip() for cell in cells):
            if cell.endswith(":"):
                label = cell.removesuffix(":")
                labels.setdefault(label, "")
            elif cell and label and not labels[label]:
                labels[label] = cell
    return labels


def _table(lines: Sequence[Sequence[str]], start: int) -> _Table:
    """The table below its title; `start` is the line of the column names, counted from 0."""
    if len(lines) < start + 3:
        raise BadExport(
            f"line {len(lines)}", "the end of the file", "three rows of column names and units"
        )
    names = [cell.strip() for cell in lines[start]]
    absent = [name for name in (_RETENTION, "Area") if name not in names]
    if absent:
        raise BadExport(f"line {start + 1}", f"no column '{absent[0]}'", f"'{absent[0]}'")
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise BadExport(f"line {start + 1}", f"two columns '{twice[0]}'", "every column once")
    units = _cells(names, lines[start + 1], start + 2)
    channels = {cell for cell in _cells(names, lines[start + 2], start + 3).values() if cell}
    if len(channels) > 1:
        raise BadExport(
            f"line {start + 3}", f"the channels {', '.join(sorted(channels))}", "one channel"
        )
    rows: list[dict[str, str]] = []
    places: list[int] = []
    for place in range(start + 3, len(lines)):
        cells = _cells(names, lines[place], place + 1)
        if lines[place][0].strip() == "Total:":
            channel = next(iter(channels), "")
            return _Table(units, channel, tuple(rows), tuple(places), cells, place + 1)
        _check_number(names, cells, len(rows) + 1, place + 1)
        rows.append(cells)
        places.append(place + 1)
    raise BadExport(f"line {len(lines)}", "the end of the file", "a row 'Total:'")


def _cells(names: Sequence[str], row: Sequence[str], line: int) -> dict[str, str]:
    """Cells by column; rows end where their last cell does."""
    if any(cell.strip() for cell in row[len(names) :]):
        raise BadExport(f"line {line}", f"{len(row)} cells", f"at most {len(names)}")
    padded = [*row, *([""] * (len(names) - len(row)))]
    return {name: cell.strip() for name, cell in zip(names, padded, strict=False) if name}


def _numbers(table: _Table) -> bytes:
    """Lines of the table with nothing but their numbers: names may hold marks."""
    texts = ("Peak Name", *_TYPES)
    lines = (
        "\t".join(cell for name, cell in row.items() if name not in texts)
        for row in (*table.rows, table.total)
    )
    return "\n".join(lines).encode("utf-8", "replace")


def _check_number(names: Sequence[str], cells: Mapping[str, str], wanted: int, line: int) -> None:
    """The rows are numbered, which shows when one is missing."""
    found = cells.get("No.", str(wanted)) or "no number"
    if found not in (str(wanted), "n.a."):
        raise BadExport(f"line {line}", f"peak {found}", f"peak {wanted}")


def _check_channel(table: _Table, labels: Mapping[str, str], line: int) -> None:
    given = labels.get("Channel", "")
    if given and table.channel and given != table.channel:
        raise BadExport(f"line {line}", f"channel '{table.channel}'", f"'{given}', as above")


def _signal_unit(table: _Table, line: int) -> tuple[str, float]:
    """Signal unit, and the s in the unit of time that the areas are in."""
    match = _AREA_UNIT.fullmatch(table.units["Area"][:40])
    height = table.units.get("Height", "")
    if match is None or (height and height != match[1]):
        raise BadExport(
            f"line {line}",
            f"areas in '{table.units['Area']}' and heights in '{height}'",
            "areas in the heights' unit × min",
        )
    if table.units[_RETENTION] not in _MINUTES:
        raise BadExport(f"line {line}", f"times in '{table.units[_RETENTION]}'", "min")
    return match[1], 60.0 * _MINUTES[match[2]]


def _check_total(table: _Table, form: NumberFormat) -> None:
    """Areas and heights must sum to the total, within the digits that are printed."""
    for name in ("Area", "Height"):
        total = form.number(table.total.get(name, ""))
        if total is None:
            continue
        texts = [row[name] for row in table.rows]
        known = [value for value in map(form.number, texts) if value is not None]
        digits = [_digit(text, form) for text in (*texts, table.total[name])]
        if abs(sum(known) - total) > sum(digits) / 2 + 1e-9 * abs(total):
            raise BadExport(
                f"line {table.total_line}",
                f"a sum of {sum(known):.10g} in column {name}",
                f"{total:.10g}, as the row 'Total:' says",
            )


def _digit(text: str, form: NumberFormat) -> float:
    return float(10.0 ** -len(text.strip().partition(form.decimal)[2]))


def _peak(
    row: Mapping[str, str],
    line: int,
    units: Mapping[str, str],
    seconds: float,
    form: NumberFormat,
) -> VendorPeak | None:
    """One peak; ``None`` for a component that was not found."""

    def number(name: str) -> float | None:
        text = row.get(name, "")
        value = form.number(text)
        if value is None and text not in _NOT_GIVEN:
            raise BadExport(
                f"line {line}", f"{quoted(text)} in column {name}", f"a number with {form}"
            )
        return value

    def minutes(*names: str) -> float | None:
        for name in names:
            value = number(name)
            if value is not None and units[name] in _MINUTES:
                return value * _MINUTES[units[name]]
        return None

    rt_min, area, height = minutes(_RETENTION), number("Area"), number("Height")
    if rt_min is None:
        if area is None and height is None:
            return None
        raise BadExport(f"line {line}", "a peak without a retention time", "its retention time")
    name = row.get("Peak Name", "")
    return VendorPeak(
        rt_min=rt_min,
        area=None if area is None else area * seconds,
        height=height,
        start_min=minutes(*_STARTS),
        end_min=minutes(*_STOPS),
        name="" if name in _NOT_GIVEN else name,
        code=next((row[key] for key in _TYPES if row.get(key, "") not in _NOT_GIVEN), ""),
    )
