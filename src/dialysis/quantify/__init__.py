"""From areas to amounts and concentrations: calibration, limits, units, suitability."""

from dialysis.quantify.areas import peaks_of_areas
from dialysis.quantify.drift import with_injection_times
from dialysis.quantify.study import QuantifiedStudy, quantify_study

__all__ = ["QuantifiedStudy", "peaks_of_areas", "quantify_study", "with_injection_times"]
