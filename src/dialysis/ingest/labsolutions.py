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
from pathlib import Path, PureWindowsPath
from types import MappingProxyType

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray, VendorPeak, VendorReport
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.dates import DateOrder, date_order, iso_time
from dialysis.ingest.numbers import NumberFormat, number_format, read_numbers
from dialysis.ingest.options import Marks
from dialysis.ingest.reader import BadExport, Reader, quoted
from dialysis.ingest.text import LF, check_last_line_ended, count_byte, data_lines, plain_text

_TITLE = re.compile(rb"\[([^\[\]\n]+)\][ \t]*(?:\n|\Z)")
_DATA_HEADER = b"R.Time (min)"
# Sections that hold points; elsewhere the line of column names shows a title that was lost.
_WITH_POINTS = re.compile(r"(LC Chromatogram|LC Status Trace|Chromatogram |PDA .*|MS .*)\(.*\)")
# Tables of results, the better one first, with the entry that says how many rows they have.
_TABLES = (("Peak Table", "# of Peaks"), ("Compound Results", "# of IDs"))
_ONCE = tuple(f"{kind}(" for kind, _ in _TABLES)
_TABLE_NUMBERS = ("R.Time", "I.Time", "F.Time", "Area", "Height", "Conc.")
# One microvolt in the unit of the signal.
_MICROVOLT = {"uV": 1.0, "µV": 1.0, "mV": 1e-3, "V": 1e-6}
_TRACE_KEYS = (
    "Interval(msec)",
    "# of Points",
    "Start Time(min)",
    "Intensity Units",
    "Intensity Multiplier",
)
_NUMBER_KEYS = ("Start Time(min)", "End Time(min)", "Injection Volume", "Dilution Factor")
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
        "sample, method, vial, volume, injection time; the peak tables, also without traces"
    )
    reports = True
    verified = "14 real files (TAB and comma dialect, one of them without traces)"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether the file starts with ``[Header]`` and has a program name below it."""
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return start.startswith(b"[Header]") and b"Application Name" in start[:400]

    def read(self, path: Path, content: bytes) -> list[Chromatogram | VendorReport]:
        """Read all detector channels of all injections of the file.

        Files of results alone give reports.

        Raises
        ------
        BadExport
            When the file is cut, or contradicts itself in number of points, times, or number of
            peaks.
        """
        text = plain_text(content)
        layout = _layout(text)
        injections = _injections(text)
        with_traces = _have_traces(injections)
        infos = [_information(sections, layout) for sections in injections]
        file = replace(layout, form=_number_format(injections, infos, layout, self.options.marks))
        order = date_order(
            [info["Acquired"] for info in infos if info.get("Acquired")],
            [info[key] for info in infos for key in _DATE_KEYS if info.get(key)],
            self.options.date_order,
        )
        names = _section_names(infos)
        read = _read_injection if with_traces else _read_results
        found: list[Chromatogram | VendorReport] = [
            item
            for sections, info, name in zip(injections, infos, names, strict=True)
            for item in read(sections, info, name, order, file)
        ]
        if not found:
            raise BadExport(
                f"line {count_byte(text, LF) + 1}",
                "the end of the file and neither points nor results",
                "at least one channel with either",
            )
        # A title of which the end is missing is passed over, and its trace with it.
        check_last_line_ended(text, 1, "its last line")
        return found


@dataclass(frozen=True)
class _Section:
    """A ``[Title]`` with its line, counted from 1, and all lines up to the next title.

    `body` ends before the line of column names of a trace, which is `columns`, and `data` is what
    follows it, from `data_line` on; both are empty where there is no trace.
    """

    title: str
    line: int
    body: bytes
    columns: bytes
    data: bytes
    data_line: int
    ended: bool


@dataclass(frozen=True)
class _Layout:
    """What holds for the whole file: delimiter, encoding, and how numbers are printed."""

    delimiter: str
    encoding: str
    form: NumberFormat

    def text(self, raw: bytes) -> str:
        return raw.decode(self.encoding, errors="replace")

    def number(self, text: str) -> float | None:
        """The number a cell holds; ``None`` when it holds none."""
        return self.form.number(text)


def _layout(text: bytes) -> _Layout:
    """Find delimiter and encoding, once for the whole file."""
    match = re.search(rb"^(?:R\.Time \(min\)|Application Name)([\t,])", text, re.MULTILINE)
    if match is None:
        raise BadExport(
            "line 1",
            "no 'Application Name' followed by a TAB or a comma",
            "a LabSolutions ASCII export",
            "Export with TAB or comma as the delimiter.",
        )
    try:
        text.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "cp1252"
    return _Layout(match[1].decode(), encoding, NumberFormat())


def _number_format(
    injections: Sequence[Sequence[_Section]],
    infos: Sequence[Mapping[str, str]],
    file: _Layout,
    marks: Marks,
) -> NumberFormat:
    """Decide how the file prints numbers, from all data lines, or from all results."""
    others = [info[key] for info in infos for key in _NUMBER_KEYS if info.get(key)]
    pieces, at = [], 1
    for section in (section for sections in injections for section in sections):
        if section.columns:
            entries = _entries(section.body, file)
            others += [entries[key] for key in _NUMBER_KEYS if entries.get(key)]
            line, data = section.data_line, section.data
        else:
            line, data = section.line + 1, _table_numbers(section, file)
        # Empty lines stand for what is left out, so that messages have the file's lines.
        pieces += [b"\n" * (line - at), data]
        at = line + count_byte(data, b"\n")
    return number_format(b"".join(pieces), marks, separator=file.delimiter, others=others)


def _table_numbers(section: _Section, file: _Layout) -> bytes:
    """Lines of a table of results with nothing but their numbers: names may hold marks."""
    if not any(_channel_of(section, kind) for kind, _ in _TABLES):
        return b""
    lines = [line.split(file.delimiter) for line in file.text(section.body).split("\n")]
    columns = next((line for line in lines if "R.Time" in line), [])
    wanted = [place for place, name in enumerate(columns) if name.strip() in _TABLE_NUMBERS]
    kept = (
        file.delimiter.join(line[place] for place in wanted) if len(line) == len(columns) else ""
        for line in lines
    )
    return "\n".join(kept).encode("utf-8", "replace")


def _injections(text: bytes) -> list[list[_Section]]:
    """Sections of every injection; ``[Header]`` opens one."""
    titles = list(_titles(text))
    if not titles or titles[0][1] != b"Header":
        raise BadExport("line 1", "no [Header] section", "a LabSolutions ASCII export")
    injections: list[list[_Section]] = []
    line, counted = 1, 0
    for number, title in enumerate(titles):
        line += count_byte(text[counted : title.start()], b"\n")
        counted = title.start()
        last = number + 1 == len(titles)
        stop = len(text) if last else titles[number + 1].start()
        name = title[1].decode("latin-1").strip()
        if name == "Header":
            injections.append([])
        ended = not last or text.endswith(b"\n")
        section = _section(name, line, text[title.end() : stop], ended)
        if section.columns and _WITH_POINTS.fullmatch(name) is None:
            raise BadExport(
                f"line {section.data_line - 1}",
                f"points in [{name}]",
                "the title of a trace above them, like [LC Chromatogram(Detector A-Ch1)]",
            )
        if any(other.title == name for other in injections[-1]) and name.startswith(_ONCE):
            raise BadExport(
                f"line {line}",
                f"[{name}] a second time in one injection",
                "one for every channel, and a [Header] above every injection",
            )
        injections[-1].append(section)
    return injections


def _section(title: str, line: int, lines: bytes, ended: bool) -> _Section:
    at = 0 if lines.startswith(_DATA_HEADER) else lines.find(LF + _DATA_HEADER) + 1
    if not (at or lines.startswith(_DATA_HEADER)):
        return _Section(title, line, lines, b"", b"", 0, ended)
    stop = lines.find(b"\n", at) + 1 or len(lines)
    data_line = line + lines.count(b"\n", 0, at) + 2
    return _Section(title, line, lines[:at], lines[at:stop], lines[stop:], data_line, ended)


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


def _have_traces(injections: Sequence[Sequence[_Section]]) -> bool:
    """Whether the injections have traces, which all must have or none."""
    without = [s for s in injections if not any(_channel_of(p, "LC Chromatogram") for p in s)]
    if not without:
        return True
    titles = {section.title for sections in injections for section in sections}
    remedy = "Export again with the chromatograms of all detectors ticked."
    if any(title.startswith("Chromatogram (") for title in titles):
        raise BadExport(
            f"line {without[0][0].line}",
            "a gas chromatograph's [Chromatogram (...)], which has no signal unit",
            "[LC Chromatogram(...)] sections",
            "Export as ANDI/AIA instead.",
        )
    results = any(title.startswith(tuple(kind for kind, _ in _TABLES)) for title in titles)
    if results and len(without) == len(injections):
        return False
    what = "the vendor's results" if results else "header sections"
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


def _read_results(
    sections: Sequence[_Section],
    info: Mapping[str, str],
    name: str,
    order: DateOrder,
    file: _Layout,
) -> list[VendorReport]:
    """Results of all detectors of one injection, in counts and counts × s."""
    injected_at, note = iso_time(info.get("Acquired", ""), order)
    detectors = _detector_names(info, file)
    header = {key: value for key, value in info.items() if value and key not in _UNDERSTOOD}
    reports: dict[str, VendorReport] = {}
    for kind, count in _TABLES:
        for section in sections:
            channel = _channel_of(section, kind)
            if not channel or channel in reports:
                continue
            rows = _peak_rows(section, file, count)
            peaks = [_vendor_peak(cells, line, 1.0, file) for cells, line in rows]
            reports[channel] = VendorReport(
                # Compounds that were not found have a line of zeros.
                vendor_peaks=tuple(peak for peak in peaks if peak.rt_min or peak.area),
                channel=channel,
                detector=detectors.get(channel, channel),
                sample_name=info.get("Sample Name", ""),
                vial=info.get("Vial#", ""),
                method=PureWindowsPath(info.get("Method File", "")).name,
                injected_at=injected_at,
                injected_at_note=note,
                dilution=file.number(info.get("Dilution Factor", "")),
                injection_uL=file.number(info.get("Injection Volume", "")),
                section=name,
                header=MappingProxyType(header),
            )
    return list(reports.values())


def _detector_names(info: Mapping[str, str], file: _Layout) -> dict[str, str]:
    """``Detector Name`` by ``Detector ID``, from [Configuration]."""
    ids = info.get("Detector ID", "").split(file.delimiter)
    names = info.get("Detector Name", "").split(file.delimiter)
    if len(ids) != len(names):
        return {}
    return {i.strip(): n.strip() for i, n in zip(ids, names, strict=True) if n.strip()}


def _entries_of_trace(section: _Section, file: _Layout) -> dict[str, str]:
    """Entries above the data of a trace, with those that must be there."""
    entries = _entries(section.body, file)
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


def _data_block(section: _Section, entries: Mapping[str, str], file: _Layout) -> tuple[bytes, int]:
    """Data lines of a trace, whose number must be right, and the line of the first."""
    names = section.columns.removeprefix(_DATA_HEADER)
    first_line = section.data_line or section.line + section.body.count(b"\n") + 2
    if names.strip() != f"{file.delimiter}Intensity".strip().encode() or not names.endswith(b"\n"):
        shown = quoted(file.text(section.columns).strip()) if names else "no line of column names"
        raise BadExport(
            f"line {first_line - 1}",
            f"{shown} in [{section.title}]",
            f"'{_DATA_HEADER.decode()}{file.delimiter}Intensity'".replace("\t", "<TAB>"),
        )
    data = section.data
    wanted = _entry_number(entries, "# of Points", section, file, above_zero=True)
    block = data_lines(data, int(wanted))
    leftover = data[len(block) :]
    n_lines = count_byte(block, b"\n") + (not block.endswith(b"\n") and bool(block))
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
    return block, first_line


def _check_status(section: _Section, file: _Layout) -> None:
    """A pressure or temperature that ends too early shows that the file was cut."""
    entries = _entries(section.body, file)
    if "# of Points" in entries and section.columns:
        _data_block(section, entries, file)


def _trace(
    section: _Section, entries: Mapping[str, str], file: _Layout
) -> tuple[FloatArray, float, float, float]:
    """Signal, first time in s, interval in s and multiplier of a trace."""
    interval_ms = _entry_number(entries, "Interval(msec)", section, file, above_zero=True)
    start_min = _entry_number(entries, "Start Time(min)", section, file, above_zero=False)
    multiplier = _entry_number(entries, "Intensity Multiplier", section, file, above_zero=True)
    block, first_line = _data_block(section, entries, file)
    values = read_numbers(
        block,
        file.form,
        names=("a time in min", "an intensity"),
        separator=file.delimiter,
        first_line=first_line,
    )

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


def _step(cell: str, file: _Layout) -> float:
    """Last digit of a printed number: 0.001 for ``28.002``."""
    return 10.0 ** -len(cell.strip().partition(file.form.decimal)[2])


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


def _peak_rows(
    section: _Section, file: _Layout, count_key: str = "# of Peaks"
) -> list[tuple[dict[str, str], int]]:
    """Rows of a table of results by column name, each with its line."""
    lines = file.text(section.body).split("\n")
    key, _, count = lines[0].partition(file.delimiter)
    wanted = file.number(count)
    if key.strip() != count_key or wanted is None or wanted < 0:
        raise BadExport(
            f"line {section.line + 1}", f"{quoted(lines[0])} in [{section.title}]", f"'{count_key}'"
        )
    end = lines.index("") if "" in lines else len(lines)
    rows = lines[1:end]
    found = max(len(rows) - 1, 0)
    if found != wanted:
        raise BadExport(
            f"line {section.line + end + 1}",
            f"{found} peaks in [{section.title}]",
            f"{wanted:.10g}, as its '{count_key}' says",
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
    if extra > 0 and "Name" in names and file.delimiter != "\t":
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
            raise BadExport(f"line {line}", f"{quoted(text)} in column {column}", "a number")
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
