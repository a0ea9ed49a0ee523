"""Every number of the R reference answers, against `dialysis.stats`.

The sets are those of lme4, lmerTest, pbkrtest, emmeans, nlme and an independent R implementation of
Kenward–Roger for serial correlation (R 4.2.2).  Every key of the reference files is either checked,
with the largest deviation printed beside its tolerance, or listed as not claimed with the reason;
a key that is neither fails the test.

Accuracy of the references: lmer some 1e-8 (its optimiser stops within 2e-7 of the variances),
lmerTest's degrees of freedom 1e-7, gls and lme some 1e-6 in the correlation, the independent
implementation 1e-8.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dialysis.stats import LmmResult, fit_lmm
from dialysis.stats.estimates import estimate
from dialysis.stats.inference import two_sided_p
from dialysis.stats.multiplicity import adjust, correlation_of
from dialysis.stats.reml import Likelihood

HERE = Path(__file__).resolve().parent / "data"
SETS = (
    "md1_bal_3g_n6_t9",
    "md2_unbal_4g_n5to9_t10_miss8",
    "md3_2g_n7_unequal_times",
    "md4_6g_n6_t12_hetero",
    "md5_4g_n8_t11_cohort",
    "md6_drug_dose_time_n5",
)

EXACT = 1e-6  # what the issue asks of estimates, standard errors, KR F and ddf
SATTERTHWAITE = 1e-5
GLS_DF = 1e-3  # from nlme's numerical apVar

NOT_CLAIMED = {
    "data": "name of the file",
    "note": "text",
    "label": "text",
    "coding": "text",
    "versions.": "versions of R and its packages",
    "formula": "used to build the model",
    "p_dunnettx": "emmeans' approximation of what is computed exactly here (p_mvt)",
    "mvt_method": "how the reference was computed",
    "mvt_err": "error of the reference, part of the tolerance",
    "varcorr[].grp": "text",
    "varcorr[].var1": "text",
    "varcorr[].var2": "text",
    "[].term": "key of the row",
    "[].contrast": "key of the row",
    "[].group": "key of the row",
    "[].ftime": "key of the row",
    "[].time": "key of the row",
    "[].drug": "key of the row",
    "[].level": "key of the row",
    "[].model term": "key of the row",
}


@dataclass
class Ledger:
    """Which keys were compared, how many numbers, how far off, and what was allowed."""

    checked: dict[str, tuple[int, float, float]] = field(default_factory=dict)

    def relative(self, key: str, ours: Any, theirs: Any, tolerance: float) -> None:
        """Compare relative to the largest number of the array: a number near 0 has no digits."""
        a, b = np.asarray(ours, dtype=float).ravel(), np.asarray(theirs, dtype=float).ravel()
        assert a.shape == b.shape, (key, a.shape, b.shape)
        scale = max(float(np.max(np.abs(b))), 1e-300)
        self._note(key, len(b), float(np.max(np.abs(a - b))) / scale, tolerance)

    def each(self, key: str, ours: Any, theirs: Any, tolerance: float) -> None:
        """Compare every number relative to itself."""
        a, b = np.asarray(ours, dtype=float).ravel(), np.asarray(theirs, dtype=float).ravel()
        assert a.shape == b.shape, (key, a.shape, b.shape)
        worst = float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-300))) if len(b) else 0.0
        self._note(key, len(b), worst, tolerance)

    def within(self, key: str, ours: Any, theirs: Any, allowed: Any) -> None:
        """Compare absolutely, in units of what is allowed for each."""
        a, b = np.asarray(ours, dtype=float).ravel(), np.asarray(theirs, dtype=float).ravel()
        share = np.abs(a - b) / np.broadcast_to(np.asarray(allowed, dtype=float), b.shape)
        self._note(key, len(b), float(np.max(share)), 1.0)

    def equal(self, key: str, ours: Any, theirs: Any) -> None:
        self._note(key, 1, 0.0 if ours == theirs else np.inf, 0.0)

    def _note(self, key: str, n: int, deviation: float, tolerance: float) -> None:
        known = self.checked.get(key, (0, 0.0, tolerance))
        worst = max(known[1], deviation) if not np.isnan(deviation) else np.inf
        self.checked[key] = (known[0] + n, worst, max(known[2], tolerance))


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Paths of all keys; rows of a table share theirs."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for row in value:
            yield from leaves(row, f"{path}[]")
    else:
        yield path


@cache
def load(name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    with gzip.open(HERE / f"{name}.csv.gz", "rt", encoding="utf-8") as text:
        data = pd.read_csv(text)
    data = data[(data["phase"] == "post") & np.isfinite(data["log_ratio"])].reset_index(drop=True)
    data["lbase_c"] = data["lbase"] - data.drop_duplicates("animal")["lbase"].mean()
    data["log_conc"] = np.log(data["conc"])
    data["ftime"] = data["time_min"].astype(str)
    order = ["dose"] if name.startswith("md6") is False else ["dose", "group"]
    groups = list(dict.fromkeys(data.sort_values(order, kind="stable")["group"]))
    if "drug" in data:
        # drug × level: the group is coded as level within drug.
        level = {"veh": "veh", "low": "low", "high": "high"}
        data["level"] = pd.Categorical(data["group"].map(level), categories=list(level))
    data["group"] = pd.Categorical(data["group"], categories=groups)
    with gzip.open(HERE / f"{name}.ref.json.gz", "rt", encoding="utf-8") as text:
        return data, json.load(text)


def r_name(name: str) -> str:
    """The name R gives to a coefficient of treatment coding."""
    return name.replace("Intercept", "(Intercept)").replace("[T.", "").replace("]", "")


def model(name: str, formula: str, covariance: str, random: tuple[str, ...] = ()) -> LmmResult:
    data, _ = load(name)
    fixed = re.sub(r"\s*\+\s*\(1 \| \w+\)", "", formula).replace("log(conc)", "log_conc")
    serial = "ar1" in covariance
    unit = 10.0 if name.startswith("md3") and serial else None
    return fit_lmm(
        fixed,
        data,
        subject="animal",
        time="time_min" if serial else None,
        covariance=covariance,
        random=random,
        time_unit=unit,
    )


def at_theirs(fit: LmmResult, theta: np.ndarray) -> LmmResult:
    """The model at covariance parameters that another program found.

    nlme's and lme4's optimisers stop some 1e-7 to 1e-5 short.  At their own parameters everything
    else must agree to rounding, and their likelihood can't be above ours.
    """
    core = fit.fit
    unit = np.where(core.structure.scales, theta / core.scale**2, theta)
    likelihood = Likelihood(core.basis, core.blocks, core.structure, core.method)
    state = likelihood.state(unit)
    rank = len(state.cholesky)
    spread = core.basis.to_params @ np.linalg.solve(state.cholesky, np.eye(rank))
    moved = replace(
        core,
        theta=theta,
        optimum=replace(core.optimum, theta=unit, state=state),
        params=core.basis.to_params @ (core.basis.offset + core.scale * state.coefficients),
        cov_params=core.scale**2 * spread @ spread.T,
        loglik=core.loglik - 0.5 * (state.criterion - core.optimum.state.criterion),
        _adjustments={},
    )
    assert core.loglik >= moved.loglik - 1e-9 * abs(moved.loglik)
    return replace(fit, fit=moved)


def in_r_order(fit: LmmResult, names: list[str]) -> np.ndarray:
    ours = [r_name(name) for name in fit.design.names]
    assert sorted(ours) == sorted(names)
    return np.array([ours.index(name) for name in names])


# --- blocks of the reference files --------------------------------------------------------------


def check_lmer(ledger: Ledger, name: str, key: str, block: dict[str, Any]) -> None:
    random = ("cohort",) if "cohort)" in block["formula"] else ()
    fit = model(name, block["formula"], "ri", random)
    order = in_r_order(fit, block["fixef_names"])
    theta = fit.covariance_params
    sigma = np.sqrt(theta["sigma2"])
    ledger.equal(f"{key}.n", fit.n_obs, block["n"])
    ledger.equal(f"{key}.fixef_names", True, True)
    ledger.relative(f"{key}.fixef", fit.fit.params[order], block["fixef"], EXACT)
    ledger.relative(f"{key}.vcov", fit.fit.cov_params[np.ix_(order, order)], block["vcov"], EXACT)
    ledger.each(f"{key}.sigma", sigma, block["sigma"], EXACT)
    components = {"animal": theta["tau2"], "Residual": theta["sigma2"]}
    components |= {unit: theta[f"tau2[{unit}]"] for unit in random}
    found = [components[row["grp"]] for row in block["varcorr"]]
    ledger.relative(f"{key}.varcorr[].vcov", found, [r["vcov"] for r in block["varcorr"]], EXACT)
    ledger.relative(
        f"{key}.varcorr[].sdcor", np.sqrt(found), [r["sdcor"] for r in block["varcorr"]], EXACT
    )
    ratios = [np.sqrt(components[u] / theta["sigma2"]) for u in ("animal", *random)]
    ledger.relative(f"{key}.theta", ratios, block["theta"], EXACT)
    ledger.each(f"{key}.logLik_REML", fit.loglik, block["logLik_REML"], EXACT)
    ledger.equal(f"{key}.isSingular", fit.status == "singular", block["isSingular"])
    units = {"animal": fit.n_subjects}
    units |= dict(zip(random, fit.fit.blocks.n_units, strict=True))
    for unit, count in block["ngroups"].items():
        ledger.equal(f"{key}.ngroups.{unit}", units[unit], count)
    p = len(order)
    by_unit = {row["grp"]: row["vcov"] for row in block["varcorr"]}
    own_names = {"sigma2": "Residual", "tau2": "animal"} | {f"tau2[{u}]": u for u in random}
    if not block["isSingular"]:
        theirs = np.array([by_unit[own_names[n]] for n in fit.fit.structure.names])
        fit = at_theirs(fit, theirs)
        theta = fit.covariance_params
    for ddf, short in (("kenward-roger", "kr"), ("satterthwaite", "satterthwaite")):
        df_tolerance = EXACT if short == "kr" else SATTERTHWAITE
        found = estimate(fit.fit, np.eye(p)[order], ddf)
        rows = pd.DataFrame(block[f"coef_{short}"])
        path = f"{key}.coef_{short}[]"
        ledger.relative(f"{path}.Estimate", found.value, rows["Estimate"], EXACT)
        ledger.each(f"{path}.Std. Error", found.se, rows["Std. Error"], EXACT)
        ledger.each(f"{path}.df", found.df, rows["df"], df_tolerance)
        ledger.relative(f"{path}.t value", found.statistic, rows["t value"], EXACT)
        ledger.within(f"{path}.Pr(>|t|)", found.p, rows["Pr(>|t|)"], 1e-6)
        table = fit.anova(ddf).set_index("term")
        for row in block[f"anova3_{short}"]:
            ours = table.loc[row["term"].replace("log_baseline", "lbase")]
            path = f"{key}.anova3_{short}[]"
            ledger.equal(f"{path}.NumDF", ours["num_df"], row["NumDF"])
            ledger.each(f"{path}.DenDF", ours["den_df"], row["DenDF"], df_tolerance)
            # lmerTest rounds its hypotheses to seven decimals, which shows in the three-way design.
            hypothesis = fit.design.type_three()[ours.name]
            f = fit.fit.f_test(as_lmertest_rounds(hypothesis), ddf).statistic
            ledger.each(f"{path}.F value", f, row["F value"], EXACT)
            if short == "satterthwaite":
                # With R's own coefficients and covariance the exact hypothesis gives our F.
                exact = hypothesis[:, order]
                value = exact @ np.array(block["fixef"])
                spread = exact @ np.array(block["vcov"]) @ exact.T
                r_own = float(value @ np.linalg.solve(spread, value)) / len(value)
                assert ours["F"] == pytest.approx(r_own, rel=EXACT)
            ledger.within(f"{path}.Pr(>F)", ours["p"], row["Pr(>F)"], 1e-6)
            mean_square = f * theta["sigma2"]
            ledger.each(f"{path}.Mean Sq", mean_square, row["Mean Sq"], EXACT)
            ledger.each(f"{path}.Sum Sq", mean_square * ours["num_df"], row["Sum Sq"], EXACT)
        if f"emm_{short}" in block:
            check_emm(ledger, fit, f"{key}.emm_{short}", block[f"emm_{short}"], ddf, df_tolerance)
    ledger.relative(
        f"{key}.vcov_kr",
        fit.fit.covariance_of(np.eye(p)[order], "kenward-roger"),
        block["vcov_kr"],
        EXACT,
    )


def as_lmertest_rounds(hypothesis: np.ndarray) -> np.ndarray:
    """Rows of L as lmerTest prints and uses them: reduced, then rounded to seven decimals."""
    own = next(
        columns
        for start in range(hypothesis.shape[1])
        if (columns := hypothesis[:, start : start + len(hypothesis)]).shape[1] == len(hypothesis)
        and np.linalg.matrix_rank(columns) == len(hypothesis)
    )
    return np.round(np.linalg.solve(own, hypothesis), 7)


def at_row_mean(fit: LmmResult) -> dict[str, float]:
    """R's emmeans holds covariates at their mean over rows; ours is that over animals."""
    return {c: float(fit.design.data[c].mean()) for c in fit.design.covariates}


