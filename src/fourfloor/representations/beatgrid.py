"""The beat grid: a circular, beat-synchronous STFT of a closed loop.

A loop of whole bars goes in, a spectrogram comes out whose frames are a fixed fraction of a beat apart, so that
loops of every tempo have the same number of frames and can share a batch. Indices wrap around: the last frame sees
the first samples. The inverse is a least-squares overlap-add at the same centers (Griffin & Lim 1984) and returns
the exact number of samples.
"""

import functools

import numpy as np

from fourfloor.errors import FourfloorError

try:
    from scipy import fft  # four times as fast as numpy's, and more where a length has a large prime factor
except ImportError:  # a machine that only trains
    from numpy import fft

FRAMES_PER_BEAT = 32
BEATS_PER_BAR = 4
BPM_RANGE = (90.0, 180.0)
SAMPLE_RATE = 44_100
N_FFT = 2048


def playable_bpm(bpm: float) -> float:
    """Return a tempo, or the nearest that loops can be made at."""
    low, high = BPM_RANGE
    return min(max(bpm, low), high)


def loop_samples(bpm: float, bars: float, sample_rate: int) -> int:
    """Count the samples of a loop of `bars` 4/4 bars at `bpm`, rounded to the nearest one."""
    if not 1 <= bpm <= 1000:
        raise FourfloorError(f"bpm {bpm:g} is outside 1-1000: give the loop's tempo in beats per minute")
    return round(bars * BEATS_PER_BAR * 60.0 / bpm * sample_rate)


def loop_frames(bars: int) -> int:
    """Count the grid frames of a loop of `bars` bars: 128 a bar at every tempo."""
    return bars * BEATS_PER_BAR * FRAMES_PER_BEAT


def frame_centers(samples: int, frames: int) -> np.ndarray:
    """Return the sample index of each frame's center, int64 `(frames,)`; neighbors differ by at most one sample."""
    return np.round(np.arange(frames) * (samples / frames)).astype(np.int64)


@functools.cache
def window(n_fft: int) -> np.ndarray:
    """Return the periodic Hann window, float32 `(n_fft,)`, scaled so that a full-scale sine has magnitude 1."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return (hann * (2.0 / hann.sum())).astype(np.float32)


def stft(waveform: np.ndarray, frames: int, n_fft: int = N_FFT) -> np.ndarray:
    """Transform a closed loop `(..., samples)` to complex64 `(..., frames, n_fft // 2 + 1)`, wrapped around its end."""
    samples = waveform.shape[-1]
    around = [(0, 0)] * (waveform.ndim - 1) + [(n_fft // 2, n_fft - n_fft // 2)]
    circle = np.pad(waveform.astype(np.float32, copy=False), around, mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(circle, n_fft, axis=-1)
    segments = windows[..., frame_centers(samples, frames), :]
    segments *= window(n_fft)
    return fft.rfft(segments, axis=-1)


def istft(spectrum: np.ndarray, samples: int) -> np.ndarray:
    """Return the loop float32 `(samples,)` whose grid STFT is nearest to `spectrum` `(frames, bins)`.

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
            f"use a tempo above {BPM_RANGE[0]:g} BPM or a longer window"
        )
    return total


def resample_loop(waveform: np.ndarray, samples: int) -> np.ndarray:
    """Resample a closed loop `(..., n)` to `(..., samples)` by cropping or padding its spectrum, exactly periodic."""
    n = waveform.shape[-1]
    if n == samples:
        return waveform.astype(np.float32)
    spectrum = fft.rfft(waveform.astype(np.float32), axis=-1)
    return fft.irfft(spectrum, n=samples, axis=-1).astype(np.float32) * np.float32(samples / n)
