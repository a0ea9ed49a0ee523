"""From concentrations to percent of baseline on the time axis of each animal."""

from dialysis.normalize.study import NormalizedStudy, normalize_study

__all__ = ["NormalizedStudy", "normalize_study"]
