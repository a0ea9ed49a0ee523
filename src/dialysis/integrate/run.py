"""Integrate one trace, or all traces of an HPLC run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dialysis.chromatogram import Chromatogram
from dialysis.errors import IntegrationError
from dialysis.integrate.analysis import Peak, TraceAnalysis, analyse_trace
from dialysis.integrate.choice import (
    FOUND_SIGMAS,
    Measured,
    choose,
    fitted_groups,
    fitted_peak,
)
from dialysis.integrate.consistency import flag_odd_peaks
from dialysis.integrate.events import (
    Event,
    check_events,
    decide_named,
    edit_peaks,
    events_of,
    inhibited,
    raise_problems,
    read_events,
    taken_away,
    unreached,
)
from dialysis.integrate.identification import (
    Assignment,
    Retention,
    assign,
    find_retention,
    follow_run,
)
from dialysis.integrate.learning import RunModel
from dialysis.integrate.method import IntegrationMethod
from dialysis.integrate.remeasuring import CLASSICAL_WAYS, in_their_way
from dialysis.integrate.rows import trace_rows
from dialysis.integrate.runfit import (
    NO_FIT,
    FittedPeak,
    TraceFit,
    TraceInRun,
    fit_run,
    learn_run,
)
from dialysis.integrate.suitability import suitability
from dialysis.tables.integrate import PEAKS


@dataclass(frozen=True, eq=False)
class IntegratedRun:
    """Peaks of a run and how its chromatography behaved.

    Parameters
    ----------
    peaks : DataFrame
        PEAKS, by order of injection, channel and time.
    suitability : DataFrame
        SUITABILITY.
    """

    peaks: pd.DataFrame
    suitability: pd.DataFrame


@dataclass(frozen=True, eq=False)
class _Trace:
    """One trace on its way through the run."""

    injection_id: str
    channel: str
    order: float
    method: IntegrationMethod
    analysis: TraceAnalysis
    peaks: tuple[Peak, ...]
    events: tuple[Event, ...]


def integrate(
    chromatogram: Chromatogram, method: IntegrationMethod, model: RunModel | None = None
) -> pd.DataFrame:
    """Find, name and measure the peaks of one trace.

    Parameters
    ----------
    chromatogram : Chromatogram
        The trace; sampling need not be uniform.
    method : IntegrationMethod
        Options and analytes; analytes of other channels are left out.
    model : RunModel, optional
        What was learned of the trace's run, from `learn_traces`; without it all peaks are
        measured classically.

    Returns
    -------
    DataFrame
        PEAKS: one row per analyte, found or not, and one per unidentified peak, by time.
        ``injection_id`` and ``run`` are empty.

    Raises
    ------
    IntegrationError
        If the trace holds values that are not numbers, times that don't increase, or does not
        reach the range of the method.
    """
    name = chromatogram.file or "trace"
    where = f"{name}, channel {chromatogram.channel}" if chromatogram.channel else name
    own = method.for_channel(chromatogram.channel)
    analysis = analyse_trace(chromatogram, own, where)
    retention = find_retention(analysis.peaks, own)
    if not retention.found or (method.references and not own.references):
        retention = Retention(1.0, False, ("reference_missing",))
    trace = _Trace("", chromatogram.channel, 0.0, own, analysis, analysis.peaks, ())
    assignments = assign(analysis.peaks, own, retention)
    fit, by_fit = NO_FIT, frozenset[str]()
    if model is not None:
        here = TraceInRun(analysis, tuple(assignments), retention.factor, "sample")
        [fit] = fit_run(model, [here], own)
        by_fit = fitted_groups([fit], [_classical(analysis.peaks, assignments)], own)
    rows, _ = _rows(trace, retention, "", fit, by_fit)
    return PEAKS.of_rows(rows)


def integrate_run(
    traces: pd.DataFrame,
    injections: pd.DataFrame,
    analytes: pd.DataFrame,
    events: pd.DataFrame,
    config: Mapping[str, Any],
) -> IntegratedRun:
    """Integrate all traces of one HPLC run.

    Parameters
    ----------
    traces : DataFrame
        TRACES of the run.
    injections : DataFrame
        The run's slice of the injections table (injection_id, run, order, type).
    analytes : DataFrame
        The run's slice of the analytes table, one row per analyte.
    events : DataFrame
        The run's slice of the integration_events table.
    config : mapping
        The ``integrate`` section of `study.yaml` with defaults filled in.

    Returns
    -------
    IntegratedRun

    Raises
    ------
    IntegrationError
        If a trace is missing or not fit to be integrated, a channel is not named or not there, or
        an event can't be applied.

    Notes
    -----
    Channels that no analyte is measured on are not integrated.  A progress bar goes to standard
    error when that is a terminal.
    """
    method = IntegrationMethod.from_tables(config, analytes)
    _check_keys(traces, injections, method)
    wanted = traces[traces["injection_id"].isin(list(injections["injection_id"]))]
    keys = set(zip(wanted["injection_id"], wanted["channel"], strict=True))
    check_events(events, keys, [target.analyte for target in method.targets])
    prepared, problems = _analyse(wanted, injections, method, read_events(events))
    retentions = _retentions(prepared, method)
    types = dict(zip(injections["injection_id"], injections["type"], strict=True))
    fits, by_fit = _fit(prepared, retentions, [str(types[t.injection_id]) for t in prepared])
    run_of = dict(zip(injections["injection_id"], injections["run"], strict=True))
    rows: list[dict[str, Any]] = []
    for trace, retention, fit in zip(prepared, retentions, fits, strict=True):
        run = str(run_of[trace.injection_id])
        own, found = _rows(trace, retention, run, fit, by_fit.get(trace.channel, frozenset()))
        rows += own
        problems += found
    raise_problems(problems)
    peaks = flag_odd_peaks(PEAKS.of_rows(rows), injections)
    return IntegratedRun(peaks, suitability(peaks, injections))


def _check_keys(traces: pd.DataFrame, injections: pd.DataFrame, method: IntegrationMethod) -> None:
    """Every injection has a trace, and every analyte a channel."""
    have = set(traces["injection_id"])
    absent = [i for i in injections["injection_id"] if i not in have]
    if absent:
        raise IntegrationError(
            f"injection {absent[0]}: found no trace; expected at least one for each of the "
            f"{len(injections)} injections of the run ({len(absent)} have none). "
            "Run ingest again."
        )
    channels = sorted(set(traces["channel"]))
    check_channels(channels, method)


def check_channels(channels: Sequence[str], method: IntegrationMethod) -> None:
    """Check that every analyte is measured on a channel there is, named where there are several.

    Raises
    ------
    IntegrationError
        Naming the first analyte for which that does not hold.
    """
    for target in method.targets:
        if target.channel and target.channel not in channels:
            raise IntegrationError(
                f"analytes.csv, analyte {target.analyte}, column channel: found "
                f"'{target.channel}'; expected one of the channels of the exports: "
                f"{', '.join(repr(c) for c in channels)}."
            )
        if not target.channel and len(channels) > 1:
            raise IntegrationError(
                f"analytes.csv, analyte {target.analyte}, column channel: found nothing, though "
                f"the exports have {len(channels)} channels; expected one of "
                f"{', '.join(repr(c) for c in channels)}."
            )


def _analyse(
    traces: pd.DataFrame,
    injections: pd.DataFrame,
    method: IntegrationMethod,
    events: Sequence[Event],
) -> tuple[list[_Trace], list[str]]:
    """Baseline, peaks and their measures for every trace with analytes, by order.

    Beside them what is wrong with events on stretches of the traces.
    """
    order_of = dict(zip(injections["injection_id"], injections["order"], strict=True))
    wanted = traces.assign(sequence=traces["injection_id"].map(order_of).astype("float64"))
    wanted = wanted.sort_values(["sequence", "injection_id", "channel"], kind="stable")
    out: list[_Trace] = []
    problems: list[str] = []
    rows = wanted.itertuples()
    for row in tqdm(rows, total=len(wanted), desc="integrate", unit="trace", disable=None):
        channel = str(row.channel or "")
        own = method.for_channel(channel)
        if not own.targets:
            continue
        injection_id = str(row.injection_id)
        where = f"injection {injection_id}"
        if channel:
            where += f", channel {channel}"
        analysis = analyse_trace(_chromatogram(row), own, where)
        mine = events_of(events, injection_id, channel, {t.analyte for t in own.targets})
        edited = edit_peaks(analysis.peaks, mine, analysis)
        problems += edited.problems
        order = float(row.sequence)
        out.append(_Trace(injection_id, channel, order, own, analysis, edited.peaks, mine))
    spans = [
        (t.injection_id, t.channel, float(t.analysis.times_s[0]), float(t.analysis.times_s[-1]))
        for t in out
    ]
    return out, problems + unreached(events, spans)


def _chromatogram(row: Any) -> Chromatogram:
    time_s = row.time_s if isinstance(row.time_s, np.ndarray | list) else None
    return Chromatogram(
        signal=np.asarray(row.signal, dtype=np.float64),
        unit=str(row.unit),
        start_s=float(row.start_s),
        interval_s=float(row.interval_s),
        time_s=None if time_s is None else np.asarray(time_s, dtype=np.float64),
        channel=str(row.channel or ""),
    )


def _retentions(prepared: Sequence[_Trace], method: IntegrationMethod) -> list[Retention]:
    """Retention of every trace; a channel without references takes another channel's."""
    by_channel: dict[str, list[int]] = defaultdict(list)
    for i, trace in enumerate(prepared):
        by_channel[trace.channel].append(i)
    out: dict[int, Retention] = {}
    shared: dict[str, Retention] = {}
    without: list[int] = []
    for places in by_channel.values():
        own = prepared[places[0]].method
        if method.references and not own.references:
            without += places
            continue
        found = [prepared[i].peaks for i in places]
        orders = [prepared[i].order for i in places]
        for i, retention in zip(places, follow_run(found, own, orders), strict=True):
            out[i] = retention
            known = shared.get(prepared[i].injection_id)
            if known is None or (retention.found and not known.found):
                shared[prepared[i].injection_id] = retention
    missing = Retention(1.0, False, ("reference_missing",))
    for i in without:
        out[i] = shared.get(prepared[i].injection_id, missing)
    return [out[i] for i in range(len(prepared))]


