"""`dialysis verify`: whether results are what the inputs say."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dialysis.commands.options import ROOT, STUDY
from dialysis.errors import DialysisError


@click.command(name="verify")
@STUDY
@ROOT
def command(study: str, root: Path) -> None:
    """Recompute every hash from the exports to the review page."""
    from dialysis.study.load import load_study
    from dialysis.verify import verify_study

    states = verify_study(load_study(root.resolve(), study), code_root=root.resolve())
    if not states:
        raise DialysisError(
            f"results/{study}: found no results; expected those of a finished run. "
            f"Run 'snakemake --config study={study}'."
        )
    for state in states:
        click.echo(f"{state.state:8} {state.folder}")
        for reason in state.because:
            click.echo(f"         {reason}")
    counts = {
        kind: sum(s.state == kind for s in states) for kind in ("current", "stale", "altered")
    }
    click.echo(", ".join(f"{number} {kind}" for kind, number in counts.items()))
    if counts["stale"] or counts["altered"]:
        sys.exit(1)
