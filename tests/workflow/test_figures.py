"""Figures of a finished study: the archive, and Snakemake's own report."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from dialysis.files import read_json
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow


def test_the_archive_is_whole_equal_and_of_current_results(copy: Project) -> None:
    done = copy.dialysis("bundle", copy.study)
    assert done.returncode == 0, done.stderr
    path = copy.results / f"{copy.study}_bundle.zip"
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        top = f"{copy.study}_bundle/"
        files = {name.removeprefix(top): archive.read(name) for name in archive.namelist()}
    rows = list(csv.DictReader(io.StringIO(files.pop("manifest.csv").decode())))
    assert {row["file"] for row in rows} == files.keys()
    for row in rows:
        assert hashlib.sha256(files[row["file"]]).hexdigest() == row["sha256"]
        assert row["kind"] and row["title"], row["file"]
    for slug in _slugs(copy):
        assert f"figures/{slug}/caption.md" in files
        assert f"`figures/{slug}/`" in files["README.md"].decode()
    assert "config/study.yaml" in files and "normalize/timecourse.csv" in files
    assert copy.dialysis("bundle", copy.study).returncode == 0
    assert path.read_bytes() == content

    journal = copy.root / "journal.zip"
    slug = _slugs(copy)[0]
    done = copy.dialysis(
        "bundle", copy.study, "--journal", "--outcome", slug, "--output", str(journal)
    )
    assert done.returncode == 0, done.stderr
    names = {name.split("/", 1)[1] for name in zipfile.ZipFile(journal).namelist()}
    assert {n.split("/")[1] for n in names if n.startswith("figures/")} == {slug}
    assert not [n for n in names if n.startswith(("config", "stats", "normalize"))]

    caption = copy.results / "figures" / slug / "caption.md"
    caption.write_text("Better.", encoding="utf-8")
    done = copy.dialysis("bundle", copy.study)
    assert done.returncode == 1
    assert f"figures/{slug}: altered" in done.stderr
    done = copy.dialysis("bundle", copy.study, "--outcome", "nothing")
    assert done.returncode == 1
    assert "--outcome nothing: found no outcome of that name" in done.stderr


def test_the_report_has_every_figure_with_caption_and_labels(copy: Project) -> None:
    done = copy.snakemake("--report", "report.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    expected = set()
    for index in copy.results.glob("figures/*/bundle.json"):
        for figure in read_json(index)["figures"]:
            files = figure["files"]
            expected.add(f"{index.parent.name}/{files.get('png', files['pdf'])}")
    with zipfile.ZipFile(copy.root / "report.zip") as archive:
        pages = "".join(
            archive.read(name).decode("utf-8", "replace")
            for name in archive.namelist()
            if name.endswith((".html", ".js"))
        )
        pictures = {Path(n).name for n in archive.namelist() if n.endswith(".png")}
    missing = [n for n in expected if json.dumps(n)[1:-1] not in pages]
    assert missing == []
    # Those for print show the same at another resolution.
    drawn = {p.name for p in (copy.results / "figures").rglob("*.png")}
    assert pictures == {name for name in drawn if not name.endswith("_print.png")}
    assert len(pictures) > 6
    for word in ("Outcomes", "Study", "Quality", "Percent of baseline against time"):
        assert word in pages


def _slugs(project: Project) -> list[str]:
    folders = (project.results / "figures").iterdir()
    return sorted(p.name for p in folders if p.name not in ("qc", "study"))
