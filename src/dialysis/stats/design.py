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
from dialysis.stats.arrays import FloatArray, IntArray
from dialysis.stats.blocks import Blocks, make_blocks
from dialysis.stats.layout import Layout

BASELINE_TERM = "log_baseline_c"
NEGLIGIBLE_BASELINE_SPREAD = 1e-9
HEAVY_CENSORING = 0.5
FEWEST_UNITS = 5
FEWEST_PAIRS = 3


@dataclass(frozen=True)
class Design:
    """The data of one model.

    Parameters
    ----------
    response : ndarray of float, shape (n,)
        ln(conc/baseline), or percent of baseline.
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
    den_df : int
        Animals minus the rank of what is constant within animals: groups, baseline, covariates.
    rows : DataFrame
        The rows of TIMECOURSE in the order of `response`.
    refused : dict of (str, int) to str
        Cells that are left out because too many of their values are censored, with the reason.
    random : dict of str to ndarray of int, shape (n,)
        Units of further random intercepts.
    notes : tuple of str
        What was decided about random intercepts.
    """

    response: FloatArray
    matrix: FloatArray
    animal: IntArray
    cells: tuple[tuple[str, int], ...]
    covariates: dict[str, tuple[int, ...]]
    left_out: dict[str, str]
    den_df: int
    rows: pd.DataFrame
    refused: dict[tuple[str, int], str]
    random: dict[str, IntArray]
    notes: tuple[str, ...]

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

    def confounders(self, null_space: FloatArray) -> str:
        """Covariates that the data can't tell apart from other terms, in words."""
        named = [
            name
            for name, columns in self.covariates.items()
            if np.any(np.abs(null_space[list(columns)]) > 1e-8)
        ]
        return " or ".join(named)

    def blocks(self, serial: bool, strata: tuple[str, ...] = ()) -> Blocks:
        """Return the rows as blocks of an animal, or of a unit of animals.

        Parameters
        ----------
        serial : bool
            Whether the covariance depends on time.
        strata : tuple of str
            Groups with a variance of their own.
        """
        stratum = None
        if strata:
            place = {group: i for i, group in enumerate(strata)}
            stratum = self.rows["group"].map(place).to_numpy(dtype=np.int64)
        return make_blocks(
            self.animal,
            self.rows["time_min"].to_numpy(dtype=np.float64) if serial else None,
            series=np.asarray(pd.factorize(self.rows["probe_id"], sort=True)[0], dtype=np.int64),
            stratum=stratum,
            random=self.random,
        )

    def cell_row(self, group: str, time: int) -> FloatArray | None:
        """Return the row of ``L`` that picks a cell's mean; None for a cell without values."""
        if (group, time) not in self.cells:
            return None
        row = np.zeros(self.matrix.shape[1])
        row[self.cells.index((group, time))] = 1.0
        return row


def model_rows(timecourse: pd.DataFrame) -> tuple[pd.DataFrame, dict[tuple[str, int], str]]:
    """Return the rows that enter the model, in an order that does not depend on that given.

    They are post-dose, used, and have a log ratio and a positive baseline.  A cell in which more
    than `HEAVY_CENSORING` of the values are below the limit of detection is refused: its mean and
    variance would be those of the substituted numbers.

    Returns
    -------
    rows : DataFrame
        Rows of TIMECOURSE.
    refused : dict of (str, int) to str
        Group and time_index of the cells that are left out, with the reason.
    """
    used = timecourse["used"].fillna(False).astype(bool) & (timecourse["period"] == "post")
    valid = np.isfinite(timecourse["log_ratio"]) & (timecourse["baseline"] > 0)
    rows = timecourse[used & valid]
    rows = rows.sort_values(["animal_id", "probe_id", "fraction"], kind="stable").reset_index(
        drop=True
    )
    censored = rows["censored"].fillna(False).astype(bool)
    refused: dict[tuple[str, int], str] = {}
    if censored.any():
        keys = [rows["group"].astype(str), rows["time_index"].astype("int64")]
        counted = censored.groupby(keys).agg(["sum", "size"])
        for (group, time), n, size in counted.itertuples():
            if n > HEAVY_CENSORING * size:
                refused[str(group), int(time)] = (
                    f"{n} of the {size} values of '{group}' at this time are below the limit of "
                    "detection, which is too many"
                )
        pairs = zip(rows["group"].astype(str), rows["time_index"].astype("int64"), strict=True)
        rows = rows[[(g, int(t)) not in refused for g, t in pairs]].reset_index(drop=True)
    return rows, refused


