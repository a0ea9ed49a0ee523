"""The random-intercept fit against dense algebra and closed forms, and where it can't be done."""

from __future__ import annotations

import numpy as np
import pytest

from dialysis.stats import model
from dialysis.stats.inference import two_sided_p, wald_f
from dialysis.stats.model import FloatArray, IntArray, MixedFit, fit_random_intercept


def unbalanced(seed: int = 0, animal_sd: float = 1.0) -> tuple[FloatArray, FloatArray, IntArray]:
    rng = np.random.default_rng(seed)
    animal = np.repeat(np.arange(12), rng.integers(2, 8, 12)).astype(np.int64)
    n = len(animal)
    design = np.column_stack([np.ones(n), animal % 2, rng.normal(size=n)])
    response = design @ [1.0, 0.5, -0.3] + animal_sd * rng.normal(size=12)[animal]
    return response + 0.7 * rng.normal(size=n), design, animal


def dense_criterion(
    ratio: float, response: FloatArray, design: FloatArray, animal: IntArray
) -> tuple[float, FloatArray, FloatArray]:
    """−2 REML log-likelihood, coefficients and covariance, from n × n matrices."""
    n, p = design.shape
    same = (animal[:, None] == animal[None, :]).astype(float)
    w = np.eye(n) + ratio * same
    inverse = np.linalg.inv(w)
    information = design.T @ inverse @ design
    params = np.linalg.solve(information, design.T @ inverse @ response)
    residual = response - design @ params
    variance = float(residual @ inverse @ residual) / (n - p)
    criterion = (
        (n - p) * (1 + np.log(2 * np.pi * variance))
        + np.linalg.slogdet(w)[1]
        + np.linalg.slogdet(information)[1]
    )
    return criterion, params, variance * np.linalg.inv(information)


def check_optimum(fit: MixedFit, data: tuple[FloatArray, FloatArray, IntArray]) -> None:
    ratio = fit.variance_animal / fit.variance_residual
    criterion, params, covariance = dense_criterion(ratio, *data)
    np.testing.assert_allclose(fit.params, params, rtol=1e-10)
    np.testing.assert_allclose(fit.cov_params, covariance, rtol=1e-9, atol=1e-15)
    assert fit.loglik == pytest.approx(-0.5 * criterion, rel=1e-12)
    for step in (0.9, 0.99, 1.01, 1.1):
        assert dense_criterion(ratio * step, *data)[0] > criterion


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_the_optimum_of_the_dense_criterion(seed: int) -> None:
    data = unbalanced(seed)
    fit = fit_random_intercept(*data)
    assert (fit.status, fit.reason, fit.converged) == ("ok", "", True)
    check_optimum(fit, data)


def test_balanced_one_way_layout_has_the_anova_estimates() -> None:
    """σ² = MS within, τ² = (MS between − MS within)/k (Searle, Casella & McCulloch 1992)."""
    rng = np.random.default_rng(5)
    k, animals = 6, 10
    animal = np.repeat(np.arange(animals), k).astype(np.int64)
    response = 3 + rng.normal(size=animals)[animal] + 0.5 * rng.normal(size=animals * k)
    fit = fit_random_intercept(response, np.ones((animals * k, 1)), animal)
    table = response.reshape(animals, k)
    within = np.sum((table - table.mean(axis=1, keepdims=True)) ** 2) / (animals * (k - 1))
    between = k * np.var(table.mean(axis=1), ddof=1)
    assert fit.variance_residual == pytest.approx(within, rel=1e-12)
    assert fit.variance_animal == pytest.approx((between - within) / k, rel=1e-11)
    assert fit.params[0] == pytest.approx(response.mean(), rel=1e-13)
    assert fit.cov_params[0, 0] == pytest.approx(between / (animals * k), rel=1e-12)


def test_statsmodels_agrees() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    response, design, animal = unbalanced(1)
    fit = fit_random_intercept(response, design, animal)
    other = MixedLM(response, design, groups=animal).fit(reml=True)
    # MixedLM stops some six digits into the optimum.
    np.testing.assert_allclose(fit.params, other.fe_params, rtol=1e-4)
    assert fit.variance_animal == pytest.approx(float(other.cov_re[0, 0]), rel=1e-3)
    assert fit.variance_residual == pytest.approx(other.scale, rel=1e-3)
    assert fit.warnings == ()


