"""Words that captions share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

ADJUSTMENTS = {
    "dunnett": "Dunnett's method",
    "holm": "Holm's method",
    "bonferroni": "Bonferroni's method",
}
_FAMILIES = {
    "within": "the groups within one time",
    "all": "all groups and all times after the dose",
}


def error_words(center: str, error: str) -> str:
    """Say what the error bars of means are."""
    logs = ", computed on logarithms" if center == "geometric" else ""
    if error == "SEM":
        return f"standard error of the mean (SEM){logs}"
    level = error.replace("CI", "confidence interval (CI)")
    return f"{level} of the mean{logs} (t distribution, each group and time by itself)"


def sentence(text: str) -> str:
    """End a text with a full stop."""
    return text if text.endswith(".") else f"{text}."


def has(n: int) -> str:
    """The verb after a number."""
    return "has" if n == 1 else "have"


def was(n: int) -> str:
    """The verb after a number."""
    return "was" if n == 1 else "were"


def adjustment_of(model: Mapping[str, Any], contrasts: pd.DataFrame) -> str:
    """Name the adjustment of the comparisons, ``none`` where there is none."""
    multiplicity = model.get("multiplicity")
    stated = multiplicity.get("adjustment") if isinstance(multiplicity, Mapping) else None
    return str(stated or model.get("adjustment") or contrasts["adjustment"].iloc[0]) or "none"


def adjusted(model: Mapping[str, Any], contrasts: pd.DataFrame) -> str:
    """Say what the p-values behind stars are adjusted by, and over which family."""
    method = adjustment_of(model, contrasts)
    if method == "none":
        return ", not adjusted for the number of comparisons"
    stars = model.get("stars")
    family = str(stars.get("family", "")) if isinstance(stars, Mapping) else str(stars or "")
    over = f" over {_FAMILIES[family]}" if family in _FAMILIES else ""
    return f" (adjusted by {ADJUSTMENTS.get(method, method)}{over})"


def star_levels(model: Mapping[str, Any]) -> dict[str, float]:
    """Return the p below which each number of stars stands."""
    stated = model.get("stars")
    if isinstance(stated, Mapping) and stated.get("below"):
        below = {str(mark): float(level) for mark, level in stated["below"].items()}
        return dict(sorted(below.items(), key=lambda item: len(item[0])))
    alpha = float(model.get("alpha") or 0.05)
    return {"*": alpha, "**": alpha / 5, "***": alpha / 50}


def star_words(model: Mapping[str, Any]) -> str:
    """Say what each number of stars stands for: ``* p < 0.05, ** p < 0.01, *** p < 0.001``."""
    return ", ".join(f"{mark} p < {level:g}" for mark, level in star_levels(model).items())


def groups_with_n(rows: pd.DataFrame) -> str:
    """Groups of a figure with their numbers of animals, from its ``group`` rows."""
    heads = rows[rows["row"] == "group"].sort_values("group_order")
    named = [f"{h.group_label}, n = {int(h.n)}" for h in heads.itertuples(index=False)]
    return f"n is the number of animals: {'; '.join(named)}."


_BOLD = re.compile(r"^\*\*(?=\S)(.+?)(?<=\S)\*\*(?=\s|$)", re.MULTILINE)


def plain_text(markdown: str) -> str:
    """Take the marks of Markdown off a text of the pipeline: bold at the start of a line, code.

    Stars elsewhere stand for p-values and stay.
    """
    return _BOLD.sub(r"\1", markdown).replace("`", "")
