"""Step 5: a recipe and datasets go in, a run folder with a trained model comes out."""

import fcntl
import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from fourfloor import __version__, header, loading, recipe
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.models import family_module
from fourfloor.representations import codec_arrays, representation_module
from fourfloor.training import checkpoint, log, loop
from fourfloor.training.loop import Progress

# Training needs torch, numpy and safetensors alone, so that it runs where no audio library is installed; what listens,
# draws and scores is imported by the steps that do.
LISTENING_LIBRARIES = ("scipy", "soxr", "pyloudnorm", "PIL")


# What a checkpoint must hold to go on from it.
RESUMED = ("recipe", "shape", "vocabulary", "data_hash", "elapsed", "optimizers", "rng", "threads")


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train, on what, for how long. Without `steps` and `minutes` the recipe's minutes count."""

    recipe: Path
    data: Sequence[Path]
    run: Path
    minutes: float | None = None
    steps: int | None = None
    resume: bool = False
    parent: str | None = None  # a model to go on from: its weights, codec and styles
    decoder: str | None = None  # heard while a prior trains, and whose codec it takes
    overrides: Sequence[str] = ()
    device: str = "auto"


def train(request: TrainRequest, on_progress: Callable[[Progress], None] = lambda progress: None) -> dict[str, Any]:
    """Train a recipe's model in a run folder; return what `train --json` prints.

    FourfloorError in one line for a recipe, dataset or folder that does not serve; `loop.Stopped` after a signal.
    """
    plan = recipe.load(request.recipe, request.overrides)
    device = _device(request.device)
    resumed = _resumed(request, on_progress)
    parent_name = request.parent or (resumed.meta.get("parent") if resumed else None)
    parent = loading.load_part(parent_name, plan.family) if parent_name else None
    decoder = loading.load_decoder(request.decoder) if request.decoder else _decoder_of(parent_name, parent)
    named: dict[str, Any] = {}
    if parent:
        named = {key: getattr(plan.model, key) for key in plan.model_keys}
        plan = replace(plan, model=replace(parent.recipe.model, **named))
    inherited = resumed.meta if resumed else parent.meta if parent else {}
    dataset = Dataset(request.data, inherited.get("vocabulary", []), inherited.get("control_quantiles"))
    representation = representation_module(plan.representation_name)
    try:
        representation.check_loops(dataset, plan.representation)
    except FourfloorError as error:
        raise FourfloorError(f"{request.data[0]}: {error}") from None
    if resumed:
        codec = representation.Codec(**{name: value.numpy() for name, value in resumed.part("constants").items()})
    else:
        given = parent or decoder
        codec = given.codec if given else representation.fit(dataset, plan.representation)
    if decoder and loading.codec_hash(codec) != decoder.codec_hash:
        raise FourfloorError(f"{request.decoder or parent_name}: the decoder uses another codec than {request.run}")
    shape = representation.shape(plan.representation)
    header.check_styles(plan.family, dataset.vocabulary, request.recipe)
    torch.manual_seed(plan.training.seed)
    model = family_module(plan.family).Model(plan.model, shape)
    if parent and not resumed:
        try:
            model.load_state_dict(parent.model.state_dict())
        except RuntimeError:
            differing = [key for key, value in named.items() if value != getattr(parent.recipe.model, key)]
            reason = f"{request.recipe}: [model] asks for other weights than {parent_name} has"
            raise FourfloorError(f"{reason}; leave out what changes them: {', '.join(differing)}") from None
    meta = {
        "version": __version__, "recipe": plan.to_dict(), "shape": shape, "vocabulary": dataset.vocabulary,
        "data_hash": dataset.data_hash, "parent": parent_name,
    }  # fmt: skip
    if getattr(plan.model, "controls", False):
        meta["control_quantiles"] = dataset.control_quantiles()
    with claimed(request.run):
        _prepare_run(request, plan, meta, resumed)
        can_listen = all(importlib.util.find_spec(name) for name in LISTENING_LIBRARIES)
        listen = check = None
        notes = [] if dataset.holds_out_tracks else [_late_loops(dataset)]
        if can_listen:
            from fourfloor import early_stopping, listening

            listen = listening.listener(request.run, plan, codec, dataset, meta, decoder)
            if hasattr(model, "sample"):
                notes += _write_reference(request.run, dataset, parent_name, resumed is not None)
            if plan.training.check_every and hasattr(model, "sample"):
                try:
                    check = early_stopping.checker(plan, codec, dataset, meta, decoder)
                except FourfloorError as error:
                    notes.append(f"nothing is heard that could stop the training: {error}")
        elif plan.training.check_every:
            missing = next(name for name in LISTENING_LIBRARIES if not importlib.util.find_spec(name))
            notes.append(f"nothing is heard that could stop the training: {missing} is not installed")
        for note in notes:
            on_progress(Progress(0, 0.0, 0.0, 0.0, None, note))
        state = loop.train(
            model,
            lambda split, size, rng: representation.batch(dataset, codec, plan.representation, split, size, rng),
            plan.training,
            request.run,
            meta=meta,
            constants={name: torch.from_numpy(values) for name, values in codec_arrays(codec).items()},
            steps=request.steps,
            minutes=request.minutes if request.minutes or request.steps else plan.training.minutes,
            resumed=resumed,
            device=device,
            listen=listen,
            check=check,
            on_progress=on_progress,
        )
    records = log.read(request.run / "log.jsonl")
    losses = [line["loss"] for line in records if line.get("loss") is not None]
    validation = [line["validation"] for line in records if line.get("validation") is not None]
    return {
        "run": str(request.run), "family": plan.family, "steps": state.step, "seconds": round(state.elapsed, 1),
        "loss": losses[-1] if losses else None, "validation": validation[-1] if validation else None,
        "best_step": state.best_step,
        "notes": [*decision(records, state, plan.training), *trust(records, state, dataset)] if check else notes,
    }  # fmt: skip


