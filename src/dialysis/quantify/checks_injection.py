"""Checks of single injections: internal standard, broken injections, swapped vials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.quantify.checks import Check, Target, judged, not_applicable
from dialysis.quantify.model import Calibration, Key

NEIGHBOURS = 4
"""Samples of the same probe, nearest by position, that a sample is compared with."""

SWAPPED_FROM = 9.0
"""Mean square of the standardised log deviations from which an injection does not fit its place:
three standard deviations in every analyte."""

SWAPPED_GAIN = 4.0
"""Factor by which both injections must fit the other's place better than their own."""

_LEAST_SD = 0.05
_LEAST_ANALYTES = 2
_MAD_TO_SD = 1.4826


def internal_standard_checks(rows: pd.DataFrame, low: float, high: float) -> list[Check]:
    """Recovery of the internal standard in every sample."""
    rule = "internal_standard_recovery"
    found: list[Check] = []
    own = rows[rows["is_internal_standard"] & (rows["type"] == "sample")]
    nothing = own[own["recovery_reference"].isna()].drop_duplicates(["run", "analyte"])
    for run, name in zip(nothing["run"], nothing["analyte"], strict=True):
        reason = "no standard of this run has it, so that there is nothing to compare with"
        found.append(not_applicable((str(run), str(name)), rule, "%", reason))
    served: dict[Target, tuple[Target, ...]] = {
        (str(injection), str(standard)): tuple((str(injection), str(a)) for a in table["analyte"])
        for (injection, standard), table in rows[rows["internal_standard"] != ""].groupby(
            ["injection_id", "internal_standard"], sort=False
        )
    }
    columns = ["injection_id", "run", "analyte", "recovery_pct", "exclusion", "raw_reason"]
    for sample in own.loc[own["recovery_reference"].notna(), columns].to_dict("records"):
        value = float(sample["recovery_pct"])
        limit = low if abs(value - low) <= abs(value - high) else high
        if sample["exclusion"]:
            value, limit, status, reason = math.nan, math.nan, "NA", str(sample["exclusion"])
        elif math.isfinite(value):
            status = judged(low <= value <= high)
            word = "inside" if status == "PASS" else "outside"
            reason = f"{value:.1f} % of the run's standards there, {word} {low:g} to {high:g} %"
        else:
            limit, status = low, "WARN"
            reason = str(sample["raw_reason"] or "the response is not above 0")
        injection, name = str(sample["injection_id"]), str(sample["analyte"])
        targets = ((injection, name), *served.get((injection, name), ()))
        run = str(sample["run"])
        found.append(Check(run, name, injection, rule, value, limit, "%", status, reason, targets))
    return found


@dataclass(frozen=True, eq=False)
class _Places:
    """Injections of a run: what was measured in them and what belongs in their places.

    Parameters
    ----------
    injections : list of str
    measured, expected, spread : ndarray of float64, shape (injections, analytes)
        Logarithm of the response, of what is expected, and the standard deviation of the
        difference; NaN where not known.
    found : ndarray of bool, shape (injections,)
        Whether any peak was found.
    probes : list of str
        Probe of a sample; empty for standards.
    """

    injections: list[str]
    measured: FloatArray
    expected: FloatArray
    spread: FloatArray
    found: npt.NDArray[np.bool_]
    probes: list[str]


def injection_checks(
    rows: pd.DataFrame,
    points: pd.DataFrame,
    calibrations: Mapping[Key, Calibration],
    limits: Mapping[str, Any],
) -> list[Check]:
    """Broken injections and swapped vials of every run.

    Parameters
    ----------
    rows : DataFrame
        Of `responses.add_internal_standard`, with `fmol` (amount on column, drift corrected).
    points : DataFrame
        Standards with their amounts.
    calibrations : mapping of (run, analyte) to Calibration
    limits : mapping
        ``quantify.suitability``.
    """
    found: list[Check] = []
    nominal = points.set_index(["injection_id", "analyte"])["amount_fmol"].to_dict()
    used = rows[(rows["type"] != "blank") & ~rows["excluded"]]
    for run, own in used.groupby("run", sort=True):
        of_run = {a: c for (r, a), c in calibrations.items() if r == run}
        signal = _places(own, nominal, of_run, "raw")
        found += _broken(str(run), signal, own, float(limits["broken_injection_pct"]))
        amounts = _places(own[~own["is_internal_standard"]], nominal, of_run, "fmol")
        found += _swapped(str(run), amounts, own)
    return found


