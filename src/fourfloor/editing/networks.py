"""The two networks in the package: what they see in, what they answer out, as arrays."""

import functools
from typing import Any

import numpy as np

from fourfloor import loading
from fourfloor.extras import needing_torch

FOLDER = "editing"  # among what is bundled: one exported model for each name


def answer(name: str, seen: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what the separator or transcriber answers to `seen` `(frames, ...)`: arrays whose first axis is frames."""
    with needing_torch("Taking a loop apart"):
        import torch

        from fourfloor.threads import thread_limit
    with thread_limit(1), torch.no_grad():
        return tuple(value[0].numpy() for value in _network(name)(torch.from_numpy(seen[None])))


@functools.cache
def _network(name: str) -> Any:
    folder = loading.bundled_folder(FOLDER) / name
    return loading.load_trained(folder / loading.PRIOR_FILE).model.eval()
