"""`dialysis decisions`: what reviewers decided on the review site."""

from __future__ import annotations

from pathlib import Path

import click

from dialysis.commands.options import ROOT, STUDY
from dialysis.words import counted


@click.group(name="decisions")
def command() -> None:
    """Decisions of the review site: take them over, end a blinded review, list them."""


@command.command(name="import")
@STUDY
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@ROOT
def import_command(study: str, file: Path, root: Path) -> None:
    """Check decisions.csv, append it to the log and change the tables of the study."""
    from dialysis.decisions_import import import_decisions

    done = import_decisions(root, study, file)
    known = f", {done.known} known already" if done.known else ""
    click.echo(f"{len(done.entries)} decisions appended to config/{study}/decisions.jsonl{known}")
    for table, added in done.added.items():
        removed = done.removed[table]
        if added or removed:
            click.echo(f"config/{study}/{table}: {counted(added, 'row')} added, {removed} removed")
    if done.entries:
        click.echo(f"Run 'dialysis run {study}' to apply them and to show them on the site.")


@command.command()
@STUDY
@click.option("--by", required=True, help="Who locks the decisions.")
@ROOT
def lock(study: str, by: str, root: Path) -> None:
    """End a blinded review: the next run shows groups and statistics."""
    from dialysis.decisions_import import lock_decisions

    entry = lock_decisions(root, study, by)
    click.echo(f"Locked in line {entry.n} of config/{study}/decisions.jsonl.")
    click.echo(f"Run 'dialysis run {study}' to show groups and statistics.")


@command.command()
@STUDY
@ROOT
def show(study: str, root: Path) -> None:
    """List who decided what, when and why."""
    from dialysis.decisions import log_path, read_log
    from dialysis.decisions_import import log_text
    from dialysis.study.load import load_options

    load_options(root, study)
    click.echo(log_text(read_log(log_path(root / "config" / study))), nl=False)
