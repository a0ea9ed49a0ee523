"""Speed of the statistics.

Run as ``python benchmarks/stats_speed.py``.  One model of 60 animals × 15 times × 6 groups: fit,
Kenward–Roger type III tests and all comparisons with the control with both adjustments, in CPU
seconds of one thread; the same with lmer + lmerTest + emmeans where R has them.  ``--outcomes N``
runs the whole stage on N outcomes of 35 animals.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

# numpy reads it when it is loaded.  Between several threads the small matrices of these models take
# many times the CPU time.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd

R_SCRIPT = """
suppressMessages({library(lmerTest); library(emmeans)})
emm_options(lmerTest.limit = 1e5, pbkrtest.limit = 1e5)
d <- read.csv(commandArgs(TRUE)[1], colClasses = c(ftime = "factor", group = "factor"))
spent <- system.time({
  m <- lmer(log_ratio ~ lb + group * ftime + (1 | animal), d)
  a <- anova(m, ddf = "Kenward-Roger")
  e <- emmeans(m, ~ group | ftime)
  w <- summary(contrast(e, "trt.vs.ctrl1", adjust = "mvt"))
})
cat(sum(spent[1:2]))
"""


def large_study(seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    animals, times = 60, 15
    lag = np.abs(np.subtract.outer(np.arange(times), np.arange(times)))
    root = np.linalg.cholesky(0.02 + 0.02 * 0.6**lag)
    number = np.repeat(np.arange(animals), times)
    at = np.tile(np.arange(times), animals)
    return pd.DataFrame(
        {
            "animal": [f"R{i:02d}" for i in number],
            "group": [f"g{i // 10}" for i in number],
            "time_min": 20.0 * at + 10.0,
            "ftime": [f"{20 * t + 10}" for t in at],
            "lb": rng.standard_normal(animals)[number],
            "log_ratio": (rng.standard_normal((animals, times)) @ root.T).ravel(),
        }
    )


def speed() -> None:
    import scipy.interpolate
    import scipy.stats  # noqa: F401  (imports are not what is measured)

    from dialysis.stats import fit_lmm

    data = large_study()
    fit_lmm(
        "log_ratio ~ lb + group", data[data["time_min"] == 10], subject="animal", covariance="ri"
    )
    for label in ("first model of the process", "next model"):
        marks = [time.process_time()]
        fit = fit_lmm("log_ratio ~ lb + group * ftime", data, subject="animal", time="time_min")
        marks.append(time.process_time())
        fit.anova()
        marks.append(time.process_time())
        fit.contrasts("group", by="ftime", family="within")
        fit.contrasts("group", by="ftime", family="all")
        marks.append(time.process_time())
        parts = ", ".join(
            f"{name} {b - a:.3f}"
            for name, a, b in zip(
                ("fit", "KR type III", "comparisons"), marks, marks[1:], strict=False
            )
        )
        print(f"60 × 15 × 6, {label}: {marks[-1] - marks[0]:.3f} s CPU ({parts})")
    if shutil.which("Rscript") is None:
        print("R is not installed: no comparison with lmer + lmerTest + emmeans")
        return
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "d.csv", Path(folder) / "run.R"
        data.to_csv(table, index=False)
        script.write_text(R_SCRIPT, encoding="utf-8")
        done = subprocess.run(
            ["Rscript", str(script), str(table)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        print(f"R has no lmerTest or emmeans: {done.stderr.strip().splitlines()[-1]}")
        return
    r_seconds = float(done.stdout)
    ratio = r_seconds / (marks[-1] - marks[0])
    print(f"R, lmer + lmerTest + emmeans: {r_seconds:.3f} s CPU, {ratio:.1f} ×")


def simulated_outcomes(n: int, seed: int) -> pd.DataFrame:
    """Time courses of simulated studies: true dialysate levels, without chromatograms."""
    from dialysis.simulate.designs import get_design
    from dialysis.simulate.plan import group_labels, plan_study
    from dialysis.tables.normalize import TIMECOURSE

    design = get_design("demo")
    fractions = design.fractions
    labels = group_labels(design)
    frames = []
    for number in range(n):
        plan = plan_study(design, seed + number)
        animals = plan.animals[~plan.animals["misplaced"] & ~plan.animals["unstable"]]
        lost = plan.faults[plan.faults["fault"] == "lost_vial"]
        gone = set(zip(lost["animal_id"], lost["fraction"].astype(int), strict=True))
        rows = plan.concentrations.merge(animals[["animal_id", "drug", "dose"]], on="animal_id")
        place = rows["fraction"].to_numpy(dtype=int) - 1
        index = np.asarray(fractions.time_index)[place]
        rows = rows.assign(
            outcome=f"{number:03d}_" + rows["analyte"],
            outcome_label=rows["analyte"],
            kind="analyte",
            region=design.region,
            group=[labels[d, float(x)] for d, x in zip(rows["drug"], rows["dose"], strict=True)],
            dose_unit="mg/kg",
            route="s.c.",
            control=labels["vehicle", 0.0],
            is_control=rows["dose"] == 0,
            start_min=0.0,
            end_min=0.0,
            time_min=np.asarray(fractions.time_min)[place],
            duration_min=20.0,
            period=np.where(index > 0, "post", "baseline"),
            time_index=index,
            conc=rows["conc_nM"],
            conc_unit="nM",
            censored=False,
            below_loq=False,
            used=[
                (a, int(f)) not in gone
                for a, f in zip(rows["animal_id"], rows["fraction"], strict=True)
            ],
        )
        before = rows[(rows["period"] == "baseline") & rows["used"]]
        mean = before.groupby(["outcome", "animal_id"])["conc"].mean().rename("baseline")
        rows = rows.merge(mean.reset_index(), on=["outcome", "animal_id"], how="left")
        rows["pct_of_baseline"] = 100 * rows["conc"] / rows["baseline"]
        rows["log_ratio"] = np.log(rows["conc"] / rows["baseline"])
        rows["reason"] = np.where(rows["used"], "", "lost vial")
        frames.append(rows)
    return TIMECOURSE.coerce(pd.concat(frames, ignore_index=True))


def cpu_seconds() -> float:
    usages = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def stage(n_outcomes: int) -> None:
    from dialysis.stats import analyse_study
    from dialysis.study.config import default_section
    from dialysis.tables.normalize import SUMMARY

    frame = simulated_outcomes(-(-n_outcomes // 6), 0)
    slugs = list(dict.fromkeys(frame["outcome"]))[:n_outcomes]
    frame = frame[frame["outcome"].isin(slugs)]
    for processes in (1, 2):
        start, before = time.perf_counter(), cpu_seconds()
        analyse_study(frame, SUMMARY.empty(), default_section("stats"), processes=processes)
        spent = time.perf_counter() - start
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (processes > 1)
        memory = (own + processes * child) / 2**20
        print(
            f"{n_outcomes} outcomes, {processes} process(es): {spent:.1f} s wall, "
            f"{cpu_seconds() - before:.1f} s CPU, at most {memory:.2f} GB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--outcomes", type=int, default=24)
    options = parser.parse_args()
    speed()
    if options.outcomes:
        stage(options.outcomes)


if __name__ == "__main__":
    main()
