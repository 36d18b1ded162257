"""Trained models on disk: bundled ones, exported folders and runs are loaded, runs are exported.

A loop model is one that samples what its representation turns into sound; or a prior (latents from noise) and a
decoder (magnitudes from latents) that share one codec.
"""

import hashlib
import logging
import os
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fourfloor import decoders, header, recipe
from fourfloor.errors import FourfloorError
from fourfloor.models import Generative, Measured, family_module
from fourfloor.models.flow.outline import Outlines
from fourfloor.representations import Representation, codec_arrays, needs_decoder, representation_module
from fourfloor.representations.controls import Quantiles
from fourfloor.saving import save_file
from fourfloor.training import checkpoint
from fourfloor.training.checkpoint import Checkpoint, CheckpointError
from fourfloor.workspace import finish_interrupted

BUNDLED = "warehouse"
PRIOR_FILE, DECODER_FILE = "prior.json", "decoder.json"
CARD_FILE = "CARD.md"
MODEL_FILES = frozenset({CARD_FILE}).union(
    f"{part}{end}" for part in ("prior", "decoder", "reference") for end in (".json", ".safetensors")
)
KEPT_META = ("recipe", "shape", "vocabulary", "control_quantiles", "data_hash", "version", "elapsed", "parent")
TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.bool)  # of what is not in 8 bits
NO_DECODER = "no decoder with its codec lies beside it"
LOGGER = logging.getLogger(__name__)
SMALL = 10_000  # matrices of fewer weights are exported in half precision


class NoDecoderError(FourfloorError):
    """No decoder lies beside a prior that needs one."""


@dataclass(frozen=True)
class Trained:
    """A model rebuilt from a checkpoint alone, with what it was trained on."""

    model: nn.Module
    codec: Any  # the representation's
    recipe: recipe.Recipe
    meta: dict[str, Any]
    source: Path | None = None  # the run, or the JSON half of a checkpoint, that it was loaded from

    @property
    def codec_hash(self) -> str:
        """Name the codec: models with the same one fit together."""
        return codec_hash(self.codec)

    @property
    def representation(self) -> Representation:
        """Return the module of what the model sees."""
        return representation_module(self.recipe.representation_name)

    @property
    def needs_decoder(self) -> bool:
        """Return whether what the model samples needs a decoder."""
        return needs_decoder(self.recipe.representation_name)

    @property
    def vocabulary(self) -> list[str]:
        """List the styles the model knows, in the order of their numbers from 1."""
        return list(self.meta["vocabulary"])

    @property
    def styles(self) -> list[str]:
        """List the styles that can be asked for: those that the model has an outline of, where it takes one."""
        levels = getattr(self.model, "levels", None)
        measured = levels.styles() if isinstance(levels, Outlines) else range(1, len(self.vocabulary) + 1)
        return [self.vocabulary[number - 1] for number in measured]

    @property
    def unchanged_from(self) -> str | None:
        """Name the model that a tuning began with where it kept that as it was; None where it learned something."""
        return header.unchanged_from(self.meta)

    @property
    def control_quantiles(self) -> Quantiles | None:
        """Return the scale of the model's controls; None where it was trained without them."""
        return self.meta.get("control_quantiles")


@dataclass(frozen=True)
class LoopModel:
    """A model that samples, and where it needs one the decoder that fits it."""

    name: str
    prior: Trained
    decoder: Trained | None

    @cached_property
    def weights_hash(self) -> str:
        """First 16 digits of a hash of all weights: models that differ in one have another."""
        digest = hashlib.sha256()
        for part in filter(None, (self.prior, self.decoder)):
            for name, value in sorted(part.model.state_dict().items()):
                digest.update(name.encode() + value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]


def codec_hash(codec: Any) -> str:
    """Return a short name of a codec's content."""
    return hashlib.sha256(save(codec_arrays(codec))).hexdigest()[:16]