def check_emm(
    ledger: Ledger,
    fit: LmmResult,
    path: str,
    block: dict[str, Any],
    ddf: str,
    df_tolerance: float,
    tolerance: float = EXACT,
) -> None:
    at = at_row_mean(fit)
    means = fit.emmeans("group", "ftime", at=at, ddf=ddf).set_index(["group", "ftime"])
    rows = pd.DataFrame(block["emmeans"])
    ours = means.loc[[*zip(rows["group"], rows["ftime"], strict=True)]]
    bound = max(tolerance, df_tolerance / 10)
    ledger.relative(f"{path}.emmeans[].emmean", ours["emmean"], rows["emmean"], tolerance)
    ledger.each(f"{path}.emmeans[].SE", ours["se"], rows["SE"], tolerance)
    ledger.each(f"{path}.emmeans[].df", ours["df"], rows["df"], df_tolerance)
    ledger.relative(f"{path}.emmeans[].lower.CL", ours["low"], rows["lower.CL"], bound)
    ledger.relative(f"{path}.emmeans[].upper.CL", ours["high"], rows["upper.CL"], bound)
    reference = fit.design.factors["group"][0]
    columns = ["ftime", "contrast"]
    plain, holm, mvt = (
        fit.contrasts("group", "ftime", m, reference, at=at, ddf=ddf).set_index(columns)
        for m in ("none", "holm", "dunnett")
    )
    rows = pd.DataFrame(block["contrasts"])
    keys = [*zip(rows["ftime"], rows["contrast"], strict=True)]
    ours = plain.loc[keys]
    path = f"{path}.contrasts[]"
    ledger.relative(f"{path}.estimate", ours["estimate"], rows["estimate"], tolerance)
    ledger.each(f"{path}.SE", ours["se"], rows["SE"], tolerance)
    ledger.each(f"{path}.df", ours["df"], rows["df"], df_tolerance)
    ledger.relative(f"{path}.t.ratio", ours["t"], rows["t.ratio"], tolerance)
    ledger.relative(f"{path}.lower.CL", ours["low"], rows["lower.CL"], bound)
    ledger.relative(f"{path}.upper.CL", ours["high"], rows["upper.CL"], bound)
    p_bound = max(1e-6, df_tolerance / 10)
    ledger.within(f"{path}.p.value", ours["p"], rows["p.value"], p_bound)
    ledger.within(
        f"{path}.p_holm_within_time",
        holm.loc[keys]["p_adjusted"],
        rows["p_holm_within_time"],
        2 * p_bound,
    )
    # The whole family at once: its own smallest df, and the rounded one of the reference.
    levels = fit.design.factors["group"]
    grid, hypothesis = fit._cells(["ftime", "group"], at)
    for time, family in rows.groupby("ftime", sort=False):
        place = {
            g: i for i, g in zip(grid.index, grid["group"], strict=True) if grid["ftime"][i] == time
        }
        difference = np.array(
            [
                hypothesis[place[c.split(" - ")[0]]] - hypothesis[place[levels[0]]]
                for c in family["contrast"]
            ]
        )
        correlation = correlation_of(fit.fit.covariance_of(difference, ddf))
        # Their t, because what is compared here is the distribution.
        t = family["t.ratio"].to_numpy()
        smallest = float(family["df"].min())
        rounded = float(family["mvt_df"].iloc[0]) if len(family) > 1 else smallest
        found = adjust(t, correlation, rounded, "dunnett")
        exact = (family["mvt_err"] < 1e-10).to_numpy() & (found.standard_error == 0)
        allowed = np.where(exact, 1e-6, np.maximum(1e-4, 4 * family["mvt_err"]))
        ledger.within(f"{path}.p_mvt", found.p, family["p_mvt"], allowed)
        ledger.each(
            f"{path}.mvt_df",
            round(smallest),
            family["mvt_df"].iloc[0],
            1e-12,
        )
        if "fracdf" in family:
            ledger.each(
                f"{path}.fracdf",
                [mvt.loc[[(time, c) for c in family["contrast"]]]["df"].min()] * len(family),
                family["fracdf"],
                df_tolerance,
            )
        fractional = (
            family["p_mvt_fracdf"].notna().to_numpy()
            if "p_mvt_fracdf" in family
            else np.zeros(len(family), dtype=bool)
        )
        ours_p = mvt.loc[[(time, c) for c in family["contrast"]]]["p_adjusted"].to_numpy()
        if fractional.any():
            ledger.within(
                f"{path}.p_mvt_fracdf",
                ours_p[fractional],
                family["p_mvt_fracdf"].to_numpy(dtype=float)[fractional],
                np.where(exact, p_bound, np.maximum(1e-4, 4 * family["mvt_err"]))[fractional],
            )
        elif "p_mvt_fracdf" in family:
            ledger.equal(f"{path}.p_mvt_fracdf", family["p_mvt_fracdf"].isna().all(), True)


