"""What is odd about a study's tables: slips that leave every cell readable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.given import only_probe_of
from dialysis.study.groups import assign_groups
from dialysis.study.outcomes import internal_standards
from dialysis.study.start import quantifies
from dialysis.words import counted, shortened

Tables = Mapping[str, pd.DataFrame]
Config = Mapping[str, Any] | None
Found = tuple[list[Problem], list[Problem]]

_ROUTE = re.compile(r"(s\.?c|i\.?p|i\.?v|p\.?o|i\.?m|i\.?c\.?v)\.?", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.,]+")
_ENANTIOMER = re.compile(r"^\(?([-–−+±])|\(([-–−+±])\)")
# Amounts of one analyte that differ by more are not levels of one calibration.
_WIDEST_RANGE = 1e4
# Lengths of a fraction beyond this factor from the usual one are a slip, if few have them.
_LENGTH_FACTOR = 2.0
_FEW = 0.1
_LIGHTEST_G, _HEAVIEST_G = 5.0, 5000.0
# More than this times a sample's volume can't be injected unless it was diluted.
_DILUTED = 3.0
# A dose that was given differs from the nominal one by less than this factor.
_SAME_DOSE = 2.0
# A level that is prepared anew misses the one before by less than this factor.
_SAME_LEVEL = 5.0


def odd_animals(config: Config, tables: Tables, shown: str) -> Found:
    """Swapped columns, misspelt drugs, groups of one, odd weights."""
    file = f"{shown}/animals.csv"
    animals = tables["animals"]
    problems = []
    for column, wrong, what in (
        ("drug", _ROUTE, "a route"),
        ("drug", _NUMBER, "a number"),
        ("dose_unit", _NUMBER, "a number"),
        ("dose_unit", _ROUTE, "a route"),
        ("route", _NUMBER, "a number"),
    ):
        odd = animals.index[animals[column].map(lambda cell, w=wrong: bool(w.fullmatch(str(cell))))]
        if len(odd):
            problems.append(
                Problem(
                    file,
                    f"row {odd[0]}, column {column}",
                    f"'{animals.loc[odd[0], column]}', {what}"
                    + (f" (and {len(odd) - 1} more rows)" if len(odd) > 1 else ""),
                    {
                        "drug": "the name of a drug or vehicle",
                        "dose_unit": "a unit, like mg/kg",
                        "route": "a route, like s.c.",
                    }[column],
                    "Check whether two columns are swapped.",
                )
            )
    slips, warnings = _drugs_alike(file, animals)
    problems += slips
    warnings += [slip for slip, *_ in _alike(file, animals, "animal_id")]
    groups = assign_groups(animals)
    groups.index = animals.index
    for group, rows in groups.groupby("group", sort=False):
        if len(rows) == 1 and len(animals) > groups["group"].nunique():
            warnings.append(
                Problem(
                    file,
                    f"row {rows.index[0]}",
                    f"one animal alone in group '{group}'",
                    "several animals in every group",
                    "Nothing can be tested with one. Check drug, dose, unit and route of the row.",
                )
            )
    weights = animals["weight_g"]
    odd = animals.index[(weights < _LIGHTEST_G) | (weights > _HEAVIEST_G)]
    warnings += [
        Problem(
            file,
            f"row {line}, column weight_g",
            f"{weights[line]:g}",
            f"a weight in g, from {_LIGHTEST_G:g} to {_HEAVIEST_G:g}",
            "Check for swapped columns, and kg in place of g.",
        )
        for line in odd
    ]
    return problems, warnings


def _drugs_alike(file: str, animals: pd.DataFrame) -> Found:
    """Drugs whose names are nearly the same: a slip makes a group of its own.

    It is one where only case and marks differ, or where one animal alone has the odd name; two
    drugs with several animals each may be called nearly alike.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for slip, rare, usual in _alike(file, animals, "drug"):
        lone = (animals["drug"] == rare).sum() == 1 and (animals["drug"] == usual).sum() > 1
        certain = lone or _bare(rare) == _bare(usual)
        (problems if certain else warnings).append(slip)
    return problems, warnings


