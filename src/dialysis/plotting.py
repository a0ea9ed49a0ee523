"""Style, palettes, sizes and writing of figures, shared by all that draws.

Figures are made with the object API of Matplotlib (`new_figure`): no pyplot figure, no state
left behind.  matplotlib is imported only inside the functions that draw or write.

References
----------
Okabe M, Ito K (2008) Color universal design. https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from dialysis.errors import FigureError
from dialysis.files import atomic_path, write_bytes
from dialysis.study.groups import group_order

MM_PER_INCH = 25.4
POINTS_PER_MM = 72.0 / MM_PER_INCH

# Widths of figures that journals ask for; look at the instructions to authors of yours.  Nature:
# its research figure guide, and the final submission guide for one and a half columns (120 to 136).
# J Neurosci: its page on illustrations.  Elsevier (artwork sizing) and Cell Press (figure
# guidelines) were only seen as others quote them.
JOURNAL_WIDTHS_MM: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "cell": MappingProxyType({"single": 85.0, "one_and_half": 114.0, "double": 174.0}),
        "elsevier": MappingProxyType({"single": 90.0, "one_and_half": 140.0, "double": 190.0}),
        "jneurosci": MappingProxyType({"single": 85.0, "one_and_half": 116.0, "double": 176.0}),
        "nature": MappingProxyType({"single": 89.0, "one_and_half": 120.0, "double": 183.0}),
    }
)
WIDTHS_MM = JOURNAL_WIDTHS_MM["cell"]

OKABE_ITO: Mapping[str, str] = MappingProxyType(
    {
        "black": "#000000",
        "orange": "#E69F00",
        "sky blue": "#56B4E9",
        "bluish green": "#009E73",
        "yellow": "#F0E442",
        "blue": "#0072B2",
        "vermillion": "#D55E00",
        "reddish purple": "#CC79A7",
    }
)

# Yellow is left out: on white it does not carry a line.
DRUG_HUES = (
    OKABE_ITO["blue"],
    OKABE_ITO["vermillion"],
    OKABE_ITO["bluish green"],
    OKABE_ITO["reddish purple"],
    OKABE_ITO["orange"],
    OKABE_ITO["sky blue"],
)
CONTROL_GREYS = ("#4D4D4D", "#7F7F7F", "#262626", "#999999")

# A drug's family of markers; a dose takes the one of its rank.  Only shapes that are told apart
# at 4 pt.  Families have four shapes and there are five dashes, so twenty doses of one drug are
# distinct without colour.
DRUG_MARKERS = (("s", "D", "P", "p"), ("^", "v", "<", ">"), ("h", "X", "*", "d"))
CONTROL_MARKERS = ("o", "s", "^", "D")
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (4.0, 1.5),
    (1.2, 1.2),
    (6.0, 1.5, 1.2, 1.5),
    (2.5, 1.0),
)

TEXT_PT = 7.0
SMALL_PT = 6.5
MIN_TEXT_PT = 6.0

FIGURE_FORMATS = ("pdf", "svg", "png")
PRINT_SUFFIX = "_print"


def figure_width_mm(config: Mapping[str, Any], width: str = "") -> float:
    """Width of a figure on paper, mm.

    Parameters
    ----------
    config : mapping
        The ``figures`` section: ``journal`` and ``width``.
    width : str
        ``single``, ``one_and_half`` or ``double`` instead of the section's.
    """
    widths = JOURNAL_WIDTHS_MM[str(config.get("journal", "cell"))]
    return widths[width or str(config.get("width", "one_and_half"))]


@dataclass(frozen=True)
class GroupStyle:
    """How one group is drawn.

    Parameters
    ----------
    group : str
        Group label as in the tables.
    color : str
        Hex colour of lines and marker edges.
    ink : str
        Hex colour of stars and other text: `color`, darkened until it reads on white.
    face : str
        Hex colour of the marker's face; white for an open marker.
    pale : str
        Hex colour of the individual animals behind the mean (opaque, so that every printer and
        every PDF reader shows the same).
    marker : str
        Matplotlib marker.
    dashes : tuple of float
        On-off lengths of the line in line widths; empty for a solid line.
    filled : bool
        Whether the marker is filled: drugs are, vehicles are not.
    """

    group: str
    color: str
    ink: str
    face: str
    pale: str
    marker: str
    dashes: tuple[float, ...]
    filled: bool


def group_styles(groups: pd.DataFrame) -> dict[str, GroupStyle]:
    """Give every group of a study its look.

    Parameters
    ----------
    groups : DataFrame
        With columns group, drug, dose, is_control (one or more rows per group).

    Returns
    -------
    dict of str to GroupStyle
        By group, in the order of `dialysis.study.groups.group_order`.

    Notes
    -----
    A vehicle has open grey markers.  A drug has one of the Okabe-Ito hues and a family of filled
    markers; within it a dose is told by lightness (light to dark with the dose), by the marker
    and by the dashes of the line, so that colour is never needed.
    """
    order = group_order(groups)
    unique = groups.drop_duplicates("group").set_index("group").loc[order]
    controls = [g for g in order if bool(unique.loc[g, "is_control"])]
    drugs = list(dict.fromkeys(unique.loc[[g for g in order if g not in controls], "drug"]))
    members = {
        d: [g for g in order if g not in controls and unique.loc[g, "drug"] == d] for d in drugs
    }
    styles = {}
    for place, group in enumerate(controls):
        grey = CONTROL_GREYS[place % len(CONTROL_GREYS)]
        styles[group] = GroupStyle(
            group=group,
            color=grey,
            ink=readable(grey),
            face="#FFFFFF",
            pale=mix(grey, "#FFFFFF", 0.62),
            marker=CONTROL_MARKERS[place % len(CONTROL_MARKERS)],
            dashes=DASHES[place // len(CONTROL_MARKERS) % len(DASHES)],
            filled=False,
        )
    for place, drug in enumerate(drugs):
        family = DRUG_MARKERS[place % len(DRUG_MARKERS)]
        ramp = dose_ramp(DRUG_HUES[place % len(DRUG_HUES)], len(members[drug]))
        for rank, group in enumerate(members[drug]):
            from_top = len(members[drug]) - 1 - rank
            styles[group] = GroupStyle(
                group=group,
                color=ramp[rank],
                ink=readable(ramp[rank]),
                face=ramp[rank],
                pale=mix(ramp[rank], "#FFFFFF", 0.62),
                marker=family[rank % len(family)],
                dashes=DASHES[from_top % len(DASHES)],
                filled=True,
            )
    return styles


def dose_ramp(hue: str, n: int) -> list[str]:
    """Shades of a hue for `n` doses, light (low dose) to dark (high dose), as hex colours.

    One dose has the hue itself.  The lightest shade keeps a contrast of 2.2 with white, so that
    it still carries a line; the darkest has one of at least 7.  Steps are equal in lightness L*.
    """
    if n == 1:
        return [hue]
    light, dark = hue, hue
    while contrast_with_white(mix(light, "#FFFFFF", 0.04)) > 2.2:
        light = mix(light, "#FFFFFF", 0.04)
    while contrast_with_white(dark) < 7.0:
        dark = mix(dark, "#000000", 0.04)
    steps = [part / 50.0 for part in range(51)]
    path = [mix(light, hue, p) for p in steps] + [mix(hue, dark, p) for p in steps[1:]]
    first, last = _lightness(light), _lightness(dark)
    wanted = (first + (last - first) * rank / (n - 1) for rank in range(n))
    return [min(path, key=lambda color: abs(_lightness(color) - value)) for value in wanted]


def mix(color: str, other: str, part: float) -> str:
    """Mix two hex colours: `part` of `other` (0 to 1) in sRGB."""
    ours, theirs = _channels(color), _channels(other)
    mixed = (round(a + (b - a) * part) for a, b in zip(ours, theirs, strict=True))
    return "#" + "".join(f"{value:02X}" for value in mixed)


def luminance(color: str) -> float:
    """Relative luminance of a hex colour, 0 to 1 (WCAG 2.2)."""
    parts = [value / 255.0 for value in _channels(color)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _lightness(color: str) -> float:
    """CIE L* of a hex colour, but near black, where the ramps don't go."""
    return float(116.0 * luminance(color) ** (1.0 / 3.0) - 16.0)


