"""The whole path, one function a step: train, generate, evaluate, export (ingest and produce are one call each).

The only place that joins the stages, and the only one where a run refers to another.
"""

import fcntl
import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fourfloor import __version__, audio, generation, recipe
from fourfloor.dataset import Dataset
from fourfloor.generation import LoopModel, Request, Trained
from fourfloor.models import family_module
from fourfloor.representations import latent, representation_module
from fourfloor.representations.beatgrid import BPM_RANGE, loop_samples, resample_loop
from fourfloor.training import checkpoint, loop
from fourfloor.training.loop import Progress

if TYPE_CHECKING:
    from fourfloor.evaluation.scorecard import Loops, Scorecard

# Training needs torch, numpy and safetensors alone, so that it runs where no audio library is installed; what listens,
# draws and scores is imported by the steps that do.
SPARE = 4  # further candidates of a loop, made only while it is a copy of a training passage
LISTENING_LIBRARIES = ("scipy", "soxr", "pyloudnorm", "PIL")


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

    ValueError in one line for a recipe, dataset or folder that does not serve; `loop.Stopped` after a signal.
    """
    plan = recipe.load(request.recipe, request.overrides)
    device = _device(request.device)
    resumed = _resumed(request, on_progress)
    parent = generation.load_part(request.parent, plan.family) if request.parent else None
    decoder = generation.load_decoder(request.decoder) if request.decoder else None
    if parent and decoder and parent.codec_hash != decoder.codec_hash:
        raise ValueError(f"{request.parent} and {request.decoder} use different codecs; name a decoder that fits")
    if parent:
        plan = replace(plan, model=parent.recipe.model)
    known = resumed.meta["vocabulary"] if resumed else parent.vocabulary if parent else []
    dataset = Dataset(request.data, known)
    if resumed:
        codec = latent.Codec(**{name: value.numpy() for name, value in resumed.part("constants").items()})
    else:
        codec = parent.codec if parent else decoder.codec if decoder else dataset.codec()
    representation = representation_module(plan.representation_name)
    shape = representation.shape(plan.representation)
    torch.manual_seed(plan.training.seed)
    model = family_module(plan.family).Model(plan.model, shape)
    if parent and not resumed:
        model.load_state_dict(parent.model.state_dict())
    meta = {
        "version": __version__, "recipe": plan.to_dict(), "shape": shape, "vocabulary": dataset.vocabulary,
        "data_hash": dataset.data_hash, "parent": request.parent,
    }  # fmt: skip
    with _claimed(request.run):
        _prepare_run(request, plan, meta, resumed)
        can_listen = all(importlib.util.find_spec(name) for name in LISTENING_LIBRARIES)
        listen = None
        if can_listen:
            from fourfloor import listening, novelty

            listen = listening.listener(request.run, plan, codec, dataset, meta, decoder)
            if hasattr(model, "sample"):
                novelty.write_reference(request.run, dataset)
        state = loop.train(
            model,
            lambda split, size, rng: representation.batch(dataset, codec, plan.representation, split, size, rng),
            plan.training,
            request.run,
            meta=meta,
            constants={name: torch.from_numpy(getattr(codec, name)) for name in ("mean", "encode", "decode")},
            steps=request.steps,
            minutes=request.minutes if request.minutes or request.steps else plan.training.minutes,
            resumed=resumed,
            device=device,
            listen=listen,
            on_progress=on_progress,
        )
    validation = [line["validation"] for line in _log(request.run) if "validation" in line]
    return {
        "run": str(request.run), "family": plan.family, "steps": state.step, "seconds": round(state.elapsed, 1),
        "loss": _log(request.run)[-1]["loss"], "validation": validation[-1] if validation else None,
    }  # fmt: skip


def _log(run: Path) -> list[dict[str, float]]:
    from fourfloor.training.log import read

    return read(run / "log.jsonl")


def _device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda: torch sees no such device here; use --device cpu")
    if name not in ("cpu", "cuda"):
        raise ValueError(f"device {name!r} is unknown: use auto, cpu or cuda")
    return name


@contextmanager
def _claimed(run: Path) -> Iterator[None]:
    """Hold a run folder for as long as this process trains in it."""
    try:
        (run / checkpoint.FOLDER).mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run / "lock", os.O_CREAT | os.O_RDWR, 0o666)
    except OSError as error:
        raise ValueError(f"{run}: cannot be used as a run folder ({error.strerror}); choose another --out") from None
    try:
        _lock(descriptor, run)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, run: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ValueError(f"{run}: another process is training there; wait, or choose another --out") from None


def _resumed(request: TrainRequest, on_progress: Callable[[Progress], None]) -> checkpoint.Checkpoint | None:
    """Return the checkpoint to go on from; ValueError where a run is there and none was asked for, or the reverse."""
    saved = sorted((request.run / checkpoint.FOLDER).glob("step-*.json"))
    if saved and not request.resume:
        raise ValueError(f"{request.run}: holds a run already; pass --resume to go on, or choose another --out")
    if not request.resume:
        return None
    if not saved:
        raise ValueError(f"{request.run}: holds no checkpoint to resume; leave --resume out")
    warnings: list[str] = []
    latest = checkpoint.load_latest(request.run, warnings)
    if latest.meta["threads"] != torch.get_num_threads() and not latest.meta["recipe"]["training"]["threads"]:
        warnings.append(f"the run had {latest.meta['threads']} threads: what follows is not bit for bit the same")
    for warning in warnings:
        on_progress(Progress(latest.step, 0.0, 0.0, 0.0, None, warning))
    return latest


def _prepare_run(
    request: TrainRequest, plan: recipe.Recipe, meta: dict[str, Any], resumed: checkpoint.Checkpoint | None
) -> None:
    """Write the resolved recipe into a new run, or check that a resumed one is the same experiment."""
    if resumed:
        before = resumed.meta
        for key in ("recipe", "data_hash", "vocabulary"):
            old, new = _without_budget(before[key]), _without_budget(meta[key])
            if old != new:
                raise ValueError(f"{request.run}: was trained with another {key}; resume with the same, or start anew")
    checkpoint.write_atomically(request.run / "recipe.toml", plan.to_toml().encode())
    about = {**meta, "data": [str(path) for path in request.data]}
    checkpoint.write_atomically(request.run / "run.json", (json.dumps(about, indent=1) + "\n").encode())


def _without_budget(value: Any) -> Any:
    """Leave out of a recipe what may change between the parts of one run: how long it lasts, how often it reports."""
    if not isinstance(value, dict):
        return value
    free = ("minutes", "checkpoint_seconds", "listen_seconds", "threads")
    training = {key: entry for key, entry in value["training"].items() if key not in free}
    return json.loads(json.dumps({**value, "training": training}))


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """Which loops to make and where to put them."""

    model: str = generation.BUNDLED
    decoder: str | None = None
    out: Path = Path("loops")
    bpm: float = 126.0
    bars: int = 4
    count: int = 4
    seed: int = 0
    style: str | None = None
    candidates: int = 1
    sheet: bool = False


def generate(request: GenerateRequest, on_loop: Callable[[dict[str, Any]], None] = lambda row: None) -> dict[str, Any]:
    """Write loops as tagged WAV files; return what `generate --json` prints. ValueError in one line."""
    from fourfloor import novelty, picture

    began = time.monotonic()
    if not 1 <= request.count <= generation.MAX_COUNT:
        raise ValueError(f"count {request.count} is outside 1-{generation.MAX_COUNT}: ask for fewer loops at a time")
    if not 1 <= request.candidates <= 64:
        raise ValueError(f"candidates {request.candidates} is outside 1-64: 8 is a good choice")
    first = Request(bpm=request.bpm, bars=request.bars, seed=request.seed, style=request.style)
    model = generation.load_model(request.model, request.decoder)
    reference = novelty.load_reference(generation.reference_folder(request.model))
    _make_folder(request.out)
    rows, pictures = [], []
    for number in range(request.count):
        choices = generation.candidate_requests(first, number, request.candidates + SPARE)
        asked, spare = choices[: request.candidates], choices[request.candidates :]
        waveform, chosen, scores = novelty.best(lambda choice: _leveled(model, choice), asked, spare, reference)
        path = request.out / f"{_title(model, asked[0])}.wav"
        audio.write_loop(path, waveform, _tags(model, chosen, path.stem))
        row = {
            "file": str(path), "bpm": chosen.bpm, "bars": chosen.bars, "frames": waveform.shape[1],
            "sample_rate": audio.SAMPLE_RATE, "seed": chosen.seed, "seam": round(scores.seam.score, 4),
            "bpm_measured": round(scores.bpm_measured, 2), "copy_score": scores.copy_score, "nearest": scores.nearest,
        }  # fmt: skip
        rows.append(row)
        on_loop(row)
        if request.sheet:
            pictures.append((path.stem, picture.spectrogram(waveform, audio.SAMPLE_RATE)))
    if request.sheet:
        picture.save_sheet(request.out / "spectrograms.png", pictures)
    seconds = sum(row["frames"] for row in rows) / audio.SAMPLE_RATE
    return {
        "loops": rows, "audio_seconds": round(seconds, 3), "wall_seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _leveled(model: LoopModel, request: Request) -> np.ndarray:
    return audio.normalize_loop(generation.make_loop(model, request), audio.SAMPLE_RATE)


def _title(model: LoopModel, request: Request) -> str:
    """Name a loop as sample packs do, for example fourfloor_126bpm_warehouse_deep-house_4bars_s0."""
    words = [f"{request.bpm:.6g}bpm", model.name, request.style or "", f"{request.bars}bars", f"s{request.seed}"]
    kept = ["".join(c if c.isascii() and (c.isalnum() or c in ".-") else "-" for c in word) for word in words if word]
    return "_".join(["fourfloor", *kept])


def _tags(model: LoopModel, request: Request, title: str) -> audio.LoopTags:
    comment = {
        "model": model.name, "seed": request.seed, "style": request.style, "data_hash": model.prior.meta["data_hash"],
        "decoder": model.decoder.meta["data_hash"], "codec": model.prior.codec_hash,
        "steps": model.prior.recipe.generation.steps,
    }  # fmt: skip
    software = f"fourfloor {__version__}"
    return audio.LoopTags(
        bpm=request.bpm, bars=request.bars, title=title, comment=json.dumps(comment), software=software
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".fourfloor-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f"{folder}: cannot write there ({error.strerror}); choose another --out") from None


def export(prior: Path, decoder: Path, out: Path) -> int:
    """Write a model folder from two runs and return its size in bytes; ValueError where they do not fit."""
    from fourfloor import novelty

    generation.load_model(str(prior), str(decoder))  # refuses what does not fit
    novelty.load_reference(prior)
    if out.resolve() in (prior.resolve(), decoder.resolve()):
        raise ValueError(f"{out}: is a run; choose another --out")
    _make_folder(out)
    generation.export(prior, decoder, out)
    novelty.copy_reference(prior, out)
    generation.load_model(str(out))
    return sum(path.stat().st_size for path in out.iterdir())


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Which loops to judge, against what. `loops` is a folder of audio, a file, or a model to make loops with."""

    loops: str
    against: Path
    n: int = 256
    seed: int = 0
    out: Path | None = None
    decoder: str | None = None  # for row I, and for a prior's run
    candidates: int = 1
    rows: Sequence[str] = ()


