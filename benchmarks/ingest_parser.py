"""Slow readers of the export formats, to check the package's against: lines, cells, bytes.

Written from the descriptions of the formats (docs/formats.md), in plain Python, without a line of
`dialysis.ingest`, numpy or pandas: text is cut into lines and cells and every number is read by
itself, netCDF and ``.ch`` byte by byte.  Headers are used for what the values need and checked for
nothing else, so that what a file says of its points twice is compared by the package alone.

`PARSERS` has one function per format (the key of ``ingest.format``), from bytes, or from a
folder's files by name, to what is in the file.  They raise `Refused` for what is not in the format.
"""

from __future__ import annotations

import itertools
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from typing import Any


class Refused(Exception):
    """The bytes are not in the format, or fit two readings."""


@dataclass(frozen=True)
class Parsed:
    """One trace, or one vendor's integration without its trace.

    Parameters
    ----------
    times : list of float
        Times in s; retention times in min of a report.
    values : list of float
        Signal; areas of a report, NaN where there is none.
    step_s : float
        Last digit the times are printed with, s; 0 where they are not printed.
    is_report : bool
        Whether it is a report.
    """

    times: list[float]
    values: list[float]
    step_s: float = 0.0
    is_report: bool = False


@dataclass(frozen=True)
class Declared:
    """What a study declares: marks in numbers, unit of time, layout of columns."""

    decimal: str = "auto"
    thousands: str = "auto"
    time_unit: str = "auto"
    layout: Mapping[str, Any] = field(default_factory=dict)


# Text ------------------------------------------------------------------------------------------


def text_lines(content: bytes) -> list[bytes]:
    """Lines without their ends; the last one is empty where the last line is ended."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            try:
                content = content[2:].decode(encoding).encode()
            except UnicodeDecodeError as error:
                raise Refused("not UTF-16") from error
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    if b"\n" not in content:
        return content.split(b"\r")
    lines = []
    for line in content.split(b"\n"):
        for _ in range(2):
            line = line.removesuffix(b"\r")
        lines.append(line)
    return lines


def shown(raw: bytes) -> str:
    """A line or a cell as text, with the plain forms of blanks, apostrophes and minus signs."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    for special, plain in zip("\u00a0\u202f\u2009\u2019\u2212", "   '-", strict=True):
        text = text.replace(special, plain)
    return text


def without_end(lines: Sequence[bytes]) -> list[bytes]:
    """Lines of points up to the end of the file, where the last one must be ended."""
    kept = list(lines)
    if not kept or kept[-1].strip(b" \t") != b"":
        raise Refused("the last line is not ended")
    while kept and kept[-1].strip(b" \t") == b"":
        kept.pop()
    return kept


# Numbers ---------------------------------------------------------------------------------------


def one_number(text: str, decimal: str, thousands: str) -> float | None:
    """The finite number a cell holds with these marks, character by character."""
    text = text.strip(" \t")
    at = 0
    if text[:1] in ("+", "-"):
        at = 1
    groups, fraction, has_decimal = [""], "", False
    while at < len(text) and text[at] not in "eE":
        character = text[at]
        if character in "0123456789":
            if has_decimal:
                fraction += character
            else:
                groups[-1] += character
        elif character == decimal and not has_decimal:
            has_decimal = True
        elif thousands and character == thousands and not has_decimal:
            groups.append("")
        else:
            return None
        at += 1
    if len(groups) > 1 and (
        not 1 <= len(groups[0]) <= 3
        or groups[0][0] == "0"
        or any(len(group) != 3 for group in groups[1:])
    ):
        return None
    whole = "".join(groups)
    if not whole and not fraction:
        return None
    exponent = text[at + 1 :] if at < len(text) else "0"
    digits = exponent[1:] if exponent[:1] in ("+", "-") else exponent
    if not digits or any(digit not in "0123456789" for digit in digits):
        return None
    sign = "-" if text[0] == "-" else ""
    value = float(f"{sign}{whole or '0'}.{fraction or '0'}e{exponent}")
    return value if math.isfinite(value) else None


def _is_numeric(cell: str) -> bool:
    """Whether a cell that is not needed is a number in some marks, and so tells the file's."""
    return any(
        one_number(cell, decimal, thousands) is not None
        for decimal in (".", ",")
        for thousands in ("", ".", ",", "'", " ")
        if thousands != decimal
    )


def marks_of(
    needed: Sequence[str],
    separator: str,
    declared: Declared,
    evidence: Iterable[str] = (),
    header: Iterable[str] = (),
) -> tuple[str, str]:
    """Decimal and thousands mark: the only ones that fit all cells of a file.

    `needed` must be numbers; `evidence` are cells that stand between them; `header` is asked where
    two readings are left.
    """
    others = [cell for cell in (text.strip(" \t") for text in evidence) if _is_numeric(cell)]
    readings: dict[tuple[float, ...], list[tuple[str, str]]] = {}
    for decimal in (".", ",") if declared.decimal == "auto" else (declared.decimal,):
        for thousands in ("", ".", ",", "'", " "):
            if declared.thousands not in ("auto", thousands or "none"):
                continue
            if decimal == thousands or (separator and separator in (decimal, thousands)):
                continue
            values = []
            for cell in (*needed, *others):
                value = one_number(cell, decimal, thousands)
                if value is None:
                    break
                values.append(value)
            else:
                readings.setdefault(tuple(values), []).append((decimal, thousands))
    found = list(readings.values())
    if len(found) > 1:
        cells = [cell for cell in header if cell.strip()]
        fitting = [
            marks
            for marks in found
            if any(all(one_number(c, *pair) is not None for c in cells) for pair in marks)
        ]
        found = fitting or found
    if len(found) != 1:
        raise Refused(f"{len(found)} readings of the numbers")
    return found[0][0]


