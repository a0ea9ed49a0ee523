"""What is known of the calibration of one run and analyte."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dialysis.quantify.calibration import Curve
from dialysis.quantify.drift import Drift
from dialysis.quantify.limits import Limits

Key = tuple[str, str]
"""Run and analyte."""


@dataclass(frozen=True, eq=False)
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
    curve : Curve or None
        ``None`` when it failed.
    limits : Limits or None
        ``None`` when it failed.
    drift : Drift or None
        ``None`` where drift is not corrected.
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
    curve: Curve | None
    limits: Limits | None
    drift: Drift | None
    n_levels: int
    divisor: float
    reason: str

    @property
    def lower_end_fmol(self) -> float:
        """Lower end of quantification: the LOQ, or the lowest calibrated amount if it is higher.

        Below the lowest calibrator every value is extrapolated, however well its peak stands out
        of the noise.  A single level through zero spans from the origin: there the LOQ alone
        counts, where it is known.
        """
        if self.curve is None or self.limits is None:
            return math.nan
        loq, low = self.limits.loq_fmol, self.curve.low_fmol
        if not math.isfinite(loq):
            return low
        return loq if self.n_levels == 1 else max(loq, low)
