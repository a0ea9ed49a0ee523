"""The bundle of one outcome: figure, source data and caption in one folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.errors import FigureError
from dialysis.figures.caption import caption
from dialysis.figures.names import bundle_files
from dialysis.figures.source import source_data
from dialysis.figures.timecourse import draw_timecourse, figure_scale
from dialysis.files import read_table, write_table, write_text
from dialysis.plotting import save_figure, style
from dialysis.tables.figures import SOURCE_DATA


def write_bundle(
    timecourse: pd.DataFrame,
    means: pd.DataFrame,
    contrasts: pd.DataFrame,
    model: Mapping[str, Any],
    config: Mapping[str, Any],
    out_dir: Path | str,
    normalize: Mapping[str, Any] | None = None,
    species: str = "",
) -> list[Path]:
    """Write the figure, its source data and its caption.

    Parameters
    ----------
    timecourse : DataFrame
        `dialysis.tables.normalize.TIMECOURSE`, rows of one outcome.
    means, contrasts : DataFrame
        `dialysis.tables.stats.MEANS` and `CONTRASTS` of that outcome.
    model : mapping
        ``stats/<outcome>/model.json``; absent keys leave their words out of the caption.
    config : mapping
        The ``figures`` section of ``study.yaml`` with defaults.
    out_dir : path
        ``figures/<slug>/``; made when absent.
    normalize : mapping, optional
        The ``normalize`` section, for the caption: baseline window, lag, values below the limit.
    species : str
        ``study.species``, for the caption.

    Returns
    -------
    list of Path
        The files that `dialysis.figures.names.bundle_files` names, in that order.

    Raises
    ------
    FigureError
        If the rows are not of one outcome, or the tables of statistics were not made from them.

    Notes
    -----
    The source data are written first, and the figure is drawn from the file as written: what is
    in the figure is in the file.
    """
    outcomes = list(dict.fromkeys(timecourse["outcome"]))
    if len(outcomes) != 1:
        raise FigureError(
            f"normalize/timecourse.csv: found rows of {len(outcomes)} outcomes {outcomes}; "
            "expected those of one."
        )
    slug, folder = str(outcomes[0]), Path(out_dir)
    files = [folder / name for name in bundle_files(slug)]
    path = folder / f"{slug}_source_data.csv"
    write_table(source_data(timecourse, means, contrasts, model, config), path, SOURCE_DATA)
    source = read_table(path, SOURCE_DATA)
    with style(str(config.get("font", "DejaVu Sans"))):
        figure = draw_timecourse(source, config)
        save_figure(figure, folder / f"{slug}_timecourse", dpi=int(config.get("dpi", 300)))
        scale = figure_scale(source, config)
    text = caption(timecourse, source, contrasts, model, config, scale, normalize, species)
    write_text(folder / "caption.md", text)
    return files
