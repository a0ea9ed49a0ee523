rule stats:
    input:
        timecourse=rules.normalize.output.timecourse,
        summary=rules.normalize.output.summary,
        config=f"{STAMPS}/config/stats.json",
        code=code("stats"),
    output:
        [f"{RESULTS}/stats/{slug}/{name}" for slug in SLUGS for name in STATS_TABLES],
        sidecars=[f"{RESULTS}/stats/{slug}/sidecar.json" for slug in SLUGS],
    log:
        f"{RESULTS}/logs/stats.log",
    conda:
        "../../environment.yml"
    params:
        folder=lambda wildcards, output: str(Path(output.sidecars[0]).parents[1]),
        n=len(SLUGS),
        # Not `threads`: Snakemake would have linear algebra use as many in every process, which
        # took nine times the CPU.
        processes=lambda wildcards: workflow.cores or 1,
    message:
        "Mixed models of {params.n} outcomes"
    script:
        "../scripts/stats.py"
