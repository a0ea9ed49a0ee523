"""`dialysis verify`: whether results are what the inputs say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from dialysis.commands.options import ROOT, STUDY
from dialysis.errors import WorkflowError


@click.command(name="verify")
@STUDY
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@ROOT
def command(study: str, as_json: bool, root: Path) -> None:
    """Recompute every hash from the exports to the review page.

    Every folder of results is current, stale (and because of what), altered by hand, missing, or
    left over from before a change of the study.  Ends with 1 unless all that the study needs is
    current.
    """
    from dialysis.study.load import load_study
    from dialysis.verify import verify_study

    states = verify_study(load_study(root.resolve(), study), code_root=root.resolve())
    counts = {
        kind: sum(s.state == kind for s in states)
        for kind in ("current", "stale", "altered", "missing", "left over")
    }
    if counts["missing"] == len(states) and not as_json:
        raise WorkflowError(
            f"results/{study}: found no results; expected those of a finished run. "
            f"Run 'dialysis run {study}'."
        )
    if as_json:
        folders = [
            {
                "folder": state.folder,
                "stage": state.stage,
                "state": state.state,
                "because": list(state.because),
            }
            for state in states
        ]
        report = {"schema": "dialysis.verify/1", "study": study, "folders": folders}
        click.echo(json.dumps(report | {"counts": counts}, indent=2, ensure_ascii=False))
    else:
        for state in states:
            click.echo(f"{state.state:9} {state.folder}")
            for reason in state.because:
                click.echo(f"          {reason}")
        for advice in _advice(study, counts, any(state.exports for state in states)):
            click.echo(advice)
        always = ("current", "stale", "altered")
        shown = [f"{n} {kind}" for kind, n in counts.items() if n or kind in always]
        click.echo(", ".join(shown))
    if counts["stale"] or counts["altered"] or counts["missing"]:
        sys.exit(1)


def _advice(study: str, counts: dict[str, int], exports: bool) -> list[str]:
    """What to do about what is not current."""
    lines = []
    if exports:
        lines.append(
            "An export is another now than when it was read. If it was replaced on purpose, "
            f"'dialysis run {study}' reads it again; if not, put the original back: "
            "the instrument's software has it."
        )
    if counts["altered"]:
        lines.append(
            f"'dialysis run {study}' keeps what was altered by hand as <name>.altered and makes "
            "it again."
        )
    if (counts["stale"] or counts["missing"]) and not exports:
        lines.append(f"'dialysis run {study}' makes again what is stale or missing.")
    if counts["left over"]:
        lines.append(
            "What is left over is read by nothing and changes nothing; "
            f"'dialysis clean {study}' removes it."
        )
    return lines
