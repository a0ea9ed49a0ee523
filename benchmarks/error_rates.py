"""Type I error, family-wise false stars, coverage and power on simulated data sets.

Run as ``python benchmarks/error_rates.py --sets 4000``: 3 groups × 12 times, log baseline as
covariate, in six scenarios:

1. AR(1) with ρ = 0.7, 6 animals per group;
2. random intercept (half of the variance) + AR(1) with ρ = 0.6;
3. the same with standard deviations of 1 : 1.4 : 2 in the groups;
4. the same as 3 with 5, 6 and 7 animals and a tenth of the values missing;
5. as 2, with the lowest 15 % of the concentrations left-censored and set to LOD/√2;
6. as 4 with 7, 6 and 5 animals, so that the smallest group has the largest variance.

Every set has a seed of its own, made of ``--seed``, the scenario and its number, so that it does
not depend on which others are run.  With ``--shards FOLDER`` the sets are written there in blocks;
a run that was stopped goes on with the blocks that are missing, several can work on one folder,
and ``--report`` tells what there is.

The model is saturated in group × time, so t about the truth has the same distribution whatever the
effects are: simultaneous coverage is 100 % minus the rate of false stars over all times and groups,
and is printed as such.  ``--boundary`` compares the rules for a variance between animals of 0.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.blocks import make_blocks
from dialysis.stats.checks import rm_anova
from dialysis.stats.covariance import parse_structure
from dialysis.stats.estimates import adjust_families, estimate
from dialysis.stats.fit import Fit, fit_design
from dialysis.stats.multiplicity import adjust, correlation_of
from dialysis.stats.variances import compare_variances

GROUPS, TIMES = 3, 12
LAG = np.abs(np.subtract.outer(np.arange(TIMES), np.arange(TIMES)))
PLANTED = 0.9  # standard deviations, in the highest group
PLANTED_TIMES = slice(3, 9)
LOG_SD = 0.3
SHARD = 200  # sets per file
Results = dict[str, pd.DataFrame]


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
    Scenario("as 4, n = 7,6,5", 0.5, 0.6, (1.0, 1.4, 2.0), (7, 6, 5), 0.1),
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
    """Fit a structure, or the stage's default: own variances where groups clearly differ."""
    if covariance == "default":
        common, own = fit_set(data, "ri+ar1"), fit_set(data, "ri+ar1+het")
        return own if compare_variances(common, own).unequal and own.converged else common
    strata = tuple(map(str, range(GROUPS))) if covariance.endswith("+het") else ()
    blocks = make_blocks(
        data.animal,
        data.time if "ar1" in covariance else None,
        stratum=data.group[data.animal] if strata else None,
    )
    structure = parse_structure(covariance, strata, (), blocks.integer_lags)
    return fit_design(data.response, data.design, blocks, structure)


def wald_p(fit: Fit, hypothesis: FloatArray) -> float:
    """What a random-intercept model with large-sample theory says (statsmodels MixedLM)."""
    from scipy.special import chdtrc

    value = hypothesis @ fit.params
    spread = hypothesis @ fit.cov_params @ hypothesis.T
    return float(chdtrc(len(value), value @ np.linalg.solve(spread, value)))


def analyse(data: DataSet, covariance: str = "default", peers: bool = True) -> dict[str, float]:
    interaction, group, cells = hypotheses()
    fit = fit_set(data, covariance)
    out = {
        "group:time": fit.f_test(interaction).p,
        "group": fit.f_test(group).p,
        "boundary": float(fit.at_bound[-1]),
        "converged": float(fit.converged),
        "own variances": float(bool(fit.structure.strata)),
    }
    if peers:
        plain = fit_set(data, "ri")
        out["RI Wald group:time"] = wald_p(plain, interaction)
        out["RI Wald group"] = wald_p(plain, group)
    if peers and len(data.response) == len(data.group) * TIMES:
        result = rm_anova(data.response.reshape(-1, TIMES), data.group.astype(float))
        out["GG group:time"] = result.test("group:time", result.gg)[3]
        out["GG group"] = result.test("group")[3]
    found = estimate(fit, cells)
    everything = adjust_families(found, ["all"] * len(cells), "dunnett", 0.95)
    within = []
    for time_index in range(TIMES):
        at = np.arange(time_index, len(cells), TIMES)
        correlation = correlation_of(found.covariance[np.ix_(at, at)])
        within.append(np.min(adjust(found.statistic[at], correlation, found.df[at], "dunnett").p))
    out["star, all"] = float(np.min(everything.p))
    out["star, within a time"] = float(np.min(within))
    out["star, unadjusted"] = float(np.min(found.p))
    out["simultaneous CI"] = float(np.any(np.abs(found.value) > everything.critical * found.se))
    planted = np.zeros((GROUPS - 1, TIMES), dtype=bool)
    planted[-1, PLANTED_TIMES] = True
    out["planted star"] = float(np.min(everything.p[planted.ravel()]))
    return out


def standard_error(rate_pct: float, sets: int) -> float:
    """Monte Carlo standard error of a rate, %."""
    return float(np.sqrt(rate_pct * (100.0 - rate_pct) / sets))


def rate(values: pd.Series) -> str:
    """Percent of sets below .05, with its standard error."""
    found = 100.0 * float(np.mean(values < 0.05))
    return f"{found:.1f} ± {standard_error(found, len(values)):.1f}"


