"""Numbers as a person reads them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

MISSING = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_missing(value: Any) -> bool:
    """Tell whether a scalar has no value (an empty text counts as none)."""
    # NaN is the only number that differs from itself; pd.isna would cost more than all formatting.
    return value is None or value is pd.NA or value == "" or bool(value != value)


def number(value: Any, digits: int = 3) -> str:
    """Write a number with `digits` significant digits, without an exponent where it can be read.

    Whole parts are never rounded away: 1234.5 is ``"1234"`` with three digits.
    """
    if is_missing(value):
        return MISSING
    x = float(value)
    if not math.isfinite(x):
        return "∞" if x > 0 else "−∞" if x < 0 else MISSING
    if x == 0:
        return "0"
    size = math.floor(math.log10(abs(x)))
    if size < -4 or size > 6:
        mantissa, _, exponent = f"{x:.{digits - 1}e}".partition("e")
        power = str(int(exponent)).translate(_SUPERSCRIPTS)
        return f"{mantissa}×10{power}".replace("-", "−")
    return f"{x:.{max(digits - 1 - size, 0)}f}".replace("-", "−")


def fixed(value: Any, decimals: int) -> str:
    """Write a number with a fixed number of decimals."""
    if is_missing(value):
        return MISSING
    text = f"{float(value):.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def share(part: int, whole: int) -> str:
    """Write a share as ``12 of 80 (15 %)``."""
    if whole == 0:
        return f"{part} of 0"
    return f"{part} of {whole} ({100 * part / whole:.0f} %)"


def split_flags(cell: Any) -> list[str]:
    """Flags of a cell, ``;`` between them."""
    return [] if is_missing(cell) else [p.strip() for p in str(cell).split(";") if p.strip()]
