"""Does a loop copy its training set? Loops go in; the nearest passage, where it is and how near, comes out.

A match is the correlation of 2 s of log-mel, band and frame means removed, at any offset in any training passage, after
transposing the loop by -2 to +2 semitones (with or without the change of speed that resampling brings) and after
bringing it to the passage's tempo. All offsets at once by the correlation theorem, block by block (overlap-save).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft

from fourfloor.evaluation.features import (
    ANALYSIS_RATE,
    CUTOFF_HZ,
    SILENCE_RMS,
    Array,
    mel_filters,
    mono,
    power_frames,
    to_analysis_rate,
)

FRAME_RATE = 43.0
PATCH_FRAMES = 86            # 2 s
N_BANDS = 32
TOP_HZ = 8_000.0
FLOOR_DB = 50.0
CODE_RANGE_DB = 32.0
STEPS_PER_DB = 4             # passages are kept as bytes, a quarter of a decibel each
SEMITONES = (-2, -1, 0, 1, 2)
TEMPO_STEP = 0.01            # passages within 1 % share a tempo: 10 ms over half a patch, less than half a frame
BLOCK_FRAMES = 512
QUERY_SECONDS = 1.0          # between the patches of a loop
_CODE = 2                    # what a byte means: 2 = quarter decibels with the frame means removed
_VALID = BLOCK_FRAMES - PATCH_FRAMES + 1
_FINE = 4                    # a loop is analysed four times finer, to be read at any speed
_ALL_SHIFTS = tuple(range(len(SEMITONES)))
_STILL_DB = 1.0              # a patch that moves less than this has nothing to recognise


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of training audio, `(channels, samples)`; `closed` when it is a loop that goes on at its start."""

    name: str
    waveform: Array
    sample_rate: int
    bpm: float
    start_seconds: float = 0.0
    closed: bool = False


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


@dataclass(frozen=True, kw_only=True)
class _Query:
    spectra: Array        # (bins, n, bands), conjugate, of patches with band means removed and unit norm
    seconds: list[float]  # where each of the n patches begins in the loop
    semitones: list[int]
    speeds: list[float]


class CopyIndex:
    """All training passages, ready to be searched. About 30 MB an hour while open, 5 MB an hour in `to_arrays`."""

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
        about = {"names": self._names, "bpms": self._bpms, "starts": self._starts,
                                    "lengths": lengths, "top_hz": self._top_hz, "code": _CODE}
        return {"frames": np.concatenate(self._frames, axis=1) if lengths else np.zeros((N_BANDS, 0), np.uint8)}, about

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array], about: dict[str, Any]) -> CopyIndex:
        """Open what `to_arrays` gave. Raises ValueError when the parts do not fit each other."""
        if about.get("code") != _CODE:
            raise ValueError(f"a copy index has code {about.get('code')}, this version reads {_CODE}: rebuild it")
        index = cls.__new__(cls)
        lengths, frames = [int(length) for length in about["lengths"]], arrays["frames"]
        if frames.shape != (N_BANDS, sum(lengths)) or frames.dtype != np.uint8 or min(lengths, default=0) < 0:
            raise ValueError(f"a copy index of shape {frames.shape} has not the length of its passages: rebuild it")
        index._top_hz = float(about["top_hz"])
        index._names, index._bpms, index._starts = (list(about[key]) for key in ("names", "bpms", "starts"))
        index._open(np.split(frames, np.cumsum(lengths)[:-1], axis=1) if lengths else [])
        return index

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
        if passage.closed and n_frames >= PATCH_FRAMES:
            level = np.concatenate([level, level[:, : PATCH_FRAMES - 1]], axis=1)
        return np.round((level + CODE_RANGE_DB) * STEPS_PER_DB).astype(np.uint8)

    def _open(self, frames: list[Array]) -> None:
        """Cut the passages into overlapping blocks, grouped by tempo, and keep their spectra and window norms."""
        self._frames = frames
        self._groups: list[_Blocks] = []
        tempi = np.round(np.log(np.maximum(self._bpms, 1.0)) / TEMPO_STEP).astype(int)
        for tempo in np.unique(tempi):
            members = [int(i) for i in np.flatnonzero(tempi == tempo) if frames[i].shape[1] >= PATCH_FRAMES]
            if members:
                self._groups.append(_Blocks(members, [frames[i] for i in members], float(np.exp(tempo * TEMPO_STEP))))

    def _search(self, waveform: Array, sample_rate: int, bpm: float) -> CopyMatch:
        heard = to_analysis_rate(mono(waveform), sample_rate)
        if len(heard) < ANALYSIS_RATE // 4 or float(np.sqrt(np.mean(heard**2))) <= SILENCE_RMS:
            return NO_MATCH
        levels = self._transposed(heard)
        seconds = len(heard) / ANALYSIS_RATE
        resampled = [(2 ** (shift / 12), (number,)) for number, shift in enumerate(SEMITONES) if shift]
        own = _query(levels, seconds, [(1.0, _ALL_SHIFTS), *resampled])
        best = NO_MATCH
        for group in self._groups:
            queries = [own]
            pace = bpm / group.bpm
            if abs(np.log(pace)) > TEMPO_STEP / 2:
                queries.append(_query(levels, seconds, [(pace, _ALL_SHIFTS)]))
            best = max([best, *(self._best(group, query) for query in queries)], key=lambda match: match.score)
        return best

    def _transposed(self, heard: Array) -> Array:
        """Return levels float32 `(frames, len(SEMITONES), bands)`: a frame at any speed is one row to read."""
        n_frames = max(_FINE, round(len(heard) / ANALYSIS_RATE * FRAME_RATE * _FINE))
        power = power_frames(heard, n_frames)
        banks = [mel_filters(N_BANDS, self._top_hz, shift=2 ** (shift / 12)) for shift in SEMITONES]
        return np.stack([_to_levels(power @ filters.T).T for filters in banks], axis=1).astype(np.float32)

    def _best(self, group: _Blocks, query: _Query) -> CopyMatch:
        if not query.seconds:
            return NO_MATCH
        scores, blocks, offsets = group.correlate(query.spectra)
        best = int(np.argmax(scores))
        passage, first = group.place(int(blocks[best]))
        seconds = self._starts[passage] + (first + int(offsets[best])) / FRAME_RATE
        return CopyMatch(score=float(scores[best]), track=self._names[passage], seconds=float(seconds),
                         semitones=query.semitones[best], speed=query.speeds[best], loop_seconds=query.seconds[best])


