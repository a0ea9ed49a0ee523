"""Shimadzu LabSolutions and LCsolution ASCII exports.

A file is a sequence of ``[Section]`` blocks, keys and values separated by a TAB or a comma.
``[Header]`` opens an injection; a file may hold many.  Each detector channel has an
``[LC Chromatogram(...)]`` with its own start and length; intensities are counts, which times
`Intensity Multiplier` are the signal in `Intensity Units`.  ``[Peak Table(...)]`` has areas in
counts × s (µV·s for mV) and heights in counts.  ``[LC Status Trace(...)]`` holds pressures and
temperatures, not signal.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

import numpy as np
import pandas as pd

from dialysis.chromatogram import Chromatogram, FloatArray, VendorPeak
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.dates import DateOrder, date_order, iso_time
from dialysis.ingest.reader import BadExport, Reader

_TITLE = re.compile(rb"\[([^\[\]\n]+)\][ \t]*(?:\n|\Z)")
_BLANK_LINE = re.compile(rb"^[ \t]*$", re.MULTILINE)
_DATA_HEADER = b"R.Time (min)"
# One microvolt in the unit of the signal.
_MICROVOLT = {"uV": 1.0, "µV": 1.0, "mV": 1e-3, "V": 1e-6}
_TRACE_KEYS = (
    "Interval(msec)",
    "# of Points",
    "Start Time(min)",
    "Intensity Units",
    "Intensity Multiplier",
)
_DATE_KEYS = ("Generated", "Modified", "Output Date")
_UNDERSTOOD = {
    "Acquired",
    "Sample Name",
    "Vial#",
    "Dilution Factor",
    "Injection Volume",
    "Method File",
    *_TRACE_KEYS,
    "End Time(min)",
}


class LabSolutionsReader(Reader):
    """Shimadzu LabSolutions and LCsolution ASCII."""

    key = "labsolutions"
    name = "Shimadzu LabSolutions ASCII"
    extensions = (".txt",)
    yields = (
        "all detector channels (external `AD2` too) of one injection or of many (`section`); "
        "sample, method, vial, volume, injection time; the peak tables"
    )
    verified = "14 real files (TAB and comma dialect, one of them without traces)"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file starts with ``[Header]`` and has a program name below it."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return start.startswith(b"[Header]") and b"Application Name" in start[:400]

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read all detector channels of all injections of the file.

        Raises
        ------
        BadExport
            When the file is cut, has no traces, or contradicts itself in number of points,
            times, or number of peaks.
        """
        text = content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n")
        text = text.removeprefix(b"\xef\xbb\xbf")
        file = _layout(text)
        injections = _injections(text)
        _check_has_traces(injections)
        infos = [_information(sections, file) for sections in injections]
        order = date_order(
            [info["Acquired"] for info in infos if info.get("Acquired")],
            [info[key] for info in infos for key in _DATE_KEYS if info.get(key)],
        )
        names = _section_names(infos)
        return [
            trace
            for sections, info, name in zip(injections, infos, names, strict=True)
            for trace in _read_injection(sections, info, name, order, file)
        ]


@dataclass(frozen=True)
class _Section:
    """A ``[Title]`` with its line, counted from 1, and all lines up to the next title."""

    title: str
    line: int
    body: bytes
    ended: bool


@dataclass(frozen=True)
class _Layout:
    """What holds for the whole file: delimiter, decimal mark and encoding."""

    delimiter: str
    decimal: str
    encoding: str

    def text(self, raw: bytes) -> str:
        return raw.decode(self.encoding, errors="replace")

    def number(self, text: str) -> float | None:
        """The number a cell holds; ``None`` when it holds none."""
        plain = text.strip().replace(self.decimal, ".") if self.decimal != "." else text.strip()
        if "_" in plain:
            return None
        try:
            value = float(plain)
        except ValueError:
            return None
        return value if math.isfinite(value) else None


def _layout(text: bytes) -> _Layout:
    """Find delimiter, decimal mark and encoding, once for the whole file."""
    match = re.search(rb"^(?:R\.Time \(min\)|Application Name)([\t,])", text, re.MULTILINE)
    if match is None:
        raise BadExport(
            "line 1",
            "no 'Application Name' followed by a TAB or a comma",
            "a LabSolutions ASCII export",
            "Export with TAB or comma as the delimiter.",
        )
    delimiter = match[1].decode()
    comma = delimiter == "\t" and re.search(rb"^Start Time\(min\)\t\d+,\d", text, re.MULTILINE)
    try:
        text.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "cp1252"
    return _Layout(delimiter, "," if comma else ".", encoding)


