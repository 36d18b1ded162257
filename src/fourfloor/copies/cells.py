"""The index of cells as a file beside the fingerprints: mapped into memory, and checked before it is used.

It names the fingerprints that it was made from and holds a hash of itself. Without it, as beside models of earlier
versions, the cells are made when the fingerprints are opened.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from fourfloor.copies import vocabulary
from fourfloor.copies.postings import Postings
from fourfloor.errors import FourfloorError
from fourfloor.reading import open_file

FILE = "cells.safetensors"
MAX_BYTES = 2**30
_MAX_HEADER = 2**16
_TYPES = {"I8": np.int8, "U32": np.uint32}
_CHUNK = 2**20


def seal(postings: Postings, reference: str) -> bytes:
    """Return the bytes of the file; `reference` is the hash of the fingerprints that the cells are of."""
    arrays = {"descriptions": postings.descriptions, "ends": postings.ends, "numbers": postings.numbers}
    packed = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    about = {"reference": reference, "vocabulary": vocabulary.sha256(), "sha256": _sha256(packed)}
    return save(packed, {"about": json.dumps(about, sort_keys=True)})


def unseal(path: Path, reference: str, windows: int) -> Postings:
    """Map what `seal` wrote; FourfloorError where it is damaged or is of other fingerprints or another version."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size > MAX_BYTES or length > min(_MAX_HEADER, size - 8):
            raise FourfloorError(f"{FILE} is damaged or larger than {MAX_BYTES} bytes")
        try:
            header = json.loads(file.read(length))
            about = json.loads(header.pop("__metadata__")["about"])
            arrays = {name: _array(path, entry, 8 + length, size) for name, entry in header.items()}
            found = (about["reference"], about["vocabulary"], about["sha256"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise FourfloorError(f"{FILE} is not as this version writes it") from None
    if 8 + length + sum(array.nbytes for array in arrays.values()) != size or set(arrays) != {
        "descriptions",
        "ends",
        "numbers",
    }:
        raise FourfloorError(f"{FILE} holds other arrays than those of this version")
    if found != (reference, vocabulary.sha256(), _sha256(arrays)):
        raise FourfloorError(f"{FILE} is damaged, or of other music or another version")
    return Postings(arrays["numbers"], arrays["descriptions"], arrays["ends"], windows)


def _array(path: Path, entry: dict[str, Any], offset: int, size: int) -> np.ndarray:
    """Map an array of an open file's; ValueError, TypeError or KeyError where it cannot lie there."""
    kind, shape, (begin, end) = np.dtype(_TYPES[entry["dtype"]]), entry["shape"], entry["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (begin, end, *shape)) or not 1 <= len(shape) <= 2:
        raise ValueError
    count = shape[0] * (shape[1] if len(shape) == 2 else 1)
    if end - begin != count * kind.itemsize or offset + end > size:
        raise ValueError
    if not count:
        return np.zeros(shape, kind)
    return np.memmap(path, kind, mode="r", offset=offset + begin, shape=tuple(shape))


def _sha256(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        flat = arrays[name].reshape(-1)
        digest.update(f"{name} {arrays[name].shape}".encode())
        for at in range(0, len(flat), _CHUNK):
            digest.update(flat[at : at + _CHUNK].tobytes())
    return digest.hexdigest()
