"""What the text exports of Chromeleon 6.8 and 7 have in common.

A file holds one channel of one injection: blocks of ``key<TAB>value`` lines below titles that end
in a colon, then, below ``Raw Data:`` or ``Chromatogram Data:``, lines of time, step and value.
Decimal and thousands marks follow the computer's region.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.dates import date_order, iso_time
from dialysis.ingest.numbers import NumberFormat, number_format, read_numbers
from dialysis.ingest.options import Marks, ReadOptions
from dialysis.ingest.reader import BadExport, quoted
from dialysis.ingest.text import count_byte, data_lines, decoded, plain_text

_DATA_TITLES = (b"\nChromatogram Data:\n", b"\nRaw Data:\n")
_COLUMNS = re.compile(r"Time ?\((min|sec|s)\)\tStep ?\((?:sec|s)\)\tValue ?\((.*)\)\t*")
_SECONDS = {"min": 60.0, "sec": 1.0, "s": 1.0}
_MOST_DIGITS = 12
# Differences of decimal fractions in floating point.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class ChromeleonText:
    """A file cut into its blocks.

    Parameters
    ----------
    blocks : mapping of str to mapping of str to str
        Keys and values by title without the colon; those above the first title under ``""``.
    unit : str
        Signal unit in the head of the value column.
    seconds : float
        Length in s of the unit of the time column.
    data : bytes
        Lines of the data, each ended by LF.
    first_line : int
        Line of the file that `data` begins with.
    """

    blocks: Mapping[str, Mapping[str, str]]
    unit: str
    seconds: float
    data: bytes
    first_line: int

    def entry(self, key: str, *blocks: str) -> str:
        """Value of a key in the first of the blocks that has it; empty when none has."""
        return next((self.blocks[b][key] for b in blocks if key in self.blocks.get(b, {})), "")

    def entry_like(self, start: str, block: str) -> str:
        """Value of the key that begins so: ``Injection Volume (µl)`` whatever the micro sign."""
        found = self.blocks.get(block, {})
        return next((value for key, value in found.items() if key.startswith(start)), "")

    def unread(self, understood: Collection[str]) -> dict[str, str]:
        """Entries with a value whose key, without a unit behind it, is none of these."""
        return {
            key: value
            for entries in self.blocks.values()
            for key, value in entries.items()
            if value and key.partition(" (")[0] not in understood
        }

    def same_unit(self, given: str) -> str:
        """Signal unit, which the header must not contradict.

        Raises
        ------
        BadExport
            When the header gives another unit than the column of values.
        """
        if self.unit and given and self.unit != given:
            raise BadExport(
                f"line {self.first_line - 1}",
                f"values in {self.unit!r}",
                f"{given!r}, as the header says",
            )
        return self.unit or given


@dataclass(frozen=True)
class Trace:
    """Signal and times of a file, as its numbers have them.

    Parameters
    ----------
    signal : ndarray of float64, shape (n,)
        Signal in the file's unit.
    times_s : ndarray of float64, shape (n,)
        Times in s.
    time_step_s : float
        Last digit of the printed times, in s.
    form : NumberFormat
        How the file prints numbers.
    """

    signal: FloatArray
    times_s: FloatArray
    time_step_s: float
    form: NumberFormat


def split_text(content: bytes) -> ChromeleonText:
    """Cut a file into its blocks and its data.

    Raises
    ------
    BadExport
        When there is no data or its columns are others than time, step and value.
    """
    text = plain_text(content)
    at, title = -1, b""
    for other in _DATA_TITLES:
        found = text.find(other) if at < 0 else text.find(other, 0, at)
        if found >= 0:
            at, title = found, other
    if at < 0:
        n_lines = text.count(b"\n") + 1
        raise BadExport(
            f"line {n_lines}",
            "the end of the file before the data",
            "a line 'Chromatogram Data:' or 'Raw Data:'",
        )
    head = text[: at + 1]
    columns, newline, data = text[at + len(title) :].partition(b"\n")
    line = head.count(b"\n") + 2
    match = _COLUMNS.fullmatch(decoded(columns))
    if match is None or not newline:
        raise BadExport(
            f"line {line}",
            quoted(decoded(columns)),
            "the columns 'Time (min)', 'Step (s)' and 'Value (unit)'",
        )
    return ChromeleonText(
        _blocks(decoded(head)), match[2].strip(), _SECONDS[match[1]], data, line + 1
    )


def _blocks(head: str) -> dict[str, dict[str, str]]:
    blocks: dict[str, dict[str, str]] = {"": {}}
    title = ""
    for line in head.split("\n"):
        key, tab, value = line.partition("\t")
        if not tab and key.rstrip().endswith(":"):
            title = key.strip().removesuffix(":")
            blocks.setdefault(title, {})
        elif tab and key.strip():
            blocks[title][key.strip()] = value.strip()
    return blocks


def read_trace(file: ChromeleonText, n_points: str, marks: Marks, header: Sequence[str]) -> Trace:
    """Read the data lines of a file.

    Parameters
    ----------
    file : ChromeleonText
        The file.
    n_points : str
        Value of its entry ``Data Points``.
    marks : Marks
        What the study declares.
    header : sequence of str
        Numbers of the header, which are asked where the data leave two formats.

    Raises
    ------
    BadExport
        When lines are missing, a line has no time or signal, or times don't increase.
    """
    data, n_lines = _data_lines(file, n_points)
    form = number_format(
        data, marks, first_line=file.first_line, others=[text for text in header if text]
    )
    first = data.partition(b"\n")[0].decode("ascii", "replace")
    names = ["a time", "a step", "a signal", *([""] * (first.count("\t") - 2))]
    if any(first.split("\t")[3:]):
        raise BadExport(f"line {file.first_line}", quoted(first), "a time, a step and a signal")
    surplus = b"\t" * max(first.count("\t") - 2, 0) + b"\n"
    if surplus != b"\n" and data.count(surplus) != n_lines:
        lines = data.split(b"\n")
        number = next(n for n, line in enumerate(lines) if not line.endswith(surplus[:-1]))
        raise BadExport(
            f"line {file.first_line + number}",
            quoted(decoded(lines[number])),
            "a time, a step and a signal",
        )
    values = read_numbers(data, form, names=names, columns=[0, 2], first_line=file.first_line)
    times, signal = values[:, 0], values[:, 1]

    def place(point: int) -> str:
        return f"line {file.first_line + point}"

    check_times(times, place, "min" if file.seconds > 1 else "s")
    check_signal(signal, place, f"line {file.first_line}")
    time_step = last_digit(first.partition("\t")[0], form)
    if n_lines > 1:
        second = data.split(b"\n", 2)[1].decode("ascii", "replace")
        time_step = min(time_step, last_digit(second.partition("\t")[0], form))
    with np.errstate(over="ignore"):
        times_s = times * file.seconds
    check_times(times_s, place, "s")
    return Trace(np.ascontiguousarray(signal), times_s, time_step * file.seconds, form)


def _data_lines(file: ChromeleonText, n_points: str) -> tuple[bytes, int]:
    """The lines of the data, and their number, which must be right."""
    digits = re.sub(r"(?<=\d)[.,' ](?=\d{3}(?!\d))", "", n_points)
    if not (digits.isascii() and digits.isdigit() and len(digits) < _MOST_DIGITS):
        raise BadExport(
            "the header", f"{quoted(n_points)} as 'Data Points'", "the number of points"
        )
    wanted = int(digits)
    data = data_lines(file.data, wanted)
    n_lines = count_byte(data, b"\n")
    if file.data[len(data) :].strip():
        raise BadExport(
            f"line {file.first_line + n_lines + 1}", "text after the points", "the end of the file"
        )
    if data and not data.endswith(b"\n"):
        raise BadExport(
            f"line {file.first_line + n_lines}",
            "the end of the file inside the last point",
            "a line end after it",
        )
    if n_lines != wanted:
        raise BadExport(
            f"line {file.first_line + n_lines}",
            f"{n_lines} points",
            f"{wanted}, as 'Data Points' says",
        )
    return data, n_lines


def injection_time(date: str, clock: str, options: ReadOptions) -> tuple[str, str]:
    """Injection time in ISO 8601, and what was assumed about it; see `dialysis.ingest.dates`."""
    when = f"{date} {clock}".strip()
    return iso_time(when, date_order([when] if when else [], (), options.date_order))


def last_digit(text: str, form: NumberFormat) -> float:
    """Size of the last digit of a printed number: 0.001 for ``28.002``."""
    return float(10.0 ** -len(text.strip().partition(form.decimal)[2]))


def header_number(text: str, form: NumberFormat) -> float | None:
    """The number that a header prints; ``None`` when it holds none.

    Headers print large numbers with thousands marks that the data do not have, even with the
    decimal mark itself as one (``1.447.830172``): where the file's format does not fit, the last
    mark is the decimal one.
    """
    value = form.number(text)
    if value is not None:
        return value
    whole, _, fraction = text.strip().replace(",", ".").rpartition(".")
    digits = re.sub("[.' ]", "", whole)
    return NumberFormat().number(f"{digits}.{fraction}")


def _header_digit(text: str, form: NumberFormat, least: int) -> float:
    """Size of the last digit of a number in a header, which has at least so many decimals."""
    if form.number(text) is not None:
        decimals = len(text.strip().partition(form.decimal)[2])
    else:
        decimals = len(re.split(r"[.,]", text.strip())[-1])
    return float(10.0 ** -max(decimals, least))


def check_times_of_header(trace: Trace, first: str, last: str, first_line: int) -> None:
    """Check first and last time, in min, against those that the header prints.

    Raises
    ------
    BadExport
        When they differ by more than the digits that are printed allow.
    """
    slack = trace.time_step_s / 120
    for text, point in ((first, 0), (last, trace.times_s.size - 1)):
        found = float(trace.times_s[point]) / 60
        end = "Min" if point == 0 else "Max"
        _check_value(f"Time {end}. (min)", text, found, slack, trace.form, first_line + point)


def check_signal_of_header(
    trace: Trace, smallest: str, largest: str, slack: float, first_line: int
) -> None:
    """Check the extremes of the signal against those that the header prints.

    Raises
    ------
    BadExport
        When they differ by more than `slack` and the digits that are printed.
    """
    for key, text, point in (
        ("Signal Min.", smallest, int(trace.signal.argmin())),
        ("Signal Max.", largest, int(trace.signal.argmax())),
    ):
        found = float(trace.signal[point])
        _check_value(key, text, found, slack, trace.form, first_line + point)


def check_steps_of_header(trace: Trace, entries: Mapping[str, str], first_line: int) -> None:
    """Check smallest, largest and mean distance of the points against the header's, in s.

    Raises
    ------
    BadExport
        When they differ by more than the digits that are printed allow.
    """
    steps = np.diff(trace.times_s)
    for key, found, point in (
        ("Min. Step (s)", float(steps.min()), int(steps.argmin())),
        ("Max. Step (s)", float(steps.max()), int(steps.argmax())),
        ("Average Step (s)", float(steps.mean()), 0),
    ):
        text, line = entries.get(key, ""), first_line + point + 1
        _check_value(key, text, found, trace.time_step_s, trace.form, line, least=1)


def _check_value(
    key: str, text: str, found: float, slack: float, form: NumberFormat, line: int, least: int = 0
) -> None:
    """Check a value of the trace against an entry; half the entry's last digit is added."""
    if text in ("", "n.a."):
        return
    printed = header_number(text, form)
    if printed is None:
        raise BadExport("the header", f"{quoted(text)} as {key!r}", "a number")
    allowed = slack + _header_digit(text, form, least) / 2 + _ROUNDING * abs(found)
    if not abs(found - printed) <= allowed:
        raise BadExport(
            f"line {line}",
            f"{found:.10g} in the data",
            f"{printed:.10g}, as {key!r} says",
            "The file is altered or its numbers are misread: export the injection again, or set "
            "ingest.decimal and ingest.thousands.",
        )


def sampling(trace: Trace, step: str = "") -> tuple[float, FloatArray | None]:
    """Distance of the points in s, and their times when they are not equally spaced.

    Points are equally spaced when every time is where it should be between the first and the
    last, within the digits that are printed.  The distance is then the header's, where that fits
    the whole length within the same digits: it is free of the rounding of the times.

    Parameters
    ----------
    trace : Trace
        The trace.
    step : str
        The header's mean distance in s; may be empty.
    """
    times, n_steps = trace.times_s, trace.times_s.size - 1
    with np.errstate(over="ignore", invalid="ignore"):
        length = float(times[-1] - times[0])
        even = times[0] + length / n_steps * np.arange(n_steps + 1)
        slack = trace.time_step_s + _ROUNDING * abs(float(times[-1]))
        if not np.abs(times - even).max() <= slack:
            return float(np.median(np.diff(times))), times
    interval_s = header_number(step, trace.form)
    if interval_s is not None and abs(interval_s * n_steps - length) <= slack:
        return interval_s, None
    return length / n_steps, None
