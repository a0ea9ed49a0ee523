# Loads the study, checks it whole, and writes its stamps; then paths for the rules.

import os
import re
import sys
from pathlib import Path

# One thread per job: linear algebra with more is slower on traces of this size, and sums would
# depend on the number of cores. Jobs inherit it.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from dialysis.decisions import is_blind, log_path, read_log
from dialysis.errors import DialysisError
from dialysis.job import clear_logs, show_failures
from dialysis.figures.names import OUTCOME_FIGURES, QC_TITLES, TITLES
from dialysis.figures.names import STUDY_TITLES, bundle_files, injection_sheets
from dialysis.figures.names import study_figures, study_files
from dialysis.figures.names import qc_figures, qc_files
from dialysis.review.names import site_files, site_folders
from dialysis.running import claim
from dialysis.stages import STAGE_RULES, stages_of
from dialysis.stamps import write_stamps
from dialysis.study.config import SECTIONS
from dialysis.study.load import load_study
from dialysis.tables.stats import OUTCOME_TABLES
from dialysis.study.start import quantifies, reads_exports
from dialysis.verify import settle_results

try:
    if "study" in config and not isinstance(config["study"], str):
        raise DialysisError(
            f"--config study={config['study']}: found no name; expected study=NAME"
        )
    unknown = sorted(set(config) - {"study"})
    if unknown:
        raise DialysisError(
            f"--config {' '.join(unknown)}: found an unknown setting; expected study=NAME. "
            "Options of a study stand in config/NAME/study.yaml."
        )
    STUDY = load_study(Path.cwd(), config.get("study", "demo"))
    BLIND = is_blind(
        STUDY.config["review"], read_log(log_path(Path("config") / STUDY.name))
    )
    if workflow.is_main_process:
        claim(STUDY.root, STUDY.name)
        stamps = write_stamps(STUDY, code_root=Path(workflow.basedir))
        clear_logs(STUDY.results_dir / "logs")
        for note in STUDY.notes:
            print(f"note: {note}", file=sys.stderr, flush=True)
        for note in settle_results(STUDY, stamps):
            print(f"note: {note}", file=sys.stderr, flush=True)
except DialysisError as error:
    # Not a bug of the workflow: a message for the user, without a traceback.
    print(f"\n{error}\n", file=sys.stderr, flush=True)
    os._exit(1)

RESULTS = f"results/{STUDY.name}"
RAW = f"raw/{STUDY.name}"
STAMPS = f"{RESULTS}/.stamps"
START = STUDY.start
RUNS = STUDY.runs
SLUGS = [outcome.slug for outcome in STUDY.outcomes]
STATS_TABLES = tuple(f"{table.name}.csv" for table in OUTCOME_TABLES) + (
    "model.json",
    "results.md",
    "methods.md",
)


QC_FIGURES = qc_figures(START, STUDY.config["quantify"]["calibration"])
# Rules of this study, whose code results depend on.
RULES_HERE = [STAGE_RULES[stage] for stage in stages_of(START)]
STUDY_FIGURES = study_figures(
    [f"{o.analyte}/{o.denominator}" for o in STUDY.outcomes],
    [o.analyte for o in STUDY.outcomes if o.kind == "analyte"],
    STUDY.config["figures"],
)
STUDY_FILES = study_files(STUDY_FIGURES, STUDY.config["figures"])
# What the review site consists of, relative to its folder.
SITE = site_files(
    {slug: bundle_files(slug, STUDY.config["figures"]) for slug in SLUGS},
    [*STUDY_FILES, *qc_files(QC_FIGURES)],
    START,
    n_animals=len(STUDY.tables["animals"]),
    n_runs=len([run for run in STUDY.tables["injections"]["run"].unique() if run]),
    blind=BLIND,
)


report: "../report/workflow.rst"


wildcard_constraints:
    run="|".join(map(re.escape, RUNS)) or "(?!)",


def if_start(start, *paths):
    """Files that only a study reads that starts so."""
    return list(paths) if START == start else []


def of_runs(stage, *names):
    """Files of a stage, for every run whose exports are read."""
    return [f"{RESULTS}/{stage}/{run}/{name}" for run in RUNS for name in names]


def with_report(path, caption, category, labels, subcategory=None, endings=(".png",)):
    """An output; a picture goes into Snakemake's own report (snakemake --report)."""
    if not path.endswith(endings) or path.endswith("_print.png"):
        return path
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory=subcategory,
        labels=labels,
    )


def bundle(slug):
    """Files of an outcome's bundle."""
    pictures = {f"{slug}_{figure}.png": figure for figure in OUTCOME_FIGURES}
    files = []
    for name in bundle_files(slug, STUDY.config["figures"]):
        figure = pictures.get(name, "timecourse")
        labels = {"outcome": slug, "figure": TITLES[figure]}
        path = f"{RESULTS}/figures/{slug}/{name}"
        files.append(with_report(path, figure, "Outcomes", labels, slug))
    return files


def whole_study():
    """Files of the figures of the whole study."""
    pictures = {f"{name}.png": name for name in STUDY_FIGURES}
    files = []
    for name in STUDY_FILES:
        kind = pictures.get(name, "study_timecourse")
        title = STUDY_TITLES["_".join(kind.split("_")[:2])]
        path = f"{RESULTS}/figures/study/{name}"
        files.append(with_report(path, "study", "Study", {"figure": title}))
    return files


def quality_figures():
    """Files of the quality figures."""
    folder = f"{RESULTS}/figures/qc"
    files = [
        with_report(
            f"{folder}/{name}", "qc", "Quality", {"figure": QC_TITLES[Path(name).stem]}
        )
        for name in qc_files(QC_FIGURES)
    ]
    for run, name in zip(RUNS, injection_sheets(RUNS)):
        labels = {"figure": f"Injections of {run}"}
        path = f"{folder}/{name}"
        files.append(
            with_report(path, "injections", "Quality", labels, endings=(".pdf",))
        )
    return files


def of_quantify(*names):
    """Files of quantify, unless concentrations are given."""
    return [f"{RESULTS}/quantify/{name}" for name in names if quantifies(START)]


def code(rule):
    """The stamp of a rule's code."""
    return f"{STAMPS}/code/{rule}.json"


onerror:
    show_failures(Path(RESULTS) / "logs", sys.stderr)
