"""Waveform <-> what a model sees; one alternative a file, numpy alone.

A file that models train on holds

    Config                                               what a recipe may set
    Codec, fit(loops, config)                            what is measured on the training loops once; arrays alone
    check_loops(loops, config)                           FourfloorError where a dataset cannot be trained on
    check(codec, config)                                 FourfloorError where one that was read cannot be right
    shape(config)                                        what a model must know of one x
    batch(loops, codec, config, split, size, rng)        loops drawn with `rng` as named arrays, first axis the batch;
                                                         split "train", "validation", or "plain": to train, not varied

and, where x becomes sound without a decoder model,

    count(config, bpm, bars)                             how many x one loop takes
    decode(x, codec, config, bpm, bars, rng)             that many x -> a loop `(samples,)` at 44.1 kHz, of exact length
    rate(config, bpm)                                    the sample rate of what x can hold; without it 44.1 kHz
"""

import dataclasses
import importlib
import pkgutil
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from fourfloor.errors import FourfloorError

FULL_RATE = 44_100.0  # of whatever has no `rate`


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
    def control_ranks(self, features: np.ndarray, cut: tuple[int, int, int] | None) -> np.ndarray: ...  # noqa: D102


def representation_module(name: str) -> ModuleType:
    """Import a representation that models train on; raise FourfloorError naming those that exist."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if name in names:
        module = importlib.import_module(f"{__name__}.{name}")
        if hasattr(module, "batch"):
            return module
    trainable = [n for n in names if hasattr(importlib.import_module(f"{__name__}.{n}"), "batch")]
    raise FourfloorError(f"representation.name {name!r} is unknown: use one of {', '.join(trainable)}")


def needs_decoder(name: str) -> bool:
    """Return whether a decoder model must turn what models of a representation sample into sound."""
    return not hasattr(representation_module(name), "decode")


def sample_rate(name: str, config: Any, bpm: float) -> float:
    """Return the sample rate in Hz of what x of a representation can hold at a tempo."""
    rate = getattr(representation_module(name), "rate", None)
    return float(rate(config, bpm)) if rate else FULL_RATE


def codec_arrays(codec: Any) -> dict[str, np.ndarray]:
    """Return the arrays of a codec by name: what a checkpoint keeps of it."""
    return {entry.name: getattr(codec, entry.name) for entry in dataclasses.fields(codec)}
