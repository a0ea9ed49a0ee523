"""Which probe and fraction an injection is of, and which injections share a vial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from dialysis.errors import NormalizationError, Problem, problems_text


@dataclass(frozen=True)
class Probe:
    """One probe of one animal.

    Parameters
    ----------
    probe_id, animal_id, region : str
        Names; without a probes table the probe has the animal's name and the study's region.
    placement_ok : str
        yes, no, unknown or empty.
    """

    probe_id: str
    animal_id: str
    region: str
    placement_ok: str = ""


@dataclass(frozen=True)
class Vial:
    """The dialysate of one fraction of one probe.

    Parameters
    ----------
    probe_id : str
        The probe.
    number : int
        Number of the fraction.
    start_min, end_min : float
        Collection on the animal's clock, min; nan where injections.csv gives none.
    injections : tuple of str
        injection_id of every injection of the vial: the first, then the reinjections.
    """

    probe_id: str
    number: int
    start_min: float
    end_min: float
    injections: tuple[str, ...]


def study_probes(animals: pd.DataFrame, probes: pd.DataFrame, region: str) -> list[Probe]:
    """List the probes of a study: animals in the order of their table, then probes.

    Parameters
    ----------
    animals, probes : DataFrame
        The input tables; `probes` may be empty.
    region : str
        Region of every probe when there is no probes table.
    """
    if not len(probes):
        return [Probe(str(name), str(name), region) for name in animals["animal_id"]]
    by_animal: dict[str, list[Probe]] = {}
    for row in probes.itertuples(index=False):
        probe = Probe(row.probe_id, row.animal_id, row.region, row.placement_ok)
        by_animal.setdefault(probe.animal_id, []).append(probe)
    return [probe for name in animals["animal_id"] for probe in by_animal.get(str(name), [])]


def study_vials(injections: pd.DataFrame, probes: list[Probe]) -> dict[str, dict[int, Vial]]:
    """Gather the sample injections into vials.

    Parameters
    ----------
    injections : DataFrame
        The injections table.
    probes : list of Probe
        Probes of the study.

    Returns
    -------
    dict of str to dict of int to Vial
        By probe and fraction number.  The order of rows in `injections` has no influence:
        reinjections follow the injection they name in `reinjection_of`, then run and order.

    Raises
    ------
    NormalizationError
        Naming every sample that has no known probe or no fraction, every vial with two first
        injections, and every reinjection of another vial.
    """
    samples = injections[injections["type"] == "sample"]
    if not len(samples):
        raise NormalizationError(
            "injections.csv: found no injection of type 'sample'; expected the fractions of at "
            "least one animal. Set their type, or stop at the target 'quantify'."
        )
    known = {probe.probe_id: probe for probe in probes}
    carried: dict[str, list[str]] = {}
    for probe in probes:
        carried.setdefault(probe.animal_id, []).append(probe.probe_id)
    problems: list[Problem] = []
    vial_of: dict[str, tuple[str, int]] = {}
    rows = {}
    for row in samples.itertuples(index=False):
        own = carried.get(row.animal_id, [])
        probe_id = row.probe_id or (own[0] if len(own) == 1 else "")
        where = f"injection {row.injection_id}"
        if probe_id not in known:
            shown = row.probe_id or row.animal_id
            problems.append(
                Problem(
                    "injections.csv",
                    f"{where}, columns animal_id, probe_id",
                    f"'{shown}'" if shown else "nothing",
                    "a probe of probes.csv, or an animal of animals.csv with one probe",
                )
            )
        elif pd.isna(row.fraction):
            problems.append(
                Problem(
                    "injections.csv",
                    f"{where}, column fraction",
                    "nothing",
                    "the number of the fraction for every sample",
                )
            )
        else:
            vial_of[row.injection_id] = (probe_id, int(row.fraction))
            rows[row.injection_id] = row
    first_of = {name: row.reinjection_of for name, row in rows.items() if row.reinjection_of}
    members: dict[str, dict[int, list[tuple[int, str, int, str]]]] = {}
    for name, (probe_id, number) in vial_of.items():
        depth, problem = _depth(name, first_of, vial_of)
        if problem is not None:
            problems.append(problem)
        order = 0 if pd.isna(rows[name].order) else int(rows[name].order)
        place = (depth, str(rows[name].run), order, name)
        members.setdefault(probe_id, {}).setdefault(number, []).append(place)
    for probe_id, of_probe in members.items():
        for number, places in of_probe.items():
            firsts = sorted(name for depth, _, _, name in places if depth == 0)
            if len(firsts) > 1:
                problems.append(
                    Problem(
                        "injections.csv",
                        f"fraction {number} of {probe_id}",
                        f"{len(firsts)} first injections ({', '.join(firsts)})",
                        "each fraction once",
                        "If the vial was injected again, name the first injection in "
                        "reinjection_of.",
                    )
                )
    if problems:
        raise NormalizationError(problems_text(sorted(problems), "Samples can't be placed"))
    return {
        probe.probe_id: {
            number: _vial(probe.probe_id, number, [name for *_, name in sorted(places)], rows)
            for number, places in sorted(members[probe.probe_id].items())
        }
        for probe in probes
        if probe.probe_id in members
    }


def _depth(
    name: str, first_of: Mapping[str, str], vial_of: Mapping[str, tuple[str, int]]
) -> tuple[int, Problem | None]:
    """Return how many `reinjection_of` steps lead to the first injection of the vial."""
    current, seen = name, {name}
    depth = 0
    while current in first_of:
        current = first_of[current]
        depth += 1
        if current in seen or vial_of.get(current) != vial_of[name]:
            probe_id, number = vial_of[name]
            return depth, Problem(
                "injections.csv",
                f"injection {name}, column reinjection_of",
                f"'{first_of[name]}'",
                f"the first injection of the same vial (fraction {number} of {probe_id})",
            )
        seen.add(current)
    return depth, None


def _vial(probe_id: str, number: int, names: list[str], rows: Mapping[str, object]) -> Vial:
    """Make a vial; its times are those of its first injection that has any."""
    start = end = math.nan
    for name in names:
        row = rows[name]
        start, end = float(row.start_min), float(row.end_min)  # type: ignore[attr-defined]
        if not (math.isnan(start) and math.isnan(end)):
            break
    return Vial(probe_id, number, start, end, tuple(names))
