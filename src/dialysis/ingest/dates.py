"""Injection times: order of day, month and year from the evidence, with what was assumed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from dialysis.ingest.options import AUTO

ORDER_ASSUMED = "day/month order assumed: "
_DAY_FIRST = "day before month"
_MONTH_FIRST = "month before day"

_TIME = r"[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?"
_LOCAL_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})\.?")
_LOCAL = re.compile(_LOCAL_DATE.pattern + _TIME)
_DAY_NAMED = re.compile(r"(\d{1,2})[ ./-]+([^\W\d_]{3,12})\.?[ ,./-]+(\d{4}|\d{2})" + _TIME)
_NAMED_DAY = re.compile(r"([^\W\d_]{3,12})\.?[ ./-]+(\d{1,2})[ ,./-]+(\d{4}|\d{2})" + _TIME)

# First letters of the months in Danish, Dutch, English, French, German, Italian, Portuguese,
# Spanish and Swedish, without accents; no beginning means two months.
_MONTHS = MappingProxyType(
    {
        **dict.fromkeys(("jan", "gen", "ene"), 1),
        **dict.fromkeys(("feb", "fev"), 2),
        **dict.fromkeys(("mar", "mrt", "mrz", "maa"), 3),
        **dict.fromkeys(("apr", "avr", "abr"), 4),
        **dict.fromkeys(("may", "mai", "mei", "mag", "maj"), 5),
        **dict.fromkeys(("jun", "juin", "giu"), 6),
        **dict.fromkeys(("jul", "juil", "lug"), 7),
        **dict.fromkeys(("aug", "aou", "ago"), 8),
        **dict.fromkeys(("sep", "set"), 9),
        **dict.fromkeys(("oct", "okt", "ott", "out"), 10),
        "nov": 11,
        **dict.fromkeys(("dec", "dez", "dic"), 12),
    }
)


@dataclass(frozen=True)
class DateOrder:
    """How the numbers of a date are read.

    Parameters
    ----------
    day_first : bool or None
        Whether the day comes before the month; ``None`` when the dates of the file contradict
        each other.
    note : str
        What was assumed; empty when the file or the study leaves no doubt.
    year_first : bool
        Whether a date begins with a year of two digits; one of four is seen.
    """

    day_first: bool | None
    note: str = ""
    year_first: bool = False


def date_order(
    injected: Sequence[str], others: Sequence[str] = (), declared: str = AUTO
) -> DateOrder:
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
    declared : {"auto", "dmy", "mdy", "ymd"}
        Config option ``ingest.date_order``: what is declared is not decided.
    """
    if declared != AUTO:
        return DateOrder(day_first=declared == "dmy", year_first=declared == "ymd")
    parts = [m for m in (_LOCAL_DATE.match(text.strip()) for text in (*injected, *others)) if m]
    pairs = [(int(m[1]), int(m[3])) for m in parts if len(m[1]) <= 2]
    says_day = any(first > 12 for first, _ in pairs)
    says_month = any(second > 12 for _, second in pairs)
    if says_day and says_month:
        return DateOrder(None, "the file's dates fit neither day/month order")
    if says_day or says_month:
        return DateOrder(says_day)
    as_day_first, as_month_first = (
        _span([_parse(text, DateOrder(day_first)) for text in injected])
        for day_first in (True, False)
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

    Months may have names (``28-jan-20 20:11``), in the languages that data systems print them
    in; no order is needed then.

    Returns
    -------
    iso : str
        For example ``"2024-04-13T09:53:42"``; empty when `text` can't be read.
    note : str
        What was assumed, or why `iso` is empty.
    """
    plain = text.strip()
    if not plain:
        return "", ""
    unreadable = f"injection time '{plain}' is not understood"
    match = _LOCAL.fullmatch(plain)
    if match is None:
        named = _named(plain)
        if named is None:
            return "", unreadable
        when, year = named
        return when.isoformat(), _year_note(year)
    year_first = len(match[1]) > 2 or order.year_first
    if order.day_first is None and not year_first:
        return "", order.note
    parsed = _parse(plain, order)
    if parsed is None:
        return "", unreadable
    certain = year_first or int(match[1]) == int(match[3])
    notes = ("" if certain else order.note, _year_note(match[1] if year_first else match[4]))
    return parsed.isoformat(), "; ".join(note for note in notes if note)


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
    swapped = [(swapped_time(iso, note), note) for iso, note in times]
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


def swapped_time(iso: str, note: str) -> str:
    """Read a time whose day/month order was assumed in the other order; others stay."""
    return _swap(iso) if note.startswith(ORDER_ASSUMED) else iso


def _order_note(day_first: bool, reason: str) -> str:
    return f"{ORDER_ASSUMED}{_DAY_FIRST if day_first else _MONTH_FIRST} ({reason})"


def _year_note(year: str) -> str:
    return "two-digit year read as 20yy" if len(year) <= 2 else ""


def _parse(text: str, order: DateOrder) -> datetime | None:
    match = _LOCAL.fullmatch(text.strip())
    if match is None:
        return None
    first, second, third = match[1], match[3], match[4]
    if len(first) > 2 or order.year_first:
        year, month, day = first, second, third
    else:
        year = third
        day, month = (first, second) if order.day_first else (second, first)
    return _moment(year, int(month), int(day), match.groups()[-4:])


def _named(text: str) -> tuple[datetime, str] | None:
    """Time of a date whose month has a name, and its year as printed."""
    if match := _DAY_NAMED.fullmatch(text):
        day, name, year = match[1], match[2], match[3]
    elif match := _NAMED_DAY.fullmatch(text):
        name, day, year = match[1], match[2], match[3]
    else:
        return None
    plain = unicodedata.normalize("NFKD", name.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    month = _MONTHS.get(plain[:4], _MONTHS.get(plain[:3]))
    when = None if month is None else _moment(year, month, int(day), match.groups()[-4:])
    return None if when is None else (when, year)


def _moment(year: str, month: int, day: int, clock: Sequence[str | None]) -> datetime | None:
    """A date and its time of day: hours, minutes, seconds and a or p, as matched."""
    hours, minutes, seconds, half = clock
    hour = int(hours or 0)
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "Pp" else 0)
    full_year = int(year) + 2000 if len(year) <= 2 else int(year)
    try:
        return datetime(full_year, month, day, hour, int(minutes or 0), int(seconds or 0))
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
