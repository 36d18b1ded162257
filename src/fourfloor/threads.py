"""One thread a loop: limits that hold for the calling thread alone, whatever else the process computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def thread_limit(count: int) -> Iterator[None]:
    """Let what the calling thread computes with torch use `count` threads, 0 for no limit.

    `torch.set_num_threads` would change the default of every later thread of the process. OpenMP, which torch splits
    its work by, keeps the number of threads for each calling thread: other threads keep theirs.
    """
    if not count:
        yield
        return
    torch.get_num_threads()  # torch sets the number itself when a thread first computes: that is done before
    with _openmp().limit(limits=count):
        yield


@cache
def _openmp() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="openmp")