def check_gls(ledger: Ledger, name: str, key: str, block: dict[str, Any]) -> None:
    covariance = ("cs" if "_cs" in key else "ar1") + ("+het" if "varident" in key else "")
    fit = model(name, block["formula"], covariance)
    theta = fit.covariance_params
    # nlme stops up to 3e-5 short of the optimum when every group has a variance;
    # test_nlme_stops_short_of_the_optimum compares there to 1e-6.
    optimiser = 5e-5 if covariance.endswith("+het") else EXACT
    order = in_r_order(fit, block["coef_names"])
    ledger.equal(f"{key}.n", fit.n_obs, block["n"])
    ledger.equal(f"{key}.coef_names", True, True)
    ledger.each(f"{key}.logLik_REML", fit.loglik, block["logLik_REML"], EXACT)
    if covariance.endswith("+het"):
        variances = np.array([theta[f"sigma2[{g}]"] for g in block["var_par"]])
        first = theta[f"sigma2[{fit.design.factors['group'][0]}]"]
        ledger.each(f"{key}.sigma", np.sqrt(first), block["sigma"], optimiser)
        for level, ratio in block["var_par"].items():
            own = np.sqrt(theta[f"sigma2[{level}]"] / first)
            ledger.each(f"{key}.var_par.{level}", own, ratio, optimiser)
        assert len(variances) == len(fit.design.factors["group"])
        correlation = theta["rho" if "ar1" in covariance else "correlation"]
    else:
        total = theta["sigma2"] + theta.get("cov", 0.0)
        ledger.each(f"{key}.sigma", np.sqrt(total), block["sigma"], optimiser)
        ledger.equal(f"{key}.var_par", block["var_par"] in (None, {}, [], [[]]), True)
        correlation = theta["rho"] if "ar1" in covariance else theta["cov"] / total
    ledger.each(f"{key}.cor_par", correlation, block["cor_par"], optimiser)
    variance, r = block["sigma"] ** 2, block["cor_par"]
    if covariance.endswith("+het"):
        levels = fit.design.factors["group"]
        theirs = np.array([*(variance * block["var_par"][g] ** 2 for g in levels), r])
    elif "ar1" in covariance:
        theirs = np.array([variance, r])
    else:
        theirs = np.array([variance * (1 - r), variance * r])
    fit = at_theirs(fit, theirs)
    if key == "gls_ar1_varident_pct":
        # The degrees of freedom are made of nlme's numerical covariance of its parameters.
        fit = with_parameter_covariance(fit, nlme_covariance(name, fit))
    ledger.relative(f"{key}.coef", fit.fit.params[order], block["coef"], EXACT)
    ledger.each(f"{key}.se", np.sqrt(np.diag(fit.fit.cov_params))[order], block["se"], EXACT)
    ledger.relative(
        f"{key}.varBeta", fit.fit.cov_params[np.ix_(order, order)], block["varBeta"], EXACT
    )
    # nlme's marginal tests of the coefficients as coded, with Φ and n − p.
    names = [r_name(n) for n in fit.design.names]
    for row in block["wald_F_type3"]:
        factors = row["term"].split(":")
        where = [
            i
            for i, n in enumerate(names)
            if (n == row["term"])
            or (
                n != "(Intercept)"
                and len(n.split(":")) == len(factors)
                and all(
                    part.startswith(f) and (part != f or f in fit.design.covariates)
                    for part, f in zip(n.split(":"), factors, strict=True)
                )
            )
        ]
        beta, phi = fit.fit.params[where], fit.fit.cov_params[np.ix_(where, where)]
        f = float(beta @ np.linalg.solve(phi, beta)) / len(where)
        from scipy.special import fdtrc

        path = f"{key}.wald_F_type3[]"
        ledger.equal(f"{path}.numDF", len(where), row["numDF"])
        ledger.each(f"{path}.F-value", f, row["F-value"], 4 * EXACT)
        p = fdtrc(len(where), fit.n_obs - len(names), f)
        ledger.within(f"{path}.p-value", p, row["p-value"], 1e-6)
    if "emm_satterthwaite" in block:
        check_emm(
            ledger,
            fit,
            f"{key}.emm_satterthwaite",
            block["emm_satterthwaite"],
            "satterthwaite",
            GLS_DF,
        )


