"""Read everything a study has produced, once, into one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.decisions import Entry
from dialysis.errors import TableError
from dialysis.files import read_json, read_table
from dialysis.provenance import SIDECAR, read_sidecar
from dialysis.review.names import BUNDLE_INDEX, FORMATS, shown_files
from dialysis.study.groups import assign_groups, group_order
from dialysis.study.outcomes import Outcome, study_outcomes, study_regions
from dialysis.study.start import quantifies, reads_exports
from dialysis.tables import Table
from dialysis.tables.ingest import MANIFEST, TRACES
from dialysis.tables.inputs import INPUT_TABLES
from dialysis.tables.integrate import PEAKS
from dialysis.tables.integrate import SUITABILITY as CHROMATOGRAPHY
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS
from dialysis.tables.quantify import SUITABILITY as RUN_CHECKS
from dialysis.tables.stats import OUTCOME_TABLES


@dataclass(frozen=True)
class Figure:
    """A figure in the formats there are.

    Parameters
    ----------
    name : str
        File name without its ending.
    files : mapping of str to Path
        Ending (``"png"``, ``"svg"``, ``"pdf"``) to file.
    title, alt : str
        Heading, and what it shows for those who don't see it; empty where no index says it.
    caption : str
        Markdown; may be empty.
    """

    name: str
    files: Mapping[str, Path]
    title: str = ""
    alt: str = ""
    caption: str = ""


@dataclass(frozen=True)
class OutcomeResults:
    """What there is about one outcome.

    Parameters
    ----------
    outcome : Outcome
        Its name, label and parts.
    tables : mapping of str to DataFrame
        Name to table of statistics, all of `dialysis.tables.stats.OUTCOME_TABLES`.
    model : mapping
        Facts about the model, as `stats` wrote them.
    figures : tuple of Figure
        The time course first; empty when it was not drawn.
    results, methods : str
        Markdown; empty when there is none.
    files : tuple of (str, Path)
        Titles and tables of the figure bundle.
    """

    outcome: Outcome
    tables: Mapping[str, pd.DataFrame]
    model: Mapping[str, Any]
    figures: tuple[Figure, ...]
    results: str
    methods: str
    files: tuple[tuple[str, Path], ...]

    @property
    def anova(self) -> pd.DataFrame:
        """Tests of the model's terms."""
        return self.tables["anova"]

    @property
    def contrasts(self) -> pd.DataFrame:
        """Comparisons with the control."""
        return self.tables["contrasts"]


def short_label(outcome: Outcome, regions: Sequence[str]) -> str:
    """Label of an outcome without its region where there is only one."""
    if len(set(regions)) > 1 or not outcome.region:
        return outcome.label
    return outcome.label.removesuffix(f", {outcome.region}")


