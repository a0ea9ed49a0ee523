"""Where stars stand: a row per group, one entry for neighbouring times with the same stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STAR_PT = 7.0
GAP_PT = 2.5
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """Neighbouring times of one group with the same stars.

    Parameters
    ----------
    indices : tuple of int
        Their ``time_index``, in the order of time.
    stars : str
        What stands above them.
    """

    indices: tuple[int, ...]
    stars: str


def star_runs(grid: Sequence[int], stars: Mapping[int, str]) -> list[Run]:
    """Put neighbouring times with the same stars together.

    Parameters
    ----------
    grid : sequence of int
        Every ``time_index`` of the figure, in the order of time.
    stars : mapping of int to str
        Stars by ``time_index``; an absent or empty entry is none.
    """
    runs: list[Run] = []
    last = ""
    for index in grid:
        here = stars.get(index, "")
        if here and here == last:
            runs[-1] = Run((*runs[-1].indices, index), here)
        elif here:
            runs.append(Run((index,), here))
        last = here
    return runs


def spread_apart(
    centers: FloatArray, widths: FloatArray, low: float, high: float, gap: float = GAP_PT
) -> FloatArray | None:
    """Move texts of one row sideways as little as needed so that none touches its neighbour.

    Parameters
    ----------
    centers, widths : ndarray of float64, shape (n,)
        In the order of `centers`, points.
    low, high : float
        Ends of the row, points.

    Returns
    -------
    ndarray of float64, shape (n,), or None
        The middle of every text; None when they don't fit into the row.

    Notes
    -----
    The mean of the arrangement that only moves to the right and the one that only moves to the
    left: both keep the texts apart, and so does their mean.
    """
    if not centers.size:
        return centers
    if float(widths.sum()) + gap * (widths.size - 1) > high - low:
        return None
    need = 0.5 * (widths[:-1] + widths[1:]) + gap
    right, left = centers.copy(), centers.copy()
    right[0] = max(right[0], low + 0.5 * widths[0])
    left[-1] = min(left[-1], high - 0.5 * widths[-1])
    for i in range(1, widths.size):
        right[i] = max(right[i], right[i - 1] + need[i - 1])
        j = widths.size - 1 - i
        left[j] = min(left[j], left[j + 1] - need[j])
    # What went beyond an end comes back; the others give way.
    right[-1] = min(right[-1], high - 0.5 * widths[-1])
    left[0] = max(left[0], low + 0.5 * widths[0])
    for i in range(1, widths.size):
        j = widths.size - 1 - i
        right[j] = min(right[j], right[j + 1] - need[j])
        left[i] = max(left[i], left[i - 1] + need[i - 1])
    return np.asarray(0.5 * (right + left))
