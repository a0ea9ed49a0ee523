"""Check injections: their names, order, fractions and vials."""

from __future__ import annotations

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.checks_animals import _SAFE_NAME
from dialysis.study.checks_shared import (
    Config,
    Found,
    Tables,
    empty_cells,
    file_of_injections,
    start_of,
    unknown,
)
from dialysis.study.given import only_probe_of
from dialysis.study.start import reads_exports


def check_injections(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with the injections: names, order, types, animals and vials."""
    file = file_of_injections(tables, shown)
    injections = tables["injections"]
    animals = list(tables["animals"]["animal_id"])
    probes = list(tables["probes"]["probe_id"])
    probe_owner = dict(
        zip(tables["probes"]["probe_id"], tables["probes"]["animal_id"], strict=True)
    )
    ids = list(injections["injection_id"])
    problems = []
    if reads_exports(start_of(config)):
        problems += empty_cells(file, injections, ["injection_file"])
    for column in ("run", "injection_id"):
        for value, lines in injections.groupby(column, sort=False).groups.items():
            if value and not _SAFE_NAME.fullmatch(str(value)):
                problems.append(
                    Problem(
                        file,
                        f"row {lines[0]}, column {column}",
                        f"'{value}'",
                        "letters, digits, '.', '_' and '-', because files are named after it",
                    )
                )
    for value, rows in injections.groupby("injection_id", sort=False):
        if len(rows) > 1:
            problems.append(
                Problem(
                    file,
                    f"row {rows.index[1]}, column injection_id",
                    f"'{value}' again (first in row {rows.index[0]})",
                    "a name of its own for every injection",
                )
            )
    for (run, order), rows in injections.groupby(["run", "order"], sort=False):
        if len(rows) > 1:
            problems.append(
                Problem(
                    file,
                    f"row {rows.index[1]}, column order",
                    f"{order} again in run {run} (first in row {rows.index[0]})",
                    "a position of its own for every injection of a run",
                )
            )
    located = injections[injections["injection_file"] != ""]
    place = located["injection_file"] + "\0" + located["section"]
    for _, rows in located.groupby(place, sort=False):
        if len(rows) > 1:
            problems.append(
                Problem(
                    file,
                    f"row {rows.index[1]}, column injection_file",
                    f"'{rows['injection_file'].iloc[0]}' again (first in row {rows.index[0]})",
                    "an export (or a section of one) for every injection",
                )
            )
    for row in injections.itertuples():
        if row.animal_id and row.animal_id not in animals:
            problems.append(
                unknown(file, row.Index, "animal_id", row.animal_id, animals, "animals.csv")
            )
        if row.probe_id and row.probe_id not in probes:
            problems.append(
                unknown(file, row.Index, "probe_id", row.probe_id, probes, "probes.csv")
            )
        elif (
            row.probe_id and row.animal_id in animals and probe_owner[row.probe_id] != row.animal_id
        ):
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column probe_id",
                    f"probe '{row.probe_id}' with animal '{row.animal_id}'",
                    f"animal '{probe_owner[row.probe_id]}', which carries it in probes.csv",
                )
            )
        if row.reinjection_of and row.reinjection_of not in ids:
            problems.append(
                unknown(
                    file, row.Index, "reinjection_of", row.reinjection_of, ids, "injections.csv"
                )
            )
        if row.type != "sample":
            continue
        if not row.animal_id and not row.probe_id:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column animal_id",
                    "nothing",
                    "an animal (or a probe) for every sample",
                )
            )
        elif not row.probe_id and row.animal_id in animals and probes:
            own = [p for p, a in probe_owner.items() if a == row.animal_id]
            if len(own) != 1:
                problems.append(
                    Problem(
                        file,
                        f"row {row.Index}, column probe_id",
                        "nothing",
                        f"one of the probes of {row.animal_id} in probes.csv: "
                        f"{', '.join(own) if own else 'there is none'}",
                    )
                )
    return problems, []


def probe_of_injections(injections: pd.DataFrame, probes: pd.DataFrame) -> pd.Series:
    """Probe of every injection: as given, else the animal's only probe, else the animal itself."""
    only = only_probe_of(probes)
    fallback = injections["animal_id"].map(lambda animal: only.get(animal, animal))
    return injections["probe_id"].where(injections["probe_id"] != "", fallback)


def check_fractions(config: Config, tables: Tables, shown: str) -> Found:
    """List fractions that are missing, too few before the dose, or overlap."""
    file = file_of_injections(tables, shown)
    warnings: list[Problem] = []
    fraction_min = config["normalize"]["fraction_min"] if config is not None else 1.0
    samples = tables["injections"][tables["injections"]["type"] == "sample"]
    samples = samples.assign(probe=probe_of_injections(samples, tables["probes"]))
    problems = []
    for row in samples.itertuples():
        has_times = not (pd.isna(row.start_min) or pd.isna(row.end_min))
        if pd.isna(row.fraction):
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column fraction",
                    "nothing",
                    "the number of the fraction for every sample",
                )
            )
        if not has_times and fraction_min is None:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, columns start_min, end_min",
                    "nothing",
                    "start and end of the fraction",
                    "Fill them in, or set normalize.fraction_min in study.yaml.",
                )
            )
        if has_times and row.end_min <= row.start_min:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column end_min",
                    f"{row.end_min:g}",
                    f"a time after start_min, which is {row.start_min:g}",
                )
            )
    first = samples[samples["reinjection_of"] == ""]
    vials = first.dropna(subset=["fraction"])
    twice = vials[vials.duplicated(["probe", "fraction"], keep=False)]
    for (probe, fraction), rows in twice.groupby(["probe", "fraction"], sort=False):
        problems.append(
            Problem(
                file,
                f"row {rows.index[1]}, column fraction",
                f"fraction {fraction} of {probe} again (first in row {rows.index[0]})",
                "each fraction once",
                "If the vial was injected again, name the first injection in reinjection_of.",
            )
        )
    timed = first.dropna(subset=["start_min", "end_min", "fraction"])
    for probe, rows in timed.groupby("probe", sort=False):
        ordered = rows.sort_values("start_min")
        earlier = ordered.iloc[:-1]
        later = ordered.iloc[1:]
        overlaps = later["start_min"].to_numpy() < earlier["end_min"].to_numpy() - 1e-9
        pairs = zip(earlier[overlaps].itertuples(), later[overlaps].itertuples(), strict=True)
        for before, after in pairs if overlaps.any() else ():
            if before.fraction == after.fraction:
                continue
            problems.append(
                Problem(
                    file,
                    f"row {after.Index}, column start_min",
                    f"{after.start_min:g} min for fraction {after.fraction} of {probe}",
                    f"a start after the end of fraction {before.fraction} "
                    f"(row {before.Index}, {before.end_min:g} min)",
                )
            )
        if later["fraction"].to_numpy(dtype=float).tolist() != sorted(
            later["fraction"].to_numpy(dtype=float)
        ):
            warnings.append(
                Problem(
                    file,
                    f"probe {probe}, column fraction",
                    "fractions whose numbers and times run in different order",
                    "the same order",
                    "Check for swapped vials.",
                )
            )
    for probe, rows in vials.groupby("probe", sort=False):
        present = {int(n) for n in rows["fraction"]}
        gaps = sorted(set(range(min(present), max(present) + 1)) - present)
        if gaps:
            warnings.append(
                Problem(
                    file,
                    f"probe {probe}, column fraction",
                    f"no fraction {', '.join(map(str, gaps))}",
                    f"all from {min(present)} to {max(present)}",
                    "A lost vial is shown as missing.",
                )
            )
    return problems, warnings
