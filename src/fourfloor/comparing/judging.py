"""Models become sets of measured loops, kept beside the run: what was measured once is not measured again.

    <run>/compared/<key>/000.wav ...      the loops of one checkpoint, way to sample, seed and list of tempi
    <run>/compared/<key>/sampled.json     their tempi, seeds, and how long each one took
    <run>/compared/<key>/scored-*.json    what the scorecard measured of them

The keys hold hashes of checkpoint, dataset and the code that samples and measures: a change computes all again.
Verdicts are not kept, they follow from the measurements.
"""

import ast
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fourfloor
from fourfloor import audio, generation
from fourfloor.api.loops import comment_of, loop_tags
from fourfloor.comparing.kept import keep, kept
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.saving import remove_leftovers
from fourfloor.stores import Place

if TYPE_CHECKING:
    from fourfloor.evaluation.numbers import ScoredSet
    from fourfloor.evaluation.scorecard import Standard
    from fourfloor.evaluation.sources import Sample

FOLDER = "compared"
LETTERS = "ABCDEFGHJK"  # row I is the ceiling of one decoder, not of all systems
SLICES = "J"  # the strongest cheap baseline appears among the systems
_SAMPLING_CODE = ("generation.py", "loading.py", "audio/level.py")
_SCORING_CODE = ("evaluation/numbers.py", "evaluation/sources.py")
_ROWS_CODE = ("evaluation/references.py",)
# stages whose code decides what is sampled and measured
_FOLLOWED = ("signal", "models", "nn", "representations", "envelope", "copies", "evaluation", "networks")


def sample_loops(
    model: LoopModel,
    run: Path,
    tempi: Sequence[float],
    seed: int,
    bars: int,
    on_loop: Callable[[int], None] = lambda done: None,
) -> Path:
    """Write one loop for each tempo, seeds counted up, beside the model's run; return the folder that holds them.

    Loops that are there already are kept, so a stop at any moment loses one loop.
    """
    parts = [part for part in (model.prior, model.decoder) if part]
    code = code_hash(
        *_SAMPLING_CODE, *(name for part in parts for name in module_files("models", part.recipe.family)),
        *(f"representations/{part.recipe.representation_name}.py" for part in parts),
    )  # fmt: skip
    sampling = asdict(model.prior.recipe.generation)
    key = digest([part.meta["sha256"] for part in parts], sampling, list(tempi), seed, bars, code)
    folder = run / FOLDER / key
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    made = kept(folder / "sampled.json", [])
    for number in range(len(made), len(tempi)):
        request = Request(bpm=tempi[number], seed=seed + number, bars=bars)
        began = time.process_time()
        waveform = generation.make_loop(model, request)
        spent = time.process_time() - began
        loop = audio.normalize_loop(waveform, audio.SAMPLE_RATE)
        if np.array_equal(loop[0], loop[-1]):
            loop = loop[:1]  # mono takes half the space
        audio.write_loop(
            folder / f"{number:03d}.wav", loop, loop_tags(request, f"{number:03d}", comment_of(model, request))
        )
        made.append(
            {
                "bpm": request.bpm,
                "seed": request.seed,
                "seconds": waveform.shape[1] / audio.SAMPLE_RATE,
                "core_seconds": round(spent, 4),
            }
        )
        keep(folder / "sampled.json", made)
        on_loop(number + 1)
    return folder


def speed_of(folder: Path) -> float:
    """Return the seconds of sound sampled in a second of one core; leveling and writing are left out.

    Time of the processor, not of the clock: what else runs on the machine does not count.
    """
    made = kept(folder / "sampled.json", [])
    return sum(loop["seconds"] for loop in made) / max(sum(loop["core_seconds"] for loop in made), 1e-9)


