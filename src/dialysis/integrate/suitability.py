"""How the chromatography behaved, per run × channel × analyte × injection type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dialysis.chromatogram import FloatArray
from dialysis.tables.integrate import SUITABILITY

# Above these medians a row is flagged; symmetry and resolution as in USP <621>.
MAX_TAILING = 1.8
MIN_TAILING = 0.8
MIN_RESOLUTION = 1.5
MIN_SNR = 10.0

_MEDIANS = ("tailing", "plates", "resolution", "snr_usp", "height")


def suitability(peaks: pd.DataFrame, injections: pd.DataFrame) -> pd.DataFrame:
    """Summarise the identified peaks of a run.

    Parameters
    ----------
    peaks : DataFrame
        PEAKS of the run.
    injections : DataFrame
        The run's slice of the injections table (injection_id, order, type).

    Returns
    -------
    DataFrame
        SUITABILITY.  Flags: ``not_found`` (in some injections that are no blanks), ``tailing``
        (median outside 0.8–1.8), ``resolution`` (median below 1.5), ``low_snr`` (median 2H/h
        below 10).
    """
    known = injections[["injection_id", "order", "type"]]
    named = peaks[peaks["analyte"] != ""].merge(known, on="injection_id", how="left")
    keys = ["run", "channel", "analyte", "type"]
    found = named[named["found"].astype(bool)]
    measured = found.groupby(keys, sort=False)
    table = named.groupby(keys, sort=False).size().rename("n").to_frame()
    medians = measured[list(_MEDIANS)].median().add_suffix("_median")
    table = table.join(measured.size().rename("n_found")).join(medians)
    table["n_found"] = table["n_found"].fillna(0)
    rt = measured["rt_min"]
    table = table.join(rt.mean().rename("rt_mean_min")).join(rt.std().rename("rt_sd_min"))
    drift = {
        key: _drift(group["order"].to_numpy(np.float64), group["rt_min"].to_numpy(np.float64))
        for key, group in measured
    }
    table["rt_drift_min"] = [drift.get(key, float("nan")) for key in table.index]
    table = table.reset_index()
    table["flags"] = [_flags(row) for row in table.to_dict("records")]
    return SUITABILITY.coerce(table)


def _drift(order: FloatArray, rt: FloatArray) -> float:
    """Change along a least-squares line from the first to the last injection."""
    if rt.size < 3 or np.ptp(order) == 0:
        return float("nan")
    centred = order - order.mean()
    return float(centred @ rt / (centred @ centred) * np.ptp(order))


def _flags(row: Mapping[str, Any]) -> str:
    blank = row["type"] == "blank"
    tailing = row["tailing_median"]
    checks = (
        ("not_found", not blank and row["n_found"] < row["n"]),
        ("tailing", tailing > MAX_TAILING or tailing < MIN_TAILING),
        ("resolution", row["resolution_median"] < MIN_RESOLUTION),
        ("low_snr", not blank and row["snr_usp_median"] < MIN_SNR),
    )
    return ";".join(name for name, holds in checks if holds)
