"""Write the review page: read the results, lay out the page, copy what it links to."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.files import csv_text, write_bytes, write_text
from dialysis.provenance import SIDECAR
from dialysis.review.animals import (
    animals_view,
    baselines_view,
    decisions_view,
    events_view,
    groups_view,
    left_out_view,
)
from dialysis.review.flags import MANY, collect_flags, condensed, flag_kinds
from dialysis.review.names import (
    DATA,
    FIGURES,
    INDEX,
    STATS_TABLES,
    STUDY_TABLES,
    figure_file,
    source_data,
    stats_table,
    study_tables,
    table_file,
)
from dialysis.review.numbers import plural
from dialysis.review.origins import figures_view, files_view, options_view, versions_view
from dialysis.review.outcomes import OutcomePage, outcome_page
from dialysis.review.pictures import Picture, picture, title_of
from dialysis.review.results import Results, read_results
from dialysis.review.runs import calibration_view, checks_view, chromatography_view, runs_view
from dialysis.review.verdicts import LEVELS, run_verdict
from dialysis.review.views import Show, TableView, frame_view
from dialysis.study.start import marks

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Page:
    """All that the page says, before it is HTML.

    Parameters
    ----------
    study : mapping
        Title, contact, species, region.
    name : str
        Name of the study's folders.
    regions : tuple of str
        Brain regions.
    marks : tuple of str
        What the numbers are not from traces and calibration.
    counts : mapping of str to int
        Outcomes by verdict, the worst first.
    facts : tuple of (str, str)
        Numbers, and what there is as many of.
    outcomes : tuple of OutcomePage
        In the order of the study.
    qc : tuple of Picture
        Quality figures.
    animals, left_out, runs, flags, origins : tuple of TableView
        Tables of these sections.
    flag_counts : mapping of str to int
        Flags by severity.
    warnings : tuple of str
        What was odd about the study.
    """

    study: Mapping[str, Any]
    name: str
    regions: tuple[str, ...]
    marks: tuple[str, ...]
    counts: Mapping[str, int]
    facts: tuple[tuple[str, str], ...]
    outcomes: tuple[OutcomePage, ...]
    qc: tuple[Picture, ...]
    animals: tuple[TableView, ...]
    left_out: tuple[TableView, ...]
    runs: tuple[TableView, ...]
    flags: tuple[TableView, ...]
    origins: tuple[TableView, ...]
    flag_counts: Mapping[str, int]
    warnings: tuple[str, ...]


def write_site(
    results_dir: Path,
    out_dir: Path,
    *,
    name: str,
    config: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    warnings: Sequence[str] = (),
) -> list[Path]:
    """Write the review page of a study: ``index.html`` and, beside it, figures and tables.

    Parameters
    ----------
    results_dir : Path
        ``results/<study>``, where all other stages have written.
    out_dir : Path
        Folder of the page.  Its subfolders ``figures`` and ``data`` belong to the page: what an
        earlier page left there is removed.
    name : str
        Name of the study.
    config : mapping
        All sections of study.yaml with their defaults.
    tables : mapping of str to DataFrame
        Input tables by name (animals, probes, injections, analytes, exclusions,
        integration_events); those of the lab's optional tables may be absent.
    warnings : sequence of str
        What was odd about the study's configuration and tables.

    Returns
    -------
    list of Path
        The files written; those that `dialysis.review.names.site_files` names are among them.

    Raises
    ------
    TableError
        If a table of results is missing or is not what its schema says.
    FigureError
        If a figure is not a PNG.

    Notes
    -----
    Equal results give equal bytes.  The page asks for nothing outside its folder, and its
    content security policy lets it run no script but its own.
    """
    results = read_results(Path(results_dir), name, config, tables, warnings)
    flags = collect_flags(results)
    html = render(page_of(results, flags))
    out = Path(out_dir)
    written = [out / place for place in _copy_figures(results, out)]
    written += [out / place for place in _write_tables(results, flags, out)]
    write_text(out / INDEX, html)
    written.append(out / INDEX)
    _remove_others((out / FIGURES, out / DATA), set(written))
    return sorted(written)


def page_of(results: Results, flags: pd.DataFrame) -> Page:
    """Lay out what the page says."""
    outcomes = tuple(outcome_page(results, each) for each in results.outcomes)
    verdicts = Counter(page.verdict.status for page in outcomes)
    severities = Counter(flags["severity"])
    return Page(
        study=results.config["study"],
        name=results.name,
        regions=tuple(
            dict.fromkeys(e.outcome.region for e in results.outcomes if e.outcome.region)
        ),
        marks=marks(results.timecourse["source"], results.timecourse["conc_unit"]),
        counts={level: verdicts[level] for level in reversed(LEVELS)},
        facts=_facts(results),
        outcomes=outcomes,
        qc=tuple(
            picture(
                figure,
                title_of(figure.name),
                f"Quality figure: {title_of(figure.name).lower()}. The numbers are in the tables "
                "of this page.",
            )
            for figure in results.qc_figures
        ),
        animals=(groups_view(results), animals_view(results), baselines_view(results)),
        left_out=(decisions_view(results), events_view(results), left_out_view(results)),
        runs=(
            runs_view(results),
            calibration_view(results),
            checks_view(results),
            chromatography_view(results),
        ),
        origins=(
            files_view(results),
            figures_view(results),
            versions_view(results),
            options_view(results),
        ),
        flags=(flag_kinds_view(flags), flags_view(results, flags)),
        flag_counts={severity: severities[severity] for severity in ("FAIL", "WARN", "note")},
        warnings=results.warnings,
    )


def _facts(results: Results) -> tuple[tuple[str, str], ...]:
    injections = results.tables["injections"]
    runs = Counter(run_verdict(results, run).status for run in results.runs)
    states = ", ".join(f"{runs[level]} {level}" for level in reversed(LEVELS) if runs[level])
    samples = int((injections["type"] == "sample").sum())
    probes = results.timecourse["probe_id"].nunique()
    animals = len(results.groups)
    several = probes > animals
    return (
        (str(animals), f"animals, {plural(probes, 'probe')}" if several else "animals"),
        (str(len(results.group_names)), "groups"),
        *(
            (
                (str(len(injections)), f"injections, {plural(samples, 'sample')}"),
                (str(len(results.runs)), f"runs: {states}" if states else "runs"),
            )
            if results.runs
            else ((str(samples), "samples"),)
        ),
    )


def flag_kinds_view(flags: pd.DataFrame) -> TableView:
    """How often each flag was raised."""
    kinds = flag_kinds(flags)
    return frame_view(
        "flag-kinds",
        "Flags by kind.",
        kinds,
        [
            Show("flag", "Flag"),
            Show("severity", "Severity", "status"),
            Show("stage", "Stage"),
            Show("n", "Times", "fixed0"),
            Show("analytes", "Analytes or outcomes"),
            Show("runs", "Runs"),
        ],
        len(kinds),
    )


def flags_view(results: Results, flags: pd.DataFrame) -> TableView:
    """The table of all flags, the most serious first."""
    return frame_view(
        "flags-table",
        "Everything that any stage flagged, the most serious first. "
        f"More than {MANY} equal notes of one run and analyte, or of one animal and outcome, are "
        "one row; the CSV has each.",
        condensed(flags),
        [
            Show("flag", "Flag"),
            Show("severity", "Severity", "status"),
            Show("analyte", "Analyte or outcome"),
            Show("detail", "In words"),
            Show("animal_id", "Animal"),
            Show("fraction", "Fraction", "fixed0"),
            Show("run", "Run"),
            Show("injection_id", "Injection"),
            Show("stage", "Stage"),
        ],
        int(results.config["review"]["max_table_rows"]),
        file=table_file("flags"),
        tools=True,
    )


def render(page: Page) -> str:
    """Turn a page into HTML; every text of the study is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    script = (TEMPLATES / "script.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text: str = environment.get_template("page.html").render(
        page=page,
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )
    return text


