"""From a design to the animals, their concentrations and the injection sequences, with truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.simulate.biology import (
    FractionProfile,
    ar1_normals,
    correlated_normals,
    fraction_profile,
    log_normal,
    population_ratio,
)
from dialysis.simulate.designs import StudyDesign
from dialysis.simulate.parameters import AnalyteBiology, analyte_biology, read_globals
from dialysis.simulate.testbed import DEMO_PEAKS, INTERNAL_STANDARD
from dialysis.study.groups import assign_groups
from dialysis.tables.inputs import ANIMALS

ANALYTES = tuple(peak.analyte for peak in DEMO_PEAKS)
MEASURED = tuple(name for name in ANALYTES if name != INTERNAL_STANDARD)

# First numbers of the random streams, so that no part of the simulation shifts another.
_ALLOCATION, _ANIMAL, _VIALS = 10, 11, 12


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """Everything about a simulated study but its traces.

    Parameters
    ----------
    design : StudyDesign
        What is simulated.
    seed : int
        Seed of all random streams.
    animals : DataFrame
        animal_id, probe_id, run, drug, dose, weight_g, recovery, misplaced, unstable.
    concentrations : DataFrame
        Truth: animal_id, probe_id, fraction, analyte, conc_nM, fmol_on_column.
    injections : DataFrame
        injection_id, run, order, label, type, role, level (multiple of the basal amount),
        hours (since the run began), injected_at, animal_id, probe_id, fraction, start_min,
        end_min, comment.
    amounts : ndarray of float64, shape (injections, analytes)
        Amounts in the injected volume, fmol, columns as `ANALYTES`.
    population : DataFrame
        Truth: group, analyte, region, time_index, time_min, pct_arithmetic, pct_geometric.
    faults : DataFrame
        Truth: fault, level, animal_id, probe_id, fraction, detail.
    """

    design: StudyDesign
    seed: int
    animals: pd.DataFrame
    concentrations: pd.DataFrame
    injections: pd.DataFrame
    amounts: FloatArray
    population: pd.DataFrame
    faults: pd.DataFrame


def stream(seed: int, *key: int) -> np.random.Generator:
    """Return the random stream of a part of the simulation."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def plan_study(design: StudyDesign, seed: int) -> StudyPlan:
    """Draw a study: allocation, animals, lost vials, sequences.

    Parameters
    ----------
    design : StudyDesign
        What to simulate.
    seed : int
        Seed; equal seeds give equal plans.

    Returns
    -------
    StudyPlan
    """
    numbers = read_globals()
    biology = {name: analyte_biology(name, design.region, design.route) for name in MEASURED}
    animals = _allocate(design, seed)
    concentrations = _concentrations(design, seed, animals, biology, numbers)
    lost = _lost_vials(design, seed, animals)
    injections = _sequences(design, animals, lost)
    amounts = _amounts(design, injections, concentrations)
    return StudyPlan(
        design=design,
        seed=seed,
        animals=animals,
        concentrations=concentrations,
        injections=injections,
        amounts=amounts,
        population=_population(design, biology, numbers),
        faults=_faults(design, animals, lost, numbers),
    )


def _allocate(design: StudyDesign, seed: int) -> pd.DataFrame:
    """Spread every group over the runs and shuffle the animals of each run."""
    rng = stream(seed, _ALLOCATION)
    # Groups are dealt out one after the other, like cards: a run has each group once before it
    # has one twice, as far as group sizes allow.
    dealt = [group for group in design.groups for _ in range(group.n)]
    runs: list[list[tuple[str, float]]] = [[] for _ in range(design.n_runs)]
    for number, group in enumerate(dealt):
        runs[number % design.n_runs].append((group.drug, group.dose))
    rows: list[tuple[str, str, str, str, float, float, float]] = []
    for run, members in enumerate(runs, start=1):
        for position in rng.permutation(len(members)):
            drug, dose = members[position]
            animal = f"R{len(rows) + 1:02d}"
            weight = float(np.round(300 + 15 * rng.standard_normal()))
            recovery = float(np.round(0.10 + 0.10 * rng.random(), 3))
            rows.append((animal, f"{animal}_hip", f"run{run:02d}", drug, dose, weight, recovery))
    animals = pd.DataFrame(
        rows,
        columns=["animal_id", "probe_id", "run", "drug", "dose", "weight_g", "recovery"],
    )
    animals["misplaced"] = _one_of(animals, design.misplaced, rng)
    animals["unstable"] = _one_of(animals, design.unstable, rng)
    return animals


