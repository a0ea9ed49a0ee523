"""Agilent ChemStation data and reports, Waters folders, and what goes through rainbow-api."""

from __future__ import annotations

import importlib.util
import struct
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dialysis.chromatogram import VendorPeak
from dialysis.errors import ExportFormatError
from dialysis.ingest import BadExport, ingest_run, read
from dialysis.ingest.exports import read_export
from dialysis.ingest.rainbow_files import INSTALL
from dialysis.provenance import sha256_path
from tests.contract._text_files import channel_181, folder_of, report_files

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."
HAS_RAINBOW = importlib.util.find_spec("rainbow") is not None
with_rainbow = pytest.mark.skipif(
    not HAS_RAINBOW, reason="rainbow-api (the extra vendor) is not installed"
)
# A peak of 50 units at 4 s (0.0667 min), one width (0.1 min) around it nothing else.
PEAK = (5, 60, 5, 5, 5, 5)


def message(path: Path, **options: str) -> str:
    with pytest.raises(ExportFormatError) as error:
        read(path, **options)
    return str(error.value).replace(f"{path.parent}/", "")


class TestVersion181:
    def test_points_and_steps(self, tmp_path: Path) -> None:
        (tmp_path / "ADC1A.ch").write_bytes(channel_181(offset=1.0))
        [trace] = read(tmp_path / "ADC1A.ch")
        # A step changes the slope, a point of 48 bits sets the value and the slope to 0.
        counts = [40, 43, 46, 2**40, 2**40 - 5, -(2**35), 7, 7]
        np.testing.assert_array_equal(trace.signal, np.array(counts) * 0.5 + 1.0)
        assert (trace.start_s, trace.interval_s, trace.time_s) == (0.0, 4.001, None)
        assert (trace.channel, trace.unit, trace.sample_name) == ("ADC1A", "nA", "S1")
        assert (trace.method, trace.injected_at) == ("monoamines.M", "2023-07-24T21:37:10")
        assert trace.header == {"operator": "N.N."}

    def test_a_low_word_above_two_to_the_31(self, tmp_path: Path) -> None:
        # rainbow-api reads it with a sign.
        (tmp_path / "x.ch").write_bytes(channel_181((0xFFFFFFFE, 0x80000000, 1, 2, 3)))
        [trace] = read(tmp_path / "x.ch")
        np.testing.assert_array_equal(trace.signal, np.array([0xFFFFFFFE, 0x80000000, 1, 2, 3]) / 2)

    def test_without_a_step_of_zero_at_the_end(self, tmp_path: Path) -> None:
        (tmp_path / "x.ch").write_bytes(channel_181((1, 2, 3, 3), interval_ms=200, tail=b""))
        [trace] = read(tmp_path / "x.ch")
        assert (trace.n_points, trace.interval_s) == (4, 0.2)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (
                channel_181()[:6000],
                "byte 6000: found the end of the file; expected a header of 6144 bytes.",
            ),
            (
                channel_181()[:-3],
                "byte 6189: found the end of the file inside a point; expected whole points.",
            ),
            (
                channel_181((1, 2, 3, 4, 5), n_points=8),
                "byte 282: found 6 points from 0 to 28007 ms; expected points that are whole ms "
                "apart.",
            ),
            (
                channel_181(scale=float("nan")),
                "byte 4724: found 0.0 + nan × counts; expected finite numbers, the second above 0.",
            ),
            (
                channel_181(interval_ms=20_000),
                "byte 282: found 9 points from 0 to 140000 ms; expected points that are whole ms "
                "apart.",
            ),
        ],
    )
    def test_damage(self, tmp_path: Path, content: bytes, text: str) -> None:
        (tmp_path / "x.ch").write_bytes(content)
        assert message(tmp_path / "x.ch") == f"x.ch, {text} {AGAIN}"

    def test_a_file_that_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "x.ch").write_bytes(b"abcd")
        assert message(tmp_path / "x.ch", format="chemstation") == (
            "x.ch, byte 0: found the bytes 61 62 63 64; expected a ChemStation .ch file, which "
            f"starts with its version. {AGAIN}"
        )


