"""What all measurements start from: mono at 22.05 kHz, and power spectra of it as a circle."""

import functools
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fourfloor.signal import mel, stft

ANALYSIS_RATE = 22_050
CUTOFF_HZ = 10_000.0
N_FFT = 1024
LOWEST_HZ = 30.0  # edge of the lowest mel band
SILENCE_RMS = 1e-4
_HALF_TAPS = 20  # on each side, of the filter for half the rate

Array = NDArray[np.floating]


def mono(waveform: Array) -> Array:
    """Mix `(channels, samples)` or `(samples,)` to float32 `(samples,)`; NaN and infinity become 0."""
    mixed = np.atleast_2d(np.asarray(waveform, dtype=np.float32))
    return np.nan_to_num(mixed, nan=0.0, posinf=0.0, neginf=0.0).mean(axis=0)


def to_analysis_rate(waveform: Array, sample_rate: int) -> Array:
    """Resample a closed loop `(samples,)` to 22.05 kHz; the ends are continued by the other end."""
    if sample_rate == ANALYSIS_RATE:
        return waveform
    ratio = Fraction(ANALYSIS_RATE, sample_rate).limit_denominator(1000)
    pad = min(len(waveform), 64 * ratio.denominator)
    continued = np.concatenate([waveform[-pad:], waveform, waveform[:pad]])
    if ratio == Fraction(1, 2):
        resampled = _halved(continued)
    else:
        from scipy.signal import resample_poly  # its import takes a third of a second

        resampled = resample_poly(continued, ratio.numerator, ratio.denominator)
    start = round(pad * ratio)
    return resampled[start : start + max(1, round(len(waveform) * ratio))].astype(np.float32)


def _halved(waveform: Array) -> Array:
    """Return every second sample of what lies below half of the band, as scipy's `resample_poly` does."""
    return np.convolve(waveform, _half_band())[_HALF_TAPS:-_HALF_TAPS:2]


@functools.cache
def _half_band() -> Array:
    """Return the low pass that `resample_poly` designs for half the rate, float32."""
    kernel = np.sinc(np.arange(-_HALF_TAPS, _HALF_TAPS + 1) / 2) * np.kaiser(2 * _HALF_TAPS + 1, 5.0)
    return (kernel / kernel.sum()).astype(np.float32)


def mel_filters(n_mels: int, cutoff_hz: float, n_fft: int = N_FFT, shift: float = 1.0) -> Array:
    """Return `(n_mels, n_fft // 2 + 1)` triangles of unit sum, even on the mel scale from 30 Hz to the cutoff.

    `shift` multiplies every edge: a filterbank that sees a transposed loop as the loop.
    """
    return mel.filters(n_mels, LOWEST_HZ, cutoff_hz, n_fft, ANALYSIS_RATE, shift)


def mel_centers(n_mels: int, cutoff_hz: float) -> Array:
    """Return the center frequency of each mel band in Hz."""
    return mel.edges(n_mels, LOWEST_HZ, cutoff_hz)[1:-1]


def power_frames(waveform: Array, n_frames: int, n_fft: int = N_FFT, filters: Array | None = None) -> Array:
    """Return power spectra `(n_frames, n_fft // 2 + 1)`, or with `filters` `(n_frames, bands)`, of a circle.

    Every figure of the scorecard is in units of an unscaled Hann window, whose sum is n_fft / 2.
    """
    return stft.power_frames(waveform, n_frames, n_fft, filters) * np.float32((n_fft / 4) ** 2)


def peak_pitches(level: Array, frames: NDArray[np.integer], bins: NDArray[np.integer]) -> tuple[Array, Array]:
    """Return the MIDI pitches and the levels in dB of peaks of the power spectra `level` in dB `(frames, n_bins)`.

    Each peak, a local maximum at `(frames[i], bins[i])`, lies at the vertex of the parabola through it and its two
    neighbors. Both results have the shape of `bins`.
    """
    left, middle, right = (level[frames, bins + shift] for shift in (-1, 0, 1))
    vertex = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-9)
    n_fft = 2 * (level.shape[1] - 1)
    pitches = 69 + 12 * np.log2((bins + vertex) * ANALYSIS_RATE / n_fft / 440.0)
    return pitches, middle - 0.25 * (left - right) * vertex
