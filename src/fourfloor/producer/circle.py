"""Signal processing on the circle: every operation treats a loop of N samples as periodic.

A waveform (..., N) comes in and one of the same length goes out; what would ring past the end is heard at the start, so
a loop made of these operations alone has no seam.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage, signal

WARM_UP_SECONDS = 0.25  # a 20 Hz second-order high-pass has decayed by more than 200 dB in it


def place(track: np.ndarray, hit: np.ndarray, start: int, gain: float = 1.0) -> None:
    """Add `hit` (n,) or (channels, n) to `track` (channels, N) in place from sample `start`, wrapping modulo N."""
    length = track.shape[-1]
    position = start % length
    done = 0
    while done < hit.shape[-1]:
        count = min(length - position, hit.shape[-1] - done)
        track[..., position : position + count] += gain * hit[..., done : done + count]
        done += count
        position = 0


def fold(waveform: np.ndarray, length: int) -> np.ndarray:
    """Sum a long waveform (..., n) modulo `length`."""
    if waveform.shape[-1] <= length:
        return np.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(0, length - waveform.shape[-1])])
    laps = -(-waveform.shape[-1] // length)
    padded = np.pad(waveform, [(0, 0)] * (waveform.ndim - 1) + [(0, laps * length - waveform.shape[-1])])
    return padded.reshape(*waveform.shape[:-1], laps, length).sum(-2)


def filter_sections(sections: np.ndarray, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Filter (..., N) by second-order sections in their periodic steady state."""
    if waveform.ndim == 2 and len(waveform) > 1 and np.array_equal(waveform[0], waveform[1]):
        return np.repeat(filter_sections(sections, waveform[:1], sample_rate), len(waveform), axis=0)
    warm_up = int(WARM_UP_SECONDS * sample_rate)
    laps = -(-warm_up // waveform.shape[-1])
    history = np.concatenate([waveform] * laps, -1)[..., -warm_up:] if laps > 1 else waveform[..., -warm_up:]
    filtered = signal.sosfilt(sections, np.concatenate([history, waveform], -1))
    return filtered[..., warm_up:].astype(np.float32)


def convolve(waveform: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Convolve (channels, N) circularly with an impulse response (channels, m) of any length."""
    length = waveform.shape[-1]
    response = fold(response, length) if response.shape[-1] > length else response
    size = fft.next_fast_len(length + response.shape[-1] - 1, real=True)
    spectrum = fft.rfft(waveform, size) * fft.rfft(response, size)
    return fold(fft.irfft(spectrum, size)[..., : length + response.shape[-1] - 1], length).astype(np.float32)


def delay(waveform: np.ndarray, samples: float) -> np.ndarray:
    """Delay (..., N) by a whole number of samples on the circle."""
    return np.roll(waveform, round(samples), axis=-1)


def smooth_minimum(gain: np.ndarray, window: int) -> np.ndarray:
    """Return a smooth curve (N,) never above `gain` within half a window: the look-ahead of a limiter."""
    floor = ndimage.minimum_filter1d(gain, 2 * window + 1, mode="wrap")
    return ndimage.uniform_filter1d(floor, window, mode="wrap")
