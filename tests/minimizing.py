"""One move down a loss, as the training loop makes it where a batch has one part."""

import torch

from fourfloor.training import descent


def minimize(loss: torch.Tensor, optimizers: list[torch.optim.Optimizer], rate: float) -> bool:
    """Return whether loss and gradients were finite and the weights moved."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    parameters = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
    return descent.move(loss, parameters, optimizers, rate, 1.0)
