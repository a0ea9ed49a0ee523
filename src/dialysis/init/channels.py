"""Exports with several detector channels: on which one each analyte is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dialysis.init.retention import SAME_PEAK, CommonPeak, ProposedAnalyte, propose_analytes
from dialysis.words import counted

# A peak is taken from another channel than the others where it is this much clearer there.
CLEARER = 3.0


def propose_channels(
    channels: Mapping[str, Sequence[CommonPeak]], names: Sequence[str] = ()
) -> list[ProposedAnalyte]:
    """Propose analytes of several detector channels, each on the one that shows it best.

    Parameters
    ----------
    channels : mapping of str to sequence of CommonPeak
        Peaks of every channel.
    names : sequence of str
        What was measured, if that is known.

    Returns
    -------
    list of ProposedAnalyte
        By time.  One channel is taken for all that it shows, because an analyte and its internal
        standard are best compared on one; another one for what it does not show, or shows `CLEARER`
        times less clearly.  The first is the one that serves for most.  Where the names fit the
        peaks of one channel alone and not those of all, that channel is taken.
    """
    ranked = _ranked(channels)
    everything = [peak for name in ranked for peak in channels[name]]
    best = sorted(_chosen(channels, ranked[0]), key=lambda peak: peak.rt_min)
    tried = [
        propose_analytes(peaks, names, True, everything)
        for peaks in (best, *(channels[name] for name in ranked))
        if peaks
    ]
    fitting = [rows for rows in tried if not any(row.by_time for row in rows)]
    return (fitting or tried or [[]])[0]


def _ranked(channels: Mapping[str, Sequence[CommonPeak]]) -> list[str]:
    """Channels, the one first that serves for most substances, then those that show most."""

    def key(name: str) -> tuple[int, int, float]:
        served = sum(peak.channel == name for peak in _chosen(channels, name))
        clear = sum(math.log(peak.clearness) for peak in channels[name])
        return served, len(channels[name]), clear

    return sorted(channels, key=key, reverse=True)


def _chosen(channels: Mapping[str, Sequence[CommonPeak]], first: str) -> list[CommonPeak]:
    """Every substance on the first channel, unless it is not there or much clearer on another."""

    def merit(peak: CommonPeak) -> float:
        return peak.clearness * (CLEARER if peak.channel == first else 1.0)

    return [max(seen, key=merit) for seen in _same_peaks(channels, [first, *channels])]


def _same_peaks(
    channels: Mapping[str, Sequence[CommonPeak]], ranked: Sequence[str]
) -> list[list[CommonPeak]]:
    """Peaks of several channels that are one substance, by name or time; by rank of channel."""
    groups: list[list[CommonPeak]] = []
    for channel in dict.fromkeys(ranked):
        free = list(groups)
        for peak in channels[channel]:
            near = [
                group
                for group in free
                if (peak.name and peak.name == group[0].name)
                or abs(peak.rt_min - group[0].rt_min)
                <= max(SAME_PEAK * peak.rt_min, peak.width_min / 2)
            ]
            if near:
                group = min(near, key=lambda group: abs(peak.rt_min - group[0].rt_min))
                group.append(peak)
                free.remove(group)
            else:
                groups.append([peak])
    return groups


def channel_notes(
    channels: Mapping[str, Sequence[CommonPeak]], rows: Sequence[ProposedAnalyte]
) -> list[str]:
    """Say which analytes were taken from which channel, and what each of them shows."""
    ranked = _ranked(channels)
    shown = ", ".join(f"'{name}' ({counted(len(channels[name]), 'peak')})" for name in ranked)
    notes = [f"channels: {shown}"]
    groups = _same_peaks(channels, ranked)
    for row in rows:
        own = next(
            group
            for group in groups
            if any(p.channel == row.channel and abs(p.rt_min - row.rt_min) < 0.006 for p in group)
        )
        ratios = {p.channel: p.snr for p in own if p.snr}
        if row.channel == ranked[0] or row.channel not in ratios:
            continue
        best = f"signal to noise {ratios[row.channel]:.0f}"
        other = ratios.get(ranked[0])
        against = f"{other:.0f} on '{ranked[0]}'" if other else f"no peak on '{ranked[0]}'"
        notes.append(f"{row.analyte} is taken from '{row.channel}': {best}, {against}")
    return notes
