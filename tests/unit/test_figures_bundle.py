"""The bundle of an outcome: figure, source data, caption."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.errors import FigureError
from dialysis.figures.auc import draw_auc
from dialysis.figures.basal import draw_basal
from dialysis.figures.bundle import OutcomeNumbers, write_bundle
from dialysis.figures.caption import caption, moments
from dialysis.figures.concentration import draw_concentration
from dialysis.figures.names import bundle_files, data_file
from dialysis.figures.ratio import draw_ratio
from dialysis.figures.saving import save
from dialysis.figures.scales import percent_scale, time_ticks
from dialysis.figures.source import source_data
from dialysis.figures.timecourse import draw_timecourse, figure_scale
from dialysis.files import read_table
from dialysis.plotting import MIN_TEXT_PT, WIDTHS_MM, group_styles, style
from dialysis.tables.figures import FIGURE_DATA, SOURCE_DATA

from .test_figures_synthetic import (
    FIGURES,
    MODEL,
    ODD_STUDIES,
    Study,
    make_study,
    odd_study,
    with_timecourse,
)

SLUG = "dopac_hippocampus"
STARS = r"panel\d+-group\d+-stars-[\d_]+"


def _source(study: Study, **config: Any) -> pd.DataFrame:
    return source_data(study.timecourse, study.means, study.contrasts, MODEL, FIGURES | config)


def _figure(study: Study, **config: Any) -> Any:
    with style():
        return draw_timecourse(_source(study, **config), FIGURES | config)


def _bundle(study: Study, folder: Path, **more: Any) -> dict[str, Path]:
    model, config = more.pop("model", MODEL), FIGURES | more.pop("config", {})
    numbers = OutcomeNumbers(
        study.timecourse, {"means": study.means, "contrasts": study.contrasts}, model, **more
    )
    files = write_bundle(numbers, config, folder)
    return {path.name: path for path in files}


def _by_gid(figure: Any, pattern: str) -> dict[str, Any]:
    return {
        artist.get_gid(): artist
        for artist in figure.findobj()
        if artist.get_gid() and re.fullmatch(pattern, artist.get_gid())
    }


def _texts(figure: Any) -> list[Any]:
    from matplotlib.text import Text

    figure.draw_without_rendering()
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]


def overlapping_texts(figure: Any) -> list[tuple[str, str]]:
    """Pairs of texts whose ink overlaps, by the renderer's extents."""
    renderer = figure.canvas.get_renderer()
    boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in _texts(figure)]
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5
    ]


def outside_texts(figure: Any) -> list[str]:
    """Texts that leave the paper."""
    renderer = figure.canvas.get_renderer()
    page = figure.bbox
    found = []
    for text in _texts(figure):
        box = text.get_window_extent(renderer)
        if box.x0 < 0 or box.y0 < 0 or box.x1 > page.width or box.y1 > page.height:
            found.append(text.get_text())
    return found


# Files


def test_the_bundle_is_complete_and_named_as_promised(tmp_path: Path) -> None:
    files = _bundle(make_study(), tmp_path)
    assert list(files) == bundle_files(SLUG, FIGURES)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(files)
    assert all(path.stat().st_size > 0 for path in files.values())


