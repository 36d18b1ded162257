"""Waveform <-> what a model sees; one alternative a file, numpy alone.

A file that models train on holds `Config`, `shape(config)` and `batch(loops, codec, config, split, size, rng)`, which
draws loops with `rng` and returns named arrays, first axis the batch.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Protocol

import numpy as np


class Loops(Protocol):
    """What a representation asks of a dataset; loops are numbered from 0."""

    bars: int

    def indices(self, split: str) -> np.ndarray: ...  # noqa: D102
    def features(self, index: int) -> np.ndarray: ...  # noqa: D102
    def waveform(self, index: int) -> np.ndarray: ...  # noqa: D102
    def bpm(self, index: int) -> float: ...  # noqa: D102
    def style_index(self, index: int) -> int: ...  # noqa: D102
    def follower(self, index: int) -> int | None: ...  # noqa: D102


def representation_module(name: str) -> ModuleType:
    """Import a representation that models train on; raise ValueError naming those that exist."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if name in names:
        module = importlib.import_module(f"{__name__}.{name}")
        if hasattr(module, "batch"):
            return module
    trainable = [n for n in names if hasattr(importlib.import_module(f"{__name__}.{n}"), "batch")]
    raise ValueError(f"representation.name {name!r} is unknown: use one of {', '.join(trainable)}")