def learn_traces(
    chromatograms: Sequence[Chromatogram],
    method: IntegrationMethod,
    types: Sequence[str] | None = None,
) -> RunModel | None:
    """Learn peak shapes from the traces of a run, to be used by `integrate`.

    Parameters
    ----------
    chromatograms : sequence of Chromatogram
        Traces of one channel, best of standards; samples serve too.
    method : IntegrationMethod
        Options and analytes.
    types : sequence of str, optional
        Type of each injection; all ``standard`` by default.

    Returns
    -------
    RunModel or None
        None when fewer than three traces show at least half of the analytes.
    """
    own = method.for_channel(chromatograms[0].channel) if chromatograms else method
    analyses = [analyse_trace(c, own, c.file or "trace") for c in chromatograms]
    retentions = follow_run([a.peaks for a in analyses], own, range(len(analyses)))
    traces = [
        TraceInRun(analysis, tuple(assign(analysis.peaks, own, retention)), retention.factor, kind)
        for analysis, retention, kind in zip(
            analyses, retentions, types or ["standard"] * len(analyses), strict=True
        )
    ]
    return learn_run(traces, own)


def _fit(
    prepared: Sequence[_Trace], retentions: Sequence[Retention], types: Sequence[str]
) -> tuple[list[TraceFit], dict[str, frozenset[str]]]:
    """Fits of all traces, and by channel the analytes that are measured by them."""
    fits = [NO_FIT] * len(prepared)
    by_fit: dict[str, frozenset[str]] = {}
    by_channel: dict[str, list[int]] = defaultdict(list)
    for i, trace in enumerate(prepared):
        by_channel[trace.channel].append(i)
    for channel, places in by_channel.items():
        method = prepared[places[0]].method
        traces, classical = [], []
        for i in places:
            # Events change nothing here, so that one injection's leave the others as they are.
            analysis = prepared[i].analysis
            assignments = assign(analysis.peaks, method, retentions[i])
            traces.append(TraceInRun(analysis, tuple(assignments), retentions[i].factor, types[i]))
            classical.append(_classical(analysis.peaks, assignments))
        model = learn_run(traces, method)
        if model is None:
            continue
        found = fit_run(model, traces, method)
        for i, fit in zip(places, found, strict=True):
            fits[i] = fit
        by_fit[channel] = fitted_groups(found, classical, method)
    return fits, by_fit


