"""Writing of a figure in the formats that a study asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dialysis.plotting import FIGURE_FORMATS, save_figure

_DEFAULT_DPI = 300
_DEFAULT_DPI_PRINT = 600


def save(figure: Any, stem: Path, config: Mapping[str, Any]) -> list[Path]:
    """Write a figure in the formats that the config asks for."""
    return save_figure(
        figure,
        stem,
        [*FIGURE_FORMATS, *config.get("extra_formats", ())],
        int(config.get("dpi", _DEFAULT_DPI)),
        int(config.get("dpi_print", _DEFAULT_DPI_PRINT)),
    )