def _alike(file: str, table: pd.DataFrame, column: str) -> list[tuple[Problem, str, str]]:
    """Names that differ so little that one may be a slip of the other, with both names."""
    counts = table[column].value_counts()
    names = list(dict.fromkeys(str(name) for name in table[column] if name))
    found = []
    for position, name in enumerate(names):
        for other in names[:position]:
            if not _one_slip(name, other):
                continue
            rare, usual = sorted((name, other), key=lambda word: int(counts[word]))
            line = table.index[table[column] == rare][0]
            slip = Problem(
                file,
                f"row {line}, column {column}",
                f"'{rare}', and '{usual}' in {counts[usual]} other "
                f"row{'s' if counts[usual] > 1 else ''}",
                "one spelling of every name",
                f"Did you mean '{usual}'?",
            )
            found.append((slip, rare, usual))
    return found


def _bare(name: str) -> str:
    """A name without case and marks, but for the sign of an enantiomer: (+)- and (-)-pindolol."""
    sign = _ENANTIOMER.search(name)
    bare = re.sub(r"[\W_]", "", name.casefold()).replace("ph", "f")  # amphetamine, amfetamine
    return (sign[1] or sign[2] if sign else "") + bare


def _one_slip(first: str, second: str) -> bool:
    """Whether two names are one but for case and marks, or for one letter of a long word."""
    bare = [_bare(first), _bare(second)]
    if bare[0] == bare[1]:
        return True
    short, long = sorted(bare, key=len)
    if len(short) < 6 or len(long) - len(short) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), None)
    place = len(short) if start is None else start
    changed = long[place : place + 1] + short[place : place + 1]
    # Names of a series differ in a figure or in their first letters: R01 and R02, (R)- and (S)-.
    if place < 2 or not changed.isalpha():
        return False
    tail = place + 1
    if len(short) == len(long):
        swapped = short[place : place + 2] == long[place : place + 2][::-1]
        return short[tail:] == long[tail:] or (swapped and short[tail + 1 :] == long[tail + 1 :])
    return short[place:] == long[tail:]


def odd_samples(config: Config, tables: Tables, shown: str) -> Found:
    """Animals without samples, samples that are none, fractions of odd length, vials used twice."""
    injections = tables["injections"]
    made = len(injections) and (injections["run"] == "").all()
    file = f"{shown}/{'concentrations' if made else 'injections'}.csv"
    samples = injections[injections["type"] == "sample"]
    if len(injections) and not len(samples):
        # A calibration alone may be run as far as its concentrations.
        return [], [
            Problem(
                file,
                "column type",
                "no sample",
                "at least one sample of every animal",
                "Without any, the study can be run up to 'quantify' and no further.",
            )
        ]
    owner = dict(zip(tables["probes"]["probe_id"], tables["probes"]["animal_id"], strict=True))
    sampled = set(samples["animal_id"]) | {owner.get(probe, "") for probe in samples["probe_id"]}
    warnings = [
        Problem(
            f"{shown}/animals.csv",
            f"row {row.Index}, column animal_id",
            f"'{row.animal_id}', of which there is no sample",
            "at least one sample of every animal",
            f"Add its samples to {file.rpartition('/')[2]}, or remove the row.",
        )
        for row in tables["animals"].itertuples()
        if row.animal_id not in sampled
    ]
    only = only_probe_of(tables["probes"])
    probed = set(samples["probe_id"]) | {only.get(animal, "") for animal in samples["animal_id"]}
    warnings += [
        Problem(
            f"{shown}/probes.csv",
            f"row {row.Index}, column probe_id",
            f"'{row.probe_id}', of which there is no sample",
            "at least one sample of every probe",
            f"Add its samples to {file.rpartition('/')[2]}, or remove the row.",
        )
        for row in tables["probes"].itertuples()
        if row.probe_id not in probed and row.animal_id in sampled
    ]
    problems = _reinjections(file, injections, tables["probes"])
    others = injections[injections["type"] != "sample"]
    for row in others.itertuples():
        counted = not pd.isna(row.fraction)
        if row.animal_id or row.probe_id or counted:
            named = [f"'{row.animal_id or row.probe_id}'"] if row.animal_id or row.probe_id else []
            named += [f"fraction {row.fraction}"] if counted else []
            # A standard may be dialysed by an animal's probe; a numbered fraction is a sample.
            (problems if counted else warnings).append(
                Problem(
                    file,
                    f"row {row.Index}, column type",
                    f"'{row.type}' with {', '.join(named)}",
                    "no animal, probe or fraction but for samples",
                    "Set the type to sample, or empty those cells.",
                )
            )
    warnings += _odd_lengths(file, samples)
    warnings += _vials_twice(file, samples)
    drawn = samples[samples["inj_uL"] > samples["volume_uL"]]
    for row in drawn.itertuples():
        # Acid or buffer in the vial may make more of it, but not that much.
        impossible = row.inj_uL > _DILUTED * row.volume_uL and not row.dilution > 1
        (problems if impossible else warnings).append(
            Problem(
                file,
                f"row {row.Index}, column inj_uL",
                f"{row.inj_uL:g} µL of a sample of {row.volume_uL:g} µL",
                "no more than there was in the vial",
            )
        )
    return problems, warnings


