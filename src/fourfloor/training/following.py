"""The steps that every process of a training takes, and what those do that follow rank 0."""

from contextlib import nullcontext
from typing import Any

from fourfloor.stopping import on_stop
from fourfloor.training.config import Budget
from fourfloor.training.descent import learning_rate, update_ema
from fourfloor.training.interruption import Interruption, Stopped
from fourfloor.training.measuring import validate
from fourfloor.training.state import DivergedError, State
from fourfloor.training.step import descend
from fourfloor.training.task import Task


def follow(task: Task, state: State, budget: Budget) -> None:
    """Take the steps that rank 0 takes; a signal that comes here ends the training there, too."""
    stop = Interruption()
    with on_stop(stop) if task.stop_on_signals else nullcontext():
        task.ranks.share([*state.model.state_dict().values(), *state.ema.state_dict().values()])
        while True:
            over, stop.number = task.ranks.agree(False, stop.number)
            if stop.number is not None:
                raise Stopped(stop.number, state.step)
            if over:
                return
            task.ranks.share(state.model.buffers())
            take_step(task, state, budget)
            check_health(task, state)


def take_step(task: Task, state: State, budget: Budget) -> dict[str, Any]:
    """Take one step of all groups of parameters and return what to log; what is not finite moves no weight."""
    config = task.config
    rate = learning_rate(config, state.step, budget.steps)
    record = descend(state, task.batches, config, task.device, task.ranks, rate)
    healthy = not record["skipped"]
    state.bad_steps = 0 if healthy else state.bad_steps + 1
    state.step += 1
    if healthy:
        update_ema(state.ema, state.model, min(config.ema_decay, state.step / (state.step + 10)))
    if is_due(config.validate_every, state.step) and task.ranks.leads:
        record["validation"] = state.validation = validate(state.ema, task.batches, config, task.device)
    return record


def check_health(task: Task, state: State) -> None:
    """Raise DivergedError where too many steps in a row moved no weight."""
    if state.bad_steps >= task.config.max_bad_steps:
        reason = f"{task.run}: {state.bad_steps} steps in a row were not finite"
        raise DivergedError(f"{reason}; lower training.learning_rate. The last checkpoint is healthy")


def is_due(period: int, step: int) -> bool:
    """Return whether a step is one of those at which something happens; a period of 0 means never."""
    return period > 0 and step % period == 0
