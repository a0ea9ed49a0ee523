rule quantify:
    input:
        peaks=of_runs("integrate", "peaks.parquet"),
        areas=if_start("areas", f"{STAMPS}/tables/areas.csv"),
        injections=f"{STAMPS}/tables/injections.csv",
        standards=f"{STAMPS}/tables/standards.csv",
        analytes=f"{STAMPS}/tables/analytes.csv",
        exclusions=f"{STAMPS}/tables/exclusions_injection.csv",
        # What only some studies need, so that others don't rerun for it.
        probes=(
            [f"{STAMPS}/tables/probes.csv"]
            if STUDY.config["quantify"]["recovery"] != "none"
            else []
        ),
        manifests=(
            of_runs("ingest", "manifest.csv")
            if STUDY.config["quantify"]["drift"]["by"] == "time"
            else []
        ),
        config=f"{STAMPS}/config/quantify.json",
        code=code("quantify"),
    output:
        concentrations=f"{RESULTS}/quantify/concentrations.parquet",
        calibration=f"{RESULTS}/quantify/calibration.csv",
        calibration_points=f"{RESULTS}/quantify/calibration_points.csv",
        suitability=f"{RESULTS}/quantify/suitability.csv",
        sidecar=f"{RESULTS}/quantify/sidecar.json",
    log:
        f"{RESULTS}/logs/quantify.log",
    conda:
        "../../environment.yml"
    message:
        "Calibrating and quantifying"
    script:
        "../scripts/quantify.py"
