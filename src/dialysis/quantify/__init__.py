"""From areas to amounts and concentrations: calibration, limits, units, suitability."""

from dialysis.quantify.study import QuantifiedStudy, quantify_study

__all__ = ["QuantifiedStudy", "quantify_study"]
