"""What `figures` hands on, under `figures/<outcome>/`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table

SOURCE_DATA = Table(
    "source_data",
    "Everything a time-course figure shows: one row per group, per mean and per individual value. "
    "The figure is drawn from this table and from nothing else.",
    (
        Column("outcome", "text", "Slug of the outcome.", required=True),
        Column("outcome_label", "text", "Printed label of the outcome.", required=True),
        Column(
            "row",
            "text",
            "group (a legend entry), mean (a large marker), individual (a point of a thin line) or "
            "event (a dose or an epoch).",
            required=True,
            choices=("group", "mean", "individual", "event"),
        ),
        Column(
            "group_order",
            "integer",
            "Place of the group in legends, from 1; with drug, dose and is_control it sets colour, "
            "marker and line.",
            required=True,
        ),
        Column("group", "text", "Group label.", required=True),
        Column("group_label", "text", "Printed label of the group.", required=True),
        Column("drug", "text", "Drug.", required=True),
        Column("drug_label", "text", "Printed label of the drug.", required=True),
        Column("dose", "number", "Dose in dose_unit.", required=True),
        Column("dose_unit", "text", "Unit of the dose."),
        Column("route", "text", "Route."),
        Column("control", "text", "Group this one is compared with.", required=True),
        Column("is_control", "flag", "Whether the group is a vehicle group.", required=True),
        Column("animal_id", "text", "Animal of an individual value."),
        Column("probe_id", "text", "Probe of an individual value."),
        Column(
            "time_index",
            "integer",
            "Place of the fraction counted from the dose; missing in a group row.",
        ),
        Column("time_min", "number", "Time from the dose, lag-corrected, min."),
        Column(
            "pct_of_baseline",
            "number",
            "Percent of baseline (100 = no change): the value, or the mean.",
        ),
        Column("low_pct", "number", "Lower end of the error bar of a mean."),
        Column("high_pct", "number", "Upper end of the error bar of a mean."),
        Column("center", "text", "Kind of mean.", choices=("arithmetic", "geometric")),
        Column("error_bar", "text", "What the error bar is, for example '95 % CI'."),
        Column("n", "integer", "Animals in a mean; in a group row, animals shown at any time."),
        Column("censored", "flag", "Individual value below the limit of detection."),
        Column("n_censored", "integer", "Values of a mean that are."),
        Column("stars", "text", "Stars of the group against its control at this time."),
        Column(
            "marks",
            "text",
            "What the figure says of its numbers: vendor areas, concentrations as given, "
            "uncalibrated; ';' between them.",
        ),
        Column("end_min", "number", "End of an epoch, min from the first dose; an arrow without."),
        Column("text", "text", "What was given in an event."),
    ),
    key=("outcome", "row", "group", "probe_id", "time_index", "time_min", "text"),
)

FIGURE_DATA = Table(
    "figure_data",
    "Everything a further figure of a bundle shows: one row per group, mean, individual value, "
    "event, limit or trend. The figure is drawn from this table and from nothing else.",
    (
        Column("outcome", "text", "Slug of the outcome.", required=True),
        Column("outcome_label", "text", "Printed label of the outcome.", required=True),
        Column("analyte_label", "text", "Printed name of the analyte or ratio.", required=True),
        Column("region", "text", "Printed brain region; empty when the study names none."),
        Column(
            "row",
            "text",
            "group (a legend entry), mean (a large marker), individual (a small one or a point of "
            "a thin line), event (a dose or an epoch), limit (of detection) or trend (over dose).",
            required=True,
            choices=("group", "mean", "individual", "event", "limit", "trend"),
        ),
        Column("group_order", "integer", "Place of the group in legends, from 1.", required=True),
        Column("group", "text", "Group label.", required=True),
        Column("group_label", "text", "Printed label of the group.", required=True),
        Column("drug", "text", "Drug.", required=True),
        Column("drug_label", "text", "Printed label of the drug.", required=True),
        Column("dose", "number", "Dose in dose_unit.", required=True),
        Column("dose_unit", "text", "Unit of the dose."),
        Column("route", "text", "Route."),
        Column("control", "text", "Group this one is compared with.", required=True),
        Column("is_control", "flag", "Whether the group is a vehicle group.", required=True),
        Column("animal_id", "text", "Animal of an individual value."),
        Column("probe_id", "text", "Probe of an individual value."),
        Column("time_index", "integer", "Place of the fraction counted from the dose."),
        Column("time_min", "number", "Time from the dose, lag-corrected, min."),
        Column("end_min", "number", "End of an epoch, min from the first dose; an arrow without."),
        Column("value", "number", "The value, mean, estimate or limit, in `unit`."),
        Column("low", "number", "Lower end of the error bar."),
        Column("high", "number", "Upper end."),
        Column("outer_low", "number", "Lower end of the longer, thinner bar, where there is one."),
        Column("outer_high", "number", "Upper end."),
        Column("unit", "text", "Unit of the numbers.", required=True),
        Column("center", "text", "Kind of mean or estimate."),
        Column("error_bar", "text", "What the error bar is, for example '95 % CI'."),
        Column("n", "integer", "Animals in a mean; in a group row, animals shown."),
        Column("censored", "flag", "Individual value below the limit of detection."),
        Column("n_censored", "integer", "Values of a mean that are."),
        Column("p", "number", "p-value of a comparison or trend, adjusted.", minimum=0, maximum=1),
        Column("stars", "text", "Stars of the group against its control."),
        Column("marks", "text", "What the figure says of its numbers; ';' between them."),
        Column("text", "text", "What was given in an event."),
    ),
    key=("outcome", "row", "group", "probe_id", "time_index", "time_min", "text"),
)
