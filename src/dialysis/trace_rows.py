"""Which rows of the time course stand behind a row of a later table.

Every table of `normalize`, `stats` and `figures` has its own answer: an area is of the fractions in
its window, a comparison of two groups at one time, a cell of a table for Prism of one animal at one
time.  A row that is about nothing of the kind has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.files import read_json, read_table
from dialysis.tables.normalize import TIMECOURSE
from dialysis.tables.stats import OUTCOME_TABLES

PRISM = "prism"
_STATS = frozenset(table.name for table in OUTCOME_TABLES)
# Tables of a model whose rows name a part of the values that it was fitted to.
_OF_MODEL = frozenset(
    {"auc", "auc_model", "contrasts", "dose", "emmeans", "influence", "interaction", "ratio_data"}
    | {"residuals", "secondary", "sensitivity"}
)
# Columns of `auc` and `auc_model` that are of a group by itself.
_OF_GROUP = ("n", "mean_", "sd_", "low_", "high_", "auc_", "se", "df", "geomean_")
_STARTS_AND_ENDS = {"start": 0.5, "end": -0.5}


def table_kind(file: Path) -> tuple[str, str]:
    """Tell what table a file is.

    Parameters
    ----------
    file : Path
        Relative to the project's root: ``results/<study>/…``.

    Returns
    -------
    kind : str
        Name of a table of `dialysis.tables`, ``prism``, or the kind of source data.
    slug : str
        The outcome, where the file is of one.
    """
    stem, folder = file.stem, file.parent.name
    if file.parts[2] == "stats":
        return stem, folder
    if file.parts[2] == "figures":
        return stem.removeprefix(f"{folder}_").removeprefix("stats_"), folder
    for name in sorted(_STATS, key=len, reverse=True):
        if file.parts[2] == "review" and stem.endswith(f"_{name}"):
            return name, stem.removesuffix(f"_{name}")
    return stem, ""


def is_of_model(file: Path, column: str) -> bool:
    """Whether more values than those behind a row enter a column, through a model."""
    kind, _ = table_kind(file)
    if column in ("n", "log_ratio") and kind != "contrasts":
        return False
    alone = bool(column) and column.startswith(_OF_GROUP) and kind == "auc" and column != "df"
    return kind in _OF_MODEL and not alone


@dataclass(frozen=True)
class Course:
    """The time course of a study with what places its rows.

    Parameters
    ----------
    results : Path
        ``results/<study>``.
    rows : DataFrame
        ``normalize/timecourse.csv`` as text; its index is the line in the file.
    """

    results: Path
    rows: pd.DataFrame
    _models: dict[str, pd.Series] = field(default_factory=dict, repr=False)

    @cached_property
    def used(self) -> pd.Series:
        """Rows that count."""
        return self.rows["used"] == "true"

    @cached_property
    def post(self) -> pd.Series:
        """Rows after the dose."""
        return self.rows["period"] == "post"

    @cached_property
    def window(self) -> pd.Series:
        """Rows after the dose in the window of the areas of their probe."""
        summary = _text(self.results / "normalize" / "summary.csv")
        keys = ["outcome", "probe_id"]
        ends = self.rows[keys].merge(
            summary[[*keys, "window_start_min", "window_end_min"]], on=keys, how="left"
        )
        low = pd.to_numeric(ends["window_start_min"]).to_numpy()
        high = pd.to_numeric(ends["window_end_min"]).to_numpy()
        config = read_json(self.results / ".stamps" / "config" / "normalize.json")
        shift = _STARTS_AND_ENDS.get(str(config["fraction_time"]), 0.0)
        minutes = pd.to_numeric(self.rows["time_min"])
        middle = minutes + shift * pd.to_numeric(self.rows["duration_min"])
        return self.post & (middle >= low - 1e-6) & (middle < high - 1e-6)

    @cached_property
    def with_area(self) -> pd.Series:
        """Rows of probes that have an area."""
        summary = _text(self.results / "normalize" / "summary.csv")
        have = summary[summary["auc_pct_min"] != ""]
        known = set(zip(have["outcome"], have["probe_id"], strict=True))
        pairs = zip(self.rows["outcome"], self.rows["probe_id"], strict=True)
        return pd.Series([pair in known for pair in pairs], index=self.rows.index)

    def in_model(self, slug: str) -> pd.Series:
        """Rows that the mixed model of an outcome was fitted to."""
        if slug not in self._models:
            path = self.results / "stats" / slug / "residuals.csv"
            keys = ["probe_id", "time_index"]
            table = _text(path) if path.is_file() else pd.DataFrame(columns=keys)
            entered = set(zip(*(table[key] for key in keys), strict=True))
            pairs = zip(*(self.rows[key] for key in keys), strict=True)
            mine = (self.rows["outcome"] == slug) & self.post
            known = pd.Series([pair in entered for pair in pairs], index=self.rows.index)
            self._models[slug] = mine & known
        return self._models[slug]

    def are(self, row: Mapping[str, Any], *keys: str) -> pd.Series:
        """Rows that have what a row has in some columns; one that is empty tells nothing."""
        mask = pd.Series(True, index=self.rows.index)
        for key in keys:
            if wanted := str(row.get(key, "") or ""):
                mask &= self.rows[key] == wanted
        return mask

    def of_groups(self, *groups: object) -> pd.Series:
        """Rows of some groups."""
        return self.rows["group"].isin([str(group) for group in groups])

    def groups_of_drug(self, slug: str, drug: str) -> list[str]:
        """Groups that a trend over the doses of a drug is of."""
        from dialysis.stats.dose import dose_series
        from dialysis.stats.layout import layout_of

        course = read_table(self.results / "normalize" / "timecourse.csv", TIMECOURSE)
        layout = layout_of(course[course["outcome"] == slug])
        return [
            group
            for series in dose_series(layout)
            if series.label == drug
            for group in series.groups
        ]


def rows_behind(course: Course, file: Path, chosen: pd.DataFrame, column: str) -> pd.DataFrame:
    """Rows of the time course that rows of a later table were computed from.

    Parameters
    ----------
    course : Course
        The study's.
    file : Path
        The table, relative to the project's root.
    chosen : DataFrame
        Some of its rows, as text; the index is the line in the file.
    column : str
        The column that is asked for; empty for whole rows.
    """
    kind, slug = table_kind(file)
    if kind == "timecourse" and chosen.columns.equals(course.rows.columns):
        return course.rows.loc[chosen.index]
    mask = pd.Series(False, index=course.rows.index)
    if kind == PRISM:
        return course.rows[_prism(course, course.results / Path(*file.parts[2:]), chosen, column)]
    find = _BEHIND.get(kind, _by_keys)
    for row in chosen.to_dict("records"):
        mask |= find(course, {"outcome": slug} | row, column)
    return course.rows[mask]


_Find = Callable[[Course, Mapping[str, Any], str], pd.Series]


def _nothing(course: Course) -> pd.Series:
    return pd.Series(False, index=course.rows.index)


def _by_keys(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    """Used rows of a probe, a fraction or a group at a time; none where the row names no such."""
    if row.get("row") in ("event", "limit"):
        return _nothing(course)
    if not any(str(row.get(key, "") or "") for key in ("probe_id", "animal_id", "group")):
        return _nothing(course)
    keys = ("probe_id", "animal_id", "time_index", "fraction", "group")
    return course.used & _outcome(course, row) & course.are(row, *keys)


def _outcome(course: Course, row: Mapping[str, Any]) -> pd.Series:
    """Rows of an outcome; those of its two parts where it is a ratio made for a figure only."""
    slug = str(row.get("outcome", "") or "")
    if not slug or (course.rows["outcome"] == slug).any():
        return course.are(row, "outcome")
    above, _, below = slug.rpartition("_per_")
    numerator = course.used & (course.rows["outcome"] == above)
    regions = set(course.rows.loc[numerator, "region"])
    denominator = course.used & (course.rows["denominator"] == "")
    denominator &= course.rows["region"].isin(regions)
    denominator &= course.rows["analyte"].str.lower() == below
    sample = course.rows["probe_id"] + "\n" + course.rows["fraction"]
    both = set(sample[numerator]) & set(sample[denominator])
    return (numerator | denominator) & sample.isin(both)


def _shown(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    """Of a time course's figure: a star compares two groups."""
    if column == "stars" and row.get("row") == "mean":
        return _compared(course, row, column)
    return _by_keys(course, row, column)


