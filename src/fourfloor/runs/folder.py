"""The folder of a run: who may train in it, what it goes on from, and what it says of itself."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from fourfloor import recipe
from fourfloor.errors import FourfloorError
from fourfloor.saving import kept_if_filled, remove_leftovers, save_file
from fourfloor.stores import Place
from fourfloor.training import checkpoint, state
from fourfloor.training.config import Budget
from fourfloor.training.progress import OnProgress, Progress
from fourfloor.workspace import visible_names

LOCK = "lock"
RESUMED = (*state.NEEDED, "recipe", "shape", "vocabulary", "data_hash")  # what a checkpoint to go on from must hold


@contextmanager
def claimed(run: Path) -> Iterator[None]:
    """Hold a run folder for as long as this process trains in it; FourfloorError where it is used for something else.

    A run writes recipe.toml and more: in a folder of the user's it could replace files.
    """
    began = (run / checkpoint.FOLDER).is_dir() or (run / "run.json").is_file()
    if not began and run.is_dir() and (others := visible_names(run) - {LOCK}):
        raise FourfloorError(
            f"{run}: holds {sorted(others)[0]!a}, which no training wrote; choose a new folder for --out"
        )
    with kept_if_filled(run), _locked(run):
        for place in (run, run / checkpoint.FOLDER):
            remove_leftovers(place)
        yield


@contextmanager
def _locked(run: Path) -> Iterator[None]:
    """Lock a run folder, which is made where there is none; in the end nothing is left of one that holds nothing."""
    lock = FileLock(run / LOCK, thread_local=False)
    try:
        (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise FourfloorError(f"{run}: another process is training there; wait, or choose another --out") from None
    except OSError as error:
        raise FourfloorError(
            f"{run}: cannot be used as a run folder ({error.strerror}); choose another --out"
        ) from None
    try:
        yield
    finally:
        lock.release()
        if not visible_names(run) - {LOCK, checkpoint.FOLDER}:
            with suppress(OSError):  # checkpoints are there
                (run / checkpoint.FOLDER).rmdir()
                (run / LOCK).unlink()


def is_claimed(run: Path) -> bool:
    """Return whether a process trains in a run folder."""
    if not (run / LOCK).exists():
        return False
    try:
        with FileLock(run / LOCK, thread_local=False).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # not to be written, so nobody trains there
        return False


def resumed_from(
    run: Path, plan: recipe.Recipe, resume: bool, budget: Budget, on_progress: OnProgress
) -> checkpoint.Checkpoint | None:
    """Return the checkpoint to go on from, None for a run that starts; say what differs from an uninterrupted run.

    FourfloorError where a run is there and none was asked for, or the reverse, and where less is asked for than it has.
    """
    if not checkpoint.descriptions(run):
        if (run / "run.json").exists():
            reason = "was ended before its first checkpoint, so there is nothing to go on from"
            on_progress(Progress(message=f"{run}: {reason}; it starts again"))
        elif resume:
            raise FourfloorError(f"{run}: has no checkpoint to resume; leave --resume out")
        return None
    if not resume:
        raise FourfloorError(f"{run}: holds a run already; pass --resume to go on, or choose another --out")
    latest = checkpoint.load_latest(run, RESUMED)
    for told in _differences(run, plan, budget, latest):
        on_progress(Progress(latest.step, elapsed=latest.meta["elapsed"], message=told))
    return latest


def _differences(run: Path, plan: recipe.Recipe, budget: Budget, latest: checkpoint.Checkpoint) -> Iterator[str]:
    """Say in what a resumed run will not equal an uninterrupted one; FourfloorError where it has more than is asked."""
    threads, minutes = latest.meta["threads"], latest.meta["elapsed"] / 60
    now = plan.training.threads or torch.get_num_threads()
    if threads != now:
        yield f"the run had {threads} threads and now has {now}: its losses will differ in the last digits"
    if budget.steps is not None and budget.steps < latest.step:
        reason = f"{run}: has {latest.step} steps, --steps {budget.steps} asks for fewer"
        raise FourfloorError(f"{reason}; ask for more, or choose another --out")
    planned = latest.meta.get("planned_steps", budget.steps)
    if planned != budget.steps and plan.training.decay_share:
        before, now_planned = (
            "no fixed end" if end is None else f"step {end} as its end" for end in (planned, budget.steps)
        )
        yield f"the run had {before} and now has {now_planned}: its learning rate falls toward the end"
    if budget.is_spent(latest.step, latest.meta["elapsed"]):
        yield f"{run}: has {latest.step} steps in {minutes:.1f} min, all that was asked for; nothing is left to train"


def describe(
    run: Path, plan: recipe.Recipe, meta: dict[str, Any], data: Sequence[Place], resumed: checkpoint.Checkpoint | None
) -> None:
    """Write the resolved recipe into a new run, or check that a resumed one is the same experiment."""
    if resumed:
        same = {
            "another recipe": is_same_experiment(plan, resumed.meta["recipe"]),
            "another dataset": resumed.meta["data_hash"] == meta["data_hash"],
            "other styles": resumed.meta["vocabulary"] == meta["vocabulary"],
        }
        for what, holds in same.items():
            if not holds:
                raise FourfloorError(f"{run}: was trained with {what}; resume with the same, or start another")
    save_file(run / "recipe.toml", plan.to_toml().encode())
    about = {**meta, "data": [str(path) for path in data]}
    save_file(run / "run.json", (json.dumps(about, indent=1) + "\n").encode())


def is_same_experiment(plan: recipe.Recipe, saved: dict[str, Any]) -> bool:
    """Return whether a checkpoint's recipe trains what this one does, however long and with however many reports.

    A key that came into being after the checkpoint counts with its default.
    """
    try:
        return _without_budget(plan) == _without_budget(recipe.parse(saved, "checkpoint"))
    except FourfloorError:
        return False


def _without_budget(plan: recipe.Recipe) -> recipe.Recipe:
    """Leave out of a recipe what may change between the parts of one run; how it samples trains nothing."""
    training = replace(plan.training, minutes=1.0, checkpoint_seconds=0.0, listen_seconds=0.0, threads=0)
    return replace(plan, about=recipe.About(), training=training, generation=None)
