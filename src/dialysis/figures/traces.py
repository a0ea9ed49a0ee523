"""Traces as the quality figures draw them: time, signal and peaks of one injection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trace:
    """One trace with its peaks.

    Parameters
    ----------
    kind : str
        Type of the injection.
    injection_id, sample_name, unit : str
        As in the table of traces.
    time_min, signal : ndarray of float64, shape (n,)
        The trace.
    peaks : DataFrame
        Its rows of `dialysis.tables.integrate.PEAKS`, with a baseline where the vendor has none.
    """

    kind: str
    injection_id: str
    sample_name: str
    unit: str
    time_min: FloatArray
    signal: FloatArray
    peaks: pd.DataFrame


def read_traces(paths: Sequence[Path | str], wanted: Sequence[str]) -> pd.DataFrame:
    """Read the traces of some injections; nothing else is read from the files."""
    import pyarrow.parquet as pq

    columns = [
        *("injection_id", "run", "channel", "unit", "start_s", "interval_s"),
        *("time_s", "signal", "sample_name"),
    ]
    parts = [
        pq.read_table(path, columns=columns, filters=[("injection_id", "in", list(wanted))])
        for path in paths
        if wanted
    ]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat([part.to_pandas() for part in parts], ignore_index=True)


def trace_of(record: Mapping[Any, Any], peaks: pd.DataFrame, kind: str) -> Trace:
    """One trace from its row of the table of traces and the peaks of its injection."""
    signal = np.asarray(record["signal"], dtype=np.float64)
    if record["time_s"] is None:
        time_s = float(record["start_s"]) + float(record["interval_s"]) * np.arange(signal.size)
    else:
        time_s = np.asarray(record["time_s"], dtype=np.float64)
    own = peaks
    if (own["channel"] != "").any():
        own = own[own["channel"].isin(["", record["channel"]])]
    time_min = np.asarray(time_s / 60.0, dtype=np.float64)
    return Trace(
        kind,
        str(record["injection_id"]),
        str(record["sample_name"] or ""),
        str(record["unit"] or ""),
        time_min,
        signal,
        with_baseline(own, time_min, signal),
    )


def with_baseline(peaks: pd.DataFrame, time_min: FloatArray, signal: FloatArray) -> pd.DataFrame:
    """Where the vendor gives no baseline: the trace at the limits, or below the apex.

    Heights that the vendor does not give are those of the trace above it.
    """
    out = peaks.copy()
    apex = np.interp(out["rt_min"], time_min, signal)
    for end in ("start", "end"):
        limit = np.interp(out[f"{end}_min"], time_min, signal)
        below = pd.Series(limit, index=out.index).fillna(apex - out["height"])
        out[f"baseline_{end}"] = out[f"baseline_{end}"].fillna(below)
    middle = out[["baseline_start", "baseline_end"]].mean(axis=1)
    out["height"] = out["height"].fillna(apex - middle)
    return out
