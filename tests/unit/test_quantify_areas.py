"""areas.csv through `quantify`: found, not found, not measured, marked."""

from __future__ import annotations

import pandas as pd
import pytest

from dialysis.quantify import QuantifiedStudy, peaks_of_areas, quantify_study
from dialysis.tables.inputs import ANALYTES, AREAS, EXCLUSIONS, INJECTIONS, STANDARDS
from dialysis.tables.integrate import PEAKS

from .quantify_builder import quantify_config

INJECTION_ROWS = INJECTIONS.coerce(
    pd.DataFrame(
        {
            "injection_id": ["S1", "S2", "S3", "X1", "X2", "X3"],
            "run": "r1",
            "order": range(1, 7),
            "type": ["standard"] * 3 + ["sample"] * 3,
            "inj_uL": 10.0,
        }
    )
)


def areas(column: str = "area") -> pd.DataFrame:
    """Response 2 per fmol; X1 holds 20 fmol, X2 an area of 0, X3 nothing at all."""
    return AREAS.coerce(
        pd.DataFrame(
            {
                "injection_id": ["S1", "S2", "S3", "X1", "X2"],
                "analyte": "DA",
                column: [20.0, 100.0, 200.0, 40.0, 0.0],
                "rt_min": [11.0, 11.1, 11.2, 11.3, 11.3],
            }
        )
    )


def quantified(table: pd.DataFrame, response: str = "area", **options: object) -> QuantifiedStudy:
    return quantify_study(
        peaks=peaks_of_areas(table, INJECTION_ROWS),
        injections=INJECTION_ROWS,
        standards=STANDARDS.coerce(
            pd.DataFrame(
                {
                    "injection_id": ["S1", "S2", "S3"],
                    "analyte": "DA",
                    "amount": [10.0, 50.0, 100.0],
                    "unit": "fmol",
                }
            )
        ),
        analytes=ANALYTES.coerce(pd.DataFrame({"analyte": ["DA"], "response": response})),
        exclusions=EXCLUSIONS.empty(),
        config=quantify_config(**options),
    )


def test_areas_become_peaks_with_the_method_vendor() -> None:
    table = areas()
    table.loc[4, "area"] = float("nan")
    peaks = PEAKS.validate(peaks_of_areas(table, INJECTION_ROWS))
    assert list(peaks["found"]) == [True] * 4 + [False]
    assert set(peaks["method"]) == {"vendor"}
    assert peaks["reason"].iloc[-1] == "no value in areas.csv"
    assert peaks["rt_min"].iloc[-1] != peaks["rt_min"].iloc[-1]
    assert peaks_of_areas(areas(), INJECTION_ROWS)["reason"].iloc[-1] == "0 in areas.csv"


@pytest.mark.parametrize("column", ["area", "height"])
def test_concentrations_from_areas_or_heights_are_exact_and_marked(column: str) -> None:
    found = quantified(areas(column), column, limits={"method": "regression"})
    table = found.concentrations.set_index("injection_id")
    assert table.loc["X1", "fmol_on_column"] == pytest.approx(20.0, rel=1e-12)
    assert table.loc["X1", "conc_nM"] == pytest.approx(2.0, rel=1e-12)
    assert set(table["source"]) == {"vendor areas"}
    assert all("vendor_areas" in flags.split(";") for flags in table["flags"])
    assert table.loc["X2", "censored"] and table.loc["X2", "reason"] == "0 in areas.csv"
    assert not table.loc["X3", "censored"]
    assert table.loc["X3", "reason"] == "not measured in this injection"
    assert list(found.calibration["status"]) == ["ok"]


def test_own_integration_is_marked_as_from_traces() -> None:
    peaks = peaks_of_areas(areas(), INJECTION_ROWS).assign(method="trapezoid")
    study = quantify_study(
        peaks,
        INJECTION_ROWS,
        STANDARDS.empty(),
        ANALYTES.coerce(pd.DataFrame({"analyte": ["DA"]})),
        EXCLUSIONS.empty(),
        quantify_config(calibration="none"),
    )
    assert set(study.concentrations["source"]) == {"traces"}
    assert set(study.concentrations["flags"]) == {"uncalibrated"}
