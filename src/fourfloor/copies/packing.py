"""Fingerprints of training passages on disk: packed to a third, and checked before anything is inflated.

`reference.json` says what each passage is, `reference.safetensors` holds the packed levels of all. A hash in the former
covers both, so that no changed number passes for the one that was written.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fourfloor.arguments import is_finite
from fourfloor.copies.index import CODE, TOP_HZ, CopyIndex
from fourfloor.copies.search import N_BANDS, PATCH_FRAMES, STEPS_PER_DB
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError

STEP_DB = 2  # of the kept fingerprints
MAX_FREE = 2**26  # bytes that any fingerprints may inflate to: thirteen hours of music
MAX_RATIO = 64  # of more, inflated over packed: music has 3, loops that repeat exactly 50
MAX_TEXT = 10_000  # characters of a track's name
MAX_SECONDS = 1e6  # of the start of a passage, which may lie a little before its track


def seal(index: CopyIndex, envelope: Envelope, data_hash: str) -> tuple[bytes, bytes]:
    """Return the bytes of `reference.safetensors` and of `reference.json`; FourfloorError where nothing can be found.

    `data_hash` names what the passages are of.
    """
    arrays, about = index.to_arrays()
    packed = save({"frames": pack(arrays["frames"])})
    content = {"index": about, "step_db": STEP_DB, "envelope": envelope.to_dict(), "data_hash": data_hash}
    content["sha256"] = _hash(content, packed)
    unseal(content, packed)
    return packed, (json.dumps(content, allow_nan=False) + "\n").encode()


def unseal(content: dict[str, Any], packed: bytes) -> tuple[CopyIndex, Envelope, str]:
    """Return what `seal` was given; FourfloorError where a value cannot be right or nothing can be found.

    Earlier versions wrote no hash; their values are checked all the same.
    """
    if set(content) - {"step_db", "data_hash", "sha256"} != {"index", "envelope"}:
        raise FourfloorError("its entries are not those of this version")
    if "sha256" in content and content["sha256"] != _hash(content, packed):
        raise FourfloorError("its hash differs")
    step_db, data_hash = content.get("step_db", 1), content.get("data_hash", "")  # as before they were written down
    if type(step_db) is not int or not 1 <= step_db <= 16:
        raise FourfloorError("its levels have steps that cannot be")
    if not _is_text(data_hash):
        raise FourfloorError("the name of its data is damaged")
    _check_index(content["index"])
    envelope = Envelope.read(content["envelope"])
    try:
        arrays = load(packed)
    except SafetensorError as error:
        raise FourfloorError(f"its levels are not safetensors ({error})") from None
    if set(arrays) != {"frames"}:
        raise FourfloorError("its arrays are not those of this version")
    frames = unpack(arrays["frames"], N_BANDS, sum(content["index"]["lengths"]), step_db)
    index = CopyIndex.from_arrays({"frames": frames}, content["index"])
    if not index.is_searchable:
        raise FourfloorError("nothing in its passages moves, so no copy could be found")
    return index, envelope, data_hash


def _hash(content: dict[str, Any], packed: bytes) -> str:
    rest = {key: value for key, value in content.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode())
    digest.update(packed)
    return digest.hexdigest()


def _check_index(about: Any) -> None:
    """Raise FourfloorError where a value of the passages' description is not of its type and range."""
    columns: dict[str, Callable[[Any], bool]] = {
        "names": _is_text,
        "bpms": lambda value: _is_number(value) and 1 <= value <= 1000,
        "starts": lambda value: _is_number(value) and abs(value) <= MAX_SECONDS,
        "lengths": lambda value: type(value) is int and 1 <= value <= MAX_SECONDS * 1000,
    }
    if not isinstance(about, dict) or set(about) != {*columns, "top_hz", "code"}:
        raise FourfloorError("its passages are not described as in this version")
    if about["code"] != CODE or not _is_number(about["top_hz"]) or not 500 <= about["top_hz"] <= TOP_HZ:
        raise FourfloorError("its passages were analyzed as this version does not")
    for key, is_sound in columns.items():
        column = about[key]
        if not isinstance(column, list) or len(column) != len(about["names"]) or not all(map(is_sound, column)):
            raise FourfloorError(f"the {key} of its passages are damaged")
    if max(about["lengths"], default=0) < PATCH_FRAMES:
        raise FourfloorError("it has no passage long enough to be searched")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and is_finite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT


def pack(frames: np.ndarray) -> np.ndarray:
    """Compress fingerprints uint8 `(bands, frames)` to bytes: steps of 2 dB, differences in time, deflate.

    Levels scatter by some 8 dB, so rounding them lowers a copy score by less than 0.01; an hour takes 1.63 MB. Deflate
    is told to expect small numbers, not words: 7 % less.
    """
    changes = np.diff(frames // (STEP_DB * STEPS_PER_DB), axis=1, prepend=np.uint8(0))
    deflater = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    return np.frombuffer(deflater.compress(changes.tobytes()) + deflater.flush(), dtype=np.uint8)


def unpack(packed: np.ndarray, bands: int, frames: int, step_db: int = STEP_DB) -> np.ndarray:
    """Undo `pack`; FourfloorError where the content has not the stated size, whatever it would inflate to."""
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise FourfloorError(f"its levels have type {packed.dtype} and shape {packed.shape}")
    size = bands * frames
    if size > max(MAX_FREE, MAX_RATIO * packed.size):
        raise FourfloorError(f"{packed.size} bytes would inflate to {size}")
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(packed.tobytes(), max_length=size + 1)  # 0 would be no limit
    except zlib.error as error:
        raise FourfloorError(f"its levels are damaged ({error})") from None
    if len(content) != size or not inflater.eof or inflater.unused_data:
        raise FourfloorError(f"its levels do not fill {bands} bands of {frames} frames")
    levels = np.cumsum(np.frombuffer(content, dtype=np.uint8).reshape(bands, frames), axis=1, dtype=np.uint8)
    step = step_db * STEPS_PER_DB
    if int(levels.max(initial=0)) * step + step // 2 > 255:
        raise FourfloorError("its levels are louder than can be")
    return levels * np.uint8(step) + np.uint8(step // 2)
