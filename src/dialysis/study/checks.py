"""Check a study's configuration and tables against each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.config import did_you_mean
from dialysis.study.events import event_problems
from dialysis.study.given import MASS_UNITS, only_probe_of, read_concentration
from dialysis.study.groups import assign_groups
from dialysis.study.outcomes import (
    analytes_of_run,
    internal_standards,
    study_outcomes,
    study_regions,
)
from dialysis.study.plausibility import PLAUSIBILITY
from dialysis.study.start import AREAS, CONCENTRATIONS, VENDOR_PEAKS, quantifies, reads_exports
from dialysis.tables.inputs import AMOUNT_UNITS, EVERY_INJECTION
from dialysis.words import shortened

Tables = Mapping[str, pd.DataFrame]
Config = Mapping[str, Any] | None
Found = tuple[list[Problem], list[Problem]]

ON_COLUMN_UNITS = ("fmol", "pmol", "nmol", "pg", "ng")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_study(
    config: Mapping[str, Any] | None,
    tables: Tables,
    shown: str,
    broken: Collection[str] = (),
) -> tuple[list[Problem], list[Problem]]:
    """List what is wrong between the tables, and what is only odd.

    A check is made when all the tables it looks at could be read, so that one mistake is not
    reported several times, and every mistake that can be seen is reported.

    Parameters
    ----------
    config : mapping or None
        Sections of study.yaml with defaults; ``None`` when it has problems of its own.
    tables : mapping of str to DataFrame
        Input tables whose index is the line in the file.
    shown : str
        Folder as named in messages, ``config/<study>``.
    broken : collection of str
        Names of tables with problems of their own.

    Returns
    -------
    problems, warnings : list of Problem
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for check, needs in _CHECKS:
        blocking = set(needs) & set(broken)
        # Cells of standards.csv that can't be read hide no other mistake of it.
        if blocking == {"standards"} and len(tables["standards"]):
            blocking = set()
        if not blocking:
            found, odd = check(config, tables, shown)
            problems += found
            warnings += odd
    for look, needs in PLAUSIBILITY:
        if not set(needs) & set(broken):
            found, odd = look(config, tables, shown)
            problems += found
            warnings += odd
    return problems, warnings


def _start(config: Config) -> str:
    """What the study starts from; empty when study.yaml has problems of its own."""
    return str(config["ingest"]["start"]) if config is not None else ""


def _file_of_injections(tables: Tables, shown: str) -> str:
    """The table the injections are from; those made of concentrations.csv belong to no run."""
    injections = tables["injections"]
    made = len(injections) and (injections["run"] == "").all()
    return f"{shown}/{'concentrations' if made else 'injections'}.csv"


def _unknown(
    file: str, line: object, column: str, found: str, known: Iterable[str], what: str
) -> Problem:
    names = [str(name) for name in known]
    hint = did_you_mean(found, names) or f"Add it to {what}, or mend the name here."
    if found.isdecimal() and any(n.isdecimal() and int(n) == int(found) for n in names):
        hint += " A spreadsheet takes zeros at the beginning away: format the cells as text."
    return Problem(
        file,
        f"row {line}, column {column}",
        f"'{found}', which is not in {what}",
        f"one of its {len(names)} names",
        hint,
    )


def _analyte_problems(file: str, row: Any, analytes: pd.DataFrame, remedy: str) -> list[Problem]:
    """Whether the analyte of a row is known, with a molar mass where the row's unit needs one."""
    if row.analyte not in analytes.index:
        return [_unknown(file, row.Index, "analyte", row.analyte, analytes.index, "analytes.csv")]
    if row.unit not in MASS_UNITS or pd.notna(analytes.loc[row.analyte, "mw"]):
        return []
    return [
        Problem(
            file,
            f"row {row.Index}, column unit",
            f"'{row.unit}' for {row.analyte}, which has no mw in analytes.csv",
            "a molar mass to convert mass to amount",
            remedy,
        )
    ]


def _check_animals(config: Config, tables: Tables, shown: str) -> Found:
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


def _check_probes(config: Config, tables: Tables, shown: str) -> Found:
    known = list(tables["animals"]["animal_id"])
    problems = [
        _unknown(f"{shown}/probes.csv", line, "animal_id", str(animal), known, "animals.csv")
        for line, animal in tables["probes"]["animal_id"].items()
        if animal not in known
    ]
    return problems, []


