"""A recipe and datasets -> a run; a run -> a small model folder."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fourfloor import api
from fourfloor.api.model import Model
from fourfloor.progress import OnNote, OnProgress, PathLike, ignore
from fourfloor.training.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a training came to; serves as the path of its folder.

    Attributes:
        run: The run's folder.
        family: The model's family.
        steps: Steps so far, those of earlier parts among them.
        seconds: How long they took.
        loss: Of the last step; None where none was finite.
        validation: The last loss on held-out loops; None where there was none.
        best_step: The step that checks kept; None without checks.
        unchanged_from: The model that it was tuned from where tuning changed nothing.
        skipped: Steps that were not finite and moved no weight.
        warnings: What went wrong and did not end the training.
        notes: Why it ended, and how far to trust the result.
    """

    run: Path
    family: str
    steps: int
    seconds: float
    loss: float | None
    validation: float | None
    best_step: int | None
    unchanged_from: str | None
    skipped: int
    warnings: Sequence[str]
    notes: Sequence[str]

    def __fspath__(self) -> str:
        return str(self.run)

    def to_json(self) -> dict[str, Any]:
        """Return what `train --json` prints."""
        return {**asdict(self), "run": str(self.run)}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A model folder; serves as its path."""

    model: Path
    bytes: int

    def __fspath__(self) -> str:
        return str(self.model)

    def to_json(self) -> dict[str, Any]:
        """Return what `export --json` prints."""
        return {"model": str(self.model), "bytes": self.bytes}


def train(
    recipe: PathLike,
    *,
    data: PathLike | Sequence[PathLike],
    out: PathLike | None = None,
    base: PathLike | Model | None = None,
    decoder: PathLike | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    resume: bool = False,
    overrides: Sequence[str] = (),
    device: str = "auto",
    stop_on_signals: bool = False,
    on_progress: OnProgress = ignore,
    on_note: OnNote = lambda note: None,
) -> Run:
    """Train a recipe's model, or tune one.

    Weights start from the recipe's seed; torch's own random state is the caller's again afterward. Two trainings at the
    same time belong into two processes: dropout takes its random numbers from torch's state.

    Args:
        recipe: The name of a recipe in the package, or a file.
        data: A dataset, or several.
        out: The run's folder; `runs/<name of the recipe>` by default.
        base: A model to tune: a `Model`, a name, a folder or a run.
        decoder: Listen through this decoder and use its codec.
        minutes: Stop after this long; without `steps` the recipe's minutes by default.
        steps: Stop after this many steps.
        resume: Go on where the run's last checkpoint ends.
        overrides: Values of the recipe, such as "training.batch_size=8".
        device: "auto", "cpu" or "cuda".
        stop_on_signals: Save and raise `Stopped` on SIGINT and SIGTERM; without it they are the caller's.
        on_progress: Called with (done, total, text) after each step and stage.
        on_note: Called with each line that is worth keeping.

    Returns:
        A `Run`; its folder holds recipe, log, checkpoints, and loops to listen to.

    Raises:
        FourfloorError: Recipe, dataset or folder do not serve, or memory is out.

    Example:
        >>> import fourfloor as ff
        >>> run = ff.train("adapt", data="data/mine", base="warehouse", on_progress=print)  # doctest: +SKIP
        >>> ff.export(run, "models/mine")  # doctest: +SKIP
    """

    def tell(progress: Progress) -> None:
        if progress.message:
            on_note(progress.message)
        else:
            on_progress(progress.share_done, 1.0, progress.text)

    several = [data] if isinstance(data, str | os.PathLike) else list(data)
    request = api.TrainRequest(
        recipe=Path(recipe), data=[Path(path) for path in several],
        run=Path("runs") / Path(recipe).stem if out is None else Path(out), minutes=minutes, steps=steps,
        resume=resume, parent=source_of(base), decoder=source_of(decoder), overrides=overrides, device=device,
        stop_on_signals=stop_on_signals,
    )  # fmt: skip
    return Run(**{**api.train(request, tell), "run": request.run})


def export(
    run: PathLike,
    out: PathLike,
    *,
    decoder: PathLike | None = None,
    license: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Join a run and the decoder it needs into a model folder: small, without training state.

    Args:
        run: The prior's run: a `Run` or a path.
        out: The model folder to write.
        decoder: The decoder's run, or a model that has one; by default the one that fits.
        license: One line for the model's CARD.md, as the rights of the music allow; by default none is stated.
        overwrite: Replace a model that is there.

    Returns:
        An `Exported`, which serves as the path for `ff.load`.

    Raises:
        FourfloorError: The run has no checkpoint, no decoder fits, or a model is there.

    Example:
        >>> import fourfloor as ff
        >>> ff.load(ff.export("runs/mine", "models/mine"))  # doctest: +SKIP
    """
    return Exported(model=Path(out), bytes=api.export(Path(run), source_of(decoder), Path(out), overwrite, license))


def source_of(model: PathLike | Model | None) -> str | None:
    """Return what a model is loaded by."""
    if isinstance(model, Model):
        return model.source
    return None if model is None else os.fspath(model)
