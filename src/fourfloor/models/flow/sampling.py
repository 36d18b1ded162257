"""Noise -> the latents of a loop, in numpy: the way along the velocity, guidance, the outline, and the bass.

One loop at a time: of exported networks, which round their inputs by the range of all of them, a loop would otherwise
depend on its neighbors.
"""

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from fourfloor.models.flow.outline import Outlines
from fourfloor.networks import Networks, of_shape
from fourfloor.nn.styles import NO_STYLE
from fourfloor.representations.controls import NAMES
from fourfloor.representations.latent import FREQUENCIES, KICK, LATENTS_PER_BAR

if TYPE_CHECKING:
    from fourfloor.models.flow import Sampling

LATENTS_PER_BEAT = LATENTS_PER_BAR // 4
RANK_EDGE = 0.02  # ranks of a control beyond are alike where outlines are drawn: a kick is 0 or 1
BASS_GAIN = 5.0  # of frequencies where the bass is drawn: a semitone is about as large as the noise
BASS_STEPS = 4  # of the midpoint rule; 8, 16 and 32 make no steadier notes
Field = Callable[[np.ndarray, float], np.ndarray]


def sample(
    networks: Networks, n: int, conditions: Mapping[str, np.ndarray], sampling: "Sampling", rng: np.random.Generator,
    bars: int = 4,
) -> np.ndarray:  # fmt: skip
    """Draw latents float32 `(n, latents, latent_dim)` with random numbers of `rng` alone.

    `conditions` holds bpm `(n,)`, style `(n,)`, and where any control is asked for controls `(n, len(NAMES))`, NaN for
    any.
    """
    rows = ({name: values[row : row + 1] for name, values in conditions.items()} for row in range(n))
    return np.concatenate([_sample_one(networks, row, sampling, rng, bars) for row in rows])


def _sample_one(
    networks: Networks, conditions: Mapping[str, np.ndarray], sampling: "Sampling", rng: np.random.Generator, bars: int
) -> np.ndarray:
    noise = rng.standard_normal((1, bars * LATENTS_PER_BAR, networks.shape["latent_dim"]), np.float32)
    velocity = guided_velocity(networks, conditions, sampling)
    drawn = drawn_outline(networks, conditions, rng)
    start = outline(noise)

    def led(x: np.ndarray, time: float) -> np.ndarray:
        """Move the outline to its place on the straight way to the drawn one."""
        if time > sampling.level_share:
            return x
        return x + spread_out((1 - time) * start + time * drawn - outline(x), x.shape)

    x = integrate(velocity, noise, sampling.steps, led)
    return with_bass(networks, x, conditions, rng) if networks.config.bass_width else x


def guided_velocity(networks: Networks, conditions: Mapping[str, np.ndarray], sampling: "Sampling") -> Field:
    """Return the velocity that a loop follows."""
    bpm, style = _as_inputs(conditions)
    anything = np.full((1, len(NAMES)), np.nan, np.float32)
    controls = conditions["controls"].astype(np.float32) if "controls" in conditions else anything
    autoguided = sampling.autoguidance if bool(networks.arrays["guess"].any()) else 0.0

    def answer(x: np.ndarray, time: float, style: np.ndarray, controls: np.ndarray) -> np.ndarray:
        given = {"x": x, "t": np.full(1, time, np.float32), "bpm": bpm, "style": style}
        asked = {"controls": controls} if networks.config.controls else {}
        full, guess = (of_shape(made, x.shape) for made in networks.functions["velocity"](**given, **asked))
        return full + autoguided * (full - guess) if autoguided and time < sampling.autoguidance_share else full

    def velocity(x: np.ndarray, time: float) -> np.ndarray:
        guided = answer(x, time, style, controls)
        if sampling.control_guidance != 1.0 and not np.isnan(controls).all():
            free = answer(x, time, style, anything)
            guided = free + sampling.control_guidance * (guided - free)
        if sampling.guidance != 1.0:
            free = answer(x, time, np.full_like(style, NO_STYLE), anything)
            guided = free + sampling.guidance * (guided - free)
        return guided

    return velocity


