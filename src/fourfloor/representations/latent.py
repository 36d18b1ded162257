"""Fixed features of a loop on the beat grid, and the linear codec that turns them into latents.

`analyze` takes a waveform to features, one row a grid frame:

    [0:88]     log-mel magnitude of the mid channel, 140 Hz - 18 kHz
    [88:104]   side-to-mid ratio in 16 coarse bands, natural log of a magnitude ratio
    [104:108]  low end (< 150 Hz) without phase: log amplitude and log2 frequency ratio of two bands

The features never change; `Codec` is a PCA of them, fitted on a training set: eight latents a beat, each the
projection of four frames. Keeping the analysis fixed lets decoder and prior train at the same time and be
replaced one by one. Low-end phase is dropped because a prior cannot learn it; `low_end.py` integrates it again.
"""

import functools
from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.representations import Loops, low_end
from fourfloor.signal import mel
from fourfloor.signal.beatgrid import (
    BAR_COUNTS,
    BEATS_PER_BAR,
    FRAMES_PER_BEAT,
    SAMPLE_RATE,
    loop_frames,
    playable_bpm,
)
from fourfloor.signal.stft import N_FFT, stft

N_MELS = 88
F_MIN, F_MAX = 140.0, 18_000.0
SIDE_BANDS = 16
FRAMES_PER_LATENT = 4
FEATURE_DIM = N_MELS + SIDE_BANDS + 2 * len(low_end.BANDS)
MEL, SIDE, LOW = slice(0, N_MELS), slice(N_MELS, N_MELS + SIDE_BANDS), slice(N_MELS + SIDE_BANDS, FEATURE_DIM)
MIN_RATE = 36_000  # Hz: of a lower one the upper mel bands are empty, and a decoder would learn to leave them so
MAX_FEATURE = 100.0  # far beyond any: all are logarithms of amplitudes or of frequencies
LEVEL_FLOOR = 1e-4  # -80 dB: what is quieter in a mel band is not heard under a mix
SIDE_FLOOR = -3.5  # -30 dB: a mono loop


@functools.cache
def mel_filters() -> np.ndarray:
    """Return filters float32 `(N_MELS, bins)`, triangles in mel, each of weight 1 so that a flat spectrum stays flat.

    Models are trained on exactly these, so they stay as they are, beside `signal.mel.filters`, triangles in Hz.
    """
    borders = np.linspace(mel.to_mel(F_MIN), mel.to_mel(F_MAX), N_MELS + 2)
    bins = mel.to_mel(np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT)
    filters = mel.triangles(borders[:-2], borders[1:-1], borders[2:], bins)
    # The lowest bands are narrower than a bin: let each see at least the bin nearest its center.
    nearest = np.abs(bins - borders[1:-1, None]).argmin(axis=1)
    filters[np.arange(N_MELS), nearest] += 1e-3
    return (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)


@functools.cache
def band_centers_hz() -> np.ndarray:
    """Return the center of gravity of each mel filter in Hz, float64 `(N_MELS,)`."""
    return mel_filters() @ (np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT)


def side_groups() -> np.ndarray:
    """Return which coarse side band each mel band belongs to, int `(N_MELS,)`."""
    return np.arange(N_MELS) * SIDE_BANDS // N_MELS


def analyze(waveform: np.ndarray, bpm: float, bars: int) -> np.ndarray:
    """Describe a closed loop at 44.1 kHz, `(1 or 2, samples)`, by features float32 `(128 * bars, FEATURE_DIM)`."""
    frames = loop_frames(bars)
    mid, side = mid_side(waveform)
    mid_power = _mel_power(mid, frames)
    log_mel = 0.5 * np.log(mid_power + LEVEL_FLOOR**2)
    if side.any():
        side_power = _mel_power(side, frames)
        grouping = (side_groups() == np.arange(SIDE_BANDS)[:, None]).astype(np.float32)
        ratio = 0.5 * np.log(
            (side_power @ grouping.T + 1e-12) / (mid_power @ grouping.T + LEVEL_FLOOR**2 * grouping.sum(axis=1))
        )
        side_ratio = np.clip(ratio, SIDE_FLOOR, 1.0)
    else:
        side_ratio = np.full((frames, SIDE_BANDS), SIDE_FLOOR)
    return np.concatenate([log_mel, side_ratio, low_end.analyze(mid, bpm, bars)], axis=1).astype(np.float32)


