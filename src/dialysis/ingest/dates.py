"""Injection times: day/month order from the evidence there is, with what was assumed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ORDER_ASSUMED = "day/month order assumed: "
_DAY_FIRST = "day before month"
_MONTH_FIRST = "month before day"

_LOCAL = re.compile(
    r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})\.?"
    r"[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.?[Mm]\.?)?"
)
_LOCAL_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})\.?")


@dataclass(frozen=True)
class DateOrder:
    """How the two first numbers of a date are read.

    Parameters
    ----------
    day_first : bool or None
        ``None`` when the dates of the file contradict each other.
    note : str
        What was assumed; empty when the file leaves no doubt.
    """

    day_first: bool | None
    note: str = ""


def date_order(injected: Sequence[str], others: Sequence[str] = ()) -> DateOrder:
    """Decide the day/month order from all dates of a file.

    A number above 12 decides.  Without one the injections of a file are taken in the order
    that puts them closest together, because a sequence lasts days and not months.  Without
    that either: dates with dots are day first, times with AM or PM month first, all others
    day first; this is noted.

    Parameters
    ----------
    injected : sequence of str
        Dates with times of the file's injections.
    others : sequence of str
        Other dates of the same program in the same file, with or without times.
    """
    parts = [m for m in (_LOCAL_DATE.match(text.strip()) for text in (*injected, *others)) if m]
    pairs = [(int(m[1]), int(m[3])) for m in parts if len(m[1]) <= 2]
    says_day = any(first > 12 for first, _ in pairs)
    says_month = any(second > 12 for _, second in pairs)
    if says_day and says_month:
        return DateOrder(None, "the file's dates fit neither day/month order")
    if says_day or says_month:
        return DateOrder(says_day)
    as_day_first, as_month_first = (
        _span([_parse(text, day_first) for text in injected]) for day_first in (True, False)
    )
    if as_day_first is not None and as_month_first is not None and as_day_first != as_month_first:
        day_first = as_day_first < as_month_first
        reason = "the injections are closest together so"
    elif any(m[2] == "." for m in parts):
        day_first, reason = True, "usual for dates with dots"
    elif any(re.search(r"\d ?[AaPp]\.?[Mm]\.?$", text.strip()) for text in injected):
        day_first, reason = False, "usual for times with AM and PM"
    else:
        day_first, reason = True, "nothing in the file decides it"
    return DateOrder(day_first, _order_note(day_first, reason))


def iso_time(text: str, order: DateOrder) -> tuple[str, str]:
    """Turn a date with time into ISO 8601 without an offset.

    Returns
    -------
    iso : str
        For example ``"2024-04-13T09:53:42"``; empty when `text` can't be read.
    note : str
        What was assumed, or why `iso` is empty.
    """
    if not text.strip():
        return "", ""
    match = _LOCAL.fullmatch(text.strip())
    if match is None:
        return "", f"injection time '{text.strip()}' is not understood"
    year_first = len(match[1]) > 2
    if order.day_first is None and not year_first:
        return "", order.note
    when = _parse(text, bool(order.day_first))
    if when is None:
        return "", f"injection time '{text.strip()}' is not understood"
    note = "" if year_first or int(match[1]) == int(match[3]) else order.note
    if len(match[4]) == 2 and not year_first:
        note = "; ".join(part for part in (note, "two-digit year read as 20yy") if part)
    return when.isoformat(), note


def settle_orders(times: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Reconsider assumed day/month orders in the light of the other injections of a run.

    Where every file alone leaves the order open, the run may not: its injections lie hours
    apart, and in the wrong order months.  All assumed times are swapped together when that
    makes the run shorter.

    Parameters
    ----------
    times : sequence of (iso, note)
        As `iso_time` gives them, one per injection.

    Returns
    -------
    list of (iso, note)
        In the same order.
    """
    swapped = [
        (_swap(iso), note) if note.startswith(ORDER_ASSUMED) else (iso, note) for iso, note in times
    ]
    as_read = _span([_naive(iso) for iso, _ in times if iso])
    other = _span([_naive(iso) for iso, _ in swapped if iso])
    if as_read is None or other is None or other >= as_read:
        return list(times)
    settled = []
    for (iso, note), (new, _) in zip(times, swapped, strict=True):
        if note.startswith(ORDER_ASSUMED):
            was_day_first = note.startswith(ORDER_ASSUMED + _DAY_FIRST)
            rest = note.partition("; ")[2]
            note = _order_note(not was_day_first, "the run's injections are closest together so")
            iso, note = new, f"{note}; {rest}" if rest else note
        settled.append((iso, note))
    return settled


def _order_note(day_first: bool, reason: str) -> str:
    return f"{ORDER_ASSUMED}{_DAY_FIRST if day_first else _MONTH_FIRST} ({reason})"


def _parse(text: str, day_first: bool) -> datetime | None:
    match = _LOCAL.fullmatch(text.strip())
    if match is None:
        return None
    first, second, third = int(match[1]), int(match[3]), int(match[4])
    if len(match[1]) > 2:
        year, month, day = first, second, third
    else:
        year = third + 2000 if len(match[4]) <= 2 else third
        day, month = (first, second) if day_first else (second, first)
    hour = int(match[5])
    if match[8]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[8] in "Pp" else 0)
    try:
        return datetime(year, month, day, hour, int(match[6]), int(match[7] or 0))
    except ValueError:
        return None


def _span(times: Sequence[datetime | None]) -> timedelta | None:
    """From the first to the last; ``None`` when one is not a date."""
    known = [time for time in times if time is not None]
    if not known or len(known) < len(times):
        return None
    return max(known) - min(known)


def _naive(iso: str) -> datetime:
    return datetime.fromisoformat(iso).replace(tzinfo=None)


def _swap(iso: str) -> str:
    """Exchange day and month, which are both at most 12 where an order was assumed."""
    when = _naive(iso)
    return when.replace(day=when.month, month=when.day).isoformat()
