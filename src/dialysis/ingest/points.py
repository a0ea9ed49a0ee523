"""Lines of a time and one or more signals, which most text exports end in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dialysis.chromatogram import FloatArray
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.numbers import NumberFormat, number_format, read_numbers
from dialysis.ingest.options import Marks
from dialysis.ingest.sampling import Sampling, printed_step, sampling
from dialysis.ingest.text import last_lines
from dialysis.ingest.time_unit import TIME_UNITS


@dataclass(frozen=True)
class Points:
    """All points of one or more channels that share their times.

    Parameters
    ----------
    times : ndarray of float64, shape (n,)
        Times in `time_unit`.
    time_unit : str
        Key of `TIME_UNITS`; empty when the file does not say.
    step : float
        Last digit that the largest times are printed with.
    signals : ndarray of float64, shape (n, channels)
        Signals as printed, column by column in memory.
    form : NumberFormat
        Marks the numbers are printed with.
    """

    times: FloatArray
    time_unit: str
    step: float
    signals: FloatArray
    form: NumberFormat

    @property
    def axis(self) -> Sampling:
        """When the points were taken, in s."""
        return sampling(self.times, self.step, TIME_UNITS[self.time_unit])


def read_points(
    block: bytes,
    marks: Marks,
    *,
    separator: str = "\t",
    first_line: int = 1,
    signals: Sequence[str] = ("a signal",),
    n_columns: int = 0,
    time_unit: str = "min",
) -> Points:
    """Read lines whose first cell is a time and whose next ones are signals.

    Parameters
    ----------
    block : bytes
        The lines, each ended by LF (the last one may not be).
    marks : Marks
        What the study declares about the marks in numbers.
    separator : str
        One character between cells; ``" "`` stands for any run of blanks and TABs.
    first_line : int
        Line of the file that `block` begins with.
    signals : sequence of str
        What the columns after the first one hold, for messages.
    n_columns : int
        Cells of a line when there are more than these, which may hold anything.
    time_unit : str
        Key of `TIME_UNITS`; empty when the file does not say.

    Raises
    ------
    BadExport
        Naming the first line that is no such line, whose time does not come after the one
        before, or whose signal is not finite.
    """
    names = [f"a time in {time_unit}" if time_unit else "a time", *signals]
    wanted = range(len(names))
    names += ["another value"] * (n_columns - len(names))
    form = number_format(block, marks, separator=separator, first_line=first_line)
    values = read_numbers(
        block, form, names=names, separator=separator, columns=wanted, first_line=first_line
    )
    times = values[:, 0]

    def place(point: int) -> str:
        return f"line {first_line + point}"

    for column in wanted[1:]:
        check_signal(values[:, column], place, f"line {first_line}")
    check_times(times, place, time_unit)
    cut = None if separator == " " else separator
    last = (line.split(cut, 1)[0] for line in last_lines(block) if line.strip())
    step = printed_step(last, form)
    return Points(times, time_unit, step, values[:, 1:], form)
