"""Text files: byte order mark, line ends, encoding, and where a block of data lines ends."""

from __future__ import annotations

import numpy as np

_BOM = b"\xef\xbb\xbf"
_CR, _LF = ord("\r"), ord("\n")


def count_byte(data: bytes, byte: bytes) -> int:
    """Count a byte; ten times faster than ``bytes.count`` where it is in every line."""
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == ord(byte)))


def plain_text(content: bytes) -> bytes:
    """Take away the byte order mark of UTF-8 and make all line ends LF.

    A file has LF, CR LF, CR CR LF (which some programs write) or, without any LF, CR.  A CR that
    does not fit stays where it is, because it is damage.
    """
    text = content.removeprefix(_BOM)
    if b"\r" not in text:
        return text
    n_lines = count_byte(text, b"\n")
    if not n_lines:
        return text.replace(b"\r", b"\n")
    text = text.rstrip(b"\r")
    codes = np.frombuffer(text, dtype=np.uint8)
    returns = codes == _CR
    if not (returns[:-1] & (codes[1:] != _LF)).any():
        return text.replace(b"\r", b"")
    if 2 * text.count(b"\r\r\n") > n_lines:
        text = text.replace(b"\r\r\n", b"\n")
    return text.replace(b"\r\n", b"\n")


def decoded(raw: bytes) -> str:
    """Text in UTF-8, or in Windows-1252 where it is not."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def data_lines(data: bytes, n_lines: int) -> bytes:
    """The lines of a block that should have so many: without empty ones at its end, if it does.

    Otherwise the lines before the first empty one, however many there are; what follows is the
    caller's to look at.
    """
    end = len(data.rstrip(b" \t\n"))
    if data[end : end + 1] == b"\n" and count_byte(data[:end], b"\n") + 1 == n_lines:
        return data[: end + 1]
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start)
        stop = len(data) if stop < 0 else stop
        if not data[start:stop].strip(b" \t"):
            return data[:start]
        start = stop + 1
    return data
