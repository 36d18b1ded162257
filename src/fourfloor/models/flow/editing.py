"""A loop's latents -> others near it, in numpy: varied, filled where a mask is open, or on the way to another loop.

All three move between data and noise along the same velocity that sampling follows. Time runs from 0, noise, to 1, a
loop; on the straight way between a noise and a loop every time in between is known.

- Varied (SDEdit, Meng et al. 2022): noise is mixed in, as much as the amount says, and the velocity leads back.
- Filled (RePaint, Lugmayr et al. 2022): the kept part is put on its straight way at each step, and the walk is taken
  back to noise a few times so that what is new has time to agree with it.
- On the way: both loops are led back to the noise they come from, and the noises are mixed (Song et al. 2021).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fourfloor.models.flow.sampling import (
    BASS_GAIN,
    BASS_STEPS,
    Field,
    bass_velocity,
    drawn_outline,
    guided_velocity,
    integrate,
    outline,
    spread_out,
)
from fourfloor.networks import Networks
from fourfloor.representations.latent import FREQUENCIES

if TYPE_CHECKING:
    from fourfloor.models.flow import Sampling

Conditions = Mapping[str, np.ndarray]
RETURNS = 3  # times that a fill is taken back: with none, what is new ignores its surroundings until the last steps
RETURN_SHARE = 0.35  # of the way that is taken back each time
INVERSION_STEPS = 16  # of the midpoint rule, back to noise: 8 come back with twice the error


@dataclass(frozen=True)
class Editor:
    """The networks of a prior with what they are asked for: bpm, style and controls of one loop."""

    networks: Networks
    conditions: Conditions
    sampling: "Sampling"

    def vary(self, z: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
        """Return latents `(latents, dim)` as far from `z` as `amount` says: 0 is `z` itself, 1 a loop of its own."""
        noise, x, begin = _noise_like(z[None], rng), z[None], 1 - amount
        drawn = drawn_outline(self.networks, self.conditions, rng)
        # Beyond half of the way an outline of its own is mixed in: held to that of `z`, no amount would lead away.
        wanted = outline(x) + max(0.0, 2 * amount - 1) * (drawn - outline(x))
        made = self._follow(begin * x + amount * noise, begin, self._led_to(wanted, noise))
        if not self.networks.config.bass_width:
            return made[0]
        bass = begin * _bass_of(x) + amount * _noise_like(_bass_of(x), rng)
        return self._with_bass(made, integrate(self._bass_after(made), bass, BASS_STEPS, begin=begin))[0]

    def fill(self, z: np.ndarray, new: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return latents `(latents, dim)` that are `z` but where `new`, booleans `(latents,)`, is true."""
        kept, opened, begin = z[None], new[None, :, None], 0.0
        x = noise = _noise_like(kept, rng)
        for number in range(RETURNS + 1):
            x = self._follow(x, begin, self._level_led(kept, opened, noise))
            if number < RETURNS:
                begin, noise = 1 - RETURN_SHARE, _noise_like(kept, rng)
                x = begin * x + (1 - begin) * noise
        if self.networks.config.bass_width:
            bass = _noise_like(_bass_of(kept), rng)
            led = _keeping(_bass_of(kept), opened, bass)
            x = self._with_bass(x, integrate(self._bass_after(x), bass, BASS_STEPS, led))
        return np.where(opened, x, kept)[0]

    def between(self, z: np.ndarray, other: np.ndarray, shares: Sequence[float]) -> Iterator[np.ndarray]:
        """Yield latents on the way from `z` to `other`: share 0 is `z`, 1 is `other`."""
        ends = z[None], other[None]
        first, second = (self._noise_of(x) for x in ends)
        for share in shares:
            if share in (0, 1):
                yield ends[int(share)][0]
                continue
            noise = _mixed(first[0], second[0], share)
            made = integrate(self._velocity(), noise, INVERSION_STEPS)
            if self.networks.config.bass_width:
                bass = _mixed(first[1], second[1], share)
                made = self._with_bass(made, integrate(self._bass_after(made), bass, INVERSION_STEPS))
            yield made[0]

    def _noise_of(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the noise that the velocity leads to loops `x`, and that of their bass."""
        noise = integrate(_backward(self._velocity()), x, INVERSION_STEPS)
        if not self.networks.config.bass_width:
            return noise, _bass_of(noise)
        return noise, integrate(_backward(self._bass_after(x)), _bass_of(x), INVERSION_STEPS)

    def _velocity(self) -> Field:
        return guided_velocity(self.networks, self.conditions, self.sampling)

    def _bass_after(self, x: np.ndarray) -> Field:
        return bass_velocity(self.networks, x, self.conditions)

    def _with_bass(self, x: np.ndarray, bass: np.ndarray) -> np.ndarray:
        return np.concatenate([x[..., : FREQUENCIES.start], bass / np.float32(BASS_GAIN)], axis=-1)

    def _follow(self, x: np.ndarray, begin: float, led: Field) -> np.ndarray:
        """Follow the velocity from a time to 1, in as many steps as that part of the way has."""
        steps = math.ceil((1 - begin) * self.sampling.steps)
        return integrate(self._velocity(), x.astype(np.float32), steps, led, begin=begin)

    def _level_led(self, kept: np.ndarray, opened: np.ndarray, noise: np.ndarray) -> Field:
        """Return what keeps the kept part on its way, and leads the mean of the open one to the mean of the kept.

        Left free, what is new comes out 2.5 LU quieter than what it follows: networks answer with means.
        """
        keep = _keeping(kept, opened, noise)
        if opened.all():
            return keep
        among, others = (part.astype(np.float32) / np.float32(part.sum()) for part in (opened, ~opened))
        start, wanted = ((noise * among).sum(axis=1), (kept * others).sum(axis=1))

        def led(x: np.ndarray, time: float) -> np.ndarray:
            if time <= self.sampling.level_share:
                away = (1 - time) * start + time * wanted - (x * among).sum(axis=1)
                x = x + np.where(opened, away[:, None], 0).astype(np.float32)
            return keep(x, time)

        return led

    def _led_to(self, wanted: np.ndarray, noise: np.ndarray) -> Field:
        """Return what puts the outline of a place on the straight way from the noise's to the wanted one."""
        start = outline(noise)

        def led(x: np.ndarray, time: float) -> np.ndarray:
            if time > self.sampling.level_share:
                return x
            return x + spread_out((1 - time) * start + time * wanted - outline(x), x.shape)

        return led


def _keeping(kept: np.ndarray, opened: np.ndarray, noise: np.ndarray) -> Field:
    """Return what puts a place on the straight way from noise to `kept`, but where it is open."""
    return lambda x, time: np.where(opened, x, time * kept + (1 - time) * noise)


def _backward(velocity: Field) -> Field:
    """Return the velocity of the way back, whose time 0 is the loop and 1 the noise."""
    return lambda x, time: -velocity(x, 1 - time)


def _mixed(noise: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Mix two noises so that the size of each number stays what it was: along the arc between them."""
    angle = math.acos(float(np.clip(_cosine(noise, other), -1, 1)))
    if angle < 1e-3:
        return noise
    first, second = math.sin((1 - share) * angle), math.sin(share * angle)
    return ((first * noise + second * other) / math.sin(angle)).astype(np.float32)


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-12))


def _bass_of(x: np.ndarray) -> np.ndarray:
    """Return the low end's frequencies of loops `x` at the size that the bass is drawn at."""
    return x[..., FREQUENCIES] * np.float32(BASS_GAIN)


def _noise_like(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(x.shape, np.float32)
