"""The further figures of a bundle, the study's figures, the workbook and tables for Prism."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from dialysis.figures.auc import auc_data, draw_auc
from dialysis.figures.basal import basal_data, draw_basal
from dialysis.figures.bundle import OutcomeNumbers, write_bundles
from dialysis.figures.captions import auc_caption, concentration_caption, ratio_caption
from dialysis.figures.concentration import concentration_data, draw_concentration
from dialysis.figures.dots import swarm
from dialysis.figures.names import OUTCOME_FIGURES, bundle_files, study_figures, study_files
from dialysis.figures.prism import column_table, grouped_table
from dialysis.figures.ratio import draw_ratio, ratio_data
from dialysis.figures.source import figure_rows, source_data
from dialysis.figures.starrows import Run, spread_apart, star_runs
from dialysis.figures.study import draw_study, metabolite_data, study_caption, study_data
from dialysis.figures.timecourse import draw_timecourse, has_inset
from dialysis.figures.words import adjusted, plain_text, star_words
from dialysis.figures.xlsx import column_letters, frame_rows, write_workbook
from dialysis.files import read_json
from dialysis.plotting import MIN_TEXT_PT, style
from dialysis.tables.inputs import DOSES
from dialysis.tables.normalize import SUMMARY
from dialysis.tables.stats import AUC, DOSE

from .test_figures_bundle import _texts, outside_texts, overlapping_texts
from .test_figures_synthetic import (
    FIGURES,
    MODEL,
    ODD_STUDIES,
    Study,
    baseline_of,
    make_study,
    odd_study,
    with_timecourse,
)

NO_DOSES = DOSES.empty()
STARS_MODEL = MODEL | {"stars": {"below": {"*": 0.05, "**": 0.01, "***": 0.001}}}


def summary_of(study: Study) -> pd.DataFrame:
    """Areas of the animals that have every fraction after the dose."""
    rows = []
    post = study.timecourse[study.timecourse["period"] == "post"]
    for probe, own in post.groupby("probe_id"):
        first = own.iloc[0]
        whole = own["used"].astype(bool).all() and own["pct_of_baseline"].notna().all()
        area = float((own["pct_of_baseline"] * own["duration_min"]).sum()) if whole else np.nan
        head = {c: first[c] for c in SUMMARY.column_names if c in own.columns}
        window = {"window_start_min": 0.0, "window_end_min": 180.0}
        counts = {"n_fractions": len(own), "n_missing": 0}
        rows.append(head | window | counts | {"probe_id": probe, "auc_pct_min": area})
    return SUMMARY.coerce(pd.DataFrame(rows))


def auc_of(summary: pd.DataFrame) -> pd.DataFrame:
    """Means of the areas by group, with made-up p-values."""
    rows = []
    for place, (group, own) in enumerate(summary.groupby("group", sort=False)):
        values = own["auc_pct_min"].dropna()
        half = 2.0 * values.std() / np.sqrt(max(len(values), 1))
        rows.append(
            {
                "outcome": own["outcome"].iloc[0],
                "group": group,
                "control": own["control"].iloc[0],
                "n": len(values),
                "mean_pct_min": values.mean(),
                "low_pct_min": values.mean() - half,
                "high_pct_min": values.mean() + half,
                "p_adjusted": None if own["is_control"].iloc[0] else 0.03 / 10**place,
                "adjustment": "dunnett",
                "status": "ok",
            }
        )
    return AUC.coerce(pd.DataFrame(rows))


def trend_of(study: Study) -> pd.DataFrame:
    """A trend over the doses of every drug that has several."""
    rows = []
    treated = study.timecourse[~study.timecourse["is_control"].astype(bool)]
    for drug, own in treated.groupby("drug"):
        if own["dose"].nunique() > 1:
            rows.append(
                {
                    "outcome": own["outcome"].iloc[0],
                    "drug": f"{drug} s.c.",
                    "model": "trend",
                    "scope": "auc",
                    "parameter": "slope",
                    "n_doses": own["dose"].nunique(),
                    "p": 0.0312,
                    "estimate": 1300.0,
                    "status": "ok",
                }
            )
    return DOSE.coerce(pd.DataFrame(rows, columns=DOSE.column_names))


def drawn(study: Study, **config: Any) -> dict[str, Any]:
    """Every figure over time or by group of one study."""
    options = FIGURES | config
    course, summary = study.timecourse, summary_of(study)
    areas = auc_data(course, summary, auc_of(summary), trend_of(study), STARS_MODEL, options)
    contrasts = with_ratios(study.contrasts)
    source = source_data(course, study.means, study.contrasts, MODEL, options)
    return {
        "timecourse": draw_timecourse(source, options, areas),
        "concentration": draw_concentration(concentration_data(course, NO_DOSES, options), options),
        "basal": draw_basal(basal_data(course, usable_baseline(study), options), options),
        "auc": draw_auc(areas, options),
        "ratio": draw_ratio(ratio_data(course, contrasts, NO_DOSES, options), options),
    }


def usable_baseline(study: Study) -> pd.DataFrame:
    frame = baseline_of(study.timecourse)
    return frame.assign(usable=frame["usable"] & frame["baseline"].notna())


def with_ratios(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Contrasts with intervals: a star where the simultaneous one leaves 100 out."""
    out = contrasts.copy()
    ratio = np.exp(out["log_ratio"])
    out["ratio_pct"] = 100.0 * ratio
    wide = np.where(out["stars"] != "", 0.8, 1.2) * np.abs(out["log_ratio"])
    for column, sign, part in (
        ("ratio_low_pct", -1, 0.6),
        ("ratio_high_pct", 1, 0.6),
        ("sim_low_pct", -1, 1.0),
        ("sim_high_pct", 1, 1.0),
    ):
        out[column] = 100.0 * np.exp(out["log_ratio"] + sign * part * wide)
    return out


