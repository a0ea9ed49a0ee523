"""The quality-control figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.figures.cells import Cell, Page, decades, round_ticks, wrap
from dialysis.figures.names import INDEX, QC_FIGURES, injection_sheets, qc_files
from dialysis.figures.qc import write_qc
from dialysis.figures.qc_animals import animal_pages
from dialysis.figures.qc_baseline import baseline_pages
from dialysis.figures.qc_calibration import calibration_pages
from dialysis.figures.qc_chromatograms import (
    choose_injections,
    chromatogram_pages,
)
from dialysis.figures.qc_injections import injection_pages
from dialysis.figures.qc_levels import level_pages
from dialysis.figures.qc_runs import run_pages
from dialysis.figures.traces import with_baseline
from dialysis.plotting import MIN_TEXT_PT, style, text_width_pt

from .test_figures_bundle import _texts, outside_texts, overlapping_texts
from .test_figures_synthetic import FIGURES, QcStudy, make_qc_study

LIMITS = {"max_cv_pct": 20.0, "max_trend_pct_per_fraction": 10.0}
FONT = "DejaVu Sans"
GROUPS = (("vehicle", 0.0, 100.0, 4), ("mianserin", 2.0, 180.0, 4), ("mianserin", 5.0, 220.0, 3))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> QcStudy:
    return make_qc_study(tmp_path_factory.mktemp("traces"), 2, GROUPS)


def _pages(name: str, s: QcStudy) -> list[Any]:
    make: dict[str, Callable[[], Any]] = {
        "runs": lambda: run_pages(s.concentrations, s.injections, ["DHBA"], {}, FONT),
        "calibration": lambda: calibration_pages(
            s.calibration, s.calibration_points, 15.0, {}, FONT
        ),
        "animals": lambda: animal_pages(s.timecourse, {}, FONT),
        "baseline": lambda: baseline_pages(s.baseline, s.timecourse, 20.0, 10.0, FONT),
        "levels": lambda: level_pages(s.baseline, s.timecourse, FONT),
        "chromatograms": lambda: chromatogram_pages(
            s.traces, s.peaks, s.injections, s.calibration_points, {}, FONT
        ),
    }
    return list(make[name]())


def _words(figure: Any) -> list[str]:
    return [t.get_text() for t in _texts(figure)]


@pytest.fixture(scope="module")
def drawn(study: QcStudy) -> dict[str, list[Any]]:
    with style():
        return {name: _pages(name, study) for name in QC_FIGURES}


def test_all_files_are_there_and_identical_with_one_and_two_processes(
    study: QcStudy, tmp_path: Path
) -> None:
    runs = [path.stem for path in study.traces]
    written = [
        write_qc(
            **study.frames(),
            config=FIGURES,
            baseline_limits=LIMITS,
            out_dir=tmp_path / turn,
            runs=runs,
            processes=processes,
        )
        for turn, processes in (("a", 1), ("b", 2))
    ]
    assert [p.name for p in written[0]] == [*qc_files(), *injection_sheets(runs), INDEX]
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    animals = (tmp_path / "a" / "animals.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", animals)) == 2  # 11 animals, 7 to a page


@pytest.mark.parametrize("name", QC_FIGURES)
def test_text_is_large_enough_inside_and_free_of_overlap(
    name: str, drawn: dict[str, list[Any]]
) -> None:
    with style():
        for figure in drawn[name]:
            texts = _texts(figure)
            assert len(texts) > 10
            assert min(t.get_fontsize() for t in texts) >= MIN_TEXT_PT
            assert overlapping_texts(figure) == []
            assert outside_texts(figure) == []


def test_every_run_animal_and_outcome_is_shown(study: QcStudy, drawn: dict[str, list[Any]]) -> None:
    with style():
        animals, runs, outcomes = (
            [word for page in drawn[name] for word in _words(page)]
            for name in ("animals", "runs", "baseline")
        )
    assert set(study.timecourse["animal_id"]) <= set(animals)
    assert set(study.injections["run"]) <= set(runs)
    assert set(study.timecourse["outcome_label"]) <= set(outcomes)


def _markers(figure: Any, marker: str, color: str) -> int:
    from matplotlib.lines import Line2D

    return sum(
        len(line.get_xdata())
        for line in figure.findobj(Line2D)
        if line.get_marker() == marker and line.get_markeredgecolor() == color
    )


def test_lost_and_censored_fractions_are_marked(
    study: QcStudy, drawn: dict[str, list[Any]]
) -> None:
    pages = drawn["animals"]
    frame = study.timecourse
    lost = int(frame["conc"].isna().sum())
    kept = int((frame["censored"].astype(bool) & frame["used"].astype(bool)).sum())
    # One of each in the legend of every page.
    assert sum(_markers(p, "|", "#C00000") for p in pages) == lost + len(pages)
    assert sum(_markers(p, "v", "#0072B2") for p in pages) == kept + len(pages)


def test_unstable_baselines_are_ringed(study: QcStudy, drawn: dict[str, list[Any]]) -> None:
    unstable = int((~study.baseline["stable"].astype(bool)).sum())
    assert unstable > 0
    pages = drawn["baseline"]
    assert sum(_markers(p, "o", "#C00000") for p in pages) == 2 * unstable


def test_large_errors_are_red_and_a_failed_line_gives_its_reason(study: QcStudy) -> None:
    points = study.calibration_points.merge(
        study.calibration[["run", "analyte", "status"]], on=["run", "analyte"]
    )
    ok = points[points["status"] == "ok"]
    beyond = int((ok["error_pct"].abs() > 15.0).sum())
    assert beyond > 0
    with style():
        (page,) = _pages("calibration", study)
    assert sum(_markers(page, m, "#C00000") for m in ("o", "D", "^")) == beyond
    assert "2 levels where 3 are needed" in " ".join(_words(page)).replace("\n", " ")


def test_the_middle_standard_sample_and_first_blank_are_chosen(study: QcStudy) -> None:
    chosen = choose_injections("run01", study.injections, study.calibration_points)
    assert chosen == {"standard": "run01_006", "sample": "run01_050", "blank": "run01_001"}
    none = choose_injections("run99", study.injections, study.calibration_points)
    assert none == {"standard": "", "sample": "", "blank": ""}


def test_only_the_traces_drawn_are_read(study: QcStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    read, original = [], pq.read_table

    def watched(*args: Any, **kwargs: Any) -> Any:
        table = original(*args, **kwargs)
        read.append(table.num_rows)
        return table

    monkeypatch.setattr(pq, "read_table", watched)
    with style():
        _pages("chromatograms", study)
    assert read == [3, 3]


def test_a_study_without_blank_standard_or_calibration_draws(
    study: QcStudy, tmp_path: Path
) -> None:
    samples = study.injections[study.injections["type"] == "sample"].reset_index(drop=True)
    keep = set(samples["injection_id"])
    bare = replace(
        study,
        peaks=study.peaks[study.peaks["injection_id"].isin(keep)],
        concentrations=study.concentrations[study.concentrations["injection_id"].isin(keep)],
        calibration=study.calibration.iloc[:0],
        calibration_points=study.calibration_points.iloc[:0],
        injections=samples,
    )
    files = write_qc(**bare.frames(), config=FIGURES, baseline_limits=LIMITS, out_dir=tmp_path)
    assert [p.name for p in files] == [*qc_files(), INDEX]
    with style():
        words = [w for page in _pages("chromatograms", bare) for w in _words(page)]
        assert {"no standard in this run", "no blank in this run"} <= set(words)
        runs = list(run_pages(bare.concentrations, bare.injections, [], {}, FONT))
        assert "no internal standard" in _words(runs[0])


def test_nothing_at_all_still_draws(study: QcStudy, tmp_path: Path) -> None:
    empty = {name: frame.iloc[:0] for name, frame in study.frames().items() if name != "traces"}
    files = write_qc([], **empty, config=FIGURES, baseline_limits=LIMITS, out_dir=tmp_path)
    assert all(path.stat().st_size > 0 for path in files)


def test_every_injection_is_drawn_and_named(study: QcStudy) -> None:
    run = study.traces[0].stem
    own = study.injections[study.injections["run"] == run]
    peaks = study.peaks[study.peaks["run"] == run]
    out = str(own["injection_id"].iloc[0])
    with style():
        pages = list(
            injection_pages(study.traces[0], peaks, own, frozenset({out}), {"DA": "dopamine"}, FONT)
        )
        words = [word for page in pages for word in _words(page)]
        for page in pages:
            assert overlapping_texts(page) == []
            assert outside_texts(page) == []
            assert min(t.get_fontsize() for t in _texts(page)) >= MIN_TEXT_PT
    orders = {str(int(order)) for order in own["order"]}
    assert {word.split(" ")[0] for word in words if word.split(" ")[0] in orders} == orders
    assert any(word.startswith("left out") for word in words)
    assert "dopamine" in words and "DA" not in words
    lost = peaks[~peaks["found"].astype(bool) & (peaks["analyte"] != "")]
    samples = own.loc[own["type"] != "blank", "injection_id"]
    n_lost = lost.loc[lost["injection_id"].isin(samples), "injection_id"].nunique()
    assert sum("not found" in word or word.endswith("…") for word in words) >= n_lost


# The parts


def test_a_cell_places_data_linearly_and_by_logarithm() -> None:
    cell = Cell(Page(100.0), 10.0, 20.0, 40.0, 50.0, (0.0, 4.0), (1.0, 100.0), ylog=True)
    np.testing.assert_allclose(
        cell.at([0.0, 1.0, 4.0], [1.0, 10.0, 100.0]), [[10.0, 20.0], [20.0, 45.0], [50.0, 70.0]]
    )
    np.testing.assert_allclose(cell.at([9.0], [1e6]), [[50.0, 70.0]])
    assert np.isnan(cell.at([9.0], [10.0], clip=False)).all()


def test_ticks_are_round_and_few() -> None:
    assert round_ticks(0.0, 0.62, 4) == [0.0, 0.2, 0.4, 0.6]
    assert round_ticks(-0.45, 0.45, 5) == [-0.4, -0.2, 0.0, 0.2, 0.4]
    assert round_ticks(3.0, 3.0, 4) == [3.0]
    assert decades(0.5, 2000.0) == [1.0, 10.0, 100.0, 1000.0]


def test_wrapping_keeps_to_the_width_and_cuts_what_has_no_break() -> None:
    lines = wrap("hydroxypropyl-beta-cyclodextrin in 0.9 % saline", 60.0, 6.5, FONT)
    assert len(lines) > 1
    assert all(text_width_pt(line, 6.5, FONT) <= 60.0 for line in lines)
    assert lines[0].endswith("…")


def test_every_usable_baseline_is_a_marker_of_its_group(
    study: QcStudy, drawn: dict[str, list[Any]]
) -> None:
    """One marker per probe and outcome, at its basal level."""
    from matplotlib.collections import PathCollection

    shown = sorted(
        float(y)
        for figure in drawn["levels"]
        for axes in figure.axes
        for points in axes.collections
        if isinstance(points, PathCollection)
        for y in points.get_offsets()[:, 1]
    )
    usable = study.baseline.loc[study.baseline["usable"], "baseline"]
    assert shown == pytest.approx(sorted(usable), rel=1e-12)


def test_peaks_without_a_baseline_stand_on_the_trace() -> None:
    """As a vendor gives them: limits alone, a height alone, an area alone."""
    time = np.linspace(0.0, 10.0, 101)
    signal = 1.0 + np.where(np.abs(time - 5.0) < 0.05, 4.0, 0.0)
    nan = float("nan")
    peaks = pd.DataFrame(
        {
            "rt_min": [5.0, 5.0, 5.0],
            "start_min": [4.0, nan, nan],
            "end_min": [6.0, nan, nan],
            "baseline_start": [nan, nan, nan],
            "baseline_end": [nan, nan, nan],
            "height": [nan, 3.0, nan],
        }
    )
    made = with_baseline(peaks, time, signal)
    assert made.loc[0, ["baseline_start", "baseline_end", "height"]].tolist() == [1.0, 1.0, 4.0]
    assert made.loc[1, ["baseline_start", "baseline_end", "height"]].tolist() == [2.0, 2.0, 3.0]
    assert made.loc[2, ["baseline_start", "baseline_end", "height"]].isna().all()


def test_quality_figures_of_another_start_are_removed(study: QcStudy, tmp_path: Path) -> None:
    (tmp_path / "chromatograms.png").write_bytes(b"of a study that started from traces")
    (tmp_path / "sidecar.json").write_bytes(b"{}")
    files = write_qc(
        **study.frames(),
        config=FIGURES,
        baseline_limits=LIMITS,
        out_dir=tmp_path,
        figures=["baseline"],
    )
    assert [p.name for p in files] == ["baseline.pdf", "baseline.png", INDEX]
    kept = {"baseline.pdf", "baseline.png", INDEX, "sidecar.json"}
    assert {p.name for p in tmp_path.iterdir()} == kept


def test_runs_without_retention_times_say_so(study: QcStudy) -> None:
    bare = study.concentrations.assign(rt_min=float("nan"))
    with style():
        pages = list(run_pages(bare, study.injections, ["DHBA"], {}, FONT))
        assert "no retention times" in {w for page in pages for w in _words(page)}
