"""Type I error, family-wise false stars, coverage and power on simulated data sets.

Run as ``python benchmarks/error_rates.py --sets 4000``: 3 groups × 12 times, log baseline as
covariate, in the four scenarios of the notes and one with values below a limit of detection:

1. AR(1) with ρ = 0.7, 6 animals per group;
2. random intercept (half of the variance) + AR(1) with ρ = 0.6;
3. the same with standard deviations of 1 : 1.4 : 2 in the groups;
4. the same as 3 with 5, 6 and 7 animals and a tenth of the values missing;
5. as 2, with the lowest 15 % of the concentrations left-censored and set to LOD/√2.

The model is saturated in group × time, so t about the truth has the same distribution whatever the
effects are: simultaneous coverage is 100 % minus the rate of false stars over all times and groups,
and is printed as such.  ``--boundary`` compares the rules for a variance between animals of 0.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.blocks import make_blocks
from dialysis.stats.checks import rm_anova
from dialysis.stats.covariance import parse_structure
from dialysis.stats.estimates import adjust_families, estimate
from dialysis.stats.fit import Fit, fit_design

GROUPS, TIMES = 3, 12
LAG = np.abs(np.subtract.outer(np.arange(TIMES), np.arange(TIMES)))
PLANTED = 0.9  # standard deviations, in the highest group
PLANTED_TIMES = slice(3, 9)
LOG_SD = 0.3


@dataclass(frozen=True)
class Scenario:
    """How the errors of a data set are made."""

    name: str
    share: float
    rho: float
    spread: tuple[float, ...] = (1.0, 1.0, 1.0)
    sizes: tuple[int, ...] = (6, 6, 6)
    missing: float = 0.0
    censored: float = 0.0


SCENARIOS = (
    Scenario("AR(1) .7", 0.0, 0.7),
    Scenario("RI .5 + AR(1) .6", 0.5, 0.6),
    Scenario("same, SD 1:1.4:2", 0.5, 0.6, (1.0, 1.4, 2.0)),
    Scenario("same, n = 5,6,7, 10 % missing", 0.5, 0.6, (1.0, 1.4, 2.0), (5, 6, 7), 0.1),
    Scenario("RI .5 + AR(1) .6, 15 % < LOD", 0.5, 0.6, censored=0.15),
)
BOUNDARY_SCENARIOS = (
    Scenario("AR(1) .7", 0.0, 0.7),
    Scenario("RI .1 + AR(1) .6", 0.1, 0.6),
    Scenario("RI .2 + AR(1) .6", 0.2, 0.6),
    Scenario("RI .3 + AR(1) .8", 0.3, 0.8),
)


@dataclass(frozen=True)
class DataSet:
    """One simulated data set: rows of animals and times."""

    response: FloatArray
    design: FloatArray
    animal: np.ndarray
    time: np.ndarray
    group: np.ndarray


def simulate(scenario: Scenario, rng: np.random.Generator, effect: float = 0.0) -> DataSet:
    group = np.repeat(np.arange(GROUPS), scenario.sizes)
    root = np.linalg.cholesky(scenario.share + (1 - scenario.share) * scenario.rho**LAG)
    y = rng.standard_normal((len(group), TIMES)) @ root.T
    y *= np.array(scenario.spread)[group][:, None]
    log_baseline = 0.4 * rng.standard_normal(len(group))
    y[group == GROUPS - 1, PLANTED_TIMES] += effect
    if scenario.censored:
        conc = np.exp(log_baseline[:, None] + LOG_SD * y)
        limit = np.quantile(conc, scenario.censored)
        conc = np.where(conc < limit, limit / np.sqrt(2), conc)
        y = np.log(conc / np.exp(log_baseline)[:, None])
    keep = rng.random(y.shape) >= scenario.missing
    animal, at = np.nonzero(keep)
    design = np.zeros((len(animal), GROUPS * TIMES + 1))
    design[np.arange(len(animal)), group[animal] * TIMES + at] = 1.0
    design[:, -1] = (log_baseline - log_baseline.mean())[animal]
    return DataSet(y[animal, at], design, animal.astype(np.int64), at.astype(float), group)


def hypotheses() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Interaction, groups, and every group against the first at every time."""
    groups = np.hstack([-np.ones((GROUPS - 1, 1)), np.eye(GROUPS - 1)])
    times = np.eye(TIMES)[1:] - np.eye(TIMES)[0]
    rows = (
        np.kron(groups, times),
        np.kron(groups, np.full((1, TIMES), 1 / TIMES)),
        np.kron(groups, np.eye(TIMES)),
    )
    interaction, group, cells = (np.hstack([row, np.zeros((len(row), 1))]) for row in rows)
    return interaction, group, cells


def fit_set(data: DataSet, covariance: str) -> Fit:
    blocks = make_blocks(data.animal, data.time if "ar1" in covariance else None)
    structure = parse_structure(covariance, (), (), blocks.integer_lags)
    return fit_design(data.response, data.design, blocks, structure)


def wald_p(fit: Fit, hypothesis: FloatArray) -> float:
    """What a random-intercept model with large-sample theory says (statsmodels MixedLM)."""
    from scipy.special import chdtrc

    value = hypothesis @ fit.params
    spread = hypothesis @ fit.cov_params @ hypothesis.T
    return float(chdtrc(len(value), value @ np.linalg.solve(spread, value)))


