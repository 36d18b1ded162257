"""The engine of many machines: Ray starts our processes there, and starts a task again whose process or machine died.

Ray is told no more than it must know. Errors are caught inside a task and raised by the caller. Tasks are listed one by
one and results sorted by number. Machines find tracks and write loops in a folder that all of them see.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_scale
from fourfloor.processes import ONE_THREAD, outcome
from fourfloor.saving import temporary_name

Task = TypeVar("Task")
Result = TypeVar("Result")

LOOK_SECONDS = 5.0  # between two looks at whether the cluster is there, and how large it is
LOST_SECONDS = 20.0  # without an answer; after 60 Ray ends this process without a plain word
RETRIES = 3  # of a task whose process or machine died
ANSWER_SECONDS = 5.0  # Ray itself tries an address where nothing answers for 13 minutes
PACKAGES = ("numpy", "scipy", "soundfile", "soxr")  # with others a loop may differ in its last bits


class LostError(FourfloorError):
    """The cluster does not answer any more."""


@dataclass(frozen=True)
class _Setting:
    """What a machine must have in common with the one that asked: code, packages, a folder."""

    code: str
    versions: dict[str, str]
    mark: Path | None

    def problem(self) -> str | None:
        """Say in one line why this machine cannot take part; None where it can."""
        here, reason = platform.node(), ""
        if _code() != self.code:
            reason = "has another version of fourfloor; install the same on every machine"
        for name, number in self.versions.items():
            if _versions()[name] != number:
                reason = f"has {name} {_versions()[name]}, other machines {number}; install the same on every machine"
        if self.mark is not None and not self.mark.exists():
            folder = self.mark.parent
            reason = f"does not see {folder}; put the dataset into a folder that all machines share, under one path"
        return f"the machine {here} {reason}" if reason else None


class Cluster:
    """An `Engine`: a Ray cluster to which this process is connected."""

    def __init__(self, ray: Any, setting: _Setting) -> None:
        self._ray, self._setting = ray, setting
        self._head = str(ray.get_runtime_context().gcs_address)
        self._cores, self._looked = 1, 0.0
        self._work = ray.remote(num_cpus=1, max_retries=RETRIES, scheduling_strategy="SPREAD")(_work)

    def __call__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        jobs: int,
        on_result: Callable[[int, Result | None], None],
    ) -> None:
        """Call a module's function on every task (`Engine`); a few tasks wait for a free core, the others here."""
        with self._lost_named():
            handed_out = self._ray.put((self._setting, function))  # once, however large what a partial holds
        numbered = enumerate(tasks)
        running: dict[Any, int] = {}
        while True:
            self._look()
            while len(running) < (jobs or 2 * self._cores) and (item := next(numbered, None)) is not None:
                with self._lost_named():
                    running[self._work.remote(handed_out, item[1])] = item[0]
            if not running:
                return
            with self._lost_named():
                ended, _ = self._ray.wait(list(running), num_returns=1, timeout=LOOK_SECONDS)
            for done in ended:
                on_result(running.pop(done), self._result(done))

    def _look(self) -> None:
        """See now and then how large the cluster is; LostError where it is gone."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        deadline = time.monotonic() + LOST_SECONDS
        while not answers(self._head):
            if time.monotonic() > deadline:
                raise self._lost()
            time.sleep(1)
        with self._lost_named():
            self._cores = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._looked = time.monotonic()

    def _lost(self) -> LostError:
        told = f"the Ray cluster at {self._head} is lost"
        return LostError(f"{told}; start it and run the same command again, which keeps what is finished")

    @contextmanager
    def _lost_named(self) -> Iterator[None]:
        """Raise LostError where Ray's own process on this machine is gone: Ray itself raises a bare OSError."""
        try:
            yield
        except OSError as error:
            raise self._lost() from error

    def _result(self, done: Any) -> Any:
        """Take a result; None where its process died each time, what the function raised is raised."""
        failures = self._ray.exceptions
        deaths = (
            failures.WorkerCrashedError, failures.NodeDiedError, failures.OutOfMemoryError, failures.ObjectLostError,
        )  # fmt: skip
        try:
            with self._lost_named():
                error, result = self._ray.get(done)
        except deaths:
            return None
        except failures.RaySystemError as problem:
            if "No module named" not in str(problem):
                raise
            raise FourfloorError("a machine of the cluster lacks fourfloor; install it on every machine") from problem
        if error is not None:
            raise error
        return result


def _work(handed_out: tuple[_Setting, Callable[[Any], Any]], task: Any) -> tuple[Exception | None, Any]:
    """Be a task of Ray's: whatever goes wrong is a result, so that Ray tries again only where a process died."""
    setting, function = handed_out
    problem = setting.problem()
    return (FourfloorError(problem), None) if problem else outcome(function, task)


@cache
def _code() -> str:
    """Return a hash of fourfloor's own source."""
    folder = Path(__file__).parents[1]
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return content.hexdigest()


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


@contextmanager
def started(address: str | None, shared: Path | None) -> Iterator[Cluster]:
    """Connect to the cluster at an address, or start Ray on this machine, and leave it afterward.

    Where the process is connected to one already, that one is used and stays.
    """
    # Before Ray is imported, which reads them then: it sends no statistics, and does not warn of what it will change.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with needing_scale("--engine ray"):
        import ray
        import ray.exceptions
    own = not ray.is_initialized()
    if own:
        _connect(ray, address)
    try:
        with _marked(shared) if shared else nullcontext() as mark:
            yield Cluster(ray, _Setting(_code(), _versions(), mark))
    finally:
        if own and not isinstance(sys.exception(), LostError):  # which Ray would wait for
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    if address not in (None, "auto"):
        _check_answer(str(address))
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address or "local", include_dashboard=False if address is None else None, log_to_driver=False,
            logging_level=logging.ERROR, runtime_env={"env_vars": ONE_THREAD},
        )  # fmt: skip
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        # `ray start` asks for a token where one lies in the home folder; `ray.init` sends none unless told to.
        remedy = "see `ray status`; where the cluster asks for a token, set RAY_AUTH_MODE=token"
        raise FourfloorError(f"no Ray cluster at {address or 'this machine'}: {reason}; {remedy}") from error
    finally:
        if in_main:  # Ray replaces what `kill` does
            signal.signal(signal.SIGTERM, handler)


def _check_answer(address: str) -> None:
    """Raise FourfloorError where nothing answers at an address."""
    parts = re.fullmatch(r"([^:/\s]+):(\d{1,5})", address)
    if parts is None:
        raise FourfloorError(f"the address {address!a} is not HOST:PORT; `ray status` on the cluster's head shows it")
    if not answers(address):
        raise FourfloorError(f"nothing answers at {address}; start Ray there: ray start --head --port {parts[2]}")


def answers(address: str) -> bool:
    """Return whether something listens at HOST:PORT."""
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


@contextmanager
def _marked(shared: Path) -> Iterator[Path]:
    """Put a file into a folder by which other machines know that they see the same one."""
    mark = shared / temporary_name()
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)
