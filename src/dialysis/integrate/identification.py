"""Give peaks their names: windows around expected times that follow a common shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dialysis.chromatogram import FloatArray
from dialysis.integrate.analysis import Peak
from dialysis.integrate.blocks import BoolArray
from dialysis.integrate.method import IntegrationMethod, Target

# A trend of the retention through a run needs this many injections; fewer give their median.
TREND_INJECTIONS = 6
# A retention factor this much off the run's trend, or this many robust standard deviations, is
# not believed.
TREND_TOLERANCE = 0.01
TREND_SIGMAS = 5.0
# A second peak in a window makes it ambiguous from this part of the first one's height.
AMBIGUOUS_PART = 0.1


@dataclass(frozen=True)
class Retention:
    """How far retention is shifted in one injection.

    Parameters
    ----------
    factor : float
        Retention times are this multiple of those expected.
    found : bool
        Whether a reference peak was found.
    flags : tuple of str
        What stands in for the reference when it was not found.
    """

    factor: float
    found: bool
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """The peak of one target, with what is odd about the choice.

    `peak` is its position in the list of peaks, or None.
    """

    target: Target
    expected_s: float
    peak: int | None
    flags: tuple[str, ...] = ()


def find_retention(
    peaks: Sequence[Peak],
    method: IntegrationMethod,
    expected: float = 1.0,
    tolerance: float | None = None,
) -> Retention:
    """Find the common retention factor of an injection from its reference peaks.

    Every peak that could be a reference gives a factor; the one that puts most of the analytes
    on peaks wins, large peaks counting more.  With several references found it is the median of
    their factors.

    Parameters
    ----------
    peaks : sequence of Peak
        Peaks of the trace.
    method : IntegrationMethod
        References, windows and the largest shift.
    expected : float
        Factor to be expected.
    tolerance : float, optional
        Largest relative difference from `expected`; the method's `max_shift_pct` when not given.

    Returns
    -------
    Retention
        With ``found`` false and the factor `expected` when there is no reference peak; without
        references the factor is 1.
    """
    references = method.references
    if not references:
        return Retention(1.0, True)
    largest = method.max_shift_pct / 100
    if tolerance is None:
        tolerance = largest
    times = np.array([peak.rt_s for peak in peaks])
    sizes = _sizes(peaks)
    factors = np.array([t / (60 * r.rt_min) for r in references for t in times])
    factors = factors[
        (np.abs(factors / expected - 1) <= tolerance) & (np.abs(factors - 1) <= largest)
    ]
    if not factors.size:
        return Retention(expected, False)
    scores = [_score(f, times, sizes, method.targets, expected, tolerance) for f in factors]
    best = float(factors[int(np.argmax(scores))])
    own = []
    for reference in references:
        at = 60 * reference.rt_min * best
        near = np.abs(times - at)
        inside = near <= 60 * reference.window_min
        if inside.any():
            own.append(times[_choose(near, sizes, inside, reference)] / (60 * reference.rt_min))
    return Retention(float(np.median(own)), True)


def _sizes(peaks: Sequence[Peak]) -> FloatArray:
    """How much a peak counts: ln(1 + H/σ), or of its relative height where there is no noise."""
    if not peaks:
        return np.zeros(0)
    height = np.array([peak.height for peak in peaks])
    ratio = np.array([peak.snr_sigma for peak in peaks])
    return np.asarray(np.log1p(np.where(np.isfinite(ratio), ratio, height / height.min())))


def _score(
    factor: float,
    times: FloatArray,
    sizes: FloatArray,
    targets: Sequence[Target],
    expected: float,
    tolerance: float,
) -> float:
    """How well a factor puts the targets on peaks."""
    total = 0.0
    for target in targets:
        away = (times - 60 * target.rt_min * factor) / (60 * target.window_min)
        worth = np.where(np.abs(away) <= 1, sizes * np.exp(-8 * away**2), 0.0)
        total += float(worth.max())
    # Among equals the smaller shift.
    return total * float(np.exp(-0.5 * ((factor / expected - 1) / tolerance) ** 2))


def assign(
    peaks: Sequence[Peak], method: IntegrationMethod, retention: Retention
) -> list[Assignment]:
    """Find the peak of every target.

    A target's candidates are the peaks within its window around expected time × factor.  Of
    several the one with the largest ½·ln(S/N) − 8·(distance/window)² is taken: at a quarter of
    the window a peak must be 2.7 times as large as one in the middle.  No peak is taken twice.

    Parameters
    ----------
    peaks : sequence of Peak
        Peaks of the trace.
    method : IntegrationMethod
        Targets with their windows.
    retention : Retention
        The common shift.
    """
    times = np.array([peak.rt_s for peak in peaks])
    sizes = _sizes(peaks)
    heights = np.array([peak.height for peak in peaks])
    taken: set[int] = set()
    out = []
    for target in method.targets:
        expected_s = 60 * target.rt_min * retention.factor
        away = np.abs(times - expected_s)
        inside = away <= 60 * target.window_min
        inside[list(taken)] = False
        if not inside.any():
            out.append(Assignment(target, expected_s, None, retention.flags))
            continue
        chosen = _choose(away, sizes, inside, target)
        others = inside.copy()
        others[chosen] = False
        flags = retention.flags
        if np.any(heights[others] >= AMBIGUOUS_PART * heights[chosen]):
            flags = (*flags, "ambiguous")
        taken.add(chosen)
        out.append(Assignment(target, expected_s, chosen, flags))
    return out


def _choose(
    away_s: FloatArray,
    sizes: FloatArray,
    inside: BoolArray,
    target: Target,
) -> int:
    """The best candidate inside a window."""
    score = 0.5 * sizes - 8 * (away_s / (60 * target.window_min)) ** 2
    return int(np.argmax(np.where(inside, score, -np.inf)))


def follow_run(
    peaks: Sequence[Sequence[Peak]], method: IntegrationMethod, order: Sequence[float]
) -> list[Retention]:
    """Retention factors of the injections of a run, checked against its trend.

    The factors that the injections give themselves are fitted by a Theil–Sen line over the order
    of injection.  An injection far from the line is looked at again near the line; one without
    a reference there gets the line's factor, flagged ``retention_from_run``.  In a run without
    any reference the expected times are used as they are, flagged ``reference_missing``.

    Parameters
    ----------
    peaks : sequence of sequences of Peak
        Peaks of each injection.
    method : IntegrationMethod
        References, windows and the largest shift.
    order : sequence of float
        Position of each injection in the run.
    """
    first = [find_retention(found, method) for found in peaks]
    if not method.references:
        return first
    known = np.array([r.found for r in first])
    if not known.any():
        return [Retention(1.0, False, ("reference_missing",)) for _ in first]
    place = np.asarray(order, dtype=np.float64)
    factors = np.array([r.factor for r in first])
    trend = _trend(place[known], factors[known], place)
    off = np.abs(factors - trend)
    tolerance = max(TREND_TOLERANCE, TREND_SIGMAS * 1.4826 * float(np.median(off[known])))
    out = []
    for found, retention, line, distance in zip(peaks, first, trend, off, strict=True):
        if retention.found and distance <= tolerance:
            out.append(retention)
            continue
        again = find_retention(found, method, float(line), tolerance)
        if again.found:
            out.append(again)
        else:
            out.append(Retention(float(line), False, ("retention_from_run",)))
    return out


def _trend(
    place: FloatArray,
    factors: FloatArray,
    at: FloatArray,
) -> FloatArray:
    """Theil–Sen line, or the median of few."""
    i, j = np.triu_indices(place.size, 1)
    apart = place[j] != place[i]
    if place.size < TREND_INJECTIONS or not apart.any():
        return np.full(at.shape, np.median(factors))
    slopes = (factors[j] - factors[i])[apart] / (place[j] - place[i])[apart]
    slope = float(np.median(slopes))
    line: FloatArray = float(np.median(factors - slope * place)) + slope * at
    return line
