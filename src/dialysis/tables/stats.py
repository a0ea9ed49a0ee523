"""What `stats` hands on, under `stats/<outcome>/`.

Every table has `status` and `reason`: a fit that fails is a row that says why.
"""

from __future__ import annotations

from dialysis.tables._table import Column, Table

_STATUS = (
    Column(
        "status",
        "text",
        "ok, singular (a variance is zero), failed or not_estimable.",
        required=True,
        choices=("ok", "singular", "failed", "not_estimable"),
    ),
    Column("reason", "text", "Why, when it is not ok."),
)
_OUTCOME = Column("outcome", "text", "Slug of the outcome.", required=True)

ANOVA = Table(
    "anova",
    "One row per term of the model.",
    (
        _OUTCOME,
        Column("term", "text", "Term of the model.", required=True),
        Column("num_df", "number", "Numerator degrees of freedom."),
        Column("den_df", "number", "Denominator degrees of freedom."),
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
        Column("ratio_low_pct", "number", "Lower end of its unadjusted 95 % CI."),
        Column("ratio_high_pct", "number", "Upper end."),
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
        Column("low_pct", "number", "Lower end of its 95 % CI."),
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
        Column("low_pct", "number", "Lower end of the 95 % t CI of the mean."),
        Column("high_pct", "number", "Upper end."),
        Column("geomean_pct", "number", "Geometric mean."),
        Column("geomean_low_pct", "number", "Lower end of its 95 % t CI (on logs)."),
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
        Column("low_pct_min", "number", "Lower end of the 95 % t CI of the mean."),
        Column("high_pct_min", "number", "Upper end."),
        Column("difference_pct_min", "number", "Difference from the control."),
        Column("statistic", "number", "t of the difference."),
        Column("df", "number", "Degrees of freedom."),
        Column("p", "number", "Unadjusted p-value.", minimum=0, maximum=1),
        Column("p_adjusted", "number", "Adjusted over groups.", minimum=0, maximum=1),
        Column("adjustment", "text", "Method of the adjustment."),
        *_STATUS,
    ),
    key=("outcome", "group"),
)
