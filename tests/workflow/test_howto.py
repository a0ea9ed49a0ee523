"""Every command of docs/howto.md and docs/troubleshooting.md, on a study changed as they say.

What runs the workflow is asked for its plan here; tests/workflow/test_readme.py lets it run.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from dialysis.cli import main
from tests.conftest import PROJECT
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

AFTER_NORMALIZE = ["normalize", "stats", "figures", "figures_qc", "review"]
ONE_RUN_ANEW = ["ingest", "integrate", "quantify", *AFTER_NORMALIZE]
RUNS = ("dialysis run", "dialysis rerun")


def sections(name: str) -> dict[str, list[str]]:
    """Commands of a page by the heading they stand under."""
    text = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", text, flags=re.M):
        heading, _, body = part.partition("\n")
        blocks = re.findall(r"^```sh\n(.*?)^```", body, re.S | re.M)
        lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
        if lines:
            found[heading] = lines
    return found


def rows(project: Project, table: str) -> list[dict[str, str]]:
    with (project.config / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write(project: Project, table: str, content: list[dict[str, str]]) -> None:
    with (project.config / f"{table}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(content[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(content)


def nothing(project: Project) -> None:
    """The section describes no change."""


def exclude_an_animal(project: Project) -> None:
    path = project.config / "exclusions.csv"
    names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    row = {"level": "animal", "id": "R06", "reason_code": "histology"}
    row |= {"decided_by": "AB", "decided_on": "2026-01-05"}
    write(project, "exclusions", [dict.fromkeys(names, "") | row])


def two_regions(project: Project) -> None:
    probes = rows(project, "probes")
    for row in probes:
        if row["animal_id"] in ("R04", "R06"):
            row["region"] = "striatum"
    write(project, "probes", probes)


def another_model(project: Project) -> None:
    project.change("study.yaml", "\nstats:", "\nstats:\n  alpha: 0.01")


def redo_an_injection(project: Project) -> None:
    old = "run01/run01_027_R03_F04.cdf"
    new = "run01/run01_032_R03_F04.cdf"
    (project.raw / new).write_bytes((project.raw / old).read_bytes() + b" ")
    injections = rows(project, "injections")
    [first] = [row for row in injections if row["injection_file"] == old]
    again = {"injection_id": "run01_032", "order": "32", "injection_file": new, "vial": ""}
    again["reinjection_of"] = first["injection_id"]
    injections = [{**row, "reinjection_of": ""} for row in injections]
    write(project, "injections", [*injections, first | again])


def add_animals(project: Project) -> None:
    """A third run, made of the second one's exports with other names in them."""
    names = {"R04": "R07", "R05": "R08", "R06": "R09"}
    shutil.copytree(project.raw / "run02", project.raw / "run03")
    for path in sorted((project.raw / "run03").iterdir()):
        content = path.read_bytes() + b" "
        for old, new in names.items():
            content = content.replace(old.encode(), new.encode())
        name = path.name.replace("run02", "run03")
        for old, new in names.items():
            name = name.replace(old, new)
        path.unlink()
        (path.parent / name).write_bytes(content)

    def renamed(row: dict[str, str]) -> dict[str, str]:
        out = {}
        for key, cell in row.items():
            for old, new in {**names, "run02": "run03"}.items():
                cell = cell.replace(old, new)
            out[key] = cell
        return out

    for table, column in (
        ("animals", "animal_id"),
        ("probes", "animal_id"),
        ("doses", "animal_id"),
        ("injections", "run"),
        ("standards", "injection_id"),
    ):
        old = rows(project, table)
        mine = [row for row in old if row[column][:5] in (*names, "run02")]
        write(project, table, [*old, *map(renamed, mine)])


def merge_runs(project: Project) -> None:
    injections = rows(project, "injections")
    longest = max(int(row["order"]) for row in injections if row["run"] == "run01")
    for row in injections:
        if row["run"] == "run02":
            row |= {"run": "run01", "order": str(int(row["order"]) + longest)}
    write(project, "injections", injections)


HOWTO: dict[str, tuple[Callable[[Project], None], list[str]]] = {
    "See what the exports hold": (nothing, []),
    "Two probes in an animal": (two_regions, AFTER_NORMALIZE),
    "Leave out an animal, a fraction, a peak or an injection": (exclude_an_animal, AFTER_NORMALIZE),
    "Redo one injection": (redo_an_injection, ONE_RUN_ANEW),
    "Add animals to a finished study": (add_animals, ONE_RUN_ANEW),
    "Change the model": (another_model, ["stats", "figures", "review"]),
    "Merge two runs": (merge_runs, ONE_RUN_ANEW),
    "Send the bundle": (nothing, []),
    "What would run, and why": (nothing, []),
    "Where a number comes from": (nothing, []),
    "Simulate a study": (nothing, []),
}


def test_every_section_with_commands_is_tried() -> None:
    assert set(sections("howto.md")) == set(HOWTO)


def tried(project: Project, command: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command as it stands in the docs, the workflow for its plan; return what it said."""
    words = command.replace("mystudy", project.study).split()
    if command.startswith(RUNS) and "--dry-run" not in words:
        words.append("--dry-run")
    if words[0] != "dialysis":
        done = project.plain_snakemake(*words[1:])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout
    monkeypatch.chdir(project.root)
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, f"{command}\n{result.output}{result.exception}"
    return result.output


@pytest.mark.parametrize("heading", HOWTO)
def test_the_commands_of_a_section(
    copy: Project, heading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, planned = HOWTO[heading]
    change(copy)
    seen = set()
    for command in sections("howto.md")[heading]:
        plain = command.removesuffix(" --dry-run")
        if plain in seen:
            continue
        seen.add(plain)
        said = tried(copy, command, monkeypatch)
        if command.startswith(RUNS):
            assert [line.split()[0] for line in re.findall(r"^  (\w.*)$", said, re.M)] == planned
            # of the other HPLC runs nothing is read or integrated again
            assert "ingest (" not in said
        if "clean" in command:
            assert not (copy.results / "ingest" / "run02").exists()


def test_the_commands_of_troubleshooting(copy: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {command for listed in sections("howto.md").values() for command in listed}
    listed = [c for part in sections("troubleshooting.md").values() for c in part]
    assert listed
    for command in dict.fromkeys(listed):
        if command not in known:
            tried(copy, command, monkeypatch)


def test_troubleshooting_quotes_messages_that_there_are() -> None:
    """What is in bold there is looked for by its words: they are in the code."""
    page = (PROJECT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\*\*(.+?)\*\*", page, re.M | re.S)))
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((PROJECT / "src" / "dialysis").rglob("*.py"))
    )
    by_snakemake = {"Directory cannot be locked"}
    for message in quoted:
        for part in re.split(r"\bn\b|'x'|\bx\b|'…'|…|\br\b|\bm\b|config/|/", message):
            bare = part.strip(" ':,-").removeprefix("found ")
            if len(bare) > 8 and bare not in by_snakemake:
                words = [word.rstrip("s") for word in re.findall(r"[^\W\d]+", bare)]
                # values and the ends of lines may stand between the words in the code
                pattern = r".{0,60}?".join(map(re.escape, words))
                assert re.search(pattern, code, re.S), f"{bare!r} of {message!r}"


def test_docs_claim_no_more_than_traceability() -> None:
    for path in [Path(PROJECT / "README.md"), *sorted((PROJECT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        assert "Part 11" not in text, path
        assert "complian" not in text.casefold(), path
