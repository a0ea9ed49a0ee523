"""The mixed-model engine and its public interface: optimum, invariance, odd data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.errors import StatsError
from dialysis.stats import LmmResult, fit_lmm
from dialysis.stats.blocks import make_blocks
from dialysis.stats.covariance import CHOICES, parse_structure
from dialysis.stats.reml import Likelihood, make_basis

FORMULA = "log_ratio ~ lb + group * ftime"


def simulate(
    groups: int = 3,
    n: int = 6,
    times: int = 6,
    seed: int = 0,
    share: float = 0.5,
    rho: float = 0.6,
    sd: float = 0.3,
    step: float = 20.0,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    lag = np.abs(np.subtract.outer(np.arange(times), np.arange(times)))
    root = np.linalg.cholesky(share + (1 - share) * rho**lag + 1e-12 * np.eye(times))
    rows = []
    for number in range(groups * n):
        error = sd * (root @ rng.standard_normal(times))
        lb = rng.normal(1.0, 0.3)
        for at in range(times):
            rows.append(
                {
                    "animal": f"R{number:02d}",
                    "group": f"g{number // n}",
                    "time_min": 10.0 + step * at,
                    "ftime": f"{10 + step * at:g}",
                    "lb": lb,
                    "log_ratio": error[at] + 0.1 * at * (number // n),
                }
            )
    return pd.DataFrame(rows)


def fit(
    data: pd.DataFrame, covariance: str = "ri+ar1", formula: str = FORMULA, **more
) -> LmmResult:
    return fit_lmm(formula, data, subject="animal", time="time_min", covariance=covariance, **more)


def unequal(data: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Real sampling times that differ from animal to animal."""
    rng = np.random.default_rng(seed)
    return data.assign(time_min=data["time_min"] + rng.uniform(-4, 4, len(data)))


# --- the optimum --------------------------------------------------------------------------------


