"""The loop: exact resume, signals, kill -9, numbers that are not finite."""

import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import RECIPES, TINY
from kills import kill_and_resume
from torch import nn

from fourfloor.training import checkpoint, collapse, loop
from fourfloor.training.config import Budget, Config
from fourfloor.training.interruption import Stopped
from fourfloor.training.log import read
from fourfloor.training.progress import Progress
from fourfloor.training.state import DivergedError, State


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


def run_line(
    run: Path,
    steps: int,
    model: Line | None = None,
    patience: int = 2,
    resumed: checkpoint.Checkpoint | None = None,
    **options: Any,
) -> State:
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    config = Config(
        batch_size=4, precision="fp32", validate_every=3, check_every=3, patience=patience, seed=1,
        checkpoint_seconds=1e-9,
    )  # fmt: skip
    torch.manual_seed(1)
    task = loop.Task(model=model or Line(), config=config, run=run, meta={}, **({"batches": batches} | options))
    return loop.train(task, Budget(steps=steps), resumed)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    straight = run_line(tmp_path / "straight", 12)

    def stop(progress: Progress) -> None:
        if progress.step == 8:
            raise TimeoutError

    # The rate of a run depends on its planned length, so the first part is cut off rather than planned shorter.
    with pytest.raises(TimeoutError):
        run_line(tmp_path / "parts", 12, on_progress=stop)
    resumed = run_line(tmp_path / "parts", 12, resumed=checkpoint.load_latest(tmp_path / "parts"))
    assert (tmp_path / "parts" / "log.jsonl").read_bytes() == (tmp_path / "straight" / "log.jsonl").read_bytes()
    for name, value in straight.ema.state_dict().items():
        assert torch.equal(value, resumed.ema.state_dict()[name])


class Calibrated(Line):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("guess", torch.zeros(()))

    def calibrate(self, batches, rng) -> None:
        self.get_buffer("guess").add_(next(iter(batches))["x"].shape[1])


def test_every_checkpoint_holds_what_its_use_takes(tmp_path: Path) -> None:
    found: list[float] = []

    def look(progress: Progress) -> None:
        found.extend(checkpoint.load(path).part("ema")["guess"].item() for path in checkpoint.descriptions(tmp_path))

    run_line(tmp_path, 5, Calibrated(), on_progress=look)
    assert found
    assert min(found) > 0


def test_a_stopped_run_has_measured_what_it_needs_to_be_used(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped):
        run_line(tmp_path, 5, Calibrated(), on_progress=stop)
    saved = checkpoint.load_latest(tmp_path)
    assert (saved.step, saved.part("ema")["guess"].item()) == (2, 3.0)


@pytest.mark.parametrize("poison_gradient", [False, True], ids=["loss", "gradient"])
def test_numbers_that_are_not_finite_never_reach_the_weights(tmp_path: Path, poison_gradient: bool) -> None:
    model = Line(poison_at=5, poison_gradient=poison_gradient)
    with pytest.raises(DivergedError, match="10 steps in a row"):
        run_line(tmp_path, 100, model)
    assert all(torch.isfinite(p).all() for p in model.parameters())
    saved = checkpoint.load_latest(tmp_path)
    assert all(torch.isfinite(value.float()).all() for value in saved.tensors.values())
    assert [line["skipped"] for line in read(tmp_path / "log.jsonl")] == [False] * 5 + [True] * 10


def test_a_weight_that_is_not_finite_reaches_no_checkpoint(tmp_path: Path) -> None:
    model = Line()
    model.register_parameter("unused", nn.Parameter(torch.zeros(3)))

    def break_it(progress: Progress) -> None:
        if progress.step == 4:
            model.get_parameter("unused").data[1] = float("nan")

    with pytest.raises(DivergedError, match="weight model/unused is not finite at step 4"):
        run_line(tmp_path, 9, model, on_progress=break_it)
    assert DivergedError.exit_code == 4
    saved = checkpoint.load_latest(tmp_path)
    assert saved.step == 3
    assert all(torch.isfinite(value.float()).all() for value in saved.tensors.values())


