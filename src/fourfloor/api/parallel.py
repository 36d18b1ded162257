"""Many things in order, made side by side: one core each."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from fourfloor.processes import core_count
from fourfloor.stopping import StopSignal

Made = TypeVar("Made")
AHEAD = 4  # things a core may be ahead of the next one in order: some are drawn several times


def in_parallel(make: Callable[[int], Made], count: int) -> Iterator[Made]:
    """Make `count` things in order, one core each; few wait in memory for their turn."""
    cores = core_count()
    pool = ThreadPoolExecutor(min(cores, count))
    try:
        waiting: deque[Future[Made]] = deque()
        for number in range(count):
            waiting.append(pool.submit(make, number))
            if len(waiting) > AHEAD * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        ending = isinstance(sys.exception(), StopSignal)  # what is being made is not waited for then
        pool.shutdown(wait=not ending, cancel_futures=True)
