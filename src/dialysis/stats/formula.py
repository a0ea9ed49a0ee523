"""Design matrices from formulas, reference grids, and the hypotheses of type III tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from dialysis.errors import StatsError
from dialysis.stats.arrays import FloatArray

_FACTOR = re.compile(r"C\((?P<name>[^,()]+)(,.*)?\)\Z")


@dataclass(frozen=True)
class FormulaDesign:
    """A formula's design matrix and how to build its rows at other points.

    Parameters
    ----------
    formula : str
        As given.
    response_name : str
        Left side.
    data : DataFrame
        Rows that are in the model; text columns turned into categories in natural order.
    response : ndarray of float, shape (n,)
        Left side of the formula.
    matrix : ndarray of float, shape (n, p)
        Right side, treatment coding unless the formula says otherwise.
    names : tuple of str
        Names of the columns.
    factors : dict of str to tuple of str
        Levels of every factor of the formula.
    covariates : tuple of str
        Numeric variables of the formula.
    terms : tuple of str
        Terms of the right side without the intercept, in their order.
    n_dropped : int
        Rows left out because a value is missing.
    """

    formula: str
    response_name: str
    data: pd.DataFrame
    response: FloatArray
    matrix: FloatArray
    names: tuple[str, ...]
    factors: dict[str, tuple[str, ...]]
    covariates: tuple[str, ...]
    terms: tuple[str, ...]
    n_dropped: int
    spec: Any
    _term_factors: tuple[tuple[str, ...], ...]
    _intercept: bool

    def rows(self, points: pd.DataFrame) -> FloatArray:
        """Rows of the design at other points, which have a column for every variable."""
        coded = points.copy()
        for name, levels in self.factors.items():
            coded[name] = pd.Categorical(coded[name].astype(str), categories=list(levels))
        return np.asarray(self.spec.rhs.get_model_matrix(coded), dtype=np.float64)

    def grid(self, at: Mapping[str, float]) -> pd.DataFrame:
        """Every combination of the factors' levels, covariates at the values given."""
        levels = list(product(*self.factors.values()))
        points = pd.DataFrame(levels, columns=list(self.factors))
        for name in self.covariates:
            points[name] = float(at[name])
        return points

    def type_three(self) -> dict[str, FloatArray]:
        """Rows of L for the type III test of every term.

        With sum-to-zero coding of all factors a term's own coefficients are what a type III test
        sets to zero.  The two codings are compared on a grid with every combination of the
        factors, so that the hypothesis does not depend on which cells have data.
        """
        points = [
            self.grid({name: value[step] for name, value in self._covariate_values().items()})
            for step in range(len(self.covariates) + 2)
        ]
        grid = pd.concat(points, ignore_index=True)
        ours = self.rows(grid)
        import formulaic

        coded = grid.copy()
        for name, levels in self.factors.items():
            coded[name] = pd.Categorical(coded[name], categories=list(levels))
        pieces = ["1" if self._intercept else "0"]
        pieces += [":".join(self._sum_coded(f) for f in term) for term in self._term_factors]
        summed = formulaic.model_matrix(" + ".join(pieces), coded, context=None)
        spec = summed.model_spec
        theirs = np.asarray(summed, dtype=np.float64)
        to_sum = np.linalg.pinv(theirs) @ ours
        out = {}
        slices = list(spec.term_slices.items())
        own = [(term, where) for term, where in slices if str(term) != "1"]
        for name, (_, where) in zip(self.terms, own, strict=True):
            out[name] = np.where(np.abs(to_sum[where]) < 1e-12, 0.0, to_sum[where])
        return out

    def _covariate_values(self) -> dict[str, FloatArray]:
        steps = len(self.covariates) + 2
        return {
            name: np.roll(
                np.quantile(self.data[name], np.linspace(0, 1, steps)) + 0.1 * place, place
            )
            for place, name in enumerate(self.covariates)
        }

    def _sum_coded(self, factor: str) -> str:
        match = _FACTOR.match(factor)
        name = match["name"].strip() if match else factor
        return f"C({name}, contr.sum)" if name in self.factors else factor


