"""A recipe and datasets go in, a run folder with a trained model comes out."""

import errno
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fourfloor import __version__, header, loading, recipe, stages
from fourfloor.arguments import check_budget, check_types
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.models import family_module, is_generative, learns_controls
from fourfloor.representations import Representation, codec_arrays, needs_decoder, representation_module
from fourfloor.runs import folder
from fourfloor.runs.observers import Observers, Origin, observers
from fourfloor.runs.outcome import Run, late_start, outcome
from fourfloor.stores import Place
from fourfloor.trained import codec_hash
from fourfloor.training import log, loop, ranks
from fourfloor.training.config import Budget
from fourfloor.training.progress import OnProgress, Progress, ignore
from fourfloor.training.ranks import Ranks


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train, on what, for how long. Without `steps` and `minutes` the recipe's minutes count."""

    recipe: Path  # a file, or the name of a recipe in the package
    data: Sequence[Place]
    run: Path
    minutes: float | None = None
    steps: int | None = None
    resume: bool = False
    parent: str | None = None  # a model to go on from: its weights, codec and styles
    decoder: str | None = None  # renders loops while a prior trains, and gives it its codec
    overrides: Sequence[str] = ()
    device: str = "auto"
    stop_on_signals: bool = True  # save, and raise `Stopped`; without it signals are the caller's

    def __post_init__(self) -> None:
        check_types(self)
        check_budget(self.minutes, self.steps)


def train(request: TrainRequest, on_progress: OnProgress = ignore) -> Run:
    """Train a recipe's model in a run folder.

    FourfloorError in one line for a recipe, dataset or folder that does not serve, or where memory is out;
    `interruption.Stopped` after a signal in the training, whatever the caller makes of one before it.
    """
    with _alone(), ranks.joined(_device(request.device)) as processes:
        return _in_steps(request, on_progress if processes.leads else ignore, processes)


def _in_steps(request: TrainRequest, on_progress: OnProgress, processes: Ranks) -> Run:
    began = time.monotonic()
    plan = recipe.load(request.recipe, request.overrides)
    minutes = request.minutes if request.minutes or request.steps else plan.training.minutes
    budget = Budget(steps=request.steps, minutes=minutes, began=began)
    # The caller's random state is as it was afterward.
    with memory_named(plan.training.batch_size), torch.random.fork_rng():
        origin, plan, dataset, model = processes.together(
            lambda: _read(request, plan, budget, on_progress, processes), _named_content
        )  # refused before the run's folder is made
        with folder.claimed(request.run) if processes.leads else nullcontext():
            return _train(request, plan, budget, origin, dataset, model, processes, on_progress)


_Read = tuple[Origin, recipe.Recipe, Dataset, nn.Module]


def _read(
    request: TrainRequest, plan: recipe.Recipe, budget: Budget, on_progress: OnProgress, processes: Ranks
) -> _Read:
    """Read what the run goes on from and learns, and build the model."""
    origin = _origin(request, plan, budget, on_progress)
    _refuse_unchecked(request, plan, origin)
    if origin.resumed and (before := origin.resumed.meta.get("processes", 1)) != processes.count:
        told = f"the run had {before} processes and now has {processes.count}"
        on_progress(Progress(message=f"{told}: its losses may differ in the last digits"))
    plan = _with_parents_size(plan, origin.parent)
    on_progress(Progress(stage="reading the dataset"))
    return origin, plan, _dataset(request, plan, origin), _model(request, plan, origin)


def _named_content(read: _Read) -> str:
    """Name what every process must have read alike."""
    origin, plan, dataset, _ = read
    return f"{plan.to_dict()} {dataset.data_hash} {origin.resumed.step if origin.resumed else None}"