@dataclass(frozen=True)
class Results:
    """What a study has produced, with what went into it.

    Parameters
    ----------
    name : str
        Name of the study's folders.
    config : mapping
        Sections of study.yaml with their defaults.
    tables : mapping of str to DataFrame
        Input tables by name, all of them (empty when the lab gave none).
    runs : tuple of str
        HPLC runs in the order of the injections; none when concentrations came without.
    groups : DataFrame
        One row per animal, as `dialysis.study.groups.assign_groups` gives it.
    group_names : tuple of str
        Groups in the order of tables and figures.
    outcomes : tuple of OutcomeResults
        In the order of the study.
    timecourse, baseline, summary : DataFrame
        From `normalize`.
    concentrations, calibration, calibration_points, run_checks : DataFrame
        From `quantify`; `run_checks` is its suitability table.  Like those of `integrate` and
        `ingest` they have no rows where the study starts after that stage.
    peaks, chromatography : DataFrame
        From `integrate`, all runs; `chromatography` is its suitability table.
    manifest : DataFrame
        From `ingest`, all runs.
    study_figures : tuple of Figure
        From `figures`, of all outcomes together.
    qc_figures : tuple of Figure
        From `figures_qc`.
    sidecars : mapping of str to mapping
        Folder relative to the results to its sidecar.
    warnings : tuple of str
        What was odd about the study's configuration and tables.
    folder : Path
        ``results/<study>``; traces are read from there when they are needed.
    log : tuple of Entry
        The decision log.
    code : mapping of str to mapping
        Stage to module to hash of its code.
    blind : bool
        Whether groups are coded and statistics hidden.
    """

    name: str
    config: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, pd.DataFrame]
    runs: tuple[str, ...]
    groups: pd.DataFrame
    group_names: tuple[str, ...]
    outcomes: tuple[OutcomeResults, ...]
    timecourse: pd.DataFrame
    baseline: pd.DataFrame
    summary: pd.DataFrame
    concentrations: pd.DataFrame
    calibration: pd.DataFrame
    calibration_points: pd.DataFrame
    run_checks: pd.DataFrame
    peaks: pd.DataFrame
    chromatography: pd.DataFrame
    manifest: pd.DataFrame
    study_figures: tuple[Figure, ...]
    qc_figures: tuple[Figure, ...]
    sidecars: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]
    folder: Path
    log: tuple[Entry, ...]
    code: Mapping[str, Mapping[str, str]]
    blind: bool = False

    @property
    def start(self) -> str:
        """What the study starts from, one of `dialysis.study.start.STARTS`."""
        return str(self.config["ingest"]["start"])

    @property
    def short_labels(self) -> dict[str, str]:
        """Slug to label, without the region where the study has one."""
        regions = [each.outcome.region for each in self.outcomes]
        return {each.outcome.slug: short_label(each.outcome, regions) for each in self.outcomes}

    def traces(self, run: str) -> pd.DataFrame:
        """Traces of a run, without any where the study does not start from them."""
        path = self.folder / "ingest" / run / "traces.parquet"
        if not reads_exports(self.start) or not path.is_file():
            return TRACES.empty()
        return read_table(path, TRACES)

    def decided_out(self, outcome: Outcome) -> set[str]:
        """Probes that a decision leaves out of an outcome: exclusions.csv, or their placement."""
        exclusions = self.tables["exclusions"]
        analytes = ("", outcome.analyte, outcome.denominator)
        decisions = exclusions[exclusions["analyte"].isin(analytes)]
        probes = set(decisions.loc[decisions["level"] == "probe", "id"])
        animals = set(decisions.loc[decisions["level"] == "animal", "id"])
        out = self.baseline["animal_id"].isin(animals) | self.baseline["probe_id"].isin(probes)
        named = set(self.baseline.loc[out, "probe_id"])
        if self.config["normalize"]["exclude_misplaced"]:
            histology = self.tables["probes"]
            named |= set(histology.loc[histology["placement_ok"] == "no", "probe_id"])
        return named


def read_results(
    results_dir: Path,
    name: str,
    config: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    warnings: Sequence[str] = (),
    log: Sequence[Entry] = (),
    code: Mapping[str, Mapping[str, str]] | None = None,
) -> Results:
    """Read the results of a study.

    Parameters
    ----------
    results_dir : Path
        ``results/<study>``.
    name : str
        Name of the study.
    config : mapping
        Sections of study.yaml with their defaults.
    tables : mapping of str to DataFrame
        Input tables by name; at least animals, injections and analytes.
    warnings : sequence of str
        What was odd about the study.
    log : sequence of Entry
        The decision log.
    code : mapping, optional
        Stage to module to hash of its code.

    Raises
    ------
    TableError
        If a table of results is missing or is not what its schema says.
    """
    inputs = {
        t.name: t.coerce(tables[t.name]) if t.name in tables else t.empty() for t in INPUT_TABLES
    }
    start = str(config["ingest"]["start"])
    runs = tuple(dict.fromkeys(str(run) for run in inputs["injections"]["run"] if run))
    read_runs = runs if reads_exports(start) else ()
    groups = assign_groups(inputs["animals"])

    def quantified(file: str, table: Table) -> pd.DataFrame:
        if not quantifies(start):
            return table.empty()
        return _read(results_dir, f"quantify/{file}", table)

    outcomes = study_outcomes(
        inputs["analytes"],
        study_regions(inputs["probes"], config["study"]["region"]),
        config["normalize"]["ratios"],
    )
    return Results(
        name=name,
        config=config,
        tables=inputs,
        runs=runs,
        groups=groups,
        group_names=tuple(group_order(groups)),
        outcomes=tuple(_read_outcome(results_dir, outcome) for outcome in outcomes),
        timecourse=_read(results_dir, "normalize/timecourse.csv", TIMECOURSE),
        baseline=_read(results_dir, "normalize/baseline.csv", BASELINE),
        summary=_read(results_dir, "normalize/summary.csv", SUMMARY),
        concentrations=quantified("concentrations.parquet", CONCENTRATIONS),
        calibration=quantified("calibration.csv", CALIBRATION),
        calibration_points=quantified("calibration_points.csv", CALIBRATION_POINTS),
        run_checks=quantified("suitability.csv", RUN_CHECKS),
        peaks=_read_runs(results_dir, "integrate", "peaks.parquet", read_runs, PEAKS),
        chromatography=_read_runs(
            results_dir, "integrate", "suitability.csv", read_runs, CHROMATOGRAPHY
        ),
        manifest=_read_runs(results_dir, "ingest", "manifest.csv", read_runs, MANIFEST),
        study_figures=_figures(results_dir / "figures" / "study"),
        qc_figures=_figures(results_dir / "figures" / "qc"),
        sidecars=_sidecars(results_dir, start, read_runs, [outcome.slug for outcome in outcomes]),
        warnings=tuple(warnings),
        folder=results_dir,
        log=tuple(log),
        code=code or {},
    )


