"""Peaks that the vendor's software integrated: give them the analytes' names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from dialysis.errors import IntegrationError
from dialysis.integrate.analysis import Peak
from dialysis.integrate.identification import Retention, assign, follow_run
from dialysis.integrate.method import IntegrationMethod, Target
from dialysis.integrate.run import IntegratedRun, check_channels
from dialysis.integrate.suitability import suitability
from dialysis.tables.integrate import PEAKS

VENDOR = "vendor"
_NAN = math.nan
_TAKEN_OVER = (
    "rt_min",
    "start_min",
    "end_min",
    "baseline_start",
    "baseline_end",
    "area",
    "height",
)


@dataclass(frozen=True, eq=False)
class _Injection:
    """The vendor's peaks of one injection and channel, by time."""

    injection_id: str
    channel: str
    order: float
    method: IntegrationMethod
    rows: tuple[Mapping[str, Any], ...]
    peaks: tuple[Peak, ...]


def take_vendor_peaks(
    vendor_peaks: pd.DataFrame,
    injections: pd.DataFrame,
    analytes: pd.DataFrame,
    config: Mapping[str, Any],
) -> IntegratedRun:
    """Take the peaks of one HPLC run over from the vendor's integration.

    Parameters
    ----------
    vendor_peaks : DataFrame
        `dialysis.tables.ingest.VENDOR_PEAKS` of the run.
    injections : DataFrame
        The run's slice of the injections table (injection_id, run, order, type).
    analytes : DataFrame
        The run's slice of the analytes table, one row per analyte.
    config : mapping
        The ``integrate`` section of `study.yaml` with defaults filled in; what concerns
        retention and the range of time is read.

    Returns
    -------
    IntegratedRun
        PEAKS with method ``vendor``: areas, heights, limits and baselines as the vendor gives
        them, everything else missing.  An injection without any vendor peak has no rows: whether
        it was integrated can't be told.

    Raises
    ------
    IntegrationError
        If the run's exports hold no vendor peak, or a channel is not named or not there.

    Notes
    -----
    A peak has the analyte that the vendor named it after, letters and digits compared; flagged
    ``outside_window`` where it does not elute in the analyte's window.  An analyte that no peak
    is named after takes one by its retention window, which follows the run as for traces,
    flagged ``named_by_window``.
    """
    method = IntegrationMethod.from_tables(config, analytes)
    order_of = dict(zip(injections["injection_id"], injections["order"], strict=True))
    own = vendor_peaks[vendor_peaks["injection_id"].isin(list(order_of))]
    if own.empty:
        runs = ", ".join(dict.fromkeys(str(run) for run in injections["run"]))
        raise IntegrationError(
            f"run {runs}: found no peak of the vendor's integration in its "
            f"{len(injections)} injections; expected some, because ingest.start is "
            "'vendor_peaks'. Export with the peak tables, put the areas into areas.csv (ingest."
            "start: areas), or integrate the traces (ingest.start: traces)."
        )
    check_channels(sorted(set(own["channel"])), method)
    prepared = _prepare(own, order_of, method)
    run_of = dict(zip(injections["injection_id"], injections["run"], strict=True))
    rows: list[dict[str, Any]] = []
    for item, retention in _with_retention(prepared):
        rows += _named_rows(item, retention, str(run_of[item.injection_id]))
    peaks = PEAKS.coerce(pd.DataFrame(rows, columns=PEAKS.column_names))
    return IntegratedRun(peaks, suitability(peaks, injections))


def _prepare(
    own: pd.DataFrame, order_of: Mapping[str, Any], method: IntegrationMethod
) -> list[_Injection]:
    """Injections with the targets of their channel, by order."""
    place = own["injection_id"].map(order_of).astype("float64")
    ordered = own.assign(sequence=place).sort_values(
        ["sequence", "injection_id", "channel", "rt_min"], kind="stable"
    )
    end_min = math.inf if method.end_min is None else method.end_min
    out = []
    for key, rows in ordered.groupby(["injection_id", "channel"], sort=False):
        injection_id, channel = (str(part) for part in key)
        targets = method.for_channel(channel)
        if not targets.targets:
            continue
        kept = rows[rows["rt_min"].between(method.start_min, end_min)]
        records = tuple(kept.to_dict("records"))
        order = float(rows["sequence"].iloc[0])
        peaks = tuple(_peak(row, size) for row, size in zip(records, _sizes(kept), strict=True))
        out.append(_Injection(injection_id, channel, order, targets, records, peaks))
    return out


def _sizes(rows: pd.DataFrame) -> list[float]:
    """What large peaks are told by: heights where all have one, else areas, else nothing."""
    for column in ("height", "area"):
        size = rows[column].abs()
        if size.gt(0).all():
            return [float(value) for value in size]
    return [1.0] * len(rows)