def _reinjections(file: str, injections: pd.DataFrame, probes: pd.DataFrame) -> list[Problem]:
    only = only_probe_of(probes)
    vial_of = {
        row.injection_id: (
            row.type,
            row.probe_id or only.get(row.animal_id, row.animal_id),
            None if pd.isna(row.fraction) else int(row.fraction),
        )
        for row in injections.itertuples()
    }
    problems = []
    for row in injections[injections["reinjection_of"] != ""].itertuples():
        first = row.reinjection_of
        if first == row.injection_id:
            found = f"'{first}', the injection itself"
        elif first in vial_of and vial_of[first] != vial_of[row.injection_id]:
            kind, probe, fraction = vial_of[first]
            vial = f"fraction {fraction} of {probe}" if kind == "sample" else f"a {kind}"
            found = f"'{first}', which is {vial}"
        else:
            continue
        problems.append(
            Problem(
                file,
                f"row {row.Index}, column reinjection_of",
                found,
                "the first injection of the same vial: same animal, probe and fraction",
            )
        )
    return problems


def _odd_lengths(file: str, samples: pd.DataFrame) -> list[Problem]:
    lengths = (samples["end_min"] - samples["start_min"]).dropna()
    if len(lengths) < 3:
        return []
    usual = float(lengths.median())
    odd = lengths[(lengths > _LENGTH_FACTOR * usual) | (lengths < usual / _LENGTH_FACTOR)]
    odd = odd[odd > 0]
    if len(odd) > _FEW * len(lengths):
        return []
    return [
        Problem(
            file,
            f"row {line}, columns start_min, end_min",
            f"a fraction of {length:g} min, while others are {usual:g} min",
            "fractions of similar length",
            "Check both times.",
        )
        for line, length in odd.items()
    ]


def _vials_twice(file: str, samples: pd.DataFrame) -> list[Problem]:
    """Two samples in one place of the tray; a tray that is filled again has all places twice."""
    first = samples[(samples["reinjection_of"] == "") & (samples["vial"] != "")]
    warnings = []
    for _, in_run in first.groupby("run", sort=False):
        again = in_run[in_run.duplicated("vial")]
        if len(again) > _FEW * len(in_run):
            continue
        for row in again.itertuples():
            before = in_run[in_run["vial"] == row.vial].index[0]
            warnings.append(
                Problem(
                    file,
                    f"row {row.Index}, column vial",
                    f"vial '{row.vial}' again (first in row {before})",
                    "a vial of its own for every sample of a run",
                    "If the vial was injected again, name the first injection in reinjection_of.",
                )
            )
    return warnings


def odd_standards(config: Config, tables: Tables, shown: str) -> Found:
    """Standards without amounts, runs without standards, too few levels, amounts that can't be."""
    if config is None or not quantifies(config["ingest"]["start"]):
        return [], []
    standards = tables["standards"]
    calibration = config["quantify"]["calibration"]
    if calibration == "none" or not len(standards):
        return [], []
    file = f"{shown}/standards.csv"
    injections = tables["injections"]
    warnings = []
    told = set(standards["injection_id"])
    untold = injections[(injections["type"] == "standard") & ~injections["injection_id"].isin(told)]
    if len(untold):
        warnings.append(
            Problem(
                file,
                "column injection_id",
                f"no row of {len(untold)} standards of injections.csv "
                f"({shortened(list(untold['injection_id']), 3)})",
                "the amounts of every standard",
                "Add their rows, or set another type in injections.csv.",
            )
        )
    problems, few = _standards_left(file, tables, config)
    slips, odd = _level_amounts(file, standards)
    return [*problems, *slips], [*warnings, *few, *odd]


