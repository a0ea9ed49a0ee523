"""Numbers of the simulator, read from the tables in `data/` with their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DATA_DIR = Path(__file__).resolve().parent / "data"

NEUROTRANSMITTERS = ("NE", "DA", "5-HT")
_NOISE_PARAMETER = {
    "NE": "within_animal_cv_pct_NE",
    "DA": "within_animal_cv_pct_DA",
    "5-HT": "within_animal_cv_pct_5HT",
}


@dataclass(frozen=True)
class Effect:
    """Population effect of a treatment on an analyte.

    Parameters
    ----------
    peak_ratio : float
        Arithmetic population mean of the ratio to baseline at `tmax_min`; 1 for no effect.
    tmax_min, duration_min : float
        Time of the peak, and time from the dose to the fall to a tenth of it, min.
    cv : float
        Between-animal coefficient of variation of (ratio − 1).
    """

    peak_ratio: float
    tmax_min: float
    duration_min: float
    cv: float


@dataclass(frozen=True)
class AnalyteBiology:
    """What an analyte does in an animal.

    Parameters
    ----------
    analyte : str
        Name.
    basal_fmol : float
        Arithmetic population mean of the basal amount in the injected volume, fmol.
    basal_cv, noise_cv : float
        Coefficients of variation between animals, and between fractions of an animal.
    drift_per_h : float
        Relative linear drift per hour from the dose.
    handling : Effect
        Transient of the injection itself, in all groups; peak ratio 1 for none.
    effects : mapping of (drug, dose) to Effect
        Treatments that are not in it have no effect.
    """

    analyte: str
    basal_fmol: float
    basal_cv: float
    noise_cv: float
    drift_per_h: float
    handling: Effect
    effects: Mapping[tuple[str, float], Effect]


def read_globals() -> dict[str, float]:
    """Return the numeric rows of `simulation_globals.csv` by parameter."""
    table = pd.read_csv(DATA_DIR / "simulation_globals.csv", dtype="str", keep_default_na=False)
    values = {}
    for name, text in zip(table["parameter"], table["value"], strict=True):
        try:
            values[str(name)] = float(text)
        except ValueError:
            continue  # ranges, lists and remarks are there for the reader
    return values


def read_parameters() -> pd.DataFrame:
    """Return `simulation_parameters.csv`: one row per drug × dose × region × analyte."""
    return pd.read_csv(DATA_DIR / "simulation_parameters.csv")


def analyte_biology(analyte: str, region: str, route: str) -> AnalyteBiology:
    """Collect the numbers of one analyte in one region.

    Parameters
    ----------
    analyte, region, route : str
        As in `simulation_parameters.csv`.

    Returns
    -------
    AnalyteBiology

    Raises
    ------
    ValueError
        If the table has no vehicle row for them.
    """
    numbers = read_globals()
    table = read_parameters()
    rows = table[
        (table["row_type"] == "simulation")
        & (table["analyte"] == analyte)
        & (table["region"] == region)
        & (table["route"] == route)
    ]
    vehicle = rows[rows["drug"] == "vehicle"]
    if len(vehicle) != 1:
        raise ValueError(
            f"simulation_parameters.csv has {len(vehicle)} vehicle rows for {analyte}, {region}, "
            f"{route}; expected one"
        )
    basal = vehicle.iloc[0]
    effects = {}
    for row in rows[rows["drug"] != "vehicle"].itertuples():
        if row.peak_pct_of_baseline != 100:
            effects[str(row.drug), float(row.dose)] = Effect(
                row.peak_pct_of_baseline / 100,
                float(row.tmax_min),
                float(row.duration_min),
                row.between_animal_cv_effect_pct / 100,
            )
    if analyte in NEUROTRANSMITTERS:
        handling = Effect(
            numbers["handling_peak_pct"] / 100,
            float(basal["tmax_min"]),
            float(basal["duration_min"]),
            basal["between_animal_cv_effect_pct"] / 100,
        )
    else:
        handling = Effect(1.0, 10.0, 20.0, 0.0)
    noise = numbers[_NOISE_PARAMETER.get(analyte, "within_animal_cv_pct_metabolites")]
    return AnalyteBiology(
        analyte=analyte,
        basal_fmol=float(basal["basal_fmol_per_20uL"]),
        basal_cv=basal["between_animal_cv_basal_pct"] / 100,
        noise_cv=noise / 100,
        drift_per_h=numbers.get(f"metabolite_drift_pct_per_h_{analyte}", 0.0) / 100,
        handling=handling,
        effects=effects,
    )
