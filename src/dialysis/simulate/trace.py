"""One simulated detector trace: peaks, solvent front, baseline and noise, as integer counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.simulate.peaks import Family, Peak, apex, density, emg

AREA_COLUMNS = ("analyte", "rt_min", "area_nA_s", "height_nA")


@dataclass(frozen=True)
class SolventFront:
    """Solvent front and the dip before it; areas in nA·min, the rest in min.

    `tau_sd` is the relative standard deviation of the front's tail between injections.
    """

    area_nA_min: float = 30.0
    mu_min: float = 1.60
    sigma_min: float = 0.12
    tau_min: float = 0.45
    tau_sd: float = 0.10
    dip_area_nA_min: float = 6.0
    dip_mu_min: float = 1.35
    dip_sigma_min: float = 0.06
    dip_tau_min: float = 0.03


@dataclass(frozen=True)
class Baseline:
    """Baseline in nA: level + drift·t·N(1, drift_sd) + decay·exp(−t/decay_min) + wave.

    The wave has a random phase; t is in min.
    """

    level_nA: float = 2.0
    drift_nA_per_min: float = 0.015
    drift_sd: float = 0.5
    decay_nA: float = 0.5
    decay_min: float = 6.0
    wave_nA: float = 0.15
    wave_period_min: float = 45.0


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the detector's white and pink noise, nA.

    `white_nA` is that of one point at `rate_hz`; at another data rate the noise density stays,
    so the standard deviation goes with the root of the rate.  `pink_nA` is that of the trace.
    """

    white_nA: float = 0.008
    pink_nA: float = 0.008
    rate_hz: float = 10.0


@dataclass(frozen=True)
class Recording:
    """How the detector records.

    Parameters
    ----------
    n_points : int
        Number of points, the first at 0 s.
    interval_s : float
        Distance of the points, s.
    count_nA : float
        Signal of one detector count, nA.  A power of two, so that counts × count_nA is exact
        in single precision; 2^-13 is 1/65 of the white noise.
    """

    n_points: int = 18_000
    interval_s: float = 0.1
    count_nA: float = 2.0**-13

    @property
    def times_s(self) -> FloatArray:
        """Time of every point, s, shape (n_points,)."""
        return np.arange(self.n_points, dtype=np.float64) * self.interval_s


@dataclass(frozen=True)
class Background:
    """Everything of a trace that is not a peak of interest."""

    front: SolventFront = field(default_factory=SolventFront)
    baseline: Baseline = field(default_factory=Baseline)
    noise: Noise = field(default_factory=Noise)


@dataclass(frozen=True, eq=False)
class SimulatedTrace:
    """A trace with its truth.

    Parameters
    ----------
    counts : ndarray of int32, shape (n,)
        Signal in detector counts.
    recording : Recording
        How it was recorded.
    peaks : DataFrame
        One row per peak: analyte, rt_min (of the apex), area_nA_s, height_nA (of the peak
        alone, without noise).
    """

    counts: npt.NDArray[np.int32]
    recording: Recording
    peaks: pd.DataFrame

    @property
    def signal_nA(self) -> FloatArray:
        """Signal, nA, shape (n,)."""
        return self.counts.astype(np.float64) * self.recording.count_nA

    @property
    def chromatogram(self) -> Chromatogram:
        """The trace as a reader would hand it on."""
        return Chromatogram(
            signal=self.signal_nA,
            unit="nA",
            start_s=0.0,
            interval_s=self.recording.interval_s,
            channel="ECD",
            detector="ECD",
            format="simulated",
        )


