"""Content stamps change when, and only when, what they stand for changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dialysis.provenance import (
    read_sidecar,
    sha256_file,
    sha256_path,
    sha256_text,
    write_sidecars,
)
from dialysis.stamps import RULES, code_hashes, write_stamps
from dialysis.study.load import load_study
from dialysis.verify import CachedHasher
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
    stamped.add("exclusions.csv", head + "fraction,R1:1,,flow_failure,,AB,2026-01-05\n")
    assert stamp(stamped, project) == {"tables/exclusions_other.csv"}
    stamped.add(
        "exclusions.csv",
        head
        + "fraction,R1:1,,flow_failure,,AB,2026-01-05\n"
        + "injection,run1_001,,bad_calibrator,,AB,2026-01-05\n",
    )
    # two levels are left of three, which is warned of
    assert stamp(stamped, project) == {"tables/exclusions_injection.csv", "warnings.json"}


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


class TestAFolderThatIsOneExport:
    @pytest.fixture
    def with_folder(self, toy: ToyStudy, project: Path) -> ToyStudy:
        name = str(load_study(toy.root, toy.name).run_files("run1")[0])
        export = toy.root / "raw" / toy.name / name
        content = export.read_bytes()
        export.unlink()
        export.mkdir()
        (export / "FID1A.ch").write_bytes(content)
        (export / "REPORT01.CSV").write_bytes(b"1,2\n")
        stamp(toy, project)
        return toy

    def folder(self, toy: ToyStudy) -> Path:
        name = str(load_study(toy.root, toy.name).run_files("run1")[0])
        return toy.root / "raw" / toy.name / name

    def test_a_touch_writes_nothing(self, with_folder: ToyStudy, project: Path) -> None:
        os.utime(self.folder(with_folder) / "FID1A.ch", (1, 1))
        assert stamp(with_folder, project) == set()

    def test_a_change_inside_writes_the_runs_stamp(
        self, with_folder: ToyStudy, project: Path
    ) -> None:
        # The same size and the folder's own time: only the file inside tells.
        (self.folder(with_folder) / "REPORT01.CSV").write_bytes(b"1,3\n")
        assert stamp(with_folder, project) == {"runs/run1/raw.json"}

    def test_a_new_name_writes_the_runs_stamp(self, with_folder: ToyStudy, project: Path) -> None:
        folder = self.folder(with_folder)
        (folder / "REPORT01.CSV").rename(folder / "REPORT02.CSV")
        assert stamp(with_folder, project) == {"runs/run1/raw.json"}

    def test_a_sidecar_and_verify_have_its_hash(self, tmp_path: Path) -> None:
        folder = tmp_path / "raw" / "1.D"
        folder.mkdir(parents=True)
        (folder / "FID1A.ch").write_bytes(b"x")
        (tmp_path / "made.csv").write_bytes(b"y")
        write_sidecars("ingest_run", [tmp_path / "made.csv"], [folder], root=tmp_path)
        assert read_sidecar(tmp_path)["inputs"] == {"raw/1.D": sha256_path(folder)}
        hasher = CachedHasher(tmp_path / "cache.json", tmp_path)
        assert hasher(folder) == sha256_path(folder)
        hasher.save()
        (folder / "FID1A.ch").write_bytes(b"xx")
        assert CachedHasher(tmp_path / "cache.json", tmp_path)(folder) == sha256_path(folder)

    def test_its_hash_is_that_of_names_and_hashes(self, tmp_path: Path) -> None:
        (tmp_path / "1.D" / "sub").mkdir(parents=True)
        (tmp_path / "1.D" / "sub" / "b").write_bytes(b"b")
        (tmp_path / "1.D" / "a").write_bytes(b"a")
        one, two = (sha256_file(tmp_path / "1.D" / name) for name in ("a", "sub/b"))
        assert sha256_path(tmp_path / "1.D") == sha256_text(f"{one}  a\n{two}  sub/b\n")
        assert sha256_path(tmp_path / "1.D" / "a") == one


@pytest.mark.parametrize("place", ["elsewhere/exports", "project/my exports"])
def test_exports_behind_a_link_are_named_as_in_the_project(tmp_path: Path, place: str) -> None:
    """Where `dialysis init --raw FOLDER` leaves them; no path of the machine is in a sidecar."""
    folder, root = tmp_path / place, tmp_path / "project"
    folder.mkdir(parents=True)
    (folder / "1.cdf").write_bytes(b"x")
    (root / "raw").mkdir(parents=True)
    (root / "raw" / "mine").symlink_to(folder, target_is_directory=True)
    (root / "made.csv").write_bytes(b"y")
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    for base in (root, tmp_path / "link"):
        for named in (base, root):
            export = named / "raw" / "mine" / "1.cdf"
            write_sidecars("ingest_run", [root / "made.csv"], [export], root=base)
            assert list(read_sidecar(root)["inputs"]) == ["raw/mine/1.cdf"]