def contrast_with_white(color: str) -> float:
    """Contrast ratio of a hex colour with white, 1 to 21 (WCAG 2.2)."""
    return 1.05 / (luminance(color) + 0.05)


def readable(color: str) -> str:
    """Darken a hex colour until its contrast with white is 4.5, as small text needs (WCAG 2.2)."""
    while contrast_with_white(color) < 4.5:
        color = mix(color, "#000000", 0.06)
    return color


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def style_parameters(font: str = "DejaVu Sans") -> dict[str, Any]:
    """The rcParams of every figure of the project.

    Text stays text: TrueType in PDF (Type 42), `<text>` in SVG.  Ids in SVG come from a fixed
    salt, so that equal figures are equal bytes.
    """
    return {
        "font.family": [font],
        "font.size": TEXT_PT,
        "mathtext.fontset": "dejavusans",
        "axes.titlesize": TEXT_PT,
        "axes.labelsize": TEXT_PT,
        "axes.linewidth": 0.6,
        "axes.labelpad": 2.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "axes.axisbelow": True,
        "axes.edgecolor": "#262626",
        "axes.labelcolor": "#000000",
        "text.color": "#000000",
        "xtick.labelsize": SMALL_PT,
        "ytick.labelsize": SMALL_PT,
        "xtick.color": "#262626",
        "ytick.color": "#262626",
        "xtick.labelcolor": "#000000",
        "ytick.labelcolor": "#000000",
        "xtick.direction": "out",
        "ytick.direction": "out",
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.45,
        "ytick.minor.width": 0.45,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.minor.size": 1.5,
        "ytick.minor.size": 1.5,
        "xtick.major.pad": 2.0,
        "ytick.major.pad": 2.0,
        "legend.frameon": False,
        "legend.fontsize": SMALL_PT,
        "lines.linewidth": 1.0,
        "lines.markersize": 4.0,
        "lines.markeredgewidth": 0.8,
        "lines.solid_capstyle": "round",
        "lines.dash_capstyle": "butt",
        "figure.facecolor": "#FFFFFF",
        "savefig.facecolor": "#FFFFFF",
        "savefig.bbox": None,
        "pdf.fonttype": 42,
        "pdf.compression": 6,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "dialysis",
        "path.simplify": True,
        "agg.path.chunksize": 0,
        "text.usetex": False,
        "text.parse_math": False,
    }


