"""Check what a person decided: exclusions and integration events."""

from __future__ import annotations

import re

import pandas as pd

from dialysis.errors import Problem
from dialysis.study.checks_injections import probe_of_injections
from dialysis.study.checks_shared import Config, Found, Tables, unknown
from dialysis.study.events import event_problems
from dialysis.tables.inputs import EVERY_INJECTION

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_exclusions(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with the exclusions: what they name, reasons and dates."""
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
            problems.append(unknown(file, row.Index, "id", row.id, sorted(names), table))
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
                unknown(file, row.Index, "analyte", row.analyte, sorted(analytes), "analytes.csv")
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


def check_events(config: Config, tables: Tables, shown: str) -> Found:
    """List what is wrong with integration events: what they name, times and dates."""
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
                unknown(file, row.Index, "injection_id", row.injection_id, ids, "injections.csv")
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
            problems.append(unknown(file, row.Index, "run", row.run, runs, "injections.csv"))
        if row.analyte and row.analyte not in analytes:
            problems.append(
                unknown(file, row.Index, "analyte", row.analyte, analytes, "analytes.csv")
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
