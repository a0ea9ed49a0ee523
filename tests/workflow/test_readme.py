"""Every command of the README does what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

# Commands that make environments: the first two are how this test came to run, the conda route is
# held by tests/unit/test_packaging.py, the pip route is what `make run` does.
SETTING_UP = {
    "make run",
    "make test",
    "conda env create -f environment.yml && conda activate dialysis",
    "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e .",
}
ON_A_STUDY = [
    "dialysis inspect raw/mystudy",
    "dialysis check mystudy",
    "dialysis run mystudy",
    "snakemake --config study=mystudy",
    "dialysis rerun stats mystudy --dry-run",
    "dialysis rerun stats mystudy",
    "dialysis verify mystudy",
    "dialysis trace results/mystudy/normalize/timecourse.csv --cell 12:pct_of_baseline",
]


def commands(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.S | re.M)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return list(dict.fromkeys(lines))


def test_every_command_is_run_here_or_held_elsewhere(project: Path) -> None:
    assert set(commands(project / "README.md")) == SETTING_UP | set(ON_A_STUDY)


def test_the_commands_on_a_study_work_in_their_order(copy: Project) -> None:
    for folder in ("config", "raw"):
        shutil.copytree(copy.root / folder / "tiny", copy.root / folder / "mystudy")
    for command in ON_A_STUDY:
        program, *arguments = command.split()
        done = copy.run([sys.executable, "-m", program, *arguments])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if "verify" in command:
            assert "0 stale, 0 altered" in done.stdout
        if "rerun" in command:
            assert "Nothing to do" in done.stdout
    assert (copy.root / "results" / "mystudy" / "review" / "index.html").is_file()


def test_a_stage_can_be_named(copy: Project) -> None:
    done = copy.run(
        [sys.executable, "-m", "snakemake", "quantify", "--config", "study=tiny", "--dry-run"]
    )
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "target",
    ["all", "ingest", "integrate", "quantify", "normalize", "stats", "figures", "review"],
)
def test_every_target_is_there(copy: Project, target: str) -> None:
    assert copy.planned(target) == {}


def test_make_run_says_what_to_open(copy: Project) -> None:
    """`make run`, with the environment of this test and the tiny study in place of the demo."""
    if not (Path(sys.prefix) / ".installed").is_file():
        pytest.skip("the environment of this test was not made by make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md"):
        shutil.copy2(PROJECT / name, copy.root / name)
    (copy.root / ".venv").symlink_to(Path(sys.prefix))
    for kind in ("config", "raw", "results"):
        (copy.root / kind / "tiny").rename(copy.root / kind / "demo")
    done = subprocess.run(
        ["make", "--assume-old=pyproject.toml", "--assume-old=constraints.txt", "run", "CORES=2"],
        cwd=copy.root,
        env=os.environ | {"PYTHONPATH": str(copy.root / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    opened = re.findall(r"^  (results/demo/\S+)", done.stdout, re.M)
    assert "results/demo/review/index.html" in opened
    assert (copy.root / "results/demo/review/index.html").is_file()


def test_snakemakes_own_report_holds_every_figure(copy: Project) -> None:
    done = copy.snakemake("--report", "report.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(copy.root / "report.zip") as archive:
        pictures = {Path(name).name for name in archive.namelist() if name.endswith(".png")}
    # Those for print show the same at another resolution.
    drawn = {p.name for p in (copy.results / "figures").rglob("*.png")}
    drawn = {name for name in drawn if not name.endswith("_print.png")}
    assert len(drawn) > 6
    assert pictures == drawn
