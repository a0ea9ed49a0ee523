"""What `quantify` hands on, under `quantify/`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table

SOURCES = ("traces", "vendor areas", "concentrations as given")

ACTIONS = ("warn", "exclude", "stop")
CHECKS = {
    "back_calculation": "Error of the calibrator nearest to, or furthest beyond, its limit.",
    "calibration_r2": "Weighted R² of the calibration.",
    "lack_of_fit": "p of the lack-of-fit test, or without replicates of Mandel's test.",
    "calibrated_range": "Share of the run's samples outside the calibrated range.",
    "qc_accuracy": "Error of a QC.",
    "bracket_accuracy": "Error of a bracketing standard that drift is not corrected by.",
    "bracket_difference": "Change of the response factor between neighbouring groups of standards.",
    "sensitivity_drift": "Change of the response factor from the first to the last standard.",
    "carry_over": "Signal in a blank right after the highest standard.",
    "carry_over_sample": "Signal that the injection before can have left in a sample.",
    "blank_response": "Signal in any other blank.",
    "blank_snr": "S/N in such a blank at the analyte's retention time.",
    "internal_standard_recovery": "Internal standard in a sample against the run's standards.",
    "retention_drift": "Deviation of a retention time from that in the run's standards.",
    "tailing": "Median USP tailing of the standards.",
    "plates": "Median plate number of the standards.",
    "resolution": "Median resolution of the standards to the nearer neighbour.",
    "broken_injection": "Largest response of an injection against what is expected.",
    "swapped_vials": "Injections that fit each other's place and not their own.",
}
"""What is checked, by rule; `quantify.suitability.actions` names them."""

CONCENTRATIONS = Table(
    "concentrations",
    "One row per injection × analyte (internal standards included), found or not.",
    (
        Column("injection_id", "text", "Key of everything measured.", required=True),
        Column("run", "text", "HPLC sequence.", required=True),
        Column("order", "integer", "Position in the sequence."),
        Column("type", "text", "sample, standard, blank or qc.", required=True),
        Column("analyte", "text", "Analyte.", required=True),
        Column("rt_min", "number", "Retention time, min."),
        Column("area", "number", "Area, signal unit × s."),
        Column("height", "number", "Height, signal unit."),
        Column("snr_usp", "number", "S/N as 2H/h."),
        Column(
            "response",
            "number",
            "What the calibration sees: area or height, divided by the "
            "internal standard's where there is one.",
        ),
        Column("response_kind", "text", "area, height, area ratio or height ratio."),
        Column(
            "fmol_on_column",
            "number",
            "Amount on column, fmol; the measured value also below the limit.",
        ),
        Column(
            "fmol_se",
            "number",
            "Its standard error from calibration, area and drift correction, fmol.",
        ),
        Column(
            "fmol_df",
            "number",
            "Degrees of freedom of fmol_se, for a t interval; inf where it is taken as known.",
        ),
        Column(
            "drift_factor",
            "number",
            "Response factor at this place of the run against that of the calibration, which the "
            "response was divided by; 1 where drift is not corrected.",
        ),
        Column(
            "conc_nM",
            "number",
            "Concentration in the dialysate, nM; before dilution with preservative, and where "
            "`recovery` is given divided by it.",
        ),
        Column("conc_se_nM", "number", "Its standard error, nM."),
        Column("pg_per_uL", "number", "The same, pg/µL; missing where analytes.csv gives no mw."),
        Column(
            "recovery",
            "number",
            "In-vitro recovery that concentrations and their limits were divided by; missing "
            "where quantify.recovery is none.",
        ),
        Column(
            "fmol_per_fraction",
            "number",
            "Amount in the fraction, fmol; missing where injections.csv gives no volume_uL.",
        ),
        Column("lod_fmol", "number", "Limit of detection, fmol on column."),
        Column("loq_fmol", "number", "Limit of quantification, fmol on column."),
        Column("lod_nM", "number", "Limit of detection as a dialysate concentration, nM."),
        Column("loq_nM", "number", "Limit of quantification as a dialysate concentration, nM."),
        Column("limit_method", "text", "How the limits were set."),
        Column(
            "censored",
            "flag",
            "Below the limit of detection, or not found in an injection whose internal "
            "standard is there.",
            required=True,
        ),
        Column("extrapolated", "flag", "Outside the calibrated range.", required=True),
        Column(
            "excluded",
            "flag",
            "Excluded by exclusions.csv (injection), or by a check whose action is exclude.",
            required=True,
        ),
        Column(
            "reinjection_of",
            "text",
            "First injection of the same vial; which of them counts is chosen by normalize "
            "(normalize.reinjections).",
        ),
        Column("reason", "text", "Why a value is missing or excluded."),
        Column(
            "source",
            "text",
            "What it was computed from: traces, or what other software had made of them.",
            choices=SOURCES,
        ),
        Column("flags", "text", "Flags of the peak and of this stage, ';' between them."),
    ),
    key=("injection_id", "analyte"),
)

CALIBRATION = Table(
    "calibration",
    "One row per run × analyte: the calibration line and its limits.",
    (
        Column("run", "text", "HPLC sequence.", required=True),
        Column("analyte", "text", "Analyte.", required=True),
        Column("status", "text", "ok, or failed.", required=True, choices=("ok", "failed")),
        Column("reason", "text", "Why it failed."),
        Column("model", "text", "linear, through zero, quadratic or quadratic through zero."),
        Column("response_kind", "text", "area, height, area ratio or height ratio."),
        Column("internal_standard", "text", "Internal standard, or empty."),
        Column("weight", "text", "none, 1/x or 1/x2."),
        Column("n_runs", "integer", "Runs whose standards were pooled; 1 for its own alone."),
        Column("n_points", "integer", "Standards used, of all runs that were pooled."),
        Column("n_levels", "integer", "Different non-zero amounts used."),
        Column("df", "integer", "Degrees of freedom."),
        Column("slope", "number", "Response per fmol (of a quadratic curve: at 0 fmol)."),
        Column("slope_se", "number", "Standard error of the slope."),
        Column("intercept", "number", "Response at 0 fmol."),
        Column("intercept_se", "number", "Standard error of the intercept."),
        Column("covariance", "number", "Covariance of slope and intercept."),
        Column("curvature", "number", "Response per fmol²; 0 for a straight line."),
        Column("curvature_se", "number", "Standard error of the curvature."),
        Column("covariance_intercept_curvature", "number", "Their covariance."),
        Column("covariance_slope_curvature", "number", "Their covariance."),
        Column("residual_sd", "number", "Weighted residual standard deviation."),
        Column("r2", "number", "Weighted coefficient of determination."),
        Column(
            "lack_of_fit_p",
            "number",
            "p of the lack-of-fit F test against the scatter of replicates; missing without.",
        ),
        Column(
            "curvature_p",
            "number",
            "p of what a quadratic term would add to a straight line (Mandel's test).",
        ),
        Column("low_fmol", "number", "Lowest non-zero amount calibrated, fmol."),
        Column("high_fmol", "number", "Highest amount calibrated, fmol."),
        Column(
            "max_abs_error_pct", "number", "Largest back-calculated error of a non-zero level, %."
        ),
        Column("lod_fmol", "number", "Limit of detection, fmol on column."),
        Column("loq_fmol", "number", "Limit of quantification, fmol on column."),
        Column("limit_method", "text", "How the limits were set."),
        Column(
            "lower_end_fmol",
            "number",
            "Lower end of quantification, fmol: the LOQ or, if higher, the lowest calibrated "
            "amount; blanks are compared with it.",
        ),
        Column("drift", "text", "How drift was corrected, or none."),
        Column(
            "drift_change_pct",
            "number",
            "Change of the response factor from the first to the last standard along a line, %.",
        ),
        Column("drift_se_pct", "number", "Standard error of that change, %."),
        Column("flags", "text", "Flags, ';' between them."),
    ),
    key=("run", "analyte"),
)

CALIBRATION_POINTS = Table(
    "calibration_points",
    "One row per standard or QC injection × analyte: nominal and back-calculated amount.",
    (
        Column("run", "text", "HPLC sequence.", required=True),
        Column("analyte", "text", "Analyte.", required=True),
        Column("injection_id", "text", "The standard.", required=True),
        Column("order", "integer", "Position in the sequence."),
        Column("level", "text", "Name of the level."),
        Column(
            "role", "text", "cal, bracket or qc.", required=True, choices=("cal", "bracket", "qc")
        ),
        Column("amount_fmol", "number", "Nominal amount on column, fmol.", required=True),
        Column("response", "number", "Measured response."),
        Column(
            "response_factor_pct",
            "number",
            "Measured response, before any correction of drift, % of the curve's at its amount.",
        ),
        Column("drift_factor", "number", "What the response was divided by to correct drift."),
        Column("back_fmol", "number", "Back-calculated amount, fmol."),
        Column("error_pct", "number", "100·(back − nominal)/nominal; missing at 0."),
        Column("limit_pct", "number", "Largest error that the checks allow, %."),
        Column("used", "flag", "Whether the line was fitted to it.", required=True),
        Column("reason", "text", "Why it was not used."),
    ),
    key=("injection_id", "analyte"),
)

SUITABILITY = Table(
    "suitability",
    "One row per check of a run: the rule, the value, the limit and the outcome.",
    (
        Column("run", "text", "HPLC sequence.", required=True),
        Column("analyte", "text", "Analyte; empty when the check is of the whole run."),
        Column("injection_id", "text", "Injection, when the check is of one."),
        Column(
            "rule",
            "text",
            "; ".join(f"{name}: {what.rstrip('.')}" for name, what in CHECKS.items()) + ".",
            required=True,
            choices=tuple(CHECKS),
        ),
        Column("value", "number", "Measured value."),
        Column("limit", "number", "Limit."),
        Column("unit", "text", "Unit of value and limit."),
        Column(
            "status",
            "text",
            "PASS, WARN, or NA with a reason.",
            required=True,
            choices=("PASS", "WARN", "NA"),
        ),
        Column("reason", "text", "In words."),
        Column(
            "action",
            "text",
            "What quantify.suitability.actions makes of a WARN: warn says so, exclude left out "
            "what the check is of.",
            choices=ACTIONS,
        ),
    ),
)
