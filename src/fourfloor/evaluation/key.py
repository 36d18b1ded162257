"""The key of a loop, as a producer looks for it: which tonic, minor or major, or None where neither is clear.

Peaks of a long spectrum say which of the twelve pitch classes sound, once for the bass and once above it. A softmax
over the 24 keys weighs them; `scripts/fit_key.py` fits its weights to produced loops, whose keys are known, and
measures how often it is right.
"""

import numpy as np

from fourfloor.signal.analysis import (
    ANALYSIS_RATE,
    SILENCE_RMS,
    Array,
    mono,
    peak_pitches,
    power_frames,
    to_analysis_rate,
)

WINDOW = 16384  # 0.74 s: resolves semitones from 45 Hz up
HOP_LENGTH = 4096
PROBABLE = 0.6  # below it no key is given
IN_TUNE = 0.35  # semitones off 440 Hz: what lies farther belongs to no tone
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Lowest and highest frequency, how far a peak stands out in dB, and over how many Hz to each side.
CHORDS = (180.0, 2000.0, 8.0, 60.0)
BASS = (38.0, 180.0, 6.0, 30.0)
# Weights of the share of each pitch class, from the tonic up: for major, then for minor; in the chords, in the bass.
WEIGHTS = np.array([
    [[6.5, -6.9, 0.6, -9.0, 8.7, 1.5, -6.6, 5.0, -4.8, 2.0, -0.9, -1.5],
     [8.7, -0.9, -1.9, -4.1, 6.2, -2.5, -4.1, 2.6, -8.6, 0.4, -0.3, -0.6]],
    [[8.3, -6.5, 0.7, 5.7, -2.0, -0.3, -3.5, 8.5, -2.0, -3.0, 2.4, -3.2],
     [8.6, -0.2, -0.4, 0.9, -1.3, -2.5, -0.2, 3.5, -1.2, -3.7, 0.5, 1.1]],
])  # fmt: skip


def key_of(waveform: Array, sample_rate: int) -> str | None:
    """Return the key of a closed loop `(channels, samples)` or `(samples,)`, such as "Amin"; None if none is clear."""
    probabilities = key_probabilities(chroma_of(waveform, sample_rate))
    best = int(probabilities.argmax())
    return f"{NAMES[best % 12]}{('maj', 'min')[best // 12]}" if probabilities[best] >= PROBABLE else None


def key_probabilities(chroma: Array) -> Array:
    """Return the probability of each of 24 keys, C to B major, then minor; `chroma` is what `chroma_of` returns."""
    if not chroma.any():
        return np.zeros(24)
    from_tonic = np.stack([np.roll(chroma, -tonic, axis=1) for tonic in range(12)])
    likely = np.exp(np.einsum("tbc,mbc->mt", from_tonic, WEIGHTS)).ravel()
    return np.asarray(likely / likely.sum())


def chroma_of(waveform: Array, sample_rate: int) -> Array:
    """Return the share `(2, 12)` of each pitch class, C first, in chords and in the bass; zeros where none sounds."""
    mixed = mono(waveform)
    rms = float(np.sqrt(np.mean(mixed**2))) if len(mixed) else 0.0
    analyzed = to_analysis_rate(mixed, sample_rate) if rms > SILENCE_RMS else mixed[:0]
    if len(analyzed) < WINDOW:
        return np.zeros((2, 12))
    frames = max(8, round(len(analyzed) / HOP_LENGTH))
    level = 10 * np.log10(power_frames(analyzed / rms, frames, WINDOW).astype(np.float64) + 1e-7)
    return np.stack([_pitch_classes(level, *band) for band in (CHORDS, BASS)])


def _pitch_classes(level: Array, low_hz: float, high_hz: float, least_db: float, around_hz: float) -> Array:
    """Return the share of each pitch class in the peaks of a band of the dB `(frames, bins)`."""
    first, last, around = (round(hertz * WINDOW / ANALYSIS_RATE) for hertz in (low_hz, high_hz, around_hz))
    left, middle, right = (level[:, first + shift : last + 1 + shift] for shift in (-1, 0, 1))
    total = np.cumsum(np.pad(level[:, : last + around + 1], ((0, 0), (around + 1, 0)), mode="edge"), axis=1)
    mean = (total[:, 2 * around + 1 :] - total[:, : -2 * around - 1]) / (2 * around + 1)
    frame, bin_ = np.nonzero((middle > left) & (middle >= right) & (middle - mean[:, first : last + 1] > least_db))
    pitch, peak_db = peak_pitches(level, frame, first + bin_)
    tones = np.round(pitch).astype(int)
    tuned = np.abs(pitch - tones) < IN_TUNE
    loudness = 10 ** (peak_db / 40)  # the square root, so that no single tone dominates
    sums = np.bincount(tones[tuned] % 12, weights=loudness[tuned], minlength=12)
    return np.asarray(sums / max(sums.sum(), 1e-9))
