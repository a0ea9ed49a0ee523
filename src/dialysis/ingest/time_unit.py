"""Minutes or seconds, for files that don't say."""

from __future__ import annotations

from dialysis.chromatogram import FloatArray
from dialysis.ingest.options import AUTO
from dialysis.ingest.reader import BadExport

TIME_UNITS = {"min": 60.0, "s": 1.0}
# What a run of liquid chromatography lasts and how far its points are apart, s.
_RUN_S = (120.0, 4 * 3600.0)
_POINT_S = (0.005, 5.0)


def time_unit(times: FloatArray, declared: str) -> str:
    """Return ``"min"`` or ``"s"``: what was declared, else the only one that makes sense.

    Parameters
    ----------
    times : ndarray of float64, shape (n,)
        Times of all points, increasing; n is at least 2.
    declared : {"auto", "min", "s"}
        Config option ``ingest.time_unit``.

    Raises
    ------
    BadExport
        When both make sense, or none; both readings are shown.
    """
    if declared != AUTO:
        return declared
    run = float(times[-1] - times[0])
    apart = run / (times.size - 1)
    fitting = [
        unit
        for unit in ("min", "s")
        if _RUN_S[0] <= run * TIME_UNITS[unit] <= _RUN_S[1]
        and _POINT_S[0] <= apart * TIME_UNITS[unit] <= _POINT_S[1]
    ]
    if len(fitting) == 1:
        return fitting[0]
    shown = " or ".join(
        f"{run * TIME_UNITS[unit] / 60:.4g} min with a point every {apart * TIME_UNITS[unit]:.4g} s"
        f" (read as {unit})"
        for unit in ("min", "s")
    )
    raise BadExport(
        "",
        f"times from {times[0]:.6g} to {times[-1]:.6g} without a unit: {shown}",
        "a run of which only one reading makes sense",
        "Set ingest.time_unit in study.yaml to min or s.",
    )
