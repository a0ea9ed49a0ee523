"""An executable example: what a reader of a new export format looks like.

Run ``python -m dialysis.ingest.example``.  It is not in the registry; a reader of a real format is
added there (`dialysis.ingest.registry`) and has a sample in ``tests/contract/_ingest_files.py``,
which makes it pass the tests that every reader must pass.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from dialysis.chromatogram import Chromatogram
from dialysis.ingest.reader import BadExport, Reader


class ToyReader(Reader):
    """Lines of minutes and nA below a line that says TOY and the channel."""

    key = "toy"
    name = "Toy text"
    extensions = (".toy",)
    yields = "one channel of one injection"
    verified = "no real file"

    def sniff(self, head: bytes, path: Path) -> bool:
        """Tell a file of this format by its first bytes."""
        return head.startswith(b"TOY ")

    def read(self, path: Path, content: bytes) -> list[Chromatogram]:
        """Read the file; whatever is wrong with it is a `BadExport` with its line."""
        first, *lines = content.decode("utf-8", errors="replace").splitlines()
        points = []
        for number, line in enumerate(lines, start=2):
            try:
                minutes, signal = (float(cell) for cell in line.split())
            except ValueError:
                raise BadExport(f"line {number}", repr(line), "minutes and nA") from None
            points.append((minutes * 60, signal))
        if len(points) < 2:
            raise BadExport("", f"{len(points)} points", "at least 2 points")
        times, values = np.array(points, dtype=np.float64).T
        return [
            Chromatogram(
                signal=values,
                unit="nA",
                start_s=float(times[0]),
                interval_s=float(np.median(np.diff(times))),
                time_s=times,
                channel=first.removeprefix("TOY ").strip(),
            )
        ]


def main() -> None:
    """Write an export of the toy format, read it and print what was read."""
    from dialysis.ingest import READERS, read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.toy"
        path.write_bytes(b"TOY ECD-1\n0.0 1\n0.5 2.5\n1.0 1\n")
        (trace,) = read(path, readers=(*READERS, ToyReader()))
    print(f"{trace.format}: {trace.n_points} points of {trace.unit} on {trace.channel}")


if __name__ == "__main__":
    main()
