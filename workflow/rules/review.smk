REVIEW_TABLES = (
    "animals",
    "probes",
    "injections",
    "analytes",
    "standards",
    "doses",
    "exclusions_injection",
    "exclusions_other",
    "integration_events",
)


rule review:
    input:
        figures=[
            f"{RESULTS}/figures/{slug}/{name}"
            for slug in SLUGS
            for name in bundle_files(slug, STUDY.config["figures"])
        ],
        bundles=[
            f"{RESULTS}/figures/{slug}/sidecar.json"
            for slug in [*SLUGS, "study", "qc"]
        ],
        study=[f"{RESULTS}/figures/study/{name}" for name in STUDY_FILES],
        qc=[
            f"{RESULTS}/figures/qc/{name}"
            for name in (*qc_files(QC_FIGURES), "bundle.json")
        ],
        stats=[
            f"{RESULTS}/stats/{slug}/{name}" for slug in SLUGS for name in STATS_TABLES
        ],
        normalize=[
            rules.normalize.output.timecourse,
            rules.normalize.output.baseline,
            rules.normalize.output.summary,
        ],
        quantify=of_quantify(
            "concentrations.parquet",
            "calibration.csv",
            "calibration_points.csv",
            "suitability.csv",
        ),
        integrate=of_runs("integrate", "peaks.parquet", "suitability.csv"),
        ingest=of_runs("ingest", "manifest.csv", "traces.parquet"),
        sidecars=[
            *of_runs("ingest", "sidecar.json"),
            *of_runs("integrate", "sidecar.json"),
            *of_quantify("sidecar.json"),
            rules.normalize.output.sidecar,
            *rules.stats.output.sidecars,
        ],
        config=[f"{STAMPS}/config/{section}.json" for section in SECTIONS],
        tables=[f"{STAMPS}/tables/{name}.csv" for name in REVIEW_TABLES],
        log=f"{STAMPS}/decisions.jsonl",
        warnings=f"{STAMPS}/warnings.json",
        codes=[code(name) for name in RULES_HERE],
    output:
        [f"{RESULTS}/review/{name}" for name in SITE],
        sidecars=[
            f"{RESULTS}/review/{folder}sidecar.json" for folder in site_folders(SITE)
        ],
    log:
        f"{RESULTS}/logs/review.log",
    conda:
        "../../environment.yml"
    params:
        name=STUDY.name,
        results=lambda wildcards, input: str(Path(input.normalize[0]).parents[1]),
    message:
        "Writing the review site"
    script:
        "../scripts/review.py"
