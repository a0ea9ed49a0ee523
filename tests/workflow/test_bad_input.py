"""What a user gets wrong: one clear message, an exit code, nothing half-made, raw/ untouched."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import pytest

from tests.workflow.conftest import Project, new_project

pytestmark = pytest.mark.workflow


def contents(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("simulated") / "project")
    done = project.dialysis("simulate", "tiny")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def fresh(simulated: Project, tmp_path: Path) -> Project:
    """The tiny study before its first run, in a copy that a test may change."""
    return simulated.copy(tmp_path / "project")


def refused(project: Project) -> str:
    """Run; check that it fails before any job and leaves raw/ alone; return what it said."""
    before = contents(project.root / "raw")
    done = project.snakemake("--cores", "2")
    assert done.returncode != 0
    assert contents(project.root / "raw") == before
    assert "Traceback" not in done.stderr
    assert not project.results.exists()
    return said(done.stderr)


def said(text: str) -> str:
    """What the pipeline said, without the line in which Snakemake names its profile."""
    head, _, rest = text.partition("\n")
    assert head.startswith("Using workflow specific profile profiles/default")
    return rest.strip()


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def first_sample(project: Project) -> tuple[int, dict[str, str]]:
    """Line in the file and cells of the first sample."""
    for line, row in enumerate(read_rows(project.config / "injections.csv"), start=2):
        if row["type"] == "sample":
            return line, row
    raise AssertionError("no sample")


def test_a_config_typo(fresh: Project) -> None:
    path = fresh.config / "study.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\nstats:", "\nstats:\n  alpa: 0.05", 1), encoding="utf-8")
    line = path.read_text(encoding="utf-8").splitlines().index("  alpa: 0.05") + 1
    assert refused(fresh) == (
        "Study 'tiny' can't be run: 1 problem\n"
        f"  1. config/tiny/study.yaml, line {line}, stats.alpa: found unknown option 'alpa'; "
        "expected one of alpha, confidence, adjustment, stars, covariates, random, "
        "covariance, variances, ddf, information, sensitivity. "
        "Did you mean 'alpha'?"
    )


def test_an_unknown_animal(fresh: Project) -> None:
    number, row = first_sample(fresh)
    animals = (fresh.config / "animals.csv").read_text(encoding="utf-8").splitlines()
    fresh.change("injections.csv", f",{row['animal_id']},", ",Z99,")
    assert refused(fresh) == (
        "Study 'tiny' can't be run: 1 problem\n"
        f"  1. config/tiny/injections.csv, row {number}, column animal_id: found 'Z99', which is "
        f"not in animals.csv; expected one of its {len(animals) - 1} names. "
        "Add it to animals.csv, or mend the name here."
    )


def test_a_duplicate_fraction(fresh: Project) -> None:
    line, first = first_sample(fresh)
    rows = read_rows(fresh.config / "injections.csv")
    again = rows[line - 1]  # the row after the first sample
    assert again["probe_id"] == first["probe_id"]
    again |= {column: first[column] for column in ("fraction", "start_min", "end_min")}
    write_rows(fresh.config / "injections.csv", rows)
    assert (
        f"config/tiny/injections.csv, row {line + 1}, column fraction: found fraction "
        f"{first['fraction']} of {first['probe_id']} again (first in row {line}); expected each "
        "fraction once. If the vial was injected again, name the first injection in "
        "reinjection_of."
    ) in refused(fresh)


def test_a_missing_export(fresh: Project) -> None:
    number, row = first_sample(fresh)
    (fresh.raw / row["injection_file"]).unlink()
    assert refused(fresh).startswith(
        "Study 'tiny' can't be run: 1 problem\n"
        f"  1. config/tiny/injections.csv, row {number}, column injection_file: found "
        f"'{row['injection_file']}', which is not in raw/tiny/; expected a file there. "
    )


def test_all_problems_in_one_report(fresh: Project) -> None:
    _, row = first_sample(fresh)
    (fresh.raw / row["injection_file"]).unlink()
    fresh.change("injections.csv", f",{row['animal_id']},", ",Z99,")
    path = fresh.config / "study.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nstatz: {}\n", encoding="utf-8")
    report = refused(fresh)
    assert report.startswith("Study 'tiny' can't be run: 3 problems\n")
    for part in ("statz", "Z99", row["injection_file"]):
        assert part in report


def test_no_study_of_that_name(fresh: Project) -> None:
    assert refused(Project(fresh.root, "tinny")) == (
        "Study 'tinny' can't be run: 1 problem\n"
        "  1. config/tinny: found no such folder; expected a folder with study.yaml. "
        "Did you mean 'tiny'?"
    )


def test_an_unknown_workflow_setting(fresh: Project) -> None:
    done = fresh.plain_snakemake("--dry-run", "--config", "studdy=tiny")
    assert done.returncode == 1
    assert said(done.stderr) == (
        "--config studdy: found an unknown setting; expected study=NAME. "
        "Options of a study stand in config/NAME/study.yaml."
    )


def test_truncated_exports_are_all_named_and_leave_no_partial_output(fresh: Project) -> None:
    exports = sorted((fresh.raw / "run01").iterdir())[1:3]
    for export in exports:
        export.write_bytes(export.read_bytes()[:5000])
    before = contents(fresh.root / "raw")
    done = fresh.snakemake("--cores", "2")
    assert done.returncode != 0
    assert contents(fresh.root / "raw") == before
    for export in exports:
        assert f"raw/tiny/run01/{export.name}" in done.stderr
    # the message stands at the end, after everything Snakemake says
    log = (fresh.results / "logs" / "ingest_run01.log").read_text(encoding="utf-8")
    message = log.removeprefix("failed: ").strip()
    assert message.startswith("Exports of run 'run01' can't be read: 2 problems\n")
    assert done.stderr.index(message) > done.stderr.rindex("RuleException")
    assert not list((fresh.results / "ingest" / "run01").glob("*"))
    # the other run is not held up
    assert (fresh.results / "integrate" / "run02" / "peaks.parquet").is_file()
    for stage in ("quantify", "normalize", "stats", "figures", "review"):
        assert not (fresh.results / stage).exists() or not [
            p for p in (fresh.results / stage).rglob("*") if p.is_file()
        ]
