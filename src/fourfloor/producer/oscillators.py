"""Band-limited sound sources: wavetables with a second axis for the filter's cutoff, circular pads, damped modes.

A resonant low-pass over a periodic wave depends only on cutoff / pitch, so a two-dimensional table (cutoff ratio,
phase) read with bilinear interpolation is oscillator and swept filter in one: no aliasing, no recursion, every sample's
cutoff its own. Pads follow Nasca (2006, PADsynth): one inverse FFT of smeared harmonics, periodic by construction.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import fft

TABLE_SAMPLES = 2048
STEPS_PER_OCTAVE = 12
LOWEST_OCTAVE, HIGHEST_OCTAVE = -1, 9


def frequency(pitch: float) -> float:
    """Return the frequency in Hz of a MIDI pitch."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def harmonic_amplitudes(shape: str, count: int) -> np.ndarray:
    """Return the sine amplitudes (count,) of a saw, square, pulse, triangle, organ, reed or hollow wave."""
    k = np.arange(1, count + 1, dtype=np.float64)
    if shape == "saw":
        return 0.6 / k
    if shape == "square":
        return np.where(k % 2 == 1, 0.8 / k, 0.0)
    if shape == "pulse":
        return 0.8 * np.sin(np.pi * k * 0.2) / k
    if shape == "triangle":
        return np.where(k % 2 == 1, 0.8 / k**2, 0.0)
    if shape == "organ":
        drawbars = {1: 0.7, 2: 0.5, 3: 0.35, 4: 0.25, 6: 0.12, 8: 0.15}
        return np.array([drawbars.get(int(i), 0.0) for i in k])
    if shape == "reed":
        return 0.5 / k**0.8 * (0.55 + 0.45 * np.cos(k * 1.9))
    if shape == "hollow":
        return np.where(k % 3 == 1, 0.7 / k, 0.15 / k)
    raise ValueError(f"unknown wave shape {shape!r}")


