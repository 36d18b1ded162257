"""The first search for copies: what of a loop is like what of the training set, roughly.

Patches of a loop, transposed and at other speeds, are correlated with blocks of the passages at all offsets at once by
the correlation theorem (overlap-save), at a quarter of the frames and half of the bands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fourfloor.signal.analysis import Array
from fourfloor.signal.stft import fft

FRAME_RATE = 43.0
PATCH_FRAMES = 86  # 2 s
N_BANDS = 32
STEPS_PER_DB = 4  # passages are kept as bytes, a quarter of a decibel each
SEMITONES = (-2, -1, 0, 1, 2)
TEMPO_STEP = 0.01  # passages within 1 % share a tempo: 10 ms over half a patch, less than half a frame
BLOCK_FRAMES = 256
QUERY_SECONDS = 1.0  # between the patches of a loop
MAX_PAIRS = 512  # of a patch and a block, the best ones, are found
FINE = 4  # a loop is analyzed four times finer, to be read at any speed
COARSE = 4  # frames in one of this search
STILL_DB = 1.0  # a patch that moves less than this has nothing to recognize
_VALID = BLOCK_FRAMES - PATCH_FRAMES + 1
_BANDS = N_BANDS // 2
_PATCH = PATCH_FRAMES // COARSE
_BLOCK = BLOCK_FRAMES // COARSE
_OFFSETS = _BLOCK - _PATCH + 1
_PLACES = 3  # of one pair, at most
_ALL_SHIFTS = tuple(range(len(SEMITONES)))


@dataclass(frozen=True)
class Cut:
    """Where 2 s are cut from a loop: begin in seconds, index of the transposition, pace over the loop's own."""

    begin: float
    shift: int
    speed: float


@dataclass(frozen=True)
class Query:
    """Coarse patches of a loop."""

    spectra: Array  # (bins, 2, n, 2 * bands), band means removed and of unit norm, see _correlate
    cuts: list[Cut]  # where the n patches come from


@dataclass(frozen=True)
class Pair:
    """What is alike: a patch, cut from the loop so, and a block of the passages of one tempo."""

    cut: Cut
    spectrum: Array  # (bins, 2, 2 * bands), the patch's
    blocks: Blocks
    block: int


