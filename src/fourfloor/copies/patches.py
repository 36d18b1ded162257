"""The loop's side of a copy search: its levels, transposed, and the patches of 2 s that are cut from them."""

from __future__ import annotations

import numpy as np

from fourfloor.signal.analysis import ANALYSIS_RATE, Array, mel_filters, power_frames

FRAME_RATE = 43.0
PATCH_FRAMES = 86  # 2 s
N_BANDS = 32
SEMITONES = (-2, -1, 0, 1, 2)
FLOOR_DB = 50.0
CODE_RANGE_DB = 32.0
STEPS_PER_DB = 4  # passages are kept as bytes, a quarter of a decibel each
STILL_DB = 1.0  # a patch that moves less than this has nothing to recognize
FINE = 4  # a loop is analyzed four times finer, to be read at any speed
COARSE = 4  # frames in one of the first search,
COARSE_BANDS = N_BANDS // 2
COARSE_FRAMES = PATCH_FRAMES // COARSE


class LoopLevels:
    """A closed loop `(samples,)` at the analysis rate: levels `(fine frames, len(SEMITONES), bands)`, and coarse ones.

    A frame at any speed and transposition is one row to read.
    """

    def __init__(self, samples: Array, top_hz: float) -> None:
        self.seconds = len(samples) / ANALYSIS_RATE
        n_frames = max(FINE, round(self.seconds * FRAME_RATE * FINE))
        banks = [mel_filters(N_BANDS, top_hz, shift=2 ** (shift / 12)) for shift in SEMITONES]
        bands = power_frames(samples, n_frames, filters=np.concatenate(banks))
        levels = [to_levels(each).T for each in np.split(bands, len(SEMITONES), axis=1)]
        self._full = np.stack(levels, axis=1).astype(np.float32)
        self._coarse = _coarse(self._full)

    def coarse_patches(self, begins: Array, speeds: Array, shifts: Array | None = None) -> Array:
        """Return coarse patches `(n, COARSE_FRAMES * COARSE_BANDS)` in `shifts` `(n,)`, or `(n, shifts, ...)` in all.

        Band means are removed; the norm of each is 1, or 0 where it is nearly still.
        """
        patches = _read(self._coarse, self.seconds, begins, speeds, COARSE_FRAMES, COARSE, shifts)
        patches -= patches.mean(axis=1, keepdims=True)
        if shifts is None:
            patches = patches.swapaxes(1, 2)
        patches = np.ascontiguousarray(patches).reshape(*patches.shape[:-2], -1)
        norms = np.sqrt(np.einsum("...i,...i->...", patches, patches))
        moving = norms > STILL_DB / 2 * np.sqrt(patches.shape[-1])
        patches *= np.where(moving, 1 / np.maximum(norms, 1e-9), 0)[..., None].astype(np.float32)
        return patches

    def patches(self, begins: Array, speeds: Array, shifts: Array) -> Array:
        """Return patches in full, in all of SEMITONES: `(n, SEMITONES, N_BANDS * PATCH_FRAMES)`.

        Band means are removed; the norm of each is 1, or 0 where it is nearly still, and in others than `shifts` >= 0.
        """
        read = _read(self._full, self.seconds, begins, speeds, PATCH_FRAMES, 1, None)
        read -= read.mean(axis=1, keepdims=True)
        patches = np.ascontiguousarray(read.transpose(0, 2, 3, 1)).reshape(len(begins), len(SEMITONES), -1)
        norms = np.sqrt(np.einsum("nsi,nsi->ns", patches, patches))
        wanted = (shifts[:, None] < 0) | (np.arange(len(SEMITONES)) == shifts[:, None])
        used = (norms > STILL_DB * np.sqrt(patches.shape[2])) & wanted
        patches *= np.where(used, 1 / np.maximum(norms, 1e-9), 0)[..., None].astype(np.float32)
        return patches


def _read(
    levels: Array, seconds: float, begins: Array, speeds: Array, frames: int, hop: int, shifts: Array | None
) -> Array:
    """Read levels `(fine frames, shifts, bands)` of a closed loop as if it ran at other speeds.

    Returns `(begins, frames, bands)` in one shift each, or `(begins, frames, shifts, bands)`.
    """
    n_fine = len(levels)
    fine_rate = n_fine / seconds
    step = hop * fine_rate / FRAME_RATE / speeds
    position = (begins * fine_rate)[:, None] + np.arange(frames) * step[:, None]
    left = np.floor(position).astype(int)
    share = (position - left).astype(np.float32)[..., None]
    ends = (left % n_fine, (left + 1) % n_fine)
    read, rise = (levels[at] if shifts is None else levels[at, shifts[:, None]] for at in ends)
    rise -= read
    rise *= share[..., None] if shifts is None else share
    read += rise
    return read


def passage_levels(samples: Array, top_hz: float) -> np.ndarray:
    """Return levels uint8 `(N_BANDS, frames)`, in quarter decibels, of a passage `(samples,)` at the analysis rate."""
    n_frames = max(1, round(len(samples) / ANALYSIS_RATE * FRAME_RATE))
    levels = to_levels(power_frames(samples, n_frames, filters=mel_filters(N_BANDS, top_hz)))
    return np.round((levels + CODE_RANGE_DB) * STEPS_PER_DB).astype(np.uint8)


def to_levels(bands: Array) -> Array:
    """Turn band powers `(frames, bands)` into dB around each frame's mean `(bands, frames)`, within CODE_RANGE_DB."""
    level = 10 * np.log10(bands.T + 1e-12)
    # Relative to a loud frame, not the loudest: one click would lift the floor over everything else.
    level = np.clip(level - np.percentile(level.max(axis=0), 95), -FLOOR_DB, 10.0)
    # Without the frame means two loops of one groove but other sounds would be near each other: of held-out produced
    # loops the nearest lay at .75, without them at .55, and the worst lossy copy only fell from .84 to .74.
    return np.clip(level - level.mean(axis=0), -CODE_RANGE_DB, CODE_RANGE_DB - 1 / STEPS_PER_DB)


def _coarse(levels: Array) -> Array:
    """Average levels `(frames, shifts, bands)` of a loop to coarse bands, each frame over one coarse frame ahead."""
    width = COARSE * FINE
    paired = levels.reshape(*levels.shape[:2], COARSE_BANDS, -1).mean(axis=3)
    around = np.concatenate([np.zeros_like(paired[:1]), paired, np.resize(paired, (width, *paired.shape[1:]))])
    total = np.cumsum(around, axis=0, dtype=np.float64)
    return ((total[width:] - total[:-width])[: len(levels)] / width).astype(np.float32)
