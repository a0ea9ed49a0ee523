"""Numbers as exports print them: one decimal and one thousands mark for a whole file.

``1,234`` is 1.234 or 1234.  No number is read by itself: the marks are decided from all numbers
of a file together, and a file whose numbers fit two readings is refused with both shown.  Then
whole columns are converted at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.ingest.options import AUTO, Marks
from dialysis.ingest.reader import BadExport, quoted
from dialysis.ingest.text import count_byte
from dialysis.words import listed

NO_MARK = "none"
DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = (".", ",", "'", " ")

_NAMES = {".": "dot", ",": "comma", "'": "apostrophe", " ": "blank"}
_REMEDY = "Set ingest.decimal and ingest.thousands in study.yaml to what the instrument prints."
# What programs print for a blank, an apostrophe and a minus beside the ASCII ones.
_ALIKE = (
    (b"\xc2\xa0", b" "),
    (b"\xe2\x80\xaf", b" "),
    (b"\xe2\x80\x89", b" "),
    (b"\xa0", b" "),
    (b"\xe2\x80\x99", b"'"),
    (b"\xe2\x88\x92", b"-"),
)
# Numbers up to this length have at most 15 digits, which the fast conversion rounds correctly.
_SHORT_CELL = 17
_SAMPLE_BYTES = 8192
_FIRST_PRINTED = 32
_LF = ord("\n")
_PAD = 5
_ZERO = np.uint8(ord("0"))
# What a blank stands beside when it pads a cell instead of grouping a number.
_EMPTY = np.zeros(256, dtype=bool)
_EMPTY[[0, ord("\t"), ord("\n"), ord(" "), ord(";")]] = True


@dataclass(frozen=True)
class NumberFormat:
    """How all numbers of a file are printed.

    Parameters
    ----------
    decimal : str
        Decimal mark.
    thousands : str
        Mark between groups of three digits; empty when there is none.
    """

    decimal: str = "."
    thousands: str = ""

    def __str__(self) -> str:
        """For messages, like ``a decimal comma and dot thousands``."""
        groups = f"{_NAMES[self.thousands]} thousands" if self.thousands else "no thousands mark"
        return f"a decimal {_NAMES[self.decimal]} and {groups}"

    def number(self, text: str) -> float | None:
        """The finite number that a cell holds; ``None`` when it holds none.

        Groups of thousands must be whole: ``1.16,9`` is no number.
        """
        return _number(self, text)


def number_format(
    numbers: bytes | Iterable[str],
    marks: Marks | None = None,
    *,
    separator: str = "\t",
    first_line: int = 1,
    others: Sequence[str] = (),
) -> NumberFormat:
    """Decide decimal and thousands marks from all numbers of a file.

    Parameters
    ----------
    numbers : bytes or iterable of str
        Lines of numbers with `separator` between them, ended by LF; or single cells, which are
        counted as lines.  Cells that are no numbers may stand among them (``n.a.``), but no
        dates.
    marks : Marks, optional
        What the study declares; without it everything is decided.
    separator : str
        What stands between the numbers of a line; it can't be a mark.
    first_line : int
        Line of the file that `numbers` begins with.
    others : sequence of str
        Numbers elsewhere in the file, which are asked where `numbers` leave two formats.

    Returns
    -------
    NumberFormat
        The only one that fits.  Numbers without any mark have a decimal dot.

    Raises
    ------
    BadExport
        When two formats with different values fit, or none.

    Notes
    -----
    A format does not fit where a thousands mark is not followed by exactly three digits, is
    preceded by none or by more than three, stands behind the decimal mark, or groups a number
    that begins with 0; or where a number has two decimal marks.
    """
    declared = marks or Marks()
    text = numbers if isinstance(numbers, bytes) else "\n".join(numbers).encode("utf-8", "replace")
    text = ascii_marks(text)
    array = _padded(text)
    present = {mark for mark in THOUSANDS_MARKS if mark != separator and _occurs(text, mark)}
    candidates = _candidates(present, declared, separator)
    if not candidates:
        raise _no_candidate(text, present, declared, first_line)
    if len(candidates) > 1:
        sample = _padded(text[:_SAMPLE_BYTES].rpartition(b"\n")[0])
        left = [c for c in candidates if not _misgrouped(sample, c).size]
        candidates = left or candidates
    bad = {candidate: _misgrouped(array, candidate) for candidate in candidates}
    fitting = [candidate for candidate in candidates if not bad[candidate].size]
    if not fitting:
        closest = min(candidates, key=lambda candidate: bad[candidate].size)
        raise _malformed(text, int(bad[closest][0]), closest, separator, first_line)
    if len(fitting) > 1:
        fitting = [f for f in fitting if not _two_decimals(text, f)] or fitting[:1]
        elsewhere = [f for f in fitting if all(f.number(cell) is not None for cell in others)]
        fitting = elsewhere or fitting
    if len(fitting) > 1:
        raise _ambiguous(text, fitting, separator, first_line)
    return fitting[0]


def read_numbers(
    block: bytes,
    form: NumberFormat,
    *,
    names: Sequence[str],
    separator: str = "\t",
    columns: Sequence[int] | None = None,
    first_line: int = 1,
) -> FloatArray:
    """Convert lines of numbers at once.

    Parameters
    ----------
    block : bytes
        Lines with `separator` between the numbers, each ended by LF (the last one may not be).
    form : NumberFormat
        As `number_format` decided it from the same lines, which is what finds wrong groups of
        thousands.
    names : sequence of str
        What every column holds, for messages: ``"a time in min"``.
    separator : str
        One character; ``" "`` stands for any run of blanks and TABs.
    columns : sequence of int, optional
        Columns that are wanted, increasing; others may hold anything.  All without it.
    first_line : int
        Line of the file that `block` begins with.

    Returns
    -------
    ndarray of float64, shape (lines, columns), column by column in memory
        Finite numbers, each the double nearest to what is printed.

    Raises
    ------
    BadExport
        Naming the first line that has another number of cells or a cell without a number.
    """
    block = ascii_marks(block)
    wanted = list(range(len(names)) if columns is None else columns)
    n_lines = count_byte(block, b"\n") + (bool(block) and not block.endswith(b"\n"))
    values = _converted(block, n_lines, form, separator, len(names), wanted)
    if values is not None:
        return values
    return _converted_slowly(block, form, names, separator, wanted, first_line)


def ascii_marks(text: bytes) -> bytes:
    """Replace no-break blanks, typographic apostrophes and minus signs by the ASCII ones."""
    if not text.isascii():
        for printed, plain in _ALIKE:
            text = text.replace(printed, plain)
    return text


def _candidates(present: set[str], marks: Marks, separator: str) -> list[NumberFormat]:
    """Formats that give every mark that is there a role; one for each different reading."""
    decimals = DECIMAL_MARKS if marks.decimal == AUTO else (marks.decimal,)
    if marks.thousands == AUTO:
        thousands: tuple[str, ...] = ("", *THOUSANDS_MARKS)
    else:
        thousands = ("" if marks.thousands == NO_MARK else marks.thousands,)
    readings: dict[tuple[str, str], NumberFormat] = {}
    for decimal in decimals:
        for mark in thousands:
            if decimal == mark or separator in (decimal, mark):
                continue
            if marks.thousands == AUTO and mark and mark not in present:
                continue
            if present <= {decimal, mark}:
                roles = (decimal * (decimal in present), mark * (mark in present))
                readings.setdefault(roles, NumberFormat(decimal, mark))
    return list(readings.values())


def _padded(text: bytes) -> npt.NDArray[np.uint8]:
    """The bytes with zeros around, so that the neighbours of each can be asked for."""
    array = np.zeros(len(text) + 2 * _PAD, dtype=np.uint8)
    array[_PAD : _PAD + len(text)] = np.frombuffer(text, dtype=np.uint8)
    return array


def _occurs(text: bytes, mark: str) -> bool:
    """Whether a mark stands in a number."""
    code = mark.encode()
    needs_both = mark not in DECIMAL_MARKS
    at = text.find(code)
    while at >= 0:
        beside = (text[at - 1 : at].isdigit(), text[at + 1 : at + 2].isdigit())
        if all(beside) or (any(beside) and not needs_both):
            return True
        at = text.find(code, at + 1)
    return False


def _misgrouped(text: npt.NDArray[np.uint8], form: NumberFormat) -> npt.NDArray[np.intp]:
    """Positions, in the text without padding, of thousands marks that group wrongly."""
    if not form.thousands:
        return np.empty(0, dtype=np.intp)
    mark, decimal = ord(form.thousands), ord(form.decimal)
    at = np.flatnonzero(text == mark)

    def digit(offset: int) -> npt.NDArray[np.bool_]:
        # Bytes below "0" wrap around to large numbers.
        digits: npt.NDArray[np.bool_] = np.take(text, at + offset) - _ZERO < 10
        return digits

    behind, ahead = digit(-1), digit(1)
    group = ahead & digit(2) & digit(3) & ~digit(4)
    unbroken, run = behind, behind.astype(np.intp)
    for offset in (-2, -3, -4):
        unbroken = unbroken & digit(offset)
        run += unbroken
    first, above = np.take(text, at - run), np.take(text, at - run - 1)
    leads = (above != decimal) & (first != _ZERO)
    fits = group & (run >= 1) & (run <= 3) & np.where(above == mark, run == 3, leads)
    if form.thousands == " ":
        in_number = behind & ~_EMPTY[text[at + 1]] | ahead & ~_EMPTY[text[at - 1]]
    else:
        in_number = behind | ahead
    wrong: npt.NDArray[np.intp] = at[in_number & ~fits] - _PAD
    return wrong


def _two_decimals(text: bytes, form: NumberFormat) -> bool:
    mark = re.escape(form.decimal).encode()
    return re.search(mark + b"[0-9]*" + mark, text) is not None


def _cell_at(text: bytes, position: int, separator: str) -> tuple[str, int]:
    """The cell around a position and the lines above it."""
    stops = "\n" + separator
    start = max(text.rfind(stop.encode(), 0, position) for stop in stops) + 1
    ends = [end for stop in stops if (end := text.find(stop.encode(), position)) >= 0]
    cell = text[start : min(ends, default=len(text))]
    return cell.decode("utf-8", "replace").strip(), text.count(b"\n", 0, position)


def _malformed(
    text: bytes, position: int, form: NumberFormat, separator: str, first_line: int
) -> BadExport:
    cell, above = _cell_at(text, position, separator)
    return BadExport(
        f"line {first_line + above}",
        quoted(cell),
        f"a number with {form} in groups of three digits",
    )


def _no_candidate(text: bytes, present: set[str], marks: Marks, first_line: int) -> BadExport:
    shown = " and ".join(_NAMES[mark] for mark in THOUSANDS_MARKS if mark in present)
    if (marks.decimal, marks.thousands) == (AUTO, AUTO):
        return BadExport(
            f"line {first_line}",
            f"numbers with {shown} as marks",
            "one decimal mark and at most one thousands mark",
            _REMEDY,
        )
    return BadExport(
        f"line {first_line}",
        f"numbers with {shown or 'nothing'} as marks",
        f"ingest.decimal {marks.decimal!r} and ingest.thousands {marks.thousands!r}, as the study "
        "declares",
        "Mend these options.",
    )


def _ambiguous(
    text: bytes, fitting: Sequence[NumberFormat], separator: str, first_line: int
) -> BadExport:
    """Both readings of the first number that they read differently."""
    stops = re.compile(b"[\n" + re.escape(separator.encode()) + b"]")
    line = first_line
    start = 0
    unread: BadExport | None = None
    for end in (*(m.start() for m in stops.finditer(text)), len(text)):
        cell = text[start:end].decode("utf-8", "replace").strip()
        values = [form.number(cell) for form in fitting]
        if len(set(values)) > 1:
            break
        if cell and values[0] is None:
            unread = unread or BadExport(f"line {line}", repr(cell), "a number")
        line += text[end : end + 1] == b"\n"
        start = end + 1
    else:
        # Marks stand in cells only that are no numbers.
        return unread or BadExport(f"line {first_line}", "no numbers", "numbers")
    readings = " or ".join(
        f"{'no number' if value is None else format(value, '.10g')} with {form}"
        for value, form in zip(values, fitting, strict=True)
    )
    options = " or ".join(f"'{form.decimal}'" for form in fitting)
    return BadExport(
        f"line {line}",
        f"{quoted(cell)}, which is {readings}: all numbers of the file fit both",
        "numbers that fit one reading",
        f"Set ingest.decimal in study.yaml to {options}.",
    )


@cache
def _pattern(form: NumberFormat) -> re.Pattern[str]:
    decimal = re.escape(form.decimal)
    whole = "[0-9]+"
    if form.thousands:
        whole = f"(?:[1-9][0-9]{{0,2}}(?:{re.escape(form.thousands)}[0-9]{{3}})+|[0-9]+)"
    return re.compile(f"[+-]?(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _number(form: NumberFormat, text: str) -> float | None:
    plain = text.strip(" \t")
    if _pattern(form).fullmatch(plain) is None:
        return None
    if form.thousands:
        plain = plain.replace(form.thousands, "")
    value = float(plain.replace(form.decimal, "."))
    return value if math.isfinite(value) else None


def _converted(
    block: bytes,
    n_lines: int,
    form: NumberFormat,
    separator: str,
    n_columns: int,
    wanted: Sequence[int],
) -> FloatArray | None:
    """All numbers at once; ``None`` when anything is unusual."""
    codes = np.frombuffer(block, dtype=np.uint8)
    ends = (codes == ord(separator)) | (codes == _LF)
    n_ends = int(np.count_nonzero(ends))
    if not n_lines or (separator != " " and n_ends != n_lines * n_columns - (codes[-1] != _LF)):
        return None
    # Control characters, which the parser takes for blanks or for the end of a cell.
    n_controls = n_ends if separator == "\t" else _count_breaks(codes)
    if int(np.count_nonzero(codes < _FIRST_PRINTED)) != n_controls:
        return None
    # The parser drops surplus cells when only some columns are wanted.
    if len(wanted) < n_columns and not _even(block, separator, n_columns):
        return None
    try:
        frame = pd.read_csv(
            BytesIO(block),
            sep=r"\s+" if separator == " " else separator,
            decimal=form.decimal,
            thousands=form.thousands or None,
            header=None,
            usecols=wanted if len(wanted) < n_columns else None,
            dtype=np.float64,
            engine="c",
            na_filter=False,
            quoting=3,
            skip_blank_lines=False,
            low_memory=False,
        )
    except ValueError:
        return None
    values: FloatArray = frame.to_numpy()
    if values.shape != (n_lines, len(wanted)) or not np.isfinite(values).all():
        return None
    # The parser takes a column of nothing but "true" for ones.
    first = block.partition(b"\n")[0].decode("latin-1")
    cells = first.split() if separator == " " else first.split(separator)
    if len(cells) != n_columns or any(form.number(cells[column]) is None for column in wanted):
        return None
    if b"e" in block or b"E" in block or _has_long_cell(ends):
        return _rounded(block, form, separator, n_columns, wanted)
    return values


def _even(block: bytes, separator: str, n_columns: int) -> bool:
    """Whether every line has the same number of cells; runs of blanks are not looked at."""
    codes = np.frombuffer(block, dtype=np.uint8)
    ends = codes[(codes == ord(separator)) | (codes == ord("\n"))]
    lines = ends[n_columns - 1 :: n_columns] == ord("\n")
    return (
        separator != " "
        and bool(lines.all())
        and int(np.count_nonzero(lines)) == (count_byte(block, b"\n"))
    )


def _rounded(
    block: bytes, form: NumberFormat, separator: str, n_columns: int, wanted: Sequence[int]
) -> FloatArray:
    """Convert cells that are numbers one by one, each to the nearest double."""
    plain = block.removesuffix(b"\n")
    if form.thousands:
        plain = plain.replace(form.thousands.encode(), b"")
    plain = plain.replace(form.decimal.encode(), b".").replace(b"\n", separator.encode())
    cells = plain.split() if separator == " " else plain.split(separator.encode())
    columns = [[float(cell) for cell in cells[column::n_columns]] for column in wanted]
    return np.array(columns, dtype=np.float64).T


def _count_breaks(codes: npt.NDArray[np.uint8]) -> int:
    return int(np.count_nonzero((codes == _LF) | (codes == ord("\t"))))


def _has_long_cell(ends: npt.NDArray[np.bool_]) -> bool:
    """Whether some cell is longer than `_SHORT_CELL`: a stretch without any end of a cell."""
    width = 1
    while width <= _SHORT_CELL and ends.size:
        step = min(width, _SHORT_CELL + 1 - width)
        ends = ends[:-step] | ends[step:]
        width += step
    return bool(ends.size) and not bool(ends.all())


def _converted_slowly(
    block: bytes,
    form: NumberFormat,
    names: Sequence[str],
    separator: str,
    wanted: Sequence[int],
    first_line: int,
) -> FloatArray:
    """Do the same line by line, to name the line that is wrong."""
    rows = []
    lines = block.decode("utf-8", "replace").removesuffix("\n").split("\n") if block else []
    for number, line in enumerate(lines, start=first_line):
        # No other blanks: a carriage return inside a line is damage.
        cells = re.split("[ \t]+", line.strip(" \t")) if separator == " " else line.split(separator)
        if len(cells) != len(names):
            raise BadExport(f"line {number}", quoted(line), listed(names))
        row = []
        for column in wanted:
            value = form.number(cells[column])
            if value is None:
                raise BadExport(
                    f"line {number}",
                    quoted(cells[column]),
                    f"{names[column]}, as a number with {form}",
                )
            row.append(value)
        rows.append(row)
    return np.array(rows, dtype=np.float64, order="F").reshape(len(rows), len(wanted))
