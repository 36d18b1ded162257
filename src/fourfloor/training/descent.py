"""One optimizer step: a family's losses, the optimizers, a move down, and the average that follows."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models import Trainable
from fourfloor.training.config import Config
from fourfloor.training.muon import Muon


def to_tensors(batch: dict[str, np.ndarray], device: str) -> dict[str, Tensor]:
    """Move a batch of arrays to the device."""
    return {name: torch.from_numpy(values).to(device) for name, values in batch.items()}


def losses_of(
    model: nn.Module, batch: dict[str, Tensor], step: int, precision: str, device: str
) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
    """Yield a family's losses, each forward pass in the configured precision, each backward outside of it."""
    losses = cast(Trainable, model).losses(batch, step)
    if not isinstance(losses, Iterator):
        raise _broken(model, f"losses returns a {type(losses).__name__}; yield (group, loss, numbers) instead")
    kind = torch.device(device).type
    while True:
        with torch.autocast(kind, torch.bfloat16, enabled=in_bf16(precision, kind)):
            item = next(losses, None)
        if item is None:
            return
        yield item


def in_bf16(precision: str, device: str) -> bool:
    """Return whether forward passes run in bfloat16: with `auto` only where the processor has instructions for it.

    Without them a matrix product takes 27 times longer in bfloat16 than in float32 (measured on an AVX2 processor).
    """
    if precision != "auto":
        return precision == "bf16"
    capabilities = torch.cpu.get_capabilities()
    return device == "cuda" or bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def groups_of(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return a family's groups of parameters; FourfloorError where a parameter is in no group or in two."""
    groups = {name: list(group) for name, group in cast(Trainable, model).parameter_groups().items()}
    listed = [id(parameter) for group in groups.values() for parameter in group]
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and listed.count(id(parameter)) != 1:
            count = "no group" if id(parameter) not in listed else "several groups"
            raise _broken(model, f"parameter_groups has {name} in {count}; put each parameter in one")
    return groups


def freeze_others(model: nn.Module, only: str) -> None:
    """Let the weights of one part alone move; FourfloorError where a model has no such part, "" stands for all."""
    if not only:
        return
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(f"{only}."))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        parts = ", ".join(name for name, part in model.named_children() if any(True for _ in part.parameters()))
        raise FourfloorError(f"training.only {only!r}: the model has no such part; choose one of {parts}")


def optimizers_of(
    model: nn.Module, optimizers: dict[str, list[torch.optim.Optimizer]], group: str
) -> list[torch.optim.Optimizer]:
    """Return the optimizers of a group; FourfloorError where a family yields a loss for a group that it has not."""
    if group not in optimizers:
        raise _broken(model, f"losses yields {group!r}; parameter_groups has {', '.join(optimizers)}")
    return optimizers[group]


def _broken(model: nn.Module, reason: str) -> FourfloorError:
    return FourfloorError(f"{type(model).__module__}: Model.{reason}; CONTRIBUTING.md shows a whole family")


def build_optimizers(parameters: list[nn.Parameter], config: Config) -> list[torch.optim.Optimizer]:
    """Return one optimizer, or with `muon` two: Muon for matrices, AdamW for the rest; none of what is frozen."""
    parameters = [p for p in parameters if p.requires_grad]
    if not parameters:
        return []
    matrices = [p for p in parameters if p.ndim == 2 and min(p.shape) > 64] if config.optimizer == "muon" else []
    others = [p for p in parameters if not any(p is matrix for matrix in matrices)]
    decay = config.weight_decay
    betas = config.betas[0], config.betas[1]
    optimizers: list[torch.optim.Optimizer] = []
    if others:
        optimizers.append(torch.optim.AdamW(others, betas=betas, weight_decay=decay))
    if matrices:
        dtype = torch.bfloat16 if in_bf16("auto", matrices[0].device.type) else torch.float32
        optimizers.append(Muon(matrices, weight_decay=decay, dtype=dtype))
    return optimizers


def learning_rate(config: Config, step: int, steps: int | None) -> float:
    """Return the rate at a step: a linear warm-up, a plateau, and a linear fall where the end is known."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    if steps and config.decay_share:
        left = (steps - step) / (config.decay_share * steps)
        rate *= max(0.1, min(1.0, left))
    return rate


def move(
    loss: Tensor,
    parameters: list[nn.Parameter],
    optimizers: list[torch.optim.Optimizer],
    rate: float,
    clip_norm: float,
) -> bool:
    """Take one step down the gradients; return False, and leave the weights, where something is not finite."""
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        return False
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    return True


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights toward the model's; buffers (codebooks, running statistics) are the model's own."""
    for average, weight in zip(ema.parameters(), model.parameters(), strict=True):
        average.lerp_(weight, 1 - decay)
    copy_buffers(model, ema)


@torch.no_grad()
def copy_buffers(source: nn.Module, target: nn.Module) -> None:
    """Give one module the buffers of another of the same kind."""
    for value, copied in zip(source.buffers(), target.buffers(), strict=True):
        copied.copy_(value)
