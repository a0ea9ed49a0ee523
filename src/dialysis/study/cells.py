"""How people write cells: decimal commas, units beside numbers, words for nothing and vehicle."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dialysis.study.sheets import DateCell, TrueNumber

A_NUMBER = "a number (decimal point or comma, no thousands mark)"

NOT_DETECTED = frozenset(
    (
        *("n.d.", "n.d", "nd", "n. d.", "n.n.", "not detected", "nicht nachweisbar"),
        *("<lod", "< lod", "below lod", "bdl", "b.d.l.", "blod", "below detection"),
    )
)
"""Casefolded texts that say that something was sought and not found."""

NOT_AVAILABLE = frozenset(
    {"n.a.", "na", "n/a", "n.a", "-", "–", "—", "nan", "k.a.", ".", "missing"}
)
"""Casefolded texts that say that there is no value."""

_MONTHS = "jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_MONTH_DATE = re.compile(
    rf"(\d{{1,4}}[-. /]{{1,2}}(?:{_MONTHS})[a-z]*\.?(?:[-. /]+\d{{2,4}})?"
    rf"|(?:{_MONTHS})[a-z]*\.?[-. /]+\d{{1,4}})",
    re.IGNORECASE,
)
_FIGURE_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}|\d{4}-\d{2}-\d{2}( [\d:]+)?")
_FORMULA_ERROR = re.compile(r"#[^\W\d_a-z¡][\w/¡]*[!?]?|#¡?[A-Z/0]+[!?]")

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_BOTH = re.compile(r"[+-]?[1-9]\d{0,2}((?:\.\d{3})+,\d+|(?:,\d{3})+\.\d+)")
_WITH_UNIT = re.compile(r"([+-]?[\d.,]*\d(?:[eE][+-]?\d+)?)\s*([^\d\s.,+-].*)")

ROUTES: Mapping[str, str] = MappingProxyType(
    {
        "sc": "s.c.",
        "ip": "i.p.",
        "iv": "i.v.",
        "po": "p.o.",
        "im": "i.m.",
        "icv": "i.c.v.",
    }
)
_ROUTE = re.compile(r"\(?\b(s\.?c|i\.?p|i\.?v|p\.?o|i\.?m|i\.?c\.?v)\.?\)?$", re.IGNORECASE)
DOSE_UNIT = (
    r"(?:[pnµμum]?g|[pnµμum]?mol|IU|IE|U)\s?(?:/\s?(?:kg|animal|rat|mouse)|[ ·]?kg(?:-1|⁻¹))"
    r"|[pnµμum]g|[pnµμum]?mol|[pnµμum]M"
)
_DRUG_AND_DOSE = re.compile(
    rf"(?P<drug>.*[^\W\d].*?)[\s_,;:-]+\(?(?P<dose>\d+(?:[.,]\d+)?)\s*(?P<unit>{DOSE_UNIT})\)?"
    r"(?P<rest>[\s,(].*)?"
)

_VEHICLE = re.compile(r"veh(?:\.|icle|ikel)?", re.IGNORECASE)
_SALINE = re.compile(
    r"sal(?:\.|ine)?|(?:0[.,]9\s?%\s?)?nacl(?:\s?0[.,]9\s?%)?|kochsalz(?:lösung)?|"
    r"physiological saline|0[.,]9\s?%\s?saline|saline\s?0[.,]9\s?%",
    re.IGNORECASE,
)
_OTHER_VEHICLES = re.compile(
    r"control|ctrl|ctl|kontrolle|sham|placebo|acsf|ringer|pbs|water|wasser|solvent|"
    r"lösungsmittel|dmso(?:\s.*)?|.*\b(?:vehicle|veh)\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """A cell read as a number.

    Parameters
    ----------
    value : float
        nan when there is none.
    unit : str
        What stands behind it.
    habit : str
        How it was written, when not as a plain number; empty when it was.
    expected : str
        What was expected, when it can't be read; empty when it can.
    """

    value: float = math.nan
    unit: str = ""
    habit: str = ""
    expected: str = ""


def is_formula_error(text: str) -> bool:
    """Whether a cell holds what a spreadsheet writes for a formula that failed."""
    return bool(_FORMULA_ERROR.fullmatch(text))


def looks_like_date(text: str, figures: bool) -> bool:
    """Whether a spreadsheet may have made a date of a cell; with `figures` also ``1.2.2024``."""
    if isinstance(text, DateCell) or _MONTH_DATE.fullmatch(text):
        return True
    return figures and bool(_FIGURE_DATE.fullmatch(text))


@dataclass(frozen=True)
class DecimalMarks:
    """Which decimal marks the numbers of a table have beyond doubt."""

    point: bool = False
    comma: bool = False

    @classmethod
    def of(cls, texts: Iterable[str], delimiter: str) -> DecimalMarks:
        """Find them in all number cells of a table.

        A table with semicolons was saved where the comma is the decimal mark, unless it has points.
        """
        point = comma = False
        for text in texts:
            if isinstance(text, TrueNumber):
                continue
            bare = _bare(text.lstrip("< "))
            if _THOUSANDS.fullmatch(bare):
                continue
            comma |= bool(_COMMA.fullmatch(bare)) or bool(
                _BOTH.fullmatch(bare) and "," in bare[-3:]
            )
            point |= "." in bare and bool(_POINT.fullmatch(bare))
        return cls(point, comma or (delimiter == ";" and not point))


def _bare(text: str) -> str:
    """The number of a cell without its unit."""
    match = _WITH_UNIT.fullmatch(text)
    return match[1] if match else text


def read_number(text: str, marks: DecimalMarks) -> Number:
    """Read a cell of a number column.

    Parameters
    ----------
    text : str
        The cell, without blanks around it.
    marks : DecimalMarks
        Those of the whole table; they decide what ``1,234`` is.

    Returns
    -------
    Number
        A text for "not available" or "not detected" gives no value and is a habit.
    """
    if text == "":
        return Number()
    folded = text.casefold()
    if folded in NOT_AVAILABLE:
        return Number(habit="a text for 'no value'")
    if folded in NOT_DETECTED:
        return Number(habit="a text for 'not detected'")
    if is_formula_error(text):
        return Number(expected="a value: a formula of the spreadsheet failed here")
    if looks_like_date(text, figures=True):
        return Number(
            expected="a number: the spreadsheet has made a date of it (format the column as text "
            "or number and type it again)"
        )
    bare = text.replace("−", "-")
    unit = ""
    match = _WITH_UNIT.fullmatch(bare)
    if match and not _POINT.fullmatch(bare):
        bare, unit = match[1], match[2].strip()
    if isinstance(text, TrueNumber):
        return _finite(bare, unit, "")
    habit = "a unit beside the number" if unit else ""
    if _THOUSANDS.fullmatch(bare):
        comma = "," in bare
        if comma == marks.comma and marks.comma != marks.point:
            return _finite(bare.replace(",", "."), unit, "a decimal comma" if comma else habit)
        if not comma and not marks.comma:
            return _finite(bare, unit, habit)
        whole, part = re.split("[.,]", bare)
        return Number(
            expected="a number that can be read in one way only, not as "
            f"{whole}.{part} or {whole}{part}"
        )
    if _COMMA.fullmatch(bare):
        return _finite(bare.replace(",", "."), unit, "a decimal comma")
    if _BOTH.fullmatch(bare):
        comma = bare.rfind(",") > bare.rfind(".")
        plain = bare.replace(".", "").replace(",", ".") if comma else bare.replace(",", "")
        return _finite(plain, unit, "a mark between thousands")
    if _POINT.fullmatch(bare):
        return _finite(bare, unit, habit)
    return Number(expected=A_NUMBER)


def _finite(bare: str, unit: str, habit: str) -> Number:
    value = float(bare)
    return Number(value, unit, habit) if math.isfinite(value) else Number(expected=A_NUMBER)


def plain_number(value: float) -> str:
    """Shortest text of a number."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


