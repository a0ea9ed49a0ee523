"""What `quantify` hands on, under `quantify/`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table

SOURCES = ("traces", "vendor areas", "concentrations as given")

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
        Column("fmol_se", "number", "Its standard error from calibration and area, fmol."),
        Column("conc_nM", "number", "Concentration in the dialysate, nM."),
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
        Column("excluded", "flag", "Excluded by exclusions.csv (injection).", required=True),
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
        Column("model", "text", "linear, through zero."),
        Column("response_kind", "text", "area, height, area ratio or height ratio."),
        Column("internal_standard", "text", "Internal standard, or empty."),
        Column("weight", "text", "none, 1/x or 1/x2."),
        Column("n_points", "integer", "Standards used."),
        Column("n_levels", "integer", "Different non-zero amounts used."),
        Column("slope", "number", "Response per fmol."),
        Column("slope_se", "number", "Standard error of the slope."),
        Column("intercept", "number", "Response at 0 fmol."),
        Column("intercept_se", "number", "Standard error of the intercept."),
        Column("covariance", "number", "Covariance of slope and intercept."),
        Column("residual_sd", "number", "Weighted residual standard deviation."),
        Column("r2", "number", "Weighted coefficient of determination."),
        Column("low_fmol", "number", "Lowest non-zero amount calibrated, fmol."),
        Column("high_fmol", "number", "Highest amount calibrated, fmol."),
        Column(
            "max_abs_error_pct", "number", "Largest back-calculated error of a non-zero level, %."
        ),
        Column("lod_fmol", "number", "Limit of detection, fmol on column."),
        Column("loq_fmol", "number", "Limit of quantification, fmol on column."),
        Column("limit_method", "text", "How the limits were set."),
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
        Column("back_fmol", "number", "Back-calculated amount, fmol."),
        Column("error_pct", "number", "100·(back − nominal)/nominal; missing at 0."),
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
            "qc_accuracy, bracket_accuracy, carry_over, internal_standard_recovery, "
            "calibration_r2 or back_calculation.",
            required=True,
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
    ),
)
