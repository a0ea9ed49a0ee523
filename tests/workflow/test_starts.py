"""Studies that start from vendor peaks, areas or concentrations, made of the tiny study's truth."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import netcdf_file

from dialysis.simulate.parameters import read_globals
from tests.workflow.conftest import Project, new_project

pytestmark = pytest.mark.workflow

INTERNAL, ANALYTE = "DHBA", "DOPAC"
SLUG = "dopac_hippocampus"
AFTER_NORMALIZE = {"normalize": 1, "figures_qc": 1, "stats": 1, "figures": 1, "review": 1}
AFTER_QUANTIFY = {"quantify": 1} | AFTER_NORMALIZE
MARKS = {
    "areas": {"vendor areas"},
    "uncalibrated": {"vendor areas", "uncalibrated"},
    "concentrations": {"concentrations as given"},
    "vendor": {"vendor areas"},
}
SENTENCES = {
    "vendor areas": "Vendor areas: the peaks were integrated by other software; their areas were "
    "taken over as they are.",
    "uncalibrated": "Uncalibrated: percent of baseline is computed from detector responses and "
    "holds as far as the response is proportional to the concentration.",
    "concentrations as given": "Concentrations as given: they were computed by other software; "
    "chromatograms, calibration and limits were not seen here.",
}


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny study simulated, and four studies made of its truth, each run to its review page."""
    project = new_project(tmp_path_factory.mktemp("starts") / "project")
    done = project.dialysis("simulate", "tiny")
    assert done.returncode == 0, done.stderr
    truth = project.root / "truth" / "tiny"
    areas = read(truth / "areas.csv").rename(columns={"area_nA_s": "area", "height_nA": "height"})
    areas = areas[areas["analyte"].isin([INTERNAL, ANALYTE])]
    levels = read(truth / "concentrations.csv")
    levels = levels[levels["analyte"] == ANALYTE]
    make_areas(project, areas)
    make_uncalibrated(project, levels)
    make_concentrations(project, levels)
    make_vendor(project, areas)
    for study in MARKS:
        done = Project(project.root, study).snakemake("--cores", "2")
        assert done.returncode == 0, done.stdout + done.stderr
    return project


def new_study(project: Project, name: str, start: str, leave_out: tuple[str, ...]) -> Path:
    """Copy the tiny study's configuration, of one analyte and the internal standard."""
    folder = project.root / "config" / name
    shutil.copytree(
        project.root / "config" / "tiny", folder, ignore=shutil.ignore_patterns(*leave_out)
    )
    study = Project(project.root, name)
    study.change("study.yaml", "\nintegrate:", f"\ningest:\n  start: {start}\n\nintegrate:")
    for table in ("analytes.csv", "standards.csv"):
        if table not in leave_out:
            rows = read(folder / table)
            rows[rows["analyte"].isin([INTERNAL, ANALYTE])].to_csv(folder / table, index=False)
    return folder


def without_exports(folder: Path) -> None:
    """No file names, no windows: a study that starts from areas needs neither."""
    for table, columns in (
        ("injections.csv", ["injection_file"]),
        ("analytes.csv", ["rt_min", "window_min"]),
    ):
        read(folder / table).drop(columns=columns).to_csv(folder / table, index=False)


def make_areas(project: Project, areas: pd.DataFrame) -> None:
    folder = new_study(project, "areas", "areas", ())
    without_exports(folder)
    areas.to_csv(folder / "areas.csv", index=False)
    Project(project.root, "areas").change(
        "study.yaml", "quantify:\n", "quantify:\n  limits: {method: regression}\n"
    )


