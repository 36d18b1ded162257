"""The mel scale (O'Shaughnessy 1987) and triangular filters on it."""

import functools

import numpy as np


def to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Return mels of frequencies in Hz."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)


def from_mel(mel: np.ndarray | float) -> np.ndarray:
    """Return frequencies in Hz of mels."""
    return 700.0 * (10.0 ** (np.asarray(mel) / 2595.0) - 1.0)


def edges(n_mels: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Return the `(n_mels + 2,)` borders of bands in Hz, even on the mel scale; the inner ones are their centers."""
    return from_mel(np.linspace(to_mel(low_hz), to_mel(high_hz), n_mels + 2))


def triangles(lower: np.ndarray, center: np.ndarray, upper: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return triangles `(n, bins)` that rise from `lower` to 1 at `center` and fall to `upper`, each `(n,)`."""
    rise = (bins - lower[:, None]) / (center - lower)[:, None]
    fall = (upper[:, None] - bins) / (upper - center)[:, None]
    return np.clip(np.minimum(rise, fall), 0, None)


@functools.lru_cache(maxsize=64)
def filters(
    n_mels: int, low_hz: float, high_hz: float, n_fft: int, sample_rate: float, shift: float = 1.0
) -> np.ndarray:
    """Return filters float32 `(n_mels, n_fft // 2 + 1)` of unit sum, each at least a bin wide on both sides.

    A triangle narrower than a bin would pass nothing. `shift` multiplies every edge: a filterbank that sees a
    transposed loop as the loop.
    """
    width = sample_rate / n_fft
    borders = edges(n_mels, low_hz, high_hz) * shift
    center = borders[1:-1]
    lower, upper = np.minimum(borders[:-2], center - width), np.maximum(borders[2:], center + width)
    passed = triangles(lower, center, upper, np.arange(n_fft // 2 + 1) * width)
    return (passed / np.maximum(passed.sum(axis=1, keepdims=True), 1e-12)).astype(np.float32)
