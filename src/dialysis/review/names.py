"""Names of the files of the review page, relative to its folder.

Light on purpose: the workflow reads it to know the outputs of `review`.
"""

from __future__ import annotations

from collections.abc import Iterable

from dialysis.study.start import TRACES, quantifies, reads_exports

INDEX = "index.html"
FIGURES = "figures"
DATA = "data"

FORMATS = ("png", "svg", "pdf")
STATS_TABLES = ("anova", "contrasts", "emmeans", "means", "auc")
STUDY_TABLES = (
    "flags",
    "timecourse",
    "baseline",
    "summary",
    "calibration",
    "calibration_points",
    "run_checks",
    "chromatography",
    "exclusions",
    "integration_events",
    "manifest",
)


_OF_EXPORTS = ("chromatography", "integration_events", "manifest")
_OF_QUANTIFY = ("calibration", "calibration_points", "run_checks")


def study_tables(start: str) -> list[str]:
    """Names of the tables of a study that starts from traces or from what lies behind them."""
    absent: set[str] = set()
    if not reads_exports(start):
        absent |= set(_OF_EXPORTS)
    if not quantifies(start):
        absent |= set(_OF_QUANTIFY)
    return [name for name in STUDY_TABLES if name not in absent]


def figure_file(name: str) -> str:
    """Place of a copied figure."""
    return f"{FIGURES}/{name}"


def table_file(name: str) -> str:
    """Place of a table as CSV."""
    return f"{DATA}/{name}.csv"


def timecourse_figure(slug: str, ending: str) -> str:
    """Name of an outcome's main figure, in its bundle and on the page."""
    return f"{slug}_timecourse.{ending}"


def source_data(slug: str) -> str:
    """Name of the numbers behind an outcome's figure, without the ending."""
    return f"{slug}_source_data"


def stats_table(slug: str, table: str) -> str:
    """Name of an outcome's table of statistics, without the ending."""
    return f"{slug}_{table}"


def site_files(slugs: Iterable[str], qc: Iterable[str] = (), start: str = TRACES) -> list[str]:
    """List the files of the page, relative to its folder.

    Parameters
    ----------
    slugs : iterable of str
        Slugs of the outcomes.
    qc : iterable of str
        Names of the files in ``figures/qc/``; those that are no figures are passed over.
    start : str
        ``ingest.start``, what the study starts from.

    Returns
    -------
    list of str
        ``index.html``, the figures and the tables, each once.
    """
    files = [INDEX]
    for slug in slugs:
        files += [figure_file(timecourse_figure(slug, ending)) for ending in FORMATS]
        files.append(table_file(source_data(slug)))
        files += [table_file(stats_table(slug, table)) for table in STATS_TABLES]
    files += [figure_file(name) for name in qc if name.rpartition(".")[2] in FORMATS]
    files += [table_file(name) for name in study_tables(start)]
    return files