def simulate_trace(
    peaks: Sequence[Peak],
    rng: np.random.Generator,
    *,
    recording: Recording,
    background: Background,
    family: Family = "emg",
    unknowns: Sequence[Peak] = (),
) -> SimulatedTrace:
    """Draw a background and add peaks to it.

    Parameters
    ----------
    peaks : sequence of Peak
        Peaks of known area; one with area 0 is absent from signal and truth.
    rng : Generator
        Source of the background's random numbers.
    recording, background : Recording, Background
        Detector and background.
    family : {"emg", "skew_normal", "two_exponential"}
        Shape of all peaks (the solvent front stays an EMG).
    unknowns : sequence of Peak
        Peaks in the signal that are not part of the truth.

    Returns
    -------
    SimulatedTrace
    """
    signal = _draw_background(recording, background, rng)
    times = recording.times_s
    for peak in (*peaks, *unknowns):
        if peak.area_nA_s:
            _add_peak(signal, times, peak, family)
    counts = np.rint(signal / recording.count_nA).astype(np.int32)
    return SimulatedTrace(counts, recording, peak_truth(peaks, family))


def peak_truth(peaks: Sequence[Peak], family: Family = "emg") -> pd.DataFrame:
    """Apex, area and height of every peak that is there: columns of `AREA_COLUMNS`."""
    rows = []
    for peak in peaks:
        if peak.area_nA_s:
            offset, height = apex(peak.sigma_s, peak.tau_s, family)
            rows.append(
                (
                    peak.analyte,
                    (peak.mu_s + offset) / 60,
                    peak.area_nA_s,
                    peak.area_nA_s * height,
                )
            )
    return pd.DataFrame(rows, columns=list(AREA_COLUMNS))


def pink_noise(n_points: int, sd: float, rng: np.random.Generator) -> FloatArray:
    """Draw noise whose power goes with 1/f between 1/duration and the Nyquist frequency.

    Parameters
    ----------
    n_points : int
        Number of points.
    sd : float
        Expected standard deviation.
    rng : Generator
        Source of random numbers.

    Returns
    -------
    ndarray of float64, shape (n_points,)
        Noise with mean 0.
    """
    n_bins = (n_points - 1) // 2
    amplitude = 1 / np.sqrt(np.arange(1, n_bins + 1))
    draws = rng.standard_normal((2, n_bins))
    spectrum = np.zeros(n_points // 2 + 1, dtype=np.complex128)
    spectrum[1 : n_bins + 1] = amplitude * (draws[0] + 1j * draws[1])
    scale = sd * n_points / (2 * np.sqrt(np.sum(amplitude**2)))
    noise: FloatArray = np.fft.irfft(spectrum, n_points) * scale
    return noise


def _draw_background(
    recording: Recording, background: Background, rng: np.random.Generator
) -> FloatArray:
    front, baseline, noise = background.front, background.baseline, background.noise
    times = recording.times_s
    minutes = times / 60
    tail = front.tau_min * max(0.1, 1 + front.tau_sd * rng.standard_normal())
    slope = baseline.drift_nA_per_min * (1 + baseline.drift_sd * rng.standard_normal())
    phase = 2 * np.pi * rng.random()
    signal: FloatArray = baseline.level_nA + slope * minutes
    signal += baseline.decay_nA * np.exp(-minutes / baseline.decay_min)
    signal += baseline.wave_nA * np.sin(2 * np.pi * minutes / baseline.wave_period_min + phase)
    signal += front.area_nA_min * emg(minutes, front.mu_min, front.sigma_min, tail)
    signal -= front.dip_area_nA_min * emg(
        minutes, front.dip_mu_min, front.dip_sigma_min, front.dip_tau_min
    )
    white = noise.white_nA / np.sqrt(noise.rate_hz * recording.interval_s)
    signal += white * rng.standard_normal(recording.n_points)
    signal += pink_noise(recording.n_points, noise.pink_nA, rng)
    return signal


def _add_peak(signal: FloatArray, times: FloatArray, peak: Peak, family: Family) -> None:
    """Add a peak where it is above about 1e-18 of its height."""
    width = 9 * np.hypot(peak.sigma_s, peak.tau_s)
    first, last = np.searchsorted(times, [peak.mu_s - width, peak.mu_s + width + 60 * peak.tau_s])
    part = slice(int(first), int(last))
    signal[part] += peak.area_nA_s * density(
        times[part], peak.mu_s, peak.sigma_s, peak.tau_s, family
    )
