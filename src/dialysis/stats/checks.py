"""The same data analysed in other ways: repeated-measures ANOVA, and statsmodels' MixedLM."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dialysis.stats.arrays import FloatArray
from dialysis.stats.fitted import FittedOutcome
from dialysis.tables.stats import CHECKS


@dataclass(frozen=True)
class RmAnova:
    """Repeated-measures ANOVA with groups between and times within animals.

    Parameters
    ----------
    sums : dict of str to (int, float)
        Degrees of freedom and mean square of group, animal, time, group:time and residual.
    gg, hf : float
        Epsilon of Greenhouse & Geisser and of Huynh & Feldt (with Lecoutre's correction).
    """

    sums: dict[str, tuple[int, float]]
    gg: float
    hf: float

    def test(self, term: str, epsilon: float = 1.0) -> tuple[float, float, float, float]:
        """Return numerator df, denominator df, F and p of group, time or group:time."""
        from scipy.special import fdtrc

        error = "animal" if term == "group" else "residual"
        df, mean_square = self.sums[term]
        error_df, error_square = self.sums[error]
        scale = 1.0 if term == "group" else epsilon
        f = mean_square / error_square
        return df * scale, error_df * scale, f, float(fdtrc(df * scale, error_df * scale, f))


def rm_anova(values: FloatArray, group: FloatArray) -> RmAnova:
    """Analyse a complete table of animals × times.

    Parameters
    ----------
    values : ndarray of float, shape (animals, times)
        One value per animal and time.
    group : ndarray of int, shape (animals,)
        Codes from 0 of the groups, unweighted means over groups (type III).

    Notes
    -----
    ε (Greenhouse & Geisser 1959) of the covariance pooled within groups, in orthonormal contrasts
    of the times; Huynh & Feldt's as corrected by Lecoutre 1991, at most 1.
    """
    n, t = values.shape
    labels = np.unique(group)
    g = len(labels)
    counts = np.array([np.sum(group == label) for label in labels], dtype=float)
    means = np.array([values[group == label].mean(axis=0) for label in labels])
    within = values - means[np.searchsorted(labels, group)]
    error_df = n - g
    harmonic = 1.0 / np.mean(1.0 / counts)
    animal = within.mean(axis=1)
    contrasts = np.linalg.qr(np.column_stack([np.ones(t), np.eye(t)[:, : t - 1]]))[0][:, 1:]
    pooled = (within @ contrasts).T @ (within @ contrasts) / error_df
    residual_square = float(np.trace(pooled)) / (t - 1)
    sums: dict[str, tuple[int, float]] = {
        "animal": (error_df, t * float(animal @ animal) / error_df),
        "residual": (error_df * (t - 1), residual_square),
    }
    if g > 1:
        # Type III on cell means: weights 1/n of the groups.
        weights = np.linalg.inv(_contrast(g) @ np.diag(1.0 / counts) @ _contrast(g).T)
        over = _contrast(g) @ means.mean(axis=1)
        sums["group"] = (g - 1, t * float(over @ weights @ over) / (g - 1))
        inside = _contrast(g) @ (means @ contrasts)
        sums["group:time"] = (
            (g - 1) * (t - 1),
            float(np.trace(inside.T @ weights @ inside)) / ((g - 1) * (t - 1)),
        )
    curve = means.mean(axis=0) @ contrasts
    sums["time"] = (t - 1, g * harmonic * float(curve @ curve) / (t - 1))
    gg = float(np.trace(pooled) ** 2 / ((t - 1) * np.sum(pooled * pooled)))
    hf = ((error_df + 1) * (t - 1) * gg - 2.0) / ((t - 1) * (error_df - (t - 1) * gg))
    return RmAnova(sums, gg, float(min(hf, 1.0)) if hf > 0 else 1.0)


def _contrast(g: int) -> FloatArray:
    return np.hstack([-np.ones((g - 1, 1)), np.eye(g - 1)])


def checks_table(fitted: FittedOutcome, anova: pd.DataFrame) -> pd.DataFrame:
    """Analyse the outcome in other ways where the data allow it.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.CHECKS`: repeated-measures ANOVA with Greenhouse–Geisser's and
        Huynh–Feldt's corrections in balanced complete data (without the log baseline), and
        statsmodels' MixedLM where the covariance is a random intercept.
    """
    rows: list[dict[str, Any]] = []
    ours = anova.set_index("term")["p"].to_dict()
    rows += _rm_rows(fitted, ours)
    if fitted.fit is not None and fitted.fit.structure.name == "ri":
        rows += _mixedlm_rows(fitted)
    frame = pd.DataFrame(rows, columns=CHECKS.column_names).assign(outcome=fitted.layout.outcome)
    return CHECKS.coerce(frame)


def _rm_rows(fitted: FittedOutcome, ours: dict[str, float]) -> list[dict[str, Any]]:
    method = "repeated-measures ANOVA"
    reason = _why_not_balanced(fitted)
    design = fitted.design
    if reason or design is None:
        return [{"method": method, "term": "all", "reason": reason}]
    rows = design.rows
    wide = rows.pivot(index="animal_id", columns="time_index", values=fitted.response)
    group_of = rows.drop_duplicates("animal_id").set_index("animal_id")["group"].loc[wide.index]
    codes = pd.factorize(group_of, sort=True)[0].astype(float)
    result = rm_anova(wide.to_numpy(dtype=float), codes)
    if result.sums["residual"][1] <= 0 or result.sums["animal"][1] <= 0:
        return [{"method": method, "term": "all", "reason": "no variation to test against"}]
    out: list[dict[str, Any]] = []
    for term in ("group", "time", "group:time"):
        if term not in result.sums:
            continue
        corrections = (
            {"": 1.0}
            if term == "group"
            else {
                ", Greenhouse–Geisser": result.gg,
                ", Huynh–Feldt": result.hf,
            }
        )
        for name, epsilon in corrections.items():
            num_df, den_df, f, p = result.test(term, epsilon)
            out.append(
                {
                    "method": f"{method}{name}",
                    "term": term,
                    "num_df": num_df,
                    "den_df": den_df,
                    "epsilon": epsilon if term != "group" else np.nan,
                    "statistic": f,
                    "p": p,
                    "ours": ours.get(term, np.nan),
                }
            )
    return out


def _why_not_balanced(fitted: FittedOutcome) -> str:
    design = fitted.design
    if design is None or fitted.fit is None:
        return fitted.reason
    rows = design.rows
    if rows["probe_id"].nunique() > rows["animal_id"].nunique():
        return "an animal has more than one probe"
    per_animal = rows.groupby("animal_id")["time_index"].nunique()
    times = rows["time_index"].nunique()
    if times < 2:
        return "only one time has values"
    if (per_animal != times).any():
        return "the data are not complete: it needs every animal at every time"
    if len(per_animal) <= rows["group"].nunique():
        return "no degrees of freedom between animals"
    return ""


def _mixedlm_rows(fitted: FittedOutcome) -> list[dict[str, Any]]:
    design, fit = fitted.design, fitted.fit
    if design is None or fit is None or fit.basis.null_space.shape[1] or design.random:
        return []
    from statsmodels.regression.mixed_linear_model import MixedLM

    method = "statsmodels MixedLM"
    with warnings.catch_warnings():
        # It warns of the boundary for fits that are nowhere near it.
        warnings.simplefilter("ignore")
        try:
            result = MixedLM(design.response, design.matrix, groups=design.animal).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError) as error:
            return [{"method": method, "term": "all", "reason": f"it stopped: {error}"}]
    theta = fit.covariance_params
    pairs = {
        "variance between animals": (float(result.cov_re[0, 0]), theta.get("tau2", np.nan)),
        "residual variance": (float(result.scale), theta["sigma2"]),
        "largest difference of coefficients": (
            float(np.max(np.abs(np.asarray(result.fe_params) - fit.params))),
            0.0,
        ),
    }
    return [
        {"method": method, "term": term, "statistic": theirs, "ours": own}
        for term, (theirs, own) in pairs.items()
    ]
