"""The tables a lab fills in, `config/<study>/<name>.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
            "reports) with ';' between. Required unless the study starts from areas or "
            "concentrations.",
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
            "Expected retention time, min. Required unless the study starts from areas or "
            "concentrations.",
            minimum=0,
            exclusive_minimum=True,
        ),
        Column(
            "window_min",
            "number",
            "Half width of its retention window, min. Required like rt_min.",
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
        Column("comment", "text", "Free text; a change of it reruns nothing."),
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

# In injection_id: all injections, of a run or of the study.
EVERY_INJECTION = "*"


@dataclass(frozen=True)
class EventRule:
    """What one type of integration event does, and which columns it uses.

    Parameters
    ----------
    does : str
        What it does, for the reference.
    needs, takes : tuple of str
        Columns that must and that may have a value, of analyte, start_min, end_min, value.
    wide : bool
        Whether it may be for all injections of a run or of the study.
    """

    does: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    wide: bool = True


INTEGRATION_EVENT_RULES: Mapping[str, EventRule] = MappingProxyType(
    {
        "inhibit": EventRule(
            "no peak is found from start_min to end_min", ("start_min", "end_min")
        ),
        "limits": EventRule(
            "the analyte is integrated from start_min to end_min above the straight line between "
            "the trace's values there",
            ("analyte", "start_min", "end_min"),
        ),
        "start": EventRule("its integration begins at start_min", ("analyte", "start_min")),
        "end": EventRule("its integration ends at end_min", ("analyte", "end_min")),
        "baseline": EventRule(
            "its baseline is a straight line through the trace (or `value`) at start_min, and "
            "through the trace at end_min where that is given",
            ("analyte", "start_min"),
            ("end_min", "value"),
        ),
        "drop": EventRule(
            "it is measured between its limits above the automatic baseline, parted from "
            "neighbours by perpendiculars",
            ("analyte",),
        ),
        "tangent": EventRule("it is skimmed off its neighbour by a tangent", ("analyte",)),
        "skim": EventRule("it is skimmed off its neighbour by an exponential", ("analyte",)),
        "split": EventRule("the peak over start_min is parted there", ("start_min",)),
        "merge": EventRule(
            "the peaks with an apex from start_min to end_min are one", ("start_min", "end_min")
        ),
        "add_peak": EventRule(
            "there is a peak from start_min to end_min that was not found",
            ("start_min", "end_min"),
            ("analyte",),
            wide=False,
        ),
        "delete_peak": EventRule("the analyte's peak is not real", ("analyte",)),
    }
)
INTEGRATION_EVENT_TYPES = tuple(INTEGRATION_EVENT_RULES)

INTEGRATION_EVENTS = Table(
    "integration_events",
    "One row per manual integration event; the automatic result is kept beside it.",
    (
        Column(
            "injection_id",
            "text",
            f"The injection; {EVERY_INJECTION} for all of a run, or of the study where `run` is "
            "empty. What is decided for one injection goes before what is decided for its run, "
            "and that before what is decided for the study.",
            required=True,
        ),
        Column("run", "text", f"The run, where injection_id is {EVERY_INJECTION}; else empty."),
        Column("channel", "text", "Detector channel; may be empty when there is one."),
        Column("analyte", "text", "The analyte, for events on a peak that has a name."),
        Column(
            "event",
            "text",
            "; ".join(f"{name}: {rule.does}" for name, rule in INTEGRATION_EVENT_RULES.items())
            + ".",
            required=True,
            choices=INTEGRATION_EVENT_TYPES,
        ),
        Column("start_min", "number", "Start, min after injection."),
        Column("end_min", "number", "End, min after injection."),
        Column("value", "number", "For baseline: its level at start_min, signal unit."),
        Column("reason", "text", "Why.", required=True),
        Column("decided_by", "text", "Who decided.", required=True),
        Column("decided_on", "text", "Date, YYYY-MM-DD.", required=True),
    ),
    key=("injection_id", "run", "channel", "analyte", "event", "start_min"),
)

AREAS = Table(
    "areas",
    "One row per injection × analyte: areas or heights that other software measured; read when "
    "ingest.start is areas. An empty or zero area is a peak that was sought and not found; without "
    "a row the analyte was not measured.",
    (
        Column("injection_id", "text", "An injection of injections.", required=True),
        Column("analyte", "text", "An analyte of analytes.", required=True),
        Column("area", "number", "Peak area, in one unit for all injections of a run.", minimum=0),
        Column("height", "number", "Peak height, likewise.", minimum=0),
        Column("rt_min", "number", "Retention time, min.", minimum=0),
    ),
    key=("injection_id", "analyte"),
)

CONCENTRATION_UNITS = (
    "pM",
    "nM",
    "µM",
    "uM",
    "mM",
    "fmol/µL",
    "fmol/uL",
    "pg/µL",
    "pg/uL",
    "ng/mL",
)

GIVEN_CONCENTRATIONS = Table(
    "concentrations",
    "One row per sample × analyte: concentrations in the dialysate that were computed elsewhere; "
    "read when ingest.start is concentrations. A sample is named by its injection, or by animal "
    "(or probe) and fraction; then injections may be absent.",
    (
        Column("injection_id", "text", "An injection of injections."),
        Column("animal_id", "text", "Animal, for animals with one probe."),
        Column("probe_id", "text", "Probe, when there is a probes table."),
        Column("fraction", "integer", "Number of the fraction, from 1.", minimum=1),
        Column("analyte", "text", "An analyte of analytes.", required=True),
        Column(
            "concentration",
            "text",
            "Concentration in `unit`; <LOD or <number for a value below its limit of detection; "
            "empty when there is none.",
        ),
        Column(
            "unit",
            "text",
            "pM, nM, µM, mM, fmol/µL, or pg/µL and ng/mL (with mw in analytes).",
            required=True,
            choices=CONCENTRATION_UNITS,
        ),
        Column("lod", "number", "Limit of detection in `unit`.", minimum=0),
        Column("loq", "number", "Limit of quantification in `unit`.", minimum=0),
        Column(
            "start_min",
            "number",
            "Start of collection on the animal's clock, min; without injections.",
        ),
        Column(
            "end_min", "number", "End of collection on the animal's clock, min; without injections."
        ),
    ),
)

INPUT_TABLES = (
    ANIMALS,
    INJECTIONS,
    ANALYTES,
    STANDARDS,
    PROBES,
    DOSES,
    EXCLUSIONS,
    INTEGRATION_EVENTS,
    AREAS,
    GIVEN_CONCENTRATIONS,
)