@pytest.mark.parametrize("covariance", CHOICES)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_gradient_and_information_are_those_of_the_criterion(covariance: str, method: str) -> None:
    data = unequal(simulate(n=4, times=5, seed=1)).sample(frac=0.9, random_state=2)
    design = fit(data, covariance).design
    groups = tuple(design.factors["group"])
    blocks = make_blocks(
        pd.factorize(design.data["animal"])[0].astype(np.int64),
        design.data["time_min"].astype(float).to_numpy() if "time_min" in design.data else None,
        stratum=design.data["group"].cat.codes.to_numpy(dtype=np.int64),
        random={"half": (pd.factorize(design.data["animal"])[0] % 2).astype(np.int64)},
    )
    structure = parse_structure(covariance, groups, ("half",), blocks.integer_lags)
    likelihood = Likelihood(make_basis(design.response, design.matrix), blocks, structure, method)
    points = {"rho": 0.4, "ratio": 0.7, "cov": 0.3, "correlation": 0.3, "tau2": 0.4}
    theta = np.array([points.get(name, 0.8) for name in structure.names])
    state = likelihood.state(theta)
    assert state.criterion == pytest.approx(likelihood.criterion(theta), rel=1e-12)
    step = 1e-5
    for h in range(len(theta)):
        move = step * (np.arange(len(theta)) == h)
        up, down = likelihood.state(theta + move), likelihood.state(theta - move)
        slope = (up.criterion - down.criterion) / (2 * step)
        assert state.gradient[h] == pytest.approx(slope, rel=1e-6, abs=1e-5)
        curve = (up.gradient - down.gradient) / (2 * step)
        # The information is of the log likelihood: half of the criterion's second derivative.
        np.testing.assert_allclose(2 * state.observed[h], curve, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("covariance", CHOICES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_other_optimiser_finds_a_larger_likelihood(covariance: str, seed: int) -> None:
    from scipy.optimize import minimize

    data = simulate(n=5, times=5, seed=seed)
    result = fit(data, covariance)
    assert result.converged
    core = result.fit
    likelihood = Likelihood(core.basis, core.blocks, core.structure, "REML")
    ours = core.optimum.state.criterion
    rng = np.random.default_rng(seed)
    bounds = [
        (max(low, -0.9) if np.isfinite(low) else -0.1, min(high, 30.0))
        for low, high in zip(core.structure.lower, core.structure.upper, strict=True)
    ]
    for _ in range(3):
        start = [rng.uniform(max(low, 0.05), min(high, 0.9)) for low, high in bounds]
        found = minimize(likelihood.criterion, start, method="Nelder-Mead", bounds=bounds)
        assert ours <= found.fun + 1e-6


def test_large_samples_recover_the_parameters() -> None:
    result = fit(simulate(n=80, times=8, seed=5))
    theta = result.covariance_params
    # 240 animals: about 10 % for variances.
    assert theta["tau2"] == pytest.approx(0.045, rel=0.3)
    assert theta["sigma2"] == pytest.approx(0.045, rel=0.25)
    assert theta["rho"] == pytest.approx(0.6, abs=0.08)


def test_maximum_likelihood_is_that_of_least_squares_for_independent_rows() -> None:
    import statsmodels.formula.api as smf

    data = simulate(times=1, n=8)
    result = fit_lmm("log_ratio ~ lb + group", data, subject="animal", covariance="ri", method="ML")
    expected = smf.ols("log_ratio ~ lb + group", data).fit()
    assert result.loglik == pytest.approx(expected.llf, rel=1e-10)
    assert result.fit.structure.kind == "independent"
    reml = fit_lmm("log_ratio ~ lb + group", data, subject="animal", covariance="ri")
    assert reml.covariance_params["sigma2"] == pytest.approx(expected.scale, rel=1e-10)
    table = reml.anova().set_index("term")
    assert table.loc["group", "den_df"] == pytest.approx(expected.df_resid, rel=1e-9)


def test_equal_sampling_is_seen_through_missing_samples_and_a_unit_changes_nothing() -> None:
    data = simulate(seed=3)
    holes = data.drop(index=[1, 2, 9, 40])
    result = fit(holes)
    assert result.fit.blocks.integer_lags and result.fit.blocks.time_unit == 20
    hours = holes.assign(time_min=holes["time_min"] / 60)
    other = fit(hours)
    assert other.loglik == pytest.approx(result.loglik, rel=1e-10)
    assert other.covariance_params["rho"] == pytest.approx(
        result.covariance_params["rho"], rel=1e-8
    )
    real = fit(unequal(data))
    assert not real.fit.blocks.integer_lags


def test_two_probes_are_series_with_a_random_intercept() -> None:
    data = simulate(n=5, times=5, seed=4)
    rng = np.random.default_rng(0)
    other = data.assign(log_ratio=data["log_ratio"] + rng.normal(0, 0.1, len(data)))
    both = pd.concat([data.assign(probe="a"), other.assign(probe="b")])
    both["probe"] = both["animal"] + both["probe"]
    with pytest.raises(StatsError, match=r"two rows of one animal have the same time \(10\)"):
        fit(both)
    result = fit(both, series="probe", random=["probe"])
    assert result.fit.structure.names == ("sigma2", "rho", "tau2", "tau2[probe]")
    assert result.n_subjects == 15
    # The animal is the unit: two probes do not double the degrees of freedom between groups.
    den_df = result.anova().set_index("term").loc["group", "den_df"]
    assert den_df == pytest.approx(15 - 3 - 1, abs=1.5)


# --- invariance ---------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-9, 1.0, 1e3, 1e12]),
    shift=st.sampled_from([0.0, 5.0]),
    covariance=st.sampled_from(["ri", "ar1", "ri+ar1", "cs"]),
)
def test_order_coding_and_scale_leave_f_and_p_unchanged(
    seed: int, scale: float, shift: float, covariance: str
) -> None:
    data = simulate(n=4, times=4, seed=seed % 50)
    data = data.drop(index=data.sample(3, random_state=seed % 7).index)
    one = fit(data, covariance).anova().set_index("term")
    shuffled = data.sample(frac=1, random_state=seed % 1000)
    levels = list(np.random.default_rng(seed).permutation(["g0", "g1", "g2"]))
    changed = shuffled.assign(
        log_ratio=scale * (shuffled["log_ratio"] + shift),
        lb=shuffled["lb"] * 2.54,
        group=pd.Categorical(shuffled["group"], categories=levels),
    )
    two = fit(changed, covariance).anova().set_index("term")
    # The intercept that a shift moves is no term; lb enters linearly.
    for column in ("F", "p", "den_df"):
        np.testing.assert_allclose(two.loc[one.index, column], one[column], rtol=1e-8, atol=1e-12)


def test_text_numbers_and_categories_are_the_same_factor() -> None:
    data = simulate(seed=6)
    one = fit(data)
    two = fit(data.assign(ftime=pd.Categorical(data["ftime"])))
    three = fit(data, formula="log_ratio ~ lb + group * C(time_min)")
    for other in (two, three):
        np.testing.assert_allclose(other.anova()["F"], one.anova()["F"], rtol=1e-10)
    assert one.design.factors["ftime"] == ("10", "30", "50", "70", "90", "110")


# --- means and contrasts ------------------------------------------------------------------------


def test_contrasts_are_differences_of_means_and_intervals_agree_with_p() -> None:
    result = fit(simulate(seed=7))
    means = result.emmeans("group", by="ftime").set_index(["group", "ftime"])["emmean"]
    for family in ("within", "all"):
        table = result.contrasts("group", by="ftime", reference="g0", family=family)
        for row in table.itertuples():
            level = row.contrast.split(" - ")[0]
            assert row.estimate == pytest.approx(means[level, row.ftime] - means["g0", row.ftime])
        inside = (table["low"] < 0) & (table["high"] > 0)
        assert (inside == (table["p_adjusted"] > 0.05)).all()
        assert (table["p_adjusted"] >= table["p"] - 1e-12).all()
    pairs = result.contrasts("group", method="tukey")
    assert list(pairs["contrast"]) == ["g1 - g0", "g2 - g0", "g2 - g1"]


def test_tukey_in_a_balanced_one_way_layout_is_the_studentized_range() -> None:
    from scipy.stats import tukey_hsd

    data = simulate(times=1, n=7, groups=3, seed=2)
    result = fit_lmm("log_ratio ~ group", data, subject="animal", covariance="ri")
    ours = result.contrasts("group", method="tukey")
    samples = [data.loc[data["group"] == f"g{i}", "log_ratio"] for i in range(3)]
    expected = tukey_hsd(*samples).pvalue
    theirs = [expected[1, 0], expected[2, 0], expected[2, 1]]
    # A sampled probability here: three comparisons with negative correlations.
    np.testing.assert_allclose(ours["p_adjusted"], theirs, atol=2e-4)


def test_the_area_is_that_of_the_means_and_its_error_that_of_simulation() -> None:
    result = fit(simulate(seed=8))
    means = result.emmeans("group", by="ftime")
    table = result.auc("group", "ftime", 20.0, reference="g0").set_index("group")
    for level, rows in means.groupby("group"):
        assert table.loc[level, "auc"] == pytest.approx(20 * np.sum(100 * np.exp(rows["emmean"])))
    rng = np.random.default_rng(0)
    _, hypothesis = result._cells(["group", "ftime"], None)
    phi = result.fit.covariance_of(hypothesis)
    draws = rng.multivariate_normal(hypothesis @ result.fit.params, phi, 40_000)
    areas = 20 * 100 * np.exp(draws).reshape(40_000, 3, 6).sum(axis=2)
    np.testing.assert_allclose(table["se"], areas.std(axis=0), rtol=0.05)
    linear = result.auc(
        "group", "ftime", dict.fromkeys(result.design.factors["ftime"], 20.0), log=False
    )
    assert linear["auc"].iloc[0] == pytest.approx(20 * means["emmean"].iloc[:6].sum())


def test_an_empty_cell_is_missing_with_a_reason_and_the_rest_is_tested() -> None:
    data = simulate(seed=9)
    data = data[~((data["group"] == "g2") & (data["ftime"] == "50"))]
    result = fit(data)
    means = result.emmeans("group", by="ftime").set_index(["group", "ftime"])
    assert np.isnan(means.loc[("g2", "50"), "emmean"])
    assert means.loc[("g2", "50"), "reason"] == "no data determine this cell"
    assert means["emmean"].notna().sum() == 17
    table = result.contrasts("group", by="ftime", reference="g0")
    lost = table[table["estimate"].isna()]
    assert list(lost["contrast"]) == ["g2 - g0"] and (lost["reason"] != "").all()
    anova = result.anova().set_index("term")
    assert anova.loc["group:ftime", "num_df"] == 9
    assert anova.loc["group:ftime", "reason"].startswith("9 of 10 degrees of freedom")
    area = result.auc("group", "ftime", 20.0).set_index("group")
    assert np.isnan(area.loc["g2", "auc"]) and area.loc["g2", "reason"]


def test_results_do_not_depend_on_a_collinear_covariate() -> None:
    data = simulate(seed=10)
    one = fit(data).anova().set_index("term")
    twice = fit(data.assign(copy=2 * data["lb"]), formula=FORMULA + " + copy")
    two = twice.anova().set_index("term")
    assert two.loc["group:ftime", "F"] == pytest.approx(one.loc["group:ftime", "F"], rel=1e-8)
    # Nothing is left that belongs to one of the two alone.
    assert np.isnan(two.loc["lb", "F"]) and two.loc["lb", "reason"]


def test_the_variogram_of_independent_rows_is_flat() -> None:
    from dialysis.stats.residuals import variogram

    result = fit(simulate(n=40, times=6, share=0.0, rho=1e-9, seed=11))
    table = variogram(result.fit, result.residuals["residual"].to_numpy())
    np.testing.assert_allclose(table["semivariance"], 0.09, rtol=0.2)
    np.testing.assert_allclose(table["fitted_semivariance"], table["semivariance"], rtol=0.2)


def test_whitened_residuals_have_unit_variance_and_no_correlation() -> None:
    data = simulate(n=60, times=6, seed=12)
    table = fit(data).residuals
    scaled = table["scaled_residual"].to_numpy().reshape(-1, 6)
    assert scaled.var() == pytest.approx(1, abs=0.1)
    off = np.corrcoef(scaled.T)[np.triu_indices(6, 1)]
    # 180 animals: standard error 0.075.
    assert np.abs(off).max() < 0.25


def test_leaving_a_block_out_is_fitting_without_it() -> None:
    from dialysis.stats.fit import fit_design
    from dialysis.stats.residuals import without_block

    data = simulate(n=5, times=4, seed=13)
    result = fit(data)
    out = (result.design.data["animal"].astype(str) == "R03").to_numpy()
    ours = without_block(result.fit, out)
    keep = ~out
    codes = pd.factorize(result.design.data["animal"][keep])[0].astype(np.int64)
    blocks = make_blocks(codes, data["time_min"].to_numpy()[keep])
    core = fit_design(
        result.design.response[keep], result.design.matrix[keep], blocks, result.fit.structure
    )
    likelihood = Likelihood(core.basis, blocks, core.structure)
    theta = np.where(
        core.structure.scales, result.fit.theta / core.basis.scale**2, result.fit.theta
    )
    state = likelihood.state(theta)
    expected = core.basis.to_params @ (core.basis.offset + core.basis.scale * state.coefficients)
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-10)


