"""The comparisons again, with other treatments of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from dialysis.stats.contrasts import Comparisons, compare
from dialysis.stats.fit import Fit
from dialysis.stats.fitted import FittedOutcome, fit_outcome
from dialysis.stats.inference import t_quantile
from dialysis.stats.multiplicity import stars
from dialysis.stats.options import Options
from dialysis.tables.stats import SENSITIVITY

SUBSTITUTES = {"lod_half": 0.5, "lod_sqrt2": float(np.sqrt(0.5))}
WORDS = {
    "lod_half": "values below the limit of detection entered as half the limit",
    "lod_sqrt2": "values below the limit of detection entered as the limit divided by √2",
    "with_excluded": "values that were left out put back, in baselines too",
}


def variants(timecourse: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the time course as other treatments of the data would have it.

    Only treatments that change something are returned: substitution where a value in the baseline
    or after the dose is censored and does not stand as that substitute already, exclusions where
    a value was left out after the dose or from a baseline.
    """
    out: dict[str, pd.DataFrame] = {}
    used = timecourse["used"].fillna(False).astype(bool)
    censored = timecourse["censored"].fillna(False).astype(bool) & (timecourse["limit"] > 0)
    if (used & censored & timecourse["period"].isin(["baseline", "post"])).any():
        for name, share in SUBSTITUTES.items():
            frame = substituted(timecourse, share)
            if not _same(frame["log_ratio"][used], timecourse["log_ratio"][used]):
                out[name] = frame
    frame = with_excluded(timecourse)
    entered = (frame["period"] == "post") & frame["used"]
    if (entered & ~used).any() or not _same(frame["log_ratio"][entered], timecourse["log_ratio"]):
        out["with_excluded"] = frame
    return out


def _same(found: pd.Series, before: pd.Series) -> bool:
    """Whether numbers are equal but for the rounding of the file they were read from."""
    first, second = found.to_numpy(dtype=float), before[found.index].to_numpy(dtype=float)
    return bool(np.allclose(first, second, rtol=0.0, atol=1e-7, equal_nan=True))


def with_excluded(timecourse: pd.DataFrame) -> pd.DataFrame:
    """Put back every value that was left out, and compute baselines with them.

    Parameters
    ----------
    timecourse : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE`.

    Returns
    -------
    DataFrame
        With `used` set where a row has a log ratio.  Where only part of a probe's baseline
        fractions counted, or too few for a baseline, the baseline is the mean of all that have a
        value, and percent and log ratio follow it.
    """
    frame = timecourse.copy()
    used = frame["used"].fillna(False).astype(bool)
    conc = frame["conc"].to_numpy(dtype=float)
    valued = (frame["period"] == "baseline") & np.isfinite(conc)
    probe = frame["probe_id"]
    counted = (valued & used).groupby(probe).transform("any")
    left_out = (valued & ~used).groupby(probe).transform("any")
    undefined = ~pd.Series(np.isfinite(frame["log_ratio"]), frame.index).groupby(probe).transform(
        "any"
    )
    whole = frame["conc"].where(valued).groupby(probe).transform("mean").to_numpy(dtype=float)
    before = frame["baseline"].to_numpy(dtype=float)
    moved = left_out & (counted | undefined) & (whole > 0) & ~np.isclose(whole, before, rtol=1e-9)
    ratio = np.where(moved, conc / np.where(moved, whole, 1.0), np.nan)
    frame.loc[moved, "baseline"] = whole[moved]
    frame.loc[moved, "pct_of_baseline"] = 100.0 * ratio[moved]
    positive = moved & (ratio > 0)
    frame.loc[positive, "log_ratio"] = np.log(ratio[positive])
    period = frame["period"].isin(["baseline", "post"])
    put_back = period & np.isfinite(frame["log_ratio"]) & (frame["baseline"] > 0)
    frame["used"] = (used | put_back).astype("boolean")
    return frame


