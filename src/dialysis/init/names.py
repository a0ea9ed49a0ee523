"""Patterns of sample names: which part is the animal, which the fraction."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialysis.errors import StudyError

FIELDS = ("animal", "probe", "period", "fraction", "*")
_AGAIN = re.compile(
    r"[\s_.-]*(?:\(\d\)|re-?inj(?:ection|iziert|ektion)?\d*|re-?run\d*|repeat\d*|rpt\d*|wdh\d*|"
    r"dup(?:licate)?\d*|again\d*|(?<=[\s_.-])re?\d?|(?<=[\d\s_.-])b)$",
    re.IGNORECASE,
)
_BEFORE = frozenset({"b", "bl", "bas", "base", "basal", "baseline", "pre", "vor"})
_AFTER = frozenset({"d", "p", "t", "post", "drug", "after", "nach", "treat", "n"})
# Words for sides and regions, in names of studies with two probes in an animal.
_PLACES = frozenset(
    (
        *("l", "r", "li", "re", "left", "right", "links", "rechts", "ipsi", "contra"),
        *("hip", "hipp", "hpc", "hc", "vhip", "dhip", "pfc", "mpfc", "fc", "ctx", "str", "dstr"),
        *("cpu", "nac", "nacc", "acb", "vta", "sn", "amy", "bla", "hyp", "pvn", "dr", "drn", "lc"),
    )
)
_FRACTION_WORDS = re.compile(r"(?:f|fr|frac|fraction|fraktion|s|sample|smp|vial|#|no|nr)\W*$", re.I)
_MOST_FRACTIONS = 100
_LEAST_SCORE = 0.5


@dataclass(frozen=True)
class Sample:
    """What a sample's name says.

    Parameters
    ----------
    animal, probe : str
        Names; the probe is empty where names have none.
    fraction : int
        Its number; counted from the first of its period where names have periods.
    period : str
        Word in front of the number, where names have one for before and one for after the dose.
    again : bool
        Whether the name is marked as a repeated injection.
    """

    animal: str
    probe: str
    fraction: int
    period: str = ""
    again: bool = False


@dataclass(frozen=True)
class NamePattern:
    """A pattern like ``{animal}_F{fraction}``.

    Parameters
    ----------
    text : str
        The pattern; fields are {animal}, {probe}, {period}, {fraction} and {*} for anything.
    """

    text: str

    def match(self, name: str) -> Sample | None:
        """Read a name; ``None`` when the pattern does not fit it."""
        expression = self._expression()
        again = False
        found = expression.fullmatch(name)
        if found is None:
            bare = _AGAIN.sub("", name)
            if bare != name:
                found, again = expression.fullmatch(bare), True
        if found is None:
            return None
        parts = found.groupdict()
        return Sample(
            parts["animal"].strip(),
            (parts.get("probe") or "").strip(),
            int(parts["fraction"]),
            (parts.get("period") or "").casefold(),
            again,
        )

    def _expression(self) -> re.Pattern[str]:
        return _compiled(self.text)


def _compiled(text: str) -> re.Pattern[str]:
    """Regular expression of a pattern; blanks may be any number, letters any case.

    Raises
    ------
    StudyError
        If a field is unknown, twice or missing.
    """
    pieces = re.split(r"\{([^{}]*)\}", text)
    fields = pieces[1::2]
    unknown = [name for name in fields if name not in FIELDS]
    named = [name for name in fields if name != "*"]
    if unknown or len(named) != len(set(named)) or not {"animal", "fraction"} <= set(named):
        raise StudyError(
            f"--pattern '{text}': found the fields {', '.join(fields) or 'none'}; expected "
            "{animal} and {fraction} once each, and {probe}, {period} or {*} where names have them."
        )
    forms = {
        "animal": r"(?P<animal>.+?)",
        "probe": r"(?P<probe>[^\W\d_]+|\d+)",
        "period": r"(?P<period>[^\W\d_]+?)",
        "fraction": r"(?P<fraction>\d{1,3})",
        "*": r".*?",
    }
    parts = []
    for place, piece in enumerate(pieces):
        if place % 2:
            parts.append(forms[piece])
        else:
            parts.append(r"\s*".join(re.escape(part) for part in re.split(r"\s+", piece)))
    return re.compile("".join(parts), re.IGNORECASE)


@dataclass(frozen=True)
class ScoredPattern:
    """A pattern and how well it fits.

    Parameters
    ----------
    pattern : NamePattern
        The pattern.
    matched : int
        Names that it fits, of `total`.
    score : float
        0 to 1: part of the names × how regular animals and fractions are then.
    """

    pattern: NamePattern
    matched: int
    total: int
    score: float


def find_patterns(names: Sequence[str]) -> list[ScoredPattern]:
    """Propose patterns for the names of samples, the best first.

    Parameters
    ----------
    names : sequence of str
        Sample names in the order of injection; repeated ones count every time.

    Returns
    -------
    list of ScoredPattern
        At most five that differ in what they say; empty when no number in the names can be a
        fraction.

    Notes
    -----
    Names are cut into letters, digits and signs.  Of the commonest sequences of these every run
    of digits is tried as the fraction and every stretch of the rest as the animal.  A good pattern
    gives every animal the fractions 1 to n once, in the order of injection.
    """
    shapes = Counter(_shape(name) for name in names)
    texts: dict[str, None] = {}
    for shape, _ in shapes.most_common(3):
        alike = [_tokens(name) for name in names if _shape(name) == shape]
        texts |= dict.fromkeys(_candidates(shape, alike))
    scored = [score_pattern(NamePattern(text), names) for text in texts]
    good = [item for item in scored if item.score > 0]
    good.sort(key=lambda item: (-round(item.score, 3), len(item.pattern.text), item.pattern.text))
    different: list[ScoredPattern] = []
    said: list[list[Sample | None]] = []
    for item in good:
        says = [item.pattern.match(name) for name in names]
        if says not in said:
            said.append(says)
            different.append(item)
    return different[:5]


def score_pattern(pattern: NamePattern, names: Sequence[str]) -> ScoredPattern:
    """Say how well a pattern fits names, see `find_patterns`."""
    found = [sample for sample in map(pattern.match, names) if sample is not None]
    regular = _regularity([sample for sample in found if not sample.again]) if found else 0.0
    rate = len(found) / len(names) if names else 0.0
    score = rate * regular * _likely(pattern.text, found)
    return ScoredPattern(pattern, len(found), len(names), min(1.0, score))


def _likely(text: str, found: Sequence[Sample]) -> float:
    """How usual a pattern is; settles which of several that fit alike is the one."""
    factor = 0.9 ** text.count("{*}")
    if _FRACTION_WORDS.search(text[: text.index("{fraction}")]) is None:
        factor *= 0.97
    if text.index("{animal}") > text.index("{fraction}"):
        factor *= 0.9
    # In most sequences the fractions of an animal follow each other.
    pairs = list(itertools.pairwise(found))
    next_one = sum(a.animal == b.animal and b.fraction == a.fraction + 1 for a, b in pairs)
    factor *= 0.95 + 0.05 * next_one / len(pairs) if pairs else 1.0
    if "{period}" not in text:
        factor *= 0.97
    if "{probe}" in text:
        known = {sample.probe.casefold() for sample in found} <= _PLACES
        factor *= 1.0 if known else 0.85
    else:
        factor *= 0.97
    return factor


def _tokens(name: str) -> list[str]:
    return re.findall(r"\d+|[^\W\d_]+|[\W_]+", name)


def _shape(name: str) -> str:
    return "".join(
        "d" if token[0].isdigit() else "a" if token[0].isalpha() else "s" for token in _tokens(name)
    )


def _candidates(shape: str, alike: Sequence[Sequence[str]]) -> Iterator[str]:
    """Patterns for names of one shape."""
    columns = list(zip(*alike, strict=True))
    varying = [len(set(column)) > 1 for column in columns]
    digits = [at for at, kind in enumerate(shape) if kind == "d"]
    for fraction in digits:
        if max(int(text) for text in columns[fraction][:500]) > _MOST_FRACTIONS:
            continue
        others = [at for at in range(len(shape)) if varying[at] and at != fraction]
        stretches = {
            (first, last)
            for first in range(len(shape))
            for last in range(first, len(shape))
            if not first <= fraction <= last
            and _is_name(shape, columns, varying, (first, last), bool(others))
        }
        for first, last in sorted(stretches):
            rest = [at for at in others if not first <= at <= last]
            yield from _with_rest(shape, columns, fraction, (first, last), rest)


def _is_name(
    shape: str,
    columns: Sequence[Sequence[str]],
    varying: Sequence[bool],
    stretch: tuple[int, int],
    several: bool,
) -> bool:
    """Whether a stretch can be the animal: it varies, and begins and ends with what varies."""
    first, last = stretch
    if shape[first] == "s" or shape[last] == "s":
        return False
    if not any(varying[first : last + 1]):
        # one animal alone: its name has a number, and is neither a word nor a date
        own = shape[first : last + 1]
        dated = any(len(columns[at][0]) > 4 for at in range(first, last + 1) if shape[at] == "d")
        return not several and "s" not in own and "d" in own and not dated
    parts = shape[first : last + 1].split("s")
    if len(parts) > 1:
        # a constant word at either end, with a sign between, is no part of the name; nor is a date
        if not any(varying[first : first + len(parts[0])]):
            return False
        if not any(varying[last + 1 - len(parts[-1]) : last + 1]):
            return False
        return all(
            len(text) < 4 or shape[at] != "d"
            for at in range(first, last + 1)
            for text in columns[at][:50]
        )
    return True


def _with_rest(
    shape: str,
    columns: Sequence[Sequence[str]],
    fraction: int,
    animal: tuple[int, int],
    rest: Sequence[int],
) -> Iterator[str]:
    """Patterns with animal and fraction chosen: the rest is a probe, a period, or anything."""
    first, last = animal
    # letters and digits that touch the animal's belong to its name: R in R01
    if first > 0 and first - 1 != fraction and shape[first - 1] != "s" and shape[first] != "s":
        return
    if last + 1 < len(shape) and last + 1 != fraction and shape[last + 1] == "d":
        return
    roles: dict[int, str] = dict.fromkeys(rest, "*")
    yield _text(columns, fraction, animal, roles)
    for at in rest:
        values = {text.casefold() for text in columns[at]}
        if (
            shape[at] == "a"
            and at == fraction - 1
            and len(values) == 2
            and values & _BEFORE
            and values & _AFTER
        ):
            yield _text(columns, fraction, animal, roles | {at: "period"})
        elif shape[at] == "a" and 2 <= len(values) <= 4:
            yield _text(columns, fraction, animal, roles | {at: "probe"})


def _text(
    columns: Sequence[Sequence[str]],
    fraction: int,
    animal: tuple[int, int],
    roles: dict[int, str],
) -> str:
    parts = []
    for at, column in enumerate(columns):
        if at == fraction:
            parts.append("{fraction}")
        elif at == animal[0]:
            parts.append("{animal}")
        elif animal[0] < at <= animal[1]:
            continue
        elif at in roles:
            parts.append(f"{{{roles[at]}}}")
        else:
            parts.append(re.sub(r"\s+", " ", column[0]))
    return re.sub(r"(\{\*\})+", "{*}", "".join(parts))


def _regularity(found: Sequence[Sample]) -> float:
    """How regular animals and fractions are, 0 to 1."""
    if not found:
        return 0.0
    vials = [(s.animal.casefold(), s.probe.casefold(), s.period, s.fraction) for s in found]
    once = len(set(vials)) / len(vials)
    own: dict[tuple[str, str, str], list[int]] = {}
    for animal, probe, period, number in vials:
        own.setdefault((animal, probe, period), []).append(number)
    if len(own) == len(vials):
        return 0.0  # every name an animal of its own
    gaps, rising, starts = [], [], []
    for numbers in own.values():
        kinds = set(numbers)
        gaps.append(len(kinds) / (max(kinds) - min(kinds) + 1))
        starts.append(1.0 if min(kinds) <= 1 else 0.5)
        pairs = list(itertools.pairwise(numbers))
        rising.append(sum(a <= b for a, b in pairs) / len(pairs) if pairs else 0.5)
    sizes = Counter(len(set(numbers)) for numbers in own.values())
    even = sizes.most_common(1)[0][1] / len(own)
    probes = {(animal, probe) for animal, probe, _, _ in vials if probe}
    animals = {animal for animal, _, _, _ in vials}
    # a probe is one only where animals carry several
    real = len(probes) / (2 * len(animals)) if probes else 1.0
    several = 1.0 if len(animals) > 1 else 0.7
    parts = (_mean(gaps), _mean(rising), _mean(starts), 0.8 + 0.2 * even)
    product = once**2 * min(1.0, real) * several
    for part in parts:
        product *= part
    return product


def is_convincing(item: ScoredPattern) -> bool:
    """Whether a pattern fits well enough to fill tables with what it says."""
    return item.score >= _LEAST_SCORE


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def is_before(period: str) -> bool:
    """Whether a period's word means before the dose."""
    return period in _BEFORE