def _one_of(
    animals: pd.DataFrame, group: tuple[str, float] | None, rng: np.random.Generator
) -> list[bool]:
    if group is None:
        return [False] * len(animals)
    members = np.flatnonzero((animals["drug"] == group[0]) & (animals["dose"] == group[1]))
    chosen = int(members[int(rng.integers(len(members)))])
    return [number == chosen for number in range(len(animals))]


def _concentrations(
    design: StudyDesign,
    seed: int,
    animals: pd.DataFrame,
    biology: Mapping[str, AnalyteBiology],
    numbers: Mapping[str, float],
) -> pd.DataFrame:
    fractions = design.fractions
    correlation = numbers["latent_correlation"]
    amounts = np.empty((len(animals), fractions.n, len(MEASURED)))
    for number, animal in enumerate(animals.itertuples()):
        rng = stream(seed, _ANIMAL, number)
        # Rows: basal level, effect, handling; columns: analytes.
        latent = correlated_normals(3, len(MEASURED), correlation, rng)
        noise = ar1_normals(len(MEASURED), fractions.n, numbers["within_animal_ar1_rho"], rng)
        for column, name in enumerate(MEASURED):
            own = biology[name]
            effect = own.effects.get((str(animal.drug), float(animal.dose)))
            profile = fraction_profile(
                own,
                None if animal.misplaced else effect,
                fractions,
                duration_level=numbers["duration_level_pct_of_peak_effect"] / 100,
                unstable_start_ratio=(
                    numbers["unstable_baseline_start_ratio"] if animal.unstable else 1.0
                ),
            )
            basal = own.basal_fmol * float(log_normal(latent[0, [column]], own.basal_cv)[0])
            if animal.misplaced:
                basal *= numbers["misplaced_probe_basal_ratio"]
            m = float(log_normal(latent[1, [column]], effect.cv if effect else 0.0)[0])
            h = float(log_normal(latent[2, [column]], own.handling.cv)[0])
            level = profile.level(h, m) * log_normal(noise[column], own.noise_cv)
            amounts[number, :, column] = basal * level
    rows = pd.MultiIndex.from_product(
        [range(len(animals)), range(1, fractions.n + 1), MEASURED],
        names=["animal", "fraction", "analyte"],
    ).to_frame(index=False)
    return pd.DataFrame(
        {
            "animal_id": animals["animal_id"].to_numpy()[rows["animal"]],
            "probe_id": animals["probe_id"].to_numpy()[rows["animal"]],
            "fraction": rows["fraction"],
            "analyte": rows["analyte"],
            "conc_nM": amounts.ravel() / design.inj_uL,
            "fmol_on_column": amounts.ravel(),
        }
    )


def _lost_vials(
    design: StudyDesign, seed: int, animals: pd.DataFrame
) -> frozenset[tuple[str, int]]:
    n_fractions = design.fractions.n
    vials = [
        (str(animal), fraction)
        for animal in animals["animal_id"]
        for fraction in range(1, n_fractions + 1)
    ]
    n_lost = round(design.lost_part * len(vials))
    chosen = stream(seed, _VIALS).permutation(len(vials))[:n_lost]
    return frozenset(vials[int(number)] for number in chosen)


