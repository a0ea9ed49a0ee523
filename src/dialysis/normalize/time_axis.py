"""The time axis: minutes from the dose with the dead-volume lag, and periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dialysis.errors import NormalizationError
from dialysis.normalize.schedule import Slot

# Times in a table have few digits: a share of fluid below this is rounding, not fluid.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Fraction:
    """A fraction on the time axis of its animal.

    Parameters
    ----------
    number : int
        Number of the fraction.
    start_min, end_min : float
        Collection on the animal's clock, min.
    fluid_start_min, fluid_end_min : float
        When the fluid in it left the membrane, min from the dose: collection − lag − dose.
    time_min : float
        Its one time on the axis: midpoint, start or end of that interval.
    period : str
        baseline, post, straddle (left out for holding both) or early.
    time_index : int
        …, -2, -1 before the dose, 1, 2, … after it, 0 for a straddling one that is left out.
    other_share : float
        Part of its fluid that is from the other side of the dose than its period says, 0 to 0.5
        (more when the straddle policy puts it on the smaller side).
    straddles : bool
        Whether the smaller part exceeds the tolerance.
    injections : tuple of str
        Injections of its vial; empty when it is lost.
    """

    number: int
    start_min: float
    end_min: float
    fluid_start_min: float
    fluid_end_min: float
    time_min: float
    period: str
    time_index: int
    other_share: float
    straddles: bool
    injections: tuple[str, ...]

    @property
    def duration_min(self) -> float:
        """Length of the fraction, min."""
        return self.end_min - self.start_min

    @property
    def mid_min(self) -> float:
        """Midpoint of the fluid interval, min from the dose."""
        return (self.fluid_start_min + self.fluid_end_min) / 2


def lag_min(config: Mapping[str, Any]) -> float:
    """Time the dialysate takes from the membrane to the vial, min.

    Parameters
    ----------
    config : mapping
        The ``normalize`` section: ``dead_volume_uL``, ``flow_uL_min``.

    Raises
    ------
    NormalizationError
        If there is a dead volume and no flow.

    Notes
    -----
    Plug flow: lag = V/Q.  Dispersion in the tubing is ignored.
    """
    volume, flow = config["dead_volume_uL"], config["flow_uL_min"]
    if volume == 0:
        return 0.0
    if flow is None:
        raise NormalizationError(
            "study.yaml, normalize.flow_uL_min: found nothing, with a dead volume of "
            f"{volume:g} µL; expected the flow rate, because the lag is dead_volume_uL / "
            "flow_uL_min. Set it."
        )
    return float(volume) / float(flow)


def fluid_side(start_min: float, end_min: float, policy: str, tolerance: float) -> tuple[str, bool]:
    """Tell on which side of the dose a fraction counts.

    Parameters
    ----------
    start_min, end_min : float
        Fluid interval, min from the dose.
    policy : {"drop", "baseline", "post"}
        What a straddling fraction is.
    tolerance : float
        Largest smaller part (0 to 0.5) with which a fraction does not count as straddling.

    Returns
    -------
    side : {"baseline", "post", "straddle"}
        straddle only with the policy drop.
    straddles : bool
        Whether the smaller part exceeds the tolerance.
    """
    before = share_before(start_min, end_min)
    if min(before, 1.0 - before) > tolerance + _ROUNDING:
        return ("straddle" if policy == "drop" else policy), True
    return ("baseline" if before > 0.5 else "post"), False


def share_before(start_min: float, end_min: float) -> float:
    """Part (0 to 1) of a fluid interval that lies before the dose at 0 min."""
    return min(1.0, max(0.0, -start_min / (end_min - start_min)))


def place_on_axis(
    slots: Sequence[Slot], dose_min: float, config: Mapping[str, Any]
) -> list[Fraction]:
    """Put the fractions of one probe on the time axis of its animal.

    Parameters
    ----------
    slots : sequence of Slot
        Expected fractions, lost ones included, in the order of time: because these have their
        place, a lost vial leaves a gap in `time_index` and does not shift the later ones.
    dose_min : float
        Time of the (first) dose on the animal's clock, min.
    config : mapping
        The ``normalize`` section.
    """
    lag = lag_min(config)
    policy, tolerance = config["straddle"], float(config["straddle_tolerance"])
    window = int(config["baseline"]["n_fractions"])
    fluid = [(s.start_min - lag - dose_min, s.end_min - lag - dose_min) for s in slots]
    sides = [fluid_side(start, end, policy, tolerance) for start, end in fluid]
    n_before = sum(side == "baseline" for side, _ in sides)
    before = after = 0
    fractions = []
    for slot, (start, end), (side, straddles) in zip(slots, fluid, sides, strict=True):
        early_share = share_before(start, end)
        if side == "baseline":
            index = before - n_before
            before += 1
            period = "baseline" if index >= -window else "early"
            other = 1.0 - early_share
        elif side == "post":
            after += 1
            index, period, other = after, "post", early_share
        else:
            index, period, other = 0, "straddle", min(early_share, 1.0 - early_share)
        moments = {"midpoint": (start + end) / 2, "start": start, "end": end}
        fractions.append(
            Fraction(
                number=slot.number,
                start_min=slot.start_min,
                end_min=slot.end_min,
                fluid_start_min=start,
                fluid_end_min=end,
                time_min=moments[config["fraction_time"]],
                period=period,
                time_index=index,
                other_share=other if other > _ROUNDING else 0.0,
                straddles=straddles,
                injections=slot.injections,
            )
        )
    return fractions


def check_baseline_exists(fractions: Mapping[str, Sequence[Fraction]]) -> None:
    """Raise when no probe has a fraction before its dose.

    Raises
    ------
    NormalizationError
        With the earliest fluid of the study.
    """
    every = [fraction for own in fractions.values() for fraction in own]
    if any(fraction.period == "baseline" for fraction in every):
        return
    earliest = min(fraction.fluid_start_min for fraction in every)
    raise NormalizationError(
        "injections.csv, columns fraction, start_min, end_min: found no fraction before the dose "
        f"in any animal (the earliest starts at {earliest:g} min from the dose, lag-corrected); "
        "expected baseline fractions. Check start_min and end_min, time_min in doses.csv, and in "
        "study.yaml normalize.fraction_min, normalize.baseline.n_fractions and "
        "normalize.straddle."
    )
