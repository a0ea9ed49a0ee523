rule normalize:
    input:
        concentrations=rules.quantify.output.concentrations,
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
