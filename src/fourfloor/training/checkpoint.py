"""Checkpoints that survive a kill at any moment: safetensors beside JSON, one hash over both, moved into place.

    <run>/checkpoints/step-00000400.safetensors   every tensor: weights, EMA, optimizers, random states, codec
    <run>/checkpoints/step-00000400.json          the hash, and everything that is not a tensor

The JSON is written last: until it is there the checkpoint before counts, and a pair of which one half is another's
does not load. Where a half is missing or a bit differs, the previous checkpoint is used and a warning says so.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from fourfloor.errors import FourfloorError
from fourfloor.reading import nearby, open_file
from fourfloor.saving import save_file
from fourfloor.training import schema

if TYPE_CHECKING:  # what an exported model needs is read without torch
    from torch import Tensor

FOLDER = "checkpoints"
KEPT = 2
FORMAT = 2
HASHED_TENSORS_ONLY = 1  # the format before, still read: its hash leaves the JSON half out
MAX_JSON_BYTES = 2**24
MAX_TENSOR_BYTES = 2**32  # of the other half: a billion numbers, forty times the largest recipe's
_NAME = re.compile(r"step-([0-9]{8,})\.json", re.ASCII)
BLANK = b"0" * 64  # stands for the hash where the hash itself is computed
LOGGER = logging.getLogger(__name__)
Read = TypeVar("Read")
_TOO_LARGE = f"its tensors take more than {MAX_TENSOR_BYTES} bytes"


class CheckpointError(FourfloorError):
    """A checkpoint that cannot be used, or is too large to be one; the message is one line."""


@dataclass(frozen=True)
class Checkpoint:
    """What was saved: named tensors, torch's or numpy's as they were asked for, and a JSON-able description."""

    step: int
    tensors: dict[str, Any]
    meta: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Any]:
        """Return the tensors under `prefix/`, without it."""
        return {
            key.removeprefix(prefix + "/"): value for key, value in self.tensors.items() if key.startswith(prefix + "/")
        }


def save(run: Path, step: int, tensors: "Mapping[str, Tensor | np.ndarray]", meta: dict[str, Any]) -> Path:
    """Write a checkpoint, read it back, and only then remove older ones than the last two; the best one stays.

    `meta["best_step"]` names the step of the best one, where there is one. Later steps are removed as well: the run
    went on from before them since they were damaged.
    """
    description = write(_description(run, step), step, tensors, meta)
    newest_first = descriptions(run)
    upto = newest_first[newest_first.index(description) :]
    best = None if meta.get("best_step") is None else _description(run, meta["best_step"])
    for path in set(newest_first) - {*upto[:KEPT], best}:
        path.unlink(missing_ok=True)
        path.with_suffix(".safetensors").unlink(missing_ok=True)
    return description


def write(description: Path, step: int, tensors: "Mapping[str, Tensor | np.ndarray]", meta: dict[str, Any]) -> Path:
    """Write both halves of a checkpoint, named by its JSON, and check them by reading; SavingError in one line."""
    # safetensors writes wrong numbers of an array that is not contiguous.
    content = save_arrays({key: np.asarray(_array(value), order="C") for key, value in tensors.items()})
    if len(content) > MAX_TENSOR_BYTES:
        raise CheckpointError(f"{description}: {_TOO_LARGE}; train a smaller model")
    about = {"sha256": None, **meta, "format": FORMAT, "step": step} | {"sha256": BLANK.decode()}
    blank = (json.dumps(about, indent=1) + "\n").encode()
    save_file(description.with_suffix(".safetensors"), content)
    save_file(description, _with_hash(blank, BLANK.decode(), _hash(blank, content)))
    _read(description)
    return description


def _array(value: "Tensor | np.ndarray") -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.detach().cpu().numpy()


def load_latest(run: Path, needed: Iterable[str] = ()) -> Checkpoint:
    """Read the newest intact checkpoint of a run that has the `needed` entries; a warning names damaged newer ones."""
    return _newest_intact(run, lambda description: load(description, needed))


def describe_latest(run: Path) -> dict[str, Any]:
    """Return what the newest intact checkpoint of a run says of itself; no tensor is decoded."""
    return _newest_intact(run, describe)


def _newest_intact(run: Path, read: Callable[[Path], Read]) -> Read:
    damaged: list[str] = []
    for description in descriptions(run):
        try:
            result = read(description)
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        for reason in damaged:
            step = int(description.stem.removeprefix("step-"))
            LOGGER.warning("%s; step %d is used instead", reason.partition(";")[0], step)
        return result
    if damaged:
        raise CheckpointError(damaged[0])
    meant = nearby(run, lambda place: (place / FOLDER).is_dir())
    raise CheckpointError(f"{run}: has no checkpoint; name a run folder made by `fourfloor train`{meant}")


def load_best(run: Path) -> Checkpoint:
    """Read the checkpoint that is the result of a run: the best by its checks, the newest where it made none."""
    latest = load_latest(run)
    best = latest.meta.get("best_step")
    return latest if best in (None, latest.step) else load(_description(run, best))


def load(description: Path, needed: Iterable[str] = ()) -> Checkpoint:
    """Read one checkpoint by its JSON file, its tensors torch's, and check its hash; CheckpointError in one line."""
    from safetensors.torch import load as load_tensors

    return _loaded(description, needed, load_tensors)