def _sequences(
    design: StudyDesign, animals: pd.DataFrame, lost: frozenset[tuple[str, int]]
) -> pd.DataFrame:
    first = datetime.fromisoformat(design.first_run_day).replace(hour=8, tzinfo=UTC)
    frames = []
    for number, (run, members) in enumerate(animals.groupby("run", sort=True)):
        rows = _sequence(design, members, lost)
        table = pd.DataFrame(rows)
        order = np.arange(1, len(table) + 1)
        table.insert(0, "injection_id", [f"{run}_{place:03d}" for place in order])
        table.insert(1, "run", run)
        table.insert(2, "order", order)
        start = first + timedelta(days=2 * number)
        table["hours"] = (order - 1) * design.cycle_min / 60
        table["injected_at"] = [
            (start + timedelta(minutes=float(place) * design.cycle_min)).isoformat()
            for place in order - 1
        ]
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def _sequence(
    design: StudyDesign, members: pd.DataFrame, lost: frozenset[tuple[str, int]]
) -> list[dict[str, object]]:
    """List the injections of one run, in order."""
    samples = [
        _sample(design, str(animal.animal_id), str(animal.probe_id), fraction)
        for animal in members.itertuples()
        for fraction in range(1, design.fractions.n + 1)
        if (str(animal.animal_id), fraction) not in lost
    ]
    rows = [_row("BLK1", "blank", comment="mobile phase, without DHBA")]
    rows += [
        _row(f"STD{place}", "standard", role="cal", level=level)
        for place, level in enumerate(design.levels, start=1)
    ]
    rows.append(_row("BLK2", "blank", comment="DHBA only, after the highest standard"))
    # QCs stand before, in the middle of and after the samples.
    qc_after = np.linspace(0, len(samples), len(design.qc_levels)).astype(int).tolist()
    n_qc = n_brackets = 0
    for place in range(len(samples) + 1):
        end = place == len(samples)
        if place and (place % design.bracket_every == 0 or end):
            n_brackets += 1
            rows.append(
                _row(f"BRK{n_brackets}", "standard", role="bracket", level=design.bracket_level)
            )
        if place in qc_after:
            rows.append(_row(f"QC{n_qc + 1}", "qc", role="qc", level=design.qc_levels[n_qc]))
            n_qc += 1
        if not end:
            rows.append(samples[place])
    rows.append(_row("BLK3", "blank", comment="DHBA only"))
    return rows


def _row(
    label: str, kind: str, role: str = "", level: float = float("nan"), comment: str = ""
) -> dict[str, object]:
    return {
        "label": label,
        "type": kind,
        "role": role,
        "level": level,
        "animal_id": "",
        "probe_id": "",
        "fraction": None,
        "start_min": None,
        "end_min": None,
        "comment": comment,
    }


def _sample(design: StudyDesign, animal: str, probe: str, fraction: int) -> dict[str, object]:
    row = _row(f"{animal}_F{fraction:02d}", "sample")
    start = (fraction - 1) * design.fraction_min
    row.update(
        animal_id=animal,
        probe_id=probe,
        fraction=fraction,
        start_min=start,
        end_min=start + design.fraction_min,
    )
    return row


def _amounts(
    design: StudyDesign,
    injections: pd.DataFrame,
    concentrations: pd.DataFrame,
) -> FloatArray:
    """Amounts in the injected volume, fmol, shape (injections, analytes)."""
    truth = concentrations.pivot(
        index=["animal_id", "fraction"], columns="analyte", values="fmol_on_column"
    )
    amounts = np.zeros((len(injections), len(ANALYTES)))
    is_sample = (injections["type"] == "sample").to_numpy()
    samples = injections[is_sample]
    wanted = pd.MultiIndex.from_arrays([samples["animal_id"], samples["fraction"].astype("int64")])
    basal = basal_amounts(design)
    levels = injections["level"].fillna(0.0).to_numpy(dtype=np.float64)
    for column, name in enumerate(ANALYTES):
        if name == INTERNAL_STANDARD:
            plain = (injections["label"] == "BLK1").to_numpy()
            amounts[:, column] = np.where(plain, 0.0, basal[name])
        else:
            amounts[:, column] = levels * basal[name]
            amounts[is_sample, column] = truth[name].reindex(wanted).to_numpy()
    return amounts


