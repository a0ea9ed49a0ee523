"""Binary files of vendors, read by rainbow-api: the optional extra ``vendor``."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dialysis.chromatogram import Chromatogram, FloatArray
from dialysis.ingest.checks import check_signal, check_times
from dialysis.ingest.reader import BadExport
from dialysis.ingest.sampling import sampling

INSTALL = (
    "Install it with pip install 'dialysis[vendor]' (or pip install rainbow-api), or export as "
    "ANDI/AIA or text."
)


def rainbow() -> Any:
    """Return the package.

    Raises
    ------
    BadExport
        When it is not installed, saying how to install it.
    """
    try:
        import rainbow
    except ImportError as error:
        raise BadExport(
            "", "a binary format", "the optional package rainbow-api to read it", INSTALL
        ) from error
    return rainbow


def read_with_rainbow(read: Callable[[], Any], what: str) -> Any:
    """Call a function of rainbow-api; whatever it stumbles over becomes a `BadExport`.

    It raises plain `Exception` itself, and the errors of struct, numpy and its own indexing on
    files it does not expect.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read()
        except Exception as error:
            raise BadExport(
                what,
                f"bytes that rainbow-api can't read ({type(error).__name__}: {error})",
                "an undamaged file of a kind it knows",
                "Copy the file again, or export as ANDI/AIA or text.",
            ) from error
    if found is None:
        raise BadExport(
            what,
            "a file of a kind that rainbow-api does not know",
            "one that it knows",
            "Export as ANDI/AIA or text.",
        )
    return found


def read_bytes_with_rainbow(parse: Callable[[str], Any], content: bytes, name: str) -> Any:
    """Call a function of rainbow-api that wants a path, on bytes that were read already."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read_with_rainbow(lambda: parse(str(path)), name)


def trace_of(data: Any, name: str) -> Chromatogram | None:
    """Turn what rainbow-api read into a chromatogram; ``None`` for spectra.

    Times are minutes.  Its own rounding is 1e-3 ms, or single precision.

    Raises
    ------
    BadExport
        When it gives another number of times than of values, which it does for files it
        misreads.
    """
    values = np.asarray(data.data)
    if values.ndim != 2 or values.shape[1] != 1 or values.dtype.kind not in "fiu":
        return None
    signal: FloatArray = values[:, 0].astype(np.float64)
    times: FloatArray = np.asarray(data.xlabels).astype(np.float64)
    if times.size != signal.size:
        raise BadExport(
            name,
            f"{times.size} times for {signal.size} values, as rainbow-api reads it",
            "as many times as values",
            "Export as ANDI/AIA or text: rainbow-api misreads this file.",
        )
    check_signal(signal, lambda point: f"{name}, point {point + 1}", name)
    check_times(times, lambda point: f"{name}, point {point + 1}", "min")
    step = max(float(np.spacing(np.float32(np.abs(times).max()))), 1e-8)
    axis = sampling(times, step)
    meta = {str(key): str(value) for key, value in data.metadata.items()}
    return Chromatogram(
        signal=signal,
        unit=meta.get("unit", ""),
        start_s=axis.start_s,
        interval_s=axis.interval_s,
        time_s=axis.time_s,
        channel=meta.get("signal", "") or Path(name).stem,
        detector=meta.get("signal", ""),
        header=meta,
    )
