"""From concentrations to each animal's percent of its own baseline."""

from dialysis.files import read_json, read_table, write_table
from dialysis.job import stage_job
from dialysis.normalize import given_concentrations, normalize_study
from dialysis.tables.inputs import (
    ANALYTES,
    ANIMALS,
    DOSES,
    EXCLUSIONS,
    GIVEN_CONCENTRATIONS,
    INJECTIONS,
    PROBES,
)
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CONCENTRATIONS

with stage_job(snakemake):
    injections = read_table(snakemake.input.injections, INJECTIONS)
    analytes = read_table(snakemake.input.analytes, ANALYTES)
    if snakemake.input.given:
        given, left_out = snakemake.input.given
        concentrations = given_concentrations(
            given=read_table(given, GIVEN_CONCENTRATIONS),
            injections=injections,
            analytes=analytes,
            exclusions=read_table(left_out, EXCLUSIONS),
        )
    else:
        concentrations = read_table(snakemake.input.concentrations[0], CONCENTRATIONS)
    study = normalize_study(
        concentrations=concentrations,
        injections=injections,
        analytes=analytes,
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
