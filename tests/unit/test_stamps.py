"""Content stamps change when, and only when, what they stand for changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dialysis.stamps import RULES, code_hashes, write_stamps
from dialysis.study.load import load_study
from tests.toy import ToyStudy


def stamp(toy: ToyStudy, project: Path) -> set[str]:
    """Write the stamps; return the names of those whose file was written."""
    folder = toy.root / "results" / toy.name / ".stamps"
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    write_stamps(load_study(toy.root, toy.name), code_root=project)
    return {
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and before.get(p) != p.stat().st_mtime_ns and p.name != "raw_cache.json"
    }


@pytest.fixture
def stamped(toy: ToyStudy, project: Path) -> ToyStudy:
    written = stamp(toy, project)
    assert "config/stats.json" in written
    assert "runs/run1/raw.json" in written
    return toy


def test_nothing_is_written_when_nothing_changed(stamped: ToyStudy, project: Path) -> None:
    assert stamp(stamped, project) == set()


def test_comments_key_order_and_defaults_spelt_out_write_nothing(
    stamped: ToyStudy, project: Path
) -> None:
    stamped.change(
        "study.yaml",
        "quantify:\n  inj_uL: 20\n",
        "# a comment\nstats: {stars: all, alpha: 0.05}\nquantify: {weight: 1/x, inj_uL: 20}\n",
    )
    assert stamp(stamped, project) == set()


def test_a_section_writes_its_own_stamp(stamped: ToyStudy, project: Path) -> None:
    stamped.add("study.yaml", stamped.files["study.yaml"] + "stats:\n  alpha: 0.01\n")
    assert stamp(stamped, project) == {"config/stats.json"}


def test_a_dose_writes_the_animals_stamp(stamped: ToyStudy, project: Path) -> None:
    stamped.change("animals.csv", "R2,mianserin,5,", "R2,mianserin,2,")
    assert stamp(stamped, project) == {"tables/animals.csv"}


def test_a_comment_of_an_injection_writes_nothing(stamped: ToyStudy, project: Path) -> None:
    lines = stamped.files["injections.csv"].splitlines()
    stamped.add(
        "injections.csv",
        "\n".join([lines[0] + ",comment", *(f"{line},looked at it" for line in lines[1:])]),
    )
    assert stamp(stamped, project) == set()


def test_the_order_of_rows_writes_nothing(stamped: ToyStudy, project: Path) -> None:
    for name in ("injections.csv", "standards.csv"):
        head, *rows = stamped.files[name].splitlines()
        stamped.add(name, "\n".join([head, *reversed(rows)]) + "\n")
    assert stamp(stamped, project) == set()


def test_a_touched_export_writes_nothing_and_a_changed_one_its_run(
    stamped: ToyStudy, project: Path
) -> None:
    export = stamped.raw_dir / "run1" / "std1.cdf"
    os.utime(export, (1, 1))
    assert stamp(stamped, project) == set()
    export.write_bytes(b"other bytes")
    assert stamp(stamped, project) == {"runs/run1/raw.json"}


def test_an_export_changed_with_its_old_size_is_seen(stamped: ToyStudy, project: Path) -> None:
    export = stamped.raw_dir / "run1" / "std1.cdf"
    export.write_bytes(export.read_bytes()[::-1])
    assert stamp(stamped, project) == {"runs/run1/raw.json"}


def test_an_injection_exclusion_is_apart_from_the_others(stamped: ToyStudy, project: Path) -> None:
    head = "level,id,analyte,reason_code,reason_text,decided_by,decided_on\n"
    stamped.add("exclusions.csv", head + "animal,R1,,histology,,AB,2026-01-05\n")
    assert stamp(stamped, project) == {"tables/exclusions_other.csv"}
    stamped.add(
        "exclusions.csv",
        head
        + "animal,R1,,histology,,AB,2026-01-05\n"
        + "injection,run1_001,,bad_calibrator,,AB,2026-01-05\n",
    )
    assert stamp(stamped, project) == {"tables/exclusions_injection.csv"}


def project_with(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_code_hashes_follow_imports_of_imports_and_inside_functions(tmp_path: Path) -> None:
    root = project_with(
        tmp_path,
        {
            "script.py": "from dialysis.stats import fit\n",
            "rule.smk": "rule",
            "src/dialysis/__init__.py": "",
            "src/dialysis/stats/__init__.py": "def fit():\n    import dialysis.files\n",
            "src/dialysis/stats/extra.txt": "data of the stage",
            "src/dialysis/files.py": "from dialysis.errors import E\n",
            "src/dialysis/errors.py": "",
            "src/dialysis/plotting.py": "",
        },
    )
    assert list(code_hashes(root, ["script.py"], ["rule.smk"])) == [
        "rule.smk",
        "script.py",
        "src/dialysis/__init__.py",
        "src/dialysis/errors.py",
        "src/dialysis/files.py",
        "src/dialysis/stats/__init__.py",
        "src/dialysis/stats/extra.txt",
    ]


@pytest.mark.parametrize(
    ("stage", "rules"),
    [
        ("ingest", {"ingest_run"}),
        ("integrate", {"integrate_run"}),
        ("quantify", {"quantify"}),
        ("normalize", {"normalize"}),
        ("stats", {"stats"}),
        ("figures", {"figures", "figures_qc"}),
        ("review", {"review"}),
    ],
)
def test_the_code_of_a_stage_is_seen_by_its_own_rules_only(
    project: Path, stage: str, rules: set[str]
) -> None:
    seeing = {
        rule
        for rule, (script, rule_file) in RULES.items()
        if f"src/dialysis/{stage}/__init__.py" in code_hashes(project, [script], [rule_file])
    }
    assert seeing == rules
