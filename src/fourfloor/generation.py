"""A trained model -> loops: sample and decode; exact to the sample.

Each loop has its own random numbers, made from its seed alone, so that the same seed gives the same loop however many
are asked for.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fourfloor.arguments import check_seed, check_types, match_name
from fourfloor.errors import FourfloorError
from fourfloor.loading import LoopModel, Trained
from fourfloor.models import Decoding, Sampled
from fourfloor.representations import Audible, controls, latent, magnitude
from fourfloor.representations.controls import ANY, Controls
from fourfloor.signal.beatgrid import check_bars, check_bpm, loop_samples

MAX_COUNT = 10_000
CONTROL_TRIES = 4  # draws of latents until no control is further than this from what was asked: 1.6 on average for
CONTROL_TOLERANCE = 0.2  # density, whose correlation of asked and measured rises from .79 to .95 (100 loops)
SAMPLING = 2  # the stream of a seed that sampling draws from; its first is rendering's, the second makes redraws
# Limits that no sound model comes near, and beyond which arithmetic overflows: trained ones stay below 15, 15 and 10.
MAX_SAMPLE, MAX_LOG_MAGNITUDE, MAX_AMPLITUDE = 1000.0, 50.0, 1e6


@dataclass(frozen=True, kw_only=True)
class Request:
    """What loops are asked for. `style` is None for any, and so is each control."""

    bpm: float = 126.0
    bars: int = 4
    seed: int = 0
    style: str | None = None
    controls: Controls = ANY

    def __post_init__(self) -> None:
        check_types(self)
        check_bpm(self.bpm)
        check_bars(self.bars)
        check_seed(self.seed)


def style_name(model: Trained, style: str | None) -> str | None:
    """Return a style as the model's vocabulary writes it; None for any."""
    if style is None:
        return None
    if style in model.vocabulary and style not in model.styles:
        known = "was in its training data, but in no loop it learned from"
        raise FourfloorError(f"style {style!r} {known}: use one of {', '.join(model.styles)}")
    return match_name("style", style, model.styles)


def style_number(model: Trained, style: str | None) -> int:
    """Return a style's number in the model's vocabulary, 0 for any."""
    name = style_name(model, style)
    return 0 if name is None else 1 + model.vocabulary.index(name)


def check_controls(model: LoopModel, controls: Controls) -> None:
    """Raise FourfloorError where controls are asked of a model that does not know them."""
    if controls.asked and model.prior.control_quantiles is None:
        remedy = "train with the recipe prior, which turns them on"
        raise FourfloorError(f"{model.name} was trained without controls ({', '.join(controls.asked)}): {remedy}")


def measured_controls(model: LoopModel, request: Request, waveform: np.ndarray) -> dict[str, float]:
    """Measure the controls that were asked of a loop `(2, samples)`, as ranks among the model's training loops."""
    if not request.controls.asked:
        return {}
    ranked = _ranks_of(model.prior, request, latent.analyze(waveform, request.bpm, request.bars))
    return {name: round(rank, 4) for name, rank in ranked.items()}


def _ranks_of(prior: Trained, request: Request, features: np.ndarray) -> dict[str, float]:
    """Return the ranks of the controls that were asked for, as measured in features `(frames, FEATURE_DIM)`."""
    scale = prior.control_quantiles
    if scale is None:
        return {}
    measured = dict(zip(controls.NAMES, controls.ranks(controls.measure(features), scale), strict=True))
    return {name: float(measured[name]) for name in request.controls.asked}


def sample_latents(prior: Trained, request: Request, sampling: Any = None) -> np.ndarray:
    """Draw latents of one loop, `(latents, LATENT_DIM)`: the nearest of up to `CONTROL_TRIES` draws to the controls.

    Controls can be read from latents, at a third of what it costs to render them and find out: on 100 loops the density
    in latents and in finished loops correlate by .98.
    """
    nearest, least = np.empty(0), np.inf
    for attempt in range(CONTROL_TRIES):
        z = sample(prior, request, 1, sampling, attempt)[0]
        miss = _miss(prior, request, z)
        if not miss >= least:  # also true of NaN, which rendering refuses
            nearest, least = z, miss
        if least <= CONTROL_TOLERANCE:
            break
    return nearest


def _miss(prior: Trained, request: Request, z: np.ndarray) -> float:
    """Return how far latents are from the controls that were asked for, as the largest difference of ranks in 0-1."""
    asked = request.controls.asked
    if not asked:
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # who renders it tells where it cannot be heard
        ranked = _ranks_of(prior, request, prior.codec.to_features(z))
    return max((abs(asked[name] - rank) for name, rank in ranked.items()), default=0.0)


def sample(prior: Trained, request: Request, count: int, sampling: Any = None, attempt: int = 0) -> np.ndarray:
    """Draw `count` x of one loop, as the representation has them; each `attempt` draws other ones."""
    given = conditions(prior, request, count)
    sampling = sampling or prior.recipe.generation
    family = prior.family
    if not isinstance(family, Sampled):
        from fourfloor.networks import modules

        return modules.sample(prior.model, count, given, sampling, request.seed, request.bars)
    rng = np.random.default_rng([request.seed, SAMPLING, *_own_noise(prior, request, attempt)])
    with _named(prior), np.errstate(over="ignore", invalid="ignore"):  # what comes out tells whether all was sound
        return family.sample(prior.networks, count, given, sampling, rng, request.bars)


