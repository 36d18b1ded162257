"""The two networks in the package: what they see in, what they answer out, as arrays."""

import functools

import numpy as np

from fourfloor import loading
from fourfloor.networks import Function

FOLDER = "editing"  # among what is bundled: one exported model for each name


def answer(name: str, seen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what the separator or transcriber answers to `seen` `(frames, ...)`: arrays whose first axis is frames."""
    return tuple(value[0] for value in _network(name)(x=seen[None]))


@functools.cache
def _network(name: str) -> Function:
    folder = loading.bundled_folder(FOLDER) / name
    return loading.load_trained(folder / loading.PRIOR_FILE).networks.functions["answer"]
