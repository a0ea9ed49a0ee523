"""The chunk of a run: verdict, control charts, calibration, checks, chromatography, sequence."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dialysis.review.grids import grid, rounded
from dialysis.review.injections import injection_rows
from dialysis.review.names import table_file
from dialysis.review.outcomes import findings_data
from dialysis.review.results import Results
from dialysis.review.verdicts import Verdict
from dialysis.tables.integrate import SUITABILITY as CHROMATOGRAPHY
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS
from dialysis.tables.quantify import SUITABILITY as RUN_CHECKS

_TYPES = ("sample", "standard", "qc", "blank")


def run_facts(results: Results, run: str) -> dict[str, Any]:
    """What a run holds in numbers: animals, injections by type, calibrated analytes, checks."""
    injections = results.tables["injections"]
    own = injections[injections["run"] == run]
    calibration = results.calibration[results.calibration["run"] == run]
    statuses = results.run_checks.loc[results.run_checks["run"] == run, "status"]
    return {
        "animals": list(dict.fromkeys(str(name) for name in own["animal_id"] if name)),
        "types": {kind: n for kind in _TYPES if (n := int((own["type"] == kind).sum()))},
        "calibrated": [int((calibration["status"] == "ok").sum()), len(calibration)],
        "checks": {state: int((statuses == state).sum()) for state in ("PASS", "WARN", "NA")},
    }


def run_data(results: Results, run: str, found: Verdict) -> dict[str, Any]:
    """Gather what the page of a run shows, without its traces.

    Parameters
    ----------
    results : Results
        The results.
    run : str
        The run.
    found : Verdict
        Its verdict.
    """
    injections = results.tables["injections"]
    own = injections[injections["run"] == run]
    checks = _of(results.run_checks, run)
    calibration = _of(results.calibration, run)
    shapes = _of(results.chromatography, run)
    return {
        "id": run,
        "status": found.status,
        "findings": findings_data(found),
        "facts": run_facts(results, run),
        "charts": _charts(results, run, own),
        "lines": _lines(results, run),
        "tables": [
            grid(
                "checks",
                "Checks",
                RUN_CHECKS,
                _ranked(checks, checks["status"]),
                file=table_file("run_checks"),
                drop=("run",),
                first=("rule", "status"),
            )
            | {"open": True},
            grid(
                "calibration",
                "Calibration lines",
                CALIBRATION,
                _ranked(calibration, calibration["status"].map({"failed": "FAIL", "ok": "PASS"})),
                file=table_file("calibration"),
                drop=("run",),
            )
            | {"open": True},
            grid(
                "chromatography",
                "Retention, peak shape and resolution",
                CHROMATOGRAPHY,
                _ranked(shapes, (shapes["flags"] != "").map({True: "WARN", False: "PASS"})),
                file=table_file("chromatography"),
                drop=("run",),
            )
            | {"open": True},
            grid(
                "calibration-points",
                "Standards and QC, back-calculated",
                CALIBRATION_POINTS,
                _of(results.calibration_points, run),
                file=table_file("calibration_points"),
                drop=("run",),
            )
            | {"open": False},
        ],
        "sequence": _sequence(own),
        **injection_rows(results, own[(own["animal_id"] == "") & (own["probe_id"] == "")]),
    }


def _of(frame: pd.DataFrame, run: str) -> pd.DataFrame:
    return frame[frame["run"] == run]


_ORDER = {"FAIL": 0, "WARN": 1, "NA": 2, "PASS": 3}


def _ranked(frame: pd.DataFrame, states: pd.Series) -> pd.DataFrame:
    """Rows from the worst to the best, otherwise in the order there is."""
    order = [_ORDER[str(state)] for state in states]
    return frame.iloc[sorted(range(len(order)), key=order.__getitem__)]


def _charts(results: Results, run: str, injections: pd.DataFrame) -> list[dict[str, Any]]:
    """Control charts: per analyte retention and area in the order of the injections."""
    peaks = results.peaks[(results.peaks["run"] == run) & (results.peaks["analyte"] != "")]
    info = injections.set_index("injection_id")[["order", "type"]]
    joined = peaks.join(info, on="injection_id").sort_values("order", kind="stable")
    return [
        {
            "analyte": str(analyte),
            "points": [
                [
                    int(row.order),
                    str(row.injection_id),
                    str(row.type),
                    rounded(row.rt_min),
                    rounded(row.area),
                ]
                for row in rows.itertuples(index=False)
            ],
        }
        for analyte, rows in joined.groupby("analyte", sort=False)
    ]


def _lines(results: Results, run: str) -> list[dict[str, Any]]:
    """Calibration lines with the standards they were fitted to and the QC."""
    points = _of(results.calibration_points, run)
    lines = []
    for row in _of(results.calibration, run).itertuples(index=False):
        own = points[points["analyte"] == row.analyte]
        lines.append(
            {
                "analyte": str(row.analyte),
                "status": str(row.status),
                "reason": str(row.reason),
                "kind": str(row.response_kind),
                "slope": rounded(row.slope),
                "intercept": rounded(row.intercept),
                "r2": rounded(row.r2),
                "points": [
                    [
                        rounded(point.amount_fmol),
                        rounded(point.response),
                        str(point.role),
                        bool(point.used),
                        str(point.injection_id),
                        rounded(point.error_pct),
                    ]
                    for point in own.itertuples(index=False)
                ],
            }
        )
    return lines


def _sequence(injections: pd.DataFrame) -> list[list[Any]]:
    """Injections in their order: order, injection, type, animal, fraction."""
    return [
        [
            int(row.order),
            str(row.injection_id),
            str(row.type),
            str(row.animal_id or row.probe_id),
            None if pd.isna(row.fraction) else int(row.fraction),
        ]
        for row in injections.sort_values("order", kind="stable").itertuples(index=False)
    ]
