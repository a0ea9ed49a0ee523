"""Traces that something is wrong with: said so, nothing lost, nothing invented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.integrate import IntegrationMethod, Target
from dialysis.integrate.analysis import analyse_trace
from dialysis.integrate.blocks import bridge_spikes, find_standstills
from dialysis.integrate.measuring import point_flags
from dialysis.simulate.testbed import DEMO_PEAKS, simulate_bed

from .test_integrate_run import SETTINGS, cell, run_of, trace_rows

BED = simulate_bed(5, 4, 4, SETTINGS)
TYPES = ["sample"] * 4 + ["standard"] * 4
FIRST = BED.samples[0].chromatogram
TRUTH = BED.samples[0].peaks.set_index("analyte")
T_MIN = FIRST.times_s / 60
RNG = np.random.default_rng(0)


def first_of(signal: FloatArray, kept: np.ndarray | None = None) -> pd.DataFrame:
    """Rows of the first injection of a run in which its trace is another one."""
    traces = [FIRST, *(t.chromatogram for t in (*BED.samples[1:], *BED.standards))]
    rows = trace_rows([replace(FIRST, signal=signal), *traces[1:]])
    if kept is not None:
        rows["time_s"] = pd.Series([FIRST.times_s[kept], *[None] * (len(traces) - 1)], dtype=object)
        rows["signal"] = pd.Series([signal[kept], *rows["signal"][1:]], dtype=object)
        rows["n_points"] = [int(kept.sum()), *rows["n_points"][1:]]
    run = run_of(rows, types=TYPES)
    peaks = run.peaks
    mine = peaks[peaks["injection_id"] == "i1"]
    assert set(mine.loc[mine["analyte"] != "", "analyte"]) == {p.analyte for p in DEMO_PEAKS}
    other = peaks[peaks["injection_id"] != "i1"]
    # What is wrong with one trace leaves the others measured.
    assert other["found"].sum() == 7 * 7
    return mine.set_index("analyte")


def error_pct(rows: pd.DataFrame, analyte: str) -> float:
    return 100 * float(rows.loc[analyte, "area"] / TRUTH.loc[analyte, "area_nA_s"] - 1)


def flags(rows: pd.DataFrame, analyte: str) -> set[str]:
    return set(rows.loc[analyte, "flags"].split(";")) - {""}


@pytest.fixture(scope="module")
def plain() -> pd.DataFrame:
    return first_of(FIRST.signal)


def test_the_trace_is_a_good_one(plain: pd.DataFrame) -> None:
    assert plain["found"].all()
    assert max(abs(error_pct(plain, name)) for name in TRUTH.index) < 3


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_flat_trace_has_nothing_and_says_why(value: float) -> None:
    rows = first_of(np.full(FIRST.n_points, value))
    assert not rows["found"].any()
    assert set(rows["reason"]) == {f"the trace is flat at {value:g}"}
    assert rows["area"].isna().all()
    assert len(rows) == 7


def test_clipped_peaks_are_measured_and_flagged(plain: pd.DataFrame) -> None:
    rows = first_of(np.minimum(FIRST.signal, 5.0))
    for name in ("DHBA", "DOPAC", "5-HIAA"):
        assert "clipped" in flags(rows, name)
        assert rows.loc[name, "method"] != "fit"
        assert error_pct(rows, name) < -10
    assert error_pct(rows, "HVA") == pytest.approx(error_pct(plain, "HVA"), abs=0.5)
    assert error_pct(rows, "DA") == pytest.approx(error_pct(plain, "DA"), abs=3)


def test_a_noisy_rail_is_a_flat_top() -> None:
    rail = 5.0 + RNG.normal(0, 0.004, FIRST.n_points)
    rows = first_of(np.where(FIRST.signal > 5.0, rail, FIRST.signal))
    for name in ("DHBA", "DOPAC", "5-HIAA"):
        assert rows.loc[name, "found"]
        assert {"flat_top", "misfit"} <= flags(rows, name)
        assert rows.loc[name, "method"] != "fit"
    assert not {"flat_top", "misfit"} & flags(rows, "HVA")


def test_single_spikes_are_bridged_and_flagged(plain: pd.DataFrame) -> None:
    rng = np.random.default_rng(2)
    signal = FIRST.signal.copy()
    hit = rng.choice(FIRST.n_points, 40, replace=False)
    signal[hit] += rng.choice([-1, 1], 40) * rng.uniform(1, 5, 40)
    rows = first_of(signal)
    assert (rows.index != "").all()
    for name in TRUTH.index:
        assert error_pct(rows, name) == pytest.approx(error_pct(plain, name), abs=0.3)
    spiked = {name for name in TRUTH.index if "spike" in flags(rows, name)}
    inside = {
        name
        for name in TRUTH.index
        if (
            (T_MIN[hit] > rows.loc[name, "start_min"]) & (T_MIN[hit] < rows.loc[name, "end_min"])
        ).any()
    }
    assert spiked == inside
    assert spiked


def test_a_burst_on_a_peak_is_flagged(plain: pd.DataFrame) -> None:
    burst = (T_MIN > 14.30) & (T_MIN < 14.35)
    rows = first_of(FIRST.signal + 8.0 * burst)
    assert rows.loc["5-HIAA", "found"]
    assert {"spike", "misfit"} <= flags(rows, "5-HIAA")
    assert error_pct(rows, "DA") == pytest.approx(error_pct(plain, "DA"), abs=0.3)


def test_a_short_gap_is_bridged_and_flagged() -> None:
    rt = TRUTH.loc["5-HIAA", "rt_min"]
    rows = first_of(FIRST.signal, (rt + 0.3 > T_MIN) | (rt + 0.36 < T_MIN))
    assert "gap" in flags(rows, "5-HIAA")
    assert rows.loc["5-HIAA", "method"] != "fit"
    assert abs(error_pct(rows, "5-HIAA")) < 2
    assert "gap" not in flags(rows, "HVA")


def test_analytes_in_a_long_gap_are_missing_with_the_reason() -> None:
    rows = first_of(FIRST.signal, (T_MIN < 5.0) | (T_MIN > 16.0))
    for name in ("DHBA", "DOPAC", "DA", "5-HIAA"):
        assert not rows.loc[name, "found"]
        assert rows.loc[name, "reason"] == "gap in the trace from 5.00 to 16.00 min"
    assert abs(error_pct(rows, "HVA")) < 3
    assert abs(error_pct(rows, "5-HT")) < 6
    assert (rows.index != "").all()


@pytest.mark.parametrize("held", [None, 0.0])
def test_a_detector_that_dies_is_a_gap(held: float | None) -> None:
    last = FIRST.signal[T_MIN < 12.0][-1] if held is None else held
    rows = first_of(np.where(T_MIN < 12.0, FIRST.signal, last))
    for name in ("5-HIAA", "HVA", "5-HT"):
        assert not rows.loc[name, "found"]
        assert rows.loc[name, "reason"] == "gap in the trace from 12.00 to 24.00 min"
    for name in ("NE", "DHBA", "DOPAC"):
        assert abs(error_pct(rows, name)) < 3
    # Its tail is cut by the end of the recording.
    assert rows.loc["DA", "found"]


def test_a_trace_upside_down_has_no_peaks() -> None:
    rows = first_of(-FIRST.signal)
    assert not rows["found"].any()
    assert rows["reason"].ne("").all()


def test_noise_as_high_as_the_peaks_invents_none() -> None:
    blank = simulate_bed(6, 1, 0, SETTINGS, {p.analyte: 0.0 for p in DEMO_PEAKS}).samples[0]
    rows = first_of(blank.chromatogram.signal + RNG.normal(0, 1.0, FIRST.n_points))
    assert not rows["found"].any()


def test_a_step_leaves_the_peaks_beside_it() -> None:
    rows = first_of(FIRST.signal + np.where(T_MIN > 12.8, 3.0, 0.0))
    for name in ("NE", "DHBA", "HVA", "5-HT"):
        assert abs(error_pct(rows, name)) < 3, name
        assert rows.loc[name, "method"] == "fit"
    # Those whose window holds the step are measured above local lines, and flagged.
    for name in ("DOPAC", "DA", "5-HIAA"):
        assert abs(error_pct(rows, name)) < 10, name
        assert {"local_baseline", "misfit"} <= flags(rows, name)


def test_a_run_without_standards_learns_from_its_samples() -> None:
    traces = trace_rows([t.chromatogram for t in BED.samples])
    run = run_of(traces, types=["sample"] * 4)
    assert run.peaks["found"].all()
    assert set(run.peaks["method"]) == {"fit"}
    for number, sample in enumerate(BED.samples, start=1):
        truth = sample.peaks.set_index("analyte")["area_nA_s"]
        row = cell(run, f"i{number}", "DA")
        assert row["area"] == pytest.approx(truth["DA"], rel=0.06)


def test_a_run_of_one_injection_is_measured_between_limits() -> None:
    run = run_of(trace_rows([FIRST]))
    assert run.peaks["found"].all()
    assert set(run.peaks["method"]) == {"trapezoid", "drop"}


def test_two_analytes_never_share_a_peak() -> None:
    # Windows that overlap: a study with them is refused, a method with them keeps to one each.
    targets = (Target("A", 7.1, 0.5), Target("B", 7.3, 0.5))
    method = IntegrationMethod(targets=targets, start_min=3.9, retention_reference="none")
    from dialysis.integrate import integrate

    rows = integrate(FIRST, method).set_index("analyte")
    assert rows.loc[["A", "B"], "found"].sum() == 1


def test_bridging_takes_single_points_only() -> None:
    rng = np.random.default_rng(1)
    signal = rng.normal(0, 0.01, 2000)
    same, none = bridge_spikes(signal, 0.01)
    assert same is signal
    assert none.size == 0
    spiked = signal.copy()
    spiked[[500, 900]] += [1.0, -2.0]
    spiked[1200:1202] += 1.0
    mended, where = bridge_spikes(spiked, 0.01)
    assert where.tolist() == [500, 900]
    assert abs(mended[[500, 900]]).max() < 0.05
    np.testing.assert_array_equal(np.delete(mended, where), np.delete(spiked, where))


@pytest.mark.parametrize("points", [4, 6, 10])
def test_a_narrow_peak_is_no_spike(points: int) -> None:
    t = np.arange(200.0)
    peak = 5 * np.exp(-0.5 * ((t - 100.3) / (points / 2.3548)) ** 2)
    _, where = bridge_spikes(peak + np.random.default_rng(1).normal(0, 1e-4, 200), 1e-4)
    assert where.size == 0


def test_standstills() -> None:
    t = np.arange(0.0, 600.0, 0.5)
    noisy = np.random.default_rng(1).normal(2.0, 0.01, t.size)
    assert find_standstills(t, noisy) == []
    held = np.where((t > 200) & (t < 300), 2.0, noisy)
    assert find_standstills(t, held) == [(200.5, 299.5)]
    short = np.where((t > 200) & (t < 220), 2.0, noisy)
    assert find_standstills(t, short) == []
    # A recording coarser than its noise stands still between its steps.
    coarse = np.round(noisy / 10, 1)
    assert find_standstills(t, coarse) == []
    peak = np.round(2 * np.exp(-0.5 * ((t - 300) / 8) ** 2), 3)
    assert find_standstills(t, peak) == []


def test_flat_tops_and_round_ones() -> None:
    t = np.arange(-60.0, 60.0, 0.2)
    noise = np.random.default_rng(1).normal(0, 0.004, t.size)
    for sigma in (4.0, 10.0):
        peak = 3 * np.exp(-0.5 * (t / sigma) ** 2) + noise
        assert point_flags(peak, peak, 0.004) == []
    cut = np.where(peak > 2.2, 2.2 + noise, peak)
    assert point_flags(cut, cut, 0.004) == ["flat_top"]
    even = np.minimum(peak, 2.2)
    assert point_flags(even, even, 0.004) == ["clipped"]
    two = 3 * np.exp(-0.5 * ((t - 10) / 10) ** 2) + 3 * np.exp(-0.5 * ((t + 10) / 10) ** 2) + noise
    assert point_flags(two, two, 0.004) == ["flat_top"]


def test_no_good_trace_has_a_flat_top() -> None:
    method = IntegrationMethod(start_min=3.9)
    for sample in simulate_bed(11, 15, 0, SETTINGS).samples:
        analysis = analyse_trace(sample.chromatogram, method, "x")
        assert not any({"flat_top", "spike", "gap"} & set(p.flags) for p in analysis.peaks)


def test_a_spiked_trace_is_recorded_as_it_was() -> None:
    signal = FIRST.signal.copy()
    signal[4000] += 3.0
    given = Chromatogram(signal.copy(), unit="nA", start_s=0.0, interval_s=0.2)
    analyse_trace(given, IntegrationMethod(start_min=3.9), "x")
    np.testing.assert_array_equal(given.signal, signal)
