"""Waveforms -> audio without a known end, on a pipe or in a file: a WAV that is valid wherever it stops, or samples."""

import struct
from typing import BinaryIO, Literal

import numpy as np

from fourfloor.audio.reading import SAMPLE_RATE

FORMATS = ("wav", "raw")
CHANNELS, BYTES = 2, 2
# What a WAV says whose length nobody knows: the most that fits. Players read on until the stream ends.
ENDLESS = 0xFFFF_FFFF
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


class StreamWriter:
    """Write blocks `(2, samples)` as 16-bit samples at 44.1 kHz.

    `frames` is the length that a WAV says where it is known before; with `rewind` it says after each block how long it
    is by then.

    Sixteen bits, because that is what every player on a pipe takes; rounding is dithered by a fixed sequence, so that
    the same blocks give the same bytes (triangular dither, Lipshitz et al. 1992).
    """

    def __init__(self, target: BinaryIO, form: Literal["wav", "raw"], frames: int | None, rewind: bool) -> None:
        self._target, self._rewinds = target, rewind and form == "wav"
        self._frames = 0
        self._dither = np.random.default_rng(0)
        if form == "wav":
            target.write(header(frames))
            target.flush()

    def write(self, block: np.ndarray) -> None:
        """Write a block at once."""
        noise = self._dither.random((2, *block.shape), np.float32)
        steps = np.rint(block * 32767 + noise[0] - noise[1])
        self._target.write(np.clip(steps, -32768, 32767).astype("<i2").T.tobytes())
        self._frames += block.shape[1]
        if self._rewinds:
            end = self._target.tell()
            self._target.seek(0)
            self._target.write(header(self._frames))
            self._target.seek(end)
        self._target.flush()


def header(frames: int | None) -> bytes:
    """Return the header of a WAV of so many frames; None where nobody knows."""
    size = ENDLESS if frames is None else min(frames * CHANNELS * BYTES, ENDLESS)
    whole = ENDLESS if size > ENDLESS - 36 else size + 36
    rate = SAMPLE_RATE * CHANNELS * BYTES
    return _HEADER.pack(
        b"RIFF", whole, b"WAVE", b"fmt ", 16, 1, CHANNELS, SAMPLE_RATE, rate, CHANNELS * BYTES, 8 * BYTES, b"data", size
    )
