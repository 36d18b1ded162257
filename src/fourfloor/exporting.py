"""Runs -> a model folder: matrices in 8 bits, no training state, and the graphs that generate without torch."""

from pathlib import Path
from typing import Any

import numpy as np

from fourfloor import rebuilding
from fourfloor.loading import DECODER_FILE, PRIOR_FILE
from fourfloor.models import Exported
from fourfloor.networks import Part, graphs
from fourfloor.networks.modules import StateArrays
from fourfloor.networks.stored import stored
from fourfloor.training import checkpoint
from fourfloor.training.checkpoint import Checkpoint

KEPT_META = (
    "recipe", "recipe_name", "shape", "vocabulary", "control_quantiles", "data_hash", "version", "commit", "stages",
    "elapsed", "parent",
)  # fmt: skip


def export(prior: Path, decoder: Path | None, out: Path) -> None:
    """Write a model folder from a prior and its decoder, each a run or the JSON half of what was exported before."""
    parts = [(prior, PRIOR_FILE), *([(decoder, DECODER_FILE)] if decoder else [])]
    for saved, name in [(_narrow(path), name) for path, name in parts]:  # all are read before one is written
        complete = saved if "graphs" in saved.meta else _with_graphs(saved, out / name)
        checkpoint.write(out / name, complete.step, complete.tensors, complete.meta)


def write_weights(prior: Path, decoder: Path, out: Path) -> None:
    """Write the weights of two runs without graphs, where nothing that traces them is at hand; `export` adds those."""
    for path, name in ((prior, PRIOR_FILE), (decoder, DECODER_FILE)):
        narrow = _narrow(path)
        checkpoint.write(out / name, narrow.step, narrow.tensors, narrow.meta)


def _narrow(path: Path) -> Checkpoint:
    """Return what a model is sampled by, in few bits; what was exported before is as it was."""
    if path.suffix == ".json":
        return checkpoint.load_exported(path)
    saved = checkpoint.load_best(path)
    tensors = {f"constants/{name}": value.half().numpy() for name, value in saved.part("constants").items()}
    for name, value in saved.part("ema").items():
        tensors |= stored(name, value.numpy())
    return Checkpoint(saved.step, tensors, {key: saved.meta[key] for key in KEPT_META if key in saved.meta})


def _with_graphs(saved: Checkpoint, path: Path) -> Checkpoint:
    """Trace what the model computes; a family that names no parts is loaded with torch."""
    import torch

    tensors = {name: torch.from_numpy(value) for name, value in saved.tensors.items()}
    meta: dict[str, Any] = {**saved.meta, "step": saved.step}
    model = rebuilding.rebuild(Checkpoint(saved.step, tensors, meta), path).model
    assert model is not None
    parts: dict[str, Part] = model.parts() if isinstance(model, Exported) else {}
    if not parts:
        return saved
    traced: dict[str, np.ndarray] = {}
    given: dict[str, list[str]] = {}
    arrays = dict(StateArrays(model))
    in_8_bits = saved.part("scales")
    for name, part in parts.items():
        chosen = frozenset(matrix for matrix in in_8_bits if matrix.startswith(part.in_8_bits))
        content, given[name] = graphs.graph(part, arrays, chosen)
        traced[f"graphs/{name}"] = np.frombuffer(content, np.uint8)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    about = {**saved.meta, "graphs": given, "parameters": parameters}
    return Checkpoint(saved.step, {**saved.tensors, **traced}, about)