def _check_analytes(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/analytes.csv"
    analytes = tables["analytes"]
    runs = list(dict.fromkeys(tables["injections"]["run"]))
    names = list(dict.fromkeys(analytes["analyte"]))
    problems = []
    if reads_exports(_start(config)):
        problems += _empty_cells(file, analytes, ("rt_min", "window_min"))
    for row in analytes.itertuples():
        if row.run and row.run not in runs:
            problems.append(_unknown(file, row.Index, "run", row.run, runs, "injections.csv"))
        standard = row.internal_standard
        if standard not in ("", "none", "itself") and standard not in names:
            problems.append(
                _unknown(file, row.Index, "internal_standard", standard, names, "analytes.csv")
            )
        given = (
            config is not None
            and config["quantify"]["limits"]["method"] == "given"
            and config["quantify"]["calibration"] != "none"
            and quantifies(_start(config))
        )
        if given and pd.isna(row.lod):
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column lod",
                    "nothing",
                    "a limit of detection, because quantify.limits.method is 'given'",
                )
            )
    placed = analytes.dropna(subset=["rt_min", "window_min"])
    own = dict.fromkeys(name for name in placed["run"] if name in runs)
    in_force = [placed[placed["run"] == ""], *(analytes_of_run(placed, name) for name in own)]
    windows = [rows for part in in_force for _, rows in part.groupby("channel", sort=False)]
    for rows in windows:
        ordered = rows.sort_values("rt_min")
        previous = None
        for row in ordered.itertuples():
            if previous is not None:
                previous_end = previous.rt_min + previous.window_min
                start = row.rt_min - row.window_min
                if start < previous_end - 1e-9:
                    problems.append(
                        Problem(
                            file,
                            f"row {row.Index}, column window_min",
                            f"{row.analyte} from {start:g} min, while {previous.analyte} "
                            f"(row {previous.Index}) lasts to {previous_end:g} min",
                            "windows rt_min ± window_min that don't overlap on a channel",
                            "Narrow one of the two windows.",
                        )
                    )
            previous = row
    return list(dict.fromkeys(problems)), []


def _empty_cells(file: str, table: pd.DataFrame, columns: Iterable[str]) -> list[Problem]:
    """Cells that must be filled for exports to be read; a column without any is one problem."""
    problems = []
    for name in columns:
        cells = table[name]
        empty = cells.isna() | (cells == "").fillna(False)
        if len(cells) and empty.all():
            expected = f"a value in every row, because exports are read ({_OTHER_STARTS})"
            problems.append(Problem(file, f"column {name}", "nothing", expected))
        else:
            problems += [
                Problem(file, f"row {line}, column {name}", "nothing", "a value")
                for line in cells.index[empty]
            ]
    return problems


_OTHER_STARTS = "unless ingest.start is areas or concentrations"


