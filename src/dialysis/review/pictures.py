"""Figures as the page shows them, copied beside it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from dialysis.errors import FigureError
from dialysis.review.names import figure_file
from dialysis.review.results import Figure

_PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Link:
    """A file beside the page.

    Parameters
    ----------
    text : str
        What the reader clicks on.
    href : str
        Place relative to the page.
    """

    text: str
    href: str


@dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Parameters
    ----------
    name : str
        File name without the ending.
    title : str
        Heading.
    alt : str
        What it shows, for those who don't see it.
    src : str
        The PNG, relative to the page.
    width, height : int
        Of the PNG, pixels.
    links : tuple of Link
        The other formats.
    """

    name: str
    title: str
    alt: str
    src: str
    width: int
    height: int
    links: tuple[Link, ...]


def picture(figure: Figure, title: str, alt: str) -> Picture:
    """Describe a figure for the page.

    Raises
    ------
    FigureError
        If its PNG can't be read.
    """
    width, height = png_size(figure.files["png"])
    return Picture(
        name=figure.name,
        title=title,
        alt=alt,
        src=figure_file(figure.files["png"].name),
        width=width,
        height=height,
        links=tuple(
            Link(ending.upper(), figure_file(path.name))
            for ending, path in figure.files.items()
            if ending != "png"
        ),
    )


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
