"""Fractions in time: lag, sides of the dose, places, lost vials."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from dialysis.errors import NormalizationError
from dialysis.normalize.samples import Probe, Vial
from dialysis.normalize.schedule import Slot, dose_times, study_schedule
from dialysis.normalize.time_axis import (
    check_baseline_exists,
    fluid_side,
    lag_min,
    place_on_axis,
    share_before,
)
from dialysis.study.config import default_section
from dialysis.tables.inputs import DOSES

# 0.12 mm × 50 cm: π·(0.06 mm)²·500 mm = 5.6549 mm³ = 5.6549 µL.
TUBING_UL = math.pi * 0.06**2 * 500


def config(**changes: Any) -> dict[str, Any]:
    section = default_section("normalize")
    section["baseline"] = {**section["baseline"], **changes.pop("baseline", {})}
    return {**section, **changes}


def slots(starts: list[float], length: float = 20.0) -> list[Slot]:
    return [Slot(n, s, s + length, (f"i{n}",)) for n, s in enumerate(starts, start=1)]


def test_the_lag_of_the_worked_example() -> None:
    lag = lag_min(config(dead_volume_uL=TUBING_UL, flow_uL_min=1.5))
    assert lag == pytest.approx(3.77, abs=0.005)
    # The first 20-min fraction after the dose holds 19 % fluid from before it.
    assert share_before(0 - lag, 20 - lag) == pytest.approx(0.1885, abs=5e-5)


def test_no_dead_volume_needs_no_flow() -> None:
    assert lag_min(config()) == 0.0


def test_a_dead_volume_needs_a_flow() -> None:
    with pytest.raises(NormalizationError) as caught:
        lag_min(config(dead_volume_uL=5.65))
    assert str(caught.value) == (
        "study.yaml, normalize.flow_uL_min: found nothing, with a dead volume of 5.65 µL; expected "
        "the flow rate, because the lag is dead_volume_uL / flow_uL_min. Set it."
    )


@pytest.mark.parametrize(
    ("start", "end", "tolerance", "policy", "expected"),
    [
        (-20, 0, 0.25, "drop", ("baseline", False)),
        (0, 20, 0.25, "drop", ("post", False)),
        (-40, -20, 0.25, "post", ("baseline", False)),
        (-3.8, 16.2, 0.25, "drop", ("post", False)),  # 19 % from before
        (-16.2, 3.8, 0.25, "drop", ("baseline", False)),  # 19 % from after
        (-3.8, 16.2, 0.10, "drop", ("straddle", True)),
        (-3.8, 16.2, 0.10, "baseline", ("baseline", True)),
        (-3.8, 16.2, 0.10, "post", ("post", True)),
        (-16.2, 3.8, 0.10, "post", ("post", True)),
        (-5, 15, 0.25, "drop", ("post", False)),  # exactly the tolerance
        (-5.001, 14.999, 0.25, "drop", ("straddle", True)),
        (-10, 10, 0.5, "drop", ("post", False)),  # no larger part
        (-1e-12, 20, 0.0, "drop", ("post", False)),  # rounding is not fluid
        (-1e-3, 20, 0.0, "drop", ("straddle", True)),
    ],
)
def test_sides_of_the_dose(
    start: float, end: float, tolerance: float, policy: str, expected: tuple[str, bool]
) -> None:
    assert fluid_side(start, end, policy, tolerance) == expected


def test_times_periods_and_places_with_lag() -> None:
    fractions = place_on_axis(
        slots([20.0 * n for n in range(8)]),
        dose_min=100.0,
        config=config(dead_volume_uL=6.0, flow_uL_min=1.5),
    )
    # Lag 4 min: fraction 6 (100–120 min) holds fluid from −4 to 16 min.
    assert [f.time_min for f in fractions] == [-94, -74, -54, -34, -14, 6, 26, 46]
    assert [f.time_index for f in fractions] == [-5, -4, -3, -2, -1, 1, 2, 3]
    assert [f.period for f in fractions] == ["early"] + ["baseline"] * 4 + ["post"] * 3
    assert [f.other_share for f in fractions] == [0, 0, 0, 0, 0, 0.2, 0, 0]
    assert [(f.fluid_start_min, f.fluid_end_min) for f in fractions][5] == (-4, 16)
    assert {f.duration_min for f in fractions} == {20.0}
    assert not any(f.straddles for f in fractions)


@pytest.mark.parametrize(
    ("moment", "expected"), [("midpoint", 6.0), ("start", -4.0), ("end", 16.0)]
)
def test_the_moment_that_is_the_time(moment: str, expected: float) -> None:
    made = config(dead_volume_uL=6.0, flow_uL_min=1.5, fraction_time=moment)
    fractions = place_on_axis(slots([80.0, 100.0]), 100.0, made)
    assert fractions[1].time_min == expected
    assert fractions[1].mid_min == 6.0


@pytest.mark.parametrize(
    ("policy", "periods", "places"),
    [
        ("drop", ["baseline", "baseline", "straddle", "post"], [-2, -1, 0, 1]),
        ("baseline", ["baseline", "baseline", "baseline", "post"], [-3, -2, -1, 1]),
        ("post", ["baseline", "baseline", "post", "post"], [-2, -1, 1, 2]),
    ],
)
def test_straddle_policies(policy: str, periods: list[str], places: list[int]) -> None:
    # The dose falls 8 min into the third fraction: 40 % from before, 60 % from after.
    fractions = place_on_axis(slots([0.0, 20.0, 40.0, 60.0]), 48.0, config(straddle=policy))
    assert [f.period for f in fractions] == periods
    assert [f.time_index for f in fractions] == places
    assert [f.straddles for f in fractions] == [False, False, True, False]
    shares = {"drop": 0.4, "baseline": 0.6, "post": 0.4}
    assert fractions[2].other_share == pytest.approx(shares[policy])


def test_the_baseline_window_counts_places_not_vials() -> None:
    lost = [Slot(s.number, s.start_min, s.end_min, ()) for s in slots([-40.0])]
    kept = slots([-80.0, -60.0, -40.0, -20.0, 0.0])
    fractions = place_on_axis(
        [*kept[:2], lost[0], *kept[3:]], 0.0, config(baseline={"n_fractions": 3})
    )
    assert [f.period for f in fractions] == ["early", "baseline", "baseline", "baseline", "post"]
    assert [f.time_index for f in fractions] == [-4, -3, -2, -1, 1]


def test_no_baseline_in_any_animal() -> None:
    fractions = place_on_axis(slots([10.0, 30.0]), 0.0, config())
    with pytest.raises(NormalizationError) as caught:
        check_baseline_exists({"R1": fractions})
    assert str(caught.value) == (
        "injections.csv, columns fraction, start_min, end_min: found no fraction before the dose "
        "in any animal (the earliest starts at 10 min from the dose, lag-corrected); expected "
        "baseline fractions. Check start_min and end_min, time_min in doses.csv, and in study.yaml "
        "normalize.fraction_min, normalize.baseline.n_fractions and normalize.straddle."
    )


# When fractions were collected.


def doses(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    return DOSES.coerce(
        pd.DataFrame(
            [
                {"animal_id": a, "event": e, "time_min": t, "drug": "x", "dose": 1}
                for a, e, t in rows
            ]
        )
    )


def test_dose_times_are_the_first_event_of_each_animal() -> None:
    table = doses([("R1", "second", 140), ("R1", "first", 80), ("R2", "first", 95)])
    assert dose_times(table, ["R2", "R1"]) == {"R1": 80.0, "R2": 95.0}
    assert dose_times(DOSES.empty(), ["R1"]) == {"R1": 0.0}


def test_animals_without_a_dose_are_named() -> None:
    with pytest.raises(NormalizationError) as caught:
        dose_times(doses([("R1", "first", 80)]), ["R1", "R2", "R3"])
    assert str(caught.value) == (
        "doses.csv, column animal_id: found no dosing event of R2, R3; expected one for every "
        "animal that has samples, because without it they have no time zero. Add their rows "
        "(vehicle animals too)."
    )


NOT_GIVEN = (math.nan, math.nan)


def vials(probe: str, times: dict[int, tuple[float, float]]) -> dict[int, Vial]:
    return {n: Vial(probe, n, s, e, (f"{probe}_{n}",)) for n, (s, e) in times.items()}


def probes(*names: str, region: str = "") -> list[Probe]:
    return [Probe(name, name, region) for name in names]


def starts(placed: list[Slot]) -> dict[int, float]:
    return {slot.number: slot.start_min for slot in placed}


def test_without_times_fraction_1_starts_n_fractions_before_the_dose() -> None:
    own = {"R1": vials("R1", dict.fromkeys((1, 2, 3, 5, 6), NOT_GIVEN))}
    placed = study_schedule(own, probes("R1"), {"R1": 200.0}, config(fraction_min=20.0))["R1"]
    assert [(s.number, s.start_min, s.end_min) for s in placed] == [
        (1, 120, 140),
        (2, 140, 160),
        (3, 160, 180),
        (4, 180, 200),
        (5, 200, 220),
        (6, 220, 240),
    ]
    assert [s.injections for s in placed] == [
        ("R1_1",),
        ("R1_2",),
        ("R1_3",),
        (),
        ("R1_5",),
        ("R1_6",),
    ]


def test_fractions_without_times_follow_those_with() -> None:
    times = {1: (5.0, 25.0), 2: NOT_GIVEN, 3: NOT_GIVEN, 4: (math.nan, 85.0), 5: (85.0, math.nan)}
    own = {"R1": vials("R1", times)}
    placed = study_schedule(own, probes("R1"), {"R1": 0.0}, config(fraction_min=20.0))["R1"]
    assert starts(placed) == {1: 5, 2: 25, 3: 45, 4: 65, 5: 85}
    assert [s.end_min for s in placed] == [25, 45, 65, 85, 105]


def test_expected_are_all_numbers_of_the_region() -> None:
    full = {n: (20.0 * n, 20.0 * n + 20) for n in range(1, 7)}
    own = {
        "R1": vials("R1", full),
        "R2": vials("R2", {n: (s + 7, e + 7) for n, (s, e) in full.items() if n in (2, 4, 5)}),
        "S1": vials("S1", {n: full[n] for n in (1, 2, 3)}),
    }
    every = [*probes("R1", "R2", region="hippocampus"), *probes("S1", region="striatum")]
    placed = study_schedule(own, every, dict.fromkeys(own, 0.0), config())
    assert starts(placed["R2"]) == {1: 27, 2: 47, 3: 67, 4: 87, 5: 107, 6: 127}
    assert [s.number for s in placed["R2"] if not s.injections] == [1, 3, 6]
    assert [s.number for s in placed["S1"]] == [1, 2, 3]


def test_a_number_nobody_has_is_lost_too() -> None:
    own = {"R1": vials("R1", {1: (0.0, 20.0), 2: (20.0, 40.0), 4: (60.0, 80.0)})}
    placed = study_schedule(own, probes("R1"), {"R1": 0.0}, config())["R1"]
    assert [(s.number, s.start_min, s.end_min, s.injections) for s in placed][2] == (3, 40, 60, ())


def test_between_two_neighbours_a_lost_vial_follows_the_earlier_one() -> None:
    # Collection was held up by 3 min during the lost fraction or after it.
    own = {"R1": vials("R1", {1: (0.0, 20.0), 2: (20.0, 40.0), 4: (63.0, 83.0)})}
    placed = study_schedule(own, probes("R1"), {"R1": 0.0}, config())["R1"]
    assert starts(placed) == {1: 0, 2: 20, 3: 40, 4: 63}


def test_lost_vials_are_placed_by_the_usual_steps() -> None:
    # 20-min baseline fractions, then 10-min ones: R2 has lost 4 and 5.
    times = {1: (0.0, 20.0), 2: (20.0, 40.0), 3: (40.0, 50.0), 4: (50.0, 60.0), 5: (60.0, 70.0)}
    own = {
        "R1": vials("R1", times),
        "R2": vials("R2", {n: (s + 3, e + 3) for n, (s, e) in times.items() if n <= 3}),
    }
    placed = study_schedule(own, probes("R1", "R2"), {"R1": 0.0, "R2": 0.0}, config())["R2"]
    assert [(s.start_min, s.end_min) for s in placed][3:] == [(53, 63), (63, 73)]


def test_the_order_is_that_of_time() -> None:
    own = {"R1": vials("R1", {1: (20.0, 40.0), 2: (0.0, 20.0), 3: (40.0, 60.0)})}
    placed = study_schedule(own, probes("R1"), {"R1": 0.0}, config())["R1"]
    assert [s.number for s in placed] == [2, 1, 3]


def test_fractions_that_cannot_be_placed_are_all_named() -> None:
    own = {
        "R1": vials("R1", {1: (0.0, 20.0), 2: NOT_GIVEN}),
        "R2": vials("R2", {1: (20.0, 20.0)}),
    }
    with pytest.raises(NormalizationError) as caught:
        study_schedule(own, probes("R1", "R2"), {"R1": 0.0, "R2": 0.0}, config())
    assert str(caught.value) == (
        "Fractions can't be placed in time: 2 problems\n"
        "  1. injections.csv, injection R1_2, columns start_min, end_min: found nothing; expected "
        "start and end of the fraction. Fill them in, or set normalize.fraction_min in "
        "study.yaml.\n"
        "  2. injections.csv, injection R2_1, column end_min: found 20; expected a time after "
        "start_min, which is 20."
    )
