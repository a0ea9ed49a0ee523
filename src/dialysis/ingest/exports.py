"""Read one export: its bytes once, its format by content, its traces checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dialysis.chromatogram import Chromatogram, VendorReport
from dialysis.ingest.checks import check_chromatogram, check_report, place_of
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.registry import READERS
from dialysis.provenance import files_in, sha256_path

HEAD_BYTES = 65_536

# Files that people take for exports, by their first bytes.
_OTHER_KINDS = (
    (
        b"\x89HDF",
        "an HDF5 file, which netCDF-4 is",
        "Convert it with 'nccopy -k classic', or export as ANDI/AIA.",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an OLE2 file, which raw data (.lcd) and old Excel workbooks are",
        "Export the injection from the instrument's software, as text or ANDI/AIA.",
    ),
    (
        b"PK\x03\x04",
        "a zip archive, which Excel workbooks are",
        "Unpack it, or export as text or ANDI/AIA.",
    ),
    (b"%PDF", "a PDF document", "Export the data points, not a report."),
    (b"\xff\xfe", "UTF-16 text", "Export or save it as UTF-8 text."),
    (b"\xfe\xff", "UTF-16 text", "Export or save it as UTF-8 text."),
)


@dataclass(frozen=True)
class Export:
    """What one export file holds.

    Parameters
    ----------
    chromatograms : tuple of Chromatogram
        One per injection and detector channel.
    reports : tuple of VendorReport
        The vendor's integrations whose traces are not in the file.
    sha256 : str
        Of the file's bytes; of a folder see `dialysis.provenance.sha256_path`.
    size_bytes : int
        Their number; of a folder that of all its files.
    format : str
        Key of the reader.
    """

    chromatograms: tuple[Chromatogram, ...]
    reports: tuple[VendorReport, ...]
    sha256: str
    size_bytes: int
    format: str


def read(
    path: Path | str, format: str = "auto", readers: Sequence[Reader] = READERS
) -> list[Chromatogram]:
    """Read an instrument export.

    Parameters
    ----------
    path : Path or str
        The file, or a folder that is one export (``.D``, ``.raw``).
    format : str
        Key of a reader, or ``"auto"`` to recognise the file by its content.
    readers : sequence of Reader
        Readers to choose from.

    Returns
    -------
    list of Chromatogram
        One per injection and detector channel, in the order of the file.  ``signal`` is float64
        in the export's unit, times are s.

    Raises
    ------
    ExportFormatError
        Naming file, position, what was found, what was expected and what to do.

    Examples
    --------
    >>> read("raw/demo/run1_001.cdf")[0].unit  # doctest: +SKIP
    'nA'
    """
    export = read_export(path, format, readers)
    if not export.chromatograms:
        sections = {report.section for report in export.reports}
        many = "1 injection" if len(sections) == 1 else f"{len(sections)} injections"
        raise BadExport(
            "",
            f"the vendor's results of {many} and no trace",
            "a chromatogram",
            "Export it again with its chromatograms.",
            str(path),
        )
    return list(export.chromatograms)


def read_export(
    path: Path | str, format: str = "auto", readers: Sequence[Reader] = READERS
) -> Export:
    """Read an instrument export and say which bytes it was; see `read`.

    Raises
    ------
    ExportFormatError
        As `read`.
    """
    source = Path(path)
    try:
        from_source = _from_folder if source.is_dir() else _from_file
        reader, found, sha256, size = from_source(source, format, readers)
        traces = [item for item in found if isinstance(item, Chromatogram)]
        reports = [item for item in found if isinstance(item, VendorReport)]
        for trace in traces:
            check_chromatogram(trace)
        for report in reports:
            check_report(report)
        _check_distinct(found)
    except BadExport as error:
        raise error.named(str(path)) from error.__cause__
    unit = reader.options.signal_unit
    named: dict[str, Any] = {"format": reader.key, "file": str(path), "sha256": sha256}
    return Export(
        tuple(replace(t, unit=t.unit or unit, **named) for t in traces),
        tuple(replace(r, unit=r.unit or unit, **named) for r in reports),
        sha256,
        size,
        reader.key,
    )


_Found = tuple[Reader, Sequence[Chromatogram | VendorReport], str, int]


def _from_file(source: Path, format: str, readers: Sequence[Reader]) -> _Found:
    """Reader, what it found, sha256 and size of a file."""
    content = _bytes(source)
    reader = _pick(content[:HEAD_BYTES], source, format, readers)
    found = reader.read(source, content)
    return reader, found, hashlib.sha256(content).hexdigest(), len(content)


def _from_folder(source: Path, format: str, readers: Sequence[Reader]) -> _Found:
    """Reader, what it found, sha256 and size of a folder that is one export."""
    files = files_in(source)
    reader = _pick_for_folder([name for name, _ in files], format, readers)
    try:
        found = reader.read_folder(source)
    except OSError as error:
        raise BadExport(
            "", f"a file that can't be read ({error.strerror})", "files", "Check their permissions."
        ) from error
    return reader, found, sha256_path(source), sum(file.stat().st_size for _, file in files)


def _bytes(source: Path) -> bytes:
    try:
        content = source.read_bytes()
    except FileNotFoundError:
        raise BadExport(
            "", "no such file", "an export", "Copy it there or mend the name."
        ) from None
    except OSError as error:
        raise BadExport(
            "", f"a file that can't be read ({error.strerror})", "a file", "Check its permissions."
        ) from error
    if not content:
        raise BadExport("byte 0", "an empty file", "an export")
    blanks = b"\x00 \t\r\n"
    # The first bytes nearly always tell, without another copy of the whole file.
    if not (content[:HEAD_BYTES].strip(blanks) or content.strip(blanks)):
        raise BadExport("byte 0", f"{len(content)} bytes, all of them blank", "an export")
    return content


def _pick(head: bytes, source: Path, format: str, readers: Sequence[Reader]) -> Reader:
    if format != "auto":
        return _named_reader(format, readers)
    fitting = [reader for reader in readers if reader.sniff(head, source)]
    if fitting:
        return _only(fitting, "file")
    names = _names(readers)
    for magic, kind, remedy in _OTHER_KINDS:
        if head.startswith(magic):
            raise BadExport("byte 0", kind, names, remedy)
    raise BadExport(
        "byte 0",
        f"a file of unknown kind that starts with {_shown(head)}",
        names,
        "Export the injection in one of these formats, or set ingest.format to delimited and "
        "declare the layout in ingest.delimited of study.yaml.",
    )


def _pick_for_folder(names: Sequence[str], format: str, readers: Sequence[Reader]) -> Reader:
    if format != "auto":
        return _named_reader(format, readers)
    fitting = [reader for reader in readers if reader.sniff_folder(names)]
    if fitting:
        return _only(fitting, "folder")
    raise BadExport(
        "",
        f"a folder with {', '.join(names[:3]) or 'nothing'} in it"
        if len(names) <= 3
        else f"a folder of {len(names)} files ({', '.join(names[:3])}, …)",
        f"one file, or a folder of {_names([r for r in readers if r.reads_folders])}",
        "Name a file inside it.",
    )


def _names(readers: Sequence[Reader]) -> str:
    return ", ".join(f"{r.name} ({r.key})" for r in readers)


def _named_reader(format: str, readers: Sequence[Reader]) -> Reader:
    for reader in readers:
        if reader.key == format:
            return reader
    raise BadExport(
        "",
        f"format '{format}' asked for",
        f"auto or one of {_names(readers)}",
        "Mend ingest.format.",
    )


def _only(fitting: Sequence[Reader], what: str) -> Reader:
    if len(fitting) > 1:
        raise BadExport(
            "byte 0" if what == "file" else "",
            f"a {what} that fits {' and '.join(r.name for r in fitting)}",
            "one that fits one format",
            f"Set ingest.format to {' or '.join(r.key for r in fitting)}.",
        )
    return fitting[0]


def _shown(head: bytes, length: int = 24) -> str:
    start = head[:length]
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return repr(start.decode("ascii"))
    return f"the bytes {start[:8].hex(' ')}"


def _check_distinct(found: Sequence[Chromatogram | VendorReport]) -> None:
    if not found:
        raise BadExport("", "no chromatogram", "at least one")
    seen: set[tuple[str, str]] = set()
    for item in found:
        key = (item.section, item.channel)
        if key in seen:
            what = "trace" if isinstance(item, Chromatogram) else "report"
            raise BadExport(
                place_of(item), f"a second {what}", f"one {what} for every injection and channel"
            )
        seen.add(key)
