"""Every command of the tutorial, from a lab's folder to figures, and what they are made of."""

from __future__ import annotations

import math
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.simulate.parameters import read_globals
from tests.workflow.conftest import Project, new_project

pytestmark = pytest.mark.workflow

TUTORIAL = "docs/tutorial.md"
# What figures, captions and pages say of studies that don't start from traces and standards.
SAID = {
    "pilot": set(),
    "peaks": {"vendor areas"},
    "values": {"concentrations as given"},
    "plain": {"uncalibrated"},
}
SENTENCES = {
    "vendor areas": "Vendor areas: the peaks were integrated by other software",
    "uncalibrated": "Uncalibrated: percent of baseline is computed from detector responses",
    "concentrations as given": "Concentrations as given: they were computed by other software",
}
ANALYTES = [("pilot", "HVA"), *((study, "DOPAC") for study in SAID)]
MOST_TYPED = 10


def typed(text: str) -> list[str]:
    """Commands of the tutorial as they are typed, with their line breaks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M)
    return re.findall(r"(?:[^\n]*\\\n)*[^\n]+", "".join(blocks))


def study_of(command: str) -> str:
    found = re.search(r"--name (\w+)|(?:init|check|run) (\w+)", command)
    assert found is not None, command
    return next(name for name in found.groups() if name)


@pytest.fixture(scope="module")
def tutorial(project: Path) -> list[str]:
    return typed((project / TUTORIAL).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def done(tutorial: list[str], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tutorial's project after all its commands, each study run to its figures."""
    project = new_project(tmp_path_factory.mktemp("tutorial") / "project")
    for command in tutorial:
        program, *arguments = shlex.split(command.replace("\\\n", " "))
        if "run" in arguments:
            continue  # below
        outcome = project.run([sys.executable, "-m", program, *arguments])
        assert outcome.returncode == 0, f"{command}\n{outcome.stdout}{outcome.stderr}"
        if "init" in arguments:
            (project.root / f"{study_of(command)}.txt").write_text(outcome.stdout, encoding="utf-8")
    for name in SAID:
        own = Project(project.root, name)
        make_cheap(own)
        target = [] if name == "pilot" else ["figures"]
        outcome = own.dialysis("run", name, *target, "--cores", "2")
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return project


def make_cheap(study: Project) -> None:
    """Leave out what the test does not look at: of studies but the first one, HVA."""
    study.change("study.yaml", "# sensitivity: true", "sensitivity: false")
    study.change("study.yaml", "# dpi: 300", "dpi: 72")
    for path in study.config.glob("*.csv") if study.study != "pilot" else ():
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
        if "analyte" in table and len(table):
            table[table["analyte"].isin(["DOPAC", "DHBA"])].to_csv(path, index=False)


def test_at_most_ten_lines_are_typed(tutorial: list[str]) -> None:
    own = [c for c in tutorial if study_of(c) == "pilot" and "simulate" not in c]
    assert [shlex.split(c.replace("\\\n", " "))[:2] for c in own] == [
        ["dialysis", "init"],
        ["dialysis", "check"],
        ["dialysis", "run"],
    ]
    assert sum(len(c.splitlines()) for c in own) <= MOST_TYPED
    for name in set(SAID) - {"pilot"}:
        commands = [c for c in tutorial if study_of(c) == name and "simulate" not in c]
        # and its own check and run, as the tutorial says
        assert sum(len(c.splitlines()) for c in commands) + 2 <= MOST_TYPED


def test_nothing_was_given_but_the_exports(done: Project, tutorial: list[str]) -> None:
    """The exports are a lab's own: other names, decimal commas, no tables."""
    text = (done.root / "raw" / "pilot" / "Serie März 01" / "012.txt").read_text("utf-8-sig")
    assert "Injection\tMaus 11 - 1\n" in text and re.search(r"\n0,003333\t0,2\t-?\d+,\d{6}\n", text)
    assert all("--no-tables" in c for c in tutorial if " simulate " in c)
    assert set(SAID) == {study_of(c) for c in tutorial if " simulate " in c}


def test_the_tutorial_prints_what_is_printed(done: Project, project: Path) -> None:
    text = (project / TUTORIAL).read_text(encoding="utf-8")
    [shown] = re.findall(r"^```text\n(.*?)^```", text, re.S | re.M)
    assert shown in (done.root / "pilot.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("study", "analyte"), ANALYTES)
def test_the_figure_is_there_and_says_what_it_is_made_of(
    done: Project, study: str, analyte: str
) -> None:
    slug = analyte.lower()
    bundle = done.root / "results" / study / "figures" / slug
    assert (bundle / f"{slug}_timecourse.pdf").stat().st_size > 5000
    caption = (bundle / "caption.md").read_text(encoding="utf-8")
    assert {mark for mark, text in SENTENCES.items() if text in caption} == SAID[study]
    drawn = (bundle / f"{slug}_timecourse.svg").read_text(encoding="utf-8")
    for mark in SENTENCES:
        assert (mark in drawn) == (mark in SAID[study]), mark


def test_the_review_page_is_there(done: Project) -> None:
    assert (done.root / "results" / "pilot" / "review" / "index.html").is_file()


@pytest.mark.parametrize(("study", "analyte"), ANALYTES)
def test_percent_of_baseline_is_the_truth_within_its_error(
    done: Project, study: str, analyte: str
) -> None:
    """Root mean square of the log error, against a bound from what was simulated.

    An area errs by the preparation of its peak and by that of the internal standard's; the baseline
    is a mean of three such values.  With the fewest independent values there can be, one per
    animal, the root mean square is below the bound with a probability of 0.999 (χ², 6 degrees).
    Given concentrations are exact but for the four digits that were printed.
    """
    numbers = read_globals()
    analytical, volume = (
        numbers[name] / 100 for name in ("analytical_cv_pct", "injection_volume_cv_pct")
    )
    one = math.sqrt((analytical**2 - volume**2) * 2 * (1 + 1 / 3))
    rows = pd.read_csv(done.root / "results" / study / "normalize" / "timecourse.csv")
    truth = pd.read_csv(done.root / "truth" / study / "concentrations.csv")
    both = rows[rows["analyte"] == analyte].merge(truth, on=["animal_id", "fraction", "analyte"])
    assert len(both) == 42  # 6 animals × 7 fractions
    before = both[both["period"] == "baseline"].groupby("animal_id")["conc_nM"].mean()
    assert both["period"].value_counts().to_dict() == {"post": 24, "baseline": 18}
    error = np.log(
        both["pct_of_baseline"] / (100 * both["conc_nM"] / both["animal_id"].map(before))
    )
    after = error[both["period"] == "post"]
    bound = 2e-3 if study == "values" else one * math.sqrt(22.458 / 6)
    assert math.sqrt(np.mean(after**2)) < bound


def test_the_animals_got_what_the_notebook_says(done: Project) -> None:
    for study in SAID:
        own = pd.read_csv(done.root / "config" / study / "animals.csv").sort_values("animal_id")
        truth = pd.read_csv(done.root / "truth" / study / "animals.csv")
        assert own["animal_id"].tolist() == truth["animal_id"].tolist()
        assert own["dose"].tolist() == truth["dose"].tolist()
