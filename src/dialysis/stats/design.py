"""Design of the model: which rows, which columns, and what can be estimated from them.

Fixed effects: one mean for every group × time that has values (cell means), the log baseline
centred over animals, and sum-coded covariates, so that a cell's coefficient is its mean at the
mean baseline, averaged with equal weights over the levels of the covariates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dialysis.errors import StatsError
from dialysis.stats.layout import Layout
from dialysis.stats.model import FloatArray, IntArray

BASELINE_TERM = "log_baseline_c"
NEGLIGIBLE_BASELINE_SPREAD = 1e-9


@dataclass(frozen=True)
class Design:
    """The data of one model.

    Parameters
    ----------
    response : ndarray of float, shape (n,)
        ln(conc/baseline).
    matrix : ndarray of float, shape (n, p)
        Fixed effects: cells first, then covariates.
    animal : ndarray of int, shape (n,)
        Animal of each row, codes from 0.
    cells : tuple of (str, int)
        Group and time_index of the first ``len(cells)`` columns.
    covariates : dict of str to tuple of int
        Columns of every covariate that is in the model.
    left_out : dict of str to str
        Covariates that are not, with the reason.
    null_space : ndarray of float, shape (p, r)
        Combinations of coefficients that the data say nothing about; usually r = 0.
    basis : ndarray of float, shape (p, p − r)
        Orthonormal complement of `null_space`; the identity when r = 0.
    den_df : int
        Animals minus the rank of what is constant within animals: groups, baseline, covariates.
    rows : DataFrame
        The rows of TIMECOURSE in the order of `response`.
    """

    response: FloatArray
    matrix: FloatArray
    animal: IntArray
    cells: tuple[tuple[str, int], ...]
    covariates: dict[str, tuple[int, ...]]
    left_out: dict[str, str]
    null_space: FloatArray
    basis: FloatArray
    den_df: int
    rows: pd.DataFrame

    @property
    def n_animals(self) -> int:
        """Animals in the model."""
        return int(self.animal.max()) + 1 if len(self.animal) else 0

    def animals_per_cell(self) -> dict[tuple[str, int], int]:
        """Animals with a value, by group and time_index."""
        counted = self.rows.groupby(["group", "time_index"])["animal_id"].nunique()
        return {(str(group), int(time)): int(n) for (group, time), n in counted.items()}

    def animals_per_group(self) -> dict[str, int]:
        """Animals with any value, by group."""
        counted = self.rows.groupby("group")["animal_id"].nunique()
        return {str(group): int(n) for group, n in counted.items()}

    def estimable(self, hypothesis: FloatArray) -> bool:
        """Whether every row of ``L`` is a combination that the data determine."""
        return bool(np.all(np.abs(hypothesis @ self.null_space) < 1e-8))

    @property
    def confounders(self) -> str:
        """Covariates that the data can't tell apart from other terms, in words."""
        named = [
            name
            for name, columns in self.covariates.items()
            if np.any(np.abs(self.null_space[list(columns)]) > 1e-8)
        ]
        return " or ".join(named)

    def cell_row(self, group: str, time: int) -> FloatArray | None:
        """Return the row of ``L`` that picks a cell's mean; None for a cell without values."""
        if (group, time) not in self.cells:
            return None
        row = np.zeros(self.matrix.shape[1])
        row[self.cells.index((group, time))] = 1.0
        return row


