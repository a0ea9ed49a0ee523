"""What every trace must fulfil, whatever format it came in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray, VendorReport
from dialysis.ingest.reader import BadExport
from dialysis.words import counted

MIN_POINTS = 2


def check_signal(signal: FloatArray, place: Callable[[int], str], of: str) -> None:
    """Check that a signal has enough points and that all are finite.

    Parameters
    ----------
    signal : ndarray of float64, shape (n,)
        The signal.
    place : callable
        Position in the file of point i, counted from 0.
    of : str
        What the signal is of, for the message.

    Raises
    ------
    BadExport
        Naming the first point that is wrong.
    """
    if signal.size < MIN_POINTS:
        raise BadExport(of, counted(signal.size, "point"), f"at least {MIN_POINTS} points")
    bad = np.flatnonzero(~np.isfinite(signal))
    if bad.size:
        first = int(bad[0])
        raise BadExport(place(first), f"a signal of {signal[first]}", "a finite number")


def check_times(times: FloatArray, place: Callable[[int], str], unit: str) -> None:
    """Check that times are finite and increase.

    Parameters
    ----------
    times : ndarray of float64, shape (n,)
        Times in `unit`.
    place : callable
        Position in the file of point i, counted from 0.
    unit : str
        Unit of the times, for the message; empty when it is not known.

    Raises
    ------
    BadExport
        Naming the first time that is wrong.
    """
    bad = np.flatnonzero(~np.isfinite(times))
    if bad.size:
        first = int(bad[0])
        raise BadExport(
            place(first),
            f"a time of {times[first]}",
            f"a finite number of {unit}" if unit else "a finite number",
        )
    back = np.flatnonzero(times[1:] <= times[:-1])
    if back.size:
        later = int(back[0]) + 1
        raise BadExport(
            place(later),
            " ".join(
                f"time {times[later]:.10g} {unit} after {times[later - 1]:.10g} {unit}".split()
            ),
            "times that increase from point to point",
        )


def place_of(item: Chromatogram | VendorReport) -> str:
    """Say which injection and channel of a file, like ``section 'a', channel 'ED_1'``."""
    return ", ".join(
        f"{kind} '{value}'"
        for kind, value in (("section", item.section), ("channel", item.channel))
        if value
    )


def check_report(report: VendorReport) -> None:
    """Check that every number of a vendor's report is finite.

    Raises
    ------
    BadExport
        Naming the channel and the peak.
    """
    for number, peak in enumerate(report.vendor_peaks, start=1):
        for value in astuple(peak):
            if isinstance(value, float) and not math.isfinite(value):
                where = ", ".join(part for part in (place_of(report), f"peak {number}") if part)
                raise BadExport(where, f"a value of {value}", "a finite number")


def check_chromatogram(trace: Chromatogram) -> None:
    """Check what a reader made: shapes, finite values, increasing times.

    Readers check with better positions first; this is the net below all of them.

    Raises
    ------
    BadExport
        Naming the channel and the point.
    """
    of = place_of(trace) or "the trace"

    def place(point: int) -> str:
        return f"{of}, point {point + 1}"

    check_signal(trace.signal, place, of)
    if not (math.isfinite(trace.interval_s) and trace.interval_s > 0):
        raise BadExport(of, f"a sampling interval of {trace.interval_s} s", "one above 0 s")
    if not math.isfinite(trace.start_s):
        raise BadExport(of, f"a first time of {trace.start_s} s", "a finite number of s")
    last_s = trace.start_s + trace.interval_s * (trace.n_points - 1)
    if not (math.isfinite(last_s) and trace.start_s + trace.interval_s > trace.start_s):
        raise BadExport(
            of,
            f"points {trace.interval_s:g} s apart from {trace.start_s:g} s on",
            "times that increase from point to point",
        )
    if trace.time_s is not None:
        if trace.time_s.shape != trace.signal.shape:
            raise BadExport(
                of, f"{trace.time_s.size} times", f"{trace.signal.size}, one for every point"
            )
        check_times(trace.time_s, place, "s")
