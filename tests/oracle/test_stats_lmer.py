"""The random-intercept model against lme4, lmerTest and emmeans (R 4.2.2).

One set lies in `data`; the others are read from the shared oracle when it is there.  lme4's
optimiser stops within about 2e-7 of the optimum in the variances, which bounds the tolerances.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.stats import OutcomeStats, analyse_outcome
from dialysis.stats.anova import anova_table
from dialysis.stats.fitted import FittedOutcome, fit_outcome
from dialysis.stats.layout import layout_of
from dialysis.stats.model import MixedFit, fit_random_intercept
from dialysis.stats.multiplicity import adjust, correlation_of
from dialysis.study.config import default_section
from dialysis.tables.normalize import SUMMARY, TIMECOURSE

HERE = Path(__file__).resolve().parent / "data"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "oracle"
MD1 = "md1_bal_3g_n6_t9"
SETS = [
    (MD1, "lmer_logratio_cov"),
    (MD1, "lmer_pct"),
    ("md2_unbal_4g_n5to9_t10_miss8", "lmer_logratio_cov"),
    ("md2_unbal_4g_n5to9_t10_miss8", "lmer_pct"),
    ("md3_2g_n7_unequal_times", "lmer_logratio_cov"),
    ("md3_2g_n7_unequal_times", "lmer_pct"),
    ("md4_6g_n6_t12_hetero", "lmer_logratio_cov"),
    ("md4_6g_n6_t12_hetero", "lmer_pct"),
    ("md5_4g_n8_t11_cohort", "lmer"),
]
FULL = [(name, key) for name, key in SETS if key != "lmer_pct"]


@cache
def load(name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    folder = HERE if (HERE / f"{name}.csv").exists() else SHARED
    if not (folder / f"{name}.csv").exists():
        pytest.skip(f"the oracle set {name} is not at {SHARED}")
    data = pd.read_csv(folder / f"{name}.csv")
    data = data[(data["phase"] == "post") & np.isfinite(data["log_ratio"])].copy()
    data["lbase_c"] = data["lbase"] - data.drop_duplicates("animal")["lbase"].mean()
    return data, json.loads((folder / f"{name}.ref.json").read_text(encoding="utf-8"))


def treatment_design(data: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Columns named as R names them: products of indicators and the covariate."""
    columns = []
    for name in names:
        column = np.ones(len(data))
        for part in name.split(":"):
            if part == "lbase_c":
                column = column * data["lbase_c"].to_numpy()
            elif part.startswith("group"):
                column = column * (data["group"] == part.removeprefix("group")).to_numpy()
            elif part.startswith("ftime"):
                column = column * (data["time_min"] == float(part.removeprefix("ftime"))).to_numpy()
        columns.append(column)
    return np.column_stack(columns)


@cache
def fit(name: str, key: str) -> tuple[MixedFit, dict[str, Any]]:
    data, reference = load(name)
    expected = reference[key]
    assert len(data) == expected["n"]
    response = data["pct" if key == "lmer_pct" else "log_ratio"].to_numpy(dtype=float)
    animal = pd.factorize(data["animal"])[0].astype(np.int64)
    design = treatment_design(data, expected["fixef_names"])
    return fit_random_intercept(response, design, animal), expected


@pytest.mark.parametrize(("name", "key"), SETS)
def test_coefficients_covariance_variances_and_likelihood_are_those_of_lmer(
    name: str, key: str
) -> None:
    fitted, expected = fit(name, key)
    assert fitted.status == "ok"
    scale = np.max(np.abs(expected["fixef"]))
    np.testing.assert_allclose(fitted.params, expected["fixef"], rtol=0, atol=1e-8 * scale)
    vcov = np.array(expected["vcov"])
    np.testing.assert_allclose(fitted.cov_params, vcov, rtol=0, atol=1e-6 * np.max(vcov))
    components = {part["grp"]: part["vcov"] for part in expected["varcorr"]}
    assert fitted.variance_animal == pytest.approx(components["animal"], rel=1e-6)
    assert fitted.variance_residual == pytest.approx(components["Residual"], rel=1e-6)
    assert fitted.loglik == pytest.approx(expected["logLik_REML"], rel=1e-10)


def as_timecourse(data: pd.DataFrame) -> pd.DataFrame:
    """The oracle's post-dose rows as TIMECOURSE; time_index is the place among the times."""
    times = sorted(data["time_min"].unique())
    out = pd.DataFrame(
        {
            "outcome": "oracle",
            "animal_id": data["animal"],
            "probe_id": data["animal"],
            "outcome_label": "oracle",
            "kind": "analyte",
            "analyte": "oracle",
            "region": "none",
            "group": data["group"],
            "drug": data["group"].where(data["dose"] == 0, "drug"),
            "dose": data["dose"],
            "control": "D0",
            "is_control": data["dose"] == 0,
            "fraction": [times.index(t) + 1 for t in data["time_min"]],
            "start_min": data["time_min"],
            "end_min": data["time_min"],
            "time_min": data["time_min"],
            "duration_min": 20.0,
            "period": "post",
            "time_index": [times.index(t) + 1 for t in data["time_min"]],
            "conc": data["conc"],
            "conc_unit": "nM",
            "censored": False,
            "below_loq": False,
            "baseline": np.exp(data["lbase"]),
            "pct_of_baseline": data["pct"],
            "log_ratio": data["log_ratio"],
            "used": True,
        }
    )
    return TIMECOURSE.validate(out)


