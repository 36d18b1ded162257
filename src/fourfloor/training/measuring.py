"""What a model measures on its data without learning: the loss of validation, and what it needs before use."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.models import Calibrated, Prepared
from fourfloor.training.config import Config
from fourfloor.training.descent import copy_buffers, losses_of, to_tensors
from fourfloor.training.progress import OnProgress, Progress
from fourfloor.training.state import State

Batches = Callable[[str, int, np.random.Generator], dict[str, np.ndarray]]


@torch.no_grad()
def validate(model: nn.Module, batches: Batches, config: Config, device: str) -> float:
    """Return the mean loss on the same few validation batches each time, without touching any random state."""
    rng = np.random.default_rng(1)
    total = 0.0
    with kept_random_states(device):
        torch.manual_seed(1)
        for _ in range(config.validation_batches):
            batch = to_tensors(batches("validation", config.batch_size, rng), device)
            total += sum(float(loss) for _, loss, _ in losses_of(model, batch, 0, config.precision, device))
    return total / config.validation_batches


def prepare(state: State, batches: Batches, config: Config, device: str, on_progress: OnProgress) -> None:
    """Let a model that has something to measure before the first step do so, on training loops as they are."""
    if config.only or not isinstance(state.model, Prepared):
        return
    rng = np.random.default_rng(1)

    def told() -> Iterator[dict[str, Tensor]]:
        while True:
            on_progress(Progress(stage="measuring the training loops"))
            yield to_tensors(batches("plain", config.batch_size, rng), device)

    state.model.prepare(told())
    copy_buffers(state.model, state.ema)


def calibrate(state: State, batches: Batches, config: Config, device: str) -> None:
    """Let a model that has something to measure before it is used do so, on as many training batches as it takes.

    What the averaged model measures becomes a buffer of the trained one as well, so that the next step keeps it.
    """
    if config.only or not isinstance(state.ema, Calibrated):
        return
    rng = np.random.default_rng(2)
    noise = torch.Generator().manual_seed(2)
    size = min(config.batch_size, 16)
    state.ema.calibrate((to_tensors(batches("train", size, rng), device) for _ in itertools.count()), noise)
    copy_buffers(state.ema, state.model)


def kept_random_states(device: str) -> AbstractContextManager[None]:
    """Put torch's random states back afterward, the device's as well."""
    return torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else [])
