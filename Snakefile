# From chromatogram exports to percent-of-baseline figures.
#
#   snakemake                          the demo study, everything
#   snakemake --config study=NAME      another study of config/
#   snakemake stats --config study=NAME   up to one stage

from snakemake.utils import min_version

min_version("9.14")


include: "workflow/rules/common.smk"


# A study that starts from areas or concentrations has no rules for what comes before.
MADE = []

if reads_exports(START):

    include: "workflow/rules/ingest.smk"
    include: "workflow/rules/integrate.smk"

    MADE += [rules.ingest.input, rules.integrate.input]


if quantifies(START):

    include: "workflow/rules/quantify.smk"

    MADE += [rules.quantify.output]


include: "workflow/rules/normalize.smk"
include: "workflow/rules/stats.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/review.smk"


# Every result is named, so that one that was deleted is made again even where what comes after
# it is still there.
rule all:
    default_target: True
    input:
        MADE,
        rules.normalize.output,
        rules.stats.output,
        rules.figures.output,
        rules.figures_qc.output,
        rules.review.output,
    message:
        "Everything is there; the review page is {RESULTS}/review/index.html"