class Judge:
    """Score loops against one dataset below one cutoff; the reference rows are measured once for all systems."""

    def __init__(self, data: Place, n: int, seed: int, cutoff_hz: float, kept: Path) -> None:
        from fourfloor.evaluation.scorecard import split_sources
        from fourfloor.ingestion import catalogue

        self._n, self._seed, self._cutoff_hz, self._kept = n, seed, cutoff_hz, kept
        self.catalogue = catalogue.load(data, once=True)
        self._train, self._held_out = split_sources(self.catalogue)

    def lacking(self) -> list[str]:
        """Say what the held-out loops lack to support a verdict; empty when they are enough."""
        from fourfloor.evaluation.verdict import too_few

        return too_few(len(self._held_out), len(set(self._held_out.tracks)))

    @cached_property
    def _index(self) -> Any:
        from fourfloor.copies.index import CopyIndex
        from fourfloor.copies.passages import dataset_passages

        return CopyIndex.of(dataset_passages(self.catalogue), self._cutoff_hz)

    def standard(self, tell: Callable[[float, float, str], None]) -> tuple["Standard", "ScoredSet"]:
        """Measure the reference rows, or read the kept measurements; also return the baseline's set.

        Where the held-out loops support no verdict, their own row and the baseline's are enough.
        """
        from fourfloor.evaluation.numbers import ScoredSet
        from fourfloor.evaluation.progress import Stages
        from fourfloor.evaluation.references import SEARCHED_ROWS, row_size, row_stages, score_rows
        from fourfloor.evaluation.scorecard import Standard

        path = self._kept / f"standard-{self._key(self._n, code_hash(*_ROWS_CODE))}.json"
        if kept(path) is None:
            letters = "A" + SLICES if self.lacking() else LETTERS
            searched = {**SEARCHED_ROWS, SLICES: row_size(self._n)}
            stages = Stages(row_stages(self._train, self._held_out, self._n, letters, searched), tell)
            usual, rows = score_rows(
                self._train, self._held_out, self._index, self._n, self._seed, self._cutoff_hz, None, letters, searched,
                stages.count,
            )  # fmt: skip
            plain = {letter: row.to_dict() for letter, row in rows.items()}
            self._kept.mkdir(parents=True, exist_ok=True)
            keep(path, {"train": usual.to_dict(), "rows": plain})
        content = kept(path)  # read back even when just made, so that new and kept ones are rounded alike
        rows = {letter: ScoredSet.from_dict(row) for letter, row in content["rows"].items()}
        return Standard.of(ScoredSet.from_dict(content["train"]), rows, self._seed), rows[SLICES]

    def analyze(self, folder: Path) -> "ScoredSet":
        """Score the loops of a folder of `sample_loops` and search all of them for copies."""
        from fourfloor.evaluation.numbers import ScoredSet, score_set
        from fourfloor.evaluation.sources import file_source

        path = folder / f"scored-{self._key()}.json"
        if kept(path) is None:
            loops = file_source(sorted(folder.glob("[0-9]*.wav")))
            samples = (loops[number] for number in range(len(loops)))
            keep(path, score_set(samples, self._cutoff_hz, self._index, len(loops)).to_dict())
        return ScoredSet.from_dict(kept(path))

    def references(self, count: int) -> "dict[str, list[Sample]]":
        """Give the first loops of the held-out row and of the baseline, leveled as loops are."""
        from dataclasses import replace
        from itertools import islice

        from fourfloor.evaluation.references import make_rows, row_size

        rows = make_rows(self._train, self._held_out, row_size(self._n), self._seed, only=("A", SLICES))
        return {
            letter: [replace(sample, waveform=audio.normalize_loop(sample.waveform, sample.sample_rate))
                     for sample in islice(row, count)]
            for letter, row in rows.items()
        }  # fmt: skip

    def _key(self, *more: object) -> str:
        return digest(self.catalogue.data_hash, self._seed, self._cutoff_hz, code_hash(*_SCORING_CODE), *more)


def first_loops(folder: Path, count: int) -> "list[Sample]":
    """Open the first loops of a folder of `sample_loops`."""
    from fourfloor.evaluation.sources import file_source

    return [file_source([path])[0] for path in sorted(folder.glob("[0-9]*.wav"))[:count]]


def digest(*parts: object) -> str:
    """Name values by a short hash."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def code_hash(*names: str) -> str:
    """Name the content of source files of this package and of what they import from the stages `_FOLLOWED`."""
    package = Path(fourfloor.__file__).parent
    waiting, hashes = [package / name for name in names], {}
    assert all(path.exists() for path in waiting), names  # a file that moved would no longer count
    while waiting:
        path = waiting.pop()
        if path not in hashes and path.exists():
            hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            waiting += [package / name for name in _imported(path)]
    return digest(sorted((path.relative_to(package).as_posix(), content) for path, content in hashes.items()))


def module_files(stage: str, name: str) -> list[str]:
    """List the source files of a stage's module, which is a file or a folder of them."""
    package = Path(fourfloor.__file__).parent
    found = sorted((package / stage / name).glob("*.py")) or [package / stage / f"{name}.py"]
    return [path.relative_to(package).as_posix() for path in found]


def _imported(path: Path) -> Iterator[str]:
    """List the files of the followed stages that a source file may mean by its imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fourfloor."):
            module = node.module.removeprefix("fourfloor.").replace(".", "/")
            if module.split("/")[0] in _FOLLOWED:
                yield from (f"{module}.py", f"{module}/__init__.py")
                yield from (f"{module}/{alias.name}.py" for alias in node.names)
