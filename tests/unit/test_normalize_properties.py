"""What holds for any study."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.normalize import NormalizedStudy, normalize_study
from tests.unit.test_normalize_study import Tables, of

ANIMALS = ("V1", "V2", "D1")
SETTINGS = settings(max_examples=20, deadline=None, derandomize=True)

concentration = st.floats(0.5, 500.0, allow_nan=False)
fraction = st.one_of(st.none(), concentration)
# Fraction 1 and the last are always there, so that the design has its extent.
course = st.tuples(concentration, *[fraction] * 7, concentration).map(list)
courses = st.lists(course, min_size=len(ANIMALS), max_size=len(ANIMALS))
starts = st.lists(st.integers(-100, -60), min_size=len(ANIMALS), max_size=len(ANIMALS))


def study(values: list[list[float | None]], begin: list[int], scale: float = 1.0) -> Tables:
    tables = Tables(
        analytes=("DA", "DOPAC"),
        config={
            "ratios": [{"numerator": "DOPAC", "denominator": "DA"}],
            "dead_volume_uL": 5.7,
            "flow_uL_min": 1.5,
        },
    )
    for name, own, start in zip(ANIMALS, values, begin, strict=True):
        tables.animal(name, *(("drug", 1.0) if name == "D1" else ("saline", 0.0)))
        times = scale if name == "D1" else 1.0
        tables.samples(name, [None if v is None else v * times for v in own], start_min=start)
        tables.samples(
            name,
            [None if v is None else times * (600 - v) for v in own],
            start_min=start,
            analyte="DOPAC",
        )
    return tables


@SETTINGS
@given(courses, starts, st.floats(1.0, 1000.0))
def test_scaling_an_animal_leaves_its_percent_of_baseline(
    values: list[list[float | None]], begin: list[int], scale: float
) -> None:
    plain = study(values, begin).normalized()
    scaled = study(values, begin, scale).normalized()
    for frame, other, columns in (
        (plain.timecourse, scaled.timecourse, ["pct_of_baseline", "log_ratio"]),
        (plain.summary, scaled.summary, ["auc_pct_min", "peak_pct", "tmax_min"]),
        (plain.baseline, scaled.baseline, ["cv_pct"]),
    ):
        for name in columns:
            assert list(other[name]) == pytest.approx(
                list(frame[name]), rel=1e-9, abs=1e-9, nan_ok=True
            )
    assert list(scaled.timecourse["used"]) == list(plain.timecourse["used"])


@SETTINGS
@given(courses, starts, st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter(
    values: list[list[float | None]], begin: list[int], seed: int
) -> None:
    tables = study(values, begin)
    for name in ANIMALS:
        tables.dose(name, 1.0).dose(name, 30.0, "second")
    tables.injection("D1", 1, start_min=None, name="again", reinjection_of="D1_1")
    tables.injection("D1", 1, start_min=None, name="once_more", reinjection_of="D1_1")
    tables.measured("again", 7.0).measured("once_more", 8.0)
    tables.exclude("animal", "V2", "histology").exclude("fraction", "V2:9", "flow_failure")
    tables.exclude("fraction", "V2:9", "flow_failure", analyte="DA")
    frames = tables.frames()
    shuffled = {
        name: frame.sample(frac=1.0, random_state=seed + number)
        for number, (name, frame) in enumerate(frames.items())
        if name in ("concentrations", "injections", "doses", "exclusions")
    }

    def made(**inputs: pd.DataFrame) -> NormalizedStudy:
        return normalize_study(**inputs, config=tables.section(), region="striatum")

    one, other = made(**frames), made(**{**frames, **shuffled})
    for name in ("timecourse", "baseline", "summary"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


@SETTINGS
@given(courses, starts)
def test_the_mean_over_the_usable_baseline_is_100(
    values: list[list[float | None]], begin: list[int]
) -> None:
    made = study(values, begin).normalized()
    checked = 0
    rows = of(made.timecourse, period="baseline", used=True)
    for (outcome, probe), own in rows.groupby(["outcome", "probe_id"]):
        base = of(made.baseline, outcome=outcome, probe_id=probe).iloc[0]
        assert len(own) == base["n_fractions"]
        assert own["pct_of_baseline"].mean() == pytest.approx(100.0, rel=1e-12)
        checked += 1
    assert checked == made.baseline["usable"].sum()


@SETTINGS
@given(courses, starts)
def test_every_expected_fraction_is_there_once_in_its_place(
    values: list[list[float | None]], begin: list[int]
) -> None:
    rows = study(values, begin).normalized().timecourse
    for (_, _), own in rows.groupby(["outcome", "probe_id"]):
        assert list(own["fraction"]) == list(range(1, 10))
        assert list(own["start_min"].diff().iloc[1:]) == pytest.approx([20.0] * 8)
        places = [int(place) for place in own["time_index"]]
        assert places == [p for p in range(places[0], places[-1] + 1) if p != 0]
        # Only a fraction that straddles the dose may count on the side its midpoint is not on.
        whole = ~own["flags"].str.contains("straddles_dose")
        agree = (own["time_index"] > 0) == (own["time_min"] > 0)
        assert agree[whole].all()


def test_auc_of_a_complete_window_is_mean_times_length() -> None:
    complete: list[Any] = [[2.0, 2.0, 2.0, 2.0, 5.0, 4.0, 3.0, 2.0, 1.0]] * 3
    made = study(complete, [-80, -80, -80]).normalized().summary
    length = made["window_end_min"] - made["window_start_min"]
    assert list(made["auc_pct_min"]) == pytest.approx(list(made["mean_pct"] * length))
    assert list(made["auc_net_pct_min"]) == pytest.approx(list(made["auc_pct_min"] - 100 * length))
