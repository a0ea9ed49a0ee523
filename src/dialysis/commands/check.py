"""`dialysis check`: what is wrong with a study, without running it."""

from __future__ import annotations

from pathlib import Path

import click

from dialysis.commands.options import ROOT, STUDY
from dialysis.errors import DialysisError, problems_text


@click.command(name="check")
@STUDY
@ROOT
def command(study: str, root: Path) -> None:
    """Check a study's configuration, tables and files without running it."""
    from dialysis.study.load import examine_study

    loaded, problems = examine_study(root, study)
    if loaded is not None and loaded.notes:
        click.echo("\n".join(["What was understood:", *(f"  {note}" for note in loaded.notes)]))
    if loaded is not None and loaded.warnings:
        click.echo(problems_text(loaded.warnings, f"Study '{study}'", "warning"))
    if problems:
        raise DialysisError(problems_text(problems, f"Study '{study}' can't be run"))
    if loaded is not None:
        injections = loaded.tables["injections"]
        runs = [run for run in injections["run"].unique() if run]
        measured = (
            f"{len(injections)} injections in {len(runs)} runs"
            if runs
            else f"{len(injections)} samples"
        )
        click.echo(
            f"Study '{study}' is ready: {len(loaded.tables['animals'])} animals, {measured}, "
            f"{len(loaded.outcomes)} outcomes."
        )
