"""Log magnitudes of the beat-synchronous STFT: what the decoder predicts, and the way back to a waveform.

In: the mean and deviation of every log magnitude above the low end, how tonal each semitone is, and the features of the
loop. Out: a closed stereo loop. What is tonal is drawn as sines; white noise is colored to the rest of the predicted
magnitudes, a few Griffin-Lim iterations with momentum (Perraudin et al. 2013) make its frames agree, and the low end
is added from its amplitude and frequency.
"""

from dataclasses import dataclass

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.representations import Loops, latent, low_end, tonal, tuning
from fourfloor.signal import inversion
from fourfloor.signal.beatgrid import loop_samples
from fourfloor.signal.stft import N_FFT, fft, frame_centers, istft, resample_loop, stft, windowed

FIRST_BIN, LAST_BIN = 7, 940  # 151 Hz, where the low end ends, to 20.2 kHz
BINS = LAST_BIN - FIRST_BIN
_TONAL = slice(FIRST_BIN, 120)  # to 2.6 kHz, above which there are no sines
_TONAL_BINS = _TONAL.stop - _TONAL.start
MAGNITUDE_FLOOR = 3e-5  # -90 dB
# Bins just above the cut still see the low end through the window; fade in what is added beside it.
_FADE_IN = np.array([0.4, 0.75], dtype=np.float32)
# Log magnitudes of white noise scatter by this much (the standard deviation of log-Rayleigh).
RAYLEIGH_LOG_SD = 0.641
EQUALIZER_KNOBS = 7  # over the mel scale, 500 Hz apart at the low end


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a batch for the decoder holds."""

    crop_latents: int = 48
    noise: float = 0.1  # on the latents, so that the decoder bears the prior's errors
    equalize_db: float = 2.0  # deviation of a random equalizer's knobs: half an hour of music is soon memorized

    def __post_init__(self) -> None:
        if not 1 <= self.crop_latents <= 1024 or not 0 <= self.noise <= 10 or not 0 <= self.equalize_db <= 20:
            given = f"crop_latents {self.crop_latents}, noise {self.noise}, equalize_db {self.equalize_db:g}"
            raise FourfloorError(f"{given}: choose 1-1024, 0-10 and 0-20")


Codec = latent.Codec
check, check_loops = latent.check, latent.check_loops


def fit(loops: Loops, config: Config) -> Codec:
    """Return the codec of a dataset, which decoder and prior share whoever asks first."""
    return loops.codec()


def shape(config: Config) -> dict[str, int]:
    """Return what the decoder must know of its input and output."""
    return {"latent_dim": latent.LATENT_DIM, "bins": BINS, "tones": tonal.TONES}


def batch(
    loops: Loops, codec: latent.Codec, config: Config, split: str, size: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw crops: noised latents `z`, the log-mel they hold, `mel`, and what they should give.

    That is the log magnitudes `x` `(size, frames, BINS)` and the `tonality` `(size, latents, tones)`.
    """
    latents = loops.bars * latent.LATENTS_PER_BAR
    frames = latents * latent.FRAMES_PER_LATENT
    crop = np.arange(min(config.crop_latents, latents))
    crop_frames = np.arange(len(crop) * latent.FRAMES_PER_LATENT)
    rows_z, rows_x, rows_tonality = [], [], []
    for index in rng.choice(loops.indices(split), size):
        start = int(rng.integers(latents))
        features = loops.features(index)
        of_mels, of_bins = equalizer(config.equalize_db, rng)
        chosen = (start * latent.FRAMES_PER_LATENT + crop_frames) % frames
        heard = features[chosen].astype(np.float32)
        heard[:, latent.MEL] += of_mels
        z = codec.to_latents(heard)
        rows_z.append(z + config.noise * rng.standard_normal(z.shape, dtype=np.float32))
        samples = loop_samples(loops.bpm(index), loops.bars, latent.SAMPLE_RATE)
        mid = resample_loop(latent.mid_side(loops.waveform(index))[0], samples)
        rows_x.append(log_magnitudes(mid, frames, chosen) + of_bins)
        rows_tonality.append(tonal.tonality(mid, features, start + crop))
    z = np.stack(rows_z)
    mel = np.ascontiguousarray(codec.to_features(z)[..., latent.MEL])
    return {"z": z, "mel": mel, "x": np.stack(rows_x), "tonality": np.stack(rows_tonality)}


