"""A model's reference on disk: read, changed, sealed again."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from fourfloor.copies import fingerprints, packing


def rewrite(folder: Path, change: Callable[[dict], object], sealed: bool = True) -> None:
    """Change `reference.json` as somebody would who knows how its hash is made, or leave the hash out as of old."""
    content = json.loads((folder / fingerprints.ABOUT).read_text())
    change(content)
    content.pop("sha256")
    if sealed:
        content["sha256"] = packing.sha256(content, folder / fingerprints.ARRAYS)
    (folder / fingerprints.ABOUT).write_text(json.dumps(content))


def levels_of(read: fingerprints.Fingerprints) -> np.ndarray:
    """Return all levels, passage by passage."""
    table = read.index.table
    frames = [np.arange(length)[None] for length in table.lengths]
    return np.concatenate([read.index.levels.read(np.array([n]), at)[0] for n, at in enumerate(frames)], axis=1)


def index_of(**values: object) -> Callable[[dict], object]:
    return lambda content: content["index"].update(values)


def column(key: str, value: object) -> Callable[[dict], object]:
    return lambda content: content["index"][key].__setitem__(0, value)


def arrays_of(folder: Path, **values: np.ndarray) -> None:
    """Replace arrays of a reference, by somebody who knows how its hash is made; its cells are made from it then."""
    (folder / fingerprints.CELLS).unlink(missing_ok=True)
    save_file(load_file(folder / fingerprints.ARRAYS) | values, folder / fingerprints.ARRAYS)
    rewrite(folder, lambda content: None)


def old_reference(folder: Path) -> tuple[dict, np.ndarray]:
    """Write a reference as earlier versions did, of the same passages; return its description and levels."""
    index = fingerprints.load(folder).index
    table = index.table
    counts = zip(table.lengths, table.lengths + 85 * table.closed, strict=True)  # loops went on at their start
    levels = [
        index.levels.read(np.array([number]), np.arange(count)[None] % length)[0]
        for number, (length, count) in enumerate(counts)
    ]
    content = json.loads((folder / fingerprints.ABOUT).read_text())
    about = content["index"]
    del about["open"]
    about.update(code=2, lengths=[each.shape[1] for each in levels])
    content.pop("sha256")
    return content | {"step_db": 2}, np.concatenate(levels, axis=1)


def keep_old(folder: Path, content: dict, levels: np.ndarray) -> None:
    changes = np.diff(levels // 8, axis=1, prepend=np.uint8(0))
    save_file({"frames": np.frombuffer(zlib.compress(changes.tobytes()), np.uint8)}, folder / fingerprints.ARRAYS)
    (folder / fingerprints.ABOUT).write_text(json.dumps(content))