@pytest.mark.parametrize("name", ["demo", *ODD_STUDIES])
def test_text_of_every_figure_is_large_inside_and_free_of_overlap(name: str) -> None:
    study = make_study() if name == "demo" else odd_study(name)
    with style():
        for kind, figure in drawn(study).items():
            texts = _texts(figure)
            assert min(t.get_fontsize() for t in texts) >= MIN_TEXT_PT, kind
            assert overlapping_texts(figure) == [], kind
            assert outside_texts(figure) == [], kind


@pytest.mark.parametrize("name", ["demo", "two vehicles", "40 fractions", "nothing left"])
def test_the_figure_of_a_study_is_readable(name: str) -> None:
    study = make_study() if name == "demo" else odd_study(name)
    outcomes = {"dopac_hippocampus": numbers_of(study)}
    for place in ("striatum", "a region of the brain"):
        frame = study.timecourse.assign(outcome=f"dopac_{place[:5]}", region=place)
        outcomes[f"dopac_{place[:5]}"] = numbers_of(with_timecourse(frame))
    rows = study_data(outcomes, FIGURES)
    with style():
        figure = draw_study(rows, FIGURES)
        assert overlapping_texts(figure) == []
        assert outside_texts(figure) == []
        assert min(t.get_fontsize() for t in _texts(figure)) >= MIN_TEXT_PT
    assert figure.get_size_inches()[1] * 25.4 <= 235.5


def numbers_of(study: Study) -> OutcomeNumbers:
    return OutcomeNumbers(
        study.timecourse, {"means": study.means, "contrasts": study.contrasts}, MODEL
    )


def test_metabolite_ratios_are_those_of_every_sample() -> None:
    parts = {}
    for analyte, seed in (("DOPAC", 1), ("DA", 2)):
        slug = f"{analyte.lower()}_hippocampus"
        parts[slug] = numbers_of(make_study(outcome=slug, analyte=analyte, seed=seed))
    rows = metabolite_data(parts, FIGURES, 0.95)
    values = rows[rows["row"] == "individual"].set_index(["probe_id", "time_index"])["value"]
    above, below = (
        parts[slug].timecourse.set_index(["probe_id", "time_index"])["conc"]
        for slug in ("dopac_hippocampus", "da_hippocampus")
    )
    expected = (above / below).loc[values.index]
    np.testing.assert_allclose(values.to_numpy(float), expected.to_numpy(float))
    assert set(rows["analyte_label"]) == {"DOPAC/DA"}
    assert set(rows["unit"]) == {"ratio"}


# Numbers


