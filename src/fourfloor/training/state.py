"""Everything that a resumed run needs, to a checkpoint and back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.training import checkpoint

NEEDED = ("elapsed", "optimizers", "rng", "threads")  # entries without which no run goes on


class DivergedError(FourfloorError):
    """Training produced non-finite numbers; the last checkpoint is healthy."""

    exit_code = 4


@dataclass
class State:
    """Everything that a resumed run needs."""

    model: nn.Module
    ema: nn.Module
    optimizers: dict[str, list[torch.optim.Optimizer]]
    rng: np.random.Generator
    parts: int = 1  # of a batch (`step.py`)
    step: int = 0
    elapsed: float = 0.0
    best_step: int | None = None
    best_score: float | None = None
    stale_checks: int = 0  # since the best one
    checked_step: int | None = None  # the last one that was checked
    low_steps: dict[str, int] = field(default_factory=dict)  # for how long a part of the losses was near 0
    bad_steps: int = 0  # steps in a row that were not finite; not kept
    validation: float | None = None  # the last one; not kept
    share_done: float = 0.0  # 0-1, of the budget; not kept


def save(state: State, run: Path, meta: dict[str, Any], constants: dict[str, Tensor]) -> None:
    """Write a checkpoint of everything that a resumed run needs; DivergedError where a weight is not finite."""
    tensors = {f"model/{name}": value for name, value in state.model.state_dict().items()}
    tensors |= {f"ema/{name}": value for name, value in state.ema.state_dict().items()}
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            reason = f"{run}: weight {name} is not finite at step {state.step}"
            raise DivergedError(f"{reason}; nothing was saved, go on from the checkpoint before with --resume")
    tensors |= {f"constants/{name}": value for name, value in constants.items()}
    tensors["rng/torch"] = torch.get_rng_state()
    rests: dict[str, dict[str, Any]] = {}
    for group, optimizers in state.optimizers.items():
        for number, optimizer in enumerate(optimizers):
            held, rests[f"{group}/{number}"] = flatten_optimizer(optimizer)
            tensors |= {f"optimizer/{group}/{number}/{name}": value for name, value in held.items()}
    description = {
        **meta,
        "elapsed": state.elapsed,
        "parts": state.parts,
        "best_step": state.best_step,
        "best_score": state.best_score,
        "stale_checks": state.stale_checks,
        "checked_step": state.checked_step,
        "low_steps": state.low_steps,
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
            restore_optimizer(optimizer, held, saved.meta["optimizers"][f"{group}/{number}"])
    torch.set_rng_state(saved.tensors["rng/torch"])
    state.rng.bit_generator.state = saved.meta["rng"]
    state.step, state.elapsed = saved.step, saved.meta["elapsed"]
    state.best_step, state.best_score = saved.meta.get("best_step"), saved.meta.get("best_score")
    state.stale_checks = saved.meta.get("stale_checks", 0)
    state.checked_step = saved.meta.get("checked_step", saved.step)
    state.low_steps = dict(saved.meta.get("low_steps", {}))


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