def test_order_and_names_of_animals_change_nothing() -> None:
    response, design, animal = unbalanced(2)
    fit = fit_random_intercept(response, design, animal)
    order = np.random.default_rng(0).permutation(len(response))
    other = fit_random_intercept(response[order], design[order], 11 - animal[order])
    np.testing.assert_allclose(other.params, fit.params, rtol=1e-11)
    np.testing.assert_allclose(other.cov_params, fit.cov_params, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("scale", [1e-9, 1e12])
def test_the_scale_of_the_response_passes_through(scale: float) -> None:
    response, design, animal = unbalanced(2)
    fit = fit_random_intercept(response, design, animal)
    other = fit_random_intercept(scale * response, design, animal)
    assert other.status == "ok"
    np.testing.assert_allclose(other.params, scale * fit.params, rtol=1e-10)
    np.testing.assert_allclose(other.cov_params, scale**2 * fit.cov_params, rtol=1e-9)


def test_zero_variance_between_animals_is_singular_and_least_squares() -> None:
    rng = np.random.default_rng(3)
    animal = np.repeat(np.arange(8), 5).astype(np.int64)
    response = rng.normal(size=40).reshape(8, 5)
    response = (response - response.mean(axis=1, keepdims=True)).ravel()
    design = np.column_stack([np.ones(40), np.tile(np.arange(5.0), 8)])
    fit = fit_random_intercept(response, design, animal)
    assert fit.status == "singular" and fit.reason == model.SINGULAR_REASON
    assert fit.variance_animal == 0 and fit.converged
    _, params, covariance = dense_criterion(0.0, response, design, animal)
    np.testing.assert_allclose(fit.params, params, atol=1e-14)
    np.testing.assert_allclose(fit.cov_params, covariance, rtol=1e-12)
    for ratio in (1e-4, 1e-2, 1.0):
        criterion = dense_criterion(ratio, response, design, animal)[0]
        assert criterion > dense_criterion(0.0, response, design, animal)[0]


@pytest.mark.parametrize("seed", range(6))
def test_sets_without_animal_variance_always_give_the_optimum(seed: int) -> None:
    """Where MixedLM fails or stops early, the fit is the optimum or says singular."""
    data = unbalanced(seed + 50, animal_sd=0.0)
    fit = fit_random_intercept(*data)
    assert fit.status in ("ok", "singular") and fit.converged
    if fit.status == "ok":
        check_optimum(fit, data)
    else:
        assert dense_criterion(1e-3, *data)[0] > dense_criterion(0.0, *data)[0]


def test_a_linear_algebra_error_of_statsmodels_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    data = unbalanced(1)
    expected = fit_random_intercept(*data)

    def fails(*args: object, **options: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(MixedLM, "fit", fails)
    fit = fit_random_intercept(*data)
    assert fit.messages == ("stopped: Singular matrix",) and fit.warnings == ()
    np.testing.assert_array_equal(fit.params, expected.params)


def test_a_wrong_optimum_of_statsmodels_is_not_used_but_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = unbalanced(1)
    monkeypatch.setattr(model, "_mixedlm_ratio", lambda *_: (0.001, ("a message",)))
    fit = fit_random_intercept(*data)
    ratio = fit.variance_animal / fit.variance_residual
    assert fit.messages == ("a message",)
    assert fit.warnings == (
        "statsmodels MixedLM stopped at a variance ratio of 0.001; "
        f"the REML optimum is at {ratio:.4g}, which is used",
    )
    check_optimum(fit, data)


def test_warnings_of_statsmodels_are_recorded_and_do_not_escape() -> None:
    """pytest turns warnings into errors here, so an escaping one would fail the test."""
    rng = np.random.default_rng(3)
    animal = np.repeat(np.arange(8), 5).astype(np.int64)
    response = rng.normal(size=40).reshape(8, 5)
    response = (response - 0.999 * response.mean(axis=1, keepdims=True)).ravel()
    fit = fit_random_intercept(response, np.ones((40, 1)), animal)
    assert fit.status == "singular"
    assert fit.messages != ()


def test_one_sample_per_animal_is_least_squares() -> None:
    rng = np.random.default_rng(4)
    response, design = rng.normal(size=20), np.column_stack([np.ones(20), rng.normal(size=20)])
    fit = fit_random_intercept(response, design, np.arange(20))
    assert fit.status == "ok" and fit.covariance == "independent (one sample per animal)"
    assert np.isnan(fit.variance_animal)
    _, params, covariance = dense_criterion(0.0, response, design, np.arange(20))
    np.testing.assert_allclose(fit.params, params, rtol=1e-12)
    np.testing.assert_allclose(fit.cov_params, covariance, rtol=1e-12)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (
            np.full(12, 0.4),
            "the response does not vary within the cells; there is no error estimate",
        ),
        (np.zeros(12), "the response does not vary within the cells; there is no error estimate"),
        (np.repeat([1.0, 2.0, 4.0], 4), "the response does not vary within animals"),
    ],
)
def test_no_variation_fails_with_a_reason(response: FloatArray, reason: str) -> None:
    animal = np.repeat(np.arange(3), 4).astype(np.int64)
    fit = fit_random_intercept(response, np.ones((12, 1)), animal)
    assert (fit.status, fit.reason, fit.converged) == ("failed", reason, False)
    assert np.isnan(fit.params).all() and np.isnan(fit.loglik)


def test_variation_at_the_level_of_rounding_fails_when_asked() -> None:
    response, design, animal = unbalanced(1)
    fit = fit_random_intercept(1e-11 * response, design, animal, smallest_sd=1e-9)
    assert fit.reason == "the response does not vary within the cells; there is no error estimate"


def test_a_saturated_model_fails_with_a_reason() -> None:
    fit = fit_random_intercept(np.arange(3.0), np.eye(3), np.array([0, 0, 1]))
    assert fit.status == "failed"
    assert fit.reason == "3 values for 3 coefficients leave nothing to estimate an error from"


def test_wald_f_does_not_depend_on_the_basis_and_is_t_squared() -> None:
    rng = np.random.default_rng(6)
    half = rng.normal(size=(4, 4))
    params, covariance = rng.normal(size=4), half @ half.T
    hypothesis = rng.normal(size=(2, 4))
    one = wald_f(params, covariance, hypothesis, 11)
    two = wald_f(params, covariance, rng.normal(size=(2, 2)) @ hypothesis, 11)
    assert two.statistic == pytest.approx(one.statistic, rel=1e-10)
    assert (one.num_df, one.den_df) == (2, 11)
    single = wald_f(params, covariance, hypothesis[:1], 11)
    t = (hypothesis[0] @ params) / np.sqrt(hypothesis[0] @ covariance @ hypothesis[0])
    assert single.statistic == pytest.approx(t**2, rel=1e-12)
    assert single.p == pytest.approx(float(two_sided_p(np.array([t]), 11)[0]), rel=1e-10)
