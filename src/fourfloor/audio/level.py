"""Waveforms -> their rate and level: resampling, loudness, true peak, and the gain of a loop.

In: float32 `(channels, samples)`. Out: the same resampled or scaled, or a level in LUFS or dBTP.
After ITU-R BS.1770-4 (loudness; true peak by four-fold oversampling, its annex 2).

Loudness is that of a loop which repeats without end: filters and gates go around it. So the filters may be multiplied
onto its spectrum, in a third of the time that they take sample by sample, and without scipy.signal, whose import takes
a third of a second.
"""

import functools

import numpy as np

from fourfloor.errors import FourfloorError
from fourfloor.signal.stft import fft

_GATE_SECONDS, _STEP_SECONDS = 0.4, 0.1
_SILENT = 10 ** ((-70 + 0.691) / 10)  # mean square of a block below the absolute gate
_OVERSAMPLING = 4
_PEAK_CHUNK = 1 << 18
_OPEN_END = 1024  # samples around which an oversampling filter sees that a loop begins or ends


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """Return a waveform `(channels, samples)` at another rate; aliases are below -120 dB (soxr, HQ)."""
    waveform = _checked(waveform)
    if from_rate == to_rate:
        return waveform.copy()
    import soxr

    return np.ascontiguousarray(soxr.resample(np.ascontiguousarray(waveform.T), from_rate, to_rate).T)


def loudness_lufs(waveform: np.ndarray, sample_rate: int) -> float:
    """Return the integrated loudness in LUFS of a closed loop `(channels, samples)`; -inf for silence."""
    waveform = _checked(waveform)
    samples, block = waveform.shape[1], round(_GATE_SECONDS * sample_rate)
    weighted = fft.irfft(fft.rfft(waveform) * _weighting(samples, sample_rate), n=samples)
    power = np.resize(np.square(weighted).sum(axis=0), samples + block)  # the last blocks go on at the start
    until = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    starts = np.arange(max(1, round(samples / (_STEP_SECONDS * sample_rate)))) * _STEP_SECONDS * sample_rate
    starts = starts.astype(np.int64) % samples
    blocks = (until[starts + block] - until[starts]) / block
    loud = blocks[blocks > _SILENT]
    return float(-0.691 + 10 * np.log10(loud[loud > 0.1 * loud.mean()].mean())) if len(loud) else -np.inf


@functools.lru_cache(maxsize=4)
def _weighting(samples: int, sample_rate: int) -> np.ndarray:
    return k_weighting(samples, sample_rate).astype(np.complex64)


def k_weighting(samples: int, sample_rate: int) -> np.ndarray:
    """Return the response complex128 `(samples // 2 + 1,)` of the shelf and the high pass of BS.1770 at any rate.

    The numbers are those of its table at 48 kHz, brought back to analog filters (De Man 2018).
    """
    delay = np.exp(-2j * np.pi * np.arange(samples // 2 + 1) / samples)
    k, q, high = np.tan(np.pi * 1681.974450955533 / sample_rate), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    shelf = np.polyval([high - middle * k / q + k * k, 2 * (k * k - high), high + middle * k / q + k * k], delay)
    shelf /= np.polyval(_poles(k, q), delay)
    k, q = np.tan(np.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    poles = _poles(k, q)
    return np.asarray(shelf * poles[-1] * (1 - delay) ** 2 / np.polyval(poles, delay))


def _poles(k: float, q: float) -> list[float]:
    return [1 - k / q + k * k, 2 * (k * k - 1), 1 + k / q + k * k]


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

    One gain for all samples: the seam, the balance and the dynamics stay. The peak is that of the repeated loop, and of
    both open ends, where playback starts and stops.
    """
    waveform = _checked(waveform)
    loudness, peak = loudness_lufs(waveform, sample_rate), true_peak_db(_with_ends(waveform), sample_rate)
    if not np.isfinite(loudness):
        return waveform.copy()
    # 0.01 dB stays free for rounding to 24 bits and for another meter's filter.
    gain_db = min(target_lufs - loudness, ceiling_dbtp - 0.01 - peak)
    return (waveform * np.float32(10.0 ** (gain_db / 20.0))).astype(np.float32)


def _with_ends(waveform: np.ndarray) -> np.ndarray:
    """Return a loop that begins in silence, goes on at its seam, fades, and ends once more in silence."""
    length = min(_OPEN_END, waveform.shape[1])
    fade = np.minimum(1, np.linspace(2, 0, length, dtype=np.float32))
    return np.concatenate([waveform, waveform[:, :length] * fade, waveform[:, -length:] * fade[::-1]], axis=1)


def _checked(waveform: np.ndarray) -> np.ndarray:
    """Return the waveform as float32; raise FourfloorError unless it is `(channels, samples)`, not empty and finite."""
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim != 2 or waveform.size == 0:
        raise FourfloorError(f"waveform of shape {waveform.shape} is not (channels, samples) with at least one sample")
    if not np.isfinite(waveform).all():
        raise FourfloorError("waveform holds NaN or infinite samples; replace them first")
    return waveform