def number_table(
    rows: Sequence[Sequence[str]],
    wanted: Sequence[int],
    n_columns: int,
    separator: str,
    declared: Declared,
    header: Iterable[str] = (),
) -> tuple[list[list[float]], tuple[str, str]]:
    """Wanted columns of rows of cells, and the marks of their numbers."""
    for row in rows:
        if len(row) != n_columns:
            raise Refused(f"{len(row)} cells instead of {n_columns}")
    needed = [row[column] for row in rows for column in wanted]
    evidence = [row[column] for row in rows for column in range(n_columns) if column not in wanted]
    marks = marks_of(needed, separator, declared, evidence, header)
    columns: list[list[float]] = []
    for column in wanted:
        values = []
        for row in rows:
            value = one_number(row[column], *marks)
            if value is None:
                raise Refused(f"{row[column]!r} is no number")
            values.append(value)
        columns.append(values)
    return columns, marks


def last_digit(cells: Sequence[str], marks: tuple[str, str]) -> float:
    """Last digit that the largest time is printed with: 1e-5 for ``54.91667``.

    Zeros at the end may be left out: the times near the end tell how many digits there are.
    """
    digits, largest = 0, Decimal(0)
    for cell in cells[-20:]:
        plain = cell.strip(" \t")
        if marks[1]:
            plain = plain.replace(marks[1], "")
        value = Decimal(plain.replace(marks[0], "."))
        if value:
            digits = max(digits, len(value.as_tuple().digits))
            largest = max(largest, abs(value))
    return 10.0 ** (largest.adjusted() + 1 - digits) if largest else 0.0


def increasing(times: Sequence[float]) -> None:
    """Refuse fewer than two points and times that do not increase."""
    if len(times) < 2:
        raise Refused(f"{len(times)} points")
    for before, after in itertools.pairwise(times):
        if not after > before:
            raise Refused("times do not increase")


def told_unit(times: Sequence[float], declared: Declared) -> float:
    """Seconds of the unit of times without one: the only one that makes a sensible run."""
    if declared.time_unit != "auto":
        return {"min": 60.0, "s": 1.0}[declared.time_unit]
    run = times[-1] - times[0]
    step = run / (len(times) - 1)
    fitting = [
        unit
        for unit in (60.0, 1.0)
        if 120 <= run * unit <= 4 * 3600 and 0.005 <= step * unit <= 5.0
    ]
    if len(fitting) != 1:
        raise Refused(f"{len(fitting)} units of time make sense")
    return fitting[0]


def plain_points(
    lines: Sequence[bytes],
    declared: Declared,
    *,
    separator: str = "\t",
    n_signals: int = 1,
    n_columns: int = 0,
    unit_s: float | None = 60.0,
) -> list[Parsed]:
    """Lines of a time and signals; without `unit_s` the unit of time is told from the run."""
    cut = None if separator == " " else separator
    rows = [shown(line).split(cut) for line in lines]
    columns, marks = number_table(
        rows, range(1 + n_signals), n_columns or 1 + n_signals, separator, declared
    )
    times, *signals = columns
    increasing(times)
    unit = told_unit(times, declared) if unit_s is None else unit_s
    step = last_digit([row[0] for row in rows], marks) * unit
    return [Parsed([time * unit for time in times], signal, step) for signal in signals]


# Text formats ----------------------------------------------------------------------------------


def parse_two_column(content: bytes, declared: Declared) -> list[Parsed]:
    """Two numbers per line; blanks, a TAB, a semicolon or a comma between them; maybe EOT."""
    lines = text_lines(content)
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and kept[-1].strip() == b"EOT":
        kept.pop()
    else:
        kept = without_end(lines)
    found: list[list[Parsed]] = []
    refusal = Refused("no two numbers per line")
    for separator in (";", "\t", " ", ","):
        if separator == "\t" and found:
            continue
        try:
            read = plain_points(kept, declared, separator=separator, unit_s=None)
        except Refused as error:
            refusal = error if "units" in str(error) or "readings" in str(error) else refusal
            continue
        if all(read[0].values != other[0].values for other in found):
            found.append(read)
    if len(found) != 1:
        raise refusal if not found else Refused("two separators fit")
    if b"," in kept[0] and b";" not in kept[0] and b"\t" not in kept[0]:
        # Two numbers with a comma between them may be one number.
        alone = [one_number(shown(line), ",", ".") for line in kept]
        if all(value is not None for value in alone):
            raise Refused("two numbers or one")
    return found[0]