def table_of(results: dict[str, pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: {c: rate(frame[c]) if c in frame else "n/a" for c in columns}
            for name, frame in results.items()
        }
    ).T


def one_set(
    number: int, index: int, kind: str, covariance: str, seed: int, peers: bool = True
) -> dict[str, float]:
    """Simulate and analyse set `index` of a scenario."""
    effect = PLANTED if kind == "power" else 0.0
    rng = np.random.default_rng([seed, kind == "power", number, index])
    return {"set": index, **analyse(simulate(SCENARIOS[number], rng, effect), covariance, peers)}


def shard_file(folder: Path, kind: str, covariance: str, number: int, first: int) -> Path:
    return folder / f"{kind}-{covariance}-{number + 1}-{first:05d}.csv"


def run_shards(
    folder: Path,
    kind: str,
    numbers: list[int],
    sets: int,
    covariance: str,
    seed: int,
    seconds: float,
    peers: bool,
) -> None:
    """Write the blocks of sets that the folder does not have yet, until the time is up."""
    folder.mkdir(parents=True, exist_ok=True)
    start, spent = time.monotonic(), time.process_time()
    for first in range(0, sets, SHARD):
        for number in numbers:
            path = shard_file(folder, kind, covariance, number, first)
            if path.exists() or time.monotonic() - start > seconds:
                continue
            last = min(first + SHARD, sets)
            rows = [one_set(number, i, kind, covariance, seed, peers) for i in range(first, last)]
            partial = path.with_suffix(f".{os.getpid()}")
            pd.DataFrame(rows).to_csv(partial, index=False)
            partial.replace(path)
            print(f"{path.name}: {time.process_time() - spent:.0f} s CPU so far", flush=True)


def read_shards(folder: Path, kind: str, covariance: str) -> dict[str, pd.DataFrame]:
    """Every set there is, by scenario; a block that was made twice counts once."""
    found = {}
    for number, scenario in enumerate(SCENARIOS):
        files = sorted(folder.glob(f"{kind}-{covariance}-{number + 1}-*.csv"))
        if files:
            frame = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
            found[scenario.name] = frame.drop_duplicates("set")
    return found


def run(kind: str, numbers: list[int], sets: int, covariance: str, seed: int) -> Results:
    return {
        SCENARIOS[number].name: pd.DataFrame(
            [one_set(number, i, kind, covariance, seed) for i in range(sets)]
        )
        for number in numbers
    }


def print_null(null: Results) -> None:
    columns = ["group:time", "group", "star, all", "star, within a time", "star, unadjusted"]
    columns += ["RI Wald group:time", "RI Wald group", "GG group:time", "GG group"]
    table = table_of(null, columns)
    covered = [100 * (1 - frame["simultaneous CI"].mean()) for frame in null.values()]
    table["coverage"] = [
        f"{rate_pct:.1f} ± {standard_error(rate_pct, len(frame)):.1f}"
        for rate_pct, frame in zip(covered, null.values(), strict=True)
    ]
    table["τ² = 0"] = [f"{100 * f['boundary'].mean():.1f}" for f in null.values()]
    at_zero = [f[f["boundary"] > 0] for f in null.values()]
    for column in ("group:time", "group", "star, all"):
        table[f"at 0: {column}"] = [rate(f[column]) if len(f) else "none" for f in at_zero]
    table["at 0: sets"] = [str(len(f)) for f in at_zero]
    table["own variances"] = [f"{100 * f['own variances'].mean():.1f}" for f in null.values()]
    table["converged"] = [f"{100 * f['converged'].mean():.2f}" for f in null.values()]
    table["sets"] = [str(len(f)) for f in null.values()]
    print(f"\nNull sets, % at .05 ± Monte Carlo SE\n{table.T.to_string()}")


def print_power(power: Results) -> None:
    columns = ["group:time", "group", "planted star", "RI Wald group:time", "RI Wald group"]
    table = table_of(power, [*columns, "GG group:time", "GG group"])
    table["sets"] = [str(len(f)) for f in power.values()]
    times = PLANTED_TIMES.stop - PLANTED_TIMES.start
    print(
        f"\nPower, %: +{PLANTED} SD in the highest group at {times} of {TIMES} times\n"
        f"{table.T.to_string()}"
    )


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
    parser.add_argument("--covariance", default="default", help="covariance that is fitted")
    parser.add_argument("--no-peers", action="store_true", help="without the other methods")
    parser.add_argument("--scenario", type=int, action="append", help="1 to 6; 1 to 5 by default")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--shards", type=Path, help="folder for blocks of sets")
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after this time")
    parser.add_argument("--report", action="store_true", help="only tell what the folder has")
    options = parser.parse_args()
    numbers = [i - 1 for i in options.scenario or range(1, 6)]
    for kind, sets, show in (
        ("null", options.sets, print_null),
        ("power", options.power_sets, print_power),
    ):
        if options.shards is None:
            found = run(kind, numbers, sets, options.covariance, options.seed) if sets else {}
        else:
            if not options.report:
                seconds = 60.0 * options.minutes
                arguments = (numbers, sets, options.covariance, options.seed, seconds)
                run_shards(options.shards, kind, *arguments, not options.no_peers)
            found = read_shards(options.shards, kind, options.covariance)
        if found:
            show(found)
    if options.boundary:
        table = boundary(options.boundary, options.seed).T.to_string()
        print(f"\nRules for τ² = 0, % at .05\n{table}")


if __name__ == "__main__":
    main()
