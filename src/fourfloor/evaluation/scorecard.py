"""The scorecard: loops and a dataset go in; ten numbers beside reference rows, a verdict and a diagnosis come out.

Nobody listened for it. It says that loops are not noise, hold their tempo, vary, resemble held-out music statistically
and copy no 2 s passage of the training set. It does not say that they are good.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fourfloor.copies.index import CopyMatch
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.diagnosis import diagnose
from fourfloor.evaluation.distance import MIN_STYLE_LOOPS
from fourfloor.evaluation.numbers import Norms, ScoredSet, numbers_of
from fourfloor.evaluation.scores import LoopScores
from fourfloor.evaluation.sources import Source, dataset_source
from fourfloor.evaluation.verdict import (
    KINDS,
    Gate,
    beats_slices,
    broken_anchors,
    judge,
    too_few,
    verdict_of,
)
from fourfloor.ingestion.catalogue import Catalogue

ROWS = {
    "A": "held-out real", "B": "other style", "C": "held-out, sixteenths shuffled", "D": "white noise",
    "E": "gated noise", "F": "distorted rhythm under noise", "G": "16 training loops at once", "H": "exact copies",
    "I": "held-out through the decoder", "J": "beat slices of training loops", "K": "bass of one, rest of another",
    "L": "held-out, partials blurred", "M": "held-out, bass a quarter tone up", "N": "a drone",
    "O": "held-out, a tenth of it copied",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LoopRow:
    """A loop's own scores, the passage of the training music that is nearest to it, and the hash of its audio."""

    scores: LoopScores
    match: CopyMatch
    content: str

    def to_dict(self) -> dict[str, Any]:
        """Return the loop's row of scorecard.json."""
        return {**self.scores.to_dict(), "match": asdict(self.match), "content": self.content}


@dataclass(frozen=True, kw_only=True)
class Scorecard:
    """All that was measured; `to_json` is the documented part, the rest serves the report."""

    verdict: dict[str, bool | None]
    broken: list[str]  # why there is no verdict
    numbers: dict[str, float]
    rows: dict[str, dict[str, float]]
    gates: dict[str, Gate]
    diagnosis: list[str]
    n: int
    seed: int
    cutoff_hz: float
    beats_slices: bool | None
    warnings: list[str]
    filtered: bool  # the loops were chosen by the copy search that scores them
    loops: list[LoopRow]
    envelope: Envelope  # the usual range of the training loops
    held_out: list[LoopScores]
    data_hash: str

    def to_json(self) -> str:
        """Write the scorecard; the same inputs give the same bytes, whatever the order and names of the files."""
        content = {
            **asdict(self), "anchored": not self.broken, "envelope": self.envelope.to_dict(),
            "loops": [row.to_dict() for row in self.loops], "held_out": [score.to_dict() for score in self.held_out],
        }  # fmt: skip
        return json.dumps(plain(content), indent=1, sort_keys=True, allow_nan=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class Standard:
    """What sets of loops are judged by: norms, reference rows, and why these support no verdict (`broken`)."""

    norms: Norms
    rows: dict[str, dict[str, float]]
    broken: list[str]
    seed: int

    @classmethod
    def of(cls, train: ScoredSet, scored: dict[str, ScoredSet], seed: int) -> Standard:
        """Measure the scored reference rows; row A must be among them."""
        norms = Norms.of(train, scored["A"])
        rows = {letter: numbers_of(row, norms, seed, letter == "A") for letter, row in scored.items()}
        lacking = too_few(len(scored["A"].scores), len(set(scored["A"].tracks)))
        return cls(norms=norms, rows=rows, broken=lacking + broken_anchors(rows), seed=seed)


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The result of one set of loops, judged by a standard."""

    numbers: dict[str, float]
    gates: dict[str, Gate]
    verdict: dict[str, bool | None]
    diagnosis: list[str]
    beats_slices: bool | None


def split_sources(catalogue: Catalogue) -> tuple[Source, Source]:
    """Give training and held-out loops. Raises FourfloorError where one is missing or a file is in both."""
    splits = [{t.sha256 for t in catalogue.tracks if t.split == split and t.loops} for split in ("train", "validation")]
    if splits[0] & splits[1]:
        raise FourfloorError(f"{catalogue.place}: a track is in training and in validation: make the dataset again")
    for names, use in zip(splits, ("training", "testing"), strict=True):
        if not names:
            remedy = "make it again with more tracks and a validation share above 0"
            raise FourfloorError(f"{catalogue.place}: holds no track for {use}; {remedy}")
    train, held_out = dataset_source(catalogue, "train"), dataset_source(catalogue, "validation")
    if len(train) < MIN_STYLE_LOOPS:
        raise FourfloorError(
            f"{catalogue.place}: {len(train)} training loops are too few to judge by; give at least {MIN_STYLE_LOOPS}"
        )
    return train, held_out


def assess(scored: ScoredSet, standard: Standard) -> Assessment:
    """Judge a set of loops by a standard; where the standard is broken there are numbers, and no gate passes."""
    numbers = numbers_of(scored, standard.norms, standard.seed)
    gates = judge(numbers, standard.rows, standard.norms, len(scored.scores))
    diagnosis = diagnose(scored, numbers, standard.rows, gates, standard.norms)
    if standard.broken:
        gates = {number: replace(gate, passes=None) for number, gate in gates.items()}
    optional = ("repetition",) if all(score.bars == 1 for score in scored.scores) else ()
    verdict = dict.fromkeys(KINDS) if standard.broken else verdict_of(gates, optional)
    better = None if standard.broken else beats_slices(numbers, standard.rows, verdict)
    return Assessment(numbers=numbers, gates=gates, verdict=verdict, diagnosis=diagnosis, beats_slices=better)


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
