"""`dialysis clean`: remove results that nothing makes or reads any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from dialysis.commands.options import ROOT, STUDY


@click.command(name="clean")
@STUDY
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@ROOT
def command(study: str, yes: bool, root: Path) -> None:
    """Remove results of stages, runs or outcomes that the study does not have any more.

    They are left over from before a change of the study, as when ingest.start was changed or a run
    renamed.  Results that the study makes, raw/ and config/ are never touched.
    """
    from dialysis.study.load import load_study
    from dialysis.verify import quick_states

    loaded = load_study(root.resolve(), study)
    left = [s for s in quick_states(loaded, loaded.root) if s.state == "left over"]
    if not left:
        click.echo("Nothing is left over.")
        return
    for state in left:
        click.echo(f"results/{study}/{state.folder}: {state.because[0]}")
    if not yes:
        click.confirm(f"Remove {'these folders' if len(left) > 1 else 'this folder'}?", abort=True)
    for state in left:
        folder = loaded.results_dir / state.folder
        shutil.rmtree(folder)
        if folder.parent != loaded.results_dir and not any(folder.parent.iterdir()):
            folder.parent.rmdir()
    click.echo(f"{len(left)} removed.")
