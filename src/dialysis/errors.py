"""The errors a user can mend.

Every message names the file, the row or position, what was found, what was
expected and what to do.  Anything that escapes the pipeline and is not a
`DialysisError` is a bug of the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dialysis.words import counted


class DialysisError(Exception):
    """Base of all errors that a user can mend."""


class ExportFormatError(DialysisError):
    """An instrument export can't be read as what it claims to be."""


class StudyError(DialysisError):
    """The configuration, the tables or the files of a study don't fit together."""


class IntegrationError(DialysisError):
    """A trace can't be integrated as asked."""


class CalibrationError(DialysisError):
    """The standards of a run don't give a calibration."""


class NormalizationError(DialysisError):
    """Concentrations can't be put on the time axis of their animals."""


class StatsError(DialysisError):
    """A statistical analysis can't be carried out as asked."""


class FigureError(DialysisError):
    """A figure can't be drawn as asked."""


class DecisionError(DialysisError):
    """Decisions can't be taken over, or the log of them is not what was written."""


class TableError(DialysisError):
    """A table handed from one stage to the next is not what its schema says."""


class LockedError(DialysisError):
    """Another run holds the results of a study, or one that nothing is known of."""


class WorkflowError(DialysisError):
    """The workflow can't do what was asked for, or it failed."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a study, in a form that can be listed.

    Parameters
    ----------
    file : str
        File the problem is in, relative to the project root.
    where : str
        Position inside the file (``"row 12, column dose"``, ``"line 3"``); may be empty.
    found : str
        What stands there.
    expected : str
        What should stand there.
    remedy : str
        What to do about it; may be empty when `expected` says it all.
    """

    file: str
    where: str
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}, {self.where}" if self.where else self.file
        text = f"{place}: found {self.found}; expected {self.expected}."
        return f"{text} {self.remedy}" if self.remedy else text


def problems_text(problems: Iterable[Problem], heading: str, noun: str = "problem") -> str:
    """Number a list of problems under one heading."""
    listed = list(problems)
    lines = [f"{heading}: {counted(len(listed), noun)}"]
    lines += [f"  {number}. {problem}" for number, problem in enumerate(listed, start=1)]
    return "\n".join(lines)