def equalizer(deviation_db: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw a smooth gain in nepers: over the mel bands `(N_MELS,)` and over the bins `(BINS,)`, float32."""
    knobs = rng.standard_normal(EQUALIZER_KNOBS) * (deviation_db * np.log(10) / 20)
    where = np.linspace(0, latent.N_MELS - 1, EQUALIZER_KNOBS)
    of_mels = np.interp(np.arange(latent.N_MELS), where, knobs).astype(np.float32)
    return of_mels, of_mels @ mel_to_bins()


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """How predicted magnitudes become sound."""

    temperature: float = 0.7  # share of the predicted deviation that is drawn; more is noisier, less is duller
    iterations: int = 4  # of Griffin-Lim; 8 and 32 improve no number of finished loops
    momentum: float = 0.9
    sharpness: float = 0.75  # of `sharpen`; 0 leaves the means as predicted
    crest_db: float = 12.0  # peaks above it are limited: drawn phases peak 3 dB higher than mastered ones
    in_tune: bool = False  # move the notes of the bass to the loop's scale
    tonal_contrast: float = 0.0  # of partials, see `tonal.contrast`


# For sampled latents, not for music's own: brings their partials as far out of the rest as they are in held-out music.
SAMPLED = Rendering(in_tune=True, tonal_contrast=0.3)


def sharpen(mu: np.ndarray, amount: float) -> np.ndarray:
    """Lift the fastest movements of log magnitudes `(frames, BINS)`: by `1 + amount` what turns from frame to frame.

    Latents and predicted means are duller than music: movements of more than 24 cycles a bar come out some 2 dB too
    weak. The gain rises with the fourth power of the rate (after the modulation spectrum postfilter of Takamichi et
    al. 2014).
    """
    return mu + amount * _rough(_rough(mu)) if amount else mu


def _rough(values: np.ndarray) -> np.ndarray:
    return (2 * values - np.roll(values, 1, axis=0) - np.roll(values, -1, axis=0)) / 4


def log_magnitudes(waveform: np.ndarray, frames: int, chosen: np.ndarray) -> np.ndarray:
    """Return log magnitudes float32 `(len(chosen), BINS)` of the `chosen` of `frames` grid frames of a mono loop."""
    centers = frame_centers(waveform.shape[-1], frames)[chosen % frames]
    spectrum = fft.rfft(windowed(waveform, centers, N_FFT), axis=-1)[:, FIRST_BIN:LAST_BIN]
    return np.log(np.abs(spectrum) + MAGNITUDE_FLOOR).astype(np.float32)


def render(
    mu: np.ndarray,
    sigma: np.ndarray,
    features: np.ndarray,
    bpm: float,
    samples: int,
    rng: np.random.Generator,
    rendering: Rendering,
    tonality: np.ndarray | None = None,
) -> np.ndarray:
    """Return a stereo loop float32 `(2, samples)` from `mu` and `sigma` `(frames, BINS)` and features.

    `tonality` is `(latents, tones)`; without it all is noise.
    """
    mu = sharpen(mu, rendering.sharpness)
    low = tuning.in_tune(features, tonality) if rendering.in_tune else features[:, latent.LOW]
    if tonality is not None and rendering.tonal_contrast:
        tonality = tonal.contrast(tonality, rendering.tonal_contrast)
    mid = _sound(mu, sigma, np.zeros_like(mu), features, tonality, samples, rng, rendering)
    mid += low_end.synthesize(low, bpm, samples, rng.uniform(0, 2 * np.pi, len(low_end.BANDS)))
    side_ratio = features[:, latent.SIDE]
    if side_ratio.max() < latent.SIDE_FLOOR + 0.5:
        return limit(np.stack([mid, mid]), rendering.crest_db)
    ratio = side_to_bins(side_ratio)
    ratio = np.where(ratio < latent.SIDE_FLOOR + 0.2, -9.0, ratio)
    side = _sound(mu, sigma, ratio, features, tonality, samples, rng, rendering)
    return limit(np.stack([mid + side, mid - side]), rendering.crest_db)


def limit(waveform: np.ndarray, crest_db: float) -> np.ndarray:
    """Hold the peaks of a closed loop `(channels, samples)` within `crest_db` of its RMS.

    One gain for all channels looks 4 ms ahead and back around the circle, so the loop stays closed and nothing clips.
    """
    ceiling = float(np.sqrt((waveform**2).mean())) * 10 ** (crest_db / 20)
    samples, block = waveform.shape[1], 44  # 1 ms at 44.1 kHz
    blocks = -(-samples // block)
    padded = np.pad(np.abs(waveform).max(axis=0), (0, blocks * block - samples))
    needed = np.minimum(1.0, ceiling / np.maximum(padded.reshape(blocks, block).max(axis=1), 1e-9))
    reach = 4
    lowest = np.min([np.roll(needed, shift) for shift in range(-reach - 1, reach + 2)], axis=0)
    weights = np.hanning(2 * reach + 3)[1:-1] / np.hanning(2 * reach + 3).sum()
    smooth = sum(w * np.roll(lowest, shift) for w, shift in zip(weights, range(-reach, reach + 1), strict=True))
    centers = (np.arange(blocks) + 0.5) * block
    gain = np.interp(np.arange(samples), centers, smooth, period=samples)
    return (waveform * gain).astype(np.float32)


def render_envelope(
    features: np.ndarray, bpm: float, samples: int, rng: np.random.Generator, rendering: Rendering | None = None
) -> np.ndarray:
    """Return a loop drawn with nothing but the log-mel of its features: noise of the right color, no decoder."""
    mu = features[:, latent.MEL] @ mel_to_bins() - 0.3
    sigma = np.full_like(mu, RAYLEIGH_LOG_SD)
    return render(mu, sigma, features, bpm, samples, rng, rendering or Rendering())


def side_to_bins(side_ratio: np.ndarray) -> np.ndarray:
    """Spread the coarse side bands `(frames, SIDE_BANDS)` over the decoder's bins by linear interpolation."""
    groups = latent.side_groups()
    centers = np.array([latent.band_centers_hz()[groups == band].mean() for band in range(latent.SIDE_BANDS)])
    return side_ratio @ interpolation_weights(centers)


def mel_to_bins() -> np.ndarray:
    """Return the matrix float32 `(N_MELS, BINS)` that interpolates log-mel to bins."""
    return tonal.mel_to_bins(FIRST_BIN, LAST_BIN)


def interpolation_weights(centers_hz: np.ndarray) -> np.ndarray:
    """Return the matrix float32 `(len(centers_hz), BINS)` that interpolates values at `centers_hz` to bins."""
    bins_hz = np.arange(FIRST_BIN, LAST_BIN) * latent.SAMPLE_RATE / N_FFT
    identity = np.eye(len(centers_hz))
    return np.stack([np.interp(bins_hz, centers_hz, row) for row in identity]).astype(np.float32)


def _sound(
    mu: np.ndarray,
    sigma: np.ndarray,
    log_gain: np.ndarray,
    features: np.ndarray,
    tonality: np.ndarray | None,
    samples: int,
    rng: np.random.Generator,
    rendering: Rendering,
) -> np.ndarray:
    """Return one channel `(samples,)`: the sines that the tonality tells, and noise for the rest.

    `log_gain` `(frames, BINS)` is what the channel has above the mid, in nepers.
    """
    if tonality is None:
        return _color_noise(mu + log_gain, sigma, samples, rng, rendering)
    mu = mu + log_gain
    drawn = tonal.sines(tonality, features[:, latent.MEL], samples, _TONAL, rng) * np.exp(log_gain[:, :_TONAL_BINS])
    drawn[:, : len(_FADE_IN)] *= _FADE_IN
    partials, rest = tonal.split(drawn, (2 * mu + sigma**2)[:, :_TONAL_BINS], _TONAL)
    mu[:, :_TONAL_BINS] += rest
    return _color_noise(mu, sigma, samples, rng, rendering, partials)


def _color_noise(
    mu: np.ndarray,
    sigma: np.ndarray,
    samples: int,
    rng: np.random.Generator,
    rendering: Rendering,
    partials: np.ndarray | None = None,
) -> np.ndarray:
    """Give white noise the magnitudes drawn from `mu`, `sigma`; returns a mono loop `(samples,)`.

    `partials` `(frames, bins)`, the first of the BINS, are added as they are.
    """
    frames = mu.shape[0]
    noise = stft(rng.standard_normal(samples, dtype=np.float32), frames)[:, FIRST_BIN:LAST_BIN]
    modulus = np.abs(noise) + 1e-9
    level = np.log(modulus)
    draw = (level - level.mean()) / RAYLEIGH_LOG_SD
    magnitude = np.exp(mu + rendering.temperature * sigma * draw) - MAGNITUDE_FLOOR
    magnitude = np.maximum(magnitude, 0).astype(np.float32)
    magnitude[:, : len(_FADE_IN)] *= _FADE_IN
    spectrum = np.zeros((frames, N_FFT // 2 + 1), dtype=np.complex64)
    inner = spectrum[:, FIRST_BIN:LAST_BIN]
    np.multiply(noise, magnitude / modulus, out=inner)
    bins = slice(FIRST_BIN, LAST_BIN)
    inversion.refine_phases(spectrum, magnitude, samples, rendering.iterations, rendering.momentum, bins)
    if partials is not None:
        inner[:, : partials.shape[1]] += partials
    return istft(spectrum, samples)