def mid_side(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split `(1 or 2, samples)` into mid and side, each `(samples,)`."""
    if waveform.shape[0] == 1:
        return waveform[0], np.zeros_like(waveform[0])
    return (waveform[0] + waveform[1]) / 2, (waveform[0] - waveform[1]) / 2


def _mel_power(channel: np.ndarray, frames: int) -> np.ndarray:
    spectrum = stft(channel, frames)
    return (spectrum.real**2 + spectrum.imag**2) @ mel_filters().T


# Which rows of the features of one latent go into one PCA, how many components stay, and how much they count.
_FRAME_MAJOR = np.arange(FRAMES_PER_LATENT * FEATURE_DIM).reshape(FRAMES_PER_LATENT, FEATURE_DIM)
_BLOCKS: tuple[tuple[np.ndarray, int, float], ...] = (
    (_FRAME_MAJOR[:, MEL].ravel(), 64, 1.0),  # 2.2 dB rms error on unheard music, 48 left 2.5 and duller hats
    (_FRAME_MAJOR[:, SIDE].ravel(), 6, 0.7),
    (_FRAME_MAJOR[:, LOW][:, 0::2].ravel(), 8, 2.0),  # amplitudes: few numbers that carry the kick
    (_FRAME_MAJOR[:, LOW][:, 1::2].ravel(), 6, 1.0),
)
LATENT_DIM = sum(kept for _, kept, _ in _BLOCKS)
_LOW_BEGIN = sum(kept for _, kept, _ in _BLOCKS[:2])
KICK = slice(_LOW_BEGIN, _LOW_BEGIN + 3)  # the components that carry most of the low end's amplitudes
FREQUENCIES = slice(LATENT_DIM - _BLOCKS[-1][1], LATENT_DIM)  # of the low end; the last block
LATENTS_PER_BAR = BEATS_PER_BAR * FRAMES_PER_BEAT // FRAMES_PER_LATENT


@dataclass(frozen=True)
class Codec:
    """A linear map between features and latents: `z = (f - mean) @ encode`, `f = z @ decode + mean`.

    Channels are scaled by sd^0.6 rather than whitened: leading components keep more weight in a squared error.
    """

    mean: np.ndarray  # (4 * FEATURE_DIM,)
    encode: np.ndarray  # (4 * FEATURE_DIM, LATENT_DIM)
    decode: np.ndarray  # (LATENT_DIM, 4 * FEATURE_DIM)

    @classmethod
    def fit(cls, features: np.ndarray) -> "Codec":
        """Fit the PCA of each block to features `(n, FEATURE_DIM)`, n a multiple of 4."""
        rows = np.asarray(features, dtype=np.float64).reshape(-1, FRAMES_PER_LATENT * FEATURE_DIM)
        if len(rows) < 2 * LATENT_DIM:
            raise FourfloorError(f"{len(rows)} latents are too few to fit a codec: ingest at least one minute of music")
        mean = rows.mean(axis=0)
        encode = np.zeros((rows.shape[1], LATENT_DIM))
        decode = np.zeros((LATENT_DIM, rows.shape[1]))
        column = 0
        for members, kept, weight in _BLOCKS:
            block = rows[:, members] - mean[members]
            variance, axes = np.linalg.eigh(block.T @ block / len(block))
            variance, axes = variance[::-1][:kept], axes[:, ::-1][:, :kept]
            axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(kept)])
            # A channel that hardly moves (the side of mono music) must not be blown up into noise.
            sd = np.sqrt(np.maximum(variance, 1e-2))
            scale = weight * sd**-0.4
            columns = slice(column, column + kept)
            encode[members, columns] = axes * scale
            decode[columns, members] = (axes / scale).T
            column += kept
        power = ((rows - mean) @ encode).var(axis=0).mean()
        if not power > 1e-6:  # also true of NaN
            raise FourfloorError("all loops have the same features, or ones that are not finite: ingest other music")
        encode, decode = encode / np.sqrt(power), decode * np.sqrt(power)
        return cls(mean.astype(np.float32), encode.astype(np.float32), decode.astype(np.float32))

    def to_latents(self, features: np.ndarray) -> np.ndarray:
        """Project features `(..., frames, FEATURE_DIM)` to latents `(..., frames / 4, LATENT_DIM)`."""
        grouped = features.reshape(*features.shape[:-2], -1, FRAMES_PER_LATENT * FEATURE_DIM)
        return (grouped.astype(np.float32) - self.mean) @ self.encode

    def to_features(self, latents: np.ndarray) -> np.ndarray:
        """Return features `(..., frames, FEATURE_DIM)` of latents `(..., frames / 4, LATENT_DIM)`."""
        grouped = latents @ self.decode + self.mean
        return grouped.reshape(*latents.shape[:-2], -1, FEATURE_DIM)


def check(codec: Codec, config: object = None) -> None:
    """Raise FourfloorError where a codec has other shapes, is not finite or does not undo itself."""
    width = FRAMES_PER_LATENT * FEATURE_DIM
    for name, expected in (("mean", (width,)), ("encode", (width, LATENT_DIM)), ("decode", (LATENT_DIM, width))):
        values = getattr(codec, name)
        if values.shape != expected or values.dtype != np.float32:
            raise FourfloorError(f"{name} has shape {values.shape} and type {values.dtype}")
        if not np.isfinite(values).all():
            raise FourfloorError(f"{name} holds values that are not finite")
    if np.abs(codec.mean).max() > MAX_FEATURE or np.abs(codec.decode @ codec.encode - np.eye(LATENT_DIM)).max() > 0.01:
        raise FourfloorError("it does not undo itself")


# Mel bands between which the borders of recombined loops are drawn: 450 Hz - 2.4 kHz, 2.4 - 10 kHz.
LOW_BORDER, HIGH_BORDER = (8, 36), (36, 72)


@dataclass(frozen=True, kw_only=True)
class Config:
    """How long the loops of a batch are: each batch has one length, drawn by these weights."""

    bars_weights: tuple[float, ...] = (0.1, 0.15, 0.6, 0.15)  # of 1, 2, 4 and 8 bars
    stretch: float = 0.06  # octaves by which a loop's tempo is misnamed at most: it must not name the track
    recombined: float = 1.0  # share of the training loops of a style of few that are mixed from three of them
    few: int = 300  # loops; a style with fewer is memorized before the others are learned (docs/log.md)

    def __post_init__(self) -> None:
        if not 0 <= self.recombined <= 1:
            raise FourfloorError(f"recombined {self.recombined}: choose 0-1")
        if not 0 <= self.stretch <= 1:
            raise FourfloorError(f"stretch {self.stretch}: choose 0-1")
        if len(self.bars_weights) != len(BAR_COUNTS) or abs(sum(self.bars_weights) - 1) > 1e-6:
            raise FourfloorError(f"bars_weights {self.bars_weights}: give {len(BAR_COUNTS)} weights that sum to 1")


def check_loops(loops: Loops, config: object) -> None:
    """Raise FourfloorError where latents cannot describe the loops of a dataset, whatever is trained on them."""
    if loops.bars not in BAR_COUNTS:
        known = ", ".join(map(str, BAR_COUNTS))
        raise FourfloorError(f"has loops of {loops.bars} bars, latents take {known}; ingest again with one of these")
    if loops.sample_rate < MIN_RATE:
        reason = f"has loops at {loops.sample_rate} Hz, latents take at least {MIN_RATE} Hz (sound up to 18 kHz)"
        raise FourfloorError(f"{reason}; ingest again without --sample-rate")


def fit(loops: Loops, config: Config) -> Codec:
    """Return the codec of a dataset, which decoder and prior share whoever asks first."""
    return loops.codec()


def shape(config: Config) -> dict[str, int]:
    """Return what a prior must know of its input."""
    return {"latent_dim": LATENT_DIM}


def batch(
    loops: Loops, codec: Codec, config: Config, split: str, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw latents `x` `(size, latents, LATENT_DIM)` with their `bpm`, `style` index and ranked `controls`.

    `bpm` and `style` are `(size,)`, `controls` `(size, 5)` in 0-1, measured on the very bars that were drawn.

    Shorter loops are whole bars cut from longer ones; eight bars are two loops that follow each other in a track, and
    where there is a following loop a cut may begin at any bar before it. Latents do not know their tempo, so naming
    another one is a time stretch.
    """
    bars = int(rng.choice(BAR_COUNTS, p=config.bars_weights))
    candidates = loops.indices(split)
    if bars > loops.bars:
        followed = np.array([index for index in candidates if loops.follower(index) is not None], dtype=np.int64)
        bars, candidates = (2 * loops.bars, followed) if len(followed) else (loops.bars, candidates)
    chosen = rng.choice(candidates, size)
    cuts = [_cut(loops, int(index), bars, rng) for index in chosen]
    if split == "train":
        cuts = [_varied(loops, int(index), cut, bars, config, rng) for index, cut in zip(chosen, cuts, strict=True)]
    octaves = rng.uniform(-config.stretch, config.stretch, size)
    tempi = [playable_bpm(loops.bpm(int(index)) * 2**shift) for index, shift in zip(chosen, octaves, strict=True)]
    return {
        "x": codec.to_latents(np.stack([features for features, _ in cuts])),
        "controls": np.stack([loops.control_ranks(features, cut) for features, cut in cuts]),
        "bpm": np.array(tempi, dtype=np.float32),
        "style": np.array([loops.style_index(int(index)) for index in chosen], dtype=np.int64),
    }


Cut = tuple[np.ndarray, tuple[int, int, int] | None]  # features of some bars, and what names them where something does


def _varied(loops: Loops, index: int, cut: Cut, bars: int, config: Config, rng: np.random.Generator) -> Cut:
    """Return a cut as it is, or, of a style of few loops, mostly mixed with the same bars of two others."""
    mates = loops.style_mates(index)
    if len(mates) >= config.few or rng.random() >= config.recombined:
        return cut
    # A loop without a follower fills eight bars twice.
    middle, high = (np.resize(_cut(loops, int(mate), bars, rng)[0], cut[0].shape) for mate in rng.choice(mates, 2))
    return recombine(cut[0], middle, high, rng), None


def recombine(low: np.ndarray, middle: np.ndarray, high: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mix the low, middle and high bands of three loops `(frames, FEATURE_DIM)` into one, borders drawn at random.

    The mixtures keep their place in the style, while few passages are still those of one track.
    """
    borders = rng.integers(*LOW_BORDER), rng.integers(*HIGH_BORDER)
    bands = np.searchsorted(borders, np.arange(N_MELS), side="right")  # 0, 1 or 2: where each band is taken from
    sides = np.array([bands[side_groups() == group][0] for group in range(SIDE_BANDS)])
    source = np.concatenate([bands, sides, np.zeros(2 * len(low_end.BANDS), dtype=int)])
    return np.choose(source, (low, middle, high))


def _cut(loops: Loops, index: int, bars: int, rng: np.random.Generator) -> Cut:
    """Return the features of some bars, of as many as there are, and what names them: loop, first bar, their number."""
    features = loops.features(index)
    following = loops.follower(index)
    if following is not None:
        features = np.concatenate([features, loops.features(following)])
    # With a following loop the last cut of a loop's own length would be that loop itself.
    last = len(features) // loop_frames(1) - max(bars, loops.bars + 1 if following is not None else 0)
    first_bar = int(rng.integers(max(last, 0) + 1))
    return features[loop_frames(first_bar) :][: loop_frames(bars)], (index, first_bar, bars)
