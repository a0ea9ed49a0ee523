"""What rules, checks and flags are called in words, and what the names of columns say."""

from __future__ import annotations

# Rules of the verdicts and checks of a run.
RULES = {
    "no_figure": "No figure",
    "no_values": "No usable value",
    "fit_failed": "Model could not be fitted",
    "not_estimable": "Comparison without an estimate",
    "fit_singular": "A variance is zero",
    "model": "Warning of the model",
    "model_note": "About the model",
    "empty_group": "Group without animals",
    "few_animals": "Few animals",
    "vendor_areas": "Areas of other software",
    "given_concentrations": "Concentrations as given",
    "uncalibrated": "Not calibrated",
    "calibration_failed": "Calibration failed",
    "calibration_flagged": "Calibration flagged",
    "calibration_r2": "Calibration R²",
    "back_calculation": "Back-calculated standards",
    "lack_of_fit": "Lack of fit of the calibration",
    "calibrated_range": "Samples outside the calibrated range",
    "qc_accuracy": "QC accuracy",
    "bracket_accuracy": "Bracketing standards",
    "bracket_difference": "Change between brackets",
    "sensitivity_drift": "Drift of the sensitivity",
    "carry_over": "Carry-over",
    "carry_over_sample": "Carry-over into samples",
    "blank_response": "Signal in blanks",
    "blank_snr": "Peak in blanks",
    "internal_standard_recovery": "Internal standard recovery",
    "retention_drift": "Drift of retention",
    "tailing": "Tailing",
    "plates": "Plate number",
    "resolution": "Resolution",
    "broken_injection": "Broken injection",
    "swapped_vials": "Swapped vials",
    "chromatography": "Chromatography",
    "baseline_unstable": "Unstable baseline",
    "baseline_unusable": "Baseline not usable",
    "censored": "Below the limit of detection",
    "extrapolated": "Outside the calibrated range",
    "unused": "Fractions missing or left out",
    "rejected": "Rejected by a reviewer",
}

# Flags of peaks, values and fits.
FLAGS = {
    "ambiguous": "another large peak in the window",
    "below_lod": "below the limit of detection",
    "below_loq": "below the limit of quantification",
    "baseline_below_loq": "baseline below the limit of quantification",
    "baseline_censored": "baseline with values below the limit of detection",
    "calibrator_not_used": "standard left out of the calibration",
    "clipped": "clipped by the detector",
    "coeluting": "overlapped by an unknown peak",
    "drift": "retention drifts",
    "edge": "cut at the end of the range",
    "event_failed": "event could not be applied",
    "excluded": "left out of the calculation",
    "fit_failed": "model could not be fitted",
    "flat_top": "flat or double top",
    "front": "on the solvent front",
    "gap": "gap in the recording",
    "in_vitro_recovery": "divided by in-vitro recovery",
    "left_out": "left out",
    "local_baseline": "measured above a local straight line",
    "low_snr": "low signal-to-noise ratio",
    "manual": "integrated by a person",
    "manual_integration": "integrated by a person",
    "method_failed": "not measurable by the method asked for",
    "misplaced_probe": "probe misplaced",
    "misfit": "learned shape does not fit",
    "mixed_fluid": "fluid from before and after the dose",
    "named_by_window": "named by its window, not by the other software",
    "no_auc": "no area under the curve",
    "no_limits": "no limit of detection",
    "no_standard_error": "no standard error",
    "not_bracketed": "not between standards",
    "not_estimable": "no estimate",
    "not_found": "peak not found",
    "not_used": "fraction not used",
    "odd_retention": "not where the run has the analyte",
    "odd_width": "not as wide as the run has the analyte",
    "other_volume_than_standards": "other injection volume than the standards",
    "outside_window": "named outside its window",
    "reference_missing": "no retention reference in the run",
    "reinjected_mean": "mean of repeated injections",
    "retention_from_run": "retention taken from the run's trend",
    "riding": "rides on another peak",
    "spike": "spike in the trace",
    "straddles_dose": "straddles the dose",
    "unresolved": "resolution below 1",
    "unstable_baseline": "unstable baseline",
    "width_estimated": "width from one side",
}

# Column names whose words are not their parts.
_COLUMNS = {
    "adjustment": "Adjustment",
    "auc_pct_min": "AUC, % × min",
    "auc_net_pct_min": "Net AUC, % × min",
    "cooks_distance": "Cook's distance",
    "den_df": "Denominator df",
    "df": "df",
    "id": "What",
    "injection_id": "Injection",
    "animal_id": "Animal",
    "probe_id": "Probe",
    "log_ratio": "ln ratio",
    "n": "n",
    "num_df": "Numerator df",
    "p": "p",
    "p_adjusted": "p, adjusted",
    "p_all": "p, all times and groups",
    "p_family": "p, family of the stars",
    "p_within": "p, within this time",
    "pct_of_baseline": "% of baseline",
    "qc": "QC",
    "r2": "R²",
    "ratio_pct": "Ratio, % of control",
    "ratio_low_pct": "CI, low",
    "ratio_high_pct": "CI, high",
    "rt_min": "Retention, min",
    "se": "SE",
    "sd": "SD",
    "sd_pct": "SD, %",
    "sem_pct": "SEM, %",
    "sha256": "sha256",
    "snr_usp": "S/N (2H/h)",
    "snr_sigma": "S/N (H/σ)",
    "time_min": "Time, min",
    "tmax_min": "Time of the peak, min",
}
_UNITS = (
    ("_pct_per_fraction", ", % per fraction"),
    ("_pct_min", ", % × min"),
    ("_per_fraction", " per fraction"),
    ("_pct", ", %"),
    ("_min", ", min"),
    ("_fmol", ", fmol"),
    ("_nM", ", nM"),
    ("_uL", ", µL"),
    ("_bytes", ", bytes"),
    ("_s", ", s"),
    ("_g", ", g"),
)
_PARTS = {
    "lod": "LOD",
    "loq": "LOQ",
    "rt": "retention",
    "sd": "SD",
    "se": "SE",
    "snr": "S/N",
    "cv": "CV",
    "auc": "AUC",
    "sim": "simultaneous CI",
    "inj": "injected",
    "auto": "automatic",
    "usp": "(2H/h)",
    "auto,": "automatic,",
    "conc": "concentration",
    "rms": "RMS",
    "ci": "CI",
    "df": "df",
    "p": "p",
    "on": "on",
}


def rule_words(rule: str) -> str:
    """Name a rule: that of a check of a run without the ``suitability:`` before it."""
    code = rule.removeprefix("suitability:")
    return RULES.get(code) or flag_words(code)


def flag_words(flag: str) -> str:
    """Name a flag."""
    words = FLAGS.get(flag) or RULES.get(flag) or flag.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def column_words(name: str) -> str:
    """Heading of a column: its name in words, with the unit behind a comma."""
    known = _COLUMNS.get(name)
    if known:
        return known
    unit = ""
    for ending, text in _UNITS:
        if name.endswith(ending) and name != ending[1:]:
            name, unit = name.removesuffix(ending), text
            break
    words = " ".join(_PARTS.get(part, part) for part in name.split("_") if part)
    return words[:1].upper() + words[1:] + unit if words[:2] != "p " else words + unit
