"""Concentrations that were computed elsewhere, as `quantify` would hand them on."""

from __future__ import annotations

import math

import pandas as pd

from dialysis.errors import NormalizationError
from dialysis.study.given import MASS_UNITS, NM_PER_UNIT, read_concentration
from dialysis.tables.quantify import CONCENTRATIONS
from dialysis.words import reason_words

SOURCE = "concentrations as given"
NO_VALUE = "no concentration in concentrations.csv"


def given_concentrations(
    given: pd.DataFrame,
    injections: pd.DataFrame,
    analytes: pd.DataFrame,
    exclusions: pd.DataFrame,
) -> pd.DataFrame:
    """Turn concentrations.csv into concentrations in nM.

    Parameters
    ----------
    given : DataFrame
        `dialysis.tables.inputs.GIVEN_CONCENTRATIONS` with the injection of every row.
    injections, analytes : DataFrame
        The input tables; analytes for molar masses.
    exclusions : DataFrame
        Exclusions of the level injection, which no earlier stage has seen; others are passed over.

    Returns
    -------
    DataFrame
        `dialysis.tables.quantify.CONCENTRATIONS` in the order of `given`: what is known is filled
        in, everything else missing; samples without an injections table have no run.

    Raises
    ------
    NormalizationError
        If a cell can't be read; `dialysis check` finds that first.

    Notes
    -----
    A value below its limit of detection is censored; where only the limit is known the
    concentration is missing.
    """
    sample_of = {row.injection_id: row for row in injections.itertuples(index=False)}
    mass_of = analytes.drop_duplicates("analyte").set_index("analyte")["mw"].to_dict()
    left_out = _exclusion_reasons(exclusions)
    records = []
    for row in given.itertuples(index=False):
        sample = sample_of[row.injection_id]
        factor = NM_PER_UNIT[row.unit]
        if row.unit in MASS_UNITS:
            factor /= float(mass_of[row.analyte])
        try:
            value, limit, censored = read_concentration(row.concentration, float(row.lod))
        except ValueError as error:
            raise NormalizationError(
                f"concentrations.csv, sample {row.injection_id}, {row.analyte}: found "
                f"'{row.concentration}'; expected {error}."
            ) from None
        excluded = left_out.get((row.injection_id, "")) or left_out.get(
            (row.injection_id, row.analyte), ""
        )
        missing = NO_VALUE if math.isnan(value) and not censored else ""
        records.append(
            {
                "injection_id": row.injection_id,
                "run": sample.run,
                "order": sample.order,
                "type": sample.type,
                "analyte": row.analyte,
                "conc_nM": value * factor,
                "fmol_per_fraction": value * factor * float(sample.volume_uL),
                "lod_nM": limit * factor,
                "loq_nM": float(row.loq) * factor,
                "limit_method": "given" if not math.isnan(limit) else "",
                "censored": censored,
                "extrapolated": False,
                "excluded": bool(excluded),
                "reason": "; ".join(part for part in (excluded, missing) if part),
                "source": SOURCE,
                "flags": "below_lod" if censored else "",
            }
        )
    return CONCENTRATIONS.coerce(pd.DataFrame(records, columns=CONCENTRATIONS.column_names))


def _exclusion_reasons(exclusions: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Reason by (injection, analyte); the analyte is empty for a whole injection."""
    rows = exclusions[exclusions["level"] == "injection"]
    return {
        (str(row.id), str(row.analyte)): f"excluded: {reason_words(row.reason_code)}"
        + (f" ({row.reason_text})" if row.reason_text else "")
        for row in rows.itertuples(index=False)
    }
