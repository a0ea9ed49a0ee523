"""Integration of a whole trace without analytes: bounds, clusters, areas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.errors import IntegrationError
from dialysis.integrate.blocks import block_means
from dialysis.integrate.clusters import find_clusters, lower_hull
from dialysis.integrate.measuring import area_between
from dialysis.integrate.untargeted import integrate_all
from dialysis.simulate.peaks import density

TIMES = np.arange(0.0, 900.0, 0.25)
SIGMA = 0.002


def trace_of(
    peaks: list[tuple[float, float, float, float]], background: FloatArray | float = 0.0
) -> Chromatogram:
    """EMG peaks (area, µ, σ, τ) with white noise."""
    noise = np.random.default_rng(3).normal(0.0, SIGMA, TIMES.size)
    signal = noise + background
    for area, mu, sigma, tau in peaks:
        signal = signal + area * density(TIMES, mu, sigma, tau)
    return Chromatogram(signal=signal, unit="nA", start_s=0.0, interval_s=0.25)


@pytest.mark.parametrize(
    "background",
    [
        np.zeros_like(TIMES),
        0.01 * TIMES,
        -0.01 * TIMES,
        2.0 * np.exp(-TIMES / 600.0),
    ],
    ids=["flat", "rising", "falling", "curved"],
)
def test_single_peaks_on_any_background(background: FloatArray) -> None:
    peaks = integrate_all(trace_of([(40, 200, 5, 3), (8, 500, 7, 4)], background))
    assert [p.method for p in peaks] == ["trapezoid", "trapezoid"]
    # Bounds where the slope meets its noise cut about 0.1 % of the large and 1 % of the small one.
    assert peaks[0].area == pytest.approx(40, rel=0.005)
    assert peaks[1].area == pytest.approx(8, rel=0.02)
    for peak, start in zip(peaks, (200, 500), strict=True):
        assert peak.start_s < start < peak.rt_s < peak.end_s


def test_overlapping_peaks_share_a_baseline_and_their_areas_add_up() -> None:
    trace = trace_of([(40, 400, 8, 4), (30, 432, 8, 4)], 1.0 + 0.01 * TIMES)
    first, second = integrate_all(trace)
    assert first.end_s == second.start_s
    assert {first.method, second.method} == {"drop"}
    assert first.baseline_end == second.baseline_start
    together = area_between(
        trace.times_s,
        trace.signal,
        first.start_s,
        second.end_s,
        first.baseline_start,
        second.baseline_end,
    )
    assert first.area + second.area == pytest.approx(together, rel=1e-9)
    assert together == pytest.approx(70, rel=0.005)
    # Equal tails: what the drop takes from the one it gives to the other.
    assert first.area == pytest.approx(40, rel=0.05)


def test_a_valley_near_the_baseline_parts_them() -> None:
    peaks = integrate_all(trace_of([(40, 400, 8, 1), (40, 457, 8, 1)]))
    assert [p.method for p in peaks] == ["trapezoid", "trapezoid"]
    # The baseline rises to a valley of up to 1 % of the height, over five σ: that is half of it
    # times 5/√(2π) of the area.
    assert peaks[0].area == pytest.approx(40, rel=0.01)


def test_a_peak_on_the_flank_of_a_large_one_rides() -> None:
    large, small = integrate_all(trace_of([(900, 300, 20, 20), (6, 400, 4, 2)]))
    assert "riding" in small.flags
    # The drop gives the large one's tail behind the valley to the small one.
    assert large.area < 900
    assert small.area > 6
    assert small.method == "drop"


def test_measures_are_those_of_the_peak() -> None:
    (peak,) = integrate_all(trace_of([(40, 400, 8, 0.01)]))
    height = 40 / (8 * np.sqrt(2 * np.pi))
    assert peak.rt_s == pytest.approx(400, abs=0.05)
    assert peak.height == pytest.approx(height, rel=0.005)
    assert peak.width_s == pytest.approx(2.3548 * 8, rel=0.01)
    assert peak.tailing == pytest.approx(1.0, abs=0.02)
    assert peak.plates == pytest.approx(5.54 * (400 / (2.3548 * 8)) ** 2, rel=0.02)
    assert peak.snr_sigma == pytest.approx(height / SIGMA, rel=0.1)
    # White noise of the line's ends and of 300 points under the peak.
    assert 0 < peak.area_se < 0.2
    assert peak.flags == ()


def test_resolution_is_that_of_the_nearer_neighbour() -> None:
    peaks = integrate_all(trace_of([(40, 200, 8, 0.01), (40, 280, 8, 0.01), (40, 400, 8, 0.01)]))
    expected = 1.18 * 80 / (2 * 2.3548 * 8)
    assert peaks[0].resolution == pytest.approx(expected, rel=0.02)
    assert peaks[1].resolution == pytest.approx(expected, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(
    gain=st.floats(1e-3, 1e4),
    offset=st.floats(-1e3, 1e3),
    slope=st.floats(-0.01, 0.01),
    delay=st.floats(0.0, 5000.0),
)
def test_areas_scale_and_ignore_offset_slope_and_delay(
    gain: float, offset: float, slope: float, delay: float
) -> None:
    trace = trace_of([(40, 200, 5, 3), (20, 225, 5, 3), (8, 500, 7, 4)])
    plain = integrate_all(trace)
    signal = gain * (trace.signal + offset + slope * TIMES)
    moved = integrate_all(replace(trace, signal=signal, start_s=delay))
    assert len(moved) == len(plain)
    for peak, other in zip(plain, moved, strict=True):
        assert other.area == pytest.approx(gain * peak.area, rel=2e-3)
        assert other.rt_s - delay == pytest.approx(peak.rt_s, abs=0.05)


def test_pure_noise_has_no_peaks() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        noise = Chromatogram(rng.normal(0, 1, 9000), unit="nA", start_s=0.0, interval_s=0.25)
        assert integrate_all(noise) == ()


def test_times_outside_the_range_are_left_out() -> None:
    trace = trace_of([(40, 200, 5, 3), (40, 500, 5, 3)])
    (peak,) = integrate_all(trace, start_min=5.0)
    assert peak.rt_s == pytest.approx(502, abs=2)
    (peak,) = integrate_all(trace, end_min=5.0)
    assert peak.rt_s == pytest.approx(202, abs=2)


def test_a_range_without_trace_is_named() -> None:
    with pytest.raises(IntegrationError) as error:
        integrate_all(trace_of([]), start_min=14.9, where="a.cdf")
    assert str(error.value) == (
        "a.cdf: found a trace from 0 to 14.9958 min; expected at least 10 s of it between 14.9 "
        "and 14.9958 min. Change these times or export the whole trace."
    )


def test_flat_and_stepped_traces_have_no_peaks() -> None:
    flat = Chromatogram(np.full(4500, 2.5), unit="nA", start_s=0.0, interval_s=0.25)
    assert integrate_all(flat) == ()
    stepped = replace(flat, signal=np.where(TIMES > 400, 3.0, 2.5))
    assert integrate_all(stepped) == ()
    flicker = replace(flat, signal=2.5 + 1e-3 * np.sign(np.sin(TIMES * np.pi / 0.5)))
    assert integrate_all(flicker) == ()


def test_a_trace_without_noise() -> None:
    signal = np.round(40 * density(TIMES, 400.0, 8.0, 4.0), 4)
    (peak,) = integrate_all(Chromatogram(signal, unit="nA", start_s=0.0, interval_s=0.25))
    assert peak.area == pytest.approx(40, rel=0.002)


def test_odd_points_are_flagged() -> None:
    trace = trace_of([(40, 200, 5, 3), (40, 400, 5, 3), (40, 600, 5, 3)])
    signal = np.where(TIMES < 300, np.minimum(trace.signal, 1.5), trace.signal)
    signal[int(410 / 0.25)] += 3.0
    first, second, third = integrate_all(replace(trace, signal=signal))
    assert "clipped" in first.flags
    assert "spike" in second.flags
    assert third.flags == ()


def test_a_lone_spike_is_no_peak() -> None:
    trace = trace_of([(40, 400, 5, 3)])
    signal = trace.signal.copy()
    signal[1000] += 50.0
    assert [round(p.rt_s) for p in integrate_all(replace(trace, signal=signal))] == [402]


def test_a_gap_through_a_peak_leaves_it_out_and_one_in_its_tail_is_flagged() -> None:
    trace = trace_of([(40, 200, 5, 3), (40, 400, 5, 3)])
    kept = ((TIMES < 190) | (TIMES > 215)) & ((TIMES < 412) | (TIMES > 415))
    gappy = replace(trace, signal=trace.signal[kept], time_s=TIMES[kept])
    (peak,) = integrate_all(gappy)
    assert peak.rt_s == pytest.approx(402, abs=1)
    assert "gap" in peak.flags


def test_a_peak_cut_by_the_end_is_flagged() -> None:
    trace = trace_of([(40, 400, 8, 4)])
    short = replace(trace, signal=trace.signal[: int(412 / 0.25)])
    (peak,) = integrate_all(short)
    assert "edge" in peak.flags


def test_lower_hull() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert lower_hull(x, np.array([0.0, 1.0, 0.5, 3.0, 0.0])).tolist() == [0, 4]
    assert lower_hull(x, np.array([0.0, -1.0, 0.5, -3.0, 0.0])).tolist() == [0, 3, 4]
    assert lower_hull(x, x).tolist() == [0, 4]


def test_facets_carry_the_baseline() -> None:
    trace = trace_of([(40, 300, 8, 4), (30, 332, 8, 4), (40, 365, 8, 4)], -0.0 * TIMES)
    clusters, free = find_clusters(block_means(trace.times_s, trace.signal, 0.5))
    (cluster,) = clusters
    assert len(cluster.members) == 3
    outer = cluster.bounds_s[[0, -1]].tolist()
    assert [cluster.facet_s(k).tolist() for k in range(3)] == [outer] * 3
    assert not free[int(330 / 0.5)]
    assert free[int(100 / 0.5)]
