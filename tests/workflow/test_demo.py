"""The demo study, from simulated exports to figures, against the truth it was simulated from."""

from __future__ import annotations

import json
import re
import resource
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.files import read_table
from dialysis.tables.normalize import TIMECOURSE
from tests.conftest import PROJECT
from tests.workflow.conftest import Project, new_project

pytestmark = pytest.mark.workflow

# Largest median area errors, %: the three small analytes are on the front, on a tail and poorly
# resolved.
LARGEST_ERROR = {
    "DHBA": 0.5,
    "DOPAC": 0.5,
    "5-HIAA": 0.5,
    "HVA": 0.5,
    "NE": 1.5,
    "DA": 1.5,
    "5-HT": 1.5,
}


MADE_BY_MAKE = (Path(sys.prefix) / ".installed").is_file()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """The demo and what its run said: by `make run` with the environment of this test.

    Where that environment was not made by make, a plain `snakemake` runs the demo.
    """
    root = tmp_path_factory.mktemp("demo") / "project"
    project = Project(new_project(root).root, "demo")
    if MADE_BY_MAKE:
        for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md"):
            shutil.copy2(PROJECT / name, root / name)
        (root / ".venv").symlink_to(Path(sys.prefix))
        old = [f"--assume-old={name}" for name in ("pyproject.toml", "constraints.txt")]
        done = project.run(["make", *old, "run", "CORES=2"])
    else:
        done = project.dialysis("simulate", "demo")
        assert done.returncode == 0, done.stderr
        done = project.plain_snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return project, done.stdout


@pytest.fixture(scope="module")
def demo(run: tuple[Project, str]) -> Project:
    return run[0]


@pytest.mark.skipif(not MADE_BY_MAKE, reason="the environment of this test was not made by make")
def test_make_run_says_what_to_open(run: tuple[Project, str]) -> None:
    project, said = run
    opened = re.findall(r"^  (results/demo/\S+)", said, re.M)
    assert "results/demo/review/index.html" in opened
    assert [name for name in opened if not (project.root / name).is_file()] == []


def timecourse_of(project: Project) -> pd.DataFrame:
    return read_table(project.results / "normalize" / "timecourse.csv", TIMECOURSE)


def truth(project: Project, name: str) -> pd.DataFrame:
    return pd.read_csv(project.root / "truth" / "demo" / name, keep_default_na=False)


def test_no_job_needs_more_than_one_and_a_half_gigabytes(demo: Project) -> None:
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(f"largest process: {largest:.2f} GB")
    assert largest < 1.5


def test_a_plain_snakemake_is_that_of_the_demo_and_does_nothing_more(demo: Project) -> None:
    done = demo.plain_snakemake("--dry-run")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def test_the_simulated_configuration_is_the_one_in_the_repository(
    demo: Project, project: Path
) -> None:
    ours = demo.root / "config" / "demo"
    committed = project / "config" / "demo"
    assert {p.name: p.read_bytes() for p in ours.iterdir()} == {
        p.name: p.read_bytes() for p in committed.iterdir()
    }


def test_areas_agree_with_the_truth(demo: Project) -> None:
    peaks = pd.concat(
        pd.read_parquet(path) for path in sorted(demo.results.glob("integrate/*/peaks.parquet"))
    )
    injections = pd.read_csv(demo.config / "injections.csv", keep_default_na=False)
    samples = set(injections.loc[injections["type"] == "sample", "injection_id"])
    found = peaks[(peaks["analyte"] != "") & peaks["injection_id"].isin(samples)]
    both = found.merge(truth(demo, "areas.csv"), on=["injection_id", "analyte"], how="inner")
    both["error_pct"] = 100 * (both["area"] / both["area_nA_s"].astype(float) - 1)
    table = both.groupby("analyte")["error_pct"].agg(
        n="size",
        missed=lambda e: e.isna().sum(),
        median_abs=lambda e: e.abs().median(),
        p95_abs=lambda e: e.abs().quantile(0.95),
        bias="median",
    )
    print(f"\narea error in samples, %\n{table.round(2)}")
    assert set(LARGEST_ERROR) == set(table.index)
    assert (table["median_abs"] < pd.Series(LARGEST_ERROR).reindex(table.index)).all()
    assert table["missed"].sum() == 0


def test_group_means_at_the_peak_agree_with_the_population(demo: Project) -> None:
    population = truth(demo, "population.csv")
    cells = []
    for model in sorted(demo.results.glob("stats/*/model.json")):
        outcome = json.loads(model.read_text(encoding="utf-8"))["outcome"]
        means = pd.read_csv(model.parent / "means.csv")
        timecourse = timecourse_of(demo)
        analyte = timecourse.loc[timecourse["outcome"] == outcome, "analyte"].iloc[0]
        of_analyte = population[(population["analyte"] == analyte) & (population["time_index"] > 0)]
        for group, rows in of_analyte.groupby("group"):
            peak = rows.loc[(rows["pct_arithmetic"] - 100).abs().idxmax()]
            mean = means[(means["group"] == group) & (means["time_index"] == peak["time_index"])]
            assert len(mean) == 1, (analyte, group)
            row = mean.iloc[0]
            inside = row["low_pct"] <= peak["pct_arithmetic"] <= row["high_pct"]
            near = abs(row["mean_pct"] - peak["pct_arithmetic"]) <= 10
            cells.append(
                {
                    "analyte": analyte,
                    "group": group,
                    "truth": peak["pct_arithmetic"],
                    "mean": row["mean_pct"],
                    "low": row["low_pct"],
                    "high": row["high_pct"],
                    "good": bool(inside or near),
                }
            )
    table = pd.DataFrame(cells)
    print(f"\npercent of baseline at the population's peak\n{table.round(1).to_string()}")
    assert len(table) == 30  # 6 analytes × 5 groups
    assert table["good"].mean() >= 0.9
    # NE on the front does as well as the others.
    assert table.loc[table["analyte"] == "NE", "good"].mean() >= 0.8


def test_planted_faults_are_told(demo: Project) -> None:
    faults = truth(demo, "faults.csv")
    timecourse = timecourse_of(demo)
    misplaced = faults.loc[faults["fault"] == "misplaced_probe", "animal_id"].unique()
    unstable = faults.loc[faults["fault"] == "unstable_baseline", "animal_id"].unique()
    lost = faults[faults["fault"] == "lost_vial"]
    assert len(misplaced) == 1
    assert len(unstable) == 1
    assert len(lost) > 0
    for animal in (*misplaced, *unstable):
        rows = timecourse[timecourse["animal_id"] == animal]
        assert len(rows)
        assert not rows["used"].any()
        assert (rows["reason"] != "").all()
    missing = timecourse[timecourse["injection_id"] == ""]
    shown = set(zip(missing["animal_id"], missing["fraction"].astype(int), strict=True))
    assert shown == set(zip(lost["animal_id"], lost["fraction"].astype(int), strict=True))


def test_every_group_keeps_six_animals_or_more(demo: Project) -> None:
    timecourse = timecourse_of(demo)
    used = timecourse[timecourse["used"] & (timecourse["outcome"] == "dopac_hippocampus")]
    n = used.groupby("group")["animal_id"].nunique()
    assert len(n) == 5
    assert n.between(6, 8).all()
    assert np.isfinite(used["pct_of_baseline"]).all()
