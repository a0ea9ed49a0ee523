"""Run Snakemake on a study: what would run, the run itself with its progress, what to open."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dialysis.errors import WorkflowError
from dialysis.job import failures
from dialysis.stages import STAGE_RULES
from dialysis.study.load import Study

EVERYTHING = "all"

_JOB = re.compile(r"Job \d+: (.+)")
_STEPS = re.compile(r"(\d+) of (\d+) steps")
_COUNT = re.compile(r"(\w+)\s+(\d+)")
_COLLECTING = ("Everything is there;", "All exports are read", "All peaks are integrated")


@dataclass(frozen=True)
class Step:
    """A job that begins.

    Parameters
    ----------
    done, total : int
        Jobs that are done and jobs of the run, those that only collect left out.
    text : str
        What the job does.
    """

    done: int
    total: int
    text: str


@dataclass(frozen=True)
class Finished:
    """What came of a run.

    Parameters
    ----------
    status : int
        Exit status of Snakemake; 0 when it went well.
    jobs : int
        How many jobs it did.
    output : tuple of str
        All lines that it printed.
    interrupted : bool
        Whether the user stopped it.
    """

    status: int
    jobs: int
    output: tuple[str, ...]
    interrupted: bool = False


def needs_snakefile(root: Path) -> None:
    """Say clearly when this is not the folder of the project.

    Raises
    ------
    WorkflowError
        If the Snakefile or the code it needs is not there.
    """
    missing = [
        name for name in ("Snakefile", "workflow", "src/dialysis") if not (root / name).exists()
    ]
    if missing:
        raise WorkflowError(
            f"{root.resolve()}: found no {missing[0]}; expected the project's folder, with "
            "Snakefile, workflow/, src/, config/ and raw/. Go there, or name it with --root."
        )


def planned_jobs(
    root: Path, study: str, target: str = EVERYTHING, forced: str = ""
) -> dict[str, int]:
    """How many jobs of every stage a run would do, by Snakemake's own word; upstream first.

    Parameters
    ----------
    root : Path
        Project root.
    study : str
        Name of the study.
    target : str
        A stage, or everything.
    forced : str
        A stage that is made again even where it is current.

    Raises
    ------
    WorkflowError
        If Snakemake can't plan the run.
    """
    command = _command(study, target, "--dry-run", *_force(forced))
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    text = done.stdout + done.stderr
    if done.returncode:
        raise WorkflowError(_last_words(text.splitlines()))
    table = re.search(r"Job stats:\n(.*?)\ntotal", text, re.S)
    lines = table[1].splitlines()[2:] if table else []
    counts = {name: int(number) for name, number in (line.split() for line in lines)}
    return {stage: counts[rule] for stage, rule in STAGE_RULES.items() if rule in counts}


def run_workflow(
    root: Path,
    study: str,
    target: str,
    show: Callable[[Step | str], None],
    cores: str = "",
    forced: str = "",
) -> Finished:
    """Run Snakemake and tell of every job that begins.

    Parameters
    ----------
    root : Path
        Project root.
    study : str
        Name of the study.
    target : str
        A stage, or everything.
    show : callable
        Called with every step, and with notes that are a text.
    cores : str
        A number or ``"all"``; empty for what the profile says.
    forced : str
        A stage that is made again even where it is current.
    """
    options = ["--cores", cores] if cores else []
    command = _command(study, target, *options, *_force(forced))
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    lines: list[str] = []
    done = total = 0
    interrupted = False
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        previous = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        assert process.stdout is not None
        try:
            while True:
                try:
                    line = process.stdout.readline()
                except KeyboardInterrupt:
                    # Snakemake got it too, and ends its jobs before it ends.
                    interrupted = True
                    show("Stopping; what is done stays done.")
                    continue
                if not line:
                    break
                lines.append(line.rstrip("\n"))
                if found := _COUNT.fullmatch(lines[-1].strip()):
                    total += int(found[2]) if found[1] in STAGE_RULES.values() else 0
                elif found := _STEPS.match(lines[-1]):
                    done = int(found[1])
                elif found := _JOB.fullmatch(lines[-1]):
                    if not found[1].startswith(_COLLECTING):
                        show(Step(min(done, total), total, found[1]))
                elif lines[-1].startswith("note: "):
                    show(lines[-1])
            status = process.wait()
        finally:
            signal.signal(signal.SIGTERM, previous)
    return Finished(status, min(done, total), tuple(lines), interrupted)


def failure_text(root: Path, study: str, finished: Finished) -> str:
    """Say why a run failed: what jobs said of the input, else the end of Snakemake's own words."""
    said = failures(root / "results" / study / "logs")
    return "\n\n".join(said) if said else _last_words(finished.output)


def log_of(finished: Finished) -> str:
    """Where Snakemake keeps all that a run printed; empty when it did not say."""
    said = (re.match(r"Complete log\(s\): (.+)", line) for line in reversed(finished.output))
    return next((found[1] for found in said if found), "")


def to_open(study: Study, target: str) -> str:
    """The file a person wants to look at after a run, relative to the project's root."""
    base = f"results/{study.name}"
    slug = study.outcomes[0].slug
    run = study.runs[0] if study.runs else ""
    return {
        "ingest": f"{base}/ingest/{run}/manifest.csv",
        "integrate": f"{base}/integrate/{run}/suitability.csv",
        "quantify": f"{base}/quantify/calibration.csv",
        "normalize": f"{base}/normalize/timecourse.csv",
        "stats": f"{base}/stats/{slug}/results.md",
        "figures": f"{base}/figures/{slug}/{slug}_timecourse.pdf",
        "figures_qc": f"{base}/figures/qc/animals.pdf",
    }.get(target, f"{base}/review/index.html")


def _command(study: str, target: str, *options: str) -> list[str]:
    # --config takes all words after it: it stands last.
    return [sys.executable, "-m", "snakemake", target, *options, "--config", f"study={study}"]


def _force(stage: str) -> list[str]:
    return ["--forcerun", STAGE_RULES[stage]] if stage else []


def _last_words(lines: list[str] | tuple[str, ...]) -> str:
    """The part of Snakemake's output that tells of an error."""
    first = next(
        (n for n, line in enumerate(lines) if re.search(r"error|exception", line, re.I)), 0
    )
    told = [line for line in lines[first:] if line.strip()]
    return "\n".join(told[:40])
