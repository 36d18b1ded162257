"""Does a loop copy its training set? Loops go in; the nearest passage, where it is and how near, comes out.

A match is the correlation of 2 s of log-mel, band and frame means removed, at any offset in any training passage, after
transposing the loop by -2 to +2 semitones (with or without the change of speed that resampling brings) and after
bringing it to the passage's tempo. All offsets are tried at once by the correlation theorem, block by block
(overlap-save), at a quarter of the frames and half of the bands; what correlates best there is measured in full, and
more of it where that comes near a copy.
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
BLOCK_FRAMES = 256
QUERY_SECONDS = 1.0          # between the patches of a loop
_CODE = 2                    # what a byte means: 2 = quarter decibels with the frame means removed
_VALID = BLOCK_FRAMES - PATCH_FRAMES + 1
_FINE = 4                    # a loop is analysed four times finer, to be read at any speed
_COARSE = 4                  # frames in one of the first search
_COARSE_BANDS = N_BANDS // 2
_COARSE_PATCH = PATCH_FRAMES // _COARSE
_COARSE_BLOCK = BLOCK_FRAMES // _COARSE
_COARSE_OFFSETS = _COARSE_BLOCK - _COARSE_PATCH + 1
_PAIRS = 64                  # of a patch and a block, the best of the first search, are measured in full,
_MORE_PAIRS = 512            # more of them where one reaches _SUSPECT: the nearest may come late
_SUSPECT = 0.55
_OFFSETS = 3                 # of one pair, at most
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


@dataclass(frozen=True)
class _Cut:
    """Where 2 s are cut from a loop: begin in seconds, index of the transposition, pace over the loop's own."""

    begin: float
    shift: int
    speed: float


@dataclass(frozen=True)
class _Query:
    spectra: Array  # (bins, 2, n, 2 * bands) of coarse patches with band means removed and unit norm, see _correlate
    cuts: list[_Cut]  # where the n patches come from


@dataclass(frozen=True)
class _Pair:
    """What the first search found alike: a patch, cut from the loop so, and a block of the passages of one tempo."""

    cut: _Cut
    spectrum: Array  # (bins, 2, 2 * bands), the patch's
    blocks: _Blocks
    block: int


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
        pairs, nearest = self._pairs(_coarse_loop(levels), seconds, bpm), NO_MATCH
        for number in range(0, len(pairs), _PAIRS):
            if number and nearest.score < _SUSPECT:
                break
            match = self._measure(levels, seconds, pairs[number : number + _PAIRS])
            nearest = max(nearest, match, key=lambda match: match.score)
        return nearest

    def _pairs(self, coarse: Array, seconds: float, bpm: float) -> list[_Pair]:
        """Return what correlates best coarsely, the best first."""
        resampled = [(2 ** (shift / 12), (number,)) for number, shift in enumerate(SEMITONES) if shift]
        own = _query(coarse, seconds, [(1.0, _ALL_SHIFTS), *resampled])
        searched: dict[int, tuple[_Blocks, _Query]] = {}
        found = np.zeros((4, 0))  # score, number of what was searched, patch, block
        for group in self._groups:
            pace = bpm / group.bpm
            other_tempo = abs(np.log(pace)) > TEMPO_STEP / 2
            for query in [own, _query(coarse, seconds, [(pace, _ALL_SHIFTS)])] if other_tempo else [own]:
                floor = found[0, -1] if found.shape[1] == _MORE_PAIRS else -1.0
                scores, patches, blocks = group.correlate(query, floor)
                number = max(searched, default=-1) + 1
                searched[number] = group, query
                numbers = np.full(len(scores), number)
                found = np.concatenate([found, [scores, numbers, patches, blocks]], axis=1)
                found = found[:, np.argsort(-found[0], kind="stable")[:_MORE_PAIRS]]
                searched = {kept: searched[kept] for kept in np.unique(found[1]).astype(int)}
        pairs = []
        for number, patch, block in found[1:].T.astype(int):
            group, query = searched[number]
            pairs.append(_Pair(query.cuts[patch], query.spectra[:, :, patch], group, int(block)))
        return pairs

    def _measure(self, levels: Array, seconds: float, pairs: Sequence[_Pair]) -> CopyMatch:
        """Correlate pairs in full, at every offset that the coarse ones may stand for, and return the nearest."""
        places = [(pair.cut, *place) for pair in pairs for place in pair.blocks.places(pair)]
        if not places:
            return NO_MATCH
        patch_of = {pair.cut: _patch(levels[:, pair.cut.shift], seconds, pair.cut) for pair in pairs}
        patches = np.stack([patch_of[cut] for cut, _, _ in places])
        coded = np.zeros((len(places), N_BANDS, PATCH_FRAMES + 2 * _COARSE), np.uint8)
        last = np.zeros(len(places), int)  # the last offset at which a patch fits into its passage
        for number, (_, passage, frame) in enumerate(places):
            stretch = self._frames[passage][:, max(0, frame - _COARSE) : frame + _COARSE + PATCH_FRAMES]
            coded[number, :, : stretch.shape[1]] = stretch
            last[number] = stretch.shape[1] - PATCH_FRAMES
        scores = _scores_in_full(coded, last, patches)
        best, offset = np.unravel_index(scores.argmax(), scores.shape)
        cut, passage, frame = places[best]
        return CopyMatch(
            score=float(scores[best, offset]), track=self._names[passage],
            seconds=float(self._starts[passage] + (max(0, frame - _COARSE) + offset) / FRAME_RATE),
            semitones=SEMITONES[cut.shift], speed=cut.speed, loop_seconds=cut.begin,
        )  # fmt: skip

    def _transposed(self, heard: Array) -> Array:
        """Return levels float32 `(frames, len(SEMITONES), bands)`: a frame at any speed is one row to read."""
        n_frames = max(_FINE, round(len(heard) / ANALYSIS_RATE * FRAME_RATE * _FINE))
        power = power_frames(heard, n_frames)
        banks = [mel_filters(N_BANDS, self._top_hz, shift=2 ** (shift / 12)) for shift in SEMITONES]
        return np.stack([_to_levels(power @ filters.T).T for filters in banks], axis=1).astype(np.float32)


