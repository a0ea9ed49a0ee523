"""What `integrate` hands on: `integrate/<run>/{peaks.parquet,suitability.csv}`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table

METHODS = (
    "trapezoid",
    "drop",
    "tangent",
    "exponential",
    "emg",
    "fit",
    "manual",
    "vendor",
)

PEAKS = Table(
    "peaks",
    "One row per injection × analyte, found or not, and one per unidentified peak.",
    (
        Column("injection_id", "text", "Key of everything measured.", required=True),
        Column("run", "text", "HPLC sequence.", required=True),
        Column("channel", "text", "Detector channel."),
        Column(
            "peak",
            "integer",
            "Number of the peak in its trace by time, from 1; missing when not found.",
        ),
        Column("analyte", "text", "Analyte; empty for an unidentified peak."),
        Column("found", "flag", "Whether a peak was found.", required=True),
        Column("reason", "text", "Why no value is given; empty when found."),
        Column("rt_expected_min", "number", "Expected retention in this injection, min."),
        Column("rt_min", "number", "Retention time of the apex, min."),
        Column("start_min", "number", "Start of the integration, min."),
        Column("end_min", "number", "End of the integration, min."),
        Column("baseline_start", "number", "Baseline at the start, signal unit."),
        Column("baseline_end", "number", "Baseline at the end, signal unit."),
        Column("area", "number", "Area above the baseline, signal unit × s."),
        Column("area_se", "number", "Standard error of the area from noise, signal unit × s."),
        Column("height", "number", "Height of the apex above the baseline, signal unit."),
        Column("width_min", "number", "Full width at half height, min."),
        Column("noise", "number", "Noise σ of the trace, signal unit."),
        Column("snr_usp", "number", "S/N as 2H/h, h the peak-to-peak noise (USP, Ph. Eur.)."),
        Column("snr_sigma", "number", "S/N as H/σ."),
        Column("tailing", "number", "USP tailing factor at 5 % of the height."),
        Column("plates", "number", "Plate number 5.54·(t/w½)²."),
        Column(
            "resolution", "number", "Resolution to the nearer neighbour, 1.18·Δt/(w½,1 + w½,2)."
        ),
        Column(
            "method",
            "text",
            "How the area was taken; vendor: other software measured it.",
            choices=METHODS,
        ),
        Column(
            "area_auto",
            "number",
            "Area of the automatic integration where an event changed it, signal unit × s.",
        ),
        Column(
            "area_fit",
            "number",
            "Area by the shape learned from the run; signal unit × s.",
        ),
        Column("area_fit_se", "number", "Standard error of area_fit, signal unit × s."),
        Column("area_classical", "number", "Area between limits, signal unit × s."),
        Column(
            "misfit",
            "number",
            "Residuals of the fit around the peak (root mean square) over the noise; about 1 "
            "when the shape is right.",
        ),
        Column("flags", "text", "Flags, ';' between them."),
    ),
    key=(),
)

SUITABILITY = Table(
    "suitability",
    "One row per run × analyte × injection type: how the chromatography behaved.",
    (
        Column("run", "text", "HPLC sequence.", required=True),
        Column("channel", "text", "Detector channel."),
        Column("analyte", "text", "Analyte.", required=True),
        Column(
            "type", "text", "Type of the injections (sample, standard, blank, qc).", required=True
        ),
        Column("n", "integer", "Injections.", required=True),
        Column("n_found", "integer", "Injections in which it was found.", required=True),
        Column("rt_mean_min", "number", "Mean retention, min."),
        Column("rt_sd_min", "number", "Standard deviation of the retention, min."),
        Column(
            "rt_drift_min",
            "number",
            "Change of the retention from first to last injection (fitted line), min.",
        ),
        Column("tailing_median", "number", "Median USP tailing."),
        Column("plates_median", "number", "Median plate number."),
        Column("resolution_median", "number", "Median resolution to the nearer neighbour."),
        Column("snr_usp_median", "number", "Median S/N (2H/h)."),
        Column("height_median", "number", "Median height, signal unit."),
        Column("flags", "text", "Flags, ';' between them."),
    ),
    key=("run", "channel", "analyte", "type"),
)
