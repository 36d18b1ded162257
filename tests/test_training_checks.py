"""Checks while a model trains: the best step is kept, training is the same, and a signal leaves them at once."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
from test_training import Line, run_line
from torch import nn

from fourfloor.errors import FourfloorError
from fourfloor.training import checkpoint
from fourfloor.training.interruption import Stopped
from fourfloor.training.log import read
from fourfloor.training.progress import Progress

SCORES = {0: 9.0, 3: float("inf"), 6: 4.0, 9: 6.0, 12: 5.0, 15: 1.0}


def scripted_check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
    torch.randn(7)  # what a check draws must not change the training
    return SCORES[step], {"style": SCORES[step]}


def test_checks_keep_the_best_step_and_stop(tmp_path: Path) -> None:
    state = run_line(tmp_path, 30, check=scripted_check)
    assert (state.step, state.best_step, state.best_score) == (12, 6, 4.0)
    best = checkpoint.load_best(tmp_path)
    assert (best.step, checkpoint.load_latest(tmp_path).step) == (6, 12)
    assert all(torch.equal(value, best.part("ema")[name]) for name, value in state.ema.state_dict().items())
    checks = [line for line in read(tmp_path / "log.jsonl") if "style" in line]
    assert [(line["step"], line["style"]) for line in checks] == [(0, 9.0), (3, None), (6, 4.0), (9, 6.0), (12, 5.0)]
    assert [line["step"] for line in checks if "best_step" in line] == [0, 6]


def test_checks_do_not_change_what_is_trained(tmp_path: Path) -> None:
    run_line(tmp_path / "with", 9, check=scripted_check)
    run_line(tmp_path / "without", 9)
    ends = [checkpoint.load_latest(tmp_path / name).part("ema") for name in ("with", "without")]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_without_a_result_training_goes_on_and_the_newest_step_is_kept(tmp_path: Path) -> None:
    state = run_line(tmp_path, 12, check=lambda model, step: (float("inf"), {}))
    assert (state.step, state.best_step) == (12, None)
    assert checkpoint.load_best(tmp_path).step == 12


@pytest.mark.parametrize("error", [FourfloorError("no sound"), IndexError("a bug")])
def test_a_check_that_fails_ends_the_training_after_saving(tmp_path: Path, error: Exception) -> None:
    def fails(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        if step:
            raise error
        return 9.0, {}

    with pytest.raises(type(error), match=str(error)):
        run_line(tmp_path, 12, check=fails)
    assert (checkpoint.load_latest(tmp_path).step, len(read(tmp_path / "log.jsonl"))) == (3, 4)


def test_listening_that_fails_is_told_and_logged_and_a_bug_ends_the_training_after_saving(tmp_path: Path) -> None:
    told: list[str] = []

    def full(model: nn.Module, step: int) -> None:
        raise FourfloorError("the disk is full")

    run_line(tmp_path / "a", 4, listen=full, on_progress=lambda progress: told.append(progress.message))
    assert "listening at step 4 failed: the disk is full" in told
    assert read(tmp_path / "a" / "log.jsonl")[-1]["warning"] == "listening at step 4 failed: the disk is full"

    def broken(model: nn.Module, step: int) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        run_line(tmp_path / "b", 4, listen=broken)
    assert checkpoint.load_latest(tmp_path / "b").step == 4


def send_and_wait(number: int = signal.SIGTERM) -> None:
    """Be a long piece of work in which a signal comes."""
    os.kill(os.getpid(), number)
    time.sleep(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("phase", ["check", "listen"])
def test_a_signal_leaves_checks_and_listening_at_once(tmp_path: Path, phase: str, number: int) -> None:
    def check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        if phase == "check" and step == 6:
            send_and_wait(number)
        return 1.0, {"style": 1.0}

    def listen(model: nn.Module, step: int) -> None:
        if phase == "listen":
            send_and_wait(number)

    began = time.monotonic()
    with pytest.raises(Stopped) as caught:
        run_line(tmp_path, 6, check=check, listen=listen)
    assert time.monotonic() - began < 30
    assert caught.value.exit_code == 128 + number
    assert checkpoint.load_latest(tmp_path).step == 6


def test_a_check_that_a_signal_cut_short_is_made_when_the_run_goes_on(tmp_path: Path) -> None:
    checked: list[int] = []

    def check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        if step == 6 and 6 not in checked:
            checked.append(step)
            send_and_wait()
        checked.append(step)
        return SCORES[step], {"style": SCORES[step]}

    straight = run_line(tmp_path / "straight", 30, check=scripted_check)
    with pytest.raises(Stopped):
        run_line(tmp_path / "parts", 30, check=check)
    resumed = run_line(tmp_path / "parts", 30, check=check, resumed=checkpoint.load_latest(tmp_path / "parts"))
    assert checked == [0, 3, 6, 6, 9, 12]
    assert (resumed.step, resumed.best_step) == (straight.step, straight.best_step)
    assert (tmp_path / "parts" / "log.jsonl").read_bytes() == (tmp_path / "straight" / "log.jsonl").read_bytes()


def measured_by(model: nn.Module) -> float:
    """Return how often a model, an average too, measured its training set."""
    return model.get_buffer("measured").item()


class Measuring(Line):
    """Counts how often it measured its training set, in a buffer as what it measures would be."""

    measured: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("measured", torch.zeros(1))

    def prepare(self, batches) -> None:
        self.measured += len(next(iter(batches))["x"]) == 4


def test_the_first_check_hears_the_model_before_it_measures_anything(tmp_path: Path) -> None:
    heard: list[tuple[int, float]] = []

    def check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        heard.append((step, measured_by(model)))
        return float(step), {"style": float(step)}

    def stop(progress: Progress) -> None:
        if progress.step == 1:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        run_line(tmp_path, 3, Measuring(), check=check, on_progress=stop)
    state = run_line(tmp_path, 3, Measuring(), check=check, resumed=checkpoint.load_latest(tmp_path))
    assert heard == [(0, 0.0), (3, 1.0)]
    assert (state.best_step, measured_by(state.ema)) == (0, 0.0)


def test_a_stop_while_it_measures_keeps_the_model_as_it_came(tmp_path: Path) -> None:
    class Interrupted(Measuring):
        def prepare(self, batches) -> None:
            super().prepare(batches)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped):
        run_line(tmp_path, 3, Interrupted(), check=scripted_check)
    saved = checkpoint.load_latest(tmp_path)
    assert (saved.step, saved.part("ema")["measured"].item()) == (0, 0.0)


def test_a_signal_while_it_measures_ends_before_anything_is_saved(tmp_path: Path) -> None:
    class Slow(Line):
        def prepare(self, batches) -> None:
            send_and_wait(signal.SIGHUP)

    began = time.monotonic()
    with pytest.raises(Stopped, match="before the first step; nothing was trained yet") as caught:
        run_line(tmp_path, 3, Slow())
    assert time.monotonic() - began < 30
    assert caught.value.exit_code == 129
    assert checkpoint.descriptions(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 8, 11])
def test_a_resumed_run_checks_and_stops_like_an_uninterrupted_one(tmp_path: Path, cut: int) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == cut and not progress.message:
            raise TimeoutError

    straight = run_line(tmp_path / "straight", 30, check=scripted_check)
    with pytest.raises(TimeoutError):
        run_line(tmp_path / "parts", 30, check=scripted_check, on_progress=stop)
    latest = checkpoint.load_latest(tmp_path / "parts")
    resumed = run_line(tmp_path / "parts", 30, check=scripted_check, resumed=latest)
    assert latest.step == cut - 1
    assert (tmp_path / "parts" / "log.jsonl").read_bytes() == (tmp_path / "straight" / "log.jsonl").read_bytes()
    assert (resumed.step, resumed.best_step) == (straight.step, straight.best_step)
    for name, value in straight.ema.state_dict().items():
        assert torch.equal(value, resumed.ema.state_dict()[name])
