"""The integration test bed: chromatograms of fixed difficulty with known areas.

The numbers are those of the project's test-bed note; figures of integration methods compare
only because they are fixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dialysis.simulate.peaks import Family, Peak, apex
from dialysis.simulate.trace import (
    Background,
    Recording,
    SimulatedTrace,
    SolventFront,
    simulate_trace,
)


@dataclass(frozen=True)
class PeakModel:
    """Nominal peak of an analyte: EMG parameters in min, height in nA."""

    analyte: str
    mu_min: float
    sigma_min: float
    tau_min: float
    height_nA: float

    @property
    def area_nA_s(self) -> float:
        """Area of the nominal peak, nA·s."""
        return self.height_nA / apex(60 * self.sigma_min, 60 * self.tau_min)[1]

    @property
    def rt_min(self) -> float:
        """Time of the nominal peak's apex, min."""
        return self.mu_min + apex(60 * self.sigma_min, 60 * self.tau_min)[0] / 60


INTERNAL_STANDARD = "DHBA"

DEMO_PEAKS = (
    PeakModel("NE", 4.60, 0.080, 0.060, 0.40),
    PeakModel("DHBA", 7.20, 0.095, 0.060, 3.00),
    PeakModel("DOPAC", 10.10, 0.110, 0.080, 6.00),
    PeakModel("DA", 11.05, 0.120, 0.080, 0.50),
    PeakModel("5-HIAA", 14.50, 0.140, 0.090, 5.00),
    PeakModel("HVA", 19.00, 0.180, 0.110, 2.50),
    PeakModel("5-HT", 19.80, 0.190, 0.120, 0.60),
)
BED_PEAKS = tuple(peak for peak in DEMO_PEAKS if peak.analyte != "5-HIAA")


@dataclass(frozen=True)
class Variation:
    """Relative standard deviations of retention, σ and τ; `peak_min` is per peak, in min.

    One retention shift is common to all peaks; σ and τ vary for each peak by itself.
    """

    retention: float = 0.006
    peak_min: float = 0.01
    sigma: float = 0.04
    tau: float = 0.12


NO_VARIATION = Variation(0.0, 0.0, 0.0, 0.0)
BETWEEN_RUNS = Variation(
    retention=float(np.sqrt(0.006**2 - 0.0015**2)),
    peak_min=0.0,
    sigma=float(np.sqrt(0.04**2 - 0.01**2)),
    tau=float(np.sqrt(0.12**2 - 0.03**2)),
)
WITHIN_RUN = Variation(retention=0.0015, peak_min=0.01, sigma=0.01, tau=0.03)


@dataclass(frozen=True)
class BedSettings:
    """Settings of the test bed; the defaults are its standard difficulty.

    Parameters
    ----------
    peaks : tuple of PeakModel
        Nominal peaks.
    family : {"emg", "skew_normal", "two_exponential"}
        Shape of all peaks of standards and samples.
    between_runs, within_run : Variation
        Variation drawn once for a run, and for each of its chromatograms.
    height_log_sd : float
        Standard deviation of the log of the samples' heights.
    tailing_per_decade : float
        Relative increase of τ for a tenfold amount (the harder variant has 0.10).
    unknown_peaks : tuple of PeakModel
        Peaks of the samples (not of the standards) that are not in the truth.
    standard_levels : tuple of float
        Heights of the standards relative to the nominal ones, repeated as needed.
    standard_front_nA_min : float
        Area of the solvent front of standards.
    recording, background : Recording, Background
        Detector, and background of the samples.
    """

    peaks: tuple[PeakModel, ...] = BED_PEAKS
    family: Family = "emg"
    between_runs: Variation = NO_VARIATION
    within_run: Variation = field(default_factory=Variation)
    height_log_sd: float = 0.25
    tailing_per_decade: float = 0.0
    unknown_peaks: tuple[PeakModel, ...] = ()
    standard_levels: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    standard_front_nA_min: float = 12.0
    recording: Recording = field(default_factory=Recording)
    background: Background = field(default_factory=Background)


def realistic(settings: BedSettings | None = None) -> BedSettings:
    """Return settings with the variation of shapes mostly between runs."""
    return replace(settings or BedSettings(), between_runs=BETWEEN_RUNS, within_run=WITHIN_RUN)


@dataclass(frozen=True)
class RunShapes:
    """What the chromatograms of one run have in common.

    `retention` multiplies all retention times, `sigma` and `tau` those of each peak, by name.
    """

    retention: float
    sigma: Mapping[str, float]
    tau: Mapping[str, float]


@dataclass(frozen=True)
class BedRun:
    """Standards and samples of one run of the test bed."""

    settings: BedSettings
    standards: tuple[SimulatedTrace, ...]
    samples: tuple[SimulatedTrace, ...]


def draw_shapes(
    analytes: Sequence[str], variation: Variation, rng: np.random.Generator
) -> RunShapes:
    """Draw what a run's chromatograms have in common."""
    retention = 1 + variation.retention * rng.standard_normal()
    sigma = {name: positive_factor(variation.sigma, rng) for name in analytes}
    tau = {name: positive_factor(variation.tau, rng) for name in analytes}
    return RunShapes(retention, sigma, tau)