def model_rows(timecourse: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that enter the model, in an order that does not depend on that given.

    They are post-dose, used, and have a log ratio and a positive baseline.
    """
    used = timecourse["used"].fillna(False).astype(bool) & (timecourse["period"] == "post")
    valid = np.isfinite(timecourse["log_ratio"]) & (timecourse["baseline"] > 0)
    rows = timecourse[used & valid]
    return rows.sort_values(["animal_id", "probe_id", "fraction"], kind="stable").reset_index(
        drop=True
    )


def build_design(rows: pd.DataFrame, layout: Layout, covariates: Sequence[str]) -> Design:
    """Build the design from the rows that `model_rows` returns.

    Parameters
    ----------
    rows : DataFrame
        At least one row.
    layout : Layout
        Groups and times.
    covariates : sequence of str
        ``sex``, ``cohort`` or both: factors added to the model.

    Raises
    ------
    StatsError
        If a covariate is not given for some animals.
    """
    codes, animals = pd.factorize(rows["animal_id"], sort=True)
    groups = rows["group"].astype(str).to_list()
    times = [int(time) for time in rows["time_index"]]
    present = set(zip(groups, times, strict=True))
    cells = tuple(
        (group, time)
        for group in layout.groups
        for time in layout.post_times
        if (group, time) in present
    )
    place = {cell: column for column, cell in enumerate(cells)}
    cell_columns = np.zeros((len(rows), len(cells)))
    cell_columns[np.arange(len(rows)), [place[c] for c in zip(groups, times, strict=True)]] = 1.0
    blocks = [cell_columns]
    columns: dict[str, tuple[int, ...]] = {}
    left_out: dict[str, str] = {}

    log_baseline = np.log(rows["baseline"].to_numpy(dtype=float))
    centre = float(pd.Series(log_baseline).groupby(codes).mean().mean())
    if np.ptp(log_baseline) < NEGLIGIBLE_BASELINE_SPREAD:
        left_out[BASELINE_TERM] = "all animals have the same baseline"
    else:
        columns[BASELINE_TERM] = (len(cells),)
        blocks.append((log_baseline - centre)[:, None])
    for name in covariates:
        coded = _sum_coded(rows, name, layout.outcome)
        if coded is None:
            left_out[name] = f"all animals have the same {name}"
            continue
        start = sum(block.shape[1] for block in blocks)
        columns[name] = tuple(range(start, start + coded.shape[1]))
        blocks.append(coded)
    matrix = np.hstack(blocks)
    null_space, basis = _null_space(matrix)

    per_animal = pd.DataFrame(matrix[:, len(cells) :]).groupby(codes).mean().to_numpy()
    group_of = pd.Series(groups).groupby(codes).first().to_numpy()
    membership = np.array([[g == name for name in layout.groups] for g in group_of], dtype=float)
    between = np.hstack([membership, per_animal])
    return Design(
        response=rows["log_ratio"].to_numpy(dtype=float),
        matrix=matrix,
        animal=codes.astype(np.int64),
        cells=cells,
        covariates=columns,
        left_out=left_out,
        null_space=null_space,
        basis=basis,
        den_df=len(animals) - int(np.linalg.matrix_rank(between)),
        rows=rows,
    )


def _sum_coded(rows: pd.DataFrame, name: str, outcome: str) -> FloatArray | None:
    """Return sum-to-zero columns of a factor; None when it has one level."""
    values = rows[name].astype(str)
    absent = sorted(set(rows.loc[values == "", "animal_id"]))
    if absent:
        raise StatsError(
            f"study.yaml, stats.covariates: '{name}' is asked for, but animals.csv does not give "
            f"it for {', '.join(absent)} (outcome {outcome}); expected a value for every animal. "
            f"Fill in the column {name}, or take it out of stats.covariates."
        )
    levels = sorted(set(values))
    if len(levels) == 1:
        return None
    last = (values == levels[-1]).to_numpy(dtype=float)
    return np.column_stack(
        [(values == level).to_numpy(dtype=float) - last for level in levels[:-1]]
    )


def _null_space(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the null space of the columns and its complement, both orthonormal."""
    p = matrix.shape[1]
    scale = np.linalg.norm(matrix, axis=0)
    _, singular, rows = np.linalg.svd(matrix / scale, full_matrices=False)
    rank = int(np.sum(singular > 1e-9 * singular[0]))
    if rank == p:
        return np.zeros((p, 0)), np.eye(p)
    # `rows[:rank] * scale` spans the row space of the matrix before scaling.
    _, _, vectors = np.linalg.svd(rows[:rank] * scale, full_matrices=True)
    return vectors[rank:].T, vectors[:rank].T
