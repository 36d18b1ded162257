"""Where many tasks run: in processes or threads of this machine, or on a Ray cluster. One protocol, the same results.

An engine decides where a task runs and in which order tasks end, and nothing else: whoever asks one sorts results by
the number of their task. `run_in_processes` is the engine of a machine, `Cluster` that of Ray.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from fourfloor.arguments import check_range
from fourfloor.engines.threads import run_in_threads
from fourfloor.errors import FourfloorError
from fourfloor.processes import run_in_processes

__all__ = ["ENGINES", "Engine", "check_engine", "check_jobs", "opened", "run_in_processes", "run_in_threads"]

Task = TypeVar("Task")
Result = TypeVar("Result")

ENGINES = ("local", "ray")
MAX_JOBS = {"local": 256, "ray": 10_000}  # a process takes 200 MB; of a cluster's machines each takes its share


class Engine(Protocol):
    """Call a function on every task, wherever that is."""

    def __call__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        jobs: int,
        on_result: Callable[[int, Result | None], None],
    ) -> None:
        """Hand over (number, result) in the order in which tasks end; None where each process of a task died of it.

        `function` is a module's, or a `partial` of one. `jobs` tasks run at once; 0 means one a core. What the function
        raises is raised here.
        """


def check_engine(name: str, address: str | None) -> None:
    """Raise FourfloorError for an unknown engine, and for an address that the engine does not use."""
    if name not in ENGINES:
        raise FourfloorError(f"engine {name!a} is unknown: use {' or '.join(ENGINES)}")
    if address is not None and name != "ray":
        raise FourfloorError(f"the address {address} is that of a Ray cluster: add --engine ray")


def check_jobs(jobs: int, engine: str) -> None:
    """Raise FourfloorError for a number of jobs that an engine cannot run at once; 0 means one a core."""
    check_range("jobs", jobs, 0, MAX_JOBS[engine])


@contextmanager
def opened(name: str, address: str | None, local: Engine, shared: Path | None = None) -> Iterator[Engine]:
    """Give the engine of a name for as long as it is needed; `local` is what "local" means to the caller.

    `address` is that of a running Ray cluster, "auto" for the one of this machine; without one Ray starts on this
    machine. `shared` is a folder that every machine must see under the same path. FourfloorError in one line where ray
    is not installed or nothing answers at the address.
    """
    check_engine(name, address)
    if name == "local":
        yield local
        return
    from fourfloor.engines.cluster import started

    with started(address, shared) as cluster:
        yield cluster
