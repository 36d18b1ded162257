"""One family a module: `family = "wavegan"` means `models/wavegan.py`. What a family must hold, and what it may.

    Config                  a frozen dataclass with a default for every field: what a recipe's [model] may set
    Model(config, shape)    an `nn.Module` that is `Trainable`; `shape` is what its representation's `shape` returns
    Sampling                only of a family that makes loops: a frozen dataclass, what [generation] may set
    MAX_STYLES              optional: how many styles it tells apart, one of which means any

A Model that makes loops is `Generative` as well. `Prepared`, `Calibrated` and `Measured` are optional. A family whose
parts fill more than a file is a folder of that name, with these names in its `__init__.py`. How to add one:
CONTRIBUTING.md.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fourfloor.errors import FourfloorError

if TYPE_CHECKING:  # listing families and reading recipes need no torch
    import torch
    from torch import Tensor, nn


@runtime_checkable
class Trainable(Protocol):
    """What the training loop asks of every Model."""

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Name the parameters that are minimized together; every parameter is in exactly one group."""

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield (group, loss, parts) in the order to minimize; the weights move between two of them.

        `batch` is what the representation's `batch` returns, as tensors, first axis the batch: always `x`, `bpm` and
        `style`. `loss` is a scalar with a gradient; `parts` are detached scalars for the log. Without gradients
        (validation) whatever needs one, such as a gradient penalty, is left out.
        """


@runtime_checkable
class Generative(Protocol):
    """What `generate` asks of a Model that makes loops; its family also holds `Sampling`."""

    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Any, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw `n` x as the representation has them, on the CPU, with random numbers of `rng` alone.

        `conditions` holds bpm float `(n,)` and style int `(n,)`, 0 for any style; and controls `(n, 5)`, NaN for any,
        where some are asked for. The same `rng` state gives the same x.
        """


@runtime_checkable
class Prepared(Protocol):
    """A Model that measures training batches once, before the first step."""

    def prepare(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Keep what is measured in buffers; `batches` has no end."""


@runtime_checkable
class Calibrated(Protocol):
    """A Model that measures training batches before it is used, such as batch statistics of averaged weights."""

    def calibrate(self, batches: Iterable[dict[str, Tensor]], rng: torch.Generator) -> None:
        """Keep what is measured in buffers, with random numbers of `rng` alone; `batches` has no end."""


@runtime_checkable
class Measured(Protocol):
    """A Model that samples worse where something was never measured, as in a run that an earlier version left."""

    def missing(self, sampling: Any) -> str | None:
        """Say in a few words what `sampling` asks for and the Model lacks; None where nothing is missing."""


@runtime_checkable
class Controlled(Protocol):
    """The Config of a family whose Model may learn controls."""

    controls: bool
    """Whether it does."""


@runtime_checkable
class Bounded(Protocol):
    """A family whose Model tells apart a number of styles only."""

    MAX_STYLES: int
    """How many, one of which means any."""


def families() -> list[str]:
    """List the model families: the module names of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def family_module(name: str) -> ModuleType:
    """Import one family's module; FourfloorError where there is none of that name or it lacks what a family needs."""
    if name not in families():
        raise FourfloorError(f"model.family {name!r} is unknown: use one of {', '.join(families())}")
    module = importlib.import_module(f"{__name__}.{name}")
    if missing := missing_parts(module):
        raise FourfloorError(f"{module.__file__}: lacks {', '.join(missing)}; CONTRIBUTING.md shows a whole family")
    return module


def missing_parts(module: ModuleType) -> list[str]:
    """List what a family's module must hold and does not."""
    model: Any = getattr(module, "Model", None)
    held = {
        "Config, a dataclass": dataclasses.is_dataclass(getattr(module, "Config", None)),
        "Model, a class": isinstance(model, type),
        "Model.parameter_groups": hasattr(model, "parameter_groups"),
        "Model.losses": hasattr(model, "losses"),
    }
    if hasattr(model, "sample"):
        held["Sampling, a dataclass, as Model has sample"] = dataclasses.is_dataclass(getattr(module, "Sampling", None))
    elif hasattr(module, "Sampling"):
        held["Model.sample, as there is Sampling"] = False
    return [part for part, there in held.items() if not there]


def is_generative(name: str) -> bool:
    """Return whether a family makes loops; a decoder does not."""
    return hasattr(family_module(name), "Sampling")


def learns_controls(config: object) -> bool:
    """Return whether a Model of this Config learns controls."""
    return isinstance(config, Controlled) and config.controls


def max_styles(name: str) -> int | None:
    """Return how many styles a family tells apart, one of which means any; None for any number."""
    module = family_module(name)
    return module.MAX_STYLES if isinstance(module, Bounded) else None
