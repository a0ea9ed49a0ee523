rule figures:
    input:
        timecourse=rules.normalize.output.timecourse,
        baseline=rules.normalize.output.baseline,
        summary=rules.normalize.output.summary,
        stats=[
            f"{RESULTS}/stats/{slug}/{name}" for slug in SLUGS for name in STATS_TABLES
        ],
        doses=f"{STAMPS}/tables/doses.csv",
        study=f"{STAMPS}/config/study.json",
        normalize=f"{STAMPS}/config/normalize.json",
        config=f"{STAMPS}/config/figures.json",
        code=code("figures"),
    output:
        [path for slug in SLUGS for path in bundle(slug)],
        whole_study(),
        sidecars=[
            f"{RESULTS}/figures/{slug}/sidecar.json" for slug in [*SLUGS, "study"]
        ],
    log:
        f"{RESULTS}/logs/figures.log",
    conda:
        "../../environment.yml"
    threads: 4
    params:
        folder=lambda wildcards, output: str(Path(output.sidecars[0]).parents[1]),
        stats=lambda wildcards, input: str(Path(input.stats[0]).parents[1]),
        slugs=SLUGS,
        n=len(SLUGS),
        # Not `threads`: that would let linear algebra use as many in every process.
        processes=lambda wildcards: workflow.cores or 1,
    message:
        "Drawing the bundles of {params.n} outcomes"
    script:
        "../scripts/figures.py"


rule figures_qc:
    input:
        traces=of_runs("ingest", "traces.parquet"),
        peaks=of_runs("integrate", "peaks.parquet"),
        concentrations=of_quantify("concentrations.parquet"),
        calibration=of_quantify("calibration.csv"),
        calibration_points=of_quantify("calibration_points.csv"),
        suitability=of_quantify("suitability.csv"),
        timecourse=rules.normalize.output.timecourse,
        baseline=rules.normalize.output.baseline,
        injections=f"{STAMPS}/tables/injections.csv",
        normalize=f"{STAMPS}/config/normalize.json",
        quantify=f"{STAMPS}/config/quantify.json",
        config=f"{STAMPS}/config/figures.json",
        code=code("figures_qc"),
    output:
        quality_figures(),
        index=f"{RESULTS}/figures/qc/bundle.json",
        sidecar=f"{RESULTS}/figures/qc/sidecar.json",
    log:
        f"{RESULTS}/logs/figures_qc.log",
    conda:
        "../../environment.yml"
    threads: 4
    params:
        folder=lambda wildcards, output: str(Path(output.sidecar).parent),
        figures=QC_FIGURES,
        runs=RUNS,
        processes=lambda wildcards: workflow.cores or 1,
    message:
        "Drawing the quality figures"
    script:
        "../scripts/figures_qc.py"
