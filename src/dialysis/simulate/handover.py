"""A simulated study as another lab hands it over: its own names, its own software, no tables.

The drugs, the animals and the labels are those of nobody; the lab measures two metabolites, which
do what the design says.  Such a study is for trying `dialysis init`, which sees it as a lab's own
folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from dialysis.files import csv_text, write_bytes, write_text
from dialysis.simulate.plan import ANALYTES, StudyPlan, basal_amounts
from dialysis.simulate.testbed import INTERNAL_STANDARD

DRUGS: Mapping[str, str] = MappingProxyType(
    {"vehicle": "Kochsalz", "mirtazapine": "Zetapin", "mianserin": "Tolmiran"}
)
# What the lab measures; the other peaks of the design are not in its traces.
MEASURED = ("DOPAC", "HVA")
SERIES = "Serie März"
RESULTS_FILE = "Ergebnisse.csv"
# A value below this, nM, is printed as "n.d.".
DETECTED_NM = 1.4


def hand_over(plan: StudyPlan, standards: bool = True) -> StudyPlan:
    """Give a study the names of another lab.

    Parameters
    ----------
    plan : StudyPlan
        The study.
    standards : bool
        Whether standards, QCs and blanks are kept; else only samples are left.

    Returns
    -------
    StudyPlan
        Animals are numbers from 11, samples ``Maus 11 - 3``, standards ``KAL 50 %`` (percent of the
        basal mix, see `basal_mix`), QCs ``Kontrolle 150 %``, blanks ``Blindwert 1``.
    """
    numbers = {
        str(animal): str(number)
        for number, animal in enumerate(plan.animals["animal_id"], start=11)
    }

    def renamed(table: pd.DataFrame) -> pd.DataFrame:
        out = table[table["analyte"].isin(MEASURED)] if "analyte" in table else table
        out = out.reset_index(drop=True)
        if "animal_id" in out:
            own = out["animal_id"].map(lambda name: numbers.get(name, name))
            out = out.assign(animal_id=own, **({"probe_id": own} if "probe_id" in out else {}))
        if "drug" in out:
            out["drug"] = out["drug"].map(lambda name: DRUGS.get(name, name))
        if "group" in out:
            for old, new in DRUGS.items():
                out["group"] = out["group"].str.replace(old, new)
        return out

    groups = tuple(
        replace(group, drug=DRUGS.get(group.drug, group.drug)) for group in plan.design.groups
    )
    kept = plan.injections["type"] == "sample"
    if standards:
        kept |= True
    injections = renamed(plan.injections)
    injections["label"] = [_label(row) for row in injections.itertuples()]
    injections["run"] = injections["run"].str.replace("run", f"{SERIES} ")
    return StudyPlan(
        design=replace(plan.design, groups=groups),
        seed=plan.seed,
        animals=renamed(plan.animals),
        concentrations=renamed(plan.concentrations),
        injections=injections[kept].reset_index(drop=True),
        amounts=plan.amounts[kept.to_numpy()]
        * [float(name in MEASURED or name == INTERNAL_STANDARD) for name in ANALYTES],
        population=renamed(plan.population),
        faults=renamed(plan.faults),
    )


def _label(row: object) -> str:
    kind, label = str(getattr(row, "type", "")), str(getattr(row, "label", ""))
    if kind == "sample":
        return f"Maus {getattr(row, 'animal_id', '')} - {int(getattr(row, 'fraction', 0))}"
    if kind == "blank":
        return f"Blindwert {label.removeprefix('BLK')}"
    percent = f"{100 * float(getattr(row, 'level', 0)):g} %"
    return f"Kontrolle {percent}" if kind == "qc" else f"KAL {percent}"


def basal_mix(plan: StudyPlan) -> dict[str, float]:
    """Concentrations of the standard of 100 %, nM by analyte: what the lab knows of its mix."""
    basal = basal_amounts(plan.design)
    return {name: basal[name] / plan.design.inj_uL for name in MEASURED}


def handed_file(run: str, order: int, suffix: str) -> str:
    """Name of an injection's export, relative to raw/<study>/: it says nothing about the sample."""
    return f"{run}/{order:03d}{suffix}"


def write_results(plan: StudyPlan, folder: Path) -> None:
    """Write the concentrations as a spreadsheet of a region with decimal commas saves them.

    One row per sample, one column per analyte; what is below `DETECTED_NM` is ``n.d.``.
    """
    table = plan.concentrations.pivot(
        index=["animal_id", "fraction"], columns="analyte", values="conc_nM"
    )
    head = ["Maus", "Fraktion", *(f"{name} (nM)" for name in MEASURED)]
    lines = [";".join(head)]
    for (animal, fraction), row in zip(table.index, table[list(MEASURED)].to_numpy(), strict=True):
        cells = [
            f"{value:.4g}".replace(".", ",") if value >= DETECTED_NM else "n.d." for value in row
        ]
        lines.append(";".join([str(animal), str(fraction), *cells]))
    write_bytes(folder / RESULTS_FILE, ("\r\n".join(lines) + "\r\n").encode("utf-8-sig"))


def write_notebook(plan: StudyPlan, folder: Path) -> None:
    """Write what the lab's notebook says: who got what, and what the mix holds."""
    animals = plan.animals[["animal_id", "drug", "dose"]].assign(
        dose_unit=plan.design.dose_unit, route=plan.design.route
    )
    write_text(folder / "animals.csv", csv_text(animals))
    mix = pd.DataFrame(list(basal_mix(plan).items()), columns=["analyte", "nM"])
    write_text(folder / "mix.csv", csv_text(mix))
