"""The one training loop: any family, CPU or CUDA, exact resume.

In: a model whose `losses` yields what to minimize, a source of batches. Out: a run folder with the recipe, a log,
checkpoints, and what the model sounds like every few minutes.

On a CPU with the same number of threads a resumed run continues bit for bit: weights, EMA, optimizers, both random
states and the step are in the checkpoint. What happens by the clock (checkpoints, listening) draws no random number
of the training's.
"""

import copy
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from fourfloor.errors import FourfloorError
from fourfloor.stopping import on_stop
from fourfloor.threads import thread_limit
from fourfloor.training import checkpoint, collapse
from fourfloor.training.config import Budget
from fourfloor.training.descent import (
    build_optimizers,
    freeze_others,
    groups_of,
)
from fourfloor.training.following import check_health, follow, is_due, take_step
from fourfloor.training.interruption import Interruption, Stopped
from fourfloor.training.log import Log
from fourfloor.training.measuring import calibrate, kept_random_states, prepare
from fourfloor.training.progress import Progress
from fourfloor.training.state import State, restore, save
from fourfloor.training.step import parts_of
from fourfloor.training.task import Task

CALIBRATION_SHARE = 0.05  # of the time, at most, for measuring what a saved model needs in order to be used


@dataclass
class _Pace:
    """When what happens by the clock happened last, and the steps and time before this command; all in seconds."""

    first_step: int
    spent_before: float
    began: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    listened: float = field(default_factory=time.monotonic)
    calibrate_after: float = 0.0
    saved_step: int = 0


def train(task: Task, budget: Budget, resumed: checkpoint.Checkpoint | None = None) -> State:
    """Train until the budget is spent, `task.check` finds no better, or a signal comes.

    With a check the returned average is that of the best step; step 0 is the model as it came. A signal ends the step,
    saves and raises `Stopped`; `DivergedError` leaves the last healthy checkpoint in place. What goes wrong in a check
    or while listening is raised after the run was saved, except that a file that cannot be written there is told only.
    """
    with thread_limit(task.config.threads):
        state = _begin(task, resumed)
        if not task.ranks.leads:
            follow(task, state, budget)
            return state
        state.share_done = budget.share(state.step, state.elapsed)
        pace, stop = _Pace(state.step, state.elapsed, saved_step=state.step), Interruption()
        signals = on_stop(stop) if task.stop_on_signals else nullcontext()
        with closing(Log(task.run / "log.jsonl", from_step=state.step if resumed else None)) as log, signals:
            if not state.step:
                _start(task, state, log, stop)
            elif is_due(task.config.check_every, state.step):
                _check(task, state, log, stop)  # where a signal left it out
            task.ranks.share([*state.model.state_dict().values(), *state.ema.state_dict().values()])
            _take_steps(task, state, budget, log, pace, stop)
            if state.step and not stop:
                _check(task, state, log, stop)
            _end(task, state, log, pace, stop)
            if stop.number is not None:
                raise Stopped(stop.number, state.step)
    return state


def _take_steps(task: Task, state: State, budget: Budget, log: Log, pace: _Pace, stop: Interruption) -> None:
    """Step until the budget is spent, checks find no better, or a signal comes."""
    config = task.config
    while _goes_on(task, state, budget, log, pace, stop):
        record = take_step(task, state, budget)
        state.elapsed = pace.spent_before + time.monotonic() - budget.began
        log.write(step=state.step, **record)
        for message in collapse.follow(state.low_steps, record, state.step):
            _tell(task, state, log, message)
        check_health(task, state)
        task.on_progress(_progress(state, record, budget, pace))
        if not state.bad_steps and is_due(config.check_every, state.step):
            _check(task, state, log, stop)


def _goes_on(task: Task, state: State, budget: Budget, log: Log, pace: _Pace, stop: Interruption) -> bool:
    """Return whether another step is taken, after what is due before it; all processes learn it and get the buffers."""
    over = budget.is_spent(state.step, state.elapsed) or state.stale_checks >= task.config.patience
    if not (stop or over):
        _keep_what_is_due(task, state, log, pace, stop)
    over, stop.number = task.ranks.agree(over, stop.number)
    if over or stop:
        return False
    task.ranks.share(state.model.buffers())
    return True


def _begin(task: Task, resumed: checkpoint.Checkpoint | None) -> State:
    """Build everything that training moves, or put it back where a checkpoint left it."""
    config = task.config
    torch.manual_seed(config.seed)
    model = task.model.to(task.device).train()
    freeze_others(model, config.only)
    ema = copy.deepcopy(model).eval().requires_grad_(False)
    optimizers = {name: build_optimizers(group, config) for name, group in groups_of(model).items()}
    parts = parts_of(config, task.ranks, resumed.meta.get("parts", 1) if resumed else None)
    state = State(model, ema, optimizers, np.random.default_rng(config.seed), parts)
    if resumed:
        restore(state, resumed)
    return state


def _start(task: Task, state: State, log: Log, stop: Interruption) -> None:
    """Check the model as it came, keep it, and let it measure what it needs before the first step."""
    if state.checked_step is None and task.check and task.config.check_every:
        _check(task, state, log, stop)
        if not stop:
            save(state, task.run, task.meta, task.constants)
    stop.unless(lambda: prepare(state, task.batches, task.config, task.device, task.on_progress))