@dataclass(frozen=True)
class Treatment:
    """What a cell like ``mianserin 5 mg/kg s.c.`` says; what it does not say is empty."""

    drug: str
    dose: str = ""
    unit: str = ""
    route: str = ""


def read_treatment(text: str) -> Treatment:
    """Take a dose, its unit and the route off a drug's name; a name without a dose stays whole."""
    match = _DRUG_AND_DOSE.fullmatch(text)
    if match is None or not route_known(match["rest"]):
        return Treatment(text)
    return Treatment(match["drug"], match["dose"], match["unit"], read_route(match["rest"] or ""))


def route_known(rest: str | None) -> bool:
    """Whether what stands behind a dose is nothing or a route."""
    return rest is None or not rest.strip(" ,()") or bool(_ROUTE.fullmatch(rest.strip(" ,")))


def split_unit(text: str) -> tuple[str, str]:
    """Part a unit like ``mg/kg s.c.`` into unit and route."""
    match = _ROUTE.search(text)
    if match is None or match.start() == 0:
        return text, ""
    return text[: match.start()].strip(" ,("), read_route(match[0])


def read_route(text: str) -> str:
    """Write a route as ``s.c.``; what is none of the usual ones is left as it is."""
    bare = text.strip(" ,()")
    return ROUTES.get(re.sub(r"[^a-z]", "", bare.casefold()), bare)


