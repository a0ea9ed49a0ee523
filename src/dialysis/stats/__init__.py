"""Mixed-model statistics of percent of baseline: model, tests, means, contrasts, AUC."""

from dialysis.stats.outcome import OutcomeStats, analyse_outcome, analyse_study

__all__ = ["OutcomeStats", "analyse_outcome", "analyse_study"]
