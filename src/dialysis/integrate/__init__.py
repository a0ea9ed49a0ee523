"""Find, name and measure the peaks of chromatograms."""

from dialysis.integrate.measuring import area_between
from dialysis.integrate.method import IntegrationMethod, Target
from dialysis.integrate.run import IntegratedRun, integrate, integrate_run, learn_traces
from dialysis.integrate.untargeted import integrate_all
from dialysis.integrate.vendor import take_vendor_peaks

__all__ = [
    "IntegratedRun",
    "IntegrationMethod",
    "Target",
    "area_between",
    "integrate",
    "integrate_all",
    "integrate_run",
    "learn_traces",
    "take_vendor_peaks",
]
