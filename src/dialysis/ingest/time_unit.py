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
    fitting = _fitting(times)
    if len(fitting) == 1:
        return fitting[0]
    raise _unclear(times, "a run of which only one reading makes sense")


def usual_minutes(times: FloatArray, declared: str) -> str:
    """Return the unit of a format whose times are minutes, although its files don't say so.

    Parameters
    ----------
    times : ndarray of float64, shape (n,)
        Times of all points, increasing; n is at least 2.
    declared : {"auto", "min", "s"}
        Config option ``ingest.time_unit``.

    Raises
    ------
    BadExport
        When the times make sense as seconds and not as minutes: the file is another program's.
    """
    if declared != AUTO:
        return declared
    if _fitting(times) == ["s"]:
        raise _unclear(times, "times in min, which this format has")
    return "min"


def _fitting(times: FloatArray) -> list[str]:
    """Units in which the times make a run of liquid chromatography."""
    run = float(times[-1] - times[0])
    apart = run / (times.size - 1)
    return [
        unit
        for unit, seconds in TIME_UNITS.items()
        if _RUN_S[0] <= run * seconds <= _RUN_S[1] and _POINT_S[0] <= apart * seconds <= _POINT_S[1]
    ]


def _unclear(times: FloatArray, expected: str) -> BadExport:
    run = float(times[-1] - times[0])
    apart = run / (times.size - 1)
    shown = " or ".join(
        f"{run * seconds / 60:.4g} min with a point every {apart * seconds:.4g} s (read as {unit})"
        for unit, seconds in TIME_UNITS.items()
    )
    return BadExport(
        f"points 1 to {times.size}",
        f"times from {times[0]:.6g} to {times[-1]:.6g} without a unit: {shown}",
        expected,
        "Set ingest.time_unit in study.yaml to min or s.",
    )
