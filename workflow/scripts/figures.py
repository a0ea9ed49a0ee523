"""Draw the bundle of every outcome."""

from pathlib import Path

from dialysis.figures.bundle import write_bundle
from dialysis.files import read_json, read_table
from dialysis.job import stage_job
from dialysis.tables.normalize import TIMECOURSE
from dialysis.tables.stats import CONTRASTS, MEANS

with stage_job(snakemake):
    timecourse = read_table(snakemake.input.timecourse, TIMECOURSE)
    for slug in snakemake.params.slugs:
        stats = Path(snakemake.params.stats) / slug
        write_bundle(
            timecourse=timecourse[timecourse["outcome"] == slug],
            means=read_table(stats / "means.csv", MEANS),
            contrasts=read_table(stats / "contrasts.csv", CONTRASTS),
            model=read_json(stats / "model.json"),
            config=read_json(snakemake.input.config),
            out_dir=Path(snakemake.params.folder) / slug,
            normalize=read_json(snakemake.input.normalize),
            species=read_json(snakemake.input.study)["species"],
        )
