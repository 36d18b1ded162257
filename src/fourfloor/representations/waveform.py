"""Raw mono samples: fragments cut anywhere at a fixed rate, or whole beats in a fixed number of samples.

A fragment cut anywhere knows nothing of the beat. A fragment of whole beats is resampled, so that one batch may hold
every tempo: 16384 samples for four beats are 8.7 kHz at 128 BPM. Several fragments laid end to end make a loop.
"""

import math
from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.representations import Loops
from fourfloor.signal.beatgrid import BEATS_PER_BAR, loop_samples
from fourfloor.signal.stft import resample_loop

SAMPLE_RATE = 44_100  # of decoded loops


@dataclass(frozen=True, kw_only=True)
class Config:
    """How a fragment is cut."""

    samples: int = 16384
    beats: int = 0  # whole beats a fragment holds; 0: cut anywhere
    sample_rate: int = 10_000  # of fragments cut anywhere, in Hz

    def __post_init__(self) -> None:
        if not 64 <= self.samples <= 2**20:
            raise FourfloorError(f"samples {self.samples}: choose 64-1048576")
        if self.beats not in (0, 1, 2, 4, 8, 16, 32):
            raise FourfloorError(f"beats {self.beats}: choose 1, 2, 4, 8, 16, 32, or 0 to cut anywhere")
        if not 2000 <= self.sample_rate <= SAMPLE_RATE:
            raise FourfloorError(f"sample_rate {self.sample_rate}: choose 2000-{SAMPLE_RATE} Hz")


@dataclass(frozen=True)
class Codec:
    """Nothing: samples are what they are."""


def check_loops(loops: Loops, config: Config) -> None:
    """Raise FourfloorError where a loop of a dataset is shorter than a fragment."""
    if config.beats:
        if loops.bars * BEATS_PER_BAR < config.beats:
            raise FourfloorError(
                f"has loops of {loops.bars} bars, too short for {config.beats} beats; lower representation.beats"
            )
        return
    fastest = max(loops.bpm(int(index)) for split in ("train", "validation") for index in loops.indices(split))
    shortest = loop_samples(fastest, loops.bars, config.sample_rate)
    if shortest < config.samples:
        reason = f"has a loop of {shortest} samples at {config.sample_rate} Hz, a fragment has {config.samples}"
        raise FourfloorError(f"{reason}; lower representation.samples, or ingest longer loops")


def fit(loops: Loops, config: Config) -> Codec:
    """Return the empty codec."""
    return Codec()


def check(codec: Codec, config: Config) -> None:
    """Accept the empty codec."""


def shape(config: Config) -> dict[str, int]:
    """Return the number of samples of one x."""
    return {"samples": config.samples}


def rate(config: Config, bpm: float) -> float:
    """Return the sample rate of fragments of a loop at a tempo, in Hz."""
    return config.samples * bpm / (60 * config.beats) if config.beats else float(config.sample_rate)


def batch(
    loops: Loops, codec: Codec, config: Config, split: str, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw fragments `x` `(size, samples)` with the `bpm` and `style` index of their loops, each `(size,)`."""
    chosen = rng.choice(loops.indices(split), size)
    return {"x": np.stack([cut(loops, int(index), config, rng) for index in chosen]), **tags(loops, chosen)}


def tags(loops: Loops, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """Return tempo and style index of the chosen loops."""
    return {
        "bpm": np.array([loops.bpm(int(index)) for index in chosen], dtype=np.float32),
        "style": np.array([loops.style_index(int(index)) for index in chosen], dtype=np.int64),
    }


def cut(loops: Loops, index: int, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Cut one fragment `(samples,)` from a loop: from a multiple of its beats, or from anywhere."""
    if config.beats:
        places = loops.bars * BEATS_PER_BAR // config.beats
        start = int(rng.integers(places)) * config.samples
        waveform = loops.mono(index, loops.bars * BEATS_PER_BAR * config.samples // config.beats)
    else:
        waveform = loops.mono(index, loop_samples(loops.bpm(index), loops.bars, config.sample_rate))
        room = len(waveform) - config.samples
        start = int(rng.integers(room + 1))
    return waveform[start : start + config.samples]


def count(config: Config, bpm: float, bars: int) -> int:
    """Return how many fragments one loop takes."""
    if config.beats:
        return math.ceil(bars * BEATS_PER_BAR / config.beats)
    return math.ceil(loop_samples(bpm, bars, config.sample_rate) / config.samples)


def decode(x: np.ndarray, codec: Codec, config: Config, bpm: float, bars: int, rng: np.random.Generator) -> np.ndarray:
    """Lay fragments `(count, samples)` end to end; return the loop float32 `(samples,)` at 44.1 kHz."""
    return to_loop(x.reshape(-1), config, bpm, bars)


def to_loop(joined: np.ndarray, config: Config, bpm: float, bars: int) -> np.ndarray:
    """Cut joined fragments to the length of the loop and resample them to 44.1 kHz."""
    if config.beats:
        inside = bars * BEATS_PER_BAR * config.samples // config.beats
    else:
        inside = loop_samples(bpm, bars, config.sample_rate)
    return resample_loop(joined[:inside], loop_samples(bpm, bars, SAMPLE_RATE))
