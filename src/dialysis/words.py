"""Counts, lists, reasons and numbers, as messages, captions, figures and pages write them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

# Who decided and when, at the end of a reason.
_DECIDED = re.compile(r" \([^()]*, \d{4}-\d{2}-\d{2}\)")


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
        How many are written; one more is written too, because its name is no longer than
        "1 more".
    separator : str
        What stands between two of them.

    Returns
    -------
    str
    """
    if len(names) <= most + 1:
        return separator.join(names)
    return f"{separator.join(names[:most])} and {len(names) - most} more"


def decimal(number: float, digits: int = 4) -> str:
    """Round to significant digits without an exponent: ``21000``, not ``2.1e+04``.

    Parameters
    ----------
    number : float
    digits : int
        Significant digits.

    Returns
    -------
    str
    """
    return f"{float(f'{number:.{digits}g}'):.15g}"


def with_error(mean: float, error: float) -> str:
    """Write a mean with its error, to two significant digits of the error: ``5.66 ± 0.43``.

    Parameters
    ----------
    mean, error : float
        Of one unit; an error of 0 says nothing about digits, and the mean has three then.

    Returns
    -------
    str
    """
    if not error > 0:
        return f"{mean:.3g} ± {error:.2g}"
    decimals = max(1 - math.floor(math.log10(error)), 0)
    return f"{mean:.{decimals}f} ± {error:.{decimals}f}"


def with_article(noun: str) -> str:
    """Put the article before a noun: ``a probe``, ``an animal``."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def reason_words(code: str) -> str:
    """Write the code of a reason for leaving something out in words: ``flow failure``."""
    return "co-elution" if code == "co_elution" else code.replace("_", " ")


def undecided(reason: str) -> str:
    """Take off a reason who decided and when: that is for the review pages, not for a paper."""
    return _DECIDED.sub("", reason)


def minus(text: str) -> str:
    """Write the hyphens of a number, or of several, as minus signs."""
    return text.replace("-", "\N{MINUS SIGN}")


def whole(value: float, sign: bool = False) -> str:
    """Write a number without decimals, ``−4``; with `sign` also ``+4``; never ``−0``."""
    text = f"{value:+.0f}" if sign else f"{value:.0f}"
    return "0" if float(text) == 0 else minus(text)


def p_number(p: float) -> str:
    """Write a p-value without its letter: ``0.046``, ``0.13``, ``< 0.001``, ``> 0.99``.

    Three decimals below 0.1, two above.  A value is never rounded up onto a multiple of 0.01, which
    may be the level it is held against: 0.0499 stays below 0.05.  `pText` of the review site does
    the same.

    Parameters
    ----------
    p : float
        From 0 to 1.

    Returns
    -------
    str
    """
    if p < 0.001:
        return "< 0.001"
    if p >= 0.995:
        return "> 0.99"
    if p >= 0.1:
        return f"{p:.2f}"
    for decimals in (3, 4, 5):
        text = f"{p:.{decimals}f}"
        if not (text.rstrip("0")[4:] == "" and float(text) > p):
            return text
    return f"{p:.6f}"


def p_words(p: float) -> str:
    """State a p-value as papers do: ``p = 0.046``, ``p < 0.001``.

    Parameters
    ----------
    p : float
        From 0 to 1.

    Returns
    -------
    str
    """
    number = p_number(p)
    return f"p {number}" if number[0] in "<>" else f"p = {number}"