# --- odd data -----------------------------------------------------------------------------------


def test_zero_animal_variance_keeps_the_animal_as_the_unit() -> None:
    data = simulate(n=6, times=9, seed=14, share=0.0, rho=1e-9)
    data["log_ratio"] -= data.groupby("animal")["log_ratio"].transform("mean")
    data["log_ratio"] += data["lb"] * 0
    result = fit(data, "ri")
    assert result.status == "singular" and result.covariance_params["tau2"] == 0
    assert result.reason == (
        "the variance between animals is estimated as zero; it still counts as estimated in the "
        "degrees of freedom, so that the animal stays the unit"
    )
    kept = result.anova().set_index("term")["den_df"]
    dropped = fit(data, "ri", boundary="drop").anova().set_index("term")["den_df"]
    assert kept["group"] == pytest.approx(14, rel=1e-6)
    assert dropped["group"] > 100


def test_an_animal_without_values_and_missing_values_are_left_out_and_counted() -> None:
    data = simulate(seed=15)
    data.loc[data["animal"] == "R05", "log_ratio"] = np.nan
    data.loc[3, "lb"] = np.nan
    result = fit(data)
    assert (result.n_subjects, result.n_obs, result.design.n_dropped) == (17, 101, 7)
    assert "7 rows with missing values left out" in result.summary()