def test_the_names_cost_no_import_of_matplotlib() -> None:
    code = (
        "import sys; from dialysis.figures.names import bundle_files, qc_files; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'matplotlib', 'pandas'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_writes_are_byte_identical_in_any_order_of_rows(tmp_path: Path) -> None:
    study = make_study()
    shuffled = Study(
        study.timecourse,
        study.means.sample(frac=1.0, random_state=3).reset_index(drop=True),
        study.contrasts.sample(frac=1.0, random_state=4).reset_index(drop=True),
    )
    one, other = _bundle(study, tmp_path / "a"), _bundle(shuffled, tmp_path / "b")
    # Copies of tables of statistics keep the order of the originals.
    ours = [n for n in one if "_stats_" not in n and not n.endswith(".xlsx")]
    for name in ours:
        assert one[name].read_bytes() == other[name].read_bytes(), name
    again = _bundle(study, tmp_path / "c")
    assert all(one[name].read_bytes() == again[name].read_bytes() for name in one)


def test_every_figure_is_redrawn_from_its_source_data_alone(tmp_path: Path) -> None:
    files = _bundle(make_study(), tmp_path)
    source = read_table(files[f"{SLUG}_source_data.csv"], SOURCE_DATA)
    rows = {
        name: read_table(files[data_file(SLUG, name)], FIGURE_DATA)
        for name in ("concentration", "basal", "auc", "ratio")
    }
    draw = {"concentration": draw_concentration, "basal": draw_basal}
    draw |= {"auc": draw_auc, "ratio": draw_ratio}
    with style():
        figures = {name: draw[name](rows[name], FIGURES) for name in draw}
        figures["timecourse"] = draw_timecourse(source, FIGURES, rows["auc"])
        for name, figure in figures.items():
            stem = tmp_path / "again" / f"{SLUG}_{name}"
            for path in save(figure, stem, FIGURES):
                assert path.read_bytes() == files[path.name].read_bytes()


def test_source_data_hold_the_means_and_every_value_in_use(tmp_path: Path) -> None:
    study = odd_study("missing fractions")
    source = read_table(_bundle(study, tmp_path)[f"{SLUG}_source_data.csv"], SOURCE_DATA)
    means = source[source["row"] == "mean"].set_index(["group", "time_index"])
    expected = study.means.set_index(["group", "time_index"]).loc[means.index]
    for ours, theirs in (
        ("pct_of_baseline", "mean_pct"),
        ("low_pct", "low_pct"),
        ("high_pct", "high_pct"),
    ):
        # The file has ten significant digits.
        np.testing.assert_allclose(
            means[ours].to_numpy(float), expected[theirs].to_numpy(float), rtol=1e-9
        )
    values = source[source["row"] == "individual"]
    used = study.timecourse[study.timecourse["used"].astype(bool)]
    assert len(values) == len(used)
    recomputed = values.groupby(["group", "time_index"])["pct_of_baseline"].mean()
    np.testing.assert_allclose(
        recomputed.loc[means.index].to_numpy(float),
        means["pct_of_baseline"].to_numpy(float),
        rtol=1e-9,
    )


# What is drawn


@pytest.mark.parametrize("center", ["arithmetic", "geometric"])
def test_drawn_means_and_bars_are_those_of_the_table(center: str) -> None:
    study = make_study()
    figure = _figure(study, center=center)
    prefix = "" if center == "arithmetic" else "geo"
    names = {
        "y": f"{prefix}mean_pct",
        "low": f"{prefix}mean_low_pct",
        "high": f"{prefix}mean_high_pct",
    }
    if center == "arithmetic":
        names |= {"low": "low_pct", "high": "high_pct"}
    order = list(group_styles(study.timecourse))
    lines = _by_gid(figure, r"panel\d+-group\d+-mean")
    assert len(lines) == 6  # two panels with the vehicle and two doses
    for gid, line in lines.items():
        group = order[int(re.search(r"group(\d+)", gid)[1]) - 1]
        rows = study.means[study.means["group"] == group].sort_values("time_index")
        np.testing.assert_allclose(line.get_ydata(), rows[names["y"]].to_numpy(float))
        bars = _by_gid(figure, gid.replace("-mean", "-error"))[gid.replace("-mean", "-error")]
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        np.testing.assert_allclose(ends[:, 0], rows[names["low"]].to_numpy(float))
        np.testing.assert_allclose(ends[:, 1], rows[names["high"]].to_numpy(float))


def test_sem_bars_come_from_the_table() -> None:
    study = make_study()
    rows = _source(study, error="sem")
    means = rows[rows["row"] == "mean"].set_index(["group", "time_index"])
    table = study.means.set_index(["group", "time_index"]).loc[means.index]
    half = means["high_pct"] - means["pct_of_baseline"]
    np.testing.assert_allclose(half.to_numpy(float), table["sem_pct"].to_numpy(float))
    assert set(means["error_bar"]) == {"SEM"}


def test_geometric_sem_is_the_sem_of_the_logarithms() -> None:
    study = make_study()
    rows = _source(study, error="sem", center="geometric")
    means = rows[rows["row"] == "mean"].set_index(["group", "time_index"])
    logs = study.timecourse.assign(log=np.log(study.timecourse["pct_of_baseline"]))
    sem = logs.groupby(["group", "time_index"])["log"].sem().loc[means.index]
    np.testing.assert_allclose(
        np.log(means["high_pct"] / means["pct_of_baseline"]).to_numpy(float),
        sem.to_numpy(float),
        rtol=1e-6,  # of the inverse of the t distribution
    )


@pytest.mark.parametrize("width", list(WIDTHS_MM))
def test_stars_drawn_are_those_of_the_contrasts(width: str) -> None:
    study = make_study()
    figure = _figure(study, width=width)
    order = list(group_styles(study.timecourse))
    drawn = {}
    for gid, text in _by_gid(figure, STARS).items():
        group, indices = re.fullmatch(r"panel\d+-group(\d+)-stars-(.+)", gid).groups()
        for index in indices.split("_"):
            drawn[order[int(group) - 1], int(index)] = text.get_text().replace("\n", "")
    table = study.contrasts[study.contrasts["stars"] != ""]
    assert len(table) > 10
    assert drawn == {
        (row.group, int(row.time_index)): row.stars for row in table.itertuples(index=False)
    }


def test_stars_stand_above_the_axes_in_the_ink_of_their_group() -> None:
    study = make_study()
    figure = _figure(study)
    figure.draw_without_rendering()
    styles = list(group_styles(study.timecourse).values())
    tops = [axes.get_window_extent().y1 for axes in figure.axes]
    for gid, text in _by_gid(figure, STARS).items():
        assert text.get_window_extent().y0 > min(tops)
        assert text.get_color() == styles[int(re.search(r"group(\d+)", gid)[1]) - 1].ink


def test_vehicle_is_open_drugs_filled_and_doses_differ_in_marker_and_line() -> None:
    figure = _figure(make_study())
    lines = _by_gid(figure, r"panel1-group\d+-mean")
    vehicle, low, high = (lines[f"panel1-group{k}-mean"] for k in (1, 2, 3))
    assert vehicle.get_markerfacecolor() == "#FFFFFF"
    for drug in (low, high):
        assert drug.get_markerfacecolor() == drug.get_color() != "#FFFFFF"
    assert low.get_marker() != high.get_marker()
    assert low.is_dashed() != high.is_dashed()


def test_vehicle_stands_in_the_panel_of_every_drug() -> None:
    figure = _figure(make_study())
    assert set(_by_gid(figure, r"panel\d+-group1-mean")) == {
        "panel1-group1-mean",
        "panel2-group1-mean",
    }
    own = _figure(odd_study("two vehicles"))
    assert set(_by_gid(own, r"panel\d+-group\d+-mean")) == {
        "panel1-group1-mean",
        "panel1-group3-mean",
        "panel2-group2-mean",
        "panel2-group4-mean",
    }


def test_individuals_are_thin_behind_and_can_be_left_out() -> None:
    study = make_study()
    figure = _figure(study)
    behind = _by_gid(figure, r"panel1-group\d+-individuals")
    assert {name: len(lines.get_segments()) for name, lines in behind.items()} == {
        "panel1-group1-individuals": 8,
        "panel1-group2-individuals": 7,
        "panel1-group3-individuals": 7,
    }
    means = _by_gid(figure, r"panel1-group\d+-mean")
    assert max(c.get_zorder() for c in behind.values()) < min(
        line.get_zorder() for line in means.values()
    )
    assert not _by_gid(_figure(study, individuals=False), r".*individuals.*")


def test_a_line_is_broken_where_a_fraction_is_missing() -> None:
    frame = make_study((("vehicle", 0.0, 100.0, 3),)).timecourse.copy()
    gone = (frame["animal_id"] == "R01") & (frame["time_index"] == 3)
    frame.loc[gone, "used"] = False
    figure = _figure(with_timecourse(frame))
    (lines,) = _by_gid(figure, r"panel1-group1-individuals").values()
    assert sorted(len(s) for s in lines.get_segments()) == [6, 6, 13, 13]


def test_axis_labels_say_what_the_percent_is_of() -> None:
    for name in ("demo", "long names", "one group"):
        study = make_study() if name == "demo" else odd_study(name)
        for axes in _figure(study).axes:
            assert axes.get_xlabel() in ("", "Time from dose (min)")
            assert axes.get_ylabel() == "" or axes.get_ylabel().endswith("(% of baseline)")
    study = make_study()
    labelled = _source(
        study, labels={"DOPAC": "3,4-DHPAA", "hippocampus": "HC", "mianserin": "MIA"}
    )
    assert set(labelled["outcome_label"]) == {"3,4-DHPAA, HC"}
    assert "MIA 2 mg/kg s.c." in set(labelled["group_label"])


def test_the_axis_is_logarithmic_above_400_percent() -> None:
    def scale(top: float) -> Any:
        return percent_scale([90.0, top], [80.0, 1.1 * top], [100.0], 0.1)

    assert not scale(400.0).log
    assert scale(400.1).log
    figure = _figure(odd_study("3000 %"))
    assert {axes.get_yscale() for axes in figure.axes} == {"log"}
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert "100" in labels and "3200" in labels and all(re.fullmatch(r"\d+", t) for t in labels)
    assert {axes.get_yscale() for axes in _figure(make_study()).axes} == {"linear"}


def test_scales_hold_their_values_and_ticks() -> None:
    rng = np.random.default_rng(5)
    for _ in range(300):
        top = float(np.exp(rng.uniform(np.log(20), np.log(20_000))))
        low = float(rng.uniform(1.0, 100.0))
        scale = percent_scale([low, top], [low / 2, 3 * top], [100.0], 0.12)
        assert scale.high >= top
        assert scale.low <= max(low, 5.0)
        assert 2 <= len(scale.ticks) <= 8
        assert all(scale.low <= t <= scale.high * 1.001 for t in scale.ticks)
        assert 100.0 in scale.ticks
    assert time_ticks(-80.0, 170.0, 5) == (-60.0, 0.0, 60.0, 120.0)


def test_the_arrow_stands_above_the_data_beside_the_dose() -> None:
    frame = make_study().timecourse.copy()
    frame.loc[frame["time_index"] == 1, "pct_of_baseline"] = 380.0
    study = with_timecourse(frame)
    figure = _figure(study)
    (axes, *_) = figure.axes
    arrow = _by_gid(figure, "dose-arrow")["dose-arrow"]
    tip = axes.get_ylim()[0] + arrow.xy[1] * np.diff(axes.get_ylim())[0]
    assert arrow.xy[0] == 0.0
    assert tip > 380.0


@pytest.mark.parametrize("width", list(WIDTHS_MM))
@pytest.mark.parametrize("name", ["demo", *ODD_STUDIES])
def test_text_is_large_enough_inside_and_free_of_overlap(name: str, width: str) -> None:
    study = make_study() if name == "demo" else odd_study(name)
    with style():
        figure = draw_timecourse(_source(study), FIGURES | {"width": width})
        texts = _texts(figure)
        assert len(texts) > 3
        assert min(t.get_fontsize() for t in texts) >= MIN_TEXT_PT
        assert overlapping_texts(figure) == []
        assert outside_texts(figure) == []
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(WIDTHS_MM[width])


@pytest.mark.parametrize("name", ["nothing left", "12 groups of many drugs", "long names"])
def test_odd_studies_make_a_whole_bundle(name: str, tmp_path: Path) -> None:
    study = odd_study(name)
    slug = str(study.timecourse["outcome"].iloc[0])
    files = _bundle(study, tmp_path)
    assert list(files) == bundle_files(slug, FIGURES)
    assert files["caption.md"].read_text(encoding="utf-8").startswith("**")


def test_an_empty_panel_says_so() -> None:
    figure = _figure(odd_study("one animal left"))
    assert set(_by_gid(figure, r"panel\d+-empty")) == {"panel2-empty"}
    assert set(_by_gid(_figure(odd_study("nothing left")), r"panel\d+-empty")) == {
        "panel1-empty",
        "panel2-empty",
    }


def test_values_below_the_axis_are_drawn_at_its_edge_and_counted(tmp_path: Path) -> None:
    frame = odd_study("3000 %").timecourse.copy()
    low = frame.index[frame["animal_id"] == "R01"][[4, 6]]
    frame.loc[low, "pct_of_baseline"] = [0.0, 2.0]
    study = with_timecourse(frame)
    scale = figure_scale(_source(study), FIGURES)
    assert (scale.log, scale.low) == (True, 5.0)
    text = _caption(study)
    assert "2 values below 5 % of baseline are drawn at the lower edge." in text


# Refusals


def test_means_of_other_values_are_refused() -> None:
    study = make_study()
    means = study.means.copy()
    means.loc[0, "n"] = 5
    with pytest.raises(FigureError) as caught:
        source_data(study.timecourse, means, study.contrasts, MODEL, FIGURES)
    assert str(caught.value) == (
        "stats/dopac_hippocampus/means.csv, group 'vehicle', time_index -4: found n = 5; expected "
        "8, the animals with a used value in normalize/timecourse.csv. Run the stage stats again."
    )


def test_rows_of_two_outcomes_are_refused(tmp_path: Path) -> None:
    study, other = make_study(), make_study(outcome="da_hippocampus")
    both = pd.concat([study.timecourse, other.timecourse], ignore_index=True)
    with pytest.raises(FigureError) as caught:
        stats = {"means": study.means, "contrasts": study.contrasts}
        write_bundle(OutcomeNumbers(both, stats, MODEL), FIGURES, tmp_path)
    assert str(caught.value) == (
        "normalize/timecourse.csv: found rows of 2 outcomes ['dopac_hippocampus', "
        "'da_hippocampus']; expected those of one."
    )
    assert list(tmp_path.iterdir()) == []


# Caption


def _caption(
    study: Study,
    model: dict[str, Any] = MODEL,
    config: dict[str, Any] | None = None,
    normalize: dict[str, Any] | None = None,
    species: str = "",
) -> str:
    options = FIGURES | (config or {})
    source = source_data(study.timecourse, study.means, study.contrasts, model, options)
    scale = figure_scale(source, options)
    return caption(
        study.timecourse, source, study.contrasts, model, options, scale, normalize, species
    )


def test_n_in_the_caption_and_the_legend_is_the_data_s(tmp_path: Path) -> None:
    study = odd_study("missing fractions")
    text = _caption(study)
    used = study.timecourse[study.timecourse["used"].astype(bool)]
    for group, own in used.groupby("group"):
        n = own["animal_id"].nunique()
        stated = re.search(rf"{re.escape(group)}(?: s\.c\.)?, n = (\d+)(?: \(([^)]*)\))?", text)
        assert stated and int(stated[1]) == n
        cells = own.groupby("time_index")["animal_id"].nunique()
        at = study.means.groupby("time_index")["time_min"].mean()
        for part in re.findall(r"(\d+) at ([^;]*?) min", stated[2]):
            for time in re.findall(r"−?\d+", part[1]):
                minutes = float(time.replace("−", "-"))
                index = (at - minutes).abs().idxmin()
                assert cells[index] == int(part[0]) < n
        listed = sum(
            len(re.findall(r"−?\d+", p[1])) for p in re.findall(r"(\d+) at ([^;]*?) min", stated[2])
        )
        assert listed == int((cells < n).sum())
    legend = [t.get_text() for t in _texts(_figure(study))]
    assert {"vehicle (n = 8)", "2 mg/kg s.c. (n = 6)"} <= set(legend)


def test_the_caption_of_a_whole_study(tmp_path: Path) -> None:
    frame = make_study().timecourse.copy()
    lost = frame.index[(frame["animal_id"] == "R03") & (frame["time_index"] == 4)]
    frame.loc[lost, ["used", "reason"]] = [False, "lost_vial: broken (AB, 2024-03-01)"]
    out = frame["animal_id"] == "R12"
    frame.loc[out, ["used", "reason"]] = [False, "histology: outside (AB, 2024-03-01)"]
    frame.loc[frame.index[:3], "censored"] = True
    study = with_timecourse(frame)
    model = MODEL | {
        "formula": "log_ratio ~ group * time",
        "response_meaning": "ln(concentration / baseline)",
        "estimator": "REML",
        "covariance": "random intercept per animal",
        "df": 27,
        "df_method": "between animals",
        "multiplicity": {"adjustment": "dunnett"},
        "stars": {"family": "all", "below": {"*": 0.05, "**": 0.01, "***": 0.001}},
    }
    normalize = {
        "baseline": {"n_fractions": 4},
        "dead_volume_uL": 5.7,
        "flow_uL_min": 1.5,
        "fraction_time": "midpoint",
        "below_lod": "half",
    }
    used = frame[frame["used"].astype(bool)]
    basal = used.drop_duplicates("probe_id")["baseline"]
    mean, sem = basal.mean(), basal.std(ddof=1) / np.sqrt(len(basal))
    text = _caption(study, model=model, normalize=normalize, species="Wistar rat")
    assert text == (
        "**DOPAC, hippocampus: time course after mianserin and mirtazapine, in percent of "
        "baseline.**\n\n"
        "Each animal's dialysate level is given in percent of its own baseline (the mean of the "
        "last 4 fractions before the dose; 100 is no change) against the time from the dose "
        "(arrow). Large markers: arithmetic mean over animals. Error bars: 95 % confidence "
        "interval (CI) of the mean (t distribution, each group and time by itself). Thin lines: "
        "individual animals, broken where a fraction is missing. Dashed line: 100. Open markers: "
        "vehicle; filled markers: drug, darker with the dose. Markers are set slightly apart "
        "sideways so that error bars can be told apart. The vertical axis starts at 50. 3 of the "
        "441 values shown were below the limit of detection (small crosses), entered as half the "
        "limit.\n\n"
        "n is the number of animals: vehicle s.c., n = 8 (7 at 66 min); mianserin 2 mg/kg s.c., "
        "n = 6; mianserin 5 mg/kg s.c., n = 7; mirtazapine 2 mg/kg s.c., n = 6; mirtazapine "
        "5 mg/kg s.c., n = 7. Animals: Wistar rat. Left out: 1 animal, R12 (histology: outside). "
        "Without a value: 1 fraction of the other animals (1 × lost_vial: broken).\n\n"
        "Stars, in rows behind the marker of their group, over the times they hold for: "
        "difference from vehicle at that time, * p < 0.05, ** p < 0.01, *** p < 0.001 (adjusted"
        " by Dunnett's method over all groups and all times after the dose). The comparisons "
        "come from a linear mixed model of ln(concentration / baseline) (`log_ratio ~ group * "
        "time`; random intercept per animal, REML): they test ratios between groups, not the "
        "percentages drawn. Degrees of freedom (27): between animals.\n\n"
        f"Basal level in the dialysate: {mean:.1f} ± {sem:.1f} nM (mean ± SEM, n = 34 animals). "
        "Times are the midpoints of the fractions, corrected for a lag of 3.8 min between membrane "
        "and vial (5.7 µL at 1.5 µL/min, plug flow).\n"
    )


@pytest.mark.parametrize("status", ["failed", "not_estimable"])
def test_a_model_that_failed_is_told(status: str, tmp_path: Path) -> None:
    study = make_study()
    contrasts = study.contrasts.assign(stars="", status=status, reason="no convergence")
    model = MODEL | {"status": status, "reason": "no convergence"}
    text = _caption(Study(study.timecourse, study.means, contrasts), model=model)
    words = "failed" if status == "failed" else "could not be made"
    assert f"No stars: the fit of the statistical model {words} (no convergence)." in text
    assert "p < 0.05" not in text


def test_a_singular_fit_and_missing_comparisons_are_told(tmp_path: Path) -> None:
    study = make_study()
    contrasts = study.contrasts.copy()
    contrasts.loc[0, ["status", "reason", "stars"]] = ["not_estimable", "one animal", ""]
    model = MODEL | {"status": "singular", "reason": "the variance between animals is 0"}
    text = _caption(Study(study.timecourse, study.means, contrasts), model=model)
    assert "The fit is singular: the variance between animals is 0." in text
    assert f"1 of the {len(contrasts)} comparisons can't be made (one animal)." in text


def test_no_difference_is_told(tmp_path: Path) -> None:
    study = make_study()
    none = Study(study.timecourse, study.means, study.contrasts.assign(stars=""))
    assert "No difference from vehicle at any time reached p < 0.05" in _caption(none)
    assert not _by_gid(_figure(none), r".*-stars-.*")


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (
            "nM",
            r"Basal level in the dialysate: [\d.]+ ± [\d.]+ nM \(mean ± SEM, n = 35 animals\)\.",
        ),
        ("ratio", r"Basal ratio \(molar\): [\d.]+ ± [\d.]+ \(mean ± SEM"),
        ("response", r"Basal detector response: .*Uncalibrated: percent of baseline is computed"),
    ],
)
def test_the_basal_level_has_its_unit(unit: str, expected: str, tmp_path: Path) -> None:
    assert re.search(expected, _caption(make_study(conc_unit=unit)))


