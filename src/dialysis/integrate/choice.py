"""Choose how each peak is measured: the learned fit or the classical way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dialysis.integrate.analysis import Peak, TraceAnalysis, signal_to_noise
from dialysis.integrate.identification import Assignment
from dialysis.integrate.method import IntegrationMethod
from dialysis.integrate.runfit import FWHM, FittedPeak, TraceFit

# A fitted peak is there when its area is this many standard errors: the LOD of ICH Q2(R2).
FOUND_SIGMAS = 3.3
# The fit is taken up to this misfit for peaks that could as well be measured classically, and up
# to the second for those that ride, overlap or are small, where classical areas are worse.
GOOD_MISFIT, USABLE_MISFIT = 2.0, 5.0
# Small: 2H/h below this.
SMALL_SNR = 20.0
# Fitted and classical peak are the same when their apexes are nearer than this many widths.
SAME_WIDTHS = 1.5

NAN = float("nan")


@dataclass(frozen=True)
class Measured:
    """One target in one trace, as it is reported.

    Parameters
    ----------
    assignment : Assignment
        The target with its classical peak.
    expected_s : float
        Expected time of the apex, s.
    peak : Peak or None
        What is reported; None when nothing was found.
    covers : int or None
        Position of the classical peak that it stands for.
    reason : str
        Why nothing is reported, where the fit says so.
    area_fit, area_fit_se, area_classical, misfit : float
        Both areas, and how well the fit agrees with the trace; NaN where there is none.
    """

    assignment: Assignment
    expected_s: float
    peak: Peak | None
    covers: int | None
    reason: str = ""
    area_fit: float = NAN
    area_fit_se: float = NAN
    area_classical: float = NAN
    misfit: float = NAN


def fitted_groups(
    fits: Sequence[TraceFit], classical: Sequence[Mapping[str, Peak]], method: IntegrationMethod
) -> frozenset[str]:
    """Analytes of a run that are measured by the fit.

    One choice holds for a group of peaks in the whole run, so that standards and samples are
    measured in the same way.  The method's own choice for an analyte comes first.

    Parameters
    ----------
    fits : sequence of TraceFit
        Fits of the traces.
    classical : sequence of mappings of str to Peak
        Classical peaks by analyte.
    method : IntegrationMethod
        Targets and the methods asked for.
    """
    groups: dict[int, set[str]] = {}
    for fit in fits:
        for name, peak in fit.peaks.items():
            groups.setdefault(peak.group, set()).add(name)
    chosen: set[str] = set()
    for names in groups.values():
        misfit = max(_typical_misfit(fits, name) for name in names)
        hard = any(_hard(classical, name) for name in names)
        # Where no smooth baseline follows the trace the fit's own, a parabola, does not either.
        uneven = any(_mostly_local(classical, name) for name in names)
        if not uneven and misfit <= (USABLE_MISFIT if hard else GOOD_MISFIT):
            chosen |= names
    for name, wanted in method.methods.items():
        if wanted == "fit":
            chosen.add(name)
        elif wanted != "auto":
            chosen.discard(name)
    return frozenset(chosen)


def choose(
    analysis: TraceAnalysis,
    peaks: Sequence[Peak],
    assignment: Assignment,
    fit: FittedPeak | None,
    by_fit: bool,
) -> Measured:
    """Choose what is reported for a target in a trace.

    Parameters
    ----------
    analysis : TraceAnalysis
        The trace.
    peaks : sequence of Peak
        Its classical peaks.
    assignment : Assignment
        The target with its classical peak.
    fit : FittedPeak or None
        The target in the fit.
    by_fit : bool
        Whether the run's choice is the fit.
    """
    classical = None if assignment.peak is None else peaks[assignment.peak]
    plain = Measured(
        assignment,
        assignment.expected_s,
        classical,
        assignment.peak,
        area_classical=NAN if classical is None else classical.area,
    )
    if fit is None:
        return plain
    same = (
        classical is not None and abs(classical.rt_s - fit.rt_s) < SAME_WIDTHS * fit.width_s / FWHM
    )
    plain = replace(plain, area_fit=fit.area, area_fit_se=fit.area_se, misfit=fit.misfit)
    if not by_fit:
        return plain
    flags = () if classical is None or not same else classical.flags
    coeluting = ("coeluting",) if fit.coeluting else ()
    # What coelutes is a reason for a misfit elsewhere in the window that the fit may survive.
    excused = fit.coeluting and fit.misfit <= USABLE_MISFIT
    odd = not same or not excused or "flat_top" in flags
    worst = max(fit.misfit, fit.window_misfit)
    lost = fit.significance < FOUND_SIGMAS
    if classical is not None and (odd or lost) and worst > USABLE_MISFIT:
        # Something is wrong with this trace; the area between limits is what it is.
        flags = (*classical.flags, "misfit", *coeluting)
        return replace(plain, peak=replace(classical, flags=flags))
    covers = assignment.peak if same else None
    fitted = replace(
        plain,
        expected_s=fit.expected_s,
        covers=covers,
        area_classical=classical.area if classical is not None and same else NAN,
    )
    if lost:
        reason = (
            f"no peak: its fitted area is {fit.significance:.1f} standard errors, fewer than "
            f"{FOUND_SIGMAS:g}"
        )
        if fit.misfit > USABLE_MISFIT:
            reason += f"; the fit is far from the trace there (misfit {fit.misfit:.0f})"
        return replace(fitted, peak=None, reason=reason)
    return replace(fitted, peak=fitted_peak(analysis, fit, (*flags, *coeluting)))


def fitted_peak(analysis: TraceAnalysis, fit: FittedPeak, flags: Sequence[str] = ()) -> Peak:
    """Turn a fitted peak into a measured one, with the trace's noise."""
    kept = [flag for flag in flags if flag not in ("unresolved", "local_baseline")]
    if fit.resolution < 1.0:
        kept.append("unresolved")
    return Peak(
        rt_s=fit.rt_s,
        start_s=fit.start_s,
        end_s=fit.end_s,
        baseline_start=fit.baseline_start,
        baseline_end=fit.baseline_end,
        area=fit.area,
        area_se=fit.area_se,
        height=fit.height,
        width_s=fit.width_s,
        snr_usp=signal_to_noise(2 * fit.height, fit.peak_to_peak),
        snr_sigma=signal_to_noise(fit.height, analysis.sigma),
        tailing=fit.tailing,
        resolution=fit.resolution,
        method="fit",
        flags=tuple(kept),
    )


def _typical_misfit(fits: Sequence[TraceFit], name: str) -> float:
    """Median misfit of an analyte where it is found; 1 where it never is."""
    values = [
        fit.peaks[name].misfit
        for fit in fits
        if name in fit.peaks and fit.peaks[name].significance > FOUND_SIGMAS
    ]
    return float(np.median(values)) if values else 1.0


def _hard(classical: Sequence[Mapping[str, Peak]], name: str) -> bool:
    """Whether an analyte mostly rides, overlaps, is small or is not found classically."""
    votes = []
    for peaks in classical:
        peak = peaks.get(name)
        votes.append(
            peak is None
            or peak.method == "drop"
            or peak.snr_usp < SMALL_SNR
            or bool({"front", "unresolved"} & set(peak.flags))
        )
    return bool(votes) and 2 * sum(votes) > len(votes)


def _mostly_local(classical: Sequence[Mapping[str, Peak]], name: str) -> bool:
    """Whether an analyte is mostly measured above local lines."""
    votes = ["local_baseline" in peaks[name].flags for peaks in classical if name in peaks]
    return bool(votes) and 2 * sum(votes) > len(votes)
