"""Standards, blanks, QCs and samples told apart, and levels read from names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dialysis.study.cells import read_choice
from dialysis.tables.inputs import AMOUNT_UNITS

SAMPLE, STANDARD, BLANK, QC = "sample", "standard", "blank", "qc"

# Words that stand alone between signs and digits; what vendors' software calls the types.
_WORDS = (
    (
        BLANK,
        r"blank|blk|blindwert|blind|leerwert|leer|water|wasser|h2o|eluent|mobile ?phase|"
        r"solvent|acsf|ringer|wash|zero|null",
    ),
    (QC, r"qc|qk|quality control"),
    (
        STANDARD,
        r"stds?|standards?|d-st|st|kal|cal|calib\w*|eich\w*|mix|brk|bracket\w*|level|lvl|cs",
    ),
)
_PATTERNS = tuple(
    (kind, re.compile(rf"(?<![^\W\d_])(?:{words})(?![^\W\d_])", re.IGNORECASE))
    for kind, words in _WORDS
)
# Words that are QCs only where nothing says that they are samples: a group may be called control.
_WEAK_QC = re.compile(r"(?<![^\W\d_])(?:control|kontrolle|ctrl|check)(?![^\W\d_])", re.IGNORECASE)
_DECLARED: Mapping[str, str] = MappingProxyType(
    {
        "calibration standard": STANDARD,
        "standard": STANDARD,
        "1:standard": STANDARD,
        "calibration": STANDARD,
        "check standard": QC,
        "control": QC,
        "2:control": QC,
        "validation": QC,
        "blank": BLANK,
        "matrix": BLANK,
        "matrix blank": BLANK,
    }
)
# Header entries in which software says what was injected.
TYPE_ENTRIES = ("Type", "Sample Type", "sample_type", "Injection Type", "SampleType")


def declared_kind(header: Mapping[str, str]) -> str:
    """What the export says was injected; empty for unknown samples and where it says nothing."""
    for name in TYPE_ENTRIES:
        kind = _DECLARED.get(header.get(name, "").strip().casefold(), "")
        if kind:
            return kind
    return ""


def kind_of(name: str, declared: str = "") -> str:
    """What a name and the export's own word say was injected; empty when neither says it."""
    for kind, words in _PATTERNS:
        if words.search(name):
            return kind
    return declared


def may_be_qc(name: str) -> bool:
    """Whether a name has a word like "control", which is a QC unless it is a sample's name."""
    return bool(_WEAK_QC.search(name))


@dataclass(frozen=True)
class Level:
    """Level of a standard as its name prints it.

    Parameters
    ----------
    text : str
        As printed.
    amount, unit : float or None, str
        A concentration or amount, the same for every analyte.
    factor : float or None
        Part of the mix of 100 %.
    """

    text: str
    amount: float | None = None
    unit: str = ""
    factor: float | None = None


_NUMBER = r"(\d+(?:[.,]\d+)?)"
_UNITS = "|".join(
    sorted((re.escape(unit) for unit in (*AMOUNT_UNITS, "μM", "µmol/L", "nmol/L")), key=len)[::-1]
)
_WITH_UNIT = re.compile(rf"(?<![\d.,]){_NUMBER}\s*[_-]?({_UNITS})(?![^\W\d_])", re.IGNORECASE)
_PERCENT = re.compile(rf"(?<![\d.,]){_NUMBER}\s*%")
_TIMES = re.compile(rf"(?<![\d.,]){_NUMBER}\s*[x×](?![^\W\d_])|[x×]\s*{_NUMBER}", re.IGNORECASE)
_DILUTED = re.compile(rf"(?<!\d)1\s*[:/]\s*{_NUMBER}")
_LAST_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\D*$")


def read_level(name: str) -> Level:
    """Read the level of a standard from its name: ``50 nM``, ``20 %``, ``2x``, ``1:10``, or ``L3``.

    A number with none of these is only the level's name.
    """
    if match := _WITH_UNIT.search(name):
        unit = {"µmol/l": "µM", "nmol/l": "nM"}.get(match[2].casefold(), match[2])
        amount = _float(match[1])
        return Level(match[0].strip(), amount=amount, unit=read_choice(unit, AMOUNT_UNITS))
    if match := _PERCENT.search(name):
        return Level(match[0], factor=_float(match[1]) / 100)
    if match := _DILUTED.search(name):
        return Level(match[0], factor=1 / _float(match[1]))
    if match := _TIMES.search(name):
        return Level(match[0].strip(), factor=_float(match[1] or match[2]))
    match = _LAST_NUMBER.search(name)
    return Level(match[1] if match else "")


def _float(text: str) -> float:
    return float(text.replace(",", "."))
