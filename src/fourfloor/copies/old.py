"""Fingerprints as earlier versions kept them: all levels in one deflated stream, loops with 2 s more."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from fourfloor.copies.index import CopyIndex, Table
from fourfloor.copies.patches import N_BANDS, PATCH_FRAMES, STEPS_PER_DB
from fourfloor.errors import FourfloorError

CODE = 2
MAX_FREE = 2**26  # bytes that any fingerprints may inflate to: thirteen hours of music
MAX_RATIO = 64  # of more, inflated over packed: music has 3, loops that repeat exactly 50
_OVERLAP = PATCH_FRAMES - 1


def index_of(content: dict[str, Any], file: Any) -> CopyIndex:
    """Read an index from a reference's description and its open file; FourfloorError where they do not fit."""
    step_db, about = content.get("step_db", 1), content["index"]  # as before it was written down
    if type(step_db) is not int or not 1 <= step_db <= 16:
        raise FourfloorError("its levels have steps that cannot be")
    if set(file.keys()) != {"frames"}:
        raise FourfloorError("its arrays are not those of this version")
    frames = unpack(file.get_tensor("frames"), sum(about["lengths"]), step_db)
    passages = np.split(frames, np.cumsum(about["lengths"])[:-1], axis=1)
    closed = [np.array_equal(each[:, :_OVERLAP], each[:, -_OVERLAP:]) and each.shape[1] > _OVERLAP for each in passages]
    cores = [each[:, :-_OVERLAP] if ends else each for each, ends in zip(passages, closed, strict=True)]
    lengths = [core.shape[1] for core in cores]
    rows = list(zip(about["names"], about["bpms"], about["starts"], lengths, closed, strict=True))
    return CopyIndex.of_levels(Table.of(rows), cores, about["top_hz"])


def unpack(packed: np.ndarray, frames: int, step_db: int) -> np.ndarray:
    """Inflate levels `(N_BANDS, frames)`; FourfloorError where they have not that size, whatever they inflate to."""
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise FourfloorError(f"its levels have type {packed.dtype} and shape {packed.shape}")
    size = N_BANDS * frames
    if size > max(MAX_FREE, MAX_RATIO * packed.size):
        raise FourfloorError(f"{packed.size} bytes would inflate to {size}")
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(packed.tobytes(), max_length=size + 1)  # 0 would be no limit
    except zlib.error as error:
        raise FourfloorError(f"its levels are damaged ({error})") from None
    if len(content) != size or not inflater.eof or inflater.unused_data:
        raise FourfloorError(f"its levels do not fill {N_BANDS} bands of {frames} frames")
    levels = np.cumsum(np.frombuffer(content, dtype=np.uint8).reshape(N_BANDS, frames), axis=1, dtype=np.uint8)
    step = step_db * STEPS_PER_DB
    if int(levels.max(initial=0)) * step + step // 2 > 255:
        raise FourfloorError("its levels are louder than can be")
    return levels * np.uint8(step) + np.uint8(step // 2)
