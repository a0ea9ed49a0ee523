"""Control charts of every run: what is measured of it against injection order, with limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.cells import (
    GREY,
    HEADER_PT,
    MARGIN_PT,
    PAGE_WIDTH_PT,
    WARN,
    Cell,
    Page,
    pages_of,
    round_ticks,
    spread,
    wrap,
)
from dialysis.plotting import OKABE_ITO, SMALL_PT, TEXT_PT, text_width_pt

_PER_PAGE = 2
_PLOT_PT = 58.0
_PITCH_PT = 92.0
_RUN_PT = 3 * _PITCH_PT + 12.0
_LEFT_PT = MARGIN_PT + 20.0
_COLORS = tuple(
    OKABE_ITO[n]
    for n in ("blue", "vermillion", "bluish green", "reddish purple", "orange", "sky blue", "black")
)
_SHAPES = ("o", "s", "^", "D", "v", "P", "X")
# Marker and face of an injection type: standards filled, samples open.
_TYPES: Mapping[str, tuple[str, str, str]] = {
    "standard": ("s", OKABE_ITO["blue"], OKABE_ITO["blue"]),
    "qc": ("D", OKABE_ITO["vermillion"], OKABE_ITO["vermillion"]),
    "sample": ("o", "#4D4D4D", "#FFFFFF"),
    "blank": ("v", "#8C8C8C", "#FFFFFF"),
}
_BLANK_RULES = ("carry_over", "blank_response")
_LIMIT = (1.5, 1.5)
_POINT_COLUMNS = ("run", "analyte", "order", "role", "response_factor_pct", "error_pct")
_CHECK_COLUMNS = ("run", "analyte", "injection_id", "rule", "value", "status", "reason")


@dataclass(frozen=True, eq=False)
class _Run:
    """What is drawn of one run."""

    name: str
    rows: pd.DataFrame
    standards: Sequence[str]
    points: pd.DataFrame
    checks: pd.DataFrame
    order: Mapping[str, float]
    analytes: Sequence[str]
    labels: Mapping[str, str]
    limits: Mapping[str, Any]


def run_pages(
    concentrations: pd.DataFrame,
    injections: pd.DataFrame,
    standards: Sequence[str],
    labels: Mapping[str, str],
    font: str,
    points: pd.DataFrame | None = None,
    checks: pd.DataFrame | None = None,
    limits: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """Draw the control charts of every run.

    Parameters
    ----------
    concentrations : DataFrame
        `dialysis.tables.quantify.CONCENTRATIONS`.
    injections : DataFrame
        `dialysis.tables.inputs.INJECTIONS`.
    standards : sequence of str
        Internal standards.
    labels : mapping of str to str
        Printed names.
    font : str
        Font family.
    points, checks : DataFrame, optional
        `dialysis.tables.quantify.CALIBRATION_POINTS` and ``SUITABILITY``.
    limits : mapping, optional
        ``quantify.suitability``; without it charts have no limits.
    """
    found = concentrations["area"].notna() | concentrations["height"].notna()
    named = concentrations.assign(found=found)
    runs = list(dict.fromkeys(injections["run"]))
    analytes = list(dict.fromkeys(named["analyte"]))
    points = pd.DataFrame(columns=list(_POINT_COLUMNS)) if points is None else points
    checks = pd.DataFrame(columns=list(_CHECK_COLUMNS)) if checks is None else checks
    order = dict(
        zip(injections["injection_id"], injections["order"].astype("float64"), strict=True)
    )
    for chosen in pages_of(runs, _PER_PAGE):
        page = Page(HEADER_PT + 26.0 + _RUN_PT * max(len(chosen), 1) + MARGIN_PT, font)
        page.header(
            "Runs: control charts",
            "Against injection order, with limits (dotted). A good run: no steps, everything "
            "between its limits, blanks near 0. Red: beyond its limit; red marks on the lower "
            "edge: not found (blanks left out).",
        )
        _legend(page, analytes, labels)
        for row, run in enumerate(chosen):
            top = page.height - HEADER_PT - 30.0 - row * _RUN_PT
            own = _Run(
                name=str(run),
                rows=named[named["run"] == run],
                standards=standards,
                points=points[points["run"] == run],
                checks=checks[checks["run"] == run],
                order=order,
                analytes=analytes,
                labels=labels,
                limits=limits or {},
            )
            page.text(MARGIN_PT, top - 4.0, own.name, size=TEXT_PT, bold=True)
            _charts(page, top - 14.0, own)
        yield page.figure()


def _charts(page: Page, top: float, run: _Run) -> None:
    """Six charts in three rows."""
    charts: tuple[Callable[[Cell, _Run], None], ...] = (
        _retention,
        _internal_standard,
        _response_factors,
        _quality_controls,
        _blanks,
        _failing,
    )
    width = 0.5 * (PAGE_WIDTH_PT - MARGIN_PT - _LEFT_PT - 32.0)
    for place, chart in enumerate(charts):
        row, column = divmod(place, 2)
        x = _LEFT_PT + column * (width + 32.0)
        y = top - row * _PITCH_PT - _PLOT_PT - 8.0
        chart(Cell(page, x, y, width, _PLOT_PT, (0.0, 1.0), (0.0, 1.0)), run)


def _legend(page: Page, analytes: Sequence[str], labels: Mapping[str, str]) -> None:
    y = page.height - HEADER_PT - 17.0
    x = MARGIN_PT + 3.0
    for place, analyte in enumerate(analytes):
        color, shape = _style(place)
        text = labels.get(analyte, analyte)
        page.dots(np.array([[x, y + 2.3]]), shape, 3.2, color)
        page.text(x + 5.0, y, text)
        x += text_width_pt(text, SMALL_PT, page.font) + 14.0
    x = max(x + 10.0, 0.5 * PAGE_WIDTH_PT + 24.0)
    for kind, (shape, color, face) in _TYPES.items():
        page.dots(np.array([[x, y + 2.3]]), shape, 3.2, color, face)
        text = "quality control" if kind == "qc" else kind
        page.text(x + 5.0, y, text)
        x += text_width_pt(text, SMALL_PT, page.font) + 14.0


def _style(place: int) -> tuple[str, str]:
    return _COLORS[place % len(_COLORS)], _SHAPES[place % len(_SHAPES)]


def _title(cell: Cell, text: str) -> None:
    cell.page.text(cell.x, cell.y + cell.height + 5.0, text)


def _sized(cell: Cell, run: _Run, ylim: tuple[float, float]) -> Cell:
    """The chart with its axes: all injections of the run across."""
    known = [run.order[name] for name in set(run.rows["injection_id"]) if name in run.order]
    known = [value for value in known if np.isfinite(value)]
    xlim = (min(known) - 1.0, max(known) + 1.0) if known else (0.0, 1.0)
    return Cell(cell.page, cell.x, cell.y, cell.width, cell.height, xlim, ylim)


def _axes(cell: Cell) -> None:
    cell.frame()
    cell.xticks(round_ticks(*cell.xlim, 8))
    cell.yticks(round_ticks(*cell.ylim, 5))
    middle = cell.x + 0.5 * cell.width
    cell.page.text(middle, cell.y - 11.0, "Injection order", ha="center", va="top")


def _empty(cell: Cell, text: str) -> None:
    cell.frame()
    cell.note(text)


def _limits(cell: Cell, *values: float) -> None:
    for value in values:
        cell.horizontal(value, "#000000", _LIMIT)


def _dots(
    cell: Cell, order: pd.Series, values: pd.Series, shape: str, color: str, beyond: pd.Series
) -> None:
    """Markers, those beyond their limit red and larger."""
    at = order.astype("float64")
    inside = ~beyond.to_numpy(dtype=bool)
    points = cell.at(at, values.astype("float64"))
    cell.page.dots(points[inside], shape, 1.9, color)
    cell.page.dots(points[~inside], shape, 3.0, WARN, WARN, z=4.0)


def _retention(cell: Cell, run: _Run) -> None:
    found = run.rows[run.rows["found"].astype(bool)]
    internal = found[found["analyte"].isin(list(run.standards))].drop_duplicates("injection_id")
    relative = bool(internal["rt_min"].notna().any())
    title = "Retention (% from the run's median"
    _title(cell, f"{title}; relative to the internal standard)" if relative else f"{title})")
    if len(found) and found["rt_min"].isna().all():
        _empty(cell, "no retention times")
        return
    time = found["rt_min"].astype("float64")
    if relative:
        own = found["analyte"].isin(list(run.standards))
        reference = found["injection_id"].map(internal.set_index("injection_id")["rt_min"])
        time = (time / reference.astype("float64")).where(~own, time)
    deviation = 100.0 * (time / time.groupby(found["analyte"]).transform("median") - 1.0)
    limit = float(run.limits.get("retention_pct", np.inf))
    least = 1.25 * limit if np.isfinite(limit) else 0.5
    cell = _sized(cell, run, spread(deviation, least=least))
    _axes(cell)
    cell.horizontal(0.0)
    _limits(cell, -limit, limit)
    for place, analyte in enumerate(run.analytes):
        color, shape = _style(place)
        rows = found[found["analyte"] == analyte].sort_values("order", kind="stable")
        values = deviation.loc[rows.index]
        cell.page.line(cell.at(rows["order"].astype("float64"), values), color, 0.35)
        # The internal standard's own time drifts with the column: it has no limit.
        judged = values.abs() > limit if analyte not in run.standards else values.isna()
        _dots(cell, rows["order"], values, shape, color, judged)
    lost = run.rows[~run.rows["found"].astype(bool) & (run.rows["type"] != "blank")]
    if len(lost):
        edge = np.full(len(lost), cell.ylim[0])
        cell.page.dots(cell.at(lost["order"].astype("float64"), edge), "|", 4.0, WARN, z=4.0)


def _internal_standard(cell: Cell, run: _Run) -> None:
    names = "/".join(run.labels.get(n, n) for n in run.standards) or "Internal standard"
    rows = run.rows[run.rows["analyte"].isin(list(run.standards))]
    known = rows[rows["area"].notna() & ~rows["excluded"].astype(bool)]
    _title(cell, f"{names} area (% of the median of the run's standards)")
    if not len(known):
        text = "no area of an internal standard" if run.standards else "no internal standard"
        _empty(cell, text)
        return
    percent = pd.Series(np.nan, index=known.index)
    for _, own in known.groupby("analyte"):
        reference = own.loc[own["type"] == "standard", "area"]
        middle = float((reference if len(reference) else own["area"]).median())
        percent.loc[own.index] = 100.0 * own["area"] / middle
    cell = _sized(cell, run, (0.0, max(150.0, 1.05 * float(percent.max()))))
    _axes(cell)
    cell.horizontal(100.0)
    _follow(cell, known[known["type"] == "standard"], percent, run)
    failing = _warned(run.checks, "internal_standard_recovery")
    for kind, (shape, color, face) in _TYPES.items():
        own = known[known["type"] == kind]
        points = cell.at(own["order"].astype("float64"), percent.loc[own.index])
        # Judged against the standards around it, so that drift alone is no fault.
        bad = own["injection_id"].isin(failing).to_numpy(dtype=bool)
        cell.page.dots(points[~bad], shape, 2.4, color, face)
        cell.page.dots(points[bad], shape, 3.2, WARN, WARN, z=4.0)


def _follow(cell: Cell, standards: pd.DataFrame, percent: pd.Series, run: _Run) -> None:
    """Limits of the internal standard: parts of that of the standards before and after."""
    ordered = standards.dropna(subset=["order"]).sort_values("order", kind="stable")
    if not len(ordered):
        return
    at = np.linspace(*cell.xlim, 60)
    place = ordered["order"].to_numpy(dtype=np.float64)
    level = np.interp(at, place, percent.loc[ordered.index].to_numpy(dtype=np.float64))
    for part in run.limits.get("internal_standard_recovery_pct", ()):
        line = cell.at(at, float(part) / 100.0 * level, clip=False)
        cell.page.line(line, "#000000", 0.5, _LIMIT, z=1.5)


def _response_factors(cell: Cell, run: _Run) -> None:
    _title(cell, "Response factor of standards (% of the calibration)")
    own = run.points[run.points["role"].isin(["cal", "bracket"])]
    own = own[own["response_factor_pct"].notna()]
    if not len(own):
        _empty(cell, "no standard with a calibration")
        return
    limit = float(run.limits.get("bracket_difference_pct", 15.0))
    values = own["response_factor_pct"].astype("float64")
    low, high = spread(values, 100.0, 1.6 * limit)
    cell = _sized(cell, run, (max(low, 0.0), high))
    _axes(cell)
    cell.horizontal(100.0)
    _limits(cell, 100.0 - limit, 100.0 + limit)
    for place, analyte in enumerate(run.analytes):
        color, shape = _style(place)
        rows = own[own["analyte"] == analyte].sort_values("order", kind="stable")
        brackets = rows[rows["role"] == "bracket"]
        line = cell.at(brackets["order"].astype("float64"), values.loc[brackets.index])
        cell.page.line(line, color, 0.35)
        failing = _warned(
            run.checks[run.checks["analyte"] == analyte], "bracket_difference", "back_calculation"
        )
        beyond = rows["injection_id"].isin(failing)
        _dots(cell, rows["order"], values.loc[rows.index], shape, color, beyond)


def _quality_controls(cell: Cell, run: _Run) -> None:
    _title(cell, "Error of quality controls (% of nominal)")
    own = run.points[(run.points["role"] == "qc") & run.points["error_pct"].notna()]
    if not len(own):
        _empty(cell, "no quality control")
        return
    limit = float(run.limits.get("qc_error_pct", 15.0))
    values = own["error_pct"].astype("float64")
    cell = _sized(cell, run, spread(values, least=1.6 * limit))
    _axes(cell)
    cell.horizontal(0.0)
    _limits(cell, -limit, limit)
    for place, analyte in enumerate(run.analytes):
        color, shape = _style(place)
        rows = own[own["analyte"] == analyte]
        mine = values.loc[rows.index]
        _dots(cell, rows["order"], mine, shape, color, mine.abs() > limit)


def _blanks(cell: Cell, run: _Run) -> None:
    _title(cell, "Blanks (% of the response at the lower end of quantification)")
    own = run.checks[run.checks["rule"].isin(_BLANK_RULES) & (run.checks["injection_id"] != "")]
    if not len(own):
        _empty(cell, "no blank with a calibration to compare with")
        return
    limit = float(run.limits.get("blank_pct_of_loq", 20.0))
    # No peak is drawn at 0; what could not be judged is not drawn.
    values = own["value"].astype("float64").where(own["value"].notna() | (own["status"] == "NA"), 0)
    top = float(values.max()) if values.notna().any() else 0.0
    cell = _sized(cell, run, (0.0, max(1.6 * limit, 1.1 * top)))
    _axes(cell)
    _limits(cell, limit)
    order = own["injection_id"].map(run.order).astype("float64")
    for place, analyte in enumerate(run.analytes):
        color, shape = _style(place)
        rows = own[own["analyte"] == analyte]
        bad = rows["status"] == "WARN"
        _dots(cell, order.loc[rows.index], values.loc[rows.index], shape, color, bad)


def _failing(cell: Cell, run: _Run) -> None:
    """What failed, in words."""
    _title(cell, "Checks")
    if not len(run.checks):
        _empty(cell, "no checks")
        return
    states = run.checks["status"].value_counts()
    page, y = cell.page, cell.y + cell.height - 6.0
    counts = ", ".join(
        f"{int(states.get(state, 0))} {word}"
        for state, word in (("PASS", "passed"), ("WARN", "failed"), ("NA", "not applicable"))
    )
    page.text(cell.x, y, counts)
    bad = run.checks[run.checks["status"] == "WARN"]
    lines: list[str] = []
    for rule, rows in bad.groupby("rule", sort=False):
        names = [n for n in dict.fromkeys(rows["analyte"]) if n]
        where = [n for n in dict.fromkeys(rows["injection_id"]) if n]
        shown = ", ".join(run.labels.get(n, n) for n in names)
        at = f" ({', '.join(where[:3])}{' …' if len(where) > 3 else ''})" if where else ""
        text = f"{rule}: {shown}{at}" if shown else f"{rule}{at}"
        lines += wrap(text, cell.width, SMALL_PT, page.font)
    most = 8
    if len(lines) > most:
        lines = [*lines[: most - 1], f"… and {len(lines) - most + 1} more lines"]
    for line in lines:
        y -= 8.5
        page.text(cell.x, y, line, color=WARN)
    if not lines:
        page.text(cell.x, y - 9.0, "Nothing failed.", color=GREY)


def _warned(checks: pd.DataFrame, *rules: str) -> set[str]:
    """Injections that a check of these rules found at fault."""
    bad = checks[checks["rule"].isin(rules) & (checks["status"] == "WARN")]
    return {str(name) for name in bad["injection_id"]}
