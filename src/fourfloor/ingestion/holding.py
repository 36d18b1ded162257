"""A stream of blocks that is read twice -> decoded once, where it fits in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

# 12 minutes in stereo: a process that needs more decodes again, which takes a sixth of the time of ingest.
HELD_BYTES = 1 << 28


class Held:
    """Yield the blocks of a stream as often as it is iterated; hold those of the first time while they fit.

    Blocks are yielded as they are and must not be changed.
    """

    def __init__(self, stream: Iterable[np.ndarray], most: int = HELD_BYTES) -> None:
        self._stream = stream
        self._most = most
        self._blocks: list[np.ndarray] | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        if self._blocks is not None:
            yield from self._blocks
            return
        held: list[np.ndarray] = []
        size = 0
        for block in self._stream:
            size += block.nbytes
            if size <= self._most:
                held.append(block)
            else:
                held.clear()
            yield block
        if size <= self._most:
            self._blocks = held