class Blocks:
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
        blocks = np.zeros((len(levels), _BANDS, _BLOCK), np.float32)
        for block, level in zip(blocks, levels, strict=True):
            block[:, : level.shape[1]] = level - level.mean(axis=1, keepdims=True)
        spectra = fft.rfft(blocks, axis=2)
        self._spectra = np.concatenate([spectra.real, spectra.imag], axis=1).transpose(2, 1, 0).copy()
        self._inverse = _inverse_norms(blocks, lengths - _PATCH + 1).T[:, None, :]
        self.moves = bool(self._inverse.any())

    def correlate(self, query: Query, floor: float) -> tuple[Array, Array, Array]:
        """Find the patches and blocks `(n,)` that correlate best, coarsely, and better than `floor`; scores first."""
        found = [np.zeros((3, 0))]
        for chunk in _chunks(len(query.cuts), max(1, 12_000 // len(self._places))):
            correlation = _correlate(query.spectra[:, :, chunk], self._spectra)
            correlation *= self._inverse
            by_block = correlation.max(axis=0)
            patches, blocks = np.nonzero(by_block > floor)
            scores = by_block[patches, blocks]
            best = np.argsort(-scores, kind="stable")[:MAX_PAIRS]
            found.append(np.stack([scores[best], patches[best] + chunk.start, blocks[best]]))
        scores, patches, blocks = np.concatenate(found, axis=1)
        return scores, patches, blocks

    def places(self, pair: Pair) -> list[tuple[int, int]]:
        """Return where the patch of a pair may lie, at most `_PLACES` times: a passage and the frame in it.

        What repeats fits at several offsets, and the coarse best need not be the best.
        """
        passage, first = self._places[pair.block]
        spectrum = self._spectra[:, :, pair.block : pair.block + 1]
        correlation = _correlate(pair.spectrum[:, :, None], spectrum)[:, 0, 0] * self._inverse[:, 0, pair.block]
        return [(passage, first + COARSE * int(peak)) for peak in _highest_peaks(correlation) if correlation[peak] > 0]


def best_pairs(groups: Sequence[Blocks], levels: Array, seconds: float, bpm: float) -> list[Pair]:
    """Return the patches and blocks, at most `MAX_PAIRS`, that correlate best, the best first.

    `levels` `(fine frames, shifts, bands)` are a loop's of `seconds` at `bpm`, transposed by each of `SEMITONES`.
    """
    coarse = _coarse_loop(levels)
    resampled = [(2 ** (shift / 12), (number,)) for number, shift in enumerate(SEMITONES) if shift]
    own = _query(coarse, seconds, [(1.0, _ALL_SHIFTS), *resampled])
    searched: dict[int, tuple[Blocks, Query]] = {}
    found = np.zeros((4, 0))  # score, number of what was searched, patch, block
    for group in groups:
        pace = bpm / group.bpm
        other_tempo = abs(np.log(pace)) > TEMPO_STEP / 2
        for query in [own, _query(coarse, seconds, [(pace, _ALL_SHIFTS)])] if other_tempo else [own]:
            floor = found[0, -1] if found.shape[1] == MAX_PAIRS else -1.0
            scores, patches, blocks = group.correlate(query, floor)
            number = max(searched, default=-1) + 1
            searched[number] = group, query
            numbers = np.full(len(scores), number)
            found = np.concatenate([found, [scores, numbers, patches, blocks]], axis=1)
            found = found[:, np.argsort(-found[0], kind="stable")[:MAX_PAIRS]]
            searched = {kept: searched[kept] for kept in np.unique(found[1]).astype(int)}
    pairs = []
    for number, patch, block in found[1:].T.astype(int):
        group, query = searched[number]
        pairs.append(Pair(query.cuts[patch], query.spectra[:, :, patch], group, int(block)))
    return pairs


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
    basis = fft.irfft(np.eye(_BLOCK // 2 + 1), _BLOCK, axis=0)
    turned = fft.irfft(1j * np.eye(_BLOCK // 2 + 1), _BLOCK, axis=0)
    return np.stack([basis, turned], axis=2).reshape(_BLOCK, -1)[:_OFFSETS].astype(np.float32)


_TO_OFFSETS = _inverse_transform()


def _highest_peaks(values: Array) -> Any:
    """Return where the highest local maxima are, at most `_PLACES`."""
    rises = values[1:] >= values[:-1]
    peaks = np.flatnonzero(np.append(True, rises) & np.append(~rises | (values[1:] == values[:-1]), True))
    return peaks[np.argsort(-values[peaks])[:_PLACES]]


def _chunks(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(total, start + size))


def _coarse_passage(coded: Array) -> Array:
    """Average coded levels `(bands, frames)` to coarse bands and frames, in dB."""
    frames = coded.shape[1] // COARSE
    groups = coded[:, : frames * COARSE].astype(np.float32).reshape(_BANDS, -1, frames, COARSE)
    return groups.mean(axis=(1, 3)) / STEPS_PER_DB


def _coarse_loop(levels: Array) -> Array:
    """Average levels `(frames, shifts, bands)` of a loop to coarse bands, each frame over one coarse frame ahead."""
    width = COARSE * FINE
    paired = levels.reshape(*levels.shape[:2], _BANDS, -1).mean(axis=3)
    around = np.concatenate([np.zeros_like(paired[:1]), paired, np.resize(paired, (width, *paired.shape[1:]))])
    total = np.cumsum(around, axis=0, dtype=np.float64)
    return ((total[width:] - total[:-width])[: len(levels)] / width).astype(np.float32)


def _inverse_norms(blocks: Array, windows: Array) -> Array:
    """Compute 1 / norm of every coarse patch-long window of blocks `(n, bands, frames)`, band means removed.

    Returns `(n, offsets)`; 0 from `windows` `(n,)` on, which is past a block's end, and where all is still.
    """
    sums = np.cumsum(np.pad(blocks, ((0, 0), (0, 0), (1, 0))), axis=2, dtype=np.float64)
    squares = np.cumsum(np.pad((blocks**2).sum(axis=1), ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    energy = squares[:, _PATCH:] - squares[:, :-_PATCH]
    energy -= ((sums[..., _PATCH:] - sums[..., :-_PATCH]) ** 2).sum(axis=1) / _PATCH
    moving = energy > (STILL_DB / 2) ** 2 * _BANDS * _PATCH
    moving &= np.arange(energy.shape[1]) < windows[:, None]
    return np.where(moving, 1 / np.sqrt(np.maximum(energy, 1e-9)), 0).astype(np.float32)


def _query(coarse: Array, seconds: float, changes: Sequence[tuple[float, Sequence[int]]]) -> Query:
    """Cut patches from a coarse loop `(frames, shifts, bands)`, at each speed those of some of the shifts."""
    spectra: list[Array] = []
    cuts: list[Cut] = []
    for speed, shifts in changes:
        n_patches = max(1, round(seconds * speed / QUERY_SECONDS))
        begins = np.arange(n_patches) * seconds / n_patches
        patches = _read(np.take(coarse, shifts, axis=1), seconds, begins, speed, _PATCH, COARSE)
        patches -= patches.mean(axis=1, keepdims=True)
        norms = np.sqrt(np.einsum("npsb,npsb->ns", patches, patches))
        patches /= np.maximum(norms, 1e-9)[:, None, :, None]
        moving = norms.ravel() > STILL_DB / 2 * np.sqrt(_BANDS * _PATCH)
        spectrum = fft.rfft(patches, _BLOCK, axis=1).transpose(1, 0, 2, 3)
        spectra.append(spectrum.reshape(len(spectrum), -1, _BANDS)[:, moving])
        of_all = (Cut(float(begin), int(shift), float(speed)) for begin in begins for shift in shifts)
        cuts += [cut for cut, moves in zip(of_all, moving, strict=True) if moves]
    joined = np.concatenate(spectra, axis=1)
    real, imaginary = joined.real, joined.imag  # of the conjugate: times a block's, real * r + imaginary * i and so on
    rows = [np.concatenate([real, imaginary], axis=2), np.concatenate([-imaginary, real], axis=2)]
    return Query(np.stack(rows, axis=1), cuts)


def read_patch(levels: Array, seconds: float, cut: Cut) -> Array:
    """Read one patch `(PATCH_FRAMES, bands)` of a loop in full, band means removed and of unit norm; 0 if still."""
    patch = _read(levels, seconds, np.array([cut.begin]), cut.speed, PATCH_FRAMES, 1)[0]
    patch -= patch.mean(axis=0)
    norm = float(np.linalg.norm(patch))
    return patch / norm if norm > STILL_DB * np.sqrt(patch.size) else np.zeros_like(patch)


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
