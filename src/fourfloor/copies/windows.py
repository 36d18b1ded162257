"""What the first search looks at: the coarse levels of all passages, in codes, and the windows that are cut from them.

A window is 2 s of a passage at a quarter of the frames and half of the bands, in steps of 3.5 dB: two codes a byte. One
begins at every coarse frame.
"""

from __future__ import annotations

import numpy as np

from fourfloor.copies.patches import COARSE, COARSE_BANDS, COARSE_FRAMES, PATCH_FRAMES, STEPS_PER_DB, STILL_DB
from fourfloor.errors import FourfloorError

STEP, LOWEST = 14, 24  # of a code, in the quarter decibels of the levels
SPACING = 10.75  # coarse frames, one second, between the windows that are looked up
_STILL = STILL_DB / 2 * STEPS_PER_DB / STEP * np.sqrt(COARSE_FRAMES * COARSE_BANDS)
_CODES = np.stack([np.arange(256) & 15, np.arange(256) >> 4], axis=1).astype(np.float32)


class Windows:
    """The windows of passages of `lengths` frames, some `closed` on themselves, from their codes `(windows, 8)`."""

    def __init__(self, codes: np.ndarray, lengths: np.ndarray, closed: np.ndarray) -> None:
        self.codes, self.lengths, self.closed = codes, lengths, closed
        self.hops = hops(lengths)
        self.firsts = np.concatenate([[0], np.cumsum(self.hops)])
        if codes.shape != (self.firsts[-1], COARSE_BANDS // 2) or codes.dtype != np.uint8:
            raise FourfloorError("its coarse levels do not fit its passages")

    def __len__(self) -> int:
        return len(self.codes)

    def passages(self, windows: np.ndarray) -> np.ndarray:
        """Return the passage of each window."""
        return np.searchsorted(self.firsts, windows, side="right") - 1

    def begins(self, windows: np.ndarray) -> np.ndarray:
        """Return the frame of its passage at which each window begins."""
        passage = self.passages(windows)
        offset = windows - self.firsts[passage]
        return np.round(offset * self.lengths[passage] / self.hops[passage]).astype(int)

    def levels(self, passage: int, first: int, last: int) -> np.ndarray:
        """Return levels uint8 `(N_BANDS, last - first)`, near those of these frames, as the coarse codes tell them."""
        n_hops, n_frames = int(self.hops[passage]), int(self.lengths[passage])
        hops = np.arange(first * n_hops // n_frames, min(n_hops, last * n_hops // n_frames + 1))
        borders = np.clip(np.round(np.append(hops, hops[-1] + 1) * n_frames / n_hops), first, last).astype(int)
        codes = self.codes[self.firsts[passage] + hops]
        steps = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(hops), COARSE_BANDS)
        levels = steps * np.uint8(STEP) + np.uint8(LOWEST + STEP // 2)
        return np.repeat(np.repeat(levels.T, np.diff(borders), axis=1), 2, axis=0)

    def patches(self, windows: np.ndarray) -> np.ndarray:
        """Return windows as coarse patches float32 `(n, COARSE_FRAMES * COARSE_BANDS)`, of unit norm; 0 if still.

        Band means are removed.
        """
        passage = self.passages(windows)
        first = self.firsts[passage]
        offsets = (windows - first)[:, None] + np.arange(COARSE_FRAMES)
        rows = first[:, None] + offsets % self.hops[passage][:, None]
        patches = _CODES[self.codes[rows]].reshape(len(windows), COARSE_FRAMES, COARSE_BANDS)
        patches -= patches.mean(axis=1, keepdims=True)
        patches = patches.reshape(len(windows), -1)
        norms = np.sqrt(np.einsum("ni,ni->n", patches, patches))
        return patches * self._inverse(norms, windows)[:, None]

    def spaced(self) -> np.ndarray:
        """Return one window a second or so of each passage; an open one has none that goes on behind its end."""
        ends = np.where(self.closed, self.hops, np.maximum(1, self.hops - COARSE_FRAMES))
        counts = np.maximum(1, np.round(ends / SPACING)).astype(np.int64)
        passage = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(passage)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.firsts[passage] + np.round(number * ends[passage] / counts[passage]).astype(np.int64)

    def _inverse(self, norms: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """Return 1 / norm of windows, float32; 0 where one is still, or goes on where its passage does not."""
        passage = self.passages(windows)
        whole = self.closed[passage] | (self.begins(windows) + PATCH_FRAMES <= self.lengths[passage])
        return np.where(whole & (norms > _STILL), 1 / np.maximum(norms, 1e-9), 0).astype(np.float32)


def hops(lengths: np.ndarray) -> np.ndarray:
    """Return the number of coarse frames of passages of so many frames: they fill a passage evenly."""
    return np.maximum(1, np.round(lengths / COARSE)).astype(np.int64)


def encode(frames: np.ndarray) -> np.ndarray:
    """Average levels uint8 `(N_BANDS, frames)` to codes of coarse frames, uint8 `(hops, COARSE_BANDS // 2)`."""
    n_frames = frames.shape[1]
    n_hops = int(hops(np.array(n_frames)))
    borders = np.round(np.arange(n_hops + 1) * n_frames / n_hops).astype(int)
    sums = np.add.reduceat(frames, borders[:-1], axis=1, dtype=np.float64).reshape(COARSE_BANDS, 2, -1).sum(axis=1)
    means = sums / (2 * np.diff(borders))
    codes = np.clip((means - LOWEST) // STEP, 0, 15).astype(np.uint8)
    return np.ascontiguousarray((codes[::2] | codes[1::2] << 4).T)
