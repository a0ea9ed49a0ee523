"""Draw the figures that a person judges the runs and animals by."""

from dialysis.figures.qc import write_qc
from dialysis.files import read_json, read_table, read_tables
from dialysis.job import stage_job
from dialysis.tables.inputs import INJECTIONS
from dialysis.tables.integrate import PEAKS
from dialysis.tables.normalize import BASELINE, TIMECOURSE
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS, SUITABILITY

with stage_job(snakemake):
    check_limits = read_json(snakemake.input.quantify)["suitability"]
    write_qc(
        traces=list(snakemake.input.traces),
        peaks=read_tables(snakemake.input.peaks, PEAKS),
        concentrations=read_tables(snakemake.input.concentrations, CONCENTRATIONS),
        calibration=read_tables(snakemake.input.calibration, CALIBRATION),
        calibration_points=read_tables(snakemake.input.calibration_points, CALIBRATION_POINTS),
        timecourse=read_table(snakemake.input.timecourse, TIMECOURSE),
        baseline=read_table(snakemake.input.baseline, BASELINE),
        injections=read_table(snakemake.input.injections, INJECTIONS),
        config=read_json(snakemake.input.config),
        baseline_limits=read_json(snakemake.input.normalize)["baseline"],
        out_dir=snakemake.params.folder,
        figures=list(snakemake.params.figures),
        error_limit_pct=check_limits["back_calculation_error_pct"],
        checks=read_tables(snakemake.input.suitability, SUITABILITY),
        check_limits=check_limits,
        runs=list(snakemake.params.runs),
        processes=snakemake.params.processes,
    )
