"""Trained models on disk: bundled ones, exported folders and runs are loaded, runs are exported.

A loop model is one that samples what its representation turns into sound; or a prior (latents from noise) and a
decoder (magnitudes from latents) that share one codec.
"""

import logging
import os
from importlib import resources
from pathlib import Path

from fourfloor import decoders, header
from fourfloor.errors import FourfloorError
from fourfloor.extras import needing_torch
from fourfloor.models import Checked, family_module, is_generative
from fourfloor.networks import Functions, Networks
from fourfloor.networks.stored import StoredArrays
from fourfloor.reading import nearby
from fourfloor.representations import representation_module
from fourfloor.trained import LoopModel, Trained
from fourfloor.training import checkpoint
from fourfloor.training.checkpoint import Checkpoint, CheckpointError
from fourfloor.workspace import finish_interrupted

__all__ = ["LoopModel", "Trained"]

BUNDLED = "warehouse"
PRIOR_FILE, DECODER_FILE = "prior.json", "decoder.json"
CARD_FILE = "CARD.md"
MODEL_FILES = frozenset({CARD_FILE, "cells.safetensors"}).union(
    f"{part}{end}" for part in ("prior", "decoder", "reference") for end in (".json", ".safetensors")
)
# One with more music than a file of fingerprints holds has more of these (`copies/fingerprints.py`).
MAX_PARTS = 256
POSSIBLE_FILES = MODEL_FILES.union(
    name.format(number)
    for number in range(1, MAX_PARTS)
    for name in ("reference-{}.json", "reference-{}.safetensors", "cells-{}.safetensors")
)
NO_DECODER = "no decoder with its codec lies beside it"
LOGGER = logging.getLogger(__name__)


class NoDecoderError(FourfloorError):
    """No decoder lies beside a prior that needs one."""


def load_trained(path: Path) -> Trained:
    """Load a model from a run folder, or from one JSON half of a checkpoint; an exported one needs no torch."""
    if path.suffix == ".json" and header.read_json(path).get("graphs"):
        return _exported(checkpoint.load_exported(path), path)
    return load_with_torch(path)


def load_with_torch(path: Path) -> Trained:
    """Load a model from a run folder, or from one JSON half of a checkpoint, to train it or to look into it."""
    with needing_torch(f"{path}: is not exported with graphs, so loading it"):
        from fourfloor import rebuilding
    return rebuilding.rebuild(checkpoint.load(path) if path.suffix == ".json" else checkpoint.load_best(path), path)


def _exported(saved: Checkpoint, source: Path) -> Trained:
    """Begin the sessions of an exported model; CheckpointError in one line where its parts do not fit."""
    from fourfloor.networks import sessions

    about = header.parse(saved.meta, source)
    family, representation = family_module(about.plan.family), representation_module(about.plan.representation_name)
    graphs = saved.part("graphs")
    try:
        arrays = StoredArrays(saved.part("ema"), saved.part("scales"))
        functions = Functions(
            (name, sessions.function(graphs[name].tobytes(), initializers, arrays))
            for name, initializers in about.graphs.items()
        )
        codec = representation.Codec(
            **{name: values.astype("float32") for name, values in saved.part("constants").items()}
        )
        representation.check(codec, about.plan.representation)
        if isinstance(family, Checked):
            family.check(arrays, len(about.vocabulary))
    except (FourfloorError, TypeError, KeyError) as error:
        reason = str(error)[:120]
        raise CheckpointError(f"{source}: does not hold a model of this version ({reason}); use another one") from None
    networks = Networks(about.plan.model, about.shape, functions, arrays)
    return Trained(None, codec, about.plan, saved.meta, source, networks, saved.tensors)


def bundled_folder(name: str) -> Path:
    """Return the folder of a model in the package."""
    return Path(str(resources.files("fourfloor"))) / "bundled" / name


def bundled_names() -> list[str]:
    """List the models in the package."""
    folder = bundled_folder("")
    return sorted(path.name for path in folder.iterdir() if (path / PRIOR_FILE).exists()) if folder.is_dir() else []


def folder_of(name: str) -> Path:
    """Return the folder that a name means: that of a model in the package, in any case, or a path."""
    known = {each.casefold(): each for each in bundled_names()}
    bundled = known.get(name.casefold())
    return bundled_folder(bundled) if bundled and (bundled == name or not Path(name).exists()) else Path(name)


def is_model_folder(path: Path) -> bool:
    """Return whether a folder is an exported model or a run."""
    return (path / PRIOR_FILE).exists() or (path / checkpoint.FOLDER).is_dir()


def _refuse_other(name: str, folder: Path) -> None:
    if not is_model_folder(folder):
        known = ", ".join(bundled_names()) or "none"
        meant = nearby(folder, is_model_folder)
        told = f"{name}: holds no model; name a run folder, or one of those in the package: {known}{meant}"
        raise FourfloorError(told)


def load_model(name: str = BUNDLED, decoder: str | None = None) -> LoopModel:
    """Load a bundled model by name, a model folder, or a prior's run with the decoder run that fits it."""
    folder = folder_of(name)
    if folder.is_dir() and folder == Path(name):
        finish_interrupted(folder, POSSIBLE_FILES)
    _refuse_other(name, folder)
    exported = (folder / PRIOR_FILE).exists()
    prior = load_trained(folder / PRIOR_FILE if exported else folder)
    if not is_generative(prior.recipe.family):
        raise FourfloorError(f"{name}: is a {prior.recipe.family} run, which makes no loops; name the prior's run")
    if missing := prior.missing:
        LOGGER.warning("%s: lacks %s, so its loops are sampled without; train a few more steps with --resume",
                       name, missing)  # fmt: skip
    if not prior.needs_decoder:
        if decoder:
            raise FourfloorError(f"{name}: a {prior.recipe.family} model needs no decoder; leave --decoder out")
        return LoopModel(Path(os.path.abspath(folder)).name, prior, None)
    if decoder:
        other = load_decoder(decoder)
    else:
        other = load_trained(folder / DECODER_FILE) if exported else _found(folder, prior)
    if prior.codec_hash != other.codec_hash:
        raise FourfloorError(f"{name}: prior and decoder use different codecs; train both on the same first --data")
    return LoopModel(Path(os.path.abspath(folder)).name, prior, other)


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
    raise FourfloorError(f"{run}: {reason}; name one with --decoder, or export the run with one")


def load_part(name: str, family: str) -> Trained:
    """Load the model of a family from a bundled model, a model folder or a run, to go on training it."""
    folder = folder_of(name)
    _refuse_other(name, folder)
    candidates = [folder / PRIOR_FILE, folder / DECODER_FILE] if (folder / PRIOR_FILE).exists() else [folder]
    parts = [load_with_torch(candidate) for candidate in candidates]
    for part in parts:
        if part.recipe.family == family:
            return part
    held = ", ".join(part.recipe.family for part in parts)
    raise FourfloorError(f"{name}: holds {held}, the recipe trains {family}; name a model of that family")


def load_decoder(name: str) -> Trained:
    """Load a decoder from a bundled model, a model folder or a run."""
    folder = folder_of(name)
    trained = load_trained(folder / DECODER_FILE if (folder / DECODER_FILE).exists() else folder)
    if is_generative(trained.recipe.family):
        raise FourfloorError(f"{name}: is a {trained.recipe.family} run; name a decoder's")
    return trained
