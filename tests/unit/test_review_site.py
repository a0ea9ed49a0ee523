"""The review page as a folder of files."""

from __future__ import annotations

import csv
import hashlib
import html
import re
import time
from pathlib import Path

import pytest

from dialysis.errors import FigureError, TableError
from dialysis.review.flags import collect_flags, condensed
from dialysis.review.names import site_files
from dialysis.review.outcomes import basal_level, contrasts_view, model_facts
from dialysis.review.results import read_results
from tests.unit.review_results import (
    HOSTILE,
    QC_FIGURES,
    StudyResults,
    plant_faults,
    plant_hostile_texts,
)

QC_FILES = [f"{name}.{ending}" for name in QC_FIGURES for ending in ("pdf", "png")]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    study = StudyResults(tmp_path_factory.mktemp("faulty"), analytes=("5-HT", "DA", "NE"))
    plant_faults(study).write(checked=True).write_site()
    return study


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_names_are_known_beforehand(faulty: StudyResults) -> None:
    slugs = [outcome.slug for outcome in faulty.outcomes]
    assert sorted(site_files(slugs, QC_FILES)) == sorted(files_of(faulty.site))
    assert site_files(["da"]) == [
        "index.html",
        "figures/da_timecourse.png",
        "figures/da_timecourse.svg",
        "figures/da_timecourse.pdf",
        "data/da_source_data.csv",
        "data/da_anova.csv",
        "data/da_contrasts.csv",
        "data/da_emmeans.csv",
        "data/da_means.csv",
        "data/da_auc.csv",
        "data/flags.csv",
        "data/timecourse.csv",
        "data/baseline.csv",
        "data/summary.csv",
        "data/calibration.csv",
        "data/calibration_points.csv",
        "data/run_checks.csv",
        "data/chromatography.csv",
        "data/exclusions.csv",
        "data/integration_events.csv",
        "data/manifest.csv",
    ]
    assert site_files([], ["runs.png", "sidecar.json"])[1] == "figures/runs.png"
    assert "figures/sidecar.json" not in site_files([], ["sidecar.json"])


def test_equal_results_give_equal_bytes_wherever_they_are(
    faulty: StudyResults, tmp_path: Path
) -> None:
    again = plant_faults(StudyResults(tmp_path, analytes=("5-HT", "DA", "NE"))).write()
    again.write_site()
    assert files_of(again.site) == files_of(faulty.site)
    assert str(tmp_path) not in again.html()


def test_every_link_leads_to_a_file_or_a_place_on_the_page(faulty: StudyResults) -> None:
    text = faulty.html()
    targets = set(re.findall(r'(?:href|src)="([^"]*)"', text))
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    labels = re.findall(r'(?:aria-labelledby|for|data-filters)="([^"]*)"', text)
    assert set(labels) <= set(ids)
    assert {t[1:] for t in targets if t.startswith("#")} <= set(ids)
    files = {t for t in targets if not t.startswith("#")}
    assert files <= set(files_of(faulty.site))
    assert not re.search(r"https?:|//[a-z]", " ".join(files))


def test_what_an_earlier_page_left_is_removed_but_not_the_sidecar(tmp_path: Path) -> None:
    study = StudyResults(tmp_path).write()
    study.write_site()
    for name in ("figures/old_timecourse.png", "data/old_auc.csv", "data/sidecar.json"):
        (study.site / name).write_text("old")
    study.write_site()
    assert not (study.site / "figures/old_timecourse.png").exists()
    assert not (study.site / "data/old_auc.csv").exists()
    assert (study.site / "data/sidecar.json").read_text() == "old"


def test_the_summary_counts_the_verdicts(faulty: StudyResults) -> None:
    counts = re.findall(r'<li class="count count-(\w+)[^"]*"><strong>(\d+)', faulty.html())
    assert counts == [("FAIL", "1"), ("WARN", "2"), ("PASS", "0")]


def test_hostile_texts_are_escaped_everywhere(tmp_path: Path) -> None:
    study = plant_hostile_texts(StudyResults(tmp_path)).write()
    study.write_site()
    text = study.html()
    assert text.count("<script") == 1
    assert "window.hacked" in html.unescape(text)
    assert "<img src=x" not in text
    assert "{{ 7 * 7 }}" in text
    # title element, heading, contact, species, warnings and many a cell
    assert html.unescape(text).count(HOSTILE) > 20


