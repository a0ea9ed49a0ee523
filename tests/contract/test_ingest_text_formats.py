"""Empower, EZChrom, Clarity, Agilent CSV, WinGPC and two columns, on minimal files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialysis.chromatogram import Chromatogram
from dialysis.errors import ExportFormatError
from dialysis.ingest import READERS, read
from tests.contract._text_files import (
    MINUTES,
    SIGNAL,
    agilent_csv,
    clarity,
    empower,
    ezchrom,
    points,
    two_column,
    wingpc,
)

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def traces(content: bytes, config: dict[str, Any] | None = None, format: str = "auto") -> Any:
    Path("x").write_bytes(content)
    return read("x", format, [reader.configured(config or {}) for reader in READERS])


def trace(content: bytes, config: dict[str, Any] | None = None) -> Chromatogram:
    [only] = traces(content, config)
    assert isinstance(only, Chromatogram)
    return only


def message(content: bytes, config: dict[str, Any] | None = None, format: str = "auto") -> str:
    with pytest.raises(ExportFormatError) as error:
        traces(content, config, format)
    return str(error.value)


def assert_points(got: Chromatogram) -> None:
    np.testing.assert_array_equal(got.signal, SIGNAL)
    assert (got.start_s, got.interval_s, got.time_s) == (0.0, 4.0, None)


class TestEmpower:
    @pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
    def test_header_and_points(self, end: str) -> None:
        fields = {
            "SampleName": "S 1",
            "Channel Name": "ECD",
            "Vial": "1:A,3",
            "Date Acquired": "6/28/2019 5:14:13 PM EDT",
            "Instrument Method Name": "MONO",
            "Detector Units": "nA",
            "Injection Volume": "10.00",
            "Dilution": "2",
            "Run Time": "30.0",
            "Empty": "",
        }
        got = trace(empower(fields, end))
        assert_points(got)
        assert (got.channel, got.sample_name, got.vial) == ("ECD", "S 1", "1:A,3")
        assert (got.unit, got.method) == ("nA", "MONO")
        assert (got.injected_at, got.injected_at_note) == ("2019-06-28T17:14:13", "time zone EDT")
        assert (got.injection_uL, got.dilution) == (10.0, 2.0)
        assert got.header == {"Run Time": "30.0"}

    def test_without_a_header_it_is_known_by_its_line_ends(self) -> None:
        got = trace(empower({}))
        assert_points(got)
        assert (got.format, got.channel, got.unit) == ("empower", "", "")

    def test_a_decimal_comma(self) -> None:
        assert_points(trace(empower({}, body=points(end="\r", decimal=","))))

    def test_two_readings(self) -> None:
        body = "".join(f"{i}\t{i},125\r" for i in range(1, 9))
        assert message(empower({}, body=body)) == (
            "x, line 1: found '1,125', which is 1125 with a decimal dot and comma thousands or "
            "1.125 with a decimal comma and no thousands mark: all numbers of the file fit both; "
            "expected numbers that fit one reading. Set ingest.decimal in study.yaml to '.' or ','."
        )
        got = trace(empower({}, body=body), {"decimal": ","})
        np.testing.assert_array_equal(got.signal, np.arange(1, 9) + 0.125)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (empower()[:-1], "line 42: found the end of the file inside the last point; expected a "
             "line end after it."),
            (empower().replace(b'"S1"\t', b""), "line 2: found 1 values; expected 2, one for each "
             "name of line 1."),
            (empower().replace(b'"S1"', b'"S1"x'), "line 2: found '\"S1\"x\\t\"ECD 1\"'; expected "
             "quoted cells with TABs between them."),
            (empower().replace(b"\t-1.15\r", b"\tx\r"), "line 4: found 'x'; expected a signal, as "
             "a number with a decimal dot and no thousands mark."),
            (empower(body="0\t1\r1\t2\r1\t3\r"), "line 5: found time 1 min after 1 min; expected "
             "times that increase from point to point."),
            (empower(body="0\t1\r1\t2\t3\r"), "line 4: found '1\\t2\\t3'; expected a time in min "
             "and a signal."),
            (empower(body="0\t1\r"), "line 3: found 1 point; expected at least 2 points."),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        assert message(content, format="empower") == f"x, {text} {AGAIN}"


class TestEzChrom:
    @pytest.mark.parametrize(("separator", "end"), [("\t", "\r\n"), (",", "\n")])
    def test_stacked_channels(self, separator: str, end: str) -> None:
        first, second = traces(ezchrom(separator=separator, end=end))
        np.testing.assert_array_equal(first.signal, np.array([10, 3000, 20, 7]) * 0.000130208)
        np.testing.assert_array_equal(second.signal, np.array([5, 6]) * 0.000130208)
        for got in (first, second):
            assert (got.start_s, got.interval_s, got.time_s) == (0.0, 0.1, None)
            assert (got.sample_name, got.method) == ("S1", "monoamines.met")
            assert got.injected_at == "2023-06-29T16:07:41"
            assert got.header["User Name"] == "System"
        assert (first.channel, first.unit) == ("Channel 1", "pA")
        assert (second.channel, second.unit) == ("Channel 2", "25 µV")

    def test_utf_8_and_seconds(self) -> None:
        changes = {"X Axis Title": "Seconds\tSeconds", "X Axis Multiplier": "1\t1.000"}
        assert [t.unit for t in traces(ezchrom(encoding="utf-8", changes=changes))] == [
            "pA",
            "25 µV",
        ]

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (ezchrom()[:-1].rstrip(), "line 19: found the end of the file inside the last point; "
             "expected a line end after it."),
            (ezchrom(changes={"Total Data Points": "4\t3\tPts."}), "line 20: found 6 points; "
             "expected 7, as 'Total Data Points' says."),
            (ezchrom(changes={"Total Data Points": "4\t2.5\tPts."}), "line 9: found '2.5' as "
             "'Total Data Points'; expected a whole number."),
            (ezchrom(changes={"Y Axis Title": "pA"}), "line 11: found 1 values of 'Y Axis Title'; "
             "expected 2, one for each channel of 'Total Data Points'."),
            (ezchrom(changes={"Y Axis Multiplier": "1\t0"}), "line 13: found '0' as 'Y Axis "
             "Multiplier'; expected a number above 0."),
            (ezchrom(changes={"Sampling Rate": "600\t600\t1/min"}), "line 8: found '1/min' behind "
             "'Sampling Rate'; expected 'Hz'."),
            (ezchrom(changes={"X Axis Title": ""}), "line 1: found no 'X Axis Title'; expected 'X "
             "Axis Title'."),
            (ezchrom().replace(b"3000", b"3OOO"), "line 15: found '3OOO'; expected a count, as a "
             "number with a decimal dot and no thousands mark."),
            (ezchrom(((1,), (2, 3))), "Channel 1: found 1 point; expected at least 2 points."),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        assert message(content, format="ezchrom") == f"x, {text} {AGAIN}"

    def test_a_time_axis_that_contradicts_itself(self) -> None:
        assert message(ezchrom(changes={"X Axis Multiplier": "0.016667\t0.01"})) == (
            "x, line 12: found a time axis in 'Minutes' with the multiplier 0.01; expected Minutes "
            "with 0.016667 or Seconds with 1. Export again with the time axis in minutes."
        )


class TestClarity:
    def test_header_and_points(self) -> None:
        got = trace(clarity())
        assert_points(got)
        assert (got.channel, got.unit, got.sample_name) == ("ECD", "mV", "S1")
        assert got.injected_at == "2023-06-29T16:07:41"
        assert got.header == {"Analyst": "N.N.", "Sample ID": "7"}

    def test_seconds(self) -> None:
        body = points([str(4 * i) for i in range(40)], end="\r\n")
        assert_points(trace(clarity(units="[s]\t[nA]", body=body)))

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (clarity(units="[h]\t[mV]"), "line 8: found a time in 'h'; expected Min. or Sec."),
            (clarity(rate="10 per sec."), "line 9: found points 4 s apart; expected 0.1 s, as the "
             "rate of 10 per sec. says."),
            (clarity(units="Min.\tmV"), "line 49: found the end of the file and no line of "
             "units; expected a line like "
             "'[Min.]<TAB>[mV]' above the points."),
            (clarity()[:-1].rstrip(), "line 48: found the end of the file inside the last point; "
             "expected a line end after it."),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        found = message(content, format="clarity")
        assert found.replace("x: ", "x, ").replace("Sec..", "Sec.") == f"x, {text} {AGAIN}"


class TestAgilentCsv:
    @pytest.mark.parametrize("separator", ["\t", ",", ";"])
    def test_points(self, separator: str) -> None:
        got = trace(agilent_csv(points(separator=separator, end="\r\n")))
        assert_points(got)
        assert (got.unit, got.channel, got.injected_at) == ("", "", "")

    def test_big_endian(self) -> None:
        assert_points(trace(("\ufeff" + points()).encode("utf-16-be")))

    def test_a_decimal_comma(self) -> None:
        assert_points(trace(agilent_csv(points(decimal=","))))

    def test_wavelengths(self) -> None:
        text = "\t200\t254.5\r\n" + points(MINUTES, SIGNAL, SIGNAL[::-1], end="\r\n")
        first, second = traces(agilent_csv(text))
        assert (first.channel, second.channel) == ("200 nm", "254.5 nm")
        np.testing.assert_array_equal(second.signal, SIGNAL[::-1])

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (agilent_csv()[:-1], "byte 1098: found bytes that are not UTF-16-LE; expected one "
             "encoding."),
            (agilent_csv()[:-4], "line 40: found the end of the file inside the last point; "
             "expected a line end after it."),
            (b"0\t1\n", "byte 0: found the bytes 30 09; expected UTF-16 text with a byte order "
             "mark."),
            (agilent_csv("0 1\r\n"), "line 1: found '0 1'; expected a time and a signal with a "
             "TAB, a semicolon or a comma between them."),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        assert message(content, format="agilent_csv") == f"x, {text} {AGAIN}"


class TestWinGpc:
    def test_detectors(self) -> None:
        first, second = traces(wingpc())
        assert_points(first)
        np.testing.assert_array_equal(second.signal, 2 * np.array(SIGNAL))
        assert (first.channel, second.channel, first.unit) == ("ECD 1", "ECD 2", "")
        assert (first.vial, first.injection_uL, first.method) == ("32", 10.0, "20160908.MET")
        assert first.header == {"Column 1": "PSS 5µm"}

    @pytest.mark.parametrize(
        ("date", "config", "iso", "note"),
        [
            # 4 November 2022 was a Friday, 11 April a Monday.
            ("Friday  11-04-22  13:12:42", {}, "2022-11-04T13:12:42", ""),
            ("Monday  11-04-22  13:12:42", {}, "2022-04-11T13:12:42", ""),
            ("Montag  11-04-22  13:12:42", {}, "2022-04-11T13:12:42",
             "day/month order assumed: day before month (nothing in the file decides it); "),
            ("Montag  11-04-22  13:12:42", {"date_order": "mdy"}, "2022-11-04T13:12:42", ""),
        ],
    )  # fmt: skip
    def test_the_day_of_the_week_decides(
        self, date: str, config: dict[str, str], iso: str, note: str
    ) -> None:
        got = traces(wingpc(date=date), config)[0]
        assert got.injected_at == iso
        assert got.injected_at_note == f"{note}two-digit year read as 20yy"

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (wingpc(stop=""), "line 56: found the end of the file; expected 'RAWstop :'."),
            (wingpc(names="Time\tECD"), "line 11: found the names 'Time\\tECD'; expected Time, one "
             "name for each detector, Time."),
            (wingpc(interval=" 1.000\ts"), "line 13: found points 4 s apart; expected 1 s, as "
             "'Data Interval' says."),
            (wingpc().replace(b"-1.15", b"-1x15"), "line 14: found '-1x15000E+00'; expected a "
             "signal, as a number with a decimal dot and no thousands mark."),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        assert message(content) == f"x, {text} {AGAIN}"

    def test_results_alone(self) -> None:
        assert message(wingpc().replace(b"RAWstart", b"RAW")) == (
            "x, line 56: found the end of the file and no 'RAWstart :'; expected raw data. Export "
            "again with the raw data ticked."
        )


class TestTwoColumns:
    @pytest.mark.parametrize("last", ["EOT\n", "EOT", "", "\n\n"])
    @pytest.mark.parametrize(
        ("separator", "decimal"),
        [(" ", "."), ("   ", "."), ("\t", "."), (",", "."), (", ", "."), (";", "."), (" ", ","),
         ("\t", ","), (";", ",")],
    )  # fmt: skip
    def test_what_may_stand_between_them(self, separator: str, decimal: str, last: str) -> None:
        got = trace(two_column(separator, decimal, last))
        assert_points(got)
        assert (got.format, got.unit, got.channel) == ("two_column", "", "")

    def test_seconds(self) -> None:
        assert_points(trace(points([str(4 * i) for i in range(40)]).encode()))

    def test_minutes_or_seconds(self) -> None:
        text = points([str(i / 16) for i in range(3000)], list(range(3000)), separator=" ")
        assert message(text.encode()) == (
            "x, points 1 to 3000: found times from 0 to 187.438 without a unit: 187.4 min with a "
            "point every 3.75 s (read as min) or 3.124 min with a point every 0.0625 s (read as "
            "s); expected a run of which only one reading makes sense. Set ingest.time_unit in "
            "study.yaml to min or s."
        )
        assert trace(text.encode(), {"time_unit": "s"}).interval_s == 0.0625
        assert trace(text.encode(), {"time_unit": "min"}).interval_s == 3.75

    def test_uneven_times_are_kept(self) -> None:
        times = [i + (0.5 if i == 7 else 0) for i in range(200)]
        got = trace(points([str(t) for t in times], list(range(200)), separator=" ").encode())
        assert not got.uniform
        np.testing.assert_array_equal(got.times_s, times)
        assert got.interval_s == 1.0

    def test_two_numbers_or_one(self) -> None:
        assert message(b"1,5\n2,7\n3,9\n", format="two_column") == (
            "x, line 1: found '1,5', which is the two numbers 1 and 5 or the one number 1.5; "
            "expected two numbers that can't be read as one. Set ingest.format to delimited and "
            "declare the layout in ingest.delimited of study.yaml."
        )

    def test_thousands_or_decimals(self) -> None:
        text = "".join(f"{60 + i}\t{i},125\n" for i in range(1, 300))
        assert "which is 1125 with a decimal dot and comma thousands or 1.125 with" in message(
            text.encode()
        )

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (two_column(last="")[:-1], "line 40: found the end of the file inside the last point; "
             "expected a line end after it."),
            (two_column().replace(b" -1.15", b" x"), "line 2: found '0.06666667 x'; expected two "
             "numbers."),
            (two_column().replace(b"50.75", b"x"), "line 21: found 'x'; expected a signal, as a "
             "number with a decimal dot and no thousands mark."),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        assert message(content, format="two_column") == f"x, {text} {AGAIN}"


SECONDS = tuple(f"{0.5 * i:g}" for i in range(400))


@pytest.mark.parametrize(
    "content",
    [
        points(SECONDS, [1.0 * i for i in range(400)], end="\r").encode(),
        ("\ufeff" + points(SECONDS, [1.0 * i for i in range(400)])).encode("utf-16-le"),
    ],
)
def test_seconds_are_not_read_as_minutes_of_a_format_that_has_those(content: bytes) -> None:
    """Two columns that were saved with other line ends, or in another encoding."""
    assert message(content) == (
        "x, points 1 to 400: found times from 0 to 199.5 without a unit: 199.5 min with a point "
        "every 30 s (read as min) or 3.325 min with a point every 0.5 s (read as s); expected "
        "times in min, which this format has. Set ingest.time_unit in study.yaml to min or s."
    )
    [trace] = traces(content, {"time_unit": "s"})
    assert (trace.start_s, trace.interval_s, trace.time_s) == (0.0, 0.5, None)


def test_a_key_of_channels_twice() -> None:
    content = ezchrom(changes={"Version": "3\r\nSampling Rate:\t5\t5\tHz"})
    assert message(content) == (
        "x, line 9: found '10.000000, 10.000000, Hz' as 'Sampling Rate'; expected '5, 5, Hz', as "
        f"line 2 has it. {AGAIN}"
    )


@pytest.mark.parametrize("mark", ["RAWstart :", "RAWstop :"])
def test_a_second_mark_of_raw_data(mark: str) -> None:
    text = wingpc().decode("latin-1").replace("\r\n 2.00000E-01", f"\r\n{mark}\r\n 2.00000E-01")
    assert message(text.encode("latin-1")).startswith("x, line ")
    assert f"found a second '{mark}'; expected one." in message(text.encode("latin-1"))
