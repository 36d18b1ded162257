"""One optimizer step: a family's losses, a move down them, and the average that follows."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.models import Trainable


def to_tensors(batch: dict[str, np.ndarray], device: str) -> dict[str, Tensor]:
    """Move a batch of arrays to the device."""
    return {name: torch.from_numpy(values).to(device) for name, values in batch.items()}


def losses_of(
    model: nn.Module, batch: dict[str, Tensor], step: int, precision: str, device: str
) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
    """Yield a family's losses, each forward pass in the configured precision, each backward outside of it."""
    losses = cast(Trainable, model).losses(batch, step)
    kind = torch.device(device).type
    while True:
        with torch.autocast(kind, torch.bfloat16, enabled=in_bf16(precision, kind)):
            item = next(losses, None)
        if item is None:
            return
        yield item


def in_bf16(precision: str, device: str) -> bool:
    """Tell whether forward passes run in bfloat16: with `auto` only where the processor has instructions for it.

    Without them a matrix product takes 27 times longer in bfloat16 than in float32 (measured on an AVX2 processor).
    """
    if precision != "auto":
        return precision == "bf16"
    capabilities = torch.cpu.get_capabilities()
    return device == "cuda" or bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def minimize(loss: Tensor, optimizers: list[torch.optim.Optimizer], rate: float, clip_norm: float) -> bool:
    """Take one step down `loss`; leave the weights alone and return False where loss or gradient is not finite."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
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