def parse_empower(content: bytes, declared: Declared) -> list[Parsed]:
    """Two quoted rows or none, then minutes, TAB, signal."""
    lines = text_lines(content)
    if lines[0].startswith(b'"'):
        if len(lines) < 3 or len(quoted(lines[0], "\t")) != len(quoted(lines[1], "\t")):
            raise Refused("no pair of header rows")
        lines = lines[2:]
    return plain_points(without_end(lines), declared)


def parse_agilent_csv(content: bytes, declared: Declared) -> list[Parsed]:
    """UTF-16; minutes and signals; wavelengths above them or not."""
    if content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise Refused("not UTF-16")
    lines = without_end(text_lines(content))
    if not lines:
        raise Refused("no points")
    at = 1 if len(lines) > 1 else 0
    separator = next((mark for mark in "\t;," if mark in shown(lines[at])), "")
    if not separator:
        raise Refused("no separator")
    cells = [cell.strip() for cell in shown(lines[0]).split(separator)]
    n_signals = 1
    if not cells[0] and len(cells) > 1:
        if not all(re.fullmatch(r"\d{3,4}(\.\d+)?", cell) for cell in cells[1:]):
            raise Refused("no wavelengths")
        n_signals = len(cells) - 1
        lines = lines[1:]
    return plain_points(lines, declared, separator=separator, n_signals=n_signals)


def parse_clarity(content: bytes, declared: Declared) -> list[Parsed]:
    """Keys, a line of units in brackets, then a time and a signal per line."""
    lines = text_lines(content)
    for number, line in enumerate(lines):
        units = re.fullmatch(r"\[([^\]\t]*)\]\t\[([^\]\t]*)\]", shown(line).strip())
        if units:
            word = units[1].strip().lower().rstrip(".")
            if word not in ("min", "s", "sec"):
                raise Refused(f"times in {word!r}")
            points = without_end(lines[number + 1 :])
            return plain_points(points, declared, unit_s=60.0 if word == "min" else 1.0)
    raise Refused("no units")


def parse_wingpc(content: bytes, declared: Declared) -> list[Parsed]:
    """Minutes, one column per detector, the time of day and a TAB, between two marks."""
    lines = text_lines(content)
    starts = [n for n, line in enumerate(lines) if line.startswith(b"RAWstart :")]
    stops = [n for n, line in enumerate(lines) if line.startswith(b"RAWstop :")]
    if len(starts) != 1 or len(stops) != 1 or stops[0] < starts[0] + 3:
        raise Refused("no raw data")
    names = [cell.strip() for cell in shown(lines[starts[0] + 1]).split("\t")]
    if len(names) < 3 or names[0] != "Time" or names[-1] != "Time":
        raise Refused("no names")
    points = lines[starts[0] + 2 : stops[0]]
    if points[0].strip():
        raise Refused("no blank line above the points")
    points = points[1:]
    while points and not points[-1]:
        points.pop()
    return plain_points(points, declared, n_signals=len(names) - 2, n_columns=len(names) + 1)


def parse_ezchrom(content: bytes, declared: Declared) -> list[Parsed]:
    """Keys with a value per channel, then the counts of all channels below one another."""
    lines = text_lines(content)
    entries: dict[str, list[str]] = {}
    start = 0
    for start, line in enumerate(lines):  # noqa: B007
        match = re.fullmatch(r"([A-Za-z][^:\t,]*):([\t,])(.*)", shown(line).strip())
        if not match:
            break
        cells = [cell.strip() for cell in match[3].split(match[2])]
        if entries.setdefault(match[1].strip(), cells) != cells:
            raise Refused(f"{match[1]!r} twice")
    try:
        *rates, hertz = entries["Sampling Rate"]
        *numbers, points = entries["Total Data Points"]
        factors = entries["Y Axis Multiplier"]
        axis = entries["X Axis Multiplier"]
    except KeyError as error:
        raise Refused(f"no {error}") from error
    if hertz != "Hz" or points != "Pts." or not len(rates) == len(numbers) == len(factors):
        raise Refused("channels of different number")
    marks = marks_of([*rates, *numbers, *factors, *axis], "", declared)
    counts: list[float] = []
    for line in without_end(lines[start:]):
        value = one_number(shown(line), marks[0], "")
        if value is None:
            raise Refused(f"{line!r} is no count")
        counts.append(value)
    found = []
    for rate, number, factor in zip(rates, numbers, factors, strict=True):
        hz, n, times = (one_number(cell, *marks) for cell in (rate, number, factor))
        if not hz or hz <= 0 or n is None or not times or n > len(counts):
            raise Refused("no rate, number of points or multiplier")
        signal = [count * times for count in counts[: int(n)]]
        counts = counts[int(n) :]
        interval = 1.0 / hz
        found.append(Parsed([place * interval for place in range(len(signal))], signal))
    if counts:
        raise Refused("counts are left over")
    return found


