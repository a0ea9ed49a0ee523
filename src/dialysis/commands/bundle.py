"""`dialysis bundle`: what a journal or a colleague needs, in one archive."""

from __future__ import annotations

from pathlib import Path

import click

from dialysis.commands.options import ROOT, STUDY


@click.command(name="bundle")
@STUDY
@click.option("--outcome", "outcomes", multiple=True, help="Only this outcome (may be repeated).")
@click.option("--journal", is_flag=True, help="Only figures with their numbers and captions.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The archive (default: results/NAME/NAME_bundle.zip).",
)
@ROOT
def command(
    study: str, outcomes: tuple[str, ...], journal: bool, output: Path | None, root: Path
) -> None:
    """Zip what a journal or a colleague needs, with a manifest and a README.

    Results that are stale or were altered are refused: what leaves the lab is what the data,
    configuration and code make now.
    """
    from dialysis.bundle import write_archive
    from dialysis.study.load import load_study

    home = root.resolve()
    archive = write_archive(load_study(home, study), home, output, outcomes, journal)
    click.echo(f"{archive.path}: {archive.n_files} files, {archive.n_bytes / 1e6:.1f} MB")
