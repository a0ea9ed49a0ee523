"""The readers there are.  A new format is a module and one line here."""

from __future__ import annotations

from collections.abc import Sequence

from dialysis.ingest.agilent_csv import AgilentCsvReader
from dialysis.ingest.agilent_report import AgilentReportReader
from dialysis.ingest.andi import AndiReader
from dialysis.ingest.chemstation import ChemStationReader
from dialysis.ingest.chromeleon7 import Chromeleon7Reader
from dialysis.ingest.chromeleon7_report import Chromeleon7ReportReader
from dialysis.ingest.chromeleon68 import Chromeleon68Reader
from dialysis.ingest.clarity import ClarityReader
from dialysis.ingest.delimited import DelimitedReader
from dialysis.ingest.empower import EmpowerReader
from dialysis.ingest.excel import ExcelReader
from dialysis.ingest.ezchrom import EzChromReader
from dialysis.ingest.labsolutions import LabSolutionsReader
from dialysis.ingest.reader import Reader
from dialysis.ingest.two_column import TwoColumnReader
from dialysis.ingest.waters import WatersRawReader
from dialysis.ingest.wingpc import WinGpcReader

READERS: tuple[Reader, ...] = (
    AndiReader(),
    Chromeleon7Reader(),
    Chromeleon7ReportReader(),
    Chromeleon68Reader(),
    LabSolutionsReader(),
    EmpowerReader(),
    EzChromReader(),
    ClarityReader(),
    AgilentCsvReader(),
    AgilentReportReader(),
    ChemStationReader(),
    WatersRawReader(),
    WinGpcReader(),
    TwoColumnReader(),
    DelimitedReader(),
    ExcelReader(),
)


def supported_table(readers: Sequence[Reader] = READERS) -> str:
    """Markdown table of the supported formats, as docs/formats.md shows it."""
    rows = ["| `ingest.format` | format | usual endings | what a file gives | tested on |"]
    rows.append("|---|---|---|---|---|")
    rows += [
        f"| `{r.key}` | {r.name} | {', '.join(f'`{e}`' for e in r.extensions)} | {r.yields} "
        f"| {r.verified} |"
        for r in readers
    ]
    return "\n".join(rows) + "\n"