def substituted(timecourse: pd.DataFrame, share: float) -> pd.DataFrame:
    """Enter every censored value as a share of its limit, and compute baselines from that.

    Parameters
    ----------
    timecourse : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE`.
    share : float
        What a censored value is set to, in limits of detection.

    Returns
    -------
    DataFrame
        With conc, baseline, pct_of_baseline and log_ratio changed.  A baseline changes by the
        mean change of the baseline fractions it was computed from.
    """
    frame = timecourse.copy()
    censored = frame["censored"].fillna(False).astype(bool) & (frame["limit"] > 0)
    before = frame["conc"].to_numpy(dtype=float)
    after = np.where(censored, share * frame["limit"].to_numpy(dtype=float), before)
    used = frame["used"].fillna(False).astype(bool) & (frame["period"] == "baseline")
    moved = pd.Series(np.where(used, after - before, np.nan), index=frame.index)
    change = moved.groupby(frame["probe_id"]).transform("mean").fillna(0.0)
    baseline = frame["baseline"].to_numpy(dtype=float) + change.to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = after / baseline
        defined = np.isfinite(ratio) & (ratio > 0)
        log_ratio = np.where(defined, np.log(np.where(defined, ratio, 1.0)), np.nan)
    had = np.isfinite(frame["log_ratio"].to_numpy(dtype=float))
    frame["conc"], frame["baseline"] = after, baseline
    frame["pct_of_baseline"] = 100.0 * ratio
    frame["log_ratio"] = np.where(had | censored, log_ratio, np.nan)
    return frame


def sensitivity_table(
    timecourse: pd.DataFrame, fitted: FittedOutcome, options: Options, original: Comparisons
) -> pd.DataFrame:
    """Repeat the comparisons with every variant of the data.

    Parameters
    ----------
    timecourse : DataFrame
        Rows of one outcome.
    fitted : FittedOutcome
        The model of the data as analysed.
    options : Options
        Of the analysis.
    original : Comparisons
        Of that model.

    Returns
    -------
    DataFrame
        `dialysis.tables.stats.SENSITIVITY`; empty when no variant changes anything.
    """
    first = _by_cell(original, options)
    if fitted.fit is not None:
        # The variants differ in the data only: whether groups have their own variances is kept.
        options = replace(options, covariance=_covariance(fitted.fit, options), variances="common")
    frames = []
    for name, frame in variants(timecourse).items():
        compared = compare(fit_outcome(frame, fitted.layout, options), options, families=False)
        rows = pd.DataFrame(compared.rows).assign(variant=name, stars="")
        if not len(rows):
            continue
        found = compared.estimates
        family = compared.within if options.stars == "within" else compared.everything
        if found is not None and family is not None:
            half = t_quantile(found.df, options.confidence) * found.se
            marks = stars(family.p, options.alpha)
            at = rows.index[compared.tested]
            rows.loc[at, "ratio_pct"] = 100.0 * np.exp(found.value)
            rows.loc[at, "ratio_low_pct"] = 100.0 * np.exp(found.value - half)
            rows.loc[at, "ratio_high_pct"] = 100.0 * np.exp(found.value + half)
            rows.loc[at, "p_family"] = family.p
            rows.loc[at, "stars"] = marks
        again = _by_cell(compared, options)
        changes: list[float] = []
        flips: list[bool | None] = []
        for row in rows.itertuples(index=False):
            cell = (str(row.group), int(row.time_index))
            if cell in first and cell in again:
                changes.append(100.0 * float(np.expm1(again[cell][0] - first[cell][0])))
                flips.append((again[cell][1] < options.alpha) != (first[cell][1] < options.alpha))
            else:
                changes.append(np.nan)
                flips.append(None)
        rows["change_pct"] = changes
        rows["star_changes"] = pd.array(flips, dtype="boolean")
        frames.append(rows)
    if not frames:
        return SENSITIVITY.empty()
    return SENSITIVITY.coerce(pd.concat(frames, ignore_index=True))


def _covariance(fit: Fit, options: Options) -> str:
    own = bool(fit.structure.strata) and not options.covariance.endswith("+het")
    return options.covariance + ("+het" if own else "")


def _by_cell(compared: Comparisons, options: Options) -> dict[tuple[str, int], tuple[float, float]]:
    """Log ratio and p of the stars' family, by group and time."""
    family = compared.within if options.stars == "within" else compared.everything
    if compared.estimates is None or family is None:
        return {}
    return {
        (str(compared.rows[i]["group"]), int(compared.rows[i]["time_index"])): (
            float(compared.estimates.value[place]),
            float(family.p[place]),
        )
        for place, i in enumerate(compared.tested)
    }
