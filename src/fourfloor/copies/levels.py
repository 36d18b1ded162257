"""The levels of all passages in full: bytes in memory, or kept in small deflated pieces that are read one at a time."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fourfloor.copies.patches import N_BANDS, STEPS_PER_DB
from fourfloor.copies.windows import Windows
from fourfloor.errors import FourfloorError

STEP = 2 * STEPS_PER_DB  # of packed levels, which scatter by some 8 dB: 2 dB lower a copy score by less than 0.01
PIECE = 1024  # frames
_LONGEST = 2 * N_BANDS * PIECE  # bytes of a deflated piece, far more than any has


class Levels(Protocol):
    """Levels uint8 `(N_BANDS, frames)` of passages, in quarter decibels."""

    def read(self, passages: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Return the given frames `(n, count)` of each passage `(n,)`: `(n, N_BANDS, count)`."""

    def packed(self, windows: Windows) -> PackedLevels:
        """Return the levels as they are kept on disk."""


class RawLevels:
    """Levels as they were analyzed."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self._frames = frames

    def read(self, passages: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """See `Levels`."""
        return np.stack([self._frames[number][:, at] for number, at in zip(passages, frames, strict=True)])

    def packed(self, windows: Windows) -> PackedLevels:
        """Deflate the levels: in steps of 2 dB, less what the coarse codes tell, a piece at a time.

        Deflate is told to expect small numbers, not words: 7 % less.
        """
        streams = []
        for number, levels in enumerate(self._frames):
            for first in range(0, levels.shape[1], PIECE):
                last = min(first + PIECE, levels.shape[1])
                rest = levels[:, first:last] // STEP - windows.levels(number, first, last) // STEP
                deflater = zlib.compressobj(9, wbits=-15, memLevel=9, strategy=zlib.Z_FILTERED)
                streams.append(deflater.compress(rest.tobytes()) + deflater.flush())
        ends = np.cumsum([len(stream) for stream in streams], dtype=np.uint64)
        return PackedLevels(np.frombuffer(b"".join(streams), np.uint8), ends, windows)


class PackedLevels:
    """Levels in deflated pieces: `data` uint8 `(bytes,)`, of which only slices are read, and the end of each piece."""

    def __init__(self, data: np.ndarray, ends: np.ndarray, windows: Windows) -> None:
        self.data, self.ends, self._windows = data, ends, windows
        pieces = -(-windows.lengths // PIECE)
        self._firsts = np.concatenate([[0], np.cumsum(pieces)])
        if ends.dtype != np.uint64 or ends.shape != (self._firsts[-1],):
            raise FourfloorError("its levels do not fit its passages")
        self._borders = np.concatenate([np.zeros(1, np.uint64), ends])
        # Where one ends before it begins, its size is huge.
        if int(np.diff(self._borders).max(initial=0)) > _LONGEST or int(self._borders[-1]) != size_of(data):
            raise FourfloorError("its levels are not as long as their pieces")

    def read(self, passages: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """See `Levels`. Each piece is inflated once; FourfloorError where one is damaged."""
        inflated: dict[int, np.ndarray] = {}
        read = np.empty((len(passages), N_BANDS, frames.shape[1]), np.uint8)
        for row, passage, at in zip(read, passages.tolist(), frames, strict=True):
            for piece in range(int(at.min()) // PIECE, int(at.max()) // PIECE + 1):
                inside = np.flatnonzero(at // PIECE == piece)  # of a loop that goes on at its start: the ends alone
                if not len(inside):
                    continue
                number = int(self._firsts[passage]) + piece
                if number not in inflated:
                    inflated[number] = self._inflate(number, passage, piece)
                row[:, inside] = inflated[number][:, at[inside] - piece * PIECE]
        return read

    def packed(self, windows: Windows) -> PackedLevels:
        """Return itself."""
        return self

    def joined(self, other: PackedLevels, kept: np.ndarray, windows: Windows) -> PackedLevels:
        """Return these levels and those of the passages of `other` that are `kept`; `windows` are those of both."""
        pieces, sizes = np.repeat(kept, np.diff(other._firsts)), np.diff(other._borders).astype(np.int64)
        data = np.concatenate([self.data[:], other.data[:][np.repeat(pieces, sizes)]])
        ends = np.concatenate([self.ends, (size_of(self.data) + np.cumsum(sizes[pieces])).astype(np.uint64)])
        return PackedLevels(data, ends, windows)

    def _inflate(self, number: int, passage: int, piece: int) -> np.ndarray:
        first = piece * PIECE
        last = min(first + PIECE, int(self._windows.lengths[passage]))
        stream = self.data[int(self._borders[number]) : int(self._borders[number + 1])]
        size = N_BANDS * (last - first)
        inflater = zlib.decompressobj(wbits=-15)
        try:
            content = inflater.decompress(stream.tobytes(), max_length=size + 1)  # 0 would be no limit
        except zlib.error as error:
            raise FourfloorError(f"its levels are damaged ({error})") from None
        if len(content) != size or not inflater.eof or inflater.unused_data:
            raise FourfloorError(f"its levels do not fill {N_BANDS} bands of {last - first} frames")
        rest = np.frombuffer(content, np.uint8).reshape(N_BANDS, -1)
        steps = rest + self._windows.levels(passage, first, last) // STEP
        if int(steps.max()) * STEP + STEP // 2 > 255:
            raise FourfloorError("its levels are louder than can be")
        return steps * np.uint8(STEP) + np.uint8(STEP // 2)


class LevelsOfParts:
    """The levels of several parts of an index, whose passages are numbered through; `counts` of them in each."""

    def __init__(self, parts: Sequence[Levels], counts: Sequence[int]) -> None:
        self._parts, self._firsts = parts, np.concatenate([[0], np.cumsum(counts)])

    def read(self, passages: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """See `Levels`."""
        owners = np.searchsorted(self._firsts, passages, side="right") - 1
        read = np.empty((len(passages), N_BANDS, frames.shape[1]), np.uint8)
        for number in np.unique(owners):
            own = owners == number
            read[own] = self._parts[number].read(passages[own] - self._firsts[number], frames[own])
        return read

    def packed(self, windows: Windows) -> PackedLevels:
        """Raise TypeError: each part is packed by itself."""
        raise TypeError("levels of several parts are packed part by part")


def size_of(data: np.ndarray) -> int:
    """Return the number of bytes of packed levels, in memory or of a slice of an open file."""
    return len(data) if isinstance(data, np.ndarray) else int(data.get_shape()[0])
