"""A recipe and datasets -> a run; a run -> a small model folder."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourfloor import api
from fourfloor.api.model import Model
from fourfloor.arguments import typed
from fourfloor.progress import OnNote, OnProgress, PathLike, ignore
from fourfloor.runs.outcome import Run
from fourfloor.stores import place_of
from fourfloor.training.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An exported model. Pass it wherever a model folder is expected.

    Attributes:
        model: The model folder.
        bytes: Its size.
    """

    model: Path
    bytes: int

    def __fspath__(self) -> str:
        return str(self.model)

    def to_json(self) -> dict[str, Any]:
        """Return what `export --json` prints."""
        return {"model": str(self.model), "bytes": self.bytes}


@typed
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
    """Train the model of a recipe, or fine-tune a model.

    The same recipe, dataset and seed give the same weights on one machine with the same number of threads. torch's own
    random state is restored afterward. A second training at the same time in this process is refused,
    because both would use torch's random state: start it in a process of its own.

    Args:
        recipe: Name of a recipe in the package, or a recipe file.
        data: Dataset to train on, or several of them with loops of the same length; one that is given twice counts
            twice. Each is a folder, or the address of one that `fourfloor push` sent, such as "s3://bucket/techno".
        out: Folder for the run; `runs/<name of the recipe>` by default.
        base: Model to fine-tune: a `Model`, the name of a bundled model, a model folder or a run.
        decoder: Decoder to use, and its codec; by default the one of `base`.
        minutes: Training time in minutes; by default the recipe's, unless `steps` is given.
        steps: Stop after this many steps.
        resume: Continue from the last checkpoint in `out`.
        overrides: Values for the recipe, such as "training.batch_size=8".
        device: "auto", "cpu" or "cuda".
        stop_on_signals: On SIGINT and SIGTERM save and raise `Stopped`. By default the caller handles signals.
        on_progress: Called with (done, 1.0, text): the share of the work that is done, after each step and stage.
        on_note: Called with each line that the user should read.

    Returns:
        A `Run`. Its folder holds the complete recipe, the log, checkpoints, and sample loops with spectrograms.

    Raises:
        FourfloorError: The recipe, a dataset or the folder does not fit, or memory runs out.

    Example:
        >>> import fourfloor as ff
        >>> run = ff.train(
        ...     "adapt", data="data/mine", base="runs/prior", out="runs/mine", steps=2,
        ...     overrides=["training.batch_size=2", "training.check_every=0"],
        ... )
        >>> run.family, run.steps
        ('flow', 2)
    """

    def tell(progress: Progress) -> None:
        if progress.message:
            on_note(progress.message)
        else:
            on_progress(progress.share_done, 1.0, progress.text)

    several = [data] if isinstance(data, str | os.PathLike) else list(data)
    request = api.TrainRequest(
        recipe=Path(recipe), data=[place_of(each) for each in several],
        run=Path("runs") / Path(recipe).stem if out is None else Path(out), minutes=minutes, steps=steps,
        resume=resume, parent=source_of(base), decoder=source_of(decoder), overrides=overrides, device=device,
        stop_on_signals=stop_on_signals,
    )  # fmt: skip
    return api.train(request, tell)


@typed
def export(
    run: PathLike,
    out: PathLike,
    *,
    decoder: PathLike | None = None,
    license: str | None = None,
    overwrite: bool = False,
    on_progress: OnProgress = ignore,
) -> Exported:
    """Export a run and the decoder it needs as a small model folder, without the training state.

    Args:
        run: Run of the trained or fine-tuned prior: a `Run` or a path.
        out: Model folder to write.
        decoder: Run of a decoder, or a model that contains one; by default the decoder that `ff.load(run)` uses.
        license: License for the model's CARD.md in one line, as the rights of the music allow; not stated by default.
        overwrite: Replace an existing model.
        on_progress: Called with (done, total, text) while 32 loops of the exported model are compared with the run's.

    Returns:
        An `Exported`. Pass it to `ff.load`.

    Raises:
        FourfloorError: The run has no checkpoint, no decoder fits, or a model exists at `out`.

    Example:
        >>> import fourfloor as ff
        >>> made = ff.export("runs/prior", "models/mine", license="CC-BY-4.0")
        >>> ff.load(made).generate(bars=1, redraws=0).waveform.shape
        (2, 84000)
    """
    size = api.export(Path(run), source_of(decoder), Path(out), overwrite, license, on_progress)
    return Exported(model=Path(out), bytes=size)


def source_of(model: PathLike | Model | None) -> str | None:
    """Return what a model is loaded by."""
    if isinstance(model, Model):
        return model.source
    return None if model is None else os.fspath(model)