def _injections(text: bytes) -> list[list[_Section]]:
    """Sections of every injection; ``[Header]`` opens one."""
    titles = list(_titles(text))
    if not titles or titles[0][1] != b"Header":
        raise BadExport("line 1", "no [Header] section", "a LabSolutions ASCII export")
    injections: list[list[_Section]] = []
    line, counted = 1, 0
    for number, title in enumerate(titles):
        line += text.count(b"\n", counted, title.start())
        counted = title.start()
        last = number + 1 == len(titles)
        stop = len(text) if last else titles[number + 1].start()
        name = title[1].decode("latin-1").strip()
        if name == "Header":
            injections.append([])
        body = text[title.end() : stop]
        injections[-1].append(_Section(name, line, body, not last or text.endswith(b"\n")))
    return injections


def _titles(text: bytes) -> Iterator[re.Match[bytes]]:
    """Titles of sections; found by plain search, which passes over data lines ten times faster."""
    at = 0
    while True:
        title = _TITLE.match(text, at)
        if title is not None:
            yield title
        at = text.find(b"\n[", at) + 1
        if not at:
            return


def _check_has_traces(injections: Sequence[Sequence[_Section]]) -> None:
    without = [s for s in injections if not any(_channel_of(p, "LC Chromatogram") for p in s)]
    if not without:
        return
    titles = {section.title for sections in injections for section in sections}
    remedy = "Export again with the chromatograms of all detectors ticked."
    if any(title.startswith("Chromatogram (") for title in titles):
        raise BadExport(
            f"line {without[0][0].line}",
            "a gas chromatograph's [Chromatogram (...)], which has no signal unit",
            "[LC Chromatogram(...)] sections",
            "Export as ANDI/AIA instead.",
        )
    results = any(title.startswith(("Peak Table", "Compound Results")) for title in titles)
    what = "the vendor's results" if results else "header sections"
    if len(without) == len(injections):
        several = "1 injection" if len(injections) == 1 else f"{len(injections)} injections"
        raise BadExport(
            "",
            f"{what} of {several} and no trace",
            "[LC Chromatogram(...)] sections: results alone can't be integrated",
            remedy,
        )
    raise BadExport(
        f"line {without[0][0].line}",
        f"an injection with {what} and no trace ({len(without)} of {len(injections)})",
        "an [LC Chromatogram(...)] section in every injection",
        remedy,
    )


def _channel_of(section: _Section, kind: str) -> str:
    """``Detector A-Ch1`` of ``[LC Chromatogram(Detector A-Ch1)]``; empty for other kinds."""
    if section.title.startswith(f"{kind}(") and section.title.endswith(")"):
        return section.title[len(kind) + 1 : -1].strip()
    return ""


def _entries(raw: bytes, file: _Layout) -> dict[str, str]:
    """Keys and values, one per line."""
    pairs = (line.partition(file.delimiter) for line in file.text(raw).split("\n"))
    return {key.strip(): value.strip() for key, mark, value in pairs if mark and key.strip()}


def _information(sections: Sequence[_Section], file: _Layout) -> dict[str, str]:
    """All entries of an injection that stand outside of traces and tables."""
    kept = ("Header", "File Information", "Sample Information", "Original Files", "Configuration")
    merged: dict[str, str] = {}
    for section in sections:
        if section.title in kept:
            merged.update(_entries(section.body, file))
    return merged


def _section_names(infos: Sequence[Mapping[str, str]]) -> list[str]:
    """Name of every injection: its data file's, made unique; empty when there is one only."""
    if len(infos) == 1:
        return [""]
    stems = [
        PureWindowsPath(info.get("Data File Name", "")).stem or f"injection {number}"
        for number, info in enumerate(infos, start=1)
    ]
    seen: Counter[str] = Counter()
    names = []
    for stem in stems:
        seen[stem] += 1
        names.append(stem if seen[stem] == 1 else f"{stem} ({seen[stem]})")
    return names


