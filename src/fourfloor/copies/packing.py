"""Fingerprints of training passages on disk: searched where they lie, and checked before anything is inflated.

`reference.json` says what each passage is, `reference.safetensors` holds the levels of all. A hash in the former covers
both, so that no changed number passes for the one that was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from fourfloor.arguments import is_finite
from fourfloor.copies import cells, old
from fourfloor.copies.index import TOP_HZ, CopyIndex, Table
from fourfloor.copies.levels import PackedLevels
from fourfloor.copies.patches import PATCH_FRAMES
from fourfloor.copies.windows import Windows
from fourfloor.envelope import Envelope
from fourfloor.errors import FourfloorError

CODE = 3  # of what the arrays hold; earlier versions wrote 2
MAX_TEXT = 10_000  # characters of a track's name
MAX_SECONDS = 1e6  # of the start of a passage, which may lie a little before its track
_CHUNK = 2**20  # bytes


@dataclass(frozen=True)
class Sealed:
    """The bytes of the files of a part: its cells, arrays and description; `sha256` names them."""

    cells: bytes
    arrays: bytes
    about: bytes
    sha256: str


def seal(index: CopyIndex, envelope: Envelope, data_hash: str, parts: Sequence[str] = ()) -> Sealed:
    """Return the files of an index of one part; FourfloorError where nothing can be found.

    `data_hash` names what the passages are of, `parts` the other parts of the whole index by their hashes.
    """
    if not index.is_searchable:
        raise FourfloorError("nothing in its passages moves, so no copy could be found")
    levels, table = index.levels.packed(index.windows), index.table
    arrays = {"codes": index.windows.codes, "levels": levels.data[:], "ends": levels.ends}
    packed = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    about = {
        "names": table.names.tolist(),
        "bpms": table.bpms.tolist(),
        "starts": table.starts.tolist(),
        "lengths": table.lengths.tolist(),
        "open": np.flatnonzero(~table.closed).tolist(),
        "top_hz": index.top_hz,
        "code": CODE,
    }
    content = {"index": about, "envelope": envelope.to_dict(), "data_hash": data_hash}
    if parts:
        content["parts"] = list(parts)
    digest = _digest(content)
    digest.update(packed)
    made = cells.seal(index.postings, digest.hexdigest())
    content["sha256"] = digest.hexdigest()
    return Sealed(made, packed, (json.dumps(content, allow_nan=False) + "\n").encode(), digest.hexdigest())


def unseal(content: dict[str, Any], path: Path, listed: Path) -> tuple[CopyIndex, Envelope, str]:
    """Open what `seal` was given, whose arrays lie at `path` and whose cells at `listed`; they are read when needed.

    Raises FourfloorError where a value cannot be right or nothing can be found. The earliest versions wrote no hash;
    their values are checked all the same.
    """
    if set(content) - {"step_db", "data_hash", "sha256", "parts"} != {"index", "envelope"}:
        raise FourfloorError("its entries are not those of this version")
    found = sha256(content, path)
    if content.get("sha256", found) != found:
        raise FourfloorError("its hash differs")
    data_hash = content.get("data_hash", "")
    if not _is_text(data_hash):
        raise FourfloorError("the name of its data is damaged")
    _check_index(content["index"])
    envelope = Envelope.read(content["envelope"])
    try:
        file = safe_open(path, framework="numpy")
        is_old = content["index"]["code"] == old.CODE
        index = old.index_of(content, file) if is_old else _index_of(content["index"], file, listed, found)
    except SafetensorError as error:
        raise FourfloorError(f"its levels are not safetensors ({error})") from None
    if not index.is_searchable:
        raise FourfloorError("nothing in its passages moves, so no copy could be found")
    return index, envelope, data_hash


def sha256(content: dict[str, Any], path: Path) -> str:
    """Return the hash of a reference: of its description without that hash, and of the file of its arrays."""
    digest = _digest({key: value for key, value in content.items() if key != "sha256"})
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _digest(content: dict[str, Any]) -> Any:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def _index_of(about: dict[str, Any], file: Any, listed: Path, found: str) -> CopyIndex:
    """Open an index whose hash is `found`; of levels and cells only parts are read, as loops come near them."""
    if set(file.keys()) != {"codes", "levels", "ends"}:
        raise FourfloorError("its arrays are not those of this version")
    closed = np.ones(len(about["names"]), bool)
    closed[about["open"]] = False
    table = Table(
        names=np.array(about["names"], object), bpms=np.array(about["bpms"], np.float64),
        starts=np.array(about["starts"], np.float64), lengths=np.array(about["lengths"], np.int64), closed=closed,
    )  # fmt: skip
    levels = file.get_slice("levels")
    if levels.get_dtype() != "U8" or len(levels.get_shape()) != 1:
        raise FourfloorError(f"its levels have type {levels.get_dtype()} and shape {levels.get_shape()}")
    windows = Windows(file.get_tensor("codes"), table.lengths, table.closed)
    packed = PackedLevels(levels, file.get_tensor("ends"), windows)
    postings = cells.unseal(listed, found, len(windows)) if listed.exists() else None
    return CopyIndex(table, windows, packed, about["top_hz"], postings)


def _check_index(about: Any) -> None:
    """Raise FourfloorError where a value of the passages' description is not of its type and range."""
    columns: dict[str, Callable[[Any], bool]] = {
        "names": _is_text,
        "bpms": lambda value: _is_number(value) and 1 <= value <= 1000,
        "starts": lambda value: _is_number(value) and abs(value) <= MAX_SECONDS,
        "lengths": lambda value: type(value) is int and 1 <= value <= MAX_SECONDS * 1000,
    }
    if not isinstance(about, dict) or set(about) - {"open"} != {*columns, "top_hz", "code"}:
        raise FourfloorError("its passages are not described as in this version")
    is_known = about["code"] == (CODE if "open" in about else old.CODE)
    if not is_known or not _is_number(about["top_hz"]) or not 500 <= about["top_hz"] <= TOP_HZ:
        raise FourfloorError("its passages were analyzed as this version does not")
    for key, is_sound in columns.items():
        column = about[key]
        if not isinstance(column, list) or len(column) != len(about["names"]) or not all(map(is_sound, column)):
            raise FourfloorError(f"the {key} of its passages are damaged")
    opened, last = about.get("open", []), len(about["names"])
    if not isinstance(opened, list) or not all(type(number) is int and 0 <= number < last for number in opened):
        raise FourfloorError("the list of its passages that do not repeat is damaged")
    if "open" not in about and max(about["lengths"], default=0) < PATCH_FRAMES:
        raise FourfloorError("it has no passage long enough to be searched")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and is_finite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT
