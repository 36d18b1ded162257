"""A set of loops becomes numbers: what each loop scores, how the set lies in style space, what it copies, its tones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np

from fourfloor.copies.index import CopyIndex, CopyMatch
from fourfloor.copies.policy import is_copy
from fourfloor.engines import Engine, run_in_threads
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError
from fourfloor.evaluation.distance import Interval, StyleSpace, coverage, kernel_distance
from fourfloor.evaluation.features import analyze, style_vector
from fourfloor.evaluation.intervals import diversity_interval, median_interval, share_interval
from fourfloor.evaluation.scores import LoopScores, score_analysis, with_copy
from fourfloor.evaluation.seam import Seam
from fourfloor.evaluation.sources import Sample
from fourfloor.evaluation.tones import TONES, Tones, tones_of
from fourfloor.signal.analysis import Array

TEN = ("sane", "pulse", "independence", "tempo", "repetition", "seam", "style", "diversity", "copies", "margin")
_SPLITS = 20


@dataclass(kw_only=True)
class ScoredSet:
    """The loops of one row: scores, style vectors, tones, tracks, and copy matches of the first of them."""

    scores: list[LoopScores]
    vectors: Array
    tones: list[Tones]
    tracks: list[str]
    names: list[str]
    matches: list[CopyMatch] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)  # hashes of judged loops

    @property
    def copy_scores(self) -> Array:
        """Correlation of each searched loop with its nearest training passage."""
        return np.array([match.score for match in self.matches])

    def to_dict(self) -> dict[str, Any]:
        """Write all scores as plain values; `from_dict` gives an equal set."""
        return {
            "scores": [asdict(score) for score in self.scores], "vectors": self.vectors.tolist(),
            "tones": [asdict(tones) for tones in self.tones], "tracks": self.tracks, "names": self.names,
            "matches": [asdict(match) for match in self.matches], "contents": self.contents,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> ScoredSet:
        """Read what `to_dict` wrote. Raises KeyError or TypeError where it is not that."""
        scores = [LoopScores(**{**score, "seam": Seam(**score["seam"])}) for score in content["scores"]]
        return cls(
            scores=scores, vectors=np.array(content["vectors"]),
            tones=[Tones(**tones) for tones in content["tones"]], tracks=list(content["tracks"]),
            names=list(content["names"]), matches=[CopyMatch(**match) for match in content["matches"]],
            contents=list(content["contents"]),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Norms:
    """What loops are scored by: the training set, its envelope and style space, and the held-out set."""

    envelope: Envelope
    space: StyleSpace
    train: ScoredSet
    held_out: ScoredSet

    @classmethod
    def of(cls, train: ScoredSet, held_out: ScoredSet) -> Norms:
        """Fit envelope and style space to the training loops. Raises FourfloorError for fewer than 8."""
        space = StyleSpace.of(train.vectors, train.tracks)
        return cls(envelope=Envelope.of(train.scores), space=space, train=train, held_out=held_out)


def score_set(
    samples: Iterable[Sample],
    cutoff_hz: float,
    index: CopyIndex | None = None,
    n_searched: int = 0,
    on_loop: Callable[[], None] = lambda: None,
    engine: Engine = run_in_threads,
) -> ScoredSet:
    """Score loops one by one, and search the first `n_searched` of them for copies; no waveform is kept.

    The numbers are the same whatever the engine. FourfloorError where a process that scored a loop died each time.
    """
    found: dict[int, _Scored] = {}

    def take(number: int, one: _Scored | None) -> None:
        if one is None:
            raise FourfloorError(f"the process that scored loop {number} was ended; use machines with more memory")
        found[number] = one
        on_loop()

    score = partial(_score, cutoff_hz=cutoff_hz, index=index if n_searched else None, n_searched=n_searched)
    engine(score, enumerate(samples), 0, take)
    rows = [found[number] for number in range(len(found))]
    return ScoredSet(
        scores=[row.scores for row in rows], vectors=np.array([row.vector for row in rows]),
        tones=[row.tones for row in rows], tracks=[row.track for row in rows], names=[row.name for row in rows],
        matches=[row.match for row in rows if row.match is not None], contents=[row.content for row in rows],
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """One loop of a set: all but its waveform."""

    scores: LoopScores
    vector: Array
    tones: Tones
    match: CopyMatch | None
    track: str
    name: str
    content: str


def _score(numbered: tuple[int, Sample], cutoff_hz: float, index: CopyIndex | None, n_searched: int) -> _Scored:
    """Score one loop of a set, and search it for copies where it is one of the first."""
    number, sample = numbered
    analysis = analyze(sample.waveform, sample.sample_rate, cutoff_hz)
    scores = score_analysis(sample.waveform, sample.sample_rate, analysis, sample.bpm, sample.bars)
    match = None
    if index is not None and number < n_searched:
        match = index.search(sample.waveform, sample.sample_rate, sample.bpm)
        scores = with_copy(scores, match)
    return _Scored(
        scores=scores, vector=style_vector(analysis, sample.bars),
        tones=tones_of(analysis.waveform, sample.bpm, sample.bars), match=match, track=sample.track,
        name=sample.name, content=sample.content,
    )  # fmt: skip


def style_distance(scored: ScoredSet, norms: Norms) -> Interval:
    """Measure KAD to the held-out tracks."""
    return kernel_distance(
        norms.space.place(scored.vectors),
        norms.space.place(norms.held_out.vectors),
        norms.space.width,
        scored.tracks,
        norms.held_out.tracks,
    )


def own_distance(scored: ScoredSet, space: StyleSpace, seed: int) -> Interval:
    """Measure KAD between random halves of a set's tracks: the distance of real music from real music.

    The value is the mean of 20 splits and the interval holds 95 % of them. NaN for fewer than 4 tracks.
    """
    names = sorted(set(scored.tracks))
    if len(names) < 4:
        return Interval(value=float("nan"), low=float("nan"), high=float("nan"))
    placed, tracks = space.place(scored.vectors), np.array(scored.tracks)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(_SPLITS):
        half = np.isin(tracks, rng.permutation(names)[: len(names) // 2])
        split = kernel_distance(placed[half], placed[~half], space.width, list(tracks[half]), list(tracks[~half]))
        values.append(split.value)
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return Interval(value=float(np.nanmean(values)), low=float(low), high=float(high))


def numbers_of(scored: ScoredSet, norms: Norms, seed: int, itself: bool = False) -> dict[str, float]:
    """Sum a set up: the ten numbers with their 95 % intervals, the coverage of the training set, the tonal numbers.

    `itself`: the set is the held-out one, whose distance is that between its halves.
    """
    scores, copies = scored.scores, scored.copy_scores
    real = norms.held_out.copy_scores
    usual = float(np.median(real)) if len(real) else float("nan")
    intervals = {
        "sane": share_interval([score.is_sane(norms.envelope) for score in scores]),
        "pulse": median_interval([score.pulse for score in scores]),
        "independence": median_interval([score.independence for score in scores]),
        "tempo": share_interval([score.tempo_hit for score in scores]),
        "repetition": median_interval([score.repetition for score in scores]),
        "seam": share_interval([score.seam.passes for score in scores]),
        "style": own_distance(scored, norms.space, seed) if itself else style_distance(scored, norms),
        "diversity": diversity_interval(scored.vectors, norms.space),
        "copies": share_interval([is_copy(score) for score in copies]),
        "margin": median_interval(list(copies / usual) if usual > 0 else []),
    }
    return {
        **{name: interval.value for name, interval in intervals.items()},
        **{f"{name}_low": interval.low for name, interval in intervals.items()},
        **{f"{name}_high": interval.high for name, interval in intervals.items()},
        "coverage": coverage(norms.space.place(scored.vectors), norms.space.place(norms.train.vectors), seed),
        **{name: median([getattr(tones, name) for tones in scored.tones]) for name in TONES},
    }


def median(values: Sequence[float]) -> float:
    """Return the median of the finite values; NaN where there are none."""
    return median_interval(values).value
