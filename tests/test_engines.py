"""The choice of an engine, and what is said where there is none."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fourfloor as ff
from fourfloor.engines import check_engine, check_jobs, cluster, opened, run_in_processes, run_in_threads
from fourfloor.errors import FourfloorError


def square(number: int) -> int:
    return number * number


def test_threads_take_few_tasks_at_a_time_and_give_results_in_order() -> None:
    taken: list[int] = []
    found: list[tuple[int, int | None]] = []

    def tasks() -> Iterator[int]:
        for number in range(9):
            taken.append(number)
            yield number

    def take(number: int, result: int | None) -> None:
        assert len(taken) <= 4 * (number // 4 + 1)
        found.append((number, result))

    run_in_threads(square, tasks(), 2, take)
    assert found == [(number, number * number) for number in range(9)]


def test_jobs_are_bounded_by_what_the_engine_can_run() -> None:
    check_jobs(256, "local")
    check_jobs(1000, "ray")
    with pytest.raises(FourfloorError, match="jobs 257 is outside 0-256: choose one in that range"):
        check_jobs(257, "local")


@pytest.mark.parametrize(
    ("name", "address", "told"),
    [
        ("dask", None, "engine 'dask' is unknown: use local or ray"),
        ("local", "head:6379", "the address head:6379 is that of a Ray cluster: add --engine ray"),
    ],
)
def test_an_engine_that_is_none_is_refused(name: str, address: str | None, told: str, tmp_path: Path) -> None:
    with pytest.raises(FourfloorError, match=told):
        check_engine(name, address)
    for call in (
        lambda: ff.ingest(tmp_path, tmp_path / "out", engine=name, address=address),
        lambda: ff.produce(tmp_path / "out", engine=name, address=address),
        lambda: ff.evaluate(tmp_path, against=tmp_path, engine=name, address=address),
    ):
        with pytest.raises(FourfloorError, match=told):
            call()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let imports of Ray fail, and put back afterward what is set for it in the environment."""
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "ray.exceptions", raising=False)
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"):
        monkeypatch.setenv(name, "1")


@pytest.mark.usefixtures("without_ray")
def test_without_ray_the_command_to_type_is_said() -> None:
    told = r"^--engine ray needs ray\. Type: pip install 'fourfloor\[scale\]'$"
    with pytest.raises(FourfloorError, match=told), opened("ray", None, run_in_processes):
        pass


@pytest.mark.usefixtures("without_ray")
def test_ray_sends_no_statistics() -> None:
    with pytest.raises(FourfloorError), opened("ray", None, run_in_processes):
        pass
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:port", "head:99999999", ":6379", "a b:1"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(FourfloorError, match="is not HOST:PORT"):
        cluster._check_answer(address)


def test_an_address_where_nothing_answers_is_refused_in_seconds() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(FourfloorError, match=rf"nothing answers at 127\.0\.0\.1:{port}; start Ray there: ray"):
            cluster._check_answer(f"127.0.0.1:{port}")
        held.listen()
        cluster._check_answer(f"127.0.0.1:{port}")
    with pytest.raises(FourfloorError, match=r"nothing answers at 127\.0\.0\.1:70000"):
        cluster._check_answer("127.0.0.1:70000")


def test_a_machine_must_have_the_same_code_packages_and_folder(tmp_path: Path) -> None:
    code, versions = cluster._code(), cluster._versions()
    mark = tmp_path / "mark"
    mark.touch()
    assert cluster._Setting(code, versions, mark).problem() is None
    assert cluster._Setting(code, versions, None).problem() is None
    other = {**versions, "numpy": "1.0"}
    for setting, told in (
        (cluster._Setting("other", versions, mark), "has another version of fourfloor; install the same on every"),
        (cluster._Setting(code, other, mark), f"has numpy {np.__version__}, other machines 1.0; install the same"),
        (cluster._Setting(code, versions, tmp_path / "x" / "mark"), f"does not see {tmp_path / 'x'}; put the dataset"),
    ):
        problem = setting.problem()
        assert problem is not None
        assert told in problem


def test_the_mark_of_a_shared_folder_goes_again(tmp_path: Path) -> None:
    with cluster._marked(tmp_path) as mark:
        assert list(tmp_path.iterdir()) == [mark]
    assert list(tmp_path.iterdir()) == []


def test_threads_raise_what_a_task_raises() -> None:
    def fail(number: int) -> int:
        raise FourfloorError(f"{number} from {threading.current_thread().name[:6]}")

    with pytest.raises(FourfloorError, match="0 from Thread"):
        run_in_threads(fail, [0, 1], 2, lambda number, result: None)
