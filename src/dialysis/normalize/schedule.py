"""When each fraction of each probe was collected, lost vials included."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dialysis.errors import NormalizationError, Problem, problems_text
from dialysis.normalize.samples import Probe, Vial


@dataclass(frozen=True)
class Slot:
    """A fraction as the study's design expects it.

    Parameters
    ----------
    number : int
        Number of the fraction.
    start_min, end_min : float
        Collection on the animal's clock, min.
    injections : tuple of str
        Injections of its vial; empty when there is none (a lost vial).
    """

    number: int
    start_min: float
    end_min: float
    injections: tuple[str, ...] = ()


def dose_times(doses: pd.DataFrame, animals: Sequence[str]) -> dict[str, float]:
    """Time of the first dosing event of each animal on its own clock, min.

    Parameters
    ----------
    doses : DataFrame
        The doses table; when it is empty every dose is at 0 min.
    animals : sequence of str
        Animals that have samples.

    Raises
    ------
    NormalizationError
        If the table has events of some animals and not of others.
    """
    if not len(doses):
        return dict.fromkeys(animals, 0.0)
    first = doses.groupby("animal_id")["time_min"].min()
    absent = [name for name in animals if name not in first.index]
    if absent:
        raise NormalizationError(
            f"doses.csv, column animal_id: found no dosing event of {', '.join(absent)}; expected "
            "one for every animal that has samples, because without it they have no time zero. "
            "Add their rows (vehicle animals too)."
        )
    return {name: float(first[name]) for name in animals}


def study_schedule(
    vials: Mapping[str, Mapping[int, Vial]],
    probes: Sequence[Probe],
    dose_min: Mapping[str, float],
    config: Mapping[str, Any],
) -> dict[str, list[Slot]]:
    """Place every expected fraction of every probe that has samples.

    Parameters
    ----------
    vials : mapping of str to mapping of int to Vial
        By probe and fraction number.
    probes : sequence of Probe
        Probes of the study.
    dose_min : mapping of str to float
        Dose time of each animal on its clock, min.
    config : mapping
        The ``normalize`` section: ``fraction_min``, ``baseline.n_fractions``.

    Returns
    -------
    dict of str to list of Slot
        By probe, in the order of start.

    Raises
    ------
    NormalizationError
        Naming every fraction that has no times and can't be placed.

    Notes
    -----
    Expected of a probe are all numbers from the lowest to the highest that any probe of its
    region has: a number that it has no vial of is a lost vial.  Times come from, in this order:

    1. ``start_min`` and ``end_min`` of the vial (one of them and ``fraction_min`` will do);
    2. the nearest fraction of the same probe with times, and from there the steps from fraction
       to fraction that are usual in the region (median over probes; where no probe tells,
       ``fraction_min``, else the median length of a fraction);
    3. when the probe has no times at all, fraction 1 starts ``n_fractions`` × ``fraction_min``
       before the dose.
    """
    fraction_min = config["fraction_min"]
    n_baseline = int(config["baseline"]["n_fractions"])
    given = {name: _given_times(own, fraction_min) for name, own in vials.items()}
    _check_times(vials, given, fraction_min)
    slots: dict[str, list[Slot]] = {}
    for region in dict.fromkeys(probe.region for probe in probes):
        members = [p for p in probes if p.region == region and p.probe_id in vials]
        if not members:
            continue
        numbers = [number for p in members for number in vials[p.probe_id]]
        expected = range(min(numbers), max(numbers) + 1)
        usual = _usual_times([given[p.probe_id] for p in members], expected, fraction_min)
        for probe in members:
            own = vials[probe.probe_id]
            known = given[probe.probe_id]
            placed = []
            for number in expected:
                if known:
                    start, end = _place(number, known, usual)
                else:
                    start = dose_min[probe.animal_id] + (number - 1 - n_baseline) * fraction_min
                    end = start + fraction_min
                injections = own[number].injections if number in own else ()
                placed.append(Slot(number, start, end, injections))
            slots[probe.probe_id] = sorted(placed, key=lambda slot: (slot.start_min, slot.number))
    return slots


@dataclass(frozen=True)
class _Usual:
    """Start of each fraction from that of the lowest number, and its length, min."""

    offset: Mapping[int, float]
    length: Mapping[int, float]


def _given_times(
    vials: Mapping[int, Vial], fraction_min: float | None
) -> dict[int, tuple[float, float]]:
    times = {}
    for number, vial in vials.items():
        start, end = vial.start_min, vial.end_min
        if fraction_min is not None:
            start = end - fraction_min if math.isnan(start) else start
            end = start + fraction_min if math.isnan(end) else end
        if not (math.isnan(start) or math.isnan(end)):
            times[number] = (start, end)
    return times


def _check_times(
    vials: Mapping[str, Mapping[int, Vial]],
    given: Mapping[str, Mapping[int, tuple[float, float]]],
    fraction_min: float | None,
) -> None:
    problems = []
    for name, own in vials.items():
        for number, vial in own.items():
            where = f"injection {vial.injections[0]}"
            if number not in given[name] and fraction_min is None:
                problems.append(
                    Problem(
                        "injections.csv",
                        f"{where}, columns start_min, end_min",
                        "nothing",
                        "start and end of the fraction",
                        "Fill them in, or set normalize.fraction_min in study.yaml.",
                    )
                )
            elif number in given[name] and given[name][number][1] <= given[name][number][0]:
                start, end = given[name][number]
                problems.append(
                    Problem(
                        "injections.csv",
                        f"{where}, column end_min",
                        f"{end:g}",
                        f"a time after start_min, which is {start:g}",
                    )
                )
    if problems:
        raise NormalizationError(problems_text(problems, "Fractions can't be placed in time"))


def _usual_times(
    given: Sequence[Mapping[int, tuple[float, float]]],
    expected: range,
    fraction_min: float | None,
) -> _Usual:
    lengths = [end - start for times in given for start, end in times.values()]
    typical = fraction_min if fraction_min is not None else statistics.median(lengths)
    offset = {expected[0]: 0.0}
    length = {}
    for number in expected:
        seen = [times[number][1] - times[number][0] for times in given if number in times]
        length[number] = statistics.median(seen) if seen else typical
        steps = [
            times[number + 1][0] - times[number][0]
            for times in given
            if number in times and number + 1 in times
        ]
        offset[number + 1] = offset[number] + (statistics.median(steps) if steps else typical)
    return _Usual(offset, length)


def _place(
    number: int, known: Mapping[int, tuple[float, float]], usual: _Usual
) -> tuple[float, float]:
    if number in known:
        return known[number]
    nearest = min(known, key=lambda other: (abs(other - number), other))
    start = known[nearest][0] + usual.offset[number] - usual.offset[nearest]
    return start, start + usual.length[number]
