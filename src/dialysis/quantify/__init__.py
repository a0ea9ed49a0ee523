"""From areas to amounts and concentrations: calibration, limits, units, suitability."""

from dialysis.quantify.areas import peaks_of_areas
from dialysis.quantify.study import QuantifiedStudy, quantify_study

__all__ = ["QuantifiedStudy", "peaks_of_areas", "quantify_study"]
