"""max-|t|, Holm, Bonferroni and stars."""

from __future__ import annotations

import numpy as np
import pytest

from dialysis.stats import multiplicity
from dialysis.stats.arrays import FloatArray
from dialysis.stats.inference import two_sided_p
from dialysis.stats.multiplicity import adjust, correlation_of, star_levels, stars

METHODS = ["dunnett", "holm", "bonferroni", "none"]


def product_correlation(factor: list[float]) -> FloatArray:
    out = np.outer(factor, factor)
    np.fill_diagonal(out, 1.0)
    return out


def random_correlation(k: int, seed: int) -> FloatArray:
    half = np.random.default_rng(seed).normal(size=(k, k + 2)) + 0.5
    return correlation_of(half @ half.T)


def brute_force(t: float, correlation: FloatArray, df: float, n: int = 400_000) -> float:
    """P(max|T| ≥ t) by plain sampling; standard error below 8e-4."""
    rng = np.random.default_rng(99)
    z = rng.multivariate_normal(np.zeros(len(correlation)), correlation, size=n)
    s = np.sqrt(rng.chisquare(df, size=n) / df)
    return float(np.mean(np.max(np.abs(z), axis=1) / s >= t))


@pytest.mark.parametrize("df", [1, 4, 17, 60, 1000])
def test_two_independent_of_each_other_given_s_by_direct_integration(df: float) -> None:
    """With zero correlation P = E[1 − (2Φ(tS) − 1)²], one integral over the chi variable."""
    from scipy import integrate, stats

    t = 2.1

    def integrand(s: float) -> float:
        inside = 2 * stats.norm.cdf(t * s) - 1
        return float(stats.chi.pdf(s * np.sqrt(df), df) * np.sqrt(df) * (1 - inside**2))

    expected = integrate.quad(integrand, 0, 8, points=[0.5, 1, 1.5], epsabs=1e-11, limit=300)[0]
    ours = adjust(np.array([t, 0.3]), np.eye(2), df, "dunnett")
    assert ours.p[0] == pytest.approx(expected, abs=1e-9)
    assert ours.standard_error == 0


@pytest.mark.parametrize("sizes", [(8, 6, 5), (7, 7, 7, 7, 7)])
def test_one_control_is_scipy_dunnett(sizes: tuple[int, ...]) -> None:
    from scipy import stats

    rng = np.random.default_rng(2)
    samples = [rng.normal(0.4 * i, 1, n) for i, n in enumerate(sizes)]
    expected = stats.dunnett(*samples[1:], control=samples[0], rng=np.random.default_rng(1))
    df = sum(sizes) - len(sizes)
    factor = [float(np.sqrt(n / (n + sizes[0]))) for n in sizes[1:]]
    ours = adjust(np.asarray(expected.statistic), product_correlation(factor), df, "dunnett")
    assert ours.standard_error == 0
    # scipy's own integration is good to about 1e-4.
    np.testing.assert_allclose(ours.p, expected.pvalue, atol=5e-4)


@pytest.mark.parametrize(
    ("df", "critical"),
    [(10, 2.57), (20, 2.38), (60, 2.27)],
)
def test_dunnetts_table(df: int, critical: float) -> None:
    """Two-sided 5 % points of two comparisons with a control (Dunnett 1964, Biometrics 20:482)."""
    correlation = product_correlation([np.sqrt(0.5)] * 2)
    low = adjust(np.array([critical - 0.006, 0.0]), correlation, df, "dunnett").p[0]
    high = adjust(np.array([critical + 0.006, 0.0]), correlation, df, "dunnett").p[0]
    assert high < 0.05 < low


@pytest.mark.parametrize("k", [3, 5, 12])
def test_sampling_agrees_with_quadrature_and_within_its_own_error(k: int) -> None:
    factor = np.linspace(0.5, 0.8, k)
    correlation = product_correlation(list(factor))
    t = np.linspace(0.5, 4.5, k)[::-1]
    exact = adjust(t, correlation, 14, "dunnett")
    assert exact.standard_error == 0
    p, error = multiplicity._radial(correlation, 14, 0).p(t)
    assert error < (1e-4 if k <= 5 else 5e-4)
    np.testing.assert_allclose(p, exact.p, atol=5 * error)


@pytest.mark.parametrize("k", [4, 9, 11, 24])
def test_any_correlation_agrees_with_plain_sampling(k: int) -> None:
    correlation = random_correlation(k, seed=k)
    t = np.linspace(0.2, 3.4, k)
    ours = adjust(t, correlation, 12, "dunnett")
    assert 0 < ours.standard_error < 1e-3
    for place in (0, k // 2, k - 1):
        expected = brute_force(float(t[place]), correlation, 12)
        assert ours.p[place] == pytest.approx(expected, abs=5 * (8e-4 + ours.standard_error))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [1, 2, 4, 15])