class _NothingDrawn(TorchFunctionMode):
    """Leave out random first weights, which others replace; on the meta device they import torch's compiler (2 s)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def rebuild(saved: Checkpoint, source: Path) -> Trained:
    """Build the model of a checkpoint with its averaged weights; CheckpointError in one line where it does not fit."""
    about = header.parse(saved.meta, source)
    family = family_module(about.plan.family)
    try:
        scales = saved.part("scales")
        weights = {name: _widened(value, scales.get(name)) for name, value in saved.part("ema").items()}
        with torch.device("meta"), _NothingDrawn():  # shapes are compared before anything is allocated
            _check_weights(family.Model(about.plan.model, about.shape), weights, source)
        with _NothingDrawn():  # nor for real: torch's random state is the caller's
            model = family.Model(about.plan.model, about.shape)
        model.load_state_dict(weights)
        representation = representation_module(about.plan.representation_name)
        codec = representation.Codec(
            **{name: _widened(value, None).numpy() for name, value in saved.part("constants").items()}
        )
        representation.check(codec, about.plan.representation)
        for part in model.modules():
            if isinstance(part, Outlines):
                part.check(len(about.vocabulary))
    except CheckpointError:
        raise
    except (FourfloorError, TypeError) as error:
        reason = str(error)[:120]
        raise CheckpointError(f"{source}: does not hold a model of this version ({reason}); use another one") from None
    return Trained(model.eval().requires_grad_(False), codec, about.plan, saved.meta, source)


def _widened(value: Tensor, scale: Tensor | None) -> Tensor:
    """Return a weight in single precision; TypeError where it is not of a type that `export` or training writes."""
    if scale is None and value.dtype in TYPES:
        return value.float()
    if scale is None or value.dtype != torch.int8 or not scale.is_floating_point() or scale.shape != value.shape[:1]:
        raise TypeError(f"a weight of type {value.dtype}")
    return value.float() * scale[:, None]


def quantize(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row of a matrix to 8 bits; returns int8 values and the rows' scales."""
    scale = matrix.abs().amax(dim=1).clamp_min(1e-12) / 127
    return torch.round(matrix / scale[:, None]).to(torch.int8), scale


def _check_weights(model: nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    actual = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != actual:
        differing = sorted(name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name))
        raise CheckpointError(f"{source}: weights do not fit the recipe ({differing[0]}); use another checkpoint")
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{source}: weight {name} is not finite; use another checkpoint")


def load_trained(path: Path) -> Trained:
    """Load a model from a run folder, or from one JSON half of a checkpoint."""
    return rebuild(checkpoint.load(path) if path.suffix == ".json" else checkpoint.load_best(path), path)


def bundled_folder(name: str) -> Path:
    """Return the folder of a model in the package."""
    return Path(str(resources.files("fourfloor"))) / "bundled" / name


def bundled_names() -> list[str]:
    """List the models in the package."""
    folder = bundled_folder("")
    return sorted(path.name for path in folder.iterdir() if (path / PRIOR_FILE).exists()) if folder.is_dir() else []


def is_model_folder(path: Path) -> bool:
    """Return whether a folder is an exported model or a run."""
    return (path / PRIOR_FILE).exists() or (path / checkpoint.FOLDER).is_dir()