def _standards_left(file: str, tables: Tables, config: Mapping[str, Any]) -> Found:
    """Runs whose samples get no concentrations; a problem when that is so for all of them.

    They have no calibrator of some analytes, or exclusions leave too few levels.  Calibrators of
    too few levels in the first place are looked at with the study's other checks.
    """
    least = int(config["quantify"]["min_levels"])
    injections = tables["injections"]
    run_of = dict(zip(injections["injection_id"], injections["run"], strict=True))
    rows = tables["standards"]
    fitted = rows[rows["role"].isin(["", "cal"]) & (rows["amount"] > 0)]
    fitted = fitted.assign(run=fitted["injection_id"].map(run_of))
    if config["quantify"]["pool"] == "runs":
        fitted = fitted.assign(run="")
    left_out = tables["exclusions"]
    gone = set(left_out.loc[(left_out["level"] == "injection"), "id"])
    places = ["run", "analyte"]
    before = fitted.groupby(places)["amount"].nunique()
    after = fitted[~fitted["injection_id"].isin(gone)].groupby(places)["amount"].nunique()
    internal = set(internal_standards(tables["analytes"]))
    names = [name for name in dict.fromkeys(tables["analytes"]["analyte"]) if name not in internal]
    samples = injections[injections["type"] == "sample"]
    found = []
    nothing = True
    for run in dict.fromkeys(samples["run"]):
        key = run if config["quantify"]["pool"] != "runs" else ""
        n = {name: int(after.get((key, name), 0)) for name in names}
        short = {name for name in names if 0 < int(before.get((key, name), 0)) < least}
        few = [name for name in names if n[name] < least and name not in short]
        nothing = nothing and not any(n.values())
        if not few:
            continue
        of = "" if len(few) == len(names) else f" for {shortened(few, 3)}"
        left = sorted({n[name] for name in few})
        found.append(
            Problem(
                file,
                f"run {run}",
                f"no standards of run {run}{of}"
                if left == [0]
                else f"standards of {_from_to(left, 'amount')} left of run {run}{of}",
                f"at least {least} amounts above 0 (quantify.min_levels) in every run with samples",
                "Without them the run's samples have no concentrations.",
            )
        )
    return (found, []) if nothing else ([], found)


def _from_to(numbers: Sequence[int], noun: str) -> str:
    first, last = numbers[0], numbers[-1]
    return counted(first, noun) if first == last else f"{first} to {last} {noun}s"


