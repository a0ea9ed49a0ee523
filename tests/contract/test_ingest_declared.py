"""Delimited text and Excel sheets whose layout the study declares."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialysis.errors import ExportFormatError
from dialysis.ingest import READERS, read
from dialysis.study.config import default_section
from tests.contract._text_files import MINUTES, SIGNAL, points, xlsx

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."
SAVE = "Save the workbook again as .xlsx, or as CSV."
MEND = "Mend ingest.delimited of study.yaml."
ONE = [{"column": 2}]


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def traces(content: bytes, layout: dict[str, Any], format: str = "delimited", **more: Any) -> Any:
    Path("x").write_bytes(content)
    config = default_section("ingest") | {"time_unit": "min", "delimited": layout} | more
    return read("x", format, [reader.configured(config) for reader in READERS])


def message(content: bytes, layout: dict[str, Any], format: str = "delimited", **more: Any) -> str:
    with pytest.raises(ExportFormatError) as error:
        traces(content, layout, format, **more)
    return str(error.value)


def test_the_config_section_as_it_comes_from_the_schema() -> None:
    layout = default_section("ingest")["delimited"] | {"signals": ONE}
    [trace] = traces(points().encode(), layout)
    np.testing.assert_array_equal(trace.signal, SIGNAL)


class TestDelimited:
    @pytest.mark.parametrize(
        ("name", "separator"),
        [("tab", "\t"), ("comma", ","), ("semicolon", ";"), ("blank", "  ")],
    )
    def test_delimiters(self, name: str, separator: str) -> None:
        text = points(MINUTES, SIGNAL, SIGNAL[::-1], separator=separator)
        layout = {
            "delimiter": name,
            "signals": [{"column": 3, "channel": "E2", "unit": "nA"}, {"column": 2}],
        }
        second, first = traces(text.encode(), layout)
        np.testing.assert_array_equal(first.signal, SIGNAL)
        np.testing.assert_array_equal(second.signal, SIGNAL[::-1])
        assert (first.start_s, first.interval_s, first.time_s) == (0.0, 4.0, None)
        assert (second.channel, second.unit) == ("E2", "nA")
        assert (first.channel, first.unit) == ("column 2", "")

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_columns_by_name(self, encoding: str) -> None:
        body = points(list(map(str, SIGNAL)), range(40), SIGNAL, separator=";")
        text = f"made by N.N.\n\nnA µ;t;nA 2\n{body}"
        layout = {
            "delimiter": "semicolon",
            "header_rows": 3,
            "time_column": "t",
            "signals": [{"column": "nA µ"}],
        }
        [trace] = traces(text.encode(encoding), layout)
        np.testing.assert_array_equal(trace.signal, SIGNAL)
        assert (trace.channel, trace.interval_s) == ("nA µ", 60.0)

    def test_a_declared_encoding(self) -> None:
        text = "時間\t電流\n" + points()
        layout = {"encoding": "cp932", "header_rows": 1, "signals": [{"column": "電流"}]}
        assert traces(text.encode("cp932"), layout)[0].channel == "電流"
        assert message(text.encode("cp932"), layout | {"encoding": "utf-8"}) == (
            f"x, byte 0: found bytes that are not UTF-8; expected one encoding. {AGAIN}"
        )

    def test_without_times(self) -> None:
        text = "".join(f"{value}\n" for value in SIGNAL)
        layout = {"time_column": None, "interval_s": 0.1, "signals": [{"column": 1}]}
        [trace] = traces(text.encode(), layout)
        np.testing.assert_array_equal(trace.signal, SIGNAL)
        assert (trace.start_s, trace.interval_s, trace.time_s) == (0.0, 0.1, None)

    def test_uneven_times(self) -> None:
        [trace] = traces(b"0\t1\n1\t2\n3\t4\n3.5\t4\n", {"signals": ONE}, time_unit="s")
        np.testing.assert_array_equal(trace.times_s, [0, 1, 3, 3.5])

    @pytest.mark.parametrize(
        ("thousands", "more"),
        [("", {}), (".", {}), (".", {"decimal": ",", "thousands": "."}), ("", {"decimal": ","})],
    )
    def test_decimal_comma_and_thousands(self, thousands: str, more: dict[str, str]) -> None:
        values = [1234.5, 999999.25, 0.125]
        cells = [f"{v:,.3f}".replace(",", "#").replace(".", ",").replace("#", thousands)
                 for v in values]  # fmt: skip
        text = "".join(f"{i};{cell}\n" for i, cell in enumerate(cells))
        [trace] = traces(text.encode(), {"delimiter": "semicolon", "signals": ONE}, **more)
        np.testing.assert_array_equal(trace.signal, values)

    def test_quotes(self) -> None:
        text = "".join(f'"{t.replace(".", ",")}","{i},5"\n' for i, t in enumerate(MINUTES))
        [trace] = traces(text.encode(), {"delimiter": "comma", "signals": ONE})
        np.testing.assert_array_equal(trace.signal, np.arange(40) + 0.5)
        assert message(b'"0","1\n1,2\n', {"delimiter": "comma", "signals": ONE}) == (
            f'x, line 1: found \'"0","1\'; expected cells in pairs of quotes. {AGAIN}'
        )

    def test_other_columns_may_hold_anything(self) -> None:
        text = "".join(f"{t}\t1.4.2024\tx,y\t{y}\n" for t, y in zip(MINUTES, SIGNAL, strict=True))
        [trace] = traces(text.encode(), {"signals": [{"column": 4}]})
        np.testing.assert_array_equal(trace.signal, SIGNAL)


class TestTwoReadings:
    def test_a_comma_as_decimal_mark_and_delimiter(self) -> None:
        text = b"0,5,1,25\n1,0,1,5\n1,5,2,0\n"
        layout = {"delimiter": "comma", "signals": ONE}
        assert message(text, layout) == (
            "x, line 1: found '0,5,1,25', which is 4 whole numbers or fewer with decimal commas; "
            "expected a decimal mark that is not the delimiter. Set ingest.decimal to '.' in "
            "study.yaml when the commas stand between numbers, or export with another delimiter."
        )
        assert message(text, layout, decimal=",") == (
            "x, line 1: found '0,5,1,25', declared with a comma as decimal mark and as delimiter; "
            "expected one of the two, or numbers in quotes. Mend ingest.decimal or "
            "ingest.delimited.delimiter in study.yaml."
        )
        whole = b"0,5,1,25\n1,0,1,5\n2,5,2,0\n"
        [trace] = traces(whole, layout, decimal=".")
        np.testing.assert_array_equal(trace.signal, [5, 0, 5])

    def test_thousands_or_decimals(self) -> None:
        text = "".join(f"{t};{100 + i},125\n" for i, t in enumerate(range(40))).encode()
        layout = {"delimiter": "semicolon", "signals": ONE}
        assert message(text, layout) == (
            "x, line 1: found '100,125', which is 100125 with a decimal dot and comma thousands or "
            "100.125 with a decimal comma and no thousands mark: all numbers of the file fit both; "
            "expected numbers that fit one reading. Set ingest.decimal in study.yaml to '.' or ','."
        )
        assert traces(text, layout, decimal=",")[0].signal[0] == 100.125
        assert traces(text, layout, thousands=",")[0].signal[0] == 100125


@pytest.mark.parametrize(
    ("content", "layout", "text"),
    [
        (points().encode(), {}, ", ingest.delimited: found no declared layout; "
         "expected ingest.delimited.signals "
         "with at least one column. Declare where the times and signals are in ingest.delimited of "
         "study.yaml."),
        (points().encode(), {"signals": ONE, "interval_s": 1.0}, ", ingest.delimited: "
         "found both a time_column and "
         "an interval_s; expected one of them. Set interval_s, and time_column to null, "
         "only where the file has no times."),
        (points().encode(), {"signals": ONE, "time_column": None}, ", ingest.delimited: "
         "found neither a time_column "
         "nor an interval_s; expected one of them. Set interval_s, and time_column to "
         "null, only where the file has no times."),
        (points().encode(), {"signals": [{"column": 3}]}, ", the first point: found 2 columns; "
         "expected column 3, as ingest.delimited declares. Mend the columns or the delimiter in "
         "ingest.delimited of study.yaml."),
        (points().encode(), {"signals": [{"column": 1}]}, ", ingest.delimited: found one "
         "column declared twice; "
         f"expected a column for each. {MEND}"),
        (("t\tnA\n" + points()).encode(), {"header_rows": 1, "signals": [{"column": "mV"}]},
         ", the last header row: found 't', 'nA'; expected the column 'mV' once. Mend the columns "
         "or header_rows in ingest.delimited of study.yaml."),
        (points().encode(), {"signals": [{"column": "mV"}]}, ", the last header row: found no "
         "names; expected the column 'mV' once. Mend the columns or header_rows in "
         "ingest.delimited of study.yaml."),
        (b"a\n", {"header_rows": 3, "signals": ONE}, ", line 2: found the end of the file; "
         f"expected points below 3 header rows. {AGAIN}"),
        (b"a\n\n", {"header_rows": 1, "signals": ONE}, ", line 2: found no points; expected points "
         f"below the header rows. {AGAIN}"),
        (points().encode()[:-1], {"signals": ONE}, ", line 40: found the end of the file inside "
         f"the last point; expected a line end after it. {AGAIN}"),
        (("t\tnA\n" + points()).encode(), {"signals": ONE}, ", line 1: found 't'; expected a time, "
         f"as a number with a decimal dot and no thousands mark. {AGAIN}"),
        (b"0\t1\n1\t2\t3\n", {"signals": ONE}, ", line 2: found '1\\t2\\t3'; expected a time and a "
         f"signal. {AGAIN}"),
        (b"0\t1\n0\t2\n", {"signals": ONE}, ", line 2: found time 0 after 0; "
         f"expected times that increase from point to point. {AGAIN}"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_layout(content: bytes, layout: dict[str, Any], text: str) -> None:
    assert message(content, layout) == f"x{text}"


LAYOUT = {"header_rows": 1, "signals": [{"column": 2, "unit": "nA"}]}


def cut(content: bytes, name: str) -> bytes:
    """The workbook with half of the bytes of a part zeroed."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        info = archive.getinfo(name)
    at = info.header_offset + 30 + len(name)
    return content[: at + 20] + b"\x00" * 20 + content[at + 40 :]


