"""Areas or heights that other software measured, as peaks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dialysis.tables.integrate import PEAKS


def peaks_of_areas(areas: pd.DataFrame, injections: pd.DataFrame) -> pd.DataFrame:
    """Turn areas.csv into peaks.

    Parameters
    ----------
    areas : DataFrame
        `dialysis.tables.inputs.AREAS`.
    injections : DataFrame
        `dialysis.tables.inputs.INJECTIONS`, for the run.

    Returns
    -------
    DataFrame
        `dialysis.tables.integrate.PEAKS`, one row per row of `areas` with method ``vendor``.  A
        peak is found where the area or the height is above 0.  There is no noise, no standard
        error and no limit of integration in it.
    """
    run_of = dict(zip(injections["injection_id"], injections["run"], strict=True))
    area, height = areas["area"], areas["height"]
    found = ((area > 0) | (height > 0)).to_numpy(dtype=bool)
    zero = (area.eq(0) | height.eq(0)).to_numpy(dtype=bool)
    return PEAKS.coerce(
        pd.DataFrame(
            {
                "injection_id": areas["injection_id"],
                "run": areas["injection_id"].map(run_of),
                "analyte": areas["analyte"],
                "found": found,
                "reason": np.where(
                    found, "", np.where(zero, "0 in areas.csv", "no value in areas.csv")
                ),
                "rt_min": areas["rt_min"].where(found),
                "area": area.where(found),
                "height": height.where(found),
                "method": "vendor",
            }
        )
    )