def _train(
    request: TrainRequest,
    plan: recipe.Recipe,
    budget: Budget,
    origin: Origin,
    dataset: Dataset,
    model: nn.Module,
    processes: Ranks,
    on_progress: OnProgress,
) -> Run:
    """Prepare everything that the loop needs, let it train, and say what came of it."""
    representation = representation_module(plan.representation_name)
    meta = {**_meta(plan, request.recipe.stem, dataset, origin, budget), "processes": processes.count}
    if processes.leads:
        folder.describe(request.run, plan, meta, request.data, origin.resumed)
    on_progress(Progress(stage="fitting the codec to the dataset"))
    codec = _codec(request, plan, origin, dataset, representation)
    seen_by = Observers()
    if processes.leads:
        seen_by = observers(request.run, plan, codec, dataset, meta, origin, model, on_progress)
    late = [] if origin.resumed else late_start(time.monotonic() - budget.began, budget)
    for note in [*seen_by.notes, *late]:
        on_progress(Progress(message=note))
    task = loop.Task(
        model=model,
        batches=lambda split, size, rng: representation.batch(dataset, codec, plan.representation, split, size, rng),
        config=plan.training,
        run=request.run,
        meta=meta,
        constants={name: torch.from_numpy(values) for name, values in codec_arrays(codec).items()},
        device=_device(request.device),
        listen=seen_by.listen,
        check=seen_by.check,
        on_progress=on_progress,
        stop_on_signals=request.stop_on_signals,
        ranks=processes,
    )
    state = loop.train(task, budget, origin.resumed)
    records = log.read(request.run / "log.jsonl") if processes.leads else []
    notes = [*late, *([] if seen_by.check else seen_by.notes)]
    return outcome(request.run, plan, state, records, dataset, origin.parent_name, notes)


def _origin(request: TrainRequest, plan: recipe.Recipe, budget: Budget, on_progress: OnProgress) -> Origin:
    """Load what the run goes on from."""
    resumed = folder.resumed_from(request.run, plan, request.resume, budget, on_progress)
    name = request.parent or (resumed.meta.get("parent") if resumed else None)
    if name and not request.parent and not loading.is_model_folder(loading.folder_of(name)):
        told = f"{request.run}: was fine-tuned from {name}, and the current folder leads to no model of that name"
        raise FourfloorError(f"{told}; say where that model is now: --from MODEL")
    parent = loading.load_part(name, plan.family) if name else None
    if request.decoder:
        return Origin(resumed=resumed, parent_name=name, parent=parent, decoder=loading.load_decoder(request.decoder))
    decoder, notes = _decoder_of(name, parent)
    return Origin(resumed=resumed, parent_name=name, parent=parent, decoder=decoder, notes=notes)


def _refuse_unchecked(request: TrainRequest, plan: recipe.Recipe, origin: Origin) -> None:
    """Raise FourfloorError for a recipe that checks its loops while it trains, where nothing renders them.

    Such a recipe fine-tunes; started without a model it would train one from scratch for its few minutes.
    """
    renders = origin.parent or origin.decoder or origin.resumed or not needs_decoder(plan.representation_name)
    if plan.training.check_every and is_generative(plan.family) and not renders:
        from_scratch = "To train from scratch instead, add --decoder warehouse"
        raise FourfloorError(f"{request.recipe} fine-tunes a model: add --from warehouse. {from_scratch}")


def _decoder_of(name: str | None, prior: loading.Trained | None) -> tuple[loading.Trained | None, list[str]]:
    """Return the decoder that lies with the model to tune, to render the model's loops, and what to say without one."""
    if name is None or prior is None or not is_generative(prior.recipe.family):
        return None, []
    try:
        return loading.load_model(name).decoder, []
    except loading.NoDecoderError as error:
        return None, [f"without a decoder: {error}"]


def _with_parents_size(plan: recipe.Recipe, parent: loading.Trained | None) -> recipe.Recipe:
    """Take from the model to tune what the recipe's [model] leaves open."""
    if parent is None:
        return plan
    return replace(plan, model=replace(parent.recipe.model, **_named(plan)))


def _named(plan: recipe.Recipe) -> dict[str, Any]:
    """Return what the recipe's [model] names."""
    return {key: getattr(plan.model, key) for key in plan.model_keys}


