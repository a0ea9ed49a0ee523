"""What the simulator writes is what the readers read, within each format's own precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from dialysis.ingest import READERS, read
from dialysis.simulate.exports import FORMATS, InjectionHeader
from dialysis.simulate.trace import AREA_COLUMNS, Recording, SimulatedTrace

# Decimals of the signal in nA that the format prints; None where counts come back exactly.
DECIMALS = {"andi": None, "chromeleon": 6, "labsolutions": None, "delimited": 6}
READER = {
    "andi": "andi",
    "chromeleon": "chromeleon7",
    "labsolutions": "labsolutions",
    "delimited": "delimited",
}
HEADER = InjectionHeader(
    sample_name="QC2",
    sample_type="control",
    vial="17",
    injected_at="2024-05-17T08:26:00+00:00",
    injection_uL=20.0,
    title="run03",
)


def test_every_writer_is_tested() -> None:
    assert set(DECIMALS) == set(READER) == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("largest_nA", [0.01, 12.0, 1500.0, 2_000_000.0])
def test_round_trip(tmp_path: Path, name: str, largest_nA: float) -> None:
    recording = Recording(n_points=3000, interval_s=0.2)
    top = int(largest_nA / recording.count_nA)
    # Single precision holds 24 bits.
    top = min(top, 2**24)
    counts = np.random.default_rng(3).integers(-top // 10 - 1, top + 1, recording.n_points)
    trace = SimulatedTrace(
        counts.astype(np.int32), recording, pd.DataFrame(columns=list(AREA_COLUMNS))
    )
    path = tmp_path / f"x{FORMATS[name].suffix}"
    FORMATS[name].write(trace, HEADER, path)
    config = yaml.safe_load(FORMATS[name].ingest or "ingest: {}")["ingest"]
    readers = [reader.configured(config) for reader in READERS]
    [got] = read(path, config.get("format", "auto"), readers)
    decimals = DECIMALS[name]
    expected = trace.signal_nA.tolist()
    if decimals is not None:
        expected = [float(f"{value:.{decimals}f}") for value in expected]
    assert got.format == READER[name]
    np.testing.assert_array_equal(got.signal, expected)
    # ANDI has the distance of the points in single precision.
    rtol = 1e-7 if name == "andi" else 1e-15
    np.testing.assert_allclose(got.times_s, recording.times_s, rtol=rtol, atol=0)
    assert (got.unit, got.uniform, got.n_points) == ("nA", True, recording.n_points)
    if name == "delimited":
        return  # the file says nothing else
    assert (got.sample_name, got.vial) == ("QC2", "17")
    assert got.injected_at.startswith("2024-05-17T08:26:00")
    assert got.method.startswith("catecholamines isocratic")
