"""Work shared out to processes: every result arrives, a death is told, and nothing goes on working afterward."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fourfloor import processes
from fourfloor.errors import FourfloorError
from fourfloor.processes import core_count, run_in_processes

ASLEEP = """
import sys, time
sys.path[:] = {path!r}
from pathlib import Path
from fourfloor.processes import run_in_processes
from test_processes import sleep_after_telling
files = [Path({folder!r}) / name for name in ("one", "two")]
run_in_processes(sleep_after_telling, files, 2, lambda number, result: None)
"""


def square(number: int) -> int:
    print("a library says something")  # on standard output, where the results go
    return number * number


def worker_of(task: int) -> tuple[int, int, str]:
    return task, os.getpid(), os.environ["OMP_NUM_THREADS"]


def fail_at_three(number: int) -> int:
    if number == 3:
        raise FourfloorError("three is too many")
    return number


def die_at_three(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


def divide_by(number: int) -> float:
    return 1 / number


def raise_what_cannot_travel(number: int) -> None:
    class LocalError(Exception):
        pass

    raise LocalError(f"of {number}")


def sleep_after_telling(path: Path) -> Path:
    path.write_text(f"{os.getpid()}\n")
    time.sleep(300)
    return path


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def results(function, tasks, jobs: int) -> dict:
    found: dict = {}
    run_in_processes(function, tasks, jobs, found.__setitem__)
    return found


def test_every_task_has_its_result() -> None:
    assert results(square, range(9), 2) == {number: number * number for number in range(9)}
    assert results(square, [], 2) == {}


def test_processes_are_used_again_and_have_one_thread_each() -> None:
    found = results(worker_of, range(8), 2).values()
    assert [task for task, _, _ in found] != []
    assert {threads for _, _, threads in found} == {"1"}
    workers = {process for _, process, _ in found}
    assert 1 <= len(workers) <= 2
    assert os.getpid() not in workers
    assert not any(is_alive(process) for process in workers)


def test_a_process_that_dies_costs_one_task_alone() -> None:
    assert results(die_at_three, range(8), 2) == {n: None if n == 3 else n for n in range(8)}


def test_an_error_is_raised_here_and_says_where_it_came_from() -> None:
    with pytest.raises(FourfloorError, match=r"^three is too many$"):
        results(fail_at_three, range(8), 2)
    with pytest.raises(ZeroDivisionError) as caught:
        results(divide_by, [0], 1)
    assert "in divide_by" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="LocalError: of 0"):
        results(raise_what_cannot_travel, [0], 1)


def test_what_goes_wrong_with_a_result_ends_the_workers(tmp_path: Path) -> None:
    workers = []

    def refuse(number: int, result: object) -> None:
        workers.append(result[1])  # type: ignore[index]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_processes(worker_of, range(100), 2, refuse)
    assert not is_alive(workers[0])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(tmp_path: Path, number: int) -> None:
    code = ASLEEP.format(path=[*sys.path, str(Path(__file__).parent)], folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, env={"PATH": ""}) as parent:
        deadline = time.monotonic() + 120
        while sum("\n" in path.read_text() for path in tmp_path.iterdir()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        workers = [int(path.read_text()) for path in tmp_path.iterdir()]
        assert len([process for process in workers if is_alive(process)]) == 2
        parent.send_signal(number)
        parent.wait(timeout=120)
        deadline = time.monotonic() + 30
        while any(is_alive(process) for process in workers) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(is_alive(process) for process in workers)


def test_a_containers_share_of_the_cores_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(processes, "CPU_LIMIT", tmp_path / "cpu.max")
    for limit, cores in (("max 100000", 8), ("150000 100000", 2), ("900000 100000", 8), ("10000 100000", 1)):
        (tmp_path / "cpu.max").write_text(limit + "\n")
        assert core_count() == cores
    (tmp_path / "cpu.max").unlink()
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert core_count() == 6