@cache
def nlme_exact() -> pd.Series:
    """What nlme says at given parameters, and apVar of its own; see data/nlme_exact.R."""
    return pd.read_csv(HERE / "nlme_exact.csv").set_index(["set", "model", "key"])["value"]


def nlme_covariance(name: str, fit: LmmResult) -> np.ndarray:
    """nlme's apVar of (transformed correlation, log ratios, log σ) as that of (σ²_g, ρ)."""
    apvar = nlme_exact()[name, "ar1", "own_apvar"].to_numpy()
    size = int(np.sqrt(len(apvar)))
    theta = fit.fit.theta
    jacobian = np.zeros((size, size))
    # σ²_g = exp(2 log σ + 2 log ratio_g), the ratio of the first group being 1; ρ = tanh(a/2), or
    # 1/(1 + exp(−a)) for a continuous time.
    rho = theta[-1]
    jacobian[-1, 0] = rho * (1.0 - rho) if name == SETS[2] else (1.0 - rho**2) / 2.0
    jacobian[:-1, -1] = 2.0 * theta[:-1]
    jacobian[np.arange(1, size - 1), np.arange(1, size - 1)] = 2.0 * theta[1:-1]
    return jacobian @ apvar.reshape(size, size) @ jacobian.T


def with_parameter_covariance(fit: LmmResult, w: np.ndarray) -> LmmResult:
    """The model with another covariance of the covariance parameters."""
    unit = np.where(fit.fit.structure.scales, fit.fit.scale**2, 1.0)
    adjusted = replace(fit.fit.adjustment("observed"), w=w / np.outer(unit, unit))
    return replace(fit, fit=replace(fit.fit, _adjustments={"observed": adjusted}))


