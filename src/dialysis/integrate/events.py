"""Manual integration events: the decisions of a person, applied to the peaks of a trace."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.errors import IntegrationError
from dialysis.integrate.analysis import Peak, TraceAnalysis
from dialysis.integrate.classical import trapezoid
from dialysis.integrate.remeasuring import above_automatic, kept_flags, measure_above, remeasure
from dialysis.study.events import EventKey, event_keys, event_problems
from dialysis.tables.inputs import EVERY_INJECTION

FILE = "integration_events.csv"
# Events on the list of peaks, before they get names.
_ON_PEAKS = ("merge", "split", "add_peak", "inhibit")
# The method of a forced skim.
_SKIMS = {"tangent": "tangent", "skim": "exponential"}


@dataclass(frozen=True)
class Event:
    """One row of integration_events.csv, as it holds for one injection.

    Parameters
    ----------
    key : EventKey
        Where it holds and what it does; times in min, NaN where not given.
    injection_id : str
        The injection it is applied to; empty for an event of all injections.
    value : float
        The ``value`` column.
    reason, decided_by, decided_on : str
        As in the table.
    """

    key: EventKey
    injection_id: str
    value: float
    reason: str
    decided_by: str
    decided_on: str

    @property
    def event(self) -> str:
        """Type of the event."""
        return self.key.event

    @property
    def analyte(self) -> str:
        """The analyte; empty for events on a stretch of the trace."""
        return self.key.analyte

    @property
    def channel(self) -> str:
        """Detector channel; empty for the only one."""
        return self.key.channel

    @property
    def start_s(self) -> float:
        """Start, s."""
        return 60 * self.key.start_min

    @property
    def end_s(self) -> float:
        """End, s; that of the start where only one time is given."""
        return 60 * (self.key.end_min if np.isfinite(self.key.end_min) else self.key.start_min)

    @property
    def wide(self) -> bool:
        """Whether it holds for all injections of a run or of the study."""
        return self.key.breadth > 0

    def __str__(self) -> str:
        whose = f"injection {self.key.injection_id}"
        if self.wide:
            whose = f"run {self.key.run}" if self.key.run else "all runs"
        parts = [f"{FILE}, {whose}"]
        if self.channel:
            parts.append(f"channel {self.channel}")
        if self.analyte:
            parts.append(f"analyte {self.analyte}")
        start, end = self.key.start_min, self.key.end_min
        span = ""
        if np.isfinite(start) and np.isfinite(end):
            span = f" from {start:g} to {end:g} min"
        elif np.isfinite(start) or np.isfinite(end):
            span = f" at {start if np.isfinite(start) else end:g} min"
        if self.wide and self.injection_id:
            parts.append(f"injection {self.injection_id}")
        return f"{', '.join(parts)}: '{self.event}'{span}"


@dataclass(frozen=True)
class Edited:
    """Peaks of a trace after the events on them, and events that could not be applied."""

    peaks: tuple[Peak, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decided:
    """What events make of the named peaks of a trace.

    Parameters
    ----------
    by_hand : dict of str to Peak
        Measured as decided, by analyte.
    deleted : dict of str to str
        Reasons of deleted peaks, by analyte.
    problems : tuple of str
        Events that could not be applied.
    """

    by_hand: dict[str, Peak]
    deleted: dict[str, str]
    problems: tuple[str, ...] = ()


def read_events(frame: pd.DataFrame) -> list[Event]:
    """Make events from (a slice of) the integration_events table."""
    return [
        Event(
            key,
            "" if key.injection_id == EVERY_INJECTION else key.injection_id,
            float(row.value),
            str(row.reason),
            str(row.decided_by),
            str(row.decided_on),
        )
        for row, key in zip(frame.itertuples(), event_keys(frame), strict=True)
    ]


def check_events(
    frame: pd.DataFrame,
    injections: Collection[tuple[str, str]],
    analytes: Sequence[str],
) -> None:
    """Refuse events that can't be meant, all of them in one message.

    Parameters
    ----------
    frame : DataFrame
        The run's slice of the integration_events table.
    injections : collection of (str, str)
        (injection_id, channel) of every trace of the run.
    analytes : sequence of str
        Analytes of the run.

    Raises
    ------
    IntegrationError
        Naming every event of an unknown injection, channel or analyte, without what it needs, or
        contradicting another.
    """
    rows = frame.reset_index(drop=True)
    events = read_events(rows)
    ids = {injection_id for injection_id, _ in injections}
    channels = sorted({channel for _, channel in injections})
    listed = ", ".join(repr(channel) for channel in channels)
    problems = []
    for event in events:
        own = event.key.injection_id
        if not event.wide and own not in ids:
            problems.append(
                f"{event}: found no such injection in this run; expected one of its {len(ids)}. "
                "Mend the injection_id or remove the row."
            )
        known = event.channel in channels if event.wide else (own, event.channel) in injections
        if event.channel and not known and (event.wide or own in ids):
            problems.append(
                f"{event}: found no such channel; expected one of {listed}. Mend the channel or "
                "remove the row."
            )
        if event.analyte and event.analyte not in analytes:
            problems.append(
                f"{event}: found an analyte that is not in analytes.csv; expected one of "
                f"{', '.join(analytes)}. Mend the name."
            )
        if not event.analyte and not event.channel and len(channels) > 1:
            problems.append(
                f"{event}: found no channel, though the exports have {len(channels)}; expected "
                f"one of {listed}. Fill in the channel."
            )
    for wrong in event_problems(rows):
        other = ""
        if wrong.columns == "event":
            # Rows of a slice have no line numbers: the other event is named by what it says.
            other = wrong.found.rsplit(" ", 1)[-1]
        found = wrong.found
        if other.isdigit():
            found = f"a contradiction to {str(events[int(other)]).split(', ', 1)[1]}"
        what = "" if wrong.columns == "event" else f", {wrong.columns}"
        remedy = f" {wrong.remedy}" if wrong.remedy else ""
        where = f"{events[int(str(wrong.row))]}{what}"
        problems.append(f"{where}: found {found}; expected {wrong.expected}.{remedy}")
    raise_problems(problems)


def raise_problems(problems: Iterable[str]) -> None:
    """Raise one error for all events that can't be applied; nothing when there are none.

    Raises
    ------
    IntegrationError
        With the one problem, or with all of them numbered.
    """
    listed = list(dict.fromkeys(problems))
    if len(listed) == 1:
        raise IntegrationError(listed[0])
    if listed:
        lines = [f"{FILE}: {len(listed)} events can't be applied"]
        lines += [f"  {number}. {text}" for number, text in enumerate(listed, start=1)]
        raise IntegrationError("\n".join(lines))


def events_of(
    events: Sequence[Event], injection_id: str, channel: str, analytes: Collection[str]
) -> tuple[Event, ...]:
    """Events that hold for one trace.

    Where two can't both hold, the one for fewer injections does.

    Parameters
    ----------
    events : sequence of Event
        Events of the run.
    injection_id, channel : str
        The trace.
    analytes : collection of str
        Analytes sought on it.
    """
    mine = [
        replace(event, injection_id=injection_id)
        for event in events
        if (event.wide or event.key.injection_id == injection_id)
        and event.channel in ("", channel)
        and (not event.analyte or event.analyte in analytes)
    ]
    return tuple(
        event
        for event in mine
        if not any(
            other.key.breadth < event.key.breadth and other.key.contradicts(event.key)
            for other in mine
        )
    )


def edit_peaks(peaks: Sequence[Peak], events: Sequence[Event], analysis: TraceAnalysis) -> Edited:
    """Merge, split, add and inhibit peaks.

    An event for one injection must find what it is for; one for a run or the study changes the
    injections where it does.

    Parameters
    ----------
    peaks : sequence of Peak
        Peaks of the trace, by time.
    events : sequence of Event
        Events that hold for it.
    analysis : TraceAnalysis
        The trace.
    """
    kept = tuple(peaks)
    problems: list[str] = []
    ordered = sorted(
        (e for e in events if e.event in _ON_PEAKS and not e.analyte),
        key=lambda e: (_ON_PEAKS.index(e.event), e.start_s),
    )
    first_s, last_s = float(analysis.times_s[0]), float(analysis.times_s[-1])
    for event in ordered:
        if not _inside(event, first_s, last_s):
            problems += [] if event.wide else [_outside(event, first_s, last_s)]
            continue
        try:
            kept = _edit(kept, event, analysis)
        except ValueError as error:
            problems += [] if event.wide else [_told(event, error)]
    return Edited(kept, tuple(problems))


def decide_named(
    events: Sequence[Event],
    classical: dict[str, Peak],
    found: Collection[str],
    analysis: TraceAnalysis,
) -> Decided:
    """Apply the events on peaks that have names.

    Parameters
    ----------
    events : sequence of Event
        Events that hold for the trace.
    classical : dict of str to Peak
        Peaks with classical limits, by analyte.
    found : collection of str
        Analytes for which any peak is reported.
    analysis : TraceAnalysis
        The trace.
    """
    by_hand: dict[str, Peak] = {}
    deleted: dict[str, str] = {}
    problems: list[str] = []
    first_s, last_s = float(analysis.times_s[0]), float(analysis.times_s[-1])
    for name in dict.fromkeys(event.analyte for event in events if event.analyte):
        named = [event for event in events if event.analyte == name]
        problems += [
            _outside(event, first_s, last_s)
            for event in named
            if not event.wide and not _inside(event, first_s, last_s)
        ]
        own = {event.event: event for event in named if _inside(event, first_s, last_s)}
        peak = classical.get(name)
        # What is for all injections changes those that have the peak.
        seen = peak is not None or "add_peak" in own
        seen |= "limits" in own and not own["limits"].wide
        if "delete_peak" in own:
            seen = name in found
        if own and not seen:
            problems += [_without_peak(event) for event in own.values() if not event.wide]
        elif "delete_peak" in own:
            deleted[name] = f"deleted by {FILE}: {own['delete_peak'].reason}"
        elif own:
            try:
                by_hand[name] = _by_hand(own, peak, analysis)
            except ValueError as error:
                if not all(event.wide for event in own.values()):
                    problems.append(_told(min(own.values(), key=lambda e: e.wide), error))
                elif peak is not None:
                    by_hand[name] = replace(peak, flags=(*peak.flags, "event_failed"))
    return Decided(by_hand, deleted, tuple(problems))


def inhibited(events: Sequence[Event], rt_s: float) -> str:
    """Reason of the ``inhibit`` event that holds at a time; empty when none does."""
    return _over(events, "inhibit", "inhibited", rt_s)


def taken_away(events: Sequence[Event], rt_s: float) -> str:
    """Reason of an event that took away the automatic peak at a time; empty when none did."""
    return inhibited(events, rt_s) or _over(events, "merge", "merged", rt_s)


def _over(events: Sequence[Event], kind: str, word: str, rt_s: float) -> str:
    for event in events:
        if event.event == kind and event.start_s <= rt_s <= event.end_s:
            return f"{word} by {FILE}: {event.reason}"
    return ""


def unreached(
    events: Sequence[Event], traces: Sequence[tuple[str, str, float, float]]
) -> list[str]:
    """Events for a run or the study whose times are outside all traces they are for.

    Parameters
    ----------
    events : sequence of Event
        Events of the run.
    traces : sequence of (str, str, float, float)
        injection_id, channel, first and last time (s) of every trace.
    """
    problems = []
    for event in events:
        spans = [
            (first, last) for _, channel, first, last in traces if event.channel in ("", channel)
        ]
        if event.wide and spans and not any(_inside(event, *span) for span in spans):
            first, last = min(a for a, _ in spans), max(b for _, b in spans)
            problems.append(_outside(event, first, last))
    return problems


def _inside(event: Event, first_s: float, last_s: float) -> bool:
    """Whether the times of an event that has any are inside a trace."""
    times = [60 * t for t in (event.key.start_min, event.key.end_min) if np.isfinite(t)]
    return all(first_s <= t <= last_s for t in times)


def _outside(event: Event, first_s: float, last_s: float) -> str:
    return (
        f"{event}: found a trace from {first_s / 60:g} to {last_s / 60:g} min; expected increasing "
        "times inside it. Mend its times or remove the row."
    )


def _without_peak(event: Event) -> str:
    what, remedy = "one", "Give its limits, or remove the row."
    if event.event == "delete_peak":
        what, remedy = "one to delete", "Remove the row."
    return f"{event}: found no peak of this analyte; expected {what}. {remedy}"


def _told(event: Event, error: Exception) -> str:
    """The message of an event that could not be applied."""
    return f"{event}: found {error}. Mend its times or remove the row."


def _edit(peaks: tuple[Peak, ...], event: Event, analysis: TraceAnalysis) -> tuple[Peak, ...]:
    """Apply one event to the list of peaks.

    Raises
    ------
    ValueError
        With what was found and expected, when there is nothing it could be applied to.
    """
    low, high = event.start_s, event.end_s
    if event.event == "split":
        over = [peak for peak in peaks if peak.start_s < low < peak.end_s]
        if not over:
            raise ValueError("no peak there; expected one to split")
        parts = [
            _between(over[0], analysis, over[0].start_s, low, "drop"),
            _between(over[0], analysis, low, over[0].end_s, "drop"),
        ]
        return _sorted(peaks, over[:1], parts)
    inside = [peak for peak in peaks if low <= peak.rt_s <= high]
    if event.event == "inhibit":
        if not inside:
            raise ValueError("no peak there; expected at least one")
        return _sorted(peaks, inside, [])
    if event.event == "merge":
        if len(inside) < 2:
            raise ValueError(f"{len(inside)} peaks there; expected at least 2")
        return _sorted(peaks, inside, [_merged(inside, analysis)])
    if inside:
        raise ValueError(
            f"a peak at {inside[0].rt_s / 60:.2f} min; expected none (limits, under the name of "
            "its analyte, or split are for peaks that are there)"
        )
    return _sorted(peaks, [], [_above_chord(analysis, low, high)])


def _sorted(
    peaks: Sequence[Peak], without: Sequence[Peak], others: Sequence[Peak]
) -> tuple[Peak, ...]:
    """Peaks without some and with others, by time."""
    kept = [peak for peak in peaks if peak not in without]
    return tuple(sorted([*kept, *others], key=lambda peak: peak.rt_s))


def _above_chord(analysis: TraceAnalysis, start_s: float, end_s: float) -> Peak:
    """Measure above the straight line between the trace's values at the limits."""
    area = trapezoid(analysis.times_s, analysis.signal, start_s, end_s)
    return measure_above(analysis, area, "manual", ("manual",))