def build_design(
    rows: pd.DataFrame,
    layout: Layout,
    covariates: Sequence[str],
    random: Sequence[str] = (),
    response: str = "log_ratio",
    refused: dict[tuple[str, int], str] | None = None,
) -> Design:
    """Build the design from the rows that `model_rows` returns.

    Parameters
    ----------
    rows : DataFrame
        At least one row.
    layout : Layout
        Groups and times.
    covariates : sequence of str
        ``sex``, ``cohort`` or both: factors added to the model.
    random : sequence of str
        ``cohort``: a random intercept; with fewer than `FEWEST_UNITS` units a fixed factor
        instead.  Probes of an animal get one by themselves where three animals have two.
    response : {"log_ratio", "pct_of_baseline"}
        The primary response, with the log baseline as covariate, or the secondary one, without.
    refused : dict, optional
        Cells that `model_rows` left out.

    Raises
    ------
    StatsError
        If a covariate is not given for some animals.
    """
    codes, animals = pd.factorize(rows["animal_id"], sort=True)
    codes = codes.astype(np.int64)
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
    units, notes, fixed = _random_units(rows, random, layout.outcome)

    log_baseline = np.log(rows["baseline"].to_numpy(dtype=float))
    centre = float(pd.Series(log_baseline).groupby(codes).mean().mean())
    if response != "log_ratio":
        pass
    elif np.ptp(log_baseline) < NEGLIGIBLE_BASELINE_SPREAD:
        left_out[BASELINE_TERM] = "all animals have the same baseline"
    else:
        columns[BASELINE_TERM] = (len(cells),)
        blocks.append((log_baseline - centre)[:, None])
    for name in dict.fromkeys([*covariates, *fixed]):
        coded = _sum_coded(rows, name, layout.outcome)
        if coded is None:
            left_out[name] = f"all animals have the same {name}"
            continue
        start = sum(block.shape[1] for block in blocks)
        columns[name] = tuple(range(start, start + coded.shape[1]))
        blocks.append(coded)
    matrix = np.hstack(blocks)

    per_animal = pd.DataFrame(matrix[:, len(cells) :]).groupby(codes).mean().to_numpy()
    group_of = pd.Series(groups).groupby(codes).first().to_numpy()
    membership = np.array([[g == name for name in layout.groups] for g in group_of], dtype=float)
    between = np.hstack([membership, per_animal])
    return Design(
        response=rows[response].to_numpy(dtype=float),
        matrix=matrix,
        animal=codes,
        cells=cells,
        covariates=columns,
        left_out=left_out,
        den_df=len(animals) - int(np.linalg.matrix_rank(between)),
        rows=rows,
        refused=refused or {},
        random=units,
        notes=tuple(notes),
    )


def _random_units(
    rows: pd.DataFrame, random: Sequence[str], outcome: str
) -> tuple[dict[str, IntArray], list[str], list[str]]:
    """Return units of random intercepts, remarks, and factors that are fixed instead."""
    units: dict[str, IntArray] = {}
    notes: list[str] = []
    fixed: list[str] = []
    probes = rows.groupby("animal_id")["probe_id"].nunique()
    several = int((probes > 1).sum())
    if several >= FEWEST_PAIRS:
        units["probe"] = np.asarray(pd.factorize(rows["probe_id"], sort=True)[0], dtype=np.int64)
        notes.append(f"random intercept per probe: {several} animals have more than one")
    elif several:
        notes.append(
            f"no random intercept per probe: only {several} animals have more than one, at least "
            f"{FEWEST_PAIRS} needed"
        )
    for name in random:
        _check_given(rows, name, outcome, "random")
        n_units = rows[name].nunique()
        if n_units < FEWEST_UNITS:
            fixed.append(name)
            notes.append(
                f"{name} is a fixed factor: {n_units} are too few for a random intercept, at "
                f"least {FEWEST_UNITS} needed"
            )
        else:
            units[name] = np.asarray(pd.factorize(rows[name], sort=True)[0], dtype=np.int64)
    return units, notes, fixed


def _check_given(rows: pd.DataFrame, name: str, outcome: str, option: str) -> None:
    absent = sorted(set(rows.loc[rows[name].astype(str) == "", "animal_id"]))
    if absent:
        raise StatsError(
            f"study.yaml, stats.{option}: '{name}' is asked for, but animals.csv does not give "
            f"it for {', '.join(absent)} (outcome {outcome}); expected a value for every animal. "
            f"Fill in the column {name}, or take it out of stats.{option}."
        )


def _sum_coded(rows: pd.DataFrame, name: str, outcome: str) -> FloatArray | None:
    """Return sum-to-zero columns of a factor; None when it has one level."""
    _check_given(rows, name, outcome, "covariates")
    values = rows[name].astype(str)
    levels = sorted(set(values))
    if len(levels) == 1:
        return None
    last = (values == levels[-1]).to_numpy(dtype=float)
    return np.column_stack(
        [(values == level).to_numpy(dtype=float) - last for level in levels[:-1]]
    )
