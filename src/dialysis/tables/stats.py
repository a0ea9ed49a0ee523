"""What `stats` hands on, under `stats/<outcome>/`.

Every table has `status` and `reason`: a fit that fails is a row that says why.
"""

from __future__ import annotations

from dialysis.tables._table import Column, Table

_STATUS = (
    Column(
        "status",
        "text",
        "ok, singular (a correlation sits on its bound), failed or not_estimable.  A variance that "
        "is estimated as zero is ok: the reason names it.",
        required=True,
        choices=("ok", "singular", "failed", "not_estimable"),
    ),
    Column("reason", "text", "Why, when it is not ok; what is special about it, when it is."),
)
_OUTCOME = Column("outcome", "text", "Slug of the outcome.", required=True)

ANOVA = Table(
    "anova",
    "One row per term of the model.",
    (
        _OUTCOME,
        Column("term", "text", "Term of the model.", required=True),
        Column("num_df", "number", "Numerator degrees of freedom."),
        Column(
            "den_df",
            "number",
            "Denominator degrees of freedom, by the method that model.json names.",
        ),
        Column("statistic", "number", "F."),
        Column("p", "number", "p-value.", minimum=0, maximum=1),
        *_STATUS,
    ),
    key=("outcome", "term"),
)

CONTRASTS = Table(
    "contrasts",
    "One row per group × time: the group against its control.",
    (
        _OUTCOME,
        Column("group", "text", "Group.", required=True),
        Column("control", "text", "Group it is compared with.", required=True),
        Column("time_index", "integer", "Fraction counted from the dose.", required=True),
        Column("time_min", "number", "Its mean time from the dose, min."),
        Column("log_ratio", "number", "Estimated ln(ratio to control)."),
        Column("se", "number", "Its standard error."),
        Column("df", "number", "Degrees of freedom."),
        Column("statistic", "number", "t."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("p_within", "number", "Adjusted within this time.", minimum=0, maximum=1),
        Column("p_all", "number", "Adjusted over all times and groups.", minimum=0, maximum=1),
        Column("adjustment", "text", "Method of the adjustments."),
        Column("ratio_pct", "number", "100·exp(log_ratio): percent of control's response."),
        Column("ratio_low_pct", "number", "Lower end of its unadjusted CI."),
        Column("ratio_high_pct", "number", "Upper end."),
        Column(
            "sim_low_pct",
            "number",
            "Lower end of its simultaneous CI over the family that the stars are for, Bonferroni's "
            "where p-values are Holm's. At the confidence 1 − alpha 100 lies outside it exactly "
            "where there is a star, but for Holm's.",
        ),
        Column("sim_high_pct", "number", "Upper end."),
        Column("stars", "text", "Stars by the family the study chose."),
        *_STATUS,
    ),
    key=("outcome", "group", "time_index"),
)

EMMEANS = Table(
    "emmeans",
    "One row per group × time: the model's mean at the mean baseline, on the percent scale.",
    (
        _OUTCOME,
        Column("group", "text", "Group.", required=True),
        Column("time_index", "integer", "Fraction counted from the dose.", required=True),
        Column("time_min", "number", "Its mean time from the dose, min."),
        Column("n", "integer", "Animals with a value in this cell.", required=True),
        Column("log_mean", "number", "Estimated mean ln(conc/baseline)."),
        Column("se", "number", "Its standard error."),
        Column("df", "number", "Degrees of freedom."),
        Column("mean_pct", "number", "100·exp(log_mean): geometric mean percent of baseline."),
        Column("low_pct", "number", "Lower end of its CI."),
        Column("high_pct", "number", "Upper end."),
        *_STATUS,
    ),
    key=("outcome", "group", "time_index"),
)

MEANS = Table(
    "means",
    "One row per group × time, baseline included: what the figure shows.",
    (
        _OUTCOME,
        Column("group", "text", "Group.", required=True),
        Column("time_index", "integer", "Fraction counted from the dose.", required=True),
        Column("time_min", "number", "Its mean time from the dose, min.", required=True),
        Column("n", "integer", "Animals with a value.", required=True),
        Column("mean_pct", "number", "Arithmetic mean percent of baseline over animals."),
        Column("sd_pct", "number", "Standard deviation."),
        Column("sem_pct", "number", "Standard error of the mean."),
        Column("low_pct", "number", "Lower end of the t CI of the mean."),
        Column("high_pct", "number", "Upper end."),
        Column("geomean_pct", "number", "Geometric mean."),
        Column("geomean_low_pct", "number", "Lower end of its t CI (on logs)."),
        Column("geomean_high_pct", "number", "Upper end."),
        Column("n_censored", "integer", "Values below the limit of detection.", required=True),
    ),
    key=("outcome", "group", "time_index"),
)

AUC = Table(
    "auc",
    "One row per group: per-animal AUC (Σ P·Δt) and its comparison with the control.",
    (
        _OUTCOME,
        Column("group", "text", "Group.", required=True),
        Column("control", "text", "Group it is compared with.", required=True),
        Column("n", "integer", "Animals with a complete window.", required=True),
        Column("mean_pct_min", "number", "Mean AUC, % × min."),
        Column("sd_pct_min", "number", "Standard deviation."),
        Column("low_pct_min", "number", "Lower end of the t CI of the mean."),
        Column("high_pct_min", "number", "Upper end."),
        Column("difference_pct_min", "number", "Difference from the control."),
        Column(
            "p_adjusted",
            "number",
            "p-value adjusted over groups: that of the figure and of the results paragraph.",
            minimum=0,
            maximum=1,
        ),
        Column("statistic", "number", "t of the difference."),
        Column("df", "number", "Degrees of freedom."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("adjustment", "text", "Method of the adjustment."),
        *_STATUS,
    ),
    key=("outcome", "group"),
)

AUC_MODEL = Table(
    "auc_model",
    "One row per group: area under the model's time course, to which incomplete animals "
    "contribute, and its comparison with the control.",
    (
        _OUTCOME,
        Column("group", "text", "Group.", required=True),
        Column("control", "text", "Group it is compared with.", required=True),
        Column("n", "integer", "Animals in the model.", required=True),
        Column("window_min", "number", "Minutes that the area is over."),
        Column("auc_pct_min", "number", "Σ Δt·100·exp(model mean), % × min."),
        Column("se", "number", "Its standard error, by the delta method."),
        Column("df", "number", "Its degrees of freedom."),
        Column("low_pct_min", "number", "Lower end of its CI."),
        Column("high_pct_min", "number", "Upper end."),
        Column(
            "geomean_pct",
            "number",
            "100·exp(time-weighted mean of the model means): geometric mean percent of baseline "
            "over time, another quantity than the area.",
        ),
        Column("difference_pct_min", "number", "Difference of areas from the control."),
        Column("difference_se", "number", "Its standard error."),
        Column("difference_df", "number", "Its degrees of freedom."),
        Column("statistic", "number", "t of the difference."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("p_adjusted", "number", "Adjusted over groups.", minimum=0, maximum=1),
        Column("sim_low_pct_min", "number", "Lower end of its simultaneous CI."),
        Column("sim_high_pct_min", "number", "Upper end."),
        Column("adjustment", "text", "Method of the adjustment."),
        *_STATUS,
    ),
    key=("outcome", "group"),
)

SECONDARY = Table(
    "secondary",
    "One row per group × time: the group against its control in the secondary model, of percent "
    "of baseline.",
    (
        _OUTCOME,
        Column("group", "text", "Group.", required=True),
        Column("control", "text", "Group it is compared with.", required=True),
        Column("time_index", "integer", "Fraction counted from the dose.", required=True),
        Column("time_min", "number", "Its mean time from the dose, min."),
        Column("difference_pct", "number", "Difference in percentage points of baseline."),
        Column("se", "number", "Its standard error."),
        Column("df", "number", "Degrees of freedom."),
        Column("statistic", "number", "t."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("p_within", "number", "Adjusted within this time.", minimum=0, maximum=1),
        Column("p_all", "number", "Adjusted over all times and groups.", minimum=0, maximum=1),
        Column("low_pct", "number", "Lower end of the unadjusted CI of the difference."),
        Column("high_pct", "number", "Upper end."),
        Column("adjustment", "text", "Method of the adjustments."),
        *_STATUS,
    ),
    key=("outcome", "group", "time_index"),
)

SECONDARY_ANOVA = Table(
    "secondary_anova",
    "One row per term of the secondary model, of percent of baseline.",
    ANOVA.columns,
    key=("outcome", "term"),
)

DOSE = Table(
    "dose",
    "Dose response: one row per drug × time for the linear trend over log dose, one per drug for "
    "the mean over the window, one for the areas of animals, and one per parameter of Emax.",
    (
        _OUTCOME,
        Column("drug", "text", "Drug, with its control.", required=True),
        Column("model", "text", "trend or emax.", required=True, choices=("trend", "emax")),
        Column(
            "scope",
            "text",
            "window (the model's mean over the time after the dose), the time_index, or auc (the "
            "areas of animals, in their linear model).",
            required=True,
        ),
        Column("parameter", "text", "slope, e0, emax or ed50.", required=True),
        Column("n_doses", "integer", "Dose levels used.", required=True),
        Column(
            "estimate",
            "number",
            "slope: ln(ratio) per ln(dose), of areas % × min per ln(dose); e0, emax: "
            "ln(conc/baseline); ed50: unit of the dose.",
        ),
        Column("se", "number", "Its standard error."),
        Column("df", "number", "Degrees of freedom."),
        Column("statistic", "number", "t."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("p_adjusted", "number", "Adjusted over the times.", minimum=0, maximum=1),
        Column("low", "number", "Lower end of the CI of the estimate."),
        Column("high", "number", "Upper end."),
        Column("per_doubling_pct", "number", "slope: 100·2^slope, response per doubled dose."),
        *_STATUS,
    ),
    key=("outcome", "drug", "model", "scope", "parameter"),
)

INTERACTION = Table(
    "interaction",
    "Pretreatment × treatment: one row per time (and one for the mean over the window) of every "
    "two groups with the same treatment and different controls.",
    (
        _OUTCOME,
        Column("group", "text", "Group, the pretreated one.", required=True),
        Column("control", "text", "Its control.", required=True),
        Column("other_group", "text", "Group with the same treatment.", required=True),
        Column("other_control", "text", "Its control.", required=True),
        Column(
            "scope",
            "text",
            "window (mean over the time after the dose) or the time_index.",
            required=True,
        ),
        Column(
            "log_ratio",
            "number",
            "ln of the ratio of ratios: (group / control) / (other_group / other_control).",
        ),
        Column("se", "number", "Its standard error."),
        Column("df", "number", "Degrees of freedom."),
        Column("statistic", "number", "t."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("p_adjusted", "number", "Adjusted over the times.", minimum=0, maximum=1),
        Column("ratio_pct", "number", "100·exp(log_ratio): 100 where the effects are the same."),
        Column("ratio_low_pct", "number", "Lower end of its unadjusted CI."),
        Column("ratio_high_pct", "number", "Upper end."),
        *_STATUS,
    ),
    key=("outcome", "group", "other_group", "scope"),
)

SENSITIVITY = Table(
    "sensitivity",
    "One row per other way to treat the data × group × time: the same comparison again.",
    (
        _OUTCOME,
        Column(
            "variant",
            "text",
            "lod_half, lod_sqrt2 (what stands for values below the limit of detection) or "
            "with_excluded (values that were left out put back).",
            required=True,
        ),
        Column("group", "text", "Group.", required=True),
        Column("control", "text", "Group it is compared with.", required=True),
        Column("time_index", "integer", "Fraction counted from the dose.", required=True),
        Column("ratio_pct", "number", "Percent of control's response."),
        Column("ratio_low_pct", "number", "Lower end of its unadjusted CI."),
        Column("ratio_high_pct", "number", "Upper end."),
        Column(
            "p_family", "number", "Adjusted over the family of the stars.", minimum=0, maximum=1
        ),
        Column("stars", "text", "Stars."),
        Column("change_pct", "number", "100·(ratio / ratio as analysed − 1)."),
        Column("star_changes", "flag", "Whether a star appears or goes at the level of one star."),
        *_STATUS,
    ),
    key=("outcome", "variant", "group", "time_index"),
)

CHECKS = Table(
    "checks",
    "Other analyses of the same log ratios, as a check: one row per method × term.",
    (
        _OUTCOME,
        Column("method", "text", "The other analysis.", required=True),
        Column("term", "text", "What is compared.", required=True),
        Column("num_df", "number", "Numerator degrees of freedom."),
        Column("den_df", "number", "Denominator degrees of freedom."),
        Column("epsilon", "number", "Correction of both for unequal covariances."),
        Column("statistic", "number", "F, or the other method's number."),
        Column("p", "number", "p-value.", minimum=0, maximum=1),
        Column("ours", "number", "The same of the model, where it has one."),
        Column("reason", "text", "Why there is no number."),
    ),
    key=("outcome", "method", "term"),
)

RESIDUALS = Table(
    "residuals",
    "One row per value in the model: for residual against fitted and Q–Q plots.",
    (
        _OUTCOME,
        Column("animal_id", "text", "Animal.", required=True),
        Column("probe_id", "text", "Probe.", required=True),
        Column("group", "text", "Group.", required=True),
        Column("time_index", "integer", "Fraction counted from the dose.", required=True),
        Column("time_min", "number", "Minutes from the dose."),
        Column("log_ratio", "number", "ln(conc/baseline)."),
        Column("fitted", "number", "The model's mean for it."),
        Column("residual", "number", "The difference."),
        Column(
            "scaled_residual",
            "number",
            "Residual whitened by the fitted covariance: independent standard normal where the "
            "model holds.",
        ),
        Column("normal_quantile", "number", "What a normal sample has at its rank."),
    ),
    key=("outcome", "probe_id", "time_index"),
)

VARIOGRAM = Table(
    "variogram",
    "One row per lag: half the mean squared difference of two residuals of an animal.",
    (
        _OUTCOME,
        Column("lag_min", "number", "Minutes between the two.", required=True),
        Column("n_pairs", "integer", "Pairs.", required=True),
        Column("semivariance", "number", "Half their mean squared difference."),
        Column("fitted_semivariance", "number", "What the fitted covariance expects."),
    ),
    key=("outcome", "lag_min"),
)

INFLUENCE = Table(
    "influence",
    "One row per animal: what the comparisons are without it, the covariance kept.",
    (
        _OUTCOME,
        Column("animal_id", "text", "Animal that is left out.", required=True),
        Column("group", "text", "Its group.", required=True),
        Column("n", "integer", "Its values in the model.", required=True),
        Column(
            "cooks_distance",
            "number",
            "Cook's distance over all comparisons: change' cov⁻¹ change / rank.",
        ),
        Column("largest_change_se", "number", "Largest change of a comparison, in its SE."),
        Column("changed_group", "text", "Group of that comparison."),
        Column("changed_time_index", "integer", "Its time."),
        Column("ratio_pct", "number", "Its ratio without the animal."),
        Column("reason", "text", "Why it can't be computed."),
    ),
    key=("outcome", "animal_id"),
)

OUTCOME_TABLES = (
    ANOVA,
    CONTRASTS,
    EMMEANS,
    MEANS,
    AUC,
    AUC_MODEL,
    SECONDARY,
    SECONDARY_ANOVA,
    DOSE,
    INTERACTION,
    SENSITIVITY,
    CHECKS,
    RESIDUALS,
    VARIOGRAM,
    INFLUENCE,
)
