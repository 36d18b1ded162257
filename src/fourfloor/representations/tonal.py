"""Steady partials: how strongly each semitone of a loop sounds, and the sines that sound it again.

Noise colored to the right magnitudes makes a chord grainy: each partial becomes a narrow band of noise. So the decoder
says beside the magnitudes how tonal each semitone is, and as much of the spectrum is drawn as sines that go on through
all frames (after the harmonic-plus-noise split of Serra & Smith 1990). Their phases are free and their frequencies
those of equal temperament, rounded to whole turns of the loop, so that the loop closes.

Tonality is the log of a semitone's peak over the envelope around it, `(latents, TONES)`; `ABSENT` where none persists.
"""

import functools

import numpy as np

from fourfloor.representations.latent import (
    FRAMES_PER_LATENT,
    MEL,
    SAMPLE_RATE,
    band_centers_hz,
    mel_filters,
)
from fourfloor.signal.stft import N_FFT, fft, frame_centers, window, windowed

LOWEST_NOTE, TONES = 50, 49  # MIDI notes 50 to 98: 147 Hz, where the low end stops, to 2.3 kHz
ABSENT = -2.0
UNSURE, SURE = -1.2, -0.4  # sines fade in between: a clap's noise has peaks too, and sounds as noise should
LOUDEST = 2.5
PEAK_FFT = 6144  # 139 ms: semitones are told apart from some 200 Hz up
PROMINENCE = 0.6  # a peak rises above the mean log magnitude around it by so much (5 dB)
AROUND_BINS = 15  # on each side
HOLD = 1.5  # a partial is at most so much louder than in the louder one of its neighbors in time
ENVELOPE_FRAMES = 10  # the envelope is averaged over about as long as the window of the peaks
MAX_SHARE = 0.9  # of the power of a band that sines take; a wrong guess must leave some noise
MAX_RISE = 2.0  # of that power within a partial: what rises more is a drum, not the chord


@functools.cache
def tone_hz() -> np.ndarray:
    """Return the frequency of each tone in Hz, float64 `(TONES,)`."""
    return 440.0 * 2.0 ** ((np.arange(TONES) + LOWEST_NOTE - 69) / 12)


