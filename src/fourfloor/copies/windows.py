"""What the first search looks at: the coarse levels of all passages, in codes, and the windows that are cut from them.

A window is 2 s of a passage at a quarter of the frames and half of the bands, in steps of 3.5 dB: two codes a byte. One
begins at every coarse frame. Its outline is the slow and smooth part of it: few numbers, which a loop is compared with.
"""

from __future__ import annotations

import numpy as np

from fourfloor.copies.patches import COARSE, COARSE_BANDS, COARSE_FRAMES, PATCH_FRAMES, STEPS_PER_DB, STILL_DB
from fourfloor.errors import FourfloorError

STEP, LOWEST = 14, 24  # of a code, in the quarter decibels of the levels
TIMES, PITCHES = 10, 4  # cosines over a window: movements up to 2.6 Hz in four colors
OUTLINE_STEP = 1 / 254  # of kept outlines: all but a few of the numbers in them are below 0.5
_STILL = STILL_DB / 2 * STEPS_PER_DB / STEP * np.sqrt(COARSE_FRAMES * COARSE_BANDS)
_CODES = np.stack([np.arange(256) & 15, np.arange(256) >> 4], axis=1).astype(np.float32)
_AT_ONCE = 64  # passages whose outlines are made together: what they take fits a processor's cache


class Windows:
    """The windows of passages of `lengths` frames, some `closed` on themselves, from their codes `(windows, 8)`."""

    def __init__(self, codes: np.ndarray, lengths: np.ndarray, closed: np.ndarray) -> None:
        self.codes, self.lengths, self._closed = codes, lengths, closed
        self._hops = hops(lengths)
        self.firsts = np.concatenate([[0], np.cumsum(self._hops)])
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
        return np.round(offset * self.lengths[passage] / self._hops[passage]).astype(int)

    def levels(self, passage: int, first: int, last: int) -> np.ndarray:
        """Return levels uint8 `(N_BANDS, last - first)`, near those of these frames, as the coarse codes tell them."""
        n_hops, n_frames = int(self._hops[passage]), int(self.lengths[passage])
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
        rows = first[:, None] + offsets % self._hops[passage][:, None]
        patches = _CODES[self.codes[rows]].reshape(len(windows), COARSE_FRAMES, COARSE_BANDS)
        patches -= patches.mean(axis=1, keepdims=True)
        patches = patches.reshape(len(windows), -1)
        norms = np.sqrt(np.einsum("ni,ni->n", patches, patches))
        return patches * self._inverse(norms, windows)[:, None]

    def outlines(self) -> np.ndarray:
        """Return the outline of every window, int8 `(windows, PITCHES * TIMES)` in steps of `OUTLINE_STEP`."""
        outlines = np.empty((len(self), PITCHES * TIMES), np.int8)
        for begin in range(0, len(self.lengths), _AT_ONCE):
            passages = np.arange(begin, min(begin + _AT_ONCE, len(self.lengths)))
            outlines[self.firsts[begin] : self.firsts[passages[-1] + 1]] = self._outlines(passages)
        return outlines

    def _outlines(self, passages: np.ndarray) -> np.ndarray:
        counts = self._hops[passages] + COARSE_FRAMES - 1  # each goes on at its start until its last window ends
        ends = np.cumsum(counts)
        offsets = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        codes = _CODES[
            self.codes[np.repeat(self.firsts[passages], counts) + offsets % np.repeat(self._hops[passages], counts)]
        ]
        levels = codes.reshape(-1, COARSE_BANDS)
        energy = _sliding_sum((levels**2).sum(axis=1)) - (_sliding_sum(levels) ** 2).sum(axis=1) / COARSE_FRAMES
        colors = np.ascontiguousarray((levels @ _PITCH_WAVES.T).T)
        parts = [np.lib.stride_tricks.sliding_window_view(color, COARSE_FRAMES) @ _TIME_WAVES.T for color in colors]
        inside = (offsets < np.repeat(self._hops[passages], counts))[: len(energy)]
        windows = np.arange(self.firsts[passages[0]], self.firsts[passages[-1] + 1])
        scale = self._inverse(np.sqrt(np.maximum(energy[inside], 0)), windows) / OUTLINE_STEP
        outlines = np.concatenate(parts, axis=1)[inside] * scale[:, None]
        return np.clip(np.rint(outlines), -127, 127).astype(np.int8)

    def _inverse(self, norms: np.ndarray, windows: np.ndarray) -> np.ndarray:
        """Return 1 / norm of windows, float32; 0 where one is still, or goes on where its passage does not."""
        passage = self.passages(windows)
        whole = self._closed[passage] | (self.begins(windows) + PATCH_FRAMES <= self.lengths[passage])
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


def outlines_of(patches: np.ndarray) -> np.ndarray:
    """Return the outlines of coarse patches `(..., COARSE_FRAMES * COARSE_BANDS)`: `(..., PITCHES * TIMES)`."""
    return patches @ _BASIS


def _cosines(length: int, cycles: np.ndarray) -> np.ndarray:
    waves = np.cos(np.pi * cycles[:, None] * (np.arange(length) + 0.5) / length)
    return (waves / np.linalg.norm(waves, axis=1, keepdims=True)).astype(np.float32)


def _sliding_sum(values: np.ndarray) -> np.ndarray:
    """Sum every COARSE_FRAMES rows in turn, by doubling."""
    two = values[1:] + values[:-1]
    four = two[2:] + two[:-2]
    eight = four[4:] + four[:-4]
    sixteen = eight[8:] + eight[:-8]
    return sixteen[:-5] + four[16:-1] + values[20:]


_TIME_WAVES = _cosines(COARSE_FRAMES, np.arange(1, TIMES + 1))
_PITCH_WAVES = _cosines(COARSE_BANDS, np.arange(PITCHES))
_BASIS = np.einsum("at,bp->tpba", _TIME_WAVES, _PITCH_WAVES).reshape(-1, PITCHES * TIMES)
