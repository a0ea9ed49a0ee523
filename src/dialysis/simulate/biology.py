"""Time courses in an animal: effect, handling, drift and noise, averaged over fractions.

The level of an analyte relative to its basal level is

    drift(t) · unstable(t) · [1 + (H − 1)·h·g_H(t)] · [1 + (P − 1)·m·g_P(t)] · noise

with H and P the population peak ratios of handling and drug, g their time courses (peak 1), and
h and m the animal's multipliers.  Multipliers and noise are log-normal with arithmetic mean 1,
so that the arithmetic population mean of the noise-free ratio is the same expression with
h = m = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.simulate.parameters import AnalyteBiology, Effect

_STEPS_PER_FRACTION = 400
_QUADRATURE_NODES = 40


@dataclass(frozen=True)
class Fractions:
    """Collection of fractions.

    Parameters
    ----------
    n_baseline, n_post : int
        Fractions before and after the dose.
    length_min : float
        Length of a fraction.
    lag_min : float
        Time from the membrane to the vial (plug flow).
    """

    n_baseline: int
    n_post: int
    length_min: float
    lag_min: float

    @property
    def n(self) -> int:
        """Number of fractions."""
        return self.n_baseline + self.n_post

    @property
    def dose_min(self) -> float:
        """Time of the dose on the animal's clock, which starts with the first fraction."""
        return self.n_baseline * self.length_min

    @property
    def start_min(self) -> FloatArray:
        """Start of collection on the animal's clock, shape (n,)."""
        return np.arange(self.n, dtype=np.float64) * self.length_min

    @property
    def time_min(self) -> FloatArray:
        """Lag-corrected midpoints, min from the dose, shape (n,)."""
        return self.start_min + self.length_min / 2 - self.lag_min - self.dose_min

    @property
    def time_index(self) -> list[int]:
        """Place counted from the dose: …, -1, then 1, 2, …"""
        return [*range(-self.n_baseline, 0), *range(1, self.n_post + 1)]


@dataclass(frozen=True)
class FractionProfile:
    """Averages over each lag-shifted fraction, shape (n,): the noise-free relative level is

    ``base + h·handling + m·effect + h·m·both`` for an animal with multipliers h and m.
    """

    base: FloatArray
    handling: FloatArray
    effect: FloatArray
    both: FloatArray

    def level(self, h: float, m: float) -> FloatArray:
        """Return the noise-free relative level of every fraction, shape (n,)."""
        return self.base + h * self.handling + m * self.effect + h * m * self.both


def onset_decay(
    time_min: FloatArray, tmax_min: float, duration_min: float, level: float = 0.1
) -> FloatArray:
    """Return a smooth time course with peak 1 at `tmax_min`, 0 before time 0.

    Parameters
    ----------
    time_min : ndarray of float64
        Times from the dose.
    tmax_min, duration_min : float
        Time of the peak, and the later time of the fall to `level`.
    level : float
        Part of the peak that is left at `duration_min`.

    Notes
    -----
    The gamma variate (t/tmax)^k · exp(k·(1 − t/tmax)), with k such that it is `level` at
    `duration_min`.
    """
    if not 0 < tmax_min < duration_min:
        raise ValueError(f"tmax {tmax_min:g} min must lie between 0 and duration {duration_min:g}")
    ratio = duration_min / tmax_min
    k = np.log(level) / (np.log(ratio) + 1 - ratio)
    scaled = np.maximum(time_min, 0.0) / tmax_min
    out: FloatArray = (scaled * np.exp(1 - scaled)) ** k
    return out


