"""Figures as the site shows them, copied beside it, and their thumbnails."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

from dialysis.errors import FigureError
from dialysis.review.captions import caption_blocks
from dialysis.review.names import figure_file
from dialysis.review.results import Figure

_PNG_START = b"\x89PNG\r\n\x1a\n"
_THUMB_WIDTH = 440


def picture(figure: Figure) -> dict[str, Any]:
    """Describe a figure for the page.

    Returns
    -------
    dict
        ``name``, ``title``, ``alt``, ``src``, ``width`` and ``height`` (pixels), ``links`` to the
        formats, ``caption`` as blocks.

    Raises
    ------
    FigureError
        If its PNG can't be read.
    """
    width, height = png_size(figure.files["png"])
    title = figure.title or title_of(figure.name)
    return {
        "name": figure.name,
        "title": title,
        "alt": figure.alt or f"{title}. The numbers are in the tables of the site.",
        "caption": caption_blocks(figure.caption),
        "src": figure_file(figure.files["png"].name),
        "width": width,
        "height": height,
        "links": [
            [ending.upper(), figure_file(path.name)] for ending, path in figure.files.items()
        ],
    }


def screen_png(path: Path, width: int | None = None) -> bytes:
    """A figure with the 256 colours it needs most: looks the same, at a third of the size.

    Parameters
    ----------
    path : Path
        The PNG of a bundle, which keeps all its colours.
    width : int, optional
        Make it no wider than this, pixels.

    Raises
    ------
    FigureError
        If it is not a PNG.
    """
    from PIL import Image

    size = png_size(path)
    with Image.open(path) as image:
        shown = image.convert("RGB")
    if width is not None and size[0] > width:
        shown = shown.resize((width, max(1, size[1] * width // size[0])), Image.Resampling.LANCZOS)
    few = shown.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=width is not None)
    return out.getvalue()


def thumbnail_png(path: Path) -> bytes:
    """Make a small picture of a figure.

    Raises
    ------
    FigureError
        If it is not a PNG.
    """
    return screen_png(path, _THUMB_WIDTH)


def png_size(path: Path) -> tuple[int, int]:
    """Read width and height of a PNG from its header.

    Raises
    ------
    FigureError
        If the file does not begin as a PNG does (ISO/IEC 15948, 11.2.2).
    """
    with path.open("rb") as stream:
        head = stream.read(24)
    if len(head) < 24 or head[:8] != _PNG_START or head[12:16] != b"IHDR":
        raise FigureError(
            f"{path}: found a file that does not begin as a PNG does; expected a figure. "
            "Delete it and run the stage 'figures' again."
        )
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def title_of(name: str) -> str:
    """Make a heading of a file name: ``calibration_lines`` is ``Calibration lines``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]
