"""Write the review site: read the results, lay them out in chunks, copy what they link to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dialysis.decisions import (
    ALLOWED,
    COLUMNS,
    DECISION_WORDS,
    REASON_WORDS,
    Entry,
    in_force,
    is_blind,
    locked,
)
from dialysis.files import csv_text, write_bytes, write_text
from dialysis.provenance import SIDECAR
from dialysis.review.animals import animal_data, animal_states
from dialysis.review.blinding import Mask, blinded
from dialysis.review.changes import CHANGES, headline
from dialysis.review.flags import FLAGS, collect_flags
from dialysis.review.grids import grid
from dialysis.review.history import Bundle, changed_since, record_bundle
from dialysis.review.injections import trace_rows
from dialysis.review.names import (
    ASSETS,
    CHUNKS,
    DATA,
    FIGURES,
    INDEX,
    SCRIPTS,
    STUDY_TABLES,
    STYLE,
    chunk_file,
    figure_file,
    full_chunk,
    outcome_chunk,
    stats_table,
    study_tables,
    table_file,
    thumbnail,
)
from dialysis.review.origins import provenance_data
from dialysis.review.outcomes import findings_data, first_sentence, outcome_data
from dialysis.review.pictures import picture, screen_png, thumbnail_png
from dialysis.review.places import Places
from dialysis.review.results import Results, read_results
from dialysis.review.runs import run_data, run_facts
from dialysis.review.snapshot import snapshot
from dialysis.review.verdicts import LEVELS, Verdict, outcome_verdict, run_verdict
from dialysis.review.words import FLAGS as FLAG_WORDS
from dialysis.review.words import RULES as RULE_WORDS
from dialysis.study.start import marks
from dialysis.tables.inputs import EXCLUSIONS, INTEGRATION_EVENTS
from dialysis.words import counted

TEMPLATES = Path(__file__).parent / "templates"
HISTORY = "history"


def write_site(
    results_dir: Path,
    out_dir: Path,
    *,
    name: str,
    config: Mapping[str, Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    warnings: Sequence[str] = (),
    log: Sequence[Entry] = (),
    code: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Path]:
    """Write the review site of a study: ``index.html`` and, beside it, all it loads and links to.

    Parameters
    ----------
    results_dir : Path
        ``results/<study>``, where all other stages have written.  Its folder ``history`` gets a
        record of this bundle when it differs from the last one there.
    out_dir : Path
        Folder of the site.  Its subfolders belong to it: what an earlier site left there is
        removed.
    name : str
        Name of the study.
    config : mapping
        All sections of study.yaml with their defaults.
    tables : mapping of str to DataFrame
        Input tables by name (animals, probes, injections, analytes, doses, exclusions,
        integration_events, standards); those of the lab's optional tables may be absent.
    warnings : sequence of str
        What was odd about the study's configuration and tables.
    log : sequence of Entry
        The decision log.
    code : mapping, optional
        Stage to module to hash of its code.

    Returns
    -------
    list of Path
        The files written; `dialysis.review.names.site_files` names them beforehand.

    Raises
    ------
    TableError
        If a table of results is missing or is not what its schema says.
    FigureError
        If a figure is not a PNG.

    Notes
    -----
    Equal results and an equal history give equal bytes; a rerun leaves the history as it is.  The
    page asks for nothing outside its folder.
    """
    whole = read_results(Path(results_dir), name, config, tables, warnings, log, code)
    verdicts = _verdicts(whole)
    record = snapshot(
        whole,
        {
            slug: {"status": found.status, "rules": [f"{f.rule}: {f.text}" for f in found.findings]}
            for slug, found in verdicts.items()
        },
    )
    history = record_bundle(Path(results_dir) / HISTORY, record, whole.log)
    mask = None
    results = whole
    if is_blind(config["review"], log):
        mask = Mask.of(whole)
        results = blinded(whole, mask)
        verdicts = _verdicts(results)
    site = _Site(results, verdicts, history, mask, Path(out_dir))
    site.write()
    _remove_others((site.out / folder for folder in (FIGURES, DATA, CHUNKS, ASSETS)), site.written)
    return sorted(site.written)


def _verdicts(results: Results) -> dict[str, Verdict]:
    return {each.outcome.slug: outcome_verdict(results, each) for each in results.outcomes}


class _Site:
    """A site while it is written: what every part of it needs, and the files there are so far."""

    def __init__(
        self,
        results: Results,
        verdicts: Mapping[str, Verdict],
        history: Sequence[Bundle],
        mask: Mask | None,
        out: Path,
    ) -> None:
        self.results = results
        self.verdicts = verdicts
        self.history = history
        self.mask = mask
        self.out = out
        self.written: set[Path] = set()
        self.places = Places.of(results)
        self.flags = collect_flags(results)
        self.states = animal_states(results)
        self.run_verdicts = {run: run_verdict(results, run) for run in results.runs}

    def write(self) -> None:
        """Write everything."""
        results = self.results
        self._figures()
        self._tables()
        for each in results.outcomes:
            slug = each.outcome.slug
            self._chunk(outcome_chunk(slug), outcome_data(results, each, self.verdicts[slug]))
        self._animals_and_runs()
        self._chunk(
            "flags",
            grid(
                "flags",
                "All flags",
                FLAGS,
                self.flags,
                file=table_file("flags"),
                first=("flag", "severity", "analyte", "detail"),
            ),
        )
        self._chunk("changes", self._changes())
        self._chunk("decisions", self._decisions())
        self._chunk("provenance", provenance_data(results))
        self._chunk("injections", self.places.injections)
        self._chunk("index", self._index())
        self._text(INDEX, render(results.config["study"]["title"], self.mask))
        for name in (STYLE, *SCRIPTS):
            self._text(f"{ASSETS}/{name}", (TEMPLATES / name).read_text(encoding="utf-8"))

    def _text(self, place: str, text: str) -> None:
        write_text(self.out / place, text)
        self.written.add(self.out / place)

    def _copy(self, place: str, content: bytes) -> None:
        write_bytes(self.out / place, content)
        self.written.add(self.out / place)

    def _chunk(self, name: str, data: Any) -> None:
        masked = self.mask.value(data) if self.mask else data
        text = json.dumps(masked, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # U+2028 and U+2029 end a line in scripts older than ES2019; "<" can't close the script.
        for odd, safe in (("\u2028", "\\u2028"), ("\u2029", "\\u2029"), ("<", "\\u003c")):
            text = text.replace(odd, safe)
        self._text(chunk_file(name), f"chunk({json.dumps(name)},{text});\n")

    def _figures(self) -> None:
        figures = [figure for each in self.results.outcomes for figure in each.figures]
        for figure in (*figures, *self.results.study_figures, *self.results.qc_figures):
            for ending, path in figure.files.items():
                content = screen_png(path) if ending == "png" else path.read_bytes()
                self._copy(figure_file(path.name), content)
        for each in self.results.outcomes:
            if each.figures:
                first = each.figures[0]
                self._copy(thumbnail(first.name), thumbnail_png(first.files["png"]))
            for _, path in each.files:
                self._copy(figure_file(path.name), path.read_bytes())

    def _tables(self) -> None:
        results = self.results
        frames = {
            "flags": self.flags,
            "changes": CHANGES.coerce(
                pd.DataFrame(self._changed_cells(), columns=CHANGES.column_names)
            ),
            "timecourse": results.timecourse,
            "baseline": results.baseline,
            "summary": results.summary,
            "calibration": results.calibration,
            "calibration_points": results.calibration_points,
            "run_checks": results.run_checks,
            "chromatography": results.chromatography,
            "exclusions": results.tables["exclusions"],
            "integration_events": results.tables["integration_events"],
            "manifest": results.manifest,
        }
        if not results.blind:
            for each in results.outcomes:
                slug = each.outcome.slug
                frames |= {stats_table(slug, name): table for name, table in each.tables.items()}
        absent = set(STUDY_TABLES) - set(study_tables(results.start))
        for name, frame in frames.items():
            if name not in absent:
                shown = self.mask.frame(frame) if self.mask else frame
                self._text(table_file(name), csv_text(shown))

    def _animals_and_runs(self) -> None:
        """Chunks of animals and runs; their traces are read run by run."""
        thin: dict[str, dict[str, Any]] = {}
        whole: dict[str, dict[str, Any]] = {}
        for run in self.results.runs:
            traces = self.results.traces(run)
            owners = traces["injection_id"].map(self.places.injections)
            for chunk, own in traces.groupby(owners, sort=False):
                for place, rows in zip((thin, whole), trace_rows(own), strict=True):
                    place.setdefault(str(chunk), {}).update(rows)
        for animal, chunk in self.places.animals.items():
            data = animal_data(self.results, animal, self.states[animal])
            self._chunk(chunk, data | {"traces": thin.get(chunk, {})})
            self._chunk(full_chunk(chunk), whole.get(chunk, {}))
        for run, chunk in self.places.runs.items():
            data = run_data(self.results, run, self.run_verdicts[run])
            self._chunk(chunk, data | {"traces": thin.get(chunk, {})})
            self._chunk(full_chunk(chunk), whole.get(chunk, {}))

    def _index(self) -> dict[str, Any]:
        results = self.results
        severities = Counter(self.flags["severity"])
        verdicts = Counter(found.status for found in self.verdicts.values())
        lock = locked(results.log)
        group = dict(zip(results.groups["animal_id"], results.groups["group"], strict=True))
        return {
            "name": results.name,
            "study": {
                key: results.config["study"].get(key, "")
                for key in ("title", "species", "region", "contact")
            },
            "bundle": self.history[-1].hash,
            "number": self.history[-1].number,
            "blind": results.blind,
            "blinded_review": bool(results.config["review"]["blinded"]),
            "lock": [lock.decided_by, lock.decided_on] if lock else None,
            "marks": list(marks(results.timecourse["source"], results.timecourse["conc_unit"])),
            "counts": {level: verdicts[level] for level in reversed(LEVELS)},
            "facts": _facts(results),
            "groups": list(results.group_names),
            "flags": {severity: severities[severity] for severity in ("FAIL", "WARN", "note")},
            "flag_kinds": [
                [severity, flag, n]
                for (severity, flag), n in Counter(
                    zip(self.flags["severity"], self.flags["flag"], strict=True)
                ).most_common()
            ],
            "warnings": list(results.warnings),
            "changed": self._headline(),
            "page_rows": int(results.config["review"]["max_table_rows"]),
            "outcomes": [
                {
                    "slug": each.outcome.slug,
                    "label": each.outcome.label,
                    "short": results.short_labels[each.outcome.slug],
                    "status": self.verdicts[each.outcome.slug].status,
                    "findings": findings_data(self.verdicts[each.outcome.slug]),
                    "marks": list(
                        marks(
                            *(
                                results.timecourse.loc[
                                    results.timecourse["outcome"] == each.outcome.slug, column
                                ]
                                for column in ("source", "conc_unit")
                            )
                        )
                    ),
                    "sentence": first_sentence(each.results),
                    "thumb": thumbnail(each.figures[0].name) if each.figures else "",
                }
                for each in results.outcomes
            ],
            "animals": [
                {
                    "id": animal,
                    "chunk": chunk,
                    "group": str(group.get(animal, "")),
                    "state": self.states[animal].state,
                    "why": list(self.states[animal].why),
                    "brief": self.states[animal].brief,
                }
                for animal, chunk in self.places.animals.items()
            ],
            "probes": self.places.probes,
            "runs": [
                {
                    "id": run,
                    "chunk": chunk,
                    "status": self.run_verdicts[run].status,
                    "findings": findings_data(self.run_verdicts[run]),
                    "facts": run_facts(results, run),
                }
                for run, chunk in self.places.runs.items()
            ],
            "figures": [picture(figure) for figure in results.study_figures],
            "quality": [picture(figure) for figure in results.qc_figures],
            "analytes": list(dict.fromkeys(results.tables["analytes"]["analyte"])),
            "decided": [
                _entry(entry) | self._changed_since(entry)
                for entry in in_force(results.log).values()
            ],
            "allowed": {level: list(decisions) for level, decisions in ALLOWED.items()},
            "decision_words": dict(DECISION_WORDS),
            "reason_words": dict(REASON_WORDS),
            "csv_columns": list(COLUMNS),
            "rule_words": RULE_WORDS,
            "flag_words": FLAG_WORDS,
        }

    def _changed_since(self, entry: Entry) -> dict[str, Any]:
        """Say of which bundle a decision about a figure was, where the figure is another now."""
        if entry.level != "figure" or not changed_since(self.history, entry.bundle, entry.id):
            return {}
        numbers = [bundle.number for bundle in self.history if bundle.hash == entry.bundle]
        return {"changed_since": numbers[0] if numbers else 0}

    def _headline(self) -> dict[str, Any] | None:
        """What changed since the previous bundle, in sentences."""
        changes = self._visible(self.history[-1].changes)
        if changes is None:
            return None
        return {
            "previous": self.history[-2].hash,
            "number": self.history[-2].number,
            "sentences": headline(changes, self.results.short_labels),
        }

    def _visible(self, changes: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Changes without what a blinded reviewer must not see."""
        if changes is None or not self.results.blind:
            return None if changes is None else dict(changes)
        telling = ("animals.csv", "doses.csv")
        return {
            **changes,
            "inputs": [row for row in changes["inputs"] if not row["what"].startswith(telling)],
            "verdicts": [],
            "tables": [row for row in changes["tables"] if not row["table"].startswith("stats/")],
            "outcomes": {},
            "cells": [row for row in changes["cells"] if not row[0].startswith("stats/")],
        }

    def _changed_cells(self) -> list[list[str]]:
        changes = self._visible(self.history[-1].changes)
        return changes["cells"][:_MOST_LISTED] if changes else []

    def _changes(self) -> dict[str, Any]:
        results = self.results
        last = self._visible(self.history[-1].changes)
        cells = CHANGES.coerce(pd.DataFrame(self._changed_cells(), columns=CHANGES.column_names))
        labels = results.short_labels
        return {
            "bundles": [
                {
                    "number": bundle.number,
                    "hash": bundle.hash,
                    "sentences": headline(visible, labels)
                    if (visible := self._visible(bundle.changes))
                    else [],
                }
                for bundle in reversed(self.history)
            ],
            "changes": None if last is None else {**last, "cells": []},
            "cells": grid(
                "cells",
                "Every cell that moved",
                CHANGES,
                cells.head(_MOST_CELLS),
                file=table_file("changes"),
            ),
            "all_cells": len(last["cells"]) if last else 0,
            "listed_cells": len(cells),
        }

    def _decisions(self) -> dict[str, Any]:
        """The log, with the bundle that applied each decision and what moved in it."""
        results = self.results
        effects: dict[int, dict[str, Any]] = {}
        for before, bundle in zip(self.history[:-1], self.history[1:], strict=True):
            changes = self._visible(bundle.changes)
            if changes is None:
                continue
            for n in changes["decisions"]:
                effects[n] = {
                    "bundle": bundle.hash,
                    "number": bundle.number,
                    "before": before.number,
                    "together": len(changes["decisions"]),
                    "outcomes": changes["outcomes"],
                }
        return {
            "log": [_entry(entry) | {"effect": effects.get(entry.n)} for entry in results.log],
            "tables": [
                grid(
                    "exclusions",
                    "Left out by exclusions.csv",
                    EXCLUSIONS,
                    results.tables["exclusions"],
                    file=table_file("exclusions"),
                ),
                grid(
                    "integration-events",
                    "Manual integration by integration_events.csv",
                    INTEGRATION_EVENTS,
                    results.tables["integration_events"],
                    file=table_file("integration_events")
                    if "integration_events" in study_tables(results.start)
                    else "",
                ),
            ],
        }