def _population(
    design: StudyDesign, biology: Mapping[str, AnalyteBiology], numbers: Mapping[str, float]
) -> pd.DataFrame:
    fractions = design.fractions
    labels = group_labels(design)
    frames = []
    for group in design.groups:
        for name in MEASURED:
            own = biology[name]
            effect = own.effects.get((group.drug, float(group.dose)))
            profile: FractionProfile = fraction_profile(
                own,
                effect,
                fractions,
                duration_level=numbers["duration_level_pct_of_peak_effect"] / 100,
            )
            arithmetic, geometric = population_ratio(profile, own, effect, fractions.n_baseline)
            frames.append(
                pd.DataFrame(
                    {
                        "group": labels[group.drug, float(group.dose)],
                        "analyte": name,
                        "region": design.region,
                        "time_index": fractions.time_index,
                        "time_min": fractions.time_min,
                        "pct_arithmetic": 100 * arithmetic,
                        "pct_geometric": 100 * geometric,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def basal_amounts(design: StudyDesign) -> dict[str, float]:
    """Return the population's basal amount of every analyte in the injected volume, fmol.

    For the internal standard it is the amount that is added.
    """
    basal = {
        name: analyte_biology(name, design.region, design.route).basal_fmol for name in MEASURED
    }
    return {**basal, INTERNAL_STANDARD: design.internal_standard_fmol}


def group_labels(design: StudyDesign) -> dict[tuple[str, float], str]:
    """Return the label of every treatment as the pipeline makes it."""
    animals = ANIMALS.coerce(
        pd.DataFrame(
            {
                "animal_id": [f"{place}" for place in range(len(design.groups))],
                "drug": [group.drug for group in design.groups],
                "dose": [group.dose for group in design.groups],
                "dose_unit": design.dose_unit,
                "route": design.route,
            }
        )
    )
    groups = assign_groups(animals)
    return {
        (str(row.drug), float(row.dose)): str(row.group) for row in groups.itertuples(index=False)
    }


def _faults(
    design: StudyDesign,
    animals: pd.DataFrame,
    lost: frozenset[tuple[str, int]],
    numbers: Mapping[str, float],
) -> pd.DataFrame:
    rows: list[tuple[str, str, str, str, int | None, str]] = []
    for animal in animals.itertuples():
        name, probe = str(animal.animal_id), str(animal.probe_id)
        if animal.misplaced:
            ratio = numbers["misplaced_probe_basal_ratio"]
            detail = f"no drug effect, basal levels × {ratio:g}; placement_ok is no"
            rows.append(("misplaced_probe", "probe", name, probe, None, detail))
        if animal.unstable:
            ratio = numbers["unstable_baseline_start_ratio"]
            detail = f"all analytes fall from × {ratio:g} to × 1 at the dose; in exclusions.csv"
            rows.append(("unstable_baseline", "animal", name, probe, None, detail))
    probes = dict(zip(animals["animal_id"], animals["probe_id"], strict=True))
    for name, fraction in sorted(lost):
        rows.append(("lost_vial", "fraction", name, probes[name], fraction, "not injected"))
    sensitivity = numbers["sensitivity_drift_pct_per_24h"]
    everywhere = {
        "sensitivity_drift": f"{sensitivity:g} % per 24 h in every run, all analytes alike",
        "retention_drift": f"{numbers['rt_drift_pct_per_24h']:g} % per 24 h in every run",
        "carry_over": f"{numbers['carry_over_pct']:g} % of the amount injected before",
        "handling_transient": (
            f"NE, DA and 5-HT rise to {numbers['handling_peak_pct']:g} % of baseline "
            "10 min after the injection, in every group"
        ),
        "analyte_on_front": "NE elutes on the tail of the solvent front",
    }
    rows += [(fault, "study", "", "", None, detail) for fault, detail in everywhere.items()]
    table = pd.DataFrame(
        rows, columns=["fault", "level", "animal_id", "probe_id", "fraction", "detail"]
    )
    return table.astype({"fraction": "Int64"})