@contextmanager
def style(font: str = "DejaVu Sans") -> Iterator[None]:
    """Draw and save with the project's style; afterwards everything is as it was.

    Starts from matplotlib's own defaults, so a user's matplotlibrc changes nothing.

    Raises
    ------
    FigureError
        If the font family is not installed.
    """
    import matplotlib
    from matplotlib.font_manager import FontProperties, findfont

    try:
        findfont(FontProperties(family=[font]), fallback_to_default=False)
    except ValueError:
        raise FigureError(
            f"study.yaml, figures.font: found '{font}', which is not installed here; expected "
            "the name of an installed font family. Install it, or take 'DejaVu Sans', which "
            "comes with matplotlib."
        ) from None
    defaults = {
        name: value
        for name, value in matplotlib.rcParamsDefault.items()
        if name not in ("backend", "backend_fallback", "interactive", "toolbar", "timezone")
    }
    with matplotlib.rc_context():
        matplotlib.rcParams.update(defaults)
        matplotlib.rcParams.update(style_parameters(font))
        yield


def new_figure(width_mm: float, height_mm: float) -> Any:
    """Return a `matplotlib.figure.Figure` on an Agg canvas, of this size on paper."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (width_mm / MM_PER_INCH, height_mm / MM_PER_INCH)
    figure = Figure(figsize=size, dpi=300, layout=None)
    FigureCanvasAgg(figure)
    return figure


def text_width_pt(text: str, size: float, font: str = "DejaVu Sans", bold: bool = False) -> float:
    """Width of one line of text, in points."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    properties = FontProperties(family=[font], weight="bold" if bold else "normal")
    face = get_font(findfont(properties))
    # At the size of print (720 dpi) hinting no longer rounds the width of letters.
    face.set_size(size, 720)
    face.set_text(text, 0.0)
    width, _height = face.get_width_height()
    return float(width) / 64.0 / 10.0


def save_figure(
    figure: Any,
    stem: Path | str,
    formats: Iterable[str] = FIGURE_FORMATS,
    dpi: int = 300,
    dpi_print: int = 0,
) -> list[Path]:
    """Write a figure as ``<stem>.<format>``, each atomically; equal figures give equal bytes.

    Dates and the names and versions of programs are left out of the files.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    stem : path
        Path without an ending.
    formats : iterable of {"pdf", "svg", "png", "eps", "tiff"}
    dpi : int
        Resolution of the PNG.
    dpi_print : int
        Resolution of the TIFF and of a second PNG, ``<stem>_print.png``; 0 for no second one.

    Returns
    -------
    list of Path
        The files, in the order of `formats`, the second PNG behind the first.

    Raises
    ------
    FigureError
        If a format is not one of those.

    Notes
    -----
    Pixels are drawn once, at the finer resolution, and averaged for the coarser one.
    """
    wanted = list(formats)
    unknown = [name for name in wanted if name not in (*_NO_METADATA, "png", "tiff")]
    if unknown:
        known = ", ".join((*FIGURE_FORMATS, "eps", "tiff"))
        raise FigureError(
            f"figure {Path(stem).name}: found the format '{unknown[0]}'; expected one of {known}."
        )
    finest = max(dpi, dpi_print)
    pixels = _pixels(figure, finest) if {"png", "tiff"} & set(wanted) else None
    written = []
    for name in wanted:
        path = Path(f"{stem}.{name}")
        if name == "png":
            written.append(_save_pixels(pixels, path, finest, dpi))
            if dpi_print:
                path = Path(f"{stem}{PRINT_SUFFIX}.png")
                written.append(_save_pixels(pixels, path, finest, dpi_print))
        elif name == "tiff":
            written.append(_save_pixels(pixels, path, finest, dpi_print or dpi))
        else:
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=name, metadata=dict(_NO_METADATA[name]))
            if name == "eps":
                _without_date(path)
            written.append(path)
    return written


