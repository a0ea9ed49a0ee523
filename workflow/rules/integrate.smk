# One of traces and vendor_peaks is empty: a study starts from either.
rule integrate_run:
    input:
        traces=if_start("traces", f"{RESULTS}/ingest/{{run}}/traces.parquet"),
        vendor_peaks=if_start(
            "vendor_peaks", f"{RESULTS}/ingest/{{run}}/vendor_peaks.csv"
        ),
        injections=f"{STAMPS}/runs/{{run}}/injections.csv",
        standards=f"{STAMPS}/runs/{{run}}/standards.csv",
        analytes=f"{STAMPS}/runs/{{run}}/analytes.csv",
        events=f"{STAMPS}/runs/{{run}}/integration_events.csv",
        config=f"{STAMPS}/config/integrate.json",
        code=code("integrate_run"),
    output:
        peaks=f"{RESULTS}/integrate/{{run}}/peaks.parquet",
        suitability=f"{RESULTS}/integrate/{{run}}/suitability.csv",
        sidecar=f"{RESULTS}/integrate/{{run}}/sidecar.json",
    log:
        f"{RESULTS}/logs/integrate_{{run}}.log",
    conda:
        "../../environment.yml"
    message:
        "Integrating the peaks of {wildcards.run}"
    script:
        "../scripts/integrate.py"


rule integrate:
    input:
        of_runs("integrate", "peaks.parquet", "suitability.csv"),
    message:
        "All peaks are integrated"
