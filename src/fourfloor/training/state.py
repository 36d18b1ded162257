"""Everything that a resumed run needs, to a checkpoint and back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.training import checkpoint


@dataclass
class State:
    """Everything that a resumed run needs."""

    model: nn.Module
    ema: nn.Module
    optimizers: dict[str, list[torch.optim.Optimizer]]
    rng: np.random.Generator
    step: int = 0
    elapsed: float = 0.0
    best_step: int | None = None
    best_score: float | None = None
    stale_checks: int = 0  # since the best one


def save(state: State, run: Path, meta: dict[str, Any], constants: dict[str, Tensor]) -> None:
    """Write a checkpoint of everything that a resumed run needs."""
    tensors = {f"model/{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"ema/{name}": value for name, value in state.ema.state_dict().items()}
    tensors |= {f"constants/{name}": value for name, value in constants.items()}
    tensors["rng/torch"] = torch.get_rng_state()
    rests: dict[str, dict[str, Any]] = {}
    for group, optimizers in state.optimizers.items():
        for number, optimizer in enumerate(optimizers):
            held, rests[f"{group}/{number}"] = checkpoint.flatten_optimizer(optimizer)
            tensors |= {f"optimizer/{group}/{number}/{name}": value for name, value in held.items()}
    description = {
        **meta,
        "elapsed": state.elapsed,
        "best_step": state.best_step,
        "best_score": state.best_score,
        "stale_checks": state.stale_checks,
        "optimizers": rests,
        "rng": state.rng.bit_generator.state,
        "threads": torch.get_num_threads(),
    }
    checkpoint.save(run, state.step, tensors, description)


def restore(state: State, saved: checkpoint.Checkpoint) -> None:
    """Put a run back where a checkpoint left it; FourfloorError where it is another version's."""
    try:
        state.model.load_state_dict(saved.part("model"))
        state.ema.load_state_dict(saved.part("ema"))
    except RuntimeError:
        raise FourfloorError(
            "the run to resume has other weights than this version's model; choose a new --out"
        ) from None
    for group, optimizers in state.optimizers.items():
        for number, optimizer in enumerate(optimizers):
            held = saved.part(f"optimizer/{group}/{number}")
            checkpoint.restore_optimizer(optimizer, held, saved.meta["optimizers"][f"{group}/{number}"])
    torch.set_rng_state(saved.tensors["rng/torch"])
    state.rng.bit_generator.state = saved.meta["rng"]
    state.step, state.elapsed = saved.step, saved.meta["elapsed"]
    state.best_step, state.best_score = saved.meta.get("best_step"), saved.meta.get("best_score")
    state.stale_checks = saved.meta.get("stale_checks", 0)
