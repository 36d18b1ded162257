"""Does a loop copy its training set? Loops go in; the nearest passage, where it is and how near, comes out.

A match is the correlation of 2 s of log-mel, band and frame means removed, at any offset in any training passage, after
transposing the loop by -2 to +2 semitones (with or without the change of speed that resampling brings) and after
bringing it to the passage's tempo. What a first search finds alike (`search`) is measured in full, and more of
it where that comes near a copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from fourfloor.copies.levels import Levels, LevelsOfParts, RawLevels
from fourfloor.copies.passages import Passage
from fourfloor.copies.patches import (
    COARSE,
    FRAME_RATE,
    N_BANDS,
    PATCH_FRAMES,
    SEMITONES,
    STEPS_PER_DB,
    STILL_DB,
    LoopLevels,
    passage_levels,
)
from fourfloor.copies.postings import Lookup, Postings
from fourfloor.copies.search import TEMPO_STEP, Place, Search
from fourfloor.copies.windows import Windows, encode
from fourfloor.errors import FourfloorError
from fourfloor.signal.analysis import ANALYSIS_RATE, CUTOFF_HZ, SILENCE_RMS, Array, mono, to_analysis_rate

TOP_HZ = 8_000.0
_PLACES = 32  # that the first search found are measured in full,
_SUSPECT = 0.55  # and as many more as long as one of them reaches this: the nearest may come late
_OFFSETS = np.arange(-COARSE, COARSE + PATCH_FRAMES)


@dataclass(frozen=True, kw_only=True)
class CopyMatch:
    """The nearest 2 s: correlation `score`, the training track and the time in it, how the loop had to be changed.

    `semitones` transposes the training passage to the loop, `speed` is the loop's pace over the passage's.
    """

    score: float
    track: str
    seconds: float
    semitones: int
    speed: float
    loop_seconds: float


NO_MATCH = CopyMatch(score=0.0, track="", seconds=0.0, semitones=0, speed=1.0, loop_seconds=0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """What is known of each passage; `closed` ones go on at their start. Neighbors share a tempo where they can."""

    names: np.ndarray
    bpms: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    closed: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @property
    def tempi(self) -> np.ndarray:
        """Return the tempo of each passage as a whole number; 1 % is one step."""
        return np.round(np.log(np.maximum(self.bpms, 1.0)) / TEMPO_STEP)

    def rows(self) -> list[tuple[object, ...]]:
        """List what is known, passage by passage."""
        return list(zip(*(getattr(self, field.name).tolist() for field in fields(self)), strict=True))

    @classmethod
    def of(cls, rows: Sequence[tuple[object, ...]]) -> Table:
        """Return the table of such rows."""
        kinds = (object, np.float64, np.float64, np.int64, bool)
        columns = zip(*rows, strict=True) if rows else [()] * len(kinds)
        arrays = [np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
        return cls(**{field.name: array for field, array in zip(fields(cls), arrays, strict=True)})


class CopyIndex:
    """All training passages, ready to be searched; about 2 MB an hour on disk, where most of it stays.

    It has one part or several, which are searched as one: so much music that one file would not hold it.
    """

    def __init__(
        self,
        table: Table,
        windows: Windows,
        levels: Levels,
        top_hz: float,
        postings: Postings | None = None,
        parts: Sequence[CopyIndex] = (),
    ) -> None:
        self.table, self.windows, self.levels, self.top_hz = table, windows, levels, top_hz
        self.parts = tuple(parts) or (self,)
        self._postings = [part.postings for part in parts] or [Postings.of(windows) if postings is None else postings]
        self._search = Search(windows, Lookup(self._postings), table.tempi)

    @property
    def postings(self) -> Postings:
        """Return the cells of an index of one part."""
        (only,) = self._postings
        return only

    @classmethod
    def of_parts(cls, parts: Sequence[CopyIndex]) -> CopyIndex:
        """Return an index of the passages of all parts, whose levels and cells stay where they are."""
        if len(parts) == 1:
            return parts[0]
        if len({part.top_hz for part in parts}) > 1:
            raise FourfloorError("its parts were analyzed differently")
        table = Table.of([row for part in parts for row in part.table.rows()])
        windows = Windows(np.concatenate([part.windows.codes for part in parts]), table.lengths, table.closed)
        levels = LevelsOfParts([part.levels for part in parts], [len(part.table) for part in parts])
        return cls(table, windows, levels, parts[0].top_hz, parts=parts)

    @classmethod
    def of(cls, passages: Iterable[Passage], cutoff_hz: float = CUTOFF_HZ) -> CopyIndex:
        """Analyze passages, one at a time: hours of audio need not fit into memory."""
        top_hz = min(TOP_HZ, cutoff_hz)
        rows, frames = [], []
        for passage in passages:
            frames.append(passage_levels(to_analysis_rate(mono(passage.waveform), passage.sample_rate), top_hz))
            length = frames[-1].shape[1]
            rows.append((passage.name, passage.bpm, passage.start_seconds, length, passage.closed))
        return cls.of_levels(Table.of(rows), frames, top_hz)

    @classmethod
    def of_levels(cls, table: Table, frames: list[np.ndarray], top_hz: float) -> CopyIndex:
        """Return an index of levels uint8 `(N_BANDS, frames)` of the passages."""
        order = np.argsort(table.tempi, kind="stable")
        rows = table.rows()
        table, frames = Table.of([rows[number] for number in order]), [frames[number] for number in order]
        codes = np.concatenate([np.zeros((0, N_BANDS // 4), np.uint8), *map(encode, frames)])
        windows = Windows(codes, table.lengths, table.closed)
        return cls(table, windows, RawLevels(frames), top_hz)

    @property
    def is_searchable(self) -> bool:
        """Return whether anything in the passages moves, so that something may be found alike."""
        return self._search.finds

    def search(self, waveform: Array, sample_rate: int, bpm: float) -> CopyMatch:
        """Find the passage that a closed loop `(channels, samples)` at `bpm` is nearest to."""
        samples = to_analysis_rate(mono(waveform), sample_rate)
        if (
            not self.is_searchable
            or len(samples) < ANALYSIS_RATE // 4
            or float(np.sqrt(np.mean(samples**2))) <= SILENCE_RMS
        ):
            return NO_MATCH
        loop, nearest = LoopLevels(samples, self.top_hz), NO_MATCH
        places = self._search.places(loop, bpm)
        for number in range(0, len(places), _PLACES):
            match = self._measure(loop, places[number : number + _PLACES])
            nearest = max(nearest, match, key=lambda match: match.score)
            if match.score < _SUSPECT:
                break
        return nearest

    def joined(self, other: CopyIndex, known: Collection[tuple[object, ...]] | None = None) -> CopyIndex:
        """Return an index of the passages of both, each of one part; of `other` only those that are not `known`.

        Without `known`, those that this index has, too, are there once.
        """
        if self.top_hz != other.top_hz:
            raise FourfloorError(f"copy indexes up to {self.top_hz:g} and {other.top_hz:g} Hz cannot be joined")
        theirs = other.table.rows()
        known = set(self.table.rows()) if known is None else known
        new = np.array([row not in known for row in theirs], bool)
        table = Table.of([*self.table.rows(), *(row for row, is_new in zip(theirs, new, strict=True) if is_new)])
        kept = new[other.windows.passages(np.arange(len(other.windows)))]
        windows = Windows(np.concatenate([self.windows.codes, other.windows.codes[kept]]), table.lengths, table.closed)
        mine, more = self.levels.packed(self.windows), other.levels.packed(other.windows)
        places = np.where(kept, len(self.windows) + np.cumsum(kept) - 1, -1)
        postings = self.postings.joined(other.postings, places, len(windows))
        return CopyIndex(table, windows, mine.joined(more, new, windows), self.top_hz, postings)

    def _measure(self, loop: LoopLevels, places: Sequence[Place]) -> CopyMatch:
        """Correlate places in full, at every offset that the coarse ones may stand for, and return the nearest."""
        found = np.array([place.window for place in places])
        passages, begins = self.windows.passages(found), self.windows.begins(found)
        lengths, closed = self.table.lengths[passages], self.table.closed[passages]
        begins = np.where(closed, begins, np.clip(begins, COARSE, None))
        frames = begins[:, None] + _OFFSETS
        last = np.where(closed, 2 * COARSE, lengths - PATCH_FRAMES - begins + COARSE)  # offset at which a patch fits
        frames = np.where(closed[:, None], frames % lengths[:, None], np.minimum(frames, lengths[:, None] - 1))
        cuts = {place[:3]: None for place in places}
        patches = loop.patches(*(np.array(column) for column in zip(*cuts, strict=True)))
        patch_of = {cut: number for number, cut in enumerate(cuts)}
        patches = patches[[patch_of[place[:3]] for place in places]]
        scores = _scores_in_full(self.levels.read(passages, frames), last, patches)
        best, offset, shift = np.unravel_index(scores.argmax(), scores.shape)
        passage, place = passages[best], places[int(best)]
        return CopyMatch(
            score=float(scores[best, offset, shift]), track=self.table.names[passage],
            seconds=float(self.table.starts[passage] + frames[best, offset] / FRAME_RATE),
            semitones=SEMITONES[shift], speed=place.speed, loop_seconds=place.begin,
        )  # fmt: skip


def _scores_in_full(coded: np.ndarray, last: np.ndarray, patches: Array) -> Array:
    """Correlate bytes `(n, bands, frames)` with patches `(n, shifts, bands * PATCH_FRAMES)`: `(n, offsets, shifts)`.

    Scores of offsets past `last` `(n,)` are 0.
    """
    levels = coded.astype(np.float32) / STEPS_PER_DB
    offsets = coded.shape[2] - PATCH_FRAMES + 1
    squares = np.cumsum(np.pad(levels**2, ((0, 0), (0, 0), (1, 0))), axis=2, dtype=np.float64)
    sums = np.cumsum(np.pad(levels, ((0, 0), (0, 0), (1, 0))), axis=2, dtype=np.float64)
    sums, squares = (each[..., PATCH_FRAMES:] - each[..., :-PATCH_FRAMES] for each in (sums, squares))
    norms = np.sqrt(np.maximum(squares - sums**2 / PATCH_FRAMES, 0).sum(axis=1))
    moving = norms > STILL_DB * np.sqrt(N_BANDS * PATCH_FRAMES)
    moving &= np.arange(offsets) <= last[:, None]
    products = np.empty((*norms.shape, patches.shape[1]), np.float32)
    for offset in range(offsets):  # band means are out of the patches, so they need not be taken from the levels
        window = levels[:, :, offset : offset + PATCH_FRAMES].reshape(len(levels), -1, 1)
        products[:, offset] = (patches @ window)[..., 0]
    return np.where(moving, 1 / np.maximum(norms, 1e-9), 0)[..., None] * products