def _read_injection(
    sections: Sequence[_Section],
    info: Mapping[str, str],
    name: str,
    order: DateOrder,
    file: _Layout,
) -> list[Chromatogram]:
    """All detector channels of one injection, with their peaks."""
    injected_at, note = iso_time(info.get("Acquired", ""), order)
    method = info.get("Method File", "")
    detectors = _detector_names(info, file)
    header = {key: value for key, value in info.items() if value and key not in _UNDERSTOOD}
    traces: dict[str, Chromatogram] = {}
    multipliers: dict[str, float] = {}
    for section in sections:
        channel = _channel_of(section, "LC Chromatogram")
        if not channel:
            if _channel_of(section, "LC Status Trace"):
                _check_status(section, file)
            continue
        entries = _entries_of_trace(section, file)
        if entries.get("# of Points") == "0":
            continue
        signal, start_s, interval_s, multiplier = _trace(section, entries, file)
        detector = re.sub(r"-Ch\d+$", "", channel)
        own = {key: value for key, value in entries.items() if value and key not in _UNDERSTOOD}
        if channel in traces:
            raise BadExport(
                f"line {section.line}",
                f"[{section.title}] a second time",
                "one trace for every channel",
            )
        multipliers[channel] = multiplier
        traces[channel] = Chromatogram(
            signal=signal,
            unit=entries["Intensity Units"],
            start_s=start_s,
            interval_s=interval_s,
            channel=channel,
            detector=detectors.get(detector, detector),
            sample_name=info.get("Sample Name", ""),
            vial=info.get("Vial#", ""),
            method=PureWindowsPath(method).name,
            injected_at=injected_at,
            injected_at_note=note,
            dilution=file.number(info.get("Dilution Factor", "")),
            injection_uL=file.number(info.get("Injection Volume", "")),
            section=name,
            header=MappingProxyType({**header, **own}),
        )
    for section in sections:
        table = _channel_of(section, "Peak Table")
        if table:
            rows = _peak_rows(section, file)
            channel = _paired(table, list(traces))
            if channel:
                traces[channel] = _with_peaks(traces[channel], rows, multipliers[channel], file)
            elif rows and not table.startswith("PDA"):
                raise BadExport(
                    f"line {section.line}",
                    f"peaks in [{section.title}] but no trace of {table}",
                    "an [LC Chromatogram(...)] for every detector with peaks",
                )
    return list(traces.values())


def _detector_names(info: Mapping[str, str], file: _Layout) -> dict[str, str]:
    """``Detector Name`` by ``Detector ID``, from [Configuration]."""
    ids = info.get("Detector ID", "").split(file.delimiter)
    names = info.get("Detector Name", "").split(file.delimiter)
    if len(ids) != len(names):
        return {}
    return {i.strip(): n.strip() for i, n in zip(ids, names, strict=True) if n.strip()}


def _entries_of_trace(section: _Section, file: _Layout) -> dict[str, str]:
    """Entries above the data of a trace, with those that must be there."""
    entries = _entries(section.body.partition(_DATA_HEADER)[0], file)
    absent = [key for key in _TRACE_KEYS if key not in entries]
    if absent:
        raise BadExport(
            f"line {section.line}", f"no '{absent[0]}' in [{section.title}]", f"'{absent[0]}'"
        )
    return entries


def _entry_number(
    entries: Mapping[str, str], key: str, section: _Section, file: _Layout, above_zero: bool
) -> float:
    value = file.number(entries[key])
    if value is None or (above_zero and value <= 0):
        raise BadExport(
            f"line {section.line}",
            f"'{entries[key]}' as '{key}' of [{section.title}]",
            "a number above 0" if above_zero else "a number",
        )
    return value


def _data_block(
    section: _Section, entries: Mapping[str, str], file: _Layout
) -> tuple[bytes, int, int]:
    """Data lines of a trace, the line of the first, and their number, which must be right."""
    head, found, rest = section.body.partition(_DATA_HEADER)
    header, newline, data = rest.partition(b"\n")
    first_line = section.line + head.count(b"\n") + 2
    if not found or header.strip() != f"{file.delimiter}Intensity".strip().encode() or not newline:
        shown = file.text(found + header).strip() if found else "no line of column names"
        raise BadExport(
            f"line {first_line - 1}",
            f"{shown!r} in [{section.title}]" if found else f"{shown} in [{section.title}]",
            f"'{_DATA_HEADER.decode()}{file.delimiter}Intensity'".replace("\t", "<TAB>"),
        )
    block, leftover = _until_blank_line(data)
    n_lines = block.count(b"\n") + (not block.endswith(b"\n") and bool(block))
    wanted = _entry_number(entries, "# of Points", section, file, above_zero=True)
    if n_lines != wanted:
        raise BadExport(
            f"line {first_line + n_lines}",
            f"{n_lines} points in [{section.title}]",
            f"{wanted:.10g}, as its '# of Points' says",
        )
    if not block.endswith(b"\n"):
        raise BadExport(
            f"line {first_line + n_lines - 1}",
            f"the end of the file inside the last point of [{section.title}]",
            "a line end after it",
        )
    if leftover.strip():
        raise BadExport(
            f"line {first_line + n_lines + 1}",
            f"text after the points of [{section.title}]",
            "a new [Section]",
        )
    return block, first_line, n_lines


