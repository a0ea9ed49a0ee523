"""Find, name and measure the peaks of one run."""

from dialysis.files import read_json, read_table, write_table
from dialysis.integrate import integrate_run
from dialysis.job import stage_job
from dialysis.tables.ingest import TRACES
from dialysis.tables.inputs import ANALYTES, INJECTIONS, INTEGRATION_EVENTS
from dialysis.tables.integrate import PEAKS, SUITABILITY

with stage_job(snakemake):
    run = integrate_run(
        traces=read_table(snakemake.input.traces, TRACES),
        injections=read_table(snakemake.input.injections, INJECTIONS),
        analytes=read_table(snakemake.input.analytes, ANALYTES),
        events=read_table(snakemake.input.events, INTEGRATION_EVENTS),
        config=read_json(snakemake.input.config),
    )
    write_table(run.peaks, snakemake.output.peaks, PEAKS)
    write_table(run.suitability, snakemake.output.suitability, SUITABILITY)
