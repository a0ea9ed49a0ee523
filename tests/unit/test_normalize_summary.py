"""Summary measures: AUC as Σ P·Δt, mean, peak, Tmax, windows, missing fractions."""

from __future__ import annotations

import math

import pytest

from dialysis.normalize.schedule import Slot
from dialysis.normalize.summary import Point, Summary, common_end, summarise
from dialysis.normalize.time_axis import Fraction, place_on_axis
from dialysis.study.config import default_section

BEFORE = 2


def axis(n_post: int, length: float = 20.0, lag: float = 0.0) -> list[Fraction]:
    starts = [length * n for n in range(-BEFORE, n_post)]
    slots = [Slot(n, s, s + length, (f"i{n}",)) for n, s in enumerate(starts, start=1)]
    config = {**default_section("normalize"), "dead_volume_uL": lag, "flow_uL_min": 1.0}
    return place_on_axis(slots, 0.0, config)


def points(pcts: list[float | None], lag: float = 0.0, length: float = 20.0) -> list[Point]:
    """Two baseline fractions of 100, then the given ones; None has no value."""
    values = [100.0, 100.0, *pcts]
    return [
        Point(f, math.nan if p is None else p, p is not None, "" if p is not None else "lost")
        for f, p in zip(axis(len(pcts), length, lag), values, strict=True)
    ]


def whole(made: list[Point]) -> Summary:
    return summarise(made, None, common_end([[p.fraction for p in made]]))


def test_the_auc_is_the_sum_of_p_times_dt() -> None:
    found = whole(points([150.0, 300.0, 200.0, 100.0]))
    # A trapezoid through the midpoints would give 12 500 over 60 min.
    assert found == Summary(
        window_start_min=0.0,
        window_end_min=80.0,
        n_fractions=4,
        n_missing=0,
        auc_pct_min=750.0 * 20,
        auc_net_pct_min=350.0 * 20,
        mean_pct=187.5,
        peak_pct=300.0,
        tmax_min=30.0,
        reason="",
    )


def test_fractions_of_unequal_length_weigh_by_their_length() -> None:
    long, short = axis(3, 20.0), axis(3, 20.0)
    first = long[BEFORE]
    second = Fraction(**{**vars(short[BEFORE + 1]), "end_min": 30.0, "fluid_end_min": 30.0})
    found = summarise([Point(first, 200.0, True, ""), Point(second, 50.0, True, "")], None, 30.0)
    assert found.auc_pct_min == 200 * 20 + 50 * 10
    assert found.auc_net_pct_min == 100 * 20 - 50 * 10
    assert found.mean_pct == pytest.approx(150.0)


def test_a_fall_has_a_negative_net_auc() -> None:
    assert whole(points([50.0, 50.0])).auc_net_pct_min == -2000.0


def test_the_first_of_equal_peaks() -> None:
    assert whole(points([120.0, 180.0, 180.0])).tmax_min == 30.0


def test_the_lag_shifts_the_window_and_tmax() -> None:
    found = whole(points([100.0, 200.0], lag=3.8))
    assert (found.window_start_min, found.window_end_min) == pytest.approx((-3.8, 36.2))
    assert found.tmax_min == pytest.approx(26.2)
    assert found.auc_pct_min == 6000.0


def test_a_missing_fraction_leaves_the_auc_missing_and_is_named() -> None:
    found = whole(points([150.0, None, 200.0, None]))
    assert (found.n_fractions, found.n_missing) == (2, 2)
    for measure in (found.auc_pct_min, found.auc_net_pct_min, found.mean_pct):
        assert math.isnan(measure)
    assert (found.peak_pct, found.tmax_min) == (200.0, 50.0)
    assert found.reason == "no value for fractions 4, 6: lost"


def test_a_missing_baseline_fraction_does_not_touch_the_auc() -> None:
    made = points([150.0])
    made[0] = Point(made[0].fraction, math.nan, False, "lost")
    assert whole(made).auc_pct_min == 3000.0


def test_a_window_takes_the_fractions_with_their_midpoint_in_it() -> None:
    made = points([1.0, 10.0, 100.0, 1000.0])
    assert summarise(made, (0.0, 40.0), math.inf).auc_pct_min == 11 * 20
    assert summarise(made, (0.0, 50.0), math.inf).auc_pct_min == 11 * 20  # midpoint 50: not yet
    assert summarise(made, (50.0, 80.0), math.inf).auc_pct_min == 1100 * 20
    assert summarise(made, (-40.0, 20.0), math.inf).auc_pct_min == 20  # only after the dose
    assert summarise(made, (0.0, 40.0), math.inf).window_end_min == 40.0


def test_a_missing_fraction_outside_the_window_does_not_matter() -> None:
    found = summarise(points([150.0, 160.0, None]), (0.0, 40.0), math.inf)
    assert found.auc_pct_min == 6200.0
    assert found.reason == ""


def test_a_window_longer_than_the_fractions() -> None:
    found = summarise(points([150.0, 160.0], lag=3.8), (0.0, 60.0), math.inf)
    assert math.isnan(found.auc_pct_min)
    assert found.reason == "the fractions end at 36.2 min, before the window does at 60 min"
    # The lag alone does not make the window incomplete.
    assert summarise(points([150.0, 160.0], lag=3.8), (0.0, 40.0), math.inf).reason == ""


def test_a_window_without_fractions() -> None:
    found = summarise(points([150.0]), (100.0, 200.0), math.inf)
    assert found.reason == "no fraction after the dose in the window"
    assert (found.n_fractions, found.n_missing) == (0, 0)
    assert math.isnan(found.peak_pct)


def test_a_probe_that_is_left_out_gives_that_reason_only() -> None:
    made = [Point(p.fraction, p.pct, False, "histology") for p in points([150.0, 160.0])]
    found = summarise(made, None, math.inf, "histology")
    assert found.reason == "histology"
    assert (found.n_fractions, found.n_missing) == (0, 2)
    assert math.isnan(found.peak_pct)


def test_without_a_window_the_end_is_what_all_animals_have() -> None:
    short, long = axis(3), axis(5)
    assert common_end([short, long]) == 60.0
    assert common_end([short[:BEFORE], long]) == 100.0  # one without any fraction after the dose
    assert common_end([]) == math.inf
    found = summarise(points([1.0, 10.0, 100.0, 1000.0, 10000.0]), None, 60.0)
    assert found.auc_pct_min == 111 * 20
    assert found.window_end_min == 60.0
