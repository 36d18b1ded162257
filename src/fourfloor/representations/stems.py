"""What a separator sees of a loop, and what it should answer: four stems, known from a producer's datasets with truth.

The loop is split at half of LOW_PER_BEAT cycles a beat (537 Hz at 126 BPM). Below, where kick and bass overlap in every
frame, the separator sees the waveform itself, middle channel only: a mask on magnitudes cannot do better than 10 dB
there. Above, it sees the power in bands of a circular STFT, middle and side, and answers with masks.

Training mixes are made of stems of different loops: their powers add, as those of sounds do that know nothing of one
another.
"""

import functools
from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.representations import Loops
from fourfloor.signal import mel
from fourfloor.signal.beatgrid import BEATS_PER_BAR, FRAMES_PER_BEAT, SAMPLE_RATE, loop_frames
from fourfloor.signal.stft import N_FFT, resample_loop, stft

STEMS = ("kick", "drums", "bass", "music")
LOW_PER_BEAT = 512  # samples of the low band
HOP = LOW_PER_BEAT // FRAMES_PER_BEAT
LOW_WINDOW = 5 * HOP  # two frames before and after its own
FIRST_BIN, LAST_BIN = 16, 950  # 344 Hz, below the split at any tempo, to 20.5 kHz
BANDS = 64
MOST_RING = 3.5  # nepers, 30 dB: a kick that hardly decays until the next
FLOOR = 1e-6  # of the loop's power: -60 dB
LAGS = ((-4, -3, -2, -1, 0, 1, 2, 3), (-4, -2, 0, 2))  # beats over which what repeats is averaged: each, every other
POWER_OF_A_FRAME = 3.0  # the bins of a frame under this window sum to three times its mean square


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a batch for the separator holds."""

    bars: int = 1  # of a crop; whole bars, so that its end leads into its start nearly as a loop's does
    gain_db: float = 4.0  # deviation of each stem's random level
    equalize_db: float = 3.0  # deviation of a random equalizer's knobs, for each stem
    dispersion: float = 1.0  # deviation of the knobs of a random phase of the low band, for each stem, in radians
    kick_speed: float = 0.7  # kicks are played up to exp(this) times as fast or as slowly, each from its onset
    kick_ring: float = 6.0  # kicks decay by up to as many nepers a beat more slowly
    recombined: float = 0.7  # share of crops whose stems come from four loops

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= 64 or not 0 <= self.gain_db <= 40 or not 0 <= self.equalize_db <= 20:
            given = f"bars {self.bars}, gain_db {self.gain_db:g}, equalize_db {self.equalize_db:g}"
            raise FourfloorError(f"{given}: choose 1-64, 0-40 and 0-20")
        if not 0 <= self.dispersion <= 10 or not 0 <= self.kick_speed <= 2 or not 0 <= self.kick_ring <= 20:
            given = f"dispersion {self.dispersion:g}, kick_speed {self.kick_speed:g}, kick_ring {self.kick_ring:g}"
            raise FourfloorError(f"{given}: choose 0-10, 0-2 and 0-20")
        if not 0 <= self.recombined <= 1:
            raise FourfloorError(f"recombined {self.recombined:g}: choose 0-1")


@dataclass(frozen=True)
class Codec:
    """Nothing: stems are what they are."""


def check_loops(loops: Loops, config: Config) -> None:
    """Raise FourfloorError where a dataset holds no stems or shorter loops than a crop."""
    if not loops.has_truth:
        raise FourfloorError("holds no stems; make a dataset with `fourfloor produce --truth`")
    if loops.bars < config.bars:
        raise FourfloorError(f"has loops of {loops.bars} bars; lower representation.bars")


def fit(loops: Loops, config: Config) -> Codec:
    """Return the empty codec."""
    return Codec()


def check(codec: Codec, config: Config) -> None:
    """Accept the empty codec."""


def shape(config: Config) -> dict[str, int]:
    """Return what a separator must know of its input: samples of a low window, bands of middle and side."""
    return {"low_window": LOW_WINDOW, "views": 1 + len(LAGS), "bands": 2 * BANDS, "hop": HOP}


def batch(
    loops: Loops, codec: Codec, config: Config, split: str, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw crops: what the separator sees, `x` `(size, frames, low_window + bands)`, and the truth.

    That is the low band of each stem, `low` `(size, stems, samples)`, and its power in the bands above, `power`
    `(size, frames, stems, bands)`, at the level at which the mix has a mean square of 1.
    """
    rows = [mixed(loops, config, split, rng) for _ in range(size)]
    x = np.stack([see(low.sum(axis=0), power.sum(axis=1)) for low, power in rows])
    return {"x": x, "low": np.stack([low for low, _ in rows]), "power": np.stack([power for _, power in rows])}


