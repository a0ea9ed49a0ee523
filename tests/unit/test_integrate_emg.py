"""Exponentially modified Gaussians by variable projection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.chromatogram import FloatArray
from dialysis.integrate.emg import fit_emg
from dialysis.simulate.peaks import density

TIMES = np.arange(540.0, 760.0, 1.0)
# DOPAC and DA of the test bed, (area, µ, σ, τ) in s, with a twelfth of the height on the tail.
DOPAC = (105.0, 606.0, 6.6, 4.8)
DA = (9.0, 663.0, 7.2, 4.8)
GUESS = ([609.0, 667.0], [18.0, 20.0])


def peaks(*parameters: tuple[float, float, float, float]) -> FloatArray:
    return sum((a * density(TIMES, mu, s, tau) for a, mu, s, tau in parameters), 0 * TIMES)


def test_without_noise_everything_is_recovered() -> None:
    fit = fit_emg(TIMES, peaks(DOPAC, DA) + 2.0 + 0.001 * TIMES, *GUESS)
    assert fit.converged
    for found, (area, mu, sigma, tau) in zip(fit.peaks, (DOPAC, DA), strict=True):
        assert found.area == pytest.approx(area, rel=1e-5)
        assert found.mu_s == pytest.approx(mu, abs=1e-3)
        assert found.sigma_s == pytest.approx(sigma, rel=1e-4)
        assert found.tau_s == pytest.approx(tau, rel=1e-4)
    np.testing.assert_allclose(fit.baseline, 2.0 + 0.001 * TIMES, atol=1e-4)
    np.testing.assert_allclose(fit.fitted - fit.baseline, peaks(DOPAC, DA), atol=1e-4)


def test_standard_errors_are_those_of_white_noise() -> None:
    rng = np.random.default_rng(2)
    z = []
    for _ in range(60):
        fit = fit_emg(TIMES, peaks(DOPAC, DA) + rng.normal(0, 0.004, TIMES.size), *GUESS)
        z += [(p.area - t[0]) / p.area_se for p, t in zip(fit.peaks, (DOPAC, DA), strict=True)]
        assert fit.misfit(0.004) == pytest.approx(1.0, abs=0.25)
    # 120 values: their standard deviation is known to 6.5 %.
    assert 0.8 < np.std(z) < 1.25
    assert abs(np.mean(z)) < 0.3


def test_a_wrong_shape_shows_in_the_misfit() -> None:
    rng = np.random.default_rng(3)
    signal = 105 * density(TIMES, 606.0, 6.6, 4.8, "skew_normal")
    fit = fit_emg(TIMES, signal + rng.normal(0, 0.004, TIMES.size), [609.0], [18.0])
    assert fit.misfit(0.004) > 3
    assert np.isnan(fit.misfit(0.0))


def test_a_curved_baseline_needs_the_quadratic() -> None:
    curved = 1.0 + 3e-4 * (TIMES - 650) ** 2 / 10
    line = fit_emg(TIMES, peaks(DA) + curved, [667.0], [20.0])
    quadratic = fit_emg(TIMES, peaks(DA) + curved, [667.0], [20.0], degree=2)
    assert quadratic.peaks[0].area == pytest.approx(9.0, rel=1e-4)
    assert abs(line.peaks[0].area / 9.0 - 1) > 0.05


def test_a_shoulder_without_a_maximum_of_its_own() -> None:
    shoulder = (20.0, 624.0, 6.8, 4.8)
    fit = fit_emg(TIMES, peaks(DOPAC, shoulder), [609.0, 627.0], [18.0, 18.0])
    assert fit.peaks[0].area == pytest.approx(105.0, rel=1e-3)
    assert fit.peaks[1].area == pytest.approx(20.0, rel=5e-3)


@settings(max_examples=15, deadline=None)
@given(
    gain=st.floats(1e-6, 1e6),
    offset=st.floats(-100, 100),
    slope=st.floats(-0.1, 0.1),
    moved=st.floats(-500, 5000),
)
def test_areas_scale_and_ignore_lines_and_delays(
    gain: float, offset: float, slope: float, moved: float
) -> None:
    signal = gain * (peaks(DOPAC, DA) + offset + slope * TIMES)
    fit = fit_emg(TIMES + moved, signal, [609.0 + moved, 667.0 + moved], [18.0, 20.0])
    assert fit.peaks[0].area == pytest.approx(gain * 105.0, rel=1e-3)
    assert fit.peaks[1].area == pytest.approx(gain * 9.0, rel=5e-3)
    assert fit.peaks[1].mu_s - moved == pytest.approx(663.0, abs=0.1)


def test_a_search_that_ends_at_a_bound_says_so() -> None:
    # A peak three widths from where it was sought.
    fit = fit_emg(TIMES, peaks(DA), [600.0], [20.0])
    assert not fit.converged


def test_nothing_is_fitted_to_too_few_points() -> None:
    with pytest.raises(ValueError, match="6 points for 1 peaks; expected at least one peak and"):
        fit_emg(TIMES[:6], TIMES[:6], [543.0], [3.0])
    with pytest.raises(ValueError, match="for 0 peaks"):
        fit_emg(TIMES, TIMES, [], [])


def test_the_same_input_gives_the_same_bytes() -> None:
    signal = peaks(DOPAC, DA) + 0.01 * np.sin(TIMES)
    one, two = (fit_emg(TIMES, signal, *GUESS) for _ in range(2))
    assert one.peaks == two.peaks
    np.testing.assert_array_equal(one.fitted, two.fitted)
