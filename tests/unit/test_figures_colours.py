"""Whether groups are told apart: in colour, without red and green, and in grey."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from dialysis.figures.panels import panels_of
from dialysis.plotting import GroupStyle, group_styles, luminance

from .test_figures_synthetic import DEMO_GROUPS

Groups = tuple[tuple[str, float], ...]
DEMO: Groups = tuple((drug, dose) for drug, dose, _, _ in DEMO_GROUPS)
THREE_DOSES: Groups = (("vehicle", 0.0), *(("drug", d) for d in (1.0, 3.0, 10.0)))
FIVE_DRUGS: Groups = (("vehicle", 0.0), *((name, 1.0) for name in "abcde"))
TWO_VEHICLES: Groups = (("vehicle", 0.0), ("cyclodextrin", 0.0), ("a", 5.0), ("b", 5.0))
STUDIES = {
    "demo": DEMO,
    "three doses": THREE_DOSES,
    "five drugs": FIVE_DRUGS,
    "two vehicles": TWO_VEHICLES,
}
# Sharma G (2003): 2.3 is just noticeable side by side; small marks apart need several times that.
LEAST_DELTA_E = 10.0


def heads(groups: Groups) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "group": f"{drug} {dose:g}",
                "group_label": f"{drug} {dose:g}",
                "drug": drug,
                "drug_label": drug,
                "dose": dose,
                "is_control": dose == 0,
                "control": "vehicle 0",
                "n": 6,
            }
            for drug, dose in groups
        ]
    )


def neighbours(groups: Groups) -> list[tuple[GroupStyle, GroupStyle]]:
    """Pairs of groups that stand in one panel."""
    frame = heads(groups)
    styles = group_styles(frame)
    return [
        (styles[one], styles[other])
        for panel in panels_of(frame)
        for one, other in itertools.combinations(panel.groups, 2)
    ]


def linear(color: str) -> npt.NDArray[np.float64]:
    parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def deuteranopia(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Machado, Oliveira, Fernandes (2009), severity 1, on linear RGB."""
    matrix = np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    )
    return np.clip(matrix @ rgb, 0.0, 1.0)


def lab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIE L*a*b* (D65) of linear sRGB."""
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = matrix @ rgb / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def delta_e(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """CIEDE2000 (Sharma, Wu, Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(c**7 / (c**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    dh = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    big = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))
    h = h1 + h2 if c1 * c2 == 0 else (h1 + dh / 2) % 360
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(np.radians(h - 30))
        + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6))
        - 0.20 * np.cos(np.radians(4 * h - 63))
    )
    sl = 1 + 0.015 * (lm - 50) ** 2 / np.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rc = 2 * np.sqrt(cm**7 / (cm**7 + 25.0**7))
    rt = -rc * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    dl, dc = (l2 - l1) / sl, (c2 - c1) / sc
    return float(np.sqrt(dl**2 + dc**2 + (big / sh) ** 2 + rt * dc * big / sh))


def test_the_colour_difference_is_that_of_its_publication() -> None:
    # Sharma, Wu, Dalal (2005), table 1, pairs 1, 7, 17 and 25.
    for one, other, expected in (
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ):
        assert delta_e(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", STUDIES)
def test_neighbouring_groups_differ_in_colour_and_under_deuteranopia(name: str) -> None:
    for one, other in neighbours(STUDIES[name]):
        plain = delta_e(lab(linear(one.color)), lab(linear(other.color)))
        blind = delta_e(
            lab(deuteranopia(linear(one.color))), lab(deuteranopia(linear(other.color)))
        )
        # An open and a filled marker differ by their faces.
        if one.filled != other.filled:
            face = lab(deuteranopia(linear(one.face)))
            blind = max(blind, delta_e(face, lab(deuteranopia(linear(other.face)))))
        assert plain >= LEAST_DELTA_E, (one.group, other.group)
        assert blind >= LEAST_DELTA_E, (one.group, other.group)


@pytest.mark.parametrize("name", STUDIES)
def test_neighbouring_groups_differ_in_grey(name: str) -> None:
    """In lightness, or else in the marker, the dashes or the face: colour is never needed."""
    for one, other in neighbours(STUDIES[name]):
        grey = [116 * np.cbrt(luminance(style.color)) - 16 for style in (one, other)]
        shape = (one.marker, one.dashes, one.filled) != (other.marker, other.dashes, other.filled)
        assert shape, (one.group, other.group)
        if one.filled and other.filled and one.color != other.color:
            assert one.marker != other.marker or abs(grey[0] - grey[1]) >= LEAST_DELTA_E


def test_doses_of_a_drug_differ_in_lightness() -> None:
    styles = [s for s in group_styles(heads(THREE_DOSES)).values() if s.filled]
    grey = [116 * np.cbrt(luminance(style.color)) - 16 for style in styles]
    assert all(a - b >= LEAST_DELTA_E for a, b in itertools.pairwise(grey))
