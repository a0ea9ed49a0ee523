"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Project root, where config/, raw/ and results/ are (default: here).",
)
STUDY = click.argument("study", metavar="NAME")
