"""What the mapping assistant tells: what it found, what it proposes, what is left to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialysis.ingest import READERS
from dialysis.init.kinds import BLANK, QC, SAMPLE, STANDARD
from dialysis.init.naming import Naming
from dialysis.init.results import ResultTable
from dialysis.init.retention import ProposedAnalyte
from dialysis.inspect import Inspection
from dialysis.study.start import reads_exports
from dialysis.words import counted

_MOST = 8


@dataclass(frozen=True)
class ToDo:
    """A place that only a person can fill in."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}, {self.where}: {self.what}"


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that is told about a new study; see `report_text`."""

    shown: str
    raw: str
    inspection: Inspection | None
    table: ResultTable | None
    naming: Naming
    counts: str
    notes: tuple[str, ...]
    analytes: tuple[ProposedAnalyte, ...]
    start: str
    to_do: tuple[ToDo, ...]
    files: tuple[str, ...]
    layout: str = ""


def report_text(report: Report) -> str:
    """Lay a report out for a person."""
    parts = [f"Exports  {report.raw}", *_indented(_found(report))]
    parts += ["", "Names", *_indented(_names(report.naming))]
    parts += ["", "Injections", *_indented(_injections(report))]
    parts += ["", "Analytes", *_indented(_analytes(report))]
    if report.files:
        parts += ["", f"Written to {report.shown}/: {', '.join(report.files)}"]
    return "\n".join(parts) + "\n"


def to_do_text(to_do: Sequence[ToDo]) -> str:
    """Number what is left to fill in."""
    if not to_do:
        return "Nothing is left to fill in.\n"
    return "".join(f"  {number}. {item}\n" for number, item in enumerate(to_do, start=1))


def _indented(lines: Iterator[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _found(report: Report) -> Iterator[str]:
    inspection = report.inspection
    if inspection is None:
        if report.table is not None:
            kind = f"{report.start} in {report.table.unit}" if report.table.unit else report.start
            yield f"{report.table.file}: a table of {kind}"
        return
    names = {reader.key: reader.name for reader in READERS}
    of_file = {item.file: item.format for item in inspection.found}
    formats = Counter(of_file.values())
    listed = ", ".join(f"{n} {names.get(key, key)}" for key, n in formats.most_common())
    yield f"{counted(len(of_file), 'file')} read: {listed}"
    if report.layout:
        yield f"layout: {report.layout}"
    if len({item.format for item in inspection.found if item.trace}) > 1:
        yield "files of several formats: make sure that they are of one study"
    for note in dict.fromkeys(i.injected_at_note for i in inspection.found if i.injected_at_note):
        yield f"injection times: {note}"
    twice = inspection.same_content
    for files in twice[:_MOST]:
        yield f"same content: {', '.join(_short(name, inspection) for name in files[:3])}"
    unknown = [name for own in inspection.unknown.values() for name in own]
    if unknown:
        shown = ", ".join(_short(name, inspection) for name in unknown[:_MOST])
        more = f" and {len(unknown) - _MOST} more" if len(unknown) > _MOST else ""
        number = len(unknown)
        what = "1 file is no export" if number == 1 else f"{number} files are no exports"
        yield f"{what}: {shown}{more}"
    for problem in inspection.problems[:_MOST]:
        yield f"CAN'T BE READ: {_short(str(problem), inspection)}"
    if len(inspection.problems) > _MOST:
        yield f"and {len(inspection.problems) - _MOST} more that can't be read"
    if inspection.problems:
        yield "what can't be read is not in the study"


def _short(text: str, inspection: Inspection) -> str:
    return text.removeprefix(f"{inspection.folder.rstrip('/')}/")


def _names(naming: Naming) -> Iterator[str]:
    best = naming.chosen
    known = [item for item in naming.known if item.sample]
    if best is None and known:
        yield "animal and fraction stand in columns of their own"
        return
    if best is None:
        yield (
            "no pattern found in the names of the samples; give one with --pattern, like "
            "--pattern '{animal}_F{fraction}'"
        )
        examples = list(dict.fromkeys(naming.missed))[:_MOST]
        if examples:
            yield f"names are like: {', '.join(examples)}"
        for tried in naming.patterns[:3]:
            yield f"not convincing: {tried.pattern.text} (score {tried.score:.2f})"
        return
    rate = f"fits {best.matched} of {best.total} {naming.origin} ({best.matched / best.total:.0%})"
    yield f"pattern {best.pattern.text} {rate}"
    for item in naming.known:
        if item.sample:
            probe = f", probe {item.sample.probe}" if item.sample.probe else ""
            yield (
                f"so '{item.name}' is animal {item.sample.animal}{probe}, "
                f"fraction {item.sample.fraction}"
            )
            break
    others = [tried for tried in naming.patterns if tried is not best]
    for tried in others[:2]:
        yield (
            f"also possible: {tried.pattern.text} (fits {tried.matched}, score {tried.score:.2f}, "
            f"the one above {best.score:.2f})"
        )
    if naming.missed:
        missed = list(dict.fromkeys(naming.missed))
        more = f" and {len(missed) - _MOST} more" if len(missed) > _MOST else ""
        yield f"MISSED: {', '.join(missed[:_MOST])}{more}"


def _injections(report: Report) -> Iterator[str]:
    yield report.counts
    for kind, word in ((STANDARD, "standards"), (QC, "QCs"), (BLANK, "blanks")):
        names = list(dict.fromkeys(item.name for item in report.naming.of_kind(kind)))
        if names:
            more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
            yield f"{word}: {', '.join(names[:_MOST])}{more}"
    if not report.naming.of_kind(STANDARD) and report.start != "concentrations":
        yield "no standards: the study will be uncalibrated, and figures will say so"
    runs = Counter(item.placed.run for item in report.naming.known)
    if reads_exports(report.start):
        yield f"runs: {', '.join(f'{run} ({n})' for run, n in runs.items())}"
    again = [item for item in report.naming.known if item.reinjection_of]
    for item in again[:_MOST]:
        yield f"{item.injection_id} '{item.name}' is a reinjection of {item.reinjection_of}"
    if not report.naming.of_kind(SAMPLE):
        yield "NO SAMPLES: give a pattern of their names with --pattern"
    yield from report.notes


def _analytes(report: Report) -> Iterator[str]:
    if not report.analytes:
        yield "none found: fill in analytes"
        return
    for row in report.analytes:
        if reads_exports(report.start):
            kind = " (internal standard)" if row.internal_standard == "itself" else ""
            window = f"{row.rt_min:6.2f} ± {row.window_min:.2f} min"
            where = f" on {row.channel}" if row.channel else ""
            where += f" in {row.run}" if row.run else ""
            yield f"{row.analyte:<8} {window}{where}{kind}"
        else:
            kind = " (internal standard)" if row.internal_standard == "itself" else ""
            yield f"{row.analyte}{kind}"
    for grounds in dict.fromkeys(row.grounds.partition(";")[0] for row in report.analytes):
        if reads_exports(report.start):
            yield grounds