def fraction_profile(
    biology: AnalyteBiology,
    effect: Effect | None,
    fractions: Fractions,
    *,
    duration_level: float,
    unstable_start_ratio: float = 1.0,
) -> FractionProfile:
    """Average an analyte's time course over the fractions' lag-shifted windows.

    Parameters
    ----------
    biology : AnalyteBiology
        The analyte.
    effect : Effect or None
        Effect of the treatment; ``None`` for none.
    fractions : Fractions
        A fraction collected from start to end holds fluid of [start − lag, end − lag].
    duration_level : float
        Part of the peak effect left at its duration.
    unstable_start_ratio : float
        Level at the start of the baseline, which falls exponentially to 1 at the dose.

    Returns
    -------
    FractionProfile
    """
    steps = (np.arange(_STEPS_PER_FRACTION) + 0.5) / _STEPS_PER_FRACTION * fractions.length_min
    start = fractions.start_min - fractions.lag_min - fractions.dose_min
    time = start[:, None] + steps[None, :]
    base = 1 + biology.drift_per_h * time / 60
    if unstable_start_ratio != 1:
        before = np.minimum(time, 0.0) / fractions.dose_min
        base = base * np.exp(-np.log(unstable_start_ratio) * before)
    handling = _response(biology.handling, time, duration_level)
    response = _response(effect, time, duration_level)
    return FractionProfile(
        base=base.mean(axis=1),
        handling=(base * handling).mean(axis=1),
        effect=(base * response).mean(axis=1),
        both=(base * handling * response).mean(axis=1),
    )


def population_ratio(
    profile: FractionProfile, biology: AnalyteBiology, effect: Effect | None, n_baseline: int
) -> tuple[FloatArray, FloatArray]:
    """Return the population's ratio to baseline of every fraction.

    Parameters
    ----------
    profile : FractionProfile
        Averages over the fractions.
    biology, effect : AnalyteBiology, Effect or None
        Give the spread of the animals' multipliers.
    n_baseline : int
        Number of the first fractions that make the baseline (their plain mean).

    Returns
    -------
    arithmetic, geometric : ndarray of float64, shape (n,)
        Means over animals of the noise-free ratio; the geometric one by Gauss-Hermite
        quadrature over both multipliers.
    """
    baseline = profile.base[:n_baseline].mean()
    arithmetic = profile.level(1.0, 1.0) / baseline
    nodes, weights = np.polynomial.hermite_e.hermegauss(_QUADRATURE_NODES)
    weights = weights / weights.sum()
    h_values = log_normal(nodes, biology.handling.cv)
    m_values = log_normal(nodes, effect.cv if effect else 0.0)
    logs = np.zeros_like(arithmetic)
    for h, h_weight in zip(h_values, weights, strict=True):
        for m, m_weight in zip(m_values, weights, strict=True):
            logs += h_weight * m_weight * np.log(profile.level(float(h), float(m)))
    return arithmetic, np.exp(logs) / baseline


def log_normal(z: FloatArray, cv: float) -> FloatArray:
    """Turn standard normal numbers into log-normal ones of arithmetic mean 1 and the given CV."""
    variance = np.log1p(cv**2)
    out: FloatArray = np.exp(np.sqrt(variance) * z - variance / 2)
    return out


def correlated_normals(
    n_series: int, n_values: int, correlation: float, rng: np.random.Generator
) -> FloatArray:
    """Draw standard normal numbers, shape (n_series, n_values).

    Values of one row (the analytes of an animal) have the given correlation.
    """
    shared = rng.standard_normal((n_series, 1))
    own = rng.standard_normal((n_series, n_values))
    out: FloatArray = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    return out


def ar1_normals(n_series: int, n_times: int, rho: float, rng: np.random.Generator) -> FloatArray:
    """Draw stationary first-order autoregressive standard normals, shape (n_series, n_times)."""
    draws = rng.standard_normal((n_series, n_times))
    out = draws.copy()
    for time in range(1, n_times):
        out[:, time] = rho * out[:, time - 1] + np.sqrt(1 - rho**2) * draws[:, time]
    return out


def _response(effect: Effect | None, time: FloatArray, duration_level: float) -> FloatArray:
    if effect is None or effect.peak_ratio == 1:
        return np.zeros_like(time)
    course = onset_decay(time, effect.tmax_min, effect.duration_min, duration_level)
    return (effect.peak_ratio - 1) * course