def test_bounds_and_order(method: str, k: int) -> None:
    rng = np.random.default_rng(k)
    t = np.concatenate([rng.normal(0, 2, k - 1), [35.0]])
    ours = adjust(t, random_correlation(k, k), 15, method).p
    p = two_sided_p(t, 15)
    assert (ours >= p).all() and (ours <= np.minimum(1, k * p)).all()
    order = np.argsort(-np.abs(t))
    assert (np.diff(ours[order]) >= 0).all()
    if k == 1:
        np.testing.assert_array_equal(ours, p)


def test_order_and_sign_of_the_family_change_nothing() -> None:
    correlation = random_correlation(6, 1)
    t = np.array([0.3, -2.2, 3.1, 1.4, -1.1, 2.6])
    ours = adjust(t, correlation, 20, "dunnett")
    order = np.array([4, 2, 0, 5, 1, 3])
    other = adjust(t[order], correlation[np.ix_(order, order)], 20, "dunnett")
    np.testing.assert_allclose(other.p, ours.p[order], rtol=1e-12)
    np.testing.assert_array_equal(ours.p, adjust(t, correlation, 20, "dunnett").p)
    flipped = adjust(-t, correlation, 20, "dunnett")
    np.testing.assert_allclose(flipped.p, ours.p, rtol=1e-12)


def test_perfectly_correlated_comparisons_need_no_adjustment() -> None:
    factor = [1 - 1e-7] * 3
    ours = adjust(np.array([2.0, 2.0, 2.0]), product_correlation(factor), 30, "dunnett").p
    # Their maximum is above any one of them by the order of sqrt(1 − correlation) only.
    np.testing.assert_allclose(ours, two_sided_p(np.array([2.0] * 3), 30), atol=1e-4)


def test_tiny_p_values_stay_in_proportion() -> None:
    """Far out the p-value of a family is near its Bonferroni bound, never 0 or noise."""
    for k in (2, 5, 14):
        t = np.linspace(12, 25, k)
        ours = adjust(t, random_correlation(k, 3), 25, "dunnett").p
        p = two_sided_p(t, 25)
        assert (ours >= p).all() and (ours <= k * p).all() and (ours > 0).all()


def test_holm_and_bonferroni_are_those_of_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    t = np.array([0.2, -2.9, 2.1, 2.4, -3.3, 0.9])
    p = two_sided_p(t, 11)
    for method in ("holm", "bonferroni"):
        expected = multipletests(p, method=method)[1]
        np.testing.assert_allclose(adjust(t, np.eye(6), 11, method).p, expected, rtol=1e-13)


def test_an_empty_family_and_an_unknown_method() -> None:
    empty = adjust(np.zeros(0), np.zeros((0, 0)), 5, "dunnett")
    assert len(empty.p) == 0 and empty.standard_error == 0.0
    with pytest.raises(ValueError, match="unknown adjustment 'sidak'"):
        adjust(np.ones(2), np.eye(2), 5, "sidak")


@pytest.mark.parametrize("k", [2, 3, 9, 20])
@pytest.mark.parametrize("product", [True, False])
def test_simultaneous_intervals_and_p_values_agree(k: int, product: bool) -> None:
    """A comparison whose |t| is the critical value has an adjusted p of alpha."""
    correlation = product_correlation([0.7] * k) if product else random_correlation(k, 5)
    t = np.linspace(0.5, 2.0, k)
    critical = adjust(t, correlation, 17, "dunnett", confidence=0.95).critical
    assert (critical == critical[0]).all()
    t[0] = critical[0]
    ours = adjust(t, correlation, 17, "dunnett", confidence=0.95)
    # The seeded sample follows the order of |t|, so that it differs between the two calls.
    assert ours.p[0] == pytest.approx(0.05, abs=1e-6 + 8 * ours.standard_error)
    holm = adjust(t, correlation, 17, "holm", confidence=0.95)
    assert holm.critical[0] > critical[0] > adjust(t, correlation, 17, "none", 0.95).critical[0]


def test_a_family_takes_the_smallest_degrees_of_freedom() -> None:
    t, df = np.array([2.4, 2.2, -2.9]), np.array([30.0, 12.0, 55.0])
    correlation = product_correlation([0.6, 0.7, 0.8])
    ours = adjust(t, correlation, df, "dunnett", 0.95)
    smallest = adjust(t, correlation, 12.0, "dunnett", 0.95)
    np.testing.assert_allclose(ours.p, smallest.p, rtol=1e-13)
    # Step-down and single-step tests by p-value keep each comparison's own.
    np.testing.assert_allclose(adjust(t, correlation, df, "none").p, two_sided_p(t, df))


def test_stars_are_their_definition() -> None:
    assert star_levels(0.05) == {"*": 0.05, "**": 0.01, "***": 0.001}
    p = [0.0009, 0.001, 0.0099, 0.01, 0.0499, 0.05, 1.0, float("nan")]
    assert stars(p, 0.05) == ["***", "**", "**", "*", "*", "", "", ""]
    assert stars([0.0499, 0.019, 0.00019], 0.01) == ["", "", "***"]
