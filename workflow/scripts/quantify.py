"""From the areas of all runs, or those of areas.csv, to concentrations."""

from dialysis.files import read_json, read_table, read_tables, write_table
from dialysis.job import stage_job
from dialysis.quantify import peaks_of_areas, quantify_study, with_injection_times
from dialysis.tables.ingest import MANIFEST
from dialysis.tables.inputs import (
    ANALYTES,
    AREAS,
    EXCLUSIONS,
    INJECTIONS,
    PROBES,
    STANDARDS,
)
from dialysis.tables.integrate import PEAKS
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS, SUITABILITY

with stage_job(snakemake):
    injections = read_table(snakemake.input.injections, INJECTIONS)
    manifests = read_tables(snakemake.input.manifests, MANIFEST)
    injections = with_injection_times(injections, manifests)
    if snakemake.input.areas:
        peaks = peaks_of_areas(read_table(snakemake.input.areas[0], AREAS), injections)
    else:
        peaks = read_tables(snakemake.input.peaks, PEAKS)
    study = quantify_study(
        peaks=peaks,
        injections=injections,
        standards=read_table(snakemake.input.standards, STANDARDS),
        analytes=read_table(snakemake.input.analytes, ANALYTES),
        exclusions=read_table(snakemake.input.exclusions, EXCLUSIONS),
        config=read_json(snakemake.input.config),
        probes=read_tables(snakemake.input.probes, PROBES),
    )
    write_table(study.concentrations, snakemake.output.concentrations, CONCENTRATIONS)
    write_table(study.calibration, snakemake.output.calibration, CALIBRATION)
    write_table(study.calibration_points, snakemake.output.calibration_points, CALIBRATION_POINTS)
    write_table(study.suitability, snakemake.output.suitability, SUITABILITY)
