"""Where on the site something is: the chunk that holds an animal, a run, an injection."""

from __future__ import annotations

from dataclasses import dataclass

from dialysis.review.names import animal_chunk, run_chunk
from dialysis.review.results import Results


@dataclass(frozen=True)
class Places:
    """Chunks of animals, runs and injections.

    Parameters
    ----------
    animals, runs : dict of str to str
        Name to chunk.
    injections : dict of str to str
        Injection to the chunk that has its trace: that of its animal, else that of its run.
    probes : dict of str to str
        Probe to its animal.
    """

    animals: dict[str, str]
    runs: dict[str, str]
    injections: dict[str, str]
    probes: dict[str, str]

    @classmethod
    def of(cls, results: Results) -> Places:
        """Number animals and runs in the order of their tables."""
        animals = {
            str(name): animal_chunk(number)
            for number, name in enumerate(results.tables["animals"]["animal_id"], start=1)
        }
        runs = {name: run_chunk(number) for number, name in enumerate(results.runs, start=1)}
        histology = results.tables["probes"]
        probes = dict(
            zip(histology["probe_id"].map(str), histology["animal_id"].map(str), strict=True)
        ) or {name: name for name in animals}
        injections = {}
        for row in results.tables["injections"].itertuples(index=False):
            animal = str(row.animal_id) or probes.get(str(row.probe_id), "")
            chunk = animals.get(animal) or runs.get(str(row.run))
            if chunk:
                injections[str(row.injection_id)] = chunk
        return cls(animals, runs, injections, probes)

    def of_chunk(self, chunk: str) -> set[str]:
        """Injections whose traces a chunk has."""
        return {name for name, place in self.injections.items() if place == chunk}
