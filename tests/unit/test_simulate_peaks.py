"""Shapes, traces and the integration test bed."""

from __future__ import annotations

import numpy as np
import pytest

from dialysis.simulate.peaks import FAMILIES, Family, Peak, apex, density, emg
from dialysis.simulate.testbed import (
    BED_PEAKS,
    BETWEEN_RUNS,
    DEMO_PEAKS,
    WITHIN_RUN,
    BedSettings,
    PeakModel,
    Variation,
    realistic,
    simulate_bed,
)
from dialysis.simulate.trace import (
    Background,
    Baseline,
    Noise,
    Recording,
    SolventFront,
    pink_noise,
    simulate_trace,
)

SILENT = Background(
    front=SolventFront(area_nA_min=0.0, dip_area_nA_min=0.0),
    baseline=Baseline(level_nA=0.0, drift_nA_per_min=0.0, decay_nA=0.0, wave_nA=0.0),
    noise=Noise(white_nA=0.0, pink_nA=0.0),
)


def moments(family: Family, mu: float, sigma: float, tau: float) -> list[float]:
    """Area, mean, variance and third central moment by the trapezoid rule (the ends are 0)."""
    time = np.arange(mu - 12 * sigma, mu + 12 * sigma + 60 * tau, sigma / 200)
    step = sigma / 200
    values = density(time, mu, sigma, tau, family)
    area = values.sum() * step
    mean = (time * values).sum() * step
    central = [((time - mean) ** power * values).sum() * step for power in (2, 3)]
    return [float(area), float(mean), *(float(value) for value in central)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tau", [1.0, 3.6, 5.5])
def test_area_is_one_and_families_share_three_moments(family: Family, tau: float) -> None:
    area, mean, variance, third = moments(family, 300.0, 6.0, tau)
    assert area == pytest.approx(1.0, rel=1e-9)
    assert mean == pytest.approx(300.0 + tau, rel=1e-9)
    assert variance == pytest.approx(36.0 + tau**2, rel=1e-7)
    assert third == pytest.approx(2 * tau**3, rel=1e-5)


@pytest.mark.parametrize("tau", [1e-3, 0.05, 1.0, 30.0, 3000.0])
def test_emg_is_finite_and_continuous_at_any_tail(tau: float) -> None:
    time = np.linspace(-200.0, 20_000.0, 400_001)
    values = emg(time, 0.0, 1.0, tau)
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    # The two forms meet where z = sigma / tau.
    seam = 1 / tau
    below, above = emg(np.array([seam - 1e-9, seam + 1e-9]), 0.0, 1.0, tau)
    assert below == pytest.approx(above, rel=1e-6)


def test_emg_without_tail_is_gaussian_and_its_limit() -> None:
    time = np.linspace(-5, 5, 1001)
    gauss = np.exp(-0.5 * time**2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(emg(time, 0.0, 1.0, 0.0), gauss, rtol=1e-14)
    np.testing.assert_allclose(emg(time, 1e-6, 1.0, 1e-6), gauss, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("model", DEMO_PEAKS, ids=lambda model: model.analyte)
def test_apex_is_the_maximum(family: Family, model: PeakModel) -> None:
    sigma, tau = 60 * model.sigma_min, 60 * model.tau_min
    offset, height = apex(sigma, tau, family)
    time = np.linspace(-sigma, 2 * tau, 300_001)
    values = density(time, 0.0, sigma, tau, family)
    assert height == pytest.approx(float(values.max()), rel=1e-8)
    assert offset == pytest.approx(float(time[np.argmax(values)]), abs=1e-3 * sigma)


@pytest.mark.parametrize("ratio", [0.0, 1e-3, 0.1, 1.0, 4.0, 20.0])
def test_emg_apex_for_any_tail(ratio: float) -> None:
    offset, height = apex(1.0, ratio)
    time = np.linspace(offset - 0.01, offset + 0.01, 2001)
    values = emg(time, 0.0, 1.0, ratio)
    assert height == pytest.approx(float(values.max()), rel=1e-9)
    assert abs(int(np.argmax(values)) - 1000) <= 2


def test_skew_normal_refuses_a_tail_it_cannot_have() -> None:
    with pytest.raises(ValueError, match="a skew-normal can't have skewness"):
        density(np.arange(10.0), 5.0, 1.0, 3.0, "skew_normal")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("model", BED_PEAKS, ids=lambda model: model.analyte)
def test_area_of_a_trace_is_the_true_area(family: Family, model: PeakModel) -> None:
    recording = Recording()
    peak = Peak(
        model.analyte,
        60 * model.mu_min,
        60 * model.sigma_min,
        60 * model.tau_min,
        model.area_nA_s,
    )
    trace = simulate_trace(
        [peak],
        np.random.default_rng(0),
        recording=recording,
        background=SILENT,
        family=family,
    )
    summed = trace.signal_nA.sum() * recording.interval_s
    # Rounding to counts: at most half a count where the peak is above one, some 60 s long.
    assert summed == pytest.approx(model.area_nA_s, abs=0.5 * recording.count_nA * 60)
    assert trace.peaks["area_nA_s"].tolist() == [model.area_nA_s]
    assert trace.peaks["height_nA"].item() == pytest.approx(float(trace.signal_nA.max()), rel=1e-4)


def test_nominal_heights_are_those_of_the_test_bed() -> None:
    for model in DEMO_PEAKS:
        offset, height = apex(60 * model.sigma_min, 60 * model.tau_min)
        assert model.area_nA_s * height == pytest.approx(model.height_nA, rel=1e-12)
        assert model.rt_min == pytest.approx(model.mu_min + offset / 60)


def test_absent_and_unknown_peaks() -> None:
    absent = Peak("DA", 663.0, 7.0, 4.0, 0.0)
    unknown = Peak("unknown", 633.0, 7.0, 4.0, 5.0)
    trace = simulate_trace(
        [absent],
        np.random.default_rng(0),
        recording=Recording(),
        background=SILENT,
        unknowns=[unknown],
    )
    assert len(trace.peaks) == 0
    assert trace.signal_nA.sum() * 0.1 == pytest.approx(5.0, abs=1e-2)


@pytest.mark.parametrize("n_points", [7200, 18_000, 18_001])
def test_pink_noise_has_its_deviation_and_slope(n_points: int) -> None:
    traces = np.array(
        [pink_noise(n_points, 0.008, np.random.default_rng(seed)) for seed in range(200)]
    )
    # Half of 1/f power is in the lowest few per cent of bins, so the variance of one trace is
    # itself uncertain by some 15 %; of 200 traces by 1 %.
    assert np.sqrt((traces**2).mean()) == pytest.approx(0.008, rel=0.03)
    power = (np.abs(np.fft.rfft(traces, axis=1)) ** 2).mean(axis=0)
    bins = np.arange(1, (n_points - 1) // 2)
    slope = np.polyfit(np.log(bins), np.log(power[bins]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.03)


def test_white_noise_keeps_its_density_at_another_rate() -> None:
    background = Background(
        front=SILENT.front, baseline=SILENT.baseline, noise=Noise(0.008, 0.0, 10.0)
    )
    for interval, expected in ((0.1, 0.008), (0.2, 0.008 / np.sqrt(2))):
        recording = Recording(n_points=100_000, interval_s=interval)
        trace = simulate_trace(
            [], np.random.default_rng(1), recording=recording, background=background
        )
        # Relative standard error of a standard deviation: 1/sqrt(2n) = 0.22 %.
        assert trace.signal_nA.std() == pytest.approx(expected, rel=0.01)


def test_quantisation_is_far_below_the_noise_and_exact_in_single_precision() -> None:
    recording = Recording()
    assert recording.count_nA / np.sqrt(12) < Noise().white_nA / 100
    sample = simulate_bed(seed=3, n_samples=1, n_standards=0).samples[0]
    signal = sample.signal_nA
    assert (signal.astype(np.float32).astype(np.float64) == signal).all()
    assert (np.rint(signal / recording.count_nA).astype(np.int32) == sample.counts).all()


def test_bed_has_the_defaults_of_the_note() -> None:
    run = simulate_bed(seed=1, n_samples=2, n_standards=3)
    chromatogram = run.samples[0].chromatogram
    assert (chromatogram.n_points, chromatogram.interval_s, chromatogram.unit) == (
        18_000,
        0.1,
        "nA",
    )
    assert (len(run.standards), len(run.samples)) == (3, 2)
    assert run.samples[0].peaks["analyte"].tolist() == [
        "NE",
        "DHBA",
        "DOPAC",
        "DA",
        "HVA",
        "5-HT",
    ]
    front = [trace.signal_nA[600:1500].max() for trace in (run.samples[0], run.standards[0])]
    assert front[0] > 2 * front[1]
    internal = [
        trace.peaks.set_index("analyte").loc["DHBA", "height_nA"] for trace in run.standards
    ]
    assert internal == pytest.approx([3.0, 3.0, 3.0])
    da = [trace.peaks.set_index("analyte").loc["DA", "height_nA"] for trace in run.standards]
    assert da == pytest.approx([0.125, 0.25, 0.5])


def test_bed_chromatograms_do_not_depend_on_their_number() -> None:
    few = simulate_bed(seed=5, n_samples=2, n_standards=1)
    many = simulate_bed(seed=5, n_samples=4, n_standards=3)
    assert (few.samples[1].counts == many.samples[1].counts).all()
    assert (few.standards[0].counts == many.standards[0].counts).all()
    other = simulate_bed(seed=6, n_samples=1, n_standards=0)
    assert (few.samples[0].counts != other.samples[0].counts).any()


def test_bed_variation_is_as_asked() -> None:
    run = simulate_bed(seed=11, n_samples=300, n_standards=0)
    shift = np.array(
        [
            trace.peaks["rt_min"].to_numpy() / [model.rt_min for model in BED_PEAKS]
            for trace in run.samples
        ]
    )
    common = shift.mean(axis=1)
    # Standard error of a standard deviation of 300 draws: 4 %; shapes move the apex a little.
    assert common.std() == pytest.approx(0.006, rel=0.15)
    heights = np.log(np.array([trace.peaks["height_nA"] for trace in run.samples]))
    assert heights.std(axis=0) == pytest.approx(np.full(6, 0.25), rel=0.16)


def test_realistic_variant_splits_the_same_variance() -> None:
    total = Variation()
    for name in ("retention", "sigma", "tau"):
        parts = np.hypot(getattr(BETWEEN_RUNS, name), getattr(WITHIN_RUN, name))
        assert parts == pytest.approx(getattr(total, name))
    assert (WITHIN_RUN.sigma, WITHIN_RUN.tau) == (0.01, 0.03)
    settings = realistic()
    assert (settings.between_runs, settings.within_run) == (BETWEEN_RUNS, WITHIN_RUN)


def test_near_limit_series_and_tailing() -> None:
    run = simulate_bed(2, 3, 0, fixed_heights_nA={"DA": 0.02, "HVA": 0.0})
    for trace in run.samples:
        heights = trace.peaks.set_index("analyte")["height_nA"]
        assert heights["DA"] == pytest.approx(0.02)
        assert "HVA" not in heights
    plain = BedSettings(
        within_run=Variation(0.0, 0.0, 0.0, 0.0), standard_levels=(10.0,), tailing_per_decade=0.0
    )
    tailing = BedSettings(
        within_run=Variation(0.0, 0.0, 0.0, 0.0), standard_levels=(10.0,), tailing_per_decade=0.1
    )
    areas = [
        simulate_bed(2, 0, 1, settings).standards[0].peaks.set_index("analyte")["area_nA_s"]
        for settings in (plain, tailing)
    ]
    model = next(model for model in BED_PEAKS if model.analyte == "DA")
    expected = (
        apex(60 * model.sigma_min, 60 * model.tau_min)[1]
        / apex(60 * model.sigma_min, 60 * model.tau_min * 1.1)[1]
    )
    assert areas[1]["DA"] / areas[0]["DA"] == pytest.approx(expected)
