"""A trained model in memory: what computes it, its codec, its recipe, and what it was trained on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from safetensors.numpy import save

from fourfloor import header, recipe
from fourfloor.models import Choosy, Measured, family_module
from fourfloor.networks import Networks
from fourfloor.representations import Representation, codec_arrays, needs_decoder, representation_module
from fourfloor.representations.controls import Quantiles


@dataclass(frozen=True)
class Trained:
    """A model rebuilt from a checkpoint alone, with what it was trained on."""

    model: Any  # a torch module; None of an exported model, which computes without torch
    codec: Any  # the representation's
    recipe: recipe.Recipe
    meta: dict[str, Any]
    source: Path | None = None  # the run, or the JSON half of a checkpoint, that it was loaded from
    exported: Networks | None = None
    tensors: Mapping[str, np.ndarray] | None = None  # what is stored of an exported one

    @cached_property
    def networks(self) -> Networks:
        """Return the functions that sampling and decoding call."""
        if self.exported is not None:
            return self.exported
        from fourfloor.networks import modules

        assert self.model is not None
        shape = self.representation.shape(self.recipe.representation)
        return modules.networks(self.model, self.recipe.model, shape)

    @property
    def family(self) -> ModuleType:
        """Return the module of the model's family."""
        return family_module(self.recipe.family)

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
        """List the styles that can be asked for: those that the model measured, where its family measures styles."""
        family, numbers = self.family, list(range(1, len(self.vocabulary) + 1))
        if isinstance(family, Choosy):
            numbers = family.styles(self.networks.arrays)
        return [self.vocabulary[number - 1] for number in numbers]

    @property
    def missing(self) -> str | None:
        """Say in a few words what sampling asks for and the model never measured; None where nothing is missing."""
        family = self.family
        if not isinstance(family, Measured):
            return None
        return family.missing(self.networks.arrays, self.recipe.model, self.recipe.generation)

    @property
    def unchanged_from(self) -> str | None:
        """Name the model that a tuning began with where it kept that as it was; None where it learned something."""
        return header.unchanged_from(self.meta)

    @property
    def control_quantiles(self) -> Quantiles | None:
        """Return the scale of the model's controls; None where it was trained without them."""
        return self.meta.get("control_quantiles")

    def weights(self) -> bytes:
        """Return what differs where a weight differs."""
        arrays = self.tensors or {}
        if self.model is not None:
            arrays = {name: value.detach().cpu().numpy() for name, value in self.model.state_dict().items()}
        return b"".join(name.encode() + np.ascontiguousarray(value).tobytes() for name, value in sorted(arrays.items()))


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
            digest.update(part.weights())
        return digest.hexdigest()[:16]


def codec_hash(codec: Any) -> str:
    """Return a short name of a codec's content."""
    return hashlib.sha256(save(codec_arrays(codec))).hexdigest()[:16]