def _own_noise(prior: Trained, request: Request, attempt: int) -> list[int]:
    """Return what gives each style noise of its own: from equal noise other styles make much the same loop.

    Another tempo keeps the noise, so that a seed is one loop at any tempo.
    """
    name = style_name(prior, request.style)
    return [*([zlib.crc32(name.encode())] if name else []), *([attempt] if attempt else [])]


def conditions(prior: Trained, request: Request, count: int) -> dict[str, np.ndarray]:
    """Return what a model is asked for, alike in `count` rows: bpm, style, and controls where any is asked for."""
    given = {
        "bpm": np.full(count, request.bpm, np.float32),
        "style": np.full(count, style_number(prior, request.style)),
    }
    if request.controls.asked:
        given["controls"] = np.tile(np.array(request.controls.values, np.float32), (count, 1))
    return given


@contextmanager
def _named(trained: Trained) -> Iterator[None]:
    """Say whose networks cannot be computed."""
    try:
        yield
    except FourfloorError as error:
        raise FourfloorError(f"{trained.source or 'the model in training'}: {error}; use another model") from None


def render(
    decoder: Trained, z: np.ndarray, bpm: float, samples: int, seed: int, rendering: magnitude.Rendering | None = None
) -> np.ndarray:
    """Turn latents `(latents, LATENT_DIM)` into a stereo loop float32 `(2, samples)`."""
    features = decoder.codec.to_features(z)
    mel = np.ascontiguousarray(features[:, latent.MEL])
    with _named(decoder):
        family = decoder.family
        assert isinstance(family, Decoding)
        mean, log_sigma, tonality = family.decode(decoder.networks, z, mel)
    _checked(mean, MAX_LOG_MAGNITUDE, decoder)
    return magnitude.render(
        mean,
        np.exp(log_sigma),
        features,
        bpm,
        samples,
        np.random.default_rng(seed),
        rendering or magnitude.Rendering(),
        tonality,
    )


def make_loop(model: LoopModel, request: Request, sampling: Any = None) -> np.ndarray:
    """Make one loop, float32 `(2, samples)`, not yet leveled; the same request gives the same samples.

    Raises FourfloorError where the weights are finite, yet make no sound.
    """
    check_controls(model, request.controls)
    try:
        with np.errstate(over="raise", invalid="raise"):
            waveform = (
                _make_alone(model, request, sampling) if model.decoder is None else _make(model, request, sampling)
            )
    except FloatingPointError:
        raise _unsound(model.decoder or model.prior) from None
    return _checked(waveform, MAX_AMPLITUDE, model.decoder or model.prior)


def decode_latents(model: LoopModel, z: np.ndarray, bpm: float, bars: int, seed: int) -> np.ndarray:
    """Make a loop of latents `(latents, LATENT_DIM)`, float32 `(2, samples)`, not leveled."""
    assert model.decoder is not None
    samples = loop_samples(bpm, bars, latent.SAMPLE_RATE)
    try:
        with np.errstate(over="raise", invalid="raise"):
            waveform = render(model.decoder, z, bpm, samples, seed)
    except FloatingPointError:
        raise _unsound(model.decoder) from None
    return _checked(waveform, MAX_AMPLITUDE, model.decoder)


def _make(model: LoopModel, request: Request, sampling: Any) -> np.ndarray:
    """Make a loop by a prior and a decoder."""
    assert model.decoder is not None
    samples = loop_samples(request.bpm, request.bars, latent.SAMPLE_RATE)
    z = _checked(sample_latents(model.prior, request, sampling), MAX_SAMPLE, model.prior)
    return render(model.decoder, z, request.bpm, samples, request.seed, magnitude.SAMPLED)


def _make_alone(model: LoopModel, request: Request, sampling: Any) -> np.ndarray:
    """Make a loop by a model whose samples need no decoder; mono, so both channels are equal."""
    prior = model.prior
    representation, config = prior.representation, prior.recipe.representation
    assert isinstance(representation, Audible)
    x = sample(prior, request, representation.count(config, request.bpm, request.bars), sampling)
    rng = np.random.default_rng(request.seed)
    waveform = representation.decode(
        _checked(x, MAX_SAMPLE, prior), prior.codec, config, request.bpm, request.bars, rng
    )
    return np.stack([waveform, waveform])


def _checked(values: np.ndarray, limit: float, trained: Trained) -> np.ndarray:
    """Return what a model made; FourfloorError where it is not finite or beyond anything it was trained on."""
    if not np.abs(values).max() <= limit:  # also true of NaN
        raise _unsound(trained)
    return values


def _unsound(trained: Trained) -> FourfloorError:
    where = trained.source or "the model in training"
    return FourfloorError(f"{where}: its weights produce values that are not audio; use another model or checkpoint")


def draw_requests(request: Request, draws: int) -> list[Request]:
    """List the requests of one loop's draws: the first is as asked, the seeds of the others follow from its seed."""
    spread = np.random.SeedSequence([request.seed, 1]).generate_state(max(draws - 1, 1), np.uint64)
    return [request, *(replace(request, seed=int(seed) >> 11) for seed in spread[: draws - 1])]