def parse_formula(formula: str, data: pd.DataFrame, needed: Sequence[str]) -> FormulaDesign:
    """Build the design of a formula.

    Parameters
    ----------
    formula : str
        ``response ~ terms``, in the syntax of `formulaic` (that of R).
    data : DataFrame
        A column for every variable.
    needed : sequence of str
        Further columns that a row must have a value in.

    Raises
    ------
    StatsError
        If the formula can't be read, a column is absent, a value is infinite or nothing is left.
    """
    import formulaic
    from formulaic.errors import FormulaicError

    try:
        parsed = formulaic.Formula(formula)
    except FormulaicError as error:
        raise StatsError(
            f"formula {formula!r}: {error}; expected 'response ~ terms' as in R, for example "
            "'log_ratio ~ log_baseline_c + group * ftime'."
        ) from error
    if not hasattr(parsed, "lhs") or len(parsed.lhs) != 1:
        raise StatsError(
            f"formula {formula!r}: found no single response; expected 'response ~ terms'."
        )
    variables = [str(name) for name in parsed.required_variables]
    absent = [name for name in dict.fromkeys([*variables, *needed]) if name not in data.columns]
    if absent:
        raise StatsError(
            f"formula {formula!r}: the data have no column {', '.join(map(repr, absent))}; found "
            f"{', '.join(map(str, data.columns))}."
        )
    used = data.loc[:, list(dict.fromkeys([*variables, *needed]))]
    complete = used.notna().all(axis=1).to_numpy()
    frame = used[complete].reset_index(drop=True)
    if frame.empty:
        raise StatsError(f"formula {formula!r}: no row has a value in every column it needs.")
    factors: dict[str, tuple[str, ...]] = {}
    covariates = []
    forced = {
        m["name"].strip()
        for term in parsed.rhs
        for f in term.factors
        if (m := _FACTOR.match(f.expr))
    }
    response_variables = {str(v) for v in parsed.lhs.required_variables}
    for name in variables:
        column = frame[name]
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if numeric and not np.all(np.isfinite(column.to_numpy(dtype=np.float64))):
            raise StatsError(
                f"column {name!r} has infinite values; expected numbers or missing values. "
                "A logarithm of 0 gives one: leave such rows out or set a limit."
            )
        if name in response_variables:
            if not numeric:
                raise StatsError(f"column {name!r} is the response; expected numbers.")
            frame[name] = column.astype(np.float64)
        elif numeric and name not in forced:
            covariates.append(name)
            frame[name] = column.astype(np.float64)
        else:
            levels = _levels(column)
            factors[name] = levels
            frame[name] = pd.Categorical(_text(column), categories=list(levels))
    single = [name for name, levels in factors.items() if len(levels) < 2]
    if single:
        name = single[0]
        raise StatsError(
            f"factor {name!r} has one level ({factors[name][0]}); expected two or more. "
            "Take it out of the formula."
        )
    try:
        both = formulaic.model_matrix(parsed, frame, context=None)
    except FormulaicError as error:
        raise StatsError(f"formula {formula!r}: {error}.") from error
    terms, pieces, intercept = [], [], False
    for term in both.rhs.model_spec.terms:
        if str(term) == "1":
            intercept = True
            continue
        parts = tuple(factor.expr for factor in term.factors)
        terms.append(":".join(_plain(part) for part in parts))
        pieces.append(parts)
    response = np.asarray(both.lhs, dtype=np.float64)
    if response.shape[1] != 1 or not np.all(np.isfinite(response)):
        raise StatsError(
            f"formula {formula!r}: the response is not a finite number in every row; check for "
            "logarithms of values that are not above 0."
        )
    return FormulaDesign(
        formula=formula,
        response_name=str(both.lhs.columns[0]),
        data=frame,
        response=response[:, 0],
        matrix=np.asarray(both.rhs, dtype=np.float64),
        names=tuple(str(name) for name in both.rhs.columns),
        factors=factors,
        covariates=tuple(covariates),
        terms=tuple(terms),
        n_dropped=int(np.sum(~complete)),
        spec=both.model_spec,
        _term_factors=tuple(pieces),
        _intercept=intercept,
    )


def _plain(expression: str) -> str:
    match = _FACTOR.match(expression)
    return match["name"].strip() if match else expression


def _text(column: pd.Series) -> pd.Series:
    """Levels as text; a whole number has no decimal point."""
    if pd.api.types.is_float_dtype(column):
        return column.map(lambda value: f"{value:g}")
    return column.astype(str)


def _levels(column: pd.Series) -> tuple[str, ...]:
    """Levels in natural order: that of a categorical, else numbers by size, else the alphabet."""
    present = set(_text(column))
    if isinstance(column.dtype, pd.CategoricalDtype):
        ordered = [str(level) for level in column.cat.categories]
        return tuple(level for level in ordered if level in present)
    try:
        return tuple(sorted(present, key=float))
    except ValueError:
        return tuple(sorted(present))
