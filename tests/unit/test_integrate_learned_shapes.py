"""The learned shape, its derivatives, and the noise model."""

from __future__ import annotations

import numpy as np
import pytest

from dialysis.chromatogram import FloatArray
from dialysis.integrate.covariance import NoiseSpectrum, estimate_spectrum
from dialysis.integrate.shapes import (
    N_POWERS,
    N_SPLINES,
    PINNED,
    U_HIGH,
    U_LOW,
    Correction,
    ShapeValues,
    shape_values,
)
from dialysis.simulate.peaks import emg
from dialysis.simulate.trace import pink_noise

TIMES = np.arange(0.0, 200.0, 0.01)


def some_correction() -> Correction:
    """A smooth bump in every power."""
    middles = np.linspace(U_LOW, U_HIGH, N_SPLINES)
    coefficients = np.stack([0.01 * np.sin(middles + k) * 3**k for k in range(N_POWERS)])
    coefficients *= np.exp(-0.5 * (middles / 2) ** 2)
    coefficients[:, :PINNED] = coefficients[:, -PINNED:] = 0
    return Correction.of(coefficients, 0.5)


def shape_at(mu: float, ln_sigma: float, ln_tau: float, correction: Correction) -> ShapeValues:
    one = np.array
    return shape_values(TIMES, one(mu), np.exp(one(ln_sigma)), np.exp(one(ln_tau)), correction)


@pytest.mark.parametrize(("sigma", "tau"), [(5.0, 3.0), (2.0, 6.0), (6.0, 0.3)])
def test_without_correction_it_is_the_emg(sigma: float, tau: float) -> None:
    ours = shape_at(60.0, np.log(sigma), np.log(tau), Correction.none()).value
    np.testing.assert_allclose(ours, emg(TIMES, 60.0, sigma, tau), rtol=1e-9, atol=1e-16)


def test_the_area_stays_one() -> None:
    values = shape_at(60.0, np.log(5.0), np.log(3.0), some_correction()).value
    assert abs(values.sum() * 0.01 - 1) < 1e-6
    assert np.abs(values - emg(TIMES, 60.0, 5.0, 3.0)).max() > 1e-4


@pytest.mark.parametrize("correction", [Correction.none(), some_correction()])
def test_derivatives_are_those_of_finite_differences(correction: Correction) -> None:
    at = np.array([60.0, np.log(5.0), np.log(3.0)])
    step = 1e-4
    exact = shape_at(*at, correction)
    for k, analytic in enumerate((exact.by_mu, exact.by_ln_sigma, exact.by_ln_tau)):
        moved = np.eye(3)[k] * step
        above, below = shape_at(*(at + moved), correction), shape_at(*(at - moved), correction)
        numeric = (above.value - below.value) / (2 * step)
        # The table of the splines is linear between steps of 0.01.
        np.testing.assert_allclose(analytic, numeric, atol=2e-3 * np.abs(analytic).max())


def test_far_tails_neither_overflow_nor_vanish() -> None:
    at = np.array([-300.0, 0.0, 900.0])
    values = shape_values(at, np.array(0.0), np.array(1.0), np.array(10.0), Correction.none()).value
    assert values[0] == 0.0
    # Far behind an EMG is exp(σ²/2τ² − t/τ)/τ.
    assert values[2] == pytest.approx(np.exp(0.005 - 90) / 10, rel=1e-12)


def simulate_noise(rng: np.random.Generator, white: float, pink: float, n: int) -> FloatArray:
    """Blocks of 1.5 s of 15 points: white noise, and 1/f noise of density pink/f."""
    points = 15 * n
    # `pink_noise` spreads its variance over the harmonics of 1/duration as 1/f.
    harmonics = np.sum(1 / np.arange(1, (points - 1) // 2 + 1))
    signal = np.sqrt(white / 0.1) * rng.standard_normal(points)
    signal += pink_noise(points, float(np.sqrt(pink * harmonics)), rng)
    out: FloatArray = signal.reshape(n, 15).mean(axis=1)
    return out


@pytest.mark.parametrize(("white", "pink"), [(6e-6, 6e-6), (6e-6, 0.0), (1e-7, 6e-6)])
def test_the_spectrum_is_found(white: float, pink: float) -> None:
    rng = np.random.default_rng(4)
    stretches = [simulate_noise(rng, white, pink, 200) for _ in range(40)]
    found = estimate_spectrum(stretches, 1.5)
    # 8,000 blocks give a variance to about 3 % at the shortest distance, 15 % at the longest.
    total = found.autocovariance(1.5, 2)
    expected = NoiseSpectrum(white, pink, 0.0).autocovariance(1.5, 2)
    assert total[0] - total[1] == pytest.approx(expected[0] - expected[1], rel=0.06)
    assert found.pink == pytest.approx(pink, rel=0.25, abs=0.1 * white)


def test_whitened_noise_is_white() -> None:
    rng = np.random.default_rng(8)
    spectrum = NoiseSpectrum(6e-6, 6e-6, 1e-9)
    whitener = spectrum.whitener(1.5, 100)
    root = np.linalg.inv(whitener)
    covariance = root @ root.T
    np.testing.assert_allclose(covariance[0], spectrum.autocovariance(1.5, 100), rtol=1e-6)
    noise = np.stack([simulate_noise(rng, 6e-6, 6e-6, 100) for _ in range(400)])
    white = (noise - noise.mean(axis=1, keepdims=True)) @ NoiseSpectrum(6e-6, 6e-6, 0.0).whitener(
        1.5, 100
    ).T
    # Each of the 100 variances is known to 7 %, their mean to 0.7 % and correlations to 5 %.
    assert white[:, 1:].var(axis=0).mean() == pytest.approx(1.0, abs=0.06)
    correlation = np.corrcoef(white[:, 40:60].T)
    assert np.abs(correlation - np.eye(20)).mean() < 0.06


def test_a_trace_without_noise_still_gives_a_spectrum() -> None:
    found = estimate_spectrum([np.zeros(50)], 1.5, floor=1e-12)
    assert found.white > 0
    assert np.isfinite(found.whitener(1.5, 20)).all()
