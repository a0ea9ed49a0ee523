"""Simulated studies and chromatograms with known truth."""

from dialysis.simulate.designs import DESIGNS
from dialysis.simulate.study import SimulatedStudy, write_study

__all__ = ["DESIGNS", "SimulatedStudy", "write_study"]
