"""Put what a journal or a colleague needs into one archive, with a manifest and a README."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

from dialysis.errors import DialysisError
from dialysis.files import read_json, write_bytes
from dialysis.provenance import SIDECAR, sha256_bytes
from dialysis.study.load import Study
from dialysis.verify import verify_study

INDEX = "bundle.json"
MANIFEST = "manifest.csv"
README = "README.md"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FIGURES = ("figures",)
_EVERYTHING = ("figures", "stats", "normalize", "quantify")
_MOST_NAMED = 5
_NOT_ZIPPED_AGAIN = {".png", ".xlsx", ".parquet"}


@dataclass(frozen=True)
class Archive:
    """An archive that was written.

    Parameters
    ----------
    path : Path
        Where it is.
    n_files : int
        Files in it, README and manifest included.
    n_bytes : int
        Its size.
    """

    path: Path
    n_files: int
    n_bytes: int


def write_archive(
    study: Study,
    code_root: Path,
    output: Path | None = None,
    outcomes: Sequence[str] = (),
    journal: bool = False,
) -> Archive:
    """Zip the results of a study.

    Parameters
    ----------
    study : Study
        A study that passed its checks.
    code_root : Path
        Folder of the Snakefile, where the code is.
    output : Path, optional
        The archive; ``results/<study>/<study>_bundle.zip`` by default.
    outcomes : sequence of str
        Slugs of the outcomes; all without any.
    journal : bool
        Only figures with their numbers and words; else also statistics, the tables that they
        were computed from, the quality figures, and the study's configuration.

    Returns
    -------
    Archive
        What was written; equal results give equal bytes.

    Raises
    ------
    DialysisError
        If an outcome is not one of the study, there are no results, or results don't belong to
        the configuration, data and code as they are now.
    """
    known = [outcome.slug for outcome in study.outcomes]
    unknown = [slug for slug in outcomes if slug not in known]
    if unknown:
        raise DialysisError(
            f"--outcome {unknown[0]}: found no outcome of that name in study '{study.name}'; "
            f"expected one of {', '.join(known)}."
        )
    slugs = [slug for slug in known if not outcomes or slug in outcomes]
    _check_current(study, code_root, slugs, journal, whole=not outcomes)
    files = _files(study, slugs, journal, whole=not outcomes)
    top = f"{study.name}_bundle"
    contents = {name: path.read_bytes() for name, path in files.items()}
    described = _descriptions(study, contents)
    contents[README] = _readme(study, slugs, sorted(contents), journal).encode("utf-8")
    contents[MANIFEST] = _manifest(contents, described).encode("utf-8")
    path = output or study.results_dir / f"{'_'.join([study.name, *outcomes])}_bundle.zip"
    data = _zipped({f"{top}/{name}": content for name, content in sorted(contents.items())})
    write_bytes(path, data)
    return Archive(path, len(contents), len(data))


def _wanted(name: str, slugs: Sequence[str], journal: bool, whole: bool) -> bool:
    """Whether a file, named from the folder of results, goes into the archive."""
    parts = name.split("/")
    if parts[0] not in (_FIGURES if journal else _EVERYTHING):
        return False
    if parts[0] in ("figures", "stats"):
        if parts[1] == "qc":
            return not journal
        return parts[1] in slugs or (parts[1] == "study" and whole)
    return True


def _files(study: Study, slugs: Sequence[str], journal: bool, whole: bool) -> dict[str, Path]:
    """Files of the archive by their names in it."""
    found: dict[str, Path] = {}
    for path in sorted(study.results_dir.rglob("*")):
        name = path.relative_to(study.results_dir).as_posix()
        if path.is_file() and "/." not in f"/{name}" and _wanted(name, slugs, journal, whole):
            found[name] = path
    if not journal:
        for path in sorted((study.root / "config" / study.name).iterdir()):
            if path.is_file() and not path.name.startswith("."):
                found[f"config/{path.name}"] = path
    return found


def _check_current(
    study: Study, code_root: Path, slugs: Sequence[str], journal: bool, whole: bool
) -> None:
    """Refuse results that are missing, stale or altered."""
    states = [
        state
        for state in verify_study(study, code_root)
        if _wanted(f"{state.folder}/{SIDECAR}", slugs, journal, whole)
        and state.state != "left over"
    ]
    remedy = f"Run 'dialysis run {study.name}' and bundle again."
    present = {state.folder for state in states if state.state != "missing"}
    missing = [slug for slug in slugs if f"figures/{slug}" not in present]
    if missing:
        raise DialysisError(
            f"results/{study.name}/figures: found no bundle of {', '.join(missing)}; expected "
            f"those of a finished run. {remedy}"
        )
    wrong = [
        f"  {state.folder}: {state.state} ({state.because[0]})"
        for state in states
        if state.state != "current"
    ]
    if wrong:
        listed = "\n".join([*wrong[:_MOST_NAMED], *(["  …"] if len(wrong) > _MOST_NAMED else [])])
        raise DialysisError(
            f"Study '{study.name}': found results that are not those of its data, configuration "
            f"and code as they are now:\n{listed}\n{remedy}"
        )


def _descriptions(study: Study, contents: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    """Kind and title of files by name, from the indexes of the bundles."""
    described: dict[str, tuple[str, str]] = {}
    for name in contents:
        if not name.endswith(f"/{INDEX}"):
            continue
        folder = name.removesuffix(INDEX)
        index = read_json(study.results_dir / name)
        label = f"{index['label']}: " if index.get("label") else ""
        for figure in index["figures"]:
            for file in figure["files"].values():
                described[folder + file] = ("figure", label + figure["title"])
            for file in (figure["caption"], figure["caption_text"]):
                if file:
                    described[folder + file] = ("caption", label + figure["title"])
            for file in figure["data"]:
                described[folder + file] = ("source data", label + figure["title"])
        for table in index["tables"]:
            described[folder + table["file"]] = (table["kind"], label + table["title"])
        for text in index["texts"]:
            for file in (text["file"], text["text"]):
                described[folder + file] = ("text", label + text["title"])
        described[name] = ("index", f"{label}what is in this folder")
    return described


_KINDS = {
    "sidecar.json": ("provenance", "sha256 of the folder's files and of what they were made from"),
    README: ("readme", "What is in the archive"),
}
_STAGES = {
    "config": ("configuration", "Configuration and tables that the lab filled in"),
    "normalize": ("data", "Percent of baseline, baselines and summary measures"),
    "quantify": ("data", "Concentrations and calibration"),
    "stats": ("statistics", "Statistics of an outcome"),
}


def _manifest(contents: Mapping[str, bytes], described: Mapping[str, tuple[str, str]]) -> str:
    """Name, size, sha256, kind and title of every file."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "bytes", "sha256", "kind", "title"])
    for name, content in sorted(contents.items()):
        last, first = name.rpartition("/")[2], name.partition("/")[0]
        kind, title = described.get(name) or _KINDS.get(last) or _STAGES.get(first, ("", ""))
        writer.writerow([name, len(content), sha256_bytes(content), kind, title])
    return text.getvalue()