def _write_reference(run: Path, dataset: Dataset, parent: str | None, resumed: bool) -> list[str]:
    """Write beside a run what copies are searched in: its dataset, and what the model it is tuned from had heard.

    Returns what to note. A parent that was trained where nothing could be heard has no reference.
    """
    from fourfloor import novelty

    if resumed:
        with suppress(FourfloorError):  # a damaged one is written again
            novelty.load_reference(run)
            return []
    heard, notes = None, []
    if parent:
        try:
            heard = novelty.load_reference(loading.reference_folder(parent))
        except FourfloorError as error:
            notes = [f"passages that {parent} had heard will not be found: {error}"]
    novelty.write_reference(run, dataset, heard)
    return notes


def decision(records: Sequence[dict[str, float]], state: loop.State, config: loop.Config) -> list[str]:
    """Say in one line which step the checks kept, and why the training ended."""
    checks = {int(record["step"]): record for record in records if "style" in record}
    if state.stale_checks >= config.patience:
        ended = f"stopped at step {state.step}, no better in {state.stale_checks} checks"
    else:
        ended = f"ended at step {state.step} with its time or steps"
    if state.best_step is None:
        return [f"{ended}: kept the last step, no check found varied loops without a copy"]
    kept = f"kept step {state.best_step}" if state.best_step else "kept the model as it was, no step was better"
    best = checks.get(state.best_step)
    if best is None:
        return [f"{ended}: {kept}; the log has no line for that check"]
    before = f" ({checks[0]['style']:.1f} before)" if state.best_step and checks.get(0, {}).get("style") else ""
    return [f"{ended}: {kept}; style distance {best['style']:.1f}{before}, diversity {best['diversity']:.2f}, no copy"]


