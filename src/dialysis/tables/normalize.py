"""What `normalize` hands on, under `normalize/`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table
from dialysis.tables.quantify import SOURCES

_SUBJECT = (
    Column("outcome", "text", "Slug of the outcome, safe for file names.", required=True),
    Column("animal_id", "text", "Animal.", required=True),
    Column(
        "probe_id",
        "text",
        "Probe (the animal's name when there is no probes table).",
        required=True,
    ),
)
_GROUP = (
    Column("group", "text", "Group label, for example 'mianserin 2 mg/kg s.c.'.", required=True),
    Column("drug", "text", "Drug.", required=True),
    Column("dose", "number", "Dose.", required=True),
    Column("dose_unit", "text", "Unit of the dose."),
    Column("route", "text", "Route."),
    Column(
        "control",
        "text",
        "Label of the group this one is compared with; its own for a vehicle group.",
        required=True,
    ),
    Column("is_control", "flag", "Whether the group is a vehicle group.", required=True),
)

TIMECOURSE = Table(
    "timecourse",
    "One row per outcome × probe × fraction, excluded ones with their reason.",
    (
        *_SUBJECT,
        Column("outcome_label", "text", "Printed label of the outcome.", required=True),
        Column("kind", "text", "analyte or ratio.", required=True, choices=("analyte", "ratio")),
        Column("analyte", "text", "Analyte (the numerator of a ratio).", required=True),
        Column("denominator", "text", "Denominator of a ratio; else empty."),
        Column("region", "text", "Brain region; empty when the study names none."),
        *_GROUP,
        Column("sex", "text", "Sex."),
        Column("cohort", "text", "Cohort."),
        Column(
            "injection_id",
            "text",
            "Injection the value is from (several with ';' between when reinjections are "
            "averaged); empty when the fraction is missing.",
        ),
        Column("fraction", "integer", "Number of the fraction.", required=True),
        Column("start_min", "number", "Start on the animal's clock, min.", required=True),
        Column("end_min", "number", "End on the animal's clock, min.", required=True),
        Column(
            "time_min",
            "number",
            "Minutes from the (first) dose, lag-corrected, at the fraction's midpoint "
            "(or start or end, as configured).",
            required=True,
        ),
        Column("duration_min", "number", "Length of the fraction, min.", required=True),
        Column(
            "period",
            "text",
            "baseline, post, straddle or early (before the baseline window).",
            required=True,
            choices=("baseline", "post", "straddle", "early"),
        ),
        Column(
            "time_index",
            "integer",
            "Place of the fraction counted from the dose: …, -2, -1 before, 1, 2, … after, "
            "0 for one that straddles; groups fractions of different animals.",
            required=True,
        ),
        Column(
            "conc",
            "number",
            "Concentration in the dialysate (nM), or the ratio; the "
            "measured or substituted value for a censored one.",
        ),
        Column("conc_unit", "text", "nM, ratio, or response when uncalibrated.", required=True),
        Column(
            "source",
            "text",
            "What the outcome was computed from: traces, or what other software had made of them.",
            choices=SOURCES,
        ),
        Column("censored", "flag", "Below the limit of detection.", required=True),
        Column(
            "limit",
            "number",
            "Limit of detection in conc_unit (of a ratio: the numerator's over the denominator).",
        ),
        Column("below_loq", "flag", "Below the limit of quantification.", required=True),
        Column("baseline", "number", "Mean of the baseline fractions, conc_unit."),
        Column("pct_of_baseline", "number", "100·conc/baseline (100 = no change)."),
        Column("log_ratio", "number", "ln(conc/baseline)."),
        Column("used", "flag", "Whether the value enters statistics and figures.", required=True),
        Column("reason", "text", "Why it does not."),
        Column("flags", "text", "Flags, ';' between them."),
    ),
    key=("outcome", "probe_id", "fraction"),
)

BASELINE = Table(
    "baseline",
    "One row per outcome × probe: the baseline and whether it is stable.",
    (
        *_SUBJECT,
        Column("group", "text", "Group label.", required=True),
        Column("n_fractions", "integer", "Baseline fractions used.", required=True),
        Column("baseline", "number", "Their mean, conc_unit."),
        Column("conc_unit", "text", "nM, ratio or response.", required=True),
        Column("sd", "number", "Their standard deviation, conc_unit."),
        Column("cv_pct", "number", "Coefficient of variation, %."),
        Column(
            "trend_pct_per_fraction",
            "number",
            "Slope of a line through them, % of the mean per fraction.",
        ),
        Column("trend_p", "number", "p of that slope."),
        Column("last_jump_pct", "number", "Last fraction against the mean of the others, %."),
        Column("stable", "flag", "Whether the stability rules hold."),
        Column(
            "usable",
            "flag",
            "Whether percent of baseline is defined and the animal and probe count for the "
            "outcome.",
            required=True,
        ),
        Column("reason", "text", "Why it is not stable or not usable."),
    ),
    key=("outcome", "probe_id"),
)

SUMMARY = Table(
    "summary",
    "One row per outcome × probe: area under the curve, peak and time of the peak.",
    (
        *_SUBJECT,
        *_GROUP,
        Column("window_start_min", "number", "Start of the window, min from the dose."),
        Column("window_end_min", "number", "End of the window, min from the dose."),
        Column("n_fractions", "integer", "Fractions in the window with a value.", required=True),
        Column("n_missing", "integer", "Fractions in the window without one.", required=True),
        Column(
            "auc_pct_min",
            "number",
            "Σ P·Δt over the window, % × min; missing when a fraction is missing.",
        ),
        Column("auc_net_pct_min", "number", "Σ (P − 100)·Δt, % × min."),
        Column("mean_pct", "number", "Time-weighted mean percent of baseline of the window, %."),
        Column("peak_pct", "number", "Largest percent of baseline in the window."),
        Column("tmax_min", "number", "Time of the peak, min from the dose."),
        Column("reason", "text", "Why a measure is missing."),
    ),
    key=("outcome", "probe_id"),
)