def make_uncalibrated(project: Project, levels: pd.DataFrame) -> None:
    """Areas without any error: 0.31 per fmol, and a sensitivity of its own for every injection."""
    folder = new_study(project, "uncalibrated", "areas", ("standards.csv",))
    without_exports(folder)
    injections = read(folder / "injections.csv")
    samples = injections[injections["type"] == "sample"].copy()
    samples.to_csv(folder / "injections.csv", index=False)
    samples["fraction"] = samples["fraction"].astype(int)
    both = samples.merge(levels, on=["animal_id", "fraction"])
    sensitivity = 1.0 - 0.001 * both["order"]
    rows = [
        pd.DataFrame(
            {"injection_id": both["injection_id"], "analyte": name, "area": area * sensitivity}
        )
        for name, area in ((INTERNAL, 200.0), (ANALYTE, 0.31 * both["fmol_on_column"]))
    ]
    pd.concat(rows).to_csv(folder / "areas.csv", index=False)
    Project(project.root, "uncalibrated").change(
        "study.yaml", "quantify:\n", "quantify:\n  calibration: none\n"
    )


def make_concentrations(project: Project, levels: pd.DataFrame) -> None:
    """Nothing but animals, probes, doses and the concentrations; one value is below its limit."""
    folder = new_study(
        project, "concentrations", "concentrations", ("standards.csv", "injections.csv")
    )
    pd.DataFrame({"analyte": [ANALYTE]}).to_csv(folder / "analytes.csv", index=False)
    table = levels[["probe_id", "fraction", "analyte"]].assign(
        concentration=levels["conc_nM"].map(repr), unit="nM"
    )
    table.loc[table.index[4], "concentration"] = "<0.5"
    table.to_csv(folder / "concentrations.csv", index=False)
    Project(project.root, "concentrations").change(
        "study.yaml", "normalize:\n", "normalize:\n  fraction_min: 20\n"
    )


def make_vendor(project: Project, areas: pd.DataFrame) -> None:
    """The tiny study's exports with the true areas as the vendor's peaks, named in run01 only."""
    folder = new_study(project, "vendor", "vendor_peaks", ())
    raw = project.root / "raw" / "vendor"
    shutil.copytree(project.root / "raw" / "tiny", raw)
    for row in read(folder / "injections.csv").itertuples():
        own = areas[areas["injection_id"] == row.injection_id].sort_values("rt_min")
        if len(own):
            write_vendor_peaks(raw / row.injection_file, own, named=row.run == "run01")
    Project(project.root, "vendor").change(
        "study.yaml", "quantify:\n", "quantify:\n  limits: {method: regression}\n"
    )


def write_vendor_peaks(path: Path, peaks: pd.DataFrame, named: bool) -> None:
    file = netcdf_file(path, "a", mmap=False)
    file.createDimension("peak_number", len(peaks))
    times = 60 * peaks["rt_min"].to_numpy(dtype=float)
    for name, values in (
        ("peak_retention_time", times),
        ("peak_start_time", times - 20),
        ("peak_end_time", times + 30),
        ("peak_area", peaks["area"].to_numpy(dtype=float)),
        ("peak_height", peaks["height"].to_numpy(dtype=float)),
    ):
        file.createVariable(name, "f", ("peak_number",))[:] = values
    if named:
        file.createDimension("_32_byte_string", 32)
        names = [list(name.ljust(32, "\0").encode("ascii")) for name in peaks["analyte"]]
        variable = file.createVariable("peak_name", "c", ("peak_number", "_32_byte_string"))
        variable[:] = np.array(names, dtype=np.uint8).view("S1")
    file.close()


def timecourse(project: Project, study: str) -> pd.DataFrame:
    return pd.read_csv(project.root / "results" / study / "normalize" / "timecourse.csv")


def against_truth(project: Project, study: str) -> pd.DataFrame:
    """Every fraction with its true percent of baseline, from the true concentrations."""
    truth = pd.read_csv(project.root / "truth" / "tiny" / "concentrations.csv")
    rows = timecourse(project, study).merge(truth, on=["animal_id", "fraction", "analyte"])
    basal = rows[rows["period"] == "baseline"].groupby("animal_id")["conc_nM"].mean()
    rows["true_pct"] = 100 * rows["conc_nM"] / rows["animal_id"].map(basal)
    assert len(rows) == 30  # 6 animals × 5 fractions
    assert rows["used"].all()
    return rows


