"""CPU time of reading an export of 18,000 points, against the floor of parsing the same bytes.

Run as ``python -m benchmarks.ingest_speed``.  The floor is what no reader can do without:
`scipy.io.netcdf_file` for ANDI, the pandas C engine with separator, marks and the number of
header lines given for texts.  It decides nothing, checks nothing, hashes nothing and keeps no
header.  Both start from the file's path, in the same process, in turns; medians of repeats.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.io import netcdf_file

from dialysis.ingest.exports import read_export
from dialysis.ingest.registry import READERS
from dialysis.simulate.exports import FORMATS, InjectionHeader
from dialysis.simulate.trace import Recording, SimulatedTrace

N_POINTS = 18_000
AT_MOST = 2.0


@dataclass(frozen=True)
class Task:
    """A file, how the package reads it, and the floor."""

    name: str
    content: bytes
    floor: Callable[[Path], Any]
    format: str = "auto"
    config: Mapping[str, Any] = field(default_factory=dict)


def csv_floor(skip: int, **options: Any) -> Callable[[Path], Any]:
    """Parse all lines below a header with the pandas C engine."""

    def parse(path: Path) -> Any:
        return pd.read_csv(
            path, skiprows=skip, header=None, engine="c", encoding="latin-1", **options
        )

    return parse


def netcdf_floor(path: Path) -> Any:
    """All variables of a netCDF file."""
    with netcdf_file(path, "r", mmap=False) as file:
        return {name: variable.data for name, variable in file.variables.items()}


def tasks() -> list[Task]:
    """One file of 18,000 points for each format."""
    rng = np.random.default_rng(1)
    t = np.arange(N_POINTS)
    smooth = 20_000 + 3 * t + 9e6 * np.exp(-(((t - 6000) / 60) ** 2))
    counts = (smooth + rng.normal(0, 60, N_POINTS)).round().astype(np.int32)
    trace = SimulatedTrace(counts, Recording(N_POINTS), pd.DataFrame())
    header = InjectionHeader("S1", "unknown", "7", "2024-04-13T09:53:42+02:00", 10.0, "run1")
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for key in ("andi", "chromeleon", "labsolutions"):
            path = Path(folder) / key
            FORMATS[key].write(trace, header, path)
            made[key] = path.read_bytes()
    minutes, signal = (t * 0.1 / 60).tolist(), trace.signal_nA.tolist()
    rows = [f"{m:.6f}\t{y:.6f}" for m, y in zip(minutes, signal, strict=True)]
    empower = "\r".join(['"SampleName"\t"Channel"', '"S1"\t"ECD"', *rows, ""]).encode()
    delimited = "\n".join(["min;nA", *(row.replace("\t", ";") for row in rows), ""])
    labsolutions = made["labsolutions"]
    tabs = {"sep": "\t"}
    comma = {"sep": "\t", "decimal": ",", "thousands": "."}
    above = {key: _lines_above(content) for key, content in made.items() if key != "andi"}
    layout = {"delimiter": "semicolon", "header_rows": 1, "signals": [{"column": 2}]}
    return [
        Task("ANDI", made["andi"], netcdf_floor),
        Task(
            "delimited, dot",
            delimited.encode(),
            csv_floor(1, sep=";"),
            "delimited",
            {"time_unit": "min", "delimited": layout},
        ),
        Task(
            "delimited, comma",
            delimited.replace(".", ",").encode(),
            csv_floor(1, sep=";", decimal=","),
            "delimited",
            {"time_unit": "min", "delimited": layout},
        ),
        Task(
            "Chromeleon, comma and thousands",
            made["chromeleon"],
            csv_floor(above["chromeleon"], **comma),
        ),
        Task("Chromeleon, dot", _dots(made["chromeleon"]), csv_floor(above["chromeleon"], **tabs)),
        Task(
            "LabSolutions, comma",
            labsolutions,
            csv_floor(above["labsolutions"], sep=",", nrows=N_POINTS),
        ),
        Task(
            "LabSolutions, TAB",
            labsolutions.replace(b",", b"\t"),
            csv_floor(above["labsolutions"], sep="\t", nrows=N_POINTS),
        ),
        Task("Empower", empower, csv_floor(2, sep="\t")),
    ]


def _lines_above(content: bytes) -> int:
    """Lines above the first line of points."""
    names = next(name for name in (b"R.Time (min)", b"Time (min)\t") if name in content)
    return content.count(b"\n", 0, content.index(names)) + 1


def _dots(content: bytes) -> bytes:
    """The same export from a computer with a decimal dot."""
    text = content.decode("utf-8-sig").replace("\r\n", "\n")
    head, title, data = text.partition("Chromatogram Data:\n")
    names, _, points = data.partition("\n")
    head = "\n".join(
        line.replace(".", "").replace(",", ".")
        if line.startswith(("Time M", "Signal M", "Inj", "Dil", "Min", "Max", "Average"))
        and "Date" not in line
        and "Injection\t" not in line
        else line
        for line in head.split("\n")
    )
    points = points.replace(".", "").replace(",", ".").replace("na\n", "n.a.\n")
    points = points.replace("\tna\t", "\tn.a.\t", 1)
    return f"{head}{title}{names}\n{points}".replace("\n", "\r\n").encode("utf-8-sig")


def measured(task: Task, folder: Path, repeats: int) -> tuple[float, float]:
    """Median CPU time of the package and of the floor, ms."""
    path = folder / "export"
    path.write_bytes(task.content)
    readers = [reader.configured(task.config) for reader in READERS]
    [chromatogram] = read_export(path, task.format, readers).chromatograms
    assert chromatogram.n_points == N_POINTS, chromatogram.n_points
    task.floor(path)
    own, floor = [], []
    for _ in range(repeats):
        start = time.process_time()
        read_export(path, task.format, readers)
        middle = time.process_time()
        task.floor(path)
        floor.append(time.process_time() - middle)
        own.append(middle - start)
    return float(np.median(own)) * 1e3, float(np.median(floor)) * 1e3


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=51)
    parser.add_argument("--only", default="", help="tasks whose name begins so")
    given = parser.parse_args()
    print("| export of 18,000 points | size, MB | reader, ms | floor, ms | ratio |")
    print("|---|---|---|---|---|")
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        for task in tasks():
            if not task.name.startswith(given.only):
                continue
            own, floor = measured(task, Path(folder), given.repeats)
            slow |= own > AT_MOST * floor
            size = len(BytesIO(task.content).getbuffer()) / 1e6
            print(f"| {task.name} | {size:.2f} | {own:.2f} | {floor:.2f} | {own / floor:.2f} |")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
