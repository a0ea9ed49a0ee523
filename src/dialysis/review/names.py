"""Names of the files of the review site, relative to its folder.

Light on purpose: the workflow reads it to know the outputs of `review`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dialysis.study.start import TRACES, quantifies, reads_exports
from dialysis.tables.stats import OUTCOME_TABLES

INDEX = "index.html"
FIGURES = "figures"
DATA = "data"
CHUNKS = "chunks"
ASSETS = "assets"
# In the order they are loaded.
SCRIPTS = (
    "chunks.js",
    "elements.js",
    "words.js",
    "grid.js",
    "charts.js",
    "chromatogram.js",
    "decisions.js",
    "parts.js",
    "pages.js",
    "site.js",
)
STYLE = "style.css"

FORMATS = ("png", "svg", "pdf")
# What `figures` wrote, in the folder of a bundle.
BUNDLE_INDEX = "bundle.json"
STUDY_TABLES = (
    "flags",
    "changes",
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
# Chunks there is one of.
SINGLE_CHUNKS = ("index", "injections", "flags", "changes", "decisions", "provenance")


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


def thumbnail(name: str) -> str:
    """Place of the small picture of a figure."""
    return f"{FIGURES}/{name}_thumb.png"


def table_file(name: str) -> str:
    """Place of a table as CSV."""
    return f"{DATA}/{name}.csv"


def chunk_file(name: str) -> str:
    """Place of a chunk of data."""
    return f"{CHUNKS}/{name}.js"


def outcome_chunk(slug: str) -> str:
    """Name of an outcome's chunk."""
    return f"outcome-{slug}"


def animal_chunk(number: int) -> str:
    """Name of the chunk of the n-th animal of the table, from 1; names of animals may be odd."""
    return f"animal-{number:03d}"


def run_chunk(number: int) -> str:
    """Name of the chunk of the n-th run, from 1."""
    return f"run-{number:03d}"


def full_chunk(chunk: str) -> str:
    """Name of the chunk with the whole traces of an animal or run."""
    return f"{chunk}-full"


def stats_table(slug: str, table: str) -> str:
    """Name of an outcome's table of statistics, without the ending."""
    return f"{slug}_{table}"


def site_files(
    bundles: Mapping[str, Iterable[str]],
    more: Iterable[str] = (),
    start: str = TRACES,
    *,
    n_animals: int,
    n_runs: int,
    blind: bool = False,
) -> list[str]:
    """List the files of the site, relative to its folder.

    Parameters
    ----------
    bundles : mapping of str to iterable of str
        Slug of an outcome to the names of the files in its bundle; captions and the like are
        passed over, the page has them inside.
    more : iterable of str
        Names of the files of further figures, those of the study and of quality; their tables are
        passed over.
    start : str
        ``ingest.start``, what the study starts from.
    n_animals, n_runs : int
        Rows of the animals table, and HPLC runs of the injections.
    blind : bool
        Whether figures and statistics are hidden.

    Returns
    -------
    list of str
        Each file once.
    """
    files = [INDEX, *(f"{ASSETS}/{name}" for name in (STYLE, *SCRIPTS))]
    files += [chunk_file(name) for name in SINGLE_CHUNKS]
    files += [chunk_file(outcome_chunk(slug)) for slug in bundles]
    parts = [animal_chunk(number) for number in range(1, n_animals + 1)]
    parts += [run_chunk(number) for number in range(1, n_runs + 1)]
    files += [chunk_file(name) for part in parts for name in (part, full_chunk(part))]
    files += [table_file(name) for name in study_tables(start)]
    if blind:
        return files
    for slug, names in bundles.items():
        shown = shown_files(names)
        files += [figure_file(name) for name in shown]
        files += [thumbnail(name[:-4]) for name in shown if _ending(name) == "png"][:1]
        files += [table_file(stats_table(slug, table.name)) for table in OUTCOME_TABLES]
    files += [figure_file(name) for name in shown_files(more) if _ending(name) in FORMATS]
    return files


def shown_files(names: Iterable[str]) -> list[str]:
    """Files of a bundle that the site has a copy of.

    Figures that a page can show, in the formats of the screen and of paper, and tables.  Left out
    are captions, which the pages have inside, copies of the tables of statistics, which stand in
    `data`, and pictures for print, which would double the site's size.
    """
    every = list(names)
    pictures = {name[:-4] for name in every if _ending(name) == "png"}
    printed = {stem for stem in pictures if stem.endswith("_print")}
    return [
        name
        for name in every
        if (_ending(name) in FORMATS and name.rpartition(".")[0] in pictures - printed)
        or (_ending(name) in ("csv", "xlsx") and "_stats_" not in name)
    ]


def site_folders(files: Iterable[str]) -> list[str]:
    """Folders of the site's files, each with ``/`` at its end, the site's own empty."""
    return list(dict.fromkeys(f"{'/'.join(name.split('/')[:-1])}/".lstrip("/") for name in files))


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
