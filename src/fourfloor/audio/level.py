"""Waveforms -> their rate and level: resampling, loudness, true peak, and the gain of a loop.

In: float32 `(channels, samples)`. Out: the same resampled or scaled, or a level in LUFS or dBTP.
After ITU-R BS.1770-4 (loudness; true peak by four-fold oversampling, its annex 2).
"""

import warnings

import numpy as np

from fourfloor.errors import FourfloorError

_GATE_SECONDS = 0.4
_OVERSAMPLING = 4
_PEAK_CHUNK = 1 << 18


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Return a waveform `(channels, samples)` at another rate; aliases are below -120 dB (soxr, HQ)."""
    waveform = _checked(waveform)
    if from_rate == to_rate:
        return waveform.copy()
    import soxr

    return np.ascontiguousarray(soxr.resample(np.ascontiguousarray(waveform.T), from_rate, to_rate).T)


def loudness_lufs(waveform: np.ndarray, sample_rate: int) -> float:
    """Return the integrated loudness in LUFS; -inf for silence. What is shorter than one gate (0.4 s) is repeated."""
    import pyloudnorm

    waveform = _checked(waveform)
    needed = int(np.ceil(_GATE_SECONDS * sample_rate)) + 1
    if waveform.shape[1] < needed:
        waveform = np.tile(waveform, -(-needed // waveform.shape[1]))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no blocks: silence
        loudness = float(pyloudnorm.Meter(sample_rate).integrated_loudness(waveform.T.astype(np.float64)))
    return loudness if np.isfinite(loudness) else -np.inf


def true_peak_db(waveform: np.ndarray, sample_rate: int) -> float:
    """Return the true peak in dBTP, by four-fold oversampling; -inf for silence."""
    import soxr

    waveform = _checked(waveform)
    channels, samples = waveform.shape
    stream = soxr.ResampleStream(sample_rate, _OVERSAMPLING * sample_rate, channels, dtype="float32")
    peak = float(np.abs(waveform).max())
    for start in range(0, samples, _PEAK_CHUNK):
        chunk = np.ascontiguousarray(waveform[:, start : start + _PEAK_CHUNK].T)
        oversampled = stream.resample_chunk(chunk, last=start + _PEAK_CHUNK >= samples)
        peak = max(peak, float(np.abs(oversampled).max(initial=0.0)))
    return 20.0 * float(np.log10(peak)) if peak > 0 else -np.inf


def normalize_loop(
    waveform: np.ndarray, sample_rate: int, target_lufs: float = -14.0, ceiling_dbtp: float = -1.0
) -> np.ndarray:
    """Return a loop at the target loudness, or as loud as the true-peak ceiling allows; silence stays as it is.

    One gain for all samples: the seam, the balance and the dynamics stay. Both levels are measured on the repeated
    loop, so the filters see the seam; the repeats also hold both open ends, where playback starts and stops.
    """
    waveform = _checked(waveform)
    repeats = max(2, int(np.ceil(3.0 * sample_rate / waveform.shape[1])))
    repeated = np.tile(waveform, repeats)
    loudness, peak = loudness_lufs(repeated, sample_rate), true_peak_db(repeated, sample_rate)
    if not np.isfinite(loudness):
        return waveform.copy()
    # 0.01 dB stays free for rounding to 24 bits and for another meter's filter.
    gain_db = min(target_lufs - loudness, ceiling_dbtp - 0.01 - peak)
    return (waveform * np.float32(10.0 ** (gain_db / 20.0))).astype(np.float32)


def _checked(waveform: np.ndarray) -> np.ndarray:
    """Return the waveform as float32; raise FourfloorError unless it is `(channels, samples)`, not empty and finite."""
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim != 2 or waveform.size == 0:
        raise FourfloorError(f"waveform of shape {waveform.shape} is not (channels, samples) with at least one sample")
    if not np.isfinite(waveform).all():
        raise FourfloorError("waveform holds NaN or infinite samples; replace them first")
    return waveform
