"""The analysis of one outcome: planted effects, odd data, invariance, speed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.errors import StatsError
from dialysis.files import canonical_json
from dialysis.stats import OutcomeStats, analyse_outcome, analyse_study
from dialysis.study.config import default_section
from dialysis.tables.normalize import SUMMARY, TIMECOURSE
from dialysis.tables.stats import ANOVA, AUC, CONTRASTS, EMMEANS, MEANS

NO_CHANGE = {"vehicle": 0.0, "drug 2 mg/kg s.c.": 0.0, "drug 5 mg/kg s.c.": 0.0}
FLAGS = ("is_control", "censored", "below_loq", "used")


def config(**changes: Any) -> dict[str, Any]:
    return {**default_section("stats"), **changes}


def simulate(
    effect: Mapping[str, float] = NO_CHANGE,
    n: int | Mapping[str, int] = 7,
    times: int = 6,
    animal_sd: float = 0.2,
    error_sd: float = 0.1,
    seed: int = 0,
    outcome: str = "5-ht_hippocampus",
) -> pd.DataFrame:
    """TIMECOURSE rows with the planted ln(ratio to control) of each group from time 2 on."""
    rng = np.random.default_rng(seed)
    rows = []
    number = 0
    for order, (group, shift) in enumerate(effect.items()):
        for _ in range(n if isinstance(n, int) else n[group]):
            number += 1
            baseline = float(np.exp(rng.normal(0.5, 0.3)))
            intercept = rng.normal(0, animal_sd) if animal_sd else 0.0
            for index in [-2, -1, *range(1, times + 1)]:
                post = index > 0
                error = rng.normal(0, error_sd) if error_sd else 0.0
                value = error + (intercept + 0.05 * index + shift * (index > 1)) * post
                rows.append(
                    {
                        "outcome": outcome,
                        "animal_id": f"R{number:02d}",
                        "probe_id": f"R{number:02d}",
                        "outcome_label": "5-HT, hippocampus",
                        "kind": "analyte",
                        "analyte": "5-HT",
                        "denominator": "",
                        "region": "hippocampus",
                        "group": group,
                        "drug": group.split()[0],
                        "dose": float(order),
                        "dose_unit": "mg/kg",
                        "route": "s.c.",
                        "control": next(iter(effect)),
                        "is_control": order == 0,
                        "sex": "female" if number % 2 else "male",
                        "cohort": "A" if number % 3 else "B",
                        "injection_id": f"R{number:02d}_{index}",
                        "fraction": index + 3,
                        "start_min": 20.0 * index,
                        "end_min": 20.0 * index + 20.0,
                        "time_min": 20.0 * index - 10.0 * post + 10.0 * (not post),
                        "duration_min": 20.0,
                        "period": "post" if post else "baseline",
                        "time_index": index,
                        "conc": baseline * float(np.exp(value)),
                        "conc_unit": "nM",
                        "censored": False,
                        "limit": 0.05,
                        "below_loq": False,
                        "baseline": baseline,
                        "pct_of_baseline": 100.0 * float(np.exp(value)),
                        "log_ratio": value,
                        "used": True,
                        "reason": "",
                        "flags": "",
                    }
                )
    return TIMECOURSE.validate(pd.DataFrame(rows))


def summarise(timecourse: pd.DataFrame) -> pd.DataFrame:
    rows = []
    subject = ["outcome", "animal_id", "probe_id", "group", "drug", "dose", "dose_unit", "route"]
    for key, probe in timecourse.groupby([*subject, "control"], sort=False):
        post = probe[probe["period"] == "post"]
        whole = bool(post["used"].all())
        rows.append(
            {
                **dict(zip([*subject, "control"], key, strict=True)),
                "is_control": probe["is_control"].iloc[0],
                "n_fractions": int(post["used"].sum()),
                "n_missing": int((~post["used"]).sum()),
                "auc_pct_min": float((post["pct_of_baseline"] * 20).sum()) if whole else np.nan,
                "reason": "" if whole else "a fraction is missing",
            }
        )
    return SUMMARY.validate(pd.DataFrame(rows))


def analyse(timecourse: pd.DataFrame, **changes: Any) -> OutcomeStats:
    return analyse_outcome(timecourse, summarise(timecourse), config(**changes))


def change(frame: pd.DataFrame, where: Any, **values: Any) -> pd.DataFrame:
    out = frame.copy()
    for name, value in values.items():
        out.loc[where, name] = value
    return out


def drop_value(frame: pd.DataFrame, where: Any, reason: str = "lost vial") -> pd.DataFrame:
    return change(
        frame,
        where,
        used=False,
        reason=reason,
        conc=np.nan,
        pct_of_baseline=np.nan,
        log_ratio=np.nan,
    )


def check_tables(stats: OutcomeStats) -> None:
    for frame, table in (
        (stats.anova, ANOVA),
        (stats.contrasts, CONTRASTS),
        (stats.emmeans, EMMEANS),
        (stats.means, MEANS),
        (stats.auc, AUC),
    ):
        pd.testing.assert_frame_equal(table.validate(frame), frame)
        if "status" in frame:
            assert (frame.loc[frame["status"] != "ok", "reason"] != "").all()
    json.loads(canonical_json(stats.model))


EFFECT = {"vehicle": 0.0, "drug 2 mg/kg s.c.": 0.25, "drug 5 mg/kg s.c.": 0.6}
LOW, HIGH = "drug 2 mg/kg s.c.", "drug 5 mg/kg s.c."


# --- planted effects ----------------------------------------------------------------------------


def test_planted_effects_lie_within_their_standard_errors() -> None:
    stats = analyse(simulate(EFFECT, n=40, seed=3))
    check_tables(stats)
    planted = stats.contrasts["group"].map(EFFECT) * (stats.contrasts["time_index"] > 1)
    z = (stats.contrasts["log_ratio"] - planted) / stats.contrasts["se"]
    assert np.abs(z).max() < 3.5
    # 120 animals: the variance components are known to about 13 % and 6 %.
    assert stats.model["variance_components"]["animal"] == pytest.approx(0.04, rel=0.4)
    assert stats.model["variance_components"]["residual"] == pytest.approx(0.01, rel=0.2)
    late = stats.contrasts[stats.contrasts["time_index"] > 1]
    assert (late.loc[late["group"] == HIGH, "stars"] == "***").all()
    first = stats.contrasts[stats.contrasts["time_index"] == 1]
    assert (first["stars"] == "").all()
    p = stats.anova.set_index("term")["p"]
    assert p["group"] < 1e-6 and p["group:time"] < 1e-6 and p["log_baseline_c"] > 0.01


def test_in_balanced_data_the_contrast_is_the_difference_of_means() -> None:
    """With equal baselines, that is, so that there is no covariate."""
    frame = change(simulate(EFFECT, seed=4), slice(None), baseline=2.0)
    stats = analyse(frame)
    cells = frame[frame["period"] == "post"].groupby(["group", "time_index"])["log_ratio"].mean()
    for row in stats.contrasts.itertuples():
        difference = cells[(row.group, row.time_index)] - cells[("vehicle", row.time_index)]
        assert row.log_ratio == pytest.approx(difference, abs=1e-12)
    for row in stats.emmeans.itertuples():
        assert row.log_mean == pytest.approx(cells[(row.group, row.time_index)], abs=1e-12)
    assert stats.model["terms_left_out"] == {"log_baseline_c": "all animals have the same baseline"}
    baseline = stats.anova.set_index("term").loc["log_baseline_c"]
    assert baseline["status"] == "not_estimable"
    assert baseline["reason"] == "all animals have the same baseline"


def test_columns_agree_with_each_other() -> None:
    from scipy import stats as scipy_stats

    result = analyse(simulate(EFFECT, seed=5), confidence=0.9)
    table = result.contrasts
    # Between the animals alone and all values: 17 and 21·6 − 19.
    assert table["df"].between(17, 21 * 6 - 19).all() and result.model["df"] is None
    np.testing.assert_allclose(table["statistic"], table["log_ratio"] / table["se"], rtol=1e-14)
    np.testing.assert_allclose(
        table["p"], 2 * scipy_stats.t.sf(table["statistic"].abs(), table["df"])
    )
    np.testing.assert_allclose(table["ratio_pct"], 100 * np.exp(table["log_ratio"]))
    half = scipy_stats.t.ppf(0.95, table["df"]) * table["se"]
    np.testing.assert_allclose(
        table["ratio_high_pct"], 100 * np.exp(table["log_ratio"] + half), rtol=1e-12
    )
    np.testing.assert_allclose(
        table["ratio_low_pct"], 100 * np.exp(table["log_ratio"] - half), rtol=1e-12
    )
    means = result.emmeans
    np.testing.assert_allclose(
        means["high_pct"],
        100 * np.exp(means["log_mean"] + scipy_stats.t.ppf(0.95, means["df"]) * means["se"]),
        rtol=1e-12,
    )
    anova = result.anova
    np.testing.assert_allclose(
        anova["p"], scipy_stats.f.sf(anova["statistic"], anova["num_df"], anova["den_df"])
    )
    assert list(anova["num_df"]) == [1, 2, 5, 10]


# --- multiplicity -------------------------------------------------------------------------------


@pytest.mark.parametrize("adjustment", ["dunnett", "holm", "bonferroni", "none"])
def test_adjusted_p_lies_between_p_and_bonferroni_and_follows_t(adjustment: str) -> None:
    table = analyse(simulate(EFFECT, seed=6), adjustment=adjustment).contrasts
    from scipy import stats as scipy_stats

    assert (table["adjustment"] == adjustment).all()
    families = [("p_all", table)]
    families += [("p_within", rows) for _, rows in table.groupby("time_index")]
    for column, rows in families:
        assert (rows[column] >= rows["p"]).all()
        # max-|t| takes the smallest degrees of freedom of the family for all of it.
        df = rows["df"].min() if adjustment == "dunnett" else rows["df"]
        bound = 2 * scipy_stats.t.sf(rows["statistic"].abs(), df)
        assert (rows[column] <= np.minimum(1, len(rows) * bound) * (1 + 1e-12)).all()
        by = "statistic" if adjustment == "dunnett" else "p"
        ordered = rows.sort_values(by, key=np.abs, ascending=by == "p")
        assert ordered[column].is_monotonic_increasing
    assert (table["p_all"] >= table["p_within"] - 1e-3).all()
    if adjustment == "none":
        assert (table["p_all"] == table["p"]).all() and (table["p_within"] == table["p"]).all()
    if adjustment == "bonferroni":
        np.testing.assert_allclose(table["p_within"], np.minimum(1, 2 * table["p"]))
        np.testing.assert_allclose(table["p_all"], np.minimum(1, 12 * table["p"]))


@pytest.mark.parametrize("family", ["within", "all"])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_stars_are_those_of_the_chosen_family(family: str, alpha: float) -> None:
    result = analyse(simulate(EFFECT, seed=7), stars=family, alpha=alpha)
    p = result.contrasts[f"p_{family}"]
    count = (p < alpha).astype(int) + (p < alpha / 5) + (p < alpha / 50)
    assert list(result.contrasts["stars"]) == ["*" * n for n in count]
    assert count.nunique() > 1
    assert result.model["stars"] == {
        "family": family,
        "below": {"*": alpha, "**": alpha / 5, "***": alpha / 50},
    }


def test_one_time_without_covariate_is_scipy_dunnett() -> None:
    """One sample per animal and equal baselines: the model is a one-way layout."""
    from scipy import stats as scipy_stats

    frame = change(
        simulate(EFFECT, n={"vehicle": 8, LOW: 6, HIGH: 5}, times=1, seed=8),
        slice(None),
        baseline=2.0,
    )
    post = frame["period"] == "post"
    shift = frame["group"].map({"vehicle": 0.0, LOW: 0.2, HIGH: 0.3})
    frame = change(frame, post, log_ratio=frame["log_ratio"] + shift)
    result = analyse(frame)
    samples = [frame.loc[post & (frame["group"] == g), "log_ratio"] for g in ("vehicle", LOW, HIGH)]
    expected = scipy_stats.dunnett(
        samples[1], samples[2], control=samples[0], rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(result.contrasts["statistic"], expected.statistic, rtol=1e-10)
    # scipy integrates to an absolute error of about 1e-4.
    np.testing.assert_allclose(result.contrasts["p_within"], expected.pvalue, atol=5e-4)
    assert (result.contrasts["p_all"] == result.contrasts["p_within"]).all()
    anova = scipy_stats.f_oneway(*samples)
    group = result.anova.set_index("term").loc["group"]
    assert group["statistic"] == pytest.approx(anova.statistic, rel=1e-10)
    assert group["p"] == pytest.approx(anova.pvalue, rel=1e-8)
    reasons = result.anova.set_index("term")["reason"]
    assert reasons["time"] == "only one time has values"
    assert reasons["group:time"] == "only one time has values"
    assert result.model["status"] == "ok"
    assert result.model["covariance"] == "independent residuals"
    assert result.model["variance_components"]["animal"] is None
    check_tables(result)


def test_the_group_test_in_complete_data_is_the_ancova_of_the_animals_means() -> None:
    """Exact in theory, so its degrees of freedom and its size are right there."""
    import statsmodels.formula.api as smf

    frame = simulate(EFFECT, n={"vehicle": 8, LOW: 6, HIGH: 5}, seed=25)
    animals = (
        frame[frame["period"] == "post"]
        .groupby(["animal_id", "group", "baseline"])["log_ratio"]
        .mean()
        .reset_index()
    )
    full = smf.ols("log_ratio ~ C(group) + np.log(baseline)", animals).fit()
    less = smf.ols("log_ratio ~ np.log(baseline)", animals).fit()
    statistic, p, _ = full.compare_f_test(less)
    group = analyse(frame, covariance="ri").anova.set_index("term").loc["group"]
    assert group["num_df"] == 2
    assert group["den_df"] == pytest.approx(full.df_resid, rel=1e-9)
    assert group["statistic"] == pytest.approx(statistic, rel=1e-8)
    assert group["p"] == pytest.approx(p, rel=1e-8)


# --- invariance ---------------------------------------------------------------------------------


def numbers(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return frame.set_index(key).sort_index().select_dtypes("number")


def test_the_order_of_rows_changes_nothing() -> None:
    frame = simulate(EFFECT, seed=9)
    shuffled = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    one, two = analyse(frame), analyse(shuffled)
    for name, key in (
        ("anova", ["term"]),
        ("contrasts", ["group", "time_index"]),
        ("emmeans", ["group", "time_index"]),
        ("means", ["group", "time_index"]),
        ("auc", ["group"]),
    ):
        pd.testing.assert_frame_equal(
            numbers(getattr(one, name), key), numbers(getattr(two, name), key), rtol=1e-9
        )
    assert one.model == two.model


def test_the_names_of_groups_and_animals_change_nothing() -> None:
    frame = simulate(EFFECT, seed=10)
    new = {"vehicle": "zz saline", LOW: "bb", HIGH: "aa"}
    renamed = frame.assign(
        group=frame["group"].map(new).astype("str"),
        control=frame["control"].map(new).astype("str"),
        # The stronger dose becomes the lower one, so that the order of the groups changes too.
        dose=frame["dose"].map({0.0: 0.0, 1.0: 2.0, 2.0: 1.0}),
        animal_id=("X" + (100 - frame["animal_id"].str[1:].astype(int)).astype("str")).astype(
            "str"
        ),
    )
    renamed["probe_id"] = renamed["animal_id"]
    one, two = analyse(frame), analyse(renamed)
    assert list(two.contrasts["group"].unique()) == ["aa", "bb"]
    for name, key in (
        ("contrasts", ["group", "time_index"]),
        ("emmeans", ["group", "time_index"]),
        ("means", ["group", "time_index"]),
        ("auc", ["group"]),
    ):
        first = getattr(one, name)
        first = first.assign(group=first["group"].map(new))
        pd.testing.assert_frame_equal(
            numbers(first, key), numbers(getattr(two, name), key), rtol=1e-8
        )
    pd.testing.assert_frame_equal(
        numbers(one.anova, ["term"]), numbers(two.anova, ["term"]), rtol=1e-8
    )


def test_the_unit_of_concentration_changes_nothing() -> None:
    frame = simulate(EFFECT, seed=11)
    scaled = frame.assign(conc=frame["conc"] * 1e12, baseline=frame["baseline"] * 1e12)
    one, two = analyse(frame), analyse(scaled)
    pd.testing.assert_frame_equal(one.contrasts, two.contrasts, rtol=1e-8)
    pd.testing.assert_frame_equal(one.anova, two.anova, rtol=1e-8)


def test_equal_input_gives_equal_bytes() -> None:
    frame = simulate(EFFECT, seed=12)
    one, two = analyse(frame), analyse(frame.copy())
    pd.testing.assert_frame_equal(one.contrasts, two.contrasts, check_exact=True)
    assert canonical_json(one.model) == canonical_json(two.model)


def test_the_input_is_left_alone() -> None:
    frame = simulate(EFFECT, seed=12)
    before = frame.copy()
    analyse(frame)
    pd.testing.assert_frame_equal(frame, before)


# --- odd data -----------------------------------------------------------------------------------

ZERO_VARIANCE = (
    "the variance between animals is estimated as zero; it still counts as estimated in the "
    "degrees of freedom, so that the animal stays the unit"
)


def test_zero_variance_between_animals_is_said_in_every_row() -> None:
    # Each animal's mean over times is taken out: less variation between animals than chance.
    frame = simulate(NO_CHANGE, animal_sd=0, seed=13)
    post = frame["period"] == "post"
    mean = frame[post].groupby("animal_id")["log_ratio"].mean()
    frame = change(frame, post, log_ratio=frame["log_ratio"] - frame["animal_id"].map(mean))
    result = analyse(frame, covariance="ri")
    check_tables(result)
    for table in (result.anova, result.contrasts, result.emmeans):
        assert (table["status"] == "ok").all()
        assert (table["reason"] == ZERO_VARIANCE).all()
    assert result.contrasts["p_all"].notna().all()
    # Kept at 0 as an estimate, the animal stays the unit of the test of groups.
    assert result.anova.set_index("term").loc["group", "den_df"] == pytest.approx(17, rel=1e-6)
    assert result.model["status"] == "ok"
    assert result.model["zero_variances"] == ["tau2"]
    assert result.model["notes"] == [ZERO_VARIANCE] and not result.model["warnings"]
    assert result.model["variance_components"]["animal"] == 0
    # Ordinary least squares, by another route.
    import statsmodels.api as sm

    rows = frame[post].sort_values(["animal_id", "fraction"])
    log_baseline = np.log(rows["baseline"])
    cells = pd.get_dummies(rows["group"] + rows["time_index"].astype("str"), dtype=float)
    ols = sm.OLS(rows["log_ratio"], cells.assign(lb=log_baseline - log_baseline.mean())).fit()
    ours = result.emmeans.set_index(["group", "time_index"])
    assert ours.loc[(LOW, 3), "log_mean"] == pytest.approx(ols.params[f"{LOW}3"], abs=1e-10)
    # Kenward–Roger's correction of a standard error that is exact in this design is small.
    assert ours.loc[(LOW, 3), "se"] == pytest.approx(ols.bse[f"{LOW}3"], rel=0.1)


def test_one_group_gives_means_and_the_time_effect() -> None:
    result = analyse(simulate({"vehicle": 0.0}, n=6))
    check_tables(result)
    assert len(result.contrasts) == 0
    table = result.anova.set_index("term")
    assert table.loc["time", "status"] == "ok" and 4 < table.loc["time", "den_df"] < 30
    assert table.loc["group", "reason"] == "only one group has values"
    assert table.loc["group:time", "reason"] == "only one group has values"
    assert np.isnan(table.loc["group", "p"])
    assert (result.emmeans["status"] == "ok").all()
    assert len(result.auc) == 1 and result.auc["reason"].iloc[0] == "control group"


def test_an_empty_cell_is_a_row_with_a_reason() -> None:
    frame = simulate(EFFECT, seed=14)
    frame = drop_value(frame, (frame["group"] == LOW) & (frame["time_index"] == 3))
    result = analyse(frame)
    check_tables(result)
    table = result.contrasts.set_index(["group", "time_index"])
    row = table.loc[(LOW, 3)]
    assert row["status"] == "not_estimable"
    assert row["reason"] == f"no value of '{LOW}' at this time"
    assert row[["log_ratio", "se", "df", "p", "p_within", "p_all", "ratio_pct"]].isna().all()
    assert row["stars"] == ""
    rest = table.drop(index=[(LOW, 3)])
    assert (rest["status"] == "ok").all() and rest["p_all"].notna().all()
    # Alone at its time, the other group has nothing to be adjusted for.
    assert table.loc[(HIGH, 3), "p_within"] == table.loc[(HIGH, 3), "p"]
    mean = result.emmeans.set_index(["group", "time_index"]).loc[(LOW, 3)]
    assert (mean["n"], mean["status"]) == (0, "not_estimable")
    assert mean["reason"] == "no value of this group at this time"
    anova = result.anova.set_index("term")
    assert list(anova["status"]) == ["ok"] * 4
    assert list(anova["num_df"]) == [1, 2, 5, 9]
    assert anova.loc["group", "reason"] == "over the 5 of 6 times at which every group has values"
    assert anova.loc["time", "reason"] == "over the 2 of 3 groups that have values at every time"
    assert anova.loc["group:time", "reason"] == "on the 17 of 18 cells that have values"
    assert result.model["exclusions"] == [{"reason": "lost vial", "n": 7}]
    assert result.model["n_per_group_time"][LOW]["3"] == 0


def test_an_empty_cell_of_the_control_takes_that_time_out() -> None:
    frame = simulate(EFFECT, seed=15)
    frame = drop_value(frame, (frame["group"] == "vehicle") & (frame["time_index"] == 2))
    table = analyse(frame).contrasts
    at = table[table["time_index"] == 2]
    assert (at["status"] == "not_estimable").all()
    assert (at["reason"] == "no value of 'vehicle' at this time").all()
    assert (table[table["time_index"] != 2]["status"] == "ok").all()


def test_a_group_without_values_stays_in_the_tables() -> None:
    frame = simulate(EFFECT, seed=16)
    frame = drop_value(frame, frame["group"] == LOW, "probe misplaced")
    result = analyse(frame)
    check_tables(result)
    assert (result.means.loc[result.means["group"] == LOW, "n"] == 0).all()
    low = result.contrasts[result.contrasts["group"] == LOW]
    assert (low["status"] == "not_estimable").all() and low["p"].isna().all()
    assert result.model["warnings"] == [f"group '{LOW}' has no usable value after the dose"]
    auc = result.auc.set_index("group").loc[LOW]
    assert (auc["status"], auc["reason"]) == ("not_estimable", "no animal with a complete window")


def test_a_group_of_one_rests_on_the_others_error() -> None:
    result = analyse(simulate(EFFECT, n={"vehicle": 6, LOW: 6, HIGH: 1}, seed=17))
    check_tables(result)
    assert (result.contrasts["status"] == "ok").all()
    assert result.model["warnings"] == [
        f"group '{HIGH}' has one animal; its standard errors rest on the other groups"
    ]
    means = result.means[result.means["group"] == HIGH]
    assert (means["n"] == 1).all() and means["mean_pct"].notna().all()
    assert means[["sd_pct", "sem_pct", "low_pct", "geomean_low_pct"]].isna().all().all()
    auc = result.auc.set_index("group").loc[HIGH]
    assert np.isnan(auc["sd_pct_min"]) and auc["status"] == "ok" and auc["df"] == 10


@pytest.mark.parametrize(
    ("n", "reason"),
    [
        (1, "no degrees of freedom between animals: 3 animals for 3 groups and log_baseline_c"),
        (
            {"vehicle": 2, LOW: 1, HIGH: 1},
            "no degrees of freedom between animals: 4 animals for 3 groups and log_baseline_c",
        ),
    ],
)
def test_too_few_animals_are_not_estimable(n: Any, reason: str) -> None:
    result = analyse(simulate(EFFECT, n=n))
    check_tables(result)
    for table in (result.anova, result.contrasts, result.emmeans):
        assert (table["status"] == "not_estimable").all()
        assert (table["reason"] == reason).all()
        assert (
            table.select_dtypes("float")[
                table.select_dtypes("float").columns.drop("time_min", errors="ignore")
            ]
            .isna()
            .all()
            .all()
        )
    assert result.means["mean_pct"].notna().all()


def test_nothing_usable_is_not_estimable() -> None:
    frame = drop_value(simulate(EFFECT), slice(None), "baseline below the LOQ")
    result = analyse(frame)
    check_tables(result)
    for table in (result.anova, result.contrasts, result.emmeans):
        assert (table["status"] == "not_estimable").all()
        assert (table["reason"] == "no post-dose value can be used").all()
    assert (result.means["n"] == 0).all()
    assert result.model["status"] == "not_estimable" and result.model["n_animals"] == 0


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_constant_response_fails_with_a_reason(value: float) -> None:
    frame = change(
        simulate(EFFECT), slice(None), log_ratio=value, pct_of_baseline=100 * np.exp(value)
    )
    result = analyse(frame)
    check_tables(result)
    reason = "the response does not vary within the cells; there is no error estimate"
    for table in (result.anova, result.contrasts, result.emmeans):
        assert (table["status"] == "failed").all() and (table["reason"] == reason).all()
    assert result.contrasts["p"].isna().all() and (result.contrasts["stars"] == "").all()
    assert result.model["converged"] is False
    compared = result.auc[result.auc["group"] != "vehicle"]
    assert (compared["status"] == "not_estimable").all()
    assert (
        compared["reason"] == "the AUC does not vary within groups; there is no error estimate"
    ).all()


def test_no_variation_within_animals_fails_with_a_reason() -> None:
    result = analyse(simulate(EFFECT, error_sd=0))
    assert (result.contrasts["status"] == "failed").all()
    assert (result.contrasts["reason"] == "the response does not vary within animals").all()


def test_missing_values_are_left_out_and_counted() -> None:
    frame = simulate(EFFECT, seed=18)
    lost = frame["injection_id"].isin(["R01_1", "R01_2", "R09_4"])
    undefined = frame["injection_id"] == "R12_5"
    late = frame["injection_id"] == "R03_-1"
    frame = drop_value(drop_value(frame, lost), late, "air bubble")
    frame = change(frame, undefined, conc=0.0, pct_of_baseline=0.0, log_ratio=np.nan)
    result = analyse(frame)
    check_tables(result)
    assert result.model["n_observations"] == 21 * 6 - 4
    assert result.model["exclusions"] == [
        {"reason": "lost vial", "n": 3},
        {"reason": "the logarithm of the ratio to baseline is not defined", "n": 1},
    ]
    # A zero counts in the arithmetic mean and leaves no geometric one.
    cell = result.means.set_index(["group", "time_index"]).loc[(LOW, 5)]
    assert cell["n"] == 7 and np.isnan(cell["geomean_pct"]) and np.isfinite(cell["mean_pct"])
    assert result.model["auc"]["without_auc"] == [{"reason": "a fraction is missing", "n": 2}]
    assert result.auc.set_index("group").loc["vehicle", "n"] == 6


def test_censored_and_uncalibrated_values_are_told() -> None:
    frame = simulate(EFFECT, seed=19)
    cell = (frame["group"] == "vehicle") & (frame["time_index"] == 2)
    frame = change(frame, cell & (frame["animal_id"] != "R01"), censored=True)
    frame = frame.assign(conc_unit=pd.Series(["response"] * len(frame), dtype="str"))
    result = analyse(frame)
    assert result.model["n_censored"] == 6 and result.model["uncalibrated"] is True
    assert result.model["warnings"] == [
        "left out of the model: 6 of the 7 values of 'vehicle' at this time are below the limit "
        "of detection, which is too many"
    ]
    refused = result.contrasts[result.contrasts["time_index"] == 2]
    assert (refused["status"] == "not_estimable").all()
    assert refused["reason"].str.startswith("6 of the 7 values of 'vehicle'").all()
    assert {"n": 7, "reason": "cell refused: too many values below the limit of detection"} in (
        result.model["exclusions"]
    )
    means = result.means.set_index(["group", "time_index"])
    assert means.loc[("vehicle", 2), "n_censored"] == 6 and means["n_censored"].sum() == 6


# --- designs ------------------------------------------------------------------------------------


def test_groups_are_compared_with_their_own_control() -> None:
    effect = {"vehicle": 0.0, "saline": 0.3, "drug 2 mg/kg s.c.": 0.2, "other 1 mg/kg i.p.": 0.5}
    frame = simulate(effect, seed=20)
    saline = frame["group"].isin(["saline", "other 1 mg/kg i.p."])
    frame = change(frame, saline, control="saline")
    frame = change(frame, frame["group"] == "saline", dose=0.0, is_control=True)
    result = analyse(frame)
    check_tables(result)
    pairs = set(zip(result.contrasts["group"], result.contrasts["control"], strict=True))
    assert pairs == {("drug 2 mg/kg s.c.", "vehicle"), ("other 1 mg/kg i.p.", "saline")}
    means = result.emmeans.set_index(["group", "time_index"])["log_mean"]
    for row in result.contrasts.itertuples():
        expected = means[(row.group, row.time_index)] - means[(row.control, row.time_index)]
        assert row.log_ratio == pytest.approx(expected, abs=1e-12)
    auc = result.auc.set_index("group")
    assert auc.loc["other 1 mg/kg i.p.", "difference_pct_min"] == pytest.approx(
        auc.loc["other 1 mg/kg i.p.", "mean_pct_min"] - auc.loc["saline", "mean_pct_min"]
    )


def test_two_controls_in_one_group_are_an_error() -> None:
    frame = simulate({"vehicle": 0.0, "saline": 0.0, LOW: 0.2}, n=3)
    frame = change(frame, frame["group"] == "saline", control="saline")
    frame = change(frame, frame["animal_id"] == "R09", control="saline")
    with pytest.raises(StatsError) as error:
        analyse(frame)
    assert str(error.value) == (
        "animals.csv, column control: group 'drug 2 mg/kg s.c.' is compared with 'saline' (animal "
        "R09), 'vehicle' (animal R07); expected one control for all animals of a group. Name the "
        "same control for all of them, or tell the groups apart by their pretreatment."
    )


def test_a_missing_control_group_leaves_rows_with_a_reason() -> None:
    frame = simulate(EFFECT, seed=21)
    result = analyse(frame[frame["group"] != "vehicle"])
    check_tables(result)
    assert (result.contrasts["status"] == "not_estimable").all()
    assert (result.contrasts["reason"] == "no value of 'vehicle' at this time").all()
    assert (result.auc["reason"] == "no animal of 'vehicle' with a complete window").all()


def test_covariates_shift_nothing_but_their_own_effect() -> None:
    """A planted effect of sex is taken up by the covariate, in designs that are not balanced."""
    frame = simulate(EFFECT, n={"vehicle": 9, LOW: 7, HIGH: 5}, seed=22)
    shifted = frame["log_ratio"] + 0.5 * (frame["sex"] == "male")
    one = analyse(frame, covariates=["sex"])
    two = analyse(frame.assign(log_ratio=shifted), covariates=["sex"])
    check_tables(two)
    np.testing.assert_allclose(one.contrasts["log_ratio"], two.contrasts["log_ratio"], atol=1e-10)
    # Averaged over the two sexes with equal weights, the means move by half the effect.
    np.testing.assert_allclose(two.emmeans["log_mean"] - one.emmeans["log_mean"], 0.25, atol=1e-10)
    assert two.model["formula"] == "log_ratio ~ group * time + log_baseline_c + sex"
    assert list(two.anova["term"]) == ["log_baseline_c", "sex", "group", "time", "group:time"]
    assert two.anova.set_index("term").loc["sex", "p"] < 1e-3


def test_a_covariate_that_is_confounded_with_the_groups() -> None:
    frame = simulate(EFFECT, seed=23)
    frame = frame.assign(cohort=(frame["group"] == HIGH).map({True: "B", False: "A"}).astype("str"))
    result = analyse(frame, covariates=["cohort"])
    check_tables(result)
    table = result.contrasts.set_index("group")
    assert (table.loc[HIGH, "status"] == "not_estimable").all()
    assert (
        table.loc[HIGH, "reason"] == "the difference can't be told apart from that in cohort"
    ).all()
    # The other group was in the control's cohort: it is as without the covariate.
    assert (table.loc[LOW, "status"] == "ok").all()
    without = analyse(frame).contrasts.set_index("group")
    np.testing.assert_allclose(
        table.loc[LOW, "log_ratio"], without.loc[LOW, "log_ratio"], atol=1e-9
    )
    np.testing.assert_allclose(table.loc[LOW, "se"], without.loc[LOW, "se"], rtol=1e-7)
    anova = result.anova.set_index("term")
    assert anova.loc["cohort", "status"] == "not_estimable"
    assert (
        anova.loc["group", "reason"]
        == "can't be told apart from cohort, with which it is confounded"
    )
    assert anova.loc["group:time", "status"] == "ok"
    assert result.model["warnings"] == [
        "cohort is confounded with other terms; not every comparison can be made"
    ]


def test_a_covariate_that_is_not_given_is_an_error() -> None:
    frame = simulate(EFFECT)
    frame = change(frame, frame["animal_id"].isin(["R02", "R05"]), sex="")
    with pytest.raises(StatsError) as error:
        analyse(frame, covariates=["sex"])
    assert str(error.value) == (
        "study.yaml, stats.covariates: 'sex' is asked for, but animals.csv does not give it for "
        "R02, R05 (outcome 5-ht_hippocampus); expected a value for every animal. Fill in the "
        "column sex, or take it out of stats.covariates."
    )


def test_two_probes_of_an_animal_are_one_animal() -> None:
    frame = simulate(EFFECT, seed=24)
    second = frame.assign(probe_id=(frame["probe_id"] + "b").astype("str"))
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.05, len(frame))
    second = second.assign(
        log_ratio=second["log_ratio"] + noise,
        pct_of_baseline=100 * np.exp(second["log_ratio"] + noise),
    )
    both = pd.concat([frame, second], ignore_index=True)
    one, two = analyse(frame), analyse(both)
    check_tables(two)
    assert two.model["n_animals"] == 21 and two.model["n_probes"] == 42
    assert two.model["random_intercepts"] == ["animal", "probe"]
    assert one.model["random_intercepts"] == ["animal"]
    assert (
        (two.emmeans["n"] == 7).all() and (two.means["n"] == 7).all() and (two.auc["n"] == 7).all()
    )
    cell = both[(both["group"] == LOW) & (both["time_index"] == 2)]
    per_animal = cell.groupby("animal_id")[["pct_of_baseline", "log_ratio"]].mean()
    row = two.means.set_index(["group", "time_index"]).loc[(LOW, 2)]
    assert row["mean_pct"] == pytest.approx(per_animal["pct_of_baseline"].mean())
    assert row["sd_pct"] == pytest.approx(per_animal["pct_of_baseline"].std())
    assert row["geomean_pct"] == pytest.approx(100 * np.exp(per_animal["log_ratio"].mean()))


def test_rows_of_two_outcomes_are_refused() -> None:
    frame = pd.concat([simulate(), simulate(outcome="da_hippocampus")])
    with pytest.raises(ValueError, match="expected the rows of one outcome"):
        analyse(frame)


# --- a study ------------------------------------------------------------------------------------


def test_six_outcomes_of_35_animals_take_less_than_ten_seconds() -> None:
    effect = {"vehicle": 0.0, **{f"drug {dose} mg/kg s.c.": 0.1 * dose for dose in (1, 2, 3, 4)}}
    frame = pd.concat(
        [simulate(effect, n=7, times=9, seed=i, outcome=f"outcome_{i}") for i in (3, 1, 2, 5, 4, 0)]
    )
    start = time.thread_time()
    results = analyse_study(frame, summarise(frame), config())
    assert time.thread_time() - start < 10
    assert list(results) == [f"outcome_{i}" for i in (3, 1, 2, 5, 4, 0)]
    for slug, result in results.items():
        assert result.model["outcome"] == slug
        assert (result.contrasts["outcome"] == slug).all() and len(result.contrasts) == 36
    one = frame[frame["outcome"] == "outcome_2"]
    pd.testing.assert_frame_equal(analyse(one).contrasts, results["outcome_2"].contrasts)