class TestExcel:
    def test_numbers(self) -> None:
        [trace] = traces(xlsx(), LAYOUT, "excel")
        np.testing.assert_array_equal(trace.signal, SIGNAL)
        assert (trace.start_s, trace.interval_s, trace.time_s) == (0.0, 4.0, None)
        assert (trace.channel, trace.unit, trace.format) == ("nA", "nA", "excel")

    def test_it_is_recognised(self) -> None:
        assert traces(xlsx(), LAYOUT, "auto")[0].format == "excel"

    def test_texts_that_are_numbers_and_gaps(self) -> None:
        rows = [["t", "", "y"], [], ["0", None, "0,5"], ["0,5", "?", "1.000,25"], [1, None, 2.5]]
        layout = {"header_rows": 2, "signals": [{"column": 3}]}
        [trace] = traces(xlsx(rows), layout, "excel")
        np.testing.assert_array_equal(trace.signal, [0.5, 1000.25, 2.5])

    def test_another_sheet_and_inline_texts(self) -> None:
        other = (
            '<worksheet><sheetData><row><c t="inlineStr"><is><t>0</t></is></c><c><v>1</v></c></row>'
            '<row><c t="str"><v>1</v></c><c><v>2.5E0</v></c></row></sheetData></worksheet>'
        )
        content = xlsx(changes={"xl/other.xml": other})
        [trace] = traces(content, {"sheet": "other", "signals": ONE}, "excel")
        np.testing.assert_array_equal(trace.signal, [1, 2.5])
        assert message(content, {"sheet": "none", "signals": ONE}, "excel") == (
            "x, xl/workbook.xml: found the sheets 'ECD', 'other'; expected the sheet 'none'. Mend "
            "ingest.delimited.sheet in study.yaml."
        )

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (xlsx([["t", "y"], [0.0, 1.0], [1.0, None]]), ", row 3, column 2: found nothing; "
             f"expected a number. {MEND.replace('.yaml.', '.yaml or the sheet.')}"),
            (xlsx([["t", "y"], [0.0, 1.0], [1.0, "#N/A"]]), ", row 3, column 2: found '#N/A'; "
             f"expected a number. {MEND.replace('.yaml.', '.yaml or the sheet.')}"),
            (xlsx([["t", "y"]]), ", row 2: found no points; expected points below 1 header rows. "
             f"{AGAIN}"),
            (xlsx([["t", "y"], [1.0, 1.0], [1.0, 2.0]]), ", row 3: found time 1 "
             f"after 1; expected times that increase from point to point. {AGAIN}"),
            (xlsx(changes={"xl/workbook.xml": None}), ", the archive: found no "
             "xl/workbook.xml in the workbook; "
             f"expected it. {SAVE}"),
            (xlsx(changes={"xl/workbook.xml": "<a><b></a>"}), ", xl/workbook.xml: found damaged "
             f"XML (mismatched tag: line 1, column 8); expected XML. {SAVE}"),
            (xlsx(changes={"xl/workbook.xml": '<!DOCTYPE x [<!ENTITY y "z">]><a>&y;</a>'}),
             ", xl/workbook.xml: found XML with declarations or zeros; expected plain XML. "
             f"{SAVE}"),
            (xlsx(changes={"xl/worksheets/sheet1.xml": "<a><row r='20001'/></a>"}),
             f", row 1: found row 20001; expected rows in order. {SAVE}"),
            (xlsx(changes={"xl/worksheets/sheet1.xml": "<a><row r='1'><c r='A2'/></row></a>"}),
             f", row 1: found the cell 'A2'; expected cells in order. {SAVE}"),
            (xlsx(changes={"xl/worksheets/sheet1.xml": "<a><row><c t='s'><v>9</v></c></row></a>"}),
             f", row 1, column 1: found the text number '9'; expected one of 2. {SAVE}"),
            (xlsx(changes={"xl/worksheets/sheet1.xml": " " * 20_000_001}),
             ", xl/worksheets/sheet1.xml: found 20000001 bytes; expected at most 20000000. Export "
             "as text instead."),
            (b"PK\x03\x04" + b"x" * 50, ", the archive: found a damaged zip archive "
             "(File is not a zip file); "
             f"expected a workbook. {SAVE}"),
            (b"xy", ", byte 0: found the bytes 78 79; expected an .xlsx workbook, which starts "
             f"with 50 4b 03 04. {SAVE}"),
        ],
    )  # fmt: skip
    def test_damage(self, content: bytes, text: str) -> None:
        assert message(content, LAYOUT, "excel") == f"x{text}"

    def test_a_part_that_can_not_be_unpacked(self) -> None:
        found = message(cut(xlsx(), "xl/worksheets/sheet1.xml"), LAYOUT, "excel")
        assert found.startswith(
            "x, xl/worksheets/sheet1.xml: found a damaged part of the workbook ("
        )
        assert found.endswith(f"); expected a whole one. {SAVE}")
