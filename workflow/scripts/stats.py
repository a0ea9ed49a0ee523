"""Fit, test and compare the groups of every outcome."""

from pathlib import Path

from dialysis.files import read_json, read_table, write_json, write_table, write_text
from dialysis.job import stage_job
from dialysis.stats import analyse_study
from dialysis.tables.normalize import SUMMARY, TIMECOURSE
from dialysis.tables.stats import OUTCOME_TABLES

with stage_job(snakemake):
    outcomes = analyse_study(
        timecourse=read_table(snakemake.input.timecourse, TIMECOURSE),
        summary=read_table(snakemake.input.summary, SUMMARY),
        config=read_json(snakemake.input.config),
        processes=snakemake.params.processes,
    )
    for slug, result in outcomes.items():
        folder = Path(snakemake.params.folder) / slug
        for table in OUTCOME_TABLES:
            write_table(getattr(result, table.name), folder / f"{table.name}.csv", table)
        write_json(folder / "model.json", result.model)
        write_text(folder / "results.md", result.results)
        write_text(folder / "methods.md", result.methods)
