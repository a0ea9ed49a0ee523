"""Retention windows from the peaks of standards: which peaks there are, and what they may be."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from dialysis.words import counted

# Order of elution that is usual in reversed-phase ion-pair chromatography of dialysates with
# electrochemical detection; molar masses of the free bases, g/mol.
USUAL_ORDER: Mapping[str, float] = MappingProxyType(
    {
        "MHPG": 184.19,
        "NE": 169.18,
        "E": 183.20,
        "DHBA": 139.15,
        "DOPAC": 168.15,
        "DA": 153.18,
        "5-HIAA": 191.18,
        "HVA": 182.17,
        "3-MT": 167.21,
        "5-HT": 176.22,
    }
)
INTERNAL_STANDARD = "DHBA"
_OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "na": "NE",
        "noradrenaline": "NE",
        "norepinephrine": "NE",
        "adrenaline": "E",
        "epinephrine": "E",
        "dopamine": "DA",
        "serotonin": "5-HT",
    }
)
# What is looked for when nobody says what was measured.
_EXPECTED = ("NE", "DHBA", "DOPAC", "DA", "5-HIAA", "HVA", "5-HT")

# A peak counts when it is clear of the noise and part of most injections.
LEAST_SNR = 8.0
LEAST_PART = 0.6
# Peaks within this part of their time are one peak in different injections.
SAME_PEAK = 0.02
# A window is at most this part of the retention time and this long to either side, and this part
# of the way to the neighbouring peak.
WIDEST = 0.06
WIDEST_MIN = 0.6
NEIGHBOUR_PART = 0.45
# An internal standard's area varies less than this; an analyte's varies more over levels.
CONSTANT_CV = 0.12


@dataclass(frozen=True)
class SeenPeak:
    """A peak in one injection: apex and width at half height, min, area, the vendor's name.

    ``snr`` is its signal to noise; 0 where that is not known.
    """

    rt_min: float
    area: float
    width_min: float = 0.0
    name: str = ""
    snr: float = 0.0


@dataclass(frozen=True)
class CommonPeak:
    """A peak that most injections have.

    Parameters
    ----------
    rt_min : float
        Median of its time.
    spread_min : float
        Half the range of its times over injections.
    width_min : float
        Median width at half height.
    part : float
        Part of the injections that have it.
    area_cv : float
        Coefficient of variation of its area; nan for one injection.
    name : str
        Name that the vendor's software gave it most often.
    channel : str
        Detector channel.
    snr : float
        Median of its signal to noise; 0 where that is not known.
    """

    rt_min: float
    spread_min: float
    width_min: float
    part: float
    area_cv: float
    name: str = ""
    channel: str = ""
    snr: float = 0.0

    @property
    def clearness(self) -> float:
        """Signal to noise above what a peak needs; nothing known counts as just enough."""
        return max(self.snr / LEAST_SNR, 1.0)


def common_peaks(injections: Sequence[Sequence[SeenPeak]], channel: str = "") -> list[CommonPeak]:
    """Find the peaks that most injections have, by time.

    Parameters
    ----------
    injections : sequence of sequence of SeenPeak
        Peaks of every injection that is looked at.
    channel : str
        Goes to the peaks.
    """
    named = [p for own in injections for p in own if p.name]
    if named:
        groups = [
            [(n, p) for n, own in enumerate(injections) for p in own if p.name == name]
            for name in dict.fromkeys(p.name for p in sorted(named, key=lambda p: p.rt_min))
        ]
    else:
        groups = _by_time(injections)
    found = []
    for members in groups:
        part = len({number for number, _ in members}) / len(injections)
        if part < LEAST_PART and not members[0][1].name:
            continue
        times = [peak.rt_min for _, peak in members]
        areas = np.array([peak.area for _, peak in members], dtype=np.float64)
        mean = float(areas.mean())
        cv = float(areas.std(ddof=1)) / mean if len(areas) > 1 and mean > 0 else float("nan")
        found.append(
            CommonPeak(
                rt_min=statistics.median(times),
                spread_min=(max(times) - min(times)) / 2,
                width_min=statistics.median(peak.width_min for _, peak in members),
                part=part,
                area_cv=cv,
                name=members[0][1].name,
                channel=channel,
                snr=statistics.median(peak.snr for _, peak in members),
            )
        )
    return sorted(found, key=lambda peak: peak.rt_min)


def _by_time(injections: Sequence[Sequence[SeenPeak]]) -> list[list[tuple[int, SeenPeak]]]:
    """Peaks of all injections in groups; a step in time that is larger than `SAME_PEAK` parts them.

    A step counts from the group's median, so that drifting peaks don't make a chain.
    """
    ordered = sorted(
        ((number, peak) for number, own in enumerate(injections) for peak in own),
        key=lambda item: item[1].rt_min,
    )
    groups: list[list[tuple[int, SeenPeak]]] = []
    for item in ordered:
        if groups:
            middle = statistics.median(peak.rt_min for _, peak in groups[-1])
            if item[1].rt_min - middle <= SAME_PEAK * middle:
                groups[-1].append(item)
                continue
        groups.append([item])
    return groups


@dataclass(frozen=True)
class ProposedAnalyte:
    """A row of the analytes table, and on what it rests.

    Parameters
    ----------
    analyte : str
        Name.
    rt_min, window_min : float
        Time and half width of the window, min; nan when there is no peak.
    mw : float or None
        Molar mass, where the name is a usual one.
    internal_standard : str
        ``itself``, the name of the internal standard, or nothing.
    channel : str
        Detector channel, where there are several.
    grounds : str
        On what the name rests.
    run : str
        The run that the row is for; empty for all.
    """

    analyte: str
    rt_min: float
    window_min: float
    mw: float | None
    internal_standard: str
    channel: str
    grounds: str
    run: str = ""

    @property
    def by_time(self) -> bool:
        """Whether it could only be called after its time."""
        return self.grounds.startswith(_BY_TIME)


_BY_TIME = "PROPOSAL: named after its time"


def propose_analytes(
    peaks: Sequence[CommonPeak],
    names: Sequence[str] = (),
    several: bool = False,
    others: Sequence[CommonPeak] = (),
) -> list[ProposedAnalyte]:
    """Give peaks names and windows.

    Parameters
    ----------
    peaks : sequence of CommonPeak
        By time.
    names : sequence of str
        What was measured, if that is known.
    several : bool
        Whether there are several channels, so that rows say theirs.
    others : sequence of CommonPeak
        Further peaks, of which windows keep clear.

    Returns
    -------
    list of ProposedAnalyte
        Names are the vendor's; else the names that were given, or those of the usual order of
        elution, when there are as many as peaks; else numbers after their time.
    """
    constant = _internal_standard(peaks)
    called, grounds = _names(peaks, list(names), constant)
    internal = called[constant] if constant is not None else ""
    windows = windows_of(peaks, others)
    rows = []
    for number, (peak, name, window) in enumerate(zip(peaks, called, windows, strict=True)):
        standard = "itself" if number == constant else internal
        why = grounds
        if number == constant:
            why += "; taken for the internal standard, because its area is the same everywhere"
        rows.append(
            ProposedAnalyte(
                name,
                round(peak.rt_min, 2),
                window,
                USUAL_ORDER.get(usual_name(name)),
                standard,
                peak.channel if several else "",
                why,
            )
        )
    return rows


def _internal_standard(peaks: Sequence[CommonPeak]) -> int | None:
    """Place of the peak whose area is constant while others vary; ``None`` without just one."""
    cvs = [peak.area_cv for peak in peaks]
    steady = [n for n, cv in enumerate(cvs) if cv < CONSTANT_CV and peaks[n].part > 0.9]
    varied = [cv for cv in cvs if cv > 2 * CONSTANT_CV]
    return steady[0] if len(steady) == 1 and len(varied) >= len(cvs) / 2 else None


def usual_name(name: str) -> str:
    """Name in `USUAL_ORDER` of an analyte however it is written; empty when it is none of them."""
    bare = re.sub(r"[\W_]", "", name).casefold()
    usual = {re.sub(r"\W", "", known).casefold(): known for known in USUAL_ORDER}
    return usual.get(bare, _OTHER_NAMES.get(bare, ""))


def _names(
    peaks: Sequence[CommonPeak], given: list[str], constant: int | None
) -> tuple[list[str], str]:
    """Names of the peaks and on what they rest."""
    if any(peak.name for peak in peaks):
        return [peak.name for peak in peaks], "name from the vendor's peak table"
    expected = list(given) or list(_EXPECTED)
    if constant is not None and INTERNAL_STANDARD not in expected and len(expected) < len(peaks):
        expected.append(INTERNAL_STANDARD)
    if all(usual_name(name) for name in expected):
        expected.sort(key=lambda name: list(USUAL_ORDER).index(usual_name(name)))
    if constant is None and not given and len(expected) == len(peaks) + 1:
        expected.remove(INTERNAL_STANDARD)
    fits = len(expected) == len(peaks)
    if fits and constant is not None and INTERNAL_STANDARD in expected:
        fits = expected.index(INTERNAL_STANDARD) == constant
    if fits:
        origin = "given name" if given else "usual name"
        return expected, f"PROPOSAL: {origin} by the usual order of elution"
    made = [f"peak_{peak.rt_min:.2f}" for peak in peaks]
    why = f" ({counted(len(given), 'name')} for {counted(len(peaks), 'peak')})" if given else ""
    return made, f"{_BY_TIME}{why}, say what it is"


def windows_of(peaks: Sequence[CommonPeak], others: Sequence[CommonPeak] = ()) -> list[float]:
    """Half widths that leave the neighbours on the channel alone, min, rounded down to 0.01."""
    out = []
    for peak in peaks:
        times = sorted({p.rt_min for p in (*peaks, *others) if p.channel == peak.channel})
        at = times.index(peak.rt_min)
        gaps = [abs(times[n] - peak.rt_min) for n in (at - 1, at + 1) if 0 <= n < len(times)]
        usual = min(WIDEST * peak.rt_min, WIDEST_MIN)
        widest = max(usual, 2 * peak.spread_min, peak.width_min)
        half = min([NEIGHBOUR_PART * gap for gap in gaps] + [widest])
        out.append(max(0.02, int(100 * half) / 100))
    return out
