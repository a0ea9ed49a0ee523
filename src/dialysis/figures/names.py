"""Names of the files that the figures stage writes; nothing else, so that it costs nothing."""

from __future__ import annotations

from collections.abc import Iterable

from dialysis.study.start import quantifies, reads_exports

QC_FIGURES = ("runs", "calibration", "animals", "baseline", "levels", "chromatograms")


def bundle_files(slug: str) -> list[str]:
    """Names of the files of one outcome's bundle, inside ``figures/<slug>/``.

    The folder's ``sidecar.json`` comes on top of them; `dialysis.job` writes it.
    """
    return [
        f"{slug}_timecourse.pdf",
        f"{slug}_timecourse.svg",
        f"{slug}_timecourse.png",
        f"{slug}_source_data.csv",
        "caption.md",
    ]


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
