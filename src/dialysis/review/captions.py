"""Captions: the little Markdown they are written in, as safe HTML."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# Emphasis opens after a space and before a letter, so the stars of "* p < 0.05" stay stars.
_STRONG = re.compile(r"(?<![\w*\\])\*\*(?=[^\s*])(.+?)(?<=[^\s*\\])\*\*(?![\w*])")
_EMPHASIS = re.compile(r"(?<![\w*\\])\*(?=[^\s*])([^*]+?)(?<=[^\s*\\])\*(?![\w*])")
_CODE = re.compile(r"`([^`]+)`")
_ESCAPED = re.compile(r"\\(&(?:lt|gt|amp);|[\\*_{}\[\]()#+\-.!|~])")
_HEADING = re.compile(r"#{1,6}\s+(.*)")
_ITEM = re.compile(r"-\s+(.*)")


def caption_html(markdown: str) -> Markup:
    """Render a caption: headings, paragraphs, ``-`` lists, strong, emphasis and code.

    Parameters
    ----------
    markdown : str
        Anything else in it, HTML above all, is shown as the text it is.

    Returns
    -------
    Markup
        HTML in which every character of the caption is escaped.
    """
    return Markup("\n").join(_block(lines) for lines in _blocks(markdown))


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


def _block(lines: list[str]) -> Markup:
    heading = _HEADING.fullmatch(lines[0])
    if heading:
        return Markup('<p class="caption-title">{}</p>').format(_inline(heading.group(1)))
    if _ITEM.fullmatch(lines[0]):
        items: list[str] = []
        for line in lines:
            item = _ITEM.fullmatch(line)
            if item:
                items.append(item.group(1))
            else:
                items[-1] += f" {line}"
        listed = Markup("").join(Markup("<li>{}</li>").format(_inline(item)) for item in items)
        return Markup("<ul>{}</ul>").format(listed)
    return Markup("<p>{}</p>").format(_inline(" ".join(lines)))


def _inline(text: str) -> Markup:
    # Escaping first: what follows then only ever adds the three tags it names.
    parts = _CODE.split(str(escape(text)))
    spans = []
    for position, part in enumerate(parts):
        if position % 2:
            spans.append(f"<code>{part}</code>")
            continue
        marked = _STRONG.sub(r"<strong>\1</strong>", part)
        marked = _EMPHASIS.sub(r"<em>\1</em>", marked)
        spans.append(_ESCAPED.sub(r"\1", marked))
    return Markup("".join(spans))
