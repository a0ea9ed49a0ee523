"""concentrations.csv as `normalize` reads it: units, limits, exclusions, marks."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from dialysis.errors import NormalizationError
from dialysis.normalize import given_concentrations, normalize_study
from dialysis.study.config import default_section
from dialysis.study.given import read_concentration
from dialysis.tables.inputs import (
    ANALYTES,
    ANIMALS,
    DOSES,
    EXCLUSIONS,
    GIVEN_CONCENTRATIONS,
    INJECTIONS,
    PROBES,
)
from dialysis.tables.normalize import TIMECOURSE
from dialysis.tables.quantify import CONCENTRATIONS

NAN = math.nan
ANIMAL_ROWS = ANIMALS.coerce(
    pd.DataFrame({"animal_id": ["R1", "R2"], "drug": ["saline", "x"], "dose": [0, 1]})
)


def samples(n: int = 4) -> pd.DataFrame:
    rows = [
        {
            "injection_id": f"{animal}_F{k:02d}",
            "type": "sample",
            "animal_id": animal,
            "fraction": k,
            "start_min": 20.0 * (k - 1),
            "end_min": 20.0 * k,
            "volume_uL": 30.0,
        }
        for animal in ("R1", "R2")
        for k in range(1, n + 1)
    ]
    return INJECTIONS.coerce(pd.DataFrame(rows))


def given(*cells: Any, unit: str = "nM", analyte: str = "DA", animal: str = "R1") -> pd.DataFrame:
    """One row per fraction; a cell is a concentration, or (concentration, lod)."""
    rows = [
        {
            "injection_id": f"{animal}_F{k:02d}",
            "analyte": analyte,
            "unit": unit,
            "concentration": cell[0] if isinstance(cell, tuple) else cell,
            "lod": cell[1] if isinstance(cell, tuple) else NAN,
        }
        for k, cell in enumerate(cells, start=1)
    ]
    return GIVEN_CONCENTRATIONS.coerce(pd.DataFrame(rows))


def taken(table: pd.DataFrame, exclusions: pd.DataFrame | None = None) -> pd.DataFrame:
    frame = given_concentrations(
        table,
        samples(),
        ANALYTES.coerce(pd.DataFrame({"analyte": ["DA", "HVA"], "mw": [153.18, 182.17]})),
        EXCLUSIONS.empty() if exclusions is None else exclusions,
    )
    return CONCENTRATIONS.validate(frame.assign(run="r1"))  # samples without a run are fine here


@pytest.mark.parametrize(
    ("cell", "lod", "expected"),
    [
        ("2.5", NAN, (2.5, NAN, False)),
        ("2.5", 1.0, (2.5, 1.0, False)),
        ("0.5", 1.0, (0.5, 1.0, True)),
        ("<LOD", 1.0, (NAN, 1.0, True)),
        ("< lod", 1.0, (NAN, 1.0, True)),
        ("<0.05", NAN, (NAN, 0.05, True)),
        ("<0.05", 0.05, (NAN, 0.05, True)),
        ("", 1.0, (NAN, 1.0, False)),
        ("0", NAN, (0.0, NAN, False)),
    ],
)
def test_a_cell(cell: str, lod: float, expected: tuple[float, float, bool]) -> None:
    value, limit, censored = read_concentration(cell, lod)
    assert (value, limit, censored) == (
        pytest.approx(expected[0], nan_ok=True),
        pytest.approx(expected[1], nan_ok=True),
        expected[2],
    )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1,5", "a number from 0 (decimal point, no unit), <LOD or <number"),
        ("-1", "a number from 0 (decimal point, no unit), <LOD or <number"),
        ("inf", "a number from 0 (decimal point, no unit), <LOD or <number"),
        ("n.d.", "a number from 0 (decimal point, no unit), <LOD or <number"),
        ("<", "a number from 0 (decimal point, no unit), <LOD or <number"),
        ("<e", "a number from 0 (decimal point, no unit), <LOD or <number"),
        ("<0.5", "<LOD or <0.1, because the column lod says 0.1"),
    ],
)
def test_a_bad_cell(cell: str, expected: str) -> None:
    with pytest.raises(ValueError) as error:
        read_concentration(cell, 0.1)
    assert str(error.value) == expected
    with pytest.raises(NormalizationError) as raised:
        taken(given((cell, 0.1)))
    assert str(raised.value) == (
        f"concentrations.csv, sample R1_F01, DA: found '{cell}'; expected {expected}."
    )


@pytest.mark.parametrize(
    ("unit", "nM"),
    [
        ("pM", 2e-3),
        ("nM", 2.0),
        ("µM", 2e3),
        ("mM", 2e6),
        ("fmol/µL", 2.0),
        ("pg/µL", 2e3 / 153.18),
        ("ng/mL", 2e3 / 153.18),
    ],
)
def test_units(unit: str, nM: float) -> None:
    row = taken(given(("2", 1.0), unit=unit)).iloc[0]
    assert row["conc_nM"] == pytest.approx(nM, rel=1e-12)
    assert row["lod_nM"] == pytest.approx(nM / 2, rel=1e-12)
    assert row["fmol_per_fraction"] == pytest.approx(30 * nM, rel=1e-12)


def test_missing_censored_and_excluded_values_say_so() -> None:
    exclusions = EXCLUSIONS.coerce(
        pd.DataFrame(
            {
                "level": ["injection"],
                "id": ["R1_F04"],
                "reason_code": ["other"],
                "reason_text": ["spilt"],
                "decided_by": ["AB"],
                "decided_on": ["2026-01-05"],
            }
        )
    )
    table = taken(given("2", "", "<0.1", "3"), exclusions)
    assert list(table["reason"]) == [
        "",
        "no concentration in concentrations.csv",
        "",
        "excluded: other (spilt)",
    ]
    assert list(table["censored"]) == [False, False, True, False]
    assert list(table["excluded"]) == [False, False, False, True]
    assert list(table["flags"]) == ["", "", "below_lod", ""]
    assert set(table["source"]) == {"concentrations as given"}


def test_percent_of_baseline_of_given_concentrations() -> None:
    rows = pd.concat(
        [
            given("2", "4", "<0.6", "6"),
            given("1", "1", "1", "2", animal="R2"),
            given("10", "10", "10", "30", analyte="HVA"),
            given("5", "5", "5", "5", analyte="HVA", animal="R2"),
        ],
        ignore_index=True,
    )
    config = default_section("normalize") | {
        "baseline": default_section("normalize")["baseline"] | {"n_fractions": 2},
        "ratios": [{"numerator": "HVA", "denominator": "DA"}],
    }
    made = normalize_study(
        concentrations=taken(rows),
        injections=samples(),
        analytes=ANALYTES.coerce(pd.DataFrame({"analyte": ["DA", "HVA"]})),
        animals=ANIMAL_ROWS,
        probes=PROBES.empty(),
        doses=DOSES.coerce(
            pd.DataFrame(
                {"animal_id": ["R1", "R2"], "event": "dose", "time_min": 40.0, "drug": "x"}
            )
        ),
        exclusions=EXCLUSIONS.empty(),
        config=config,
        region="striatum",
    )
    table = TIMECOURSE.validate(made.timecourse)
    assert set(table["source"]) == {"concentrations as given"}
    course = table[(table["outcome"] == "da_striatum") & (table["animal_id"] == "R1")]
    # baseline (2 + 4)/2 = 3; below the limit of 0.6 counts as 0.3
    assert list(course["pct_of_baseline"]) == pytest.approx([200 / 3, 400 / 3, 10.0, 200.0])
    assert list(course["censored"]) == [False, False, True, False]
    ratio = table[(table["outcome"] == "hva_per_da_striatum") & (table["animal_id"] == "R2")]
    assert list(ratio["conc"]) == pytest.approx([5.0, 5.0, 5.0, 2.5])
