"""Which injection is what: kinds, samples, levels, roles and reinjections from the names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dialysis.init.kinds import BLANK, QC, SAMPLE, STANDARD, Level, kind_of, may_be_qc, read_level
from dialysis.init.names import (
    NamePattern,
    Sample,
    ScoredPattern,
    find_patterns,
    is_before,
    is_convincing,
    score_pattern,
)
from dialysis.init.sequence import Placed


@dataclass(frozen=True, eq=False)
class Known:
    """An injection with what its name says.

    Parameters
    ----------
    placed : Placed
        The injection.
    name : str
        The name that was read.
    kind : str
        sample, standard, blank or qc.
    sample : Sample or None
        Animal, probe and fraction of a sample; ``None`` where the pattern does not fit.
    level : Level or None
        Of a standard or QC.
    role : str
        cal, bracket or qc; empty for others.
    reinjection_of : str
        Injection of the same vial before it.
    """

    placed: Placed
    name: str
    kind: str
    sample: Sample | None = None
    level: Level | None = None
    role: str = ""
    reinjection_of: str = ""

    @property
    def injection_id(self) -> str:
        """Name of the injection."""
        return self.placed.injection_id


@dataclass(frozen=True, eq=False)
class Naming:
    """All injections with what their names say, and the patterns that were tried.

    Parameters
    ----------
    known : tuple of Known
        By run and order.
    origin : str
        ``"sample names"`` or ``"file names"``.
    patterns : tuple of ScoredPattern
        The best first.
    chosen : ScoredPattern or None
        The one that was used; ``None`` when none is convincing.
    missed : tuple of str
        Sample names that it does not fit.
    """

    known: tuple[Known, ...]
    origin: str
    patterns: tuple[ScoredPattern, ...]
    chosen: ScoredPattern | None
    missed: tuple[str, ...]

    def of_kind(self, kind: str) -> list[Known]:
        """Injections of a kind."""
        return [item for item in self.known if item.kind == kind]


def read_names(placed: Sequence[Placed], pattern: str = "") -> Naming:
    """Tell from names what was injected.

    Parameters
    ----------
    placed : sequence of Placed
        All injections by run and order.
    pattern : str
        Pattern of sample names, where a person gave one.

    Returns
    -------
    Naming
        Of the names in the exports and those of the files the ones that a pattern fits better.
    """
    names = [item.item.name or item.item.stem for item in placed]
    stems = [item.item.stem for item in placed]
    origin = "sample names" if any(item.item.name for item in placed) else "file names"
    tried = [_read(placed, names, origin, pattern)]
    if stems != names:
        tried.append(_read(placed, stems, "file names", pattern))
    return max(tried, key=_told)


def _told(naming: Naming) -> tuple[float, int, int]:
    """How much names tell: the pattern's score, kinds other than samples, different names."""
    others = sum(item.kind != SAMPLE for item in naming.known)
    score = naming.chosen.score if naming.chosen else 0.0
    return score, others, len({item.name for item in naming.known})


def _read(placed: Sequence[Placed], names: Sequence[str], origin: str, pattern: str) -> Naming:
    kinds = [kind_of(name, item.item.declared) for name, item in zip(names, placed, strict=True)]
    clear = [n for n, k in zip(names, kinds, strict=True) if not k and not may_be_qc(n)]
    open_names = clear or [n for n, k in zip(names, kinds, strict=True) if not k]
    if pattern:
        patterns = [score_pattern(NamePattern(pattern), open_names)]
        chosen = patterns[0] if patterns[0].matched else None
    else:
        patterns = find_patterns(open_names)
        chosen = patterns[0] if patterns and is_convincing(patterns[0]) else None
    known = []
    missed = []
    for item, name, kind in zip(placed, names, kinds, strict=True):
        if kind:
            level = read_level(name) if kind in (STANDARD, QC) else None
            known.append(Known(item, name, kind, level=level))
            continue
        sample = chosen.pattern.match(name) if chosen else None
        if sample is None and may_be_qc(name):
            known.append(Known(item, name, QC, level=read_level(name)))
            continue
        if sample is None:
            missed.append(name)
        known.append(Known(item, name, SAMPLE, sample))
    known = _with_reinjections(_counted(known))
    return Naming(tuple(_with_roles(known)), origin, tuple(patterns), chosen, tuple(missed))


def _counted(known: Sequence[Known]) -> list[Known]:
    """Fractions from 1 on: those after the dose follow those before, and 0 is the first."""
    samples = [item.sample for item in known if item.sample]
    before = max((s.fraction for s in samples if is_before(s.period)), default=0)
    first = min((s.fraction for s in samples), default=1)
    out = []
    for item in known:
        sample = item.sample
        if sample is not None:
            shift = before if sample.period and not is_before(sample.period) else 0
            shift += 1 if first == 0 else 0
            item = replace(item, sample=replace(sample, fraction=sample.fraction + shift))
        out.append(item)
    return out


def n_before(naming: Naming) -> int:
    """Fractions before the dose, where names tell them from those after it; else 0."""
    samples = [item.sample for item in naming.known if item.sample and item.sample.period]
    return max((s.fraction for s in samples if is_before(s.period)), default=0)


def _with_reinjections(known: Sequence[Known]) -> list[Known]:
    first: dict[tuple[str, str, int], str] = {}
    out = []
    for item in known:
        if item.sample is not None:
            vial = (item.sample.animal, item.sample.probe, item.sample.fraction)
            if vial in first:
                item = replace(item, reinjection_of=first[vial])
            first.setdefault(vial, item.injection_id)
        out.append(item)
    return out


def _with_roles(known: Sequence[Known]) -> list[Known]:
    """A standard of a level that was there before the samples checks the drift."""
    out = []
    levels: dict[str, set[str]] = {}
    sampled: set[str] = set()
    for item in known:
        run = item.placed.run
        if item.kind == SAMPLE:
            sampled.add(run)
        elif item.kind == QC:
            item = replace(item, role="qc")
        elif item.kind == STANDARD and item.level is not None:
            seen = levels.setdefault(run, set())
            bracket = item.level.text in seen and run in sampled
            seen.add(item.level.text)
            item = replace(item, role="bracket" if bracket else "cal")
        out.append(item)
    return out


def kinds_count(naming: Naming) -> dict[str, int]:
    """Number of injections of every kind that there is."""
    counts = {kind: len(naming.of_kind(kind)) for kind in (SAMPLE, STANDARD, QC, BLANK)}
    return {kind: number for kind, number in counts.items() if number}
