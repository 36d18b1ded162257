"""What the numbers of one loop come from: waveform in; log-mel frames, onset envelopes and a style vector out.

Every loop is analyzed alike: mono, 22.05 kHz, scaled by its own level, below one cutoff, as a circle (the frame
after the last is the first). Modulation spectra on a bar axis follow the idea of McDermott and Simoncelli 2011. They
change when the sixteenths of a loop are shuffled; time averages do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from fourfloor.signal.analysis import (
    ANALYSIS_RATE,
    CUTOFF_HZ,
    N_FFT,
    SILENCE_RMS,
    Array,
    mel_centers,
    mel_filters,
    mono,
    power_frames,
    to_analysis_rate,
)

HOP_LENGTH = 128
N_MELS = 64
LOW_HZ, HIGH_HZ = 200.0, 2_000.0  # the borders of the low, mid and high onset envelopes
FLOOR_DB = -70.0  # below the loudest band; quieter than that nobody hears beside the kick
N_MODULATIONS = 48  # cycles a bar: 48 = three to a sixteenth
N_GROUPS = 8


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What the numbers of one loop are computed from.

    `waveform` is (samples,) at 22.05 kHz; `mel_db` (64, frames) in dB below the loudest band; `onsets` (3, frames):
    low, mid, high; `flatness_db` the mean spectral flatness of the frames.
    """

    waveform: Array
    mel_db: Array
    onsets: Array
    flatness_db: float
    seconds: float
    silent: bool

    @property
    def frame_rate(self) -> float:
        """Frames a second; not quite 22050 / 128, because whole frames fill the circle."""
        return self.mel_db.shape[1] / self.seconds

    @property
    def onset(self) -> Array:
        """The three onset envelopes, each scaled to unit spread, as one (frames,) envelope."""
        spread = self.onsets.std(axis=1, keepdims=True)
        return (self.onsets / np.maximum(spread, 1e-9)).sum(axis=0)


def analyze(waveform: Array, sample_rate: int, cutoff_hz: float = CUTOFF_HZ) -> Analysis:
    """Analyze one loop `(channels, samples)` below `cutoff_hz`."""
    sound = to_analysis_rate(mono(waveform), sample_rate)
    seconds = max(len(sound), 1) / ANALYSIS_RATE
    rms = float(np.sqrt(np.mean(sound**2))) if len(sound) else 0.0
    silent = not rms > SILENCE_RMS
    if len(sound) < N_FFT:
        sound = np.resize(sound, N_FFT) if len(sound) else np.zeros(N_FFT, np.float32)
    n_frames = max(8, round(len(sound) / HOP_LENGTH))
    power = power_frames(sound / max(rms, 1e-9), n_frames)
    bins = np.arange(N_FFT // 2 + 1) * ANALYSIS_RATE / N_FFT
    audible = power[:, (bins >= 50) & (bins <= cutoff_hz)] + 1e-7
    flatness = 10 * (np.log10(audible).mean(axis=1) - np.log10(audible.mean(axis=1)))
    mel_db = 10 * np.log10(power @ mel_filters(N_MELS, cutoff_hz).T + 1e-10).T
    mel_db = np.maximum(mel_db - np.max(mel_db), FLOOR_DB)
    return Analysis(
        waveform=sound,
        mel_db=mel_db,
        onsets=onset_envelopes(mel_db, cutoff_hz),
        seconds=seconds,
        flatness_db=float(flatness.mean()),
        silent=silent,
    )


def onset_envelopes(mel_db: Array, cutoff_hz: float = CUTOFF_HZ) -> Array:
    """Sum the rises of log-mel over two frames (12 ms) into low, mid and high envelopes `(3, frames)`, in dB a band."""
    rises = np.maximum(mel_db - np.roll(mel_db, 2, axis=1), 0.0)
    centers = mel_centers(len(mel_db), cutoff_hz)
    groups = (centers < LOW_HZ, (centers >= LOW_HZ) & (centers < HIGH_HZ), centers >= HIGH_HZ)
    return np.stack([rises[group].mean(axis=0) for group in groups])


def style_vector(analysis: Analysis, bars: int) -> Array:
    """Describe the sound and the movement of a loop in 64 + 64 + 8 * 48 numbers, all in dB.

    Log-mel mean and spread, then for 8 groups of bands the level of the movement at 1-48 cycles a bar.
    """
    mel_db = analysis.mel_db
    groups = np.stack([group.mean(axis=0) for group in np.array_split(mel_db, N_GROUPS)])
    movement = np.abs(scipy.fft.rfft(groups, axis=1)) * 2 / groups.shape[1]
    # What lies between two whole numbers of cycles a bar (one bar differs from the next) counts with the nearer one.
    nearest = np.round(np.arange(movement.shape[1]) / max(bars, 1)).astype(int)
    energy = np.zeros((N_GROUPS, N_MODULATIONS + 1))
    for cycles in range(1, N_MODULATIONS + 1):
        energy[:, cycles] = (movement[:, nearest == cycles] ** 2).sum(axis=1)
    levels = 10 * np.log10(energy[:, 1:] + 1e-2)
    return np.concatenate([mel_db.mean(axis=1), mel_db.std(axis=1), levels.ravel()])


def colors(vectors: Array) -> Array:
    """Return the spectrum of mean magnitudes `(n, 64)`, in dB around its own mean, of style vectors `(n, dim)`.

    Out of mean and spread of the levels in dB, as if these were normal.
    """
    mean, spread = vectors[:, :N_MELS], vectors[:, N_MELS : 2 * N_MELS]
    spectra = mean + np.log(10) / 40 * spread**2
    return spectra - spectra.mean(axis=1, keepdims=True)
