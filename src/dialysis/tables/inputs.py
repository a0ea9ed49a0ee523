"""The tables a lab fills in, `config/<study>/<name>.csv`."""

from __future__ import annotations

from dialysis.tables._table import Column, Table

YES_NO = ("yes", "no")

ANIMALS = Table(
    "animals",
    "One row per animal: what it was given and what it is compared with.",
    (
        Column("animal_id", "text", "Name of the animal, unique in the study.", required=True),
        Column("drug", "text", "Drug given, or the name of the vehicle.", required=True),
        Column("dose", "number", "Dose in dose_unit; 0 for vehicle.", required=True, minimum=0),
        Column("dose_unit", "text", "Unit of the dose, the same for all rows of a drug."),
        Column("route", "text", "Route, for example s.c. or i.p."),
        Column("pretreatment", "text", "Drug given before the dose, if any."),
        Column(
            "control",
            "text",
            "Name of the vehicle (its drug) this animal is compared with; "
            "only needed when there are several.",
        ),
        Column("sex", "text", "Sex.", choices=("female", "male")),
        Column("strain", "text", "Strain."),
        Column("weight_g", "number", "Body weight, g.", minimum=0, exclusive_minimum=True),
        Column("cohort", "text", "Cohort or batch."),
        Column("randomised", "text", "Whether allocation was randomised.", choices=YES_NO),
        Column("blinded", "text", "Whether the experimenter was blinded.", choices=YES_NO),
    ),
    key=("animal_id",),
)

PROBES = Table(
    "probes",
    "One row per probe; only for studies with several probes or regions, or with histology.",
    (
        Column("probe_id", "text", "Name of the probe, unique in the study.", required=True),
        Column("animal_id", "text", "The animal that carries it.", required=True),
        Column("region", "text", "Brain region.", required=True),
        Column(
            "placement_ok",
            "text",
            "Histology: was the probe in its region?",
            choices=("yes", "no", "unknown"),
        ),
        Column(
            "recovery_in_vitro",
            "number",
            "In-vitro recovery as a fraction of 1.",
            minimum=0,
            maximum=1,
            exclusive_minimum=True,
        ),
    ),
    key=("probe_id",),
)

INJECTION_TYPES = ("sample", "standard", "blank", "qc")

INJECTIONS = Table(
    "injections",
    "One row per injection: where its trace is and what was injected.",
    (
        Column(
            "injection_id",
            "text",
            "Name of the injection, unique in the study; made as run_order when empty.",
        ),
        Column("run", "text", "The HPLC sequence it belongs to.", required=True),
        Column(
            "injection_file",
            "text",
            "Export file, relative to raw/<study>/; several (one per channel, the vendor's "
            "reports) with ';' between.",
            required=True,
        ),
        Column("section", "text", "Which injection inside the file, when it holds several."),
        Column("order", "integer", "Position in the sequence, from 1.", minimum=1),
        Column(
            "injected_at",
            "text",
            "Injection time, ISO 8601; only when the export has none.",
        ),
        Column("vial", "text", "Vial position."),
        Column("type", "text", "What was injected.", required=True, choices=INJECTION_TYPES),
        Column("animal_id", "text", "Animal, for samples of animals with one probe."),
        Column("probe_id", "text", "Probe, for samples when there is a probes table."),
        Column("fraction", "integer", "Number of the fraction, from 1.", minimum=1),
        Column("start_min", "number", "Start of collection on the animal's clock, min."),
        Column("end_min", "number", "End of collection on the animal's clock, min."),
        Column("volume_uL", "number", "Dialysate volume in the vial, µL.", minimum=0),
        Column(
            "inj_uL",
            "number",
            "Injected volume, µL (else quantify.inj_uL).",
            minimum=0,
            exclusive_minimum=True,
        ),
        Column(
            "dilution",
            "number",
            "Dilution factor of this vial (for samples else quantify.dilution).",
            minimum=0,
            exclusive_minimum=True,
        ),
        Column("reinjection_of", "text", "injection_id of the first injection of the same vial."),
        Column("comment", "text", "Free text; a change of it reruns nothing."),
    ),
    key=("injection_id",),
)

AMOUNT_UNITS = ("fmol", "pmol", "nmol", "pg", "ng", "nM", "µM", "uM", "mM", "pg/µL", "pg/uL")

STANDARDS = Table(
    "standards",
    "One row per standard or QC injection and analyte: the amount that was injected.",
    (
        Column("injection_id", "text", "A standard, blank or QC of injections.", required=True),
        Column("analyte", "text", "An analyte of analytes.", required=True),
        Column("amount", "number", "Amount or concentration in `unit`.", required=True, minimum=0),
        Column(
            "unit",
            "text",
            "fmol, pmol, nmol, pg, ng on column, or nM, µM, mM, pg/µL.",
            required=True,
            choices=AMOUNT_UNITS,
        ),
        Column("level", "text", "Name of the level."),
        Column(
            "role",
            "text",
            "cal (default), bracket (drift check) or qc (accuracy check).",
            choices=("cal", "bracket", "qc"),
        ),
    ),
    key=("injection_id", "analyte"),
)

