"""The analytes of a folder of exports: peaks of its standards, else of its samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dialysis.ingest import Reader
from dialysis.ingest.exports import read_export
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
from dialysis.integrate import integrate_all

MOST_LOOKED_AT = 16
# What begins with the trace is the injection, not a peak, s.
START_S = 2.0


def looked_at(naming: Naming) -> list[Known]:
    """Injections whose peaks are looked at: high standards, else samples, of all runs alike."""
    standards = [item for item in naming.of_kind(STANDARD) if item.role == "cal"]
    sizes = {_size(item) for item in standards} - {None}
    if len(sizes) > 2:
        # the lowest levels miss the smallest peaks
        middle = sorted(size for size in sizes if size is not None)[len(sizes) // 2]
        standards = [item for item in standards if (_size(item) or 0.0) >= middle]
    chosen = standards or naming.of_kind(SAMPLE)
    step = max(1, len(chosen) // MOST_LOOKED_AT)
    return chosen[::step][:MOST_LOOKED_AT]


def _size(item: Known) -> float | None:
    level = item.level
    if level is None:
        return None
    return level.amount if level.amount is not None else level.factor


def analytes_of_exports(
    naming: Naming, folder: Path, names: Sequence[str], vendor: bool, readers: Sequence[Reader]
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

    Returns
    -------
    analytes : list of ProposedAnalyte
        Of the channel with the most common peaks.
    notes : list of str
        What was looked at, and which channels were left.
    """
    items = looked_at(naming)
    by_channel: dict[str, list[list[SeenPeak]]] = {}
    for item in items:
        for channel, peaks in _peaks(item, folder, vendor, readers).items():
            by_channel.setdefault(channel, []).append(peaks)
    if not by_channel:
        return [], ["no injection has a peak"]
    common = {channel: common_peaks(seen) for channel, seen in by_channel.items()}
    best = max(common, key=lambda channel: len(common[channel]))
    several = len(common) > 1
    what = "standards" if items[0].kind == STANDARD else "samples (there are no standards)"
    origin = "vendor's peaks" if vendor else "peaks"
    notes = [f"retention from the {origin} of {len(items)} {what}"]
    if several:
        others = [f"'{name}' ({len(common[name])} peaks)" for name in common if name != best]
        notes.append(
            f"of the channels, '{best}' has most common peaks ({len(common[best])}); not used: "
            + ", ".join(others)
        )
    return propose_analytes(common[best], names, best if several else ""), notes


def _peaks(
    item: Known, folder: Path, vendor: bool, readers: Sequence[Reader]
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
        for trace in read_export(folder / file, readers=readers).chromatograms:
            if trace.section != own.section:
                continue
            found[trace.channel] = [
                SeenPeak(peak.rt_s / 60, peak.area, peak.width_s / 60)
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