def _check(task: Task, state: State, log: Log, stop: Interruption) -> None:
    """Score the averaged model unless it was, log that, and remember whether it is the best so far.

    A signal leaves the check out; it is made when the run goes on. Before the first result nothing is stale.
    """
    check = task.check
    if check is None or not task.config.check_every or state.checked_step == state.step or state.bad_steps:
        return
    _stage(task, state, f"scoring loops of step {state.step}")

    def score() -> tuple[float, dict[str, float]]:
        calibrate(state, task.batches, task.config, task.device)
        return check(state.ema, state.step)

    with kept_random_states(task.device), _saved_on_error(task, state, log):
        scored = stop.unless(score)
    if scored is None:
        return
    value, numbers = scored
    told = ", ".join(f"{name} {number:.3g}" for name, number in numbers.items())
    state.checked_step = state.step
    if value < (float("inf") if state.best_score is None else state.best_score):
        state.best_step, state.best_score, state.stale_checks = state.step, value, 0
        told += "; the best so far"
    elif state.best_step is not None:
        state.stale_checks += 1
    log.write(step=state.step, **numbers, **({"best_step": state.step} if state.best_step == state.step else {}))
    task.on_progress(Progress(state.step, elapsed=state.elapsed, message=f"step {state.step}: {told}"))


def _keep_what_is_due(task: Task, state: State, log: Log, pace: _Pace, stop: Interruption) -> None:
    """Save and listen where the clock says so; after a step that was not finite, keep what was saved before."""
    config = task.config
    if state.step == pace.saved_step or state.bad_steps:
        return
    due = config.checkpoint_seconds and time.monotonic() - pace.saved >= config.checkpoint_seconds
    if due or state.best_step == state.step:
        _save(task, state, log, pace, stop)
    if task.listen and config.listen_seconds and time.monotonic() - pace.listened >= config.listen_seconds:
        _listen(task, state, log, stop)
        pace.listened = time.monotonic()


def _save(task: Task, state: State, log: Log, pace: _Pace, stop: Interruption) -> None:
    """Write a checkpoint that can be resumed and used: what the model measures for that is at most minutes old."""
    began = time.monotonic()
    if began >= pace.calibrate_after:
        with kept_random_states(task.device):
            stop.unless(lambda: calibrate(state, task.batches, task.config, task.device))
        pace.calibrate_after = time.monotonic() + (time.monotonic() - began) / CALIBRATION_SHARE
    log.sync()
    save(state, task.run, task.meta, task.constants)
    pace.saved, pace.saved_step = time.monotonic(), state.step


def _end(task: Task, state: State, log: Log, pace: _Pace, stop: Interruption) -> None:
    """Save the last step, take up the best one, and let it be heard; after a signal only save."""
    if state.step and (not stop or state.step > pace.saved_step):
        if not (stop and pace.calibrate_after):
            with kept_random_states(task.device):
                calibrate(state, task.batches, task.config, task.device)
        pace.calibrate_after = float("inf")
        _save(task, state, log, pace, stop)
    if stop:
        return
    if state.best_step is not None:
        state.ema.load_state_dict(checkpoint.load_best(task.run).part("ema"))
    if task.listen:
        _listen(task, state, log, stop)


def _listen(task: Task, state: State, log: Log, stop: Interruption) -> None:
    """Let the averaged model be heard; what the user can mend there is told and does not end the training."""
    listen = task.listen
    assert listen is not None
    _stage(task, state, f"writing sample loops of step {state.step}")

    def hear() -> None:
        calibrate(state, task.batches, task.config, task.device)
        listen(state.ema, state.step)

    with kept_random_states(task.device), _saved_on_error(task, state, log):
        try:
            stop.unless(hear)
        except (OSError, FourfloorError) as error:
            _tell(task, state, log, f"listening at step {state.step} failed: {FourfloorError(str(error))}")


@contextmanager
def _saved_on_error(task: Task, state: State, log: Log) -> Iterator[None]:
    """Save the run before an exception of what only looks at the model ends it."""
    try:
        yield
    except Exception:
        if state.step:
            log.sync()
            save(state, task.run, task.meta, task.constants)
        raise


def _stage(task: Task, state: State, name: str) -> None:
    """Say what goes on between the steps; the share of the run that is done stays."""
    task.on_progress(Progress(state.step, elapsed=state.elapsed, share_done=state.share_done, stage=name))


def _tell(task: Task, state: State, log: Log, warning: str) -> None:
    """Say on a line of its own, and in the log, what the user should know at the end."""
    log.write(step=state.step, warning=warning)
    task.on_progress(Progress(state.step, elapsed=state.elapsed, message=warning))


def _progress(state: State, record: dict[str, Any], budget: Budget, pace: _Pace) -> Progress:
    seconds_a_step = (time.monotonic() - pace.began) / (state.step - pace.first_step)
    state.share_done = budget.share(state.step, state.elapsed)
    collapsed = [name for name, count in state.low_steps.items() if collapse.is_collapsed(count, state.step)]
    return Progress(
        state.step,
        record["loss"],
        state.elapsed,
        state.share_done,
        state.validation,
        seconds_left=budget.seconds_left(state.step, state.elapsed, seconds_a_step),
        collapsed=", ".join(collapsed),
    )
