"""Real traces against the integration of the instruments' own software."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dialysis.ingest import read
from dialysis.integrate import IntegrationMethod, Target, area_between, integrate

# RT s, area mAU·s, as SOURCES.md lists them for the ANDI file.
ANDI_AREAS = {
    196.065: 556.765,
    332.566: 419.825,
    527.550: 66.5661,
    709.647: 294.514,
    734.936: 244.531,
    799.122: 72.3233,
    1030.167: 2314.475,
    1177.760: 3948.423,
}
STANDARDS = {
    "0.10": 18.654,
    "0.20": 42.250,
    "0.30": 62.336,
    "0.40": 80.742,
    "0.50": 99.601,
    "0.60": 123.057,
    "0.70": 141.732,
    "0.80": 165.101,
    "0.90": 187.540,
    "1.00": 205.073,
}
ORDINARY = IntegrationMethod(targets=(Target("X", 21.3, 0.5),), retention_reference="none")


@pytest.fixture(scope="module")
def chromatograms(shared_data: Path) -> Path:
    folder = shared_data / "chromatograms"
    if not folder.is_dir():
        pytest.skip("the folder shared/data/chromatograms with real exports is not there")
    return folder


def test_andi_areas_with_the_vendors_limits_and_baselines(chromatograms: Path) -> None:
    (trace,) = read(chromatograms / "andi_netcdf" / "agilent-hplc.cdf")
    assert len(trace.vendor_peaks) == len(ANDI_AREAS)
    for peak, (rt_s, area) in zip(trace.vendor_peaks, ANDI_AREAS.items(), strict=True):
        assert 60 * peak.rt_min == pytest.approx(rt_s, abs=1e-3)
        assert peak.start_min is not None
        assert peak.end_min is not None
        assert peak.baseline_start is not None
        assert peak.baseline_end is not None
        at = peak.baseline_start_min, peak.baseline_end_min
        found = area_between(
            trace.times_s,
            trace.signal,
            60 * peak.start_min,
            60 * peak.end_min,
            peak.baseline_start,
            peak.baseline_end,
            None if at[0] is None else 60 * at[0],
            None if at[1] is None else 60 * at[1],
        )
        assert found == pytest.approx(area, rel=1e-4)


@pytest.mark.parametrize("level", STANDARDS)
def test_labsolutions_standards_with_one_ordinary_method(chromatograms: Path, level: str) -> None:
    (trace,) = read(chromatograms / "labsolutions_calibration" / f"standard_{level}mM.txt")
    row = integrate(trace, ORDINARY).set_index("analyte").loc["X"]
    assert row["found"]
    assert row["rt_min"] == pytest.approx(trace.vendor_peaks[0].rt_min, abs=0.01)
    assert row["area"] == pytest.approx(STANDARDS[level], rel=0.015)


def test_the_standards_lie_on_a_line(chromatograms: Path) -> None:
    areas = []
    for level in STANDARDS:
        (trace,) = read(chromatograms / "labsolutions_calibration" / f"standard_{level}mM.txt")
        areas.append(float(integrate(trace, ORDINARY).set_index("analyte").loc["X", "area"]))
    r = np.corrcoef([float(level) for level in STANDARDS], areas)[0, 1]
    assert r**2 >= 0.998


@pytest.mark.parametrize("start_min", [10.0, 15.0, 18.0, 20.0])
def test_areas_do_not_hang_on_where_the_range_begins(chromatograms: Path, start_min: float) -> None:
    (trace,) = read(chromatograms / "labsolutions_calibration" / "standard_0.20mM.txt")
    method = IntegrationMethod(ORDINARY.targets, start_min=start_min, retention_reference="none")
    row = integrate(trace, method).set_index("analyte").loc["X"]
    assert row["area"] == pytest.approx(STANDARDS["0.20"], rel=0.015)
