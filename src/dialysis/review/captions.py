"""Captions: the little Markdown they are written in, as blocks of text with styles."""

from __future__ import annotations

import re
from typing import Any

# Emphasis opens after a space and before a letter, so the stars of "* p < 0.05" stay stars.
_MARKED = re.compile(
    r"(?<![\w*\\])\*\*(?=[^\s*])(?P<strong>.+?)(?<=[^\s*\\])\*\*(?![\w*])"
    r"|(?<![\w*\\])\*(?=[^\s*])(?P<em>[^*]+?)(?<=[^\s*\\])\*(?![\w*])"
)
_CODE = re.compile(r"`([^`]+)`")
_ESCAPED = re.compile(r"\\([\\*_{}\[\]()#+\-.!|~<>&])")
_HEADING = re.compile(r"#{1,6}\s+(.*)")
_ITEM = re.compile(r"-\s+(.*)")


def caption_blocks(markdown: str) -> list[dict[str, Any]]:
    """Read a caption: headings, paragraphs, ``-`` lists, strong, emphasis and code.

    Parameters
    ----------
    markdown : str
        Anything else in it, HTML above all, stays the text it is.

    Returns
    -------
    list of dict
        ``kind`` (heading, text or list) with ``spans``, or with ``items`` that are spans; a span
        is a text and its style: ``""``, ``"strong"``, ``"em"`` or ``"code"``.
    """
    return [_block(lines) for lines in _blocks(markdown)]


def _blocks(markdown: str) -> list[list[str]]:
    blocks: list[list[str]] = []
    kind = ""
    for line in [*markdown.splitlines(), ""]:
        text = line.strip()
        new = "heading" if _HEADING.fullmatch(text) else "item" if _ITEM.fullmatch(text) else "text"
        if not text:
            kind = ""
        elif new == kind != "heading" or (kind == "item" and line.startswith(" ")):
            blocks[-1].append(text)
        else:
            blocks.append([text])
            kind = new
    return blocks


def _block(lines: list[str]) -> dict[str, Any]:
    heading = _HEADING.fullmatch(lines[0])
    if heading:
        return {"kind": "heading", "spans": spans(heading.group(1))}
    if _ITEM.fullmatch(lines[0]):
        items: list[str] = []
        for line in lines:
            item = _ITEM.fullmatch(line)
            if item:
                items.append(item.group(1))
            else:
                items[-1] += f" {line}"
        return {"kind": "list", "items": [spans(item) for item in items]}
    return {"kind": "text", "spans": spans(" ".join(lines))}


def spans(text: str) -> list[list[str]]:
    """Part a line into texts and their styles."""
    found: list[list[str]] = []
    for position, part in enumerate(_CODE.split(text)):
        if position % 2:
            found.append([part, "code"])
            continue
        end = 0
        for match in _MARKED.finditer(part):
            found.append([part[end : match.start()], ""])
            strong = match.group("strong")
            found.append([strong, "strong"] if strong else [match.group("em"), "em"])
            end = match.end()
        found.append([part[end:], ""])
    return [[_ESCAPED.sub(r"\1", text), style] for text, style in found if text]
