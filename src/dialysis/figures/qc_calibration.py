"""Calibration: curve, residuals and back-calculated error of every run and analyte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.figures.cells import (
    BAND,
    HEADER_PT,
    MARGIN_PT,
    PAGE_WIDTH_PT,
    WARN,
    Cell,
    FloatArray,
    Page,
    decades,
    pages_of,
)
from dialysis.plotting import OKABE_ITO, SMALL_PT, TEXT_PT, text_width_pt

_PER_PAGE = 4
_COLUMNS = 7
_ROW_PT = 166.0
_LINE_PT = 54.0
_RESIDUAL_PT = 26.0
_ERROR_PT = 34.0
_GAP_PT = 7.0
_RESIDUAL_REACH = 4.0
_POWER = {"none": 0.0, "1/x": 0.5, "1/x2": 1.0}
_LEFT_PT = 44.0
_ROLES: Mapping[str, tuple[str, str]] = {
    "cal": ("o", OKABE_ITO["blue"]),
    "bracket": ("^", OKABE_ITO["orange"]),
    "qc": ("D", OKABE_ITO["vermillion"]),
}


def calibration_pages(
    calibration: pd.DataFrame,
    points: pd.DataFrame,
    limit: float,
    labels: Mapping[str, str],
    font: str,
) -> Iterator[Any]:
    """Draw a row per run and a column per analyte: the curve, its residuals, and the errors.

    `limit` is the largest error that is not marked, %, where the points name none of their own.
    """
    runs = list(dict.fromkeys(calibration["run"]))
    every = list(dict.fromkeys(calibration["analyte"]))
    for analytes in pages_of(every, _COLUMNS):
        for chosen in pages_of(runs, _PER_PAGE):
            page = Page(HEADER_PT + 30.0 + _ROW_PT * max(len(chosen), 1) + MARGIN_PT, font)
            page.header(
                "Calibration",
                "Above: response (drift corrected) against amount on column (fmol), logarithmic, "
                "with the curve. Middle: residuals in SD at their weight, dotted ± 2. Below: "
                f"back-calculated error (% of nominal), band ± {limit:g}. Open: left out. Red: "
                "beyond its limit.",
            )
            _legend(page)
            if not analytes or not chosen:
                blank = Cell(page, MARGIN_PT, MARGIN_PT, 200.0, 40.0, (0, 1), (0, 1))
                blank.note("No calibration: the study works on responses.")
            pitch = (PAGE_WIDTH_PT - MARGIN_PT - _LEFT_PT) / max(len(analytes), 1)
            for row, run in enumerate(chosen):
                top = page.height - HEADER_PT - 34.0 - row * _ROW_PT
                page.text(MARGIN_PT, top + 2.0, str(run), size=TEXT_PT, bold=True)
                for column, analyte in enumerate(analytes):
                    x = _LEFT_PT + column * pitch
                    line = calibration[
                        (calibration["run"] == run) & (calibration["analyte"] == analyte)
                    ]
                    own = points[(points["run"] == run) & (points["analyte"] == analyte)]
                    title = labels.get(analyte, analyte)
                    page.text(x, top + 2.0, title, size=SMALL_PT, bold=True)
                    _cell(page, x, top, pitch - 20.0, line, own, limit, first=column == 0)
            yield page.figure()


def _legend(page: Page) -> None:
    x, y = MARGIN_PT + 3.0, page.height - HEADER_PT - 17.5
    names = {"cal": "calibrator", "bracket": "bracketing standard", "qc": "quality control"}
    for role, (shape, color) in _ROLES.items():
        page.dots(np.array([[x, y + 2.3]]), shape, 3.2, color)
        page.text(x + 5.0, y, names[role])
        x += text_width_pt(names[role], SMALL_PT, page.font) + 16.0


def _cell(
    page: Page,
    x: float,
    top: float,
    width: float,
    line: pd.DataFrame,
    points: pd.DataFrame,
    limit: float,
    first: bool,
) -> None:
    y = top - _LINE_PT - 2.0
    middle = y - _GAP_PT - _RESIDUAL_PT
    below = middle - _GAP_PT - _ERROR_PT
    points = _corrected(points)
    shown = points[(points["amount_fmol"] > 0) & (points["response"] > 0)]
    if not len(line) or not len(shown):
        height = top - 2.0 - below
        empty = Cell(page, x, below, width, height, (0, 1), (0, 1))
        empty.frame()
        reason = str(line["reason"].iloc[0]) if len(line) else "not calibrated in this run"
        empty.note(reason or "no standard with a response", WARN)
        return
    fit = line.iloc[0]
    xlim = (float(shown["amount_fmol"].min()) / 1.6, float(shown["amount_fmol"].max()) * 1.6)
    ylim = (float(shown["response"].min()) / 1.8, float(shown["response"].max()) * 1.8)
    upper = Cell(page, x, y, width, _LINE_PT, xlim, ylim, xlog=True, ylog=True)
    upper.frame()
    upper.xticks(decades(*xlim), labels=False)
    upper.yticks(decades(*ylim), labels=False)
    reach = 2.0 * limit
    residuals = Cell(
        page,
        x,
        middle,
        width,
        _RESIDUAL_PT,
        xlim,
        (-_RESIDUAL_REACH, _RESIDUAL_REACH),
        xlog=True,
    )
    lower = Cell(page, x, below, width, _ERROR_PT, xlim, (-reach, reach), xlog=True)
    (left, low), (right, high) = lower.at([xlim[0], xlim[1]], [-limit, limit])
    page.fill(np.array([[left, low], [right, low], [right, high], [left, high]]), BAND)
    for cell, ticks in ((residuals, [-2.0, 0.0, 2.0]), (lower, [-limit, 0.0, limit])):
        cell.frame()
        cell.horizontal(0.0)
        cell.xticks(decades(*xlim), labels=cell is lower)
        cell.yticks(ticks, labels=first)
    for value in (-2.0, 2.0):
        residuals.horizontal(value, "#000000", (1.5, 1.5))
    page.text(x + 0.5 * width, below - 11.5, "Amount (fmol)", ha="center", va="top")
    if first:
        for cell, text, away in (
            (upper, "Response", 5.0),
            (residuals, "SD", 20.0),
            (lower, "Error (%)", 20.0),
        ):
            at = cell.y + 0.5 * cell.height
            page.text(x - away, at, text, rotation=90.0, ha="right", va="center")
    if fit["status"] != "ok":
        lower.note(str(fit["reason"]) or "failed", WARN)
    else:
        amounts = np.geomspace(*xlim, 40)
        page.line(upper.at(amounts, _curve(fit, amounts), clip=False), "#000000", 0.6)
        r2 = f"R² {_r2(float(fit['r2']))}" if pd.notna(fit["r2"]) else ""
        page.text(x + 3.0, y + _LINE_PT - 6.5, r2, color="#404040")
    for role, (shape, color) in _ROLES.items():
        for used in (True, False):
            own = shown[(shown["role"] == role) & (shown["used"].astype(bool) == used)]
            # Only a calibrator can be left out of the curve; the others check it.
            face = color if used or role != "cal" else "#FFFFFF"
            page.dots(upper.at(own["amount_fmol"], own["response"]), shape, 2.6, color, face)
            if fit["status"] != "ok":
                continue
            amounts = own["amount_fmol"].to_numpy(dtype=np.float64)
            page.dots(residuals.at(amounts, _residuals(fit, own)), shape, 2.0, color, face)
            error = own["error_pct"].to_numpy(dtype=np.float64)
            beyond = np.abs(error) > own["limit_pct"].fillna(limit).to_numpy(dtype=np.float64)
            page.dots(lower.at(amounts[~beyond], error[~beyond]), shape, 2.4, color, face)
            red = WARN if face == color else "#FFFFFF"
            page.dots(lower.at(amounts[beyond], error[beyond]), shape, 2.8, WARN, red, z=4.0)


def _corrected(points: pd.DataFrame) -> pd.DataFrame:
    """Points with the response that the curve sees: without the drift that was corrected."""
    factor = points["drift_factor"].astype("float64").fillna(1.0)
    return points.assign(response=points["response"] / factor)


def _curve(fit: pd.Series, amounts: FloatArray) -> FloatArray:
    """Response of the curve."""
    curvature = float(fit["curvature"]) if pd.notna(fit["curvature"]) else 0.0
    slope, intercept = float(fit["slope"]), float(fit["intercept"])
    return np.asarray(intercept + (slope + curvature * amounts) * amounts, dtype=np.float64)


def _residuals(fit: pd.Series, points: pd.DataFrame) -> FloatArray:
    """Residuals in standard deviations at their weight; missing without degrees of freedom."""
    amounts = points["amount_fmol"].to_numpy(dtype=np.float64)
    response = points["response"].to_numpy(dtype=np.float64)
    sd = float(fit["residual_sd"]) * amounts ** _POWER.get(str(fit["weight"]), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = (response - _curve(fit, amounts)) / sd
    return np.where(np.isfinite(scaled), scaled, np.nan)


def _r2(value: float) -> str:
    """Print R² with as many nines as it has: never a rounded 1."""
    for digits in (3, 4, 5, 6):
        text = f"{value:.{digits}f}"
        if float(text) < 1.0:
            return text
    return f"{value:.6f}"