def _classical(peaks: Sequence[Peak], assignments: Sequence[Assignment]) -> dict[str, Peak]:
    """Classical peaks by analyte."""
    return {a.target.analyte: peaks[a.peak] for a in assignments if a.peak is not None}


def _rows(
    trace: _Trace, retention: Retention, run: str, fit: TraceFit, by_fit: frozenset[str]
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Name the peaks of a trace and apply the events that concern a named peak.

    Beside the rows what is wrong with these events.
    """

    def measure(peaks: Sequence[Peak], fitted: TraceFit) -> list[Measured]:
        assignments = assign(peaks, trace.method, retention)
        ways = {
            a.peak: way
            for a in assignments
            if a.peak is not None
            and (way := trace.method.methods.get(a.target.analyte)) in CLASSICAL_WAYS
        }
        peaks = in_their_way(trace.analysis, peaks, ways)
        return [
            choose(
                trace.analysis,
                peaks,
                assignment,
                # What a person made of a peak is not fitted over.
                None
                if assignment.peak is not None and "manual" in peaks[assignment.peak].flags
                else fitted.peaks.get(assignment.target.analyte),
                assignment.target.analyte in by_fit,
            )
            for assignment in assignments
        ]

    left = _not_inhibited(fit, trace.events)
    measured = measure(trace.peaks, left)
    found = {m.assignment.target.analyte for m in measured if m.peak is not None}
    untouched = measure(trace.analysis.peaks, fit) if trace.events else measured
    automatic = {
        one.assignment.target.analyte: one.peak for one in untouched if one.peak is not None
    }
    classical = _classical(trace.peaks, [one.assignment for one in measured])
    decided = decide_named(trace.events, classical, found, trace.analysis)
    deleted = dict(decided.deleted)
    area_auto = {}
    for one in measured:
        name = one.assignment.target.analyte
        if name not in automatic:
            continue
        if name in decided.by_hand or name in deleted or one.peak != automatic[name]:
            area_auto[name] = automatic[name].area
        if one.peak is None and name not in decided.by_hand and name not in deleted:
            reason = taken_away(trace.events, automatic[name].rt_s)
            deleted |= {name: reason} if reason else {}
    rows = trace_rows(
        trace.analysis,
        measured,
        trace.peaks,
        [
            fitted_peak(trace.analysis, peak)
            for peak in left.extra
            if peak.significance > FOUND_SIGMAS
        ],
        trace.method,
        injection_id=trace.injection_id,
        run=run,
        channel=trace.channel,
        by_hand=decided.by_hand,
        deleted=deleted,
        area_auto=area_auto,
    )
    return rows, decided.problems


def _not_inhibited(fit: TraceFit, events: Sequence[Event]) -> TraceFit:
    """A fit without the peaks inside ``inhibit`` events."""

    def seen(peak: FittedPeak) -> bool:
        return not inhibited(events, peak.rt_s)

    if not any(event.event == "inhibit" for event in events):
        return fit
    kept = {name: peak for name, peak in fit.peaks.items() if seen(peak)}
    return TraceFit(kept, tuple(peak for peak in fit.extra if seen(peak)))
