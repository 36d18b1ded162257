"""The scorecard: loops and a dataset go in; ten numbers beside reference rows, a verdict and a diagnosis come out.

Nobody listened for it. It says that loops are not noise, hold their tempo, vary, resemble held-out music statistically
and copy no 2 s passage of the training set. It does not say that they are good.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fourfloor.copies.index import CopyIndex
from fourfloor.copies.passages import dataset_passages
from fourfloor.copies.policy import share_of_copies
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.diagnosis import diagnose
from fourfloor.evaluation.distance import MIN_STYLE_LOOPS
from fourfloor.evaluation.numbers import HeardSet, Ruler, hear_set, numbers_of
from fourfloor.evaluation.progress import HEAR_SECONDS, SEARCH_SECONDS, Stages, Tell
from fourfloor.evaluation.references import Decoder, hear_rows, row_stages
from fourfloor.evaluation.scores import as_rows
from fourfloor.evaluation.sources import Source, array_source, dataset_source, file_source
from fourfloor.evaluation.verdict import (
    KINDS,
    Gate,
    beats_slices,
    broken_anchors,
    judge,
    too_few,
    verdict_of,
)
from fourfloor.ingestion.catalogue import Catalogue, load
from fourfloor.signal.analysis import CUTOFF_HZ, Array

ROWS = {
    "A": "held-out real", "B": "other style", "C": "held-out, sixteenths shuffled", "D": "white noise",
    "E": "gated noise", "F": "distorted rhythm under noise", "G": "16 training loops at once", "H": "exact copies",
    "I": "held-out through the decoder", "J": "beat slices of training loops", "K": "bass of one, rest of another",
}  # fmt: skip

Loops = Sequence[Path] | tuple[Sequence[str], Sequence[Array], Sequence[float]] | Source


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """All that was measured; `to_json` is the documented part, the rest serves the report."""

    verdict: dict[str, bool | None]
    broken: list[str]  # why the scale is not anchored, so that there is no verdict
    numbers: dict[str, float]
    rows: dict[str, dict[str, float]]
    gates: dict[str, dict[str, Any]]
    diagnosis: list[str]
    n: int
    seed: int
    cutoff_hz: float
    beats_slices: bool | None
    warnings: list[str]
    loops: list[dict[str, Any]]
    envelope: dict[str, list[float]]
    held_out: list[dict[str, Any]]
    data_hash: str

    def to_json(self) -> str:
        """Write the scorecard; the same inputs give the same bytes, whatever the order and names of the files."""
        content = {**asdict(self), "anchored": not self.broken}
        return json.dumps(plain(content), indent=1, sort_keys=True, allow_nan=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What sets of loops are judged by: the ruler, the reference rows, and what is wrong with them."""

    ruler: Ruler
    rows: dict[str, dict[str, float]]
    broken: list[str]
    seed: int

    @classmethod
    def of(cls, train: HeardSet, heard: dict[str, HeardSet], seed: int) -> Scale:
        """Measure the reference rows that were heard; row A must be among them."""
        ruler = Ruler.of(train, heard["A"])
        rows = {letter: numbers_of(row, ruler, seed, letter == "A") for letter, row in heard.items()}
        lacking = too_few(len(heard["A"].scores), len(set(heard["A"].tracks)))
        return cls(ruler=ruler, rows=rows, broken=lacking + broken_anchors(rows), seed=seed)


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What a scale says of one set of loops."""

    numbers: dict[str, float]
    gates: dict[str, Gate]
    verdict: dict[str, bool | None]
    diagnosis: list[str]
    beats_slices: bool | None


def evaluate(
    loops: Loops,
    dataset_path: str | Path,
    n: int = 256,
    seed: int = 0,
    out: str | Path | None = None,
    decoder: Decoder | None = None,
    only: Sequence[str] = (),
    sample_rate: int = 44_100,
    on_progress: Tell = lambda done, total, text: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Scorecard:
    """Judge loops against a dataset; `out` is a folder for scorecard.json, scorecard.md and scorecard.html.

    `loops` are files, a source, or names, waveforms `(channels, samples)` at `sample_rate` and tempi. `only` names the
    reference rows to make. The dataset is looked at first: `on_note` is told at once when it is too small to anchor a
    scale. Then only row A is made, unless `only` asks for more, and there are numbers without a verdict; so, too, where
    the rows lie outside their expected ranges. Raises FourfloorError for an unusable dataset or no loops.
    """
    asked = {letter.upper() for letter in only}
    if asked - set(ROWS):
        raise FourfloorError(f"there is no reference row {min(asked - set(ROWS))}: the rows are {''.join(ROWS)}")
    catalogue = load(dataset_path)
    train, held_out = split_sources(catalogue)
    judged = _source_of(loops, sample_rate)
    chosen = [int(i) for i in np.sort(np.random.default_rng(seed).permutation(len(judged))[:n])]
    cutoff_hz = float(min(CUTOFF_HZ, 0.45 * min([catalogue.sample_rate, *judged.rates])))
    lacking = too_few(len(held_out), len(set(held_out.tracks)))
    if lacking:
        on_note(f"{dataset_path}: {lacking[0]}; there will be numbers, and no verdict")
    letters = sorted({"A"} | (asked or set("" if lacking else ROWS)) - (set() if decoder else {"I"}))
    stages = Stages({
        "fingerprints of the training loops": (len(train), HEAR_SECONDS),
        **row_stages(train, held_out, n, letters),
        "loops to judge": (len(chosen), HEAR_SECONDS + SEARCH_SECONDS),
    }, on_progress)  # fmt: skip
    index = CopyIndex(
        dataset_passages(catalogue, on_loop=partial(stages.count, "fingerprints of the training loops")), cutoff_hz
    )
    scale = Scale.of(
        *hear_rows(train, held_out, index, n, seed, cutoff_hz, decoder, letters, on_loop=stages.count), seed
    )
    if scale.broken and not lacking:
        on_note(f"{dataset_path}: {'; '.join(scale.broken)}; there will be numbers, and no verdict")
    heard = hear_set(judged.stream(chosen), cutoff_hz, index, len(chosen), partial(stages.count, "loops to judge"))
    result = assess(heard, scale)
    ruler = scale.ruler
    card = Scorecard(
        verdict=result.verdict, broken=scale.broken, numbers=result.numbers, rows=scale.rows,
        gates={number: asdict(gate) for number, gate in result.gates.items()},
        diagnosis=result.diagnosis, n=len(chosen), seed=seed, cutoff_hz=cutoff_hz, beats_slices=result.beats_slices,
        warnings=[*judged.notes(), *_warnings(ruler, judged, chosen, heard)], loops=_loop_rows(heard),
        envelope=ruler.envelope.to_dict(), held_out=as_rows(ruler.held_out.scores), data_hash=catalogue.data_hash,
    )  # fmt: skip
    if out is not None:
        from fourfloor.evaluation.report import write_report

        write_report(Path(out), card, judged, chosen, heard, catalogue)
    return card


def _source_of(loops: Loops, sample_rate: int) -> Source:
    if isinstance(loops, tuple):
        names, waveforms, bpms = loops
        judged = array_source(names, waveforms, bpms, sample_rate)
    else:
        judged = loops if isinstance(loops, Source) else file_source(loops)
    if len(judged) == 0:
        raise FourfloorError("no loops to judge: give a folder with audio files")
    return judged


def split_sources(catalogue: Catalogue) -> tuple[Source, Source]:
    """Give training and held-out loops. Raises FourfloorError where one is missing or a file is in both."""
    splits = [{t.sha256 for t in catalogue.tracks if t.split == split and t.loops} for split in ("train", "validation")]
    if splits[0] & splits[1]:
        raise FourfloorError(f"{catalogue.path}: a track is in training and in validation: make the dataset again")
    if not splits[0] or not splits[1]:
        raise FourfloorError(f"{catalogue.path}: training or validation has no tracks: ingest more tracks")
    train, held_out = dataset_source(catalogue, "train"), dataset_source(catalogue, "validation")
    if len(train) < MIN_STYLE_LOOPS:
        raise FourfloorError(
            f"{catalogue.path}: {len(train)} training loops are too few to judge by; give at least {MIN_STYLE_LOOPS}"
        )
    return train, held_out


def assess(heard: HeardSet, scale: Scale) -> Assessment:
    """Hold a set of loops against a scale; without the scale's anchors there are numbers, and nothing passes."""
    numbers = numbers_of(heard, scale.ruler, scale.seed)
    gates = judge(numbers, scale.rows, scale.ruler, len(heard.scores))
    diagnosis = diagnose(heard, numbers, scale.rows, gates, scale.ruler)
    if scale.broken:
        gates = {number: replace(gate, passes=None) for number, gate in gates.items()}
    optional = ("repetition",) if all(score.bars == 1 for score in heard.scores) else ()
    verdict = dict.fromkeys(KINDS) if scale.broken else verdict_of(gates, optional)
    better = None if scale.broken else beats_slices(numbers, scale.rows, verdict)
    return Assessment(numbers=numbers, gates=gates, verdict=verdict, diagnosis=diagnosis, beats_slices=better)


def _warnings(ruler: Ruler, judged: Source, chosen: Sequence[int], heard: HeardSet) -> list[str]:
    notes = []
    if len(chosen) < 32:
        notes.append(f"{len(chosen)} loops: style distance and diversity need 32")
    tracks = len(set(ruler.held_out.tracks))
    if tracks < 10:
        notes.append(f"{tracks} held-out tracks: style distance cannot be judged with fewer than 10")
    real = ruler.held_out.copy_scores
    if share_of_copies(real) > 0.01:
        notes.append(f"{share_of_copies(real):.0%} of held-out loops share a passage with a training track")
    silent = sum(score.silent for score in heard.scores)
    if silent:
        notes.append(f"{silent} of {len(heard.scores)} loops are silent")
    if len(set(judged.rates)) > 1:
        notes.append("loops of several sample rates: all are heard below one cutoff")
    return notes


def _loop_rows(heard: HeardSet) -> list[dict[str, Any]]:
    rows = []
    for position, row in enumerate(as_rows(heard.scores)):
        match = asdict(heard.matches[position])
        rows.append({**row, "match": match, "content": heard.contents[position]})
    return rows


def plain(value: Any) -> Any:
    """Round to five digits (threads differ in the seventh) and turn what is not a finite number into null."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
