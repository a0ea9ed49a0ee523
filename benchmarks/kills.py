"""Kill `dialysis run` at random moments and run it again: are the results what they would be?

    python benchmarks/kills.py [--kills 50] [--seed 1]

The study is a small simulated one, from exports to the review page.  All results are removed, a
run is begun, and after a random part of the time that an undisturbed run takes it gets SIGKILL: in
turn the front (`dialysis run`), the Snakemake behind it, and everything at once, as when a computer
loses its power.  Then `dialysis run` is called again, and killed again at a random moment, until a
run has come to its end.  Compared are then the bytes of every file of the results (the caches of
hashes, which hold dates, apart) and of raw/; and all begins anew until there were enough kills.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
CODE = ("Snakefile", "workflow", "profiles", "src", "environment.yml")
STUDY = "tiny"
KEPT_ANALYTES = ("analyte", "DHBA", "5-HIAA")  # the header, the internal standard, one outcome
CACHES = ("raw_cache.json", "hash_cache.json")
RUN = [sys.executable, "-m", "dialysis", "run", STUDY]


def make_project(root: Path) -> None:
    """Copy the code and simulate a study of one outcome."""
    for name in CODE:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, root / name)
    subprocess.run(
        [sys.executable, "-m", "dialysis", "simulate", STUDY],
        cwd=root,
        env=environment(root),
        check=True,
        capture_output=True,
    )
    for name, place in (("analytes.csv", 0), ("standards.csv", 1)):
        path = root / "config" / STUDY / name
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.split(",")[place] in KEPT_ANALYTES]
        path.write_text("".join(kept), encoding="utf-8")


def environment(root: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(root / "src")}


def contents(folder: Path) -> dict[str, str]:
    """sha256 of every file by its name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in CACHES
    }


def run(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        RUN, cwd=root, env=environment(root), capture_output=True, text=True, check=False
    )


def snakemake_behind(front: int) -> list[int]:
    """Process numbers of the children of a process."""
    done = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(front)], capture_output=True, text=True, check=False
    )
    return [int(number) for number in done.stdout.split()]


def run_and_kill(root: Path, after_s: float, whom: str) -> bool:
    """Begin a run and kill it; tell whether it still ran."""
    with subprocess.Popen(
        RUN,
        cwd=root,
        env=environment(root),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            if whom == "everything":
                os.killpg(process.pid, signal.SIGKILL)
            elif whom == "front" or not (behind := snakemake_behind(process.pid)):
                process.kill()
            else:
                os.kill(behind[0], signal.SIGKILL)
            process.wait()
            return True
    return False


def locked(root: Path) -> bool:
    """Whether Snakemake has left a lock that the next run has to clear."""
    return any((root / ".snakemake" / "locks").glob("*.lock"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_project(root)
        raw = contents(root / "raw")
        begun = time.monotonic()
        done = run(root)
        took = time.monotonic() - begun
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        expected = contents(root / "results" / STUDY)
        print(f"undisturbed: {took:.0f} s, {len(expected)} files", flush=True)
        names = ("kills", "lock cleared", "runs finished", "failed", "different", "raw changed")
        counts = dict.fromkeys(names, 0)
        while counts["kills"] < arguments.kills:
            shutil.rmtree(root / "results")
            killed = []
            while True:
                whom = ("front", "snakemake", "everything")[counts["kills"] % 3]
                after = rng.uniform(0, took)
                if counts["kills"] == arguments.kills or not run_and_kill(root, after, whom):
                    break
                counts["kills"] += 1
                counts["lock cleared"] += locked(root)
                killed.append(f"{whom} after {after:.1f} s")
            again = run(root)
            found = contents(root / "results" / STUDY)
            problems = []
            if again.returncode:
                problems.append("failed")
                print(again.stdout + again.stderr, flush=True)
            if found != expected:
                problems.append("different")
                odd = {k for k in found.keys() | expected.keys() if found.get(k) != expected.get(k)}
                print(f"  {sorted(odd)[:10]}", flush=True)
            if contents(root / "raw") != raw:
                problems.append("raw changed")
            for name in (*problems, "runs finished"):
                counts[name] += 1
            told = ", ".join(problems) or "identical"
            print(f"{counts['kills']:3d}  {'; '.join(killed)}: {told}", flush=True)
        print(", ".join(f"{number} {name}" for name, number in counts.items()))
        if counts["failed"] or counts["different"] or counts["raw changed"]:
            sys.exit(1)


if __name__ == "__main__":
    main()
