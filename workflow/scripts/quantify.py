"""From the areas of all runs to concentrations."""

import pandas as pd

from dialysis.files import read_json, read_table, write_table
from dialysis.job import stage_job
from dialysis.quantify import quantify_study
from dialysis.tables.inputs import ANALYTES, EXCLUSIONS, INJECTIONS, STANDARDS
from dialysis.tables.integrate import PEAKS
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS, SUITABILITY

with stage_job(snakemake):
    study = quantify_study(
        peaks=pd.concat(
            [read_table(path, PEAKS) for path in snakemake.input.peaks], ignore_index=True
        ),
        injections=read_table(snakemake.input.injections, INJECTIONS),
        standards=read_table(snakemake.input.standards, STANDARDS),
        analytes=read_table(snakemake.input.analytes, ANALYTES),
        exclusions=read_table(snakemake.input.exclusions, EXCLUSIONS),
        config=read_json(snakemake.input.config),
    )
    write_table(study.concentrations, snakemake.output.concentrations, CONCENTRATIONS)
    write_table(study.calibration, snakemake.output.calibration, CALIBRATION)
    write_table(study.calibration_points, snakemake.output.calibration_points, CALIBRATION_POINTS)
    write_table(study.suitability, snakemake.output.suitability, SUITABILITY)
