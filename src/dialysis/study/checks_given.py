"""Check areas and concentrations that other software computed."""

from __future__ import annotations

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.checks_shared import (
    Config,
    Found,
    Tables,
    analyte_problems,
    start_of,
    unknown,
)
from dialysis.study.given import read_concentration
from dialysis.study.start import AREAS, CONCENTRATIONS
from dialysis.words import shortened


def check_areas(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with areas of other software."""
    file = f"{shown}/areas.csv"
    areas = tables["areas"]
    if config is None or start_of(config) != AREAS:
        return [], []
    injections = tables["injections"]
    analytes = tables["analytes"]
    ids = dict.fromkeys(injections["injection_id"])
    names = dict.fromkeys(analytes["analyte"])
    problems = []
    for row in areas.itertuples():
        if row.injection_id not in ids:
            problems.append(
                unknown(file, row.Index, "injection_id", row.injection_id, ids, "injections.csv")
            )
        if row.analyte not in names:
            problems.append(unknown(file, row.Index, "analyte", row.analyte, names, "analytes.csv"))
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


def check_concentrations(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with concentrations of other software."""
    file = f"{shown}/concentrations.csv"
    given = tables["concentrations"]
    if config is None or start_of(config) != CONCENTRATIONS:
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
        problems += analyte_problems(file, row, analytes, "Fill in mw.")
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
