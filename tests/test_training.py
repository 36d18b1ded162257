"""The loop: exact resume, signals, kill -9, numbers that are not finite."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import RECIPES, TINY
from torch import nn

from fourfloor.errors import FourfloorError
from fourfloor.training import checkpoint, loop
from fourfloor.training.log import read
from fourfloor.training.muon import Muon, orthogonalized


class Line(nn.Module):
    """The smallest model that trains: one matrix."""

    def __init__(self, poison_at: int | None = None, poison_gradient: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.poison_at, self.poison_gradient = poison_at, poison_gradient

    def parameter_groups(self):
        return {"model": self.parameters()}

    def losses(self, batch, step):
        error = (self.layer(batch["x"]) + 0.1 * torch.randn(len(batch["x"]), 1) - batch["x"].sum(1, keepdim=True)) ** 2
        loss = error.mean()
        if self.poison_at is not None and step >= self.poison_at and self.training:
            loss = loss + (torch.sqrt(self.layer.weight.sum() * 0) if self.poison_gradient else float("nan"))
        yield "model", loss, {"error": loss.detach()}


def batches(split: str, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"x": rng.standard_normal((size, 3)).astype(np.float32)}


def run_line(run: Path, steps: int, model: Line | None = None, patience: int = 2, **options: Any) -> loop.State:
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    config = loop.Config(
        batch_size=4, precision="fp32", validate_every=3, check_every=3, patience=patience, seed=1,
        checkpoint_seconds=1e-9,
    )  # fmt: skip
    torch.manual_seed(1)
    return loop.train(model or Line(), batches, config, run, meta={}, steps=steps, **options)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    straight = run_line(tmp_path / "straight", 12)

    def stop(progress: loop.Progress) -> None:
        if progress.step == 8:
            raise TimeoutError

    # The rate of a run depends on its planned length, so the first part is cut off rather than planned shorter.
    with pytest.raises(TimeoutError):
        run_line(tmp_path / "parts", 12, on_progress=stop)
    resumed = run_line(tmp_path / "parts", 12, resumed=checkpoint.load_latest(tmp_path / "parts"))
    assert (tmp_path / "parts" / "log.jsonl").read_bytes() == (tmp_path / "straight" / "log.jsonl").read_bytes()
    for name, value in straight.ema.state_dict().items():
        assert torch.equal(value, resumed.ema.state_dict()[name])


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
    def fails(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        if step:
            raise FourfloorError("no sound")
        return float("inf"), {}

    told: list[str] = []
    state = run_line(tmp_path, 12, check=fails, on_progress=lambda progress: told.append(progress.message))
    assert (state.step, state.best_step) == (12, None)
    assert checkpoint.load_best(tmp_path).step == 12
    assert "step 3: check failed: no sound" in told


class Measuring(Line):
    """Counts how often it measured its training set, in a buffer as what it measures would be."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("measured", torch.zeros(1))

    def prepare(self, batches) -> None:
        self.measured += len(next(iter(batches))["x"]) == 4


def test_the_first_check_hears_the_model_before_it_measures_anything(tmp_path: Path) -> None:
    heard: list[tuple[int, float]] = []

    def check(model: nn.Module, step: int) -> tuple[float, dict[str, float]]:
        heard.append((step, model.measured.item()))
        return float(step), {"style": float(step)}

    def stop(progress: loop.Progress) -> None:
        if progress.step == 1:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        run_line(tmp_path, 3, Measuring(), check=check, on_progress=stop)
    state = run_line(tmp_path, 3, Measuring(), check=check, resumed=checkpoint.load_latest(tmp_path))
    assert heard == [(0, 0.0), (3, 1.0)]
    assert (state.best_step, state.ema.measured.item()) == (0, 0.0)


def test_a_stop_while_it_measures_keeps_the_model_as_it_came(tmp_path: Path) -> None:
    class Stopped(Measuring):
        def prepare(self, batches) -> None:
            super().prepare(batches)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(loop.Stopped):
        run_line(tmp_path, 3, Stopped(), check=scripted_check)
    saved = checkpoint.load_latest(tmp_path)
    assert (saved.step, saved.part("ema")["measured"].item()) == (0, 0.0)


def test_a_stopped_run_has_measured_what_it_needs_to_be_used(tmp_path: Path) -> None:
    class Calibrated(Line):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calibrated", torch.zeros(()))

        def calibrate(self, batches, rng) -> None:
            self.calibrated.add_(next(iter(batches))["x"].shape[1])

    def stop(progress: loop.Progress) -> None:
        if progress.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(loop.Stopped):
        run_line(tmp_path, 5, Calibrated(), on_progress=stop)
    saved = checkpoint.load_latest(tmp_path)
    assert (saved.step, saved.part("ema")["calibrated"].item()) == (2, 3.0)


@pytest.mark.parametrize("cut", [1, 8, 11])
def test_a_resumed_run_checks_and_stops_like_an_uninterrupted_one(tmp_path: Path, cut: int) -> None:
    def stop(progress: loop.Progress) -> None:
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


