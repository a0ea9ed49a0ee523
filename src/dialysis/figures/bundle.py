"""The bundle of one outcome: its figures, their numbers and their words in one folder."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import FigureError
from dialysis.figures.auc import auc_data, draw_auc
from dialysis.figures.basal import basal_data, draw_basal
from dialysis.figures.caption import caption
from dialysis.figures.captions import (
    auc_caption,
    basal_caption,
    concentration_caption,
    diagnostics_caption,
    inset_caption,
    ratio_caption,
)
from dialysis.figures.concentration import concentration_data, draw_concentration
from dialysis.figures.diagnostics import draw_diagnostics
from dialysis.figures.names import (
    INDEX,
    OUTCOME_FIGURES,
    STATS_TABLES,
    STUDY_FOLDER,
    TITLES,
    bundle_files,
    caption_files,
    data_file,
    figure_entry,
    figure_files,
    stats_file,
)
from dialysis.figures.prism import HEADER_ROWS, column_table, csv_of, grouped_table
from dialysis.figures.ratio import draw_ratio, ratio_data
from dialysis.figures.saving import save
from dialysis.figures.source import figure_rows, source_data
from dialysis.figures.study import write_study
from dialysis.figures.timecourse import draw_timecourse, figure_scale, has_inset
from dialysis.figures.words import groups_with_n, plain_text
from dialysis.figures.xlsx import frame_rows, write_workbook
from dialysis.files import read_table, write_json, write_table, write_text
from dialysis.plotting import style
from dialysis.tables import Table
from dialysis.tables.figures import FIGURE_DATA, SOURCE_DATA
from dialysis.tables.inputs import DOSES
from dialysis.tables.normalize import BASELINE, SUMMARY
from dialysis.tables.stats import OUTCOME_TABLES

FEWEST_FOR_PROCESSES = 2


@dataclass(frozen=True)
class OutcomeNumbers:
    """What the bundle of one outcome is made from.

    Parameters
    ----------
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, rows of one outcome.
    stats : mapping of str to DataFrame
        Tables of `dialysis.tables.stats` by name; one that is absent counts as empty.
    model : mapping
        ``stats/<outcome>/model.json``; absent keys leave their words out of captions.
    baseline, summary : DataFrame
        Of `dialysis.tables.normalize`, rows of the outcome.
    doses : DataFrame
        `dialysis.tables.inputs.DOSES`.
    normalize : mapping or None
        The ``normalize`` section, for captions: baseline window, lag, values below the limit.
    species : str
        ``study.species``, for captions.
    results, methods : str
        ``stats/<outcome>/results.md`` and ``methods.md``.
    """

    timecourse: pd.DataFrame
    stats: Mapping[str, pd.DataFrame]
    model: Mapping[str, Any]
    baseline: pd.DataFrame = field(default_factory=BASELINE.empty)
    summary: pd.DataFrame = field(default_factory=SUMMARY.empty)
    doses: pd.DataFrame = field(default_factory=DOSES.empty)
    normalize: Mapping[str, Any] | None = None
    species: str = ""
    results: str = ""
    methods: str = ""

    @property
    def confidence(self) -> float:
        """Of the intervals."""
        return float(self.model.get("confidence") or 0.95)


def write_bundles(
    outcomes: Mapping[str, OutcomeNumbers],
    config: Mapping[str, Any],
    folder: Path | str,
    processes: int = 1,
) -> list[Path]:
    """Write the bundles of a study's outcomes, each into ``<folder>/<slug>/``, and the study's.

    Parameters
    ----------
    outcomes : mapping of str to OutcomeNumbers
        By slug.
    config : mapping
        The ``figures`` section of ``study.yaml`` with defaults.
    folder : path
        ``results/<study>/figures``.
    processes : int
        Most processes to use; what is written does not depend on it.

    Returns
    -------
    list of Path
        All files: those of the whole study, then outcome by outcome.
    """
    # The study's figures first: they take longest.
    parts: list[_Part] = [(outcomes, config, Path(folder) / STUDY_FOLDER)]
    parts += [(numbers, config, Path(folder) / slug) for slug, numbers in outcomes.items()]
    # Another process would import this script again where it can't be forked.
    if processes > 1 and len(parts) >= FEWEST_FOR_PROCESSES and sys.platform == "linux":
        import matplotlib.backends.backend_pdf
        import matplotlib.backends.backend_svg
        import matplotlib.figure  # noqa: F401  (before the fork, once for all)

        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
            written = list(pool.map(_write, parts))
    else:
        written = list(map(_write, parts))
    return [path for files in written for path in files]


_Part = tuple[OutcomeNumbers | Mapping[str, OutcomeNumbers], Mapping[str, Any], Path]


def _write(part: _Part) -> list[Path]:
    numbers, config, folder = part
    if isinstance(numbers, OutcomeNumbers):
        return write_bundle(numbers, config, folder)
    return write_study(numbers, config, folder)


def write_bundle(
    numbers: OutcomeNumbers, config: Mapping[str, Any], out_dir: Path | str
) -> list[Path]:
    """Write figures, source data, captions, tables and texts of one outcome.

    Parameters
    ----------
    numbers : OutcomeNumbers
        What it is made from.
    config : mapping
        The ``figures`` section of ``study.yaml`` with defaults.
    out_dir : path
        ``figures/<slug>/``; made when absent.

    Returns
    -------
    list of Path
        The files that `dialysis.figures.names.bundle_files` names, in that order.

    Raises
    ------
    FigureError
        If the rows are not of one outcome, or the tables of statistics were not made from them.

    Notes
    -----
    Source data are written first, and every figure is drawn from its file as written: what is in
    the figure is in the file.
    """
    outcomes = list(dict.fromkeys(numbers.timecourse["outcome"]))
    if len(outcomes) != 1:
        raise FigureError(
            f"normalize/timecourse.csv: found rows of {len(outcomes)} outcomes {outcomes}; "
            "expected those of one."
        )
    slug, folder = str(outcomes[0]), Path(out_dir)
    stats = {t.name: numbers.stats.get(t.name, t.empty()) for t in OUTCOME_TABLES}
    data = _write_data(slug, numbers, stats, config, folder)
    captions = _draw(slug, numbers, stats, data, config, folder)
    for figure, text in captions.items():
        markdown, plain = caption_files(slug, figure)
        write_text(folder / markdown, text)
        write_text(folder / plain, plain_text(text))
    _write_tables(slug, stats, data, folder)
    for name, text in (("results", numbers.results), ("methods", numbers.methods)):
        whole = f"{text.rstrip()}\n"
        write_text(folder / f"{name}.md", whole)
        write_text(folder / f"{name}.txt", plain_text(whole))
    write_json(folder / INDEX, _index(slug, data, config))
    return [folder / name for name in bundle_files(slug, config)]


def _write_data(
    slug: str,
    numbers: OutcomeNumbers,
    stats: Mapping[str, pd.DataFrame],
    config: Mapping[str, Any],
    folder: Path,
) -> dict[str, pd.DataFrame]:
    """Write the source data of every figure and read them back."""
    course, doses, level = numbers.timecourse, numbers.doses, numbers.confidence
    model = numbers.model
    source = source_data(course, stats["means"], stats["contrasts"], model, config, doses)
    made: dict[str, tuple[pd.DataFrame, Table]] = {
        "timecourse": (source, SOURCE_DATA),
        "concentration": (concentration_data(course, doses, config, level), FIGURE_DATA),
        "basal": (basal_data(course, numbers.baseline, config, level), FIGURE_DATA),
        "auc": (
            auc_data(course, numbers.summary, stats["auc"], stats["dose"], model, config),
            FIGURE_DATA,
        ),
        "ratio": (ratio_data(course, stats["contrasts"], doses, config, level), FIGURE_DATA),
    }
    read = {}
    for figure, (rows, table) in made.items():
        path = folder / data_file(slug, figure)
        write_table(rows, path, table)
        read[figure] = read_table(path, table)
    return read


def _draw(
    slug: str,
    numbers: OutcomeNumbers,
    stats: Mapping[str, pd.DataFrame],
    data: Mapping[str, pd.DataFrame],
    config: Mapping[str, Any],
    folder: Path,
) -> dict[str, str]:
    """Draw and save every figure; return the captions."""
    summary, contrasts, model = numbers.summary, stats["contrasts"], numbers.model
    with style(str(config.get("font", "DejaVu Sans"))):
        course = draw_timecourse(data["timecourse"], config, data["auc"])
        level = draw_concentration(data["concentration"], config)
        figures = {
            "timecourse": course,
            "concentration": level,
            "basal": draw_basal(data["basal"], config),
            "auc": draw_auc(data["auc"], config),
            "ratio": draw_ratio(data["ratio"], config),
            "diagnostics": draw_diagnostics(
                data["concentration"],
                stats["residuals"],
                stats["variogram"],
                stats["influence"],
                config,
            ),
        }
        for figure in OUTCOME_FIGURES:
            save(figures[figure], folder / f"{slug}_{figure}", config)
        scale = figure_scale(data["timecourse"], config)
    inset = inset_caption(data["auc"], summary) if has_inset(course) else ""
    log = level.axes[0].get_yscale() == "log"
    return {
        "timecourse": caption(
            numbers.timecourse,
            data["timecourse"],
            contrasts,
            model,
            config,
            scale,
            numbers.normalize,
            numbers.species,
            inset,
        ),
        "concentration": concentration_caption(
            data["concentration"], log, bool(config.get("individuals", True))
        ),
        "basal": basal_caption(data["basal"]),
        "auc": auc_caption(data["auc"], summary, stats["auc"], model),
        "ratio": ratio_caption(data["ratio"], contrasts, model),
        "diagnostics": diagnostics_caption(
            data["concentration"], stats["residuals"], stats["influence"]
        ),
    }


def _write_tables(
    slug: str, stats: Mapping[str, pd.DataFrame], data: Mapping[str, pd.DataFrame], folder: Path
) -> None:
    """Write the tables for Prism, copies of the statistics, and all in one workbook."""
    tables = {table.name: table for table in OUTCOME_TABLES}
    percent = grouped_table(figure_rows(data["timecourse"]))
    write_text(folder / f"{slug}_prism.csv", csv_of(percent))
    level_unit = str(data["concentration"]["unit"].iloc[0])
    sheets = {
        "Prism, % of baseline": percent,
        f"Prism, level ({level_unit})": grouped_table(data["concentration"]),
        "Prism, AUC (% × min)": column_table(data["auc"]),
        "Prism, basal level": column_table(data["basal"]),
    }
    headers = dict.fromkeys(list(sheets)[:2], HEADER_ROWS)
    named = {f"figure {figure}": frame_rows(rows) for figure, rows in data.items()}
    for name in STATS_TABLES:
        write_table(stats[name], folder / stats_file(slug, name), tables[name])
        named[f"stats {name}"] = frame_rows(stats[name])
    write_workbook(folder / f"{slug}_tables.xlsx", {**sheets, **named}, headers)


def _index(
    slug: str, data: Mapping[str, pd.DataFrame], config: Mapping[str, Any]
) -> dict[str, Any]:
    label = str(data["timecourse"]["outcome_label"].iloc[0])
    figures = []
    for figure in OUTCOME_FIGURES:
        stem = f"{slug}_{figure}"
        named = data_file(slug, figure)
        tables = [stats_file(slug, t) for t in ("residuals", "variogram", "influence")]
        counted = groups_with_n(data[figure] if figure in data else data["timecourse"])
        figures.append(
            figure_entry(
                stem,
                figure,
                TITLES[figure],
                figure_files(stem, config),
                caption_files(slug, figure),
                [named] if named else tables,
                f"{TITLES[figure]}, {label}. {counted} The numbers are in the source data.",
            )
        )
    tables_made = [(f"{slug}_prism.csv", "prism", "Percent of baseline for Prism")]
    tables_made.append((f"{slug}_tables.xlsx", "workbook", "All tables in one workbook"))
    tables_made += _data_entries(slug)
    tables_made += [(stats_file(slug, n), "statistics", t) for n, t in STATS_TABLES.items()]
    return {
        "outcome": slug,
        "label": label,
        "figures": figures,
        "tables": [{"file": f, "kind": k, "title": t} for f, k, t in tables_made],
        "texts": [
            {"file": "results.md", "text": "results.txt", "title": "Results sentence"},
            {"file": "methods.md", "text": "methods.txt", "title": "Methods paragraph"},
        ],
    }


def _data_entries(slug: str) -> Iterable[tuple[str, str, str]]:
    for figure in OUTCOME_FIGURES:
        if data_file(slug, figure):
            yield data_file(slug, figure), "source data", f"Source data: {TITLES[figure]}"
