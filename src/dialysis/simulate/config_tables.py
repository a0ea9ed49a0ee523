"""The tables and the study.yaml of a simulated study, as a lab would fill them in."""

from __future__ import annotations

import pandas as pd

from dialysis.files import csv_text
from dialysis.simulate.plan import MEASURED, StudyPlan, basal_amounts
from dialysis.simulate.testbed import DEMO_PEAKS, INTERNAL_STANDARD
from dialysis.tables.inputs import EXCLUSIONS

# Half widths, min, around the nominal apex; free-base molar masses, g/mol.
_WINDOWS_MIN = {
    "NE": 0.40,
    "DHBA": 0.60,
    "DOPAC": 0.45,
    "DA": 0.40,
    "5-HIAA": 0.60,
    "HVA": 0.40,
    "5-HT": 0.38,
}
_MOLAR_MASSES = {
    "NE": 169.18,
    "DHBA": 139.15,
    "DOPAC": 168.15,
    "DA": 153.18,
    "5-HIAA": 191.18,
    "HVA": 182.17,
    "5-HT": 176.22,
}


def export_file(run: str, injection_id: str, label: str, suffix: str) -> str:
    """Name of an injection's export, relative to raw/<study>/."""
    return f"{run}/{injection_id}_{label}{suffix}"


def config_files(plan: StudyPlan, suffix: str, ingest: str = "") -> dict[str, str]:
    """Return the text of every file of `config/<study>/`, by name.

    Parameters
    ----------
    plan : StudyPlan
        The study.
    suffix : str
        Ending of the export files.
    ingest : str
        Section `ingest` of study.yaml, where the exports must be declared.
    """
    return {
        "study.yaml": _study_yaml(plan, ingest),
        "animals.csv": csv_text(_animals(plan)),
        "probes.csv": csv_text(_probes(plan)),
        "injections.csv": csv_text(_injections(plan, suffix)),
        "standards.csv": csv_text(_standards(plan)),
        "analytes.csv": csv_text(_analytes()),
        "doses.csv": csv_text(_doses(plan)),
        "exclusions.csv": csv_text(_exclusions(plan)),
    }


def _animals(plan: StudyPlan) -> pd.DataFrame:
    # By group, as drugs appear in figures in the order of this table.
    order = {(group.drug, group.dose): place for place, group in enumerate(plan.design.groups)}
    place = [order[row.drug, row.dose] for row in plan.animals.itertuples()]
    animals = plan.animals.assign(place=place).sort_values("place", kind="stable")
    table = animals[["animal_id", "drug", "dose"]].copy()
    table["dose_unit"] = plan.design.dose_unit
    table["route"] = plan.design.route
    table["sex"] = "male"
    table["strain"] = "Wistar"
    table["weight_g"] = animals["weight_g"]
    table["randomised"] = "yes"
    table["blinded"] = "yes"
    return table


def _probes(plan: StudyPlan) -> pd.DataFrame:
    table = plan.animals[["probe_id", "animal_id"]].copy()
    table["region"] = plan.design.region
    table["placement_ok"] = plan.animals["misplaced"].map({True: "no", False: "yes"})
    table["recovery_in_vitro"] = plan.animals["recovery"]
    return table


def _injections(plan: StudyPlan, suffix: str) -> pd.DataFrame:
    rows = plan.injections
    table = rows[["injection_id", "run"]].copy()
    table["injection_file"] = [
        export_file(str(row.run), str(row.injection_id), str(row.label), suffix)
        for row in rows.itertuples()
    ]
    table["order"] = rows["order"]
    table["vial"] = rows["order"]
    for name in ("type", "animal_id", "probe_id", "fraction", "start_min", "end_min"):
        table[name] = rows[name]
    volume = plan.design.flow_uL_min * plan.design.fraction_min
    table["volume_uL"] = pd.Series(volume, index=rows.index).where(rows["type"] == "sample")
    table["comment"] = rows["comment"]
    return table


def _standards(plan: StudyPlan) -> pd.DataFrame:
    basal = basal_amounts(plan.design)
    rows = plan.injections[plan.injections["level"].notna()]
    return pd.DataFrame(
        [
            (row.injection_id, name, row.level * basal[name], "fmol", row.label, row.role)
            for row in rows.itertuples()
            for name in MEASURED
        ],
        columns=["injection_id", "analyte", "amount", "unit", "level", "role"],
    )


def _analytes() -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                model.analyte,
                round(model.rt_min, 2),
                _WINDOWS_MIN[model.analyte],
                _MOLAR_MASSES[model.analyte],
                "itself" if model.analyte == INTERNAL_STANDARD else INTERNAL_STANDARD,
            )
            for model in DEMO_PEAKS
        ],
        columns=["analyte", "rt_min", "window_min", "mw", "internal_standard"],
    )


def _doses(plan: StudyPlan) -> pd.DataFrame:
    table = plan.animals[["animal_id"]].copy()
    table["event"] = "dose"
    table["time_min"] = plan.design.fractions.dose_min
    table["drug"] = plan.animals["drug"]
    table["dose"] = plan.animals["dose"]
    table["unit"] = plan.design.dose_unit
    table["route"] = plan.design.route
    return table


def _exclusions(plan: StudyPlan) -> pd.DataFrame:
    unstable = plan.animals.loc[plan.animals["unstable"], "animal_id"]
    return pd.DataFrame(
        [
            (
                "animal",
                animal,
                "",
                "unstable_baseline",
                "All analytes fall throughout the baseline fractions.",
                "demo",
                "2024-06-03",
                "yes",
            )
            for animal in unstable
        ],
        columns=EXCLUSIONS.column_names,
    )


def _study_yaml(plan: StudyPlan, ingest: str) -> str:
    design = plan.design
    declared = f"\n{ingest}" if ingest else ""
    return f"""\
# Simulated with 'dialysis simulate {design.name}' (seed {plan.seed}). Options that are not here
# have their defaults; all of them are in workflow/schemas/study.schema.yaml.
study:
  title: {design.title}
  species: Wistar rat
{declared}
integrate:
  start_min: 3.9            # after the solvent front

quantify:
  inj_uL: {design.inj_uL:g}
  weight: 1/x               # of the calibration line: none, 1/x or 1/x2

normalize:
  flow_uL_min: {design.flow_uL_min:g}
  dead_volume_uL: {design.dead_volume_uL:g}      # lag = dead volume / flow = \
{design.fractions.lag_min:.1f} min
  baseline:
    n_fractions: {design.n_baseline}          # last fractions before the dose
  # ratios:                 # outcomes of their own, molar, per sample
  #   - {{numerator: DOPAC, denominator: NE}}

stats:
  adjustment: dunnett       # comparisons with vehicle: dunnett, holm, bonferroni or none

figures:
  center: arithmetic        # mean of the large markers: arithmetic or geometric
  error: ci                 # error bars: ci (95 %) or sem
"""