def test_levels_corrected_for_recovery_say_what_that_is_worth() -> None:
    study = make_study()
    flags = study.timecourse["flags"].where(study.timecourse["flags"] == "", ";")
    corrected = with_timecourse(study.timecourse.assign(flags=flags + "in_vitro_recovery"))
    caveat = (
        "Concentrations were divided by the probes' in-vitro recovery; they estimate the level "
        "outside the probe only as far as recovery in tissue is that in the beaker, which drugs "
        "that change uptake alter. Percent of baseline is not affected by the division."
    )
    text = _caption(corrected)
    assert text.count(caveat) == 1
    assert re.search(r"Basal level, corrected for in-vitro recovery: [\d.]+ ± [\d.]+ nM", text)
    plain = _caption(study)
    assert "recovery" not in plain
    assert "Basal level in the dialysate: " in plain


def test_error_bars_are_named(tmp_path: Path) -> None:
    study = make_study()
    sem = _caption(study, config={"error": "sem"})
    assert "Error bars: standard error of the mean (SEM)." in sem
    both = _caption(study, config={"error": "sem", "center": "geometric"})
    assert "Large markers: geometric mean over animals." in both
    assert "standard error of the mean (SEM), computed on logarithms." in both
    model = MODEL | {"confidence": 0.9}
    assert "Error bars: 90 % confidence interval (CI)" in _caption(study, model=model)


def test_the_caption_names_what_was_given_later() -> None:
    events = pd.DataFrame(
        [
            ("event", 0.0, np.nan, "morphine 1 mg/kg"),
            ("event", 40.02, np.nan, "naloxone 1 mg/kg"),
            ("event", 40.0, np.nan, "saline"),
            ("event", 60.0, 80.0, "K+ 100 mM"),
            ("mean", 10.0, np.nan, ""),
        ],
        columns=["row", "time_min", "end_min", "text"],
    )
    assert moments(events) == (
        "(arrow; arrow at 40 min: naloxone 1 mg/kg and saline; bar: 60 to 80 min, K+ 100 mM)"
    )
    assert moments(events.iloc[[0, 4]]) == moments(events.iloc[[4]]) == "(arrow)"
