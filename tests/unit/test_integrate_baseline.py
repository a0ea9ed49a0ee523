"""The baseline: what it follows, and that its error is propagated exactly."""

from __future__ import annotations

import numpy as np
import pytest

from dialysis.integrate.baseline import (
    arpls_baseline,
    half_power_period_s,
    masked_baseline,
    stiffness_lambda,
)
from dialysis.integrate.blocks import Blocks, block_means


def blocks_of(signal: np.ndarray, start_s: float = 216.0) -> Blocks:
    times = start_s + np.arange(signal.size, dtype=float)
    return Blocks(times, signal, np.ones(signal.size, bool), 1.0)


def test_lambda_goes_with_the_fourth_power_of_the_sampling() -> None:
    assert stiffness_lambda(0.5, 1.0) == pytest.approx(16 * stiffness_lambda(1.0, 1.0))
    assert stiffness_lambda(1.0, 3.0) == pytest.approx(3 * stiffness_lambda(1.0, 1.0))
    assert half_power_period_s(16.0) == pytest.approx(2 * half_power_period_s(1.0))


def test_a_wave_of_the_half_power_period_is_halved() -> None:
    period = half_power_period_s(1.0)
    n = 20 * int(period)
    wave = np.sin(2 * np.pi * np.arange(n) / period)
    fitted = masked_baseline(blocks_of(wave), np.ones(n, bool), 1.0, 1.0, False)
    middle = slice(8 * int(period), 12 * int(period))
    amplitude = np.ptp(fitted.smooth[middle]) / 2
    assert amplitude == pytest.approx(0.5, abs=0.01)


def test_a_straight_line_is_followed_exactly_across_peaks() -> None:
    line = 2.0 + 0.003 * np.arange(900.0)
    free = np.ones(900, bool)
    free[300:420] = False
    signal = line + np.where(free, 0.0, 7.0)
    fitted = masked_baseline(blocks_of(signal), free, 1.0, 0.01, False)
    np.testing.assert_allclose(fitted.smooth, line, atol=1e-6)


def test_the_solvent_front_is_fitted_and_leaves_the_rest_alone() -> None:
    times = np.arange(900.0)
    front = 0.9 * np.exp(-times / 27.0)
    smooth = 2.0 + 0.0002 * times
    rng = np.random.default_rng(4)
    signal = front + smooth + rng.normal(0, 0.002, 900)
    free = np.ones(900, bool)
    free[30:90] = False
    signal[30:90] += 0.4
    fitted = masked_baseline(blocks_of(signal), free, 1.0, 0.002, True)
    assert fitted.front_s == pytest.approx(27.0, rel=0.1)
    inside = times[30:90] + 216.0
    # Interpolating 60 s between noisy ends: a few σ/√(blocks beside the peak).
    np.testing.assert_allclose(fitted.at(inside), (front + smooth)[30:90], atol=0.004)
    assert fitted.front_at(216.0) == pytest.approx(0.9, rel=0.05)


def test_no_front_is_found_where_there_is_none() -> None:
    rng = np.random.default_rng(6)
    signal = 1.0 + 0.0001 * np.arange(900.0) + rng.normal(0, 0.002, 900)
    fitted = masked_baseline(blocks_of(signal), np.ones(900, bool), 1.0, 0.002, True)
    assert fitted.front_s is None
    assert fitted.front_at(216.0) == 0.0


@pytest.mark.parametrize("with_front", [False, True])
def test_area_weights_are_the_derivative_of_the_area(with_front: bool) -> None:
    rng = np.random.default_rng(7)
    times = np.arange(600.0)
    signal = 1.0 + rng.normal(0, 0.01, 600) + (0.9 * np.exp(-times / 30.0) if with_front else 0.0)
    free = np.ones(600, bool)
    free[100:160] = free[400:470] = False
    start, end = np.array([316.0, 616.0]), np.array([376.0, 686.0])
    fitted = masked_baseline(blocks_of(signal), free, 1.0, 0.01, with_front)
    assert (fitted.front_s is not None) == with_front
    weights = fitted.area_weights(start, end)
    assert weights.shape == (2, 600)
    # A constant, and any baseline the model can be, leave the areas as they are.
    np.testing.assert_allclose(weights.sum(axis=1), 0.0, atol=1e-6)
    above = signal - fitted.at(fitted.blocks.times_s)
    areas = [above[100:160].sum(), above[400:470].sum()]
    # The blocks are centred on whole seconds: the limits cut the first and last block in half.
    areas[0] += 0.5 * (above[160] - above[100])
    areas[1] += 0.5 * (above[470] - above[400])
    np.testing.assert_allclose(weights @ signal, areas, rtol=1e-4, atol=1e-3)


def test_arpls_keeps_below_peaks() -> None:
    times = np.arange(1200.0)
    peaks = 5 * np.exp(-0.5 * ((times - 400) / 8) ** 2)
    rng = np.random.default_rng(8)
    signal = 2 + 0.001 * times + peaks + rng.normal(0, 0.005, 1200)
    rest = arpls_baseline(blocks_of(signal), 1.0) - (2 + 0.001 * times)
    assert np.abs(rest).max() < 0.02


def test_blocks_of_uneven_and_gappy_times() -> None:
    times = np.concatenate([np.arange(0, 50, 0.2), np.arange(80, 120, 0.2)])
    blocks = block_means(times, 3.0 + 0.1 * times, 1.0)
    assert blocks.n == 120
    assert not blocks.filled[50:80].any()
    assert blocks.filled[:50].all()
    np.testing.assert_allclose(blocks.signal, 3.0 + 0.1 * blocks.times_s, atol=1e-9)


def test_blocks_hold_whole_points() -> None:
    blocks = block_means(np.arange(1000) * 0.4, np.ones(1000), 1.0)
    assert blocks.interval_s == pytest.approx(0.8)
    assert blocks.n == 500


def test_knots_change_the_whittaker_smoother_by_little() -> None:
    """Against the dense solution with a knot on every block."""
    rng = np.random.default_rng(8)
    times = np.arange(1203.0)
    signal = 2.0 + 0.3 * np.sin(2 * np.pi * times / 500) + rng.normal(0, 0.01, times.size)
    free = np.ones(times.size, bool)
    free[200:260] = free[700:720] = False
    second = np.diff(np.eye(times.size), 2, axis=0)
    normal = np.diag(free.astype(float)) + stiffness_lambda(1.0, 1.0) * second.T @ second
    exact = np.linalg.solve(normal, free * signal)
    fitted = masked_baseline(blocks_of(signal), free, 1.0, 0.01, False)
    # A line with knots 8 s apart is off a wave of 500 s by (2π·8/500)²/8 = 0.13 % of 0.3, and the
    # wave of half power less strongly damped by as little.
    np.testing.assert_allclose(fitted.smooth, exact, atol=0.001)


def test_even_times_give_the_blocks_of_nearly_even_ones() -> None:
    rng = np.random.default_rng(9)
    times = 5.0 + 0.1 * np.arange(2007)
    signal = rng.normal(size=times.size)
    even = block_means(times, signal, 1.0)
    # Half a hundredth of a step moves no point to another block, but is not even.
    nearly = times + np.where(np.arange(times.size) % 2 == 0, 0.0, 0.0005)
    uneven = block_means(nearly, signal, 1.0)
    np.testing.assert_allclose(even.signal, uneven.signal, atol=1e-12)
    np.testing.assert_allclose(even.times_s, uneven.times_s, atol=0.001)
    assert even.n == uneven.n == 201