def _level_amounts(file: str, standards: pd.DataFrame) -> Found:
    """Amounts that contradict the name of their level, or the other amounts of the analyte."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    named = standards[standards["level"] != ""]
    by_unit = standards["unit"].value_counts()
    levels = [rows for _, rows in named.groupby(["analyte", "level"], sort=False) if len(rows) > 1]
    odd = [rows for rows in levels if len(rows[["amount", "unit"]].drop_duplicates()) > 1]
    # A lab that names levels anew in every run has many such levels, and means it.
    for rows in odd if len(odd) <= max(1, _FEW * len(levels)) else []:
        pairs = list(zip(rows["amount"], rows["unit"], strict=True))
        usual = max(dict.fromkeys(pairs), key=lambda pair: (pairs.count(pair), by_unit[pair[1]]))
        line = next(line for line, pair in zip(rows.index, pairs, strict=True) if pair != usual)
        first = rows.index[pairs.index(usual)]
        amount, unit = rows.loc[line, ["amount", "unit"]]
        of = f"of {rows['analyte'].iloc[0]} for level '{rows['level'].iloc[0]}'"
        if unit == usual[1]:
            low, high = sorted((amount, usual[0]))
            slip = high > _SAME_LEVEL * low
            (problems if slip else warnings).append(
                Problem(
                    file,
                    f"row {line}, column amount",
                    f"{amount:g} {unit} {of}",
                    f"{usual[0]:g} {usual[1]}, as in row {first}",
                    "Mend one of the amounts, or give the level another name.",
                )
            )
        elif amount == usual[0]:
            problems.append(
                Problem(
                    file,
                    f"row {line}, column unit",
                    f"{amount:g} {unit} {of}",
                    f"{usual[0]:g} {usual[1]}, as in row {first}",
                    "Mend one of the units, or give the level another name.",
                )
            )
    told = {problem.where.partition(",")[0] for problem in problems}
    for analyte, rows in standards[standards["amount"] > 0].groupby("analyte", sort=False):
        units = rows["unit"].value_counts()
        if len(units) > 1 and units.iloc[-1] <= _FEW * len(rows):
            line = rows.index[rows["unit"] == units.index[-1]][0]
            if f"row {line}" in told:
                continue
            warnings.append(
                Problem(
                    file,
                    f"row {line}, column unit",
                    f"'{units.index[-1]}' of {analyte}",
                    f"'{units.index[0]}', as in {units.iloc[0]} other rows",
                    "Check the unit.",
                )
            )
        elif len(units) == 1 and rows["amount"].max() > _WIDEST_RANGE * rows["amount"].min():
            line = rows["amount"].idxmax()
            warnings.append(
                Problem(
                    file,
                    f"row {line}, column amount",
                    f"{rows['amount'].max():g} {units.index[0]} of {analyte}, "
                    f"{rows['amount'].max() / rows['amount'].min():.0f} times the smallest",
                    f"amounts within a factor of {_WIDEST_RANGE:g}",
                    "Check amount and unit.",
                )
            )
    return problems, warnings


def odd_doses(config: Config, tables: Tables, shown: str) -> Found:
    """Doses that animals.csv gives otherwise, and animals without a dose."""
    doses = tables["doses"]
    if not len(doses):
        return [], []
    file = f"{shown}/doses.csv"
    animals = tables["animals"].set_index("animal_id")
    problems: list[Problem] = []
    warnings: list[Problem] = []
    events = doses.groupby(["animal_id", "drug"]).size()
    for row in doses.itertuples():
        if row.animal_id not in animals.index:
            continue
        own = animals.loc[row.animal_id]
        if row.drug == own["drug"] and row.dose != own["dose"] and row.unit == own["dose_unit"]:
            # Of rising doses animals.csv has the first, the last or the sum; a single one may be
            # that which was given, and animals.csv has the nominal one.
            low, high = sorted((row.dose, own["dose"]))
            slip = events[row.animal_id, row.drug] == 1 and high > _SAME_DOSE * low
            (problems if slip else warnings).append(
                Problem(
                    file,
                    f"row {row.Index}, column dose",
                    f"{row.dose:g} {row.unit} {row.drug} for {row.animal_id}".replace("  ", " "),
                    f"{own['dose']:g}, as in animals.csv",
                    "The group is that of animals.csv. Mend one of the two.",
                )
            )
    return problems, warnings


def odd_exclusions(config: Config, tables: Tables, shown: str) -> Found:
    """Groups that nothing is left of."""
    left_out = tables["exclusions"]
    gone = set(left_out.loc[(left_out["level"] == "animal") & (left_out["analyte"] == ""), "id"])
    if not gone:
        return [], []
    groups = assign_groups(tables["animals"])
    warnings = []
    for group, rows in groups.groupby("group", sort=False):
        if set(rows["animal_id"]) <= gone:
            control = bool(rows["is_control"].iloc[0])
            warnings.append(
                Problem(
                    f"{shown}/exclusions.csv",
                    "level animal",
                    f"all {len(rows)} animals of group '{group}'",
                    "at least one animal of every group that is compared",
                    "It is the control of other groups, which can't be compared then."
                    if control
                    else "",
                )
            )
    return [], warnings


PLAUSIBILITY: tuple[tuple[Callable[[Config, Tables, str], Found], tuple[str, ...]], ...] = (
    (odd_animals, ("animals",)),
    (odd_samples, ("injections", "animals", "probes")),
    (odd_standards, ("standards", "injections", "analytes", "exclusions")),
    (odd_doses, ("doses", "animals")),
    (odd_exclusions, ("exclusions", "animals")),
)