def evaluate(request: EvaluateRequest, on_progress: Callable[[int, int, str], None]) -> "Scorecard":
    """Judge loops by the scorecard; ValueError in one line, `NotAnchoredError` where the scale does not stand."""
    from fourfloor.evaluation import scorecard

    if not 1 <= request.n <= generation.MAX_COUNT:
        raise ValueError(f"n {request.n} is outside 1-{generation.MAX_COUNT}: 256 is a good number")
    path = Path(request.loops)
    loops: Loops
    if request.loops in generation.bundled_names() or generation.is_model_folder(path):
        model = generation.load_model(request.loops, request.decoder)
        part: Trained | None = model.decoder
        loops = _sampled(request, model, on_progress)
    else:
        part = generation.load_decoder(request.decoder) if request.decoder else None
        found, rejected = audio.find_audio([path])
        if not found:
            reason = rejected[0][1] if rejected else "holds no audio"
            raise ValueError(f"{path}: {reason}; name a folder of loops, or a model")
        loops = found
    decoder = _round_trip(part) if part else None
    return scorecard.evaluate(
        loops, request.against, n=request.n, seed=request.seed, out=request.out, decoder=decoder, only=request.rows
    )


def _round_trip(decoder: Trained) -> Callable[[np.ndarray, int, float, int], np.ndarray]:
    """Return what sends a loop through the latents and the decoder and back."""

    def decode(waveform: np.ndarray, sample_rate: int, bpm: float, bars: int) -> np.ndarray:
        samples = loop_samples(bpm, bars, latent.SAMPLE_RATE)
        features = latent.analyze(resample_loop(waveform, samples), bpm, bars)
        decoded = generation.render(decoder, decoder.codec.to_latents(features), bpm, samples, seed=0)
        return resample_loop(decoded, waveform.shape[-1])

    return decode


