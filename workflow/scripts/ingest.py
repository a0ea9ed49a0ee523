"""Read the exports of one run."""

from pathlib import Path

from dialysis.files import read_json, read_table, write_table
from dialysis.ingest import ingest_run
from dialysis.job import stage_job
from dialysis.tables.ingest import MANIFEST, RUN_FILES, TRACES, VENDOR_PEAKS

raw_dir = Path(snakemake.params.raw)
exports = [raw_dir / name for name in read_json(snakemake.input.raw)]

with stage_job(snakemake, exports):
    run = ingest_run(
        injections=read_table(snakemake.input.files, RUN_FILES),
        raw_dir=raw_dir,
        config=read_json(snakemake.input.config),
        study=snakemake.params.study,
    )
    write_table(run.traces, snakemake.output.traces, TRACES)
    write_table(run.manifest, snakemake.output.manifest, MANIFEST)
    write_table(run.vendor_peaks, snakemake.output.vendor_peaks, VENDOR_PEAKS)
