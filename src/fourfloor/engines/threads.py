"""The engine of what lies in memory: threads of this process, which share the loops and what they are compared with."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

THREADS = 2  # FFT and BLAS leave the interpreter free; more threads need more memory


def run_in_threads(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    jobs: int,
    on_result: Callable[[int, Result | None], None],
) -> None:
    """Call a function on every task and hand over (number, result) in order; `jobs` 0 means two threads.

    Tasks are taken a few at a time: hundreds of loops would not fit into memory.
    """
    jobs = jobs or min(THREADS, os.cpu_count() or 1)
    numbered = enumerate(tasks)
    with ThreadPoolExecutor(jobs) as pool:
        while batch := list(itertools.islice(numbered, 2 * jobs)):
            results = pool.map(function, [task for _, task in batch])
            for (number, _), result in zip(batch, results, strict=True):
                on_result(number, result)
