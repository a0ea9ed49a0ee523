"""Runs whose retention is another than that of most: they get windows of their own."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dialysis.init.retention import SAME_PEAK, CommonPeak, ProposedAnalyte, windows_of

# A run whose retention differs by more than this part gets windows of its own; integration follows
# twice as much (integrate.max_shift_pct).
SAME_RUN = 0.05
# Retention of two columns differs by no more than this factor, or nothing is known.
WIDEST_SHIFT = 1.6


def retention_factors(
    runs: Mapping[str, Mapping[str, Sequence[CommonPeak]]],
) -> tuple[dict[str, float], list[str]]:
    """Retention of runs against that of the most usual one.

    Parameters
    ----------
    runs : mapping of str to mapping of str to sequence of CommonPeak
        Peaks of every run by channel.

    Returns
    -------
    factors : dict of str to float
        Of every run; 1 where no peak tells.
    shifted : list of str
        Runs whose factor is more than `SAME_RUN` from 1.
    """
    names = list(runs)
    pairs = {(a, b): _factor(runs[a], runs[b]) for a in names for b in names}

    def unlike(name: str) -> tuple[int, int]:
        n_far = sum(abs(pairs[name, other] - 1) > SAME_RUN for other in names)
        return n_far, -sum(len(peaks) for peaks in runs[name].values())

    usual = min(names, key=unlike)
    factors = {name: pairs[usual, name] for name in names}
    return factors, [name for name in names if abs(factors[name] - 1) > SAME_RUN]


def _factor(
    one: Mapping[str, Sequence[CommonPeak]], other: Mapping[str, Sequence[CommonPeak]]
) -> float:
    """Median of the retention of one run's peaks in another; 1 where none is in both."""
    pairs = [
        pair
        for channel in one.keys() & other.keys()
        for pair in _matched([(p.name, p.rt_min) for p in one[channel]], other[channel])
    ]
    ratios = [peak.rt_min / rt for (_, rt), peak in pairs]
    return statistics.median(ratios) if ratios else 1.0


def _matched(
    wanted: Sequence[tuple[str, float]], peaks: Sequence[CommonPeak]
) -> list[tuple[tuple[str, float], CommonPeak]]:
    """Pairs of expected peaks (name, min) and those of a run, at another retention.

    By the vendor's names; else by the factor that puts most of them on peaks, the smallest shift
    among equals; in the order of elution where there are as many and no factor fits all.
    """
    named = [(item, peak) for item in wanted for peak in peaks if item[0] and item[0] == peak.name]
    if named or not peaks:
        return named

    def paired(factor: float) -> list[tuple[tuple[str, float], CommonPeak]]:
        found = []
        for item in wanted:
            at = item[1] * factor
            near = min(peaks, key=lambda peak: abs(peak.rt_min - at))
            if abs(near.rt_min - at) <= SAME_PEAK * at:
                found.append((item, near))
        return found

    factors = [peak.rt_min / rt for _, rt in wanted for peak in peaks]
    factors = [f for f in factors if 1 / WIDEST_SHIFT <= f <= WIDEST_SHIFT]
    found = paired(max(factors, key=lambda f: (len(paired(f)), -abs(math.log(f))), default=1.0))
    if len(found) < len(wanted) == len(peaks):
        return list(zip(wanted, peaks, strict=True))
    return found


def shifted_rows(
    run: str,
    rows: Sequence[ProposedAnalyte],
    channels: Mapping[str, Sequence[CommonPeak]],
) -> list[ProposedAnalyte]:
    """Rows of a run with another retention, for those analytes that are found there.

    Parameters
    ----------
    run : str
        The run.
    rows : sequence of ProposedAnalyte
        What is proposed for the others.
    channels : mapping of str to sequence of CommonPeak
        The run's peaks.
    """
    found = []
    for channel, peaks in channels.items():
        own = [row for row in rows if row.channel in ("", channel)]
        windows = dict(zip(map(id, peaks), windows_of(peaks), strict=True))
        by_time = {(row.analyte, row.rt_min): row for row in own}
        for item, peak in _matched(list(by_time), peaks):
            found.append(
                replace(
                    by_time[item],
                    rt_min=round(peak.rt_min, 2),
                    window_min=windows[id(peak)],
                    run=run,
                )
            )
    return sorted(found, key=lambda row: row.rt_min)
