"""Write the review site."""

from pathlib import Path

import pandas as pd

from dialysis.decisions import parse_log
from dialysis.files import read_json, read_table
from dialysis.job import stage_job
from dialysis.review import write_site
from dialysis.tables.inputs import (
    ANALYTES,
    ANIMALS,
    DOSES,
    EXCLUSIONS,
    INJECTIONS,
    INTEGRATION_EVENTS,
    PROBES,
    STANDARDS,
)

TABLES = (ANIMALS, PROBES, INJECTIONS, ANALYTES, STANDARDS, DOSES, INTEGRATION_EVENTS)

with stage_job(snakemake):
    files = {Path(path).stem: path for path in snakemake.input.tables}
    tables = {table.name: read_table(files[table.name], table) for table in TABLES}
    tables["exclusions"] = pd.concat(
        [
            read_table(files[name], EXCLUSIONS)
            for name in ("exclusions_injection", "exclusions_other")
        ],
        ignore_index=True,
    )
    log = Path(snakemake.input.log).read_text(encoding="utf-8")
    write_site(
        results_dir=Path(snakemake.params.results),
        out_dir=Path(snakemake.params.results) / "review",
        name=snakemake.params.name,
        config={Path(path).stem: read_json(path) for path in snakemake.input.config},
        tables=tables,
        warnings=read_json(snakemake.input.warnings),
        log=parse_log(log, f"config/{snakemake.params.name}/decisions.jsonl"),
        code={Path(path).stem: read_json(path) for path in snakemake.input.codes},
    )