def _readme(study: Study, slugs: Sequence[str], names: Sequence[str], journal: bool) -> str:
    """What is in the archive and where to begin."""
    about = study.config["study"]
    lines = [
        f"# {about['title'] or study.name}",
        "",
        f"Results of the in vivo microdialysis study '{study.name}'"
        + (f" ({about['species']})" if about["species"] else "")
        + ", made by the pipeline dialysis.",
        "",
        "## Where to begin",
        "",
    ]
    if any(name.startswith("figures/study/") for name in names):
        lines += ["- `figures/study/`: all outcomes in one figure."]
    for slug in slugs:
        index = read_json(study.results_dir / "figures" / slug / INDEX)
        lines.append(f"- `figures/{slug}/`: {index['label']}.")
    lines += [
        "",
        "In the folder of an outcome:",
        "",
        "| file | what it is |",
        "|---|---|",
        "| `…_timecourse`, `…_concentration`, `…_basal`, `…_auc`, `…_ratio`, `…_diagnostics` | "
        "figures: PDF (embedded fonts), SVG (editable text), PNG; `_print.png` for print |",
        "| `caption.md`, `…_caption.md` | captions; the same as plain text in `.txt` |",
        "| `results.md`, `methods.md` | a results sentence and a methods paragraph |",
        "| `…_source_data.csv`, `…_data.csv` | every number that a figure shows |",
        "| `…_prism.csv` | percent of baseline with animals as columns, for GraphPad Prism |",
        "| `…_tables.xlsx` | all tables in one workbook, tables for Prism first |",
        "| `…_stats_….csv` | statistics: comparisons, tests, means, areas, dose response |",
        "| `bundle.json` | the same list for programs |",
        "| `sidecar.json` | sha256 of these files and of what they were made from |",
        "",
    ]
    if not journal:
        lines += [
            "Beside `figures/`: `stats/` and `normalize/` (what the figures were made from), "
            "`quantify/` where the study starts from chromatograms or areas, `figures/qc/` "
            "(quality control, every injection), and `config/` (the study as the lab described "
            "it). With the raw exports in `raw/`, the same pipeline makes the same bytes from it.",
            "",
        ]
    lines += [
        "## Is it whole?",
        "",
        "`manifest.csv` has the size and the sha256 of every file. Versions of all programs are in "
        "the files `sidecar.json`.",
        "",
    ]
    return "\n".join(lines)


def _zipped(contents: Mapping[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            again = Path(name).suffix not in _NOT_ZIPPED_AGAIN
            entry.compress_type = zipfile.ZIP_DEFLATED if again else zipfile.ZIP_STORED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