class _Blocks:
    """The passages of one tempo: spectra `(bins, 2 * bands, blocks)` and 1 / window norms `(offsets, 1, blocks)`."""

    def __init__(self, members: Sequence[int], frames: Sequence[Array], bpm: float) -> None:
        self.bpm = bpm
        self._places: list[tuple[int, int]] = []
        levels = []
        for member, coded in zip(members, frames, strict=True):
            for first in range(0, coded.shape[1] - PATCH_FRAMES + 1, _VALID):
                levels.append(_coarse_passage(coded[:, first : first + BLOCK_FRAMES]))
                self._places.append((member, first))
        lengths = np.array([level.shape[1] for level in levels])
        blocks = np.zeros((len(levels), _COARSE_BANDS, _COARSE_BLOCK), np.float32)
        for block, level in zip(blocks, levels, strict=True):
            block[:, : level.shape[1]] = level - level.mean(axis=1, keepdims=True)
        spectra = scipy.fft.rfft(blocks, axis=2)
        self._spectra = np.concatenate([spectra.real, spectra.imag], axis=1).transpose(2, 1, 0).copy()
        self._inverse = _inverse_norms(blocks, lengths - _COARSE_PATCH + 1).T[:, None, :]

    def correlate(self, query: _Query, floor: float) -> tuple[Array, Array, Array]:
        """Find the patches and blocks `(n,)` that correlate best, coarsely, and better than `floor`; scores first."""
        found = [np.zeros((3, 0))]
        for chunk in _chunks(len(query.cuts), max(1, 12_000 // len(self._places))):
            correlation = _correlate(query.spectra[:, :, chunk], self._spectra)
            correlation *= self._inverse
            by_block = correlation.max(axis=0)
            patches, blocks = np.nonzero(by_block > floor)
            scores = by_block[patches, blocks]
            best = np.argsort(-scores, kind="stable")[:_MORE_PAIRS]
            found.append(np.stack([scores[best], patches[best] + chunk.start, blocks[best]]))
        scores, patches, blocks = np.concatenate(found, axis=1)
        return scores, patches, blocks

    def places(self, pair: _Pair) -> list[tuple[int, int]]:
        """Return where the patch of a pair may lie, at most `_OFFSETS` times: a passage and the frame in it.

        What repeats fits at several offsets, and the coarse best need not be the best.
        """
        passage, first = self._places[pair.block]
        spectrum = self._spectra[:, :, pair.block : pair.block + 1]
        correlation = _correlate(pair.spectrum[:, :, None], spectrum)[:, 0, 0] * self._inverse[:, 0, pair.block]
        return [(passage, first + _COARSE * int(peak)) for peak in _highest_peaks(correlation) if correlation[peak] > 0]


def _correlate(patches: Array, blocks: Array) -> Array:
    """Correlate patches `(bins, 2, n, 2 * bands)` with blocks `(bins, 2 * bands, m)`: `(offsets, n, m)`.

    Blocks are real and imaginary parts, band by band; of patches there are two rows each, whose products with them are
    the real and the imaginary part of the correlation's spectrum. In real numbers the inverse transform, too, is a
    matrix product, at this length several times faster than an FFT.
    """
    bins, _, n, bands = patches.shape
    product = np.matmul(patches.reshape(bins, -1, bands), blocks)
    return (_TO_OFFSETS @ product.reshape(2 * bins, -1)).reshape(-1, n, blocks.shape[2])


def _inverse_transform() -> Array:
    """Return the matrix `(offsets, 2 * bins)` from real and imaginary parts in turn to the offsets that do not wrap."""
    basis = scipy.fft.irfft(np.eye(_COARSE_BLOCK // 2 + 1), _COARSE_BLOCK, axis=0)
    turned = scipy.fft.irfft(1j * np.eye(_COARSE_BLOCK // 2 + 1), _COARSE_BLOCK, axis=0)
    return np.stack([basis, turned], axis=2).reshape(_COARSE_BLOCK, -1)[:_COARSE_OFFSETS].astype(np.float32)


_TO_OFFSETS = _inverse_transform()


def _scores_in_full(coded: np.ndarray, last: np.ndarray, patches: Array) -> Array:
    """Correlate bytes `(n, bands, frames)` with patches `(n, PATCH_FRAMES, bands)`: `(n, offsets)`, 0 past `last`."""
    whole = coded.astype(np.int32)
    sums = np.cumsum(np.pad([whole, whole**2], ((0, 0), (0, 0), (0, 0), (1, 0))), axis=3)
    total, squares = sums[..., PATCH_FRAMES:] - sums[..., :-PATCH_FRAMES]
    energy = np.maximum(squares - total.astype(np.float64) ** 2 / PATCH_FRAMES, 0).sum(axis=1)
    norms = np.sqrt(energy) / STEPS_PER_DB
    windows = np.lib.stride_tricks.sliding_window_view(coded.astype(np.float32), PATCH_FRAMES, axis=2)
    products = np.einsum("nbop,npb->no", windows, patches) / STEPS_PER_DB  # band means are out of the patches
    moving = norms > _STILL_DB * np.sqrt(N_BANDS * PATCH_FRAMES)
    moving &= np.arange(norms.shape[1]) <= last[:, None]
    return np.where(moving, products / np.maximum(norms, 1e-9), 0)


def _highest_peaks(values: Array) -> Any:
    """Return where the highest local maxima are, at most `_OFFSETS`."""
    rises = values[1:] >= values[:-1]
    peaks = np.flatnonzero(np.append(True, rises) & np.append(~rises | (values[1:] == values[:-1]), True))
    return peaks[np.argsort(-values[peaks])[:_OFFSETS]]


def _chunks(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(total, start + size))


def _coarse_passage(coded: Array) -> Array:
    """Average coded levels `(bands, frames)` to coarse bands and frames, in dB."""
    frames = coded.shape[1] // _COARSE
    groups = coded[:, : frames * _COARSE].astype(np.float32).reshape(_COARSE_BANDS, -1, frames, _COARSE)
    return groups.mean(axis=(1, 3)) / STEPS_PER_DB


def _coarse_loop(levels: Array) -> Array:
    """Average levels `(frames, shifts, bands)` of a loop to coarse bands, each frame over one coarse frame ahead."""
    width = _COARSE * _FINE
    paired = levels.reshape(*levels.shape[:2], _COARSE_BANDS, -1).mean(axis=3)
    around = np.concatenate([np.zeros_like(paired[:1]), paired, np.resize(paired, (width, *paired.shape[1:]))])
    total = np.cumsum(around, axis=0, dtype=np.float64)
    return ((total[width:] - total[:-width])[: len(levels)] / width).astype(np.float32)


def _inverse_norms(blocks: Array, windows: Array) -> Array:
    """Compute 1 / norm of every coarse patch-long window of blocks `(n, bands, frames)`, band means removed.

    Returns `(n, offsets)`; 0 from `windows` `(n,)` on, which is past a block's end, and where all is still.
    """
    sums = np.cumsum(np.pad(blocks, ((0, 0), (0, 0), (1, 0))), axis=2, dtype=np.float64)
    squares = np.cumsum(np.pad((blocks**2).sum(axis=1), ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    energy = squares[:, _COARSE_PATCH:] - squares[:, :-_COARSE_PATCH]
    energy -= ((sums[..., _COARSE_PATCH:] - sums[..., :-_COARSE_PATCH]) ** 2).sum(axis=1) / _COARSE_PATCH
    moving = energy > (_STILL_DB / 2) ** 2 * _COARSE_BANDS * _COARSE_PATCH
    moving &= np.arange(energy.shape[1]) < windows[:, None]
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


def _query(coarse: Array, seconds: float, changes: Sequence[tuple[float, Sequence[int]]]) -> _Query:
    """Cut patches from a coarse loop `(frames, shifts, bands)`, at each speed those of some of the shifts."""
    spectra: list[Array] = []
    cuts: list[_Cut] = []
    for speed, shifts in changes:
        n_patches = max(1, round(seconds * speed / QUERY_SECONDS))
        begins = np.arange(n_patches) * seconds / n_patches
        patches = _read(np.take(coarse, shifts, axis=1), seconds, begins, speed, _COARSE_PATCH, _COARSE)
        patches -= patches.mean(axis=1, keepdims=True)
        norms = np.sqrt(np.einsum("npsb,npsb->ns", patches, patches))
        patches /= np.maximum(norms, 1e-9)[:, None, :, None]
        moving = norms.ravel() > _STILL_DB / 2 * np.sqrt(_COARSE_BANDS * _COARSE_PATCH)
        spectrum = scipy.fft.rfft(patches, _COARSE_BLOCK, axis=1).transpose(1, 0, 2, 3)
        spectra.append(spectrum.reshape(len(spectrum), -1, _COARSE_BANDS)[:, moving])
        of_all = (_Cut(float(begin), int(shift), float(speed)) for begin in begins for shift in shifts)
        cuts += [cut for cut, moves in zip(of_all, moving, strict=True) if moves]
    joined = np.concatenate(spectra, axis=1)
    real, imaginary = joined.real, joined.imag  # of the conjugate: times a block's, real * r + imaginary * i and so on
    rows = [np.concatenate([real, imaginary], axis=2), np.concatenate([-imaginary, real], axis=2)]
    return _Query(np.stack(rows, axis=1), cuts)


def _patch(levels: Array, seconds: float, cut: _Cut) -> Array:
    """Read one patch `(PATCH_FRAMES, bands)` of a loop in full, band means removed and of unit norm; 0 if still."""
    patch = _read(levels, seconds, np.array([cut.begin]), cut.speed, PATCH_FRAMES, 1)[0]
    patch -= patch.mean(axis=0)
    norm = float(np.linalg.norm(patch))
    return patch / norm if norm > _STILL_DB * np.sqrt(patch.size) else np.zeros_like(patch)


def _read(levels: Array, seconds: float, begins: Array, speed: float, frames: int, hop: int) -> Array:
    """Read a closed loop's levels `(fine frames, ...)` as if it ran at another speed: `(begins, frames, ...)`."""
    n_fine = len(levels)
    fine_rate = n_fine / seconds
    position = (begins * fine_rate)[:, None] + np.arange(frames) * (hop * fine_rate / FRAME_RATE / speed)
    left = np.floor(position).astype(int)
    read = levels[left % n_fine]
    rise = levels[(left + 1) % n_fine]
    rise -= read
    rise *= (position - left).astype(np.float32).reshape(*position.shape, *[1] * (levels.ndim - 1))
    read += rise
    return read
