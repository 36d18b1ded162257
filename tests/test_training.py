"""The loop: exact resume, signals, kill -9, numbers that are not finite."""

import itertools
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
from kills import kill_and_resume
from torch import nn

from fourfloor.errors import FourfloorError
from fourfloor.runs.outcome import late_start
from fourfloor.training import checkpoint, collapse, descent, loop
from fourfloor.training.config import Budget, Config
from fourfloor.training.interruption import Stopped
from fourfloor.training.log import read
from fourfloor.training.muon import Muon, orthogonalized
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


def test_a_budget_counts_preparation_and_never_leaves_0_to_100_percent() -> None:
    budget = Budget(minutes=2.0)
    assert not budget.is_spent(0, 180.0)  # one step is always trained
    assert budget.is_spent(1, 180.0)
    assert (budget.share(1, 180.0), budget.seconds_left(1, 180.0, 2.0)) == (1.0, 0.0)
    assert (budget.share(1, 30.0), budget.seconds_left(1, 30.0, 2.0)) == (0.25, 90.0)
    both = Budget(steps=10, minutes=2.0)
    assert (both.share(5, 30.0), both.seconds_left(5, 30.0, 2.0)) == (0.5, 10.0)
    assert (both.share(12, 30.0), both.seconds_left(12, 30.0, 2.0)) == (1.0, 0.0)


def test_minutes_spent_on_preparation_leave_one_step(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    seen: list[Progress] = []
    task = loop.Task(
        model=Line(), batches=batches, config=Config(batch_size=4), run=tmp_path, meta={}, on_progress=seen.append,
        listen=lambda model, step: None,
    )  # fmt: skip
    state = loop.train(task, Budget(minutes=1.0, began=time.monotonic() - 90))
    assert state.step == 1
    assert state.elapsed >= 90
    assert [(progress.share_done, progress.seconds_left) for progress in seen if progress.loss] == [(1.0, 0.0)]
    after = [(progress.stage, progress.share_done) for progress in seen if progress.stage and progress.step]
    assert after == [("writing sample loops of step 1", 1.0)]  # which leaves the bar full


def test_a_run_with_nothing_left_to_do_is_shown_as_done(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    seen: list[Progress] = []
    task = loop.Task(
        model=Line(), batches=batches, config=Config(batch_size=4), run=tmp_path, meta={}, on_progress=seen.append,
        listen=lambda model, step: None,
    )  # fmt: skip
    for resumed in (None, lambda: checkpoint.load_latest(tmp_path)):
        seen.clear()
        loop.train(task, Budget(steps=2), resumed and resumed())
        assert [progress.share_done for progress in seen if progress.stage and progress.step] == [1.0]


def test_a_preparation_that_takes_most_of_the_minutes_is_told() -> None:
    (told,) = late_start(111.0, Budget(minutes=2.0))
    assert told.startswith("The preparation took 1.9 min of the requested 2 min, so few steps are left.")
    assert late_start(59.0, Budget(minutes=2.0)) == late_start(1e6, Budget(steps=3)) == []


def test_the_rate_warms_up_and_falls_to_a_tenth() -> None:
    config = Config(learning_rate=1.0, warmup_steps=10, decay_share=0.2)
    rates = [descent.learning_rate(config, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[50] == 1.0
    assert rates[99] == pytest.approx(0.1)
    assert descent.learning_rate(config, 10_000, None) == 1.0


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
    adamw, muon = descent.build_optimizers(list(model.parameters()), Config(optimizer="muon"))
    assert [p.shape for p in muon.param_groups[0]["params"]] == [(128, 128)]
    assert len(adamw.param_groups[0]["params"]) == 5


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
