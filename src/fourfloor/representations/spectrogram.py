"""Magnitude spectrograms of fragments as pictures in [-1, 1], and the way back to sound.

`values = "linear"` and `normalize = "range"` is what a student builds first: raw magnitudes between the least and the
largest of the training set, nearly all of them black. `values = "log"` and `normalize = "bins"` is SpecGAN's (Donahue
et al. 2019): log magnitudes, each bin with its own mean and deviation, clipped at three deviations. `n_mels` draws mel
bands instead of bins: fewer, and even in pitch.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.representations import Loops, waveform
from fourfloor.representations.waveform import count, rate  # noqa: F401 - pictures are of fragments
from fourfloor.signal import inversion, mel
from fourfloor.signal.stft import stft

LOG_FLOOR = 1e-4  # -80 dB under a full-scale sine
FIT_FRAGMENTS = 256  # enough for one mean and deviation a bin
NOMINAL_BPM = 128  # beats stretched to one length have no rate of their own: mel bands are laid out for this tempo


@dataclass(frozen=True, kw_only=True)
class Config(waveform.Config):
    """How a fragment is cut (as a waveform's) and drawn."""

    n_fft: int = 256
    hop_length: int = 128
    values: Literal["linear", "log"] = "log"
    normalize: Literal["range", "bins"] = "bins"
    clip_sd: float = 3.0  # with "bins"
    iterations: int = 32  # of Griffin-Lim
    inversion: Literal["griffin_lim", "phase_gradient"] = "griffin_lim"  # where its phases begin: at random or there
    n_mels: int = 0  # mel bands; 0: every bin
    f_min: float = 30.0  # of the lowest mel band, in Hz
    f_max: float = 0.0  # of the highest; 0: half the sample rate

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 32 <= self.n_fft <= 8192 or self.n_fft % 2 or not 8 <= self.hop_length <= self.n_fft // 2:
            raise FourfloorError(
                f"n_fft {self.n_fft}, hop_length {self.hop_length}: choose an even n_fft of 32-8192, a hop up to half"
            )
        if self.samples % self.hop_length:
            raise FourfloorError(f"samples {self.samples}: choose a multiple of hop_length {self.hop_length}")
        if not 0.1 <= self.clip_sd <= 100 or not 0 <= self.iterations <= 1000:
            raise FourfloorError(f"clip_sd {self.clip_sd}, iterations {self.iterations}: choose 0.1-100 and 0-1000")
        if self.n_mels:
            self._check_mels()

    def _check_mels(self) -> None:
        if not 8 <= self.n_mels <= self.n_fft // 2:
            raise FourfloorError(
                f"n_mels {self.n_mels}: choose 8-{self.n_fft // 2} for n_fft {self.n_fft}, or 0 for bins"
            )
        nyquist = nominal_rate(self) / 2
        if not 0 <= self.f_min < (self.f_max or nyquist) <= nyquist:
            raise FourfloorError(
                f"f_min {self.f_min:g}, f_max {self.f_max:g}: choose 0 <= f_min < f_max <= {nyquist:g} Hz"
            )


@dataclass(frozen=True)
class Codec:
    """The middle and half the width of what becomes [-1, 1], each `(bins,)`."""

    middle: np.ndarray
    scale: np.ndarray


def check_loops(loops: Loops, config: Config) -> None:
    """Raise FourfloorError where a loop of a dataset is shorter than a fragment."""
    waveform.check_loops(loops, config)


def check(codec: Codec, config: Config) -> None:
    """Raise FourfloorError where a codec is not of the recipe's pictures or not finite."""
    for values in (codec.middle, codec.scale):
        if values.shape != (shape(config)["bins"],) or not np.isfinite(values).all():
            raise FourfloorError(f"a range of shape {values.shape}, or one that is not finite")
    if codec.scale.min() <= 0:
        raise FourfloorError("a range of no width")


def shape(config: Config) -> dict[str, int]:
    """Return the size of one picture; the Nyquist bin is left out."""
    return {"bins": config.n_mels or config.n_fft // 2, "frames": config.samples // config.hop_length}


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
    magnitude = np.abs(stft(fragment, config.samples // config.hop_length, config.n_fft))
    drawn = (magnitude @ mel_filters(config).T if config.n_mels else magnitude[:, :-1]).T
    return drawn if config.values == "linear" else np.log(drawn + LOG_FLOOR)


def undraw(drawn: np.ndarray, config: Config) -> np.ndarray:
    """Return the magnitudes float32 `(frames, n_fft // 2 + 1)` of what `draw` drew, of any number of frames."""
    magnitude = np.maximum(drawn if config.values == "linear" else np.exp(drawn) - LOG_FLOOR, 0).T
    if config.n_mels:
        return inversion.from_bands(magnitude, mel_filters(config))
    return np.pad(magnitude, ((0, 0), (0, 1))).astype(np.float32)


def decode(x: np.ndarray, codec: Codec, config: Config, bpm: float, bars: int, rng: np.random.Generator) -> np.ndarray:
    """Lay pictures `(count, bins, frames)` end to end on a circle and invert them: float32 `(samples,)` at 44.1 kHz."""
    joined = np.concatenate(list(x), axis=1)
    drawn = np.clip(joined, -1, 1) * codec.scale[:, None] + codec.middle[:, None]
    sound = to_waveform(undraw(drawn, config), len(x) * config.samples, config, rng)
    return waveform.to_loop(sound, config, bpm, bars)


def to_waveform(magnitude: np.ndarray, samples: int, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Invert magnitudes `(frames, n_fft // 2 + 1)` as a recipe says: a closed waveform float32 `(samples,)`."""
    phase = inversion.phase_gradient(magnitude, samples, rng) if config.inversion == "phase_gradient" else None
    return inversion.griffin_lim(magnitude, samples, rng, config.iterations, phase=phase)


def nominal_rate(config: Config) -> float:
    """Return the sample rate of fragments in Hz, of stretched beats at the nominal tempo."""
    return config.samples * NOMINAL_BPM / (60 * config.beats) if config.beats else config.sample_rate


def mel_filters(config: Config) -> np.ndarray:
    """Return triangular filters float32 `(n_mels, n_fft // 2 + 1)`, each of weight 1 and at least two bins wide."""
    rate_hz = nominal_rate(config)
    return mel.filters(config.n_mels, config.f_min, config.f_max or rate_hz / 2, config.n_fft, rate_hz)
