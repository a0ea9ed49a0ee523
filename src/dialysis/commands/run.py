"""`dialysis run`: Snakemake on a study, with progress and a last line that says what to open."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dialysis.commands.options import CORES, ROOT, STUDY, stage_or_hint

if TYPE_CHECKING:
    from dialysis.study.load import Study


@click.command(name="run")
@STUDY
@click.argument("target", default="all")
@CORES
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would run, and why.")
@ROOT
def command(study: str, target: str, cores: str, dry_run: bool, root: Path) -> None:
    """Run a study, or what is stale of it.

    TARGET is a stage to stop at: ingest, integrate, quantify, normalize, stats, figures,
    figures_qc or review; without it everything is made.

    A run that was killed is resumed: its lock is cleared when its process is gone.
    """
    from dialysis.study.load import load_study
    from dialysis.workflow import EVERYTHING, needs_snakefile

    needs_snakefile(root)
    with planning(study):
        loaded = load_study(root.resolve(), study)
        stage_or_hint(target, loaded, also=(EVERYTHING,))
        resume(loaded)
        if dry_run:
            from dialysis.commands.rerun import show_plan
            from dialysis.verify import quick_states
            from dialysis.workflow import planned_jobs

            states = quick_states(loaded, loaded.root)
            if not show_plan(planned_jobs(loaded.root, study, target), states):
                click.echo("Nothing to do: everything is current.")
            return
    run_and_tell(loaded, target, cores)


@contextmanager
def planning(study: str) -> Iterator[None]:
    """Say what became of it when a user stops a command before anything runs; end with 130."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(f"Stopped before anything ran: no result of {study} was changed.", err=True)
        sys.exit(130)


def resume(study: Study) -> None:
    """Clear what a dead run left, and say so.

    Raises
    ------
    LockedError
        If the lock is that of a run that lives, or of which nothing is known.
    """
    from dialysis.running import release_dead

    dead = release_dead(study.root, study.name)
    if dead:
        click.echo(
            f"A run of this study ended before it was done (process {dead[-1]}, which is gone): "
            "its lock is cleared, and it is resumed."
        )


def run_and_tell(study: Study, target: str, cores: str, forced: str = "") -> None:
    """Run, show the progress and end with what to open, or with why it failed and 1."""
    from dialysis.running import claim
    from dialysis.workflow import Step, failure_text, log_of, run_workflow, to_open

    def show(step: Step | str) -> None:
        if isinstance(step, str):
            click.echo(step)
        else:
            click.echo(f"[{100 * step.done // max(step.total, 1):3d} %] {step.text}")

    claim(study.root, study.name)
    begun = time.monotonic()
    finished = run_workflow(study.root, study.name, target, show, cores, forced)
    took = time.monotonic() - begun
    if finished.interrupted:
        click.echo(f"Stopped. 'dialysis run {study.name}' goes on from here.", err=True)
        sys.exit(130)
    if finished.status:
        click.echo(f"\n{failure_text(study.root, study.name, finished)}", err=True)
        log = log_of(finished)
        click.echo(f"\nThe run failed.{f' All of it: {log}' if log else ''}", err=True)
        sys.exit(1)
    if finished.jobs:
        click.echo(f"[100 %] Done: {finished.jobs} steps in {took:.0f} s.")
    else:
        click.echo("Nothing to do: everything is current.")
    click.echo(f"Open {to_open(study, target)}")