@cache
def analysed(name: str) -> tuple[OutcomeStats, FittedOutcome]:
    timecourse = as_timecourse(load(name)[0])
    # The contrasts are compared unadjusted here: 60 of them take their time to adjust.
    config = {**default_section("stats"), "adjustment": "none"}
    stats = analyse_outcome(timecourse, SUMMARY.empty(), config)
    return stats, fit_outcome(timecourse, layout_of(timecourse), [])


@pytest.mark.parametrize(("name", "key"), FULL)
def test_means_and_contrasts_are_those_of_emmeans(name: str, key: str) -> None:
    stats, fitted = analysed(name)
    data, reference = load(name)
    expected = reference[key]["emm_satterthwaite"]
    # emmeans holds the covariate at its mean over rows, we hold it at its mean over animals: the
    # reference's grid point is imposed here.  In complete balanced data they are the same.
    offset = data["lbase_c"].mean()
    balanced = data.groupby("animal").size().nunique() == 1
    assert balanced == (abs(offset) < 1e-12)
    assert fitted.design is not None and fitted.params is not None
    assert fitted.cov_params is not None
    (covariate,) = fitted.design.covariates["log_baseline_c"]
    times = [f"{t:g}" for t in stats.emmeans["time_min"]]
    means = stats.emmeans.assign(ftime=times).set_index(["group", "ftime"])
    for row in expected["emmeans"]:
        ours = means.loc[(row["group"], row["ftime"])]
        linear = fitted.design.cell_row(row["group"], ours["time_index"])
        assert linear is not None
        if balanced:
            assert ours["log_mean"] == pytest.approx(row["emmean"], abs=1e-8)
            assert ours["se"] == pytest.approx(row["SE"], rel=1e-6)
        linear[covariate] = offset
        assert linear @ fitted.params == pytest.approx(row["emmean"], abs=1e-8)
        se = np.sqrt(linear @ fitted.cov_params @ linear)
        assert se == pytest.approx(row["SE"], rel=1e-6)
    assert len(expected["emmeans"]) == len(means)
    times = [f"{t:g}" for t in stats.contrasts["time_min"]]
    contrasts = stats.contrasts.assign(ftime=times).set_index(["group", "ftime"])
    for row in expected["contrasts"]:
        ours = contrasts.loc[(row["contrast"].removesuffix(" - D0"), row["ftime"])]
        assert ours["log_ratio"] == pytest.approx(row["estimate"], abs=1e-8)
        assert ours["se"] == pytest.approx(row["SE"], rel=1e-6)
        assert ours["statistic"] == pytest.approx(row["t.ratio"], rel=1e-6)
    assert len(expected["contrasts"]) == len(contrasts)


@pytest.mark.parametrize(("name", "key"), FULL)
def test_F_of_the_terms_is_that_of_lmerTest(name: str, key: str) -> None:
    _, fitted = analysed(name)
    table = anova_table(fitted, []).set_index("term")
    names = {"lbase_c": "log_baseline_c", "ftime": "time", "group:ftime": "group:time"}
    expected = load(name)[1][key]["anova3_satterthwaite"]
    assert len(expected) == len(table) == 4
    for row in expected:
        ours = table.loc[names.get(row["term"], row["term"])]
        assert ours["num_df"] == row["NumDF"]
        assert ours["statistic"] == pytest.approx(row["F value"], rel=1e-6)


@pytest.mark.parametrize(("name", "key"), FULL)
def test_max_t_within_a_time_is_that_of_mvtnorm(name: str, key: str) -> None:
    """Same t and df as the reference, our correlation: p as mvtnorm gives it."""
    stats, fitted = analysed(name)
    assert fitted.design is not None and fitted.cov_params is not None
    rows = load(name)[1][key]["emm_satterthwaite"]["contrasts"]
    checked = 0
    for (time_index, time_min), _ in stats.contrasts.groupby(["time_index", "time_min"]):
        family = [row for row in rows if row["ftime"] == f"{time_min:g}"]
        control = fitted.design.cell_row("D0", time_index)
        picked = []
        for row in family:
            cell = fitted.design.cell_row(row["contrast"].removesuffix(" - D0"), time_index)
            assert cell is not None and control is not None
            picked.append(cell - control)
        stacked = np.array(picked)
        correlation = correlation_of(stacked @ fitted.cov_params @ stacked.T)
        t = np.array([row["t.ratio"] for row in family])
        # With a single contrast the reference is its own t test, whose df is not rounded.
        df = family[0]["mvt_df" if len(family) > 1 else "df"]
        ours = adjust(t, correlation, df, "dunnett")
        for p, row in zip(ours.p, family, strict=True):
            exact = row["mvt_method"] in ("quad", "t") and ours.standard_error == 0
            sampling = 4 * ours.standard_error + 3 * row["mvt_err"]
            assert p == pytest.approx(row["p_mvt"], rel=1e-6, abs=1e-9 if exact else sampling)
            checked += 1
    assert checked == len(rows)
