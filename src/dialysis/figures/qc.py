"""Quality control: the figures that don't depend on statistics."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.figures.names import (
    INDEX,
    QC_FIGURES,
    QC_TITLES,
    figure_entry,
    injection_sheets,
    qc_files,
)
from dialysis.figures.qc_animals import animal_pages
from dialysis.figures.qc_baseline import baseline_pages
from dialysis.figures.qc_calibration import calibration_pages
from dialysis.figures.qc_chromatograms import chromatogram_pages
from dialysis.figures.qc_injections import injection_pages
from dialysis.figures.qc_levels import level_pages
from dialysis.figures.qc_runs import run_pages
from dialysis.files import write_json
from dialysis.plotting import save_pages, style

MOST_DPI = 150


def write_qc(
    traces: Sequence[Path | str],
    peaks: pd.DataFrame,
    concentrations: pd.DataFrame,
    calibration: pd.DataFrame,
    calibration_points: pd.DataFrame,
    timecourse: pd.DataFrame,
    baseline: pd.DataFrame,
    injections: pd.DataFrame,
    config: Mapping[str, Any],
    baseline_limits: Mapping[str, Any],
    out_dir: Path | str,
    error_limit_pct: float = 15.0,
    figures: Sequence[str] = QC_FIGURES,
    checks: pd.DataFrame | None = None,
    check_limits: Mapping[str, Any] | None = None,
    runs: Sequence[str] = (),
    processes: int = 1,
) -> list[Path]:
    """Draw the quality-control figures of a study: all pages as PDF and below each other as PNG.

    Parameters
    ----------
    traces : sequence of path
        ``ingest/<run>/traces.parquet`` of every run; only the injections drawn are read.
    peaks : DataFrame
        `dialysis.tables.integrate.PEAKS` of all runs.
    concentrations, calibration, calibration_points : DataFrame
        Of `dialysis.tables.quantify`.
    timecourse, baseline : DataFrame
        Of `dialysis.tables.normalize`, all outcomes.
    injections : DataFrame
        `dialysis.tables.inputs.INJECTIONS`.
    config : mapping
        The ``figures`` section: ``font``, ``labels``, ``dpi`` (a page has at most 150).
    baseline_limits : mapping
        ``normalize.baseline``: ``max_cv_pct`` and ``max_trend_pct_per_fraction``.
    out_dir : path
        ``figures/qc/``; made when absent.
    error_limit_pct : float
        Largest back-calculated error of a standard that is not marked, %
        (``quantify.suitability.back_calculation_error_pct``).
    figures : sequence of str
        Which to draw (`dialysis.figures.names.qc_figures`); the files of others are removed,
        because they are of a study that started elsewhere.
    checks : DataFrame, optional
        `dialysis.tables.quantify.SUITABILITY`, for the control charts.
    check_limits : mapping, optional
        ``quantify.suitability``: their limits.
    runs : sequence of str
        Runs whose injections are all drawn, each as a PDF of its own, in the order of `traces`.
    processes : int
        Most processes to use; what is written does not depend on it.

    Returns
    -------
    list of Path
        The files that `dialysis.figures.names.qc_files` and `injection_sheets` name, in that
        order, and the index of the folder.
    """
    font = str(config.get("font", "DejaVu Sans"))
    labels = dict(config.get("labels", {}))
    dpi = min(int(config.get("dpi", MOST_DPI)), MOST_DPI)
    standards = [n for n in dict.fromkeys(calibration["internal_standard"]) if n]
    drawings: dict[str, Callable[[], Iterator[Any]]] = {
        "runs": lambda: run_pages(
            concentrations,
            injections,
            standards,
            labels,
            font,
            calibration_points,
            checks,
            check_limits,
        ),
        "calibration": lambda: calibration_pages(
            calibration, calibration_points, error_limit_pct, labels, font
        ),
        "animals": lambda: animal_pages(timecourse, labels, font),
        "baseline": lambda: baseline_pages(
            baseline,
            timecourse,
            float(baseline_limits["max_cv_pct"]),
            float(baseline_limits["max_trend_pct_per_fraction"]),
            font,
        ),
        "levels": lambda: level_pages(baseline, timecourse, font),
        "chromatograms": lambda: chromatogram_pages(
            traces, peaks, injections, calibration_points, labels, font
        ),
    }
    folder = Path(out_dir)
    excluded = frozenset(concentrations.loc[concentrations["excluded"].fillna(False).astype(bool),
                                            "injection_id"])  # fmt: skip

    def sheet(run: str, path: Path | str) -> Iterator[Any]:
        own = injections[injections["run"] == run]
        return injection_pages(path, peaks[peaks["run"] == run], own, excluded, labels, font)

    jobs: list[tuple[Callable[[], Iterator[Any]], Path, int | None]] = [
        (partial(sheet, run, path), folder / f"injections_{run}", None)
        for run, path in zip(runs, traces if runs else (), strict=True)
    ]
    jobs += [(drawings[name], folder / name, dpi) for name in figures]
    _save_all(jobs, font, processes)
    kept = {*qc_files(figures), *injection_sheets(runs)}
    for path in (*(folder / name for name in qc_files()), *folder.glob("injections_*.pdf")):
        if path.name not in kept:
            path.unlink(missing_ok=True)
    write_json(folder / INDEX, _index(figures, runs))
    names = [*qc_files(figures), *injection_sheets(runs), INDEX]
    return [folder / name for name in names]


_Job = tuple[Callable[[], Iterator[Any]], Path, int | None]
_jobs: list[_Job] = []


def _save_all(jobs: list[_Job], font: str, processes: int) -> None:
    """Draw and save; what a job draws from stays where it is when processes are forked."""
    with style(font):
        if processes > 1 and len(jobs) > 1 and sys.platform == "linux":
            _jobs[:] = jobs
            try:
                context = multiprocessing.get_context("fork")
                with ProcessPoolExecutor(processes, context) as pool:
                    list(pool.map(_save_one, range(len(jobs))))
            finally:
                _jobs.clear()
        else:
            for pages, stem, dpi in jobs:
                save_pages(pages(), stem, dpi)


def _save_one(place: int) -> None:
    pages, stem, dpi = _jobs[place]
    save_pages(pages(), stem, dpi)


def _index(figures: Sequence[str], runs: Sequence[str]) -> dict[str, Any]:
    entries = [
        figure_entry(
            name,
            name,
            QC_TITLES[name],
            {"pdf": f"{name}.pdf", "png": f"{name}.png"},
            (),
            (),
            f"{QC_TITLES[name]}. The PDF has every page.",
        )
        for name in figures
    ]
    entries += [
        figure_entry(
            f"injections_{run}",
            "injections",
            f"Injections of {run}",
            {"pdf": f"injections_{run}.pdf"},
            (),
            (),
            f"Every injection of {run}: trace, baseline, limits, fits and flags.",
        )
        for run in runs
    ]
    return {"figures": entries, "tables": [], "texts": []}
