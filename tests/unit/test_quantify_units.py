from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dialysis.quantify.units import (
    UNITS,
    amount_fmol,
    concentration_nM,
    fill_volumes,
    fraction_fmol,
)
from dialysis.tables.inputs import AMOUNT_UNITS


def one(amount: float, unit: str, mass: float = np.nan, volume: float = np.nan) -> float:
    return float(amount_fmol([amount], [unit], [mass], [volume], [1.0])[0])


@pytest.mark.parametrize(
    ("amount", "unit", "mass", "volume", "fmol"),
    [
        (2.5, "fmol", np.nan, np.nan, 2.5),
        (2.5, "pmol", np.nan, np.nan, 2500.0),
        (2.5, "nmol", np.nan, np.nan, 2.5e6),
        # 1 pg of dopamine, 153.18 g/mol: 1/153.18 pmol.
        (1.0, "pg", 153.18, np.nan, 1000.0 / 153.18),
        (1.0, "ng", 153.18, np.nan, 1.0e6 / 153.18),
        # 1 nM is 1 fmol/µL.
        (4.0, "nM", np.nan, 10.0, 40.0),
        (4.0, "µM", np.nan, 10.0, 4.0e4),
        (4.0, "uM", np.nan, 10.0, 4.0e4),
        (0.05, "mM", np.nan, 10.0, 5.0e5),
        # 0.19 pg/µL × 5 µL = 0.95 pg of 5-HT, 176.22 g/mol.
        (0.19, "pg/µL", 176.22, 5.0, 950.0 / 176.22),
        (0.19, "pg/uL", 176.22, 5.0, 950.0 / 176.22),
    ],
)
def test_amount_on_column(
    amount: float, unit: str, mass: float, volume: float, fmol: float
) -> None:
    assert one(amount, unit, mass, volume) == pytest.approx(fmol, rel=1e-14)


def test_all_units_of_the_table_are_known() -> None:
    assert set(UNITS) == set(AMOUNT_UNITS)


def test_dilution_divides_concentrations_and_leaves_amounts_on_column() -> None:
    found = amount_fmol(
        [100.0, 100.0], ["nM", "fmol"], [np.nan, np.nan], [10.0, 10.0], [1.25, 1.25]
    )
    np.testing.assert_allclose(found, [800.0, 100.0], rtol=1e-14)


def test_missing_volume_or_mass_gives_missing() -> None:
    assert np.isnan(one(1.0, "nM"))
    assert np.isnan(one(1.0, "pg"))


def test_chain_from_column_to_fraction() -> None:
    # 3 fmol in 10 µL is 0.3 nM in the vial; 20 µL dialysate + 5 µL acid: 0.375 nM; 20 µL hold
    # 7.5 fmol.
    conc = concentration_nM([3.0], [10.0], [1.25])
    np.testing.assert_allclose(conc, [0.375], rtol=1e-14)
    np.testing.assert_allclose(fraction_fmol(conc, [20.0]), [7.5], rtol=1e-14)


def test_defaults_fill_gaps_and_dilution_only_those_of_samples() -> None:
    injections = pd.DataFrame(
        {
            "type": ["sample", "sample", "standard", "standard", "qc", "blank"],
            "inj_uL": [np.nan, 5.0, np.nan, np.nan, np.nan, np.nan],
            "dilution": [np.nan, 2.0, np.nan, 3.0, np.nan, np.nan],
        }
    )
    filled = fill_volumes(injections, 10.0, 1.25)
    assert list(filled["inj_uL"]) == [10.0, 5.0, 10.0, 10.0, 10.0, 10.0]
    assert list(filled["dilution"]) == [1.25, 2.0, 1.0, 3.0, 1.0, 1.0]
    assert fill_volumes(injections, None, 1.0)["inj_uL"].isna().sum() == 5
