"""Time courses, noise and population values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.simulate.biology import (
    ar1_normals,
    correlated_normals,
    fraction_profile,
    log_normal,
    onset_decay,
    population_ratio,
)
from dialysis.simulate.designs import DESIGNS, TreatmentGroup
from dialysis.simulate.parameters import (
    DATA_DIR,
    AnalyteBiology,
    Effect,
    analyte_biology,
    read_globals,
    read_parameters,
)
from dialysis.simulate.plan import MEASURED, plan_study

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "domain"
DEMO = DESIGNS["demo"].fractions
NONE = Effect(1.0, 10.0, 20.0, 0.0)


def biology(**changes: object) -> AnalyteBiology:
    plain = AnalyteBiology("X", 10.0, 0.0, 0.0, 0.0, NONE, {})
    return replace(plain, **changes)


@pytest.mark.parametrize("name", ["simulation_parameters.csv", "simulation_globals.csv"])
def test_source_tables_are_kept_and_only_added_to(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"the shared domain tables are not at {SHARED}")
    source = pd.read_csv(SHARED / name, dtype="str", keep_default_na=False)
    ours = pd.read_csv(DATA_DIR / name, dtype="str", keep_default_na=False)
    pd.testing.assert_frame_equal(ours.iloc[: len(source)], source)


def test_added_numbers_say_that_they_are_assumptions() -> None:
    added = read_parameters().query("row_id > 47")
    kinds = added[["basal_kind", "peak_kind", "cv_basal_kind", "cv_effect_kind"]]
    assert (kinds == "assumption").all().all()
    assert added["note"].str.startswith("added for the demo study").all()
    globals_table = pd.read_csv(DATA_DIR / "simulation_globals.csv")
    extra = globals_table[
        globals_table["source_or_note"].fillna("").str.startswith("added for the demo study")
    ]
    assert len(extra) >= 8
    assert set(extra["kind"]) <= {"assumption", "derived"}


def test_every_demo_cell_has_a_row_in_the_tables() -> None:
    rows = read_parameters()
    rows = rows[(rows["region"] == "hippocampus") & (rows["route"] == "s.c.")]
    have = set(zip(rows["drug"], rows["dose"].astype(str), rows["analyte"], strict=True))
    for group in DESIGNS["demo"].groups:
        for analyte in MEASURED:
            assert (group.drug, f"{group.dose:g}", analyte) in have
    effects = analyte_biology("DOPAC", "hippocampus", "s.c.").effects
    assert {key: effect.peak_ratio for key, effect in effects.items()} == {
        ("mianserin", 2.0): 1.3,
        ("mianserin", 5.0): 1.6,
        ("mirtazapine", 2.0): 1.8,
        ("mirtazapine", 5.0): 1.8,
    }


def test_biology_of_an_unknown_region_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        analyte_biology("NE", "cerebellum", "s.c.")
    assert str(caught.value) == (
        "simulation_parameters.csv has 0 vehicle rows for NE, cerebellum, s.c.; expected one"
    )


def test_time_course_peaks_at_tmax_and_is_a_tenth_at_duration() -> None:
    time = np.linspace(-60.0, 400.0, 46_001)
    course = onset_decay(time, 60.0, 180.0)
    assert time[np.argmax(course)] == pytest.approx(60.0)
    assert course.max() == pytest.approx(1.0)
    assert (course[time <= 0] == 0).all()
    assert float(onset_decay(np.array([180.0]), 60.0, 180.0)[0]) == pytest.approx(0.1)
    assert (np.diff(course[time > 60]) < 0).all()
    with pytest.raises(ValueError, match="must lie between 0 and duration"):
        onset_decay(time, 60.0, 50.0)


def test_fractions_of_the_demo() -> None:
    assert (DEMO.n, DEMO.dose_min) == (13, 80.0)
    assert DEMO.lag_min == pytest.approx(5.65 / 1.5)
    assert DEMO.time_index == [-4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert DEMO.time_min[4] == pytest.approx(10 - 5.65 / 1.5)


def test_fraction_average_is_that_of_the_lag_shifted_window() -> None:
    effect = Effect(2.0, 60.0, 180.0, 0.3)
    profile = fraction_profile(biology(), effect, DEMO, duration_level=0.1)
    lag = DEMO.lag_min
    # Fraction 5 is collected from 0 to 20 min after the dose: its fluid is of -lag to 20 - lag.
    fine = np.linspace(-lag, 20 - lag, 200_001)
    expected = np.trapezoid(onset_decay(fine, 60.0, 180.0), fine) / 20
    assert profile.effect[4] == pytest.approx(expected, rel=1e-5)
    assert (profile.effect[:4] == 0).all()
    assert profile.base == pytest.approx(np.ones(13))


def test_drift_of_minus_two_per_cent_per_hour() -> None:
    profile = fraction_profile(biology(drift_per_h=-0.02), None, DEMO, duration_level=0.1)
    assert np.diff(profile.base) == pytest.approx(np.full(12, -0.02 / 3))


def test_first_fraction_of_vehicle_is_110_to_130_per_cent() -> None:
    for analyte in ("NE", "DA", "5-HT"):
        own = analyte_biology(analyte, "hippocampus", "s.c.")
        profile = fraction_profile(own, None, DEMO, duration_level=0.1)
        arithmetic, _ = population_ratio(profile, own, None, 4)
        assert 1.10 < arithmetic[4] < 1.30
        assert arithmetic[5:] == pytest.approx(np.ones(8), abs=0.03)


def test_population_means_are_those_of_many_animals() -> None:
    effect = Effect(2.6, 60.0, 180.0, 0.3)
    own = biology(handling=Effect(1.4, 10.0, 20.0, 0.12), drift_per_h=-0.02)
    profile = fraction_profile(own, effect, DEMO, duration_level=0.1)
    arithmetic, geometric = population_ratio(profile, own, effect, 4)
    draws = np.random.default_rng(0).standard_normal((2, 40_000))
    h, m = log_normal(draws[0], 0.12), log_normal(draws[1], 0.3)
    levels = (
        profile.base
        + h[:, None] * profile.handling
        + m[:, None] * profile.effect
        + (h * m)[:, None] * profile.both
    )
    ratio = levels / levels[:, :4].mean(axis=1, keepdims=True)
    error = ratio.std(axis=0) / np.sqrt(len(ratio))
    assert (np.abs(ratio.mean(axis=0) - arithmetic) <= 4 * error + 1e-12).all()
    log_error = np.log(ratio).std(axis=0) / np.sqrt(len(ratio))
    assert (np.abs(np.log(ratio).mean(axis=0) - np.log(geometric)) <= 4 * log_error + 1e-12).all()
    assert (geometric <= arithmetic + 1e-12).all()


def test_log_normal_has_arithmetic_mean_one_and_its_cv() -> None:
    values = log_normal(np.random.default_rng(1).standard_normal(200_000), 0.45)
    # Four standard errors: mean 0.45/sqrt(n); the CV's own from the fourth moment, about 0.002.
    assert values.mean() == pytest.approx(1.0, abs=4 * 0.45 / np.sqrt(200_000))
    assert values.std() == pytest.approx(0.45, abs=0.01)


def test_ar1_is_stationary_with_its_correlation() -> None:
    series = ar1_normals(20_000, 13, 0.4, np.random.default_rng(2))
    assert series.std(axis=0) == pytest.approx(np.ones(13), abs=4 / np.sqrt(2 * 20_000))
    for lag in (1, 2, 3):
        products = series[:, :-lag] * series[:, lag:]
        # Four standard errors, were all products independent as they nearly are.
        assert products.mean() == pytest.approx(0.4**lag, abs=4 * 1.5 / np.sqrt(products.size))


def test_correlated_normals() -> None:
    values = correlated_normals(40_000, 6, 0.5, np.random.default_rng(3))
    correlation = np.corrcoef(values, rowvar=False)
    off = correlation[~np.eye(6, dtype=bool)]
    assert off == pytest.approx(np.full(30, 0.5), abs=4 * 0.75 / np.sqrt(40_000))
    assert values.std(axis=0) == pytest.approx(np.ones(6), abs=4 / np.sqrt(2 * 40_000))


def test_spread_of_a_large_study() -> None:
    """CVs between and within animals, and the correlation in time, as the tables say."""
    design = replace(
        DESIGNS["demo"],
        groups=(TreatmentGroup("vehicle", 0, 400),),
        n_runs=10,
        lost_part=0.0,
        misplaced=None,
        unstable=None,
    )
    plan = plan_study(design, 1)
    numbers = read_globals()
    wide = plan.concentrations.pivot(
        index=["analyte", "animal_id"], columns="fraction", values="fmol_on_column"
    )
    for analyte in MEASURED:
        own = analyte_biology(analyte, "hippocampus", "s.c.")
        profile = fraction_profile(own, None, DEMO, duration_level=0.1)
        logs = np.log(wide.loc[analyte].to_numpy() / profile.level(1.0, 1.0))
        # Baseline and late fractions, where handling plays no part.
        logs = np.delete(logs, [4, 5], axis=1)
        within_sd = np.sqrt(np.log1p(own.noise_cv**2))
        between_sd = np.sqrt(np.log1p(own.basal_cv**2))
        total = np.hypot(within_sd, between_sd)
        # Relative standard error of a standard deviation of 400: 3.5 %.
        assert logs.std(axis=0).mean() == pytest.approx(total, rel=0.12)
        steps = np.diff(logs[:, 4:], axis=1)
        expected = within_sd * np.sqrt(2 * (1 - numbers["within_animal_ar1_rho"]))
        # 400 × 6 differences, correlated by -0.3: at most 2 % standard error.
        assert steps.std() == pytest.approx(expected, rel=0.08)
        basal = wide.loc[analyte][1].mean()
        assert basal == pytest.approx(own.basal_fmol, rel=4 * 0.5 / np.sqrt(400))
