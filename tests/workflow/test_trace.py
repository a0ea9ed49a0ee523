"""`dialysis trace`: from a figure, or a cell, back to the hashes of raw files."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from dialysis.trace_rows import Course, rows_behind
from tests.workflow.conftest import Project

pytestmark = pytest.mark.workflow


def sha256(project: Project, name: str) -> str:
    return hashlib.sha256((project.root / name).read_bytes()).hexdigest()


def test_a_percent_back_to_its_exports(finished: Project) -> None:
    table = "results/tiny/normalize/timecourse.csv"
    done = finished.dialysis(
        "trace", table, "--cell", "animal_id=R03,fraction=4,analyte=DOPAC:pct_of_baseline", "--json"
    )
    assert done.returncode == 0, done.stderr
    chain = json.loads(done.stdout)
    timecourse = pd.read_csv(finished.root / table)
    keys = (timecourse["animal_id"] == "R03") & (timecourse["analyte"] == "DOPAC")
    [line] = timecourse.index[keys & (timecourse["fraction"] == 4)]
    assert chain["rows"] == [line + 2]
    [value] = chain["values"]
    assert list(value["baseline"]) == ["1", "2"]
    # the numbers of the chain give the percent in the cell
    [own] = value["fraction"]
    basal = [m["values"]["conc_nM"] for [m] in value["baseline"].values()]
    percent = 100 * own["values"]["conc_nM"] / (sum(basal) / 2)
    assert percent == pytest.approx(float(chain["cells"][0]), rel=1e-8)
    # and areas give the concentration, by the line
    ratio = own["peak"]["area"] / own["internal_standard"]["area"]
    drift = own["values"]["drift_factor"]
    line = own["calibration"]
    fmol = (ratio / drift - float(line["intercept"])) / float(line["slope"])
    assert fmol == pytest.approx(own["values"]["fmol_on_column"], rel=1e-6)
    for measurement in (own, *(m for [m] in value["baseline"].values())):
        [link] = measurement["raw"]
        assert link["sha256"] == sha256(finished, link["file"])
        assert link["state"] == "unchanged"
        assert measurement["injection_id"] in link["file"]


def test_a_figure_back_to_every_export(finished: Project) -> None:
    figure = "results/tiny/figures/dopac_hippocampus/dopac_hippocampus_timecourse.pdf"
    done = finished.dialysis("trace", figure, "--all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [figure, f"  sha256 {sha256(finished, figure)}"]
    assert "\n  stats/dopac_hippocampus: " in done.stdout
    assert "stats/da_hippocampus" not in done.stdout
    found = dict(re.findall(r"^  (raw/\S+)  sha256 (\w{64})$", done.stdout, re.M))
    exports = [p for p in finished.raw.rglob("*") if p.is_file()]
    assert found == {
        name: sha256(finished, name)
        for name in (p.relative_to(finished.root).as_posix() for p in exports)
    }


def test_a_cell_of_the_statistics_names_the_animals_behind_it(finished: Project) -> None:
    table = "results/tiny/stats/dopac_hippocampus/contrasts.csv"
    done = finished.dialysis("trace", table, "--cell", "2:p_all", "--all")
    assert done.returncode == 0, done.stderr
    assert "from 6 percents of baseline of 6 animals" in done.stdout
    assert "the model also has the other values of the outcome" in done.stdout
    assert len(re.findall(r"raw/tiny/\S+\.cdf  sha256 \w{64}$", done.stdout, re.M)) == 6


def test_numbers_can_be_computed_again_from_the_rows_that_are_named(finished: Project) -> None:
    results, slug = finished.root / "results" / "tiny", "dopac_hippocampus"
    text = pd.read_csv(results / "normalize/timecourse.csv", dtype="str", keep_default_na=False)
    course = Course(results, text.set_axis(pd.RangeIndex(2, len(text) + 2)))
    numbers = pd.read_csv(results / "normalize/timecourse.csv").set_axis(course.rows.index)

    def behind(table: pd.DataFrame, file: str, line: int, column: str) -> pd.DataFrame:
        path = Path("results/tiny") / file
        return numbers.loc[rows_behind(course, path, table.loc[[line]], column).index]

    def percent(rows: pd.DataFrame) -> float:
        assert set(rows["outcome"]) == {slug} and rows["used"].all()
        return float(rows.groupby("animal_id")["pct_of_baseline"].mean().mean())

    def area(rows: pd.DataFrame) -> float:
        parts = rows["pct_of_baseline"] * rows["duration_min"]
        return float(parts.groupby(rows["animal_id"]).sum().mean())  # one probe per animal

    def level(rows: pd.DataFrame) -> float:
        return float(rows.groupby("animal_id")["conc"].mean().mean())

    def ratio(rows: pd.DataFrame) -> float:
        parts = rows.pivot(index=["animal_id", "fraction"], columns="analyte", values="conc")
        return float((parts["DOPAC"] / parts["DA"]).groupby("animal_id").mean().mean())

    def count(rows: pd.DataFrame) -> float:
        return float(rows["animal_id"].nunique())

    folder = f"figures/{slug}/{slug}"
    checked = 0
    for file, column, compute in (
        (f"{folder}_prism.csv", "", percent),
        (f"{folder}_source_data.csv", "pct_of_baseline", percent),
        (f"{folder}_concentration_data.csv", "value", level),
        (f"{folder}_basal_data.csv", "value", level),
        (f"{folder}_auc_data.csv", "value", area),
        ("figures/study/study_metabolites_data.csv", "value", ratio),
        (f"{folder}_stats_means.csv", "mean_pct", percent),
        (f"{folder}_stats_auc.csv", "mean_pct_min", area),
        (f"{folder}_stats_emmeans.csv", "n", count),
        (f"{folder}_stats_auc_model.csv", "n", count),
        (f"{folder}_stats_residuals.csv", "log_ratio", lambda rows: rows["log_ratio"].item()),
        (f"{folder}_stats_influence.csv", "n", len),
        ("normalize/baseline.csv", "baseline", level),
        ("normalize/summary.csv", "auc_pct_min", area),
    ):
        table = pd.read_csv(results / file)
        text = pd.read_csv(results / file, dtype="str", keep_default_na=False)
        text.index = pd.RangeIndex(2, len(text) + 2)
        for place, row in enumerate(table.to_dict("records")):
            if row.get("row", "mean") not in ("mean", "individual"):
                continue
            if row.get("outcome", slug) not in (slug, f"{slug}_per_da"):
                continue
            for name in [column] if column else list(table.columns)[1:]:
                if pd.isna(row[name]) or str(row[name]).startswith("R"):  # heads of columns
                    continue
                rows = behind(text, file, place + 2, name)
                assert compute(rows) == pytest.approx(float(row[name]), rel=1e-6), (file, row)
                checked += 1
    assert checked > 200


def test_an_export_that_changed_since_is_marked(copy: Project) -> None:
    export = copy.raw / "run01" / "run01_027_R03_F04.cdf"
    export.write_bytes(export.read_bytes() + b" ")
    done = copy.dialysis(
        "trace",
        "results/tiny/normalize/timecourse.csv",
        "--cell",
        "animal_id=R03,fraction=4,analyte=DOPAC",
    )
    assert done.returncode == 0, done.stderr
    changed = re.findall(r"(\S+)  sha256 \w{64}  CHANGED since", done.stdout)
    assert changed == ["raw/tiny/run01/run01_027_R03_F04.cdf"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("results/tiny/normalize/timecorse.csv",), "found no such file"),
        (("config/tiny/animals.csv",), "found a file outside results/"),
        (("results/tiny/normalize/timecourse.csv", "--cell", "5000"), "found no row 5000"),
        (("results/tiny/normalize/timecourse.csv", "--cell", "5:frction"), "mean 'fraction'?"),
        (("results/tiny/normalize/timecourse.csv", "--cell", "animal_id=Z1"), "found no row with"),
        (("results/tiny/stats/da_hippocampus/results.md", "--cell", "A2"), "found no cells"),
    ],
)
def test_what_is_typed_wrong_is_answered(
    finished: Project, arguments: tuple[str, ...], said: str
) -> None:
    done = finished.dialysis("trace", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
