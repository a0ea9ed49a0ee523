"""Golden records of real exports, and a line-by-line parser that reads the same from them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.ingest import READERS, read
from dialysis.ingest.exports import read_export
from tests.contract._ingest_files import real

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Golden:
    """What a real file holds."""

    parts: tuple[str, str]
    format: str
    n_points: int
    interval_s: float
    first_s: float
    last_s: float
    minimum: float
    maximum: float
    at: int
    unit: str = ""
    channel: str = ""
    sample_name: str = ""
    vial: str = ""
    method: str = ""
    injected_at: str = ""
    injection_uL: float | None = None


HAO = "HAO_NEUMANN_GC_VALVE_FOR_LIQUIDE.M"
GOLDEN = [
    Golden(
        ("empower_arw", "results1844.arw"), "empower", 6601, 0.5, 0.0, 3300.0, -10.82869, 117.3158,
        3509, channel="2475ChA ex280/em350", sample_name="SEC_08",
        method="Sup6Inc_10_300_TrpGFP_LineA",
    ),
    Golden(
        ("agilent_csv", "appia_NAI-A594_1H_RT.CSV"), "agilent_csv", 26401, 0.05, 0.025, 1320.025,
        -0.61798095703125, 122.91955947876, 15302,
    ),
    Golden(
        ("wingpc", "SEC_STD1.TXT"), "wingpc", 1795, 1.0, 5.3, 1799.3, -14070.0, 2838.28, 1619,
        channel="PSS SECcurity RI", sample_name="Vial  32: STD1 - 1", vial="32",
        method="20160908.MET", injected_at="2022-04-11T13:12:42", injection_uL=10.0,
    ),
    Golden(
        ("two_column", "LabKey_LGC10030.TXT"), "two_column", 18002, 0.1, 0.03, 1800.13, 27.8248793,
        332.401612, 7766,
    ),
    Golden(
        ("agilent_report", "001F0101_FID1A.ch"), "chemstation", 3600, 0.2, 0.0, 719.8, 4.882421875,
        7719.062369791666, 847, "pA", "001F0101_FID1A", "DFA-708-01", method=HAO,
        injected_at="2023-07-24T21:37:10",
    ),
    Golden(
        ("agilent_report", "001F0101_TCD2B.ch"), "chemstation", 3600, 0.2, 0.0, 719.8,
        20.644791666666666, 467.87786458333335, 848, "25 uV", "001F0101_TCD2B", "DFA-708-01",
        method=HAO, injected_at="2023-07-24T21:37:10",
    ),
]  # fmt: skip


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.parts[1])
def test_golden_record(golden: Golden) -> None:
    [trace] = read(real(*golden.parts))
    assert (trace.format, trace.n_points) == (golden.format, golden.n_points)
    assert (trace.interval_s, trace.time_s) == (golden.interval_s, None)
    # First times are printed with 5 digits and more.
    assert trace.times_s[0] == pytest.approx(golden.first_s, abs=1e-5)
    assert trace.times_s[-1] == pytest.approx(golden.last_s, abs=1e-5)
    assert (trace.signal.min(), trace.signal.max()) == (golden.minimum, golden.maximum)
    assert trace.signal.argmax() == golden.at
    for name in (
        "unit", "channel", "sample_name", "vial", "method", "injected_at", "injection_uL",
    ):  # fmt: skip
        assert getattr(trace, name) == getattr(golden, name), name
    assert trace.vendor_peaks == ()


def test_what_else_the_headers_say() -> None:
    [empower] = read(real("empower_arw", "results1844.arw"))
    assert empower.header == {"Sample Set Name": "Exp105_ENaC_SEC"}
    [wingpc] = read(real("wingpc", "SEC_STD1.TXT"))
    assert wingpc.header["Column 1"] == "PSS SDV 5µm\tTemperature :\t  0.000\tC"
    assert wingpc.header["Eluent"] == "aq.dest."
    # Monday, 11-04-22: in November it was a Friday.
    assert wingpc.injected_at_note == "two-digit year read as 20yy"


def rows(text: str, end: str, first: str, last: str) -> list[str]:
    body = text.split(first, 1)[1] if first else text
    return [line for line in (body.split(last)[0] if last else body).split(end) if line.strip()]


@pytest.mark.parametrize(
    ("parts", "lines", "separator"),
    [
        (
            ("empower_arw", "results1844.arw"),
            lambda raw: rows(raw.decode(), "\r", '"Sup6Inc_10_300_TrpGFP_LineA"\r', ""),
            "\t",
        ),
        (
            ("agilent_csv", "appia_NAI-A594_1H_RT.CSV"),
            lambda raw: rows(raw.decode("utf-16"), "\r\n", "", ""),
            "\t",
        ),
        (
            ("wingpc", "SEC_STD1.TXT"),
            lambda raw: rows(raw.decode("latin-1"), "\r\n", "RI \tTime\r\n", "RAWstop"),
            "\t",
        ),
        (
            ("two_column", "LabKey_LGC10030.TXT"),
            lambda raw: rows(raw.decode(), "\n", "", "EOT"),
            " ",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_line_by_line(
    parts: tuple[str, str], lines: Callable[[bytes], list[str]], separator: str
) -> None:
    path = real(*parts)
    [trace] = read(path)
    cells = [line.split(separator)[:2] for line in lines(path.read_bytes())]
    times, signal = np.array([[float(cell) for cell in row] for row in cells]).T
    np.testing.assert_array_equal(trace.signal, signal)
    # The last digits that the times are printed with: 1e-4 min is the coarsest.
    np.testing.assert_allclose(trace.times_s, times * 60, rtol=0, atol=6e-3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The real ``.D`` folder, whose files are kept with its name in front of theirs."""
    real("agilent_report", "001F0101_FID1A.ch")
    path = tmp_path / "001F0101.D"
    path.mkdir()
    for file in real("agilent_report").iterdir():
        (path / file.name.removeprefix("001F0101_")).write_bytes(file.read_bytes())
    return path


