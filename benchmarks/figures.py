"""Time and size of a study's figures: all bundles, and the sheets of all injections.

Run as ``python benchmarks/figures.py --study demo`` after the study was run: it draws from
``results/`` into a folder that it removes.  Wall time depends on what else the machine does; CPU
time of all processes does not.  The bars: bundles in 25 s and 600 injections in 20 s and 15 MB,
each with two processes on two free cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.figures.bundle import OutcomeNumbers, write_bundles
from dialysis.figures.qc import write_qc
from dialysis.files import read_json, read_table, read_tables
from dialysis.tables.inputs import DOSES, INJECTIONS
from dialysis.tables.integrate import PEAKS
from dialysis.tables.normalize import BASELINE, SUMMARY, TIMECOURSE
from dialysis.tables.quantify import CALIBRATION, CALIBRATION_POINTS, CONCENTRATIONS
from dialysis.tables.stats import OUTCOME_TABLES


def measured(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU time (children included) of a piece of work, s."""
    before, start = os.times(), time.perf_counter()
    work()
    after = os.times()
    names = ("user", "system", "children_user", "children_system")
    cpu = sum(getattr(after, name) - getattr(before, name) for name in names)
    return time.perf_counter() - start, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--study", default="demo")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    results = Path("results") / options.study
    stamps = results / ".stamps"
    config = read_json(stamps / "config/figures.json")
    timecourse = read_table(results / "normalize/timecourse.csv", TIMECOURSE)
    baseline = read_table(results / "normalize/baseline.csv", BASELINE)
    summary = read_table(results / "normalize/summary.csv", SUMMARY)
    doses = read_table(stamps / "tables/doses.csv", DOSES)
    outcomes = {}
    for slug in dict.fromkeys(timecourse["outcome"]):
        stats = results / "stats" / slug
        outcomes[slug] = OutcomeNumbers(
            timecourse[timecourse["outcome"] == slug],
            {t.name: read_table(stats / f"{t.name}.csv", t) for t in OUTCOME_TABLES},
            read_json(stats / "model.json"),
            baseline[baseline["outcome"] == slug],
            summary[summary["outcome"] == slug],
            doses,
        )
    injections = read_table(stamps / "tables/injections.csv", INJECTIONS)
    runs = sorted(path.name for path in (results / "ingest").iterdir() if path.is_dir())
    sheets = {
        "traces": [results / "ingest" / run / "traces.parquet" for run in runs],
        "peaks": read_tables([results / f"integrate/{run}/peaks.parquet" for run in runs], PEAKS),
        "concentrations": read_table(results / "quantify/concentrations.parquet", CONCENTRATIONS),
        "calibration": read_table(results / "quantify/calibration.csv", CALIBRATION),
        "calibration_points": read_table(
            results / "quantify/calibration_points.csv", CALIBRATION_POINTS
        ),
    }
    limits = read_json(stamps / "config/normalize.json")["baseline"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        n = options.processes
        wall, cpu = measured(lambda: write_bundles(outcomes, config, out / "figures", n))
        files = [p for p in (out / "figures").rglob("*") if p.is_file()]
        rows = [("bundles", len(outcomes), wall, cpu, size_mb(files))]

        def draw_sheets() -> None:
            write_qc(
                **sheets,
                timecourse=timecourse,
                baseline=baseline,
                injections=injections,
                config=config,
                baseline_limits=limits,
                out_dir=out / "qc",
                figures=(),
                runs=runs,
                processes=n,
            )

        wall, cpu = measured(draw_sheets)
        made = list((out / "qc").glob("*.pdf"))
        rows.append(("injection sheets", len(injections), wall, cpu, size_mb(made)))
    table = pd.DataFrame(rows, columns=["what", "n", "wall_s", "cpu_s", "size_MB"])
    print(f"{n} processes, load {os.getloadavg()[0]:.1f}")
    print(table.round(1).to_string(index=False))


def size_mb(files: list[Path]) -> float:
    return sum(path.stat().st_size for path in files) / 1e6


if __name__ == "__main__":
    main()
