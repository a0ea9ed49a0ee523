"""Names of the files that the figures stage writes; nothing else, so that it costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dialysis.study.start import quantifies, reads_exports

QC_FIGURES = ("runs", "calibration", "animals", "baseline", "levels", "chromatograms")
OUTCOME_FIGURES = ("timecourse", "concentration", "basal", "auc", "ratio", "diagnostics")
TITLES: Mapping[str, str] = {
    "timecourse": "Percent of baseline against time",
    "concentration": "Level against time",
    "basal": "Basal level by group",
    "auc": "Area under the curve by dose",
    "ratio": "Estimated ratio to control against time",
    "diagnostics": "Model diagnostics",
}
INDEX = "bundle.json"

# Tables of statistics that a bundle has a copy of, and what they are.
STATS_TABLES: Mapping[str, str] = {
    "means": "Means, every group and time",
    "contrasts": "Comparisons with control at every time",
    "anova": "Tests of the model's terms",
    "emmeans": "Model means",
    "auc": "Areas under the curve and their comparisons",
    "auc_model": "Areas under the model's time course",
    "dose": "Dose response",
    "residuals": "Residuals of the model",
    "variogram": "Semivariance of the residuals by lag",
    "influence": "Influence of each animal",
}


def figure_files(stem: str, config: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Names of one figure's files by format.

    Parameters
    ----------
    stem : str
        Name without an ending.
    config : mapping, optional
        The ``figures`` section: ``dpi_print``, ``extra_formats``.
    """
    options = config or {}
    files = {ending: f"{stem}.{ending}" for ending in ("pdf", "svg", "png")}
    if options.get("dpi_print", 600):
        files["png_print"] = f"{stem}_print.png"
    return files | {ending: f"{stem}.{ending}" for ending in options.get("extra_formats", ())}


def caption_files(slug: str, figure: str) -> tuple[str, str]:
    """Names of a caption as Markdown and as plain text."""
    stem = "caption" if figure == "timecourse" else f"{slug}_{figure}_caption"
    return f"{stem}.md", f"{stem}.txt"


def data_file(slug: str, figure: str) -> str:
    """Name of the table that a figure is drawn from; empty where it is tables of statistics."""
    if figure == "diagnostics":
        return ""
    return f"{slug}_source_data.csv" if figure == "timecourse" else f"{slug}_{figure}_data.csv"


def stats_file(slug: str, table: str) -> str:
    """Name of the copy of a table of statistics."""
    return f"{slug}_stats_{table}.csv"


def bundle_files(slug: str, config: Mapping[str, Any] | None = None) -> list[str]:
    """Names of the files of one outcome's bundle, inside ``figures/<slug>/``.

    The folder's ``sidecar.json`` comes on top of them; `dialysis.job` writes it.

    Parameters
    ----------
    slug : str
        The outcome's.
    config : mapping, optional
        The ``figures`` section: ``dpi_print``, ``extra_formats``.
    """
    files: list[str] = []
    for figure in OUTCOME_FIGURES:
        files += figure_files(f"{slug}_{figure}", config).values()
        files += [data_file(slug, figure)] if data_file(slug, figure) else []
        files += caption_files(slug, figure)
    files += [f"{slug}_prism.csv", f"{slug}_tables.xlsx"]
    files += [stats_file(slug, table) for table in STATS_TABLES]
    files += ["results.md", "results.txt", "methods.md", "methods.txt", INDEX]
    return files


def qc_figures(start: str, calibration: str) -> list[str]:
    """Quality-control figures that a study has something to show in.

    Parameters
    ----------
    start : str
        ``ingest.start``, what the study starts from.
    calibration : str
        ``quantify.calibration``.
    """
    shown = {
        "runs": quantifies(start),
        "calibration": quantifies(start) and calibration != "none",
        "animals": True,
        "baseline": True,
        "levels": True,
        "chromatograms": reads_exports(start),
    }
    return [name for name in QC_FIGURES if shown[name]]


def qc_files(figures: Iterable[str] = QC_FIGURES) -> list[str]:
    """Names of the files of quality-control figures, inside ``figures/qc/``."""
    return [f"{name}.{ending}" for name in figures for ending in ("pdf", "png")]


def figure_entry(
    stem: str,
    kind: str,
    title: str,
    files: Mapping[str, str],
    captions: Sequence[str],
    data: Sequence[str],
    alt: str,
) -> dict[str, Any]:
    """One figure of a ``bundle.json``.

    Parameters
    ----------
    stem : str
        Name of its files without an ending.
    kind : str
        What it is, for example ``timecourse``: the same word in every study.
    title : str
        Heading.
    files : mapping of str to str
        File names by format.
    captions : sequence of str
        File names of the caption: Markdown, plain text.
    data : sequence of str
        File names of the tables that it is drawn from.
    alt : str
        What it shows, for those who don't see it.
    """
    return {
        "name": stem,
        "kind": kind,
        "title": title,
        "files": dict(files),
        "caption": captions[0] if captions else "",
        "caption_text": captions[1] if len(captions) > 1 else "",
        "data": list(data),
        "alt": alt,
    }
