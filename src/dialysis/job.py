"""What every workflow script does around its stage: messages, sidecars."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from dialysis.errors import DialysisError
from dialysis.files import write_text
from dialysis.running import end_with_run

FAILED = "failed: "


@contextmanager
def stage_job(snakemake: Any, exports: Iterable[Path] = ()) -> Iterator[None]:
    """Run a stage: errors a user can mend become a message, outputs get their sidecars.

    Parameters
    ----------
    snakemake : object
        The object Snakemake hands to scripts; ``input``, ``output``, ``log`` and
        ``rule`` are read.
    exports : iterable of Path
        Files under raw/ that the job reads; they are not among Snakemake's inputs.

    Notes
    -----
    On a `DialysisError` the message goes to the log and the process ends with status 1; Snakemake
    then removes whatever outputs there are, so no partial result is left, and the Snakefile shows
    the messages of all failed jobs at the end.  A job whose run is killed ends with it.
    """
    end_with_run()
    try:
        yield
    except DialysisError as error:
        write_text(snakemake.log[0], f"{FAILED}{error}\n")
        sys.exit(1)
    from dialysis.provenance import write_sidecars

    write_sidecars(
        rule=str(snakemake.rule),
        outputs=[Path(p) for p in snakemake.output],
        inputs=[*(Path(p) for p in snakemake.input), *exports],
    )
    write_text(snakemake.log[0], "done\n")


def clear_logs(folder: Path) -> None:
    """Remove the messages of jobs that failed in an earlier run."""
    for log in folder.glob("*.log"):
        if log.read_text(encoding="utf-8").startswith(FAILED):
            log.unlink()


def failures(folder: Path) -> list[str]:
    """Messages of all jobs that failed in this run."""
    texts = (log.read_text(encoding="utf-8") for log in sorted(folder.glob("*.log")))
    return [text.removeprefix(FAILED).rstrip() for text in texts if text.startswith(FAILED)]


def show_failures(folder: Path, stream: TextIO) -> None:
    """Print the messages of all jobs that failed in this run."""
    for message in failures(folder):
        print(f"\n{message}", file=stream, flush=True)
