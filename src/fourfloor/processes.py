"""A function and many tasks -> their results, worked out by several processes that no task can take down with it.

Plain child processes and pipes, because an executor of the standard library does not serve here: before Python 3.14 it
cannot end its workers, it does not say which task one of them died of, it needs semaphores (a writable /dev/shm), and
its workers run a user's script again where that lacks `if __name__ == "__main__"`.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from fourfloor.errors import FourfloorError

Task = TypeVar("Task")
Result = TypeVar("Result")

CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
# More threads gain nothing where every core has a process, and sums split between threads differ in the last bit.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def core_count() -> int:
    """Return how many cores this process may use: those it is bound to, or fewer where a container has a share."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = CPU_LIMIT.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no container, or "max": no limit
        return cores


def run_in_processes(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    jobs: int,
    on_result: Callable[[int, Result | None], None],
) -> None:
    """Call a module's function on every task and hand over (number, result) as they come, None where a process died.

    `jobs` 0 means one process a core. What the function raises is raised here. However this ends, no worker goes on,
    also where this process is killed.
    """
    tasks = list(tasks)
    jobs = min(jobs or core_count(), len(tasks))
    if not jobs:
        return
    pool = _Pool()
    with ThreadPoolExecutor(jobs) as threads:  # one waits for each process
        try:
            numbers = {threads.submit(pool.call, function, task): number for number, task in enumerate(tasks)}
            for future in as_completed(numbers):
                on_result(numbers[future], future.result())
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            pool.close()


class _Pool:
    """Worker processes, started when they are needed and used again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._closed = False

    def call(self, function: Callable[[Task], Result], task: Task) -> Result | None:
        with self._lock:
            if self._closed:
                return None
            if self._idle:
                worker = self._idle.pop()
            else:
                worker = _Worker()
                self._workers.append(worker)
        try:
            error, result = worker.call((function, task))
        except (EOFError, OSError):
            worker.end()
            return None
        with self._lock:
            self._idle.append(worker)
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        with self._lock:
            self._closed = True
        for worker in self._workers:
            worker.end()


class _Worker:
    """One process that calls functions until its standard input ends."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!a}; from fourfloor.processes import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | ONE_THREAD,
            start_new_session=True,  # Ctrl-C in the terminal reaches the parent alone, which ends the workers
        )

    def call(self, message: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, message)
        return ForkingPickler.loads(_receive(self._process.stdout))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what a dead process did not take is dropped
                stream.close()  # type: ignore[union-attr]


def _send(stream: Any, message: Any) -> None:
    content = ForkingPickler.dumps(message)
    stream.write(len(content).to_bytes(8, "little"))
    stream.write(content)
    stream.flush()


def _receive(stream: Any) -> bytes:
    """Read one message as bytes; EOFError where the other process has ended."""
    size = stream.read(8)
    content = stream.read(int.from_bytes(size, "little")) if len(size) == 8 else b""
    if len(size) < 8 or len(content) < int.from_bytes(size, "little"):
        raise EOFError
    return content


def serve() -> None:
    """Be a worker: take tasks from standard input and put results on standard output."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not mix with the results
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(sys.stdin.buffer, waiting), daemon=True).start()
    while True:
        _send(results, _answer(waiting.get()))


def _take(stream: BinaryIO, waiting: queue.SimpleQueue[bytes]) -> None:
    """Put messages into the queue; end this process, whatever it is doing, when the parent has ended."""
    while True:
        try:
            waiting.put(_receive(stream))
        except EOFError:
            os._exit(1)


def _answer(message: bytes) -> tuple[Exception | None, Any]:
    try:
        function, task = ForkingPickler.loads(message)
    except Exception as error:
        return _able_to_travel(error), None
    return outcome(function, task)


def outcome(function: Callable[[Task], Result], task: Task) -> tuple[Exception | None, Result | None]:
    """Call a function in a process of its own: return (None, its result), or (what it raised, None)."""
    try:
        return None, function(task)
    except Exception as error:
        return _able_to_travel(error), None


def _able_to_travel(error: Exception) -> Exception:
    """Return an exception that another process can raise; a bug says where it is."""
    if not isinstance(error, FourfloorError):
        error.add_note("in a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
    return error
