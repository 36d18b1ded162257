"""Checkpoints that survive a kill at any moment: safetensors beside JSON with a hash, moved into place.

    <run>/checkpoints/step-00000400.safetensors   every tensor: weights, EMA, optimizers, random states, codec
    <run>/checkpoints/step-00000400.json          SHA-256 of the former, and everything that is not a tensor

The JSON is written last: where it is missing or the hash differs, the previous checkpoint is used.
"""

import contextlib
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from fourfloor.errors import FourfloorError

FOLDER = "checkpoints"
KEPT = 2
FORMAT = 1


class CheckpointError(FourfloorError):
    """A checkpoint that cannot be written or used; the message is one line."""


@dataclass(frozen=True)
class Checkpoint:
    """What was saved: named tensors and a JSON-able description."""

    step: int
    tensors: dict[str, Tensor]
    meta: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors under `prefix/`, without it."""
        return {
            key.removeprefix(prefix + "/"): value for key, value in self.tensors.items() if key.startswith(prefix + "/")
        }


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens; CheckpointError in one line."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        reason = f"{path}: cannot be written ({error.strerror})"
        raise CheckpointError(f"{reason}; free space or choose another folder") from None


def save(run: Path, step: int, tensors: dict[str, Tensor], meta: dict[str, Any]) -> Path:
    """Write a checkpoint, read it back, and only then remove older ones than the last two; the best one stays.

    `meta["best_step"]` names the step of the best one, where there is one.
    """
    folder = run / FOLDER
    description = write(_description(run, step), step, tensors, meta)
    for old in _descriptions(folder)[KEPT:]:
        if meta.get("best_step") is None or old != _description(run, meta["best_step"]):
            old.unlink(missing_ok=True)
            old.with_suffix(".safetensors").unlink(missing_ok=True)
    return description


def write(description: Path, step: int, tensors: dict[str, Tensor], meta: dict[str, Any]) -> Path:
    """Write both halves of a checkpoint, named by its JSON, and check them by reading."""
    content = save_tensors({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    about = {"format": FORMAT, "step": step, "sha256": hashlib.sha256(content).hexdigest(), **meta}
    write_atomically(description.with_suffix(".safetensors"), content)
    write_atomically(description, (json.dumps(about, indent=1) + "\n").encode())
    _check_hash(description)
    return description


def load_latest(run: Path, warnings: list[str] | None = None) -> Checkpoint:
    """Read the newest intact checkpoint of a run; damaged newer ones are named in `warnings`."""
    damaged: list[str] = []
    for description in _descriptions(run / FOLDER):
        try:
            checkpoint = load(description)
        except CheckpointError as error:
            damaged.append(str(error))
            continue
        if warnings is not None:
            warnings.extend(damaged)
        return checkpoint
    if damaged:
        raise CheckpointError(damaged[0])
    raise CheckpointError(f"{run}: holds no checkpoint; name a run folder made by `fourfloor train`")


def load_best(run: Path) -> Checkpoint:
    """Read the checkpoint that is the result of a run: the best by its checks, the newest where it made none."""
    latest = load_latest(run)
    best = latest.meta.get("best_step")
    return load(_description(run, best)) if isinstance(best, int) and best != latest.step else latest


def load(description: Path) -> Checkpoint:
    """Read one checkpoint by its JSON file and check its hash; CheckpointError in one line."""
    meta = _check_hash(description)
    path = description.with_suffix(".safetensors")
    try:
        tensors = load_tensors(path.read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: is not a readable checkpoint ({error})") from None
    return Checkpoint(meta["step"], tensors, meta)


def _check_hash(description: Path) -> dict[str, Any]:
    path = description.with_suffix(".safetensors")
    try:
        meta = json.loads(description.read_text(encoding="utf-8"))
        if not isinstance(meta, dict) or meta.get("format") != FORMAT or not isinstance(meta.get("step"), int):
            raise CheckpointError(f"{description}: was not written by this version of fourfloor")
        actual = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from None
    if actual != meta.get("sha256"):
        raise CheckpointError(f"{path}: is damaged (its hash differs from {description.name}); use another checkpoint")
    return meta


def _description(run: Path, step: int) -> Path:
    return run / FOLDER / f"step-{step:08d}.json"


def _descriptions(folder: Path) -> list[Path]:
    """List the JSON halves of a run's checkpoints, newest first."""
    return sorted(folder.glob("step-*.json"), reverse=True)


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Split an optimizer's state into tensors, by `index/key`, and the rest."""
    state = optimizer.state_dict()
    tensors, rest = {}, {}
    for index, values in state["state"].items():
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{index}/{key}"] = value
            else:
                rest[f"{index}/{key}"] = value
    return tensors, rest


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], rest: dict[str, Any]) -> None:
    """Put back what `flatten_optimizer` took apart; settings such as the learning rate stay as they are."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **rest}.items():
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