def test_long_tables_are_cut_with_a_note_and_a_link_to_the_whole(tmp_path: Path) -> None:
    study = plant_faults(StudyResults(tmp_path, analytes=("5-HT", "DA", "NE"))).write()
    study.config["review"]["max_table_rows"] = 10
    study.write_site()
    part = study.html().split('id="flags-table"')[1].split('<section id="origins"')[0]
    assert part.count("<tr>") == 11
    results = read_results(study.results, "made-up", study.config, study.tables)
    flags = collect_flags(results)
    n = len(condensed(flags))
    with (study.site / "data/flags.csv").open(encoding="utf-8") as stream:
        assert sum(1 for _ in csv.DictReader(stream)) == len(flags) > n
    assert f"<strong>The first 10 of {n} rows are shown.</strong>" in part
    assert '<a href="data/flags.csv">All rows (CSV)</a>' in part


def test_contrasts_are_groups_by_times_with_stars_and_the_family_s_p(tmp_path: Path) -> None:
    study = StudyResults(tmp_path)
    slug = study.outcomes[0].slug
    table = study.stats[slug]["contrasts"]
    first = table["group"].eq("mianserin 5 mg/kg s.c.") & table["time_index"].eq(1)
    table.loc[first, ["ratio_pct", "p_within", "p_all"]] = [212.34, 0.0004, 0.021]
    table.loc[first, "stars"] = "*"
    lost = table["group"].eq("mianserin 5 mg/kg s.c.") & table["time_index"].eq(2)
    table.loc[lost, "ratio_pct"] = float("nan")
    table.loc[lost, ["status", "reason"]] = ["not_estimable", "empty cell"]
    study.write()
    results = read_results(study.results, "made-up", study.config, study.tables)
    view = contrasts_view(results, results.outcomes[0])
    assert [h.text for h in view.headings[:3]] == ["Group", "6", "26"]
    assert [row[0].text for row in view.rows] == [
        "mianserin 2 mg/kg s.c.",
        "mianserin 5 mg/kg s.c.",
    ]
    cell, empty = view.rows[1][1:3]
    assert (cell.text, cell.mark, cell.under) == ("212", "*", "0.021")
    assert (empty.text, empty.mark, empty.under) == ("–", "", "not estimable")
    study.config["stats"]["stars"] = "within"
    results = read_results(study.results, "made-up", study.config, study.tables)
    assert contrasts_view(results, results.outcomes[0]).rows[1][1].under == "< 0.001"


def test_the_basal_level_counts_animals_not_probes(tmp_path: Path) -> None:
    import pandas as pd

    baseline = pd.DataFrame(
        {
            "outcome": "da",
            "animal_id": ["R1", "R1", "R2", "R3"],
            "probe_id": ["a", "b", "c", "d"],
            "baseline": [1.0, 3.0, 4.0, 100.0],
            "conc_unit": "nM",
        }
    )
    # R1 is 2, R2 is 4: mean 3, SD √2, SEM 1
    assert basal_level(baseline, "da", {"a", "b", "c"}) == "3.00 ± 1.00 nM (mean ± SEM, 2 animals)"
    assert basal_level(baseline, "da", {"c"}) == "4.00 nM (mean, 1 animal)"
    assert basal_level(baseline, "ne", {"c"}) == "–"


def test_model_facts_are_laid_out_flat() -> None:
    model = {
        "label": "said elsewhere",
        "variance_components": {"animal": 0.0123456, "residual": None},
        "converged": True,
        "controls": {},
        "exclusions": [{"reason": "lost", "n": 2}, {"reason": "swapped", "n": 1}],
    }
    assert model_facts(model) == (
        ("variance components: animal", "0.01235"),
        ("variance components: residual", "–"),
        ("converged", "yes"),
        ("controls", "–"),
        ("exclusions", "reason: lost, n: 2; reason: swapped, n: 1"),
    )


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    study = StudyResults(tmp_path).write()
    path = study.results / "quantify/calibration.csv"
    path.unlink()
    with pytest.raises(TableError) as caught:
        study.write_site()
    assert str(caught.value) == (
        f"{path}: no such file; expected the table calibration. Run the pipeline up to the stage "
        "'quantify', then the review again."
    )
    assert not study.site.exists()


def test_a_figure_that_is_no_png_is_named(tmp_path: Path) -> None:
    study = StudyResults(tmp_path).write()
    path = study.results / "figures/qc/runs.png"
    path.write_bytes(b"")
    with pytest.raises(FigureError) as caught:
        study.write_site()
    assert str(caught.value) == (
        f"{path}: found a file that does not begin as a PNG does; expected a figure. Delete it "
        "and run the stage 'figures' again."
    )


def test_600_injections_of_7_analytes_take_less_than_5_s(tmp_path: Path) -> None:
    names = ("5-HT", "DA", "NE", "DOPAC", "5-HIAA", "HVA")
    study = StudyResults(tmp_path, animals_per_group=13, animals_per_run=6, analytes=names)
    assert len(study.tables["injections"]) == 609
    plant_faults(study).write()
    start = time.process_time()
    study.write_site()
    assert time.process_time() - start < 5
