"""Training in several processes: the same as in one, for every family, whatever dies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from clusters import content, done, fourfloor, kill, needs_ray, processes_with, wait_until
from every_family import train_and_go_on

from fourfloor.models import families
from fourfloor.training import checkpoint
from fourfloor.training.ranks import Ranks

pytestmark = needs_ray  # not by Ray: these tests take time, and belong to make test-scale
TESTS = Path(__file__).resolve().parents[1]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone")
RECIPE = """
[representation]
name = "latent"
[model]
family = "flow"
width = 32
depth = 2
heads = 2
[training]
batch_size = 4
parts = 2
warmup_steps = 1
validate_every = 5
checkpoint_seconds = 1e-9
listen_seconds = 0
threads = 1
precision = "fp32"
"""


def states(run: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load_latest(run).tensors


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory, dataset_folder: Path, truth_folder: Path) -> Path:
    """Return the runs of all families by two processes: two steps, and a third as a run that goes on."""
    out = tmp_path_factory.mktemp("two")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    script = TESTS / "scale" / "every_family.py"
    done([*TORCHRUN, "--nproc-per-node", "2", str(script), *map(str, (dataset_folder, truth_folder, out))],
         env=environment)  # fmt: skip
    return out


@pytest.fixture(scope="module")
def of_one(tmp_path_factory: pytest.TempPathFactory, dataset_folder: Path, truth_folder: Path) -> Path:
    """Return the same runs by one process."""
    out = tmp_path_factory.mktemp("one")
    train_and_go_on(dataset_folder, truth_folder, out, Ranks())
    return out


def test_every_process_goes_on_from_the_state_of_one(of_two: Path, of_one: Path) -> None:
    """Before the first resumed step: batch, rate, parameters, averages, optimizers, random states; all exact."""
    for family in families():
        alone = json.loads((of_one / family / "rank-0.json").read_text())
        ranks = [json.loads((of_two / family / f"rank-{rank}.json").read_text()) for rank in range(2)]
        assert alone["step"] == 2
        assert len(alone["tensors"]) > 2
        assert ranks[0].pop("parts") | ranks[1].pop("parts") == alone.pop("parts"), family
        assert ranks == [alone, alone], family


def test_two_processes_train_every_family_as_one_does(of_two: Path, of_one: Path) -> None:
    """Two sums of two numbers are equal whoever adds them, so nothing differs, not even in the last bit."""
    for family in families():
        ours, theirs = states(of_one / family), states(of_two / family)
        assert ours.keys() == theirs.keys()
        differing = {name: float((ours[name].double() - theirs[name].double()).abs().max())
                     for name in ours if not torch.equal(ours[name], theirs[name])}  # fmt: skip
        assert differing == {}, family
        logs = [(folder / family / "log.jsonl").read_text() for folder in (of_one, of_two)]
        assert logs[0] == logs[1], family


def test_no_thread_of_the_group_outlives_the_training(of_two: Path) -> None:
    """Such a thread aborts its process where it asks for Python after the end: one training of some fifty."""
    left = [(of_two / f"threads-{rank}.txt").read_text().split() for rank in range(2)]
    assert all(left)
    assert not any("gloo" in thread for threads in left for thread in threads)


@pytest.fixture
def command(tmp_path: Path, dataset_folder: Path) -> list[str]:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return [str(tmp_path / "tiny.toml"), "--data", str(dataset_folder), "--device", "cpu", "--steps", "40"]


def torchrun(count: int, *arguments: object) -> list[str]:
    return [*TORCHRUN, "--nproc-per-node", str(count), "-m", "fourfloor", "train", *map(str, arguments)]


def test_a_killed_process_stops_all_and_the_run_goes_on_from_the_same_step(tmp_path: Path, command: list[str]) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    done(fourfloor("train", *command, "--out", one))
    mark = f"FOURFLOOR_KILL_TEST={tmp_path}"
    process = subprocess.Popen(
        torchrun(2, *command, "--out", two), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"FOURFLOOR_KILL_TEST": str(tmp_path)},
    )  # fmt: skip
    wait_until(lambda: len(checkpoint.descriptions(two)) > 1 or process.poll() is not None)
    victim = next(number for number in processes_with(mark) if "RANK=1" in environment_of(number))
    kill(victim)
    _, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "another process of this training ended, so all stop; what is saved is kept: run the same command" in errors
    wait_until(lambda: not processes_with(mark))
    saved = checkpoint.load_latest(two)
    assert 0 < saved.step < 40
    ended = done([*torchrun(2, *command, "--out", two), "--resume"])
    assert ended.stdout.count("40 steps") == 1  # one process prints
    assert {name: value for name, value in content(two).items() if name == "log.jsonl"} == {
        "log.jsonl": (one / "log.jsonl").read_bytes()
    }
    ours, theirs = states(one), states(two)
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_another_number_of_processes_is_said_or_refused(tmp_path: Path, command: list[str]) -> None:
    run = tmp_path / "run"
    short = [*command[:-1], "4"]
    done(torchrun(2, *short, "--out", run))
    before = states(run)
    refused = done([*torchrun(3, *command, "--out", run), "--resume"], code=1)
    assert "this run has its batches in 2 parts, which 3 processes cannot share evenly" in refused.stderr
    assert all(torch.equal(value, states(run)[name]) for name, value in before.items())
    ended = done(fourfloor("train", *command, "--out", run, "--resume"))
    assert "the run had 2 processes and now has 1: its losses may differ in the last digits" in ended.stderr
    done(fourfloor("train", *command, "--out", tmp_path / "one"))
    assert (run / "log.jsonl").read_bytes() == (tmp_path / "one" / "log.jsonl").read_bytes()


def test_what_all_refuse_is_said_once(tmp_path: Path, command: list[str]) -> None:
    refused = done(torchrun(2, *command, "--out", tmp_path / "x", "--set", "training.batch_size=3"), code=1)
    assert refused.stderr.count("training.batch_size 3 cannot be split into 2 equal parts") == 1
    refused = done(torchrun(2, tmp_path / "tiny.toml", "--data", tmp_path / "none", "--out", tmp_path / "y"), code=1)
    assert refused.stderr.count("holds no dataset") == 1


def environment_of(process: int) -> list[str]:
    return Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
