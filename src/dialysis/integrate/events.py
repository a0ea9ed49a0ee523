"""Manual integration events: the decisions of a person, applied to one trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dialysis.errors import IntegrationError
from dialysis.integrate.analysis import (
    Peak,
    TraceAnalysis,
    line_area_weights,
    signal_to_noise,
)
from dialysis.integrate.blocks import block_means
from dialysis.integrate.measuring import area_between, measure_shape


@dataclass(frozen=True)
class Event:
    """One row of integration_events.csv; times in min, NaN where not given."""

    injection_id: str
    channel: str
    analyte: str
    event: str
    start_min: float
    end_min: float
    reason: str

    def __str__(self) -> str:
        parts = [f"injection {self.injection_id}"]
        if self.channel:
            parts.append(f"channel {self.channel}")
        if self.analyte:
            parts.append(f"analyte {self.analyte}")
        span = ""
        if np.isfinite(self.start_min) and np.isfinite(self.end_min):
            span = f" from {self.start_min:g} to {self.end_min:g} min"
        return f"integration_events.csv, {', '.join(parts)}: '{self.event}'{span}"


def read_events(frame: pd.DataFrame) -> list[Event]:
    """Make events from (a slice of) the integration_events table."""
    return [
        Event(
            injection_id=str(row.injection_id),
            channel=str(row.channel or ""),
            analyte=str(row.analyte or ""),
            event=str(row.event),
            start_min=float(row.start_min),
            end_min=float(row.end_min),
            reason=str(row.reason),
        )
        for row in frame.itertuples()
    ]


def check_events(events: Sequence[Event]) -> None:
    """Refuse events that contradict each other.

    Raises
    ------
    IntegrationError
        When one peak has both limits and a deletion, or limits twice.
    """
    seen: dict[tuple[str, str, str], Event] = {}
    for event in events:
        if event.event == "inhibit":
            continue
        key = (event.injection_id, event.channel, event.analyte)
        if key in seen:
            raise IntegrationError(
                f"{event}: found '{seen[key].event}' for the same peak; expected one event for "
                "a peak. Remove one of the two rows."
            )
        seen[key] = event


def inhibit(
    peaks: Sequence[Peak], events: Sequence[Event], analysis: TraceAnalysis
) -> tuple[Peak, ...]:
    """Drop the peaks with an apex inside an ``inhibit`` event.

    Raises
    ------
    IntegrationError
        If an event is outside the trace or there is no peak inside it.
    """
    kept = list(peaks)
    for event in events:
        if event.event != "inhibit":
            continue
        _check_span(event, analysis)
        inside = [p for p in peaks if 60 * event.start_min <= p.rt_s <= 60 * event.end_min]
        if not inside:
            raise IntegrationError(
                f"{event}: found no peak there; expected at least one. "
                "Mend its times or remove the row."
            )
        kept = [p for p in kept if p not in inside]
    return tuple(kept)


def measure_by_hand(event: Event, analysis: TraceAnalysis) -> Peak:
    """Integrate between the limits of a ``limits`` event.

    The baseline is the straight line between the trace's (interpolated) values at the limits.

    Raises
    ------
    IntegrationError
        If the limits are outside the trace, hold fewer than five points, or the trace is flat.
    """
    _check_span(event, analysis)
    start_s, end_s = 60 * event.start_min, 60 * event.end_min
    times_s, signal = analysis.times_s, analysis.signal
    inside = (times_s > start_s) & (times_s < end_s)
    if np.count_nonzero(inside) < 5 or analysis.baseline is None:
        found = (
            "a flat trace" if analysis.baseline is None else f"{np.count_nonzero(inside)} points"
        )
        raise IntegrationError(
            f"{event}: found {found} there; expected a peak of at least 5 points. "
            "Mend its times or remove the row."
        )
    ends = np.interp([start_s, end_s], times_s, signal)
    slope = float(ends[1] - ends[0]) / (end_s - start_s)
    corrected = signal - (ends[0] + slope * (times_s - start_s))
    top = int(np.argmax(np.where(inside, corrected, -np.inf)))
    half = 0.125 * (end_s - start_s)
    shape = measure_shape(
        times_s,
        corrected,
        float(np.clip(times_s[top], start_s + half, end_s - half)),
        half,
        half,
        start_s,
        end_s,
        analysis.sigma,
    )
    width_s = shape.width_s
    h = analysis.peak_to_peak_at(shape.apex_s, width_s if np.isfinite(width_s) else 4 * half)
    return Peak(
        rt_s=shape.apex_s,
        start_s=start_s,
        end_s=end_s,
        baseline_start=float(ends[0]),
        baseline_end=float(ends[1]),
        area=area_between(times_s, signal, start_s, end_s, float(ends[0]), float(ends[1])),
        area_se=_standard_error(analysis, start_s, end_s),
        height=shape.height,
        width_s=width_s,
        snr_usp=signal_to_noise(2 * shape.height, h),
        snr_sigma=signal_to_noise(shape.height, analysis.sigma),
        tailing=shape.tailing,
        plates=5.54 * (shape.apex_s / width_s) ** 2,
        resolution=float("nan"),
        method="manual",
        flags=("manual",),
    )


def _check_span(event: Event, analysis: TraceAnalysis) -> None:
    first, last = analysis.times_s[0] / 60, analysis.times_s[-1] / 60
    if not first <= event.start_min < event.end_min <= last:
        raise IntegrationError(
            f"{event}: found a trace from {first:g} to {last:g} min; expected increasing times "
            "inside it. Mend its times or remove the row."
        )


def _standard_error(analysis: TraceAnalysis, start_s: float, end_s: float) -> float:
    """Standard error of the area above the line between two points of the trace.

    Each end counts with half the width; being single points, they carry more white noise than
    blocks.
    """
    assert analysis.baseline is not None
    step = analysis.baseline.blocks.interval_s
    blocks = block_means(analysis.times_s, analysis.signal, step)
    weights = line_area_weights(blocks, start_s, end_s, np.array([start_s, end_s]))
    half = 0.5 * (end_s - start_s)
    error = float(analysis.noise.standard_errors(weights[None, :])[0])
    extra = max(0.0, analysis.sigma**2 - analysis.noise.white)
    return float(np.sqrt(error**2 + 2 * half**2 * extra))
