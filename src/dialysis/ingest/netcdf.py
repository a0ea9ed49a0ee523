"""netCDF classic, read from bytes: every length in the header is held against the bytes there are.

`scipy.io.netcdf_file` reads the same, takes several times as long as the points of a chromatogram
need, and passes over short reads.

References
----------
The NetCDF Classic Format Specification, NetCDF User's Guide, appendix B: versions 1 (32-bit
offsets) and 2 (64-bit offsets).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from dialysis.ingest.reader import BadExport

_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_TEXT = 2
_DTYPES: Mapping[int, np.dtype[Any]] = MappingProxyType(
    {
        1: np.dtype(">i1"),
        _TEXT: np.dtype("S1"),
        3: np.dtype(">i2"),
        4: np.dtype(">i4"),
        5: np.dtype(">f4"),
        6: np.dtype(">f8"),
    }
)
_INTEGER = struct.Struct(">i")
_OFFSETS = MappingProxyType({1: struct.Struct(">i"), 2: struct.Struct(">q")})
# No chromatogram has more; larger numbers are damage.
_MAX_DIMENSIONS = 32
_MAX_VALUES = 2**40


@dataclass(frozen=True, eq=False)
class Variable:
    """One variable of a file.

    Parameters
    ----------
    data : ndarray
        Its values, big-endian, a view of the file's bytes; ``S1`` where they are text.
    attributes : mapping of str to bytes, number or ndarray
        Its attributes: text as bytes, one value as a number.
    """

    data: npt.NDArray[Any]
    attributes: Mapping[str, Any]


class _Header:
    """The values of the header, one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 4

    def bytes(self, wanted: int) -> bytes:
        start, end = self.at, self.at + wanted
        if wanted < 0:
            raise BadExport(f"byte {start}", f"a length of {wanted} bytes", "a length of 0 or more")
        _check_there(self.content, start, wanted)
        # Everything is padded to whole words.
        self.at = end + -end % 4
        return self.content[start:end]

    def integer(self) -> int:
        value: int = _INTEGER.unpack(self.bytes(4))[0]
        return value

    def name(self) -> str:
        return self.bytes(self.integer()).decode("latin-1")

    def entries(self, tag: int) -> int:
        """Number of entries of a list, which has a tag of its own or is absent."""
        start = self.at
        found, n = self.integer(), self.integer()
        if n < 0 or found not in (0, tag) or (n and not found):
            raise BadExport(
                f"byte {start}", f"a list {found} of {n} entries", f"a netCDF list {tag}, or none"
            )
        return n

    def dtype(self) -> np.dtype[Any]:
        start, code = self.at, self.integer()
        if code not in _DTYPES:
            raise BadExport(f"byte {start}", f"values of type {code}", "a type from 1 to 6")
        return _DTYPES[code]

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self.entries(_ATTRIBUTES)):
            start = self.at
            name, dtype = self.name(), self.dtype()
            raw = self.bytes(self.integer() * dtype.itemsize)
            if name in found:
                raise BadExport(f"byte {start}", f"a second attribute '{name}'", "one of each name")
            if dtype.kind == "S":
                found[name] = raw
            else:
                values = np.frombuffer(raw, dtype)
                found[name] = values[0] if values.size == 1 else values
        return found


def read_netcdf(content: bytes) -> tuple[Mapping[str, Any], Mapping[str, Variable]]:
    """Read global attributes and variables.

    Parameters
    ----------
    content : bytes
        All bytes of a file.

    Returns
    -------
    attributes : mapping of str to bytes, number or ndarray
        As `Variable.attributes`.
    variables : mapping of str to Variable
        By name.

    Raises
    ------
    BadExport
        Naming the byte, when the file is not netCDF classic or ends too early.
    """
    if content[:3] != b"CDF" or content[3:4] not in (b"\x01", b"\x02"):
        raise BadExport(
            "byte 0",
            f"the bytes {content[:4].hex(' ')}",
            "netCDF classic, which starts with 43 44 46 01 or 43 44 46 02",
            "Convert it with 'nccopy -k classic', or export as ANDI/AIA again.",
        )
    header = _Header(content)
    n_records = header.integer()
    dimensions = [_dimension(header) for _ in range(header.entries(_DIMENSIONS))]
    attributes = header.attributes()
    makers: dict[str, Callable[[int], Variable]] = {}
    record_bytes = []
    for _ in range(header.entries(_VARIABLES)):
        start = header.at
        name = header.name()
        if name in makers:
            raise BadExport(f"byte {start}", f"a second variable '{name}'", "one of each name")
        shape = _shape(header, dimensions)
        own = header.attributes()
        dtype = header.dtype()
        header.integer()
        begin_at, offset = header.at, _OFFSETS[content[3]]
        begin: int = offset.unpack(header.bytes(offset.size))[0]
        if begin < 0:
            raise BadExport(f"byte {begin_at}", f"values from byte {begin} on", "0 or more")
        if shape[:1] == (0,):
            record_bytes.append(math.prod(shape[1:]) * dtype.itemsize)
        makers[name] = _maker(content, shape, own, dtype, begin, n_records)
    if len(record_bytes) > 1:
        record_bytes = [n + -n % 4 for n in record_bytes]
    size = sum(record_bytes)
    return attributes, {name: make(size) for name, make in makers.items()}


def _dimension(header: _Header) -> int:
    header.name()
    start, length = header.at, header.integer()
    if length < 0:
        raise BadExport(f"byte {start}", f"a dimension of {length}", "a length of 0 or more")
    return length


def _shape(header: _Header, dimensions: list[int]) -> tuple[int, ...]:
    start, n = header.at, header.integer()
    places = [header.integer() for _ in range(n)] if 0 <= n <= _MAX_DIMENSIONS else [-1]
    if any(not 0 <= place < len(dimensions) for place in places):
        raise BadExport(
            f"byte {start}", "a dimension that is not there", f"one of {len(dimensions)}"
        )
    shape = tuple(dimensions[place] for place in places)
    if math.prod(max(length, 1) for length in shape) > _MAX_VALUES:
        raise BadExport(f"byte {start}", f"a variable of {shape} values", "a chromatogram's")
    return shape


def _maker(
    content: bytes,
    shape: tuple[int, ...],
    attributes: dict[str, Any],
    dtype: np.dtype[Any],
    begin: int,
    n_records: int,
) -> Callable[[int], Variable]:
    """Make a variable once the length of a record, which all record variables share, is known."""

    def make(record_size: int) -> Variable:
        one = math.prod(shape[1:] if shape[:1] == (0,) else shape) * dtype.itemsize
        if shape[:1] != (0,):
            _check_there(content, begin, one)
            data = np.ndarray(shape, dtype, content, begin)
            return Variable(data, attributes)
        n = max(n_records, 0)
        if n:
            _check_there(content, begin, (n - 1) * record_size + one)
        inner = np.empty((0, *shape[1:]), dtype).strides[1:]
        values = np.ndarray(
            (n, *shape[1:]), dtype, content, begin if n else 0, (record_size, *inner)
        )
        return Variable(values, attributes)

    return make


def _check_there(content: bytes, start: int, wanted: int) -> None:
    if start + wanted > len(content):
        raise BadExport(
            f"byte {len(content)}",
            "the end of the file",
            f"{wanted} bytes from byte {start} on, as the netCDF header says",
        )