def _check_injections(config: Config, tables: Tables, shown: str) -> Found:
    file = _file_of_injections(tables, shown)
    injections = tables["injections"]
    animals = list(tables["animals"]["animal_id"])
    probes = list(tables["probes"]["probe_id"])
    probe_owner = dict(
        zip(tables["probes"]["probe_id"], tables["probes"]["animal_id"], strict=True)
    )
    ids = list(injections["injection_id"])
    problems = []
    if reads_exports(_start(config)):
        problems += _empty_cells(file, injections, ["injection_file"])
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
                _unknown(file, row.Index, "animal_id", row.animal_id, animals, "animals.csv")
            )
        if row.probe_id and row.probe_id not in probes:
            problems.append(
                _unknown(file, row.Index, "probe_id", row.probe_id, probes, "probes.csv")
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
                _unknown(
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


def _check_fractions(config: Config, tables: Tables, shown: str) -> Found:
    file = _file_of_injections(tables, shown)
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


def _check_standards(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/standards.csv"
    standards = tables["standards"]
    if _start(config) == CONCENTRATIONS:
        odd = Problem(
            file, "", "standards", "none, because concentrations are given", "They are not used."
        )
        return [], [odd] if len(standards) else []
    injections = tables["injections"]
    types = dict(zip(injections["injection_id"], injections["type"], strict=True))
    volumes = dict(zip(injections["injection_id"], injections["inj_uL"], strict=True))
    analytes = tables["analytes"].drop_duplicates("analyte").set_index("analyte")
    quantify = config["quantify"] if config is not None else None
    problems = []
    for row in standards.itertuples():
        if row.injection_id not in types:
            problems.append(
                _unknown(file, row.Index, "injection_id", row.injection_id, types, "injections.csv")
            )
        elif types[row.injection_id] == "sample":
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column injection_id",
                    f"'{row.injection_id}', a sample in injections.csv",
                    "a standard, blank or qc",
                    "Mend its type or remove the row.",
                )
            )
        salt = "Fill in mw (and salt_mw when a salt was weighed)."
        problems += _analyte_problems(file, row, analytes, salt)
        by_volume = row.unit in AMOUNT_UNITS and row.unit not in ON_COLUMN_UNITS
        no_default = quantify is not None and quantify["inj_uL"] is None
        if by_volume and no_default and pd.isna(volumes.get(row.injection_id)):
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column unit",
                    f"'{row.unit}' for an injection without a volume",
                    "inj_uL in injections.csv or quantify.inj_uL in study.yaml",
                )
            )
    if quantify is not None and len(standards) and quantify["calibration"] != "none":
        problems += _no_volume(injections, quantify, shown)
    for analyte, rows in standards.groupby("analyte", sort=False):
        bases = {unit in ON_COLUMN_UNITS for unit in rows["unit"] if unit in AMOUNT_UNITS}
        if len(bases) > 1:
            problems.append(
                Problem(
                    file,
                    f"row {rows.index[0]}, column unit",
                    f"{analyte} both as an amount and as a concentration",
                    "one basis for all standards of an analyte",
                )
            )
    if quantify is None:
        return problems, []
    if quantify["calibration"] != "none":
        problems += _few_levels(file, standards, injections, set(analytes.index), quantify)
    if quantify["preservative_uL"] > 0 and quantify["dilution"] != 1:
        problems.append(
            Problem(
                f"{shown}/study.yaml",
                "quantify.preservative_uL, quantify.dilution",
                f"{quantify['preservative_uL']:g} and {quantify['dilution']:g}",
                "one of the two, because either gives the dilution of the samples' vials",
            )
        )
    if not len(standards) and quantify["calibration"] != "none":
        problems.append(
            Problem(
                file,
                "",
                "no standards",
                "standards, because areas are to be calibrated",
                "Add the table, or set quantify.calibration: none in study.yaml to work "
                "on uncalibrated responses.",
            )
        )
    if len(standards) and quantify["calibration"] == "internal_standard":
        internal = tables["analytes"]["internal_standard"]
        if not internal_standards(tables["analytes"]):
            problems.append(
                Problem(
                    f"{shown}/analytes.csv",
                    "column internal_standard",
                    f"{len(internal)} times none",
                    "an internal standard, because quantify.calibration is 'internal_standard'",
                )
            )
    return problems, []


def _no_volume(injections: pd.DataFrame, quantify: Mapping[str, Any], shown: str) -> list[Problem]:
    """Samples of unknown injected volume, which get no concentration; one problem for all."""
    samples = injections[injections["type"] == "sample"]
    unknown = samples.index[samples["inj_uL"].isna()]
    if quantify["inj_uL"] is not None or not len(unknown):
        return []
    expected = "the injected volume, µL, without which there are no concentrations"
    if len(unknown) == len(samples):
        found = "nothing, and no sample with inj_uL in injections.csv"
        return [Problem(f"{shown}/study.yaml", "quantify.inj_uL", found, expected)]
    rows = shortened([f"row {line}" for line in unknown], 3)
    return [Problem(f"{shown}/injections.csv", f"{rows}, column inj_uL", "nothing", expected)]


def _few_levels(
    file: str,
    standards: pd.DataFrame,
    injections: pd.DataFrame,
    known_analytes: Collection[str],
    quantify: Mapping[str, Any],
) -> list[Problem]:
    """Analytes with calibrators of fewer levels than the configuration asks for.

    A run without any calibrator of an analyte is not listed: its calibration fails for that
    reason, and the others go on.
    """
    needed = int(quantify["min_levels"])
    known = injections[["injection_id", "run", "type"]].drop_duplicates("injection_id")
    rows = standards.assign(line=standards.index).merge(known, on="injection_id")
    fitted = (rows["role"] == "cal") | ((rows["role"] == "") & (rows["type"] != "qc"))
    # An amount that can't be read may be a level.
    unknown = int((~rows["analyte"].isin(known_analytes)).sum())
    rows = rows[fitted & ((rows["amount"] > 0) | rows["amount"].isna())]
    pooled = quantify["pool"] == "runs"
    problems = []
    for name, own in rows.groupby(["analyte"] if pooled else ["analyte", "run"], sort=False):
        levels = list(dict.fromkeys(zip(own["amount"], own["unit"], strict=True)))
        # A row whose analyte is misspelt may be one of its levels.
        if len(levels) + unknown >= needed or name[0] not in known_analytes:
            continue
        shown = ", ".join(f"{amount:g} {unit}" for amount, unit in levels)
        where = f"row {own['line'].iloc[0]}, {name[0]}"
        problems.append(
            Problem(
                file,
                where if pooled else f"{where} in run {name[1]}",
                f"calibrators of {len(levels)} different amounts above 0 ({shown})",
                f"at least {needed} (quantify.min_levels)",
                "Add levels, or say in study.yaml that fewer are meant: quantify.min_levels: "
                f"{len(levels)}"
                + (", with quantify.through_zero: true." if len(levels) == 1 else "."),
            )
        )
    return problems