class _Blocks:
    """The passages of one tempo as spectra `(bins, bands, blocks)` and inverse window norms `(offsets, 1, blocks)`."""

    def __init__(self, members: Sequence[int], frames: Sequence[Array], bpm: float) -> None:
        self.bpm = bpm
        self._places: list[tuple[int, int]] = []
        blocks, inverse = [], []
        for member, coded in zip(members, frames, strict=True):
            for first in range(0, coded.shape[1] - PATCH_FRAMES + 1, _VALID):
                level = coded[:, first : first + BLOCK_FRAMES].astype(np.float32) / STEPS_PER_DB
                block = np.zeros((N_BANDS, BLOCK_FRAMES), np.float32)
                block[:, : level.shape[1]] = level - level.mean(axis=1, keepdims=True)
                inverse.append(_inverse_norms(block, level.shape[1] - PATCH_FRAMES + 1))
                blocks.append(block)
                self._places.append((member, first))
        spectra = scipy.fft.rfft(np.stack(blocks), axis=2)
        self._spectra = np.ascontiguousarray(spectra.transpose(2, 1, 0))
        self._inverse = np.stack(inverse, axis=1)[:, None, :]

    def place(self, block: int) -> tuple[int, int]:
        """Tell which passage a block is of, and its first frame there."""
        return self._places[block]

    def correlate(self, queries: Array) -> tuple[Any, Any, Any]:
        """Find for each spectrum `(bins, n, bands)` of a patch its best correlation and the block and offset of it."""
        total = queries.shape[1]
        scores = np.zeros(total, np.float32)
        blocks, offsets = np.zeros((2, total), np.int64)
        for chunk in _chunks(total, max(1, 24_000 // len(self._places))):
            product = np.matmul(queries[:, chunk], self._spectra)
            correlation = scipy.fft.irfft(product, BLOCK_FRAMES, axis=0, overwrite_x=True)[:_VALID]
            correlation *= self._inverse
            by_block = correlation.max(axis=0)
            blocks[chunk] = by_block.argmax(axis=1)
            for i, block in enumerate(blocks[chunk]):
                scores[chunk.start + i] = by_block[i, block]
                offsets[chunk.start + i] = correlation[:, i, block].argmax()
        return scores, blocks, offsets


def _chunks(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(total, start + size))


def _inverse_norms(block: Array, windows: int) -> Array:
    """Compute 1 / norm of every patch-long window, band means removed; 0 past the end and where all is still."""
    sums = np.cumsum(np.pad(block.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    squares = np.cumsum(np.pad((block.astype(np.float64) ** 2).sum(axis=0), (1, 0)))
    energy = squares[PATCH_FRAMES:] - squares[:-PATCH_FRAMES]
    energy -= ((sums[:, PATCH_FRAMES:] - sums[:, :-PATCH_FRAMES]) ** 2).sum(axis=0) / PATCH_FRAMES
    moving = energy > _STILL_DB**2 * N_BANDS * PATCH_FRAMES
    moving[windows:] = False
    return np.where(moving, 1 / np.sqrt(np.maximum(energy, 1e-9)), 0).astype(np.float32)


def _to_levels(bands: Array) -> Array:
    level = 10 * np.log10(bands.T + 1e-12)
    # Relative to a loud frame, not the loudest: one click would lift the floor over everything else.
    level = np.clip(level - np.percentile(level.max(axis=0), 95), -FLOOR_DB, 10.0)
    # Without the frame means two loops of one groove but other sounds would be near each other: of held-out produced
    # loops the nearest lay at .75, without them at .55, and the worst lossy copy only fell from .84 to .74.
    return np.clip(level - level.mean(axis=0), -CODE_RANGE_DB, CODE_RANGE_DB - 1 / STEPS_PER_DB)


def _levels(waveform: Array, n_frames: int, top_hz: float) -> Array:
    return _to_levels(power_frames(waveform, n_frames, filters=mel_filters(N_BANDS, top_hz)))


def _query(levels: Array, seconds: float, changes: Sequence[tuple[float, Sequence[int]]]) -> _Query:
    """Cut patches from a loop `(frames, shifts, bands)` as a circle, at each speed those of some of the shifts."""
    spectra: list[Array] = []
    begins: list[float] = []
    semitones: list[int] = []
    speeds: list[float] = []
    for speed, shifts in changes:
        patches, moving, starts = _patches(np.take(levels, shifts, axis=1), seconds, speed)
        spectrum = scipy.fft.rfft(patches, BLOCK_FRAMES, axis=1).transpose(1, 0, 2, 3)
        flat = spectrum.reshape(len(spectrum), -1, N_BANDS)
        spectra.append(flat if moving.all() else flat[:, moving])
        cuts = [(start, SEMITONES[shift]) for start in starts for shift in shifts]
        kept = [cut for cut, moves in zip(cuts, moving, strict=True) if moves]
        begins += [start for start, _ in kept]
        semitones += [shift for _, shift in kept]
        speeds += [float(speed)] * len(kept)
    joined = spectra[0] if len(spectra) == 1 else np.concatenate(spectra, axis=1)
    return _Query(spectra=np.conjugate(joined, out=joined), seconds=begins, semitones=semitones, speeds=speeds)


def _patches(levels: Array, seconds: float, speed: float) -> tuple[Array, Any, list[float]]:
    """Read levels `(frames, shifts, bands)` of a loop as if it ran at another speed.

    Returns unit patches `(n, PATCH_FRAMES, shifts, bands)`, which of n * shifts move at all, and where the n begin.
    """
    n_fine = len(levels)
    fine_rate = n_fine / seconds
    n_patches = max(1, round(seconds * speed / QUERY_SECONDS))
    starts = np.arange(n_patches) * n_fine / n_patches
    position = starts[:, None] + np.arange(PATCH_FRAMES) * (fine_rate / FRAME_RATE / speed)
    left = np.floor(position).astype(int)
    patches = levels[left % n_fine]
    rise = levels[(left + 1) % n_fine]
    rise -= patches
    rise *= (position - left).astype(np.float32)[:, :, None, None]
    patches += rise
    patches -= patches.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("npsb,npsb->ns", patches, patches))
    patches /= np.maximum(norms, 1e-9)[:, None, :, None]
    moving = norms.ravel() > _STILL_DB * np.sqrt(N_BANDS * PATCH_FRAMES)
    return patches, moving, (starts / fine_rate).tolist()