def trust(records: Sequence[dict[str, float]], state: loop.State, dataset: Dataset) -> list[str]:
    """Say in one line how far the numbers of the result can be trusted."""
    checks = [record for record in records if "style" in record]
    result = next((record for record in checks if record["step"] == state.best_step), checks[-1] if checks else None)
    if result is None:
        return ["how far to trust it: no loops could be heard"]
    from fourfloor.early_stopping import N_LOOPS

    held_out = {dataset.name(int(index)) for index in dataset.indices("validation")}
    judged = f"judged by {len(held_out)} unheard track{'s' * (len(held_out) > 1)}"
    if not dataset.holds_out_tracks:
        judged = "no unheard track to judge by, validation loops are later ones of what was trained on"
    heard = f"{result['copies']} copies among {N_LOOPS} samples, too few for a verdict"
    return [f"how far to trust it: {judged}; {heard}"]


def _late_loops(dataset: Dataset) -> str:
    late, all_loops = len(dataset.indices("validation")), len(dataset)
    return f"no track is held out: the last {late} of {all_loops} loops validate, of the same tracks as the others"


def _decoder_of(name: str | None, prior: loading.Trained | None) -> loading.Trained | None:
    """Return the decoder that lies with the model to tune, to hear the model through; None where there is none."""
    if name is None or prior is None or not hasattr(prior.model, "sample"):
        return None
    try:
        return loading.load_model(name).decoder
    except FourfloorError:
        return None


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise FourfloorError("device cuda: torch sees no such device here; use --device cpu")
    if name not in ("cpu", "cuda"):
        raise FourfloorError(f"device {name!r} is unknown: use auto, cpu or cuda")
    return name


@contextmanager
def claimed(run: Path) -> Iterator[None]:
    """Hold a run folder for as long as this process trains in it."""
    try:
        (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run / "lock", os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise FourfloorError(
            f"{run}: cannot be used as a run folder ({error.strerror}); choose another --out"
        ) from None
    try:
        _lock(descriptor, run)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, run: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise FourfloorError(f"{run}: another process is training there; wait, or choose another --out") from None


def is_claimed(run: Path) -> bool:
    """Tell whether a process trains in a run folder."""
    try:
        descriptor = os.open(run / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _resumed(request: TrainRequest, on_progress: Callable[[Progress], None]) -> checkpoint.Checkpoint | None:
    """Return the checkpoint to resume from; refuse an existing run without `--resume`, and the reverse."""
    saved = sorted((request.run / checkpoint.FOLDER).glob("step-*.json"))
    if saved and not request.resume:
        raise FourfloorError(f"{request.run}: holds a run already; pass --resume to go on, or choose another --out")
    if not request.resume:
        return None
    if not saved:
        raise FourfloorError(f"{request.run}: holds no checkpoint to resume; leave --resume out")
    latest = checkpoint.load_latest(request.run, RESUMED)
    if latest.meta["threads"] != torch.get_num_threads() and not latest.meta["recipe"]["training"].get("threads"):
        warning = f"the run had {latest.meta['threads']} threads: what follows is not bit for bit the same"
        on_progress(Progress(latest.step, 0.0, 0.0, 0.0, None, warning))
    return latest


def _prepare_run(
    request: TrainRequest, plan: recipe.Recipe, meta: dict[str, Any], resumed: checkpoint.Checkpoint | None
) -> None:
    """Write the resolved recipe into a new run, or check that a resumed one is the same experiment."""
    if resumed:
        same = {
            "recipe": is_same_experiment(plan, resumed.meta["recipe"]),
            **{key: resumed.meta[key] == meta[key] for key in ("data_hash", "vocabulary")},
        }
        for key, holds in same.items():
            if not holds:
                raise FourfloorError(
                    f"{request.run}: was trained with another {key}; resume with the same, or start anew"
                )
    checkpoint.write_atomically(request.run / "recipe.toml", plan.to_toml().encode())
    about = {**meta, "data": [str(path) for path in request.data]}
    checkpoint.write_atomically(request.run / "run.json", (json.dumps(about, indent=1) + "\n").encode())


def is_same_experiment(plan: recipe.Recipe, saved: dict[str, Any]) -> bool:
    """Tell whether a checkpoint's recipe trains what this one does, however long and with however many reports.

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
