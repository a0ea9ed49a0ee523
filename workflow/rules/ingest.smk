# The exports themselves are no inputs: their content counts through the stamp raw.json, their
# dates must not count, and a message about a bad one would drown in the list of all of them.
rule ingest_run:
    input:
        raw=f"{STAMPS}/runs/{{run}}/raw.json",
        files=f"{STAMPS}/runs/{{run}}/files.csv",
        config=f"{STAMPS}/config/ingest.json",
        code=code("ingest_run"),
    output:
        traces=f"{RESULTS}/ingest/{{run}}/traces.parquet",
        manifest=f"{RESULTS}/ingest/{{run}}/manifest.csv",
        vendor_peaks=f"{RESULTS}/ingest/{{run}}/vendor_peaks.csv",
        sidecar=f"{RESULTS}/ingest/{{run}}/sidecar.json",
    log:
        f"{RESULTS}/logs/ingest_{{run}}.log",
    conda:
        "../../environment.yml"
    params:
        study=STUDY.name,
        raw=RAW,
    message:
        "Reading the exports of {wildcards.run}"
    script:
        "../scripts/ingest.py"


rule ingest:
    input:
        of_runs("ingest", "traces.parquet", "manifest.csv", "vendor_peaks.csv"),
    message:
        "All exports are read"
