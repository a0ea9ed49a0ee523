"""Time the demo study through the whole workflow, against its floor of process start-up.

    python benchmarks/workflow.py [--cores 2]

Prints wall time, CPU time and the largest process of a full run, of a run with nothing to do and of
a run after a change in the `stats:` section.  The floor is what the same number of Python processes
cost that only import what a stage imports: no workflow of this shape can be faster.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CODE = ("Snakefile", "workflow", "profiles", "src", "environment.yml")
STAGES = {
    "ingest": ("import pandas, scipy.io, pandera.pandas", 7),
    "integrate": ("import pandas, scipy.signal, pandera.pandas", 7),
    "quantify, normalize": ("import pandas, scipy.stats, pandera.pandas", 2),
    "stats": ("import pandas, statsmodels.api, pandera.pandas", 1),
    "figures, review": ("import pandas, matplotlib.figure, seaborn, pandera.pandas", 3),
}


def timed(command: list[str], root: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command and its children."""
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", default="2")
    cores = parser.parse_args().cores
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in CODE:
            source = PROJECT / name
            if source.is_dir():
                shutil.copytree(source, root / name)
            else:
                shutil.copy2(source, root / name)
        simulated = timed([sys.executable, "-m", "dialysis", "simulate", "demo"], root)
        floor = 0.0
        for imports, jobs in STAGES.values():
            floor += jobs * timed([sys.executable, "-c", imports], root)[0]
        floor /= int(cores)
        snakemake = [sys.executable, "-m", "snakemake", "--cores", cores]
        rows = {"simulate the demo": simulated, "whole workflow": timed(snakemake, root)}
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
        rows["nothing to do"] = timed(snakemake, root)
        config = root / "config" / "demo" / "study.yaml"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("\nstats:", "\nstats:\n  alpha: 0.01"), encoding="utf-8")
        rows["after a change of stats:"] = timed(snakemake, root)
    print(f"{'':28}{'wall s':>8}{'CPU s':>8}{'of floor':>10}")
    for name, (wall, cpu) in rows.items():
        print(f"{name:28}{wall:8.1f}{cpu:8.1f}{wall / floor:10.2f}")
    starts = sum(jobs for _, jobs in STAGES.values())
    print(f"floor, {starts} process starts on {cores} cores: {floor:.1f} s")
    print(f"largest process: {largest:.2f} GB")


if __name__ == "__main__":
    main()
