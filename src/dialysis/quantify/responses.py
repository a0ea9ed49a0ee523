"""What the calibration sees of every injection × analyte: the response, or why there is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.errors import CalibrationError, Problem, problems_text
from dialysis.study.outcomes import internal_standards
from dialysis.words import reason_words

_PEAK_COLUMNS = [
    "injection_id",
    "analyte",
    "found",
    "reason",
    "rt_min",
    "area",
    "area_se",
    "height",
    "noise",
    "snr_usp",
    "snr_sigma",
    "tailing",
    "plates",
    "resolution",
    "method",
    "flags",
]


def analytes_of_runs(analytes: pd.DataFrame, runs: list[str]) -> pd.DataFrame:
    """Analytes of every run: a run's own row wins over the row for all runs.

    Returns
    -------
    DataFrame
        The columns of the analytes table, one row per run × analyte measured in it.
    """
    own = analytes[analytes["run"].isin(runs)]
    shared = analytes[analytes["run"] == ""].drop(columns="run")
    everywhere = shared.merge(pd.DataFrame({"run": runs}, dtype="str"), how="cross")
    both = pd.concat([own, everywhere[analytes.columns]], ignore_index=True)
    return both.drop_duplicates(["run", "analyte"]).reset_index(drop=True)


def response_rows(
    peaks: pd.DataFrame,
    injections: pd.DataFrame,
    analytes: pd.DataFrame,
    exclusions: pd.DataFrame,
) -> pd.DataFrame:
    """One row per injection × analyte of its run, with the raw response.

    Parameters
    ----------
    peaks, injections, analytes, exclusions : DataFrame
        Tables of the whole study; exclusions of other levels than injection are passed over.

    Returns
    -------
    DataFrame
        Sorted by run, order and retention.  Columns of the injection (injection_id, run, order,
        type, animal_id, probe_id, reinjection_of, volume_uL, inj_uL, dilution), of the analyte
        (analyte, rt_expected_min, mw, salt_mw, lod, internal_standard, is_internal_standard), of
        the peak (rt_min, area, height, snr_usp, snr_sigma, tailing, plates, resolution, method,
        peak_flags), and

        ``measured``, ``found`` : bool
            Whether integrate has a row for it, and whether a peak was found.
        ``raw``, ``raw_se`` : float
            Area or height and its standard error (of a height: the noise σ), signal units.
        ``raw_reason`` : str
            Why `raw` is missing; empty when it is not.
        ``excluded`` : bool, ``exclusion`` : str
            Whether exclusions.csv leaves it out, and why.
        ``response_kind`` : str
            ``"area"`` or ``"height"``.

    Raises
    ------
    CalibrationError
        If a peak is of an injection or analyte that the study does not have, or if an analyte
        has two peaks in one injection.
    """
    table = analytes_of_runs(analytes, sorted(set(injections["run"])))
    table = table.rename(columns={"rt_min": "rt_expected_min"})
    named = table["internal_standard"]
    table["internal_standard"] = named.where(
        ~named.isin(["none", "itself"]) & (named != table["analyte"]), ""
    )
    table["is_internal_standard"] = table["analyte"].isin(internal_standards(analytes))
    table["response_kind"] = table["response"].where(table["response"] != "", "area")
    rows = injections[
        [
            "injection_id",
            "run",
            "order",
            "type",
            "animal_id",
            "probe_id",
            "reinjection_of",
            "volume_uL",
            "inj_uL",
            "dilution",
        ]
    ].merge(table.drop(columns=["window_min", "channel", "response"]), on="run", how="inner")
    identified = peaks.loc[peaks["analyte"] != "", _PEAK_COLUMNS]
    _check_peaks(identified, rows)
    rows = rows.merge(
        identified.rename(columns={"reason": "peak_reason", "flags": "peak_flags"}),
        on=["injection_id", "analyte"],
        how="left",
        indicator="_merge",
    )
    rows["measured"] = (rows["_merge"] == "both").to_numpy(dtype=bool)
    rows["found"] = rows["found"].astype("boolean").fillna(False).to_numpy(dtype=bool)
    for name in ("peak_reason", "peak_flags"):
        rows[name] = rows[name].fillna("")
    height = (rows["response_kind"] == "height").to_numpy(dtype=bool)
    found = rows["found"].to_numpy(dtype=bool)
    rows["raw"] = np.where(found, np.where(height, rows["height"], rows["area"]), np.nan)
    rows["raw_se"] = np.where(found, np.where(height, rows["noise"], rows["area_se"]), np.nan)
    rows["raw_reason"] = [
        _raw_reason(*values)
        for values in zip(
            rows["measured"],
            rows["found"],
            np.isfinite(rows["raw"].to_numpy(dtype=np.float64)),
            rows["peak_reason"],
            rows["response_kind"],
            strict=True,
        )
    ]
    reasons = _exclusion_reasons(exclusions)
    rows["exclusion"] = pd.Series(
        [
            reasons.get((injection, "")) or reasons.get((injection, analyte)) or ""
            for injection, analyte in zip(rows["injection_id"], rows["analyte"], strict=True)
        ],
        index=rows.index,
        dtype="str",
    )
    rows["excluded"] = (rows["exclusion"] != "").to_numpy(dtype=bool)
    # One order whatever that of the tables: sums then have the same last digit.
    rows = rows.sort_values(
        ["run", "order", "injection_id", "rt_expected_min", "analyte"], kind="stable"
    )
    return rows.drop(columns=["_merge", "peak_reason"]).reset_index(drop=True)


def add_internal_standard(
    rows: pd.DataFrame, amounts: pd.DataFrame, use: bool, recovery_range_pct: tuple[float, float]
) -> pd.DataFrame:
    """Divide the responses by those of the internal standard, where there is one.

    Parameters
    ----------
    rows : DataFrame
        Of `response_rows`.
    amounts : DataFrame
        Of `standards.standard_amounts`: where it gives amounts of the internal standard, the
        amount ratio is calibrated.
    use : bool
        Whether ratios are calibrated; else responses are left as they are and only the recovery
        is reported.
    recovery_range_pct : tuple of float
        Recoveries outside it are flagged.

    Returns
    -------
    DataFrame
        `rows` with

        ``ratio`` : bool
            Whether the response is a ratio.
        ``response``, ``response_se``, ``response_reason``
            What the calibration sees; the reason why it is missing.
        ``divisor`` : float
            Response of the internal standard that was divided by; 1 for none.
        ``is_scale`` : float
            Amount of the internal standard in this injection ÷ that of the run's standards
            (median); 1 when standards.csv gives none.  A line fitted to amount ÷ is_scale is one
            of the amount ratio with its slope per fmol.
        ``is_problem`` : str
            Why the internal standard of this injection can't be used.
        ``recovery_pct``, ``recovery_reference`` : float
            Of an internal standard's own row: response per amount against that of the run's
            standards, %, and theirs at this place of the run.
        ``is_recovery_flag`` : bool
            Whether the internal standard (the row's own, or the one it names) is missing or its
            recovery out of range, where there is something to compare it with.
        ``is_volume_flag`` : bool
            Whether a ratio is of a sample injected with another volume than the standards, while
            the internal standard is taken to be the same amount on column.
    """
    rows = rows.copy()
    rows["own_scale"], rows["own_by_volume"] = _internal_standard_scale(rows, amounts)
    scale = rows["own_scale"].where(rows["own_scale"] > 0)
    per_amount = rows["raw"].where((rows["raw"] > 0) & rows["is_internal_standard"]) / scale
    typical = per_amount.where((rows["type"] == "standard") & ~rows["excluded"])
    rows["recovery_reference"] = _recovery_reference(rows, typical)
    rows["recovery_pct"] = 100.0 * per_amount / rows["recovery_reference"]
    rows = rows.merge(
        _as_internal_standard(rows), on=["injection_id", "internal_standard"], how="left"
    )
    ratio = (rows["internal_standard"] != "").to_numpy(dtype=bool) & use
    rows["ratio"] = ratio
    # The ratio is area by area or height by height, however the internal standard's own row is
    # measured.
    height = (rows["response_kind"] == "height").to_numpy(dtype=bool)
    divisor = np.where(height, rows["is_height"], rows["is_area"])
    divisor_se = np.where(height, rows["is_noise"], rows["is_area_se"])
    problems = [
        _internal_standard_problem(*values)
        for values in zip(
            ratio,
            rows["internal_standard"],
            rows["is_raw_reason"].isna(),
            rows["is_raw_reason"].fillna(""),
            rows["is_exclusion"].where(~rows["excluded"], "").fillna(""),
            divisor,
            rows["is_scale"],
            strict=True,
        )
    ]
    rows["is_problem"] = pd.Series(problems, index=rows.index, dtype="str")
    good = ratio & (rows["is_problem"] == "").to_numpy(dtype=bool)
    divisor = np.where(good, divisor, np.where(ratio, np.nan, 1.0))
    divisor_se = np.where(good & np.isfinite(divisor_se), divisor_se, 0.0)
    rows["divisor"] = divisor
    rows["response"] = rows["raw"] / divisor
    # Errors of numerator and denominator, first order; exact when there is no denominator.
    rows["response_se"] = (
        np.sqrt(rows["raw_se"] ** 2 + (rows["response"] * divisor_se) ** 2) / divisor
    )
    rows["response_kind"] = rows["response_kind"].where(~ratio, rows["response_kind"] + " ratio")
    rows["response_reason"] = [
        "; ".join(part for part in parts if part)
        for parts in zip(rows["raw_reason"], rows["is_problem"], strict=True)
    ]
    rows["is_scale"] = rows["is_scale"].where(good, 1.0)
    rows["is_recovery_flag"] = _recovery_flag(rows, *recovery_range_pct)
    rows["is_volume_flag"] = good & _other_volume(rows) & ~rows["is_by_volume"].eq(True).to_numpy()
    return rows


def _recovery_reference(rows: pd.DataFrame, typical: pd.Series) -> pd.Series:
    """Response of the internal standard in the run's standards, at the place of every injection.

    The median of every group of standards, interpolated between the groups: a sample late in a
    run that drifts is not at fault.  `rows` without a place in the run get the median of all.
    """
    keys = [rows["run"], rows["analyte"]]
    reference = typical.groupby(keys).transform("median")
    if "position" not in rows:
        return reference
    known = typical.notna() & rows["position"].notna()
    for _, index in rows.groupby(["run", "analyte"], sort=False).groups.items():
        own = rows.loc[index]
        mine = own[known.loc[index]]
        if mine["group"].nunique() < 2:
            continue
        grouped = mine.assign(value=typical.loc[mine.index]).groupby("group", sort=True)
        place = grouped["position"].mean().to_numpy(dtype=np.float64)
        level = grouped["value"].median().to_numpy(dtype=np.float64)
        at = own["position"].to_numpy(dtype=np.float64)
        between = np.interp(at, place, level)
        reference.loc[index] = np.where(np.isfinite(at), between, reference.loc[index])
    return reference


def _as_internal_standard(rows: pd.DataFrame) -> pd.DataFrame:
    """What an analyte needs to know of its internal standard, by injection and name."""
    columns = {
        "area": "is_area",
        "area_se": "is_area_se",
        "height": "is_height",
        "noise": "is_noise",
        "raw_reason": "is_raw_reason",
        "exclusion": "is_exclusion",
        "own_scale": "is_scale",
        "own_by_volume": "is_by_volume",
        "recovery_pct": "is_recovery_pct",
        "recovery_reference": "is_reference",
    }
    own = rows[["injection_id", "analyte", *columns]]
    return own.rename(columns={"analyte": "internal_standard", **columns})


def _recovery_flag(rows: pd.DataFrame, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Rows whose internal standard is missing or out of range; blanks need not hold it."""
    own = rows["is_internal_standard"]
    recovery = rows["recovery_pct"].where(own, rows["is_recovery_pct"])
    known = rows["recovery_reference"].where(own, rows["is_reference"]).notna()
    outside = known & ~recovery.between(low, high) & (rows["type"] != "blank")
    return np.asarray(outside, dtype=bool)


def _other_volume(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Samples whose injected volume is not that of the run's standards (median) within 1 %."""
    typical = rows["inj_uL"].where(rows["type"] == "standard").groupby(rows["run"])
    ratio = rows["inj_uL"] / typical.transform("median")
    other = ((ratio - 1.0).abs() > 0.01) & (rows["type"] == "sample")
    return np.asarray(other, dtype=bool)


def _check_peaks(identified: pd.DataFrame, rows: pd.DataFrame) -> None:
    problems = []
    twice = identified[identified.duplicated(["injection_id", "analyte"])]
    for injection, analyte in zip(twice["injection_id"], twice["analyte"], strict=True):
        problems.append(
            Problem(
                "peaks",
                f"injection {injection}",
                f"{analyte} twice",
                "one peak for each analyte",
                "Name the analyte's channel in analytes.csv.",
            )
        )
    known = pd.MultiIndex.from_frame(rows[["injection_id", "analyte"]])
    asked = pd.MultiIndex.from_frame(identified[["injection_id", "analyte"]])
    for injection, analyte in asked[~asked.isin(known)].unique():
        problems.append(
            Problem(
                "peaks",
                f"injection {injection}",
                f"{analyte}, which injections.csv and analytes.csv don't give",
                "injections and analytes of this study",
                "Run integrate again.",
            )
        )
    if problems:
        raise CalibrationError(problems_text(problems, "Peaks can't be quantified"))


def _raw_reason(measured: bool, found: bool, has_value: bool, reason: str, kind: str) -> str:
    if has_value:
        return ""
    if not measured:
        return "not measured in this injection"
    if not found:
        return reason or "no peak found"
    return f"the peak has no {kind}"


def _exclusion_reasons(exclusions: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Reason by (injection, analyte); the analyte is empty for a whole injection."""
    rows = exclusions[exclusions["level"] == "injection"]
    return {
        (str(row.id), str(row.analyte)): f"excluded: {reason_words(row.reason_code)}"
        + (f" ({row.reason_text})" if row.reason_text else "")
        for row in rows.itertuples(index=False)
    }


def _internal_standard_scale(
    rows: pd.DataFrame, amounts: pd.DataFrame
) -> tuple[pd.Series, pd.Series]:
    """Amount of an internal standard relative to the median of the run's standards.

    Injections that standards.csv does not name get the median: of the concentrations times
    their own injected volume where all amounts are concentrations (then the second series is
    true), else of the amounts.  1 where standards.csv gives no amounts.
    """
    given = rows[["injection_id", "run", "analyte", "type", "inj_uL"]].merge(
        amounts[["injection_id", "analyte", "amount_fmol", "concentration"]],
        on=["injection_id", "analyte"],
        how="left",
    )
    keys = [given["run"], given["analyte"]]
    amount = given["amount_fmol"]
    typical = amount.where((given["type"] == "standard") & (amount > 0))
    reference = typical.groupby(keys).transform("median")
    per_uL = (typical / given["inj_uL"]).groupby(keys).transform("median")
    on_column = given["concentration"].eq(False)
    by_volume = ~on_column.groupby(keys).transform("any") & reference.notna()
    assumed = (per_uL * given["inj_uL"]).where(by_volume, reference).fillna(reference)
    scale = (amount.fillna(assumed) / reference).where(rows["is_internal_standard"]).fillna(1.0)
    return scale, by_volume


def _internal_standard_problem(
    ratio: bool,
    name: str,
    absent: bool,
    raw_reason: str,
    exclusion: str,
    divisor: float,
    scale: float,
) -> str:
    if not ratio:
        return ""
    label = f"internal standard {name}"
    if absent:
        return f"{label}: analytes.csv has no row for it in this run"
    if exclusion:
        return f"{label} {exclusion}"
    if raw_reason:
        return f"{label}: {raw_reason}"
    if not divisor > 0:
        return f"{label}: found a response of {divisor:.4g}; expected one above 0"
    if not scale > 0:
        return f"{label}: its amount in standards.csv is 0"
    return ""