# Cells of "what changed" on the page, and in the CSV: where everything moved, as after a change of
# the code of a first stage, a list of it all would be half the site and of no use.
_MOST_CELLS = 4000
_MOST_LISTED = 25_000


def _entry(entry: Entry) -> dict[str, Any]:
    """A line of the log without what only the file needs."""
    row = asdict(entry)
    del row["before"]
    return {name: value for name, value in row.items() if value not in ("", None)}


def _facts(results: Results) -> list[list[str]]:
    injections = results.tables["injections"]
    samples = int((injections["type"] == "sample").sum())
    probes = results.timecourse["probe_id"].nunique()
    animals = len(results.groups)
    facts = [
        [str(animals), f"animals, {counted(probes, 'probe')}" if probes > animals else "animals"],
        [str(len(results.group_names)), "groups"],
    ]
    if results.runs:
        facts.append([str(len(injections)), f"injections, {counted(samples, 'sample')}"])
        facts.append(counted(len(results.runs), "run").split())
    else:
        facts.append([str(samples), "samples"])
    return facts


def render(title: str, mask: Mask | None = None) -> str:
    """Render ``index.html``; every text of the study is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text: str = environment.get_template("index.html").render(
        title=mask.text(title) if mask else title,
        style=f"{ASSETS}/{STYLE}",
        scripts=[f"{ASSETS}/{name}" for name in SCRIPTS],
        index=chunk_file("index"),
    )
    return text


def _remove_others(folders: Iterable[Path], written: set[Path]) -> None:
    """Remove what an earlier site left; sidecars are written after the site."""
    for folder in folders:
        used = any(path.parent == folder for path in written)
        for path in folder.glob("*"):
            if path not in written and path.is_file() and not (used and path.name == SIDECAR):
                path.unlink()