def _read(results_dir: Path, place: str, table: Table) -> pd.DataFrame:
    path = results_dir / place
    if not path.is_file():
        raise TableError(
            f"{path}: no such file; expected the table {table.name}. Run the pipeline up to the "
            f"stage '{place.split('/')[0]}', then the review again."
        )
    return read_table(path, table)


def _read_runs(
    results_dir: Path, stage: str, file: str, runs: Sequence[str], table: Table
) -> pd.DataFrame:
    frames = [_read(results_dir, f"{stage}/{run}/{file}", table) for run in runs]
    return pd.concat(frames, ignore_index=True) if frames else table.empty()


def _read_outcome(results_dir: Path, outcome: Outcome) -> OutcomeResults:
    slug = outcome.slug
    stats = results_dir / "stats" / slug
    bundle = results_dir / "figures" / slug
    model = stats / "model.json"
    index = _index(bundle)
    return OutcomeResults(
        outcome=outcome,
        tables={
            table.name: _read(results_dir, f"stats/{slug}/{table.name}.csv", table)
            for table in OUTCOME_TABLES
        },
        model=read_json(model) if model.is_file() else {},
        figures=_figures(bundle),
        results=_text(stats / "results.md"),
        methods=_text(stats / "methods.md"),
        files=tuple(
            (str(entry["title"]), bundle / entry["file"])
            for entry in index.get("tables", [])
            if shown_files([entry["file"]]) and (bundle / entry["file"]).is_file()
        ),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _index(folder: Path) -> dict[str, Any]:
    """The index of a bundle; empty where there is none."""
    path = folder / BUNDLE_INDEX
    index: dict[str, Any] = read_json(path) if path.is_file() else {}
    return index


def _figures(folder: Path) -> tuple[Figure, ...]:
    """Figures of a folder that have a picture a page can show, in the order of its index."""
    entries = _index(folder).get("figures") or [
        {"name": path.stem} for path in sorted(folder.glob("*.png"))
    ]
    figures = []
    for entry in entries:
        name = str(entry["name"])
        files = {
            ending: folder / f"{name}.{ending}"
            for ending in FORMATS
            if (folder / f"{name}.{ending}").is_file()
        }
        if "png" in files:
            caption = _text(folder / entry["caption"]) if entry.get("caption") else ""
            title, alt = str(entry.get("title", "")), str(entry.get("alt", ""))
            figures.append(Figure(name, files, title, alt, caption))
    return tuple(figures)


def _sidecars(
    results_dir: Path, start: str, runs: Sequence[str], slugs: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    folders = [f"{stage}/{run}" for stage in ("ingest", "integrate") for run in runs]
    folders += ["quantify", "normalize"] if quantifies(start) else ["normalize"]
    folders += [f"{stage}/{slug}" for stage in ("stats", "figures") for slug in slugs]
    folders += ["figures/study", "figures/qc"]
    return {
        folder: read_sidecar(results_dir / folder)
        for folder in folders
        if (results_dir / folder / SIDECAR).is_file()
    }
