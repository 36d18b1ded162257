"""Does a loop copy its training set? Loops go in; the nearest passage, where it is and how near, comes out.

A match is the correlation of 2 s of log-mel, band and frame means removed, at any offset in any training passage, after
transposing the loop by -2 to +2 semitones (with or without the change of speed that resampling brings) and after
bringing it to the passage's tempo. What a first search finds alike (`search`) is measured in full, and more of
it where that comes near a copy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fourfloor.copies.passages import Passage
from fourfloor.copies.search import (
    COARSE,
    FINE,
    FRAME_RATE,
    N_BANDS,
    PATCH_FRAMES,
    SEMITONES,
    STEPS_PER_DB,
    STILL_DB,
    TEMPO_STEP,
    Blocks,
    Pair,
    best_pairs,
    read_patch,
)
from fourfloor.errors import FourfloorError
from fourfloor.signal.analysis import (
    ANALYSIS_RATE,
    CUTOFF_HZ,
    SILENCE_RMS,
    Array,
    mel_filters,
    mono,
    power_frames,
    to_analysis_rate,
)

TOP_HZ = 8_000.0
FLOOR_DB = 50.0
CODE_RANGE_DB = 32.0
CODE = 2  # what a byte means: 2 = quarter decibels with the frame means removed
_PAIRS = 64  # that the first search found are measured in full,
_SUSPECT = 0.55  # and more where one of them reaches this: the nearest may come late


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


class CopyIndex:
    """All training passages, ready to be searched. About 10 MB an hour while open, 5 MB an hour in `to_arrays`."""

    def __init__(self, passages: Iterable[Passage], cutoff_hz: float = CUTOFF_HZ) -> None:
        self._top_hz = min(TOP_HZ, cutoff_hz)
        self._names: list[str] = []
        self._bpms: list[float] = []
        self._starts: list[float] = []
        frames = []
        for passage in passages:  # one at a time: hours of audio need not fit into memory
            self._names.append(passage.name)
            self._bpms.append(passage.bpm)
            self._starts.append(passage.start_seconds)
            frames.append(self._frames_of(passage))
        self._open(frames)

    def to_arrays(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Give the index as one uint8 array and plain JSON values, to be kept beside a model."""
        lengths = [frames.shape[1] for frames in self._frames]
        about = {
            "names": self._names,
            "bpms": self._bpms,
            "starts": self._starts,
            "lengths": lengths,
            "top_hz": self._top_hz,
            "code": CODE,
        }
        return {"frames": np.concatenate(self._frames, axis=1) if lengths else np.zeros((N_BANDS, 0), np.uint8)}, about

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], about: dict[str, Any]) -> CopyIndex:
        """Open what `to_arrays` gave. Raises FourfloorError when the parts do not fit each other."""
        if about.get("code") != CODE:
            raise FourfloorError(f"a copy index has code {about.get('code')}, this version reads {CODE}: rebuild it")
        index = cls.__new__(cls)
        lengths, frames = [int(length) for length in about["lengths"]], arrays["frames"]
        if frames.shape != (N_BANDS, sum(lengths)) or frames.dtype != np.uint8 or min(lengths, default=0) < 0:
            raise FourfloorError(f"a copy index of shape {frames.shape} has not the length of its passages: rebuild it")
        index._top_hz = float(about["top_hz"])
        index._names, index._bpms, index._starts = (list(about[key]) for key in ("names", "bpms", "starts"))
        if not len(index._names) == len(index._bpms) == len(index._starts) == len(lengths):
            raise FourfloorError("a copy index has not as many names, tempi and times as passages: rebuild it")
        index._open(np.split(frames, np.cumsum(lengths)[:-1], axis=1) if lengths else [])
        return index

    @property
    def is_searchable(self) -> bool:
        """Return whether anything in the passages moves, so that something may be found alike."""
        return any(group.moves for group in self._groups)

    def joined(self, other: CopyIndex) -> CopyIndex:
        """Return an index of the passages of both; those of `other` that this one has by name, time and tempo once."""
        mine, about = self.to_arrays()
        theirs, more = other.to_arrays()
        if about["top_hz"] != more["top_hz"]:
            raise FourfloorError(f"copy indexes up to {about['top_hz']:g} and {more['top_hz']:g} Hz cannot be joined")
        keys = ("names", "bpms", "starts", "lengths")
        known = set(zip(*(about[key] for key in keys), strict=True))
        new = [row not in known for row in zip(*(more[key] for key in keys), strict=True)]
        added = theirs["frames"][:, np.repeat(new, more["lengths"])]
        both = {key: [*about[key], *itertools.compress(more[key], new)] for key in keys}
        return CopyIndex.from_arrays({"frames": np.concatenate([mine["frames"], added], axis=1)}, about | both)

    def search(self, waveform: Array, sample_rate: int, bpm: float) -> CopyMatch:
        """Find the passage that a closed loop `(channels, samples)` at `bpm` is nearest to."""
        return self.search_many([waveform], sample_rate, [bpm])[0]

    def search_many(self, waveforms: Sequence[Array], sample_rate: int, bpms: Sequence[float]) -> list[CopyMatch]:
        """Find the nearest passage of each loop."""
        return [self._search(waveform, sample_rate, bpm) for waveform, bpm in zip(waveforms, bpms, strict=True)]

    def _frames_of(self, passage: Passage) -> Array:
        waveform = to_analysis_rate(mono(passage.waveform), passage.sample_rate)
        n_frames = max(1, round(len(waveform) / ANALYSIS_RATE * FRAME_RATE))
        level = _levels(waveform, n_frames, self._top_hz)
        if passage.closed:  # a loop of one bar may be shorter than a patch
            level = level[:, np.arange(n_frames + PATCH_FRAMES - 1) % n_frames]
        return np.round((level + CODE_RANGE_DB) * STEPS_PER_DB).astype(np.uint8)

    def _open(self, frames: list[Array]) -> None:
        """Cut the passages into overlapping blocks, grouped by tempo, and keep their spectra and window norms."""
        self._frames = frames
        self._groups: list[Blocks] = []
        tempi = np.round(np.log(np.maximum(self._bpms, 1.0)) / TEMPO_STEP).astype(int)
        for tempo in np.unique(tempi):
            members = [int(i) for i in np.flatnonzero(tempi == tempo) if frames[i].shape[1] >= PATCH_FRAMES]
            if members:
                self._groups.append(Blocks(members, [frames[i] for i in members], float(np.exp(tempo * TEMPO_STEP))))

    def _search(self, waveform: Array, sample_rate: int, bpm: float) -> CopyMatch:
        heard = to_analysis_rate(mono(waveform), sample_rate)
        if len(heard) < ANALYSIS_RATE // 4 or float(np.sqrt(np.mean(heard**2))) <= SILENCE_RMS:
            return NO_MATCH
        levels = self._transposed(heard)
        seconds = len(heard) / ANALYSIS_RATE
        pairs, nearest = best_pairs(self._groups, levels, seconds, bpm), NO_MATCH
        for number in range(0, len(pairs), _PAIRS):
            if number and nearest.score < _SUSPECT:
                break
            match = self._measure(levels, seconds, pairs[number : number + _PAIRS])
            nearest = max(nearest, match, key=lambda match: match.score)
        return nearest

    def _measure(self, levels: Array, seconds: float, pairs: Sequence[Pair]) -> CopyMatch:
        """Correlate pairs in full, at every offset that the coarse ones may stand for, and return the nearest."""
        places = [(pair.cut, *place) for pair in pairs for place in pair.blocks.places(pair)]
        if not places:
            return NO_MATCH
        patch_of = {pair.cut: read_patch(levels[:, pair.cut.shift], seconds, pair.cut) for pair in pairs}
        patches = np.stack([patch_of[cut] for cut, _, _ in places])
        coded = np.zeros((len(places), N_BANDS, PATCH_FRAMES + 2 * COARSE), np.uint8)
        last = np.zeros(len(places), int)  # the last offset at which a patch fits into its passage
        for number, (_, passage, frame) in enumerate(places):
            stretch = self._frames[passage][:, max(0, frame - COARSE) : frame + COARSE + PATCH_FRAMES]
            coded[number, :, : stretch.shape[1]] = stretch
            last[number] = stretch.shape[1] - PATCH_FRAMES
        scores = _scores_in_full(coded, last, patches)
        best, offset = np.unravel_index(scores.argmax(), scores.shape)
        cut, passage, frame = places[best]
        return CopyMatch(
            score=float(scores[best, offset]), track=self._names[passage],
            seconds=float(self._starts[passage] + (max(0, frame - COARSE) + offset) / FRAME_RATE),
            semitones=SEMITONES[cut.shift], speed=cut.speed, loop_seconds=cut.begin,
        )  # fmt: skip

    def _transposed(self, heard: Array) -> Array:
        """Return levels float32 `(frames, len(SEMITONES), bands)`: a frame at any speed is one row to read."""
        n_frames = max(FINE, round(len(heard) / ANALYSIS_RATE * FRAME_RATE * FINE))
        power = power_frames(heard, n_frames)
        banks = [mel_filters(N_BANDS, self._top_hz, shift=2 ** (shift / 12)) for shift in SEMITONES]
        return np.stack([_to_levels(power @ filters.T).T for filters in banks], axis=1).astype(np.float32)


