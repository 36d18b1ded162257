"""Channels of a file -> one or two, without a constant offset.

In and out: float32 chunks `(frames, channels)`. Downmix after ITU-R BS.775-4.
"""

from collections.abc import Iterable, Iterator

import numpy as np

_OFFSET_SECONDS, _MIN_OFFSET = 10.0, 0.02


def mix(chunk: np.ndarray, channels: int, container: str = "WAV") -> np.ndarray:
    """Mix `(frames, any channels)` to `(frames, 1 or 2)`; each side's gains sum to 1, so nothing clips again."""
    given = chunk.shape[1]
    if given == channels:
        return chunk
    if given == 1:
        return np.repeat(chunk, channels, axis=1)
    gains = _stereo_gains(given, container)
    if channels == 1:
        gains = gains.mean(axis=1, keepdims=True)
    mixed = np.zeros((len(chunk), channels), np.float32)
    for source, side in zip(*np.nonzero(gains), strict=True):  # no matrix product: its sums differ between machines
        mixed[:, side] += np.float32(gains[source, side]) * chunk[:, source]
    return mixed


def _stereo_gains(channels: int, container: str) -> np.ndarray:
    """Return the gains `(channels, 2)` to left and right; the low-frequency channel is left out, as BS.775 has it."""
    wave = {2: "LR", 3: "LRC", 4: "LRlr", 5: "LRClr", 6: "LRC.lr", 7: "LRC.clr", 8: "LRC.lrlr"}
    # Vorbis I specification, 4.3.9; Opus uses the same order (RFC 7845, 5.1.1.2).
    vorbis = {3: "LCR", 5: "LCRlr", 6: "LCRlr.", 7: "LCRlrc.", 8: "LCRlrlr."}
    layout = (vorbis if container == "OGG" else {}).get(channels) or wave.get(channels) or "C" * channels
    half = 0.5**0.5
    sides = {"L": (1, 0), "R": (0, 1), "C": (half, half), "l": (half, 0), "r": (0, half), "c": (0.5, 0.5), ".": (0, 0)}
    gains = np.array([sides[letter] for letter in layout], np.float64)
    return gains / gains.sum(axis=0)


def without_offset(chunks: Iterable[np.ndarray], sample_rate: int, repairs: list[str]) -> Iterator[np.ndarray]:
    """Subtract a constant offset, where the first ten seconds have one in each of their pieces.

    A filter would turn the phase of the low end of every file; a constant leaves sound files untouched to the bit.
    """
    source = iter(chunks)
    head: list[np.ndarray] = []
    while sum(map(len, head)) < _OFFSET_SECONDS * sample_rate and (chunk := next(source, None)) is not None:
        head.append(chunk)
    if not head:
        return
    start = np.concatenate(head)
    pieces = np.array([piece.mean(axis=0, dtype=np.float64) for piece in np.array_split(start, 10) if len(piece)])
    offset = np.median(pieces, axis=0)
    steady = (pieces * np.sign(offset)).min(axis=0) > np.abs(offset) / 2
    offset = np.where(steady & (np.abs(offset) > _MIN_OFFSET), offset, 0.0).astype(np.float32)
    if not offset.any():
        yield start
        yield from source
        return
    repairs.append("DC offset removed: " + ", ".join(f"{value:+.3f}" for value in offset))
    yield start - offset
    for chunk in source:
        yield chunk - offset
