"""Find, name and measure the peaks of one run, or take over those of the vendor."""

from dialysis.files import read_json, read_table, write_table
from dialysis.integrate import integrate_run, take_vendor_peaks
from dialysis.job import stage_job
from dialysis.tables.ingest import TRACES, VENDOR_PEAKS
from dialysis.tables.inputs import ANALYTES, INJECTIONS, INTEGRATION_EVENTS
from dialysis.tables.integrate import PEAKS, SUITABILITY

with stage_job(snakemake):
    injections = read_table(snakemake.input.injections, INJECTIONS)
    analytes = read_table(snakemake.input.analytes, ANALYTES)
    config = read_json(snakemake.input.config)
    if snakemake.input.vendor_peaks:
        run = take_vendor_peaks(
            vendor_peaks=read_table(snakemake.input.vendor_peaks[0], VENDOR_PEAKS),
            injections=injections,
            analytes=analytes,
            config=config,
        )
    else:
        run = integrate_run(
            traces=read_table(snakemake.input.traces[0], TRACES),
            injections=injections,
            analytes=analytes,
            events=read_table(snakemake.input.events, INTEGRATION_EVENTS),
            config=config,
        )
    write_table(run.peaks, snakemake.output.peaks, PEAKS)
    write_table(run.suitability, snakemake.output.suitability, SUITABILITY)