def _places(
    own: pd.DataFrame,
    nominal: Mapping[Any, float],
    calibrations: Mapping[str, Calibration],
    column: str,
) -> _Places:
    """What is measured and expected; `column` is ``raw`` (signals) or ``fmol`` (amounts)."""
    first = own.drop_duplicates("injection_id")
    injections = [str(name) for name in first["injection_id"]]
    analytes = list(dict.fromkeys(own["analyte"]))
    table = own.pivot(index="injection_id", columns="analyte", values=column)
    values = table.reindex(index=injections, columns=analytes).to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = np.where(values > 0, np.log(values), np.nan)
    is_sample = (first["type"] == "sample").to_numpy(dtype=bool)
    probes = [
        (str(p) or str(a)) if sample else ""
        for p, a, sample in zip(first["probe_id"], first["animal_id"], is_sample, strict=True)
    ]
    expected = np.full_like(measured, np.nan)
    for place, name in enumerate(injections):
        if is_sample[place]:
            peers = [k for k, p in enumerate(probes) if p == probes[place] and k != place]
            peers = sorted(peers, key=lambda k: (abs(k - place), k))[:NEIGHBOURS]
            if len(peers) >= 2:
                expected[place] = _medians(measured[peers])
            continue
        for number, analyte in enumerate(analytes):
            amount = nominal.get((name, analyte), math.nan)
            calibration = calibrations.get(analyte)
            if column == "raw":
                if calibration is not None and calibration.curve is not None and amount > 0:
                    amount = float(calibration.curve.response(amount)) * calibration.divisor
                elif calibration is None:
                    continue
                else:
                    amount = math.nan
            if amount > 0:
                expected[place, number] = math.log(amount)
    if column == "raw":
        # The internal standard is the same everywhere.
        for number, analyte in enumerate(analytes):
            rows = own[(own["analyte"] == analyte) & own["is_internal_standard"]]
            typical = rows["recovery_reference"].median() if len(rows) else math.nan
            if typical > 0:
                expected[:, number] = math.log(typical)
    difference = measured - expected
    spread = np.full_like(measured, _LEAST_SD)
    for kind in (True, False):
        mine = is_sample == kind
        sds = _MAD_TO_SD * _medians(np.abs(difference[mine]))
        spread[mine] = np.fmax(sds, _LEAST_SD)
    found = own.groupby("injection_id")["found"].any().reindex(injections)
    return _Places(injections, measured, expected, spread, found.to_numpy(dtype=bool), probes)


def _medians(values: FloatArray) -> FloatArray:
    """Median of every column over what is known; NaN where nothing is."""
    known = np.isfinite(values)
    return np.array(
        [
            float(np.median(column[mask])) if mask.any() else math.nan
            for column, mask in zip(values.T, known.T, strict=True)
        ]
    )


def _broken(run: str, places: _Places, own: pd.DataFrame, limit: float) -> list[Check]:
    rule, unit = "broken_injection", "% of expected response"
    targets = _targets(own)
    found: list[Check] = []
    with np.errstate(invalid="ignore"):
        ratio = 100.0 * np.exp(places.measured - places.expected)
    for place, name in enumerate(places.injections):
        known = ratio[place][np.isfinite(ratio[place])]
        if not places.found[place]:
            if not np.isfinite(places.expected[place]).any():
                continue
            value, status = 0.0, "WARN"
            reason = "no peak of any analyte was found"
        elif known.size < _LEAST_ANALYTES:
            continue
        else:
            value = float(known.max())
            status = judged(value >= limit)
            reason = (
                f"the largest of {known.size} responses is {value:.0f} % of what is expected, "
                f"limit {limit:g} %"
            )
        found.append(
            Check(run, "", name, rule, value, limit, unit, status, reason, targets.get(name, ()))
        )
    if not found:
        reason = "no injection has enough analytes to compare"
        return [Check(run, "", "", rule, math.nan, limit, unit, "NA", reason)]
    failing = [check for check in found if check.status == "WARN"]
    return failing or [min(found, key=lambda check: check.value)]


def _swapped(run: str, places: _Places, own: pd.DataFrame) -> list[Check]:
    """Pairs of injections that fit each other's place, and not their own."""
    rule, unit = "swapped_vials", "mean z²"
    n = len(places.injections)
    apart = np.array([_distance(places, i, i) for i in range(n)])
    if not np.isfinite(apart).any():
        reason = "no injection has enough analytes to compare"
        return [Check(run, "", "", rule, math.nan, SWAPPED_FROM, unit, "NA", reason)]
    odd = [i for i in range(n) if apart[i] > SWAPPED_FROM]
    targets = _targets(own)
    pairs = []
    for a, i in enumerate(odd):
        for j in odd[a + 1 :]:
            if places.probes[i] and places.probes[i] == places.probes[j]:
                continue
            there, back = _distance(places, i, j), _distance(places, j, i)
            if there * SWAPPED_GAIN < apart[i] and back * SWAPPED_GAIN < apart[j]:
                pairs.append((there + back, i, j))
    found: list[Check] = []
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if {i, j} & taken:
            continue
        taken |= {i, j}
        for here, other in ((i, j), (j, i)):
            name, partner = places.injections[here], places.injections[other]
            cross = _distance(places, here, other)
            reason = (
                f"{name} does not fit its place (mean z² {apart[here]:.0f}, limit "
                f"{SWAPPED_FROM:g}) but that of {partner} ({cross:.1f}), and that one its own: "
                "were the two vials swapped?"
            )
            found.append(
                Check(
                    run,
                    "",
                    name,
                    rule,
                    float(apart[here]),
                    SWAPPED_FROM,
                    unit,
                    "WARN",
                    reason,
                    targets.get(name, ()),
                )
            )
    if found:
        return found
    worst = int(np.nanargmax(apart))
    reason = (
        f"no two injections fit each other's place better than their own; "
        f"{places.injections[worst]} is farthest from its own"
    )
    return [
        Check(
            run,
            "",
            places.injections[worst],
            rule,
            float(apart[worst]),
            SWAPPED_FROM,
            unit,
            "PASS",
            reason,
        )
    ]


def _distance(places: _Places, injection: int, place: int) -> float:
    """Mean square of the standardised log deviations of an injection from a place."""
    z = (places.measured[injection] - places.expected[place]) / places.spread[place]
    known = z[np.isfinite(z)]
    return float(np.mean(known**2)) if known.size >= _LEAST_ANALYTES else math.nan


def _targets(own: pd.DataFrame) -> dict[str, tuple[Target, ...]]:
    """All values of every injection."""
    out: dict[str, list[Target]] = {}
    for name, analyte in zip(own["injection_id"], own["analyte"], strict=True):
        out.setdefault(str(name), []).append((str(name), str(analyte)))
    return {name: tuple(targets) for name, targets in out.items()}