def _between(
    peak: Peak, analysis: TraceAnalysis, start_s: float, end_s: float, method: str
) -> Peak:
    """Measure between other limits above the baseline that a peak has."""
    local = "local_baseline" in peak.flags
    flags = ("manual", *kept_flags(peak), *(("local_baseline",) if local else ()))
    area = above_automatic(peak, analysis, start_s, end_s)
    return measure_above(analysis, area, method, flags, smooth=not local)


def _merged(inside: Sequence[Peak], analysis: TraceAnalysis) -> Peak:
    """Measure some neighbours as one."""
    first, last = inside[0], inside[-1]
    if not any("local_baseline" in peak.flags for peak in inside):
        return _between(first, analysis, first.start_s, last.end_s, "manual")
    line_s = np.array([first.start_s, last.end_s])
    line = np.array([first.baseline_start, last.baseline_end])
    area = trapezoid(analysis.times_s, analysis.signal, first.start_s, last.end_s, line_s, line)
    return measure_above(analysis, area, "manual", ("manual", "local_baseline"))


def _by_hand(own: Mapping[str, Event], peak: Peak | None, analysis: TraceAnalysis) -> Peak:
    """Measure a peak with all that was decided about it.

    Limits alone mean the straight line between the trace's values there; where one limit alone is
    moved, the other end of the automatic baseline stays.
    """
    extent = own.get("limits") or own.get("add_peak")
    if extent is not None:
        start_s, end_s = extent.start_s, extent.end_s
    elif peak is not None:
        start_s = own["start"].start_s if "start" in own else peak.start_s
        end_s = 60 * own["end"].key.end_min if "end" in own else peak.end_s
    else:
        raise ValueError("no peak of this analyte; expected one, or its limits")
    if not start_s < end_s:
        raise ValueError(
            f"a start at {start_s / 60:g} and an end at {end_s / 60:g} min; expected a start "
            "before the end"
        )
    way = next((event for name in ("baseline", "drop", *_SKIMS) if (event := own.get(name))), None)
    if way is None:
        return _straight(extent is not None, peak, analysis, start_s, end_s)
    if way.event == "baseline":
        line_s, line = _forced_line(way, peak, analysis, start_s, end_s)
        area = trapezoid(analysis.times_s, analysis.signal, start_s, end_s, line_s, line)
        return measure_above(analysis, area, "manual", _flags(peak))
    if peak is None:
        raise ValueError(f"no peak of this analyte; expected one for '{way.event}'")
    if way.event == "drop":
        if (start_s, end_s) == (peak.start_s, peak.end_s):
            return replace(peak, flags=("manual", *peak.flags))
        return _between(peak, analysis, start_s, end_s, "drop")
    limited = replace(peak, start_s=start_s, end_s=end_s)
    found = remeasure(analysis, limited, _SKIMS[way.event])
    return replace(found, flags=("manual", *found.flags))


