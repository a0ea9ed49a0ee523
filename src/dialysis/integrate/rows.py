"""Put the measured and named peaks of a trace into rows of the PEAKS table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dialysis.integrate.analysis import Peak, TraceAnalysis
from dialysis.integrate.choice import Measured
from dialysis.integrate.identification import Assignment
from dialysis.integrate.method import IntegrationMethod

_NAN = float("nan")
_MEASURES = (
    "rt_min",
    "start_min",
    "end_min",
    "baseline_start",
    "baseline_end",
    "area",
    "area_se",
    "height",
    "width_min",
    "snr_usp",
    "snr_sigma",
    "tailing",
    "plates",
    "resolution",
)


def trace_rows(
    analysis: TraceAnalysis,
    measured: Sequence[Measured],
    peaks: Sequence[Peak],
    extra: Sequence[Peak],
    method: IntegrationMethod,
    *,
    injection_id: str,
    run: str,
    channel: str,
    by_hand: Mapping[str, Peak],
    deleted: Mapping[str, str],
    area_auto: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Rows of one trace: every target, found or not, and every unidentified peak, by time.

    Parameters
    ----------
    analysis : TraceAnalysis
        The trace.
    measured : sequence of Measured
        One per target.
    peaks : sequence of Peak
        Classical peaks the assignments refer to.
    extra : sequence of Peak
        Peaks that only the fit found.
    method : IntegrationMethod
        For the words of the reasons.
    injection_id, run, channel : str
        Keys of the rows.
    by_hand : mapping of str to Peak
        Peaks of ``limits`` events, by analyte.
    deleted : mapping of str to str
        Reasons of ``delete_peak`` events, by analyte.
    area_auto : mapping of str to float
        Areas of the automatic integration where an event changed them, by analyte.
    """
    rows: list[tuple[float, dict[str, Any]]] = []
    used: set[int] = set()
    fixed = {"injection_id": injection_id, "run": run, "channel": channel}
    noise = _NAN if analysis.baseline is None else analysis.sigma
    for one in measured:
        assignment = one.assignment
        name = assignment.target.analyte
        row = fixed | {
            "analyte": name,
            "rt_expected_min": one.expected_s / 60,
            "noise": noise,
            "area_auto": area_auto.get(name, _NAN),
            "area_fit": one.area_fit,
            "area_fit_se": one.area_fit_se,
            "area_classical": one.area_classical,
            "misfit": one.misfit,
        }
        if one.covers is not None:
            used.add(one.covers)
        if name in by_hand:
            rows.append(_found(row, by_hand[name], assignment.flags))
        elif one.peak is not None and name not in deleted:
            rows.append(_found(row, one.peak, assignment.flags))
        else:
            reason = deleted.get(name) or one.reason or _why_not(analysis, assignment, method)
            flags = ";".join(assignment.flags)
            missing = row | dict.fromkeys(_MEASURES, _NAN)
            missing |= {"found": False, "reason": reason, "method": "", "flags": flags}
            rows.append((one.expected_s, missing))
    unnamed = [peak for i, peak in enumerate(peaks) if i not in used]
    taken = [peak.rt_s for peak in by_hand.values()]
    taken += [one.peak.rt_s for one in measured if one.peak is not None]
    blank = fixed | {"analyte": "", "rt_expected_min": _NAN, "noise": noise, "area_auto": _NAN}
    blank |= {"area_fit": _NAN, "area_fit_se": _NAN, "area_classical": _NAN, "misfit": _NAN}
    fitted = [m.peak.rt_s for m in measured if m.peak is not None and m.covers is None]
    for peak in unnamed:
        if any(abs(peak.rt_s - at) <= 0.5 * peak.width_s for at in fitted):
            continue
        if not any(hand.start_s <= peak.rt_s <= hand.end_s for hand in by_hand.values()):
            rows.append(_found(blank | {"area_classical": peak.area}, peak, ()))
            taken.append(peak.rt_s)
    for peak in extra:
        if all(abs(peak.rt_s - at) > 0.5 * peak.width_s for at in taken):
            own = {"area_fit": peak.area, "area_fit_se": peak.area_se}
            rows.append(_found(blank | own, peak, ()))
    rows.sort(key=lambda item: item[0])
    number = 0
    for _, row in rows:
        number += bool(row["found"])
        row["peak"] = number if row["found"] else None
    return [row for _, row in rows]


def _found(row: dict[str, Any], peak: Peak, flags: Sequence[str]) -> tuple[float, dict[str, Any]]:
    measures = {
        "rt_min": peak.rt_s / 60,
        "start_min": peak.start_s / 60,
        "end_min": peak.end_s / 60,
        "baseline_start": peak.baseline_start,
        "baseline_end": peak.baseline_end,
        "area": peak.area,
        "area_se": peak.area_se,
        "height": peak.height,
        "width_min": peak.width_s / 60,
        "snr_usp": peak.snr_usp,
        "snr_sigma": peak.snr_sigma,
        "tailing": peak.tailing,
        "plates": peak.plates,
        "resolution": peak.resolution,
        "found": True,
        "reason": "",
        "method": peak.method,
        "flags": ";".join((*peak.flags, *flags)),
    }
    return peak.rt_s, row | measures


def _why_not(analysis: TraceAnalysis, assignment: Assignment, method: IntegrationMethod) -> str:
    """Say why an analyte has no peak."""
    if analysis.nothing:
        return analysis.nothing
    half = 60 * assignment.target.window_min
    low, high = assignment.expected_s - half, assignment.expected_s + half
    span = f"{low / 60:.2f} and {high / 60:.2f} min"
    if high <= analysis.first_s or low >= analysis.last_s:
        return (
            f"the window between {span} is outside the integrated range, "
            f"{analysis.first_s / 60:.2f} to {analysis.last_s / 60:.2f} min"
        )
    for start, end in analysis.gaps:
        if start < high and end > low:
            return f"gap in the trace from {start / 60:.2f} to {end / 60:.2f} min"
    return f"no peak with S/N (2H/h) of {method.min_snr:g} between {span}"
