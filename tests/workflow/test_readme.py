"""Every command of the README does what it says."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from dialysis.stages import STAGE_RULES
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

# Commands that make environments: the first is held by tests/workflow/test_demo.py, the second is
# how this test came to run, the conda route is held by tests/unit/test_packaging.py, the pip route
# is what `make run` does.
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
    shutil.rmtree(copy.results / "review")  # something to run
    for command in ON_A_STUDY:
        program, *arguments = command.replace("mystudy", copy.study).split()
        done = copy.run([sys.executable, "-m", program, *arguments])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if "verify" in command:
            assert "0 stale, 0 altered" in done.stdout
        if "rerun" in command:
            assert "Nothing to do" in done.stdout
    assert (copy.results / "review" / "index.html").is_file()


def test_every_stage_can_be_named(copy: Project) -> None:
    assert copy.planned("all", *STAGE_RULES) == {}