def mixed(loops: Loops, config: Config, split: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one crop of a mix: the stems' low bands `(stems, samples)` and powers `(frames, stems, bands)`."""
    frames = config.bars * BEATS_PER_BAR * FRAMES_PER_BEAT
    lows, powers = [], []
    varied = split == "train"
    for number, (index, start) in enumerate(sources(loops, config.recombined, split, rng)):
        every_low, every_power = analysis(loops, index)
        low, power = every_low[:, number].astype(np.float32), np.exp(every_power[:, number].astype(np.float32))
        if varied and STEMS[number] == "kick":
            onsets = kick_onsets(loops, index)
            low, power = faster(low, power, onsets, np.exp(rng.uniform(-1, 1) * config.kick_speed))
            rings = ringing(onsets, len(power), config.kick_ring, rng)
            low, power = low * rings, power * rings[:, :1] ** 2
        around = (start + np.arange(frames)) % len(power)
        low, power = low[around].ravel(), power[around]
        if varied:
            gain_db, tilt_db = rng.normal(0, config.gain_db), equalizer(config.equalize_db, rng)
            low = colored(low, gain_db, tilt_db[0], config, rng)
            power = power * 10 ** ((gain_db + tilt_db) / 10)
        lows.append(low)
        powers.append(power)
    low, power = np.stack(lows), np.stack(powers, axis=1)
    level = mean_square(low.sum(axis=0), power.sum(axis=1))
    return (low / np.sqrt(level)).astype(np.float32), (power / level).astype(np.float32)


def sources(loops: Loops, recombined: float, split: str, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw for each stem a loop and the frame to begin at, on a beat: one for all, or one for each."""
    indices, beats = loops.indices(split), loops.bars * BEATS_PER_BAR

    def source() -> tuple[int, int]:
        return int(rng.choice(indices)), FRAMES_PER_BEAT * int(rng.integers(beats))

    if split == "train" and rng.uniform() < recombined:
        phase = FRAMES_PER_BEAT * int(rng.integers(BEATS_PER_BAR))  # beat 1 meets beat 1
        bar = FRAMES_PER_BEAT * BEATS_PER_BAR
        return [(index, start // bar * bar + phase) for index, start in (source() for _ in STEMS)]
    return [source()] * len(STEMS)


def equalizer(deviation_db: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth gain in dB `(2 * BANDS,)`, the same for middle and side."""
    knobs = rng.standard_normal(5) * deviation_db
    return np.tile(np.interp(np.linspace(0, 4, BANDS), np.arange(5), knobs), 2)


def colored(low: np.ndarray, gain_db: float, top_db: float, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Draw an equalizer, `top_db` where the bands above begin, and a smooth phase for a low band `(samples,)`."""
    spectrum = np.fft.rfft(low)
    where, knobs = np.linspace(0, 4, len(spectrum)), np.arange(5)
    curve_db = np.interp(where, knobs, [*rng.normal(0, config.equalize_db, 4), top_db])
    phase = np.interp(where, knobs, [0.0, *rng.normal(0, config.dispersion, 3), 0.0])
    return np.fft.irfft(spectrum * 10 ** ((gain_db + curve_db) / 20) * np.exp(1j * phase), len(low)).astype(np.float32)


def kick_onsets(loops: Loops, index: int) -> np.ndarray:
    """Return the frames at which a kick of a loop begins."""
    played = loops.truth("score.u8", index).reshape(loop_frames(loops.bars), -1)
    return np.flatnonzero(played[:, 0])


def faster(low: np.ndarray, power: np.ndarray, onsets: np.ndarray, speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Play every hit of a stem `(frames, HOP)`, `(frames, bands)` at another speed from its onset until the next."""
    if not len(onsets):
        return low, power
    frames = len(power)
    begins = (onsets[:, None] + frames * np.arange(-1, 2)).T.ravel()
    played = []
    for values, steps in ((low.reshape(-1, 1), HOP), (power, 1)):
        at = np.arange(frames * steps)
        last = np.searchsorted(begins * steps, at, side="right") - 1
        since = (at - begins[last] * steps) * speed
        lasts = (begins[last + 1] - begins[last]) * steps
        chosen = values[(begins[last] * steps + since.astype(int)) % len(values)]
        if steps > 1:  # a waveform is interpolated
            following = values[(begins[last] * steps + since.astype(int) + 1) % len(values)]
            chosen = chosen + (since % 1)[:, None].astype(np.float32) * (following - chosen)
        played.append(np.where((since < lasts - 1)[:, None], chosen, 0))
    return played[0].reshape(low.shape).astype(np.float32), played[1].astype(np.float32)


def ringing(onsets: np.ndarray, frames: int, most: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a gain `(frames, HOP)` that rises from each onset to the next: a drum that decays more slowly, or faster."""
    if not len(onsets):
        return np.ones((frames, HOP), np.float32)
    begins = HOP * (onsets[:, None] + frames * np.arange(-1, 1)).T.ravel()
    at = np.arange(HOP * frames)
    beats = (at - begins[np.searchsorted(begins, at, side="right") - 1]) / LOW_PER_BEAT
    return np.exp(np.minimum(rng.uniform(-most / 3, most) * beats, MOST_RING)).reshape(frames, HOP).astype(np.float32)


def analysis(loops: Loops, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the low band `(frames, stems, HOP)` and log powers `(frames, stems, bands)` of a loop, float16."""
    both = loops.truth("stems.f16", index).reshape(loop_frames(loops.bars), len(STEMS), -1)
    return both[..., :HOP], both[..., HOP:]


def analyze(groups: np.ndarray, bars: int) -> np.ndarray:
    """Return what a dataset keeps of a loop's stems `(stems, 2, samples)`: float16 `(frames, stems, HOP + bands)`."""
    frames, rows = loop_frames(bars), []
    for stem in groups:
        low, high = split_low(middle_side(stem), bars)
        power = np.log(band_powers(high, frames) + 1e-9)
        rows.append(np.concatenate([low[0].reshape(frames, HOP), power], axis=1))
    return np.stack(rows, axis=1).astype(np.float16)


def middle_side(waveform: np.ndarray) -> np.ndarray:
    """Turn left and right `(2, samples)` into middle and side, or back: power stays."""
    return np.stack([waveform[0] + waveform[1], waveform[0] - waveform[1]]) * np.float32(np.sqrt(0.5))


def split_low(waveform: np.ndarray, bars: int) -> tuple[np.ndarray, np.ndarray]:
    """Split `(channels, samples)` into the low band, LOW_PER_BEAT samples a beat, and what is above, at full rate."""
    low = resample_loop(waveform, LOW_PER_BEAT * BEATS_PER_BAR * bars)
    return low, waveform - resample_loop(low, waveform.shape[-1])


@functools.cache
def band_starts() -> np.ndarray:
    """Return the first bin of each band, counted from FIRST_BIN; each is a bin wide at least, even in mels above."""
    hertz = np.array([FIRST_BIN, LAST_BIN]) * SAMPLE_RATE / N_FFT
    low, high = mel.to_mel(hertz)
    edges = mel.from_mel(np.linspace(low, high, BANDS + 1)) * N_FFT / SAMPLE_RATE - FIRST_BIN
    return np.maximum(np.round(edges[:-1]).astype(int), np.arange(BANDS))


def band_powers(waveform: np.ndarray, frames: int) -> np.ndarray:
    """Return the power of middle and side `(2, samples)` in each band as mean squares `(frames, 2 * BANDS)`."""
    return powers_of(np.stack([stft(channel, frames) for channel in waveform]))


def powers_of(spectra: np.ndarray) -> np.ndarray:
    """Return the power in each band `(frames, 2 * BANDS)` of the STFT of middle and side `(2, frames, bins)`."""
    heard = spectra[..., FIRST_BIN:LAST_BIN]
    power = np.add.reduceat(heard.real**2 + heard.imag**2, band_starts(), axis=-1)
    return np.concatenate(list(power), axis=-1) / np.float32(POWER_OF_A_FRAME)


def to_bins(masks: np.ndarray) -> np.ndarray:
    """Spread masks `(..., BANDS)` over the bins of the STFT; outside of the bands the nearest counts."""
    widths = np.diff(np.append(band_starts(), LAST_BIN - FIRST_BIN))
    widths[0] += FIRST_BIN
    widths[-1] += N_FFT // 2 + 1 - LAST_BIN
    return np.repeat(masks, widths, axis=-1)


def mean_square(low: np.ndarray, power: np.ndarray) -> float:
    """Return the mean square of a mix from its low band `(samples,)` and the powers above `(frames, bands)`."""
    return float(np.mean(np.square(low)) + power.sum(axis=-1).mean()) + 1e-12


def see(low: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return what the separator sees of a mix, float32 `(frames, views * (low_window + bands))`.

    That is the low band around each frame and the log powers above; then the same averaged with what lies some beats
    before and after, since a drum is struck again and again, and what sounds with it changes. `low` `(samples,)` and
    `power` `(frames, bands)` are of a mix whose mean square is 1.
    """
    logs = 0.25 * np.log(power + FLOOR) + 2.0
    lows = [low, *(repeated(low, lags, FRAMES_PER_BEAT * HOP) for lags in LAGS)]
    highs = [logs, *(repeated(logs, lags, FRAMES_PER_BEAT) for lags in LAGS)]
    return np.concatenate([*map(windows_of, lows), *highs], axis=-1).astype(np.float32)


def repeated(values: np.ndarray, lags: tuple[int, ...], beat: int) -> np.ndarray:
    """Average values along their first axis with those some beats away, around the loop."""
    return np.mean([np.roll(values, -lag * beat, axis=0) for lag in lags], axis=0)


def windows_of(low: np.ndarray) -> np.ndarray:
    """Return the window of a low band `(samples,)` around each frame `(frames, LOW_WINDOW)`."""
    around = np.pad(low, ((LOW_WINDOW - HOP) // 2, LOW_WINDOW), mode="wrap")
    return np.lib.stride_tricks.sliding_window_view(around, LOW_WINDOW)[: len(low) : HOP]


def overlapped(windows: np.ndarray) -> np.ndarray:
    """Add windows of the low band `(frames, LOW_WINDOW)`, each centered on its frame, to `(samples,)`."""
    pieces = windows.reshape(len(windows), -1, HOP)
    count = pieces.shape[1]
    placed = [np.roll(pieces[:, number], number - count // 2, axis=0) for number in range(count)]
    return np.sum(placed, axis=0).ravel()
