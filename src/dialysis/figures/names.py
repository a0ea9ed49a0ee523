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
STUDY_FOLDER = "study"
# Rows of panels on a page of the study's figure.
STUDY_ROWS = 8
METABOLITE_RATIOS = (("DOPAC", "DA"), ("HVA", "DA"), ("5-HIAA", "5-HT"))
STUDY_TITLES: Mapping[str, str] = {
    "study_timecourse": "Percent of baseline, all outcomes",
    "study_metabolites": "Metabolite to transmitter",
}
QC_TITLES: Mapping[str, str] = {
    "runs": "Runs: retention, internal standard and quality controls",
    "calibration": "Calibration",
    "animals": "Animals: level against time",
    "baseline": "Baseline stability",
    "levels": "Basal levels by group",
    "chromatograms": "Chromatograms of every run",
}

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


def caption_files(slug: str, figure: str, main: bool = True) -> tuple[str, str]:
    """Names of a caption as Markdown and as plain text; the main one is that of the bundle."""
    stem = "caption" if main and figure == "timecourse" else f"{slug}_{figure}_caption"
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


def metabolite_pairs(analytes: Iterable[str], config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pairs of ``figures.metabolite_ratios`` of which the study measures both analytes."""
    known = set(analytes)
    pairs = config.get("metabolite_ratios", METABOLITE_RATIOS)
    return [(a, b) for a, b in pairs if a in known and b in known]


def study_figures(
    labels: Sequence[str], analytes: Iterable[str], config: Mapping[str, Any]
) -> list[str]:
    """Names of the figures of the whole study, without endings.

    Parameters
    ----------
    labels : sequence of str
        Analyte or ratio of every outcome; those of several regions are the same.
    analytes : iterable of str
        Names of the analytes among the outcomes.
    config : mapping
        The ``figures`` section: ``metabolite_ratios``.
    """
    counts = {
        "study_timecourse": len(set(labels)),
        "study_metabolites": len(metabolite_pairs(analytes, config)),
    }
    return [
        kind if page == 0 else f"{kind}_{page + 1}"
        for kind, n in counts.items()
        for page in range(-(-n // STUDY_ROWS))
    ]


def study_files(figures: Iterable[str], config: Mapping[str, Any]) -> list[str]:
    """Names of the files of `study_figures`, inside ``figures/study/``."""
    files: list[str] = []
    for stem in figures:
        files += figure_files(stem, config).values()
        files += [f"{stem}_data.csv"]
        files += caption_files("study", stem.removeprefix("study_"), main=False)
    return [*files, INDEX]


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


def injection_sheets(runs: Iterable[str]) -> list[str]:
    """Names of the sheets of all injections, one PDF per run, inside ``figures/qc/``."""
    return [f"injections_{run}.pdf" for run in runs]


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