def _basal(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    return _by_keys(course, row, column) & (course.rows["period"] == "baseline")


def _baseline(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    """Of a probe's baseline, which one that is left out as a whole has too."""
    counting = _basal(course, row, column)
    if counting.any():
        return counting
    valued = (course.rows["period"] == "baseline") & (course.rows["conc"] != "")
    return valued & course.are(row, "outcome", "probe_id")


def _summary(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    return _by_keys(course, row, column) & course.window


def _areas(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    """Of areas of complete animals: a group's own, or also its control's."""
    inside = course.used & course.window & course.with_area & course.are(row, "outcome")
    if row.get("row") == "trend":
        return inside & course.of_groups(*_drug_of_heads(course, row))
    if row.get("row") == "individual":
        return inside & course.are(row, "probe_id", "animal_id")
    return inside & course.of_groups(*_groups(row, column))


def _drug_of_heads(course: Course, row: Mapping[str, Any]) -> list[str]:
    """Groups with the drug, route and control of a figure's row."""
    same = course.are(row, "outcome", "drug", "route", "control")
    treated = course.rows["is_control"] != "true"
    return list(dict.fromkeys(course.rows.loc[same & treated, "group"]))


def _groups(row: Mapping[str, Any], column: str) -> list[str]:
    """The group of a row of areas, and its control where a column compares the two."""
    own = column and (column in ("value", "low", "high") or column.startswith(_OF_GROUP))
    return [row["group"]] if own else [row["group"], row.get("control") or row["group"]]


def _model(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    """All rows of the model, or those of a group, probe or animal and of a time."""
    return course.in_model(row["outcome"]) & course.are(
        row, "group", "probe_id", "animal_id", "time_index"
    )


def _compared(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    mask = course.in_model(row["outcome"])
    if row.get("variant") == "with_excluded":
        mask |= course.post & course.are(row, "outcome") & (course.rows["pct_of_baseline"] != "")
    return (
        mask
        & course.are(row, "time_index")
        & course.of_groups(row["group"], row.get("control") or row["group"])
    )


def _ratio(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    if row.get("row") != "mean":
        return _by_keys(course, row, column)
    return _compared(course, row, column)


def _model_area(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    inside = course.in_model(row["outcome"]) & course.window
    return inside & course.of_groups(*_groups(row, column))


def _dose(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    groups = course.groups_of_drug(str(row["outcome"]), str(row["drug"]))
    if row["model"] == "emax" and groups:
        controls = course.rows.loc[course.rows["group"] == groups[0], "control"]
        groups = [*groups, str(controls.iloc[0])]
    if row["scope"] == "auc":
        inside = course.used & course.window & course.with_area & course.are(row, "outcome")
        return inside & course.of_groups(*groups)
    return _scope(course, row) & course.of_groups(*groups)


def _interaction(course: Course, row: Mapping[str, Any], column: str) -> pd.Series:
    names = ("group", "control", "other_group", "other_control")
    return _scope(course, row) & course.of_groups(*(row[name] for name in names))


def _scope(course: Course, row: Mapping[str, Any]) -> pd.Series:
    """Rows of the model at one time, or in the window."""
    inside = course.in_model(row["outcome"])
    if row["scope"] == "window":
        return inside & course.window
    return inside & (course.rows["time_index"] == row["scope"])


_BEHIND: Mapping[str, _Find] = {
    "source_data": _shown,
    "basal_data": _basal,
    "baseline": _baseline,
    "summary": _summary,
    "auc_data": _areas,
    "auc": _areas,
    "auc_model": _model_area,
    "ratio_data": _ratio,
    "contrasts": _compared,
    "secondary": _compared,
    "sensitivity": _compared,
    "dose": _dose,
    "interaction": _interaction,
    **dict.fromkeys(
        ("anova", "secondary_anova", "checks", "variogram", "emmeans", "residuals", "influence"),
        _model,
    ),
}


def _prism(course: Course, path: Path, chosen: pd.DataFrame, column: str) -> pd.Series:
    """Of a table for Prism: its second line names animals, its first column times.

    Its rows are the times of the time course's source data, in their order; a value is the mean
    of an animal's probes.
    """
    slug = path.parent.name
    data = _text(path.with_name(f"{slug}_source_data.csv"))
    single = data[data["row"] == "individual"]
    minutes = pd.to_numeric(single["time_min"]).groupby(single["time_index"]).mean().sort_values()
    order = list(minutes.index)
    table = _text(path)
    animals = dict(zip(table.columns[1:], table.iloc[0, 1:], strict=True))
    wanted = list(animals.values()) if column not in animals else [animals[column]]
    times = [order[line - 3] for line in chosen.index if line >= 3]
    mask = course.used & (course.rows["outcome"] == slug)
    mask &= course.rows["animal_id"].isin(wanted)
    # The line of animals heads whole columns.
    heads = any(line < 3 for line in chosen.index)
    return mask & (course.rows["time_index"].isin(times) | (heads & course.rows["period"].ne("")))


def prism_animal(path: Path, column: str) -> str:
    """Name the animal of a column of a table for Prism; empty for the times."""
    table = _text(path)
    return "" if column == table.columns[0] else str(table[column].iloc[0])


def _text(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8")
