"""What a transcriber sees of a loop, and what it should answer: drums and bass, known from datasets with truth.

Power in bands of a short STFT tells when something is hit, single bins of a long one tell which note the bass plays;
both are of the middle channel, on the beat grid. A score is uint8 `(frames, ROLES)`: the velocity, 1-255, of each
drum and of the bass where it begins, and the bass's MIDI note in every frame in which it sounds.
"""

import functools
from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.representations import Loops, stems
from fourfloor.representations.stems import Codec as Codec
from fourfloor.signal import mel
from fourfloor.signal.beatgrid import BEATS_PER_BAR, FRAMES_PER_BEAT, SAMPLE_RATE, loop_frames
from fourfloor.signal.stft import N_FFT, stft

ROLES = ("kick", "snare", "clap", "hat", "open", "bass", "pitch")
BANDS = 64
BAND_RANGE_HZ = (30.0, 16_000.0)
LONG_FFT = 8192  # bins of 5.4 Hz
LONG_BINS = slice(4, 128)  # 22 to 680 Hz
SEEN = BANDS + LONG_BINS.stop - LONG_BINS.start
LOWEST_NOTE, HIGHEST_NOTE = 22, 60  # that the producer's bass plays
FLOOR = 1e-6


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a batch for the transcriber holds."""

    bars: int = 1  # of a crop; whole bars, so that its end leads into its start nearly as a loop's does
    gain_db: float = 5.0  # deviation of each stem's random level
    equalize_db: float = 5.0  # deviation of a random equalizer's knobs, for each stem
    kick_ring: float = 6.0  # kicks decay by up to as many nepers a beat more slowly
    kick_pitch: float = 0.5  # kicks are moved by up to exp(this) up or down, in the bins of the long STFT
    recombined: float = 0.6  # share of crops whose stems come from four loops

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= 64 or not 0 <= self.gain_db <= 40 or not 0 <= self.equalize_db <= 20:
            given = f"bars {self.bars}, gain_db {self.gain_db:g}, equalize_db {self.equalize_db:g}"
            raise FourfloorError(f"{given}: choose 1-64, 0-40 and 0-20")
        if not 0 <= self.kick_ring <= 20 or not 0 <= self.kick_pitch <= 2:
            raise FourfloorError(f"kick_ring {self.kick_ring:g}, kick_pitch {self.kick_pitch:g}: choose 0-20, 0-2")
        if not 0 <= self.recombined <= 1:
            raise FourfloorError(f"recombined {self.recombined:g}: choose 0-1")


fit, check, check_loops = stems.fit, stems.check, stems.check_loops
MIX = len(stems.STEMS)  # the row of an analysis after those of the stems


def shape(config: Config) -> dict[str, int]:
    """Return what a transcriber must know of its input and output."""
    return {"seen": SEEN, "notes": HIGHEST_NOTE - LOWEST_NOTE + 1}


def batch(
    loops: Loops, codec: Codec, config: Config, split: str, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw crops: what the transcriber sees, `x` `(size, frames, SEEN)`, and `score` `(size, frames, ROLES)`."""
    rows = [crop(loops, config, split, rng) for _ in range(size)]
    return {"x": np.stack([see(power) for power, _ in rows]), "score": np.stack([score for _, score in rows])}


def crop(loops: Loops, config: Config, split: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one crop: its power `(frames, SEEN)` and its score `(frames, ROLES)`."""
    frames = np.arange(config.bars * BEATS_PER_BAR * FRAMES_PER_BEAT)
    chosen = stems.sources(loops, config.recombined, split, rng)
    whole = len(set(chosen)) == 1
    powers, scores = [], []
    for number, (index, start) in enumerate(chosen):
        power = loops.truth("instruments.f16", index).reshape(loop_frames(loops.bars), MIX + 1, SEEN)
        around = (start + frames) % len(power)
        scores.append(loops.truth("score.u8", index).reshape(len(power), len(ROLES))[around])
        varied = varied_db(config, rng) if split == "train" else 0.0
        part = np.exp(power[around, MIX if whole else number].astype(np.float32)) * 10 ** (varied / 10)
        if split == "train" and not whole and stems.STEMS[number] == "kick":
            part = another_kick(part, np.flatnonzero(scores[-1][:, 0]), config, rng)
        powers.append(part)
    score = np.concatenate([scores[0][:, :1], scores[1][:, 1:5], scores[2][:, 5:]], axis=1)
    return powers[0] if whole else np.sum(powers, axis=0), score


def another_kick(power: np.ndarray, onsets: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Let the kicks of a power `(frames, SEEN)` ring longer or shorter, at another pitch."""
    power = power * stems.ringing(onsets, len(power), config.kick_ring, rng)[:, :1] ** 2
    bins = np.arange(LONG_BINS.start, LONG_BINS.stop)
    moved = bins * np.exp(rng.uniform(-1, 1) * config.kick_pitch) - LONG_BINS.start
    below = np.clip(moved.astype(int), 0, len(bins) - 2)
    share = np.clip(moved - below, 0, 1).astype(np.float32)
    long = power[:, BANDS:].copy()
    power[:, BANDS:] = (1 - share) * long[:, below] + share * long[:, below + 1]
    return power


def varied_db(config: Config, rng: np.random.Generator) -> np.ndarray:
    """Draw a level and a smooth equalizer in dB `(SEEN,)`."""
    knobs = rng.normal(0, config.gain_db) + rng.standard_normal(7) * config.equalize_db
    return np.interp(mel.to_mel(seen_hz()), np.linspace(0, mel.to_mel(BAND_RANGE_HZ[1]), 7), knobs)


@functools.cache
def seen_hz() -> np.ndarray:
    """Return the center frequency of everything that is seen `(SEEN,)`."""
    bins = np.arange(LONG_BINS.start, LONG_BINS.stop) * SAMPLE_RATE / LONG_FFT
    return np.concatenate([mel.edges(BANDS, *BAND_RANGE_HZ)[1:-1], bins])


def analyze(groups: np.ndarray, bars: int) -> np.ndarray:
    """Return the log power of each stem `(stems, 2, samples)` of a loop and of the mix, float16 `(frames, 5, SEEN)`."""
    parts = groups.mean(axis=1)
    rows = [powers(middle, loop_frames(bars)) for middle in (*parts, parts.sum(axis=0))]
    return np.log(np.stack(rows, axis=1) + 1e-9).astype(np.float16)


def powers(middle: np.ndarray, frames: int) -> np.ndarray:
    """Return the power of a closed loop `(samples,)` in bands and in bins of the long STFT `(frames, SEEN)`."""
    short, long = stft(middle, frames), stft(middle, frames, LONG_FFT)[:, LONG_BINS]
    bands = (short.real**2 + short.imag**2) @ mel.filters(BANDS, *BAND_RANGE_HZ, N_FFT, SAMPLE_RATE).T
    return np.concatenate([bands, long.real**2 + long.imag**2], axis=1)


def see(power: np.ndarray) -> np.ndarray:
    """Return what the transcriber sees of a power `(frames, SEEN)`, whatever the loop's level, float32 alike."""
    level = power[:, :BANDS].mean() + 1e-12
    return (0.25 * np.log(power / level + FLOOR) + 1.0).astype(np.float32)
