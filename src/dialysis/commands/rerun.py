"""`dialysis rerun`: make a stage and what follows it again, and nothing before in silence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dialysis.commands.options import CORES, ROOT, STUDY, stage_or_hint
from dialysis.commands.run import planning, resume, run_and_tell
from dialysis.errors import WorkflowError

if TYPE_CHECKING:
    from dialysis.verify import FolderState

_MOST_REASONS = 6


@click.command(name="rerun")
@click.argument("stage")
@STUDY
@click.option("--with-upstream", is_flag=True, help="Also make again what comes before the stage.")
@click.option("--force", is_flag=True, help="Make the stage again even where it is current.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would run, and why.")
@CORES
@ROOT
def command(
    stage: str,
    study: str,
    with_upstream: bool,
    force: bool,
    dry_run: bool,
    cores: str,
    root: Path,
) -> None:
    """Make STAGE and everything after it again: 'dialysis rerun stats NAME'.

    Shows what will run and why.  Refuses when anything before the stage would run too, because it
    is stale, missing or was changed by hand, unless --with-upstream allows it: results never
    come from something that is out of date.
    """
    from dialysis.stages import STAGE_RULES, UPSTREAM
    from dialysis.study.load import load_study
    from dialysis.verify import quick_states
    from dialysis.workflow import needs_snakefile, planned_jobs

    if study in STAGE_RULES and stage not in STAGE_RULES:
        raise click.UsageError(
            f"found '{stage} {study}'; expected the stage first: 'dialysis rerun {study} {stage}'."
        )
    needs_snakefile(root)
    with planning(study):
        loaded = load_study(root.resolve(), study)
        stage_or_hint(stage, loaded)
        resume(loaded)
        states = quick_states(loaded, loaded.root)
        if not with_upstream:
            refuse(stage, study, [s for s in states if s.stage in UPSTREAM[stage]])
        jobs = planned_jobs(loaded.root, study, forced=stage if force else "")
        if not show_plan(jobs, states, forced=stage if force else ""):
            click.echo(f"Nothing to do: {stage} and everything after it is current.")
            return
    if not with_upstream:
        first = [name for name in jobs if name in UPSTREAM[stage]]
        if first:
            raise WorkflowError(
                f"Snakemake would also run {', '.join(first)}, which come before {stage}; expected "
                f"only {stage} and what comes after it. Run again with --with-upstream to allow it."
            )
    if not dry_run:
        run_and_tell(loaded, "all", cores, forced=stage if force else "")


def refuse(stage: str, study: str, upstream: Iterable[FolderState]) -> None:
    """Refuse where something that a stage is made from is not current.

    Raises
    ------
    WorkflowError
        With every folder that is not, and why.
    """
    old = [state for state in upstream if state.state in ("stale", "altered", "missing")]
    if not old:
        return
    lines = [f"'{stage}' can't be rerun alone: what it is made from is not current."]
    for state in old:
        lines.append(f"  {state.folder} is {state.state}")
        lines += [f"    {reason}" for reason in _shortened(state.because)]
    lines.append(
        f"Run 'dialysis rerun {stage} {study} --with-upstream' to make that again too, or undo the "
        "change."
    )
    raise WorkflowError("\n".join(lines))


def show_plan(jobs: Mapping[str, int], states: Iterable[FolderState], forced: str = "") -> int:
    """Print what would run and why; return how many jobs."""
    if not jobs:
        return 0
    click.echo("What runs, and why:")
    listed = list(states)
    for stage, number in jobs.items():
        click.echo(f"  {stage}{f' ({number} jobs)' if number > 1 else ''}")
        mine = [s for s in listed if s.stage == stage and s.state not in ("current", "left over")]
        reasons = ["you asked for it"] if stage == forced else []
        reasons += [reason for state in mine for reason in state.because if not _made(reason)]
        after = {_made(reason) for state in mine for reason in state.because} - {""}
        if after:
            reasons.append(f"made from {', '.join(s for s in jobs if s in after)}")
        elif not reasons:
            reasons.append("made from what runs before it")
        for reason in _shortened(dict.fromkeys(reasons)):
            click.echo(f"    {reason}")
    return sum(jobs.values())


def _made(reason: str) -> str:
    """The stage that a reason like "stats/dopac is stale" names; empty for other reasons."""
    found = re.fullmatch(r"(\w+)(?:/(\S+))? is (?:stale|altered|missing)", reason)
    if not found:
        return ""
    return "figures_qc" if found[0].startswith("figures/qc ") else found[1]


def _shortened(reasons: Iterable[str]) -> list[str]:
    listed = list(reasons)
    more = len(listed) - _MOST_REASONS
    return [*listed[:_MOST_REASONS], *([f"and {more} more reasons"] if more > 0 else [])]
