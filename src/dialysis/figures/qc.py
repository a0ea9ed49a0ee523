"""Quality control: the figures that don't depend on statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.figures.names import QC_FIGURES, qc_files
from dialysis.figures.qc_animals import animal_pages
from dialysis.figures.qc_baseline import baseline_pages
from dialysis.figures.qc_calibration import calibration_pages
from dialysis.figures.qc_chromatograms import chromatogram_pages
from dialysis.figures.qc_levels import level_pages
from dialysis.figures.qc_runs import run_pages
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
) -> list[Path]:
    """Draw the quality-control figures of a study: all pages as PDF, the first page as PNG.

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

    Returns
    -------
    list of Path
        The files that `dialysis.figures.names.qc_files` names, in that order.
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
    with style(font):
        for name in figures:
            save_pages(drawings[name](), folder / name, dpi)
    for name in set(qc_files()) - set(qc_files(figures)):
        (folder / name).unlink(missing_ok=True)
    return [folder / name for name in qc_files(figures)]
