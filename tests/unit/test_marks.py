"""What figures, captions and the review page say of numbers that are not from traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dialysis.figures.caption import caption
from dialysis.figures.names import QC_FIGURES, qc_figures, qc_files
from dialysis.figures.source import source_data
from dialysis.figures.timecourse import draw_timecourse, figure_scale
from dialysis.plotting import MIN_TEXT_PT, style
from dialysis.review.names import STUDY_TABLES, site_files, study_tables
from dialysis.study.start import STARTS

from .review_results import StudyResults
from .test_figures_bundle import _texts, outside_texts, overlapping_texts
from .test_figures_synthetic import FIGURES, MODEL, Study, make_study, with_timecourse

CASES = {
    "traces": ("traces", "nM", "", ()),
    "vendor": ("vendor areas", "nM", "vendor areas", ("Vendor areas: the peaks were integrated",)),
    "uncalibrated": (
        "vendor areas",
        "response",
        "vendor areas · uncalibrated",
        ("Vendor areas: the peaks were integrated", "Uncalibrated: percent of baseline is"),
    ),
    "given": (
        "concentrations as given",
        "nM",
        "concentrations as given",
        ("Concentrations as given: they were computed by other software",),
    ),
}
SENTENCES = {sentence for *_, sentences in CASES.values() for sentence in sentences}


def marked(source: str, unit: str) -> Study:
    study = make_study()
    return with_timecourse(study.timecourse.assign(source=source, conc_unit=unit))


@pytest.mark.parametrize("case", CASES)
def test_the_figure_says_it_in_small_print(case: str) -> None:
    source, unit, words, _ = CASES[case]
    study = marked(source, unit)
    config = FIGURES | {"width": "single"}
    table = source_data(study.timecourse, study.means, study.contrasts, MODEL, config)
    assert set(table["marks"]) == {words.replace(" · ", ";")}
    with style():
        figure = draw_timecourse(table, config)
        texts = _texts(figure)
        notes = [t.get_text() for t in texts if t.get_gid() == "marks"]
        assert notes == ([words] if words else [])
        assert min(t.get_fontsize() for t in texts) >= MIN_TEXT_PT
        assert overlapping_texts(figure) == []
        assert outside_texts(figure) == []


@pytest.mark.parametrize("case", CASES)
def test_the_caption_says_it_in_a_sentence(case: str) -> None:
    source, unit, _, sentences = CASES[case]
    study = marked(source, unit)
    rows = source_data(study.timecourse, study.means, study.contrasts, MODEL, FIGURES)
    scale = figure_scale(rows, FIGURES)
    text = caption(study.timecourse, rows, study.contrasts, MODEL, FIGURES, scale)
    assert {s for s in SENTENCES if s in text} == set(sentences)


def site_of(tmp_path: Path, start: str, source: str, unit: str) -> StudyResults:
    study = StudyResults(tmp_path, analytes=("5-HT",))
    study.config["ingest"]["start"] = start
    study.frames["timecourse"]["source"] = source
    study.frames["timecourse"]["conc_unit"] = unit
    study.write().write_site()
    return study


@pytest.mark.parametrize(
    ("start", "source", "unit", "expected", "rules"),
    [
        ("traces", "traces", "nM", set(), set()),
        ("vendor_peaks", "vendor areas", "nM", {"vendor areas"}, {"vendor_areas"}),
        (
            "areas",
            "vendor areas",
            "response",
            {"vendor areas", "uncalibrated"},
            {"vendor_areas", "uncalibrated"},
        ),
        (
            "concentrations",
            "concentrations as given",
            "nM",
            {"concentrations as given"},
            {"given_concentrations"},
        ),
    ],
)
def test_the_page_says_it_at_its_head_and_at_every_outcome(
    tmp_path: Path, start: str, source: str, unit: str, expected: set[str], rules: set[str]
) -> None:
    study = site_of(tmp_path, start, source, unit)
    index, page = study.chunk("index"), study.chunk("outcome-5-ht_hippocampus")
    (listed,) = index["outcomes"]
    for place in (index, listed, page):
        assert set(place["marks"]) == expected
    ruled = {finding["rule"] for finding in page["findings"]}
    assert ruled & {"vendor_areas", "uncalibrated", "given_concentrations"} == rules
    files = {p.relative_to(study.site).as_posix() for p in study.site.rglob("*") if p.is_file()}
    bundle = study.results / "figures" / "5-ht_hippocampus"
    qc = [f"{name}.{ending}" for name in ("runs", "calibration") for ending in ("pdf", "png")]
    assert files == set(
        site_files(
            {bundle.name: [path.name for path in bundle.iterdir()]},
            qc,
            start,
            n_animals=len(study.tables["animals"]),
            n_runs=len(study.runs),
        )
    )


def test_tables_of_stages_that_did_not_run_are_not_written() -> None:
    assert study_tables("traces") == study_tables("vendor_peaks") == list(STUDY_TABLES)
    absent = {start: set(STUDY_TABLES) - set(study_tables(start)) for start in STARTS}
    assert absent["areas"] == {"chromatography", "integration_events", "manifest"}
    assert absent["concentrations"] - absent["areas"] == {
        "calibration",
        "calibration_points",
        "run_checks",
    }


def drawn(start: str, calibration: str = "auto") -> set[Any]:
    return set(QC_FIGURES) - set(qc_figures(start, calibration))


def test_quality_figures_that_would_show_nothing_are_not_drawn() -> None:
    assert drawn("traces") == drawn("vendor_peaks") == set()
    assert drawn("traces", "none") == {"calibration"}
    assert drawn("areas") == {"chromatograms"}
    assert drawn("concentrations") == {"runs", "calibration", "chromatograms"}
    assert qc_files(["animals"]) == ["animals.pdf", "animals.png"]
