"""Waveforms -> audio without a known end, on a pipe or in a file: a WAV that is valid wherever it stops, or samples."""

import struct
from typing import BinaryIO, Literal

import numpy as np

from fourfloor.audio.reading import SAMPLE_RATE

FORMATS = ("wav", "raw")
CHANNELS = 2
# What a WAV says whose length nobody knows: the most that fits. Players read on until the stream ends.
ENDLESS = 0xFFFF_FFFF
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class StreamWriter:
    """Write blocks `(2, samples)` at 44.1 kHz, with 16 bits or 24.

    `frames` is the length that a WAV says where it is known before; with `rewind` it says after each block how long it
    is by then, and at first that it is empty.

    Sixteen bits are what every player on a pipe takes; their rounding is dithered by a fixed sequence, so that the same
    blocks give the same bytes (triangular dither, Lipshitz et al. 1992). 24 bits keep the samples of a 24-bit file.
    """

    def __init__(
        self,
        target: BinaryIO,
        form: Literal["wav", "raw"],
        frames: int | None,
        rewind: bool,
        bits: Literal[16, 24] = 16,
    ) -> None:
        self._target, self._rewinds, self._bits = target, rewind and form == "wav", bits
        self._frames = 0
        self._dither = np.random.default_rng(0)
        if form == "wav":
            target.write(header(0 if self._rewinds else frames, bits))
            target.flush()

    def write(self, block: np.ndarray) -> None:
        """Write a block at once."""
        self._target.write(self._dithered(block) if self._bits == 16 else in_24_bits(block))
        self._frames += block.shape[1]
        if self._rewinds:
            end = self._target.tell()
            self._target.seek(0)
            self._target.write(header(self._frames, self._bits))
            self._target.seek(end)
        self._target.flush()

    def _dithered(self, block: np.ndarray) -> bytes:
        noise = self._dither.random((2, *block.shape), np.float32)
        steps = np.rint(block * 32767 + noise[0] - noise[1])
        return np.clip(steps, -32768, 32767).astype("<i2").T.tobytes()


def in_24_bits(block: np.ndarray) -> bytes:
    """Return the bytes of a block `(2, samples)`: the lower three of 32-bit integers."""
    steps = np.clip(np.rint(block.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype("<i4")
    return np.ascontiguousarray(steps.T).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def header(frames: int | None, bits: int = 16) -> bytes:
    """Return the header of a WAV of so many frames; None where nobody knows."""
    step = CHANNELS * bits // 8
    size = ENDLESS if frames is None else min(frames * step, ENDLESS)
    whole = ENDLESS if size > ENDLESS - 36 else size + 36
    return _HEADER.pack(
        b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, CHANNELS, SAMPLE_RATE, SAMPLE_RATE * step, step, bits, b"data", size
    )
