"""The master bus: a mixed loop goes in; room, tone, compression, saturation, width and a limiter finish it.

A bus is `(rows, 2, N)`: the mix first, then groups of its parts that sum to it. The mix alone decides every gain, and
the groups get the same gains, so they still sum to the mix afterward.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft, signal

from fourfloor.audio.level import k_weighting
from fourfloor.producer import circle, effects
from fourfloor.producer.styles import Style

CEILING = 10 ** (-0.5 / 20)
MONO_BELOW_HZ = 170.0


@lru_cache(maxsize=8)
def weighting_gain(sample_rate: int, size: int) -> np.ndarray:
    """Return what the K-weighting does to the power of each bin (size // 2 + 1,) of a transform of `size` samples."""
    return (np.abs(k_weighting(size, sample_rate)) ** 2).astype(np.float32)


def loudness_db(waveform: np.ndarray, sample_rate: int) -> float:
    """Return the K-weighted level of (2, N) over the whole circle, ungated; of more than 3 s every other window."""
    size = 4096
    frames = waveform[:, : waveform.shape[1] // size * size].reshape(2, -1, size)
    frames = frames[:, :: 1 + (frames.shape[1] > 32)] * np.hanning(size).astype(np.float32)
    power = np.mean(np.abs(fft.rfft(frames)) ** 2, 1).sum(0) @ weighting_gain(sample_rate, size)
    return float(-0.691 + 10 * np.log10(2 * power / (0.375 * size**2) + 1e-12))


def mean_power(waveform: np.ndarray) -> float:
    """Return the mean square of all samples."""
    return float(np.vdot(waveform, waveform)) / waveform.size


def compress(bus: np.ndarray, ratio: float, amount_db: float, release: float, sample_rate: int) -> np.ndarray:
    """Compress the bus by up to about `amount_db` with a feed-forward RMS compressor, run twice around the circle."""
    block = 128
    waveform, length = bus[0], bus.shape[-1]
    power = np.pad(np.einsum("cn,cn->n", waveform, waveform) / 2, (0, -length % block), mode="wrap")
    level = 10 * np.log10(power.reshape(-1, block).mean(1) + 1e-9)
    threshold = np.quantile(level, 0.9) - amount_db
    reduction = np.maximum(level - threshold, 0) * (1 - 1 / ratio)
    attack_step = 1 - np.exp(-block / (0.012 * sample_rate))
    release_step = 1 - np.exp(-block / (release * sample_rate))
    state, smoothed = 0.0, np.empty(len(reduction))
    for _ in range(2):
        for i, target in enumerate(reduction.tolist()):
            state += (target - state) * (attack_step if target > state else release_step)
            smoothed[i] = state
    steps = 10 ** (-smoothed / 20).astype(np.float32)
    rise = np.linspace(0, 1, block, endpoint=False, dtype=np.float32)
    gain = (steps[:, None] + (np.roll(steps, -1) - steps)[:, None] * rise).ravel()[:length]
    return bus * gain


def squash(bus: np.ndarray, release: float, sample_rate: int) -> np.ndarray:
    """Return the loop with three bands flattened hard, each at its old power; mixed in, it lifts what is quiet."""
    low = circle.filter_sections(signal.butter(2, 180, "low", fs=sample_rate, output="sos"), bus, sample_rate)
    high = circle.filter_sections(signal.butter(2, 2800, "high", fs=sample_rate, output="sos"), bus, sample_rate)
    total = np.zeros_like(bus)
    for band in (low, bus - low - high, high):
        flat = compress(band, 10.0, 24.0, release, sample_rate)
        total += flat * np.float32(np.sqrt(mean_power(band[0]) / (mean_power(flat[0]) + 1e-12)))
    return total


def ambience(bus: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return a faint, dense room around the whole mix, 26 to 10 dB under it: its spectrum is the mix's own."""
    t = np.arange(int(rng.uniform(0.4, 1.2) * sample_rate)) / sample_rate
    response = rng.standard_normal((2, len(t)), dtype=np.float32) * np.exp(-4 * t / t[-1]).astype(np.float32)
    wet = circle.convolve(bus.mean(axis=1, keepdims=True), response)
    level = np.sqrt(mean_power(bus[0])) * 10 ** (rng.uniform(-26, -10) / 20)
    return wet * np.float32(level / (np.sqrt(mean_power(wet[0])) + 1e-12))


def noise_floor(waveform: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return the hiss of a recording chain, darker than white, 60 to 36 dB under the mix."""
    dark = signal.butter(1, rng.uniform(300, 3000), "low", fs=sample_rate, output="sos")
    noise = rng.standard_normal(waveform.shape[1:], dtype=np.float32)
    left = circle.filter_sections(dark, noise, sample_rate)
    hiss = np.stack([left, 0.6 * left + 0.8 * np.roll(left, len(left) // 3)])
    level = np.sqrt(mean_power(waveform)) * 10 ** (rng.uniform(-60, -36) / 20)
    return hiss * np.float32(level / np.sqrt(mean_power(hiss)))


def tone(bus: np.ndarray, bottom: float, tilt_db: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Cut below 24 Hz, lift the sub bass by 1 + `bottom`, tilt the highs by `tilt_db`, round the very top off.

    A signal and its filtered copy add up to one filter with the same poles, so four stages are one pass of sections.
    """
    rumble = signal.butter(2, 24, "high", fs=sample_rate, output="sos")
    b, a = signal.butter(2, 65, "low", fs=sample_rate)
    shelf = np.concatenate([a + bottom * b, a])[None]
    b, a = signal.butter(1, 1500, "high", fs=sample_rate)
    tilted = a + (10 ** (tilt_db / 20) - 1) * b
    roof_b, roof_a = signal.butter(1, min(rng.uniform(8000, 18000), 0.4 * sample_rate), "low", fs=sample_rate)
    top = np.concatenate([np.convolve(tilted, roof_b), np.convolve(a, roof_a)])[None]
    return circle.filter_sections(np.concatenate([rumble, shelf, top]), bus, sample_rate)


def saturate(bus: np.ndarray, drive: float) -> np.ndarray:
    """Drive the mix into tanh; each group gets the gain that this is at every sample."""
    driven = effects.saturate(bus[0], drive)
    gain = np.divide(driven, bus[0], out=np.ones_like(driven), where=np.abs(bus[0]) > 1e-9)
    return np.concatenate([driven[None], bus[1:] * gain])


def limit(bus: np.ndarray, loudness: float, sample_rate: int) -> np.ndarray:
    """Bring a loop toward a K-weighted loudness in dB with no peak above the ceiling and no DC.

    Peaks bend at first, a look-ahead limiter takes what is left; the second round makes up for what both took.
    """
    gain_db = loudness - loudness_db(bus[0], sample_rate)
    for _ in range(2):
        loud = bus * np.float32(10 ** (gain_db / 20))
        peak = np.maximum(np.abs(loud[0]).max(0), 1e-6)
        over = np.flatnonzero(peak > 0.8 * CEILING)
        bent = CEILING * (0.8 + 0.2 * np.tanh((peak[over] / CEILING - 0.8) / 1.2))
        loud[:, :, over] *= np.sqrt(bent / peak[over])
        peak = np.maximum(np.abs(loud[0]).max(0), 1e-6)
        window = int(0.0015 * sample_rate)
        limited = loud * circle.smooth_minimum(np.minimum(1, CEILING / peak), window)
        gain_db += min(4.0, loudness - loudness_db(limited[0], sample_rate))
    limited -= limited.mean(-1, keepdims=True)
    return (limited * min(1.0, CEILING / float(np.abs(limited[0]).max()))).astype(np.float32)


def master(bus: np.ndarray, style: Style, energy: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return the mastered bus: room, tone, glue, saturation, width, and a limiter up to the style's loudness.

    `energy` in [0, 1] makes it brighter, denser and louder. The hiss belongs to the last group.
    """
    excess = energy - 0.5
    room, hiss = ambience(bus, sample_rate, rng), noise_floor(bus[0], sample_rate, rng)
    bus = bus + room
    for row in {0, len(bus) - 1}:
        bus[row] += hiss
    bus = tone(
        bus,
        rng.uniform(0.1, 0.9),
        1.7 + rng.normal(0, 1.2) + rng.uniform(*style.tilt) + 2 * excess,
        sample_rate,
        rng,
    )
    bus = compress(bus, rng.uniform(1.5, 3.0), rng.uniform(1, 6), rng.uniform(0.08, 0.25), sample_rate)
    bus = bus + (0.5 + energy) * rng.uniform(0.3, 2.0) * squash(bus, rng.uniform(0.06, 0.2), sample_rate)
    bus = saturate(bus, (0.5 + energy) * rng.uniform(*style.drive))
    bus = effects.width(bus, rng.uniform(0.7, 1.3), MONO_BELOW_HZ, sample_rate)
    return limit(bus, rng.uniform(*style.loudness) + 1.5 * excess, sample_rate)