@pytest.mark.parametrize("kind", ["ar1", "cs"])
@pytest.mark.parametrize("name", SETS[:4])
def test_nlme_stops_short_of_the_optimum(name: str, kind: str) -> None:
    """With a variance per group: nlme's own likelihood is no smaller at our parameters.

    There nlme's residual standard deviation (which it profiles out), coefficients and standard
    errors are ours, and one Newton step from nlme's parameters leads to ours.
    """
    exact = nlme_exact()[name, kind]
    fit = model(name, "pct ~ group * ftime", f"{kind}+het")
    core = fit.fit
    sigma = np.sqrt(core.theta[:-1])
    given = pd.read_csv(HERE / "nlme_given.csv").set_index(["set", "model"]).loc[(name, kind)]
    ratios = given.loc[given["key"] == "ratio", "value"].to_numpy()
    correlation = given.loc[given["key"] == "correlation", "value"].iloc[0]
    np.testing.assert_allclose(sigma[1:] / sigma[0], ratios, rtol=1e-9)
    assert core.theta[-1] == pytest.approx(correlation, rel=1e-9)
    assert np.max(np.abs(core.optimum.state.gradient)) < 1e-8

    own_loglik = exact["own_loglik"]
    given_loglik = exact["given_loglik"]
    assert given_loglik >= own_loglik - 1e-12 * abs(own_loglik)
    assert core.loglik == pytest.approx(given_loglik, rel=1e-12)
    assert sigma[0] == pytest.approx(exact["given_sigma"], rel=1e-10)
    rows = core.cov_params.diagonal()
    np.testing.assert_allclose(core.params, exact["given_coef"], rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(rows), exact["given_se"], rtol=1e-8)

    own = exact["own_sigma"] ** 2
    own_ratio = np.r_[1.0, np.atleast_1d(exact["own_ratio"])]
    theirs = np.r_[own * own_ratio**2, exact["own_correlation"]]
    moved = at_theirs(fit, theirs).fit
    assert moved.loglik == pytest.approx(own_loglik, rel=1e-12)
    state = moved.optimum.state
    unit = np.where(core.structure.scales, core.scale**2, 1.0)
    step = -np.linalg.solve(state.observed, 0.5 * state.gradient) * unit
    short = np.max(np.abs(core.theta / theirs - 1.0))
    assert short < 1e-4
    np.testing.assert_allclose(theirs + step, core.theta, rtol=1e-7)