def _chromeleon(content: bytes, declared: Declared, titles: Sequence[str]) -> list[Parsed]:
    """Entries below titles, then time, step and value in every line to the end of the file."""
    lines = text_lines(content)
    at = next((n for n, line in enumerate(lines) if shown(line) in titles), None)
    if at is None or at + 1 >= len(lines):
        raise Refused("no data")
    match = re.fullmatch(
        r"Time ?\((min|sec|s)\)\tStep ?\((sec|s)\)\tValue ?\((.*)\)\t*", shown(lines[at + 1])
    )
    if not match:
        raise Refused("other columns")
    entries = [shown(line).split("\t") for line in lines[:at]]
    header = [
        cells[1].strip()
        for cells in entries
        if len(cells) > 1
        and cells[0].strip().startswith(("Time M", "Injection Volume", "Dilution Factor"))
    ]
    rows = []
    for line in without_end(lines[at + 2 :]):
        cells = shown(line).split("\t")
        if any(cells[3:]):
            raise Refused("too many cells")
        rows.append(cells)
    if not rows:
        raise Refused("no points")
    columns, marks = number_table(
        rows, (0, 2), max(len(rows[0]), 3), "\t", declared, [h for h in header if h]
    )
    times, values = columns
    increasing(times)
    unit = 60.0 if match[1] == "min" else 1.0
    step = last_digit([row[0] for row in rows], marks)
    return [Parsed([time * unit for time in times], values, step * unit)]


def parse_chromeleon7(content: bytes, declared: Declared) -> list[Parsed]:
    """Chromeleon 7 text."""
    return _chromeleon(content, declared, ("Chromatogram Data:", "Raw Data:"))


def parse_chromeleon68(content: bytes, declared: Declared) -> list[Parsed]:
    """Chromeleon 6.8 text."""
    return _chromeleon(content, declared, ("Chromatogram Data:", "Raw Data:"))


def parse_chromeleon7_report(content: bytes, declared: Declared) -> list[Parsed]:
    """A grid of cells: names, units, channels, a row for every peak, a row of totals."""
    grid = [[cell.strip() for cell in shown(line).split("\t")] for line in text_lines(content)]
    at = next((n for n, cells in enumerate(grid) if cells[0] == "Integration Results"), None)
    if at is None or len(grid) < at + 4:
        raise Refused("no results")
    names, units = grid[at + 1], grid[at + 2]
    if names.count("Retention Time") != 1 or names.count("Area") != 1:
        raise Refused("no retention times or areas")
    time_at, area_at = names.index("Retention Time"), names.index("Area")
    per_area = re.fullmatch(r"(.*\S)\s*[*·.×]\s*(min|sec|s)", units[area_at])
    if not per_area or units[time_at] not in ("min", "s", "sec"):
        raise Refused("no units")
    rows = []
    for cells in grid[at + 4 :]:
        if cells[0] == "Total:":
            break
        rows.append([*cells, *[""] * (len(names) - len(cells))])
    else:
        raise Refused("no total")
    words = [n for n, name in enumerate(names) if name in ("Peak Name", "Type", "Peak Type", "")]
    needed = [row[n] for row in rows for n in (time_at, area_at) if row[n] not in ("", "n.a.")]
    evidence = [cells[n] for cells in (*rows, cells) for n in range(len(cells)) if n not in words]
    labels = [row for row in grid[:at] if any(row)]
    header = []
    for row in labels:
        for place, cell in enumerate(row):
            if cell in ("Run Time (min):", "Injection Volume:", "Dilution Factor:"):
                header += [c for c in row[place + 1 :] if c and not c.endswith(":")][:1]
    marks = marks_of(needed, "\t", declared, evidence, [cell for cell in header if cell != "n.a."])
    times, areas = [], []
    for row in rows:
        if row[time_at] in ("", "n.a."):
            continue
        time, area = (one_number(row[n], *marks) for n in (time_at, area_at))
        if time is None:
            raise Refused("no retention time")
        times.append(time if units[time_at] == "min" else time / 60)
        seconds = 60.0 if per_area[2] == "min" else 1.0
        areas.append(math.nan if area is None else area * seconds)
    return [Parsed(times, areas, is_report=True)]


