"""A waveform and texts -> a 24-bit FLAC with Vorbis comments.

libsndfile encodes; it writes only ten kinds of text, and the tempo is none of them, so the comments are set into its
file as a metadata block of their own. Layout: RFC 9639, 8.
"""

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fourfloor.audio.files import AudioError, PathLike

_VORBIS_COMMENT = 4


def write_flac(path: PathLike, waveform: np.ndarray, texts: Mapping[str, str], sample_rate: int) -> None:
    """Write `(channels, samples)` in [-1, 1] as 24-bit FLAC; `texts` maps field names to values."""
    import soundfile

    if not np.abs(waveform).max() <= 1:
        raise AudioError(path, "the waveform is beyond [-1, 1] or not finite; normalize it first")
    encoded = io.BytesIO()
    scaled = np.clip(np.rint(waveform.T.astype(np.float64) * (1 << 23)), -(1 << 23), (1 << 23) - 1)
    samples = scaled.astype(np.int32) << 8  # whole numbers: libsndfile scales floats by a factor of its own
    soundfile.write(encoded, samples, sample_rate, format="FLAC", subtype="PCM_24")
    Path(path).write_bytes(with_comments(encoded.getvalue(), texts))


def with_comments(content: bytes, texts: Mapping[str, str]) -> bytes:
    """Return a FLAC file with these Vorbis comments in place of its own."""
    blocks, position, last = [], 4, False
    while not last:
        last, kind = bool(content[position] & 0x80), content[position] & 0x7F
        size = int.from_bytes(content[position + 1 : position + 4], "big")
        if kind != _VORBIS_COMMENT:
            blocks.append((kind, content[position + 4 : position + 4 + size]))
        position += 4 + size
    blocks.insert(1, (_VORBIS_COMMENT, _comment_block(texts)))
    packed = b""
    for number, (kind, block) in enumerate(blocks, 1):
        flag = 0x80 if number == len(blocks) else 0
        packed += bytes([kind | flag]) + len(block).to_bytes(3, "big") + block
    return content[:4] + packed + content[position:]


def _comment_block(texts: Mapping[str, str]) -> bytes:
    entries = [b"fourfloor", *(f"{name}={text}".encode() for name, text in texts.items())]
    lengths = [struct.pack("<I", len(entry)) + entry for entry in entries]
    return lengths[0] + struct.pack("<I", len(texts)) + b"".join(lengths[1:])
