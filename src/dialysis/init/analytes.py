"""The analytes of a folder of exports: peaks of its standards, else of its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dialysis.ingest import Reader
from dialysis.ingest.exports import read_export
from dialysis.init.channels import channel_notes, propose_channels
from dialysis.init.kinds import SAMPLE, STANDARD
from dialysis.init.naming import Known, Naming
from dialysis.init.results import ResultTable
from dialysis.init.retention import (
    LEAST_SNR,
    CommonPeak,
    ProposedAnalyte,
    SeenPeak,
    common_peaks,
    propose_analytes,
)
from dialysis.init.shifts import retention_factors, shifted_rows
from dialysis.integrate import integrate_all
from dialysis.words import counted

MOST_LOOKED_AT = 16
LEAST_OF_A_RUN = 3
# What begins with the trace is the injection, not a peak, s.
START_S = 2.0

Seen = dict[str, list[list[SeenPeak]]]  # peaks of every injection, by channel


def looked_at(naming: Naming) -> dict[str, list[Known]]:
    """Injections whose peaks are looked at, by run: high standards, else samples."""
    standards = [item for item in naming.of_kind(STANDARD) if item.role == "cal"]
    sizes = {_size(item) for item in standards} - {None}
    if len(sizes) > 2:
        # the lowest levels miss the smallest peaks
        middle = sorted(size for size in sizes if size is not None)[len(sizes) // 2]
        standards = [item for item in standards if (_size(item) or 0.0) >= middle]
    runs: dict[str, list[Known]] = {}
    for item in standards or naming.of_kind(SAMPLE):
        runs.setdefault(item.placed.run, []).append(item)
    most = max(LEAST_OF_A_RUN, MOST_LOOKED_AT // max(1, len(runs)))
    return {run: own[:: max(1, len(own) // most)][:most] for run, own in runs.items()}


def _size(item: Known) -> float | None:
    level = item.level
    if level is None:
        return None
    return level.amount if level.amount is not None else level.factor


def analytes_of_exports(
    naming: Naming,
    folder: Path,
    names: Sequence[str],
    vendor: bool,
    readers: Sequence[Reader],
    format: str = "auto",
) -> tuple[list[ProposedAnalyte], list[str]]:
    """Propose the analytes table.

    Parameters
    ----------
    naming : Naming
        All injections.
    folder : Path
        Folder of the exports.
    names : sequence of str
        What was measured, if that is known.
    vendor : bool
        Whether the vendor's peaks are taken instead of the traces'.
    readers : sequence of Reader
        Readers to choose from.
    format : str
        Key of one of them, or ``"auto"``.

    Returns
    -------
    analytes : list of ProposedAnalyte
        Each on the channel that shows it best, then rows of runs whose retention is another.
    notes : list of str
        What was looked at, and what channels and runs showed.
    """
    runs: dict[str, Seen] = {}
    items = looked_at(naming)
    for run, own in items.items():
        for item in own:
            for channel, peaks in _peaks(item, folder, vendor, readers, format).items():
                runs.setdefault(run, {}).setdefault(channel, []).append(peaks)
    if not runs:
        return [], ["no injection has a peak"]
    alone = {run: _common(seen) for run, seen in runs.items()}
    factors, shifted = retention_factors(alone)
    # Integration follows a factor that is common to a run; windows are those of the usual run.
    pooled = _common(
        _pooled([_scaled(seen, factors[run]) for run, seen in runs.items() if run not in shifted])
    )
    kinds = [item.kind for own in items.values() for item in own]
    what = "standards" if kinds[0] == STANDARD else "samples (there are no standards)"
    origin = "vendor's peaks" if vendor else "peaks"
    notes = [f"retention from the {origin} of {len(kinds)} {what}"]
    if len(pooled) == 1:
        [only] = pooled.values()
        rows = propose_analytes(only, names)
    else:
        rows = propose_channels(pooled, names)
        notes += channel_notes(pooled, rows)
    own_rows = []
    for run in shifted:
        found = shifted_rows(run, rows, alone[run])
        own_rows += found
        absent = [row.analyte for row in rows if row.analyte not in {f.analyte for f in found}]
        lost = f"; not found there: {', '.join(absent)}" if absent else ""
        notes.append(
            f"{run} has another retention and {counted(len(found), 'row')} of its own{lost}"
        )
    return [*rows, *own_rows], notes


def _common(seen: Mapping[str, Sequence[Sequence[SeenPeak]]]) -> dict[str, list[CommonPeak]]:
    return {channel: common_peaks(own, channel) for channel, own in seen.items()}


def _scaled(seen: Seen, factor: float) -> Seen:
    return {
        channel: [
            [replace(peak, rt_min=peak.rt_min / factor) for peak in own] for own in injections
        ]
        for channel, injections in seen.items()
    }


def _pooled(runs: Sequence[Seen]) -> Seen:
    out: Seen = {}
    for seen in runs:
        for channel, own in seen.items():
            out.setdefault(channel, []).extend(own)
    return out


def _peaks(
    item: Known, folder: Path, vendor: bool, readers: Sequence[Reader], format: str
) -> dict[str, list[SeenPeak]]:
    """Peaks of an injection by channel."""
    own = item.placed.item
    found: dict[str, list[SeenPeak]] = {}
    if vendor:
        for channel, peaks in own.vendor_peaks.items():
            found[channel] = [
                SeenPeak(p.rt_min, p.area or 0.0, name=p.name) for p in peaks if p.area
            ]
        return found
    for file in own.files:
        for trace in read_export(folder / file, format, readers).chromatograms:
            if trace.section != own.section:
                continue
            found[trace.channel] = [
                SeenPeak(peak.rt_s / 60, peak.area, peak.width_s / 60, snr=peak.snr_sigma)
                for peak in integrate_all(trace, where=file)
                if peak.start_s > trace.start_s + START_S
                and peak.snr_usp >= LEAST_SNR
                and peak.area > 0
                and np.isfinite(peak.width_s)
            ]
    return found


def analytes_of_table(table: ResultTable, naming: Naming | None) -> list[ProposedAnalyte]:
    """Analytes of a results table; in areas the one that is the same everywhere is the standard."""
    peaks = []
    for name in table.analytes:
        values = [row.values.get(name, "") for row in table.rows]
        numbers = [float(text) for text in values if text and not text.startswith("<")]
        mean = float(np.mean(numbers)) if numbers else 0.0
        cv = float(np.std(numbers, ddof=1)) / mean if len(numbers) > 1 and mean else float("nan")
        part = len(numbers) / len(values) if values else 0.0
        peaks.append(CommonPeak(0.0, 0.0, 0.0, part, cv, name))
    if naming is None:
        peaks = [CommonPeak(0.0, 0.0, 0.0, p.part, float("nan"), p.name) for p in peaks]
    return propose_analytes(peaks)
