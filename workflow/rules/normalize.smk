# Concentrations come from quantify, or are given, with what quantify would have left out.
GIVEN = ("tables/concentrations.csv", "tables/exclusions_injection.csv")


rule normalize:
    input:
        concentrations=of_quantify("concentrations.parquet"),
        given=if_start("concentrations", *(f"{STAMPS}/{name}" for name in GIVEN)),
        injections=f"{STAMPS}/tables/injections.csv",
        analytes=f"{STAMPS}/tables/analytes.csv",
        animals=f"{STAMPS}/tables/animals.csv",
        probes=f"{STAMPS}/tables/probes.csv",
        doses=f"{STAMPS}/tables/doses.csv",
        exclusions=f"{STAMPS}/tables/exclusions_other.csv",
        study=f"{STAMPS}/config/study.json",
        config=f"{STAMPS}/config/normalize.json",
        code=code("normalize"),
    output:
        timecourse=f"{RESULTS}/normalize/timecourse.csv",
        baseline=f"{RESULTS}/normalize/baseline.csv",
        summary=f"{RESULTS}/normalize/summary.csv",
        sidecar=f"{RESULTS}/normalize/sidecar.json",
    log:
        f"{RESULTS}/logs/normalize.log",
    conda:
        "../../environment.yml"
    message:
        "Percent of baseline of every animal"
    script:
        "../scripts/normalize.py"
