"""The one training loop: any family, CPU or CUDA, exact resume.

In: a model whose `losses` yields what to minimize, a source of batches. Out: a run folder with the recipe, a log,
checkpoints, and what the model sounds like every few minutes.

On a CPU with the same number of threads a resumed run continues bit for bit: weights, EMA, optimizers, both random
states and the step are in the checkpoint. What happens by the clock (checkpoints, listening) draws no random number
of the training's.
"""

import copy
import itertools
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.stopping import on_stop
from fourfloor.training import checkpoint
from fourfloor.training.descent import Trainable, copy_buffers, in_bf16, losses_of, minimize, to_tensors, update_ema
from fourfloor.training.log import Log
from fourfloor.training.muon import Muon
from fourfloor.training.state import State, restore, save

Batches = Callable[[str, int, np.random.Generator], dict[str, np.ndarray]]
# Scores the averaged model at a step: lower is better, infinite is no result. The numbers behind it are logged.
Check = Callable[[nn.Module, int], tuple[float, dict[str, float]]]


@dataclass(frozen=True, kw_only=True)
class Config:
    """How a model is trained. Periods of 0 mean never."""

    minutes: float = 60.0  # where the command line gives neither --minutes nor --steps
    batch_size: int = 24
    learning_rate: float = 1e-3
    optimizer: Literal["adamw", "muon"] = "adamw"  # muon: matrices by Muon (Jordan et al. 2024), the rest by AdamW
    betas: tuple[float, ...] = (0.9, 0.95)  # of AdamW
    weight_decay: float = 0.01
    warmup_steps: int = 100
    decay_share: float = 0.2  # of `--steps`, at the end, over which the rate falls to a tenth; not with `--minutes`
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where the processor multiplies it, see `in_bf16`
    max_bad_steps: int = 10  # non-finite losses or gradients in a row before giving up
    validate_every: int = 200
    validation_batches: int = 4
    checkpoint_seconds: float = 60.0
    listen_seconds: float = 240.0
    check_every: int = 0  # steps between two checks of what the averaged model makes; the best step is the result
    patience: int = 4  # checks in a row that are no better before training stops
    seed: int = 0
    threads: int = 0  # 0: as many as torch chooses

    def __post_init__(self) -> None:
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise FourfloorError(f"betas {self.betas}: give two numbers from 0 to below 1")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise FourfloorError(f"{name} {getattr(self, name)} is outside {low:g}-{high:g}")


_RANGES: dict[str, tuple[float, float]] = {
    "minutes": (0.01, 1e5), "batch_size": (1, 4096), "learning_rate": (1e-8, 1), "weight_decay": (0, 10),
    "warmup_steps": (0, 1e6), "decay_share": (0, 1), "clip_norm": (1e-6, 1e6), "ema_decay": (0, 0.999999),
    "max_bad_steps": (1, 1e6), "validate_every": (0, 1e9), "validation_batches": (1, 1000),
    "check_every": (0, 1e9), "patience": (1, 1e6),
    "checkpoint_seconds": (0, 1e6), "listen_seconds": (0, 1e6), "seed": (0, 2**63 - 1), "threads": (0, 1024),
}  # fmt: skip


class DivergedError(FourfloorError):
    """Training produced non-finite numbers too often; the last checkpoint is healthy."""

    exit_code = 4


@dataclass
class Progress:
    """Where a run stands, for whoever shows it."""

    step: int
    loss: float
    elapsed: float
    share_done: float
    validation: float | None
    message: str = ""


