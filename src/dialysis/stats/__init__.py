"""Mixed-model statistics of percent of baseline: fit, tests, means, contrasts, AUC, words."""

from dialysis.stats.lmm import LmmResult, fit_lmm
from dialysis.stats.outcome import OutcomeStats, analyse_outcome, analyse_study

__all__ = ["LmmResult", "OutcomeStats", "analyse_outcome", "analyse_study", "fit_lmm"]