def _peak(row: Mapping[str, Any], size: float) -> Peak:
    """What the identification needs of a peak: its time and its size."""
    return Peak(
        rt_s=60.0 * float(row["rt_min"]),
        start_s=_NAN,
        end_s=_NAN,
        baseline_start=_NAN,
        baseline_end=_NAN,
        area=_NAN,
        area_se=_NAN,
        height=size,
        width_s=_NAN,
        snr_usp=_NAN,
        snr_sigma=_NAN,
        tailing=_NAN,
        resolution=_NAN,
        method=VENDOR,
        flags=(),
    )


def _with_retention(prepared: Sequence[_Injection]) -> list[tuple[_Injection, Retention]]:
    """Follow the retention through the run; a channel without references takes another's."""
    followed: dict[int, Retention] = {}
    shared: dict[str, Retention] = {}
    for channel in dict.fromkeys(item.channel for item in prepared):
        places = [i for i, item in enumerate(prepared) if item.channel == channel]
        items = [prepared[i] for i in places]
        method = items[0].method
        if method.reference != "none" and not method.references:
            continue
        retentions = follow_run([i.peaks for i in items], method, [i.order for i in items])
        followed |= dict(zip(places, retentions, strict=True))
        for item, retention in zip(items, retentions, strict=True):
            shared.setdefault(item.injection_id, retention)
    missing = Retention(1.0, False, ("reference_missing",))
    return [
        (item, followed.get(i) or shared.get(item.injection_id, missing))
        for i, item in enumerate(prepared)
    ]


def _named_rows(item: _Injection, retention: Retention, run: str) -> list[dict[str, Any]]:
    """Rows of one injection: every target, found or not, and every other peak, by time."""
    named = _by_name(item)
    free = [place for place in range(len(item.rows)) if place not in named.values()]
    unnamed = tuple(t for t in item.method.targets if t.analyte not in named)
    by_window = {
        found.target.analyte: (free[found.peak], found.flags)
        for found in assign(
            [item.peaks[place] for place in free],
            replace(item.method, targets=unnamed),
            retention,
        )
        if found.peak is not None
    }
    fixed = {"injection_id": item.injection_id, "run": run, "channel": item.channel}
    timed: list[tuple[float, dict[str, Any]]] = []
    taken: set[int] = set()
    for target in item.method.targets:
        expected_min = target.rt_min * retention.factor
        row = fixed | {
            "analyte": target.analyte,
            "rt_expected_min": expected_min,
            "method": VENDOR,
        }
        if target.analyte in named:
            place = named[target.analyte]
            away = abs(float(item.rows[place]["rt_min"]) - expected_min)
            flags: tuple[str, ...] = ("outside_window",) if away > target.window_min else ()
        elif target.analyte in by_window:
            place, flags = by_window[target.analyte]
            flags = ("named_by_window", *flags)
        else:
            reason = _why_not(target, expected_min)
            flags = retention.flags
            row |= {"found": False, "reason": reason, "flags": ";".join(flags)}
            timed.append((expected_min, row))
            continue
        taken.add(place)
        timed.append(_found(row | {"flags": ";".join(flags)}, item.rows[place]))
    for place, peak in enumerate(item.rows):
        if place not in taken:
            blank = fixed | {"analyte": "", "method": VENDOR, "flags": ""}
            timed.append(_found(blank, peak))
    timed.sort(key=lambda pair: pair[0])
    number = 0
    for _, row in timed:
        number += bool(row["found"])
        row["peak"] = number if row["found"] else None
    return [row for _, row in timed]


def _by_name(item: _Injection) -> dict[str, int]:
    """Place of the peak that is named after a target; of several the one nearest its window."""
    out = {}
    for target in item.method.targets:
        places = [
            place
            for place, row in enumerate(item.rows)
            if _folded(str(row["name"])) == _folded(target.analyte)
        ]
        if places:
            times = np.array([float(item.rows[place]["rt_min"]) for place in places])
            out[target.analyte] = places[int(np.argmin(np.abs(times - target.rt_min)))]
    return out


def _folded(name: str) -> str:
    """Letters and digits of a name, so that '5HT' is '5-HT'."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _why_not(target: Target, expected_min: float) -> str:
    low, high = expected_min - target.window_min, expected_min + target.window_min
    return f"the vendor's integration has no peak of this name, nor {low:.2f} to {high:.2f} min"


def _found(row: dict[str, Any], peak: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    measures = {name: peak[name] for name in _TAKEN_OVER}
    return float(peak["rt_min"]), row | measures | {"found": True, "reason": ""}