def _pixels(figure: Any, dpi: int) -> Any:
    """The figure as a `PIL.Image.Image` without transparency."""
    from io import BytesIO

    import numpy as np
    from PIL import Image

    raw = BytesIO()
    figure.savefig(raw, format="rgba", dpi=dpi)
    width, height = (int(round(float(side) * dpi, 6)) for side in figure.get_size_inches())
    colors = np.frombuffer(raw.getbuffer(), np.uint8).reshape(height, width, 4)[:, :, :3]
    return Image.fromarray(np.ascontiguousarray(colors))


def _save_pixels(pixels: Any, path: Path, drawn_dpi: int, dpi: int) -> Path:
    from PIL import Image

    if dpi != drawn_dpi and drawn_dpi % dpi == 0:
        pixels = pixels.reduce(drawn_dpi // dpi)
    elif dpi != drawn_dpi:
        size = tuple(max(round(side * dpi / drawn_dpi), 1) for side in pixels.size)
        pixels = pixels.resize(size, Image.Resampling.BOX)
    options: dict[str, Any] = (
        {"compression": "tiff_lzw"} if path.suffix == ".tiff" else {"compress_level": 6}
    )
    with atomic_path(path) as temporary:
        pixels.save(temporary, dpi=(dpi, dpi), **options)
    return path


def _without_date(path: Path) -> None:
    """Take the lines from a PostScript file that say when, by what and under what name."""
    lines = path.read_bytes().split(b"\n")
    said = (b"%%CreationDate", b"%%Creator", b"%%Title")
    kept = [line for line in lines if not line.startswith(said)]
    write_bytes(path, b"\n".join(kept))


def save_pages(figures: Iterable[Any], stem: Path | str, dpi: int | None = 150) -> list[Path]:
    """Write figures as the pages of ``<stem>.pdf`` and one below the other in ``<stem>.png``.

    Parameters
    ----------
    figures : iterable of matplotlib.figure.Figure
        At least one; a generator keeps only one page in memory.
    stem : path
        Path without an ending.
    dpi : int or None
        Resolution of the PNG; None for no PNG.  More pages than `PNG_PAGES` make it coarser, so
        that it stays a picture that a browser opens.

    Returns
    -------
    list of Path
        The PDF and the PNG, where there is one.

    Raises
    ------
    FigureError
        If there is no page.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    pdf, png = Path(f"{stem}.pdf"), Path(f"{stem}.png")
    pages = iter(figures)
    first = next(pages, None)
    if first is None:
        raise FigureError(f"figure {pdf.name}: found no page; expected at least one.")
    metadata = dict(_NO_METADATA["pdf"])
    pictures = []
    with atomic_path(pdf) as temporary, PdfPages(temporary, metadata=metadata) as document:
        for page in chain([first], pages):
            document.savefig(page)
            if dpi is not None:
                pictures.append(_pixels(page, dpi))
    if dpi is None:
        return [pdf]
    _save_stack(pictures, png, dpi)
    return [pdf, png]


PNG_PAGES = 10


def _save_stack(pictures: list[Any], path: Path, dpi: int) -> None:
    """Write pictures of pages one below the other."""
    from PIL import Image

    size = (max(p.width for p in pictures), sum(p.height for p in pictures))
    stack = Image.new("RGB", size, "#FFFFFF")
    top = 0
    for picture in pictures:
        stack.paste(picture, (0, top))
        top += picture.height
    shrink = -(-len(pictures) // PNG_PAGES)
    _save_pixels(stack.reduce(shrink) if shrink > 1 else stack, path, dpi, dpi)


_NO_METADATA: Mapping[str, Mapping[str, None]] = MappingProxyType(
    {
        "pdf": MappingProxyType({"CreationDate": None, "Creator": None, "Producer": None}),
        "svg": MappingProxyType({"Date": None, "Creator": None}),
        "eps": MappingProxyType({}),
    }
)
