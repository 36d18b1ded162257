"""A loop -> kick, drums, bass and music, which sum to it.

The separator's masks are laid over the circular STFT above the low band, and its waveforms are added below; music is
what is left of the mix. So each stem is a closed loop of the same length, and nothing is lost.
"""

import numpy as np

from fourfloor.editing.networks import answer
from fourfloor.representations.stems import (
    BANDS,
    STEMS,
    mean_square,
    middle_side,
    overlapped,
    powers_of,
    see,
    split_low,
    to_bins,
)
from fourfloor.signal.beatgrid import loop_frames
from fourfloor.signal.stft import istft, resample_loop, stft

STEP = 2.0**-23  # of 24 bits


def separate(waveform: np.ndarray, bars: int) -> np.ndarray:
    """Return the stems float32 `(4, 2, samples)` of a loop `(2, samples)`, in the order of `STEMS`."""
    samples = waveform.shape[1]
    both = middle_side(waveform.astype(np.float32))
    low, high = split_low(both, bars)
    spectra = np.stack([stft(channel, loop_frames(bars)) for channel in high])
    power = powers_of(spectra)
    level = np.sqrt(mean_square(low[0], power))
    masks, windows = answer("separator", see(low[0] / level, power / level**2))
    stems = []
    for number in range(len(STEMS) - 1):
        stem = np.stack([
            istft(spectra[side] * to_bins(masks[:, number, side * BANDS : (side + 1) * BANDS]), samples)
            for side in range(2)
        ])  # fmt: skip
        stem[0] += resample_loop(overlapped(windows[:, number]) * level, samples)
        stems.append(middle_side(stem))
    return np.stack([*stems, waveform - np.sum(stems, axis=0)]).astype(np.float32)


def to_steps(stems: np.ndarray, waveform: np.ndarray) -> np.ndarray:
    """Round stems `(4, 2, samples)` to steps of 24 bits, float64, so that they sum to the rounded mix exactly.

    Music takes what the others' rounding leaves, and the others what would lift music beyond full scale.
    """
    lowest, highest = -(2**23), 2**23 - 1
    mix = np.clip(np.rint(waveform.astype(np.float64) / STEP), lowest, highest)
    rounded = np.clip(np.rint(stems.astype(np.float64) / STEP), lowest, highest)
    for number in reversed(range(len(rounded))):
        missing = mix - rounded.sum(axis=0)
        rounded[number] = np.clip(rounded[number] + missing, lowest, highest)
    return rounded * STEP