def load_exported(description: Path) -> Checkpoint:
    """Read one checkpoint, its tensors numpy's, as `load` does; those of a training may have types numpy lacks."""
    return _loaded(description, (), load_arrays)


def _loaded(description: Path, needed: Iterable[str], decode: Callable[[bytes], dict[str, Any]]) -> Checkpoint:
    meta, content = _read(description, needed)
    try:
        tensors = decode(content)
    except (SafetensorError, ValueError, KeyError) as error:  # the last: of a type that is unknown
        path = description.with_suffix(".safetensors")
        raise CheckpointError(f"{path}: is not a readable checkpoint ({error}); use another checkpoint") from None
    return Checkpoint(meta["step"], tensors, meta)


def describe(description: Path) -> dict[str, Any]:
    """Return the JSON half of a checkpoint whose hash, over both halves, holds; CheckpointError in one line."""
    return _read(description)[0]


def _read(description: Path, needed: Iterable[str] = ()) -> tuple[dict[str, Any], bytes]:
    """Return the description and the undecoded tensors of an intact checkpoint; CheckpointError in one line."""
    path = description.with_suffix(".safetensors")
    meta, text = _read_json(description)
    if meta.get("format") not in (FORMAT, HASHED_TENSORS_ONLY):
        reason = f"{description}: was not written by this version of fourfloor (format {meta.get('format')!r:.20})"
        raise CheckpointError(f"{reason}; use another checkpoint or train it again")
    content = _read_tensors(path)
    given = meta.get("sha256")
    if not isinstance(given, str) or not re.fullmatch("[0-9a-f]{64}", given):
        raise CheckpointError(f"{description}: is damaged (it has no hash); use another checkpoint")
    hashed = _with_hash(text, given, BLANK.decode()) if meta["format"] == FORMAT else b""
    if _hash(hashed, content) != given:
        named = f"{path.name} or {description.name}" if hashed else path.name
        raise CheckpointError(f"{path.parent / named}: is damaged (its hash differs); use another checkpoint")
    wrong = schema.problem(meta, {"step", *needed})
    if wrong or (description.stem.startswith("step-") and description != _description(path.parents[1], meta["step"])):
        reason = wrong or f"its name does not fit step {meta['step']}"
        raise CheckpointError(f"{description}: is damaged ({reason}); use another checkpoint")
    return meta, content


def _read_tensors(path: Path) -> bytes:
    """Read the undecoded tensors, whose size is looked at first; CheckpointError in one line."""
    try:
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_TENSOR_BYTES:
                raise CheckpointError(f"{path}: {_TOO_LARGE}; use another checkpoint")
            return file.read()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}); use another checkpoint") from None


def _read_json(description: Path) -> tuple[dict[str, Any], bytes]:
    try:
        with open_file(description) as file:
            text = file.read(MAX_JSON_BYTES + 1)
        meta = json.loads(text) if len(text) <= MAX_JSON_BYTES else None
    except OSError as error:
        raise CheckpointError(f"{description}: cannot be read ({error.strerror}); use another checkpoint") from None
    except (ValueError, RecursionError) as error:
        reason = f"{description}: is damaged ({error!s:.80})"
        raise CheckpointError(f"{reason}; use another checkpoint") from None
    if not isinstance(meta, dict):
        raise CheckpointError(f"{description}: is damaged (it describes no checkpoint); use another checkpoint")
    return meta, text


def _hash(description: bytes, tensors: bytes) -> str:
    digest = hashlib.sha256(description)
    digest.update(tensors)
    return digest.hexdigest()


def _with_hash(description: bytes, old: str, new: str) -> bytes:
    """Exchange the hash that a description states for another one."""
    return description.replace(f'"sha256": "{old}"'.encode(), f'"sha256": "{new}"'.encode(), 1)


def _description(run: Path, step: int) -> Path:
    return run / FOLDER / f"step-{step:08d}.json"


def descriptions(run: Path) -> list[Path]:
    """List the JSON halves of a run's checkpoints, newest first; a copy that a user keeps beside them is none."""
    found = ((_NAME.fullmatch(path.name), path) for path in (run / FOLDER).glob("step-*.json"))
    steps = {path: int(match[1]) for match, path in found if match}
    return sorted(steps, key=steps.__getitem__, reverse=True)