def check_lme(ledger: Ledger, name: str, key: str, block: dict[str, Any]) -> None:
    fit = model(name, "log_ratio ~ lbase_c + group * ftime", "ri+ar1")
    theta = fit.covariance_params
    order = in_r_order(fit, block["coef_names"])
    ledger.equal(f"{key}.coef_names", True, True)
    ledger.relative(f"{key}.coef", fit.fit.params[order], block["coef"], EXACT)
    ledger.each(f"{key}.se", np.sqrt(np.diag(fit.fit.cov_params))[order], block["se"], EXACT)
    ledger.each(f"{key}.sigma", np.sqrt(theta["sigma2"]), block["sigma"], EXACT)
    ledger.each(f"{key}.sd_animal", np.sqrt(theta["tau2"]), block["sd_animal"], EXACT)
    ledger.each(f"{key}.phi", theta["rho"], block["phi"], EXACT)
    ledger.each(f"{key}.logLik_REML", fit.loglik, block["logLik_REML"], EXACT)


def check_own(ledger: Ledger, name: str, key: str, block: dict[str, Any]) -> None:
    covariance = {"cs": "ri", "ar1": "ar1", "riar1": "ri+ar1"}[key.split("_")[1]]
    covariance += "+het" if "_het" in key else ""
    base = "lbase_c + " + (
        "C(drug, contr.sum) * C(level, contr.sum)"
        if name.startswith("md6")
        else "C(group, contr.sum)"
    )
    fit = model(name, f"log_ratio ~ {base} * C(ftime, contr.sum)", covariance)
    p = len(fit.params)
    ledger.equal(f"{key}.n", fit.n_obs, block["n"])
    ledger.equal(f"{key}.theta_names", len(block["theta_names"]), len(fit.fit.theta))
    ledger.equal(f"{key}.coef_names", len(block["coef_names"]), p)
    if "boundary_tau2_zero" in block:
        ledger.equal(
            f"{key}.boundary_tau2_zero", bool(fit.fit.at_bound.any()), block["boundary_tau2_zero"]
        )
    ledger.each(f"{key}.theta", fit.fit.theta, block["theta"], EXACT)
    ledger.each(f"{key}.logLik_REML", fit.loglik, block["logLik_REML"], EXACT)
    ledger.relative(f"{key}.coef", fit.fit.params, block["coef"], EXACT)
    ledger.each(f"{key}.se", np.sqrt(np.diag(fit.fit.cov_params)), block["se"], EXACT)
    variances = np.array([n not in ("rho", "ratio") for n in fit.fit.structure.names])
    scale = np.where(variances, fit.fit.scale**2, 1.0)
    for information in ("expected", "observed"):
        se = np.sqrt(np.diag(fit.fit.covariance_of(np.eye(p), "kenward-roger", information)))
        ledger.each(f"{key}.se_kr_{information}", se, block[f"se_kr_{information}"], EXACT)
        w = fit.fit.adjustment(information).w * np.outer(scale, scale)
        ledger.relative(f"{key}.W_{information}", w, block[f"W_{information}"], EXACT)
        for term, expected in block[f"type3_W_{information}"].items():
            hypothesis = fit.design.type_three()[term]
            kr = fit.fit.f_test(hypothesis, "kenward-roger", information)
            sat = fit.fit.f_test(hypothesis, "satterthwaite", information)
            value = hypothesis @ fit.fit.params
            covariance_kr = fit.fit.covariance_of(hypothesis, "kenward-roger", information)
            unscaled = float(value @ np.linalg.solve(covariance_kr, value)) / len(value)
            path = f"{key}.type3_W_{information}.{term}"
            ledger.equal(f"{path}.num_df", kr.num_df, expected["num_df"])
            for field_name, ours in (
                ("kr_F", kr.statistic),
                ("kr_ddf", kr.den_df),
                ("kr_lambda", kr.statistic / unscaled),
                ("sat_F", sat.statistic),
                ("sat_ddf", sat.den_df),
            ):
                ledger.each(f"{path}.{field_name}", ours, expected[field_name], EXACT)
            ledger.within(f"{path}.kr_p", kr.p, expected["kr_p"], 1e-6)
            ledger.within(f"{path}.sat_p", sat.p, expected["sat_p"], 1e-6)
            for field_name, matrix in (
                ("kr_se", covariance_kr),
                ("se", fit.fit.covariance_of(hypothesis, "satterthwaite")),
            ):
                if expected[field_name]:
                    own = np.sqrt(np.diag(matrix))
                    ledger.each(f"{path}.{field_name}", own, expected[field_name], EXACT)
                else:
                    ledger.equal(f"{path}.{field_name}", kr.num_df > 1, True)
            if expected["est"]:
                ledger.each(f"{path}.est", value, expected["est"], EXACT)
            else:
                ledger.equal(f"{path}.est", kr.num_df > 1, True)
    if "contrasts_vs_first_by_time" in block:
        check_own_contrasts(ledger, fit, key, pd.DataFrame(block["contrasts_vs_first_by_time"]))


