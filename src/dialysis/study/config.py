"""Read `study.yaml`: check it against the JSON schema and fill in the defaults."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from dialysis.errors import Problem

SCHEMA_FILE = Path(__file__).resolve().parents[3] / "workflow" / "schemas" / "study.schema.yaml"

SECTIONS = (
    "study",
    "ingest",
    "integrate",
    "quantify",
    "normalize",
    "stats",
    "figures",
    "review",
)

_TYPE_WORDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a section with options",
    "null": "null",
}


def load_schema() -> dict[str, Any]:
    """Return the JSON schema of `study.yaml`."""
    schema: dict[str, Any] = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def read_config(path: Path, shown: str, only: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """Read and check a `study.yaml`, or one section of a file that may have others.

    Parameters
    ----------
    path : Path
        The file.
    shown : str
        How the file is named in messages.
    only : str
        Name of the section that counts; empty for all.

    Returns
    -------
    config : dict
        Every section with every option, defaults filled in.  Meaningful only without problems.
    problems : list of Problem
        Everything that is wrong, with line numbers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return {}, [
            Problem(
                shown,
                f"byte {error.start}",
                "bytes that are not UTF-8",
                "UTF-8 text",
                "Save the file as UTF-8.",
            )
        ]
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return {}, [
            Problem(
                shown,
                where,
                f"text that is not YAML ({error.problem})",
                "valid YAML",
                "Check indentation, quotes and brackets at and above this line.",
            )
        ]
    if not isinstance(value, dict):
        return {}, [Problem(shown, "line 1", "no options", "at least 'study:' with a 'title:'")]
    schema = load_schema()
    if only:
        section = schema["properties"][only]
        schema = {"type": "object", "properties": {only: section}, "required": [only]}
    value = _without_empty_sections(value, schema)
    lines, problems = _key_lines(node, shown)
    problems += _schema_problems(value, lines, shown, schema)
    if problems:
        return {}, sorted(problems)
    return fill_defaults(value, schema), []


def _without_empty_sections(value: Any, schema: Mapping[str, Any]) -> Any:
    """Leave out sections all of whose options are commented out: YAML has null for them."""
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    return {
        key: _without_empty_sections(child, known.get(key, {}))
        for key, child in value.items()
        if child is not None or known.get(key, {}).get("type") != "object"
    }


def fill_defaults(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with the schema's defaults for every option that is absent."""
    filled = dict(value)
    for key, sub in schema.get("properties", {}).items():
        if key not in filled and "default" in sub:
            filled[key] = sub["default"]
        if isinstance(filled.get(key), dict) and "properties" in sub:
            filled[key] = fill_defaults(filled[key], sub)
    return filled


def default_section(name: str) -> dict[str, Any]:
    """Return a section of `study.yaml` as it is when nothing is set."""
    return fill_defaults({}, load_schema()["properties"][name])


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return "Did you mean X?" for the closest known name, or an empty text."""
    names = list(known)
    same = [name for name in names if _looks_like(name) == _looks_like(found)]
    if len(same) == 1:
        return f"Did you mean '{same[0]}'?"
    close = difflib.get_close_matches(found, names, n=1, cutoff=0.6)
    if not close:
        folded = {name.casefold(): name for name in names}
        close = [
            folded[match]
            for match in difflib.get_close_matches(found.casefold(), list(folded), 1, 0.6)
        ]
    return f"Did you mean '{close[0]}'?" if close else ""


def _looks_like(name: str) -> str:
    """A name without case, marks and leading zeros, with O for 0 and l for 1 undone."""
    bare = re.sub(r"[\W_]", "", name.casefold()).translate(str.maketrans("oil", "011"))
    return re.sub(r"(?<!\d)0+(?=\d)", "", bare)


def _key_lines(
    node: yaml.Node | None, shown: str
) -> tuple[dict[tuple[str, ...], int], list[Problem]]:
    """Line of every key, and a problem for every key given twice."""
    lines: dict[tuple[str, ...], int] = {}
    problems: list[Problem] = []

    def walk(current: yaml.Node | None, path: tuple[str, ...]) -> None:
        if isinstance(current, yaml.MappingNode):
            for key, child in current.value:
                here = (*path, str(key.value))
                line = key.start_mark.line + 1
                if here in lines:
                    problems.append(
                        Problem(
                            shown,
                            f"line {line}, {'.'.join(here)}",
                            "the option a second time",
                            f"it once (first on line {lines[here]})",
                            "Remove one of the two.",
                        )
                    )
                lines[here] = line
                walk(child, here)
        elif isinstance(current, yaml.SequenceNode):
            for number, child in enumerate(current.value):
                here = (*path, str(number))
                lines[here] = child.start_mark.line + 1
                walk(child, here)

    walk(node, ())
    return lines, problems


def _schema_problems(
    value: Mapping[str, Any],
    lines: Mapping[tuple[str, ...], int],
    shown: str,
    schema: Mapping[str, Any],
) -> list[Problem]:
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema)
    problems: list[Problem] = []
    for error in validator.iter_errors(value):
        path = tuple(str(part) for part in error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema.get("properties", {}))
            for key in error.instance:
                if key in known:
                    continue
                here = (*path, str(key))
                hint = did_you_mean(str(key), known)
                problems.append(
                    Problem(
                        shown,
                        _where(here, lines),
                        f"unknown option '{key}'",
                        f"one of {', '.join(known)}",
                        hint,
                    )
                )
        elif error.validator == "required":
            absent = [key for key in error.validator_value if key not in error.instance]
            problems += [
                Problem(
                    shown,
                    _where(path, lines),
                    f"no '{key}'",
                    f"'{'.'.join((*path, key))}', which has no default",
                )
                for key in absent
            ]
        else:
            problems.append(
                Problem(
                    shown,
                    _where(path, lines),
                    _found(error.instance),
                    _expected(error.schema, error.validator, error.validator_value),
                    _remedy(error.instance, error.validator, error.validator_value),
                )
            )
    return list(dict.fromkeys(problems))


def _where(path: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> str:
    line = lines.get(path)
    name = ".".join(path)
    if line is None:
        return name
    return f"line {line}, {name}" if name else f"line {line}"


def _found(value: object) -> str:
    if isinstance(value, str):
        return f"'{value}'"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _remedy(value: object, rule: str, limit: Any) -> str:
    """What a choice may be meant to be, and how a number with a decimal comma is written."""
    if not isinstance(value, str):
        return ""
    if rule == "enum":
        return did_you_mean(value, [choice for choice in limit if isinstance(choice, str)])
    if rule == "type" and re.fullmatch(r"[-+]?\d+,\d+", value):
        return f"Write it with a decimal point: {value.replace(',', '.')}."
    return ""


def _expected(schema: Mapping[str, Any], rule: str, limit: Any) -> str:
    if rule == "enum":
        return f"one of {', '.join(str(v) for v in limit)}"
    if rule == "type":
        types = [limit] if isinstance(limit, str) else list(limit)
        return " or ".join(_TYPE_WORDS[t] for t in types)
    if rule == "minimum":
        return f"a number from {limit:g}"
    if rule == "exclusiveMinimum":
        return f"a number above {limit:g}"
    if rule == "maximum":
        return f"a number up to {limit:g}"
    if rule == "exclusiveMaximum":
        return f"a number below {limit:g}"
    if rule == "minLength":
        return "a text that is not empty"
    if rule in ("minItems", "maxItems"):
        return f"a list of {schema.get('minItems', 0)} to {schema.get('maxItems', 'any number of')}"
    return f"{rule} {limit}"
