"""The two networks in the package: what they see in, what they answer out, as arrays."""

import functools

import numpy as np
import torch

from fourfloor import loading
from fourfloor.threads import thread_limit

FOLDER = "editing"  # among what is bundled: one exported model for each name


def answer(name: str, seen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what the separator or transcriber answers to `seen` `(frames, ...)`: arrays whose first axis is frames."""
    with thread_limit(1), torch.no_grad():
        return tuple(value[0].numpy() for value in _network(name)(torch.from_numpy(seen[None])))


@functools.cache
def _network(name: str) -> torch.nn.Module:
    folder = loading.bundled_folder(FOLDER) / name
    return loading.load_trained(folder / loading.PRIOR_FILE).model.eval()