@lru_cache(maxsize=64)
def filtered_table(shape: str, poles: int, resonance: float, harmonics: int) -> np.ndarray:
    """Return the table (cutoff steps, TABLE_SAMPLES + 1) of a wave through a low-pass.

    `poles` 4 is a ladder with feedback `resonance` in [0, 4); `poles` 2 a filter with Q = 0.6 + 2 * resonance.
    """
    octaves = np.arange(LOWEST_OCTAVE * STEPS_PER_OCTAVE, HIGHEST_OCTAVE * STEPS_PER_OCTAVE + 1) / STEPS_PER_OCTAVE
    k = np.arange(1, harmonics + 1)
    s = 1j * k[None, :] / 2.0 ** octaves[:, None]
    if poles == 4:
        response = (1 + 0.6 * resonance) / ((1 + s) ** 4 + resonance)
    else:
        response = 1 / (1 + s * s + s / (0.6 + 2 * resonance))
    spectrum = np.zeros((len(octaves), TABLE_SAMPLES // 2 + 1), np.complex64)
    spectrum[:, 1 : harmonics + 1] = -1j * harmonic_amplitudes(shape, harmonics) * response * (TABLE_SAMPLES / 2)
    table = fft.irfft(spectrum, TABLE_SAMPLES)
    return np.concatenate([table, table[:, :1]], 1).astype(np.float32)


def harmonics_below_nyquist(highest_hz: float, sample_rate: int) -> int:
    """Return how many harmonics fit under 0.46 * sample_rate, in half-octave steps so that tables are shared."""
    limit = min(0.46 * sample_rate / max(highest_hz, 1.0), TABLE_SAMPLES / 2 - 1)
    return max(1, int(2.0 ** (np.floor(2 * np.log2(max(limit, 1.0))) / 2)))


def read_table(table: np.ndarray, phase: np.ndarray, cutoff_ratio: np.ndarray) -> np.ndarray:
    """Read a filtered table at `phase` (n,) in cycles with `cutoff_ratio` (n,) = cutoff / pitch."""
    rows, width = table.shape
    position = (np.log2(np.maximum(cutoff_ratio, 1e-3)) - LOWEST_OCTAVE) * STEPS_PER_OCTAVE
    position = np.clip(position, 0, rows - 1.001).astype(np.float32)
    row = position.astype(np.intp)
    across = position - row.astype(np.float32)
    column_position = ((phase - np.floor(phase)) * TABLE_SAMPLES).astype(np.float32)
    column = np.minimum(column_position.astype(np.intp), TABLE_SAMPLES - 1)
    along = column_position - column.astype(np.float32)
    flat, base = table.ravel(), row * width + column
    lower = flat[base] + along * (flat[base + 1] - flat[base])
    base += width
    upper = flat[base] + along * (flat[base + 1] - flat[base])
    return lower + across * (upper - lower)


def circular_phase(hertz: np.ndarray, sample_rate: int) -> np.ndarray:
    """Integrate a frequency curve (N,) to cycles, with a whole number of them around the circle."""
    cycles = np.cumsum(hertz, dtype=np.float64) / sample_rate
    total = cycles[-1]
    return cycles + (round(total) - total) * np.arange(1, len(hertz) + 1) / len(hertz)


def pad(
    pitches: list[float],
    length: int,
    sample_rate: int,
    *,
    brightness_hz: float,
    spread_cents: float,
    tilt: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return a chord (2, length) of smeared harmonics with random phases, periodic in `length`."""
    size = length  # exactly: another size would break the circle
    bins = (np.arange(size // 2 + 1) * (sample_rate / size)).astype(np.float32)
    power = np.zeros(len(bins), np.float32)
    for pitch in pitches:
        fundamental = frequency(pitch)
        for k in range(1, min(40, int(0.4 * sample_rate / fundamental)) + 1):
            center = k * fundamental * (1 + 1e-4 * k)
            width = max(center * (2 ** (spread_cents / 1200) - 1), 1.5 * sample_rate / size)
            low, high = (max(0, round((center + side * 4 * width) * size / sample_rate)) for side in (-1, 1))
            gain = k**-tilt / (1 + (center / brightness_hz) ** 4) / np.sqrt(width)
            offsets = (bins[low:high] - np.float32(center)) * np.float32(1 / width)
            power[low:high] += np.float32(gain) * np.exp(np.float32(-0.5) * offsets * offsets)
    sounding = np.flatnonzero(power > 1e-6 * power.max())
    angles = np.float32(2 * np.pi) * rng.random((2, len(sounding)), dtype=np.float32)
    angles[1] = angles[0] + np.float32(0.5) * (angles[1] - np.float32(np.pi))
    spectrum = np.zeros((2, len(bins)), np.complex64)
    spectrum.real[:, sounding] = power[sounding] * np.cos(angles)
    spectrum.imag[:, sounding] = power[sounding] * np.sin(angles)
    waveform = fft.irfft(spectrum, size)
    return (waveform / (np.sqrt(np.mean(waveform**2)) + 1e-9) * 0.2).astype(np.float32)


def modes(
    hertz: np.ndarray,
    decays: np.ndarray,
    gains: np.ndarray,
    seconds: float,
    sample_rate: int,
    phases: np.ndarray | None = None,
) -> np.ndarray:
    """Sum damped sines: frequencies in Hz, `decays` in seconds to -60 dB, over `seconds`."""
    t = np.arange(int(seconds * sample_rate), dtype=np.float32) / sample_rate
    total = np.zeros(len(t), np.float32)
    for i, (f, decay, gain) in enumerate(zip(hertz, decays, gains, strict=True)):
        if f >= 0.47 * sample_rate:
            continue
        count = min(len(t), int(1.2 * decay * sample_rate) + 1)
        phase = 0.0 if phases is None else float(phases[i])
        angle = np.float32(2 * np.pi * f) * t[:count] + np.float32(phase)
        total[:count] += np.float32(gain) * np.exp(np.float32(-6.9 / decay) * t[:count]) * np.sin(angle)
    return total