def _check_areas(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/areas.csv"
    areas = tables["areas"]
    if config is None or _start(config) != AREAS:
        return [], []
    injections = tables["injections"]
    analytes = tables["analytes"]
    ids = dict.fromkeys(injections["injection_id"])
    names = dict.fromkeys(analytes["analyte"])
    problems = []
    for row in areas.itertuples():
        if row.injection_id not in ids:
            problems.append(
                _unknown(file, row.Index, "injection_id", row.injection_id, ids, "injections.csv")
            )
        if row.analyte not in names:
            problems.append(
                _unknown(file, row.Index, "analyte", row.analyte, names, "analytes.csv")
            )
    for row in analytes.drop_duplicates(["analyte", "response"]).itertuples():
        column = row.response or "area"
        other = "height" if column == "area" else "area"
        own = areas[areas["analyte"] == row.analyte]
        if not len(own):
            problems.append(
                Problem(
                    file,
                    "column analyte",
                    f"no row of {row.analyte}",
                    "at least one for every analyte of analytes.csv",
                )
            )
        elif own[column].isna().all() and own[other].notna().any():
            problems.append(
                Problem(
                    file,
                    f"column {column}",
                    f"nothing for {row.analyte}, but values in column {other}",
                    f"{column}s, because analytes.csv quantifies it by {column}",
                    f"Fill them in, or set response to {other} in analytes.csv.",
                )
            )
    unmeasured = injections[
        ~injections["injection_id"].isin(areas["injection_id"]) & (injections["type"] != "blank")
    ]
    warnings = []
    if len(unmeasured):
        warnings.append(
            Problem(
                file,
                "column injection_id",
                f"no row of {len(unmeasured)} of {len(injections)} injections "
                f"({shortened(list(unmeasured['injection_id']), 3)})",
                "a row for every analyte of every injection",
                "Without one the analyte counts as not measured; an empty area is a peak that was "
                "not found.",
            )
        )
    return problems, warnings


def _check_concentrations(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/concentrations.csv"
    given = tables["concentrations"]
    if config is None or _start(config) != CONCENTRATIONS:
        return [], []
    analytes = tables["analytes"].drop_duplicates("analyte").set_index("analyte")
    problems = []
    for row in given.itertuples():
        try:
            _, limit, censored = read_concentration(row.concentration, row.lod)
        except ValueError as error:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column concentration",
                    f"'{row.concentration}'",
                    str(error),
                )
            )
        else:
            if censored and pd.isna(limit):
                problems.append(
                    Problem(
                        file,
                        f"row {row.Index}, column lod",
                        f"nothing, with the concentration '{row.concentration}'",
                        "the limit of detection, or the concentration as <number",
                    )
                )
        problems += _analyte_problems(file, row, analytes, "Fill in mw.")
    for (name, analyte), rows in given.groupby(["injection_id", "analyte"], sort=False):
        if len(rows) > 1:
            problems.append(
                Problem(
                    file,
                    f"row {rows.index[1]}",
                    f"{analyte} of sample {name} again (first in row {rows.index[0]})",
                    "one concentration for each analyte of a sample",
                )
            )
    for analyte in analytes.index:
        if not (given["analyte"] == analyte).any():
            problems.append(
                Problem(
                    file,
                    "column analyte",
                    f"no row of {analyte}",
                    "at least one for every analyte of analytes.csv",
                )
            )
    return problems, []


def _check_limits(config: Config, tables: Tables, shown: str) -> Found:
    """Limits by signal-to-noise need traces."""
    if config is None or _start(config) not in (VENDOR_PEAKS, AREAS):
        return [], []
    method = config["quantify"]["limits"]["method"]
    if method not in ("snr_usp", "snr_sigma") or config["quantify"]["calibration"] == "none":
        return [], []
    odd = Problem(
        f"{shown}/study.yaml",
        "quantify.limits.method",
        f"'{method}', though other software's areas come without noise",
        "regression or given",
        "There will be no limits of detection, and no value can count as below them.",
    )
    return [], [odd]


