"""What a study compares: its groups with their controls, and its times."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from dialysis.errors import StatsError
from dialysis.study.groups import group_order

SHOWN_PERIODS = ("baseline", "post")


@dataclass(frozen=True)
class Layout:
    """Groups and times of one outcome, in the order of its tables.

    Parameters
    ----------
    outcome : str
        Slug of the outcome.
    groups : tuple of str
        Group labels, controls first, with or without usable values.
    control : dict of str to str
        The group each group is compared with; its own label for a control group.
    times : tuple of int
        ``time_index`` of baseline and post-dose fractions, ascending.
    post_times : tuple of int
        Those of post-dose fractions.
    time_min : dict of int to float
        Mean time of each ``time_index`` over all groups, min from the dose.
    duration_min : dict of int to float
        Mean length of the fractions of each ``time_index``, min.
    drug : dict of str to str
        Drug of each group with what else tells it apart but for its dose.
    dose : dict of str to float
        Dose of each group.
    dose_unit : str
        Unit of the doses.
    """

    outcome: str
    groups: tuple[str, ...]
    control: dict[str, str]
    times: tuple[int, ...]
    post_times: tuple[int, ...]
    time_min: dict[int, float]
    duration_min: dict[int, float] = field(default_factory=dict)
    drug: dict[str, str] = field(default_factory=dict)
    dose: dict[str, float] = field(default_factory=dict)
    dose_unit: str = ""

    @property
    def compared(self) -> tuple[str, ...]:
        """Groups that are compared with a control, in their order."""
        return tuple(group for group in self.groups if self.control[group] != group)


def layout_of(timecourse: pd.DataFrame) -> Layout:
    """Read groups, controls and times off the rows of one outcome.

    Parameters
    ----------
    timecourse : DataFrame
        Rows of one outcome, `dialysis.tables.normalize.TIMECOURSE`.

    Raises
    ------
    StatsError
        If animals of one group are compared with different controls.
    ValueError
        If the rows are not those of exactly one outcome.
    """
    outcomes = list(dict.fromkeys(timecourse["outcome"]))
    if len(outcomes) != 1:
        raise ValueError(f"expected the rows of one outcome, got {outcomes}")
    control: dict[str, str] = {}
    for group, rows in timecourse.groupby("group", sort=False):
        named = sorted(set(rows["control"]))
        if len(named) > 1:
            animals = {
                name: rows.loc[rows["control"] == name, "animal_id"].iloc[0] for name in named
            }
            listed = ", ".join(f"'{name}' (animal {animals[name]})" for name in named)
            raise StatsError(
                f"animals.csv, column control: group '{group}' is compared with {listed}; "
                "expected one control for all animals of a group. Name the same control for all "
                "of them, or tell the groups apart by their pretreatment."
            )
        control[str(group)] = str(named[0])
    shown = timecourse[timecourse["period"].isin(SHOWN_PERIODS)]
    index = shown["time_index"].astype("int64")
    used = shown["used"].fillna(False).astype(bool)
    mean_all = shown["time_min"].groupby(index).mean()
    mean_used = shown.loc[used, "time_min"].groupby(index[used]).mean()
    time_min = {
        int(time): float(mean_used[time] if time in mean_used.index else mean_all[time])
        for time in sorted(mean_all.index)
    }
    length = shown["duration_min"].groupby(index).mean()
    heads = timecourse.drop_duplicates("group").set_index("group")
    routes = heads["route"].fillna("")
    series = {
        str(group): " ".join(
            part for part in (str(heads["drug"][group]), str(routes[group])) if part
        )
        for group in heads.index
    }
    post = sorted({int(time) for time in index[shown["period"] == "post"]})
    return Layout(
        outcome=str(outcomes[0]),
        groups=tuple(group_order(timecourse)),
        control=control,
        times=tuple(time_min),
        post_times=tuple(post),
        time_min=time_min,
        duration_min={int(time): float(length[time]) for time in length.index},
        drug=series,
        dose={str(group): float(heads["dose"][group]) for group in heads.index},
        dose_unit=str(heads["dose_unit"].fillna("").iloc[0]),
    )
