"""One value per sample: below-LOD policy, ratios, reinjections, units."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from dialysis.normalize.exclusions import Exclusions
from dialysis.normalize.values import (
    Part,
    Value,
    analyte_unit,
    analyte_values,
    censored_value,
    choose_injection,
    ratio_value,
)
from dialysis.tables.inputs import EXCLUSIONS
from dialysis.tables.quantify import CONCENTRATIONS

NAN = math.nan
NO_EXCLUSIONS = Exclusions.from_table(EXCLUSIONS.empty())


def row(injection: str = "i1", **changes: Any) -> dict[str, Any]:
    return {
        "injection_id": injection,
        "run": "r1",
        "type": "sample",
        "analyte": "DA",
        "response": 500.0,
        "conc_nM": 5.0,
        "lod_nM": 0.6,
        "loq_nM": 2.0,
        "censored": False,
        "extrapolated": False,
        "excluded": False,
        **changes,
    }


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return CONCENTRATIONS.coerce(pd.DataFrame(list(rows)))


def one(policy: str = "half", unit: str = "nM", **changes: Any) -> Value:
    return analyte_values(table(row(**changes)), "DA", unit, policy, NO_EXCLUSIONS)["i1"]


def test_a_plain_value() -> None:
    assert one() == Value("i1", 5.0, 0.6, False, False, parts=(Part("DA", "nM", 5.0, 2.0),))


def test_between_lod_and_loq() -> None:
    assert one(conc_nM=1.0).below_loq is True
    assert one(conc_nM=2.0).below_loq is False


@pytest.mark.parametrize(
    ("policy", "found", "conc", "missing"),
    [
        ("measured", 0.4, 0.4, ""),
        ("half", 0.4, 0.3, ""),
        ("sqrt2", 0.4, 0.6 / math.sqrt(2), ""),
        ("exclude", 0.4, 0.4, "below the limit of detection (below_lod: exclude)"),
        (
            "measured",
            NAN,
            NAN,
            "below the limit of detection and not found (below_lod: measured)",
        ),
        ("half", NAN, 0.3, ""),
        ("sqrt2", NAN, 0.6 / math.sqrt(2), ""),
        ("exclude", NAN, NAN, "below the limit of detection (below_lod: exclude)"),
    ],
)
def test_below_lod_policies(policy: str, found: float, conc: float, missing: str) -> None:
    value = one(policy, conc_nM=found, censored=True)
    assert value.conc == pytest.approx(conc, nan_ok=True)
    assert value.missing == missing
    assert (value.censored, value.below_loq, value.limit) == (True, True, 0.6)


def test_no_limit_no_substitute() -> None:
    conc, missing = censored_value(0.4, NAN, "half")
    assert math.isnan(conc)
    assert missing == (
        "below the limit of detection, which has no value here to substitute (below_lod: half)"
    )


def test_why_a_limit_is_not_known_is_kept() -> None:
    value = one(conc_nM=NAN, lod_nM=NAN, censored=True, reason="no calibration: 1 level")
    assert value.missing == (
        "below the limit of detection, which has no value here to substitute (below_lod: half); "
        "no calibration: 1 level"
    )


def test_a_missing_concentration_keeps_its_reason() -> None:
    value = one(conc_nM=NAN, reason="calibration failed: 1 level")
    assert value.missing == "calibration failed: 1 level"
    assert one(conc_nM=NAN).missing == "no concentration"


def test_an_excluded_injection_keeps_value_and_reason() -> None:
    value = one(excluded=True, reason="bad_injection: air (AB, 2024-01-01)")
    assert value.conc == 5.0
    assert value.excluded == ("bad_injection: air (AB, 2024-01-01)",)


def test_flags_are_kept() -> None:
    value = one(flags="overlap;tailing", extrapolated=True)
    assert value.flags == ("overlap", "tailing", "extrapolated")
    assert one(flags="extrapolated", extrapolated=True).flags == ("extrapolated",)


def test_units() -> None:
    marked, plain = row(conc_nM=NAN, flags="uncalibrated"), row("i2", conc_nM=NAN)
    assert analyte_unit(table(row())) == "nM"
    assert analyte_unit(table(marked)) == "response"
    assert analyte_unit(table(marked, plain)) == "nM"
    assert analyte_unit(table(row(conc_nM=NAN, reason="calibration failed"))) == "nM"
    assert analyte_unit(CONCENTRATIONS.empty()) == "nM"


def test_a_response_has_no_limits() -> None:
    value = one(unit="response", conc_nM=NAN, flags="uncalibrated")
    assert (value.conc, value.below_loq) == (500.0, False)
    assert math.isnan(value.limit)


def part(name: str, conc: float, lod: float = 0.1, **changes: Any) -> Value:
    unit = changes.pop("unit", "nM")
    censored = changes.pop("censored", False)
    parts = (Part(name, unit, conc, 0.3),)
    return Value("i1", conc, lod, censored, censored, parts=parts, **changes)


def test_a_ratio_is_molar_and_keeps_its_parts() -> None:
    value = ratio_value(part("DOPAC", 300.0, 6.0, flags=("tailing",)), part("DA", 4.0))
    assert (value.conc, value.limit, value.censored) == (75.0, 1.5, False)
    assert [p.analyte for p in value.parts] == ["DOPAC", "DA"]
    assert value.flags == ("tailing",)


def test_a_ratio_with_a_censored_numerator_has_a_limit() -> None:
    value = ratio_value(part("DOPAC", 3.0, 6.0, censored=True), part("DA", 4.0))
    assert (value.conc, value.limit, value.censored) == (0.75, 1.5, True)


def test_a_ratio_with_a_censored_denominator_has_none() -> None:
    value = ratio_value(part("DOPAC", 300.0), part("DA", 0.05, censored=True))
    assert value.censored is True
    assert math.isnan(value.limit)
    assert value.conc == pytest.approx(6000.0)


def test_ratios_that_are_missing() -> None:
    absent = part("DA", NAN, missing="calibration failed")
    assert ratio_value(part("DOPAC", 300.0), absent).missing == "DA: calibration failed"
    zero = ratio_value(part("DOPAC", 300.0), part("DA", 0.0))
    assert zero.missing == "DA, the denominator, is not above 0"
    assert math.isnan(zero.conc)
    mixed = ratio_value(part("DOPAC", 300.0, unit="response"), part("DA", 4.0))
    assert mixed.missing == "one of the two analytes is uncalibrated"
    assert math.isnan(mixed.conc)


def test_a_ratio_is_excluded_with_either_analyte() -> None:
    value = ratio_value(part("DOPAC", 300.0), part("DA", 4.0, excluded=("co_elution: x",)))
    assert value.excluded == ("co_elution: x",)
    assert value.conc == 75.0


def attempt(name: str, conc: float, **changes: Any) -> Value:
    return Value(name, conc, 0.1, False, False, parts=(Part("DA", "nM", conc, 0.3),), **changes)


@pytest.mark.parametrize(("policy", "expected"), [("first", "a"), ("last", "c")])
def test_which_reinjection_counts(policy: str, expected: str) -> None:
    values = [attempt("a", 1.0), attempt("b", 2.0), attempt("c", 6.0)]
    chosen = choose_injection(values, policy)
    assert chosen.injection_id == expected
    assert chosen.flags == (f"reinjected_{policy}",)


def test_the_mean_of_reinjections() -> None:
    chosen = choose_injection([attempt("a", 1.0), attempt("b", 2.0), attempt("c", 6.0)], "mean")
    assert (chosen.conc, chosen.injection_id) == (3.0, "a;b;c")
    assert chosen.parts == (Part("DA", "nM", 3.0, pytest.approx(0.3)),)


def test_the_mean_passes_over_what_has_no_value() -> None:
    values = [attempt("a", 1.0), attempt("b", NAN, missing="no peak"), attempt("c", 6.0)]
    assert choose_injection(values, "mean").injection_id == "a;c"
    assert choose_injection(values[:2], "mean").injection_id == "a"
    assert choose_injection(values[1:2], "mean").missing == "no peak"


def test_the_mean_is_censored_as_soon_as_one_is() -> None:
    low = Value("b", 0.2, 0.4, True, True, parts=(Part("DA", "nM", 0.2, 0.3),))
    chosen = choose_injection([attempt("a", 1.0), low], "mean")
    assert (chosen.conc, chosen.limit, chosen.censored) == (pytest.approx(0.6), 0.4, True)


@pytest.mark.parametrize("policy", ["first", "last", "mean"])
def test_excluded_injections_are_passed_over(policy: str) -> None:
    values = [attempt("a", 1.0, excluded=("bad",)), attempt("b", 2.0), attempt("c", 6.0)]
    expected = {"first": "b", "last": "c", "mean": "b;c"}[policy]
    assert choose_injection(values, policy).injection_id == expected


def test_when_all_are_excluded_one_is_shown() -> None:
    values = [attempt("a", 1.0, excluded=("bad",)), attempt("b", 2.0, excluded=("worse",))]
    chosen = choose_injection(values, "last")
    assert (chosen.conc, chosen.excluded) == (2.0, ("worse",))


def test_a_single_injection_is_not_called_reinjected() -> None:
    assert choose_injection([attempt("a", 1.0)], "mean") == attempt("a", 1.0)
