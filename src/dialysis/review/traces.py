"""Traces small enough for a page: thinned for an overview, and whole for zooming in.

A trace is written as whole steps of an eighth of its noise, as differences of neighbours in
variable-length bytes, deflated, in base64.  Every point of the export is kept; what is lost in
height is below a sixteenth of the noise.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dialysis.review.grids import rounded
from dialysis.traceplot import peak_curve

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Bins of the overview; smallest and largest value of each are kept.
BINS = 360
_STEPS_PER_NOISE = 8.0
# Noise of normally distributed differences: MAD / (0.6745 √2).
_MAD_OF_DIFFERENCES = 0.6745 * np.sqrt(2.0)
# A fitted peak is drawn where it is above this part of its height, with so many points.
_DRAWN_PART = 2e-3
_SHAPE_POINTS = 33


def overview(row: Any) -> dict[str, Any]:
    """Thin a trace: smallest and largest value of at most `BINS` bins.

    Parameters
    ----------
    row : named tuple
        A row of `dialysis.tables.ingest.TRACES`.

    Returns
    -------
    dict
        ``channel``, ``unit``, ``start`` and ``step`` (min, of the bins' middles), ``origin`` and
        ``scale`` (signal = origin + scale × whole number), ``low`` and ``high`` (packed).
    """
    signal, _ = _finite(np.asarray(row.signal, dtype=np.float64))
    size = max(1, -(-signal.size // BINS))
    whole = np.concatenate([signal, np.full(-signal.size % size, signal[-1])]).reshape(-1, size)
    scale = _scale(signal)
    origin = float(signal.min())
    interval = _interval_min(row)
    return {
        "channel": str(row.channel),
        "unit": str(row.unit),
        "start": rounded(row.start_s / 60 + interval * (size - 1) / 2),
        "step": interval * size,
        "origin": origin,
        "scale": scale,
        "low": pack(_steps(whole.min(axis=1), origin, scale)),
        "high": pack(_steps(whole.max(axis=1), origin, scale)),
    }


def full(row: Any) -> dict[str, Any]:
    """A trace with all its points.

    Returns
    -------
    dict
        As `overview`, with ``signal`` for ``low`` and ``high``; ``time`` (packed, ms) where the
        points are not equally spaced; ``gaps``, points [from, to) without a value.
    """
    signal, gaps = _finite(np.asarray(row.signal, dtype=np.float64))
    scale = _scale(signal)
    origin = float(signal.min())
    packed = {
        "channel": str(row.channel),
        "unit": str(row.unit),
        "start": float(row.start_s) / 60,
        "step": _interval_min(row),
        "origin": origin,
        "scale": scale,
        "signal": pack(_steps(signal, origin, scale)),
        "gaps": gaps,
    }
    time = row.time_s
    if time is not None and np.ndim(time) == 1:
        packed["time"] = pack(np.rint(np.asarray(time) * 1000.0).astype(np.int64))
    return packed


def pack(values: IntArray) -> str:
    """Write whole numbers: differences, zigzag, seven bits a byte, deflated, base64."""
    steps = np.diff(values, prepend=0)
    zigzag = ((steps << 1) ^ (steps >> 63)).astype(np.uint64)
    return base64.b64encode(zlib.compress(_varints(zigzag), 9)).decode("ascii")


def unpack(text: str) -> IntArray:
    """Read what `pack` wrote."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8)
    values, value, shift = [], 0, 0
    for byte in data.tolist():
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append((value >> 1) ^ -(value & 1))
            value, shift = 0, 0
    return np.cumsum(np.array(values, dtype=np.int64))


def _varints(values: npt.NDArray[np.uint64]) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    columns = []
    rest = values.copy()
    used = np.ones(values.size, dtype=bool)
    while used.any():
        more = rest >= 128
        columns.append((np.where(more, (rest & 127) | 128, rest & 127), used.copy()))
        used = used & more
        rest = rest >> np.uint64(7)
    # One row per value, one column per byte; unused bytes are dropped in reading order.
    table = np.stack([column for column, _ in columns], axis=1).astype(np.uint8)
    mask = np.stack([kept for _, kept in columns], axis=1)
    return bytes(table[mask])


def _finite(signal: FloatArray) -> tuple[FloatArray, list[list[int]]]:
    """The trace with gaps filled by the value before, and where they are."""
    bad = ~np.isfinite(signal)
    if not bad.any():
        return signal, []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bad.astype(np.int8), [0]])))
    filled = pd.Series(signal).where(~bad).ffill().bfill().fillna(0.0).to_numpy()
    return filled, [[int(a), int(b)] for a, b in edges.reshape(-1, 2)]


def _scale(signal: FloatArray) -> float:
    noise = (
        float(np.median(np.abs(np.diff(signal)))) / _MAD_OF_DIFFERENCES if signal.size > 1 else 0
    )
    reach = float(np.ptp(signal))
    # A trace that stands still has no noise; 2²⁰ steps are more than any screen shows.
    return float(f"{max(noise / _STEPS_PER_NOISE, reach / 2**20, 1e-12):.6g}")


def _steps(values: FloatArray, origin: float, scale: float) -> IntArray:
    return np.rint((values - origin) / scale).astype(np.int64)


def _interval_min(row: Any) -> float:
    return float(row.interval_s) / 60


_PEAK = (
    "rt_expected_min",
    "rt_min",
    "start_min",
    "end_min",
    "baseline_start",
    "baseline_end",
    "area",
    "area_se",
    "height",
    "width_min",
    "snr_usp",
    "tailing",
    "resolution",
    "area_auto",
)


def peak_rows(peaks: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Peaks of a page by injection, with the outline of fitted ones.

    Parameters
    ----------
    peaks : DataFrame
        Rows of `dialysis.tables.integrate.PEAKS`.

    Returns
    -------
    dict of str to list of dict
        Injection to its peaks by time.  ``shape`` holds thousandths of the height at equally
        spaced times from ``shape_start`` to ``shape_end`` (min).
    """
    named = ["injection_id", "channel", "analyte", "found", "reason", "method", "flags", *_PEAK]
    ordered = peaks[named].sort_values(["injection_id", "channel", "rt_min"], kind="stable")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in ordered.itertuples(index=False):
        peak: dict[str, Any] = {
            "channel": str(row.channel),
            "analyte": str(row.analyte),
            "found": bool(row.found),
            "reason": str(row.reason),
            "method": str(row.method),
            "flags": str(row.flags),
        }
        peak |= {name: rounded(getattr(row, name)) for name in _PEAK}
        if row.found and row.method == "fit" and row.height > 0 and row.width_min > 0:
            peak |= _shape(row)
        found.setdefault(str(row.injection_id), []).append(
            {name: value for name, value in peak.items() if value not in (None, "")}
        )
    return found


def _shape(row: Any) -> dict[str, Any]:
    reach = np.linspace(row.rt_min - 2.5 * row.width_min, row.rt_min + 7 * row.width_min, 400)
    part = reach[peak_curve(reach, row) > _DRAWN_PART * row.height]
    if part.size < 2:
        return {}
    time = np.linspace(part[0], part[-1], _SHAPE_POINTS)
    curve = peak_curve(time, row) / float(row.height)
    return {
        "shape_start": rounded(time[0]),
        "shape_end": rounded(time[-1]),
        "shape": np.rint(1000 * curve).astype(int).tolist(),
    }
