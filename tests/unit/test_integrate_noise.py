"""Noise estimates against noise of known spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from dialysis.integrate.noise import (
    BlockNoise,
    _two_parts,
    block_noise,
    peak_to_peak,
    point_sigma,
)
from dialysis.simulate.trace import pink_noise


def test_sigma_of_white_noise_is_not_disturbed_by_peaks_and_drift() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(7200) * 0.2
    peaks = 6 * np.exp(-0.5 * ((t - 500) / 6) ** 2) + 3 * np.exp(-0.5 * ((t - 900) / 10) ** 2)
    signal = rng.normal(0, 0.008, t.size) + peaks + 0.002 * t
    # The median absolute second difference of n points has a relative error of about 1.2/√n.
    assert point_sigma(signal) == pytest.approx(0.008, rel=0.05)


def test_sigma_of_a_coarse_trace_is_not_zero() -> None:
    rng = np.random.default_rng(3)
    coarse = np.round(rng.normal(0, 0.25, 5000))
    assert np.median(np.abs(np.diff(coarse, 2))) == 0
    assert 0.0 < point_sigma(coarse) < 0.5
    assert point_sigma(np.zeros(100)) == 0.0


def test_white_noise_has_no_flicker() -> None:
    found = [
        block_noise(np.random.default_rng(s).normal(0, 2.0, 1200), np.ones(1200, bool))
        for s in range(20)
    ]
    assert np.mean([n.white for n in found]) == pytest.approx(4.0, rel=0.06)
    assert np.mean([n.flicker for n in found]) < 0.1
    assert np.mean([n.short for n in found]) == pytest.approx(2.0, rel=0.05)


def test_pink_noise_is_told_from_white_noise() -> None:
    # Pink noise of variance s² over the frequencies from 1/n to 1/2 has h = s²/ln(n/2).
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        signal = rng.normal(0, 1.0, 2400) + pink_noise(2400, 3.0, rng)
        found.append(block_noise(signal, np.ones(2400, bool)))
    assert np.mean([n.flicker for n in found]) == pytest.approx(9.0 / np.log(1200), rel=0.2)
    assert np.mean([n.white for n in found]) == pytest.approx(1.0, abs=0.4)


def test_blocks_inside_peaks_do_not_count() -> None:
    signal = np.random.default_rng(5).normal(0, 1.0, 1200)
    free = np.ones(1200, bool)
    free[400:500] = False
    spoilt = signal.copy()
    spoilt[400:500] += 1000.0
    assert block_noise(spoilt, free).white == pytest.approx(block_noise(signal, free).white)


def test_standard_errors_of_contrasts_match_simulated_noise() -> None:
    n = 1024
    weights = np.zeros((2, n))
    weights[0, 500:540] = 1.0
    weights[0, 440:500] = weights[0, 540:600] = -40 / 120
    weights[1, 300:310] = 1.0
    weights[1, 310:320] = -1.0
    values = []
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        values.append(weights @ (rng.normal(0, 1.0, n) + pink_noise(n, 1.0, rng)))
    noise = BlockNoise(white=1.0, flicker=1.0 / np.log(n / 2), short=1.0)
    # A standard deviation of 2000 values is known to 1.6 %; the simulated noise repeats after n
    # points and its spectrum is discrete, which adds a few per cent.
    np.testing.assert_allclose(noise.standard_errors(weights), np.std(values, axis=0), rtol=0.08)


def test_peak_to_peak_takes_the_nearest_free_blocks_and_no_drift() -> None:
    corrected = 0.01 * np.arange(300.0)
    corrected[100] += 2.0
    corrected[250] += 50.0
    free = np.ones(300, bool)
    free[120:140] = False
    h = peak_to_peak(corrected, free, np.array([130, 200]), np.array([60, 40]))
    # 20 of the 60 nearest free blocks are before the peak's own 20 and 100 is among them.
    assert h[0] == pytest.approx(2.0, rel=0.1)
    assert h[1] == pytest.approx(0.0, abs=1e-9)


def test_peak_to_peak_takes_the_blocks_that_are_nearest() -> None:
    rng = np.random.default_rng(2)
    corrected, free = rng.normal(size=300), rng.random(300) < 0.6
    at, count = np.array([0, 3, 40, 150, 151, 290, 299]), np.array([5, 20, 31, 60, 17, 40, 400])
    where = np.flatnonzero(free)
    expected = []
    for one, n in zip(at, count, strict=True):
        near = where[np.argsort(np.abs(where - one), kind="stable")[: max(n, 15)]]
        line = np.polyval(np.polyfit(near, corrected[near], 1), near)
        expected.append(np.ptp(corrected[near] - line))
    np.testing.assert_allclose(peak_to_peak(corrected, free, at, count), expected, rtol=1e-9)


def test_peak_to_peak_is_not_known_without_free_blocks() -> None:
    free = np.zeros(300, bool)
    free[:10] = True
    assert np.isnan(peak_to_peak(np.zeros(300), free, np.array([150]), np.array([50]))).all()


@pytest.mark.parametrize("seed", range(20))
def test_two_parts_are_those_of_non_negative_least_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    design, values = rng.random((3, 2)), rng.normal(0.3, 1.0, 3)
    expected, _ = nnls(design, values)
    np.testing.assert_allclose(_two_parts(design, values), expected, atol=1e-9)
