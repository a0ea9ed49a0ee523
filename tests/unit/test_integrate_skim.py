"""Trapezoid, perpendicular drop, tangent and exponential skim on peaks of known area."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.chromatogram import FloatArray
from dialysis.integrate.classical import (
    Area,
    exponential_skim,
    perpendicular_drop,
    tangent_skim,
    trapezoid,
)
from dialysis.simulate.peaks import density

TIMES = np.arange(0.0, 300.0, 0.2)
LINE_S = np.array([0.0, 290.0])
FLAT = np.zeros(2)
# A tailing parent of area 1000 and a rider of area 10 on its exponential tail (τ = 25 s).
PARENT = 1000 * density(TIMES, 60.0, 6.0, 25.0)
RIDER = 10 * density(TIMES, 150.0, 3.0, 1.0)


def test_trapezoid_above_the_chord_and_above_a_given_line() -> None:
    signal = 3.0 + 0.01 * TIMES + np.interp(TIMES, [40.0, 50.0, 60.0], [0.0, 4.0, 0.0])
    chord = trapezoid(TIMES, signal, 30.1, 70.3)
    assert chord.area == pytest.approx(40.0, rel=1e-12)
    assert (chord.baseline_start, chord.baseline_end) == pytest.approx((3.301, 3.703))
    given_line = trapezoid(TIMES, signal, 30.1, 70.3, LINE_S, np.array([2.0, 4.9]))
    assert given_line.area == pytest.approx(40.0 + 40.2, rel=1e-12)
    assert given_line.times_s[0] == 30.1
    assert given_line.times_s[-1] == 70.3
    np.testing.assert_allclose(given_line.baseline, 2.0 + 0.01 * given_line.times_s)


def test_drops_add_up_to_the_whole() -> None:
    signal = 40 * density(TIMES, 100.0, 8.0, 4.0) + 30 * density(TIMES, 132.0, 8.0, 4.0)
    first, second = perpendicular_drop(TIMES, signal + 0.01 * TIMES, [60.0, 118.5, 220.0])
    whole = trapezoid(TIMES, signal + 0.01 * TIMES, 60.0, 220.0)
    assert first.area + second.area == pytest.approx(whole.area, rel=1e-12)
    assert whole.area == pytest.approx(70, rel=1e-4)
    assert {first.method, second.method} == {"drop"}
    assert first.baseline_end == second.baseline_start
    (alone,) = perpendicular_drop(TIMES, signal, [60.0, 220.0])
    assert alone.method == "trapezoid"


def test_a_drop_between_mirrored_peaks_is_exact() -> None:
    signal = density(TIMES, 100.0, 8.0, 0.0) + density(TIMES, 132.0, 8.0, 0.0)
    first, second = perpendicular_drop(TIMES, signal, [40.0, 116.0, 192.0], LINE_S, FLAT)
    assert first.area == pytest.approx(1.0, abs=1e-6)
    assert second.area == pytest.approx(1.0, abs=1e-6)


def test_a_tangent_on_a_straight_flank_is_exact() -> None:
    # Where the parent falls in a straight line nothing is cut off.
    signal = np.maximum(20 - 0.1 * TIMES, 0) + RIDER
    found = tangent_skim(TIMES, signal, 151.0, 130.0, 180.0)
    assert found.area == pytest.approx(10, rel=1e-4)
    assert found.method == "tangent"
    assert 130 <= found.start_s < 145
    assert 160 < found.end_s <= 180


def test_a_tangent_cuts_off_the_curvature_of_a_tail_and_an_exponential_does_not() -> None:
    signal = PARENT + RIDER
    tangent = tangent_skim(TIMES, signal, 151.0, 135.0, 170.0)
    exponential = exponential_skim(TIMES, signal, 138.0, 168.0, LINE_S, FLAT)
    assert tangent.area < 0.99 * 10
    # The EMG's tail is exponential to 1e-5 there; the rider's own feet are below 1e-5.
    assert exponential.area == pytest.approx(10, rel=1e-3)
    assert exponential.method == "exponential"
    assert exponential.area > tangent.area


def test_the_parents_baseline_counts_for_the_exponential() -> None:
    signal = 5.0 + 0.02 * TIMES + PARENT + RIDER
    line = 5.0 + 0.02 * LINE_S
    found = exponential_skim(TIMES, signal, 138.0, 168.0, LINE_S, line)
    assert found.area == pytest.approx(10, rel=1e-3)
    ends = np.interp([138.0, 168.0], TIMES, signal)
    assert (found.baseline_start, found.baseline_end) == pytest.approx(tuple(ends))


def test_a_rider_on_a_front_is_skimmed_as_well() -> None:
    mirrored = (PARENT + RIDER)[::-1]
    last = TIMES[-1]
    found = exponential_skim(TIMES, mirrored, last - 168.0, last - 138.0, LINE_S, FLAT)
    assert found.area == pytest.approx(10, rel=1e-3)


def test_smoothing_keeps_the_tangent_out_of_the_noise() -> None:
    rng = np.random.default_rng(5)
    straight = np.maximum(20 - 0.1 * TIMES, 0) + RIDER
    raw, smooth = [], []
    for _ in range(20):
        noisy = straight + rng.normal(0, 0.02, TIMES.size)
        raw.append(tangent_skim(TIMES, noisy, 151.0, 130.0, 180.0).area)
        smooth.append(tangent_skim(TIMES, noisy, 151.0, 130.0, 180.0, reach=15).area)
    # Under single points the line lies some σ too low, over 40 s.
    assert np.mean(raw) - 10 > 4 * abs(np.mean(smooth) - 10)


def _tangent(times: FloatArray, signal: FloatArray, moved: float) -> Area:
    return tangent_skim(times, signal, 151.0 + moved, 135.0 + moved, 170.0 + moved)


def _chord(times: FloatArray, signal: FloatArray, moved: float) -> Area:
    return trapezoid(times, signal, 138.0 + moved, 168.0 + moved)


def _drop(times: FloatArray, signal: FloatArray, moved: float) -> Area:
    return perpendicular_drop(times, signal, [40.0 + moved, 142.0 + moved, 168.0 + moved])[1]


@pytest.mark.parametrize("method", [_chord, _drop, _tangent])
@settings(max_examples=20, deadline=None)
@given(
    gain=st.floats(1e-3, 1e3),
    offset=st.floats(-100, 100),
    slope=st.floats(-1, 1),
    moved=st.floats(0, 1000),
)
def test_areas_scale_and_ignore_lines_and_delays(
    method: Callable[[FloatArray, FloatArray, float], Area],
    gain: float,
    offset: float,
    slope: float,
    moved: float,
) -> None:
    signal = PARENT + RIDER
    plain = method(TIMES, signal, 0.0)
    other = method(TIMES + moved, gain * (signal + offset + slope * TIMES), moved)
    # Rounding of values some hundred times larger than the peak; a tangent may then touch the
    # next point.
    assert other.area == pytest.approx(gain * plain.area, rel=1e-5, abs=1e-6 * gain)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-100, 100), slope=st.floats(-1, 1))
def test_an_exponential_skim_scales_with_the_line_of_its_parent(
    gain: float, offset: float, slope: float
) -> None:
    signal = gain * (PARENT + RIDER + offset + slope * TIMES)
    line = gain * (offset + slope * LINE_S)
    found = exponential_skim(TIMES, signal, 138.0, 168.0, LINE_S, line)
    plain = exponential_skim(TIMES, PARENT + RIDER, 138.0, 168.0, LINE_S, FLAT)
    assert found.area == pytest.approx(gain * plain.area, rel=1e-6)


def test_what_can_not_be_skimmed() -> None:
    with pytest.raises(ValueError, match="expected at least 5 points with the apex between them"):
        tangent_skim(TIMES, PARENT, 151.0, 150.8, 151.2)
    with pytest.raises(ValueError, match="expected at least 5 points with the apex between them"):
        tangent_skim(TIMES, PARENT, 120.0, 135.0, 170.0)
    with pytest.raises(ValueError, match="above the parent's baseline at the limits"):
        exponential_skim(TIMES, PARENT - 5.0, 138.0, 168.0, LINE_S, FLAT)
