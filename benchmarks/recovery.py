"""Recovery: how often the population's ratio lies in the reported 95 % interval.

Run as ``python benchmarks/recovery.py --studies 100``.  Every study is a simulated one of the
demo's design with a seed of its own (animals, runs, standards, lost vials, a misplaced probe, an
animal with an unstable baseline, drift, carry-over), whose areas are measured with the errors that
integration of the demo has, and which then goes through ``quantify``, ``normalize`` and the model
of ``stats`` with the demo's options.  Only the traces are left out.

Population: the ratio to vehicle of geometric means of percent of baseline, known from the
simulation's parameters.  A cell is one group at one time after the dose.  It is counted where no
value of the group or its control at that time is below the limit of quantification.

With ``--shards FOLDER`` every study is written there, and one that is there is not made again.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

# numpy reads it when it is loaded.  Between several threads the small matrices of these models take
# many times the CPU time.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd

FIRST_SEED = 1000
# Of the demo's samples as integrated against its truth: standard error of an area and height per
# area (nA·s, 1/s), and the noise σ of a trace, nA.  Errors in units of that standard error have
# standard deviations of 0.9 to 1.0 there.
AREA_SE = {
    "NE": 0.095,
    "DHBA": 0.128,
    "DOPAC": 0.166,
    "DA": 0.139,
    "5-HIAA": 0.200,
    "HVA": 0.257,
    "5-HT": 0.244,
}
HEIGHT_PER_AREA = {
    "NE": 0.0696,
    "DHBA": 0.0618,
    "DOPAC": 0.0518,
    "DA": 0.0486,
    "5-HIAA": 0.0413,
    "HVA": 0.0329,
    "5-HT": 0.0310,
}
NOISE = 0.0065
USP_PER_SIGMA = 0.46
SMALLEST_FOUND = 3.0  # heights in noise σ


def measured_peaks(plan: object, rng: np.random.Generator) -> pd.DataFrame:
    """Peaks of every injection, as integration hands them on.

    Areas are made as `dialysis.simulate.injections` makes them (carry-over, sensitivity of the
    run, fouling, injected volume, preparation), with noise of integration on top.
    """
    from dialysis.simulate.injections import sensitivities
    from dialysis.simulate.parameters import read_globals
    from dialysis.simulate.plan import ANALYTES
    from dialysis.simulate.testbed import positive_factor
    from dialysis.tables.integrate import PEAKS

    numbers = read_globals()
    volume_cv = numbers["injection_volume_cv_pct"] / 100
    preparation_cv = float(np.sqrt((numbers["analytical_cv_pct"] / 100) ** 2 - volume_cv**2))
    sensitivity = sensitivities(plan)
    rows = []
    for run, members in plan.injections.groupby("run", sort=True):
        run_factor = positive_factor(numbers["sensitivity_between_runs_cv_pct"] / 100, rng)
        amounts = plan.amounts[members.index]
        carried = np.zeros_like(amounts)
        carried[1:] = numbers["carry_over_pct"] / 100 * amounts[:-1]
        for place, injection in enumerate(members.itertuples()):
            fouling = 1 + numbers["sensitivity_drift_pct_per_24h"] / 100 * injection.hours / 24
            common = run_factor * fouling * positive_factor(volume_cv, rng)
            for column, analyte in enumerate(ANALYTES):
                prepared = positive_factor(preparation_cv, rng)
                amount = amounts[place, column] + carried[place, column]
                area = amount * prepared * common * sensitivity[column]
                area += AREA_SE[analyte] * rng.standard_normal()
                height = area * HEIGHT_PER_AREA[analyte]
                found = height > SMALLEST_FOUND * NOISE
                rows.append(
                    {
                        "injection_id": injection.injection_id,
                        "run": run,
                        "channel": "1",
                        "analyte": analyte,
                        "found": found,
                        "reason": "" if found else "no peak",
                        "area": area if found else np.nan,
                        "area_se": AREA_SE[analyte] if found else np.nan,
                        "height": height if found else np.nan,
                        "noise": NOISE,
                        "snr_sigma": height / NOISE if found else np.nan,
                        "snr_usp": USP_PER_SIGMA * height / NOISE if found else np.nan,
                        "method": "fit",
                    }
                )
    return PEAKS.coerce(pd.DataFrame(rows, columns=PEAKS.column_names))


def cells_of_study(seed: int) -> pd.DataFrame:
    """One row per analyte × group × time: the reported interval and the population's ratio."""
    from dialysis.normalize import normalize_study
    from dialysis.quantify import quantify_study
    from dialysis.simulate.config_tables import config_files
    from dialysis.simulate.designs import get_design
    from dialysis.simulate.plan import plan_study
    from dialysis.stats.contrasts import compare, contrast_table
    from dialysis.stats.fitted import fit_outcome
    from dialysis.stats.layout import layout_of
    from dialysis.stats.options import read_options
    from dialysis.study.load import load_study

    plan = plan_study(get_design("demo"), seed)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config" / "demo"
        config.mkdir(parents=True)
        for name, text in config_files(plan, ".cdf").items():
            (config / name).write_text(text, encoding="utf-8")
        for run in plan.injections.itertuples():
            # Their names are checked, their content is not read.
            export = Path(folder) / "raw" / "demo" / str(run.run)
            export.mkdir(parents=True, exist_ok=True)
            (export / f"{run.injection_id}_{run.label}.cdf").touch()
        study = load_study(folder, "demo")
    tables = study.tables
    peaks = measured_peaks(plan, np.random.default_rng([FIRST_SEED, seed]))
    quantified = quantify_study(
        peaks,
        tables["injections"],
        tables["standards"],
        tables["analytes"],
        tables["exclusions"],
        study.config["quantify"],
    )
    normalized = normalize_study(
        quantified.concentrations,
        tables["injections"],
        tables["analytes"],
        tables["animals"],
        tables["probes"],
        tables["doses"],
        tables["exclusions"],
        study.config["normalize"],
        study.config["study"]["region"],
    )
    # Unadjusted intervals do not depend on the adjustment, which costs most of the time.
    options = read_options({**study.config["stats"], "adjustment": "none"})
    truth = plan.population.set_index(["analyte", "group", "time_index"])["pct_geometric"]
    frames = []
    for _, rows in normalized.timecourse.groupby("outcome", sort=False):
        layout = layout_of(rows)
        fitted = fit_outcome(rows, layout, options)
        table = contrast_table(compare(fitted, options), options)
        analyte = str(rows["outcome_label"].iloc[0]).split(",")[0]
        used = rows[rows["used"].fillna(False).astype(bool)]
        below = used["below_loq"].fillna(False) | used["censored"].fillna(False)
        low = below.astype(bool).groupby([used["group"], used["time_index"]]).sum()
        keys = list(zip(table["group"], table["time_index"].astype(int), strict=True))
        against = list(zip(table["control"], table["time_index"].astype(int), strict=True))
        frames.append(
            pd.DataFrame(
                {
                    "seed": seed,
                    "analyte": analyte,
                    "group": table["group"],
                    "time_index": table["time_index"],
                    "status": table["status"],
                    "n_below_loq": [
                        int(low.get(a, 0) + low.get(b, 0))
                        for a, b in zip(keys, against, strict=True)
                    ],
                    "ratio_pct": table["ratio_pct"],
                    "low_pct": table["ratio_low_pct"],
                    "high_pct": table["ratio_high_pct"],
                    "population_pct": [
                        100.0 * truth[(analyte, *a)] / truth[(analyte, *b)]
                        for a, b in zip(keys, against, strict=True)
                    ],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def report(cells: pd.DataFrame) -> pd.DataFrame:
    """Percent of cells whose interval has the population's ratio, per analyte."""
    cells = cells[cells["ratio_pct"].notna()].copy()
    cells["inside"] = cells["population_pct"].between(cells["low_pct"], cells["high_pct"])
    cells["bias"] = np.log(cells["ratio_pct"] / cells["population_pct"])
    rows = {}
    for analyte, all_cells in cells.groupby("analyte"):
        own = all_cells[all_cells["n_below_loq"] == 0]
        # Cells of a study hang together: the error is over studies.
        share = own.groupby("seed")["inside"].mean()
        bias = own.groupby("seed")["bias"].mean()
        rows[analyte] = {
            "studies": len(share),
            "cells": len(own),
            "inside, %": round(100 * own["inside"].mean(), 1),
            "SE": round(100 * share.std(ddof=1) / np.sqrt(len(share)), 1),
            "bias of the ratio, %": round(100 * bias.mean(), 2),
            "SE of bias": round(100 * bias.std(ddof=1) / np.sqrt(len(bias)), 2),
            "cells with values < LOQ": len(all_cells) - len(own),
            "inside there, %": round(
                100 * all_cells.loc[all_cells["n_below_loq"] > 0, "inside"].mean(), 1
            ),
        }
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--shards", type=Path, help="folder for a file per study")
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after this time")
    options = parser.parse_args()
    start = time.monotonic()
    frames = []
    for seed in range(FIRST_SEED, FIRST_SEED + options.studies):
        path = None if options.shards is None else options.shards / f"study-{seed}.csv"
        if path is not None and path.exists():
            frames.append(pd.read_csv(path))
            continue
        if time.monotonic() - start > 60 * options.minutes:
            break
        frames.append(cells_of_study(seed))
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            frames[-1].to_csv(partial, index=False)
            partial.replace(path)
    print(report(pd.concat(frames, ignore_index=True)).to_string())
    print(f"{time.process_time():.0f} s CPU")


if __name__ == "__main__":
    main()
