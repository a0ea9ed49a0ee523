"""Text exports as bytes with one kind of line end, decoded only where words are wanted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialysis.ingest.reader import BadExport

LF = b"\n"
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True)
class Text:
    """A text export.

    Parameters
    ----------
    body : bytes
        Its lines, each ended by LF (the last one may not be), without a byte order mark.
    encoding : str
        Encoding of `body`: UTF-8, or Windows-1252 where it is not UTF-8.
    """

    body: bytes
    encoding: str

    def decode(self, raw: bytes) -> str:
        """Return a part of the body as text."""
        return raw.decode(self.encoding, errors="replace")


def read_text(content: bytes, encoding: str = "") -> Text:
    """Bring the bytes of a text export into one form.

    Parameters
    ----------
    content : bytes
        All bytes of a file.  UTF-16 is recognised by its byte order mark.  Lines may end with
        LF, CR LF, CR CR LF or CR alone.
    encoding : str
        What the file is written in; found out when it is not given.

    Raises
    ------
    BadExport
        When UTF-16, or the encoding that was given, does not fit the bytes.
    """
    wide = _UTF16_BOMS.get(content[:2], "")
    if wide or encoding:
        content = _decoded(content, wide or encoding).encode("utf-8")
    content = content.removeprefix(_UTF8_BOM)
    if b"\r" in content:
        content = content.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return Text(content, _encoding(content))


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadExport(
            f"byte {error.start}", f"bytes that are not {encoding.upper()}", "one encoding"
        ) from error


def _encoding(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def head_lines(head: bytes) -> list[str]:
    """Return the first lines of a file for recognising it; the last one may be cut.

    UTF-16 without a partner byte at the cut and bytes of no encoding don't matter here.
    """
    wide = _UTF16_BOMS.get(head[:2])
    text = head.decode(wide or "utf-8", errors="replace").removeprefix("\ufeff")
    return re.split(r"\r\r\n|\r\n|\r|\n", text)


def is_utf16(head: bytes) -> bool:
    """Whether a file has a UTF-16 byte order mark."""
    return head[:2] in _UTF16_BOMS


def check_last_line_ended(body: bytes, first_line: int, of: str) -> None:
    """Check that the last line of data has a line end, without which it may have been cut.

    Raises
    ------
    BadExport
        Naming the line.
    """
    if not body.endswith(b"\n"):
        raise BadExport(
            f"line {first_line + body.count(LF)}",
            f"the end of the file inside {of}",
            "a line end after it",
        )


def last_lines(body: bytes, n: int = 50) -> list[str]:
    """Return the last lines of a block of numbers, for how many digits they have."""
    lines = body[-200 * n :].removesuffix(b"\n").split(b"\n")[-n:]
    return [line.decode("latin-1") for line in lines]


def line_of(body: bytes, position: int) -> int:
    """Line, counted from 1, of a position in a body."""
    return body.count(b"\n", 0, position) + 1
