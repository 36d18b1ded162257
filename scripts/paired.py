"""Paired numbers for decoders: an original and its reconstruction go in, four distances come out.

Each number misses some kind of damage. Griffin-Lim keeps every magnitude and has an SI-SDR of -19 dB; mp3 keeps the
waveform and cuts the top, with a log-spectral distance of 29 dB. So every table shows a decoder beside these two.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.evaluation.features import N_MELS
from fourfloor.signal import inversion
from fourfloor.signal.analysis import (
    ANALYSIS_RATE,
    CUTOFF_HZ,
    N_FFT,
    Array,
    mel_filters,
    mono,
    power_frames,
    to_analysis_rate,
)
from fourfloor.signal.stft import istft, stft

_BANDS_HZ = (30.0, 120.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
_FLOOR_DB = -80.0


@dataclass(frozen=True, kw_only=True)
class PairedNumbers:
    """How far a reconstruction is from its original.

    `mel_distance`: mean |difference| of log10 mel energy (0 = same). `si_sdr_db`: scale-invariant signal-to-distortion
    (Le Roux et al. 2019; up). `worst_band_db`: the largest level error of eight octaves. `log_spectral_db`: RMS
    difference of log power spectra a frame, mean (Gray and Markel 1976; down).
    """

    mel_distance: float
    si_sdr_db: float
    worst_band_db: float
    log_spectral_db: float


def compare(original: Array, rebuilt: Array, sample_rate: int, cutoff_hz: float = CUTOFF_HZ) -> PairedNumbers:
    """Compare two waveforms `(channels, samples)` of one length. Raises FourfloorError where the lengths differ."""
    first, second = (to_analysis_rate(mono(waveform), sample_rate) for waveform in (original, rebuilt))
    if len(first) != len(second) or len(first) < N_FFT:
        raise FourfloorError(f"{len(first)} and {len(second)} samples cannot be compared: give one length, > {N_FFT}")
    n_frames = max(8, round(len(first) / 256))
    powers = [power_frames(waveform, n_frames) for waveform in (first, second)]
    loudest = float(powers[0].max()) + 1e-12
    floor = loudest * 10 ** (_FLOOR_DB / 10)
    bins = np.arange(N_FFT // 2 + 1) * ANALYSIS_RATE / N_FFT
    heard = (bins >= 30) & (bins <= cutoff_hz)
    mels = [np.log10(np.maximum(power @ mel_filters(N_MELS, cutoff_hz).T, floor)) for power in powers]
    logs = [10 * np.log10(np.maximum(power[:, heard], floor)) for power in powers]
    return PairedNumbers(
        mel_distance=float(np.mean(np.abs(mels[0] - mels[1]))),
        si_sdr_db=_si_sdr(first, second),
        worst_band_db=_worst_band(powers[0], powers[1], bins, cutoff_hz, floor),
        log_spectral_db=float(np.mean(np.sqrt(np.mean((logs[0] - logs[1]) ** 2, axis=1)))),
    )


def _si_sdr(original: Array, rebuilt: Array) -> float:
    reference = original.astype(np.float64) - original.mean()
    estimate = rebuilt.astype(np.float64) - rebuilt.mean()
    target = reference * (estimate @ reference) / max(float(reference @ reference), 1e-12)
    error = estimate - target
    ratio = float(target @ target + 1e-12) / float(error @ error + 1e-12)
    return float(np.clip(10 * np.log10(ratio), -60.0, 120.0))


def _worst_band(first: Array, second: Array, bins: Array, cutoff_hz: float, floor: float) -> float:
    edges = [edge for edge in _BANDS_HZ if edge < cutoff_hz] + [cutoff_hz]
    errors = [0.0]
    for low, high in pairwise(edges):
        band = (bins >= low) & (bins < high)
        levels = [10 * np.log10(max(float(power[:, band].mean()), floor)) for power in (first, second)]
        errors.append(abs(levels[0] - levels[1]))
    return float(max(errors))


def griffin_lim(waveform: Array, sample_rate: int, bpm: float, bars: int, iterations: int = 32) -> Array:
    """Keep every magnitude of a loop and forget its phases (Griffin and Lim 1984): the phase row."""
    mixed = mono(waveform)
    magnitude = np.abs(stft(mixed, max(8, round(len(mixed) / sample_rate * 86))))
    return inversion.griffin_lim(magnitude, len(mixed), np.random.default_rng(0), iterations, momentum=0)[None]


def mp3_like(waveform: Array, sample_rate: int, bpm: float, bars: int) -> Array:
    """Cut above 7 kHz and add noise 13 dB under every band, as a 32 kbit/s coder does: the waveform row.

    A stand-in that needs no coder; spectral holes and pre-echo are missing.
    """
    mixed = mono(waveform)
    frames, n_fft = max(8, round(len(mixed) / sample_rate * 86)), 2048
    spectrum = stft(mixed, frames, n_fft)
    hz = np.arange(spectrum.shape[1]) * sample_rate / n_fft
    rng = np.random.default_rng(0)
    noise = (rng.standard_normal(spectrum.shape) + 1j * rng.standard_normal(spectrum.shape)) / np.sqrt(2)
    level = np.sqrt(np.array([np.convolve(row, np.ones(9) / 9, "same") for row in np.abs(spectrum) ** 2]))
    coded = np.where(hz <= 7000, spectrum + 10 ** (-13 / 20) * level * noise, 0)
    return istft(coded, len(mixed))[None]
