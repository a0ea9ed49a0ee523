"""Join a vendor's report to its trace, by injection time and channel and never by name.

An injection repeated under its old name leaves a trace and a report of the same name that don't
belong together; their injection times tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dialysis.chromatogram import Chromatogram, VendorReport
from dialysis.ingest.dates import ORDER_ASSUMED, swapped_time
from dialysis.ingest.reader import BadExport

# Reports often print whole minutes, and no two injections on a column lie within one.
SAME_INJECTION_S = 60
_SETTLED = "day/month order as in the vendor's report"
_REMEDY = (
    "A report joins a trace by injection time and channel, whatever the names: name the report of "
    "this injection, or none."
)


def pair(
    traces: Sequence[Chromatogram], reports: Sequence[VendorReport]
) -> list[tuple[Chromatogram, VendorReport | None]]:
    """Give the traces of one injection the peaks of the reports of one file.

    Parameters
    ----------
    traces : sequence of Chromatogram
        All channels of the injection, with the injection time that is known of each.
    reports : sequence of VendorReport
        What a report file holds; reports of other injections may be among several.

    Returns
    -------
    list of (Chromatogram, VendorReport or None)
        In the order of `traces`: with the peaks of its report, or as it was.  Where the report
        leaves no doubt about a day/month order that was assumed for the trace, the trace's time is
        the report's day.

    Raises
    ------
    BadExport
        When no report is of this injection and one of its channels, when two are, when units
        differ, or when the trace has peaks already.
    """
    found: dict[int, VendorReport] = {}
    for report in reports:
        for place in _places(report, traces):
            if _agreed_time(traces[place], report) is None:
                continue
            if place in found:
                raise BadExport(
                    "", f"two reports of {_named(report)}", "one for every injection and channel"
                )
            found[place] = report
    if not found:
        raise _none(traces, reports)
    return [
        (_joined(trace, found[place]), found[place]) if place in found else (trace, None)
        for place, trace in enumerate(traces)
    ]


def _places(report: VendorReport, traces: Sequence[Chromatogram]) -> list[int]:
    """Traces on the report's channel; a detector with one channel may stand for it."""
    channels = [trace.channel for trace in traces]
    if report.channel in channels:
        return [channels.index(report.channel)]
    if not report.channel:
        return list(range(len(traces))) if len(traces) == 1 else []
    detectors = [re.sub(r"-Ch\d+$", "", channel) for channel in channels]
    return [detectors.index(report.channel)] if detectors.count(report.channel) == 1 else []


def _agreed_time(trace: Chromatogram, report: VendorReport) -> str | None:
    """The trace's time as it agrees with the report's; ``None`` when it does not.

    An assumed day/month order of one of them is read either way.
    """
    if not trace.injected_at or not report.injected_at:
        return None
    if _close(trace.injected_at, report.injected_at):
        return trace.injected_at
    other = swapped_time(trace.injected_at, trace.injected_at_note)
    if _close(other, report.injected_at):
        return other
    if _close(trace.injected_at, swapped_time(report.injected_at, report.injected_at_note)):
        return trace.injected_at
    return None


def _close(one: str, other: str) -> bool:
    """Whether two times are of one injection, on the wall clock unless both have an offset."""
    first, second = datetime.fromisoformat(one), datetime.fromisoformat(other)
    if first.tzinfo is None or second.tzinfo is None:
        first, second = first.replace(tzinfo=None), second.replace(tzinfo=None)
    return abs((first - second).total_seconds()) < SAME_INJECTION_S


def _joined(trace: Chromatogram, report: VendorReport) -> Chromatogram:
    if trace.vendor_peaks:
        raise BadExport(
            "",
            f"a report of {_named(report)}, whose trace comes with peaks already",
            "peaks from one file",
            "Leave the report out of injection_file.",
        )
    if report.vendor_peaks and report.unit != trace.unit:
        raise BadExport(
            "",
            f"areas in {report.unit or 'counts'} × s for {_named(report)}",
            f"areas in {trace.unit or 'no unit'} × s, the unit of its trace",
            "Export the report in the trace's unit, or leave it out of injection_file.",
        )
    time, note = _agreed_time(trace, report) or trace.injected_at, trace.injected_at_note
    if note.startswith(ORDER_ASSUMED) and not report.injected_at_note.startswith(ORDER_ASSUMED):
        rest = note.partition("; ")[2]
        note = f"{_SETTLED}; {rest}" if rest else _SETTLED
    return replace(trace, vendor_peaks=report.vendor_peaks, injected_at=time, injected_at_note=note)


def _named(report: VendorReport) -> str:
    return f"channel '{report.channel}'" if report.channel else "an unnamed channel"


def _none(traces: Sequence[Chromatogram], reports: Sequence[VendorReport]) -> BadExport:
    """Why no report belongs to the injection."""
    times = list(dict.fromkeys(t.injected_at or "an unknown time" for t in traces))
    channels = ", ".join(f"'{trace.channel}'" for trace in traces)
    expected = f"the injection of {' or '.join(times)} on channel {channels}"
    if len(reports) > 1:
        return BadExport("", f"{len(reports)} reports, none of them its own", expected, _REMEDY)
    [report] = reports
    when = report.injected_at or "an unknown time"
    if report.injected_at_note and not report.injected_at:
        when += f" ({report.injected_at_note})"
    called = f", named '{report.sample_name}'" if report.sample_name else ""
    return BadExport(
        "", f"a report of the injection of {when}{called}, {_named(report)}", expected, _REMEDY
    )