def _until_blank_line(data: bytes) -> tuple[bytes, bytes]:
    """Lines before the first blank one, and what follows it."""
    if b"\n " in data or b"\n\t" in data or data[:1].isspace():
        blank = _BLANK_LINE.search(data)
        return (data, b"") if blank is None else (data[: blank.start()], data[blank.end() :])
    end = data.find(b"\n\n")
    return (data, b"") if end < 0 else (data[: end + 1], data[end + 2 :])


def _check_status(section: _Section, file: _Layout) -> None:
    """A pressure or temperature that ends too early shows that the file was cut."""
    entries = _entries(section.body.partition(_DATA_HEADER)[0], file)
    if "# of Points" in entries and _DATA_HEADER in section.body:
        _data_block(section, entries, file)


def _trace(
    section: _Section, entries: Mapping[str, str], file: _Layout
) -> tuple[FloatArray, float, float, float]:
    """Signal, first time in s, interval in s and multiplier of a trace."""
    interval_ms = _entry_number(entries, "Interval(msec)", section, file, above_zero=True)
    start_min = _entry_number(entries, "Start Time(min)", section, file, above_zero=False)
    multiplier = _entry_number(entries, "Intensity Multiplier", section, file, above_zero=True)
    block, first_line, n_points = _data_block(section, entries, file)
    values = _parse(block, n_points, first_line, file)

    def place(point: int) -> str:
        return f"line {first_line + point}"

    times, counts = values[:, 0], values[:, 1]
    check_times(times, place, "min")
    check_signal(counts, place, f"line {section.line}, [{section.title}]")
    first_cell = file.text(block.partition(file.delimiter.encode())[0])
    _check_time_axis(
        times,
        interval_ms / 60_000,
        start_min,
        _step(first_cell, file),
        _step(entries["Start Time(min)"], file),
        place,
    )
    with np.errstate(over="ignore"):
        signal = counts * multiplier
    return signal, float(times[0]) * 60, interval_ms / 1000, multiplier


def _parse(block: bytes, n_points: int, first_line: int, file: _Layout) -> FloatArray:
    """Time and counts of all points, shape (n_points, 2)."""
    try:
        frame = pd.read_csv(
            BytesIO(block),
            sep=file.delimiter,
            decimal=file.decimal,
            header=None,
            dtype=np.float64,
            engine="c",
            na_filter=False,
            quoting=3,
        )
        values: FloatArray = frame.to_numpy()
    except ValueError:
        values = np.empty((0, 0))
    if values.shape == (n_points, 2) and np.isfinite(values).all():
        return values
    return _parse_slowly(block, first_line, file)


def _parse_slowly(block: bytes, first_line: int, file: _Layout) -> FloatArray:
    """Do the same line by line, to name the line that is wrong."""
    rows = []
    for number, line in enumerate(file.text(block).removesuffix("\n").split("\n")):
        cells = line.split(file.delimiter)
        if len(cells) != 2:
            raise BadExport(f"line {first_line + number}", repr(line), "a time and an intensity")
        row = []
        for cell, what in zip(cells, ("a time in min", "an intensity"), strict=True):
            value = file.number(cell)
            if value is None:
                raise BadExport(f"line {first_line + number}", repr(cell), f"{what}, as a number")
            row.append(value)
        rows.append(row)
    return np.array(rows, dtype=np.float64)


def _step(cell: str, file: _Layout) -> float:
    """Last digit of a printed number: 0.001 for ``28.002``."""
    return 10.0 ** -len(cell.strip().partition(file.decimal)[2])


def _check_time_axis(
    times: FloatArray,
    interval_min: float,
    start_min: float,
    time_step: float,
    start_step: float,
    place: Callable[[int], str],
) -> None:
    """Times must agree with `Start Time` and `Interval`, within the digits they are printed with.

    A printed number is known to half its last digit, so the difference of two to the sum of
    the halves.  Never more than half an interval is allowed.
    """
    rounding = 1e-9
    if abs(times[0] - start_min) > (time_step + start_step) / 2 + rounding:
        raise BadExport(
            place(0),
            f"a first time of {times[0]:.10g} min",
            f"{start_min:.10g} min, as 'Start Time(min)' says",
        )
    with np.errstate(over="ignore"):
        expected = times[0] + np.arange(times.size) * interval_min
        wrong = np.abs(times - expected) > min(time_step, interval_min / 2) + rounding
    if wrong.any():
        point = int(np.flatnonzero(wrong)[0])
        raise BadExport(
            place(point),
            f"time {times[point]:.10g} min",
            f"{expected[point]:.10g} min, as 'Interval(msec)' and the first time say",
        )