def parse_labsolutions(content: bytes, declared: Declared) -> list[Parsed]:
    """Sections of keys and values; those called LC Chromatogram end in lines of points."""
    lines = text_lines(content)
    separator = ""
    for line in lines:
        match = re.match(r"(?:R\.Time \(min\)|Application Name)([\t,])", shown(line))
        if match:
            separator = match[1]
            break
    if not separator:
        raise Refused("no program name")
    sections = _sections(lines)
    if not sections or sections[0][0] != "Header":
        raise Refused("no header")
    traces_there = any(title.startswith("LC Chromatogram(") for title, _ in sections)
    evidence: list[str] = []
    needed: list[str] = []
    header: list[str] = []
    traces = []
    tables: list[dict[str, list[list[str]]]] = []
    if lines[-1].strip(b" \t"):
        raise Refused("the last line is not ended")
    for title, body in sections:
        if title == "Header":
            tables.append({})
        entries, rows = _section_parts(body, separator)
        header += [
            value
            for key, value in entries.items()
            if key in ("Start Time(min)", "End Time(min)", "Injection Volume", "Dilution Factor")
        ]
        is_trace = re.fullmatch(r"LC Chromatogram\((.*)\)", title)
        if rows is not None and not is_trace and not title.startswith("LC Status Trace("):
            raise Refused(f"points in [{title}]")
        if is_trace and entries.get("# of Points") != "0":
            if rows is None or len({"Intensity Multiplier", "Intensity Units"} & set(entries)) < 2:
                raise Refused(f"no points in [{title}]")
            traces.append((entries["Intensity Multiplier"], rows))
            needed += [cell for row in rows for cell in row]
        elif rows is not None:
            evidence += [cell for row in rows for cell in row]
        for kind in ("Peak Table", "Compound Results"):
            if title.startswith(f"{kind}(") and title.endswith(")"):
                channel = title[len(kind) + 1 : -1].strip()
                if f"{kind}\n{channel}" in tables[-1]:
                    raise Refused(f"[{title}] twice")
                try:
                    tables[-1][f"{kind}\n{channel}"] = _result_rows(body, separator)
                except Refused:
                    # Beside traces only the peak tables are read.
                    if kind == "Peak Table" or not traces_there:
                        raise
    numeric = ("R.Time", "I.Time", "F.Time", "Area", "Height", "Conc.")
    for injection in tables:
        for names, *rows in (table for table in injection.values() if table):
            evidence += [row[n] for row in rows for n, name in enumerate(names) if name in numeric]
    marks = marks_of(needed, separator, declared, evidence, header)
    if not traces_there:
        return _result_reports(tables, marks)
    found = []
    for factor_text, rows in traces:
        factor = one_number(factor_text, *marks)
        if factor is None or not factor > 0:
            raise Refused("no multiplier")
        columns, _ = number_table(
            rows, (0, 1), 2, separator, Declared(marks[0], marks[1] or "none")
        )
        increasing(columns[0])
        step = last_digit([row[0] for row in rows], marks) * 60
        found.append(
            Parsed([60 * time for time in columns[0]], [y * factor for y in columns[1]], step)
        )
    return found


def _sections(lines: Sequence[bytes]) -> list[tuple[str, list[bytes]]]:
    sections: list[tuple[str, list[bytes]]] = []
    for line in lines:
        match = re.fullmatch(rb"\[([^\[\]]+)\][ \t]*", line)
        if match:
            sections.append((shown(match[1]).strip(), []))
        elif sections:
            sections[-1][1].append(line)
    return sections


def _section_parts(
    body: Sequence[bytes], separator: str
) -> tuple[dict[str, str], list[list[str]] | None]:
    """Entries of a section, and cells of the lines of points below its column names."""
    entries: dict[str, str] = {}
    for number, line in enumerate(body):
        text = shown(line)
        if text.startswith("R.Time (min)"):
            rows = []
            points = list(body[number + 1 :])
            for place, point in enumerate(points):
                if not point.strip(b" \t"):
                    if any(rest.strip(b" \t") for rest in points[place:]):
                        raise Refused("text below the points")
                    return entries, rows
                rows.append(shown(point).split(separator))
            return entries, rows
        key, mark, value = text.partition(separator)
        if mark and key.strip():
            entries[key.strip()] = value.strip()
    return entries, None


def _result_rows(body: Sequence[bytes], separator: str) -> list[list[str]]:
    """Names and rows of a table of results."""
    rows: list[list[str]] = []
    for line in body[1:]:
        if not line:
            break
        cells = [cell.strip() for cell in shown(line).split(separator)]
        if rows and len(cells) > len(rows[0]) and "Name" in rows[0] and separator == ",":
            at, extra = rows[0].index("Name"), len(cells) - len(rows[0])
            cells[at : at + extra + 1] = [separator.join(cells[at : at + extra + 1])]
        if rows and len(cells) != len(rows[0]):
            raise Refused("a row of other length")
        rows.append(cells)
    return rows


def _result_reports(
    tables: Sequence[Mapping[str, list[list[str]]]], marks: tuple[str, str]
) -> list[Parsed]:
    found = []
    for injection in tables:
        done = set()
        for kind in ("Peak Table", "Compound Results"):
            for key, table in injection.items():
                if not key.startswith(f"{kind}\n") or key.partition("\n")[2] in done:
                    continue
                done.add(key.partition("\n")[2])
                times, areas = [], []
                for row in table[1:]:
                    cells = dict(zip(table[0], row, strict=True))
                    time = one_number(cells.get("R.Time", ""), *marks)
                    area = one_number(cells.get("Area", ""), *marks)
                    if time is None:
                        raise Refused("no retention time")
                    if time or area:
                        times.append(time)
                        areas.append(math.nan if area is None else area)
                found.append(Parsed(times, areas, is_report=True))
    return found


def quoted(line: bytes | str, separator: str) -> list[str]:
    """Cells of a line of which some stand in quotes; a quote inside is written twice."""
    text = line if isinstance(line, str) else shown(line)
    cells, at = [], 0
    while True:
        cell = ""
        if text[at : at + 1] == '"':
            at += 1
            while True:
                stop = text.find('"', at)
                if stop < 0:
                    raise Refused("a quote is not closed")
                cell += text[at:stop]
                at = stop + 1
                if text[at : at + 1] != '"':
                    break
                cell += '"'
                at += 1
            if at < len(text) and text[at] != separator:
                raise Refused("text behind a quote")
        else:
            stop = text.find(separator, at)
            stop = len(text) if stop < 0 else stop
            cell = text[at:stop]
            at = stop
        cells.append(cell)
        if at >= len(text):
            return cells
        at += 1