def draw_peak(
    model: PeakModel,
    shapes: RunShapes,
    variation: Variation,
    retention: float,
    rng: np.random.Generator,
    *,
    area_nA_s: float | None = None,
    height_nA: float | None = None,
    tailing: float = 1.0,
    family: Family = "emg",
) -> Peak:
    """Draw the peak of one analyte in one chromatogram.

    Parameters
    ----------
    model : PeakModel
        Nominal peak.
    shapes : RunShapes
        What the run's chromatograms have in common.
    variation : Variation
        Variation within the run.
    retention : float
        Factor of all retention times in this chromatogram, the run's included.
    rng : Generator
        Source of random numbers.
    area_nA_s, height_nA : float or None
        Area or, instead, height of the peak.
    tailing : float
        Further factor of τ.
    family : {"emg", "skew_normal", "two_exponential"}
        Shape; a given height is that of this shape.

    Returns
    -------
    Peak
    """
    mu = 60 * (model.mu_min * retention + variation.peak_min * rng.standard_normal())
    name = model.analyte
    sigma = 60 * model.sigma_min * shapes.sigma[name] * positive_factor(variation.sigma, rng)
    tau = 60 * model.tau_min * shapes.tau[name] * positive_factor(variation.tau, rng) * tailing
    if area_nA_s is None:
        area_nA_s = (height_nA or 0.0) / apex(sigma, tau, family)[1]
    return Peak(name, mu, sigma, tau, area_nA_s)


def simulate_bed(
    seed: int,
    n_samples: int = 100,
    n_standards: int = 10,
    settings: BedSettings | None = None,
    fixed_heights_nA: Mapping[str, float] | None = None,
) -> BedRun:
    """Simulate one run of the integration test bed.

    Parameters
    ----------
    seed : int
        Seed; every chromatogram has a random stream of its own, so that one does not depend on
        how many others there are.
    n_samples, n_standards : int
        Numbers of chromatograms.
    settings : BedSettings, optional
        Difficulty; the standard one by default.
    fixed_heights_nA : mapping of str to float, optional
        Heights of analytes in the samples that don't vary, for series near the limit of
        detection; 0 means absent.

    Returns
    -------
    BedRun
    """
    chosen = settings or BedSettings()
    names = [model.analyte for model in (*chosen.peaks, *chosen.unknown_peaks)]
    shapes = draw_shapes(names, chosen.between_runs, _stream(seed, 0))
    fixed = dict(fixed_heights_nA or {})
    clean = replace(
        chosen.background,
        front=standard_front(chosen.background.front, chosen.standard_front_nA_min),
    )
    standards = []
    for number in range(n_standards):
        rng = _stream(seed, 1, number)
        level = chosen.standard_levels[number % len(chosen.standard_levels)]
        heights = {
            model.analyte: model.height_nA * (1.0 if model.analyte == INTERNAL_STANDARD else level)
            for model in chosen.peaks
        }
        standards.append(_draw_trace(chosen, shapes, heights, clean, (), rng))
    samples = []
    for number in range(n_samples):
        rng = _stream(seed, 2, number)
        heights = {
            model.analyte: model.height_nA * float(np.exp(chosen.height_log_sd * z))
            for model, z in zip(chosen.peaks, rng.standard_normal(len(chosen.peaks)), strict=True)
        }
        heights.update(fixed)
        samples.append(
            _draw_trace(chosen, shapes, heights, chosen.background, chosen.unknown_peaks, rng)
        )
    return BedRun(chosen, tuple(standards), tuple(samples))


def _draw_trace(
    settings: BedSettings,
    shapes: RunShapes,
    heights: Mapping[str, float],
    background: Background,
    unknown_models: Sequence[PeakModel],
    rng: np.random.Generator,
) -> SimulatedTrace:
    variation = settings.within_run
    retention = shapes.retention * (1 + variation.retention * rng.standard_normal())
    peaks = [
        draw_peak(
            model,
            shapes,
            variation,
            retention,
            rng,
            height_nA=heights[model.analyte],
            tailing=_tailing(settings.tailing_per_decade, heights[model.analyte], model.height_nA),
            family=settings.family,
        )
        for model in settings.peaks
    ]
    unknowns = [
        draw_peak(
            model,
            shapes,
            variation,
            retention,
            rng,
            height_nA=model.height_nA,
            family=settings.family,
        )
        for model in unknown_models
    ]
    return simulate_trace(
        peaks,
        rng,
        recording=settings.recording,
        background=background,
        family=settings.family,
        unknowns=unknowns,
    )


def standard_front(front: SolventFront, area_nA_min: float = 12.0) -> SolventFront:
    """Return the solvent front of a standard: a cleaner matrix than a sample's."""
    return replace(front, area_nA_min=area_nA_min)


def _tailing(per_decade: float, height: float, nominal: float) -> float:
    if not per_decade or not height:
        return 1.0
    return max(0.1, 1 + per_decade * float(np.log10(height / nominal)))


def positive_factor(sd: float, rng: np.random.Generator) -> float:
    """Draw a factor from N(1, sd), not below one tenth."""
    return max(0.1, 1 + sd * float(rng.standard_normal()))


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
