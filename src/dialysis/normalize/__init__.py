"""From concentrations to percent of baseline on the time axis of each animal."""

from dialysis.normalize.given import given_concentrations
from dialysis.normalize.study import NormalizedStudy, normalize_study

__all__ = ["NormalizedStudy", "given_concentrations", "normalize_study"]