def tonality(mid: np.ndarray, features: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Measure the `chosen` latents of a mono loop `(samples,)` with features `(frames, FEATURE_DIM)`.

    Returns float32 `(len(chosen), TONES)` in `ABSENT` to `LOUDEST`.
    """
    latents = len(features) // FRAMES_PER_LATENT
    around, where = np.unique((chosen + np.array([[-1], [0], [1]])) % latents, return_inverse=True)
    before, here, after = _peaks(mid, latents, around)[where.reshape(3, -1)]
    held = np.minimum(here, HOLD * np.maximum(before, after))
    envelope = _tone_envelope(features[:, MEL])[chosen % latents]
    return np.clip(np.log(held / envelope + 1e-9), ABSENT, LOUDEST).astype(np.float32)


def contrast(strength: np.ndarray, amount: float) -> np.ndarray:
    """Raise each tone by `amount` of how far it stands above the four semitones around it, and lower it the same way.

    A decoder that is unsure where a partial lies answers with a mean: every semitone near it sounds a little, and none
    stands out. Of sampled latents it is less sure than of music's own. `strength` is `(latents, TONES)`.
    """
    padded = np.pad(strength, ((0, 0), (2, 2)), mode="edge")
    around = sum(padded[:, shift : shift + TONES] for shift in (0, 1, 3, 4)) / 4
    return np.clip(strength + amount * (strength - around), ABSENT, LOUDEST).astype(np.float32)


def _peaks(mid: np.ndarray, latents: int, chosen: np.ndarray) -> np.ndarray:
    """Return the amplitude of each semitone's peaks, `(len(chosen), TONES)`, 0 where there is none."""
    segments = windowed(mid, frame_centers(mid.size, latents)[chosen], PEAK_FFT)
    hz = SAMPLE_RATE / PEAK_FFT
    low, high = tone_hz()[[0, -1]] / hz * 2.0 ** (np.array([-1, 1]) / 24)
    first, last = int(low), int(high) + 2
    reach = AROUND_BINS + 1
    level = np.log(np.abs(fft.rfft(segments, axis=-1)[:, first - reach : last + reach]) + 1e-7)
    total = np.cumsum(np.pad(level, ((0, 0), (1, 0))), axis=1)
    mean = (total[:, 2 * AROUND_BINS + 1 :] - total[:, : -2 * AROUND_BINS - 1])[:, 1:-1] / (2 * AROUND_BINS + 1)
    left, middle, right = (level[:, reach + shift : level.shape[1] - reach + shift] for shift in (-1, 0, 1))
    frame, bin_ = np.nonzero((middle > left) & (middle >= right) & (middle > mean + PROMINENCE))
    a, b, c = left[frame, bin_], middle[frame, bin_], right[frame, bin_]
    shift = 0.5 * (a - c) / (a - 2 * b + c - 1e-12)  # the vertex of the parabola through the three
    amplitude = np.exp(b - 0.25 * (a - c) * shift)
    note = 12 * np.log2((first + bin_ + shift) * hz / 440.0) + 69 - LOWEST_NOTE
    tone = np.round(note).astype(np.int64)
    inside = (tone >= 0) & (tone < TONES)
    power = np.zeros((len(chosen), TONES))
    np.add.at(power, (frame[inside], tone[inside]), amplitude[inside] ** 2)
    return np.sqrt(power)


def _tone_envelope(log_mel: np.ndarray) -> np.ndarray:
    """Return the slow magnitude around each tone, `(latents, TONES)`, from log-mel `(frames, N_MELS)`."""
    power = slow(np.exp(2 * log_mel.astype(np.float32)))[::FRAMES_PER_LATENT]
    return np.exp(0.5 * np.log(power + 1e-8) @ _at_tones()) + 1e-3


@functools.cache
def _at_tones() -> np.ndarray:
    centers = band_centers_hz()
    return np.stack([np.interp(tone_hz(), centers, row) for row in np.eye(len(centers))]).astype(np.float32)


def slow(power: np.ndarray) -> np.ndarray:
    """Average `(frames, ...)` over the window of the peaks, around the circle."""
    weights = np.hanning(ENVELOPE_FRAMES + 1)[1:]
    shifts = np.arange(ENVELOPE_FRAMES) - ENVELOPE_FRAMES // 2 + 1
    return sum(w * np.roll(power, s, axis=0) for w, s in zip(weights / weights.sum(), shifts, strict=True))


def loudness(strength: np.ndarray, log_mel: np.ndarray) -> np.ndarray:
    """Return the amplitude `(latents, TONES)` at which tonality `strength` of that shape is sounded."""
    sure = np.clip((strength - UNSURE) / (SURE - UNSURE), 0, 1)
    return sure * np.exp(strength) * _tone_envelope(log_mel)


def sines(strength: np.ndarray, log_mel: np.ndarray, samples: int, bins: slice, rng: np.random.Generator) -> np.ndarray:
    """Return the grid STFT complex64 `(frames, bins)` of sines of tonality `strength` `(latents, TONES)`.

    Each is as loud as the tonality says above the slow envelope of `log_mel` `(frames, N_MELS)`; phases are drawn.
    """
    heard = loudness(strength, log_mel)
    between = np.arange(FRAMES_PER_LATENT)[:, None] / FRAMES_PER_LATENT
    amplitude = heard[:, None] * (1 - between) + np.roll(heard, -1, axis=0)[:, None] * between
    amplitude = amplitude.reshape(-1, TONES)
    starts = frame_centers(samples, len(amplitude)) - N_FFT // 2
    phase = 2 * np.pi * (starts[:, None] * _turns(samples) + rng.random(TONES))
    turning = (amplitude * np.exp(1j * phase)).astype(np.complex64)
    return turning @ _shapes(samples, bins.start, bins.stop)


@functools.lru_cache(maxsize=8)
def _shapes(samples: int, first: int, last: int) -> np.ndarray:
    """Return what a frame's bins from `first` to `last` hold of the sine of each tone, complex64 `(TONES, bins)`."""
    ramp = np.exp(2j * np.pi * _turns(samples)[:, None] * np.arange(N_FFT)) * window(N_FFT)
    return (0.5 * fft.fft(ramp, axis=1)[:, first:last]).astype(np.complex64)


def _turns(samples: int) -> np.ndarray:
    """Return how far each tone turns in a sample, `(TONES,)`: a whole number of times in the loop."""
    return np.round(tone_hz() * samples / SAMPLE_RATE) / samples


def split(drawn: np.ndarray, log_power: np.ndarray, bins: slice) -> tuple[np.ndarray, np.ndarray]:
    """Share a spectrum between sines `drawn` (complex) and noise; both it and `log_power` are `(frames, bins)`.

    Returns the sines, brought to what they have of the power, and the log gain of the magnitudes of the rest. The
    share of each mel band is slow; within it the sines follow the band's envelope, so a chord begins where it began.
    """
    filters = mel_filters()[:, bins].T
    sine_power = (drawn.real**2 + drawn.imag**2) @ filters
    power = np.exp(log_power) @ filters + 1e-14
    steady = slow(sine_power)
    share = np.minimum(steady / slow(power), MAX_SHARE)
    wanted = np.minimum(share * power, MAX_RISE * steady)
    to_bins = mel_to_bins(bins.start, bins.stop)
    gain = np.exp(0.5 * np.log(np.clip(wanted / np.maximum(sine_power, 1e-14), 1e-4, 4.0)) @ to_bins)
    rest = 0.5 * np.log(1 - np.minimum(wanted / power, MAX_SHARE)) @ to_bins
    return (drawn * gain).astype(np.complex64), rest.astype(np.float32)


@functools.cache
def mel_to_bins(first: int, last: int) -> np.ndarray:
    """Return the matrix float32 `(N_MELS, last - first)` that interpolates log-mel to bins of the grid STFT."""
    hertz = np.arange(first, last) * SAMPLE_RATE / N_FFT
    centers = band_centers_hz()
    return np.stack([np.interp(hertz, centers, row) for row in np.eye(len(centers))]).astype(np.float32)