def test_a_batch_that_is_not_finite_is_skipped_and_counted(tmp_path: Path) -> None:
    drawn = itertools.count()

    def some(split: str, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        batch = batches(split, size, rng)
        if split == "train" and next(drawn) in (2, 3):
            batch["x"][1, 1] = np.inf
        return batch

    state = run_line(tmp_path, 8, batches=some)
    assert (state.step, state.bad_steps) == (8, 0)
    assert [line["skipped"] for line in read(tmp_path / "log.jsonl")] == [False] * 2 + [True] * 2 + [False] * 4
    assert all(torch.isfinite(p).all() for p in state.model.parameters())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_and_stops(tmp_path: Path, number: int) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == 4:
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped, match="after step 4") as caught:
        run_line(tmp_path, 100, on_progress=interrupt)
    assert caught.value.exit_code == 128 + number
    assert checkpoint.load_latest(tmp_path).step == 4


@pytest.mark.parametrize(
    ("name", "healthy", "low"),
    [("wasserstein", 2.0, 1e-5), ("discriminator", 0.7, 0.0), ("kl", 4.0, 1e-6), ("spread", 0.9, 1e-4),
     ("perplexity_64", 40.0, 1.0)],
)  # fmt: skip
@pytest.mark.parametrize("begins", [1, 130])
def test_a_collapse_is_named_within_100_steps(
    tmp_path: Path, name: str, healthy: float, low: float, begins: int
) -> None:
    class Collapsing(Line):
        def losses(self, batch, step):
            for group, loss, parts in super().losses(batch, step):
                yield group, loss, parts | {name: torch.tensor(low if step + 1 >= begins else healthy)}

    seen: list[Progress] = []
    run_line(tmp_path, begins + 110, Collapsing(), on_progress=seen.append)
    (told,) = [progress for progress in seen if "collapse at step" in progress.message]
    assert begins < told.step <= begins + 100
    assert name in told.message
    (line,) = [line for line in read(tmp_path / "log.jsonl") if "warning" in line]
    assert line["warning"] == told.message
    assert {progress.collapsed for progress in seen if progress.loss and progress.step >= told.step} == {name}
    assert {progress.collapsed for progress in seen if progress.loss and progress.step < told.step} == {""}


def test_numbers_that_only_pass_near_zero_are_no_collapse() -> None:
    low_steps: dict[str, int] = {}
    values = [0.0] * 49 + [1.0] + [0.0] * 45 + [1.0] * 100 + [0.0, 1.0] * 60
    assert [collapse.follow(low_steps, {"kl": kl}, step) for step, kl in enumerate(values, 1)] == [[]] * len(values)


def train_command(dataset: Path, run: Path, *options: str, recipe: str = "prior", steps: int = 14) -> list[str]:
    return [
        sys.executable, "-m", "fourfloor", "train", str(RECIPES / f"{recipe}.toml"), "--data", str(dataset),
        "--out", str(run), "--steps", str(steps), "--device", "cpu", *TINY.get(recipe, ()),
        "--set", "training.checkpoint_seconds=1e-9", "--set", "training.threads=1", *options,
    ]  # fmt: skip


def test_kill_9_at_any_moment_loses_nothing(dataset_folder: Path, tmp_path: Path) -> None:
    command = train_command(dataset_folder, tmp_path)
    where = command.index("--out")
    assert kill_and_resume(command[:where] + command[where + 2 :], tmp_path, kills=3) >= 2


@pytest.mark.parametrize("recipe", ["prior", "decoder", "seed/beats", "spectrogram-gan"])
def test_training_needs_no_audio_library(recipe: str, dataset_folder: Path, tmp_path: Path) -> None:
    blocked = ("scipy", "soundfile", "soxr", "PIL", "mido")
    program = f"""
import importlib.util, sys
for name in {blocked}:
    sys.modules[name] = None
    found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {blocked} else found(name, *rest)
import fourfloor
fourfloor.train
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
