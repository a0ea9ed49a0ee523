"""What the stage adds to the model: words, sensitivity, checks, dose response, diagnostics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis import __version__
from dialysis.stats.checks import rm_anova
from dialysis.stats.dose import fit_emax
from dialysis.stats.sensitivity import substituted, variants
from dialysis.tables.stats import OUTCOME_TABLES
from dialysis.words import p_words
from tests.unit.test_stats_outcome import (
    EFFECT,
    HIGH,
    LOW,
    NO_CHANGE,
    analyse,
    change,
    config,
    drop_value,
    simulate,
)


def test_every_table_is_what_it_says() -> None:
    stats = analyse(simulate(EFFECT, seed=1))
    for table in OUTCOME_TABLES:
        frame = getattr(stats, table.name)
        pd.testing.assert_frame_equal(table.validate(frame), frame)
    assert len(stats.residuals) == 21 * 6 and len(stats.influence) == 21
    assert list(stats.variogram["lag_min"]) == [20.0, 40.0, 60.0, 80.0, 100.0]
    assert stats.variogram["n_pairs"].tolist() == [21 * k for k in (5, 4, 3, 2, 1)]


@pytest.mark.parametrize("family", ["within", "all"])
def test_a_star_is_an_interval_that_leaves_100_out(family: str) -> None:
    table = analyse(simulate(EFFECT, seed=2), stars=family).contrasts
    outside = (table["sim_low_pct"] > 100) | (table["sim_high_pct"] < 100)
    assert (outside == (table["stars"] != "")).all() and outside.any() and not outside.all()
    assert (table["sim_low_pct"] < table["ratio_low_pct"]).all()


# --- words --------------------------------------------------------------------------------------


def test_words_name_what_differs_where_and_by_how_much() -> None:
    stats = analyse(simulate(EFFECT, seed=3))
    assert stats.results.startswith(
        "**5-HT, hippocampus.** The time course differed between groups"
    )
    rows = stats.contrasts[(stats.contrasts["group"] == HIGH) & (stats.contrasts["stars"] != "")]
    best = rows.loc[rows["log_ratio"].idxmax()]
    assert "Drug 5 mg/kg s.c. was above vehicle at " in stats.results
    assert f"{best['ratio_pct']:.0f} % of vehicle (simultaneous 95 % CI" in stats.results
    assert "n (animals): vehicle 7; drug 2 mg/kg s.c. 7; drug 5 mg/kg s.c. 7." in stats.results
    assert "Kenward and Roger (1997)" in stats.methods and "Dunnett CW." in stats.methods
    assert "first-order autoregressive" in stats.methods


def test_methods_say_all_that_a_paper_needs() -> None:
    frame = dosed(DOSES, 14)
    frame = change(frame, frame.index[-1], used=False, reason="flow failure (A. B., 2026-01-02)")
    text = analyse(frame).methods
    for part in (
        "The baseline of an animal is the mean of its 2 fractions before the dose.",
        "The level of significance was 0.05, that of confidence intervals 95 %.",
        "The area under percent of baseline (Σ percent × minutes) of every animal with all",
        "p-values adjusted over the groups (Dunnett 1955); the area under the mixed model's",
        "Trends over the dose are linear in its logarithm, one test for each drug (drug s.c.),",
        "Not in the model: 1 fraction after the dose (1 × flow failure).",
        f"Computed with dialysis {__version__}.",
    ):
        assert part in text


def test_what_differs_is_told_at_the_level_of_the_study() -> None:
    frame = simulate(EFFECT, seed=3)
    p = float(analyse(frame).anova.set_index("term").loc["group:time", "p"])
    differed = "The time course differed between groups"
    assert differed in analyse(frame, alpha=min(1.01 * p, 0.49)).results
    assert differed not in analyse(frame, alpha=0.99 * p).results
    alone = frame[frame["is_control"]]
    p = float(analyse(alone).anova.set_index("term").loc["time", "p"])
    assert "The response changed over time" in analyse(alone, alpha=min(1.01 * p, 0.49)).results
    assert "A change over time was not demonstrated" in analyse(alone, alpha=0.99 * p).results


def test_intervals_have_the_level_of_the_stars_unless_the_study_says_another() -> None:
    frame = simulate(EFFECT, seed=2)
    strict = analyse(frame, alpha=0.01)
    table = strict.contrasts
    assert strict.model["confidence"] == 0.99
    outside = (table["sim_low_pct"] > 100) | (table["sim_high_pct"] < 100)
    assert (outside == (table["stars"] != "")).all() and outside.any() and not outside.all()
    assert "simultaneous 99 % CI" in strict.results
    assert analyse(frame, alpha=0.01, confidence=0.9).model["confidence"] == 0.9


@pytest.mark.parametrize(
    ("adjustment", "results", "methods"),
    [
        ("dunnett", "(simultaneous 95 % CI", "intervals were adjusted over all groups and all"),
        ("holm", "(Bonferroni's 95 % CI", "intervals are Bonferroni's over the same comparisons"),
        ("bonferroni", "(simultaneous 95 % CI", "intervals were adjusted over all groups and all"),
        ("none", "(unadjusted 95 % CI", "nor confidence intervals were adjusted"),
    ],
)
def test_it_is_said_how_intervals_are_made(adjustment: str, results: str, methods: str) -> None:
    stats = analyse(simulate(EFFECT, seed=3), adjustment=adjustment)
    assert results in stats.results and methods in stats.methods
    assert ("unadjusted p" in stats.results) == (adjustment == "none")


def test_the_p_of_areas_in_the_text_is_that_of_the_figure() -> None:
    stats = analyse(simulate(EFFECT, seed=3))
    first, second = stats.results.split("\n\n")
    for row in stats.auc[stats.auc["p_adjusted"].notna()].itertuples():
        assert f"% × min (n = {row.n}, {p_words(row.p_adjusted)})" in first
    assert "(adjusted, linear model of the areas)" in first and "mixed model" not in first
    for row in stats.auc_model[stats.auc_model["p_adjusted"].notna()].itertuples():
        assert f"% × min ({p_words(row.p_adjusted)})" in second
    assert "a second estimate to which animals with missing fractions contribute" in second


def test_words_do_not_claim_what_was_not_found() -> None:
    stats = analyse(simulate(NO_CHANGE, seed=7))
    assert not (stats.contrasts["stars"] != "").any()
    assert "did not differ demonstrably from vehicle at any time" in stats.results
    assert "was above" not in stats.results and "no effect" not in stats.results


@pytest.mark.parametrize(
    ("frame", "options", "said", "methods"),
    [
        (
            simulate(EFFECT, n={"vehicle": 6, LOW: 6, HIGH: 1}, seed=17),
            {},
            "drug 5 mg/kg s.c. had one animal: the comparison rests on the variation in the other",
            "Each group was compared",
        ),
        (
            drop_value(simulate(EFFECT), slice(None), "baseline below the LOQ"),
            {},
            "The statistical analysis could not be made: no post-dose value can be used.",
            "it was not fitted: no post-dose value can be used.",
        ),
        (
            simulate({"vehicle": 0.0}, n=6),
            {},
            "There is no group with a control, so nothing is compared with a vehicle.",
            "There was no control group to compare with.",
        ),
        (
            simulate(EFFECT, seed=4).assign(conc_unit="response"),
            {},
            "The outcome is uncalibrated: ratios are of detector responses",
            "Each group was compared",
        ),
        (
            simulate(EFFECT, seed=5),
            {"adjustment": "holm", "ddf": "satterthwaite", "stars": "within"},
            "adjusted p",
            "p-values were adjusted over the groups within one time (Holm 1979)",
        ),
        (
            simulate(EFFECT, seed=5),
            {"adjustment": "none", "covariance": "ri", "covariates": ["sex"]},
            "n (animals)",
            "neither p-values nor confidence intervals were adjusted",
        ),
    ],
)
def test_words_in_odd_cases(
    frame: pd.DataFrame, options: dict[str, Any], said: str, methods: str
) -> None:
    frame = frame.assign(conc_unit=frame["conc_unit"].astype("str"))
    stats = analyse(frame, **options)
    assert said in stats.results
    assert methods in stats.methods
    assert "nan" not in stats.results and "nan" not in stats.methods


def test_a_variance_of_zero_is_named_and_is_no_defect() -> None:
    frame = simulate(NO_CHANGE, animal_sd=0, seed=13)
    post = frame["period"] == "post"
    mean = frame[post].groupby("animal_id")["log_ratio"].mean()
    frame = change(frame, post, log_ratio=frame["log_ratio"] - frame["animal_id"].map(mean))
    stats = analyse(frame, covariance="ri")
    assert (
        "In this fit the variance between animals is estimated as zero; it still" in stats.results
    )
    assert "singular" not in stats.results and stats.model["status"] == "ok"


def test_a_correlation_at_its_bound_is_singular() -> None:
    # A random walk without noise: the correlation of neighbours goes to one.
    frame = simulate(NO_CHANGE, animal_sd=0, error_sd=0, seed=13)
    post = frame["period"] == "post"
    steps = pd.Series(np.random.default_rng(1).normal(0, 1, len(frame)), index=frame.index)
    walk = (steps * post).groupby(frame["animal_id"]).cumsum() * 0.001
    level = frame["animal_id"].map(
        dict(zip(frame["animal_id"].unique(), steps.to_numpy(), strict=False))
    )
    frame = change(frame, post, log_ratio=(walk + level)[post])
    stats = analyse(frame, covariance="ar1", variances="common")
    assert set(stats.contrasts["status"]) == {"singular"}
    assert "The fit is singular: the serial correlation sits on its bound of 0.999." in (
        stats.results
    )
    assert stats.model["zero_variances"] == []


def unequal_spread(seed: int, spread: tuple[float, float, float]) -> pd.DataFrame:
    """Groups that differ in the standard deviation of everything after the dose."""
    frame = simulate(NO_CHANGE, n=6, times=8, seed=seed)
    post = frame["period"] == "post"
    factor = frame["group"].map(dict(zip(NO_CHANGE, spread, strict=True)))
    return change(frame, post, log_ratio=(frame["log_ratio"] * factor)[post])


def test_groups_get_variances_of_their_own_where_they_clearly_differ() -> None:
    frame = unequal_spread(3, (1.0, 1.6, 2.5))
    stats = analyse(frame)
    told = stats.model["variances"]
    assert told["asked"] == "auto" and told["per_group"] and told["test"]["p"] < 0.01
    assert told["test"]["df"] == 2
    assert stats.model["covariance_name"] == "ri+ar1+het"
    assert "The variances of the groups differed (likelihood-ratio test, χ²(2) = " in stats.methods
    assert "so each has its own." in stats.methods and "Pinheiro" in stats.methods
    asked = analyse(frame, covariance="ri+ar1+het")
    pd.testing.assert_frame_equal(stats.contrasts, asked.contrasts)
    assert asked.model["variances"]["test"] is None
    common = analyse(frame, variances="common")
    assert (
        common.model["covariance_name"] == "ri+ar1" and not common.model["variances"]["per_group"]
    )
    assert common.model["variances"]["test"] is None
    # The statistic is the difference of the two models' likelihoods.
    difference = 2 * (asked.model["log_likelihood"] - common.model["log_likelihood"])
    assert told["test"]["statistic"] == pytest.approx(difference, rel=1e-6)
    # The comparison of the group with the larger spread has the larger error now.
    se = stats.contrasts.groupby("group", sort=False)["se"].mean().to_numpy()
    flat = common.contrasts.groupby("group", sort=False)["se"].mean().to_numpy()
    assert se[1] / se[0] > 1.1 > flat[1] / flat[0]


def test_groups_share_a_variance_where_they_do_not_differ_or_are_too_small() -> None:
    same = analyse(unequal_spread(4, (1.0, 1.0, 1.0)))
    assert same.model["covariance_name"] == "ri+ar1" and same.model["variances"]["test"]["p"] > 0.01
    assert "did not differ demonstrably" in same.methods and "so they share one." in same.methods
    pd.testing.assert_frame_equal(
        same.contrasts, analyse(unequal_spread(4, (1.0, 1.0, 1.0)), variances="common").contrasts
    )
    frame = unequal_spread(3, (1.0, 1.6, 2.5))
    low = list(NO_CHANGE)[1]
    few = frame[(frame["group"] != low) | frame["animal_id"].isin(["R07", "R08"])]
    stats = analyse(few)
    assert stats.model["variances"]["test"] is None
    assert stats.model["covariance_name"] == "ri+ar1"


def test_variants_of_the_data_keep_the_variances_of_the_analysis() -> None:
    frame = unequal_spread(3, (1.0, 1.6, 2.5))
    first = frame.index[(frame["period"] == "post") & (frame["animal_id"] == "R02")][0]
    frame = change(frame, first, used=False, reason="bubble")
    stats = analyse(frame)
    assert stats.model["variances"]["per_group"]
    again = analyse(change(frame, first, used=True, reason=""), covariance="ri+ar1+het")
    put_back = stats.sensitivity[stats.sensitivity["variant"] == "with_excluded"]
    merged = put_back.merge(again.contrasts, on=["group", "time_index"], suffixes=("", "_again"))
    np.testing.assert_allclose(merged["ratio_low_pct"], merged["ratio_low_pct_again"], rtol=1e-12)


# --- sensitivity --------------------------------------------------------------------------------


def censored_study() -> pd.DataFrame:
    frame = simulate(EFFECT, seed=8)
    low = frame["animal_id"].isin(["R01", "R02"]) & frame["time_index"].isin([1, 2, -1])
    frame = change(frame, low, censored=True)
    frame["limit"] = frame["conc"] * 1.5
    return frame


def test_substitution_moves_values_and_baselines_as_it_should() -> None:
    frame = censored_study()
    half = substituted(frame, 0.5)
    here = frame["censored"].astype(bool)
    np.testing.assert_allclose(half.loc[here, "conc"], 0.5 * frame.loc[here, "limit"])
    assert (half.loc[~here, "conc"] == frame.loc[~here, "conc"]).all()
    for animal in ("R01", "R03"):
        own, new = frame[frame["animal_id"] == animal], half[half["animal_id"] == animal]
        at = own["period"] == "baseline"
        moved = (new.loc[at, "conc"] - own.loc[at, "conc"]).mean()
        np.testing.assert_allclose(new["baseline"], own["baseline"] + moved)
        np.testing.assert_allclose(new["log_ratio"], np.log(new["conc"] / new["baseline"]))


def test_the_spread_over_substitutions_is_reported() -> None:
    stats = analyse(censored_study())
    table = stats.sensitivity
    assert set(table["variant"]) == {"lod_half", "lod_sqrt2"}
    first = stats.contrasts.set_index(["group", "time_index"])["ratio_pct"]
    for row in table.itertuples():
        change_pct = 100 * (row.ratio_pct / first[row.group, row.time_index] - 1)
        assert row.change_pct == pytest.approx(change_pct, abs=1e-9)
    assert table["change_pct"].abs().max() > 0.5
    assert "entered as half the limit, ratios changed by at most" in stats.results
    assert len(analyse(censored_study(), sensitivity=False).sensitivity) == 0


def test_left_out_values_are_put_back() -> None:
    frame = simulate(EFFECT, seed=9)
    out = frame["animal_id"] == "R08"
    frame = change(frame, out, used=False, reason="animal excluded: leaking probe")
    assert set(variants(frame)) == {"with_excluded"}
    stats = analyse(frame)
    whole = analyse(change(frame, out, used=True, reason=""))
    table = stats.sensitivity.set_index(["group", "time_index"])
    expected = whole.contrasts.set_index(["group", "time_index"])
    np.testing.assert_allclose(table["ratio_pct"], expected.loc[table.index, "ratio_pct"])
    np.testing.assert_allclose(table["p_family"], expected.loc[table.index, "p_all"], atol=1e-9)


def test_what_is_analysed_already_is_no_variant() -> None:
    assert set(variants(substituted(censored_study(), 0.5))) == {"lod_sqrt2"}


@pytest.mark.parametrize("enough", [True, False], ids=["shifted", "undefined"])
def test_a_left_out_baseline_fraction_is_put_back_into_the_baseline(enough: bool) -> None:
    frame = simulate(EFFECT, seed=9)
    own = (frame["animal_id"] == "R08").to_numpy()
    first = frame.index[own & (frame["time_index"] == -2)][0]
    kept = float(frame.loc[own & (frame["time_index"] == -1), "conc"].iloc[0])
    mean = float(frame.loc[own & (frame["period"] == "baseline"), "conc"].mean())

    def against(baseline: float) -> pd.DataFrame:
        ratio = frame["conc"] / baseline
        out = frame.copy()
        out.loc[own, "baseline"] = baseline
        out.loc[own, "pct_of_baseline"] = 100 * ratio[own]
        out.loc[own, "log_ratio"] = np.log(ratio[own])
        return out

    left = change(against(kept), [first], used=False, reason="flow failure")
    if not enough:
        left = change(left, own, used=False, pct_of_baseline=np.nan, log_ratio=np.nan)
    put_back = variants(left)["with_excluded"]
    columns = ["baseline", "pct_of_baseline", "log_ratio", "used"]
    pd.testing.assert_frame_equal(put_back[columns], against(mean)[columns])
    stats = analyse(left)
    assert stats.sensitivity["change_pct"].abs().max() > 0.1
    assert "With values that were left out put back, in baselines too" in stats.results


def test_comparisons_that_cross_the_level_are_named() -> None:
    frame = simulate(EFFECT, seed=9)
    out = (frame["group"] == HIGH) & frame["animal_id"].isin(["R15", "R16", "R17", "R18"])
    stats = analyse(change(frame, out, used=False, reason="leaking probe"))
    crossed = stats.sensitivity[stats.sensitivity["star_changes"]]
    assert len(crossed)
    said = stats.results.rpartition("crossed the level of significance (")[2]
    for row in crossed.itertuples():
        minutes = 20 * row.time_index - 10
        side = "significant only so" if row.p_family < 0.05 else "significant only as analysed"
        assert re.search(rf"{re.escape(row.group)} at [^;]*\b{minutes}\b[^;]* min, {side}", said)


def test_nothing_to_vary_is_an_empty_table() -> None:
    assert len(analyse(simulate(EFFECT, seed=10)).sensitivity) == 0


# --- checks -------------------------------------------------------------------------------------


def test_one_group_is_statsmodels_repeated_measures_anova() -> None:
    from statsmodels.stats.anova import AnovaRM

    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (9, 5)) + rng.normal(0, 1, (9, 1)) + 0.3 * np.arange(5)
    long = pd.DataFrame(values).melt(ignore_index=False).reset_index()
    expected = AnovaRM(long, "value", "index", within=["variable"]).fit().anova_table
    ours = rm_anova(values, np.zeros(9)).test("time")
    theirs = expected.loc["variable", ["Num DF", "Den DF", "F Value", "Pr > F"]]
    np.testing.assert_allclose(ours, theirs.to_numpy(dtype=float), rtol=1e-10)


def test_epsilon_is_one_for_two_times_and_small_for_a_random_walk() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat([0.0, 1.0, 2.0], 8)
    two = rm_anova(rng.normal(size=(24, 2)), group)
    assert two.gg == pytest.approx(1) and two.hf == pytest.approx(1)
    walk = rm_anova(np.cumsum(rng.normal(size=(24, 10)), axis=1), group)
    assert 1 / 9 <= walk.gg < walk.hf < 0.6
    # Groups: the one-way ANOVA of the animals' means.
    from scipy.stats import f_oneway

    values = rng.normal(size=(24, 4))
    means = values.mean(axis=1)
    expected = f_oneway(*(means[group == g] for g in range(3)))
    _, _, f, p = rm_anova(values, group).test("group")
    assert (f, p) == pytest.approx((expected.statistic, expected.pvalue))


def test_a_random_intercept_is_the_uncorrected_anova_in_balanced_data() -> None:
    """Without a covariate both are the split-plot analysis."""
    frame = change(simulate(EFFECT, seed=11), slice(None), baseline=2.0)
    stats = analyse(frame, covariance="ri")
    wide = frame[frame["period"] == "post"].pivot(
        index="animal_id", columns="time_index", values="log_ratio"
    )
    groups = frame.drop_duplicates("animal_id").set_index("animal_id")["group"].loc[wide.index]
    plain = rm_anova(wide.to_numpy(), pd.factorize(groups, sort=True)[0].astype(float))
    table = stats.anova.set_index("term")
    for term in ("group", "time", "group:time"):
        num_df, den_df, f, p = plain.test(term)
        assert table.loc[term, "num_df"] == num_df
        assert table.loc[term, "den_df"] == pytest.approx(den_df, rel=1e-6)
        assert table.loc[term, "statistic"] == pytest.approx(f, rel=1e-8)
        assert table.loc[term, "p"] == pytest.approx(p, rel=1e-6)
    checks = stats.checks.set_index(["method", "term"])
    assert ("repeated-measures ANOVA, Greenhouse–Geisser", "group:time") in checks.index
    mixed = checks.loc["statsmodels MixedLM"]
    np.testing.assert_allclose(mixed["statistic"], mixed["ours"], rtol=1e-3, atol=1e-6)


def test_incomplete_data_have_no_repeated_measures_anova() -> None:
    frame = simulate(EFFECT, seed=12)
    frame = drop_value(frame, frame["injection_id"] == "R02_3")
    row = analyse(frame).checks.iloc[0]
    assert row["reason"] == "the data are not complete: it needs every animal at every time"


# --- dose response ------------------------------------------------------------------------------

DOSES = {
    "vehicle": 0.0,
    "drug 1 mg/kg s.c.": 0.2,
    "drug 2 mg/kg s.c.": 0.4,
    "drug 4 mg/kg s.c.": 0.6,
    "drug 8 mg/kg s.c.": 0.8,
}


def dosed(effect: dict[str, float], seed: int, n: int = 7) -> pd.DataFrame:
    frame = simulate(effect, n=n, seed=seed)
    dose = frame["group"].map(lambda g: float(g.split()[1]) if g != "vehicle" else 0.0)
    return frame.assign(dose=dose, drug=frame["group"].map(lambda g: g.split()[0]).astype("str"))


def test_the_trend_over_log_dose_is_the_slope_of_the_means() -> None:
    stats = analyse(dosed(DOSES, 14))
    trend = stats.dose[(stats.dose["model"] == "trend")].set_index("scope")
    assert (trend["n_doses"] == 4).all() and len(trend) == 8
    means = stats.emmeans.set_index(["group", "time_index"])["log_mean"]
    x = np.log([1, 2, 4, 8])
    for time in range(1, 7):
        y = [means[group, time] for group in list(DOSES)[1:]]
        slope = np.polyfit(x, y, 1)[0]
        assert trend.loc[str(time), "estimate"] == pytest.approx(slope, abs=1e-10)
    # 0.2 per doubling from the second time on.
    late = trend.loc["window"]
    assert late["estimate"] == pytest.approx(0.2 / np.log(2) * 5 / 6, abs=3 * late["se"])
    assert late["per_doubling_pct"] == pytest.approx(100 * 2 ** late["estimate"])


def test_emax_is_refused_with_too_few_doses() -> None:
    rows = analyse(dosed(EFFECT, 15)).dose
    emax = rows[rows["model"] == "emax"]
    assert (emax["status"] == "not_estimable").all() and emax["estimate"].isna().all()
    assert emax["reason"].iloc[0] == (
        "3 dose levels with the control, at least 4 needed for three parameters"
    )


def test_emax_recovers_its_parameters() -> None:
    doses = np.array([0.0, 0.5, 1, 2, 4, 16])
    truth = 0.1 + 0.8 * doses / (1.5 + doses)
    theta, jacobian = fit_emax(doses, truth, 0.01 * (np.eye(6) + 0.3))
    np.testing.assert_allclose(theta, [0.1, 0.8, 1.5], rtol=1e-5)
    step = 1e-6
    for column, move in enumerate(np.eye(3) * step):
        e0, emax, ed50 = theta + move
        shifted = e0 + emax * doses / (ed50 + doses)
        e0, emax, ed50 = theta
        expected = (shifted - (e0 + emax * doses / (ed50 + doses))) / step
        np.testing.assert_allclose(jacobian[:, column], expected, rtol=1e-4, atol=1e-6)


def test_emax_says_when_the_doses_do_not_determine_it() -> None:
    doses = np.array([0.0, 1, 2, 4])
    said = fit_emax(doses, 0.1 * doses, 0.01 * np.eye(4))
    assert said == (
        "the doses do not determine ED50: the best value lies above ten times the largest dose"
    )


# --- area, percent of baseline, influence -------------------------------------------------------


def test_the_area_of_the_model_is_that_of_its_means() -> None:
    stats = analyse(simulate(EFFECT, seed=16))
    means = stats.emmeans.groupby("group")["mean_pct"].sum() * 20
    table = stats.auc_model.set_index("group")
    for group in EFFECT:
        assert table.loc[group, "auc_pct_min"] == pytest.approx(means[group])
    logs = stats.emmeans.groupby("group")["log_mean"].mean()
    assert table.loc[HIGH, "geomean_pct"] == pytest.approx(100 * np.exp(logs[HIGH]))
    row = table.loc[HIGH]
    assert row["difference_pct_min"] == pytest.approx(means[HIGH] - means["vehicle"])
    assert row["sim_low_pct_min"] < row["difference_pct_min"] < row["sim_high_pct_min"]
    assert (row["p_adjusted"] < 0.05) == (row["sim_low_pct_min"] > 0)


def test_incomplete_animals_contribute_to_the_area_of_the_model() -> None:
    frame = simulate(EFFECT, seed=17)
    frame = drop_value(frame, frame["injection_id"].isin(["R02_3", "R09_5"]))
    stats = analyse(frame)
    assert stats.auc["n"].sum() == 19 and stats.auc_model["n"].sum() == 21
    assert (stats.auc_model["status"] == "ok").all()


def test_percent_of_baseline_is_the_second_response() -> None:
    frame = simulate(EFFECT, seed=18)
    stats = analyse(frame)
    cells = frame[frame["period"] == "post"].groupby(["group", "time_index"])["pct_of_baseline"]
    means = cells.mean()
    for row in stats.secondary.itertuples():
        expected = means[row.group, row.time_index] - means["vehicle", row.time_index]
        assert row.difference_pct == pytest.approx(expected, abs=1e-9)
    assert list(stats.secondary_anova["term"]) == ["group", "time", "group:time"]


def test_an_animal_far_from_the_others_is_influential() -> None:
    frame = simulate(EFFECT, seed=19)
    odd = (frame["animal_id"] == "R10") & (frame["time_index"] == 4)
    frame = change(frame, odd, log_ratio=frame["log_ratio"] + 1.5)
    table = analyse(frame).influence.sort_values("cooks_distance")
    assert table["animal_id"].iloc[-1] == "R10"
    worst = table.iloc[-1]
    assert (worst["changed_group"], worst["changed_time_index"]) == (LOW, 4)
    assert worst["largest_change_se"] > 0.8


def test_cohort_is_random_with_five_units_and_fixed_with_fewer() -> None:
    frame = simulate(EFFECT, n=10, seed=20)
    number = frame["animal_id"].str[1:].astype(int)
    many = frame.assign(cohort=("c" + (number % 6).astype(str)).astype("str"))
    stats = analyse(many, random=["cohort"])
    assert stats.model["random_intercepts"] == ["animal", "cohort"]
    assert "cohort" not in stats.model["terms"]
    few = frame.assign(cohort=("c" + (number % 3).astype(str)).astype("str"))
    stats = analyse(few, random=["cohort"])
    assert stats.model["random_intercepts"] == ["animal"] and "cohort" in stats.model["terms"]
    assert stats.model["notes"] == [
        "cohort is a fixed factor: 3 are too few for a random intercept, at least 5 needed"
    ]
    assert "cohort" in set(stats.anova["term"])


@pytest.mark.parametrize("covariance", ["ri", "cs", "ar1", "ri+ar1", "ar1+het", "ri+ar1+het"])
def test_every_covariance_can_be_asked_for(covariance: str) -> None:
    stats = analyse(simulate(EFFECT, seed=21), covariance=covariance)
    assert stats.model["covariance_name"] == covariance
    assert set(stats.contrasts["status"]) <= {"ok", "singular"}


def test_a_variance_per_group_is_refused_for_two_animals() -> None:
    frame = simulate(EFFECT, n={"vehicle": 6, LOW: 6, HIGH: 2}, seed=22)
    stats = analyse(frame, covariance="ri+ar1+het")
    assert (stats.contrasts["status"] == "not_estimable").all()
    assert stats.contrasts["reason"].iloc[0] == (
        f"a variance per group needs at least 3 animals in each: '{HIGH}' has 2"
    )


def test_processes_give_the_same_as_one() -> None:
    from dialysis.stats import analyse_study
    from tests.unit.test_stats_outcome import summarise

    frame = pd.concat(
        [simulate(EFFECT, n=4, times=3, seed=i, outcome=f"outcome_{i}") for i in range(8)]
    )
    options = config(sensitivity=False)
    one = analyse_study(frame, summarise(frame), options)
    two = analyse_study(frame, summarise(frame), options, processes=2)
    assert list(one) == list(two)
    for slug in one:
        pd.testing.assert_frame_equal(one[slug].contrasts, two[slug].contrasts, check_exact=True)


def test_pretreatment_times_treatment_is_the_difference_of_two_effects() -> None:
    """Four cells: the antagonist alone lowers by 0.1, and takes the drug's 0.8 down to 0.2."""
    effect = {"saline": 0.0, "A + saline": -0.1, "drug 2 mg/kg": 0.8, "A + drug 2 mg/kg": 0.1}
    frame = simulate(effect, n=6, times=4, seed=31)
    drugged = frame["group"].str.contains("drug")
    frame = frame.assign(
        drug=drugged.map({True: "drug", False: "saline"}).astype("str"),
        dose=drugged * 2.0,
        is_control=(~drugged).astype("boolean"),
        control=frame["group"].str.replace("drug 2 mg/kg", "saline").astype("str"),
    )
    stats = analyse(frame)
    table = stats.interaction.set_index("scope")
    assert set(table["group"]) == {"A + drug 2 mg/kg"} and len(table) == 5
    assert set(table["control"]) == {"A + saline"} and set(table["other_control"]) == {"saline"}
    ratios = stats.contrasts.set_index(["group", "time_index"])["log_ratio"]
    for time in (1, 2, 3, 4):
        expected = ratios["A + drug 2 mg/kg", time] - ratios["drug 2 mg/kg", time]
        assert table.loc[str(time), "log_ratio"] == pytest.approx(expected, abs=1e-10)
    planted = table.loc["4"]
    assert abs(planted["log_ratio"] + 0.6) < 3 * planted["se"]
    assert planted["p"] <= planted["p_adjusted"] < 0.05
    assert planted["ratio_low_pct"] < planted["ratio_pct"] < planted["ratio_high_pct"] < 100
    # Two drugs with a vehicle each, or doses of one drug, are no such design.
    assert not len(analyse(simulate(EFFECT, seed=5)).interaction)
    lost = analyse(
        drop_value(frame, (frame["group"] == "A + saline") & (frame["time_index"] == 3), "lost")
    )
    row = lost.interaction.set_index("scope").loc["3"]
    assert (row["status"], row["reason"]) == ("not_estimable", "no mean of 'A + saline' here")


def test_the_rule_asks_for_no_threads() -> None:
    """Snakemake hands a rule's threads to linear algebra, which made stats take nine times long."""
    rule = Path(__file__).parents[2] / "workflow" / "rules" / "stats.smk"
    lines = [line.strip() for line in rule.read_text(encoding="utf-8").splitlines()]
    assert "rule stats:" in lines
    assert not [line for line in lines if line.startswith("threads:")]