def check_own_contrasts(ledger: Ledger, fit: LmmResult, key: str, rows: pd.DataFrame) -> None:
    first = fit.design.factors["group"][0]
    keys = [*zip(rows["time"], [f"{g} - {first}" for g in rows["group"]], strict=True)]
    path = f"{key}.contrasts_vs_first_by_time[]"
    for information, tail in (("expected", ""), ("observed", "_obs")):
        kr, sat = (
            fit.contrasts("group", "ftime", "none", first, ddf=ddf, information=information)
            .set_index(["ftime", "contrast"])
            .loc[keys]
            for ddf in ("kenward-roger", "satterthwaite")
        )
        if not tail:
            ledger.relative(f"{path}.est", kr["estimate"], rows["est"], EXACT)
            ledger.each(f"{path}.se", sat["se"], rows["se"], EXACT)
            ledger.relative(f"{path}.t_kr", kr["t"], rows["t_kr"], EXACT)
        ledger.each(f"{path}.kr_se{tail}", kr["se"], rows[f"kr_se{tail}"], EXACT)
        ledger.each(f"{path}.kr_df{tail}", kr["df"], rows[f"kr_df{tail}"], EXACT)
        ledger.each(f"{path}.sat_df{tail}", sat["df"], rows[f"sat_df{tail}"], EXACT)
        ledger.within(f"{path}.p_kr{tail}", kr["p"], rows[f"p_kr{tail}"], 1e-6)
        ledger.within(f"{path}.p_sat{tail}", sat["p"], rows[f"p_sat{tail}"], 1e-6)


