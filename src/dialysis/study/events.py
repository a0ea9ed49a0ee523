"""What integration events are: their types, what each needs, and which contradict each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from dialysis.tables.inputs import EVERY_INJECTION, INTEGRATION_EVENT_RULES

# What an event on an analyte's peak decides; two events must not decide the same.
_DECIDES: dict[str, frozenset[str]] = {
    "limits": frozenset({"start", "end"}),
    "start": frozenset({"start"}),
    "end": frozenset({"end"}),
    "baseline": frozenset({"baseline"}),
    "drop": frozenset({"baseline"}),
    "tangent": frozenset({"baseline"}),
    "skim": frozenset({"baseline"}),
    "add_peak": frozenset({"start", "end"}),
    "delete_peak": frozenset({"start", "end", "baseline"}),
}
# Events on a stretch of the trace.
_STRETCHES = ("inhibit", "limits", "split", "merge", "add_peak")


@dataclass(frozen=True)
class EventProblem:
    """One thing that is wrong with a row of integration_events.

    Parameters
    ----------
    row : object
        Its index in the frame.
    columns : str
        Names of the columns, with ", " between them.
    found, expected, remedy : str
        As in `dialysis.errors.Problem`.
    """

    row: object
    columns: str
    found: str
    expected: str
    remedy: str = ""


@dataclass(frozen=True)
class EventKey:
    """Where an event holds and what it does, without who decided it and why.

    Parameters
    ----------
    injection_id : str
        The injection; ``*`` for all of them.
    run : str
        The run, for all injections of one; empty for all runs.
    channel, analyte, event : str
        As in the table.
    start_min, end_min : float
        NaN where not given.
    """

    injection_id: str
    run: str
    channel: str
    analyte: str
    event: str
    start_min: float
    end_min: float

    @property
    def breadth(self) -> int:
        """0 for one injection, 1 for a run, 2 for the study."""
        if self.injection_id != EVERY_INJECTION:
            return 0
        return 1 if self.run else 2

    def same_channel(self, other: EventKey) -> bool:
        """Whether both can hold on one channel."""
        return not self.channel or not other.channel or self.channel == other.channel

    def contradicts(self, other: EventKey) -> bool:
        """Whether two events can't both hold on one trace."""
        if not self.same_channel(other):
            return False
        if self.analyte and self.analyte == other.analyte:
            return bool(_DECIDES[self.event] & _DECIDES[other.event])
        if self.event in _STRETCHES and other.event in _STRETCHES:
            return self._overlaps(other)
        return False

    def _overlaps(self, other: EventKey) -> bool:
        """Whether their stretches share more than an end; a split is a point."""
        own, others = self._span(), other._span()
        if self.event == other.event == "split":
            return own == others
        return own[0] < others[1] and others[0] < own[1]

    def _span(self) -> tuple[float, float]:
        end = self.start_min if self.event == "split" else self.end_min
        return self.start_min, end


def event_keys(events: pd.DataFrame) -> list[EventKey]:
    """Keys of the rows of the integration_events table, in their order."""
    return [
        EventKey(
            str(row.injection_id),
            str(row.run or ""),
            str(row.channel or ""),
            str(row.analyte or ""),
            str(row.event),
            float(row.start_min),
            float(row.end_min),
        )
        for row in events.itertuples()
    ]


def event_problems(events: pd.DataFrame) -> list[EventProblem]:
    """List what is wrong with events in themselves and among each other.

    Parameters
    ----------
    events : DataFrame
        INTEGRATION_EVENTS; its index names the rows.
    """
    keys = event_keys(events)
    rows = list(events.index)
    problems: list[EventProblem] = []
    sound: list[int] = []
    for i, (row, key) in enumerate(zip(events.itertuples(), keys, strict=True)):
        if key.event not in INTEGRATION_EVENT_RULES:
            continue
        found = list(_row_problems(row, key))
        problems += found
        if not found:
            sound.append(i)
    problems += _contradictions([rows[i] for i in sound], [keys[i] for i in sound])
    return problems


def _row_problems(row: object, key: EventKey) -> Iterable[EventProblem]:
    """What is wrong with one row in itself."""
    rule = INTEGRATION_EVENT_RULES[key.event]
    index = row.Index  # type: ignore[attr-defined]
    values = {name: getattr(row, name) for name in ("analyte", "start_min", "end_min", "value")}
    given = {name for name, value in values.items() if not pd.isna(value) and value != ""}
    missing = [name for name in rule.needs if name not in given]
    if missing:
        yield EventProblem(index, ", ".join(missing), "nothing", f"a value for '{key.event}'")
    unused = sorted(given - set(rule.needs) - set(rule.takes))
    if unused:
        shown = ", ".join(f"'{values[name]}'" for name in unused)
        yield EventProblem(
            index,
            ", ".join(unused),
            shown,
            f"nothing, because '{key.event}' does not use it",
            "Empty the cell, or choose another event.",
        )
    if key.injection_id == EVERY_INJECTION and not rule.wide:
        yield EventProblem(
            index,
            "injection_id",
            f"'{EVERY_INJECTION}'",
            f"one injection, because '{key.event}' is for a peak that somebody saw",
        )
    if key.start_min < 0:
        yield EventProblem(index, "start_min", f"{key.start_min:g}", "a time from 0")
    if key.end_min <= (key.start_min if "start_min" in given else 0.0):
        after = "after start_min" if "start_min" in given else "above 0"
        told = f", which is {key.start_min:g}" if "start_min" in given else ""
        yield EventProblem(index, "end_min", f"{key.end_min:g}", f"a time {after}{told}")
    if key.event == "baseline" and {"end_min", "value"} <= given:
        yield EventProblem(
            index,
            "value",
            f"'{values['value']}' beside end_min",
            "one of the two: a value holds at start_min alone",
            "Make two rows of it.",
        )


def _contradictions(rows: Sequence[object], keys: Sequence[EventKey]) -> list[EventProblem]:
    """Events of the same injection, run or study that can't both hold."""
    problems = []
    for (row, key), (later_row, later) in combinations(zip(rows, keys, strict=True), 2):
        same = (key.injection_id, key.run) == (later.injection_id, later.run)
        if same and later.contradicts(key):
            problems.append(
                EventProblem(
                    later_row,
                    "event",
                    f"'{later.event}', which contradicts '{key.event}' in row {row}",
                    "events that can both hold",
                    "Remove one of the two rows.",
                )
            )
    return problems
