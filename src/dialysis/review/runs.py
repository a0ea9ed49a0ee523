"""What the page shows of the runs: calibration, checks, chromatography."""

from __future__ import annotations

import pandas as pd

from dialysis.review.names import table_file
from dialysis.review.results import Results
from dialysis.review.verdicts import run_verdict
from dialysis.review.views import Show, TableView, frame_view


def runs_view(results: Results) -> TableView:
    """One row per run: verdict, what was injected, what fired."""
    injections = results.tables["injections"]
    checks = results.run_checks
    rows = []
    for run in results.runs:
        own = injections[injections["run"] == run]
        calibration = results.calibration[results.calibration["run"] == run]
        statuses = checks.loc[checks["run"] == run, "status"]
        found = run_verdict(results, run)
        rows.append(
            {
                "run": run,
                "status": found.status,
                "animals": own.loc[own["animal_id"] != "", "animal_id"].nunique(),
                **{kind: int((own["type"] == kind).sum()) for kind in _TYPES},
                "calibrated": f"{int((calibration['status'] == 'ok').sum())} of {len(calibration)}",
                "passed": int((statuses == "PASS").sum()),
                "warned": int((statuses == "WARN").sum()),
                "not_applicable": int((statuses == "NA").sum()),
                "findings": " ".join(finding.text for finding in found.findings),
            }
        )
    columns = ["run", "status", "animals", *_TYPES, "calibrated", "passed", "warned"]
    columns += ["not_applicable", "findings"]
    return frame_view(
        "runs-table",
        "Runs: injections by type, calibrated analytes, and checks passed, warned and not "
        "applicable.",
        pd.DataFrame(rows, columns=columns),
        [
            Show("run", "Run"),
            Show("status", "State", "status"),
            Show("findings", "What fired"),
            Show("animals", "Animals", "fixed0"),
            Show("sample", "Samples", "fixed0"),
            Show("standard", "Standards", "fixed0"),
            Show("qc", "QC", "fixed0"),
            Show("blank", "Blanks", "fixed0"),
            Show("calibrated", "Calibrated"),
            Show("passed", "Checks passed", "fixed0"),
            Show("warned", "Warned", "fixed0"),
            Show("not_applicable", "Not applicable", "fixed0"),
        ],
        int(results.config["review"]["max_table_rows"]),
        tools=True,
    )


_TYPES = ("sample", "standard", "qc", "blank")


def calibration_view(results: Results) -> TableView:
    """Calibration lines, the failed ones first."""
    frame = results.calibration.assign(
        state=results.calibration["status"].map({"ok": "PASS", "failed": "FAIL"})
    )
    frame["state"] = frame["state"].where(
        (frame["state"] == "FAIL") | (frame["flags"] == ""), "WARN"
    )
    frame = frame.iloc[_ranked(frame["state"])]
    return frame_view(
        "calibration",
        "Calibration lines, one per run and analyte: the failed and flagged ones first.",
        frame,
        [
            Show("run", "Run"),
            Show("analyte", "Analyte"),
            Show("state", "State", "status"),
            Show("reason", "Reason"),
            Show("flags", "Flags"),
            Show("response_kind", "Response"),
            Show("internal_standard", "Internal standard"),
            Show("weight", "Weight"),
            Show("n_points", "Standards", "fixed0"),
            Show("n_levels", "Levels", "fixed0"),
            Show("slope", "Slope, per fmol", "number"),
            Show("intercept", "Intercept", "number"),
            Show("r2", "R²", "fixed4"),
            Show("low_fmol", "From, fmol", "number"),
            Show("high_fmol", "to, fmol", "number"),
            Show("max_abs_error_pct", "Largest error, %", "fixed1"),
            Show("lod_fmol", "LOD, fmol", "number"),
            Show("loq_fmol", "LOQ, fmol", "number"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("calibration"),
        tools=True,
        row_heads=2,
    )


def checks_view(results: Results) -> TableView:
    """Checks of the runs, the warnings first."""
    frame = results.run_checks.iloc[_ranked(results.run_checks["status"])]
    return frame_view(
        "run-checks",
        "Checks of the runs (QC accuracy, brackets, carry-over, internal standard, calibration): "
        "warnings first.",
        frame,
        [
            Show("run", "Run"),
            Show("rule", "Check"),
            Show("status", "State", "status"),
            Show("analyte", "Analyte"),
            Show("injection_id", "Injection"),
            Show("value", "Value", "number"),
            Show("limit", "Limit", "number"),
            Show("unit", "Unit"),
            Show("reason", "In words"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("run_checks"),
        tools=True,
        row_heads=2,
    )


def chromatography_view(results: Results) -> TableView:
    """Retention, shape and resolution, the flagged ones first."""
    frame = results.chromatography
    frame = frame.iloc[_ranked((frame["flags"] != "").map({True: "WARN", False: "PASS"}))]
    return frame_view(
        "chromatography",
        "Chromatography per run, analyte and type of injection: flagged rows first. Drift is the "
        "change of retention from the first to the last injection.",
        frame,
        [
            Show("run", "Run"),
            Show("analyte", "Analyte"),
            Show("type", "Injections"),
            Show("flags", "Flags"),
            Show("n_found", "Found", "fixed0"),
            Show("n", "of", "fixed0"),
            Show("rt_mean_min", "Retention, min", "fixed2"),
            Show("rt_sd_min", "SD, min", "fixed3"),
            Show("rt_drift_min", "Drift, min", "fixed3"),
            Show("tailing_median", "Tailing", "fixed2"),
            Show("plates_median", "Plates", "fixed0"),
            Show("resolution_median", "Resolution", "fixed2"),
            Show("snr_usp_median", "S/N (2H/h)", "fixed0"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("chromatography"),
        tools=True,
        row_heads=2,
    )


_ORDER = {"FAIL": 0, "WARN": 1, "NA": 2, "PASS": 3}


def _ranked(states: pd.Series) -> list[int]:
    """Positions from the worst to the best, otherwise in the order there is."""
    order = [_ORDER[str(state)] for state in states]
    return sorted(range(len(order)), key=order.__getitem__)