def test_means_of_levels_are_over_animals_with_their_t_interval() -> None:
    from scipy import stats

    frame = make_study().timecourse.copy()
    second = frame[frame["animal_id"] == "R01"].assign(probe_id="R01b")
    second["conc"] = second["conc"] * 3.0
    both = pd.concat([frame, second], ignore_index=True)
    rows = concentration_data(both, NO_DOSES, FIGURES)
    cell = rows[(rows["row"] == "mean") & (rows["group"] == "vehicle") & (rows["time_index"] == 2)]
    own = both[(both["group"] == "vehicle") & (both["time_index"] == 2)]
    values = own.groupby("animal_id")["conc"].mean()
    half = stats.t.ppf(0.975, len(values) - 1) * values.sem()
    got = cell[["n", "value", "low", "high"]].iloc[0].to_numpy(float)
    expected = [8, values.mean(), values.mean() - half, values.mean() + half]
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    text = concentration_caption(rows, False, True)
    assert "vehicle, n = 8" in text and "limit of detection" in text


def test_areas_stars_and_trends_are_those_of_the_tables() -> None:
    study = make_study()
    summary = summary_of(study)
    table, trend = auc_of(summary), trend_of(study)
    rows = auc_data(study.timecourse, summary, table, trend, STARS_MODEL, FIGURES)
    means = rows[rows["row"] == "mean"].set_index("group")
    expected = table.set_index("group").loc[means.index]
    np.testing.assert_allclose(means["value"].to_numpy(float), expected["mean_pct_min"])
    for group, p in expected["p_adjusted"].items():
        n = 0 if pd.isna(p) else sum(p < level for level in (0.05, 0.01, 0.001))
        assert means.loc[group, "stars"] == "*" * n
    assert (rows["row"] == "individual").sum() == summary["auc_pct_min"].notna().sum()
    trends = rows[rows["row"] == "trend"]
    assert list(trends["drug"]) == ["mianserin", "mirtazapine"]
    assert set(trends["p"]) == {0.0312}
    text = auc_caption(rows, summary, table, STARS_MODEL)
    assert "Stars (* p < 0.05, ** p < 0.01, *** p < 0.001): difference from vehicle in" in text
    assert "(p adjusted over the groups by Dunnett's method): " in text
    assert "in the same linear model (one test for each drug, not adjusted): mianserin" in text
    assert "+901 % × min per doubled dose, p = 0.031" in text
    early = summary.assign(window_start_min=-4.0)
    assert (
        "from −4 to 180 min (the first fraction after the dose holds fluid from 4 min before it)"
        in auc_caption(rows, early, table, STARS_MODEL)
    )


def test_ratios_and_intervals_are_those_of_the_contrasts() -> None:
    study = make_study()
    contrasts = with_ratios(study.contrasts)
    rows = ratio_data(study.timecourse, contrasts, NO_DOSES, FIGURES)
    means = rows[rows["row"] == "mean"].set_index(["group", "time_index"])
    table = contrasts.set_index(["group", "time_index"]).loc[means.index]
    for ours, theirs in (("value", "ratio_pct"), ("outer_low", "sim_low_pct")):
        np.testing.assert_allclose(means[ours].to_numpy(float), table[theirs].to_numpy(float))
    assert (means["stars"] == table["stars"]).all()


@pytest.mark.parametrize("confidence", [0.95, 0.99])
@pytest.mark.parametrize("adjustment", ["dunnett", "holm", "bonferroni", "none"])
def test_the_ratio_caption_ties_intervals_to_stars_only_where_they_are(
    adjustment: str, confidence: float
) -> None:
    study = make_study()
    contrasts = with_ratios(study.contrasts)
    rows = ratio_data(study.timecourse, contrasts, NO_DOSES, FIGURES, confidence)
    multiplicity = {"multiplicity": {"adjustment": adjustment}}
    model = STARS_MODEL | multiplicity | {"confidence": confidence}
    text = ratio_caption(rows, contrasts, model)
    tied = adjustment != "holm" and confidence == 0.95
    assert ("where one does not hold 100 there are stars" in text) == tied
    assert ("one may hold 100 where there are stars" in text) == (adjustment == "holm")
    assert f"{100 * confidence:g} % confidence interval" in text
    assert "Stars: * p < 0.05, ** p < 0.01, *** p < 0.001" in text


