"""Rows of data sorted into blocks that are independent of each other.

A block is an animal, or a litter or batch of animals where these have a random intercept.  Blocks
with the same times and the same units share one covariance matrix, a `Pattern`, so that matrices
are factored once per pattern and not once per animal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dialysis.errors import StatsError
from dialysis.stats.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class Pattern:
    """Blocks with one covariance matrix.

    Parameters
    ----------
    rows : ndarray of int, shape (m, k)
        Rows of the data: m blocks of k rows, in the order of the matrices.
    lag : ndarray of float, shape (k, k)
        Time between two rows of one series, in `Blocks.time_unit`; NaN between series.
    subject : ndarray of float, shape (k, k)
        1 where two rows are of one animal.
    stratum : ndarray of int, shape (k,)
        Level of the factor that variances differ by.
    random : tuple of ndarray of float, shape (k, k)
        1 where two rows share a unit, for every further random intercept.
    """

    rows: IntArray
    lag: FloatArray
    subject: FloatArray
    stratum: IntArray
    random: tuple[FloatArray, ...]

    @cached_property
    def identity(self) -> FloatArray:
        """Ones on the diagonal, shape (k, k)."""
        return np.eye(len(self.stratum))

    @cached_property
    def same_series(self) -> FloatArray:
        """1 where two rows are of one series, shape (k, k)."""
        return (~np.isnan(self.lag)).astype(np.float64)

    @cached_property
    def distance(self) -> FloatArray:
        """`lag` with 0 between series, shape (k, k)."""
        return np.nan_to_num(self.lag)


@dataclass(frozen=True)
class Blocks:
    """All rows of a data set, by pattern.

    Parameters
    ----------
    patterns : tuple of Pattern
        Every row of the data is in one of them, once.
    n_rows, n_subjects, n_blocks : int
        Counts.
    time_unit : float
        What a lag of 1 is, in the unit of the times.
    integer_lags : bool
        Whether all lags are whole numbers: equal sampling, perhaps with samples missing.
    n_lags : int
        Number of different lags above 0 within series.
    max_rows_per_subject : int
        Most rows of an animal.
    n_units : tuple of int
        Units of every further random intercept.
    """

    patterns: tuple[Pattern, ...]
    n_rows: int
    n_subjects: int
    n_blocks: int
    time_unit: float
    integer_lags: bool
    n_lags: int
    max_rows_per_subject: int
    n_units: tuple[int, ...]


def make_blocks(
    subject: IntArray,
    time: FloatArray | None,
    series: IntArray | None = None,
    stratum: IntArray | None = None,
    random: Mapping[str, IntArray] | None = None,
    time_unit: float | None = None,
) -> Blocks:
    """Sort the rows into blocks and find which share a covariance matrix.

    Parameters
    ----------
    subject : ndarray of int, shape (n,)
        Animal of each row.
    time : ndarray of float, shape (n,), or None
        Time of each row; None without serial correlation.
    series : ndarray of int, shape (n,), optional
        What serial correlation runs within: the probe, where an animal has several.  The animal
        by default.
    stratum : ndarray of int, shape (n,), optional
        Level that variances differ by.
    random : mapping of str to ndarray of int, optional
        Codes of the units of further random intercepts: probe, litter, batch.
    time_unit : float, optional
        Time that a lag of 1 stands for; by default the sampling interval, or the median interval
        when sampling is unequal.

    Raises
    ------
    StatsError
        If a series has two rows at one time.
    """
    n = len(subject)
    codes = {} if random is None else dict(random)
    series = subject if series is None else series
    stratum = np.zeros(n, dtype=np.int64) if stratum is None else stratum
    clock = np.arange(n, dtype=np.float64) if time is None else np.asarray(time, dtype=np.float64)
    unit, equal, n_lags = 1.0, True, 0
    if time is not None:
        unit, equal, n_lags = _sampling(series, clock, time_unit)
    label = _connected(subject, list(codes.values()))
    # Sorted within a block, so that the order of the rows of the data does not matter.
    order = np.lexsort((clock, series, subject, label))
    starts = np.flatnonzero(np.r_[True, np.diff(label[order]) != 0])
    found: dict[bytes, tuple[list[IntArray], Pattern]] = {}
    for rows in np.split(order, starts[1:]):
        same = (subject[rows][:, None] == subject[rows]).astype(np.float64)
        lag = np.full(same.shape, np.nan)
        if time is not None:
            within = series[rows][:, None] == series[rows]
            lag[within] = (np.abs(clock[rows][:, None] - clock[rows]) / unit)[within]
            if equal:
                lag = np.round(lag)
        units = tuple(
            (unit_of[rows][:, None] == unit_of[rows]).astype(np.float64)
            for unit_of in codes.values()
        )
        parts = (same, lag, stratum[rows].astype(np.float64), *units)
        key = b"|".join(part.tobytes() for part in parts)
        if key not in found:
            template = Pattern(rows[None, :], lag, same, stratum[rows], units)
            found[key] = ([], template)
        found[key][0].append(rows)
    patterns = tuple(
        Pattern(np.array(members), p.lag, p.subject, p.stratum, p.random)
        for members, p in found.values()
    )
    counts = np.unique(subject, return_counts=True)[1]
    return Blocks(
        patterns=patterns,
        n_rows=n,
        n_subjects=len(counts),
        n_blocks=len(starts),
        time_unit=unit,
        integer_lags=equal,
        n_lags=n_lags,
        max_rows_per_subject=int(counts.max(initial=0)),
        n_units=tuple(len(np.unique(unit_of)) for unit_of in codes.values()),
    )


def _sampling(
    series: IntArray, clock: FloatArray, time_unit: float | None
) -> tuple[float, bool, int]:
    """Return the unit of lags, whether all are whole multiples of it, and how many there are."""
    order = np.lexsort((clock, series))
    within = np.diff(series[order]) == 0
    gaps = np.diff(clock[order])[within]
    if np.any(gaps == 0):
        place = int(np.flatnonzero(gaps == 0)[0])
        at = clock[order][1:][within][place]
        raise StatsError(
            f"two rows of one animal have the same time ({at:g}); serial correlation needs one row "
            "per animal and time. Average them, or name the column that tells the series of an "
            "animal apart (its probes) with series=."
        )
    if not len(gaps):
        return 1.0, True, 0
    spacing = float(np.min(gaps))
    # The common step of gaps such as 20, 20, 40 or 10, 15: tried as parts of the smallest gap.
    equal = False
    for parts in (1, 2, 3, 4, 5, 6):
        step = spacing / parts
        if np.allclose(gaps / step, np.round(gaps / step), rtol=0, atol=1e-6):
            spacing, equal = step, True
            break
    # Without a common step the lags are real numbers, and any unit will do.
    unit = spacing if equal else float(np.median(gaps))
    if time_unit is not None:
        unit = time_unit
        equal = bool(np.allclose(gaps / unit, np.round(gaps / unit), rtol=0, atol=1e-6))
    lags: set[float] = set()
    for rows in np.split(order, np.flatnonzero(np.diff(series[order])) + 1):
        times = clock[rows]
        lags.update(np.round(np.abs(times[:, None] - times)[np.triu_indices(len(times), 1)], 9))
        if len(lags) > 2:
            break
    return unit, equal, len(lags)


def _connected(subject: IntArray, units: list[IntArray]) -> IntArray:
    """Label the rows that are linked by an animal or by a unit."""
    label = np.unique(subject, return_inverse=True)[1].astype(np.int64)
    for unit_of in units:
        while True:
            least = np.full(int(unit_of.max()) + 1, np.iinfo(np.int64).max)
            np.minimum.at(least, unit_of, label)
            merged = np.full(int(subject.max()) + 1, np.iinfo(np.int64).max)
            np.minimum.at(merged, subject, least[unit_of])
            joined = merged[subject]
            if np.array_equal(joined, label):
                break
            label = joined
    return label
