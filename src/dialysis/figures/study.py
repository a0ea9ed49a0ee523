"""Figures of a whole study: every analyte and region on one time axis, and metabolite ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.concentration import concentration_data, level_words
from dialysis.figures.groups import group_heads
from dialysis.figures.names import (
    INDEX,
    STUDY_ROWS,
    caption_files,
    figure_entry,
    figure_files,
    metabolite_pairs,
)
from dialysis.figures.panelplot import (
    X_LABEL,
    Layout,
    Look,
    Measure,
    add_axes,
    draw_axes,
    draw_data,
    draw_events,
    draw_handle,
    draw_star_rows,
    fitting_ticks,
    in_points,
    scale_of,
    star_rows_needed,
    stars_fit,
    time_axis,
    write_marks,
)
from dialysis.figures.panels import Panel, panels_of
from dialysis.figures.saving import save
from dialysis.figures.scales import level_scale, percent_scale
from dialysis.figures.source import figure_rows, source_data, used_values
from dialysis.figures.words import adjusted, error_words, plain_text, star_words
from dialysis.files import read_table, write_json, write_table, write_text
from dialysis.plotting import (
    POINTS_PER_MM,
    SMALL_PT,
    TEXT_PT,
    figure_width_mm,
    group_styles,
    new_figure,
    style,
    text_width_pt,
)
from dialysis.tables.figures import FIGURE_DATA
from dialysis.words import listed

TIMECOURSE = "study_timecourse"
METABOLITES = "study_metabolites"

_MOST_COLUMNS = 4
_PAGE_PT = 235.0 * POINTS_PER_MM
_LEFT_PT = 42.0
_GAP_PT = 10.0
_LINE_PT = 9.0
_HANDLE_PT = 15.0
_STAR_PT = 9.0
_BOTTOM_PT = 26.0
_TALLEST_PT = 86.0
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Column:
    """One column of panels.

    Parameters
    ----------
    region : str
        Printed brain region.
    panel : Panel
        Its groups, with the drug as heading.
    """

    region: str
    panel: Panel


def study_data(outcomes: Mapping[str, Any], config: Mapping[str, Any]) -> pd.DataFrame:
    """Rows of every outcome's time course, in percent of baseline.

    Parameters
    ----------
    outcomes : mapping of str to OutcomeNumbers
        By slug, in the order of the study.
    config : mapping
        The ``figures`` section.

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.FIGURE_DATA`.
    """
    labels = dict(config.get("labels", {}))
    parts = []
    for numbers in outcomes.values():
        course, stats = numbers.timecourse, numbers.stats
        source = source_data(
            course, stats["means"], stats["contrasts"], numbers.model, config, numbers.doses
        )
        head = group_heads(course, labels).iloc[0]
        parts.append(
            figure_rows(source).assign(analyte_label=head["analyte_label"], region=head["region"])
        )
    return pd.concat(parts, ignore_index=True)


def metabolite_data(
    outcomes: Mapping[str, Any], config: Mapping[str, Any], confidence: float
) -> pd.DataFrame:
    """Ratios of metabolite to transmitter in every sample that has both.

    Parameters are those of `study_data`.

    Returns
    -------
    DataFrame
        `dialysis.tables.figures.FIGURE_DATA` in molar ratios (ratios of responses without
        calibration); a ratio is censored where one of its two values is.
    """
    courses = [numbers.timecourse for numbers in outcomes.values()]
    whole = pd.concat(courses, ignore_index=True)
    doses = next(iter(outcomes.values())).doses
    single = whole[whole["kind"] == "analyte"]
    parts = []
    for above, below in metabolite_pairs(single["analyte"], config):
        for region in dict.fromkeys(single["region"]):
            own = single[single["region"] == region]
            ratio = _ratio_course(own[own["analyte"] == above], own[own["analyte"] == below])
            if len(ratio):
                parts.append(concentration_data(ratio, doses, config, confidence))
    return pd.concat(parts, ignore_index=True)


def _ratio_course(above: pd.DataFrame, below: pd.DataFrame) -> pd.DataFrame:
    """TIMECOURSE rows of the ratio of two analytes, sample by sample."""
    keys = ["probe_id", "fraction"]
    other = used_values(below)[[*keys, "analyte", "conc", "censored"]]
    both = used_values(above).merge(other, on=keys, suffixes=("", "_below"))
    both = both[both["conc_below"] > 0]
    if not len(both):
        return both
    both["conc"] = both["conc"] / both["conc_below"]
    both["censored"] = both["censored"] | both["censored_below"]
    both["denominator"] = both["analyte_below"]
    both["conc_unit"] = np.where(both["conc_unit"] == "response", "ratio of responses", "ratio")
    both["limit"] = np.nan
    first = both.iloc[0]
    both["outcome"] = f"{first['outcome']}_per_{first['denominator']}".lower()
    return both.drop(columns=[c for c in both.columns if c.endswith("_below")])


def draw_study(rows: pd.DataFrame, config: Mapping[str, Any]) -> Any:
    """Draw a row of panels per analyte and a column per region and drug, on one time axis.

    Parameters
    ----------
    rows : DataFrame
        `study_data` or `metabolite_data`, at most `dialysis.figures.names.STUDY_ROWS` analytes.
    config : mapping
        The ``figures`` section: ``journal``, ``font``, ``individuals``, ``axis``.

    Returns
    -------
    matplotlib.figure.Figure
        Two columns of the journal wide.  All panels of a row share their vertical axis.
    """
    font = str(config.get("font", "DejaVu Sans"))
    percent = str(rows["unit"].iloc[0]) == "% of baseline"
    heads = rows[rows["row"] == "group"]
    columns = _columns(heads)
    names = list(dict.fromkeys(rows["analyte_label"]))
    styles = group_styles(heads)
    shown = rows[rows["row"].isin(["mean", "individual"])]
    events = rows[rows["row"] == "event"]
    grid, times, spacing, limits = time_axis(shown, events)
    page = figure_width_mm(config, "double") * POINTS_PER_MM
    width = (page - _LEFT_PT - 6.0 - (len(columns) - 1) * _GAP_PT) / len(columns)
    label_of = dict(zip(heads["group"], heads["group_label"], strict=True))
    legends = [_legend(column.panel, heads, label_of, width, font) for column in columns]
    several = len({column.region for column in columns}) > 1
    top = 4.0 + _LINE_PT * (
        several + any(c.panel.heading for c in columns) + max(len(legend) for legend in legends)
    )
    means = shown[shown["row"] == "mean"]
    panels = [column.panel for column in columns]
    star_rows = [star_rows_needed(means[means["analyte_label"] == name], panels) for name in names]
    marks = "; ".join(dict.fromkeys(m for m in heads["marks"] if m)).replace(";", " · ")
    bottom = _BOTTOM_PT + (_LINE_PT if marks else 0.0)
    gaps = [6.0 + _STAR_PT * n for n in star_rows]
    free = _PAGE_PT - top - bottom - sum(gaps)
    height_axes = max(min(free / len(names), _TALLEST_PT, 0.8 * width), 34.0)
    height = top + bottom + sum(gaps) + height_axes * len(names)
    figure = new_figure(page / POINTS_PER_MM, height / POINTS_PER_MM)
    layout = Layout(page, height, _LEFT_PT, bottom, len(columns), width, height_axes, 0.0,
                    _STAR_PT, 0.0)  # fmt: skip
    y = height - top
    for line, name in enumerate(names):
        y -= gaps[line] + height_axes
        own = rows[rows["analyte_label"] == name]
        data = own[own["row"].isin(["mean", "individual"])]
        measure = _measure(own, percent, config)
        drawn = data if measure.individuals else data[data["row"] == "mean"]
        fits = stars_fit(data[data["row"] == "mean"], panels, grid, times, limits, width, font)
        look = Look(
            font=font,
            measure=measure,
            styles=styles,
            heads=heads.drop_duplicates("group").set_index("group", drop=False),
            scale=scale_of(drawn, measure, spacing, height_axes),
            limits=limits,
            ticks=fitting_ticks(limits, width, font),
            spacing_min=spacing,
            grid=grid,
            times=times,
            stacked=False,
            marks="",
        )
        for place, column in enumerate(columns):
            x = _LEFT_PT + place * (width + _GAP_PT)
            axes = add_axes(figure, layout, x, y)
            lowest = line == len(names) - 1
            draw_axes(axes, look, labelled=place == 0, timed=lowest)
            if lowest:
                axes.set_xlabel(X_LABEL, fontsize=TEXT_PT)
            if place == 0:
                unit = "(% of baseline)" if percent else level_words(str(own["unit"].iloc[0]))
                figure.text(
                    *(3.0, y + height_axes - 2.0),
                    _LETTERS[line % len(_LETTERS)],
                    transform=in_points(figure),
                    fontsize=TEXT_PT + 1.0,
                    weight="bold",
                )
                axes.set_ylabel(f"{name}\n{unit}", fontsize=TEXT_PT, linespacing=1.15)
                axes.yaxis.set_label_coords(-(_LEFT_PT - 19.0) / width, 0.5)
            here = data[data["region"] == column.region]
            number = line * len(columns) + place
            at_place = events[
                (events["region"] == column.region) & events["group"].isin(column.panel.groups)
            ]
            draw_events(axes, at_place, look, height_axes)
            draw_data(axes, here, column.panel, number, look)
            if not here["group"].isin(column.panel.groups).any():
                axes.text(
                    *(0.5, 0.5), "no value to show", transform=axes.transAxes, ha="center",
                    va="center",
                ).set_gid(f"panel{number + 1}-empty")  # fmt: skip
            stars = replace(look, stacked=not fits)
            draw_star_rows(figure, (x, y + height_axes), here, column.panel, number, stars, layout)
    _draw_top(figure, columns, legends, styles, height, width, several)
    if marks:
        write_marks(figure, marks, layout)
    return figure


def _measure(rows: pd.DataFrame, percent: bool, config: Mapping[str, Any]) -> Measure:
    scale: Callable[..., Any] = percent_scale if percent else level_scale
    return Measure(
        label=str(rows["analyte_label"].iloc[0]),
        unit=str(rows["unit"].iloc[0]),
        scale=partial(scale, axis=str(config.get("axis", "auto"))),
        reference=100.0 if percent else None,
        individuals=bool(config.get("individuals", True)),
    )


def _columns(heads: pd.DataFrame) -> list[Column]:
    """A column per region and drug; where that is too many, per region."""
    regions = list(dict.fromkeys(heads["region"]))
    split: list[Column] = []
    whole: list[Column] = []
    for region in regions:
        own = heads[heads["region"] == region].drop_duplicates("group").sort_values("group_order")
        split += [Column(region, panel) for panel in panels_of(own)]
        whole.append(Column(region, Panel("", tuple(str(g) for g in own["group"]))))
    return split if len(split) <= max(_MOST_COLUMNS, len(whole)) else whole


def _legend(
    panel: Panel, heads: pd.DataFrame, label_of: Mapping[str, str], width: float, font: str
) -> list[list[tuple[str, str, float]]]:
    """Lines of a column's legend: group, text and place (points) of each entry."""
    drugs = dict(zip(heads["group"], heads["drug_label"], strict=True))
    controls = set(heads.loc[heads["is_control"].astype(bool), "group"])
    lines: list[list[tuple[str, str, float]]] = [[]]
    x = 0.0
    for group in panel.groups:
        text = label_of[group]
        if panel.heading and group not in controls:
            text = text.replace(f"{drugs[group]} ", "", 1)
        need = _HANDLE_PT + text_width_pt(text, SMALL_PT, font)
        if lines[-1] and x + need > width:
            lines.append([])
            x = 0.0
        lines[-1].append((group, text, x))
        x += need + 7.0
    return lines


def _draw_top(
    figure: Any,
    columns: Sequence[Column],
    legends: Sequence[list[list[tuple[str, str, float]]]],
    styles: Mapping[str, Any],
    height: float,
    width: float,
    several: bool,
) -> None:
    """Regions, drugs and legends above the columns."""
    points = in_points(figure)
    last = ""
    for place, (column, legend) in enumerate(zip(columns, legends, strict=True)):
        x = _LEFT_PT + place * (width + _GAP_PT)
        y = height - 2.0
        for text, wanted, weight in (
            (column.region, several, "bold"),
            (column.panel.heading, bool(column.panel.heading), "bold"),
        ):
            if not wanted:
                continue
            y -= _LINE_PT
            if text != last or text == column.panel.heading:
                figure.text(
                    x, y, text, transform=points, va="baseline", fontsize=TEXT_PT, weight=weight
                )
        last = column.region
        for line in legend:
            y -= _LINE_PT
            for group, text, shift in line:
                draw_handle(figure, points, x + shift, y + 2.3, styles[group])
                figure.text(
                    x + shift + _HANDLE_PT, y, text, transform=points, va="baseline",
                    fontsize=SMALL_PT,
                )  # fmt: skip


def _stars(outcomes: Mapping[str, Any]) -> str:
    """What stars stand for, which one section of the study's options says for all outcomes."""
    for numbers in outcomes.values():
        contrasts = numbers.stats.get("contrasts")
        if contrasts is not None and len(contrasts):
            return f"{star_words(numbers.model)}{adjusted(numbers.model, contrasts)}"
    return ""


def study_caption(rows: pd.DataFrame, title: str, stars: str = "") -> str:
    """Caption of a figure of the study.

    Parameters
    ----------
    rows : DataFrame
        `study_data` or `metabolite_data`.
    title : str
        What it shows.
    stars : str
        What their numbers stand for and how p is adjusted; empty where there are none.
    """
    percent = str(rows["unit"].iloc[0]) == "% of baseline"
    means = rows[rows["row"] == "mean"]
    parts = []
    if len(means):
        center, error = str(means["center"].iloc[0]), str(means["error_bar"].iloc[0])
        parts.append(
            f"Large markers: {center} mean over animals; error bars: {error_words(center, error)}; "
            "thin lines: individual animals."
        )
    if percent:
        parts.append("Dashed line: 100 % of each animal's own baseline.")
    parts.append("Arrow: dose (a bar is an infusion or epoch).")
    if (means["stars"] != "").any():
        parts.append(
            "Stars, in rows behind the marker of their group, over the times they hold for: "
            f"difference from control in the mixed model of each outcome, {stars}."
        )
    values = rows[rows["row"] == "individual"]
    censored = int(values["censored"].fillna(False).astype(bool).sum())
    if censored:
        parts.append(f"Crosses: {censored} of {len(values)} values are below the limit.")
    heads = rows[rows["row"] == "group"].sort_values("group_order", kind="stable")
    counts = []
    for group, own in heads.groupby("group", sort=False):
        n = sorted({int(v) for v in own["n"].fillna(0)})
        span = f"{n[0]}" if len(n) == 1 else f"{n[0]} to {n[-1]} by outcome"
        counts.append(f"{own['group_label'].iloc[0]}, n = {span}" if group else "")
    names = listed(list(dict.fromkeys(rows["analyte_label"])))
    return (
        f"**{title}: {names}.**\n\n{' '.join(parts)}\n\n"
        f"n is the number of animals: {'; '.join(counts)}.\n"
    )


def write_study(
    outcomes: Mapping[str, Any], config: Mapping[str, Any], folder: Path | str
) -> list[Path]:
    """Write the figures of the whole study, their numbers and captions.

    Parameters
    ----------
    outcomes : mapping of str to OutcomeNumbers
        By slug, in the order of the study.
    config : mapping
        The ``figures`` section.
    folder : path
        ``figures/study/``.

    Returns
    -------
    list of Path
        The files that `dialysis.figures.names.study_files` names, in that order.
    """
    first = next(iter(outcomes.values()))
    out = Path(folder)
    made = [(TIMECOURSE, "Percent of baseline, all outcomes", study_data(outcomes, config))]
    single = [n.timecourse for n in outcomes.values() if (n.timecourse["kind"] == "analyte").any()]
    analytes = [str(course["analyte"].iloc[0]) for course in single]
    if metabolite_pairs(analytes, config):
        rows = metabolite_data(outcomes, config, first.confidence)
        made.append((METABOLITES, "Metabolite to transmitter", rows))
    written: list[Path] = []
    entries = []
    for kind, title, whole in made:
        names = list(dict.fromkeys(whole["analyte_label"]))
        for page, start in enumerate(range(0, len(names), STUDY_ROWS)):
            stem = kind if page == 0 else f"{kind}_{page + 1}"
            chosen = whole[whole["analyte_label"].isin(names[start : start + STUDY_ROWS])]
            data = out / f"{stem}_data.csv"
            write_table(chosen, data, FIGURE_DATA)
            rows = read_table(data, FIGURE_DATA)
            with style(str(config.get("font", "DejaVu Sans"))):
                written += save(draw_study(rows, config), out / stem, config)
            text = study_caption(rows, title, _stars(outcomes))
            captions = caption_files("study", stem.removeprefix("study_"), main=False)
            for name, words in zip(captions, (text, plain_text(text)), strict=True):
                write_text(out / name, words)
            written += [data, *(out / name for name in captions)]
            files = figure_files(stem, config)
            entries.append(
                figure_entry(stem, kind, title, files, captions, [data.name], f"{title}.")
            )
    write_json(out / INDEX, {"figures": entries, "tables": [], "texts": []})
    return [*written, out / INDEX]
