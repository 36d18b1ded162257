"""Magnitudes of a circular STFT without phases -> a waveform.

`griffin_lim` is the fast variant (Perraudin, Balazs and Sondergaard 2013): it alternates between the spectrograms that
have the magnitudes and those that belong to a waveform, with momentum.
"""

import numpy as np

from fourfloor.representations.beatgrid import istft, stft


def griffin_lim(
    magnitude: np.ndarray, samples: int, rng: np.random.Generator, iterations: int = 32, momentum: float = 0.99
) -> np.ndarray:
    """Return a closed waveform float32 `(samples,)` whose STFT has nearly `magnitude` `(frames, n_fft // 2 + 1)`."""
    frames, n_fft = magnitude.shape[0], 2 * (magnitude.shape[1] - 1)
    spectrum = (magnitude * np.exp(2j * np.pi * rng.random(magnitude.shape))).astype(np.complex64)
    previous = np.zeros_like(spectrum)
    for _ in range(iterations):
        rebuilt = stft(istft(spectrum, samples), frames, n_fft)
        accelerated = rebuilt + momentum * (rebuilt - previous)
        spectrum = magnitude * (accelerated / (np.abs(accelerated) + 1e-9))
        previous = rebuilt
    return istft(spectrum, samples)
