"""Names of the files that the figures stage writes; nothing else, so that it costs nothing."""

from __future__ import annotations

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


def qc_files() -> list[str]:
    """Names of the quality-control figures, inside ``figures/qc/``."""
    return [f"{name}.{ending}" for name in QC_FIGURES for ending in ("pdf", "png")]