def test_the_caption_of_the_study_says_what_stars_stand_for() -> None:
    study = make_study()
    outcomes = {"da_hippocampus": numbers_of(study)}
    rows = study_data(outcomes, FIGURES)
    model = STARS_MODEL | {"stars": {"below": {"*": 0.01, "**": 0.002}}}
    text = study_caption(rows, "All", f"{star_words(model)}{adjusted(model, study.contrasts)}")
    assert "mixed model of each outcome, * p < 0.01, ** p < 0.002 (adjusted by Dunnett's" in text


def test_doses_and_epochs_are_drawn_where_they_were() -> None:
    study = make_study()
    doses = []
    for animal in study.timecourse["animal_id"].unique():
        row = {"animal_id": animal, "drug": "drug", "dose": 1.0, "unit": "mg/kg", "route": "s.c."}
        doses.append(row | {"event": "first", "time_min": 80.0})
        doses.append(row | {"event": "KCl", "time_min": 140.0, "end_min": 180.0})
    source = source_data(
        study.timecourse,
        study.means,
        study.contrasts,
        MODEL,
        FIGURES,
        DOSES.coerce(pd.DataFrame(doses)),
    )
    events = source[source["row"] == "event"]
    assert {(r.time_min, r.end_min) for r in events.itertuples() if r.end_min > 0} == {(60, 100)}
    with style():
        figure = draw_timecourse(source, FIGURES)
    gids = [artist.get_gid() for artist in figure.findobj() if artist.get_gid()]
    assert gids.count("dose-arrow") == 2 and gids.count("epoch-60") == 2


def test_the_inset_stands_where_there_is_room() -> None:
    figures = {width: drawn(make_study(), width=width)["timecourse"] for width in ("double",)}
    assert has_inset(figures["double"])
    assert not has_inset(drawn(make_study(), width="double", auc_inset=False)["timecourse"])


# Files


def test_all_files_are_the_same_with_one_and_two_processes(tmp_path: Path) -> None:
    slugs = ("dopac_hippocampus", "da_hippocampus")
    outcomes = {
        slug: numbers_of(make_study(outcome=slug, analyte=slug.split("_")[0].upper()))
        for slug in slugs
    }
    # Not EPS, which takes seconds a figure: tests/unit/test_figures_plotting.py writes one.
    config = FIGURES | {"extra_formats": ["tiff"]}
    written = [
        write_bundles(outcomes, config, tmp_path / name, processes)
        for name, processes in (("a", 1), ("b", 2))
    ]
    figures = study_figures(["DOPAC/", "DA/"], ["DOPAC", "DA"], config)
    expected = [f"study/{name}" for name in study_files(figures, config)]
    expected += [f"{slug}/{name}" for slug in slugs for name in bundle_files(slug, config)]
    assert [p.relative_to(tmp_path / "a").as_posix() for p in written[0]] == expected
    assert sorted(expected) == sorted(
        p.relative_to(tmp_path / "b").as_posix() for p in (tmp_path / "b").rglob("*") if p.is_file()
    )
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    folder = tmp_path / "a" / slugs[0]
    _check_index(folder)
    _check_fonts(sorted((tmp_path / "a").rglob("*.pdf")))
    _check_text(folder)


def _check_index(folder: Path) -> None:
    """The index names files that are there, and every file but itself."""
    index = read_json(folder / "bundle.json")
    assert [figure["kind"] for figure in index["figures"]] == list(OUTCOME_FIGURES)
    named = {"bundle.json"}
    for figure in index["figures"]:
        named |= {*figure["files"].values(), figure["caption"], figure["caption_text"]}
        named |= set(figure["data"])
    named |= {table["file"] for table in index["tables"]}
    named |= {text[key] for text in index["texts"] for key in ("file", "text")}
    assert named == {path.name for path in folder.iterdir()}


def _check_fonts(pdfs: list[Path]) -> None:
    if shutil.which("pdffonts") is None:
        pytest.skip("pdffonts is not installed")
    for path in pdfs:
        done = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True)
        fonts = done.stdout.splitlines()[2:]
        assert fonts
        for line in fonts:
            assert re.search(r"(CID )?TrueType", line), line
            assert re.search(r"yes yes (yes|no) ", line), line  # embedded, as a subset