def test_a_group_of_two_and_two_times() -> None:
    data = simulate(n=2, groups=2, times=4, seed=16)
    assert np.isfinite(fit(data, formula="log_ratio ~ group * ftime").anova()["p"]).all()
    two = fit(simulate(times=2, seed=17))
    assert two.fit.structure.kind == "ri"
    assert two.reason.startswith("with two times per series a random intercept and serial")


def test_one_time_point_is_a_one_way_layout() -> None:
    result = fit(simulate(times=1, seed=18), formula="log_ratio ~ lb + group")
    assert result.fit.structure.kind == "independent"
    assert result.reason.startswith("one sample per animal")


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ({"log_ratio": 1.0}, {}, "the response does not vary within the cells"),
        ({"log_ratio": np.inf}, {}, "column 'log_ratio' has infinite values"),
        ({"log_ratio": "high"}, {}, "column 'log_ratio' is the response; expected numbers"),
        ({"group": "g0"}, {}, "factor 'group' has one level (g0); expected two or more"),
        ({"log_ratio": np.nan}, {}, "no row has a value in every column it needs"),
        ({}, {"formula": "log_ratio ~ dose"}, "the data have no column 'dose'; found animal"),
        ({}, {"formula": "log_ratio"}, "found no single response"),
        ({}, {"formula": "log_ratio ~ ("}, "expected 'response ~ terms'"),
        ({}, {"covariance": "arma"}, "found no covariance structure of that name; expected one of"),
        ({}, {"method": "ols"}, "method='ols': expected 'REML' or 'ML'"),
        ({}, {"ddf": "z"}, "ddf='z': found no such method"),
        ({}, {"boundary": "pool"}, "boundary='pool': expected"),
        ({}, {"formula": "log_ratio ~ animal * ftime"}, "leave nothing to estimate an error from"),
        ({"time_min": 10.0}, {}, "two rows of one animal have the same time (10)"),
        ({}, {"random": ["group"]}, None),
    ],
)
def test_what_cannot_be_fitted_is_a_clear_error(change, more, message) -> None:
    data = simulate(seed=19).assign(**change)
    arguments = {"formula": FORMULA, **more}
    if message is None:
        assert fit(data, **arguments).status in ("ok", "singular")
        return
    with pytest.raises(StatsError) as error:
        fit(data, **arguments)
    assert message in str(error.value)


