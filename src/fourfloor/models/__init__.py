"""One family a module: `family = "wavegan"` means `models/wavegan.py`. What a family must hold, and what it may.

    Config                  a frozen dataclass with a default for every field: what a recipe's [model] may set
    Model(config, shape)    an `nn.Module` that is `Trainable`; `shape` is what its representation's `shape` returns
    MAX_STYLES              optional: how many styles it tells apart, one of which means any

`Prepared` and `Calibrated` Models measure something on training batches. A family that makes loops is `Sampled`: it
computes in numpy with the networks that its `Exported` Model names, so that an exported model generates without torch.
Or its Model is `Generative`, and generates with torch alone. A decoder's family is `Decoding`. `Checked`, `Choosy` and
`Measured` families look at the arrays of a trained model; a Config that is `Controlled` asks for the controls of loops.

A family whose parts fill more than a file is a folder of that name, with these names in its `__init__.py`. Where that
is to be read without torch, Model lies in its `network.py` (`in_network`). How to add a family: CONTRIBUTING.md.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from fourfloor.contracts import lacking
from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_torch

if TYPE_CHECKING:  # listing families and reading recipes need no torch
    import numpy as np
    import torch
    from torch import Tensor, nn

    from fourfloor.networks import Networks, Part


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
class Exported(Protocol):
    """A Model whose networks are exported as graphs."""

    def parts(self) -> dict[str, Part]:
        """Name the networks that its family's `sample` or `decode` calls."""


@runtime_checkable
class Generative(Protocol):
    """A Model that makes loops with torch; its family also holds `Sampling`."""

    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Any, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw `n` x as `Sampled.sample` does, of tensors and with random numbers of `rng` alone."""


@runtime_checkable
class Sampled(Protocol):
    """A family that makes loops without torch."""

    Sampling: Any
    """A frozen dataclass with a default for every field: what a recipe's [generation] may set."""

    def sample(
        self,
        networks: Networks,
        n: int,
        conditions: dict[str, np.ndarray],
        sampling: Any,
        rng: np.random.Generator,
        bars: int,
    ) -> np.ndarray:
        """Draw `n` x as the representation has them, float32, with random numbers of `rng` alone.

        `conditions` holds bpm `(n,)` and style `(n,)`, 0 for any; and controls `(n, 5)`, NaN for any, where some are
        asked for. The same `rng` state gives the same x.
        """


@runtime_checkable
class Decoding(Protocol):
    """A decoder's family."""

    def decode(
        self, networks: Networks, z: np.ndarray, mel: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Turn latents and their log-mel into mean and log deviation of log magnitudes, and how tonal they are."""


@runtime_checkable
class Checked(Protocol):
    """A family that tells damaged arrays of a model."""

    def check(self, arrays: Mapping[str, np.ndarray], styles: int) -> None:
        """Raise FourfloorError where the arrays of a model that knows so many styles cannot be right."""


@runtime_checkable
class Choosy(Protocol):
    """A family that generates only in styles that it measured."""

    def styles(self, arrays: Mapping[str, np.ndarray]) -> list[int]:
        """List the numbers of the styles that can be asked for, from 1."""


@runtime_checkable
class Measured(Protocol):
    """A family that samples worse where something was never measured, as in a run that an earlier version left."""

    def missing(self, arrays: Mapping[str, np.ndarray], config: Any, sampling: Any) -> str | None:
        """Say in a few words what `sampling` asks for and the model lacks; None where nothing is missing."""


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
    named = vars(module)
    missing = [] if dataclasses.is_dataclass(named.get("Config")) else ["Config, a dataclass"]
    samples = "sample" in named
    if "__getattr__" not in named:
        model = named.get("Model")
        if not isinstance(model, type):
            return [*missing, "Model, a class"]
        missing += [f"Model.{part}" for part in lacking(model, Trainable)]
        samples = samples or issubclass(model, Generative)
        if "Sampling" in named and not samples:
            missing.append("sample, or Model.sample, as there is Sampling")
    if samples and not dataclasses.is_dataclass(named.get("Sampling")):
        missing.append("Sampling, a dataclass, as there is sample")
    return missing


def is_generative(name: str) -> bool:
    """Return whether a family makes loops; a decoder does not."""
    return "Sampling" in vars(family_module(name))


def learns_controls(config: object) -> bool:
    """Return whether a Model of this Config learns controls."""
    return isinstance(config, Controlled) and config.controls


def max_styles(name: str) -> int | None:
    """Return how many styles a family tells apart, one of which means any; None for any number."""
    module = family_module(name)
    return module.MAX_STYLES if isinstance(module, Bounded) else None
