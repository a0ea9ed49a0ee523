"""Time `dialysis check` on a study of 1,000 injections, and `dialysis verify` on the finished demo.

    python -m benchmarks.check [--format andi] [--repeats 3] [--demo]

The large study is the demo with 62 animals in 12 runs, with exports of their own for all
injections.  Every time is that of a process of its own, start-up and imports included.  With
``--demo`` the demo is simulated, run (minutes) and verified instead.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.workflow import CODE, PROJECT, timed

from dialysis.simulate import DESIGNS, write_study
from dialysis.simulate.designs import TreatmentGroup

DRUGS = (("mianserin", 2), ("mianserin", 5), ("mirtazapine", 2), ("mirtazapine", 5))
LARGE = replace(
    DESIGNS["demo"],
    name="large",
    groups=(
        TreatmentGroup("vehicle", 0, 14),
        *(TreatmentGroup(drug, dose, 12) for drug, dose in DRUGS),
    ),
    n_runs=12,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", default="andi")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--demo", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in CODE:
            source = PROJECT / name
            copied = shutil.copytree if source.is_dir() else shutil.copy2
            copied(source, root / name)
        study = "demo" if arguments.demo else "large"
        design = DESIGNS["demo"] if arguments.demo else LARGE
        made = write_study(root=root, design=design, export_format=arguments.format)
        print(f"{study}: {made.n_injections} injections, {arguments.format}")
        dialysis = [sys.executable, "-m", "dialysis"]
        commands = [[*dialysis, "check", study]]
        if arguments.demo:
            timed([*dialysis, "run", study], root)
            commands.append([*dialysis, "verify", study])
        for command in commands:
            for _ in range(arguments.repeats):
                wall, cpu = timed(command, root)
                print(f"{command[3]:8}{wall:6.2f} s wall{cpu:8.2f} s CPU", flush=True)


if __name__ == "__main__":
    main()
