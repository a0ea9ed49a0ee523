"""What a study declares about how its exports are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AUTO = "auto"


@dataclass(frozen=True)
class Marks:
    """Marks in numbers, as the config has them.

    Parameters
    ----------
    decimal : {"auto", ".", ","}
        Config option ``ingest.decimal``.
    thousands : {"auto", "none", ".", ",", "'", " "}
        Config option ``ingest.thousands``.
    """

    decimal: str = AUTO
    thousands: str = AUTO


@dataclass(frozen=True)
class ReadOptions:
    """Options that readers of text formats obey.

    Parameters
    ----------
    marks : Marks
        Decimal and thousands marks.
    date_order : {"auto", "dmy", "mdy", "ymd"}
        Config option ``ingest.date_order``.
    time_unit : {"auto", "min", "s"}
        Config option ``ingest.time_unit``, for formats without one.
    signal_unit : str
        Config option ``ingest.signal_unit``, for formats without one.
    """

    marks: Marks = Marks()
    date_order: str = AUTO
    time_unit: str = AUTO
    signal_unit: str = ""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> ReadOptions:
        """From section `ingest` of study.yaml; options that are absent are ``auto``."""
        return cls(
            Marks(str(config.get("decimal", AUTO)), str(config.get("thousands", AUTO))),
            str(config.get("date_order", AUTO)),
            str(config.get("time_unit", AUTO)),
            str(config.get("signal_unit", "")),
        )