def parse_delimited(content: bytes, declared: Declared) -> list[Parsed]:
    """Columns where the study says they are."""
    layout = declared.layout
    if not layout.get("signals"):
        raise Refused("nothing declared")
    separator = {"tab": "\t", "comma": ",", "semicolon": ";", "blank": " "}[
        layout.get("delimiter", "tab")
    ]
    lines = text_lines(content)
    n_header = layout.get("header_rows", 0)
    points = [shown(line) for line in without_end(lines[n_header:])]
    if not points:
        raise Refused("no points")
    has_quotes = any('"' in point for point in points)
    cut = None if separator == " " else separator
    rows = [quoted(p, separator) if has_quotes else p.split(cut) for p in points]
    names = []
    if n_header:
        names = [cell.strip().strip('"') for cell in shown(lines[n_header - 1]).split(cut)]

    def place(column: int | str) -> int:
        at = column - 1 if isinstance(column, int) else -1
        if isinstance(column, str) and names.count(column) == 1:
            at = names.index(column)
        if not 0 <= at < len(rows[0]):
            raise Refused(f"no column {column}")
        return at

    wanted = [place(signal["column"]) for signal in layout["signals"]]
    time_column = layout.get("time_column", 1)
    if time_column is not None:
        wanted.insert(0, place(time_column))
    mark = "" if has_quotes else separator
    needed_only = [[row[n] for n in wanted] for row in rows if len(row) == len(rows[0])]
    if len(needed_only) < len(rows):
        raise Refused("rows of different length")
    columns, marks = number_table(needed_only, range(len(wanted)), len(wanted), mark, declared)
    if time_column is None:
        interval = float(layout["interval_s"])
        return [Parsed([n * interval for n in range(len(y))], y) for y in columns]
    times, *signals = columns
    increasing(times)
    unit = told_unit(times, declared)
    step = last_digit([row[0] for row in needed_only], marks) * unit
    return [Parsed([time * unit for time in times], signal, step) for signal in signals]


# Excel -----------------------------------------------------------------------------------------


def parse_excel(content: bytes, declared: Declared) -> list[Parsed]:
    """The first sheet, tag by tag."""
    layout = declared.layout
    if not layout.get("signals"):
        raise Refused("nothing declared")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            return _workbook(archive, declared)
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        OSError,
        EOFError,
        RuntimeError,
        KeyError,
        NotImplementedError,
    ) as error:
        raise Refused("a damaged archive") from error


def _workbook(archive: zipfile.ZipFile, declared: Declared) -> list[Parsed]:
    layout = declared.layout

    def part(name: str, needed: bool = True) -> str:
        if not needed and name not in archive.namelist():
            return ""
        return archive.read(name).decode("utf-8")

    shared = [
        "".join(re.findall(r"<t(?: [^>]*)?>([^<]*)</t>", item))
        for item in re.findall(r"<si>(.*?)</si>", part("xl/sharedStrings.xml", False), re.DOTALL)
    ]
    first = re.search(r"<sheet [^>]*r:id=\"([^\"]+)\"", part("xl/workbook.xml"))
    if not first:
        raise Refused("no sheet")
    target = re.search(
        rf'Id="{re.escape(first[1])}"\s+Target="([^"]+)"',
        part("xl/_rels/workbook.xml.rels"),
    )
    name = target[1] if target else ""
    sheet = part(name.removeprefix("/") if name.startswith("/") else f"xl/{name}")
    rows: list[list[str]] = []
    for row in re.findall(r"<row[^>]*>(.*?)</row>", sheet, re.DOTALL):
        cells = []
        for kind, value in re.findall(r"<c [^>]*?(t=\"s\")?><v>([^<]*)</v></c>", row):
            cells.append(shared[int(value)] if kind else value)
        rows.append(cells)
    points = rows[layout.get("header_rows", 0) :]
    wanted = [layout.get("time_column", 1) - 1, *(s["column"] - 1 for s in layout["signals"])]
    if any(len(row) <= max(wanted) for row in points):
        raise Refused("a cell is missing")
    columns = [[float(row[n]) for row in points] for n in wanted]
    increasing(columns[0])
    unit = told_unit(columns[0], declared)
    step = last_digit([row[wanted[0]] for row in points], (".", "")) * unit
    return [Parsed([time * unit for time in columns[0]], signal, step) for signal in columns[1:]]


# Binary formats --------------------------------------------------------------------------------

_TYPES = {1: ("b", 1), 2: ("s", 1), 3: ("h", 2), 4: ("i", 4), 5: ("f", 4), 6: ("d", 8)}


