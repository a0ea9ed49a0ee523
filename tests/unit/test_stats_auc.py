"""AUC per group against scipy, and its odd cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dialysis.stats.auc import auc_table
from dialysis.stats.layout import Layout
from dialysis.tables.normalize import SUMMARY
from dialysis.tables.stats import AUC

LAYOUT = Layout(
    outcome="da",
    groups=("vehicle", "low", "high"),
    control={"vehicle": "vehicle", "low": "vehicle", "high": "vehicle"},
    times=(1,),
    post_times=(1,),
    time_min={1: 10.0},
)


def summary(**values: list[float]) -> pd.DataFrame:
    rows = [
        {
            "outcome": "da",
            "animal_id": f"{group}{number}",
            "probe_id": f"{group}{number}",
            "group": group,
            "drug": group,
            "dose": 0.0,
            "control": "vehicle",
            "is_control": group == "vehicle",
            "n_fractions": 9,
            "n_missing": 0,
            "auc_pct_min": value,
        }
        for group, several in values.items()
        for number, value in enumerate(several)
    ]
    return SUMMARY.validate(pd.DataFrame(rows))


VALUES = {
    "vehicle": [18200.0, 17500.0, 19000.0, 18800.0, 17900.0],
    "low": [20100.0, 19500.0, 18900.0, 21000.0],
    "high": [24000.0, 22500.0, 26100.0, 23900.0, 25000.0, 22000.0],
}


def test_means_intervals_and_dunnett_are_those_of_scipy() -> None:
    from scipy import stats

    result = auc_table(summary(**VALUES), LAYOUT, 0.95, "dunnett")
    table = AUC.validate(result.table).set_index("group")
    assert list(table["n"]) == [5, 4, 6]
    for group, values in VALUES.items():
        row = table.loc[group]
        interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        assert row["mean_pct_min"] == pytest.approx(np.mean(values), rel=1e-14)
        assert row["sd_pct_min"] == pytest.approx(np.std(values, ddof=1), rel=1e-13)
        assert row["low_pct_min"] == pytest.approx(interval.low, rel=1e-12)
        assert row["high_pct_min"] == pytest.approx(interval.high, rel=1e-12)
    expected = stats.dunnett(
        VALUES["low"], VALUES["high"], control=VALUES["vehicle"], rng=np.random.default_rng(0)
    )
    compared = table.loc[["low", "high"]]
    np.testing.assert_allclose(compared["statistic"], expected.statistic, rtol=1e-12)
    np.testing.assert_allclose(compared["p_adjusted"], expected.pvalue, atol=5e-4)
    assert (compared["df"] == 12).all()
    np.testing.assert_allclose(
        compared["p"], 2 * stats.t.sf(np.abs(compared["statistic"]), 12), rtol=1e-12
    )
    np.testing.assert_allclose(
        compared["difference_pct_min"],
        compared["mean_pct_min"] - table.loc["vehicle", "mean_pct_min"],
        rtol=1e-12,
    )
    vehicle = table.loc["vehicle"]
    assert (vehicle["status"], vehicle["reason"]) == ("ok", "control group")
    assert np.isnan(vehicle["difference_pct_min"]) and np.isnan(vehicle["p_adjusted"])


def test_two_groups_are_the_t_test() -> None:
    from scipy import stats

    values = {name: VALUES[name] for name in ("vehicle", "high")}
    table = auc_table(summary(**values), LAYOUT, 0.95, "dunnett").table.set_index("group")
    expected = stats.ttest_ind(values["high"], values["vehicle"])
    assert table.loc["high", "statistic"] == pytest.approx(expected.statistic, rel=1e-12)
    assert table.loc["high", "p"] == pytest.approx(expected.pvalue, rel=1e-10)
    assert table.loc["high", "p_adjusted"] == table.loc["high", "p"]
    low = table.loc["low"]
    assert (low["n"], low["status"]) == (0, "not_estimable")
    assert low["reason"] == "no animal with a complete window"
    assert np.isnan(low["mean_pct_min"])


@pytest.mark.parametrize(
    ("values", "group", "reason"),
    [
        ({"low": [1.0, 2.0]}, "low", "no animal of 'vehicle' with a complete window"),
        ({"vehicle": [1.0, np.nan], "low": [np.nan]}, "low", "no animal with a complete window"),
        (
            {"vehicle": [1.0], "low": [2.0]},
            "low",
            "every group has at most one animal with a complete window",
        ),
        (
            {"vehicle": [5.0, 5.0], "low": [7.0, 7.0]},
            "low",
            "the AUC does not vary within groups; there is no error estimate",
        ),
    ],
)
def test_what_cannot_be_compared_has_a_reason(
    values: dict[str, list[float]], group: str, reason: str
) -> None:
    table = AUC.validate(auc_table(summary(**values), LAYOUT, 0.95, "dunnett").table)
    row = table.set_index("group").loc[group]
    assert (row["status"], row["reason"]) == ("not_estimable", reason)
    assert row[["difference_pct_min", "statistic", "df", "p", "p_adjusted"]].isna().all()


def test_an_animal_with_two_probes_counts_once() -> None:
    frame = summary(**VALUES)
    second = frame.assign(
        probe_id=(frame["probe_id"] + "b").astype("str"), auc_pct_min=frame["auc_pct_min"] + 200
    )
    both = auc_table(pd.concat([frame, second]), LAYOUT, 0.95, "dunnett").table
    one = auc_table(frame, LAYOUT, 0.95, "dunnett").table
    assert list(both["n"]) == list(one["n"])
    np.testing.assert_allclose(both["mean_pct_min"], one["mean_pct_min"] + 100)
    np.testing.assert_allclose(both["p_adjusted"], one["p_adjusted"], rtol=1e-9)


def test_an_empty_summary_gives_rows_with_a_reason() -> None:
    table = AUC.validate(auc_table(SUMMARY.empty(), LAYOUT, 0.95, "holm").table)
    assert list(table["group"]) == ["vehicle", "low", "high"]
    assert (table["reason"] == "no animal with a complete window").all()


def test_the_trend_of_areas_over_the_dose_is_a_contrast_of_their_linear_model() -> None:
    import statsmodels.api as sm

    layout = replace(
        LAYOUT,
        drug={"low": "drug", "high": "drug"},
        dose={"vehicle": 0.0, "low": 2.0, "high": 5.0},
    )
    trend = auc_table(summary(**VALUES), layout, 0.95, "dunnett").trends.iloc[0]
    y = np.concatenate(list(VALUES.values()))
    cells = np.repeat(np.eye(3), [len(v) for v in VALUES.values()], axis=0)
    slope = 1 / np.log(2.5)
    expected = sm.OLS(y, cells).fit().t_test([0, -slope, slope])
    assert trend["estimate"] == pytest.approx(float(expected.effect[0]), rel=1e-9)
    assert trend["p"] == pytest.approx(float(expected.pvalue), rel=1e-6)
    assert (trend["low"], trend["high"]) == pytest.approx(tuple(expected.conf_int()[0]), rel=1e-6)
    assert (trend["drug"], trend["scope"], trend["df"]) == ("drug", "auc", 12)