def test_constant_animals_have_no_error_within() -> None:
    data = simulate(seed=20, rho=0.0, share=1.0)
    data["log_ratio"] = data.groupby("animal")["log_ratio"].transform("first")
    for covariance in ("ri", "ar1", "ri+ar1"):
        with pytest.raises(StatsError, match="does not vary within animals"):
            fit(data, covariance)


def test_a_variance_per_group_needs_three_animals() -> None:
    data = simulate(seed=21)
    small = data[~data["animal"].isin(["R00", "R01", "R02", "R03"])]
    with pytest.raises(StatsError) as error:
        fit(small, "ri+ar1+het")
    assert str(error.value) == (
        "variance per group: 'g0' has 2 animals; expected at least 3 to estimate a variance from. "
        "Use the covariance without '+het'."
    )


def test_unknown_names_are_told() -> None:
    result = fit(simulate(seed=22))
    with pytest.raises(StatsError, match="'dose' is no factor of"):
        result.emmeans("dose")
    with pytest.raises(StatsError, match="reference='vehicle': found no such level of 'group'"):
        result.contrasts("group", by="ftime", reference="vehicle")
    with pytest.raises(StatsError, match="method='sidak'"):
        result.contrasts("group", method="sidak")
    with pytest.raises(StatsError, match="needs the time of every row"):
        fit_lmm(FORMULA, simulate(), subject="animal")


def test_the_result_is_frozen_and_repeatable() -> None:
    data = simulate(seed=23)
    before = data.copy()
    one, two = fit(data), fit(data)
    pd.testing.assert_frame_equal(data, before)
    pd.testing.assert_series_equal(one.params, two.params, check_exact=True)
    with pytest.raises(AttributeError):
        one.n_obs = 3
    assert list(one.anova().columns[:5]) == ["term", "num_df", "den_df", "F", "p"]
    assert one.cov_params.shape == (len(one.params),) * 2
    assert "Type III tests" in one.summary()