def test_areas_give_the_true_percent_within_the_error_that_was_simulated(project: Project) -> None:
    """An area errs by the preparation of its peak, and by that of the internal standard's.

    The baseline is a mean of two such values, a later fraction one more: its variance on the log
    scale is 2·cv²·(1 + 1/2).  With the fewest independent values there can be, one per animal,
    the root mean square is below the bound with a probability of 0.999 (χ², 6 degrees).
    """
    rows = against_truth(project, "areas")
    numbers = read_globals()
    analytical, volume = (
        numbers[name] / 100 for name in ("analytical_cv_pct", "injection_volume_cv_pct")
    )
    one = math.sqrt((analytical**2 - volume**2) * 2 * 1.5)
    error = np.log(rows["pct_of_baseline"] / rows["true_pct"])
    after = error[rows["period"] == "post"]
    assert math.sqrt(np.mean(after**2)) < one * math.sqrt(22.458 / 6)
    assert rows["conc_nM"].corr(rows["conc"]) > 0.99


def test_areas_without_error_give_the_exact_percent_uncalibrated(project: Project) -> None:
    rows = against_truth(project, "uncalibrated")
    # ten digits in timecourse.csv and in the truth
    assert rows["pct_of_baseline"].to_numpy() == pytest.approx(rows["true_pct"], rel=2e-9)
    assert set(rows["conc_unit"]) == {"response"}


def test_given_concentrations_give_the_exact_percent(project: Project) -> None:
    rows = against_truth(project, "concentrations")
    censored = rows["censored"].to_numpy(dtype=bool)
    assert censored.sum() == 1
    low = rows[censored].iloc[0]
    basal = rows.loc[
        (rows["animal_id"] == low["animal_id"]) & (rows["period"] == "baseline"), "conc_nM"
    ]
    assert low["pct_of_baseline"] == pytest.approx(100 * 0.25 / basal.mean(), rel=2e-9)
    assert rows["pct_of_baseline"][~censored].to_numpy() == pytest.approx(
        rows["true_pct"][~censored], rel=2e-9
    )
    assert set(rows["conc_unit"]) == {"nM"}


def test_vendor_peaks_in_the_exports_give_what_the_same_areas_give(project: Project) -> None:
    results = project.root / "results" / "vendor"
    peaks = pd.concat(
        pd.read_parquet(path) for path in sorted(results.glob("integrate/*/peaks.parquet"))
    )
    assert set(peaks["method"]) == {"vendor"}
    own = peaks[peaks["analyte"] == ANALYTE].merge(
        pd.read_csv(project.root / "truth" / "tiny" / "areas.csv"), on=["injection_id", "analyte"]
    )
    assert own["found"].all()
    # single precision in the netCDF file
    assert own["area"].to_numpy() == pytest.approx(own["area_nA_s"], rel=1e-6)
    by_window = own["flags"].str.contains("named_by_window")
    assert set(own.loc[by_window, "run"]) == {"run02"}
    assert set(own.loc[~by_window, "run"]) == {"run01"}
    ours, theirs = (timecourse(project, study) for study in ("vendor", "areas"))
    assert ours["pct_of_baseline"].to_numpy() == pytest.approx(
        theirs["pct_of_baseline"].to_numpy(), rel=1e-5
    )


@pytest.mark.parametrize("study", MARKS)
def test_figure_caption_and_page_are_marked(project: Project, study: str) -> None:
    results = project.root / "results" / study
    bundle = results / "figures" / SLUG
    caption = (bundle / "caption.md").read_text(encoding="utf-8")
    assert {mark for mark, text in SENTENCES.items() if text in caption} == MARKS[study]
    drawn = (bundle / f"{SLUG}_timecourse.svg").read_text(encoding="utf-8")
    assert " · ".join(sorted(MARKS[study], reverse=True)) in drawn
    for chunk in ("index", f"outcome-{SLUG}"):
        text = (results / "review" / "chunks" / f"{chunk}.js").read_text(encoding="utf-8")
        data = json.loads(text.partition(",")[2].removesuffix(");\n"))
        assert set(data["marks"]) == MARKS[study]
        for link in re.findall(r'"((?:data|figures)/[^"/]+\.[a-z]+)"', text):
            assert (results / "review" / link).is_file(), link