def read_vehicle(text: str) -> str:
    """Return the usual name of a vehicle, or an empty text when the word is none."""
    if _VEHICLE.fullmatch(text):
        return "vehicle"
    if _SALINE.fullmatch(text):
        return "saline"
    return text if _OTHER_VEHICLES.fullmatch(text) else ""


def same_unit(text: str) -> str:
    """Key under which spellings of one unit are the same, like ``mg / Kg`` and ``mg kg-1``."""
    key = text.replace("μ", "µ").replace("µ", "u").replace(" ", "").replace("·", "")
    key = re.sub(r"(?<=\w)kg(?:-1|⁻¹)$", "/kg", key, flags=re.IGNORECASE)
    return key.casefold()


_SYNONYMS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "female": MappingProxyType(dict.fromkeys(("f", "w", "♀", "weiblich"), "female")),
        "male": MappingProxyType(dict.fromkeys(("m", "♂", "männlich"), "male")),
        "yes": MappingProxyType(dict.fromkeys(("y", "ja", "j", "true", "1", "x", "ok"), "yes")),
        "no": MappingProxyType(dict.fromkeys(("n", "nein", "false", "0"), "no")),
        "unknown": MappingProxyType(dict.fromkeys(("?", "unbekannt"), "unknown")),
        "sample": MappingProxyType(
            dict.fromkeys(("unknown", "unk", "smp", "probe", "samples"), "sample")
        ),
        "standard": MappingProxyType(
            dict.fromkeys(("std", "cal", "calibrator", "calibration", "standards"), "standard")
        ),
        "blank": MappingProxyType(dict.fromkeys(("blk", "water", "solvent"), "blank")),
        "pM": MappingProxyType(dict.fromkeys(("pmol/l", "fmol/ml"), "pM")),
        "nM": MappingProxyType(dict.fromkeys(("nmol/l", "pmol/ml"), "nM")),
        "µM": MappingProxyType(dict.fromkeys(("µmol/l", "μmol/l", "umol/l", "nmol/ml"), "µM")),
        "mM": MappingProxyType(dict.fromkeys(("mmol/l", "µmol/ml"), "mM")),
        "qc": MappingProxyType(dict.fromkeys(("control", "check", "quality control"), "qc")),
    }
)


def read_choice(text: str, choices: Iterable[str]) -> str:
    """Return the choice that a text means, in other letters or by a usual word; else the text."""
    known = list(choices)
    folded = text.casefold()
    alike = [choice for choice in known if same_unit(choice) == same_unit(text)]
    # µM and uM are both choices: the first is as good as the second
    exact = [choice for choice in alike if choice == text.replace("μ", "µ")]
    if exact or alike:
        return (exact or alike)[0]
    for choice in known:
        if folded in _SYNONYMS.get(choice, {}):
            return choice
    return text
