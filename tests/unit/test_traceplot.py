"""Pictures of chromatograms with what was integrated on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.plotting import MIN_TEXT_PT, new_figure, save_figure, style
from dialysis.simulate.peaks import density
from dialysis.tables.integrate import PEAKS
from dialysis.traceplot import (
    UNNAMED,
    WARN,
    Mark,
    apart,
    cut,
    draw_injection,
    flags_line,
    injection_figure,
    peak_curve,
    row_name,
    signal_limits,
    thinned,
    trace_marks,
)

TIME_S = np.arange(0.0, 900.0, 0.5)
# (analyte, area, µ, σ, τ) in s.
SHAPES = (("A", 60.0, 300.0, 8.0, 6.0), ("B", 8.0, 345.0, 8.0, 6.0), ("", 20.0, 600.0, 9.0, 1.0))


def trace() -> Chromatogram:
    signal = np.random.default_rng(1).normal(2.0, 0.004, TIME_S.size)
    for _, area, mu, sigma, tau in SHAPES:
        signal = signal + area * density(TIME_S, mu, sigma, tau)
    return Chromatogram(signal=signal, unit="nA", start_s=0.0, interval_s=0.5)


def measured(area: float, mu: float, sigma: float, tau: float) -> dict[str, float]:
    """Apex, height, width and tailing of an EMG, read off a fine grid."""
    fine = np.arange(mu - 60.0, mu + 150.0, 0.01)
    shape = area * density(fine, mu, sigma, tau)
    top = int(np.argmax(shape))
    half = fine[shape >= 0.5 * shape[top]]
    low = fine[shape >= 0.05 * shape[top]]
    return {
        "rt_min": fine[top] / 60,
        "height": float(shape[top]),
        "width_min": (half[-1] - half[0]) / 60,
        "tailing": (low[-1] - low[0]) / (2 * (fine[top] - low[0])),
    }


def peaks_of(method: str, **more: Any) -> pd.DataFrame:
    rows = []
    for analyte, area, mu, sigma, tau in SHAPES:
        rows.append(
            {"injection_id": "i1", "run": "r1", "analyte": analyte, "found": True, "area": area}
            | measured(area, mu, sigma, tau)
            | {"start_min": (mu - 25) / 60, "end_min": (mu + 40) / 60}
            | {"baseline_start": 2.0, "baseline_end": 2.0, "method": method, "flags": ""}
        )
    rows.append(
        {"injection_id": "i1", "run": "r1", "analyte": "C", "found": False}
        | {"rt_expected_min": 12.0, "reason": "no peak there", "flags": ""}
    )
    return PEAKS.coerce(pd.DataFrame(rows)).assign(**more)


def marks_of(peaks: pd.DataFrame, missing: bool = True) -> list[Mark]:
    c = trace()
    return trace_marks(c.times_s / 60, c.signal, peaks, (1.5, 6.0), missing)


def polygon_area(mark: Mark) -> float:
    x, y = 60 * mark.x, mark.y
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2


def test_peaks_between_limits_have_area_baseline_and_limits() -> None:
    marks = marks_of(peaks_of("drop"))
    fills = [m for m in marks if m.kind == "fill"]
    assert len(fills) == 3
    assert fills[2].color == UNNAMED
    assert len({m.color for m in fills}) == 3
    baselines = [m for m in marks if m.kind == "line" and m.color == WARN and not m.dashes]
    assert [m.y.tolist() for m in baselines] == [[2.0, 2.0]] * 3
    assert baselines[0].x.tolist() == pytest.approx([275 / 60, 340 / 60])
    limits = [m for m in marks if m.kind == "line" and m.x.size == 2 and m.x[0] == m.x[1]]
    # Two for every peak, and the place of the missing analyte.
    assert len(limits) == 7
    # What is filled is the area between the limits, tail of the neighbour included.
    assert polygon_area(fills[2]) == pytest.approx(20.0, rel=0.02)


def test_missing_analytes_are_marked_where_they_were_expected() -> None:
    (dotted,) = [m for m in marks_of(peaks_of("drop")) if m.dashes]
    assert dotted.x.tolist() == [12.0, 12.0]
    assert dotted.color == WARN
    assert not [m for m in marks_of(peaks_of("drop"), missing=False) if m.dashes]


def test_fitted_peaks_are_stacked_on_the_baseline_they_were_fitted_on() -> None:
    ends = {"baseline_start": [2.0, 2.1, 2.2, np.nan], "baseline_end": [2.1, 2.2, 2.3, np.nan]}
    (sloping,) = [m for m in marks_of(peaks_of("fit", **ends)) if m.color == WARN and m.z == 3.2]
    drawn = sloping.y[np.isfinite(sloping.y)]
    # Through the values at the limits, without a trace of the peaks.
    assert np.all(np.diff(drawn) >= 0)
    assert drawn[0] == pytest.approx(2.0, abs=0.02)
    assert drawn[-1] == pytest.approx(2.3, abs=0.02)


def test_on_the_front_the_baseline_is_what_fitted_peaks_leave_of_the_trace() -> None:
    marks = marks_of(peaks_of("fit", flags=["front", "front", "front", ""]))
    fills = [m for m in marks if m.kind == "fill"]
    # The largest first; each holds its own area although they overlap.
    assert [polygon_area(m) for m in fills] == pytest.approx([60.0, 20.0, 8.0], rel=0.02)
    (left,) = [m for m in marks if m.kind == "line" and m.color == WARN and m.z == 3.2]
    there = np.isfinite(left.y)
    assert len(fills) == 3
    # Without the fitted peaks only the baseline is left, to 1 % of the peaks.
    assert np.abs(left.y[there] - 2.0).max() < 0.04
    assert there.sum() < TIME_S.size / 2


@pytest.mark.parametrize("tau", [0.0, 2.0, 6.0, 20.0])
def test_the_curve_of_a_peak_is_the_peak(tau: float) -> None:
    row = pd.DataFrame([measured(60.0, 300.0, 8.0, tau)]).iloc[0]
    curve = peak_curve(TIME_S / 60, row)
    truth = 60 * density(TIME_S, 300.0, 8.0, tau)
    # Widths and tailing are read off and interpolated in steps of a percent.
    assert np.abs(curve - truth).max() < 0.01 * truth.max()


def test_without_tailing_a_peak_is_drawn_as_a_gaussian() -> None:
    row = pd.Series({"rt_min": 5.0, "height": 2.0, "width_min": 0.3, "tailing": np.nan})
    curve = peak_curve(TIME_S / 60, row)
    sigma = 0.3 / 2.3548
    np.testing.assert_allclose(
        curve, 2.0 * np.exp(-0.5 * ((TIME_S / 60 - 5) / sigma) ** 2), atol=0.01
    )


def test_limits_of_the_signal_hold_all_peaks_and_the_small_ones() -> None:
    full, zoom = signal_limits(trace().signal, peaks_of("drop"))
    biggest = peaks_of("drop")["height"].max()
    assert full[0] < 2.0 < 2.0 + biggest < full[1]
    assert zoom[1] - zoom[0] < 0.5 * (full[1] - full[0])
    blank = peaks_of("drop").query("found == False")
    same, also = signal_limits(trace().signal, blank)
    assert same == also


@pytest.mark.parametrize("method", ["drop", "fit"])
def test_an_injection_on_axes(method: str) -> None:
    peaks = peaks_of(method, flags=["clipped;front", "manual", "", ""])
    with style():
        figure = new_figure(120.0, 70.0)
        axes = figure.add_axes((0.1, 0.15, 0.85, 0.6))
        draw_injection(axes, trace(), peaks, {"A": "Alpha"})
    texts = {t.get_text(): t for t in axes.texts}
    assert set(texts) == {"Alpha", "B*", f"{peaks['rt_min'][2]:.2f}"}
    assert texts["Alpha"].get_color() == WARN
    assert texts["B*"].get_color() == "#000000"
    assert axes.get_xlabel() == "Time (min)"
    assert axes.get_ylabel() == "Signal (nA)"
    assert len(axes.patches) == 3


def test_a_stretch_of_an_injection() -> None:
    with style():
        figure = new_figure(120.0, 70.0)
        axes = figure.add_axes((0.1, 0.15, 0.85, 0.6))
        draw_injection(axes, trace(), peaks_of("drop"), xlim=(4.0, 7.0), ylim=(1.9, 2.5))
    assert axes.get_xlim() == (4.0, 7.0)
    assert axes.get_ylim() == (1.9, 2.5)
    assert len(axes.patches) == 2


def test_a_figure_of_an_injection_with_its_flags(tmp_path: Path) -> None:
    peaks = peaks_of("drop", flags=["clipped;front", "manual", "", ""])
    written = []
    for turn in "ab":
        with style():
            figure = injection_figure(trace(), peaks, title="r1 i1")
            written.append(save_figure(figure, tmp_path / turn, ["png"], 100)[0].read_bytes())
    assert written[0] == written[1]
    words = [t.get_text() for t in figure.texts]
    assert words == ["r1 i1", "A: clipped, front; B: manual; C: no peak there"]
    assert min(t.get_fontsize() for t in figure.texts) >= MIN_TEXT_PT


def test_many_flags_are_wrapped_and_a_quiet_trace_has_none() -> None:
    peaks = peaks_of("drop", flags=["clipped;front", "", "", ""])
    assert flags_line(peaks.iloc[1:3], {}) == ""
    many = pd.concat([peaks] * 8, ignore_index=True)
    with style():
        figure = injection_figure(trace(), many)
    assert len(figure.texts) == 3


def test_a_blank_is_drawn_without_peaks() -> None:
    with style():
        figure = injection_figure(trace(), PEAKS.empty())
    assert len(figure.axes) == 2
    assert not figure.axes[0].patches


def test_names_of_rows() -> None:
    rows = list(peaks_of("drop", flags=["manual", "front", "", ""]).itertuples())
    assert row_name(rows[0], {"A": "α"}) == "α*"
    assert row_name(rows[1], {}) == "B"
    assert row_name(rows[2], {}) == f"{rows[2].rt_min:.2f}"


def test_a_thinned_trace_keeps_its_extremes() -> None:
    rng = np.random.default_rng(4)
    time, signal = np.arange(7200.0), rng.normal(0, 1, 7200)
    signal[3333] = 50.0
    thin_time, thin = thinned(time, signal)
    assert thin.size < 1000
    assert thin.max() == 50.0 and thin.min() == signal.min()
    assert (np.diff(thin_time) > 0).all()
    np.testing.assert_array_equal(thin, signal[thin_time.astype(int)])


def test_a_cut_trace_reaches_the_edge_it_crosses() -> None:
    time, signal = cut(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 4.0, 4.0, 0.0]), -1.0, 2.0)
    np.testing.assert_allclose(time, [0.0, 0.5, 1.0, 2.0, 2.5, 3.0])
    np.testing.assert_allclose(signal, [0.0, 2.0, np.nan, np.nan, 2.0, 0.0])


@pytest.mark.parametrize("wanted", [[5.0, 6.0, 7.0], [0.0, 0.0, 100.0], [95.0, 97.0, 99.0]])
def test_names_are_moved_apart_and_stay_inside(wanted: list[float]) -> None:
    places = apart(np.array(wanted), 8.0, 0.0, 100.0)
    assert (np.diff(places) >= 8.0 - 1e-9).all()
    assert places.min() >= 0.0 and places.max() <= 100.0
