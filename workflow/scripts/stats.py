"""Fit, test and compare the groups of every outcome."""

from pathlib import Path

from dialysis.files import read_json, read_table, write_json, write_table
from dialysis.job import stage_job
from dialysis.stats import analyse_study
from dialysis.tables.normalize import SUMMARY, TIMECOURSE
from dialysis.tables.stats import ANOVA, AUC, CONTRASTS, EMMEANS, MEANS

with stage_job(snakemake):
    outcomes = analyse_study(
        timecourse=read_table(snakemake.input.timecourse, TIMECOURSE),
        summary=read_table(snakemake.input.summary, SUMMARY),
        config=read_json(snakemake.input.config),
    )
    for slug, result in outcomes.items():
        folder = Path(snakemake.params.folder) / slug
        write_table(result.anova, folder / "anova.csv", ANOVA)
        write_table(result.contrasts, folder / "contrasts.csv", CONTRASTS)
        write_table(result.emmeans, folder / "emmeans.csv", EMMEANS)
        write_table(result.means, folder / "means.csv", MEANS)
        write_table(result.auc, folder / "auc.csv", AUC)
        write_json(folder / "model.json", result.model)
