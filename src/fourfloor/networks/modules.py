"""A torch model -> its functions, one thread each: sums do not depend on the number of cores."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from fourfloor.networks import Function, Functions, Networks, Part
from fourfloor.threads import thread_limit


def networks(model: nn.Module, config: Any, shape: Mapping[str, int]) -> Networks:
    """Return a model's functions; they follow its weights as they change."""
    model.eval()
    parts: Mapping[str, Part] = model.parts()  # type: ignore[operator]
    functions = Functions({name: _function(part) for name, part in parts.items()})
    return Networks(config, shape, functions, StateArrays(model))


def sample(
    model: Any, n: int, conditions: Mapping[str, np.ndarray], sampling: Any, seed: int, bars: int
) -> np.ndarray:  # fmt: skip
    """Draw from a model of a family that samples with torch alone."""
    rng = torch.Generator().manual_seed(seed)
    given = {name: torch.from_numpy(values) for name, values in conditions.items()}
    with thread_limit(1):
        return model.sample(n, given, sampling, rng, bars).numpy()


def _function(part: Part) -> Function:
    def call(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        with thread_limit(1), torch.no_grad():
            made = part.module(*(torch.from_numpy(inputs[name]) for name in part.inputs))
        return tuple(value.numpy() for value in (made if isinstance(made, tuple) else (made,)))

    return call


class StateArrays(Mapping[str, np.ndarray]):
    """The state dict of a model as arrays."""

    def __init__(self, model: nn.Module) -> None:
        self._state = {name: value.detach().cpu() for name, value in model.state_dict().items()}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._state[name].numpy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)