def _straight(
    whole: bool, peak: Peak | None, analysis: TraceAnalysis, start_s: float, end_s: float
) -> Peak:
    """Measure above a straight line between limits of which a person set one or both."""
    line_s = np.array([start_s, end_s])
    line = np.interp(line_s, analysis.times_s, analysis.signal)
    if peak is not None and not whole:
        if start_s == peak.start_s:
            line[0] = peak.baseline_start
        if end_s == peak.end_s:
            line[1] = peak.baseline_end
    area = trapezoid(analysis.times_s, analysis.signal, start_s, end_s, line_s, line)
    return measure_above(analysis, area, "manual", _flags(peak))


def _forced_line(
    event: Event, peak: Peak | None, analysis: TraceAnalysis, start_s: float, end_s: float
) -> tuple[FloatArray, FloatArray]:
    """Two points of a forced baseline: that of the event, and its second or the farther limit."""
    at_s = event.start_s
    level = float(np.interp(at_s, analysis.times_s, analysis.signal))
    if np.isfinite(event.value):
        level = event.value
    if np.isfinite(event.key.end_min):
        other_s = event.end_s
        other = float(np.interp(other_s, analysis.times_s, analysis.signal))
    else:
        other_s = end_s if at_s < 0.5 * (start_s + end_s) else start_s
        other = float(np.interp(other_s, analysis.times_s, analysis.signal))
        if peak is not None and other_s in (peak.start_s, peak.end_s):
            other = peak.baseline_start if other_s == peak.start_s else peak.baseline_end
    return np.array([at_s, other_s]), np.array([level, other])


def _flags(peak: Peak | None) -> tuple[str, ...]:
    return ("manual", *(() if peak is None else kept_flags(peak)))
