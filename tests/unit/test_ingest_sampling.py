"""Printed times to an interval, minutes or seconds, and line ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.ingest.numbers import NumberFormat
from dialysis.ingest.reader import BadExport
from dialysis.ingest.sampling import printed_step, sampling
from dialysis.ingest.text import any_text, decoded, head_lines
from dialysis.ingest.time_unit import time_unit

DOT = NumberFormat()


@pytest.mark.parametrize(
    ("cells", "step"),
    [
        (["54.90833", "54.91667", "55"], 1e-5),
        (["0.008333333", "0.01666667"], 1e-8),
        # Significant digits across a power of ten, and decimals.
        (["9.991667", "10", "10.00833"], 1e-5),
        (["9.992", "10.000", "10.008"], 1e-3),
        (["2.99883E+1"], 1e-4),
        (["29", "30"], 1.0),
        (["0"], 0.0),
        ([], 0.0),
        (["-0.5", "x"], 0.1),
    ],
)
def test_the_last_digit_of_the_largest_time(cells: list[str], step: float) -> None:
    assert printed_step(cells, DOT) == pytest.approx(step)


def test_it_is_found_with_other_marks() -> None:
    assert printed_step(["1.234,50"], NumberFormat(",", ".")) == pytest.approx(0.01)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    interval_ms=st.integers(10, 2000),
    start_ms=st.integers(0, 5000),
    n=st.integers(2, 400),
    digits=st.integers(4, 9),
    significant=st.booleans(),
)
def test_uniform_times_are_uniform_however_they_are_printed(
    interval_ms: int, start_ms: int, n: int, digits: int, significant: bool
) -> None:
    exact = (start_ms + interval_ms * np.arange(n)) / 60_000
    cells = [f"{t:.{digits}g}" if significant else f"{t:.{digits}f}" for t in exact]
    times = np.array([float(cell) for cell in cells])
    step = printed_step(cells[-50:], DOT)
    if step > interval_ms / 60_000 / 4:
        return  # too few digits to tell
    axis = sampling(times, step)
    assert axis.time_s is None
    # The printed times tell the interval to one digit over all steps (half a digit at both ends),
    # and the shortest number is taken that is as far from what they tell.
    assert axis.interval_s == pytest.approx(interval_ms / 1000, abs=2.02 * 60 * step / (n - 1))
    if step * 60_000 < 0.4 * (n - 1):
        # Digits that allow one whole number of ms only.
        assert axis.interval_s == interval_ms / 1000


def test_other_times_are_kept() -> None:
    times = np.array([0.0, 1.0, 2.5, 3.0])
    axis = sampling(times, 0.1)
    assert axis.time_s is not None
    np.testing.assert_array_equal(axis.time_s, times * 60)
    assert (axis.start_s, axis.interval_s) == (0.0, 60.0)


def test_times_that_can_not_be_counted_do_not_stop_it() -> None:
    axis = sampling(np.array([0.0, 1e308, 1.7e308]), 1e300)
    assert not np.isfinite(axis.interval_s)


@pytest.mark.parametrize(
    ("last", "n", "unit"),
    [(30, 18_000, "min"), (1800, 3600, "s"), (10, 600, "min"), (600, 60_000, "s")],
)
def test_minutes_or_seconds(last: float, n: int, unit: str) -> None:
    assert time_unit(np.linspace(0, last, n), "auto") == unit
    assert time_unit(np.linspace(0, last, n), "s") == "s"


def test_neither_minutes_nor_seconds() -> None:
    with pytest.raises(BadExport) as error:
        time_unit(np.linspace(0, 1e6, 100), "auto")
    assert str(error.value) == (
        ", points 1 to 100: found times from 0 to 1e+06 without a unit: 1e+06 min with a point "
        "every 6.061e+05 s (read as min) or 1.667e+04 min with a point every 1.01e+04 s (read as "
        "s); expected a run of which only one reading makes sense. Set ingest.time_unit in "
        "study.yaml to min or s."
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_kind_of_text_becomes_one(end: str, encoding: str) -> None:
    assert decoded(any_text(f"µ{end}b{end}".encode(encoding))) == "µ\nb\n"
    assert head_lines(f"a{end}b".encode(encoding)) == ["a", "b"]
