"""What a bundle of results is, in one record: the hash that names it, and what is compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from dialysis.files import canonical_json, csv_text
from dialysis.provenance import sha256_text
from dialysis.review.origins import flat_options
from dialysis.review.results import Results
from dialysis.tables import Table
from dialysis.tables.inputs import INPUT_TABLES
from dialysis.tables.integrate import PEAKS
from dialysis.tables.integrate import SUITABILITY as CHROMATOGRAPHY
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CALIBRATION, CONCENTRATIONS
from dialysis.tables.stats import OUTCOME_TABLES

# Not compared one by one: they say again what other tables say, value by value.
_NOT_COMPARED = ("residuals", "variogram")


def snapshot(results: Results, verdicts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Everything of a bundle that a later one is compared with.

    Parameters
    ----------
    results : Results
        The results.
    verdicts : dict
        Outcome to its status and the rules that fired.

    Returns
    -------
    dict
        ``config`` (option to value), ``code`` (stage to module to hash), ``data`` (export to
        sha256), ``inputs`` and ``results`` (table to CSV), ``verdicts`` and ``log`` (number of
        decisions).
    """
    return {
        "config": {
            f"{section}.{option}": value
            for section, options in results.config.items()
            for option, value in flat_options(options)
        },
        "code": {stage: dict(modules) for stage, modules in results.code.items()},
        "data": dict(zip(results.manifest["file"], results.manifest["sha256"], strict=True)),
        "inputs": {table.name: csv_text(results.tables[table.name]) for table in INPUT_TABLES},
        "results": {
            place: csv_text(_keyed(frame, table)) for place, table, frame in compared(results)
        },
        "verdicts": verdicts,
        "log": len(results.log),
    }


def bundle_hash(record: dict[str, Any]) -> str:
    """Name of a bundle: twelve digits of the SHA-256 of its record."""
    return sha256_text(canonical_json(record))[:12]


def compared(results: Results) -> Iterator[tuple[str, Table, pd.DataFrame]]:
    """Tables of results that are compared: their place, their definition, their rows."""
    named = results.peaks[results.peaks["analyte"] != ""]
    yield "integrate/peaks", PEAK_ROWS, named
    yield "integrate/chromatography", CHROMATOGRAPHY, results.chromatography
    yield "quantify/calibration", CALIBRATION, results.calibration
    yield "quantify/concentrations", CONCENTRATIONS, results.concentrations
    yield "normalize/timecourse", TIMECOURSE, results.timecourse
    yield "normalize/baseline", BASELINE, results.baseline
    yield "normalize/summary", SUMMARY, results.summary
    for each in results.outcomes:
        for table in OUTCOME_TABLES:
            if table.name not in _NOT_COMPARED:
                yield f"stats/{each.outcome.slug}/{table.name}", table, each.tables[table.name]


# A named peak has a key, unlike an unidentified one.
PEAK_ROWS = Table(
    PEAKS.name, PEAKS.description, PEAKS.columns, key=("injection_id", "channel", "analyte")
)


def key_of(place: str) -> tuple[str, ...]:
    """Columns that name a row of a compared table, or of an input table."""
    name = place.rpartition("/")[2]
    if place == "integrate/chromatography":
        return CHROMATOGRAPHY.key
    tables = (PEAK_ROWS, CALIBRATION, CONCENTRATIONS, TIMECOURSE, BASELINE, SUMMARY)
    for table in (*OUTCOME_TABLES, *tables):
        if table.name == name and "/" in place:
            return table.key
    return next(table.key for table in INPUT_TABLES if table.name == name)


def _keyed(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows once per key and without arrays."""
    arrays = [column.name for column in table.columns if column.kind == "array"]
    return frame.drop(columns=arrays).drop_duplicates(list(table.key))
