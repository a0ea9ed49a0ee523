"""Reading instrument exports: one module per format behind one registry."""

from dialysis.ingest.exports import read
from dialysis.ingest.reader import BadExport, Reader
from dialysis.ingest.registry import READERS
from dialysis.ingest.run import IngestedRun, examine_run, ingest_run

__all__ = ["READERS", "BadExport", "IngestedRun", "Reader", "examine_run", "ingest_run", "read"]
