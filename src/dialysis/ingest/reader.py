"""What every reader of an export format is, and how it says that a file is bad."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from dialysis.chromatogram import Chromatogram, VendorReport
from dialysis.errors import ExportFormatError, Problem
from dialysis.ingest.options import ReadOptions

EXPORT_AGAIN = "The file is cut short or altered: export the injection again, or copy it again."


class BadExport(ExportFormatError):
    """What is wrong with one export file.

    Readers raise it without a file; `dialysis.ingest.read` puts the file's name in.

    Parameters
    ----------
    where : str
        Position in the file: a line, a byte, a point of a variable.  May be empty.
    found, expected, remedy : str
        What stands there, what should, and what to do about it.
    file : str
        Name of the file as messages show it.

    Attributes
    ----------
    problem : Problem
        The same in a form that can be listed with others.
    """

    def __init__(
        self, where: str, found: str, expected: str, remedy: str = EXPORT_AGAIN, file: str = ""
    ) -> None:
        self.problem = Problem(file, where, found, expected, remedy)
        super().__init__(str(self.problem))

    def at(self, where: str) -> BadExport:
        """Return the same error with another position."""
        old = self.problem
        return BadExport(where, old.found, old.expected, old.remedy, old.file)

    def named(self, file: str, injections: str = "") -> BadExport:
        """Return the same error with the file's name, and the injections it concerns."""
        old = self.problem
        where = ", ".join(part for part in (injections, old.where) if part)
        return BadExport(where, old.found, old.expected, old.remedy, file)


def quoted(text: str, longest: int = 60) -> str:
    """Text in quotes for a message, cut where it is long."""
    return repr(text if len(text) <= longest else f"{text[:longest]}…")


class Reader(ABC):
    """Reader of one export format.

    A subclass states what it reads in class attributes, recognises its format in `sniff` and
    turns the bytes of a file into chromatograms in `read`, or into the vendor's reports where there
    is no trace.  It holds nothing but its options, opens no file and leaves `format`, `file` and
    `sha256` empty: `dialysis.ingest.read` fills them in and checks what every trace must fulfil.

    Parameters
    ----------
    options : ReadOptions, optional
        What the study declares; without it everything is found out from the file.

    Attributes
    ----------
    key : str
        Name of the format in ``ingest.format`` of study.yaml.
    name : str
        Name of the format as people know it.
    extensions : tuple of str
        Usual file name endings, for the documentation; content decides, not the name.
    yields : str
        What a file gives, for the documentation.
    reports : bool
        Whether a file may hold a vendor's integration without its trace.
    verified : str
        The real files it was tested on, or that there were none.
    reads_folders : bool
        Whether an export may be a folder.
    counts_points : bool
        Whether a file says how many points it has, or marks their end; without either a file
        that was cut between two lines can't be told from a shorter one.
    """

    key: ClassVar[str]
    name: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    yields: ClassVar[str]
    reports: ClassVar[bool] = False
    verified: ClassVar[str]
    reads_folders: ClassVar[bool] = False
    counts_points: ClassVar[bool] = True

    def __init__(self, options: ReadOptions | None = None) -> None:
        self.options = options or ReadOptions()

    def configured(self, config: Mapping[str, Any]) -> Self:
        """Make the same reader with the options of section `ingest` of study.yaml."""
        return type(self)(ReadOptions.of(config))

    def sniff_folder(self, names: Sequence[str]) -> bool:
        """Whether a folder is one export of this format.

        Parameters
        ----------
        names : sequence of str
            All files in the folder, relative to it, sorted.
        """
        return False

    def read_folder(self, path: Path) -> Sequence[Chromatogram | VendorReport]:
        """Turn a folder into chromatograms; only formats that write folders can.

        Raises
        ------
        BadExport
            As `read`.
        """
        raise BadExport("", "a folder", "one file", "Name a file inside it.")

    @abstractmethod
    def sniff(self, head: bytes, path: Path) -> bool:
        """Whether a file is of this format.

        Parameters
        ----------
        head : bytes
            The first bytes of the file, at most `dialysis.ingest.exports.HEAD_BYTES`.
        path : Path
            The file's name; only a hint, and never to be opened here.
        """

    @abstractmethod
    def read(self, path: Path, content: bytes) -> Sequence[Chromatogram | VendorReport]:
        """Turn a file into chromatograms, one per injection and detector channel.

        Where a channel's trace is not in the file and the vendor's integration is, a
        `VendorReport` stands for it; `dialysis.ingest.pairing` joins it to a trace.

        Parameters
        ----------
        path : Path
            Where the bytes come from; for formats that spread over several files.
        content : bytes
            All bytes of the file.

        Raises
        ------
        BadExport
            For anything that is not as the format has it; never another exception.
        """
