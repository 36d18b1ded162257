"""Two Ray nodes on this machine, the processes on them, and what tests of scale need to be installed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

Found = TypeVar("Found")
MARK = "FOURFLOOR_SCALE_TEST"
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray. Type: make test-scale")


@contextmanager
def two_nodes() -> Iterator[Any]:
    """Start a head with two cores and a node with two more; their processes have MARK in their environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        patch.setenv(MARK, str(os.getpid()))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
        cluster = Cluster(initialize_head=True, connect=False, head_node_args=node_arguments())
        cluster.add_node(**node_arguments())
        try:
            yield cluster
        finally:
            cluster.shutdown()


def node_arguments() -> dict[str, Any]:
    """Return what `Cluster.add_node` takes for two cores and little memory."""
    return {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 200 * 2**20}


def workers() -> list[int]:
    """List the processes that run a task on the nodes of this test."""
    return [
        process
        for process in processes_with(f"{MARK}={os.getpid()}")
        if _read(Path(f"/proc/{process}/cmdline")).startswith(b"ray::_work")
    ]


def processes_with(variable: str) -> list[int]:
    """List the living processes that have `NAME=VALUE` in their environment."""
    found = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ")
             if variable.encode() in _read(path).split(b"\0")]  # fmt: skip
    return [process for process in found if process != os.getpid()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def fourfloor(*arguments: object) -> list[str]:
    """Return the command line of a command."""
    return [sys.executable, "-m", "fourfloor", *map(str, arguments)]


def done(command: Sequence[str], code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; it must end with the code."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert ended.returncode == code, ended.stderr
    return ended


def told(errors: str) -> str:
    """Return what a command printed itself: not how far it is, nor what Ray's processes log on a slow machine."""
    beside = re.compile(r"\d+ %  |\(\w+|\[\d{4}-|\d{4}-\d\d-\d\d \d\d:")
    return "".join(line for line in errors.splitlines(keepends=True) if not beside.match(line))


def wait_until(holds: Callable[[], Found], seconds: float = 300) -> Found:
    """Wait until something holds, and return it; the test fails where it does not."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def kill(process: int) -> None:
    """End a process at once, where it has not ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def raylet(node: Any) -> int:
    """Return the process of a node that Ray's own documents call its raylet."""
    return int(node.all_processes["raylet"][0].process.pid)
