"""Byte order marks, line ends, encodings, and the end of a data block."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialysis.ingest.text import count_byte, data_lines, decoded, plain_text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a\nb\n", b"a\nb\n"),
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\r\r\nb\r\r\n", b"a\nb\n"),
        (b"a\rb\r", b"a\nb\n"),
        (b"\xef\xbb\xbfa\r\nb", b"a\nb"),
        (b"a\nb\r\n", b"a\nb\n"),
        # A cut between CR and LF is one before the line end.
        (b"a\r\nb\r", b"a\nb"),
        # A CR inside a line is damage, and so is one before a line end that has a CR already.
        (b"a\rb\r\nc\r\n", b"a\rb\nc\n"),
        (b"a\r\nb\r\r\nc\r\n", b"a\nb\r\nc\n"),
        (b"", b""),
    ],
)
def test_line_ends(content: bytes, text: bytes) -> None:
    assert plain_text(content) == text


@settings(max_examples=200, deadline=None, derandomize=True)
@given(lines=st.lists(st.text("ab\t1", max_size=3), min_size=1, max_size=6))
def test_all_line_ends_give_the_same_text(lines: list[str]) -> None:
    texts = {plain_text(end.join([*lines, ""]).encode()) for end in ("\n", "\r\n", "\r\r\n", "\r")}
    assert texts == {("\n".join(lines) + "\n").encode()}


def test_encodings() -> None:
    assert decoded("µA".encode()) == "µA"
    assert decoded(b"\xb5A \x81") == "µA \N{REPLACEMENT CHARACTER}"


def test_counting() -> None:
    assert count_byte(b"a\nb\n\n", b"\n") == 3
    assert count_byte(b"", b"\n") == 0


@pytest.mark.parametrize(
    ("data", "n_lines", "block"),
    [
        (b"1\n2\n", 2, b"1\n2\n"),
        (b"1\n2\n\n \t\n", 2, b"1\n2\n"),
        (b"1\n2\n\n3\n", 2, b"1\n2\n"),
        (b"1\n2\n\n", 3, b"1\n2\n"),
        (b"1\n2", 2, b"1\n2"),
        (b"1\t\n2\t\n", 2, b"1\t\n2\t\n"),
        (b"\n1\n", 1, b""),
        (b"", 1, b""),
    ],
)
def test_data_lines(data: bytes, n_lines: int, block: bytes) -> None:
    assert data_lines(data, n_lines) == block
