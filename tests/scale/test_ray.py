"""Work on a Ray cluster of two nodes: the same bytes as on this machine, whatever dies meanwhile."""

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import clusters
import numpy as np
import pytest
import soundfile
from clusters import content, done, fourfloor, kill, needs_ray, told, wait_until, workers

from fourfloor.engines import opened, run_in_processes
from fourfloor.errors import FourfloorError

pytestmark = needs_ray
RATE = 22_050
PRODUCE = ("produce", "--count", "8", "--bars", "4", "--seed", "3", "--wav")


def square(number: int) -> int:
    return number * number


def die_at_three(number: int) -> int:
    if number == 3:
        os._exit(9)
    return number


def refuse_three(number: int) -> int:
    if number == 3:
        raise FourfloorError("three is too many")
    return number


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with clusters.two_nodes() as started:
        yield started


@pytest.fixture
def tracks(tmp_path: Path, make_house_loop: Callable[..., np.ndarray]) -> list[Path]:
    paths = []
    for number, bpm in enumerate((122, 124, 126, 128, 130)):
        paths.append(tmp_path / f"_{number} track.wav")  # a folder read of Ray's skips such names
        waveform = np.tile(make_house_loop(bpm=bpm, seed=number, sample_rate=RATE), 8)
        soundfile.write(paths[-1], waveform.T, RATE)
    paths.append(tmp_path / "broken.wav")
    paths[-1].write_bytes(b"RIFF")
    return paths


@pytest.fixture(scope="module")
def produced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("expected") / "data"
    done(fourfloor(*PRODUCE, "--out", out))
    return content(out) | content(out.with_name("data-files"))


def all_of(out: Path) -> dict[str, bytes]:
    return content(out) | content(out.with_name(out.name + "-files"))


def test_results_errors_and_deaths_are_those_of_a_machine(cluster: Any) -> None:
    found: dict[int, int | None] = {}
    with opened("ray", cluster.address, run_in_processes) as engine:
        engine(square, range(30), 0, found.__setitem__)
        assert found == {number: number * number for number in range(30)}
        engine(die_at_three, range(5), 0, found.__setitem__)
        assert [found[number] for number in range(5)] == [0, 1, 2, None, 4]
        with pytest.raises(FourfloorError, match=r"^three is too many$"):
            engine(refuse_three, range(8), 0, found.__setitem__)


def test_every_engine_cuts_the_same_dataset_in_any_order(tmp_path: Path, cluster: Any, tracks: list[Path]) -> None:
    common = ("--bars", "1", "--sample-rate", RATE)
    done(fourfloor("ingest", *tracks, *common, "--out", tmp_path / "local", "--jobs", "1"))
    expected = content(tmp_path / "local")
    for jobs, order in ((1, tracks), (4, tracks[::-1])):
        out = tmp_path / f"ray-{jobs}"
        on_ray = ("--engine", "ray", "--address", cluster.address, "--jobs", jobs)
        told = done(fourfloor("ingest", *order, *common, "--out", out, *on_ray))
        assert "broken.wav" in told.stdout
        assert content(out) == expected


def test_a_killed_worker_costs_nothing(tmp_path: Path, cluster: Any, produced: dict[str, bytes]) -> None:
    process = start_produce(tmp_path / "data", cluster)
    for _ in range(2):
        victim = wait_until(workers)[0]
        kill(victim)
        wait_until(partial(lambda gone: gone not in workers(), victim))
    assert process.wait(timeout=300) == 0
    assert all_of(tmp_path / "data") == produced


def test_a_killed_raylet_costs_nothing(tmp_path: Path, cluster: Any, produced: dict[str, bytes]) -> None:
    process = start_produce(tmp_path / "data", cluster)
    wait_until(lambda: len(workers()) > 2)
    lost = cluster.list_all_nodes()[-1]
    kill(clusters.raylet(lost))
    assert process.wait(timeout=300) == 0
    assert all_of(tmp_path / "data") == produced
    cluster.remove_node(lost)
    cluster.add_node(**clusters.node_arguments())


def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path, cluster: Any, produced: dict[str, bytes]) -> None:
    parts = tmp_path / ".data.fourfloor" / "scratch"
    process = start_produce(tmp_path / "data", cluster)
    wait_until(lambda: len(list(parts.glob("*.npz"))) >= 2)
    process.kill()
    process.wait()
    wait_until(lambda: not workers())  # Ray ends the tasks of a driver that is gone
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("*.npz")}
    process = start_produce(tmp_path / "data", cluster)
    wait_until(workers)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert process.wait(timeout=300) == 0
    assert all_of(tmp_path / "data") == produced
    assert sorted(os.listdir(tmp_path)) == ["data", "data-files"]


def start_produce(out: Path, cluster: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        fourfloor(*PRODUCE, "--out", out, "--engine", "ray", "--address", cluster.address, "--jobs", 4),
        stdout=subprocess.DEVNULL,
    )


def test_a_judgment_is_the_same_on_a_cluster(tmp_path: Path, cluster: Any) -> None:
    done(fourfloor("produce", "--count", 12, "--bars", 1, "--out", tmp_path / "data"))
    done(fourfloor("produce", "--count", 3, "--bars", 1, "--seed", 5, "--wav", "--out", tmp_path / "new"))
    judge = ("evaluate", tmp_path / "new-files", "--against", tmp_path / "data", "--rows", "A")
    local = done(fourfloor(*judge, "--out", tmp_path / "local"), code=3)
    command = fourfloor(*judge, "--out", tmp_path / "ray", "--engine", "ray", "--address", cluster.address)
    on_ray = done(command, code=3).stderr.replace(str(tmp_path / "ray"), str(tmp_path / "local"))
    assert told(on_ray) == told(local.stderr)
    assert content(tmp_path / "ray") == content(tmp_path / "local")


def test_without_an_address_ray_starts_here(tmp_path: Path) -> None:
    command = fourfloor("produce", "--count", 2, "--bars", 1, "--engine", "ray", "--out", tmp_path / "data")
    assert told(done(command).stderr) == ""
    assert (tmp_path / "data" / "catalogue.json").exists()


def test_a_machine_that_does_not_see_the_folder_says_so(tmp_path: Path, cluster: Any) -> None:
    from fourfloor.engines import cluster as module

    with opened("ray", cluster.address, run_in_processes) as engine:
        assert isinstance(engine, module.Cluster)
        engine._setting = module._Setting(module._code(), module._versions(), Path("/nowhere/mark"))
        with pytest.raises(FourfloorError, match="does not see /nowhere; put the dataset into a folder that all"):
            engine(square, range(3), 0, lambda number, result: None)


def test_a_cluster_that_is_lost_is_said_in_one_line_and_nothing_rendered_is(
    tmp_path: Path, produced: dict[str, bytes]
) -> None:
    out, parts = tmp_path / "data", tmp_path / ".data.fourfloor" / "scratch"
    with clusters.two_nodes() as lost:
        process = subprocess.Popen(
            fourfloor(*PRODUCE, "--out", out, "--engine", "ray", "--address", lost.address, "--jobs", 4),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: len(list(parts.glob("*.npz"))) >= 2)
        kill(lost.head_node.all_processes["gcs_server"][0].process.pid)
        kill(clusters.raylet(lost.head_node))
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert errors.splitlines()[-1].endswith(
        "is lost; start it and run the same command again, which keeps what is finished"
    )
    done(fourfloor(*PRODUCE, "--out", out))
    assert all_of(out) == produced