def train(
    model: nn.Module,
    batches: Batches,
    config: Config,
    run: Path,
    *,
    meta: dict[str, Any],
    constants: dict[str, Tensor] | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    resumed: checkpoint.Checkpoint | None = None,
    device: str = "cpu",
    listen: Callable[[nn.Module, int], None] | None = None,
    check: Check | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> State:
    """Train until `steps` steps or `minutes` minutes are done in all, `check` finds no better, or a signal comes.

    With `check` the returned average is that of the best step; step 0 is the model as it came.

    `meta` and `constants` go into every checkpoint, so that it alone rebuilds the model. A stop by signal saves and
    then raises `Stopped`; `DivergedError` leaves the last healthy checkpoint in place.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    model.to(device).train()
    ema = copy.deepcopy(model).eval().requires_grad_(False)
    groups = cast(Trainable, model).parameter_groups()
    optimizers = {name: build_optimizers(list(group), config) for name, group in groups.items()}
    state = State(model, ema, optimizers, np.random.default_rng(config.seed))
    if resumed:
        restore(state, resumed)
    log = Log(run / "log.jsonl", from_step=state.step if resumed else None)
    began = time.monotonic() - state.elapsed
    saved = listened = time.monotonic()
    bad_steps, validation = 0, None

    stop: list[int] = []  # the signals that asked to stop
    with on_stop(stop.append):
        if check and config.check_every and not resumed:
            log.write(step=0, **_checked(check, state, batches, config, device, on_progress))
            save(state, run, meta, constants or {})
        if not state.step:
            prepare(model, batches, config, device)
            copy_buffers(model, ema)
            began = time.monotonic()  # the minutes are for training
        while not (stop or state.stale_checks >= config.patience):
            if _finished(state.step, time.monotonic() - began, steps, minutes):
                break
            batch = to_tensors(batches("train", config.batch_size, state.rng), device)
            rate = learning_rate(config, state.step, steps)
            record: dict[str, float] = {}
            healthy = True
            for group, loss, parts in losses_of(model, batch, state.step, config.precision, device):
                healthy = minimize(loss, optimizers[group], rate, config.clip_norm) and healthy
                record |= {"loss": float(loss.detach())} | {name: float(value) for name, value in parts.items()}
            bad_steps = 0 if healthy else bad_steps + 1
            state.step += 1
            if healthy:
                update_ema(ema, model, min(config.ema_decay, state.step / (state.step + 10)))
            if _due(config.validate_every, state.step):
                validation = validate(ema, batches, config, device)
                record["validation"] = validation
            if check and healthy and _due(config.check_every, state.step):
                record |= _checked(check, state, batches, config, device, on_progress)
            log.write(step=state.step, **record, skipped=not healthy)
            if bad_steps >= config.max_bad_steps:
                raise DivergedError(f"{run}: {bad_steps} steps in a row were not finite; lower training.learning_rate")
            state.elapsed = time.monotonic() - began
            on_progress(_progress(state, record["loss"], steps, minutes, validation))
            if _finished(state.step, state.elapsed, steps, minutes):
                break
            # After a step that was not finite the weights may be on their way out: keep what was saved before.
            due = config.checkpoint_seconds and time.monotonic() - saved >= config.checkpoint_seconds
            if healthy and (due or state.best_step == state.step):
                save(state, run, meta, constants or {})
                saved = time.monotonic()
            if listen and config.listen_seconds and time.monotonic() - listened >= config.listen_seconds:
                _listen(listen, state, batches, config, device, on_progress)
                listened = time.monotonic()
        if state.step or not stop:
            with _kept_random_states(device):
                finish(state, batches, config, device)
        if state.step or state.best_step is None:  # else the model as it came is saved already
            save(state, run, meta, constants or {})
        log.close()
        if stop:
            raise Stopped(stop[0], state.step)
    if state.best_step is not None:
        state.ema.load_state_dict(checkpoint.load_best(run).part("ema"))
    if listen:
        _listen(listen, state, batches, config, device, on_progress)
    return state


def _listen(
    listen: Callable[[nn.Module, int], None],
    state: State,
    batches: Batches,
    config: Config,
    device: str,
    on_progress: Callable[[Progress], None],
) -> None:
    """Let the averaged model be heard; what goes wrong there is told and does not end the training."""
    with _kept_random_states(device):
        finish(state, batches, config, device)
        try:
            listen(state.ema, state.step)
        except (OSError, FourfloorError) as error:
            on_progress(Progress(state.step, 0.0, state.elapsed, 0.0, None, f"listening failed: {error}"))


def _checked(
    check: Check,
    state: State,
    batches: Batches,
    config: Config,
    device: str,
    on_progress: Callable[[Progress], None],
) -> dict[str, float]:
    """Score the averaged model, remember whether it is the best so far, and return what to log.

    What goes wrong there is told and counts as no result. Before the first result nothing is stale.
    """
    with _kept_random_states(device):
        finish(state, batches, config, device)
        try:
            score, numbers = check(state.ema, state.step)
            told = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items())
        except (OSError, FourfloorError) as error:
            score, numbers, told = float("inf"), {}, f"check failed: {error}"
    if score < (float("inf") if state.best_score is None else state.best_score):
        state.best_step, state.best_score, state.stale_checks = state.step, score, 0
        told += "; the best so far"
    elif state.best_step is not None:
        state.stale_checks += 1
    on_progress(Progress(state.step, 0.0, state.elapsed, 0.0, None, f"step {state.step}: {told}"))
    return {**numbers, "best_step": state.step} if state.best_step == state.step else numbers


def _kept_random_states(device: str) -> AbstractContextManager[None]:
    """Put torch's random states back afterward, the device's as well."""
    return torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else [])


class Stopped(Exception):  # noqa: N818 - asked for, not an error
    """A signal ended the training after everything was saved."""

    def __init__(self, signal_number: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name} after step {step}; all of it is saved")
        self.exit_code = 128 + signal_number


def build_optimizers(parameters: list[nn.Parameter], config: Config) -> list[torch.optim.Optimizer]:
    """Return one optimizer, or with `muon` two: Muon for matrices, AdamW for everything else."""
    matrices = [p for p in parameters if p.ndim == 2 and min(p.shape) > 64] if config.optimizer == "muon" else []
    others = [p for p in parameters if not any(p is matrix for matrix in matrices)]
    decay = config.weight_decay
    betas = config.betas[0], config.betas[1]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, betas=betas, weight_decay=decay)]
    if matrices:
        dtype = torch.bfloat16 if in_bf16("auto", matrices[0].device.type) else torch.float32
        optimizers.append(Muon(matrices, weight_decay=decay, dtype=dtype))
    return optimizers


def learning_rate(config: Config, step: int, steps: int | None) -> float:
    """Return the rate at a step: a linear warm-up, a plateau, and a linear fall where the end is known."""
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warmup_steps))
    if steps and config.decay_share:
        left = (steps - step) / (config.decay_share * steps)
        rate *= max(0.1, min(1.0, left))
    return rate


@torch.no_grad()
def validate(model: nn.Module, batches: Batches, config: Config, device: str) -> float:
    """Return the mean loss on the same few validation batches each time, without touching any random state."""
    rng = np.random.default_rng(1)
    total = 0.0
    with _kept_random_states(device):
        torch.manual_seed(1)
        for _ in range(config.validation_batches):
            batch = to_tensors(batches("validation", config.batch_size, rng), device)
            total += sum(float(loss) for _, loss, _ in losses_of(model, batch, 0, config.precision, device))
    return total / config.validation_batches


def prepare(model: nn.Module, batches: Batches, config: Config, device: str) -> None:
    """Let a model that has something to measure before the first step do so, on training loops as they are."""
    measure = getattr(model, "prepare", None)
    if measure is not None:
        rng = np.random.default_rng(1)
        measure(to_tensors(batches("plain", config.batch_size, rng), device) for _ in itertools.count())


def finish(state: State, batches: Batches, config: Config, device: str) -> None:
    """Let a model that has something to measure before it is used do so, on as many training batches as it takes.

    What the averaged model measures becomes a buffer of the trained one as well, so that the next step keeps it.
    """
    calibrate = getattr(state.ema, "calibrate", None)
    if calibrate is not None:
        rng = np.random.default_rng(2)
        noise = torch.Generator().manual_seed(2)
        size = min(config.batch_size, 16)
        calibrate((to_tensors(batches("train", size, rng), device) for _ in itertools.count()), noise)
        copy_buffers(state.ema, state.model)


def _finished(step: int, elapsed: float, steps: int | None, minutes: float | None) -> bool:
    return (steps is not None and step >= steps) or (minutes is not None and elapsed >= 60 * minutes)


def _due(period: int, step: int) -> bool:
    return period > 0 and step % period == 0


def _progress(
    state: State, loss: float, steps: int | None, minutes: float | None, validation: float | None
) -> Progress:
    shares = [state.step / steps] if steps else []
    shares += [state.elapsed / (60 * minutes)] if minutes else []
    return Progress(state.step, loss, state.elapsed, max(shares, default=0.0), validation)