class TestChemStationFolder:
    def test_golden_record(self, folder: Path) -> None:
        fid, tcd = read(folder)
        assert (fid.channel, tcd.channel) == ("FID1A", "TCD2B")
        assert (fid.unit, tcd.unit) == ("pA", "25 uV")
        assert (fid.detector, tcd.detector) == ("FID1 A", "TCD2 B")
        for trace in (fid, tcd):
            assert (trace.n_points, trace.interval_s, trace.times_s[-1]) == (
                3600, 0.2, pytest.approx(719.8),
            )  # fmt: skip
            assert (trace.vial, trace.sample_name) == ("1", "DFA-708-01")
            assert (trace.dilution, trace.injection_uL) == (1.0, 1000.0)
        peaks = [(round(p.rt_min, 5), round(p.area or 0, 5), p.code) for p in fid.vendor_peaks]
        assert peaks == [
            (2.82446, 45713.66797, "BB S"), (4.05653, 955.59546, "BB"), (9.20932, 17.71351, "BB"),
        ]  # fmt: skip
        assert [round(p.height or 0, 4) for p in fid.vendor_peaks] == [7718.0859, 149.1147, 3.4049]
        assert [(p.rt_min, p.area) for p in tcd.vendor_peaks] == [(2.827800989151, 2608.150390625)]

    def test_the_peaks_are_where_the_vendor_has_them(self, folder: Path) -> None:
        """Time axis and scale, against what the data system prints.

        The vertex of a parabola through the three highest points against its retention time:
        0.01 s is a twentieth of an interval.  The height above the lowest points to both sides
        against its height: its baseline is another, which matters most for the smallest peak.
        """
        for trace in read(folder):
            for peak in trace.vendor_peaks:
                vertex_s, height = vertex(trace, peak.rt_min * 60)
                assert vertex_s == pytest.approx(peak.rt_min * 60, abs=0.01)
                assert height == pytest.approx(peak.height, rel=0.02)

    def test_a_report_alone(self, folder: Path) -> None:
        for file in folder.glob("*.ch"):
            file.unlink()
        export = read_export(folder)
        assert [r.channel for r in export.reports] == ["FID1A", "TCD2B"]
        assert [len(r.vendor_peaks) for r in export.reports] == [3, 1]
        assert {r.injected_at for r in export.reports} == {"2023-07-24T21:37:10"}

    @pytest.mark.skipif(
        importlib.util.find_spec("rainbow") is None,
        reason="rainbow-api (the extra vendor) is not installed",
    )
    def test_rainbow_gives_the_same_points(self, folder: Path) -> None:
        import rainbow

        for trace in read(folder):
            path = str(folder / f"{trace.channel}.ch")
            data = rainbow.agilent.chemstation.parse_ch(path)
            np.testing.assert_allclose(data.data[:3600, 0], trace.signal, rtol=1e-15)
            np.testing.assert_allclose(data.xlabels[:3600] * 60, trace.times_s, atol=1e-9)


def vertex(trace: Chromatogram, near_s: float) -> tuple[float, float]:
    """Time and height of a peak: its parabola, above the lowest points 20 s to both sides."""
    middle = round(near_s / trace.interval_s)
    at = middle - 6 + int(trace.signal[middle - 6 : middle + 7].argmax())
    left, top, right = trace.signal[at - 1 : at + 2]
    shift = 0.5 * (left - right) / (left - 2 * top + right)
    base = (trace.signal[at - 100 : at].min() + trace.signal[at : at + 100].min()) / 2
    return (at + shift) * trace.interval_s, top - 0.25 * (left - right) * shift - base


def declared(config: dict[str, object]) -> list[object]:
    return [reader.configured({"delimited": config, "time_unit": "min"}) for reader in READERS]


@pytest.mark.parametrize(
    ("parts", "layout"),
    [
        (("empower_arw", "results1844.arw"), {"header_rows": 2}),
        (("agilent_csv", "appia_NAI-A594_1H_RT.CSV"), {}),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_the_same_files_with_a_declared_layout(
    parts: tuple[str, str], layout: dict[str, object]
) -> None:
    path = real(*parts)
    [own] = read(path)
    readers = declared({"delimiter": "tab", "signals": [{"column": 2}]} | layout)
    [trace] = read(path, "delimited", readers)  # type: ignore[arg-type]
    np.testing.assert_array_equal(trace.signal, own.signal)
    np.testing.assert_array_equal(trace.times_s, own.times_s)
