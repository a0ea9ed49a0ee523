"""From concentrations to each animal's percent of its own baseline."""

from dialysis.files import read_json, read_table, write_table
from dialysis.job import stage_job
from dialysis.normalize import normalize_study
from dialysis.tables.inputs import ANALYTES, ANIMALS, DOSES, EXCLUSIONS, INJECTIONS, PROBES
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CONCENTRATIONS

with stage_job(snakemake):
    study = normalize_study(
        concentrations=read_table(snakemake.input.concentrations, CONCENTRATIONS),
        injections=read_table(snakemake.input.injections, INJECTIONS),
        analytes=read_table(snakemake.input.analytes, ANALYTES),
        animals=read_table(snakemake.input.animals, ANIMALS),
        probes=read_table(snakemake.input.probes, PROBES),
        doses=read_table(snakemake.input.doses, DOSES),
        exclusions=read_table(snakemake.input.exclusions, EXCLUSIONS),
        config=read_json(snakemake.input.config),
        region=read_json(snakemake.input.study)["region"],
    )
    write_table(study.timecourse, snakemake.output.timecourse, TIMECOURSE)
    write_table(study.baseline, snakemake.output.baseline, BASELINE)
    write_table(study.summary, snakemake.output.summary, SUMMARY)
