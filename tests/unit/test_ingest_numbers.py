"""Decimal and thousands marks of a whole file, and columns of numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dialysis.ingest.numbers import NumberFormat, number_format, read_numbers
from dialysis.ingest.options import Marks, ReadOptions
from dialysis.ingest.reader import BadExport

AGAIN = "The file is cut short or altered: export the injection again, or copy it again."
DOT, COMMA = NumberFormat(".", ""), NumberFormat(",", "")
FORMATS = [
    NumberFormat(decimal, thousands)
    for decimal in ".,"
    for thousands in ("", ".", ",", "'", " ")
    if decimal != thousands
]


def refusal(cells: list[str], marks: Marks | None = None, **options: str) -> str:
    with pytest.raises(BadExport) as error:
        number_format(cells, marks, **options)  # type: ignore[arg-type]
    return str(error.value.named("x.txt"))


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        ([], DOT),
        (["1", "2"], DOT),
        (["0.5"], DOT),
        (["0,5"], COMMA),
        # 1,234 alone is either; a number of the same file that can't be grouped decides.
        (["1,234", "0,500"], COMMA),
        (["1,234", "12,34"], COMMA),
        (["1,234", "1234,567"], COMMA),
        (["1,234", ",500"], COMMA),
        (["1,234,567", "1,234"], NumberFormat(".", ",")),
        (["1,234.5"], NumberFormat(".", ",")),
        (["1.234,5"], NumberFormat(",", ".")),
        (["1.234.567,5", "1.234"], NumberFormat(",", ".")),
        (["1'234.5"], NumberFormat(".", "'")),
        (["1’234,5"], NumberFormat(",", "'")),
        (["1 234,5"], NumberFormat(",", " ")),
        (["1\N{NO-BREAK SPACE}234,5"], NumberFormat(",", " ")),
        (["1\N{NARROW NO-BREAK SPACE}234,5"], NumberFormat(",", " ")),
        (["n.a.", "Total.", "1,5"], COMMA),
        (["-0.5", "+1e-3"], DOT),
    ],
)  # fmt: skip
def test_all_numbers_decide_together(cells: list[str], form: NumberFormat) -> None:
    assert number_format(cells) == form
    assert number_format("\n".join(cells).encode()) == form


class TestTwoReadings:
    def test_are_shown_with_the_option_that_settles_it(self) -> None:
        assert refusal(["12", "1,234", "5,678"]) == (
            "x.txt, line 2: found '1,234', which is 1234 with a decimal dot and comma thousands or "
            "1.234 with a decimal comma and no thousands mark: all numbers of the file fit both; "
            "expected numbers that fit one reading. Set ingest.decimal in study.yaml to '.' or ','."
        )

    def test_with_both_marks(self) -> None:
        assert "which is 1234 with a decimal dot and comma thousands or 1.234 with" in refusal(
            ["1,234", "1.234"]
        )

    @pytest.mark.parametrize(
        ("marks", "form"),
        [
            (Marks(decimal=","), COMMA),
            (Marks(decimal="."), NumberFormat(".", ",")),
            (Marks(thousands="none"), COMMA),
            (Marks(thousands=","), NumberFormat(".", ",")),
            (Marks(",", "."), NumberFormat(",", ".")),
        ],
    )
    def test_are_settled_by_what_the_study_declares(self, marks: Marks, form: NumberFormat) -> None:
        assert number_format(["1,234"], marks) == form

    def test_are_settled_by_numbers_elsewhere_in_the_file(self) -> None:
        assert number_format(["1,234"], others=["10,00"]) == COMMA
        assert number_format(["1,234"], others=["10.00"]) == NumberFormat(".", ",")
        assert "fit both" in refusal(["1,234"], others=["10"])  # type: ignore[arg-type]

    def test_a_mark_that_separates_cells_is_none(self) -> None:
        assert number_format(b"1,234\n", separator=",") == DOT


class TestNoReading:
    @pytest.mark.parametrize(
        ("cells", "bad", "form"),
        [
            (["0,5", "1.16,9465"], "1.16,9465", "a decimal comma and dot thousands"),
            (["0.5", "1,16.9465"], "1,16.9465", "a decimal dot and comma thousands"),
            (["0.5", "0,123.5"], "0,123.5", "a decimal dot and comma thousands"),
            (["0.5", "1.234,567"], "1.234,567", "a decimal dot and comma thousands"),
            (["1.234,5", "1234.567,8"], "1234.567,8", "a decimal comma and dot thousands"),
        ],
    )
    def test_wrong_groups_of_thousands(self, cells: list[str], bad: str, form: str) -> None:
        assert refusal(cells) == (
            f"x.txt, line 2: found '{bad}'; expected a number with {form} in groups of three "
            f"digits. {AGAIN}"
        ).replace("line 2", f"line {cells.index(bad) + 1}")

    def test_too_many_marks(self) -> None:
        assert refusal(["1'000.5", "1,000.5"]) == (
            "x.txt, line 1: found numbers with dot and comma and apostrophe as marks; expected one "
            "decimal mark and at most one thousands mark. Set ingest.decimal and ingest.thousands "
            "in study.yaml to what the instrument prints."
        )

    def test_not_what_the_study_declares(self) -> None:
        assert refusal(["1,5"], Marks(".", "none")) == (
            "x.txt, line 1: found numbers with comma as marks; expected ingest.decimal '.' and "
            "ingest.thousands 'none', as the study declares. Mend these options."
        )
        assert "found '1,5'; expected a number with a decimal dot and comma thousands in" in (
            refusal(["1,5"], Marks("."))
        )


class TestOneNumber:
    @pytest.mark.parametrize(
        ("text", "value"),
        [(" 1.169,5 ", 1169.5), ("-1.000", -1000.0), ("1169,5", 1169.5), ("1,", 1.0), (",5", 0.5),
         ("1,5e-3", 1.5e-3), ("+2", 2.0)],
    )  # fmt: skip
    def test_value(self, text: str, value: float) -> None:
        assert NumberFormat(",", ".").number(text) == value

    @pytest.mark.parametrize(
        "text", ["", "n.a.", "1.16,9", "1..000", "0.123", "1,2,3", "1,5.000", "nan", "inf", "1e999",
                 "1_0", "0x1", "1 000", "٣", "1e", "true", "-", ","],
    )  # fmt: skip
    def test_none(self, text: str) -> None:
        assert NumberFormat(",", ".").number(text) is None


class TestColumns:
    def test_long_cells_are_cut_in_messages(self) -> None:
        with pytest.raises(BadExport, match=f"found '{'x' * 60}…'; expected a signal, as a"):
            read_numbers(b"1\n" + b"x" * 10**6, DOT, names=["a signal"])

    def test_wanted_ones_only(self) -> None:
        block = b"0,0\tn.a.\t-0,5\t\n0,5\t1\t1.169,465667\t\n"
        values = read_numbers(
            block, NumberFormat(",", "."), names=["t", "step", "y", ""], columns=[0, 2]
        )
        np.testing.assert_array_equal(values, [[0, -0.5], [0.5, 1169.465667]])

    def test_blanks_between_them(self) -> None:
        values = read_numbers(b" 1  2\n3\t4", DOT, names=["t", "y"], separator=" ")
        np.testing.assert_array_equal(values, [[1, 2], [3, 4]])

    def test_a_carriage_return_is_no_blank(self) -> None:
        with pytest.raises(BadExport, match=re.escape(r"line 2: found '3\r4'; expected t and y")):
            read_numbers(b"1 2\n3\r4\n", DOT, names=["t", "y"], separator=" ")

    def test_none_at_all(self) -> None:
        assert read_numbers(b"", DOT, names=["t", "y"]).shape == (0, 2)

    @pytest.mark.parametrize(
        ("block", "message"),
        [
            (b"1\t2\n3\n", "line 8: found '3'; expected a time and a signal."),
            # The C parser drops surplus cells when only some columns are wanted.
            (b"1\t2\n3\t4\t5\n", r"line 8: found '3\t4\t5'; expected a time and a signal."),
            (b"1\t2\n\n3\t4\n", "line 8: found ''; expected a time and a signal."),
            (b"1\t2\r3\t4\n", r"line 7: found '1\t2\r3\t4'; expected a time and a signal."),
            (b"1\t2\n3\tx\n", "line 8: found 'x'; expected a signal, as a number with a decimal "
             "dot and no thousands mark."),
            # ... and takes these for numbers.
            (b"1\ttrue\n2\ttrue\n", "line 7: found 'true'; expected a signal, as a number with"),
            (b"1\t2\n2\tinf\n", "line 8: found 'inf'; expected a signal, as a number with"),
            (b"1\t2\n2\tnan\n", "line 8: found 'nan'; expected a signal, as a number with"),
            (b"1\t2\n2\t1\x005\n", r"line 8: found '1\x005'; expected a signal, as a number with"),
        ],
    )  # fmt: skip
    def test_the_line_that_is_wrong(self, block: bytes, message: str) -> None:
        with pytest.raises(BadExport, match=re.escape(message)):
            read_numbers(block, DOT, names=["a time", "a signal"], first_line=7)

    @pytest.mark.parametrize("cell", ["2", "2e0", "2.00000000000000000"])
    def test_cells_that_moved_to_another_line(self, cell: str) -> None:
        # As many cells in all as there should be, but not on every line.
        block = f"1\t{cell}\t3\n4\t5\n6\t7\t8\t9\n".encode()
        with pytest.raises(BadExport, match=r"line 2: found '4\\t5'; expected a time, "):
            read_numbers(block, DOT, names=["a time", "a", "b"], columns=[0, 1])

    def test_more_digits_than_a_fast_parser_rounds_correctly(self) -> None:
        texts = ["0.30000000000000004", "9007199254740993.5", "1.7976931348623157e308", "5e-324"]
        values = read_numbers("\n".join(texts).encode(), DOT, names=["y"])[:, 0]
        np.testing.assert_array_equal(values, [float(text) for text in texts])


def printed(value: float, digits: int, form: NumberFormat) -> str:
    text = f"{value:,.{digits}f}".replace(",", "\0").replace(".", form.decimal)
    return text.replace("\0", form.thousands)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(-1e7, 1e7), min_size=1, max_size=8),
    digits=st.integers(0, 6),
    form=st.sampled_from(FORMATS),
)
def test_what_is_printed_is_read_or_refused_but_never_misread(
    values: list[float], digits: int, form: NumberFormat
) -> None:
    cells = [printed(value, digits, form) for value in values]
    block = "\n".join(cells).encode()
    try:
        found = number_format(block)
    except BadExport as error:
        assert "all numbers of the file fit both" in str(error)
        assert number_format(block, Marks(form.decimal, form.thousands or "none")) == form
        return
    expected = [float(f"{value:.{digits}f}") for value in values]
    np.testing.assert_array_equal(read_numbers(block, found, names=["y"])[:, 0], expected)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    cells=st.lists(st.text("0123456789.,' -+eEn\tx\r\x00", max_size=8), min_size=1, max_size=4),
    form=st.sampled_from(FORMATS),
    good=st.integers(0, 3),
)
def test_fast_and_slow_conversion_agree(cells: list[str], form: NumberFormat, good: int) -> None:
    """`read_numbers` follows `number_format`, so marks that group wrongly don't come this far."""
    lines = [printed(1234.5, 1, form)] * good + [cell.replace("\n", "") for cell in cells]
    block = ("\n".join(lines) + "\n").encode()
    try:
        number_format(block, Marks(form.decimal, form.thousands or "none"))
    except BadExport:
        assume(False)
    slow = [form.number(line) if line.count("\t") == 0 else None for line in lines]
    try:
        values = read_numbers(block, form, names=["y"])
    except BadExport:
        assert None in slow
        return
    np.testing.assert_array_equal(values[:, 0], np.array(slow, dtype=np.float64))


def test_options_of_the_config() -> None:
    assert ReadOptions.of({"format": "auto"}) == ReadOptions()
    assert ReadOptions.of({"decimal": ",", "thousands": "none", "date_order": "dmy"}) == (
        ReadOptions(Marks(",", "none"), "dmy")
    )


def test_marks_in_cells_that_are_no_numbers() -> None:
    assert refusal(["12", "x1.500"]) == (
        f"x.txt, line 2: found 'x1.500'; expected a number. {AGAIN}"
    )
