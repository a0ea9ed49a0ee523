"""Numbers as the review site writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dialysis.review.numbers import (
    fixed,
    is_missing,
    number,
    share,
    split_flags,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1234"),
        (999.6, "1000"),
        (12.345, "12.3"),
        (-0.012345, "−0.0123"),
        (0.00001234, "1.23×10⁻⁵"),
        (-2.5e12, "−2.50×10¹²"),
        (float("inf"), "∞"),
        (None, "–"),
        (float("nan"), "–"),
        (pd.NA, "–"),
    ],
)
def test_numbers_have_three_significant_digits(value: object, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(3.14159, 2, "3.14"), (-0.004, 2, "0.00"), (-1.5, 0, "−2"), (np.nan, 1, "–"), (12, 0, "12")],
)
def test_fixed_decimals_have_no_negative_zero(value: float, decimals: int, text: str) -> None:
    assert fixed(value, decimals) == text


def test_missing_values_of_every_kind() -> None:
    missing = [None, pd.NA, float("nan"), np.float64("nan"), ""]
    present = [0, 0.0, False, np.bool_(True), "a", " "]
    assert all(is_missing(value) for value in missing)
    assert not any(is_missing(value) for value in present)


def test_words() -> None:
    assert share(12, 80) == "12 of 80 (15 %)"
    assert share(0, 0) == "0 of 0"
    assert split_flags("a; b;;") == ["a", "b"]