def _csp_hash(text: str) -> str:
    """Hash of an inline script or style for the content security policy (CSP level 3, 2.3.1)."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _copy_figures(results: Results, out: Path) -> list[str]:
    figures = [figure for each in results.outcomes for figure in each.figures]
    places = []
    for figure in (*figures, *results.qc_figures):
        for path in figure.files.values():
            place = figure_file(path.name)
            write_bytes(out / place, path.read_bytes())
            places.append(place)
    return places


def _write_tables(results: Results, flags: pd.DataFrame, out: Path) -> list[str]:
    frames = {
        "flags": flags,
        "timecourse": results.timecourse,
        "baseline": results.baseline,
        "summary": results.summary,
        "calibration": results.calibration,
        "calibration_points": results.calibration_points,
        "run_checks": results.run_checks,
        "chromatography": results.chromatography,
        "exclusions": results.tables["exclusions"],
        "integration_events": results.tables["integration_events"],
        "manifest": results.manifest,
    }
    for each in results.outcomes:
        slug = each.outcome.slug
        frames |= {stats_table(slug, table): getattr(each, table) for table in STATS_TABLES}
    places = []
    absent = set(STUDY_TABLES) - set(study_tables(results.start))
    for table, frame in frames.items():
        if table in absent:
            continue
        write_text(out / table_file(table), csv_text(frame))
        places.append(table_file(table))
    for each in results.outcomes:
        if each.source_data is not None:
            place = table_file(source_data(each.outcome.slug))
            write_bytes(out / place, each.source_data.read_bytes())
            places.append(place)
    return places


def _remove_others(folders: Iterable[Path], written: set[Path]) -> None:
    """Remove what an earlier page left; sidecars are written after the page."""
    for folder in folders:
        for path in folder.glob("*"):
            if path not in written and path.name != SIDECAR and path.is_file():
                path.unlink()
