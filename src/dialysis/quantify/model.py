"""What is known of the calibration of one run and analyte."""

from __future__ import annotations

from dataclasses import dataclass

from dialysis.quantify.calibration import Line
from dialysis.quantify.limits import Limits

Key = tuple[str, str]
"""Run and analyte."""


@dataclass(frozen=True)
class Calibration:
    """Calibration of one run and analyte, or why there is none.

    Parameters
    ----------
    run, analyte : str
        What is calibrated.
    internal_standard : str
        Internal standard of the ratio; empty for an external calibration.
    response_kind : str
        area, height, area ratio or height ratio.
    line : Line or None
        ``None`` when it failed.
    limits : Limits or None
        ``None`` when it failed.
    n_levels : int
        Different non-zero amounts fitted.
    divisor : float
        Typical response of the internal standard in the run's standards (median), which turns a
        ratio back into an area or height; 1 for an external calibration.
    reason : str
        Why it failed.
    """

    run: str
    analyte: str
    internal_standard: str
    response_kind: str
    line: Line | None
    limits: Limits | None
    n_levels: int
    divisor: float
    reason: str
