"""Peaks are found, and their widths measured, for a whole trace at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import find_peaks

from dialysis.integrate.detection import (
    HALF_WIDTH_PER_SIGMA,
    SMOOTHING_BLOCKS,
    find_apexes,
    half_widths,
    smooth_blocks,
)


def crowded_trace(seed: int) -> np.ndarray:
    """Gaussian peaks of all heights, some of them overlapping, on noise with a mean of zero."""
    rng = np.random.default_rng(seed)
    at = np.arange(600.0)
    trace = rng.normal(0.0, 0.02, at.size)
    for _ in range(12):
        centre, width, height = rng.uniform(30, 570), rng.uniform(2, 9), rng.uniform(0.3, 5)
        trace += height * np.exp(-0.5 * ((at - centre) / width) ** 2)
    return smooth_blocks(trace)


@pytest.mark.parametrize("seed", range(20))
def test_half_widths_are_those_of_each_peak_by_itself(seed: int) -> None:
    smoothed = crowded_trace(seed)
    # So high a σ that no peak is taken for one above a local line.
    apexes, half, local = find_apexes(smoothed, 0.1, 10.0, 200.0)
    assert apexes.size > 4
    assert not local.any()
    every = find_peaks(smoothed, prominence=0.1)[0].tolist()
    valleys = [low + int(smoothed[low : high + 1].argmin()) for low, high in pairwise(every)]
    bounds = dict(zip(every, pairwise([0, *valleys, smoothed.size - 1]), strict=True))
    for apex, found in zip(apexes.tolist(), half, strict=True):
        alone = np.array(half_widths(smoothed, apex, *bounds[apex], 0.5 * smoothed[apex]))
        own = HALF_WIDTH_PER_SIGMA * SMOOTHING_BLOCKS
        expected = np.sqrt(np.maximum(alone**2 - own**2, (0.5 * alone) ** 2))
        # Only the order of the operations of a linear interpolation differs.
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_dip_below_the_baseline_around_a_peak_makes_it_local() -> None:
    at = np.arange(400.0)
    peak = 2.0 * np.exp(-0.5 * ((at - 200) / 5) ** 2)
    _, _, local = find_apexes(smooth_blocks(peak), 0.1, 0.001, 100.0)
    assert local.tolist() == [False]
    _, _, local = find_apexes(smooth_blocks(peak - 0.5), 0.1, 0.001, 100.0)
    assert local.tolist() == [True]
