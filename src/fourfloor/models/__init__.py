"""One family a module: `family = "wavegan"` means `models/wavegan.py`. What a family must hold, and what it may.

    Config                  a frozen dataclass with a default for every field: what a recipe's [model] may set
    Model(config, shape)    an `nn.Module` that is `Trainable`; `shape` is what its representation's `shape` returns
    MAX_STYLES              optional: how many styles it tells apart, one of which means any

`Prepared` and `Calibrated` Models measure something on training batches. A family that makes loops holds as well

    Sampling                a frozen dataclass, what [generation] may set
    sample(networks, n, conditions, sampling, rng, bars)
                            `n` x as the representation has them, float32, with random numbers of a numpy `rng` alone;
                            `conditions` holds bpm `(n,)` and style `(n,)`, 0 for any; and controls `(n, 5)`, NaN for
                            any, where some are asked for

`Model.parts` names the networks that `sample` calls (`networks.Part`). They are exported, so that the model generates
without torch. A family may have `Model.sample` instead, which takes the same conditions as tensors and a torch
generator: its models generate with torch alone. A decoder's family holds

    decode(networks, z, mel)                    latents and their log-mel to mean and log deviation of the magnitudes

Optional, of the arrays of a model: `check(arrays, styles)` raises FourfloorError where they cannot be right,
`styles(arrays)` lists the styles that can be asked for, `missing(arrays, config, sampling)` says what `sampling` needs
and was never measured.

A family whose parts fill more than a file is a folder of that name, with these names in its `__init__.py`. Where that
is to be read without torch, Model lies in its `network.py` (`in_network`). How to add a family: CONTRIBUTING.md.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_torch

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
    with needing_torch(f"The family {name}"):
        module = importlib.import_module(f"{__name__}.{name}")
    if missing := missing_parts(module):
        raise FourfloorError(f"{module.__file__}: lacks {', '.join(missing)}; CONTRIBUTING.md shows a whole family")
    return module


def in_network(package: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a family that keeps Model in its `network.py`: only who asks for it imports torch."""

    def model(name: str) -> Any:
        if name != "Model":
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(f"{package}.network").Model

    return model


def missing_parts(module: ModuleType) -> list[str]:
    """List what a family's module must hold and does not; a Model in a `network.py` of its own is not looked into."""
    held = {"Config, a dataclass": dataclasses.is_dataclass(getattr(module, "Config", None))}
    samples = hasattr(module, "sample")
    if "__getattr__" not in vars(module):
        model: Any = getattr(module, "Model", None)
        held |= {
            "Model, a class": isinstance(model, type),
            "Model.parameter_groups": hasattr(model, "parameter_groups"),
            "Model.losses": hasattr(model, "losses"),
        }
        samples = samples or hasattr(model, "sample")
        if hasattr(module, "Sampling"):
            held["sample, or Model.sample, as there is Sampling"] = samples
    if samples:
        held["Sampling, a dataclass, as there is sample"] = dataclasses.is_dataclass(getattr(module, "Sampling", None))
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