def _sampled(
    request: EvaluateRequest, model: LoopModel, on_progress: Callable[[int, int, str], None]
) -> tuple[list[str], list[np.ndarray], list[float]]:
    """Make n loops at the tempi of the held-out loops, in turn."""
    from fourfloor import novelty

    dataset = Dataset([request.against])
    low, high = BPM_RANGE
    tempi = [min(max(dataset.bpm(int(i)), low), high) for i in dataset.indices("validation")]
    order = np.random.default_rng(request.seed).permutation(len(tempi))
    reference = novelty.load_reference(generation.reference_folder(request.loops))
    names, waveforms, bpms = [], [], []
    for number in range(request.n):
        bpm = tempi[order[number % len(tempi)]]
        first = Request(bpm=bpm, seed=request.seed + number, bars=dataset.bars)
        choices = generation.candidate_requests(first, 0, request.candidates)
        if len(choices) == 1:
            waveform = _leveled(model, first)  # as the model makes them, copies and all
        else:
            waveform = novelty.best(lambda choice: _leveled(model, choice), choices, (), reference)[0]
        names.append(f"{model.name} seed {first.seed}")
        waveforms.append(waveform)
        bpms.append(bpm)
        on_progress(number + 1, request.n, names[-1])
    return names, waveforms, bpms