class _Bytes:
    """netCDF's header, one value after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 4

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.content):
            raise Refused("the file ends inside the header")
        raw = self.content[self.at : self.at + n]
        self.at += n
        return raw

    def integer(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def padded(self, n: int) -> bytes:
        raw = self.take(n)
        self.take(-n % 4)
        return raw

    def name(self) -> str:
        return self.padded(self.integer()).decode("latin-1")

    def count_of(self, tag: int) -> int:
        found, n = self.integer(), self.integer()
        if found not in (0, tag) or n < 0 or (found == 0 and n):
            raise Refused("no list where one should be")
        return n

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self.count_of(12)):
            name, kind, n = self.name(), self.integer(), self.integer()
            if kind not in _TYPES or n < 0 or name in found:
                raise Refused("an attribute of unknown type")
            raw = self.padded(n * _TYPES[kind][1])
            found[name] = _text_of(raw) if kind == 2 else _values(raw, kind)
        return found


def _text_of(raw: bytes) -> str:
    return raw.split(b"\x00")[0].decode("latin-1").strip()


def _values(raw: bytes, kind: int) -> list[float]:
    letter, size = _TYPES[kind]
    values = []
    for at in range(0, len(raw), size):
        (value,) = struct.unpack(f">{letter}", raw[at : at + size])
        values.append(value)
    return values


def _as_meant(value: float, kind: int) -> float:
    """0.4 for the single precision number nearest to it, by the fewest digits that tell it."""
    if kind != 5 or not math.isfinite(value):
        return float(value)
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        try:
            if struct.pack(">f", short) == struct.pack(">f", value):
                return short
        except OverflowError:
            continue
    return float(value)


def parse_andi(content: bytes, declared: Declared) -> list[Parsed]:
    """Read netCDF classic: dimensions, attributes, variables, then the data of those wanted."""
    if content[:4] not in (b"CDF\x01", b"CDF\x02"):
        raise Refused("not netCDF classic")
    header = _Bytes(content)
    n_records = header.integer()
    dimensions = [(header.name(), header.integer()) for _ in range(header.count_of(10))]
    attributes = header.attributes()
    variables: dict[str, tuple[list[int], dict[str, Any], int, int]] = {}
    record_bytes = []
    for _ in range(header.count_of(11)):
        name = header.name()
        places = [header.integer() for _ in range(header.integer())]
        own = header.attributes()
        kind, _ = header.integer(), header.integer()
        begin = int.from_bytes(header.take(8 if content[3] == 2 else 4), "big", signed=True)
        if name in variables or kind not in _TYPES:
            raise Refused("a variable twice, or of unknown type")
        if any(not 0 <= place < len(dimensions) for place in places) or begin < 0:
            raise Refused("a variable of no dimension or place")
        shape = [dimensions[place][1] for place in places]
        if any(n < 0 for n in shape):
            raise Refused("a negative dimension")
        variables[name] = (shape, own, kind, begin)
        if shape and shape[0] == 0:
            record_bytes.append(math.prod(shape[1:]) * _TYPES[kind][1])
    if len(record_bytes) > 1:
        record_bytes = [n + -n % 4 for n in record_bytes]

    def data(name: str) -> tuple[list[float], int]:
        if name not in variables:
            raise Refused(f"no {name}")
        shape, _, kind, begin = variables[name]
        if kind == 2:
            raise Refused(f"{name} is text")
        if not shape or shape[0] != 0:
            pieces = [(begin, math.prod(shape) * _TYPES[kind][1])]
        else:
            size = math.prod(shape[1:]) * _TYPES[kind][1]
            pieces = [(begin + n * sum(record_bytes), size) for n in range(max(n_records, 0))]
        if any(at + size > len(content) for at, size in pieces):
            raise Refused(f"the file ends inside {name}")
        return _values(b"".join(content[at : at + size] for at, size in pieces), kind), kind

    def one(name: str) -> float:
        values, kind = data(name)
        if len(values) != 1 or not math.isfinite(values[0]):
            raise Refused(f"no value of {name}")
        return _as_meant(values[0], kind)

    unit_name = attributes.get("retention_unit", "")
    word = str(unit_name).lower()
    in_seconds = re.search(r"\bs(ec(ond)?s?)?\b", word) is not None
    in_minutes = re.search(r"\bmin(ute)?s?\b", word) is not None
    if word and in_seconds == in_minutes:
        raise Refused(f"times in {word!r}")
    unit = 60.0 if in_minutes else 1.0
    counts, _ = data("ordinate_values")
    if len(variables["ordinate_values"][0]) != 1:
        raise Refused("not one dimension")
    own = variables["ordinate_values"][1]
    factor, offset = _factor(own, "scale_factor", 1.0), _factor(own, "add_offset", 0.0)
    signal = [float(count) * factor + offset for count in counts]
    if not all(math.isfinite(value) for value in signal):
        raise Refused("a signal that is not finite")
    flag = str(own.get("uniform_sampling_flag", "Y"))[:1].upper()
    if flag == "N":
        times, _ = data("raw_data_retention")
        if len(times) != len(signal):
            raise Refused("another number of times")
        seconds = [float(time) * unit for time in times]
    elif flag in ("Y", ""):
        start, interval = one("actual_delay_time") * unit, one("actual_sampling_interval") * unit
        seconds = [start + n * interval for n in range(len(signal))]
    else:
        raise Refused(f"uniform_sampling_flag {flag!r}")
    if not all(math.isfinite(time) for time in seconds):
        raise Refused("a time that is not finite")
    increasing(seconds)
    return [Parsed(seconds, signal)]


def _factor(attributes: Mapping[str, Any], name: str, neutral: float) -> float:
    value = attributes.get(name, [neutral])
    if not isinstance(value, list) or len(value) != 1:
        raise Refused(f"{name} is no number")
    as_single = struct.pack(">d", value[0]) == struct.pack(">d", _single(value[0]))
    return _as_meant(value[0], 5 if as_single else 6)


def _single(value: float) -> float:
    try:
        return float(struct.unpack(">f", struct.pack(">f", value))[0])
    except OverflowError:
        return math.nan


def parse_chemstation(content: bytes, declared: Declared) -> list[Parsed]:
    """Read a ``.ch`` file of version 181: 16-bit changes of the slope, or 48-bit points after 7FFF.

    The header has the times of the first and last point; points are whole ms apart; a last step
    of zero is no point where it does not fit them.
    """
    if content[:4] != b"\x03181" or len(content) < 0x1800:
        raise Refused("not version 181")
    block = int.from_bytes(content[0x108:0x10C], "big", signed=True)
    first, last = struct.unpack(">ff", content[0x11A:0x122])
    offset, scale = struct.unpack(">dd", content[0x1274:0x1284])
    at = (block - 1) * 512
    if not 0 < at <= len(content) or not math.isfinite(first) or not math.isfinite(last):
        raise Refused("no data")
    counts: list[int] = []
    slope = 0
    while at < len(content):
        word = int.from_bytes(content[at : at + 2], "big", signed=True)
        if at + (8 if word == 0x7FFF else 2) > len(content):
            raise Refused("half a point")
        if word == 0x7FFF:
            counts.append(int.from_bytes(content[at + 2 : at + 8], "big", signed=True))
            slope, at = 0, at + 8
        else:
            slope += word
            counts.append((counts[-1] if counts else 0) + slope)
            at += 2
    for n in (len(counts), len(counts) - 1):
        if n > 1:
            interval = (last - first) / (n - 1)
            if round(interval) > 0 and abs(interval - round(interval)) * (n - 1) < 1:
                signal = [count * scale + offset for count in counts[:n]]
                if not all(math.isfinite(value) for value in signal):
                    raise Refused("a signal that is not finite")
                step = round(interval)
                return [Parsed([(first + k * step) / 1000 for k in range(n)], signal)]
    raise Refused("no whole ms")


def parse_agilent_report(files: Mapping[str, bytes], declared: Declared) -> list[Parsed]:
    """Read ``Report00.CSV`` for names of columns, then the peaks of every signal."""
    upper = {name.upper(): content for name, content in files.items()}
    if "REPORT00.CSV" not in upper:
        raise Refused("no Report00.CSV")
    entries = {}
    for line in text_lines(upper["REPORT00.CSV"]):
        cells = quoted(line, ",")
        entries[cells[0].strip()] = [cell.strip() for cell in cells[1:]]
    columns = [entries[f"Column {n}"] for n in range(1, 100) if entries.get(f"Column {n}")]
    names = [cells[0].lower() for cells in columns]
    time_at = next((n for n, name in enumerate(names) if name in _RETENTION), None)
    area_at = next((n for n, name in enumerate(names) if name == "area"), None)
    if time_at is None:
        raise Refused("no retention times")
    found = []
    for number in range(1, 100):
        if f"Signal {number}" not in entries or f"REPORT{number:02d}.CSV" not in upper:
            continue
        rows = [
            quoted(line, ",")
            for line in text_lines(upper[f"REPORT{number:02d}.CSV"])
            if line.strip()
        ]
        if any(len(row) != len(names) for row in rows):
            raise Refused("a row of other length")
        wanted = [n for n, name in enumerate(names) if name in _NUMERIC]
        marks = marks_of([r[n] for r in rows for n in wanted if r[n]], "", declared)
        times = [one_number(row[time_at], *marks) for row in rows]
        areas = [None if area_at is None else one_number(row[area_at], *marks) for row in rows]
        if any(time is None for time in times):
            raise Refused("no retention time")
        cells = [] if area_at is None else columns[area_at]
        unit = cells[1] if len(cells) > 1 else ""
        factor = 60.0 if unit.replace(" ", "").endswith("*min") else 1.0
        found.append(
            Parsed(
                [time for time in times if time is not None],
                [math.nan if area is None else area * factor for area in areas],
                is_report=True,
            )
        )
    return found


_RETENTION = ("retention time", "rettime")
_NUMERIC = (*_RETENTION, "area", "height", "peak width", "width")

PARSERS: Mapping[str, Callable[[Any, Declared], list[Parsed]]] = {
    "andi": parse_andi,
    "chromeleon7": parse_chromeleon7,
    "chromeleon7_report": parse_chromeleon7_report,
    "chromeleon68": parse_chromeleon68,
    "labsolutions": parse_labsolutions,
    "empower": parse_empower,
    "ezchrom": parse_ezchrom,
    "clarity": parse_clarity,
    "agilent_csv": parse_agilent_csv,
    "chemstation": parse_chemstation,
    "agilent_report": parse_agilent_report,
    "wingpc": parse_wingpc,
    "two_column": parse_two_column,
    "delimited": parse_delimited,
    "excel": parse_excel,
}
