"""Linear mixed models of repeated measures in a few animals: fit, test, compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from dialysis.errors import StatsError
from dialysis.stats.arrays import FloatArray, IntArray
from dialysis.stats.blocks import make_blocks
from dialysis.stats.covariance import Structure, parse_structure
from dialysis.stats.estimates import Estimates, adjust_families, estimate
from dialysis.stats.fit import Boundary, Fit, estimable_part, fit_design
from dialysis.stats.formula import FormulaDesign, parse_formula
from dialysis.stats.inference import DDF, Ddf, Information, t_quantile
from dialysis.stats.multiplicity import METHODS
from dialysis.stats.reml import Method
from dialysis.stats.residuals import residual_table

SMALLEST_GROUP_FOR_VARIANCE = 3


@dataclass(frozen=True)
class LmmResult:
    """A fitted linear mixed model; made by `fit_lmm`.

    Parameters
    ----------
    fit : Fit
        Estimates in the coding of the design.
    design : FormulaDesign
        The formula's design.
    subject, time : str
        Columns of the data; `time` is empty without serial correlation.
    n_subjects, n_obs : int
        Animals and rows in the model.
    ddf : {"kenward-roger", "satterthwaite"}
        Degrees of freedom used where a method is not given one.
    """

    fit: Fit = field(repr=False)
    design: FormulaDesign = field(repr=False)
    subject: str
    time: str
    n_subjects: int
    n_obs: int
    ddf: Ddf = "kenward-roger"

    @property
    def params(self) -> pd.Series:
        """Fixed effects by name."""
        return pd.Series(self.fit.params, index=list(self.design.names), name="estimate")

    @property
    def cov_params(self) -> pd.DataFrame:
        """Covariance of the fixed effects, not adjusted for estimating the covariance."""
        names = list(self.design.names)
        return pd.DataFrame(self.fit.cov_params, index=names, columns=names)

    @property
    def loglik(self) -> float:
        """Log likelihood, restricted under REML; depends on how factors are coded."""
        return self.fit.loglik

    @property
    def covariance_params(self) -> dict[str, float]:
        """Covariance parameters by name, squared units of the response where variances."""
        return self.fit.covariance_params

    @property
    def converged(self) -> bool:
        """Whether the optimum was reached."""
        return self.fit.converged

    @property
    def status(self) -> str:
        """``ok``, or ``singular`` when a covariance parameter sits on a bound."""
        return self.fit.status

    @property
    def reason(self) -> str:
        """What is special about the fit, in words."""
        return self.fit.reason

    @property
    def residuals(self) -> pd.DataFrame:
        """Every row's fitted value, residual and residual whitened by the fitted covariance."""
        table = residual_table(self.fit, self.design.response, self.design.matrix)
        table.insert(0, self.subject, self.design.data[self.subject].astype(str))
        return table

    def anova(self, ddf: Ddf | None = None, information: Information | None = None) -> pd.DataFrame:
        """Type III tests.

        Parameters
        ----------
        ddf : {"kenward-roger", "satterthwaite"}, optional
            Denominator degrees of freedom.
        information : {"expected", "observed"}, optional
            Information of the covariance parameters.

        Returns
        -------
        DataFrame
            Columns term, num_df, den_df, F, p, reason.  With empty cells only the part of a
            term's hypothesis that the data determine is tested, and the reason says so.
        """
        rows = []
        for term, hypothesis in self.design.type_three().items():
            part = estimable_part(hypothesis, self.fit.basis.null_space)
            reason = ""
            if len(part) < len(hypothesis):
                reason = (
                    f"{len(part)} of {len(hypothesis)} degrees of freedom can be estimated; "
                    "cells without values"
                )
            test = self.fit.f_test(part, _ddf(ddf or self.ddf), information)
            rows.append(
                {
                    "term": term,
                    "num_df": test.num_df,
                    "den_df": test.den_df,
                    "F": test.statistic,
                    "p": test.p,
                    "reason": "; ".join(r for r in (reason, test.reason) if r),
                }
            )
        return pd.DataFrame(rows, columns=["term", "num_df", "den_df", "F", "p", "reason"])

    def emmeans(
        self,
        spec: str | Sequence[str],
        by: str | Sequence[str] = (),
        at: Mapping[str, float] | None = None,
        confidence: float = 0.95,
        ddf: Ddf | None = None,
        information: Information | None = None,
    ) -> pd.DataFrame:
        """Estimated marginal means on the reference grid.

        Parameters
        ----------
        spec, by : str or sequence of str
            Factors whose combinations get a mean; other factors are averaged over with equal
            weights.
        at : mapping of str to float, optional
            Values of covariates; by default their means over animals.
        confidence : float
            Level of the intervals.
        ddf, information
            As in `anova`.

        Returns
        -------
        DataFrame
            A column per factor, then emmean, se, df, low, high, reason; what can't be estimated
            is missing, with the reason.
        """
        names = [*_list(spec), *_list(by)]
        cells, hypothesis = self._cells(names, at)
        found, ok = self._estimates(hypothesis, _ddf(ddf or self.ddf), information)
        half = t_quantile(found.df, confidence) * found.se
        table = cells.copy()
        for name, values in (
            ("emmean", found.value),
            ("se", found.se),
            ("df", found.df),
            ("low", found.value - half),
            ("high", found.value + half),
        ):
            table[name] = np.nan
            table.loc[ok, name] = values
        table["reason"] = np.where(ok, "", "no data determine this cell")
        return table

    def contrasts(
        self,
        spec: str,
        by: str | Sequence[str] = (),
        method: str = "dunnett",
        reference: str | None = None,
        family: Literal["within", "all"] = "within",
        confidence: float = 0.95,
        at: Mapping[str, float] | None = None,
        ddf: Ddf | None = None,
        information: Information | None = None,
    ) -> pd.DataFrame:
        """Differences of estimated marginal means.

        Parameters
        ----------
        spec : str
            Factor whose levels are compared.
        by : str or sequence of str
            Factors within whose combinations they are compared.
        method : {"dunnett", "tukey", "holm", "bonferroni", "none"}
            ``dunnett``: against the reference, max-|t|; ``tukey``: all pairs, max-|t|;
            ``holm``, ``bonferroni``, ``none``: against the reference, or all pairs without one.
        reference : str, optional
            Level that the others are compared with; the first one by default for ``dunnett``.
        family : {"within", "all"}
            What is adjusted over: the comparisons within one combination of `by`, or all.
        confidence, at, ddf, information
            As in `emmeans`; intervals are simultaneous over the family.

        Returns
        -------
        DataFrame
            A column per factor of `by`, contrast, estimate, se, df, t, p, p_adjusted, low, high,
            method, family, reason.
        """
        if method not in METHODS:
            raise StatsError(
                f"method={method!r}: found no such adjustment; expected one of "
                f"{', '.join(METHODS)}."
            )
        if family not in ("within", "all"):
            raise StatsError(f"family={family!r}: expected 'within' or 'all'.")
        self._check_factors([spec, *_list(by)])
        levels = self.design.factors[spec]
        if reference is not None and str(reference) not in levels:
            raise StatsError(
                f"reference={reference!r}: found no such level of {spec!r}; expected one of "
                f"{', '.join(levels)}."
            )
        if method == "dunnett" and reference is None:
            reference = levels[0]
        if method == "tukey" or reference is None:
            pairs = [(b, a) for a, b in combinations(levels, 2)]
        else:
            pairs = [(level, str(reference)) for level in levels if level != str(reference)]
        names = [*_list(by), spec]
        cells, hypothesis = self._cells(names, at)
        place = {tuple(row): i for i, row in enumerate(cells[names].astype(str).to_numpy())}
        rows, stacked, families = [], [], []
        for combination in dict.fromkeys(
            tuple(r) for r in cells[names[:-1]].astype(str).to_numpy()
        ):
            for level, against in pairs:
                stacked.append(
                    hypothesis[place[(*combination, level)]]
                    - hypothesis[place[(*combination, against)]]
                )
                families.append("all" if family == "all" else combination)
                rows.append(
                    {
                        **dict(zip(names, combination, strict=False)),
                        "contrast": f"{level} - {against}",
                    }
                )
        table = pd.DataFrame(rows)
        found, ok = self._estimates(np.array(stacked), _ddf(ddf or self.ddf), information)
        kept = [label for label, fine in zip(families, ok, strict=True) if fine]
        adjusted = adjust_families(found, kept, method, confidence)
        half = adjusted.critical * found.se
        for name, values in (
            ("estimate", found.value),
            ("se", found.se),
            ("df", found.df),
            ("t", found.statistic),
            ("p", found.p),
            ("p_adjusted", adjusted.p),
            ("low", found.value - half),
            ("high", found.value + half),
        ):
            table[name] = np.nan
            table.loc[ok, name] = values
        table["method"], table["family"] = method, family
        table["reason"] = np.where(ok, "", "no data determine one of the two cells")
        return table

    def joint_tests(
        self,
        spec: str,
        by: str | Sequence[str] = (),
        at: Mapping[str, float] | None = None,
        ddf: Ddf | None = None,
        information: Information | None = None,
    ) -> pd.DataFrame:
        """Test that all levels of a factor have the same mean, within each combination of `by`."""
        names = [*_list(by), spec]
        cells, hypothesis = self._cells(names, at)
        keys = cells[names[:-1]].astype(str)
        rows = []
        for combination in dict.fromkeys(tuple(r) for r in keys.to_numpy()):
            here = np.flatnonzero(
                (keys.to_numpy() == np.array(combination, dtype=object)).all(axis=1)
            )
            differences = hypothesis[here[1:]] - hypothesis[here[0]]
            part = estimable_part(differences, self.fit.basis.null_space)
            test = self.fit.f_test(part, _ddf(ddf or self.ddf), information)
            rows.append(
                {
                    **dict(zip(names[:-1], combination, strict=True)),
                    "term": spec,
                    "num_df": test.num_df,
                    "den_df": test.den_df,
                    "F": test.statistic,
                    "p": test.p,
                }
            )
        return pd.DataFrame(rows)

    def auc(
        self,
        spec: str,
        time: str,
        minutes: float | Mapping[str, float],
        reference: str | None = None,
        method: str = "dunnett",
        log: bool = True,
        confidence: float = 0.95,
        at: Mapping[str, float] | None = None,
        ddf: Ddf | None = None,
    ) -> pd.DataFrame:
        """Area under the model's time course, per level of a factor, against a reference.

        Parameters
        ----------
        spec : str
            Factor whose levels get an area.
        time : str
            Factor of time.
        minutes : float or mapping of str to float
            Length of the fraction at every level of `time`, min.
        reference : str, optional
            Level that the others are compared with; the first one by default.
        method : str
            Adjustment over the comparisons.
        log : bool
            Whether the response is a log ratio: the area is then Σ Δt·100·exp(mean), that under
            the geometric mean percent of baseline, with standard errors by the delta method;
            else Σ Δt·mean.
        confidence, at, ddf
            As in `emmeans`.

        Returns
        -------
        DataFrame
            A row per level: auc, se, df, low, high, difference (from the reference), its se, df,
            t, p, p_adjusted, low and high (simultaneous), reason.
        """
        self._check_factors([spec, time])
        levels, times = self.design.factors[spec], self.design.factors[time]
        against = levels[0] if reference is None else str(reference)
        if against not in levels:
            raise StatsError(f"reference={reference!r}: expected one of {', '.join(levels)}.")
        lengths = (
            {t: float(minutes[t]) for t in times}
            if isinstance(minutes, Mapping)
            else {t: float(minutes) for t in times}
        )
        cells, hypothesis = self._cells([spec, time], at)
        weight = np.array([lengths[str(t)] for t in cells[time].astype(str)])
        area, gradient = area_of(hypothesis, self.fit.params, weight, log)
        group = cells[spec].astype(str).to_numpy()
        fine = self.fit.estimable(hypothesis)
        rows = []
        values, gradients = {}, {}
        for level in levels:
            here = group == level
            if fine[here].all():
                values[level], gradients[level] = (
                    float(area[here].sum()),
                    gradient[here].sum(axis=0),
                )
            rows.append({spec: level})
        table = pd.DataFrame(rows)
        ddf = _ddf(ddf or self.ddf)
        have = [level for level in levels if level in values]
        table["reason"] = [
            "" if level in values else "a cell without values in its window" for level in levels
        ]
        columns = ["auc", "se", "df", "low", "high"]
        more = ["difference", "difference_se", "difference_df", "t", "p", "p_adjusted"]
        for name in [*columns, *more, "difference_low", "difference_high"]:
            table[name] = np.nan
        if not have:
            return table
        found = estimate(
            self.fit,
            np.array([gradients[level] for level in have]),
            ddf,
            value=np.array([values[level] for level in have]),
        )
        half = t_quantile(found.df, confidence) * found.se
        at_rows = table.index[table[spec].isin(have)]
        table.loc[at_rows, columns] = np.column_stack(
            [found.value, found.se, found.df, found.value - half, found.value + half]
        )
        compared = [level for level in have if level != against and against in values]
        if compared:
            difference = estimate(
                self.fit,
                np.array([gradients[level] - gradients[against] for level in compared]),
                ddf,
                value=np.array([values[level] - values[against] for level in compared]),
            )
            adjusted = adjust_families(difference, ["all"] * len(compared), method, confidence)
            half = adjusted.critical * difference.se
            place = table.index[table[spec].isin(compared)]
            table.loc[place, [*more, "difference_low", "difference_high"]] = np.column_stack(
                [
                    difference.value,
                    difference.se,
                    difference.df,
                    difference.statistic,
                    difference.p,
                    adjusted.p,
                    difference.value - half,
                    difference.value + half,
                ]
            )
        return table

    def summary(self) -> str:
        """Return the fit in words and numbers, for the eye."""
        names = {"kenward-roger": "Kenward–Roger", "satterthwaite": "Satterthwaite"}
        lines = [
            f"Linear mixed model, {self.fit.method}: {self.design.formula}",
            f"Covariance: {self.fit.structure.words}",
            f"{self.n_obs} values of {self.n_subjects} animals"
            + (
                f"; {self.design.n_dropped} rows with missing values left out"
                if self.design.n_dropped
                else ""
            ),
            f"Log likelihood {self.loglik:.6g}; degrees of freedom: {names[self.ddf]}",
        ]
        if self.reason:
            lines.append(f"Note: {self.reason}")
        lines += ["", "Covariance parameters"]
        lines += [f"  {name:<16} {value:.6g}" for name, value in self.covariance_params.items()]
        if self.time:
            lines.append(f"  (lag of 1 = {self.fit.blocks.time_unit:g} in units of {self.time})")
        lines += ["", "Type III tests", self.anova().to_string(index=False, float_format="%.4g")]
        return "\n".join(lines)

    def _check_factors(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.design.factors:
                raise StatsError(
                    f"{name!r} is no factor of {self.design.formula!r}; found "
                    f"{', '.join(self.design.factors) or 'none'}. A number enters as a factor as "
                    "text or as C(name)."
                )

    def _cells(
        self, names: Sequence[str], at: Mapping[str, float] | None
    ) -> tuple[pd.DataFrame, FloatArray]:
        """Return combinations of factors, and the rows of L of their means."""
        self._check_factors(names)
        values = {name: self._subject_mean(name) for name in self.design.covariates}
        values.update(at or {})
        grid = self.design.grid(values)
        rows = self.design.rows(grid)
        keys = list(map(tuple, grid[list(names)].astype(str).to_numpy()))
        combos = list(dict.fromkeys(sorted(keys, key=lambda key: self._rank(names, key))))
        index = {combo: i for i, combo in enumerate(combos)}
        means = np.zeros((len(combos), rows.shape[1]))
        np.add.at(means, [index[key] for key in keys], rows)
        means /= len(keys) / len(combos)
        return pd.DataFrame(combos, columns=list(names)), means

    def _rank(self, names: Sequence[str], key: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(
            self.design.factors[name].index(level) for name, level in zip(names, key, strict=True)
        )

    def _subject_mean(self, name: str) -> float:
        column = self.design.data.groupby(self.subject, observed=True)[name].mean()
        return float(column.mean())

    def _estimates(
        self, hypothesis: FloatArray, ddf: Ddf, information: Information | None
    ) -> tuple[Estimates, np.ndarray]:
        ok = self.fit.estimable(hypothesis)
        return estimate(self.fit, hypothesis[ok], ddf, information), ok


def area_of(
    hypothesis: FloatArray, params: FloatArray, minutes: FloatArray, log: bool
) -> tuple[FloatArray, FloatArray]:
    """Return every cell's part of an area and its gradient in the fixed effects.

    On a log scale the area is Σ Δt·100·exp(mean), of percent of baseline.
    """
    if not log:
        return minutes * (hypothesis @ params), minutes[:, None] * hypothesis
    area = minutes * 100.0 * np.exp(hypothesis @ params)
    return area, area[:, None] * hypothesis


def fit_lmm(
    formula: str,
    data: pd.DataFrame,
    *,
    subject: str,
    time: str | None = None,
    covariance: str = "ri+ar1",
    series: str | None = None,
    random: Sequence[str] = (),
    variance_by: str = "group",
    method: Method = "REML",
    ddf: Ddf = "kenward-roger",
    boundary: Boundary | Literal["auto"] = "auto",
    time_unit: float | None = None,
) -> LmmResult:
    """Fit a linear mixed model of repeated measures.

    Parameters
    ----------
    formula : str
        Fixed effects, ``response ~ terms``.  Text and categorical columns are factors (treatment
        coding, first level as reference), numbers are covariates unless wrapped in ``C()``.
    data : DataFrame
        One row per animal and time; rows with a missing value are left out and counted.
    subject : str
        Column that names the animal.
    time : str, optional
        Column of the time in minutes, needed for serial correlation.  Equal sampling is
        recognised; otherwise ρ is to the power of the real elapsed time.
    covariance : str
        ``ri``, ``cs``, ``ar1``, ``ri+ar1``, each also with ``+het``.
    series : str, optional
        Column that tells the series of an animal apart (its probes).
    random : sequence of str
        Columns with further random intercepts: probe in animal, litter, batch.
    variance_by : str
        Column whose levels have a variance of their own under ``+het``.
    method : {"REML", "ML"}
        Estimator.
    ddf : {"kenward-roger", "satterthwaite"}
        Degrees of freedom of tests and intervals, unless a method is told otherwise.
    boundary : {"auto", "keep", "drop"}
        What inference does with a variance that is estimated as zero.
    time_unit : float, optional
        Time that ρ is for; by default the sampling interval.

    Returns
    -------
    LmmResult

    Raises
    ------
    StatsError
        If the data can't be fitted, with what was found and what to do.

    Examples
    --------
    >>> fit = fit_lmm("log_ratio ~ log_baseline_c + group * ftime", data, subject="animal",
    ...               time="time_min", covariance="ri+ar1")  # doctest: +SKIP
    >>> fit.anova(ddf="kenward-roger")  # doctest: +SKIP
    """
    _ddf(ddf)
    if method not in ("REML", "ML"):
        raise StatsError(f"method={method!r}: expected 'REML' or 'ML'.")
    if boundary not in ("auto", "keep", "drop"):
        raise StatsError(f"boundary={boundary!r}: expected 'auto', 'keep' or 'drop'.")
    serial = "ar1" in covariance
    if serial and time is None:
        raise StatsError(
            f"covariance={covariance!r} needs the time of every row; name its column with time=."
        )
    het = covariance.endswith("+het")
    needed = [subject, *random]
    needed += [time] if serial and time is not None else []
    needed += [series] if series is not None else []
    needed += [variance_by] if het else []
    design = parse_formula(formula, data, needed)
    frame = design.data
    clock = None
    if serial and time is not None:
        try:
            clock = frame[time].astype(str).astype(np.float64).to_numpy()
        except ValueError as error:
            raise StatsError(f"column {time!r} is the time; expected numbers ({error}).") from error
        if not np.all(np.isfinite(clock)):
            raise StatsError(f"column {time!r} is the time; expected finite numbers.")
    animals = _codes(frame[subject])
    strata: tuple[str, ...] = ()
    stratum = None
    if het:
        strata, stratum = _strata(frame, variance_by, subject, animals)
    nested = None
    if series is not None:
        nested = _codes(frame[subject].astype(str) + "\x1f" + frame[series].astype(str))
    blocks = make_blocks(
        animals,
        clock,
        series=nested,
        stratum=stratum,
        random={name: _codes(frame[name]) for name in random},
        time_unit=time_unit,
    )
    for name, units in zip(random, blocks.n_units, strict=True):
        if units < 2 or units >= blocks.n_rows:
            raise StatsError(
                f"random={name!r}: found {units} units in {blocks.n_rows} rows; expected at least "
                "two units, and units with more than one row."
            )
    structure: Structure = parse_structure(covariance, strata, tuple(random), blocks.integer_lags)
    fit = fit_design(design.response, design.matrix, blocks, structure, method, boundary)
    return LmmResult(
        fit=fit,
        design=design,
        subject=subject,
        time=time if serial and time is not None else "",
        n_subjects=blocks.n_subjects,
        n_obs=blocks.n_rows,
        ddf=ddf,
    )


def _strata(
    frame: pd.DataFrame, name: str, subject: str, animals: IntArray
) -> tuple[tuple[str, ...], IntArray]:
    """Levels that variances differ by, checked: constant in an animal, enough animals each."""
    text = frame[name].astype(str)
    levels = tuple(dict.fromkeys(sorted(text)))
    if isinstance(frame[name].dtype, pd.CategoricalDtype):
        levels = tuple(str(c) for c in frame[name].cat.categories if str(c) in set(text))
    codes = text.map({level: i for i, level in enumerate(levels)}).to_numpy(dtype=np.int64)
    of_animal = pd.DataFrame({"animal": animals, "code": codes}).drop_duplicates()
    if of_animal["animal"].duplicated().any():
        twice = of_animal.loc[of_animal["animal"].duplicated(), "animal"].iloc[0]
        animal = frame[subject].astype(str).to_numpy()[int(np.flatnonzero(animals == twice)[0])]
        raise StatsError(
            f"variance per {name}: animal {animal} is in more than one; expected one per animal."
        )
    counts = of_animal["code"].value_counts()
    for code, level in enumerate(levels):
        if counts[code] < SMALLEST_GROUP_FOR_VARIANCE:
            raise StatsError(
                f"variance per {name}: {level!r} has {counts[code]} animals; expected at least "
                f"{SMALLEST_GROUP_FOR_VARIANCE} to estimate a variance from. Use the covariance "
                "without '+het'."
            )
    return levels, codes


def _codes(column: pd.Series) -> IntArray:
    return np.asarray(pd.factorize(column.astype(str), sort=True)[0], dtype=np.int64)


def _list(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _ddf(ddf: str) -> Ddf:
    if ddf not in DDF:
        raise StatsError(
            f"ddf={ddf!r}: found no such method; expected {' or '.join(map(repr, DDF))}."
        )
    return "kenward-roger" if ddf == "kenward-roger" else "satterthwaite"
