"""`dialysis run`, `rerun`, `clean`: the front on Snakemake, dead and living locks, left-overs."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow

CACHES = ("raw_cache.json", "hash_cache.json")  # they hold dates


def contents(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in CACHES
    }


def environment(project: Project) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": str(project.root / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C",
        "LANG": "de_DE.UTF-8",
    }


def run_and_kill(project: Project, after_s: float, front: bool) -> bool:
    """Begin a run on one processor and kill it; tell whether it still ran."""
    command = [sys.executable, "-m", "dialysis", "run", project.study, "--cores", "1"]
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=environment(project),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            if front:
                process.kill()  # the Snakemake behind it and its jobs end by themselves
            else:
                os.killpg(process.pid, signal.SIGKILL)
            return True
    return False


def test_killed_five_times_and_resumed_elsewhere_gives_the_same_bytes(
    finished: Project, copy: Project
) -> None:
    """Also one processor instead of two, another folder, time zone and locale."""
    shutil.rmtree(copy.results)
    raw = contents(copy.raw)
    rng = random.Random(9)
    killed = 0
    for number in range(5):
        killed += run_and_kill(copy, rng.uniform(1, 12), front=number % 2 == 0)
    assert killed == 5
    done = subprocess.run(
        [sys.executable, "-m", "dialysis", "run", copy.study, "--cores", "1"],
        cwd=copy.root,
        env=environment(copy),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "Open results/tiny/review/index.html"
    ours, theirs = contents(copy.results), contents(finished.results)
    assert len([name for name in ours if name.startswith("figures/")]) > 100
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert contents(copy.raw) == raw
    assert not list((copy.root / ".snakemake" / "runs").iterdir())


def test_a_run_shows_progress_and_what_to_open(copy: Project) -> None:
    copy.change("study.yaml", "\nstats:", "\nstats:\n  alpha: 0.01")
    done = copy.dialysis("run", "tiny", "stats")
    assert done.returncode == 0, done.stderr
    slug = sorted(p.name for p in (copy.results / "stats").iterdir())
    opened = re.fullmatch(
        r"Open results/tiny/stats/(\S+)/results\.md", done.stdout.splitlines()[-1]
    )
    assert opened is not None
    assert opened[1] in slug
    assert done.stdout.startswith("[  0 %] Mixed models of 6 outcomes\n[100 %] Done: 1 steps in ")
    again = copy.dialysis("run", "tiny", "stats")
    assert again.stdout.splitlines()[0] == "Nothing to do: everything is current."


def hold_lock(project: Project) -> None:
    """What Snakemake leaves when it is killed."""
    locks = project.root / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "0.output.lock").write_text(f"results/{project.study}/stats/x.csv\n", encoding="utf-8")


def claimed(project: Project, then: str) -> subprocess.Popen[str]:
    """A process that has claimed the study, as Snakemake does when it reads the Snakefile."""
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom dialysis.running import claim\n"
        f"claim(Path.cwd(), {project.study!r})\nprint('claimed', flush=True)\n{then}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=project.root,
        env=environment(project),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"
    return process


def test_the_lock_of_a_living_run_is_respected(copy: Project) -> None:
    hold_lock(copy)
    with claimed(copy, "time.sleep(60)") as process:
        try:
            done = copy.dialysis("run", "tiny")
        finally:
            process.kill()
    assert done.returncode == 1
    assert done.stderr == (
        f"Study 'tiny' is being run by process {process.pid} on this computer; expected no other "
        f"run of it. Wait until it is done, or end it (kill {process.pid}) and run again.\n"
    )
    assert (copy.root / ".snakemake" / "locks" / "0.output.lock").is_file()


def test_the_lock_of_a_dead_run_is_cleared(copy: Project) -> None:
    hold_lock(copy)
    half = copy.results / "normalize" / ".timecourse.123.tmp.csv"
    half.write_text("half", encoding="utf-8")
    with claimed(copy, "time.sleep(60)") as process:
        process.kill()
    done = copy.dialysis("run", "tiny")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"A run of this study ended before it was done (process {process.pid}, which is gone): "
        "its lock is cleared, and it is resumed.\n"
        "Nothing to do: everything is current.\n"
        "Open results/tiny/review/index.html\n"
    )
    assert not half.exists()


@pytest.mark.parametrize("owner", ["nobody", "another computer"])
def test_a_lock_of_unknown_owner_is_never_cleared(copy: Project, owner: str) -> None:
    hold_lock(copy)
    told = "a process that left no record"
    if owner == "another computer":
        with claimed(copy, "time.sleep(60)") as process:
            process.kill()
        [record] = (copy.root / ".snakemake" / "runs").glob("*.json")
        text = re.sub(r'"host": "[^"]*"', '"host": "node7"', record.read_text(encoding="utf-8"))
        record.write_text(text, encoding="utf-8")
        told = f"process {process.pid} on node7"
    done = copy.dialysis("run", "tiny")
    assert done.returncode == 1
    assert done.stderr == (
        f"Study 'tiny' is locked by {told}, of which can't be told here whether it still runs; "
        "expected no lock, or that of a run that is gone. Make sure that no run of this study "
        "goes on anywhere, then run 'snakemake --unlock --config study=tiny' and again.\n"
    )
    assert (copy.root / ".snakemake" / "locks" / "0.output.lock").is_file()
    unlocked = copy.snakemake("--unlock")
    assert unlocked.returncode == 0, unlocked.stderr


def test_the_lock_of_another_study_is_left_alone(copy: Project) -> None:
    hold_lock(Project(copy.root, "other"))
    done = copy.dialysis("run", "tiny", "-n")
    assert done.returncode == 0, done.stderr
    assert (copy.root / ".snakemake" / "locks" / "0.output.lock").is_file()


def test_a_job_ends_with_its_run(copy: Project, tmp_path: Path) -> None:
    job = (
        "from dialysis.running import end_with_run\nimport time\nend_with_run()\n"
        f"open({str(tmp_path / 'begun')!r}, 'w').close()\ntime.sleep(60)\n"
    )
    start = f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {job!r}]).wait()"
    with claimed(copy, start) as process:
        until = time.monotonic() + 30
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        process.kill()
        assert process.stdout is not None
        # the job holds the other end of the pipe for as long as it lives
        begun = time.monotonic()
        assert process.stdout.read() == ""
        assert time.monotonic() - begun < 20


def test_rerun_shows_why_and_refuses_what_comes_before(copy: Project) -> None:
    copy.change("study.yaml", "\nstats:", "\nstats:\n  alpha: 0.01")
    done = copy.dialysis("rerun", "stats", "tiny", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "What runs, and why:\n"
        "  stats\n"
        "    study.yaml, section stats: alpha: 0.05 → 0.01\n"
        "  figures\n"
        "    made from stats\n"
        "  review\n"
        "    study.yaml, section stats: alpha: 0.05 → 0.01\n"
        "    made from stats, figures\n"
    )
    table = copy.results / "quantify" / "calibration.csv"
    original = table.read_bytes()
    table.write_bytes(original.replace(b"0.", b"9.", 1))
    copy.change("animals.csv", ",5,mg/kg,", ",7,mg/kg,")
    before = contents(copy.results)
    done = copy.dialysis("rerun", "stats", "tiny")
    assert done.returncode == 1
    assert done.stderr == (
        "'stats' can't be rerun alone: what it is made from is not current.\n"
        "  quantify is altered\n"
        "    calibration.csv is not what the pipeline wrote\n"
        "  normalize is stale\n"
        "    animals.csv changed\n"
        "    quantify is altered\n"
        "Run 'dialysis rerun stats tiny --with-upstream' to make that again too, or undo the "
        "change.\n"
    )
    assert contents(copy.results) == before
    done = copy.dialysis("rerun", "stats", "tiny", "--with-upstream", "--dry-run")
    assert done.returncode == 0, done.stderr
    planned = re.findall(r"^  (\S+)$", done.stdout, re.M)
    assert planned == ["quantify", "normalize", "stats", "figures", "figures_qc", "review"]


def test_a_missing_upstream_result_is_not_passed_over(copy: Project) -> None:
    shutil.rmtree(copy.results / "normalize")
    done = copy.dialysis("rerun", "stats", "tiny")
    assert done.returncode == 1
    assert "  normalize is missing\n    not made yet\n" in done.stderr


def test_what_a_change_of_start_leaves_over_is_named_and_removed(copy: Project) -> None:
    copy.change("study.yaml", "\nquantify:", "\ningest:\n  start: concentrations\nquantify:")
    (copy.config / "standards.csv").unlink()
    rows = ["animal_id,probe_id,fraction,analyte,concentration,unit,start_min,end_min"]
    for line in (copy.config / "injections.csv").read_text(encoding="utf-8").splitlines()[1:]:
        cells = line.split(",")
        if cells[5] == "sample":
            rows.append(f"{cells[6]},{cells[7]},{cells[8]},DOPAC,1.5,nM,{cells[9]},{cells[10]}")
    (copy.config / "injections.csv").unlink()
    (copy.config / "concentrations.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (copy.config / "analytes.csv").write_text("analyte\nDOPAC\n", encoding="utf-8")
    done = copy.dialysis("verify", "tiny")
    assert done.returncode == 1
    assert (
        "left over ingest/run01\n          the study starts from concentrations: it has no stage "
        "ingest any more\n"
    ) in done.stdout
    assert "left over stats/hva_hippocampus\n          the study has no outcome" in done.stdout
    assert "'dialysis clean tiny' removes it." in done.stdout
    refused = copy.dialysis("clean", "tiny")
    assert refused.returncode == 1  # nobody answers the question
    assert (copy.results / "ingest").is_dir()
    done = copy.dialysis("clean", "tiny", "--yes")
    assert done.returncode == 0, done.stderr
    kept = {p.name for p in copy.results.iterdir()}
    assert not kept & {"ingest", "integrate", "quantify"}
    assert kept >= {"normalize", "stats", "figures", "review"}
    assert [p.name for p in (copy.results / "stats").iterdir()] == ["dopac_hippocampus"]
    assert copy.dialysis("clean", "tiny").stdout == "Nothing is left over.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("run", "tinny"), 1, "Did you mean 'tiny'?"),
        (("run", "tiny", "stat"), 2, "found 'stat'; expected one of all, ingest, "),
        (("run", "tiny", "--cores", "none"), 2, "expected a whole number from 1, or all."),
        (("run",), 2, "Missing argument 'NAME'."),
        (("rerun", "tiny", "stats"), 2, "expected the stage first: 'dialysis rerun stats tiny'."),
        (("rerun", "statz", "tiny"), 2, "Did you mean 'stats'?"),
        (("rnu", "tiny"), 2, "No such command 'rnu'. Did you mean 'run'?"),
        (
            ("run", "tiny", "--root", "config"),
            1,
            "found no Snakefile; expected the project's folder",
        ),
    ],
)
def test_what_is_typed_wrong_is_answered(
    finished: Project, arguments: tuple[str, ...], status: int, said: str
) -> None:
    done = finished.dialysis(*arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_rows_shuffled_and_exports_renamed_give_the_same_results(
    finished: Project, copy: Project
) -> None:
    rng = random.Random(4)
    names: dict[str, str] = {}
    for number, export in enumerate(sorted(copy.raw.rglob("*.cdf"))):
        new = export.with_name(f"export_{rng.randrange(10**6):06d}_{number}.cdf")
        names[export.relative_to(copy.raw).as_posix()] = new.relative_to(copy.raw).as_posix()
        export.rename(new)
    for table in sorted(copy.config.glob("*.csv")):
        head, *rows = table.read_text(encoding="utf-8").splitlines()
        rng.shuffle(rows)
        text = "\n".join([head, *rows]) + "\n"
        for old, new_name in names.items():
            text = text.replace(old, new_name)
        table.write_text(text, encoding="utf-8")
    done = copy.dialysis("run", "tiny", "stats")
    assert done.returncode == 0, done.stderr
    for name, keys in (
        ("quantify/concentrations.parquet", ["injection_id", "analyte"]),
        ("normalize/timecourse.csv", ["outcome", "probe_id", "fraction"]),
        ("normalize/summary.csv", ["outcome", "probe_id"]),
    ):
        ours, theirs = (read_sorted(p.results / name, keys) for p in (copy, finished))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    for folder in sorted((finished.results / "stats").iterdir()):
        for name in ("emmeans.csv", "contrasts.csv"):
            ours, theirs = (
                read_sorted(p.results / "stats" / folder.name / name, ["group", "time_index"])
                for p in (copy, finished)
            )
            # sums over animals in another order: the tenth and last digit may be another
            pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-8)


def read_sorted(path: Path, keys: list[str]) -> pd.DataFrame:
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    return frame.sort_values(keys).reset_index(drop=True)
