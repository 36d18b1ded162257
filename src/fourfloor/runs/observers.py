"""What looks at a model while it trains: a few loops to listen to, checks that stop the training, the reference."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from fourfloor import loading, recipe
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.models import is_generative
from fourfloor.runs import outcome
from fourfloor.training import checkpoint
from fourfloor.training.progress import OnProgress, Progress
from fourfloor.training.task import Check

# Training needs torch, numpy and safetensors alone, so that it runs where no audio library is installed; what listens,
# draws and scores is imported by the steps that do.
LISTENING_LIBRARIES = ("scipy", "soxr", "PIL")
OnLoop = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a run goes on from: its own checkpoint, the model it tunes, and the decoder that renders it."""

    resumed: checkpoint.Checkpoint | None
    parent_name: str | None
    parent: loading.Trained | None
    decoder: loading.Trained | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Observers:
    """What looks at the model while it trains: both optional."""

    listen: Callable[[nn.Module, int], None] | None = None
    check: Check | None = None
    notes: list[str] = field(default_factory=list)


def observers(
    run: Path,
    plan: recipe.Recipe,
    codec: Any,
    dataset: Dataset,
    meta: dict[str, Any],
    origin: Origin,
    model: nn.Module,
    on_progress: OnProgress,
) -> Observers:
    """Prepare what looks at the model, and what its loops are compared with, as far as libraries and dataset allow."""
    notes = origin.notes + dataset.doubts() + ([] if dataset.holds_out_tracks else [outcome.late_loops(dataset)])
    missing = next((name for name in LISTENING_LIBRARIES if not importlib.util.find_spec(name)), None)
    if missing:
        if plan.training.check_every:
            notes.append(f"The training cannot stop early: {missing} is not installed")
        return Observers(notes=notes)
    from fourfloor.runs import early_stopping, listening

    check = None
    if is_generative(plan.family):
        notes += _write_reference(
            run, dataset, origin, _stage(on_progress, "taking fingerprints and measures of the loops")
        )
        if plan.training.check_every:
            on_loop = _stage(on_progress, "measuring the loops that checks compare with")
            try:
                check = early_stopping.checker(plan, codec, dataset, meta, origin.decoder, on_loop)
            except early_stopping.NothingToCompareError as error:
                notes.append(f"The training cannot stop early: {error}")
    makes_sound = is_generative(plan.family) or plan.representation_name == "magnitude"  # or turns latents into it
    listen = listening.listener(run, plan, codec, dataset, meta, origin.decoder) if makes_sound else None
    return Observers(listen=listen, check=check, notes=notes)


def _write_reference(run: Path, dataset: Dataset, origin: Origin, on_loop: OnLoop) -> list[str]:
    """Write beside a run what copies are searched in: its dataset, and what its parent model was trained on.

    Returns what to note. A parent that was trained without the audio libraries has no reference.
    """
    from fourfloor.copies import fingerprints

    if origin.resumed and (run / fingerprints.ABOUT).exists():
        try:
            fingerprints.load(run).of(dataset.data_hash, run)
            return []
        except FourfloorError as error:
            return [f"{error}; it is written again", *_fingerprints(run, dataset, origin, on_loop)]
    return _fingerprints(run, dataset, origin, on_loop)


def _fingerprints(run: Path, dataset: Dataset, origin: Origin, on_loop: OnLoop) -> list[str]:
    """Write the reference whatever is there."""
    from fourfloor.copies import fingerprints
    from fourfloor.evaluation.scores import usual_range

    heard, notes = None, []
    if origin.parent_name:
        folder = loading.folder_of(origin.parent_name)
        if (folder / fingerprints.ABOUT).exists():
            heard = fingerprints.load(folder)
        else:
            notes = [f"{folder} has no reference: passages that {origin.parent_name} was trained on cannot be found"]
    fingerprints.write(run, dataset, usual_range, heard, on_loop)
    return notes


def _stage(on_progress: OnProgress, name: str) -> OnLoop:
    """Return what shows how far a stage before the first step is."""
    return lambda done, total: on_progress(Progress(stage=name, share_done=min(1.0, done / max(1, total))))
