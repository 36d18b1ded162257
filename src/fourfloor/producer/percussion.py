"""Shakers, congas, toms, blocks, bells and electronic ticks; each call draws one instrument: a hit (n,).

`percussion` and `shaker` bring its peak to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fourfloor.producer.drums import Rng, band, decay, finish, metal, seconds_axis
from fourfloor.producer.oscillators import modes


def percussion(rng: Rng, sample_rate: int, kind: str) -> np.ndarray:
    """Draw one instrument of `PERCUSSION`."""
    return finish(_DRAWN_BY[kind](rng, sample_rate), sample_rate)


def shaker(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a shaker: noise that swells before it falls."""
    t = seconds_axis(0.16, sample_rate)
    rise = rng.uniform(0.008, 0.03)
    envelope = np.minimum(t / rise, 1) ** 2 * decay(t, rng.uniform(0.07, 0.14), rise)
    noise = band(rng.standard_normal(len(t)), rng.uniform(3000, 6500), rng.uniform(9000, 15000), sample_rate)
    return finish(noise * envelope, sample_rate)


def conga(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a conga."""
    return _skin(rng, sample_rate, rng.uniform(150, 330))


def bongo(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a bongo."""
    return _skin(rng, sample_rate, rng.uniform(300, 620))


def tom(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a tom."""
    return _skin(rng, sample_rate, rng.uniform(70, 180))


def _skin(rng: Rng, sample_rate: int, hertz: float) -> np.ndarray:
    """Draw a skin drum: a bending fundamental, the modes of a circular membrane, a slap of noise."""
    seconds, bend, slap = rng.uniform(0.15, 0.4), rng.uniform(0.02, 0.5), rng.uniform(0.05, 0.4)
    t = seconds_axis(seconds * 1.1, sample_rate)
    phase = 2 * np.pi * np.cumsum(hertz * (1 + bend * np.exp(-t / 0.03)), dtype=np.float64) / sample_rate
    body = np.sin(phase).astype(np.float32) * decay(t, seconds)
    ratios = np.array([1.59, 2.14, 2.65])
    decays, levels = seconds * rng.uniform(0.2, 0.6, 3), rng.uniform(0.1, 0.5, 3)
    upper = modes(hertz * ratios, decays, levels, seconds * 1.1, sample_rate)
    noise = band(rng.standard_normal(len(t)), 1500, 8000, sample_rate) * decay(t, 0.025)
    return body + upper[: len(t)] + slap * noise


def block(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a wood block: three short modes."""
    hertz = rng.uniform(500, 1300) * np.array([1, 2.57, 4.9])
    return modes(hertz, rng.uniform(0.04, 0.12, 3), np.array([1, 0.4, 0.2]), 0.15, sample_rate)


def cowbell(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a cowbell: two driven tones."""
    t = seconds_axis(0.4, sample_rate)
    base = rng.uniform(480, 640)
    pair = np.tanh(3 * np.sin(2 * np.pi * base * t)) + np.tanh(3 * np.sin(2 * np.pi * base * 1.48 * t))
    return band(pair, base * 0.9, base * 5, sample_rate) * decay(t, rng.uniform(0.1, 0.4))


def tick(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw an electronic tick: a burst of high noise."""
    t = seconds_axis(0.06, sample_rate)
    noise = band(rng.standard_normal(len(t)), rng.uniform(1500, 6000), None, sample_rate)
    return noise * decay(t, rng.uniform(0.008, 0.04))


def zap(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a zap: a fast sweep down."""
    t = seconds_axis(0.2, sample_rate)
    sweep = rng.uniform(150, 500) + rng.uniform(1500, 6000) * np.exp(-t / rng.uniform(0.01, 0.04))
    return np.sin(2 * np.pi * np.cumsum(sweep, dtype=np.float64) / sample_rate) * decay(t, rng.uniform(0.06, 0.18))


def tambourine(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a tambourine: a metallic tone in noise."""
    t = seconds_axis(0.25, sample_rate)
    jingle = metal(t, rng.uniform(900, 1500), sample_rate, rng) + 0.4 * rng.standard_normal(len(t))
    return band(jingle, 5000, 14000, sample_rate) * decay(t, rng.uniform(0.08, 0.22))


def glass(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a glass: the modes of a free bar."""
    hertz = rng.uniform(900, 2600) * np.array([1, 2.76, 5.4, 8.9])
    return modes(hertz, rng.uniform(0.1, 0.6, 4), np.array([1, 0.6, 0.3, 0.1]), 0.6, sample_rate)


def metal_hit(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a struck piece of metal."""
    t = seconds_axis(0.3, sample_rate)
    hit = metal(t, rng.uniform(120, 420), sample_rate, rng)
    return band(hit, rng.uniform(300, 1500), rng.uniform(4000, 9000), sample_rate) * decay(t, rng.uniform(0.05, 0.3))


# A draw picks by position, so a new instrument goes last.
_DRAWN_BY: dict[str, Callable[[Rng, int], np.ndarray]] = {
    "conga": conga, "tom": tom, "block": block, "cowbell": cowbell, "tick": tick, "zap": zap,
    "tambourine": tambourine, "bongo": bongo, "glass": glass, "metal": metal_hit,
}  # fmt: skip
PERCUSSION = tuple(_DRAWN_BY)
