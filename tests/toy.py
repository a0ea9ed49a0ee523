"""The smallest study that passes every check, written by hand so that tests can break it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

STUDY_YAML = """\
study:
  title: Toy study
  region: hippocampus
quantify:
  inj_uL: 20
normalize:
  fraction_min: 20
  baseline:
    n_fractions: 2
"""

ANIMALS = """\
animal_id,drug,dose,dose_unit,route
R1,vehicle,0,mg/kg,s.c.
R2,mianserin,5,mg/kg,s.c.
"""

ANALYTES = """\
analyte,rt_min,window_min,internal_standard
DHBA,7.2,0.4,itself
DOPAC,10.1,0.4,DHBA
"""

STANDARDS = """\
injection_id,analyte,amount,unit,level,role
run1_001,DOPAC,10,fmol,L1,cal
run1_002,DOPAC,50,fmol,L2,cal
run1_003,DOPAC,100,fmol,L3,cal
"""


def _injections() -> str:
    rows = ["injection_id,run,injection_file,order,type,animal_id,fraction"]
    order = 0
    for level in (1, 2, 3):
        order += 1
        rows.append(f"run1_{order:03d},run1,run1/std{level}.cdf,{order},standard,,")
    for animal in ("R1", "R2"):
        for fraction in (1, 2, 3, 4):
            order += 1
            rows.append(
                f"run1_{order:03d},run1,run1/{animal}_F{fraction}.cdf,{order},sample,"
                f"{animal},{fraction}"
            )
    return "\n".join(rows) + "\n"


@dataclass
class ToyStudy:
    """Files of a study under a root, as text that a test may change before loading."""

    root: Path
    name: str = "toy"
    files: dict[str, str] = field(
        default_factory=lambda: {
            "study.yaml": STUDY_YAML,
            "animals.csv": ANIMALS,
            "analytes.csv": ANALYTES,
            "standards.csv": STANDARDS,
            "injections.csv": _injections(),
        }
    )

    @property
    def config_dir(self) -> Path:
        """Folder of the study's configuration."""
        return self.root / "config" / self.name

    @property
    def raw_dir(self) -> Path:
        """Folder of the study's exports (here: files with a few bytes)."""
        return self.root / "raw" / self.name

    def write(self) -> ToyStudy:
        """Write everything."""
        self.config_dir.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (self.config_dir / name).write_text(text, encoding="utf-8")
        for line in self.files["injections.csv"].splitlines()[1:]:
            path = self.raw_dir / line.split(",")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"bytes of {path.name}".encode())
        return self

    def change(self, name: str, old: str, new: str) -> ToyStudy:
        """Replace a text that must be there exactly once."""
        text = self.files[name]
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        self.files[name] = text.replace(old, new)
        (self.config_dir / name).write_text(self.files[name], encoding="utf-8")
        return self

    def add(self, name: str, text: str) -> ToyStudy:
        """Write a further file of the configuration."""
        self.files[name] = text
        (self.config_dir / name).write_text(text, encoding="utf-8")
        return self
