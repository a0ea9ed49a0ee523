"""The layout of tables of points that a study declares: delimited text and Excel sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.ingest.checks import check_signal
from dialysis.ingest.reader import BadExport
from dialysis.ingest.sampling import Sampling
from dialysis.words import counted

DELIMITERS = {"tab": "\t", "comma": ",", "semicolon": ";", "blank": " "}
_DECLARE = "Mend ingest.delimited of study.yaml."


@dataclass(frozen=True)
class SignalColumn:
    """One declared column of signal.

    Parameters
    ----------
    column : int or str
        Its number, counted from 1, or its name in the last header row.
    channel : str
        Name of the channel; empty for the column's own.
    unit : str
        Unit of the signal.
    """

    column: int | str
    channel: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Layout:
    """Where the times and signals of a table are.

    Parameters
    ----------
    delimiter : str
        Key of `DELIMITERS`; for text.
    encoding : str
        Encoding of a text, or ``"auto"``.
    sheet : str
        Name of a sheet of a workbook; empty for the first.
    header_rows : int
        Rows above the first point.
    time_column : int, str or None
        Number or name of the column of times; ``None`` where there is none.
    interval_s : float or None
        Distance of the points where there are no times.
    signals : tuple of SignalColumn
        Columns of signal.
    """

    delimiter: str = "tab"
    encoding: str = "auto"
    sheet: str = ""
    header_rows: int = 0
    time_column: int | str | None = 1
    interval_s: float | None = None
    signals: tuple[SignalColumn, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Layout:
        """From section `ingest` of study.yaml."""
        given = dict(config.get("delimited", {}))
        given["signals"] = tuple(SignalColumn(**signal) for signal in given.get("signals", ()))
        return cls(**given)

    @property
    def separator(self) -> str:
        """The character between cells of a text."""
        return DELIMITERS[self.delimiter]


@dataclass(frozen=True)
class Columns:
    """Columns of a layout as they are in one file.

    Parameters
    ----------
    time : int or None
        Column of times, counted from 0.
    signals : tuple of int
        Columns of signal, counted from 0.
    channels, units : tuple of str
        Name and unit of every signal.
    """

    time: int | None
    signals: tuple[int, ...]
    channels: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def wanted(self) -> list[int]:
        """All columns that are read, increasing."""
        return sorted({*self.signals, *([] if self.time is None else [self.time])})


def locate(layout: Layout, header: Sequence[str], n_columns: int) -> Columns:
    """Find the columns of a layout.

    Parameters
    ----------
    layout : Layout
        What the study declares.
    header : sequence of str
        Cells of the last header row; empty without one.
    n_columns : int
        Cells of the first row of points.

    Raises
    ------
    BadExport
        When nothing or too little is declared, or a column is not there.
    """
    if not layout.signals:
        raise BadExport(
            "ingest.delimited",
            "no declared layout",
            "ingest.delimited.signals with at least one column",
            "Declare where the times and signals are in ingest.delimited of study.yaml.",
        )
    if (layout.time_column is None) == (layout.interval_s is None):
        declared = (
            "neither a time_column nor" if layout.time_column is None else "both a time_column and"
        )
        raise BadExport(
            "ingest.delimited",
            f"{declared} an interval_s",
            "one of them",
            "Set interval_s, and time_column to null, only where the file has no times.",
        )
    time = None if layout.time_column is None else _place(layout.time_column, header, n_columns)
    places = [_place(signal.column, header, n_columns) for signal in layout.signals]
    taken = [*places, *([] if time is None else [time])]
    if len(set(taken)) < len(taken):
        raise BadExport(
            "ingest.delimited", "one column declared twice", "a column for each", _DECLARE
        )
    channels = [
        signal.channel or _name(place, header, len(places))
        for signal, place in zip(layout.signals, places, strict=True)
    ]
    units = tuple(signal.unit for signal in layout.signals)
    return Columns(time, tuple(places), tuple(channels), units)


def _place(column: int | str, header: Sequence[str], n_columns: int) -> int:
    """Column counted from 0."""
    if isinstance(column, int):
        if column > n_columns:
            raise BadExport(
                "the first point",
                counted(n_columns, "column"),
                f"column {column}, as ingest.delimited declares",
                "Mend the columns or the delimiter in ingest.delimited of study.yaml.",
            )
        return column - 1
    named = [i for i, name in enumerate(header) if name == column]
    if len(named) != 1:
        shown = ", ".join(f"'{name}'" for name in header) or "no names"
        raise BadExport(
            "the last header row",
            f"{shown}",
            f"the column '{column}' once",
            "Mend the columns or header_rows in ingest.delimited of study.yaml.",
        )
    if named[0] >= n_columns:
        raise BadExport(
            "the first point", f"{n_columns} columns", f"a value below '{column}'", _DECLARE
        )
    return named[0]


def _name(place: int, header: Sequence[str], n_signals: int) -> str:
    """Name of a channel that was not given one."""
    if place < len(header) and header[place]:
        return header[place]
    return "" if n_signals == 1 else f"column {place + 1}"


def traces(values: FloatArray, axis: Sampling, columns: Columns, place: Any) -> list[Chromatogram]:
    """Make one chromatogram of every declared signal.

    Parameters
    ----------
    values : ndarray of float64, shape (n, columns.wanted)
        The numbers.
    axis : Sampling
        When the points were taken.
    columns : Columns
        Which column is what.
    place : callable
        Position in the file of point i, counted from 0.
    """
    made = []
    for column, channel, unit in zip(columns.signals, columns.channels, columns.units, strict=True):
        signal = values[:, columns.wanted.index(column)]
        check_signal(signal, place, f"column {column + 1}")
        made.append(
            Chromatogram(
                signal=signal,
                unit=unit,
                start_s=axis.start_s,
                interval_s=axis.interval_s,
                time_s=axis.time_s,
                channel=channel,
            )
        )
    return made
