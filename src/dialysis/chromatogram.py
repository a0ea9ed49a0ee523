"""What an export says about one detector channel of one injection: trace, vendor's peaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class VendorPeak:
    """One row of the vendor's own integration, with its area in signal unit × s.

    Times are minutes; a value the export does not give is ``None``.
    """

    rt_min: float
    area: float | None = None
    height: float | None = None
    start_min: float | None = None
    end_min: float | None = None
    baseline_start: float | None = None
    baseline_end: float | None = None
    baseline_start_min: float | None = None
    baseline_end_min: float | None = None
    name: str = ""
    code: str = ""


@dataclass(frozen=True, eq=False)
class Chromatogram:
    """One detector channel of one injection.

    Parameters
    ----------
    signal : ndarray of float64, shape (n,)
        Detector signal in `unit`, as the export gives it.
    unit : str
        Signal unit as the export gives it, e.g. ``"nA"``, ``"mV"``, ``"mAU"``.
    start_s, interval_s : float
        Time of the first point after injection and distance of the points, in s.
        For non-uniform sampling `interval_s` is the median distance.
    time_s : ndarray of float64, shape (n,), or None
        Times in s when sampling is not uniform; ``None`` when it is.
    channel, detector : str
        Names as the export gives them.
    sample_name, vial, method : str
        As the export gives them; empty when it does not.
    injected_at : str
        Injection time, ISO 8601.  With a UTC offset only when the export has one:
        otherwise it is the instrument's local time.  Empty when not given.
    injected_at_note : str
        What was assumed about zone or day/month order; empty when nothing was.
    dilution, injection_uL : float or None
        As the export gives them.
    format : str
        Name of the reader that read it.
    file : str
        Path of the source file as it was given to the reader.
    section : str
        Which injection inside the file, for files that hold several; else empty.
    sha256 : str
        Of the source file's bytes.
    vendor_peaks : tuple of VendorPeak
        The vendor's integration, when the export holds one.
    header : mapping of str to str
        Header entries that were not understood, so that nothing is lost.
    """

    signal: FloatArray
    unit: str
    start_s: float
    interval_s: float
    time_s: FloatArray | None = None
    channel: str = ""
    detector: str = ""
    sample_name: str = ""
    vial: str = ""
    method: str = ""
    injected_at: str = ""
    injected_at_note: str = ""
    dilution: float | None = None
    injection_uL: float | None = None
    format: str = ""
    file: str = ""
    section: str = ""
    sha256: str = ""
    vendor_peaks: tuple[VendorPeak, ...] = ()
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def n_points(self) -> int:
        """Number of points of the trace."""
        return int(self.signal.size)

    @property
    def times_s(self) -> FloatArray:
        """Time of every point after injection, in s, shape (n,)."""
        if self.time_s is not None:
            return self.time_s
        return self.start_s + self.interval_s * np.arange(self.n_points, dtype=np.float64)

    @property
    def uniform(self) -> bool:
        """Whether the points are equally spaced."""
        return self.time_s is None


@dataclass(frozen=True)
class VendorReport:
    """The vendor's integration of one detector channel of one injection, without its trace.

    Parameters
    ----------
    vendor_peaks : tuple of VendorPeak
        Areas in `unit` × s, heights in `unit`.
    unit : str
        Signal unit; empty when the report prints none, and areas are counts × s then.
    channel, detector : str
        Names as the report gives them; empty when it gives none.
    sample_name, vial, method : str
        As the report gives them; empty when it does not.
    injected_at : str
        Injection time, ISO 8601, cut to what the report prints (often whole minutes); empty when
        not given.
    injected_at_note : str
        What was assumed about it; empty when nothing was.
    dilution, injection_uL : float or None
        As the report gives them.
    format, file, section, sha256 : str
        As of a `Chromatogram`.
    header : mapping of str to str
        Entries that were not understood, so that nothing is lost.
    """

    vendor_peaks: tuple[VendorPeak, ...]
    unit: str = ""
    channel: str = ""
    detector: str = ""
    sample_name: str = ""
    vial: str = ""
    method: str = ""
    injected_at: str = ""
    injected_at_note: str = ""
    dilution: float | None = None
    injection_uL: float | None = None
    format: str = ""
    file: str = ""
    section: str = ""
    sha256: str = ""
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