class TestFolder:
    def test_traces_with_the_peaks_of_the_report(self, tmp_path: Path) -> None:
        files = report_files() | {
            "ADC1A.ch": channel_181(PEAK, scale=1.0, interval_ms=2000, unit="25 uV"),
            "adc2b.CH": channel_181(unit="mV"),
            "DAD1.UV": b"\x03131",
        }
        folder = folder_of(tmp_path / "001.D", files)
        export = read_export(folder)
        assert export.format == "chemstation"
        assert export.size_bytes == sum(map(len, files.values()))
        assert export.sha256 == sha256_path(folder)
        first, second = export.chromatograms
        assert (first.channel, first.unit, first.vial) == ("ADC1A", "25 uV", "7")
        assert (first.dilution, first.injection_uL) == (2.0, 10.0)
        assert first.detector == "ADC1 A, ECD"
        assert first.vendor_peaks == (VendorPeak(0.0667, area=60.5, height=55, code="BB"),)
        assert first.header["Sorted By"] == "Signal"
        assert first.sha256 == second.sha256 == export.sha256
        assert (second.channel, second.unit, second.vendor_peaks) == ("adc2b", "mV", ())
        assert export.reports == ()

    def test_a_report_of_a_signal_that_is_not_there_stays_a_report(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "1.D", report_files() | {"FID1A.ch": channel_181()})
        export = read_export(folder)
        assert [report.channel for report in export.reports] == ["ADC1A"]

    def test_damage_names_the_file(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "1.D", {"FID1A.ch": channel_181()[:6001]})
        assert message(folder) == (
            "1.D, FID1A.ch, byte 6001: found the end of the file; expected a header of 6144 bytes. "
            f"{AGAIN}"
        )

    @pytest.mark.parametrize(
        ("trace", "text"),
        [
            (
                {"date": "24-Jul-23, 23:00:00"},
                "found an injection at 2023-07-24T23:00:00, and a report of one at "
                "2023-07-24T21:37:10; expected the report of the same injection. "
                "Take the report files out of the folder.",
            ),
            (
                {"unit": "pA"},
                f"found a signal in pA and peaks in 25 uV; expected one unit for both. {AGAIN}",
            ),
            (
                {"scale": 0.25},
                "found a rise of 13.75 at 0.0667 min; expected about 55, the height of the "
                "report's tallest peak. The intensities are misread, or the report is of another "
                "injection: export as ANDI/AIA.",
            ),
            (
                {"scale": 4.0},
                "found a rise of 220 at 0.0667 min; expected about 55, the height of the "
                "report's tallest peak. The intensities are misread, or the report is of another "
                "injection: export as ANDI/AIA.",
            ),
        ],
    )
    def test_a_report_that_is_not_of_the_trace(
        self, tmp_path: Path, trace: dict[str, str | float], text: str
    ) -> None:
        given = {"scale": 1.0, "unit": "25 uV", "interval_ms": 2000} | trace
        channel = channel_181(PEAK, **given)  # type: ignore[arg-type]
        folder = folder_of(tmp_path / "1.D", report_files() | {"ADC1A.ch": channel})
        assert message(folder) == f"1.D, ADC1A.ch: {text}"

    def test_without_channels(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "1.D", {"x.txt": b"x"})
        assert message(folder, format="chemstation") == (
            f"1.D: found no .ch file; expected the channels of an injection. {AGAIN}"
        )


def test_a_folder_as_an_export_of_a_run(tmp_path: Path) -> None:
    files = report_files() | {
        "ADC1A.ch": channel_181(PEAK, scale=1.0, interval_ms=2000, unit="25 uV"),
        "adc2b.ch": channel_181(),
    }
    folder = folder_of(tmp_path / "1.D", files)
    injections = pd.DataFrame(
        {"injection_id": ["r1_001"], "run": ["r1"], "injection_file": ["1.D"]}
    )
    run = ingest_run(injections, tmp_path, {"format": "auto"}, "demo")
    assert run.traces["channel"].tolist() == ["ADC1A", "adc2b"]
    assert run.manifest["file"].tolist() == ["1.D", "1.D"]
    assert run.manifest["sha256"].tolist() == [sha256_path(folder)] * 2
    assert run.manifest["size_bytes"].tolist() == [sum(map(len, files.values()))] * 2
    assert run.vendor_peaks["area"].tolist() == [60.5]