def drawn_outline(networks: Networks, conditions: Mapping[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw the outline `(1, outline_dim)` that a loop is led to."""
    size = outline_dim(networks.shape["latent_dim"])
    outlines = Outlines.of(networks.arrays)
    free = np.full((1, size), np.nan)
    given = known(free, conditions.get("controls")) if networks.config.controls else free
    _, style = _as_inputs(conditions)
    return outlines.draw(int(style[0]), given[0], rng)[None, :size].astype(np.float32)


def with_bass(
    networks: Networks, x: np.ndarray, conditions: Mapping[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Draw the low end's frequencies of a loop `x` again, for all the rest of it."""
    noise = rng.standard_normal(x[..., FREQUENCIES].shape, np.float32)
    y = integrate(bass_velocity(networks, x, conditions), noise, BASS_STEPS)
    return np.concatenate([x[..., : FREQUENCIES.start], y / np.float32(BASS_GAIN)], axis=-1)


def bass_velocity(networks: Networks, x: np.ndarray, conditions: Mapping[str, np.ndarray]) -> Field:
    """Return the velocity that the low end's frequencies follow, given the rest of a loop `x`."""
    bpm, style = _as_inputs(conditions)
    rest = x[..., : FREQUENCIES.start]

    def velocity(y: np.ndarray, time: float) -> np.ndarray:
        t = np.full(1, time, np.float32)
        together = np.concatenate([rest, y], axis=-1).astype(np.float32)
        (made,) = networks.functions["bass"](x=together, t=t, bpm=bpm, style=style)
        return of_shape(made, y.shape)

    return velocity


def _as_inputs(conditions: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return conditions["bpm"].astype(np.float32), conditions["style"].astype(np.int64)


def integrate(
    velocity: Field, x: np.ndarray, steps: int, led: Field = lambda x, time: x, begin: float = 0.0
) -> np.ndarray:
    """Follow a velocity from `x` at time `begin` to 1 by the midpoint rule; `led` corrects each place on the way."""
    length = (1 - begin) / max(steps, 1)
    for i in range(steps):
        time = begin + i * length
        middle = led(x + velocity(x, time) * (length / 2), time + length / 2)
        x = led(x + velocity(middle, time + length / 2) * length, time + length)
    return x


def outline_dim(latent_dim: int) -> int:
    """Return how many numbers an outline has."""
    return latent_dim + LATENTS_PER_BEAT * len(range(latent_dim)[KICK])


def outline(x: np.ndarray) -> np.ndarray:
    """Return what is drawn first of loops `x`: their mean latents, and a mean beat of the low end around these."""
    level = x.mean(axis=1)
    n, latents, size = x.shape
    beats = x[..., KICK].reshape(n, latents // LATENTS_PER_BEAT, LATENTS_PER_BEAT, len(range(size)[KICK]))
    return np.concatenate(
        [level, (beats.mean(axis=1) - level[:, None, KICK]).reshape(n, outline_dim(size) - size)], axis=1
    )


def spread_out(outlines: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the loops of a shape `(n, latents, latent_dim)` that hold nothing but an outline, alike in all beats."""
    n, latents, size = shape
    x = np.repeat(outlines[:, None, :size], latents, axis=1)
    beat = outlines[:, size:].reshape(n, LATENTS_PER_BEAT, len(range(size)[KICK]))
    x[..., KICK] += np.tile(beat, (1, latents // LATENTS_PER_BEAT, 1))
    return x


def known(outlines: np.ndarray, controls: np.ndarray | None) -> np.ndarray:
    """Put outlines and controls, as quantiles of a normal distribution, side by side; what is any is NaN."""
    if controls is None:
        return np.concatenate([outlines, np.full((len(outlines), len(NAMES)), np.nan)], axis=1)
    quantile = NormalDist().inv_cdf
    ranks = np.clip(controls.astype(np.float64), RANK_EDGE, 1 - RANK_EDGE)
    normal = [quantile(rank) if rank == rank else rank for rank in ranks.ravel()]
    return np.concatenate([outlines, np.reshape(normal, ranks.shape)], axis=1)