def _dataset(request: TrainRequest, plan: recipe.Recipe, origin: Origin) -> Dataset:
    """Open the datasets, with styles and controls numbered as in what the run goes on from."""
    held = origin.resumed or origin.parent
    inherited = held.meta if held else {}
    dataset = Dataset(request.data, inherited.get("vocabulary", []), inherited.get("control_quantiles"))
    header.check_styles(plan.family, dataset.vocabulary, request.recipe)
    try:
        representation_module(plan.representation_name).check_loops(dataset, plan.representation)
    except FourfloorError as error:
        raise FourfloorError(f"{request.data[0]}: {error}") from None
    return dataset


def _codec(
    request: TrainRequest, plan: recipe.Recipe, origin: Origin, dataset: Dataset, representation: Representation
) -> Any:
    """Return the codec of what the run goes on from; fit one where it starts from nothing."""
    decoder = origin.decoder
    if origin.resumed:
        held = origin.resumed.part("constants")
        codec = representation.Codec(**{name: value.numpy() for name, value in held.items()})
    else:
        given = origin.parent or decoder
        codec = given.codec if given else representation.fit(dataset, plan.representation)
    if decoder and codec_hash(codec) != decoder.codec_hash:
        name = request.decoder or origin.parent_name
        raise FourfloorError(f"{name}: the decoder uses another codec than {request.run}; name one that fits it")
    return codec


def _model(request: TrainRequest, plan: recipe.Recipe, origin: Origin) -> nn.Module:
    """Build the model, with the weights of the one that it tunes."""
    torch.manual_seed(plan.training.seed)
    shape = representation_module(plan.representation_name).shape(plan.representation)
    model: nn.Module = family_module(plan.family).Model(plan.model, shape)
    parent = origin.parent
    if parent and not origin.resumed:
        try:
            assert parent.model is not None
            model.load_state_dict(parent.model.state_dict())
        except RuntimeError:
            named = _named(plan).items()
            differing = [key for key, value in named if value != getattr(parent.recipe.model, key)]
            reason = f"{request.recipe}: [model] asks for other weights than {origin.parent_name} has"
            raise FourfloorError(f"{reason}; leave out what changes them: {', '.join(differing)}") from None
    return model


def _meta(plan: recipe.Recipe, name: str, dataset: Dataset, origin: Origin, budget: Budget) -> dict[str, Any]:
    """Return what every checkpoint says of the run."""
    shape = representation_module(plan.representation_name).shape(plan.representation)
    meta: dict[str, Any] = {
        "version": __version__, "commit": stages.code_commit(), "recipe": plan.to_dict(), "recipe_name": name,
        "stages": stages.earlier(origin.parent.meta if origin.parent else None), "shape": shape,
        "vocabulary": dataset.vocabulary, "data_hash": dataset.data_hash, "parent": origin.parent_name,
        "planned_steps": budget.steps,
    }  # fmt: skip
    if learns_controls(plan.model):
        meta["control_quantiles"] = dataset.control_quantiles()
    return meta


@contextmanager
def memory_named(batch_size: int) -> Iterator[None]:
    """Turn what numpy, torch and the system say of memory that is out into one line with a smaller batch."""
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not _is_out_of_memory(error):
            raise
        smaller = f"--set training.batch_size={batch_size // 2}" if batch_size > 1 else "a smaller [model]"
        reason = f"out of memory with training.batch_size {batch_size}"
        raise FourfloorError(f"{reason}; try {smaller}") from error


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(words in told for words in OUT_OF_MEMORY)


# What torch says in a RuntimeError: its CPU allocator, CUDA, the system through it, and oneDNN.
OUT_OF_MEMORY = (
    "can't allocate memory", "out of memory", "cannot allocate memory", "not enough memory", "bad_alloc",
    "could not create a memory object",
)  # fmt: skip


_BUSY = threading.Lock()


@contextmanager
def _alone() -> Iterator[None]:
    """Refuse a second training in this process: both would draw from torch's one random state."""
    if not _BUSY.acquire(blocking=False):
        raise FourfloorError("another training runs in this process; start the second one in a process of its own")
    try:
        yield
    finally:
        _BUSY.release()


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise FourfloorError("device cuda: torch finds no CUDA device; use --device cpu")
    if name not in ("cpu", "cuda"):
        raise FourfloorError(f"device {name!r} is unknown: use auto, cpu or cuda")
    return name