class TestReport:
    def test_alone(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "rep", report_files())
        export = read_export(folder)
        assert (export.format, export.chromatograms) == ("agilent_report", ())
        [report] = export.reports
        assert (report.channel, report.unit, report.vial) == ("ADC1A", "25 uV", "7")
        assert (report.sample_name, report.method) == ("S1", "MONO.M")
        assert report.injected_at == "2023-07-24T21:37:10"
        assert report.vendor_peaks == (VendorPeak(0.0667, area=60.5, height=55, code="BB"),)
        assert message(folder) == (
            "rep: found the vendor's results of 1 injection and no trace; expected a "
            "chromatogram. Export it again with its chromatograms."
        )

    @pytest.mark.parametrize(
        ("options", "unit", "area"),
        [
            ({"area": "mAU*s"}, "mAU", 60.5),
            ({"area": "mAU*min"}, "mAU", 3630.0),
            ({"units": "[nA*s]"}, "nA", 60.5),
            ({"units": "[area]"}, "", 60.5),
            ({"changes": {"Report.TXT": None}}, "", 60.5),
        ],
    )
    def test_areas_are_unit_times_s(
        self, tmp_path: Path, options: dict[str, str], unit: str, area: float
    ) -> None:
        folder = folder_of(tmp_path / "rep", report_files(**options))  # type: ignore[arg-type]
        [report] = read_export(folder).reports
        assert (report.unit, report.vendor_peaks[0].area) == (unit, area)

    def test_a_signal_without_a_file_has_no_report(self, tmp_path: Path) -> None:
        files = report_files(changes={"REPORT01.CSV": None})
        with pytest.raises(BadExport, match="found no chromatogram"):
            read_export(folder_of(tmp_path / "rep", files))

    @pytest.mark.parametrize(
        ("peaks", "text"),
        [
            (
                '1,0,0667,"BB",0,1,60,5,55,100\r\n',
                "REPORT01.CSV, line 1: found 10 values; expected 7, one for each column of "
                "Report00.CSV. Export the report again, with a decimal point.",
            ),
            (
                '1,0.0667,"BB",0.1,x,55,100\r\n',
                "REPORT01.CSV, line 1: found 'x'; expected a number with a decimal dot and no "
                f"thousands mark. {AGAIN}",
            ),
            (
                '1,,"BB",0.1,60.5,55,100\r\n',
                "REPORT01.CSV, line 1: found no retention time; expected one in min. " + AGAIN,
            ),
            (
                '1,0.0667,"BB"x,0.1,60.5,55,100\r\n',
                "REPORT01.CSV, line 1: found text that is no CSV (',' expected after '\"'); "
                f"expected CSV. {AGAIN}",
            ),
        ],
    )
    def test_damage(self, tmp_path: Path, peaks: str, text: str) -> None:
        folder = folder_of(tmp_path / "rep", report_files(peaks))
        with pytest.raises(BadExport) as error:
            read_export(folder)
        assert str(error.value) == f"{folder}, {text}"

    def test_a_header_that_contradicts_itself(self, tmp_path: Path) -> None:
        text = '\ufeff"Number of Columns",2,""\r\n"Column 1","Retention Time","min"\r\n'
        files = report_files(changes={"Report00.CSV": text.encode("utf-16-le")})
        with pytest.raises(BadExport) as error:
            read_export(folder_of(tmp_path / "rep", files))
        assert str(error.value).endswith(
            "rep, Report00.CSV: found 'Number of Columns' of '2' and 1 of them; expected as many "
            f"as it says. {AGAIN}"
        )

    @pytest.mark.parametrize("name", ["Report00.CSV", "REPORT01.CSV"])
    def test_one_file_of_it(self, tmp_path: Path, name: str) -> None:
        folder_of(tmp_path / "rep", report_files())
        assert message(tmp_path / "rep" / name) == (
            f"{name}, byte 0: found one file of a report; expected the folder that holds "
            "Report00.CSV, REPORT01.CSV, …. Name the folder instead of the file."
        )


def channel_179(values: list[float]) -> bytes:
    header = bytearray(channel_181((1, 2), version=b"\x03179"))[:0x1800]
    struct.pack_into(">ff", header, 0x11A, 0.0, 500.0 * (len(values) - 1))
    return bytes(header) + struct.pack(f"<{len(values)}d", *values)


def channel_130(counts: list[int]) -> bytes:
    header = bytearray(channel_181((1, 2), version=b"\x03130"))[:0x1800]
    struct.pack_into(">ii", header, 0x11A, 0, 500 * (len(counts) - 1))
    steps = b"".join(struct.pack(">hi", -0x8000, count) for count in counts)
    return bytes(header) + bytes([0x10, len(counts)]) + steps + b"\x00\x00"


def masslynx(values: list[float]) -> dict[str, bytes]:
    """A MassLynx folder with one analog channel, a point every 0.5 s."""
    pairs = [number for i, value in enumerate(values) for number in (i / 120, value)]
    return {
        "_HEADER.TXT": b"$$ Version: 01.00\r\n$$ Acquired Date: 24-Jul-2023\r\n"
        b"$$ Acquired Time: 21:37:10\r\n$$ Bottle Number: 2:A,4\r\n$$ Sample Description: S1\r\n",
        "_CHROMS.INF": bytes(0x84) + b"(1)ECD 1,0,0,0,0,nA".ljust(0x55, b"\x00"),
        "_CHRO001.DAT": bytes(0x80) + struct.pack(f"<{len(pairs)}f", *pairs),
    }


