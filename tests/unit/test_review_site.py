"""The review site as a folder of files."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
from pathlib import Path

import pandas as pd
import pytest

from dialysis.decisions import Entry
from dialysis.errors import FigureError, TableError
from dialysis.review.captions import caption_blocks
from dialysis.review.flags import collect_flags
from dialysis.review.names import site_files
from dialysis.review.outcomes import basal_level, first_sentence, model_facts
from dialysis.review.results import read_results
from dialysis.review.words import column_words, flag_words, rule_words
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


def named(study: StudyResults, blind: bool = False) -> list[str]:
    bundles = {
        outcome.slug: [
            path.name for path in sorted((study.results / "figures" / outcome.slug).iterdir())
        ]
        for outcome in study.outcomes
    }
    return site_files(
        bundles,
        QC_FILES,
        n_animals=len(study.tables["animals"]),
        n_runs=len(study.runs),
        blind=blind,
    )


def test_the_names_are_known_beforehand(faulty: StudyResults) -> None:
    files = named(faulty)
    assert len(files) == len(set(files))
    assert sorted(files) == sorted(files_of(faulty.site))
    assert {"index.html", "chunks/animal-012-full.js", "figures/runs.png"} <= set(files)


def test_equal_results_give_equal_bytes_wherever_they_are(
    faulty: StudyResults, tmp_path: Path
) -> None:
    again = plant_faults(StudyResults(tmp_path, analytes=("5-HT", "DA", "NE"))).write()
    again.write_site()
    first = files_of(again.site)
    assert first == files_of(faulty.site)
    assert not any(str(tmp_path) in path.read_text() for path in again.site.glob("chunks/*"))
    again.write_site()
    assert files_of(again.site) == first
    assert len(list((again.results / "history").iterdir())) == 1


def test_every_link_of_a_chunk_leads_to_a_file(faulty: StudyResults) -> None:
    files = set(files_of(faulty.site))
    linked = set()
    for path in faulty.site.glob("chunks/*.js"):
        linked |= set(
            re.findall(r'"((?:figures|data)/[^"/]+\.[a-z]+)"', path.read_text(encoding="utf-8"))
        )
    assert len(linked) > 40
    assert linked <= files
    scripts = re.findall(r'(?:src|href)="([^"#]+)"', faulty.html())
    assert set(scripts) <= files
    assert not re.search(r"https?:", faulty.html())


def test_what_an_earlier_site_left_is_removed_but_not_the_sidecar(tmp_path: Path) -> None:
    study = StudyResults(tmp_path).write()
    study.write_site()
    old = ("figures/old_timecourse.png", "data/old_auc.csv", "chunks/animal-099.js")
    for name in (*old, "data/sidecar.json"):
        (study.site / name).write_text("old")
    study.write_site()
    assert not any((study.site / name).exists() for name in old)
    assert (study.site / "data/sidecar.json").read_text() == "old"


def test_the_index_counts_the_verdicts_and_names_their_rules_in_words(
    faulty: StudyResults,
) -> None:
    index = faulty.chunk("index")
    assert index["counts"] == {"FAIL": 1, "WARN": 2, "PASS": 0}
    five_ht = index["outcomes"][0]
    assert [finding["words"] for finding in five_ht["findings"]] == [
        "QC accuracy",
        "Unstable baseline",
    ]
    assert five_ht["sentence"] == [
        ["The time course differed between groups (F(8, 33) = 4.2).", ""]
    ]
    states = {animal["id"]: animal["state"] for animal in index["animals"]}
    assert (states["R01"], states["R02"], states["R03"]) == ("PASS", "left out", "WARN")


def test_an_animal_has_its_fractions_peaks_and_traces(faulty: StudyResults) -> None:
    chunk = faulty.chunk("animal-003")
    assert chunk["id"] == "R03"
    lost = chunk["fractions"][8]
    assert (lost["fraction"], lost["injections"]) == (9, [])
    ids = [row["injection_id"] for row in chunk["injections"]]
    assert len(ids) == 13
    assert set(ids) == set(chunk["traces"]) == set(faulty.chunk("animal-003-full"))
    peak = chunk["peaks"][ids[0]][0]
    assert {"analyte", "rt_min", "start_min", "height", "method"} <= set(peak)


def test_columns_of_results_come_from_their_definitions(faulty: StudyResults) -> None:
    from dialysis.tables.stats import CONTRASTS

    slug = faulty.outcomes[0].slug
    tables = {table["name"]: table for table in faulty.chunk(f"outcome-{slug}")["tables"]}
    columns = tables[f"{slug}-contrasts"]["columns"]
    assert {column["name"] for column in columns} < set(CONTRASTS.column_names)
    about = {column["name"]: column["about"] for column in columns}
    assert about["ratio_pct"] == CONTRASTS["ratio_pct"].description


def test_hostile_texts_reach_the_site_only_as_data(tmp_path: Path) -> None:
    study = plant_hostile_texts(StudyResults(tmp_path)).write()
    study.log = [
        Entry(1, "decide", level="animal", id="R02", decision="comment", reason_text=HOSTILE)
    ]
    study.write_site()
    assert HOSTILE not in study.html()
    assert "&lt;script&gt;window.hacked" in study.html()
    seen = 0
    for path in (study.site / "chunks").iterdir():
        text = path.read_text(encoding="utf-8")
        assert "<" not in text
        seen += json.dumps(study.chunk(path.stem), ensure_ascii=False).count("window.hacked = 1")
    assert seen > 20


def test_the_flags_are_all_there_and_in_the_csv(faulty: StudyResults) -> None:
    results = read_results(faulty.results, "made-up", faulty.config, faulty.tables)
    flags = collect_flags(results)
    assert len(faulty.chunk("flags")["rows"]) == len(flags)
    with (faulty.site / "data/flags.csv").open(encoding="utf-8") as stream:
        assert sum(1 for _ in csv.DictReader(stream)) == len(flags)


def test_the_basal_level_counts_animals_not_probes() -> None:
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
    assert basal_level(baseline, "da", {"a", "b", "c"}) == "3.0 ± 1.0 nM (mean ± SEM, 2 animals)"
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
    assert model_facts(model) == [
        ["variance components: animal", "0.01235"],
        ["variance components: residual", "–"],
        ["converged", "yes"],
        ["controls", "–"],
        ["exclusions", "reason: lost, n: 2; reason: swapped, n: 1"],
    ]


def test_captions_become_blocks_of_text_with_styles() -> None:
    blocks = caption_blocks("# A\n\n\\* p < 0.05, **b** *i* `c*` <b>\n\n- x\n- y\n  z\n")
    assert blocks == [
        {"kind": "heading", "spans": [["A", ""]]},
        {
            "kind": "text",
            "spans": [
                ["* p < 0.05, ", ""],
                ["b", "strong"],
                [" ", ""],
                ["i", "em"],
                [" ", ""],
                ["c*", "code"],
                [" <b>", ""],
            ],
        },
        {"kind": "list", "items": [[["x", ""]], [["y z", ""]]]},
    ]
    assert first_sentence("**DA.** It rose (p < 0.001). Then it fell.") == [
        ["It rose (p < 0.001).", ""]
    ]
    assert first_sentence("") == []


def test_codes_and_columns_are_said_in_words() -> None:
    assert rule_words("suitability:carry_over") == "Carry-over"
    assert flag_words("retention_from_run") == "Retention taken from the run's trend"
    assert flag_words("never_seen_before") == "Never seen before"
    assert column_words("baseline_start") == "Baseline start"
    assert column_words("low_pct") == "Low, %"
    assert column_words("lod_fmol") == "LOD, fmol"


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


def test_600_injections_of_7_analytes_take_less_than_12_s(tmp_path: Path) -> None:
    names = ("5-HT", "DA", "NE", "DOPAC", "5-HIAA", "HVA")
    study = StudyResults(tmp_path, animals_per_group=13, animals_per_run=6, analytes=names)
    assert len(study.tables["injections"]) == 609
    plant_faults(study).write()
    start = time.process_time()
    study.write_site()
    assert time.process_time() - start < 12
