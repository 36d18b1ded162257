"""Waveform <-> what a model sees: `name = "waveform"` means `representations/waveform.py`; numpy alone.

A module with a `Config` is a representation, which a recipe may name, and holds all that `Representation` lists. One
whose x becomes sound without a decoder model is `Audible` as well; `Limited` is optional. What several share lies
beside them. How to add one: CONTRIBUTING.md.
"""

import dataclasses
import importlib
import pkgutil
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from fourfloor.contracts import lacking
from fourfloor.errors import FourfloorError

FULL_RATE = 44_100.0  # of whatever is not `Limited`


class Loops(Protocol):
    """What a representation asks of a dataset; loops are numbered from 0."""

    bars: int
    sample_rate: int

    def indices(self, split: str) -> np.ndarray: ...  # noqa: D102
    def features(self, index: int) -> np.ndarray: ...  # noqa: D102
    def waveform(self, index: int) -> np.ndarray: ...  # noqa: D102
    def mono(self, index: int, samples: int) -> np.ndarray: ...  # noqa: D102
    def bpm(self, index: int) -> float: ...  # noqa: D102
    def style_index(self, index: int) -> int: ...  # noqa: D102
    def style_mates(self, index: int) -> np.ndarray: ...  # noqa: D102
    def follower(self, index: int) -> int | None: ...  # noqa: D102
    def codec(self) -> Any: ...  # noqa: D102

    @property
    def has_truth(self) -> bool: ...  # noqa: D102
    def truth(self, name: str, index: int) -> np.ndarray: ...  # noqa: D102
    def control_ranks(self, features: np.ndarray, cut: tuple[int, int, int] | None) -> np.ndarray: ...  # noqa: D102


@runtime_checkable
class Representation(Protocol):
    """What the module of every representation holds; a `codec` is its Codec, a `config` its Config."""

    Config: Any
    """A frozen dataclass with a default for every field: what a recipe's [representation] may set."""
    Codec: Any
    """A dataclass of arrays alone: what is measured on the training loops once, and kept in every checkpoint."""

    def check_loops(self, loops: Loops, config: Any) -> None:
        """Raise FourfloorError where a dataset cannot be trained on."""

    def fit(self, loops: Loops, config: Any) -> Any:
        """Measure the codec of a dataset on its training loops."""

    def check(self, codec: Any, config: Any) -> None:
        """Raise FourfloorError where a codec that was read from a file cannot be right."""

    def shape(self, config: Any) -> dict[str, int]:
        """Return what a model must know of one x; it goes to `Model(config, shape)`."""

    def batch(
        self, loops: Loops, codec: Any, config: Any, split: str, size: int, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Draw `size` x with random numbers of `rng` alone, as named arrays, first axis the batch.

        Always `x`, `bpm` float `(size,)` and `style` int `(size,)`, 0 for any. `split` is "train", "validation", or
        "plain": loops to train on, not varied.
        """


@runtime_checkable
class Audible(Protocol):
    """A representation whose x becomes sound without a decoder model."""

    def count(self, config: Any, bpm: float, bars: int) -> int:
        """Return how many x one loop takes."""

    def decode(
        self, x: np.ndarray, codec: Any, config: Any, bpm: float, bars: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Turn that many x into a loop `(samples,)` at 44.1 kHz, of exact length."""


@runtime_checkable
class Limited(Protocol):
    """A representation that holds less than 44.1 kHz."""

    def rate(self, config: Any, bpm: float) -> float:
        """Return the sample rate in Hz of what x can hold at a tempo."""


def representation_module(name: str) -> Representation:
    """Import a representation; FourfloorError where there is none of that name or it lacks what one needs."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if name not in names or not _is_representation(name):
        known = ", ".join(filter(_is_representation, names))
        raise FourfloorError(f"representation.name {name!r} is unknown: use one of {known}")
    module = importlib.import_module(f"{__name__}.{name}")
    missing = lacking(module, Representation)
    if 0 < len(half := lacking(module, Audible)) < 2:
        missing += half
    if missing:
        told = f"{module.__file__}: lacks {', '.join(missing)}"
        raise FourfloorError(f"{told}; {__name__} lists what a representation holds")
    return cast(Representation, module)


def _is_representation(name: str) -> bool:
    return "Config" in vars(importlib.import_module(f"{__name__}.{name}"))


def needs_decoder(name: str) -> bool:
    """Return whether a decoder model must turn what models of a representation sample into sound."""
    return not isinstance(representation_module(name), Audible)


def sample_rate(name: str, config: Any, bpm: float) -> float:
    """Return the sample rate in Hz of what x of a representation can hold at a tempo."""
    module = representation_module(name)
    return float(module.rate(config, bpm)) if isinstance(module, Limited) else FULL_RATE


def codec_arrays(codec: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a codec by name: what a checkpoint keeps of it.

    They are contiguous: safetensors 0.8 writes wrong numbers of others.
    """
    return {entry.name: np.asarray(getattr(codec, entry.name), order="C") for entry in dataclasses.fields(codec)}
