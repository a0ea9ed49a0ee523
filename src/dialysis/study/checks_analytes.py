"""Check analytes, standards and limits of detection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.checks_shared import (
    Config,
    Found,
    Tables,
    analyte_problems,
    empty_cells,
    start_of,
    unknown,
)
from dialysis.study.outcomes import (
    analytes_of_run,
    internal_standards,
)
from dialysis.study.start import AREAS, CONCENTRATIONS, VENDOR_PEAKS, quantifies, reads_exports
from dialysis.tables.inputs import AMOUNT_UNITS
from dialysis.words import shortened

ON_COLUMN_UNITS = ("fmol", "pmol", "nmol", "pg", "ng")


def check_analytes(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with the analytes: references, windows, channels, molar masses."""
    file = f"{shown}/analytes.csv"
    analytes = tables["analytes"]
    runs = list(dict.fromkeys(tables["injections"]["run"]))
    names = list(dict.fromkeys(analytes["analyte"]))
    problems = []
    if reads_exports(start_of(config)):
        problems += empty_cells(file, analytes, ("rt_min", "window_min"))
    for row in analytes.itertuples():
        if row.run and row.run not in runs:
            problems.append(unknown(file, row.Index, "run", row.run, runs, "injections.csv"))
        standard = row.internal_standard
        if standard not in ("", "none", "itself") and standard not in names:
            problems.append(
                unknown(file, row.Index, "internal_standard", standard, names, "analytes.csv")
            )
        given = (
            config is not None
            and config["quantify"]["limits"]["method"] == "given"
            and config["quantify"]["calibration"] != "none"
            and quantifies(start_of(config))
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


def check_standards(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with the standards: injections, analytes, levels and units."""
    file = f"{shown}/standards.csv"
    standards = tables["standards"]
    if start_of(config) == CONCENTRATIONS:
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
                unknown(file, row.Index, "injection_id", row.injection_id, types, "injections.csv")
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
        problems += analyte_problems(file, row, analytes, salt)
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


def check_limits(config: Config, tables: Tables, shown: str) -> Found:
    """Limits by signal-to-noise need traces."""
    if config is None or start_of(config) not in (VENDOR_PEAKS, AREAS):
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
