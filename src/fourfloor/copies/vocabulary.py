"""The vocabulary of the index: the numbers that describe a window, and the cells that alike windows share.

It is part of the format, the same for all music: an index is extended without describing again what is in it.
`scripts/fit_vocabulary.py` made it from the passages that the bundled model was trained on.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load_file

FILE = Path(__file__).with_name("vocabulary.safetensors")
STEP = 1 / 127  # of kept numbers
_AT_ONCE = 1024  # windows: their likenesses to all cells fit a processor's cache


class Vocabulary(NamedTuple):
    """The mean of all windows, `axes (window, numbers)` that tell them apart, and the unit centers of the cells."""

    mean: np.ndarray
    axes: np.ndarray
    centers: np.ndarray

    def describe(self, patches: np.ndarray) -> np.ndarray:
        """Return float32 `(n, numbers)` of unit norm of coarse patches `(n, window)`; 0 of those that are 0."""
        numbers = (patches - self.mean) @ self.axes
        norms = np.sqrt(np.einsum("ni,ni->n", numbers, numbers))
        return numbers * np.where(patches.any(axis=1), 1 / np.maximum(norms, 1e-9), 0)[:, None].astype(np.float32)

    def cells(self, numbers: np.ndarray) -> np.ndarray:
        """Return the cell `(n,)` that each description lies nearest to."""
        parts = [numbers[at : at + _AT_ONCE] @ self.centers.T for at in range(0, len(numbers), _AT_ONCE)]
        return np.concatenate([np.zeros(0, np.int64), *(part.argmax(axis=1) for part in parts)])


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary of this version."""
    return Vocabulary(**{name: values.astype(np.float32) for name, values in load_file(FILE).items()})


@cache
def sha256() -> str:
    """Return the hash of the vocabulary: cells of another one are not to be searched by this."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()
