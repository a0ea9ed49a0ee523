"""The baseline and its rules, one by one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats

from dialysis.normalize.baseline import Baseline, baseline_of, linear_trend
from dialysis.normalize.values import Part, Value
from dialysis.study.config import default_section
from dialysis.words import p_words

NAN = math.nan


def value(conc: float, loq: float = NAN, censored: bool = False) -> Value:
    return Value("i", conc, NAN, censored, conc < loq, parts=(Part("5-HT", "nM", conc, loq),))


def baseline(
    concs: list[float],
    places: list[int] | None = None,
    loq: float = NAN,
    **changes: Any,
) -> Baseline:
    rules = {**default_section("normalize")["baseline"], **changes}
    where = places if places is not None else list(range(-len(concs), 0))
    return baseline_of([value(c, loq) for c in concs], where, "nM", rules)


def test_a_stable_baseline_by_hand() -> None:
    found = baseline([9.0, 11.0, 10.0, 10.0])
    assert found.n == 4
    assert found.mean == 10.0
    assert found.sd == pytest.approx(math.sqrt(2 / 3))
    assert found.cv_pct == pytest.approx(8.1650, abs=5e-5)
    # Σ(x−x̄)(y−ȳ)/Σ(x−x̄)² = (−1.5·−1 − 0.5·1 + 0 + 0)/5 = 0.2 per fraction.
    assert found.trend_pct_per_fraction == pytest.approx(2.0)
    assert found.last_jump_pct == pytest.approx(0.0)
    assert (found.stable, found.defined, found.usable) == (True, True, True)
    assert (found.reason, found.flags) == ("", ())


def test_the_trend_is_that_of_scipy() -> None:
    x, y = [-4.0, -3.0, -1.0], [1.0, 1.3, 1.2]
    reference = stats.linregress(x, y)
    slope, p = linear_trend(x, y)
    assert slope == pytest.approx(reference.slope, rel=1e-12)
    assert p == pytest.approx(reference.pvalue, rel=1e-10)


@pytest.mark.parametrize(
    ("y", "slope", "p"),
    [
        ([0.1, 0.1, 0.1], 0.0, 1.0),
        ([0.1, 0.2, 0.3], 0.1, 0.0),
        ([1.0, 2.0, 1.0], 0.0, 1.0),
        ([0.0, 0.0, 0.0], 0.0, 1.0),
    ],
)
def test_trends_of_exact_points(y: list[float], slope: float, p: float) -> None:
    found = linear_trend([-3.0, -2.0, -1.0], y)
    assert found[0] == pytest.approx(slope, abs=1e-15)
    assert found[1] == p


def test_trends_of_few_points() -> None:
    assert linear_trend([-2.0, -1.0], [1.0, 3.0]) == (2.0, pytest.approx(NAN, nan_ok=True))
    assert math.isnan(linear_trend([-1.0], [1.0])[0])
    assert math.isnan(linear_trend([], [])[0])


def test_a_lost_vial_keeps_its_place_in_the_trend() -> None:
    # On a line through places −4, −3, −1: 2 per fraction.
    found = baseline([2.0, 4.0, 8.0], [-4, -3, -1], max_cv_pct=100)
    assert found.trend_pct_per_fraction == pytest.approx(100 * 2 / (14 / 3))


def test_a_large_cv_is_unstable() -> None:
    # sd² = (25 + 25 + 4 + 4)/3, so CV = 43.97 %.
    found = baseline([5.0, 15.0, 8.0, 12.0])
    assert found.stable is False
    assert found.usable is True
    assert found.reason == "unstable baseline: CV 44 % above 20 %"
    assert found.flags == ("unstable_baseline",)


def test_an_unstable_baseline_is_excluded_by_policy() -> None:
    found = baseline([5.0, 15.0, 8.0, 12.0], unstable="exclude")
    assert (found.stable, found.defined, found.usable) == (False, True, False)


def test_a_trend_is_unstable_when_its_p_is_small() -> None:
    found = baseline([8.0, 9.4, 10.6, 12.0], max_trend_pct_per_fraction=10)
    assert found.cv_pct < 20
    assert found.trend_pct_per_fraction == pytest.approx(13.2)
    assert found.trend_p == pytest.approx(stats.linregress([0, 1, 2, 3], [8, 9.4, 10.6, 12]).pvalue)
    assert found.stable is False
    assert found.reason == (
        f"unstable baseline: trend +13.2 % per fraction ({p_words(found.trend_p)}) beyond 10 %"
    )


def test_a_falling_trend_is_unstable_too() -> None:
    found = baseline([12.0, 10.6, 9.4, 8.0])
    assert found.trend_pct_per_fraction == pytest.approx(-13.2)
    assert found.stable is False


def test_a_steep_trend_with_a_large_p_is_stable() -> None:
    found = baseline([8.0, 12.0, 9.0, 13.0])
    assert found.trend_pct_per_fraction > 10
    assert found.trend_p > 0.05
    assert baseline([8.0, 12.0, 9.0, 13.0], max_cv_pct=30).stable is True


def test_a_small_trend_with_a_small_p_is_stable() -> None:
    found = baseline([9.4, 9.8, 10.2, 10.6])
    assert found.trend_p < 0.05
    assert found.stable is True


def test_both_rules_are_named() -> None:
    found = baseline([4.0, 8.0, 12.0, 16.1])
    assert found.reason.startswith("unstable baseline: CV 51.9 % above 20 % and trend +40.2 %")


def test_the_last_jump() -> None:
    assert baseline([10.0, 10.0, 10.0, 13.0]).last_jump_pct == pytest.approx(30.0)


def test_too_few_fractions() -> None:
    found = baseline([10.0])
    assert (found.n, found.mean, found.stable) == (1, 10.0, None)
    assert (found.defined, found.usable) == (False, False)
    assert found.reason == "1 of 4 baseline fractions with a value, at least 2 needed"
    assert baseline([10.0, 10.0]).usable is True


def test_no_fraction_at_all() -> None:
    found = baseline([])
    assert found.n == 0
    assert math.isnan(found.mean)
    assert found.reason == "0 of 4 baseline fractions with a value, at least 2 needed"


def test_one_fraction_may_be_enough_but_is_not_called_stable() -> None:
    found = baseline([10.0], min_fractions=1)
    assert found.usable is True
    assert found.stable is None
    assert found.reason == "stability can't be judged from 1 baseline fraction"


def test_a_baseline_of_zero_defines_no_percentage() -> None:
    found = baseline([0.0, 0.0, 0.0])
    assert (found.defined, found.usable, found.stable) == (False, False, None)
    assert found.reason == "baseline mean 0 nM is not above 0"
    assert math.isnan(found.cv_pct)


def test_below_the_loq_percent_is_undefined() -> None:
    found = baseline([0.9, 1.0, 1.1, 1.0], loq=1.5)
    assert (found.defined, found.usable, found.stable) == (False, False, True)
    assert found.reason == (
        "baseline mean of 5-HT 1 nM is below the limit of quantification 1.5 nM"
    )
    assert found.flags == ("baseline_below_loq",)
    assert baseline([0.9, 1.0, 1.1, 1.0], loq=1.0).usable is True


def test_below_the_loq_may_be_only_flagged() -> None:
    found = baseline([0.9, 1.0, 1.1, 1.0], loq=1.5, below_loq="flag")
    assert (found.defined, found.usable) == (True, True)
    assert found.flags == ("baseline_below_loq",)
    assert found.reason == (
        "baseline mean of 5-HT 1 nM is below the limit of quantification 1.5 nM "
        "(kept, below_loq: flag)"
    )


def test_the_denominator_of_a_ratio_has_its_own_loq() -> None:
    ratio = Value(
        "i",
        50.0,
        NAN,
        False,
        True,
        parts=(Part("5-HIAA", "nM", 50.0, 1.0), Part("5-HT", "nM", 1.0, 1.5)),
    )
    rules = default_section("normalize")["baseline"]
    found = baseline_of([ratio, ratio], [-2, -1], "ratio", rules)
    assert found.reason == (
        "baseline mean of 5-HT 1 nM is below the limit of quantification 1.5 nM"
    )


def test_censored_fractions_in_the_baseline_are_flagged() -> None:
    rules = default_section("normalize")["baseline"]
    found = baseline_of([value(1.0), value(1.0, censored=True)], [-2, -1], "nM", rules)
    assert found.flags == ("baseline_censored",)
    assert found.usable is True
