"""Draw the bundle of every outcome."""

from pathlib import Path

from dialysis.figures.bundle import OutcomeNumbers, write_bundles
from dialysis.files import read_json, read_table
from dialysis.job import stage_job
from dialysis.tables.inputs import DOSES
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.stats import OUTCOME_TABLES

with stage_job(snakemake):
    given = snakemake.input
    timecourse = read_table(given.timecourse, TIMECOURSE)
    baseline = read_table(given.baseline, BASELINE)
    summary = read_table(given.summary, SUMMARY)
    doses = read_table(given.doses, DOSES)
    normalize = read_json(given.normalize)
    species = read_json(given.study)["species"]
    outcomes = {}
    for slug in snakemake.params.slugs:
        stats = Path(snakemake.params.stats) / slug
        outcomes[slug] = OutcomeNumbers(
            timecourse=timecourse[timecourse["outcome"] == slug],
            stats={t.name: read_table(stats / f"{t.name}.csv", t) for t in OUTCOME_TABLES},
            model=read_json(stats / "model.json"),
            baseline=baseline[baseline["outcome"] == slug],
            summary=summary[summary["outcome"] == slug],
            doses=doses,
            normalize=normalize,
            species=species,
            results=(stats / "results.md").read_text(encoding="utf-8"),
            methods=(stats / "methods.md").read_text(encoding="utf-8"),
        )
    write_bundles(
        outcomes,
        read_json(given.config),
        snakemake.params.folder,
        processes=snakemake.params.processes,
    )
