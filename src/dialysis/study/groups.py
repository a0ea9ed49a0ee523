"""Treatment groups: a cell of drug × dose × route (× pretreatment), and its control."""

from __future__ import annotations

import pandas as pd


def assign_groups(animals: pd.DataFrame) -> pd.DataFrame:
    """Name each animal's group and the group it is compared with.

    Parameters
    ----------
    animals : DataFrame
        The animals table.

    Returns
    -------
    DataFrame
        One row per animal in the order of the table: animal_id, group, drug, dose, dose_unit,
        route, control, is_control, sex, cohort.  `control` is empty where none can be told.

    Notes
    -----
    A control group has dose 0.  With one control group everything is compared with it; with
    several, the animal's `control` column names the drug (or label) of its own.
    """
    table = animals.reset_index(drop=True)
    out = table[["animal_id", "drug", "dose", "dose_unit", "route", "sex", "cohort"]].copy()
    out["is_control"] = (table["dose"] == 0).astype("boolean")
    vehicles = table[table["dose"] == 0]
    routes_per_vehicle = vehicles.groupby("drug")["route"].nunique()
    labels = []
    for row in table.itertuples(index=False):
        if row.dose == 0:
            several_routes = routes_per_vehicle.get(row.drug, 1) > 1
            label = f"{row.drug} {row.route}" if several_routes else str(row.drug)
        else:
            label = " ".join(
                str(part) for part in (row.drug, f"{row.dose:g}", row.dose_unit, row.route) if part
            )
        labels.append(f"{row.pretreatment} + {label}" if row.pretreatment else label)
    out["group"] = labels
    controls = list(dict.fromkeys(out.loc[out["is_control"], "group"]))
    by_drug: dict[str, list[str]] = {}
    for group, drug in zip(out["group"], out["drug"], strict=True):
        if group in controls:
            known = by_drug.setdefault(str(drug), [])
            if group not in known:
                known.append(str(group))
    assigned = []
    for group, named in zip(out["group"], table["control"], strict=True):
        if group in controls:
            assigned.append(group)
        elif named in controls:
            assigned.append(named)
        elif named and len(by_drug.get(str(named), [])) == 1:
            assigned.append(by_drug[str(named)][0])
        elif not named and len(controls) == 1:
            assigned.append(controls[0])
        else:
            assigned.append("")
    out["control"] = assigned
    columns = [
        "animal_id",
        "group",
        "drug",
        "dose",
        "dose_unit",
        "route",
        "control",
        "is_control",
        "sex",
        "cohort",
    ]
    return out[columns]


def group_order(groups: pd.DataFrame) -> list[str]:
    """Order group labels for tables and figures: controls first, then by drug and dose.

    Parameters
    ----------
    groups : DataFrame
        With columns group, drug, dose, is_control (one or more rows per group).
    """
    unique = groups.drop_duplicates("group")
    drugs = list(dict.fromkeys(unique["drug"]))
    ranked = sorted(
        unique.itertuples(index=False),
        key=lambda row: (
            not bool(row.is_control),
            drugs.index(row.drug),
            float(row.dose),
            str(row.group),
        ),
    )
    return [str(row.group) for row in ranked]