@pytest.mark.parametrize(
    ("study", "stages", "quality"),
    [
        ("areas", {"quantify"}, {"runs", "calibration", "animals", "baseline"}),
        ("uncalibrated", {"quantify"}, {"runs", "animals", "baseline"}),
        ("concentrations", set(), {"animals", "baseline"}),
        (
            "vendor",
            {"ingest", "integrate", "quantify"},
            {"runs", "calibration", "animals", "baseline", "chromatograms"},
        ),
    ],
)
def test_nothing_is_written_for_stages_that_did_not_run(
    project: Project, study: str, stages: set[str], quality: set[str]
) -> None:
    results = project.root / "results" / study
    made = {path.name for path in results.iterdir() if path.is_dir()} - {
        ".stamps",
        "history",
        "logs",
    }
    assert made == stages | {"normalize", "stats", "figures", "review"}
    drawn = {path.stem for path in (results / "figures" / "qc").glob("*.pdf")}
    assert quality <= drawn
    assert not drawn & ({"runs", "calibration", "chromatograms"} - quality)
    done = project.dialysis("verify", study)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith("current, 0 stale, 0 altered")


@contextmanager
def changed(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Change a file, and put it back."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def last_digit(text: str) -> str:
    """Another number in the last cell that has one."""
    return re.sub(r"(\d)(?=[^\d]*$)", lambda m: str((int(m[1]) + 1) % 10), text)


def add_exclusion(text: str) -> str:
    row = dict.fromkeys(text.splitlines()[0].split(","), "")
    row |= {"level": "injection", "id": "R01_hip_F03", "reason_code": "other"}
    row |= {"reason_text": "test", "decided_by": "AB", "decided_on": "2026-01-05"}
    return text + ",".join(row.values()) + "\n"


def reversed_columns(text: str) -> str:
    return "".join(",".join(line.split(",")[::-1]) + "\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("study", "table", "change", "expected"),
    [
        ("areas", "areas.csv", last_digit, AFTER_QUANTIFY),
        ("areas", "areas.csv", reversed_columns, {}),
        (
            "areas",
            "standards.csv",
            lambda text: text.replace(",10.0,", ",11.0,"),
            AFTER_QUANTIFY,
        ),
        (
            "concentrations",
            "concentrations.csv",
            lambda t: t.replace("<0.5", "<0.6"),
            AFTER_NORMALIZE,
        ),
        ("concentrations", "exclusions.csv", add_exclusion, AFTER_NORMALIZE),
        ("concentrations", "study.yaml", lambda t: f"# a comment\n{t}", {}),
    ],
    ids=["areas", "order of columns", "standards", "concentrations", "exclusions", "comment"],
)
def test_a_change_reruns_exactly_what_depends_on_it(
    project: Project,
    study: str,
    table: str,
    change: Callable[[str], str],
    expected: dict[str, int],
) -> None:
    own = Project(project.root, study)
    with changed(own.config / table, change):
        assert own.planned() == expected


def test_a_study_without_its_table_is_refused_before_any_job(project: Project) -> None:
    own = Project(project.root, "areas")
    path = own.config / "areas.csv"
    kept = path.read_bytes()
    path.unlink()
    try:
        done = own.snakemake("--cores", "2")
    finally:
        path.write_bytes(kept)
    assert done.returncode == 1
    assert "config/areas/areas.csv: found no such file; expected" in done.stderr
    assert "Traceback" not in done.stderr
