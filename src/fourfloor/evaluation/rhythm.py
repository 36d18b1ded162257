"""Rhythm of one loop: tempo, pulse, independence of the bands, repetition of the bars. All are pure functions.

The tempo comb sums the onset spectrum at the beat and its halves, quarters and eighths, as in Scheirer 1998, but over
one octave of tempi only and with no knowledge of the tempo that was asked for.
"""

from __future__ import annotations

import numpy as np
import scipy.fft

from fourfloor.evaluation.features import Analysis, analyze
from fourfloor.signal.analysis import Array

LOWEST_BPM, HIGHEST_BPM = 88.2, 183.6  # 90-180 and the tolerance
TOLERANCE = 0.02
HARMONICS = ((1, 1.0), (2, 1.0), (4, 1.0), (8, 0.6))
_STEP = 0.001


def tempo_of(analysis: Analysis) -> float:
    """Measure the tempo in BPM, 88-184, 0.0 where there are no onsets.

    Untiled on purpose: a tiled loop has energy only at whole cycles a loop, so that any content would measure as the
    tempo of its length. On 243 four-bar cuts of real tracks (120-160 BPM) 99 % within 2 %, half of them within 0.05 %.
    """
    envelope = analysis.onset - analysis.onset.mean()
    if analysis.silent or not np.any(envelope):
        return 0.0
    n_fft = 16 * len(envelope)
    # The root keeps one loud harmonic from deciding against the other three.
    spectrum = np.sqrt(np.abs(scipy.fft.rfft(envelope * np.hanning(len(envelope)), n_fft)))
    candidates = np.exp(np.arange(np.log(LOWEST_BPM), np.log(HIGHEST_BPM), _STEP))
    bins = candidates / 60 * n_fft / analysis.frame_rate
    axis = np.arange(len(spectrum))
    comb = sum(weight * np.interp(bins * harmonic, axis, spectrum) for harmonic, weight in HARMONICS)
    best = int(np.argmax(comb))
    offset = peak_offset(comb, best) if 0 < best < len(comb) - 1 else 0.0
    return float(candidates[best] * np.exp(offset * _STEP))


def is_tempo(measured: float, bpm: float) -> bool:
    """Return whether a measured tempo is the one asked for, within 2 %.

    No octave is forgiven, but at the two edges of the range: 88-94 and 173-184 BPM are one and the same content.
    """
    return measured > 0 and (abs(measured / bpm - 1) <= TOLERANCE or is_edge_octave(measured, bpm))


def is_edge_octave(measured: float, bpm: float) -> bool:
    """Return whether a measured tempo is the octave of one at the edge of the range, which content cannot decide.

    The edges are as wide as the tolerance: a peak just beyond the range is still the highest at its border.
    """
    low = LOWEST_BPM <= bpm <= HIGHEST_BPM / 2 * (1 + TOLERANCE)
    high = LOWEST_BPM * 2 * (1 - TOLERANCE) <= bpm <= HIGHEST_BPM
    return (low and abs(measured / bpm - 2) / 2 <= TOLERANCE) or (high and abs(measured / bpm * 2 - 1) <= TOLERANCE)


def folded(measured: float, bpm: float) -> float:
    """Bring a measured tempo into the octave asked for where content cannot decide it."""
    if not is_edge_octave(measured, bpm):
        return measured
    return measured / 2 if measured > bpm else measured * 2


def pulse_of(analysis: Analysis) -> float:
    """Find the highest normalized autocorrelation of the onset envelope at a lag of 0.25-1.2 s, on the circle."""
    correlation = _autocorrelation(analysis)
    if analysis.silent or correlation[0] <= 0:
        return 0.0
    first, last = (round(lag * analysis.frame_rate) for lag in (0.25, 1.2))
    lags = correlation[first : min(last, len(correlation) // 2) + 1] / correlation[0]
    return float(lags.max()) if len(lags) else 0.0


def chop_of(analysis: Analysis) -> tuple[float, float]:
    """Find the highest normalized autocorrelation of the onset envelope at a lag of 30-150 ms, and its rate in Hz."""
    correlation = _autocorrelation(analysis)
    first, last = (round(lag * analysis.frame_rate) for lag in (0.03, 0.15))
    if analysis.silent or correlation[0] <= 0 or len(correlation) < 2 * last:
        return 0.0, 0.0
    best = first + int(correlation[first : last + 1].argmax())
    return float(correlation[best] / correlation[0]), analysis.frame_rate / (best + peak_offset(correlation, best))


def _autocorrelation(analysis: Analysis) -> Array:
    """Correlate the onset envelope with itself at every lag on the circle, `(frames,)`, not normalized."""
    envelope = analysis.onset - analysis.onset.mean()
    return scipy.fft.irfft(np.abs(scipy.fft.rfft(envelope)) ** 2, len(envelope))


def peak_offset(values: Array, best: int) -> float:
    """Return where between its neighbors a maximum lies, -0.5 to 0.5, by the parabola through the three."""
    left, peak, right = values[best - 1 : best + 2]
    curvature = left - 2 * peak + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else 0.0


def independence_of(analysis: Analysis) -> float:
    """Compute 1 - mean pairwise correlation of the low, mid and high onset envelopes: gated noise has near 0."""
    if analysis.silent:
        return 0.0
    # Rises that fall 20 ms apart are one event: without the smoothing, noise would hide a common gate.
    width = max(1, round(0.04 * analysis.frame_rate))
    smooth = np.stack([np.convolve(np.tile(band, 2), np.ones(width) / width, "same") for band in analysis.onsets])
    centered = smooth - smooth.mean(axis=1, keepdims=True)
    norms = np.sqrt((centered**2).sum(axis=1))
    pairs = [
        float(centered[i] @ centered[j] / (norms[i] * norms[j])) if norms[i] > 0 and norms[j] > 0 else 0.0
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    return 1.0 - float(np.mean(pairs))


def repetition_of(analysis: Analysis, bars: int) -> float:
    """Correlate each bar's log-mel with the next bar's, band means removed; mean over the circle, NaN for one bar."""
    if bars < 2:
        return float("nan")
    frames = 128
    position = np.arange(bars * frames) * analysis.mel_db.shape[1] / (bars * frames)
    axis = np.arange(analysis.mel_db.shape[1] + 1)
    wrapped = np.concatenate([analysis.mel_db, analysis.mel_db[:, :1]], axis=1)
    grid = np.stack([np.interp(position, axis, band) for band in wrapped])
    grid -= grid.mean(axis=1, keepdims=True)
    bar = grid.reshape(len(grid), bars, frames).transpose(1, 0, 2).reshape(bars, -1)
    norm = np.sqrt((bar**2).sum(axis=1))
    following = np.roll(np.arange(bars), -1)
    product = (bar * bar[following]).sum(axis=1)
    return float(np.mean(product / np.maximum(norm * norm[following], 1e-9)))


def measure_bpm(waveform: Array, sample_rate: int) -> float:
    """Measure the tempo of a loop `(channels, samples)` in BPM, 88-184; see `tempo_of`."""
    return tempo_of(analyze(waveform, sample_rate))
