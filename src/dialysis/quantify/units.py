"""Amounts on column, concentrations and what lies between them.

1 nM is 1 fmol/µL.  Masses are those of what was weighed: the salt where its molar mass is
given, else the free base; one mole of salt holds one mole of free base.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.chromatogram import FloatArray


@dataclass(frozen=True)
class Unit:
    """What a unit of `standards.csv` is in fmol.

    Parameters
    ----------
    factor : float
        fmol per unit; for a mass fmol per unit ÷ (g/mol), for a concentration fmol/µL per unit.
    mass : bool
        Whether a molar mass is needed.
    concentration : bool
        Whether an injected volume is needed.
    """

    factor: float
    mass: bool = False
    concentration: bool = False


UNITS: dict[str, Unit] = {
    "fmol": Unit(1.0),
    "pmol": Unit(1e3),
    "nmol": Unit(1e6),
    "pg": Unit(1e3, mass=True),
    "ng": Unit(1e6, mass=True),
    "nM": Unit(1.0, concentration=True),
    "µM": Unit(1e3, concentration=True),
    "uM": Unit(1e3, concentration=True),
    "mM": Unit(1e6, concentration=True),
    "pg/µL": Unit(1e3, mass=True, concentration=True),
    "pg/uL": Unit(1e3, mass=True, concentration=True),
}


def amount_fmol(
    amount: npt.ArrayLike,
    unit: Sequence[str],
    molar_mass: npt.ArrayLike,
    inj_uL: npt.ArrayLike,
    dilution: npt.ArrayLike,
) -> FloatArray:
    """Convert amounts as a lab states them to fmol on column.

    Parameters
    ----------
    amount : array_like of float, shape (n,)
        Amount or concentration in `unit`.
    unit : sequence of str, shape (n,)
        Keys of `UNITS`.
    molar_mass : array_like of float, shape (n,)
        Molar mass of what was weighed, g/mol; looked at for masses only.
    inj_uL : array_like of float, shape (n,)
        Injected volume, µL; looked at for concentrations only.
    dilution : array_like of float, shape (n,)
        Factor by which the stated solution was diluted in the vial; looked at for
        concentrations only (an amount on column is on the column already).

    Returns
    -------
    ndarray of float64, shape (n,)
        fmol on column; NaN where a value that is needed is missing.

    Raises
    ------
    KeyError
        If a unit is unknown.
    """
    units = [UNITS[name] for name in unit]
    factor = np.array([u.factor for u in units], dtype=np.float64)
    mass = np.array([u.mass for u in units], dtype=bool)
    concentration = np.array([u.concentration for u in units], dtype=bool)
    per_mass = np.where(mass, np.asarray(molar_mass, dtype=np.float64), 1.0)
    volume = np.where(concentration, np.asarray(inj_uL, dtype=np.float64), 1.0)
    diluted = np.where(concentration, np.asarray(dilution, dtype=np.float64), 1.0)
    return np.asarray(amount, dtype=np.float64) * factor / per_mass * volume / diluted


def concentration_nM(
    fmol: npt.ArrayLike, inj_uL: npt.ArrayLike, dilution: npt.ArrayLike
) -> FloatArray:
    """Concentration before dilution, nM: fmol on column ÷ injected µL × dilution factor."""
    return (
        np.asarray(fmol, dtype=np.float64)
        / np.asarray(inj_uL, dtype=np.float64)
        * np.asarray(dilution, dtype=np.float64)
    )


def fraction_fmol(conc_nM: npt.ArrayLike, volume_uL: npt.ArrayLike) -> FloatArray:
    """Amount in a collected fraction, fmol: concentration (nM = fmol/µL) × dialysate volume."""
    return np.asarray(conc_nM, dtype=np.float64) * np.asarray(volume_uL, dtype=np.float64)


def picograms_per_uL(conc_nM: npt.ArrayLike, mw: npt.ArrayLike) -> FloatArray:
    """Mass concentration, pg/µL: nM (fmol/µL) × g/mol ÷ 1000."""
    return np.asarray(conc_nM, dtype=np.float64) * np.asarray(mw, dtype=np.float64) / 1000.0


def fill_volumes(
    injections: pd.DataFrame,
    inj_uL: float | None,
    dilution: float,
    preservative_uL: float = 0.0,
) -> pd.DataFrame:
    """Fill in injected volume and dilution where injections.csv gives none.

    Parameters
    ----------
    injections : DataFrame
        The injections table.
    inj_uL : float or None
        ``quantify.inj_uL``, µL.
    dilution : float
        ``quantify.dilution``: that of the samples' vials.  It does not apply to standards,
        QCs and blanks, whose solution is injected as it is unless their own row says otherwise.
    preservative_uL : float
        ``quantify.preservative_uL``: what every sample vial held before the dialysate came, µL;
        their dilution is (volume_uL + preservative_uL)/volume_uL, and missing without volume_uL.
    """
    out = injections.copy()
    if inj_uL is not None:
        out["inj_uL"] = out["inj_uL"].fillna(inj_uL)
    if preservative_uL > 0:
        volume = out["volume_uL"].where(out["volume_uL"] > 0)
        dilution_of = ((volume + preservative_uL) / volume).to_numpy(dtype=np.float64)
    else:
        dilution_of = np.full(len(out), dilution)
    default = pd.Series(np.where(out["type"] == "sample", dilution_of, 1.0), index=out.index)
    out["dilution"] = out["dilution"].where(out["dilution"].notna(), default)
    return out


def recoveries(injections: pd.DataFrame, probes: pd.DataFrame) -> pd.Series:
    """In-vitro recovery of the probe of every sample, as a fraction of 1, by injection_id.

    Parameters
    ----------
    injections, probes : DataFrame
        Input tables.  An injection without a probe_id is of its animal's only probe.

    Returns
    -------
    Series of float64
        Missing where probes.csv gives none, and of injections that are no samples.
    """
    own = probes.groupby("animal_id")["probe_id"]
    only = own.first()[own.nunique() == 1] if len(probes) else {}
    probe = injections["probe_id"].where(
        injections["probe_id"] != "", injections["animal_id"].map(only)
    )
    known = probes.set_index("probe_id")["recovery_in_vitro"]
    value = probe.map(known).where(injections["type"] == "sample")
    return pd.Series(
        value.to_numpy(dtype=np.float64, na_value=np.nan), index=list(injections["injection_id"])
    )
