"""Every rule and every flag that can reach the review site has words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dialysis.review.words import FLAGS, RULES, flag_words, rule_words
from dialysis.tables.quantify import CHECKS

CODE = re.compile(r"[a-z]+(_[a-z]+)*")
# Names of lists of flags in the stages, and of what is no flag in lists of such a name.
LISTS = re.compile(r"flag|^odd$|^own$|^checks$")
NO_FLAGS = {"area_fit", "area_fit_se", "records"}


def trees(project: Path, *places: str) -> Iterator[ast.AST]:
    for place in places:
        for path in sorted((project / "src" / "dialysis").glob(place)):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def texts(node: ast.AST) -> Iterator[str]:
    """Texts that an expression of flags consists of, not those of its conditions."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and CODE.fullmatch(node.value):
            yield node.value
    elif isinstance(node, ast.Call):
        # np.where(holds, flag, ""), tuple(flags), dict.fromkeys(flags)
        for part in node.args:
            yield from texts(part)
    else:
        below = {
            ast.Tuple: ("elts",),
            ast.List: ("elts",),
            ast.IfExp: ("body", "orelse"),
            ast.BinOp: ("left", "right"),
            ast.Starred: ("value",),
            ast.ListComp: ("elt", "generators"),
            ast.GeneratorExp: ("elt", "generators"),
            ast.comprehension: ("iter",),
        }.get(type(node), ())
        for name in below:
            part = getattr(node, name)
            for each in part if isinstance(part, list) else [part]:
                yield from texts(each)


def name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return str(getattr(node, "id", getattr(node, "attr", "")))


def written(node: ast.AST) -> list[ast.expr]:
    """Expressions that a statement puts into a list of flags."""
    if isinstance(node, ast.Assign):
        return [node.value] if any(LISTS.search(name_of(t)) for t in node.targets) else []
    if isinstance(node, ast.AnnAssign):
        return [node.value] if node.value and LISTS.search(name_of(node.target)) else []
    if isinstance(node, ast.keyword):
        return [node.value] if node.arg == "flags" else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        into = node.func.attr == "append" and LISTS.search(name_of(node.func.value))
        return node.args if into else []
    if isinstance(node, ast.Call) and name_of(node.func) == "Retention":
        return node.args[2:]
    return []


def flags(project: Path) -> set[str]:
    found: set[str] = set()
    stages = ("integrate/*.py", "quantify/*.py", "normalize/*.py")
    for node in trees(project, *stages):
        for part in written(node):
            found |= set(texts(part))
    for node in trees(project, "review/flags.py"):
        if isinstance(node, ast.Call) and name_of(node.func) == "_rows":
            found |= set(texts(node.args[3]))
    return found - NO_FLAGS


def test_every_check_of_a_run_has_words() -> None:
    assert set(CHECKS) <= set(RULES)


def test_every_rule_of_a_verdict_has_words(project: Path) -> None:
    rules = {
        node.args[1].value
        for node in trees(project, "review/verdicts.py")
        if isinstance(node, ast.Call)
        and name_of(node.func) == "Finding"
        and isinstance(node.args[1], ast.Constant)
    }
    assert len(rules) > 15
    assert rules <= set(RULES)


def test_every_flag_has_words(project: Path) -> None:
    found = flags(project)
    assert found >= {
        "below_lod",
        "clipped",
        "low_snr",
        "mixed_fluid",
        "not_found",
        "reference_missing",
    }
    assert sorted(found - set(FLAGS) - set(RULES)) == []


def test_words_of_codes() -> None:
    assert rule_words("suitability:blank_snr") == "Peak in blanks"
    assert flag_words("odd_width") == "Not as wide as the run has the analyte"