ANALYTES = Table(
    "analytes",
    "One row per analyte: where it elutes and how it is quantified.",
    (
        Column("analyte", "text", "Name of the analyte.", required=True),
        Column("run", "text", "A run this row is for; empty for all. A run's own row wins."),
        Column(
            "rt_min",
            "number",
            "Expected retention time, min.",
            required=True,
            minimum=0,
            exclusive_minimum=True,
        ),
        Column(
            "window_min",
            "number",
            "Half width of its retention window, min.",
            required=True,
            minimum=0,
            exclusive_minimum=True,
        ),
        Column(
            "mw", "number", "Molar mass of the free base, g/mol.", minimum=0, exclusive_minimum=True
        ),
        Column(
            "salt_mw",
            "number",
            "Molar mass of the salt the standard was weighed as, g/mol.",
            minimum=0,
            exclusive_minimum=True,
        ),
        Column(
            "internal_standard",
            "text",
            "none (default), the analyte that is its internal standard, or itself.",
        ),
        Column("channel", "text", "Detector channel; may be empty when there is one."),
        Column("response", "text", "area (default) or height.", choices=("area", "height")),
        Column("lod", "number", "Limit of detection given by the lab, fmol on column.", minimum=0),
    ),
    key=("analyte", "run"),
)

DOSES = Table(
    "doses",
    "One row per dosing event, on the animal's clock; without this table the dose is at 0 min.",
    (
        Column("animal_id", "text", "The animal.", required=True),
        Column("event", "text", "Name of the event.", required=True),
        Column("time_min", "number", "Start on the animal's clock, min.", required=True),
        Column("drug", "text", "What was given.", required=True),
        Column("dose", "number", "Dose in `unit`.", required=True, minimum=0),
        Column("unit", "text", "Unit of the dose."),
        Column("route", "text", "Route."),
        Column("end_min", "number", "End of an infusion or epoch, min."),
    ),
    key=("animal_id", "event"),
)

REASON_CODES = (
    "histology",
    "unstable_baseline",
    "probe_failure",
    "flow_failure",
    "lost_vial",
    "co_elution",
    "bad_injection",
    "bad_calibrator",
    "animal_welfare",
    "other",
)

EXCLUSIONS = Table(
    "exclusions",
    "One row per thing that is left out, with who decided and why; nothing is ever deleted.",
    (
        Column(
            "level",
            "text",
            "What is left out.",
            required=True,
            choices=("injection", "peak", "fraction", "probe", "animal"),
        ),
        Column(
            "id",
            "text",
            "injection_id for injection and peak; probe_id (or animal_id) and fraction as "
            "ID:FRACTION for fraction; probe_id; animal_id.",
            required=True,
        ),
        Column("analyte", "text", "The analyte; required for peak, else empty means all."),
        Column("reason_code", "text", "Reason from the list.", required=True, choices=REASON_CODES),
        Column("reason_text", "text", "Reason in words; required for `other`."),
        Column("decided_by", "text", "Who decided.", required=True),
        Column("decided_on", "text", "Date, YYYY-MM-DD.", required=True),
        Column("blinded", "text", "Was the decision made blind to group?", choices=YES_NO),
    ),
    key=("level", "id", "analyte"),
)

INTEGRATION_EVENT_TYPES = ("inhibit", "limits", "delete_peak")

INTEGRATION_EVENTS = Table(
    "integration_events",
    "One row per manual integration event; the automatic result is kept beside it.",
    (
        Column("injection_id", "text", "The injection.", required=True),
        Column("channel", "text", "Detector channel; may be empty when there is one."),
        Column("analyte", "text", "The analyte; required but for inhibit."),
        Column(
            "event",
            "text",
            "inhibit (no peak is found between start_min and end_min), limits (integrate from "
            "start_min to end_min above the straight line between the trace's values there), "
            "delete_peak (the analyte's peak is not real).",
            required=True,
            choices=INTEGRATION_EVENT_TYPES,
        ),
        Column("start_min", "number", "Start, min; required for inhibit and limits."),
        Column("end_min", "number", "End, min; required for inhibit and limits."),
        Column("value", "number", "Not used by these events."),
        Column("reason", "text", "Why.", required=True),
        Column("decided_by", "text", "Who decided.", required=True),
        Column("decided_on", "text", "Date, YYYY-MM-DD.", required=True),
    ),
    key=("injection_id", "channel", "analyte", "event", "start_min"),
)

REQUIRED_TABLES = (ANIMALS, INJECTIONS, ANALYTES)
OPTIONAL_TABLES = (STANDARDS, PROBES, DOSES, EXCLUSIONS, INTEGRATION_EVENTS)
INPUT_TABLES = REQUIRED_TABLES + OPTIONAL_TABLES
