"""Several vehicles, two probes in an animal, several doses, reinjections: from init to figures."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.workflow.conftest import Project, new_project

pytestmark = pytest.mark.workflow

# Animals by treatment, as --group takes them, and the percent of baseline after the dose.
GROUPS = {
    "VEH: R1 R2 R3": 100,
    "NaCl: R4 R5 R6": 90,
    "mianserin 2 mg/kg s.c. vs vehicle: R7 R8 R9": 150,
    "mianserin 5 mg/kg s.c. vs vehicle: R10-R12": 200,
    "morphine 1 mg/kg i.p. vs saline then naloxone 1 mg/kg s.c. at 40: R13, R14, R15": 120,
}
PLACES = {"hip": 40.0, "pfc": 8.0}
BEFORE, AFTER = 2, 3
# Injected twice; the second time with another area, which is the one that counts.
AGAIN = {("R8", "hip", 4): 1.5, ("R2", "pfc", 1): 0.5}


def percent(group: int, animal: int, fraction: int) -> float:
    """What each vial holds, % of the animal's baseline: a pattern of its own for every animal."""
    wobble = 1 + 0.02 * ((animal * 7 + fraction * 3) % 5 - 2)
    return (100 if fraction <= BEFORE else group) * wobble


def table() -> str:
    """The areas as a lab's software exports them, in the order of injection."""
    lines = ["Sample;DA area"]
    animal = 0
    for percent_after in GROUPS.values():
        for _ in range(3):
            animal += 1
            for place, level in PLACES.items():
                for n in range(1, BEFORE + AFTER + 1):
                    area = level * percent(percent_after, animal, n) / 100
                    lines.append(f"R{animal} {place} F{n};{area:.6f}")
                    factor = AGAIN.get((f"R{animal}", place, n))
                    if factor:
                        lines.append(f"R{animal} {place} F{n} re;{area * factor:.6f}")
    return "\n".join(lines).replace(".", ",") + "\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A table of areas with second doses, made a study by one command, and run."""
    project = new_project(tmp_path_factory.mktemp("designs") / "project")
    lab = project.root.parent / "lab"
    lab.mkdir()
    (lab / "areas.csv").write_text(table(), encoding="utf-8")
    groups = [part for group in GROUPS for part in ("--group", group)]
    own = Project(project.root, "designs")
    timing = ("--fraction", "20", "--baseline", str(BEFORE))
    done = own.dialysis("init", "designs", "--raw", str(lab), *groups, *timing)
    assert done.returncode == 0, done.stderr
    assert "75 samples" not in done.stdout
    assert (
        "152 samples of 15 animals with 30 probes, fractions 1 to 5 (2 reinjected)" in done.stdout
    )
    done = own.dialysis("check", "designs")
    assert done.returncode == 0, done.stdout + done.stderr
    own.change("study.yaml", "# sensitivity: true", "sensitivity: false")
    own.change("study.yaml", "# dpi: 300", "dpi: 72")
    done = own.snakemake("figures", "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return own


@pytest.fixture(scope="module")
def timecourse(study: Project) -> pd.DataFrame:
    return pd.read_csv(study.results / "normalize" / "timecourse.csv", keep_default_na=False)


def test_every_probe_has_its_own_percent(timecourse: pd.DataFrame) -> None:
    """Exact: the areas are given with six decimals, the table with ten digits."""
    rows = timecourse[timecourse["period"] == "post"]
    assert len(rows) == 15 * len(PLACES) * AFTER
    for row in rows.itertuples():
        animal = int(row.animal_id[1:])
        after = list(GROUPS.values())[(animal - 1) // 3]
        vials = {
            n: percent(after, animal, n) * AGAIN.get((row.animal_id, row.region, n), 1.0)
            for n in range(1, BEFORE + AFTER + 1)
        }
        basal = sum(vials[n] for n in range(1, BEFORE + 1)) / BEFORE
        expected = 100 * vials[int(row.fraction)] / basal
        assert float(row.pct_of_baseline) == pytest.approx(expected, rel=1e-5), row


def test_each_drug_is_compared_with_its_own_vehicle(study: Project) -> None:
    groups = pd.read_csv(study.results / "normalize" / "timecourse.csv").drop_duplicates("group")
    control = dict(zip(groups["group"], groups["control"], strict=True))
    assert control == {
        "vehicle": "vehicle",
        "saline": "saline",
        "mianserin 2 mg/kg s.c.": "vehicle",
        "mianserin 5 mg/kg s.c.": "vehicle",
        "morphine 1 mg/kg i.p.": "saline",
    }
    contrasts = pd.read_csv(study.results / "stats" / "da_hip" / "contrasts.csv")
    pairs = set(zip(contrasts["group"], contrasts["control"], strict=True))
    assert pairs == {(group, own) for group, own in control.items() if group != own}


def test_the_second_injection_counts_and_the_first_is_kept(
    study: Project, timecourse: pd.DataFrame
) -> None:
    injections = pd.read_csv(study.config / "injections.csv", keep_default_na=False)
    again = injections[injections["reinjection_of"] != ""]
    assert again["comment"].tolist() == ["R2 pfc F1 re", "R8 hip F4 re"]
    used = timecourse.set_index(["animal_id", "region", "fraction"])["injection_id"]
    for row in again.itertuples():
        place = row.comment.split()[1]
        assert used.loc[(row.animal_id, place, row.fraction)] == row.injection_id


def test_second_doses_stand_in_the_table_and_in_the_caption(study: Project) -> None:
    table = pd.read_csv(study.config / "doses.csv", keep_default_na=False)
    assert len(table) == 18
    assert table[table["event"] == "dose"]["time_min"].eq(0).all()
    later = table[table["event"] == "dose 2"]
    assert later.values.tolist() == [
        [name, "dose 2", 40, "naloxone", 1, "mg/kg", "s.c."] for name in ("R13", "R14", "R15")
    ]
    caption = (study.results / "figures" / "da_hip" / "caption.md").read_text(encoding="utf-8")
    assert "(arrow; arrow at 40 min: naloxone 1 mg/kg s.c.)" in caption


def test_both_regions_have_their_figure(study: Project) -> None:
    for slug in ("da_hip", "da_pfc"):
        bundle = study.results / "figures" / slug
        assert (bundle / f"{slug}_timecourse.pdf").stat().st_size > 5000
        caption = (bundle / "caption.md").read_text(encoding="utf-8")
        assert "saline, n = 3" in caption and "morphine 1 mg/kg i.p., n = 3" in caption
