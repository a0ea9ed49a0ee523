"""Every row of the rerun table, by dry run: what a change makes run again, and what it does not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

AFTER_STATS = {"stats": 1, "figures": 1, "review": 1}
AFTER_NORMALIZE = {"normalize": 1, "figures_qc": 1} | AFTER_STATS
AFTER_QUANTIFY = {"quantify": 1} | AFTER_NORMALIZE
AFTER_INTEGRATE = {"integrate_run": 1} | AFTER_QUANTIFY
AFTER_INGEST = {"ingest_run": 1} | AFTER_INTEGRATE
HEAD = "level,id,analyte,reason_code,reason_text,decided_by,decided_on\n"


def stats_section(project: Project) -> None:
    project.change("study.yaml", "\nstats:", "\nstats:\n  alpha: 0.01")


def figures_section(project: Project) -> None:
    project.change("study.yaml", "\nfigures:", "\nfigures:\n  individuals: false")


def comment_and_key_order(project: Project) -> None:
    path = project.config / "study.yaml"
    head, tail = path.read_text(encoding="utf-8").split("\nnormalize:")
    path.write_text(f"# a comment\nnormalize:{tail}\n{head}\n", encoding="utf-8")


def module_only_stats_imports(project: Project) -> None:
    path = project.root / "src" / "dialysis" / "stats" / "__init__.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")


def content_of_one_export(project: Project) -> None:
    first, second = sorted((project.raw / "run01").iterdir())[:2]
    first.write_bytes(second.read_bytes())


def every_file_touched(project: Project) -> None:
    for number, folder in enumerate(("results", "raw", "config", "src", "workflow")):
        for path in sorted((project.root / folder).rglob("*")):
            os.utime(path, (1_900_000_000 - number, 1_900_000_000 - number))


def dose_of_an_animal(project: Project) -> None:
    path = project.config / "animals.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    place = lines[0].split(",").index("dose")
    treated = [n for n, line in enumerate(lines[1:], start=1) if line.split(",")[place] != "0"]
    for number in treated:
        cells = lines[number].split(",")
        cells[place] = "7"
        lines[number] = ",".join(cells)
    path.write_text("".join(lines), encoding="utf-8")


def column_of_an_injection(column: str, value: str, of_type: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        path = project.config / "injections.csv"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        header = lines[0].rstrip("\n").split(",")
        for number, line in enumerate(lines[1:], start=1):
            cells = line.rstrip("\n").split(",")
            if cells[header.index("type")] == of_type and cells[header.index("run")] == "run01":
                cells[header.index(column)] = value
                lines[number] = ",".join(cells) + "\n"
                break
        else:
            raise AssertionError(f"no {of_type} in run01")
        path.write_text("".join(lines), encoding="utf-8")

    return change


def file_of_an_injection(project: Project) -> None:
    path = project.config / "injections.csv"
    text = path.read_text(encoding="utf-8")
    name = next(cell for cell in text.split(",") if cell.startswith("run01/"))
    renamed = name.replace("run01/", "run01/renamed_")
    (project.raw / name).rename(project.raw / renamed)
    path.write_text(text.replace(name, renamed, 1), encoding="utf-8")


def amount_of_a_standard(project: Project) -> None:
    path = project.config / "standards.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    header = lines[0].rstrip("\n").split(",")
    cells = lines[1].rstrip("\n").split(",")
    assert cells[0].startswith("run01")
    cells[header.index("amount")] = "123"
    cells[header.index("level")] = "a level of its own"
    lines[1] = ",".join(cells) + "\n"
    path.write_text("".join(lines), encoding="utf-8")


def analyte_of_one_run(project: Project) -> None:
    path = project.config / "analytes.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    if "run" not in header:
        header.append("run")
        lines = [",".join(header), *(f"{line}," for line in lines[1:])]
    row = dict(zip(header, lines[1].split(","), strict=True))
    row |= {"run": "run01", "rt_min": f"{float(row['rt_min']) + 0.01:g}"}
    lines.append(",".join(row[name] for name in header))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def analyte_of_all_runs(project: Project) -> None:
    path = project.config / "analytes.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    cells = lines[1].split(",")
    place = header.index("rt_min")
    cells[place] = f"{float(cells[place]) + 0.01:g}"
    lines[1] = ",".join(cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def add_exclusion(level: str, name: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        path = project.config / "exclusions.csv"
        text = path.read_text(encoding="utf-8") if path.is_file() else HEAD
        row = {
            "level": level,
            "id": name,
            "reason_code": "other",
            "reason_text": "test",
            "decided_by": "AB",
            "decided_on": "2026-01-05",
        }
        header = text.splitlines()[0].split(",")
        path.write_text(
            text + ",".join(row.get(column, "") for column in header) + "\n", encoding="utf-8"
        )

    return change


def sample_of(project: Project) -> str:
    text = (project.config / "injections.csv").read_text(encoding="utf-8")
    header, *lines = (line.split(",") for line in text.splitlines())
    row = next(
        line
        for line in lines
        if line[header.index("type")] == "sample" and line[header.index("run")] == "run01"
    )
    return row[header.index("injection_id")]


def exclude_an_injection(project: Project) -> None:
    add_exclusion("injection", sample_of(project))(project)


def exclude_an_animal(project: Project) -> None:
    text = (project.config / "animals.csv").read_text(encoding="utf-8")
    add_exclusion("animal", text.splitlines()[1].split(",")[0])(project)


def event_of_one_run(project: Project) -> None:
    (project.config / "integration_events.csv").write_text(
        "injection_id,analyte,event,start_min,end_min,reason,decided_by,decided_on\n"
        f"{sample_of(project)},DOPAC,delete_peak,,,test,AB,2026-01-05\n",
        encoding="utf-8",
    )


def event_of_all(run: str) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        (project.config / "integration_events.csv").write_text(
            "injection_id,run,analyte,event,start_min,end_min,reason,decided_by,decided_on\n"
            f"*,{run},DOPAC,drop,,,test,AB,2026-01-05\n",
            encoding="utf-8",
        )

    return change


def snakemake_folder_deleted(project: Project) -> None:
    shutil.rmtree(project.root / ".snakemake")


ALL_RUNS = {"integrate_run": 2} | AFTER_QUANTIFY
ROWS: dict[str, tuple[Callable[[Project], None], dict[str, int]]] = {
    "stats section": (stats_section, AFTER_STATS),
    "figures section": (figures_section, {"figures": 1, "figures_qc": 1, "review": 1}),
    "comment and key order in the config": (comment_and_key_order, {}),
    "a module that only stats imports": (module_only_stats_imports, AFTER_STATS),
    "one raw file's content": (content_of_one_export, AFTER_INGEST),
    "every file touched": (every_file_touched, {}),
    "animals.csv: dose": (dose_of_an_animal, AFTER_NORMALIZE),
    "injections.csv: volume in one run": (
        column_of_an_injection("volume_uL", "25", "sample"),
        AFTER_INTEGRATE,
    ),
    "injections.csv: file in one run": (file_of_an_injection, AFTER_INGEST),
    "standards.csv: amount in one run": (amount_of_a_standard, AFTER_INTEGRATE),
    "analytes.csv: row of one run": (analyte_of_one_run, AFTER_INTEGRATE),
    "analytes.csv: row of all runs": (analyte_of_all_runs, ALL_RUNS),
    "exclusions.csv: injection": (exclude_an_injection, AFTER_QUANTIFY),
    "exclusions.csv: animal": (exclude_an_animal, AFTER_NORMALIZE),
    "integration_events.csv for one run": (event_of_one_run, AFTER_INTEGRATE),
    "integration_events.csv for all of one run": (event_of_all("run01"), AFTER_INTEGRATE),
    "integration_events.csv for the study": (event_of_all(""), ALL_RUNS),
    ".snakemake deleted": (snakemake_folder_deleted, {}),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_change_reruns_exactly_what_depends_on_it(copy: Project, row: str) -> None:
    change, expected = ROWS[row]
    change(copy)
    assert copy.planned() == expected


# Snakemake's own records play no part in a plan: one row for every set of jobs is enough to see it.
DISTINCT = {tuple(jobs.items()): name for name, (_, jobs) in ROWS.items() if jobs}


@pytest.mark.parametrize("row", sorted(DISTINCT.values()))
def test_the_same_without_the_snakemake_folder(copy: Project, row: str) -> None:
    snakemake_folder_deleted(copy)
    change, expected = ROWS[row]
    change(copy)
    assert copy.planned() == expected


def test_a_change_taken_back_reruns_nothing(copy: Project) -> None:
    before = (copy.config / "study.yaml").read_text(encoding="utf-8")
    stats_section(copy)
    assert copy.planned() == AFTER_STATS
    (copy.config / "study.yaml").write_text(before, encoding="utf-8")
    assert copy.planned() == {}


def test_results_copied_without_their_times_rerun_nothing(copy: Project) -> None:
    results = copy.root / "results"
    results.rename(copy.root / "moved")
    shutil.copytree(copy.root / "moved", results, copy_function=shutil.copy)
    shutil.rmtree(copy.root / ".snakemake")
    assert copy.planned() == {}


def test_a_result_changed_by_hand_is_kept_aside_and_made_again(copy: Project) -> None:
    table = copy.results / "normalize" / "timecourse.csv"
    original = table.read_bytes()
    table.write_bytes(original.replace(b"true", b"false"))
    done = copy.snakemake("--cores", "2", "normalize")
    assert done.returncode == 0, done.stderr
    assert (
        "note: results/tiny/normalize/timecourse.csv was changed by hand: it is kept as "
        "timecourse.csv.altered and made again.\n"
    ) in done.stderr
    assert table.read_bytes() == original
    assert table.with_name("timecourse.csv.altered").read_bytes() != original


def test_a_deleted_result_is_made_again(copy: Project) -> None:
    (copy.results / "quantify" / "calibration.csv").unlink()
    (copy.results / "ingest" / "run01" / "vendor_peaks.csv").unlink()
    assert copy.planned() == AFTER_INGEST
    stages = ("ingest", "quantify")
    assert copy.snakemake("--cores", "2", *stages).returncode == 0
    assert (copy.results / "quantify" / "calibration.csv").is_file()
    assert copy.planned(*stages) == {}


def test_a_stats_change_leaves_everything_upstream_and_the_quality_figures_alone(
    copy: Project,
) -> None:
    before = {p: p.stat().st_mtime_ns for p in copy.results.rglob("*") if p.is_file()}
    stats_section(copy)
    assert copy.snakemake("--cores", "2").returncode == 0
    written = {
        p.relative_to(copy.results).parts[0:2]
        for p, time in before.items()
        if p.stat().st_mtime_ns != time
    }
    touched = {parts[0] for parts in written}
    assert touched == {".stamps", "stats", "figures", "review", "logs"}
    assert ("figures", "qc") not in written
    assert copy.planned() == {}


def test_verify_tells_current_stale_and_altered_apart(copy: Project) -> None:
    done = copy.dialysis("verify", "tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("current, 0 stale, 0 altered")
    stats_section(copy)
    slug = sorted(p.name for p in (copy.results / "stats").iterdir())[0]
    caption = copy.results / "figures" / slug / "caption.md"
    caption.write_text("my own words", encoding="utf-8")
    done = copy.dialysis("verify", "tiny")
    assert done.returncode == 1
    assert (
        f"stale     stats/{slug}\n          study.yaml, section stats: alpha: 0.05 → 0.01\n"
    ) in done.stdout
    assert (
        f"altered   figures/{slug}\n          caption.md is not what the pipeline wrote\n"
        in done.stdout
    )
    assert "current   normalize\n" in done.stdout
    export = next((copy.raw / "run01").iterdir())
    export.write_bytes(export.read_bytes() + b" ")
    done = copy.dialysis("verify", "tiny")
    assert (
        "stale     ingest/run01\n"
        f"          raw/tiny/run01/{export.name} changed since it was read\n"
    ) in done.stdout
    assert (
        "An export is another now than when it was read. If it was replaced on purpose, "
        "'dialysis run tiny' reads it again; if not, put the original back"
    ) in done.stdout
