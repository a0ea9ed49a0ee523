"""Coverage of the intervals of concentrations, over simulated runs.

Usage: python benchmarks/quantification.py [--runs 200] [--seed 1] [--ways WAY ...]

Areas are simulated, not traces: the amounts, sequence and sensitivities of one run of the demo's
chemistry, its repeatability of volume and peaks and its drift, and for every area a normal error
with the standard error that the integration measured in the demo's whole traces (`INTEGRATED`:
medians over the small peaks of seven runs).  Whole traces of 200 runs would take an hour of CPU;
the coverage of the integration itself is measured in benchmarks/integration.py.

Printed for every way of calibrating and analyte: values at or above the lower end of
quantification, the part of the 95 % t intervals (fmol_on_column ± t(fmol_df)·fmol_se) that hold
the truth, and the median error.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from dialysis.quantify import quantify_study
from dialysis.simulate.faults import NO_FAULTS, FaultyRun, plan_faulty_run
from dialysis.simulate.injections import sensitivities
from dialysis.simulate.parameters import read_globals
from dialysis.simulate.plan import ANALYTES
from dialysis.simulate.testbed import INTERNAL_STANDARD, positive_factor
from dialysis.study.config import default_section
from dialysis.tables.integrate import PEAKS

# Standard error of a small area (nA·s), height per area (1/s), and 2H/h per height (1/nA), as the
# integration measured them in the demo.
INTEGRATED = {
    "NE": (0.077, 0.0696, 81.4),
    "DHBA": (0.125, 0.0618, 77.6),
    "DOPAC": (0.124, 0.0518, 72.7),
    "DA": (0.110, 0.0486, 72.4),
    "5-HIAA": (0.157, 0.0413, 69.4),
    "HVA": (0.212, 0.0329, 66.6),
    "5-HT": (0.177, 0.0310, 67.2),
}
MEASURED = tuple(name for name in ANALYTES if name != INTERNAL_STANDARD)
BATCH = 25
FOUND_FROM = 3.3  # standard errors of its area, as the integration asks

WAYS: dict[str, dict[str, Any]] = {
    "internal standard, 1/x2": {"calibration": "auto", "weight": "1/x2"},
    "external, drift by brackets, 1/x2": {"calibration": "external", "weight": "1/x2"},
    "internal standard, 1/x": {"calibration": "auto", "weight": "1/x"},
    "internal standard, quadratic, 1/x2": {
        "calibration": "auto",
        "weight": "1/x2",
        "model": "quadratic",
    },
}


def simulate_peaks(run: FaultyRun, rng: np.random.Generator) -> pd.DataFrame:
    """Areas of every injection and analyte of a run, as integrate hands them on."""
    numbers = read_globals()
    volume_cv = numbers["injection_volume_cv_pct"] / 100
    peak_cv = float(np.sqrt((numbers["analytical_cv_pct"] / 100) ** 2 - volume_cv**2))
    per_fmol = sensitivities(run.plan)
    cell = positive_factor(numbers["sensitivity_between_runs_cv_pct"] / 100, rng)
    rows: list[dict[str, Any]] = []
    for place, injection in enumerate(run.plan.injections.itertuples()):
        drift = 1 + numbers["sensitivity_drift_pct_per_24h"] / 100 * float(injection.hours) / 24
        common = cell * drift * positive_factor(volume_cv, rng)
        for column, name in enumerate(ANALYTES):
            se, height_per_area, snr_per_height = INTEGRATED[name]
            true = run.amounts[place, column] * per_fmol[column] * common
            area = true * positive_factor(peak_cv, rng) + se * rng.standard_normal()
            found = area > FOUND_FROM * se
            height = height_per_area * area
            measured = {
                "rt_min": 5.0,
                "area": area,
                "area_se": se,
                "height": height,
                "snr_usp": snr_per_height * height,
            }
            rows.append(
                {
                    "injection_id": injection.injection_id,
                    "run": injection.run,
                    "analyte": name,
                    "found": found,
                    "reason": "" if found else "below the noise",
                    "method": "fit",
                    **(measured if found else {}),
                }
            )
    return PEAKS.coerce(pd.DataFrame(rows))


def with_internal_standard(run: FaultyRun) -> dict[str, pd.DataFrame]:
    """Tables of a run in which every analyte has the internal standard."""
    tables = dict(run.tables)
    analytes = tables["analytes"].copy()
    own = analytes["analyte"] == INTERNAL_STANDARD
    analytes["internal_standard"] = np.where(own, "itself", INTERNAL_STANDARD)
    return {**tables, "analytes": analytes}


def batch_coverage(seeds: Sequence[int], ways: Sequence[str]) -> pd.DataFrame:
    """Whether the interval holds the truth, for every way, sample and analyte of some runs.

    The runs are quantified together, each by its own standards, because a call costs more than
    a run in it.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    truths = []
    for seed in seeds:
        run = plan_faulty_run(seed, NO_FAULTS)
        tables = with_internal_standard(run)
        peaks = simulate_peaks(run, np.random.default_rng([seed, 99]))
        frames = {"peaks": peaks, **{k: tables[k] for k in ("injections", "standards")}}
        for kind, frame in frames.items():
            own = frame.assign(injection_id=f"s{seed}_" + frame["injection_id"])
            if "run" in own:
                own["run"] = f"s{seed}"
            parts.setdefault(kind, []).append(own)
        names = [f"s{seed}_{name}" for name in run.plan.injections["injection_id"]]
        truths.append(pd.DataFrame(run.amounts, index=names, columns=list(ANALYTES)).stack())
    whole = {kind: pd.concat(frames, ignore_index=True) for kind, frames in parts.items()}
    truth = pd.concat(truths)
    out = []
    for way in ways:
        config = {**copy.deepcopy(default_section("quantify")), "inj_uL": 20.0, **WAYS[way]}
        study = quantify_study(
            **whole, analytes=tables["analytes"], exclusions=tables["exclusions"], config=config
        )
        table = study.concentrations
        ends = study.calibration.set_index(["run", "analyte"])["lower_end_fmol"]
        own = table[(table["type"] == "sample") & table["analyte"].isin(MEASURED)].copy()
        index = pd.MultiIndex.from_frame(own[["injection_id", "analyte"]])
        own["truth"] = truth.reindex(index).to_numpy()
        lowest = ends.reindex(pd.MultiIndex.from_frame(own[["run", "analyte"]])).to_numpy()
        own = own[own["truth"] >= lowest]
        reach = stdtrit(own["fmol_df"].clip(upper=1e6), 0.975) * own["fmol_se"]
        error = own["fmol_on_column"] - own["truth"]
        out.append(
            pd.DataFrame(
                {
                    "way": way,
                    "analyte": own["analyte"],
                    "holds": error.abs() <= reach,
                    "error_pct": 100 * (error / own["truth"]).abs(),
                }
            )
        )
    return pd.concat(out, ignore_index=True)


def main() -> None:
    """Print the coverage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    arguments = parser.parse_args()
    start = time.process_time()
    last = arguments.seed + arguments.runs
    rows = pd.concat(
        [
            batch_coverage(range(first, min(first + BATCH, last)), arguments.ways)
            for first in range(arguments.seed, last, BATCH)
        ],
        ignore_index=True,
    )
    table = rows.groupby(["way", "analyte"], sort=False).agg(
        values=("holds", "size"),
        coverage_pct=("holds", "mean"),
        median_error_pct=("error_pct", "median"),
    )
    table["coverage_pct"] *= 100
    print(f"{arguments.runs} runs, {time.process_time() - start:.0f} s CPU")
    print(table.round({"coverage_pct": 1, "median_error_pct": 2}).to_string())


if __name__ == "__main__":
    main()
