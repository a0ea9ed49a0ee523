"""A project of its own for the workflow tests, with the tiny simulated study run once."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT

CODE = ("Snakefile", "workflow", "profiles", "src", "environment.yml")


@dataclass(frozen=True)
class Project:
    """A copy of the code with a study in it."""

    root: Path
    study: str = "tiny"

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in the project, with the project's own code."""
        environment = os.environ | {
            "PYTHONPATH": str(self.root / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the study, as a user would."""
        return self.run(
            [sys.executable, "-m", "snakemake", *arguments, "--config", f"study={self.study}"]
        )

    def plain_snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake without naming a study."""
        return self.run([sys.executable, "-m", "snakemake", *arguments])

    def dialysis(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run([sys.executable, "-m", "dialysis", *arguments])

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs a run would do, by rule, without the collecting rules."""
        done = self.snakemake("--dry-run", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        jobs: dict[str, int] = {}
        table = re.search(r"Job stats:\n(.*?)\ntotal", done.stdout + done.stderr, re.S)
        for line in table[1].splitlines()[2:] if table else ():
            name, count = line.split()
            if name not in ("all", "ingest", "integrate"):
                jobs[name] = int(count)
        return jobs

    @property
    def config(self) -> Path:
        """Folder of the study's configuration."""
        return self.root / "config" / self.study

    @property
    def raw(self) -> Path:
        """Folder of its exports."""
        return self.root / "raw" / self.study

    @property
    def results(self) -> Path:
        """Folder of its results."""
        return self.root / "results" / self.study

    def change(self, name: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text that must be in a file of the configuration."""
        path = self.config / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def copy(self, target: Path) -> Project:
        """Copy everything, modification times included."""
        shutil.copytree(self.root, target, symlinks=True)
        return Project(target, self.study)


def new_project(root: Path) -> Project:
    """Copy the code of this project, without any study."""
    root.mkdir(parents=True)
    for name in CODE:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, root / name)
    return Project(root)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny study, simulated and run to its end.  Not to be changed: copy it.

    It is run once for all processes of pytest-xdist, whose temporary folders have one parent.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    root = folder / "finished"
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.is_dir():
            return Project(root)
        project = new_project(folder / "unfinished")
        done = project.dialysis("simulate", "tiny")
        assert done.returncode == 0, done.stderr
        done = project.snakemake("--cores", "2")
        assert done.returncode == 0, done.stdout + done.stderr
        return Project(project.root.rename(root))


@pytest.fixture
def copy(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished tiny study that a test may change."""
    return finished.copy(tmp_path / "project")