def _paired(table: str, channels: Sequence[str]) -> str:
    """Channel a peak table belongs to; ``Detector B`` is the only channel of that detector."""
    if table in channels:
        return table
    of_detector = [channel for channel in channels if re.sub(r"-Ch\d+$", "", channel) == table]
    return of_detector[0] if len(of_detector) == 1 else ""


def _peak_rows(section: _Section, file: _Layout) -> list[tuple[dict[str, str], int]]:
    """Rows of a peak table by column name, each with its line."""
    lines = file.text(section.body).split("\n")
    key, _, count = lines[0].partition(file.delimiter)
    wanted = file.number(count)
    if key.strip() != "# of Peaks" or wanted is None or wanted < 0:
        raise BadExport(
            f"line {section.line + 1}", f"{lines[0]!r} in [{section.title}]", "'# of Peaks'"
        )
    end = lines.index("") if "" in lines else len(lines)
    rows = lines[1:end]
    found = max(len(rows) - 1, 0)
    if found != wanted:
        raise BadExport(
            f"line {section.line + end + 1}",
            f"{found} peaks in [{section.title}]",
            f"{wanted:.10g}, as its '# of Peaks' says",
        )
    if found and not section.ended and end == len(lines):
        raise BadExport(
            f"line {section.line + end}",
            f"the end of the file inside the last peak of [{section.title}]",
            "a line end after it",
        )
    names = [name.strip() for name in rows[0].split(file.delimiter)] if rows else []
    if rows and "R.Time" not in names:
        raise BadExport(
            f"line {section.line + 2}", f"no column 'R.Time' in [{section.title}]", "'R.Time'"
        )
    return [
        (_peak_cells(row, names, section.line + 3 + number, file), section.line + 3 + number)
        for number, row in enumerate(rows[1:])
    ]


def _peak_cells(row: str, names: Sequence[str], line: int, file: _Layout) -> dict[str, str]:
    cells = row.split(file.delimiter)
    extra = len(cells) - len(names)
    if extra > 0 and "Name" in names:
        # A compound's name may hold the delimiter: 3,4-dihydroxyphenylacetic acid.
        at = names.index("Name")
        cells[at : at + extra + 1] = [file.delimiter.join(cells[at : at + extra + 1])]
    if len(cells) != len(names):
        raise BadExport(
            f"line {line}", f"{len(cells)} values", f"{len(names)}, one for each column"
        )
    return {name: cell.strip() for name, cell in zip(names, cells, strict=True)}


def _with_peaks(
    trace: Chromatogram,
    rows: Sequence[tuple[Mapping[str, str], int]],
    multiplier: float,
    file: _Layout,
) -> Chromatogram:
    """Add a peak table to its trace, areas and heights in the signal's unit.

    Areas and heights are in the counts of the intensity column.  For a voltage the program prints
    them in µV, so both readings must agree; where they do not, the values are left out.
    """
    header = dict(trace.header)
    per_count: float | None = multiplier
    microvolt = _MICROVOLT.get(trace.unit)
    if rows and microvolt is not None and not math.isclose(microvolt, multiplier):
        per_count = None
        header["Peak Table"] = (
            f"areas and heights not taken over: counts are {multiplier:g} {trace.unit}, not µV"
        )
    peaks = tuple(_vendor_peak(cells, line, per_count, file) for cells, line in rows)
    return replace(trace, vendor_peaks=peaks, header=MappingProxyType(header))


def _vendor_peak(
    cells: Mapping[str, str], line: int, per_count: float | None, file: _Layout
) -> VendorPeak:
    def number(column: str) -> float | None:
        text = cells.get(column, "")
        value = file.number(text)
        if value is None and text:
            raise BadExport(f"line {line}", f"{text!r} in column {column}", "a number")
        return value

    def signal(column: str) -> float | None:
        counts = number(column)
        return None if counts is None or per_count is None else counts * per_count

    rt_min = number("R.Time")
    if rt_min is None:
        raise BadExport(f"line {line}", "a peak without 'R.Time'", "its retention time in min")
    return VendorPeak(
        rt_min=rt_min,
        area=signal("Area"),
        height=signal("Height"),
        start_min=number("I.Time"),
        end_min=number("F.Time"),
        name=cells.get("Name", ""),
        code=cells.get("Mark", ""),
    )