def _scores_in_full(coded: np.ndarray, last: np.ndarray, patches: Array) -> Array:
    """Correlate bytes `(n, bands, frames)` with patches `(n, PATCH_FRAMES, bands)`: `(n, offsets)`, 0 past `last`."""
    whole = coded.astype(np.int32)
    sums = np.cumsum(np.pad([whole, whole**2], ((0, 0), (0, 0), (0, 0), (1, 0))), axis=3)
    total, squares = sums[..., PATCH_FRAMES:] - sums[..., :-PATCH_FRAMES]
    energy = np.maximum(squares - total.astype(np.float64) ** 2 / PATCH_FRAMES, 0).sum(axis=1)
    norms = np.sqrt(energy) / STEPS_PER_DB
    windows = np.lib.stride_tricks.sliding_window_view(coded.astype(np.float32), PATCH_FRAMES, axis=2)
    products = np.einsum("nbop,npb->no", windows, patches) / STEPS_PER_DB  # band means are out of the patches
    moving = norms > STILL_DB * np.sqrt(N_BANDS * PATCH_FRAMES)
    moving &= np.arange(norms.shape[1]) <= last[:, None]
    return np.where(moving, products / np.maximum(norms, 1e-9), 0)


def _to_levels(bands: Array) -> Array:
    level = 10 * np.log10(bands.T + 1e-12)
    # Relative to a loud frame, not the loudest: one click would lift the floor over everything else.
    level = np.clip(level - np.percentile(level.max(axis=0), 95), -FLOOR_DB, 10.0)
    # Without the frame means two loops of one groove but other sounds would be near each other: of held-out produced
    # loops the nearest lay at .75, without them at .55, and the worst lossy copy only fell from .84 to .74.
    return np.clip(level - level.mean(axis=0), -CODE_RANGE_DB, CODE_RANGE_DB - 1 / STEPS_PER_DB)


def _levels(waveform: Array, n_frames: int, top_hz: float) -> Array:
    return _to_levels(power_frames(waveform, n_frames, filters=mel_filters(N_BANDS, top_hz)))
