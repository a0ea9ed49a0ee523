"""Counts and lists in sentences, as every message, caption and page writes them."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, one: str, several: str = "") -> str:
    """Write a number with its noun: ``1 animal``, ``2 animals``.

    Parameters
    ----------
    number : int
        How many.
    one, several : str
        The noun for one, and for any other number; by default with an s.

    Returns
    -------
    str
    """
    return f"{number} {one if number == 1 else several or f'{one}s'}"


def listed(names: Sequence[object]) -> str:
    """Join names by commas and a last "and": ``DA, NE and 5-HT``.

    Parameters
    ----------
    names : sequence
        At least one.

    Returns
    -------
    str
    """
    *others, last = map(str, names)
    return f"{', '.join(others)} and {last}" if others else last


def shortened(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """Join the first names and say how many there are besides: ``F01, F02 and 7 more``.

    Parameters
    ----------
    names : sequence of str
        May be empty.
    most : int
        How many are written.
    separator : str
        What stands between two of them.

    Returns
    -------
    str
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{separator.join(names[:most])}{more}"