def analyse(data: DataSet, stars: bool) -> dict[str, float]:
    interaction, group, cells = hypotheses()
    fit = fit_set(data, "ri+ar1")
    out = {
        "group:time": fit.f_test(interaction).p,
        "group": fit.f_test(group).p,
        "boundary": float(fit.at_bound[-1]),
        "converged": float(fit.converged),
    }
    plain = fit_set(data, "ri")
    out["RI Wald group:time"] = wald_p(plain, interaction)
    out["RI Wald group"] = wald_p(plain, group)
    if len(data.response) == len(data.group) * TIMES:
        result = rm_anova(data.response.reshape(-1, TIMES), data.group.astype(float))
        out["GG group:time"] = result.test("group:time", result.gg)[3]
        out["GG group"] = result.test("group")[3]
    if stars:
        found = estimate(fit, cells)
        everything = adjust_families(found, ["all"] * len(cells), "dunnett", 0.95)
        times = list(range(TIMES)) * (GROUPS - 1)
        within = adjust_families(found, times, "dunnett", 0.95)
        out["star, all"] = float(np.min(everything.p))
        out["star, within a time"] = float(np.min(within.p))
        out["star, unadjusted"] = float(np.min(found.p))
        out["simultaneous CI"] = float(np.any(np.abs(found.value) > everything.critical * found.se))
        planted = np.zeros((GROUPS - 1, TIMES), dtype=bool)
        planted[-1, PLANTED_TIMES] = True
        out["planted star"] = float(np.min(everything.p[planted.ravel()]))
    return out


def rate(values: pd.Series) -> str:
    return f"{100 * np.mean(values < 0.05):.1f}"


def table_of(results: dict[str, pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: {c: rate(frame[c]) if c in frame else "n/a" for c in columns}
            for name, frame in results.items()
        }
    ).T


def run(
    scenarios: tuple[Scenario, ...], sets: int, seed: int, effect: float
) -> dict[str, pd.DataFrame]:
    results = {}
    for number, scenario in enumerate(scenarios):
        start = time.process_time()
        rows = []
        for child in np.random.SeedSequence([seed, number]).spawn(sets):
            rows.append(analyse(simulate(scenario, np.random.default_rng(child), effect), True))
        results[scenario.name] = pd.DataFrame(rows)
        spent = time.process_time() - start
        print(f"{scenario.name}: {sets} sets, {spent:.0f} s CPU", flush=True)
    return results


def boundary(sets: int, seed: int) -> pd.DataFrame:
    """Error rates of both rules in the sets whose variance between animals is estimated as 0."""
    interaction, group, _ = hypotheses()
    rows = {}
    for number, scenario in enumerate(BOUNDARY_SCENARIOS):
        hits: list[dict[str, float]] = []
        everywhere: list[dict[str, float]] = []
        for child in np.random.SeedSequence([seed, number]).spawn(sets):
            fit = fit_set(simulate(scenario, np.random.default_rng(child)), "ri+ar1")
            row = {}
            for rule in ("keep", "drop"):
                ruled = replace(fit, boundary=rule, _adjustments={})
                row[f"{rule} group:time"] = ruled.f_test(interaction).p
                row[f"{rule} group"] = ruled.f_test(group).p
            everywhere.append(row)
            if fit.at_bound[-1]:
                hits.append(row)
        frame, overall = pd.DataFrame(hits), pd.DataFrame(everywhere)
        rows[scenario.name] = {
            "at 0, %": f"{100 * len(hits) / sets:.0f}",
            **{c: rate(frame[c]) for c in frame},
            "all sets, keep group": rate(overall["keep group"]),
        }
        print(scenario.name, flush=True)
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=400, help="null sets per scenario")
    parser.add_argument("--power-sets", type=int, default=0, help="sets with planted effects")
    parser.add_argument("--boundary", type=int, default=0, help="sets to compare the rules at 0")
    parser.add_argument("--seed", type=int, default=2024)
    options = parser.parse_args()
    if options.sets:
        null = run(SCENARIOS, options.sets, options.seed, 0.0)
        columns = ["group:time", "group", "star, all", "star, within a time", "star, unadjusted"]
        columns += ["RI Wald group:time", "RI Wald group", "GG group:time", "GG group"]
        table = table_of(null, columns)
        table["coverage"] = [
            f"{100 * (1 - f['simultaneous CI'].mean()):.1f}" for f in null.values()
        ]
        table["τ² = 0"] = [f"{100 * f['boundary'].mean():.0f}" for f in null.values()]
        at_zero = [f[f["boundary"] > 0] for f in null.values()]
        table["at 0: group:time (group)"] = [
            f"{rate(f['group:time'])} ({rate(f['group'])}), {len(f)} sets" if len(f) else "none"
            for f in at_zero
        ]
        table["converged"] = [f"{100 * f['converged'].mean():.1f}" for f in null.values()]
        error = 100 * np.sqrt(0.05 * 0.95 / options.sets)
        print(f"\nNull sets, % at .05 (Monte Carlo SE {error:.1f})\n{table.T.to_string()}")
    if options.power_sets:
        power = run(SCENARIOS[:3], options.power_sets, options.seed + 1, PLANTED)
        columns = ["group:time", "group", "planted star", "RI Wald group:time", "GG group:time"]
        table = table_of(power, [*columns, "GG group"]).T.to_string()
        times = PLANTED_TIMES.stop - PLANTED_TIMES.start
        print(
            f"\nPower, %: +{PLANTED} SD in the highest group at {times} of {TIMES} times\n{table}"
        )
    if options.boundary:
        table = boundary(options.boundary, options.seed).T.to_string()
        print(f"\nRules for τ² = 0, % at .05\n{table}")


if __name__ == "__main__":
    main()