class TestWithoutRainbow:
    @pytest.fixture(autouse=True)
    def hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "rainbow", None)

    def test_the_message_says_how_to_install_it(self, tmp_path: Path) -> None:
        need = (
            "found a binary format; expected the optional package rainbow-api to read it. "
            f"{INSTALL}"
        )
        (tmp_path / "x.ch").write_bytes(channel_179([1.0, 2.0]))
        assert message(tmp_path / "x.ch") == f"x.ch: {need}"
        assert "pip install 'dialysis[vendor]'" in INSTALL
        folder = folder_of(tmp_path / "1.D", {"FID1A.ch": channel_130([1, 2])})
        assert message(folder) == f"1.D, FID1A.ch: {need}"
        assert message(folder_of(tmp_path / "1.raw", masslynx([1, 2]))) == f"1.raw: {need}"

    def test_version_181_does_not_need_it(self, tmp_path: Path) -> None:
        (tmp_path / "x.ch").write_bytes(channel_181())
        assert read(tmp_path / "x.ch")[0].n_points == 8


@with_rainbow
class TestWithRainbow:
    @pytest.mark.parametrize(
        ("content", "signal"),
        [
            (channel_179([1.5, -2.0, 1e6, 3.0]), [0.75, -1.0, 5e5, 1.5]),
            (channel_130([3, -4, 2**30, 7]), [1.5, -2.0, 2.0**29, 3.5]),
        ],
        ids=["179", "130"],
    )
    def test_other_versions(self, tmp_path: Path, content: bytes, signal: list[float]) -> None:
        (tmp_path / "ADC1A.ch").write_bytes(content)
        [trace] = read(tmp_path / "ADC1A.ch")
        np.testing.assert_array_equal(trace.signal, signal)
        assert (trace.start_s, trace.interval_s, trace.time_s) == (0.0, 0.5, None)
        assert (trace.unit, trace.channel, trace.sample_name) == ("nA", "ADC1A", "S1")
        assert trace.injected_at == "2023-07-24T21:37:10"

    def test_a_version_it_does_not_know(self, tmp_path: Path) -> None:
        (tmp_path / "x.ch").write_bytes(b"\x0281" + bytes(8000))
        assert message(tmp_path / "x.ch") == (
            "x.ch, channel.ch: found a file of a kind that rainbow-api does not know; expected one "
            "that it knows. Export as ANDI/AIA or text."
        )

    # rainbow-api leaves files open that it can't read.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_damage_is_no_other_exception(self, tmp_path: Path) -> None:
        for content in (channel_179([1.0, 2.0]), channel_130([1, 2, 3])):
            for length in range(4, len(content), 97):
                (tmp_path / "x.ch").write_bytes(content[:length])
                with pytest.raises(ExportFormatError):
                    read(tmp_path / "x.ch")

    def test_waters(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "1.raw", masslynx([1.0, 2.5, -1.0, 0.0]))
        [trace] = read(folder)
        assert (trace.format, trace.channel, trace.unit) == ("waters_raw", "ECD 1", "nA")
        np.testing.assert_array_equal(trace.signal, [1.0, 2.5, -1.0, 0.0])
        assert (trace.start_s, trace.interval_s, trace.time_s) == (0.0, 0.5, None)
        assert (trace.vial, trace.sample_name) == ("2:A,4", "S1")
        assert trace.injected_at == "2023-07-24T21:37:10"
        assert trace.header == {"Version": "01.00"}

    def test_waters_without_channels(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "1.raw", {"_HEADER.TXT": b""})
        assert message(folder) == (
            "1.raw: found no analog channel (_CHRO001.DAT, …); expected at least one. Export the "
            "detector's channel as ANDI/AIA or text."
        )

    def test_waters_file(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"x")
        assert message(tmp_path / "x", format="waters_raw") == (
            "x: found a file; expected a .raw folder. Name the folder instead of the file."
        )

    def test_version_181_is_misread_by_it(self) -> None:
        """What the reader of our own is for; when this fails, it may be given up."""
        import rainbow

        from dialysis.ingest.rainbow_files import read_bytes_with_rainbow, trace_of

        data = read_bytes_with_rainbow(rainbow.agilent.chemstation.parse_ch, channel_181(), "x.ch")
        with pytest.raises(BadExport, match="times for 9 values, as rainbow-api reads it"):
            trace_of(data, "x.ch")


def test_a_long_row_of_brackets_takes_no_time(tmp_path: Path) -> None:
    printed = ("\ufeffSignal 1: ADC1 A, ECD\r\n" + "[" * 60_000).encode("utf-16-le")
    folder = folder_of(tmp_path / "rep", report_files(changes={"Report.TXT": printed}))
    started = time.process_time()
    [report] = read_export(folder).reports
    assert report.unit == ""
    assert time.process_time() - started < 2
