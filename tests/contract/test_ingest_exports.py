"""Recognising a file and saying what is wrong with one that can't be read at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dialysis.errors import ExportFormatError
from dialysis.ingest import READERS, read
from dialysis.ingest.exports import read_export
from tests.contract._ingest_files import SAMPLES, andi
from tests.contract._text_files import CONFIGS

KNOWN = ", ".join(f"{reader.name} ({reader.key})" for reader in READERS)
DECLARE = (
    "Export the injection in one of these formats, or set ingest.format to delimited and declare "
    "the layout in ingest.delimited of study.yaml."
)
AGAIN = "The file is cut short or altered: export the injection again, or copy it again."


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def message(path: str, format: str = "auto") -> str:
    with pytest.raises(ExportFormatError) as error:
        read(path, format)
    return str(error.value)


@pytest.mark.parametrize("key", sorted(SAMPLES))
def test_content_decides_not_the_name(key: str) -> None:
    Path("x.pdf").write_bytes(SAMPLES[key])
    readers = [reader.configured(CONFIGS.get(key, {})) for reader in READERS]
    for format in (key,) if key == "delimited" else ("auto", key):
        export = read_export("x.pdf", format, readers)
        assert export.format == key
        for item in (*export.chromatograms, *export.reports):
            assert item.format == key
            assert item.file == "x.pdf"
            assert item.sha256 == hashlib.sha256(SAMPLES[key]).hexdigest()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", f"x, byte 0: found an empty file; expected an export. {AGAIN}"),
        (
            b"\x00" * 512,
            f"x, byte 0: found 512 bytes, all of them blank; expected an export. {AGAIN}",
        ),
        (
            b"0.0005;36.0327491;x\n0.0021",
            "x, byte 0: found a file of unknown kind that starts with "
            f"'0.0005;36.0327491;x\\n0.00'; expected {KNOWN}. {DECLARE}",
        ),
        (
            b"\x03\x31\x38\x32\x00\x00\x00\x00\x00",
            "x, byte 0: found a file of unknown kind that starts with the bytes "
            f"03 31 38 32 00 00 00 00; expected {KNOWN}. {DECLARE}",
        ),
        (
            b"\x89HDF\r\n\x1a\n",
            f"x, byte 0: found an HDF5 file, which netCDF-4 is; expected {KNOWN}. "
            "Convert it with 'nccopy -k classic', or export as ANDI/AIA.",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1",
            "x, byte 0: found an OLE2 file, which raw data (.lcd) and old Excel workbooks are; "
            f"expected {KNOWN}. "
            "Export the injection from the instrument's software, as text or ANDI/AIA.",
        ),
        (
            b"PK\x03\x04xx",
            f"x, byte 0: found a zip archive, which Excel workbooks are; expected {KNOWN}. "
            "Unpack it, or export as text or ANDI/AIA.",
        ),
        (
            b"%PDF-1.7",
            f"x, byte 0: found a PDF document; expected {KNOWN}. "
            "Export the data points, not a report.",
        ),
        (
            "0.1,2".encode("utf-16"),
            f"x, byte 0: found UTF-16 text; expected {KNOWN}. Export or save it as UTF-8 text.",
        ),
    ],
)
def test_files_of_no_known_kind(content: bytes, text: str) -> None:
    Path("x").write_bytes(content)
    assert message("x") == text


def test_no_file_and_a_folder() -> None:
    Path("run.D").mkdir()
    assert message("gone.cdf") == (
        "gone.cdf: found no such file; expected an export. Copy it there or mend the name."
    )
    folders = (
        "one file, or a folder of Agilent report CSVs (agilent_report), Agilent ChemStation data "
        "(chemstation), Waters MassLynx data (waters_raw). Name a file inside it."
    )
    assert message("run.D") == f"run.D: found a folder with nothing in it; expected {folders}"
    for name in "abcd":
        (Path("run.D") / name).write_bytes(b"x")
    assert message("run.D") == (
        f"run.D: found a folder of 4 files (a, b, c, …); expected {folders}"
    )
    assert message("run.D", "andi") == (
        "run.D: found a folder; expected one file. Name a file inside it."
    )


def test_a_format_nobody_knows() -> None:
    Path("x").write_bytes(andi())
    assert message("x", "aia") == (
        f"x: found format 'aia' asked for; expected auto or one of {KNOWN}. Mend ingest.format."
    )


def test_a_format_that_is_not_the_files() -> None:
    Path("x").write_bytes(SAMPLES["labsolutions"])
    assert message("x", "andi") == (
        "x, byte 0: found the bytes 5b 48 65 61; expected netCDF classic, which starts with "
        "43 44 46 01 or 43 44 46 02. Convert it with 'nccopy -k classic', or export as ANDI/AIA "
        "again."
    )
    Path("y").write_bytes(SAMPLES["andi"])
    assert message("y", "labsolutions") == (
        "y, line 1: found no 'Application Name' followed by a TAB or a comma; expected a "
        "LabSolutions ASCII export. Export with TAB or comma as the delimiter."
    )


def test_a_unit_that_the_export_lacks_is_taken_from_the_config() -> None:
    Path("x").write_bytes(SAMPLES["empower"])
    Path("y").write_bytes(SAMPLES["andi"])
    readers = [reader.configured({"signal_unit": "pA"}) for reader in READERS]
    assert [trace.unit for trace in read("x", readers=readers)] == ["pA"]
    assert [trace.unit for trace in read("y", readers=readers)] == ["nA"]
    assert [trace.unit for trace in read("x")] == [""]
