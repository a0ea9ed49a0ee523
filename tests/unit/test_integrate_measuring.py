"""Areas and shapes against values that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dialysis.integrate import area_between
from dialysis.integrate.measuring import measure_shape
from dialysis.simulate.peaks import apex, density

TIMES = np.arange(0.0, 100.0, 0.2)


def test_area_between_a_triangle_and_zero() -> None:
    signal = np.interp(TIMES, [40.0, 50.0, 60.0], [0.0, 4.0, 0.0])
    assert area_between(TIMES, signal, 30.0, 70.0, 0.0, 0.0) == pytest.approx(40.0, rel=1e-12)


def test_limits_between_points_are_interpolated() -> None:
    signal = 2.0 + 0.5 * TIMES
    # Between 10.05 and 20.13 s a straight line over a baseline of zero is a trapezoid.
    exact = (2.0 + 0.5 * 0.5 * (10.05 + 20.13)) * (20.13 - 10.05)
    assert area_between(TIMES, signal, 10.05, 20.13, 0.0, 0.0) == pytest.approx(exact, rel=1e-12)


def test_baseline_values_may_lie_at_other_times_than_the_limits() -> None:
    signal = 2.0 + 0.5 * TIMES
    area = area_between(TIMES, signal, 10.0, 20.0, 2.0, 2.0 + 0.5 * 90.0, 0.0, 90.0)
    assert area == pytest.approx(0.0, abs=1e-10)


def test_area_below_the_baseline_is_negative() -> None:
    assert area_between(TIMES, np.zeros_like(TIMES), 10.0, 20.0, 1.0, 1.0) == pytest.approx(-10.0)


@pytest.mark.parametrize(("start", "end"), [(-1.0, 20.0), (10.0, 200.0), (20.0, 10.0), (10, 10)])
def test_limits_outside_the_trace_or_reversed_are_refused(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="expected increasing times inside the trace, 0 to"):
        area_between(TIMES, TIMES, start, end, 0.0, 0.0)


def test_uneven_points() -> None:
    times = np.sort(np.random.default_rng(1).uniform(0, 100, 4000))
    signal = density(times, 50.0, 5.0, 3.0)
    area = area_between(times, signal, 10.0, 95.0, 0.0, 0.0)
    assert area == pytest.approx(1.0, rel=1e-4)


def test_shape_of_a_gaussian() -> None:
    signal = 3.0 * np.exp(-0.5 * ((TIMES - 50.07) / 5.0) ** 2)
    shape = measure_shape(TIMES, signal, 50.4, 5.9, 5.9, 30.0, 72.0, 1e-6)
    # The start is 0.3 s off; the apex is found to a tenth of the distance of the points.
    assert shape.apex_s == pytest.approx(50.07, abs=0.02)
    # The parabola's bias at 0.4 half widths, see its docstring.
    assert shape.height == pytest.approx(3.0, rel=1e-3)
    assert shape.width_s == pytest.approx(2.354820 * 5.0, rel=0.01)
    assert shape.tailing == pytest.approx(1.0, abs=0.01)


def test_shape_of_a_tailing_peak() -> None:
    fine = np.arange(0.0, 120.0, 0.001)
    exact = density(fine, 50.0, 5.0, 5.0)
    offset, height = apex(5.0, 5.0)
    above_half = fine[exact > 0.5 * height]
    above_5 = fine[exact > 0.05 * height]
    tailing = (above_5[-1] - above_5[0]) / (2 * (50.0 + offset - above_5[0]))
    times = np.arange(0.0, 120.0, 0.2)
    signal = density(times, 50.0, 5.0, 5.0)
    shape = measure_shape(times, signal, 53.0, 7.0, 9.0, 30.0, 100.0, 1e-9)
    assert shape.apex_s == pytest.approx(50.0 + offset, abs=0.1)
    assert shape.height == pytest.approx(height, rel=2e-3)
    assert shape.width_s == pytest.approx(above_half[-1] - above_half[0], rel=0.01)
    assert shape.tailing == pytest.approx(tailing, rel=0.01)
    assert tailing > 1.2


def test_tailing_is_not_given_when_5_percent_of_the_height_is_noise() -> None:
    signal = np.exp(-0.5 * ((TIMES - 50.0) / 5.0) ** 2)
    shape = measure_shape(TIMES, signal, 50.0, 5.9, 5.9, 30.0, 72.0, 0.06)
    assert np.isnan(shape.tailing)
