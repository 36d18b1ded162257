"""A loop -> its latents in a model, and back: what vary, fill, continue and morph share."""

from dataclasses import replace

import numpy as np

from fourfloor import generation
from fourfloor.errors import FourfloorError
from fourfloor.generation import Request
from fourfloor.loading import LoopModel
from fourfloor.models.flow.editing import Editor
from fourfloor.representations import latent
from fourfloor.representations.magnitude import Rendering

JOINT_SECONDS = 0.010  # of a crossfade: as long as one period at 100 Hz, shorter than a drum's attack is heard
MOST_GAIN = 2.0  # of an edit: what is quieter than half was not the same loop
EDITING = 3  # the stream of a seed that edits draw from; generation has 0-2


def encode(model: LoopModel, waveform: np.ndarray, bpm: float, bars: int) -> np.ndarray:
    """Return the latents `(latents, dim)` of a loop `(2, samples)`; FourfloorError for a model that has none."""
    codec = model.prior.codec
    if not isinstance(codec, latent.Codec) or model.decoder is None or model.prior.recipe.family != "flow":
        raise FourfloorError(f"{model.name}: cannot edit loops; use a model such as warehouse")
    return np.asarray(codec.to_latents(latent.analyze(waveform, bpm, bars)), np.float32)


def decode(
    model: LoopModel, z: np.ndarray, bpm: float, samples: int, seed: int, rendering: Rendering | None = None
) -> np.ndarray:
    """Return the loop `(2, samples)` of latents at the level that these hold, within full scale."""
    assert model.decoder is not None
    waveform = generation.render(model.decoder, z, bpm, samples, seed, rendering)
    return waveform / max(1.0, float(np.abs(waveform).max()))


def as_loud(made: np.ndarray, same: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """Return what was made at the level at which `same`, the decoder's version of `loop`, is as loud as that.

    Codec and decoder take some of a loop's level; what a person kept beside something new shows that.
    """
    gain = min(size(loop) / max(size(same), 1e-6), MOST_GAIN, 1 / max(float(np.abs(made).max()), 1e-6))
    return (made * gain).astype(np.float32)


def size(waveform: np.ndarray) -> float:
    """Return the root mean square of a waveform."""
    return float(np.sqrt((waveform.astype(np.float64) ** 2).mean()))


def editor(model: LoopModel, request: Request) -> Editor:
    """Return what edits latents toward what a request asks for.

    A source keeps its own controls, so that guidance by them is off unless the request asks for some.
    """
    prior = model.prior
    conditions = generation.conditions(prior, request, 1)
    return Editor(prior.networks, conditions, prior.recipe.generation)


def free_editor(model: LoopModel, request: Request) -> Editor:
    """Return an editor whose way can be walked back: without what changes the velocity on the way."""
    made = editor(model, request)
    return replace(made, sampling=replace(made.sampling, autoguidance=0.0))


def rng_of(seed: int) -> np.random.Generator:
    """Return the random numbers of an edit."""
    return np.random.default_rng([seed, EDITING])


def window(samples: int, begin: int, end: int, fade: int) -> np.ndarray:
    """Return 1 in a region of a circle of samples, 0 outside, with raised-cosine flanks `fade` long around its ends."""
    place = (np.arange(samples) - begin + fade // 2) % samples
    length = end - begin
    rise = np.clip(place / fade, 0, 1)
    fall = np.clip((length + fade - place) / fade, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * np.minimum(rise, fall))
