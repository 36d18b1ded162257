"""Onset strength and harmony of a track -> its constant-tempo grid: bpm, beats, downbeats, and how sure we are.

The tempo is the best comb over the onset spectrum of the whole track, so its precision grows with the track's length.
Beat and downbeat are then choices among the positions of the bar-folded track.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage

from fourfloor.ingest.onsets import Onsets, analyze_onsets

__all__ = ["MAX_BPM", "MIN_BPM", "Grid", "Onsets", "analyze_onsets", "fit_grid"]

MIN_BPM, MAX_BPM = 70.0, 190.0
# Multiples of the beat frequency where onsets of beat-made music repeat: beat, eighths, triplets, sixteenths.
_HARMONICS = (1, 2, 3, 4, 6, 8)
# Dance music lives near 130 BPM; a broad prior decides between a tempo and its half or double.
_PRIOR_BPM, _PRIOR_OCTAVES = 130.0, 0.4
_STEPS_PER_BAR = 16


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Place beats and downbeats of a track of constant tempo in 4/4.

    confidence, beat_confidence, downbeat_confidence: 0 (a guess) to 1 (certain), for the tempo, the beat phase, and
    which beat is the first of a bar. first_beat in [0, one beat) and first_downbeat in [0, one bar), in seconds.
    """

    bpm: float
    confidence: float
    first_beat: float
    first_downbeat: float
    beat_confidence: float
    downbeat_confidence: float

    def downbeats(self, seconds: float) -> np.ndarray:
        """Return the times of all downbeats before `seconds`."""
        bar = 240.0 / self.bpm
        return self.first_downbeat + bar * np.arange(max(0, int(np.ceil((seconds - self.first_downbeat) / bar))))


def fit_grid(onsets: Onsets, bpm: float | None = None) -> Grid:
    """Fit the grid that explains the onsets best; a given bpm is trusted and only the phase is sought.

    Raises ValueError for a given bpm that is not positive and finite.
    """
    if bpm is not None and not (np.isfinite(bpm) and bpm > 0):
        raise ValueError(f"bpm is {bpm}: a tempo is a positive number; give one like 126")
    flux = _standardize(onsets.flux)
    confidence = 1.0
    if bpm is None:
        bpm, confidence = _fit_tempo(flux, onsets.frame_rate)
    return _fit_phase(onsets, flux, bpm, confidence)


def _standardize(flux: np.ndarray) -> np.ndarray:
    """Give every band zero mean and unit variance, so that a loud band does not decide alone; silence stays 0."""
    centered = flux - flux.mean(axis=1, keepdims=True)
    return centered / (centered.std(axis=1, keepdims=True) + 1e-6)


def _fit_tempo(flux: np.ndarray, frame_rate: float) -> tuple[float, float]:
    frames = flux.shape[1]
    n_fft = scipy.fft.next_fast_len(8 * frames, real=True)
    window = np.hanning(frames).astype(np.float32)
    used = int(_HARMONICS[-1] * 2 * MAX_BPM / 60 / frame_rate * n_fft) + 2
    power = np.zeros(used)
    for band in flux:
        spectrum = scipy.fft.rfft(band * window, n_fft)[:used]
        power[: len(spectrum)] += np.abs(spectrum) ** 2
    tempi = np.arange(MIN_BPM, MAX_BPM, 0.005)
    score = np.zeros(len(tempi))
    for harmonic in _HARMONICS:
        score += np.interp(tempi / 60 * harmonic / frame_rate * n_fft, np.arange(used), power)
    score *= np.exp(-0.5 * (np.log2(tempi / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2)
    best = int(np.argmax(score))
    other = np.abs(tempi / tempi[best] - 1.0) > 0.03
    confidence = 1.0 - float(score[other].max() / max(score[best], 1e-12))
    return float(tempi[best]), confidence


def _fit_phase(onsets: Onsets, flux: np.ndarray, bpm: float, confidence: float) -> Grid:
    bar_frames = 240.0 / bpm * onsets.frame_rate
    profile = _fold(flux, bar_frames, bins := 48 * _STEPS_PER_BAR)
    smooth = scipy.ndimage.gaussian_filter1d(profile, 0.006 * onsets.frame_rate / bar_frames * bins, mode="wrap")
    pulse = smooth.sum(axis=0)
    beat_bins = bins // 4
    on_beat = pulse.reshape(4, beat_bins).sum(axis=0) + smooth[0].reshape(4, beat_bins).sum(axis=0)
    beat = int(np.argmax(on_beat))
    apart = np.abs((np.arange(beat_bins) - beat + beat_bins // 2) % beat_bins - beat_bins // 2) > beat_bins // 8
    beat_confidence = 1.0 - float(np.clip(on_beat[apart].max() / max(on_beat[beat], 1e-9), 0.0, 1.0))
    by_beat = smooth[0, beat::beat_bins]
    down = int(np.argmax(by_beat))
    ordered = np.sort(by_beat)
    downbeat_confidence = float(np.clip((ordered[-1] - ordered[-2]) / (np.ptp(by_beat) + 1e-9), 0.0, 1.0))
    bar = 240.0 / bpm
    first_beat = beat / bins * bar
    return Grid(
        bpm=bpm,
        confidence=confidence,
        first_beat=first_beat,
        first_downbeat=first_beat + down * bar / 4,
        beat_confidence=beat_confidence,
        downbeat_confidence=downbeat_confidence,
    )


def _fold(flux: np.ndarray, bar_frames: float, bins: int) -> np.ndarray:
    """Average every band over the bars: (bands, bins), bin 0 at the start of the track."""
    index = np.floor(np.arange(flux.shape[1]) / bar_frames * bins + 0.5).astype(int) % bins
    counts = np.bincount(index, minlength=bins)
    return np.stack([np.bincount(index, band, bins) for band in flux]) / np.maximum(counts, 1)