def check_md6_means(ledger: Ledger, reference: dict[str, Any]) -> None:
    name = SETS[5]
    fit = model(name, reference["lmer_logratio"]["formula"], "ri")
    at = at_row_mean(fit)
    rows = pd.DataFrame(reference["emm_kr"])
    index = ["level", "drug", "ftime"]
    ours = fit.emmeans(index, at=at).set_index(index).loc[[*map(tuple, rows[index].to_numpy())]]
    for theirs, own, tolerance in (
        ("emmean", "emmean", EXACT),
        ("SE", "se", EXACT),
        ("df", "df", EXACT),
        ("lower.CL", "low", EXACT),
        ("upper.CL", "high", EXACT),
    ):
        ledger.relative(f"emm_kr[].{theirs}", ours[own], rows[theirs], tolerance)
    rows = pd.DataFrame(reference["contrasts_kr_vs_vehicle"])
    index = ["contrast", "drug", "ftime"]
    ours = fit.contrasts("level", ["drug", "ftime"], "none", "veh", at=at).set_index(index)
    ours = ours.loc[[*map(tuple, rows[index].to_numpy())]]
    for theirs, own in (("estimate", "estimate"), ("SE", "se"), ("df", "df"), ("t.ratio", "t")):
        ledger.relative(f"contrasts_kr_vs_vehicle[].{theirs}", ours[own], rows[theirs], EXACT)
    ledger.within("contrasts_kr_vs_vehicle[].p.value", ours["p"], rows["p.value"], 1e-6)
    cells, hypothesis = fit._cells(["ftime", "drug", "level"], at)
    path = "joint_tests_by_time[]"
    for row in reference["joint_tests_by_time"]:
        here = cells["ftime"] == row["ftime"]
        if row["model term"] == "lbase_c":
            test = fit.fit.f_test(fit.design.type_three()["lbase_c"])
        else:
            own = hypothesis[here]
            own_cells = cells[here]
            drugs, levels = fit.design.factors["drug"], fit.design.factors["level"]
            place = {
                (d, lv): own[((own_cells["drug"] == d) & (own_cells["level"] == lv)).to_numpy()][0]
                for d in drugs
                for lv in levels
            }
            by_drug = [np.mean([place[d, lv] for lv in levels], axis=0) for d in drugs]
            by_level = [np.mean([place[d, lv] for d in drugs], axis=0) for lv in levels]
            rows_of = {
                "drug": [by_drug[1] - by_drug[0]],
                "level": [by_level[i] - by_level[0] for i in (1, 2)],
                "drug:level": [
                    place[drugs[1], lv]
                    - place[drugs[1], levels[0]]
                    - place[drugs[0], lv]
                    + place[drugs[0], levels[0]]
                    for lv in levels[1:]
                ],
            }
            test = fit.fit.f_test(np.array(rows_of[row["model term"]]))
        ledger.equal(f"{path}.df1", test.num_df, row["df1"])
        # joint_tests prints F to three decimals and its df to two, and for two rows or more it
        # neither scales F by λ nor takes Kenward–Roger's df of the whole: compared as it does.
        scale = 1.0
        if test.num_df > 1:
            stacked = np.array(rows_of[row["model term"]])
            value, phi = stacked @ fit.params, fit.fit.covariance_of(stacked)
            scale = test.statistic / (float(value @ np.linalg.solve(phi, value)) / len(value))
        else:
            ledger.within(f"{path}.df2", test.den_df, row["df2"], 0.0051)
            ledger.within(f"{path}.p.value", test.p, row["p.value"], 1e-6)
        ledger.within(f"{path}.F.ratio", test.statistic / scale, row["F.ratio"], 0.00051)


def not_claimed(path: str) -> str | None:
    for pattern, reason in NOT_CLAIMED.items():
        if path == pattern or path.endswith(pattern) or (pattern.endswith(".") and pattern in path):
            return reason
    return None


@pytest.mark.parametrize("name", SETS)
def test_every_key_of_the_reference(name: str) -> None:
    _, reference = load(name)
    ledger = Ledger()
    for key, block in reference.items():
        if not isinstance(block, dict) or key == "versions":
            continue
        kind = key.split("_")[0]
        checks = {"lmer": check_lmer, "gls": check_gls, "lme": check_lme, "own": check_own}
        checks[kind](ledger, name, key, block)
    if "joint_tests_by_time" in reference:
        check_md6_means(ledger, reference)
    lines, problems = [], []
    for path in dict.fromkeys(leaves(reference)):
        if path in ledger.checked:
            n, deviation, tolerance = ledger.checked[path]
            lines.append(f"{path:<75} checked {n:>5}  {deviation:.1e} of {tolerance:.0e}")
            if not deviation <= tolerance:
                problems.append(lines[-1])
        elif (reason := not_claimed(path)) is not None:
            lines.append(f"{path:<75} not claimed: {reason}")
        else:
            problems.append(f"{path}: neither checked nor listed as not claimed")
    print("\n".join([f"\n{name}", *lines]))
    assert not problems, "\n".join(problems)


def test_p_values_of_the_tables_are_those_of_t() -> None:
    fit = model(SETS[0], "log_ratio ~ lbase_c + group * ftime", "ri+ar1")
    table = fit.contrasts("group", "ftime", "none")
    np.testing.assert_allclose(
        table["p"], two_sided_p(table["t"].to_numpy(), table["df"].to_numpy()), rtol=1e-14
    )
