"""The low end of a loop without phase: amplitude and frequency of two bands, from sound and back to sound."""

import numpy as np

from fourfloor.signal.beatgrid import BEATS_PER_BAR, FRAMES_PER_BEAT, SAMPLE_RATE
from fourfloor.signal.stft import fft

# One instantaneous frequency a band sounds a wobbling tone where several partials share it (measured up to 270 Hz).
BANDS = ((20.0, 80.0), (80.0, 150.0))
CENTERS_HZ = tuple(float(np.sqrt(low * high)) for low, high in BANDS)
RATE = 256  # complex samples a beat: 384 Hz wide at the slowest tempo, 90 BPM
FLOOR = 1e-3  # amplitude added before the logarithm
LEAP = 0.2  # of the loud frames' amplitude, within two frames: an onset
ONSET_PHASE = -np.pi / 2  # a rising sine


def band_masks(hertz: np.ndarray) -> np.ndarray:
    """Return the low bands' weights `(len(BANDS), len(hertz))`; raised-cosine crossovers, sum 1 inside."""
    edges = np.array([BANDS[0][0], *(high for _, high in BANDS)])
    half = np.array([8.0, 14.0, 14.0])
    steps = np.clip((hertz[None, :] - edges[:, None]) / half[:, None], -1, 1)
    above = 0.5 + 0.5 * np.sin(0.5 * np.pi * steps)
    return above[:-1] - above[1:]


def analyze(mid: np.ndarray, bpm: float, bars: int) -> np.ndarray:
    """Return log amplitude and log2 frequency ratio of each low band, `(frames, 2 * len(BANDS))`."""
    n, beats = mid.size, bars * BEATS_PER_BAR
    low_samples = beats * RATE
    spectrum = fft.rfft(mid)[: low_samples // 2]
    masks = band_masks(np.arange(spectrum.size) * SAMPLE_RATE / n)
    padded = np.zeros((len(BANDS), low_samples), dtype=np.complex64)
    padded[:, : spectrum.size] = spectrum * masks
    analytic = fft.ifft(padded, axis=-1) * (2.0 * low_samples / n)
    rate = RATE * bpm / 60.0
    step = RATE // FRAMES_PER_BEAT
    amplitude = np.sqrt(_wide_mean(np.abs(analytic) ** 2, step))
    rotation = _wide_mean(np.roll(analytic, -1, axis=1) * analytic.conj(), step)
    frequency = np.abs(np.angle(rotation)) * rate / (2 * np.pi)
    # Where a band is silent its frequency means nothing: pull it to the band's center so that it costs nothing.
    trust = amplitude**2 / (amplitude**2 + (3 * FLOOR) ** 2)
    center = np.array(CENTERS_HZ)[:, None]
    low_edges, high_edges = (np.array(side)[:, None] for side in zip(*BANDS, strict=True))
    ratio = np.log2(np.clip(frequency, 0.8 * low_edges, 1.2 * high_edges) / center) * trust
    described = np.stack([np.log(amplitude + FLOOR), ratio], axis=-1)
    return described.transpose(1, 0, 2).reshape(beats * FRAMES_PER_BEAT, -1)


def _wide_mean(signal: np.ndarray, step: int) -> np.ndarray:
    """Average a circular `(bands, frames * step)` over each frame and half its neighbors -> `(bands, frames)`."""
    kernel = np.zeros(signal.shape[1], dtype=np.float32)
    kernel[np.arange(-step // 2, step + step // 2)] = 1.0 / (2 * step)
    smooth = np.fft.ifft(np.fft.fft(signal, axis=-1) * np.fft.fft(kernel).conj(), axis=-1)
    return (smooth if np.iscomplexobj(signal) else np.maximum(smooth.real, 0))[:, ::step]


def synthesize(described: np.ndarray, bpm: float, samples: int, phases: np.ndarray) -> np.ndarray:
    """Sound what `analyze` describes, `(frames, 2 * len(BANDS))`: float32 `(samples,)`.

    At each onset in a band its phase starts again, as that of a drum or a note does: every kick of a loop is the same
    kick. `phases` `(len(BANDS),)` in radians starts a band without onsets. The residue of the summed frequency to
    the nearest whole number of turns is spread over the loop, so the result is periodic by construction.
    """
    frames = described.shape[0]
    beats = frames // FRAMES_PER_BEAT
    low_samples = beats * RATE
    bands = described.reshape(frames, len(BANDS), 2).transpose(1, 2, 0).astype(np.float64)
    center = np.array(CENTERS_HZ)[:, None]
    positions = np.arange(low_samples) * (frames / low_samples) - 0.5
    amplitude = np.clip(np.exp(_interpolate(bands[:, 0], positions)) - FLOOR, 0, 1.5)
    hertz = center * 2.0 ** np.clip(_interpolate(bands[:, 1], positions), -2, 2)
    turns = hertz / (RATE * bpm / 60.0)
    turns += (np.round(turns.sum(axis=1)) - turns.sum(axis=1))[:, None] / low_samples
    phase = 2 * np.pi * (np.cumsum(turns, axis=1) - turns[:, :1]) + phases[:, None]
    for band, log_amplitude in enumerate(bands[:, 0]):
        onsets = find_onsets(np.exp(log_amplitude)) * (low_samples // frames)
        if onsets.size:
            latest = np.searchsorted(onsets, np.arange(low_samples), side="right") - 1  # -1: the last one of the loop
            whole = 2 * np.pi * np.round(turns[band].sum())
            phase[band] += ONSET_PHASE - phase[band, onsets[latest]] + np.where(latest < 0, whole, 0)
    analytic = amplitude * np.exp(1j * phase)
    spectrum = np.zeros(samples // 2 + 1, dtype=np.complex64)
    positive = fft.fft(analytic, axis=1)[:, : low_samples // 2]
    spectrum[: positive.shape[1]] = positive.sum(axis=0) * (samples / (2.0 * low_samples))
    hertz_grid = np.arange(spectrum.size) * SAMPLE_RATE / samples
    edge = np.clip((BANDS[-1][1] + 40.0 - hertz_grid) / 40.0, 0, 1)  # what modulation spread upward is cut
    return fft.irfft(spectrum * edge, n=samples).astype(np.float32)


def find_onsets(amplitude: np.ndarray) -> np.ndarray:
    """Return the frames at which an amplitude `(frames,)` leaps up, around the circle."""
    rise = amplitude - np.roll(amplitude, 1)
    is_peak = (rise >= np.roll(rise, 1)) & (rise > np.roll(rise, -1))
    leap = amplitude - np.roll(amplitude, 2)
    return np.flatnonzero(is_peak & (leap > LEAP * np.percentile(amplitude, 95)))


def _interpolate(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Read circular rows `(bands, n)` at fractional `positions` linearly."""
    below = np.floor(positions).astype(np.int64)
    fraction = positions - below
    n = values.shape[1]
    return values[:, below % n] * (1 - fraction) + values[:, (below + 1) % n] * fraction