def _check_text(folder: Path) -> None:
    """Labels are text in the SVG: as many as are drawn, and each of them."""
    slug = folder.name
    with style():
        figure = drawn(make_study(outcome=slug, analyte="DOPAC"))["concentration"]
        wanted = [t.get_text() for t in _texts(figure)]
    root = ElementTree.parse(folder / f"{slug}_concentration.svg").getroot()
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len(texts) >= len(wanted)
    for text in wanted:
        for line in text.split("\n"):
            assert line in texts, line


def test_a_workbook_holds_its_tables_and_nothing_of_the_day(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["a <&> b", ""], "x": [1.5, np.nan], "n": [3, 4]})
    sheets = {"One & two": frame_rows(frame), "Flags": [["flag"], [True], [None]]}
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tmp_path / name, sheets, {"Flags": 0})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) for entry in archive.infolist())
        parts = {n: ElementTree.fromstring(archive.read(n)) for n in archive.namelist()}
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    names = [s.get("name") for s in parts["xl/workbook.xml"].findall(".//m:sheet", space)]
    assert names == ["One & two", "Flags"]
    cells = {
        cell.get("r"): "".join(cell.itertext())
        for cell in parts["xl/worksheets/sheet1.xml"].findall(".//m:c", space)
    }
    assert cells == {
        "A1": "name",
        "B1": "x",
        "C1": "n",
        "A2": "a <&> b",
        "B2": "1.5",
        "C2": "3",
        "C3": "4",
    }
    assert [column_letters(k) for k in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_table_for_prism_has_animals_under_their_groups() -> None:
    study = odd_study("missing fractions")
    rows = figure_rows(source_data(study.timecourse, study.means, study.contrasts, MODEL, FIGURES))
    groups, animals, *body = grouped_table(rows)
    used = study.timecourse[study.timecourse["used"].astype(bool)]
    assert animals[0] == "Time (min)" and len(groups) == len(animals)
    by_animal = dict(zip(used["animal_id"], used["group"], strict=True))
    assert [by_animal[a] for a in animals[1:]] == groups[1:]
    n_values = sum(cell is not None for row in body for cell in row[1:])
    assert n_values == len(used)
    assert [row[0] for row in body] == sorted(row[0] for row in body)
    names, *columns = column_table(rows)
    assert names == list(dict.fromkeys(groups[1:]))
    assert len(columns) == max(used.groupby("group")["animal_id"].nunique())


# Parts


def test_neighbouring_times_with_the_same_stars_are_one_run() -> None:
    stars = {1: "*", 2: "***", 3: "***", 5: "***", 6: ""}
    assert star_runs([-1, 1, 2, 3, 4, 5, 6], stars) == [
        Run((1,), "*"),
        Run((2, 3), "***"),
        Run((5,), "***"),
    ]


def test_texts_of_a_row_are_moved_apart_within_it() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        n = int(rng.integers(1, 8))
        widths = rng.uniform(3.0, 10.0, n)
        centers = np.sort(rng.uniform(0.0, 80.0, n))
        moved = spread_apart(centers, widths, 0.0, 80.0, gap=1.0)
        if moved is None:
            assert widths.sum() + (n - 1) > 80.0
            continue
        gaps = np.diff(moved) - 0.5 * (widths[:-1] + widths[1:])
        assert (gaps >= 1.0 - 1e-9).all()
        assert moved[0] - 0.5 * widths[0] >= -1e-9
        assert moved[-1] + 0.5 * widths[-1] <= 80.0 + 1e-9
    alone = spread_apart(np.array([10.0, 40.0]), np.array([4.0, 4.0]), 0.0, 80.0)
    np.testing.assert_allclose(alone, [10.0, 40.0])


def test_dots_of_a_swarm_don_t_cover_each_other() -> None:
    values = np.random.default_rng(4).normal(0.0, 2.0, 60)
    shifts = swarm(values, 1.0)
    for i in range(60):
        for j in range(i):
            apart = np.hypot(values[i] - values[j], shifts[i] - shifts[j])
            assert apart >= 1.0 - 1e-9
    assert swarm(np.array([1.0, 5.0]), 1.0).tolist() == [0.0, 0.0]


def test_plain_text_keeps_stars_of_p_values() -> None:
    text = "**DOPAC, hippocampus.** `y ~ x` at * p < 0.05, ** p < 0.01, *** p < 0.001.\n"
    assert plain_text(text) == (
        "DOPAC, hippocampus. y ~ x at * p < 0.05, ** p < 0.01, *** p < 0.001.\n"
    )
