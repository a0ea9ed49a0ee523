"""One table of everything that any stage flagged."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from dialysis.review.numbers import fixed, number, split_flags
from dialysis.review.results import Results
from dialysis.tables import Column, Table

SEVERITIES = ("FAIL", "WARN", "note")
STAGES = ("integrate", "quantify", "normalize", "stats")

FLAGS = Table(
    "flags",
    "One row per thing that a stage flagged.",
    (
        Column("severity", "text", "FAIL, WARN or note.", required=True, choices=SEVERITIES),
        Column("stage", "text", "Stage that flagged it.", required=True, choices=STAGES),
        Column("flag", "text", "The flag or rule.", required=True),
        Column("run", "text", "HPLC sequence."),
        Column("injection_id", "text", "Injection."),
        Column("animal_id", "text", "Animal."),
        Column("probe_id", "text", "Probe."),
        Column("fraction", "integer", "Number of the fraction."),
        Column("analyte", "text", "Analyte, or label of the outcome."),
        Column("detail", "text", "In words."),
    ),
)

Row = dict[str, object]

# Flags whose rows below are made from the tables' own columns, with their numbers, and those of
# all rows alike, which the verdicts and the head of the page tell.
_TOLD_ELSEWHERE = (
    "below_lod",
    "extrapolated",
    "excluded",
    "baseline_below_loq",
    "unstable_baseline",
    "misplaced_probe",
    "uncalibrated",
    "vendor_areas",
)


def collect_flags(results: Results) -> pd.DataFrame:
    """List what the stages flagged, the most serious first.

    Returns
    -------
    DataFrame
        As `FLAGS`.  Blanks are expected to hold nothing, so peaks not found and values below the
        limit of detection are not listed for them.
    """
    rows: list[Row] = []
    rows += _peak_flags(results)
    rows += _chromatography_flags(results)
    rows += _concentration_flags(results)
    rows += _calibration_flags(results)
    rows += _check_flags(results)
    rows += _baseline_flags(results)
    rows += _timecourse_flags(results)
    rows += _summary_flags(results)
    rows += _stats_flags(results)
    frame = FLAGS.coerce(pd.DataFrame(rows, columns=FLAGS.column_names))
    frame = _place(frame, results.tables["injections"])
    rank = pd.DataFrame(
        {
            "severity": frame["severity"].map(SEVERITIES.index),
            "stage": frame["stage"].map(STAGES.index),
        }
    ).sort_values(["severity", "stage"], kind="stable")
    return frame.loc[rank.index].reset_index(drop=True)


def _place(frame: pd.DataFrame, injections: pd.DataFrame) -> pd.DataFrame:
    """Fill in run, animal, probe and fraction of rows that only name their injection."""
    known = injections.drop_duplicates("injection_id").set_index("injection_id")
    out = frame.copy()
    for name in ("run", "animal_id", "probe_id"):
        looked_up = out["injection_id"].map(known[name]).fillna("")
        out[name] = out[name].where(out[name] != "", looked_up)
    out["fraction"] = out["fraction"].fillna(out["injection_id"].map(known["fraction"]))
    return FLAGS.coerce(out)


def _rows(
    frame: pd.DataFrame, severity: str, stage: str, flag: str, details: Iterable[str]
) -> list[Row]:
    """One row per row of `frame`, which gives the keys it has."""
    keys = [name for name in FLAGS.column_names if name in frame and name not in ("flag", "detail")]
    return [
        {"severity": severity, "stage": stage, "flag": flag, "detail": detail, **keyed}
        for keyed, detail in zip(frame[keys].to_dict("records"), details, strict=True)
    ]


def _flag_rows(frame: pd.DataFrame, severity: str, stage: str, details: Iterable[str]) -> list[Row]:
    """One row per flag in the column `flags`."""
    keys = [
        name
        for name in FLAGS.column_names
        if name in frame and name not in ("severity", "stage", "flag", "detail")
    ]
    rows: list[Row] = []
    for keyed, cell, detail in zip(
        frame[keys].to_dict("records"), frame["flags"], details, strict=True
    ):
        rows += [
            {"severity": severity, "stage": stage, "flag": flag, "detail": detail, **keyed}
            for flag in split_flags(cell)
        ]
    return rows


def _peak_flags(results: Results) -> list[Row]:
    peaks = results.peaks
    flagged = peaks[peaks["flags"] != ""]
    details = [
        f"{'' if analyte else 'unidentified peak '}at {fixed(rt, 2)} min, S/N {number(snr)}"
        if found
        else reason
        for analyte, rt, snr, found, reason in zip(
            flagged["analyte"],
            flagged["rt_min"],
            flagged["snr_usp"],
            flagged["found"].fillna(False),
            flagged["reason"],
            strict=True,
        )
    ]
    rows = _flag_rows(flagged, "note", "integrate", details)
    types = results.tables["injections"].set_index("injection_id")["type"]
    kind = peaks["injection_id"].map(types)
    absent = peaks[~peaks["found"].fillna(False) & (kind != "blank") & (peaks["analyte"] != "")]
    rows += _rows(absent, "note", "integrate", "not_found", absent["reason"])
    manual = peaks[peaks["area_auto"].notna() | (peaks["method"] == "manual")]
    details = [
        f"area {number(area, 4)}, automatic {number(automatic, 4)}"
        for area, automatic in zip(manual["area"], manual["area_auto"], strict=True)
    ]
    return rows + _rows(manual, "note", "integrate", "manual_integration", details)


def _chromatography_flags(results: Results) -> list[Row]:
    table = results.chromatography[results.chromatography["flags"] != ""]
    details = [
        f"{kind} injections: found in {found} of {n}, resolution {fixed(resolution, 2)}, "
        f"tailing {fixed(tailing, 2)}, drift {fixed(drift, 3)} min"
        for kind, found, n, resolution, tailing, drift in zip(
            table["type"],
            table["n_found"],
            table["n"],
            table["resolution_median"],
            table["tailing_median"],
            table["rt_drift_min"],
            strict=True,
        )
    ]
    return _flag_rows(table, "WARN", "integrate", details)


def _concentration_flags(results: Results) -> list[Row]:
    table = results.concentrations
    keys = ["injection_id", "analyte"]
    # A concentration repeats the flags of its peak; those are listed once, under integrate.
    of_peak = (
        results.peaks[results.peaks["analyte"] != ""]
        .drop_duplicates(keys)
        .set_index(keys)["flags"]
        .map(split_flags)
        .to_dict()
    )
    flagged = table[(table["flags"] != "") & (table["type"] != "blank")]
    own = [
        ";".join(f for f in split_flags(cell) if f not in of_peak.get((injection, analyte), []))
        for injection, analyte, cell in zip(
            flagged["injection_id"], flagged["analyte"], flagged["flags"], strict=True
        )
    ]
    own = [";".join(f for f in split_flags(cell) if f not in _TOLD_ELSEWHERE) for cell in own]
    amounts = [f"{number(amount)} fmol on column" for amount in flagged["fmol_on_column"]]
    rows = _flag_rows(flagged.assign(flags=own), "note", "quantify", amounts)
    samples = table[table["type"].isin(["sample", "qc"])]
    censored = samples[samples["censored"].fillna(False)]
    rows += _rows(
        censored,
        "note",
        "quantify",
        "below_lod",
        [
            f"{number(amount)} fmol on column, limit of detection {number(limit)} fmol"
            for amount, limit in zip(censored["fmol_on_column"], censored["lod_fmol"], strict=True)
        ],
    )
    outside = samples[samples["extrapolated"].fillna(False) & ~samples["censored"].fillna(False)]
    rows += _rows(
        outside,
        "note",
        "quantify",
        "extrapolated",
        [f"{number(amount)} fmol on column" for amount in outside["fmol_on_column"]],
    )
    excluded = table[table["excluded"].fillna(False)]
    return rows + _rows(excluded, "note", "quantify", "excluded", excluded["reason"])


def _calibration_flags(results: Results) -> list[Row]:
    table = results.calibration
    failed = table[table["status"] == "failed"]
    rows = _rows(failed, "FAIL", "quantify", "calibration_failed", failed["reason"])
    details = [
        f"R² {fixed(r2, 4)}, largest back-calculated error {number(error)} %"
        for r2, error in zip(table["r2"], table["max_abs_error_pct"], strict=True)
    ]
    rows += _flag_rows(table, "WARN", "quantify", details)
    points = results.calibration_points
    # QC standards are never part of the line; only calibrators that were left out are news.
    left_out = points[~points["used"].fillna(False) & (points["role"] == "cal")]
    return rows + _rows(left_out, "note", "quantify", "calibrator_not_used", left_out["reason"])


def _check_flags(results: Results) -> list[Row]:
    checks = results.run_checks[results.run_checks["status"] != "PASS"]
    rows: list[Row] = []
    for severity, status in (("WARN", "WARN"), ("note", "NA")):
        for rule, table in checks[checks["status"] == status].groupby("rule", sort=True):
            details = [
                reason or f"{number(value)} {unit}, limit {number(limit)} {unit}"
                for value, limit, unit, reason in zip(
                    table["value"], table["limit"], table["unit"], table["reason"], strict=True
                )
            ]
            rows += _rows(table, severity, "quantify", str(rule), details)
    return rows


def _labelled(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(analyte=frame["outcome"].map(results.short_labels))


def _baseline_flags(results: Results) -> list[Row]:
    table = _labelled(results, results.baseline)
    decided = {e.outcome.slug: results.decided_out(e.outcome) for e in results.outcomes}
    out = pd.Series(
        [
            probe in decided[slug]
            for slug, probe in zip(table["outcome"], table["probe_id"], strict=True)
        ],
        index=table.index,
        dtype=bool,
    )
    unusable = table[~table["usable"].fillna(False) & ~out]
    rows = _rows(unusable, "WARN", "normalize", "baseline_unusable", unusable["reason"])
    left_out = table[out]
    rows += _rows(left_out, "note", "normalize", "left_out", left_out["reason"])
    unstable = table[~table["stable"].fillna(True) & table["usable"].fillna(False) & ~out]
    details = [
        reason or f"CV {number(cv)} %, trend {number(trend)} % per fraction"
        for reason, cv, trend in zip(
            unstable["reason"],
            unstable["cv_pct"],
            unstable["trend_pct_per_fraction"],
            strict=True,
        )
    ]
    return rows + _rows(unstable, "WARN", "normalize", "baseline_unstable", details)


def _timecourse_flags(results: Results) -> list[Row]:
    table = _labelled(results, results.timecourse)
    unused = table[~table["used"].fillna(False)]
    rows = _rows(unused, "note", "normalize", "not_used", unused["reason"])
    # Flags of the concentration were listed under the stage that gave them.
    of_value = results.concentrations.groupby("injection_id")["flags"].agg(";".join).to_dict()
    told = {injection: set(split_flags(cells)) for injection, cells in of_value.items()}
    flagged = table[(table["flags"] != "") & table["used"].fillna(False)]
    own = [
        ";".join(
            flag
            for flag in split_flags(cell)
            if flag not in told.get(injection, ()) and flag not in _TOLD_ELSEWHERE
        )
        for injection, cell in zip(flagged["injection_id"], flagged["flags"], strict=True)
    ]
    details = [f"{fixed(time, 1)} min from the dose" for time in flagged["time_min"]]
    return rows + _flag_rows(flagged.assign(flags=own), "note", "normalize", details)


def _summary_flags(results: Results) -> list[Row]:
    table = _labelled(results, results.summary)
    without = table[table["auc_pct_min"].isna() & (table["reason"] != "")]
    return _rows(without, "note", "normalize", "no_auc", without["reason"])


_OF_STATS = ("anova", "contrasts", "emmeans", "auc")


def _stats_flags(results: Results) -> list[Row]:
    rows: list[Row] = []
    labels = results.short_labels
    for each in results.outcomes:
        for what in _OF_STATS:
            table = each.tables[what]
            bad = table[table["status"] != "ok"]
            for (status, reason), same in bad.groupby(["status", "reason"], sort=True):
                rows.append(
                    {
                        "severity": {"failed": "FAIL", "singular": "note"}.get(str(status), "WARN"),
                        "stage": "stats",
                        "flag": f"fit_{status}" if status != "not_estimable" else str(status),
                        "analyte": labels[each.outcome.slug],
                        "detail": f"{what}, {len(same)} of {len(table)} rows: {reason}",
                    }
                )
    return rows
