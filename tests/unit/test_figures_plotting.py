"""Style, palettes and writing: `dialysis.plotting`."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import pandas as pd
import pytest

from dialysis.errors import FigureError
from dialysis.plotting import (
    DRUG_HUES,
    GroupStyle,
    contrast_with_white,
    dose_ramp,
    group_styles,
    luminance,
    mix,
    new_figure,
    readable,
    save_figure,
    save_pages,
    style,
    text_width_pt,
)

from .test_figures_synthetic import DEMO_GROUPS, make_study


def _styles(groups: tuple[tuple[str, float], ...]) -> dict[str, GroupStyle]:
    frame = pd.DataFrame(
        [
            {"group": f"{drug} {dose:g}", "drug": drug, "dose": dose, "is_control": dose == 0}
            for drug, dose in groups
        ]
    )
    return group_styles(frame)


def test_vehicle_is_open_and_drugs_are_filled() -> None:
    styles = group_styles(make_study(DEMO_GROUPS).timecourse)
    assert next(iter(styles)) == "vehicle"
    assert styles["vehicle"].face == "#FFFFFF" and not styles["vehicle"].filled
    assert all(s.filled and s.face == s.color for g, s in styles.items() if g != "vehicle")


@pytest.mark.parametrize("n_doses", [1, 2, 3, 5, 11, 20])
def test_doses_of_a_drug_differ_without_colour(n_doses: int) -> None:
    styles = _styles((("vehicle", 0.0), *(("drug", float(k + 1)) for k in range(n_doses))))
    looks = {(s.marker, s.dashes, s.filled) for s in styles.values()}
    assert len(looks) == len(styles)


def test_drugs_differ_in_hue_and_marker() -> None:
    styles = _styles((("vehicle", 0.0), ("a", 1.0), ("b", 1.0), ("c", 1.0)))
    drugs = [s for s in styles.values() if s.filled]
    assert len({s.color for s in drugs}) == 3
    assert len({s.marker for s in drugs}) == 3


@pytest.mark.parametrize("hue", DRUG_HUES)
@pytest.mark.parametrize("n", [2, 3, 6])
def test_dose_ramp_gets_darker_and_stays_visible(hue: str, n: int) -> None:
    light = [luminance(color) for color in dose_ramp(hue, n)]
    assert light == sorted(light, reverse=True)
    assert len(set(light)) == n
    ramp = dose_ramp(hue, n)
    assert contrast_with_white(ramp[0]) >= 2.2
    assert contrast_with_white(ramp[-1]) >= 7.0


def test_one_dose_has_the_hue_itself() -> None:
    assert dose_ramp("#0072B2", 1) == ["#0072B2"]


@pytest.mark.parametrize("color", [*DRUG_HUES, "#999999", "#FFFFFF"])
def test_readable_ink_has_the_contrast_of_small_text(color: str) -> None:
    assert contrast_with_white(readable(color)) >= 4.5


def test_luminance_and_mixing_follow_their_definitions() -> None:
    assert luminance("#FFFFFF") == pytest.approx(1.0)
    assert luminance("#000000") == 0.0
    assert contrast_with_white("#000000") == pytest.approx(21.0)
    assert mix("#000000", "#FFFFFF", 0.2) == "#333333"


def test_style_ignores_and_keeps_the_users_settings() -> None:
    matplotlib.rcParams["lines.linewidth"] = 9.0
    try:
        with style():
            assert matplotlib.rcParams["lines.linewidth"] == 1.0
            assert matplotlib.rcParams["pdf.fonttype"] == 42
            assert matplotlib.rcParams["svg.fonttype"] == "none"
        assert matplotlib.rcParams["lines.linewidth"] == 9.0
    finally:
        matplotlib.rcParams["lines.linewidth"] = matplotlib.rcParamsDefault["lines.linewidth"]


def test_an_absent_font_is_named() -> None:
    with pytest.raises(FigureError) as caught, style("No Such Font"):
        pass
    assert str(caught.value) == (
        "study.yaml, figures.font: found 'No Such Font', which is not installed here; expected "
        "the name of an installed font family. Install it, or take 'DejaVu Sans', which comes "
        "with matplotlib."
    )


def test_width_of_text_is_what_the_renderer_measures() -> None:
    text = "mianserin 2 mg/kg s.c. (n = 7)"
    with style():
        figure = new_figure(100, 20)
        artist = figure.text(0.1, 0.5, text, fontsize=6.5)
        extent = artist.get_window_extent(figure.canvas.get_renderer())
    # Both are hinted, at 720 and at 300 dpi: an advance is off by at most half a pixel a letter.
    tolerance = len(text) * 0.5 * 72 / 300
    assert text_width_pt(text, 6.5) == pytest.approx(extent.width * 72 / 300, abs=tolerance)


def _drawn() -> object:
    figure = new_figure(60, 40)
    axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
    axes.plot([1, 2, 3], [1, 4, 2], marker="o")
    axes.set_xlabel("Time from dose (min)")
    return figure


def test_files_are_identical_and_name_no_program_or_date(tmp_path: Path) -> None:
    written = []
    for turn in ("first", "second"):
        with style():
            formats = ("pdf", "svg", "png", "eps", "tiff")
            written.append(save_figure(_drawn(), tmp_path / turn / "figure", formats))
    assert [p.name for p in written[0]] == [f"figure.{ending}" for ending in formats]
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
        content = one.read_bytes()
        assert b"CreationDate" not in content and b"dc:date" not in content
        assert b"Producer" not in content and b"matplotlib.org" not in content.lower()
    assert sorted(p.name for p in (tmp_path / "first").iterdir()) == sorted(
        p.name for p in written[0]
    )


def test_text_stays_text(tmp_path: Path) -> None:
    with style():
        pdf, svg, _ = save_figure(_drawn(), tmp_path / "figure")
    assert "Time from dose (min)" in re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text())
    fonts = set(re.findall(rb"/Subtype /(Type\w+|CIDFontType\w+)", pdf.read_bytes()))
    assert fonts <= {b"Type0", b"CIDFontType2", b"TrueType"} and fonts
    assert b"/FontFile2" in pdf.read_bytes()


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with style(), pytest.raises(FigureError) as caught:
        save_figure(_drawn(), tmp_path / "figure", ["gif"])
    assert str(caught.value) == (
        "figure figure: found the format 'gif'; expected one of pdf, svg, png, eps, tiff."
    )


def test_pages_go_into_one_pdf_and_the_first_into_a_png(tmp_path: Path) -> None:
    with style():
        pdf, png = save_pages((_drawn() for _ in range(3)), tmp_path / "pages", dpi=72)
    assert len(re.findall(rb"/Type /Page\b", pdf.read_bytes())) == 3
    assert png.read_bytes().startswith(b"\x89PNG")
    with style(), pytest.raises(FigureError) as caught:
        save_pages([], tmp_path / "none")
    assert str(caught.value) == "figure none.pdf: found no page; expected at least one."
    assert not (tmp_path / "none.pdf").exists()
