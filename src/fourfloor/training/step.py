"""One training step: a batch in parts, the losses of each, one move down their mean.

With one part a batch is what it always was. With more, each part has loops, random numbers and buffers of its own,
drawn from the seed, the step and its number, so that it does not matter which process computes it, and nothing but the
step has to be remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.training.config import Config
from fourfloor.training.descent import losses_of, move, optimizers_of, to_tensors
from fourfloor.training.measuring import Batches, kept_random_states
from fourfloor.training.ranks import Ranks
from fourfloor.training.state import State

Item = tuple[str, Tensor, dict[str, Tensor]]


def parts_of(config: Config, ranks: Ranks, saved: int | None) -> int:
    """Return in how many parts a batch comes: as before where a run goes on, else one for each process or as asked.

    FourfloorError where parts or processes do not share evenly.
    """
    parts = saved or (config.parts if config.parts > 1 else ranks.count)
    if parts % ranks.count:
        told = f"this run has its batches in {parts} parts, which {ranks.count} processes cannot share evenly"
        raise FourfloorError(f"{told}; start torchrun with {parts} processes, or a divisor of that")
    if config.batch_size % parts:
        told = f"training.batch_size {config.batch_size} cannot be split into {parts} equal parts"
        raise FourfloorError(f"{told}; try --set training.batch_size={parts * max(1, config.batch_size // parts)}")
    return parts


def descend(state: State, batches: Batches, config: Config, device: str, ranks: Ranks, rate: float) -> dict[str, Any]:
    """Take one step of all groups of parameters and return what to log; what is not finite moves no weight."""
    own = range(ranks.rank, state.parts, ranks.count)
    record: dict[str, Any] = {}
    healthy = True
    with _as_before(state, device):
        parts = [_Part(state, batches, config, device, number) for number in own]
        while (items := [item for number in range(len(parts)) if (item := _backward(state, parts, number))]) != []:
            group = items[0][0]
            optimizers = optimizers_of(state.model, state.optimizers, group)
            loss, numbers = _mean(items, state.parts, ranks)
            if optimizers:
                parameters = [p for optimizer in optimizers for held in optimizer.param_groups for p in held["params"]]
                _average_gradients(parameters, state.parts, ranks)
                healthy = move(loss, parameters, optimizers, rate, config.clip_norm) and healthy
            record |= {"loss": float(loss)} | {name: float(value) for name, value in numbers.items()}
        _average_buffers(state, parts, ranks)
    return record | {"skipped": not healthy}


class _Part:
    """One part of a batch, and how far its losses have come."""

    def __init__(self, state: State, batches: Batches, config: Config, device: str, number: int) -> None:
        self._model, self._device, self._alone = state.model, device, state.parts == 1
        rng = state.rng if self._alone else np.random.default_rng([config.seed, state.step, number])
        batch = to_tensors(batches("train", config.batch_size // state.parts, rng), device)
        self._losses = losses_of(state.model, batch, state.step, config.precision, device)
        if not self._alone:
            torch.manual_seed(int(rng.integers(2**63)))
            self._random = _random_states(device)
            self.buffers = [buffer.clone() for buffer in state.model.buffers()]

    @contextmanager
    def taken_up(self) -> Iterator[Iterator[Item]]:
        """Go on with the losses where the random numbers and buffers of this part are."""
        if self._alone:
            yield self._losses
            return
        _restore_random_states(self._random)
        _copy(self.buffers, self._model)
        yield self._losses
        self._random = _random_states(self._device)
        self.buffers = [buffer.clone() for buffer in self._model.buffers()]


def _backward(state: State, parts: list[_Part], number: int) -> Item | None:
    """Add the gradient of a part's next loss to those of the parts before it; None after its last one."""
    with parts[number].taken_up() as losses:
        item = next(losses, None)
        if item is None:
            return None
        group, loss, numbers = item
        optimizers = optimizers_of(state.model, state.optimizers, group)
        if number == 0:
            for optimizer in optimizers:
                optimizer.zero_grad(set_to_none=True)
        if optimizers:  # none of a group that is frozen
            loss.backward()
    return group, loss.detach(), numbers


def _mean(items: list[Item], parts: int, ranks: Ranks) -> tuple[Tensor, dict[str, Tensor]]:
    """Average losses and their numbers over all parts."""
    if parts == 1:
        return items[0][1], items[0][2]
    names = list(items[0][2])
    rows = [torch.stack([loss.float(), *(numbers[name].float() for name in names)]) for _, loss, numbers in items]
    total = torch.stack(rows).sum(dim=0)
    ranks.total([total])
    loss, *others = total / parts
    return loss, dict(zip(names, others, strict=True))


def _average_gradients(parameters: list[nn.Parameter], parts: int, ranks: Ranks) -> None:
    """Average gradients over all parts; a parameter that no part has a gradient for keeps none."""
    if parts == 1:
        return
    has = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    ranks.total([has, *gradients])
    for parameter, gradient, count in zip(parameters, gradients, has.tolist(), strict=True):
        parameter.grad = gradient.div_(parts) if count else None


@torch.no_grad()
def _average_buffers(state: State, parts: list[_Part], ranks: Ranks) -> None:
    """Give the model the mean of its parts' buffers where these are fractions, else those of the first part."""
    if state.parts == 1:
        return
    _copy(parts[0].buffers, state.model)
    fractions = [index for index, buffer in enumerate(state.model.buffers()) if buffer.is_floating_point()]
    totals = [torch.stack([part.buffers[index] for part in parts]).sum(dim=0) for index in fractions]
    ranks.total(totals)
    buffers = list(state.model.buffers())
    for index, total in zip(fractions, totals, strict=True):
        buffers[index].copy_(total / state.parts)


@torch.no_grad()
def _copy(values: list[Tensor], model: nn.Module) -> None:
    for buffer, value in zip(model.buffers(), values, strict=True):
        if not torch.equal(buffer, value):  # what is not written stays usable for gradients
            buffer.copy_(value)


@contextmanager
def _as_before(state: State, device: str) -> Iterator[None]:
    """Leave torch's random states as they were where parts have random numbers of their own."""
    if state.parts == 1:
        yield
        return
    with kept_random_states(device):
        yield


def _random_states(device: str) -> list[Tensor]:
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if device == "cuda" else [])]


def _restore_random_states(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    for of_device in states[1:]:
        torch.cuda.set_rng_state(of_device)
