"""Whole real traces, integrated without any setting, against the instruments' own software."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dialysis.chromatogram import Chromatogram, VendorPeak
from dialysis.ingest import read
from dialysis.ingest.exports import read_export
from dialysis.integrate import IntegrationMethod, Target, integrate
from dialysis.integrate.analysis import Peak
from dialysis.integrate.untargeted import integrate_all

# Retention s, area mAU·s, largest error: 196 s rides a falling front.
ANDI = (
    (196.065, 556.765, 0.06),
    (332.566, 419.825, 0.01),
    (527.550, 66.5661, 0.01),
    (709.647, 294.514, 0.01),
    (734.936, 244.531, 0.01),
    (799.122, 72.3233, 0.01),
    (1030.167, 2314.475, 0.01),
    (1177.760, 3948.423, 0.01),
)
LEVELS = ("0.10", "0.20", "0.30", "0.40", "0.50", "0.60", "0.70", "0.80", "0.90", "1.00")


@pytest.fixture(scope="module")
def chromatograms(shared_data: Path) -> Path:
    folder = shared_data / "chromatograms"
    if not folder.is_dir():
        pytest.skip("the folder shared/data/chromatograms with real exports is not there")
    return folder


def at(peaks: tuple[Peak, ...], rt_s: float) -> Peak:
    """The one peak within 3 s of a time."""
    near = [peak for peak in peaks if abs(peak.rt_s - rt_s) < 3.0]
    assert len(near) == 1, [peak.rt_s for peak in peaks]
    return near[0]


def test_andi_areas(chromatograms: Path) -> None:
    (trace,) = read(chromatograms / "andi_netcdf" / "agilent-hplc.cdf")
    peaks = integrate_all(trace)
    for rt_s, area, error in ANDI:
        assert at(peaks, rt_s).area == pytest.approx(area, rel=error), rt_s
    assert [rt_s for rt_s, _, _ in ANDI if "riding" in at(peaks, rt_s).flags] == [196.065]
    methods = {rt_s: at(peaks, rt_s).method for rt_s, _, _ in ANDI}
    assert methods[709.647] == methods[734.936] == "drop"
    assert methods[527.550] == methods[799.122] == "trapezoid"


def multichannel(chromatograms: Path, channel: str) -> tuple[Chromatogram, tuple[Peak, ...]]:
    traces = read(chromatograms / "labsolutions" / "multichannel_chrom.txt")
    (trace,) = [t for t in traces if t.channel == channel]
    return trace, integrate_all(trace)


@pytest.mark.parametrize(("channel", "n"), [("Detector A-Ch2", 2), ("Detector B-Ch1", 4)])
def test_labsolutions_peaks_of_750_microvolts_unmarked_or_skimmed(
    chromatograms: Path, channel: str, n: int
) -> None:
    trace, peaks = multichannel(chromatograms, channel)
    judged = [
        v
        for v in trace.vendor_peaks
        if v.height is not None and v.height >= 0.75 and "V" not in v.code
    ]
    assert len(judged) == n
    for vendor in judged:
        assert vendor.area is not None
        found = at(peaks, 60 * vendor.rt_min)
        assert found.area == pytest.approx(vendor.area, rel=0.02), vendor.rt_min


@pytest.mark.parametrize(
    ("channel", "times_min"),
    [("Detector A-Ch2", (14.215, 15.361)), ("Detector B-Ch1", (8.238, 8.674))],
)
def test_labsolutions_sums_over_shared_valleys(
    chromatograms: Path, channel: str, times_min: tuple[float, float]
) -> None:
    trace, peaks = multichannel(chromatograms, channel)
    vendor = {round(v.rt_min, 3): v for v in trace.vendor_peaks}
    assert any("V" in vendor[t].code for t in times_min)
    expected = sum(float(vendor[t].area or np.nan) for t in times_min)
    found = sum(at(peaks, 60 * t).area for t in times_min)
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("level", LEVELS)
def test_labsolutions_standards(chromatograms: Path, level: str) -> None:
    (trace,) = read(chromatograms / "labsolutions_calibration" / f"standard_{level}mM.txt")
    (vendor,) = trace.vendor_peaks
    assert isinstance(vendor, VendorPeak)
    assert vendor.area is not None
    found = at(integrate_all(trace), 60 * vendor.rt_min)
    assert found.area == pytest.approx(vendor.area, rel=0.015)


def test_the_standards_lie_on_a_line(chromatograms: Path) -> None:
    areas = []
    for level in LEVELS:
        (trace,) = read(chromatograms / "labsolutions_calibration" / f"standard_{level}mM.txt")
        areas.append(at(integrate_all(trace), 60 * trace.vendor_peaks[0].rt_min).area)
    r = np.corrcoef([float(level) for level in LEVELS], areas)[0, 1]
    assert r**2 >= 0.998


@pytest.mark.parametrize("name", ["02_D-St6", "03_D-St7"])
def test_chromeleon_amperometry_main_peaks(chromatograms: Path, name: str) -> None:
    folder = chromatograms / "chromeleon7_ed"
    (trace,) = read(folder / f"{name}_ED_1.txt")
    (report,) = read_export(folder / f"{name}_Integration.txt").reports
    peaks = integrate_all(trace)
    for rt_min in (2.3, 8.2, 14.5, 19.5):
        near = [v for v in report.vendor_peaks if abs(v.rt_min - rt_min) < 0.1]
        vendor = max(near, key=lambda v: float(v.area or 0.0))
        assert vendor.area is not None
        assert at(peaks, 60 * vendor.rt_min).area == pytest.approx(vendor.area, rel=0.06), rt_min


@pytest.mark.parametrize(("rt_s", "area", "error"), ANDI)
def test_andi_areas_of_named_peaks(
    chromatograms: Path, rt_s: float, area: float, error: float
) -> None:
    (trace,) = read(chromatograms / "andi_netcdf" / "agilent-hplc.cdf")
    method = IntegrationMethod((Target("X", rt_s / 60, 0.1),), retention_reference="none")
    row = integrate(trace, method).set_index("analyte").loc["X"]
    # The first six stand on a gradient that no smooth baseline follows.
    assert ("local_baseline" in row["flags"]) == (rt_s < 1000.0)
    assert row["area"] == pytest.approx(area, rel=error)