@pytest.mark.parametrize("poison_gradient", [False, True], ids=["loss", "gradient"])
def test_numbers_that_are_not_finite_never_reach_the_weights(tmp_path: Path, poison_gradient: bool) -> None:
    model = Line(poison_at=5, poison_gradient=poison_gradient)
    with pytest.raises(loop.DivergedError, match="10 steps in a row"):
        run_line(tmp_path, 100, model)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    saved = checkpoint.load_latest(tmp_path)
    assert all(torch.isfinite(value.float()).all() for value in saved.tensors.values())
    assert [line["skipped"] for line in read(tmp_path / "log.jsonl")] == [False] * 5 + [True] * 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops(tmp_path: Path, number: int) -> None:
    def interrupt(progress: loop.Progress) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), number)

    with pytest.raises(loop.Stopped, match="after step 4") as caught:
        run_line(tmp_path, 100, on_progress=interrupt)
    assert caught.value.exit_code == 128 + number
    assert checkpoint.load_latest(tmp_path).step == 4


def test_the_rate_warms_up_and_falls_to_a_tenth() -> None:
    config = loop.Config(learning_rate=1.0, warmup_steps=10, decay_share=0.2)
    rates = [loop.learning_rate(config, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[50] == 1.0
    assert rates[99] == pytest.approx(0.1)
    assert loop.learning_rate(config, 10_000, None) == 1.0


@pytest.mark.parametrize("shape", [(96, 80), (70, 130)])
def test_muon_steps_like_torchs_own(shape: tuple[int, int]) -> None:
    start, gradients = torch.randn(shape), [torch.randn(shape) for _ in range(3)]
    moved = []
    for build in (
        lambda p: Muon([p], weight_decay=0.1, dtype=torch.bfloat16, lr=0.02),
        lambda p: torch.optim.Muon([p], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    ):
        matrix = torch.nn.Parameter(start.clone())
        optimizer = build(matrix)
        for gradient in gradients:
            matrix.grad = gradient.clone()
            optimizer.step()
        moved.append(matrix.detach())
    torch.testing.assert_close(moved[0], moved[1], atol=1e-5, rtol=1e-4)


def test_muon_brings_singular_values_near_one() -> None:
    matrix = torch.randn(80, 200, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalized(matrix))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_muon_takes_the_matrices_only() -> None:
    model = nn.Sequential(nn.Linear(128, 128), nn.LayerNorm(128), nn.Linear(128, 4))
    adamw, muon = loop.build_optimizers(list(model.parameters()), loop.Config(optimizer="muon"))
    assert [p.shape for p in muon.param_groups[0]["params"]] == [(128, 128)]
    assert len(adamw.param_groups[0]["params"]) == 5


def train_command(dataset: Path, run: Path, *options: str, recipe: str = "prior", steps: int = 14) -> list[str]:
    return [
        sys.executable, "-m", "fourfloor", "train", str(RECIPES / f"{recipe}.toml"), "--data", str(dataset),
        "--out", str(run), "--steps", str(steps), "--device", "cpu", *TINY.get(recipe, ()),
        "--set", "training.checkpoint_seconds=1e-9", "--set", "training.threads=1", *options,
    ]  # fmt: skip


def test_kill_9_at_any_moment_loses_nothing(dataset_folder: Path, tmp_path: Path) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    subprocess.run(train_command(dataset_folder, straight), check=True, capture_output=True, timeout=240)
    rng = np.random.default_rng(0)
    for attempt in range(3):
        resume = ["--resume"] if list(killed.glob("checkpoints/*.json")) else []
        if list(killed.glob("checkpoints/step-00000014.json")):
            break
        with subprocess.Popen(train_command(dataset_folder, killed, *resume), stderr=subprocess.DEVNULL) as process:
            before = sorted(killed.glob("checkpoints/*.json"))
            for _ in range(2000):
                time.sleep(0.02)
                if sorted(killed.glob("checkpoints/*.json")) != before or process.poll() is not None:
                    break
            time.sleep(float(rng.uniform(0, 0.1)))
            process.send_signal(signal.SIGKILL)
        assert attempt or process.returncode == -signal.SIGKILL
    subprocess.run(train_command(dataset_folder, killed, "--resume"), check=True, capture_output=True, timeout=240)
    assert (killed / "log.jsonl").read_bytes() == (straight / "log.jsonl").read_bytes()
    ends = [checkpoint.load_latest(run) for run in (straight, killed)]
    assert all(torch.equal(value, ends[1].tensors[name]) for name, value in ends[0].tensors.items())


@pytest.mark.parametrize("recipe", ["prior", "decoder", "seed/beats", "spectrogram-gan"])
def test_training_needs_no_audio_library(recipe: str, dataset_folder: Path, tmp_path: Path) -> None:
    blocked = ("scipy", "soundfile", "soxr", "pyloudnorm", "PIL")
    program = f"""
import importlib.util, sys
for name in {blocked}:
    sys.modules[name] = None
    found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {blocked} else found(name, *rest)
from fourfloor.interfaces.cli import main
main()
"""
    training = train_command(dataset_folder, tmp_path / "run", recipe=recipe, steps=2)
    command = [sys.executable, "-c", program, *training[3:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert checkpoint.load_latest(tmp_path / "run").step == 2
    assert not (tmp_path / "run" / "listening").exists()


def test_a_run_explains_itself(trained_runs: dict[str, Path]) -> None:
    run = trained_runs["prior"]
    about = json.loads((run / "run.json").read_text())
    assert about["recipe"]["model"]["width"] == 32
    assert len(about["data_hash"]) == 16
    assert "width = 32" in (run / "recipe.toml").read_text()
    heard = sorted(path.name for path in (run / "listening" / "step-00000003").iterdir())
    assert "spectrograms.png" in heard
    assert sum(name.endswith(".wav") for name in heard) == 4
