"""Which groups of a figure share a panel, and what its legend says."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

ONE_PANEL_GROUPS = 3


@dataclass(frozen=True)
class Panel:
    """One pair of axes: a drug with the vehicle it is compared with.

    Parameters
    ----------
    heading : str
        Printed above the panel; empty when the figure has one panel.
    groups : tuple of str
        Vehicles first, then the drug's groups by dose.
    """

    heading: str
    groups: tuple[str, ...]


def panels_of(heads: pd.DataFrame) -> list[Panel]:
    """Split the groups of a figure into panels.

    Parameters
    ----------
    heads : DataFrame
        The ``group`` rows of the source data, in their order.

    Returns
    -------
    list of Panel
        One panel for up to three groups, or for one drug; else one per drug, with the vehicle
        groups it is compared with in each.
    """
    controls = [str(g) for g in heads.loc[heads["is_control"].astype(bool), "group"]]
    treated = heads[~heads["is_control"].astype(bool)]
    drugs = list(dict.fromkeys(treated["drug"]))
    if len(drugs) < 2 or len(heads) <= ONE_PANEL_GROUPS:
        return [Panel("", tuple(str(g) for g in heads["group"]))]
    panels = []
    for drug in drugs:
        rows = treated[treated["drug"] == drug]
        own = [c for c in controls if c in set(rows["control"])]
        panels.append(
            Panel(str(rows["drug_label"].iloc[0]), (*own, *(str(g) for g in rows["group"])))
        )
    return panels


def legend_label(head: pd.Series, panel: Panel) -> str:
    """Legend entry of a group: its label, without the drug where the panel's heading names it."""
    label = str(head["group_label"])
    if panel.heading and not bool(head["is_control"]):
        label = label.replace(f"{head['drug_label']} ", "", 1)
    return f"{label} (n = {int(head['n'])})"