def load_model(name: str = BUNDLED, decoder: str | None = None) -> LoopModel:
    """Load a bundled model by name, a model folder, or a prior's run with the decoder run that fits it."""
    folder = bundled_folder(name) if name in bundled_names() else Path(name)
    if folder.is_dir() and name not in bundled_names():
        finish_interrupted(folder, MODEL_FILES)
    exported = (folder / PRIOR_FILE).exists()
    if not exported and not (folder / checkpoint.FOLDER).is_dir():
        known = ", ".join(bundled_names()) or "none"
        raise FourfloorError(f"{name}: is not a model; name a run folder, or one of those in the package: {known}")
    prior = load_trained(folder / PRIOR_FILE if exported else folder)
    if not isinstance(prior.model, Generative):
        raise FourfloorError(f"{name}: is a {prior.recipe.family} run, which makes no loops; name the prior's run")
    if isinstance(prior.model, Measured) and (missing := prior.model.missing(prior.recipe.generation)):
        LOGGER.warning("%s: lacks %s, so its loops are sampled without; train a few more steps with --resume",
                       name, missing)  # fmt: skip
    if not prior.needs_decoder:
        if decoder:
            raise FourfloorError(f"{name}: a {prior.recipe.family} model needs no decoder; leave --decoder out")
        return LoopModel(Path(os.path.abspath(name)).name, prior, None)
    if decoder:
        other = load_decoder(decoder)
    else:
        other = load_trained(folder / DECODER_FILE) if exported else _found(folder, prior)
    if prior.codec_hash != other.codec_hash:
        raise FourfloorError(f"{name}: prior and decoder use different codecs; train both on the same first --data")
    return LoopModel(Path(os.path.abspath(name)).name, prior, other)


def _found(run: Path, prior: Trained) -> Trained:
    """Load the decoder of a run: of those whose headers say that they fit, the first that is whole."""
    damaged: list[str] = []
    for path in decoders.fitting(run, prior.codec_hash, [bundled_folder(name) for name in bundled_names()]):
        try:
            return load_trained(path)
        except CheckpointError as error:
            decoders.LOGGER.warning("%s", error)
            damaged.append(path.name)
    names = ", ".join(damaged)
    reason = f"the only decoders with its codec are damaged ({names})" if damaged else NO_DECODER
    raise FourfloorError(f"{run}: {reason}; name one with --decoder")


def reference_folder(name: str) -> Path:
    """Return the folder that holds what a model was trained on, as far as its loops are compared with it."""
    return bundled_folder(name) if name in bundled_names() else Path(name)


def load_part(name: str, family: str) -> Trained:
    """Load the model of a family from a bundled model, a model folder or a run, to go on training it."""
    folder = bundled_folder(name) if name in bundled_names() else Path(name)
    candidates = [folder / PRIOR_FILE, folder / DECODER_FILE] if (folder / PRIOR_FILE).exists() else [folder]
    parts = [load_trained(candidate) for candidate in candidates]
    for part in parts:
        if part.recipe.family == family:
            return part
    held = ", ".join(part.recipe.family for part in parts)
    raise FourfloorError(f"{name}: holds {held}, the recipe trains {family}; name a model of that family")


def load_decoder(name: str) -> Trained:
    """Load a decoder from a bundled model, a model folder or a run."""
    folder = bundled_folder(name) if name in bundled_names() else Path(name)
    trained = load_trained(folder / DECODER_FILE if (folder / DECODER_FILE).exists() else folder)
    if isinstance(trained.model, Generative):
        raise FourfloorError(f"{name}: is a {trained.recipe.family} run; name a decoder's")
    return trained


def export(prior: Path, decoder: Path | None, out: Path) -> None:
    """Write a model folder from a prior's and a decoder's run: matrices in 8 bits, no training state.

    A decoder that was exported before is named by its JSON half and copied.
    """
    copied = decoder is not None and decoder.suffix == ".json"
    runs = [(prior, PRIOR_FILE), *([(decoder, DECODER_FILE)] if decoder and not copied else [])]
    for saved, name in [(checkpoint.load_best(run), name) for run, name in runs]:  # all are read before one is written
        tensors = {f"constants/{key}": value.half() for key, value in saved.part("constants").items()}
        for key, value in saved.part("ema").items():
            tensors[f"ema/{key}"] = value.half() if value.is_floating_point() else value  # a count may be large
            if value.ndim == 2 and value.numel() > SMALL:
                tensors[f"ema/{key}"], tensors[f"scales/{key}"] = quantize(value)
        kept = {key: saved.meta[key] for key in KEPT_META if key in saved.meta}
        checkpoint.write(out / name, saved.step, tensors, kept)
    if decoder and copied:
        for path in (decoder.with_suffix(".safetensors"), decoder):
            save_file(out / path.name, path.read_bytes())
