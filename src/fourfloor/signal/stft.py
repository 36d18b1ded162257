"""The circular STFT of a closed loop, its inverse, and resampling on the circle.

Frames are equally spaced around the loop, to the nearest sample, and indices wrap around: the last frame sees the
first samples. The inverse is a least-squares overlap-add at the same centers (Griffin & Lim 1984) and returns the exact
number of samples.
"""

import functools

import numpy as np

from fourfloor.errors import FourfloorError

try:
    from scipy import fft  # four times as fast as numpy's, and more where a length has a large prime factor
except ImportError:  # a machine that only trains
    from numpy import fft

N_FFT = 2048
FRAMES_AT_ONCE = 2048  # of a power spectrum: 8 MB at N_FFT


def frame_centers(samples: int, frames: int) -> np.ndarray:
    """Return the sample index of each frame's center, int64 `(frames,)`; neighbors differ by at most one sample."""
    return np.round(np.arange(frames) * (samples / frames)).astype(np.int64)


@functools.cache
def window(n_fft: int) -> np.ndarray:
    """Return the periodic Hann window, float32 `(n_fft,)`, scaled so that a full-scale sine has magnitude 1."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return (hann * (2.0 / hann.sum())).astype(np.float32)


def windowed(waveform: np.ndarray, centers: np.ndarray, n_fft: int) -> np.ndarray:
    """Cut float32 `(..., centers, n_fft)` from a closed loop `(..., samples)`, each under the window."""
    around = [(0, 0)] * (waveform.ndim - 1) + [(n_fft // 2, n_fft - n_fft // 2)]
    circle = np.pad(waveform.astype(np.float32, copy=False), around, mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(circle, n_fft, axis=-1)
    segments = windows[..., centers, :]
    segments *= window(n_fft)
    return segments


def stft(waveform: np.ndarray, frames: int, n_fft: int = N_FFT) -> np.ndarray:
    """Transform a closed loop `(..., samples)` to complex64 `(..., frames, n_fft // 2 + 1)`, wrapped around its end."""
    return fft.rfft(windowed(waveform, frame_centers(waveform.shape[-1], frames), n_fft), axis=-1)


def power_frames(waveform: np.ndarray, frames: int, n_fft: int, filters: np.ndarray | None = None) -> np.ndarray:
    """Return the power `(frames, n_fft // 2 + 1)` of the STFT of a closed loop `(samples,)`.

    With `filters` `(bands, bins)` only `(frames, bands)` is kept, and memory stays bounded for a whole track.
    """
    centers = frame_centers(len(waveform), frames)
    parts = []
    for first in range(0, frames, FRAMES_AT_ONCE):
        spectra = fft.rfft(windowed(waveform, centers[first : first + FRAMES_AT_ONCE], n_fft), axis=1)
        power = spectra.real**2 + spectra.imag**2
        parts.append(power if filters is None else power @ filters.T)
    return np.concatenate(parts)


def istft(spectrum: np.ndarray, samples: int) -> np.ndarray:
    """Return the loop float32 `(samples,)` whose STFT is nearest to `spectrum` `(frames, bins)`.

    Exact for a spectrum made by `stft` as long as windows overlap, i.e. `samples / frames < n_fft / 2`.
    """
    frames, n_fft = spectrum.shape[0], 2 * (spectrum.shape[1] - 1)
    synthesis = window(n_fft)
    segments = fft.irfft(spectrum, n=n_fft, axis=-1).astype(np.float32, copy=False)
    segments *= synthesis
    starts = frame_centers(samples, frames) - n_fft // 2
    return overlap_add(segments, starts, samples) / _window_sum(samples, frames, n_fft)


def overlap_add(segments: np.ndarray, starts: np.ndarray, samples: int) -> np.ndarray:
    """Add `segments` `(frames, length)` at `starts` (>= -length) onto a circle of `samples` >= length samples."""
    length = segments.shape[1]
    line = np.zeros(samples + 2 * length, dtype=np.float32)
    for segment, start in zip(segments, starts, strict=True):
        line[start + length : start + 2 * length] += segment
    loop = line[length:-length].copy()
    loop[-length:] += line[:length]
    loop[:length] += line[-length:]
    return loop


@functools.lru_cache(maxsize=8)
def _window_sum(samples: int, frames: int, n_fft: int) -> np.ndarray:
    squared = np.broadcast_to(window(n_fft) ** 2, (frames, n_fft))
    total = overlap_add(squared, frame_centers(samples, frames) - n_fft // 2, samples)
    if total.min() <= 1e-9:
        raise FourfloorError(
            f"frames of {n_fft} samples do not overlap at {samples / frames:.0f} samples a frame: "
            "use more frames or a longer window"
        )
    return total


def resample_loop(waveform: np.ndarray, samples: int) -> np.ndarray:
    """Resample a closed loop `(..., n)` to `(..., samples)` by cropping or padding its spectrum, exactly periodic."""
    n = waveform.shape[-1]
    if n == samples:
        return waveform.astype(np.float32)
    spectrum = fft.rfft(waveform.astype(np.float32), axis=-1)
    return fft.irfft(spectrum, n=samples, axis=-1).astype(np.float32) * np.float32(samples / n)
