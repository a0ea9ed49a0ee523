"""Write a simulated study: exports under raw/, tables under config/, the truth under truth/."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dialysis.errors import StudyError
from dialysis.files import csv_text, write_text
from dialysis.simulate.config_tables import config_files, export_file
from dialysis.simulate.designs import StudyDesign, get_design
from dialysis.simulate.exports import FORMATS, REPORTS, ExportFormat, InjectionHeader
from dialysis.simulate.handover import (
    hand_over,
    handed_file,
    write_notebook,
    write_results,
)
from dialysis.simulate.injections import simulate_injections
from dialysis.simulate.plan import StudyPlan, plan_study

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SAMPLE_TYPES = {"sample": "unknown", "standard": "standard", "qc": "control", "blank": "blank"}


@dataclass(frozen=True)
class SimulatedStudy:
    """Where a simulated study is.

    Parameters
    ----------
    raw_dir, config_dir, truth_dir : Path
        Its folders.
    n_injections : int
        Number of injections, one export each.
    written : bool
        Whether anything was written; false when all of it was already there.
    """

    raw_dir: Path
    config_dir: Path
    truth_dir: Path
    n_injections: int
    written: bool


def write_study(
    root: Path | str,
    design: str | StudyDesign = "demo",
    name: str | None = None,
    seed: int | None = None,
    export_format: str = "andi",
    force: bool = False,
    tables: bool = True,
    standards: bool = True,
) -> SimulatedStudy:
    """Simulate a study and write it below `root`.

    Everything is written to temporary folders beside the final ones and renamed at the end, so
    that an interrupted simulation leaves nothing half-made under a study's name.

    Parameters
    ----------
    root : Path or str
        Project root; holds raw/, config/ and truth/.
    design : str or StudyDesign
        A design, or the name of one, see `dialysis.simulate.designs.DESIGNS`.
    name : str, optional
        Name of the study's folders; that of the design by default.
    seed : int, optional
        Seed; that of the design by default.
    export_format : {"andi", "chromeleon", "labsolutions", "delimited"}
        Format of the exports; without tables also ``"chromeleon_report"``, peaks without traces,
        and ``"concentrations"``, a results table alone.
    force : bool
        Replace folders that are there with other content.
    tables : bool
        Whether config/ is written; without it the exports are as another lab hands them over, see
        `dialysis.simulate.handover`.
    standards : bool
        Whether a study without tables has standards, QCs and blanks.

    Returns
    -------
    SimulatedStudy

    Raises
    ------
    StudyError
        If the design, the name, the seed or the format is not a possible one, or if a folder of
        the study is there with other content and `force` is not set; nothing is changed then.
    """
    chosen = get_design(design) if isinstance(design, str) else design
    study = chosen.name if name is None else name
    number = chosen.seed if seed is None else seed
    _check_arguments(study, number, export_format, tables)
    plan = plan_study(chosen, number)
    if not tables:
        plan = hand_over(plan, standards)
    parts = ("raw", "truth", "config") if tables else ("raw", "truth")
    final = {part: Path(root) / part / study for part in parts}
    made = {part: path.with_name(f".{study}.{os.getpid()}.tmp") for part, path in final.items()}
    try:
        for folder in made.values():
            folder.mkdir(parents=True)
        if export_format == RESULTS:
            write_results(plan, made["raw"])
            _write_truth(plan, made["truth"])
            write_notebook(plan, made["truth"])
        else:
            export = {**FORMATS, **REPORTS}[export_format]
            areas = _write_exports(plan, made["raw"], export, not tables)
            _write_truth(plan, made["truth"], areas)
            if tables:
                for file, text in config_files(plan, export.suffix, export.ingest).items():
                    write_text(made["config"] / file, text)
            else:
                write_notebook(plan, made["truth"])
        changed = [part for part in final if not _same_content(made[part], final[part])]
        in_the_way = [f"{part}/{study}/" for part in changed if final[part].exists()]
        if in_the_way and not force:
            raise StudyError(
                f"{', '.join(in_the_way)}: found other content than this simulation writes; "
                "expected no such folder, or the same content. Use --force to replace it (changes "
                "made by hand are lost), or give the study another name with --name."
            )
        for part in changed:
            _replace_folder(made[part], final[part])
    finally:
        for folder in made.values():
            shutil.rmtree(folder, ignore_errors=True)
    return SimulatedStudy(
        raw_dir=final["raw"],
        config_dir=Path(root) / "config" / study,
        truth_dir=final["truth"],
        n_injections=len(plan.injections),
        written=bool(changed),
    )


RESULTS = "concentrations"


def _check_arguments(study: str, seed: int, export_format: str, tables: bool) -> None:
    if not _SAFE_NAME.fullmatch(study):
        raise StudyError(
            f"study name: found '{study}'; expected letters, digits, '.', '_' and '-', beginning "
            "with a letter or digit, because folders are named after it."
        )
    if seed < 0:
        raise StudyError(f"seed: found {seed}; expected a whole number from 0.")
    known = list(FORMATS) if tables else [*FORMATS, *REPORTS, RESULTS]
    if export_format not in known:
        raise StudyError(
            f"export format: found '{export_format}'; expected one of {', '.join(known)}."
        )


def _write_exports(
    plan: StudyPlan, folder: Path, export: ExportFormat, handed_over: bool
) -> pd.DataFrame:
    """Write all exports and return the true areas."""
    truths = []
    rows = plan.injections.itertuples()
    for row, trace in zip(rows, simulate_injections(plan), strict=True):
        identity, label = str(row.injection_id), str(row.label)
        header = InjectionHeader(
            sample_name=label,
            sample_type=_SAMPLE_TYPES[str(row.type)],
            vial=str(row.order),
            injected_at=str(row.injected_at),
            injection_uL=plan.design.inj_uL,
            title=str(row.run),
        )
        name = (
            handed_file(str(row.run), int(row.order), export.suffix)
            if handed_over
            else export_file(str(row.run), identity, label, export.suffix)
        )
        export.write(trace, header, folder / name)
        truth = trace.peaks.copy()
        truth.insert(0, "injection_id", identity)
        truths.append(truth)
    return pd.concat([truth for truth in truths if len(truth)], ignore_index=True)


def _write_truth(plan: StudyPlan, folder: Path, areas: pd.DataFrame | None = None) -> None:
    if areas is not None:
        write_text(folder / "areas.csv", csv_text(areas))
    write_text(folder / "concentrations.csv", csv_text(plan.concentrations))
    write_text(folder / "population.csv", csv_text(plan.population))
    write_text(folder / "faults.csv", csv_text(plan.faults))


def _same_content(made: Path, final: Path) -> bool:
    """Whether `final` holds the same files with the same bytes, and nothing else."""
    files = _files_of(made)
    if files != _files_of(final):
        return False
    _, different, unreadable = filecmp.cmpfiles(made, final, files, shallow=False)
    return not different and not unreadable


def _files_of(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _replace_folder(made: Path, final: Path) -> None:
    """Put a finished folder in its place; a folder in the way is moved aside first."""
    if not final.exists():
        made.rename(final)
        return
    aside = made.with_suffix(".old")
    final.rename(aside)
    made.rename(final)
    shutil.rmtree(aside)
