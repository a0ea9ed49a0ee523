"""Check animals, their probes and doses, and the outcomes they are compared in."""

from __future__ import annotations

import re

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.checks_shared import Config, Found, Tables, unknown
from dialysis.study.config import did_you_mean
from dialysis.study.groups import assign_groups
from dialysis.study.outcomes import (
    study_outcomes,
    study_regions,
)

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_animals(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with the animals: names, groups, vehicles and doses."""
    file = f"{shown}/animals.csv"
    animals = tables["animals"]
    problems = []
    for drug, rows in animals.groupby("drug", sort=False):
        units = list(dict.fromkeys(rows.loc[rows["dose"] > 0, "dose_unit"]))
        if len(units) > 1:
            problems.append(
                Problem(
                    file,
                    f"row {rows.index[0]}, column dose_unit",
                    f"{drug} in {' and '.join(repr(u) for u in units)}",
                    "one unit for all doses of a drug",
                    "Convert the doses to one unit.",
                )
            )
    groups = assign_groups(animals)
    controls = list(dict.fromkeys(groups.loc[groups["is_control"], "group"]))
    if not controls:
        problems.append(
            Problem(
                file,
                "column dose",
                "no animal with dose 0",
                "at least one vehicle group, which the others are compared with",
                "Give the vehicle animals dose 0.",
            )
        )
        return problems, []
    for line, group, control, named in zip(
        animals.index, groups["group"], groups["control"], animals["control"], strict=True
    ):
        if control:
            continue
        if named:
            problems.append(
                Problem(
                    file,
                    f"row {line}, column control",
                    f"'{named}'",
                    f"one vehicle group: {', '.join(controls)}",
                    did_you_mean(str(named), controls),
                )
            )
        else:
            problems.append(
                Problem(
                    file,
                    f"row {line}, column control",
                    f"nothing, for group '{group}' with {len(controls)} vehicle groups",
                    f"the one it is compared with: {', '.join(controls)}",
                )
            )
    return problems, []


def check_probes(config: Config, tables: Tables, shown: str) -> Found:
    """List the probes of animals that are not there."""
    known = list(tables["animals"]["animal_id"])
    problems = [
        unknown(f"{shown}/probes.csv", line, "animal_id", str(animal), known, "animals.csv")
        for line, animal in tables["probes"]["animal_id"].items()
        if animal not in known
    ]
    return problems, []


def check_doses(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with second doses."""
    file = f"{shown}/doses.csv"
    known = list(tables["animals"]["animal_id"])
    problems = []
    for row in tables["doses"].itertuples():
        if row.animal_id not in known:
            problems.append(
                unknown(file, row.Index, "animal_id", row.animal_id, known, "animals.csv")
            )
        if not pd.isna(row.end_min) and row.end_min <= row.time_min:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column end_min",
                    f"{row.end_min:g}",
                    f"a time after time_min, which is {row.time_min:g}",
                )
            )
    return problems, []


def check_outcomes(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with the outcomes: regions, ratios and groups of animals."""
    analytes = list(dict.fromkeys(tables["analytes"]["analyte"]))
    problems: list[Problem] = []
    if config is None:
        return problems, []
    normalize = config["normalize"]
    if normalize["dead_volume_uL"] > 0 and normalize["flow_uL_min"] is None:
        problems.append(
            Problem(
                f"{shown}/study.yaml",
                "normalize.flow_uL_min",
                "nothing",
                "the flow rate, because normalize.dead_volume_uL is set",
                "The lag is their quotient.",
            )
        )
    for number, ratio in enumerate(config["normalize"]["ratios"], start=1):
        for part in ("numerator", "denominator"):
            if ratio[part] not in analytes:
                problems.append(
                    Problem(
                        f"{shown}/study.yaml",
                        f"normalize.ratios, entry {number}, {part}",
                        f"'{ratio[part]}', which is not in analytes.csv",
                        f"one of {', '.join(analytes)}",
                        did_you_mean(ratio[part], analytes),
                    )
                )
    if problems:
        return problems, []
    outcomes = study_outcomes(
        tables["analytes"],
        study_regions(tables["probes"], config["study"]["region"]),
        config["normalize"]["ratios"],
    )
    if not outcomes:
        problems.append(
            Problem(f"{shown}/analytes.csv", "", "only internal standards", "at least one analyte")
        )
    seen: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.slug in seen and seen[outcome.slug] != outcome.label:
            problems.append(
                Problem(
                    f"{shown}/analytes.csv",
                    "column analyte",
                    f"'{outcome.label}' and '{seen[outcome.slug]}'",
                    "names that stay different when only letters and digits are kept "
                    f"(both become '{outcome.slug}')",
                )
            )
        seen[outcome.slug] = outcome.label
    return problems, []