def _check_doses(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/doses.csv"
    known = list(tables["animals"]["animal_id"])
    problems = []
    for row in tables["doses"].itertuples():
        if row.animal_id not in known:
            problems.append(
                _unknown(file, row.Index, "animal_id", row.animal_id, known, "animals.csv")
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


def _check_exclusions(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/exclusions.csv"
    injections = tables["injections"]
    samples = injections[injections["type"] == "sample"]
    probes = set(tables["probes"]["probe_id"])
    fractions = {
        f"{name}:{row.fraction}"
        for row in samples.assign(probe=probe_of_injections(samples, tables["probes"])).itertuples()
        for name in {row.probe, row.animal_id}
        if name and not pd.isna(row.fraction)
    }
    known: dict[str, tuple[set[str], str]] = {
        "injection": (set(injections["injection_id"]), "injections.csv"),
        "peak": (set(injections["injection_id"]), "injections.csv"),
        "fraction": (fractions, "injections.csv"),
        "probe": (probes or set(tables["animals"]["animal_id"]), "probes.csv"),
        "animal": (set(tables["animals"]["animal_id"]), "animals.csv"),
    }
    analytes = set(tables["analytes"]["analyte"])
    problems = []
    for row in tables["exclusions"].itertuples():
        names, table = known[row.level]
        if row.id not in names:
            problems.append(_unknown(file, row.Index, "id", row.id, sorted(names), table))
        if row.level == "peak" and not row.analyte:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column analyte",
                    "nothing",
                    "the analyte whose peak is excluded",
                )
            )
        if row.analyte and row.analyte not in analytes:
            problems.append(
                _unknown(file, row.Index, "analyte", row.analyte, sorted(analytes), "analytes.csv")
            )
        if row.reason_code == "other" and not row.reason_text:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column reason_text",
                    "nothing",
                    "the reason in words, because reason_code is 'other'",
                )
            )
        problems += _check_date(file, row.Index, row.decided_on)
    return problems, []


def _check_events(config: Config, tables: Tables, shown: str) -> Found:
    file = f"{shown}/integration_events.csv"
    events = tables["integration_events"]
    injections = tables["injections"]
    ids = list(injections["injection_id"])
    runs = list(dict.fromkeys(injections["run"]))
    run_of = dict(zip(injections["injection_id"], injections["run"], strict=True))
    analytes = list(dict.fromkeys(tables["analytes"]["analyte"]))
    problems = []
    for row in events.itertuples():
        every = row.injection_id == EVERY_INJECTION
        if not every and row.injection_id not in ids:
            problems.append(
                _unknown(file, row.Index, "injection_id", row.injection_id, ids, "injections.csv")
            )
        elif not every and row.run and row.run != run_of[row.injection_id]:
            problems.append(
                Problem(
                    file,
                    f"row {row.Index}, column run",
                    f"'{row.run}' for {row.injection_id}, which is in {run_of[row.injection_id]}",
                    f"nothing, or '{EVERY_INJECTION}' in injection_id for all of a run",
                )
            )
        if every and row.run and row.run not in runs:
            problems.append(_unknown(file, row.Index, "run", row.run, runs, "injections.csv"))
        if row.analyte and row.analyte not in analytes:
            problems.append(
                _unknown(file, row.Index, "analyte", row.analyte, analytes, "analytes.csv")
            )
        problems += _check_date(file, row.Index, row.decided_on)
    for wrong in event_problems(events):
        columns = "columns" if "," in wrong.columns else "column"
        where = f"row {wrong.row}, {columns} {wrong.columns}"
        problems.append(Problem(file, where, wrong.found, wrong.expected, wrong.remedy))
    return problems, []


def _check_date(file: str, line: object, date: str) -> list[Problem]:
    if _ISO_DATE.fullmatch(date):
        return []
    return [Problem(file, f"row {line}, column decided_on", f"'{date}'", "a date as YYYY-MM-DD")]


def _check_outcomes(config: Config, tables: Tables, shown: str) -> Found:
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


_CHECKS: tuple[tuple[Callable[[Config, Tables, str], Found], tuple[str, ...]], ...] = (
    (_check_animals, ("animals",)),
    (_check_probes, ("animals", "probes")),
    (_check_analytes, ("analytes", "injections")),
    (_check_injections, ("injections", "animals", "probes")),
    (_check_fractions, ("injections", "probes")),
    (_check_standards, ("standards", "injections", "analytes")),
    (_check_doses, ("doses", "animals")),
    (_check_exclusions, ("exclusions", "injections", "probes", "animals", "analytes")),
    (_check_events, ("integration_events", "injections", "analytes")),
    (_check_areas, ("areas", "injections", "analytes")),
    (_check_concentrations, ("concentrations", "analytes")),
    (_check_limits, ()),
    (_check_outcomes, ("analytes", "probes")),
)
