"""Magnitude spectrograms of fragments as pictures in [-1, 1], and the way back to sound.

`values = "linear"` and `normalize = "range"` is what a student builds first: raw magnitudes between the least and the
largest of the training set, nearly all of them black. `values = "log"` and `normalize = "bins"` is SpecGAN's (Donahue
et al. 2019): log magnitudes, each bin with its own mean and deviation, clipped at three deviations.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fourfloor.representations import Loops, inversion, waveform
from fourfloor.representations.beatgrid import stft
from fourfloor.representations.waveform import count, rate  # noqa: F401 - pictures are of fragments

LOG_FLOOR = 1e-4  # -80 dB under a full-scale sine
FIT_FRAGMENTS = 256  # enough for one mean and deviation a bin


@dataclass(frozen=True, kw_only=True)
class Config(waveform.Config):
    """How a fragment is cut (as a waveform's) and drawn."""

    n_fft: int = 256
    hop_length: int = 128
    values: Literal["linear", "log"] = "log"
    normalize: Literal["range", "bins"] = "bins"
    clip_sd: float = 3.0  # with "bins"
    iterations: int = 32  # of Griffin-Lim

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 32 <= self.n_fft <= 8192 or self.n_fft % 2 or not 8 <= self.hop_length <= self.n_fft // 2:
            raise ValueError(
                f"n_fft {self.n_fft}, hop_length {self.hop_length}: choose an even n_fft of 32-8192, a hop up to half"
            )
        if self.samples % self.hop_length:
            raise ValueError(f"samples {self.samples}: choose a multiple of hop_length {self.hop_length}")
        if not 0.1 <= self.clip_sd <= 100 or not 0 <= self.iterations <= 1000:
            raise ValueError(f"clip_sd {self.clip_sd}, iterations {self.iterations}: choose 0.1-100 and 0-1000")


@dataclass(frozen=True)
class Codec:
    """The middle and half the width of what becomes [-1, 1], each `(bins,)`."""

    middle: np.ndarray
    scale: np.ndarray


def shape(config: Config) -> dict[str, int]:
    """Return the size of one picture; the Nyquist bin is left out."""
    return {"bins": config.n_fft // 2, "frames": config.samples // config.hop_length}


def fit(loops: Loops, config: Config) -> Codec:
    """Measure the range, or each bin's mean and deviation, on fragments of the training loops."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(loops.indices("train"), FIT_FRAGMENTS)
    drawn = np.stack([draw(waveform.cut(loops, int(index), config, rng), config) for index in chosen])
    if config.normalize == "range":
        low, high = float(drawn.min()), float(drawn.max())
        middle, scale = np.full(drawn.shape[1], (low + high) / 2), np.full(drawn.shape[1], (high - low) / 2)
    else:
        middle, scale = drawn.mean(axis=(0, 2)), config.clip_sd * drawn.std(axis=(0, 2))
    return Codec(middle.astype(np.float32), np.maximum(scale, 1e-3).astype(np.float32))


def batch(
    loops: Loops, codec: Codec, config: Config, split: str, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw pictures `x` `(size, bins, frames)` in [-1, 1] with `bpm` and `style` index, each `(size,)`."""
    chosen = rng.choice(loops.indices(split), size)
    drawn = np.stack([draw(waveform.cut(loops, int(index), config, rng), config) for index in chosen])
    x = np.clip((drawn - codec.middle[:, None]) / codec.scale[:, None], -1, 1)
    return {"x": x.astype(np.float32), **waveform.tags(loops, chosen)}


def draw(fragment: np.ndarray, config: Config) -> np.ndarray:
    """Return the magnitudes or their logarithm `(bins, frames)` of a fragment `(samples,)`, wrapped around its end."""
    magnitude = np.abs(stft(fragment, config.samples // config.hop_length, config.n_fft))[:, :-1].T
    return magnitude if config.values == "linear" else np.log(magnitude + LOG_FLOOR)


def decode(
    x: np.ndarray, codec: Codec, config: Config, bpm: float, bars: int, rng: np.random.Generator
) -> np.ndarray:
    """Lay pictures `(count, bins, frames)` end to end on a circle and invert them: float32 `(samples,)` at 44.1 kHz."""
    drawn = np.clip(x, -1, 1) * codec.scale[:, None] + codec.middle[:, None]
    magnitude = drawn if config.values == "linear" else np.exp(drawn) - LOG_FLOOR
    joined = np.maximum(np.concatenate(list(magnitude), axis=1), 0).T
    with_nyquist = np.pad(joined, ((0, 0), (0, 1))).astype(np.float32)
    samples = len(x) * config.samples
    sound = inversion.griffin_lim(with_nyquist, samples, rng, config.iterations)
    return waveform.to_loop(sound, config, bpm, bars)
