"""Effects on the circle: reverb, tempo-synced delay, ducking, saturation, chorus, equalizers, width.

All take and return (2, N) float32; tails wrap around.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from fourfloor.producer import circle

ECHO_HZ = (250.0, 5000.0)  # of what the echoes repeat
MOST_ECHOES, LAST_ECHO = 11, 0.03  # -30 dB below the send


def reverb_response(
    rng: np.random.Generator, seconds: float, damping_hz: float, predelay: float, sample_rate: int
) -> np.ndarray:
    """Return a stereo room response (2, m): decorrelated noise whose highs die first (Moorer 1979)."""
    t = np.arange(int(seconds * sample_rate), dtype=np.float32) / np.float32(sample_rate)
    noise = rng.standard_normal((2, len(t)), dtype=np.float32)
    split = signal.butter(1, damping_hz, "low", fs=sample_rate, output="sos")
    low = signal.sosfilt(split, noise).astype(np.float32)
    tail = low * np.exp(-6.9 * t / seconds) + 0.6 * (noise - low) * np.exp(-6.9 * t / (0.35 * seconds))
    tail *= np.minimum(t / 0.01, 1)
    for _ in range(8):
        tail[rng.integers(2), int(rng.uniform(0.002, 0.05) * sample_rate) % len(t)] += rng.choice([-1, 1]) * 3
    tail = signal.sosfilt(signal.butter(2, 180, "high", fs=sample_rate, output="sos"), tail)
    tail = np.pad(tail, ((0, 0), (int(predelay * sample_rate), 0)))
    return (tail / np.sqrt(np.sum(tail**2) / 2)).astype(np.float32)


def echo(waveform: np.ndarray, beats: float, feedback: float, beat_samples: float, sample_rate: int) -> np.ndarray:
    """Return the ping-pong echoes of a send, `beats` apart, each `feedback` times the one before."""
    sections = signal.butter(1, ECHO_HZ, "band", fs=sample_rate, output="sos")
    tap = circle.filter_sections(sections, waveform, sample_rate)
    wet, gain = np.zeros_like(waveform), 1.0
    for i in range(1, MOST_ECHOES + 1):
        shifted = circle.delay(tap, i * beats * beat_samples)
        if i % 2:
            wet += gain * shifted * np.array([[1.0], [0.6]], np.float32)
        else:
            wet += gain * shifted[..., ::-1, :] * np.array([[0.6], [1.0]], np.float32)
        gain *= feedback
        if gain < LAST_ECHO:
            break
    return wet.astype(np.float32)


def ducking(length: int, kick_starts: list[int], recovery: float, sample_rate: int) -> np.ndarray:
    """Return a gain curve (N,) that falls to 0 at each kick and recovers over `recovery` seconds; 1 without kicks."""
    curve = np.zeros(length, np.float32)
    t = np.arange(int(recovery * 1.5 * sample_rate)) / sample_rate
    shape = (np.minimum(t / 0.004, 1) * np.clip(1.2 - t / recovery, 0, 1) ** 1.5).clip(0, 1).astype(np.float32)
    for start in kick_starts:
        index = np.arange(start, start + len(shape)) % length
        curve[index] = np.maximum(curve[index], shape)
    return 1 - curve


def saturate(waveform: np.ndarray, drive: float) -> np.ndarray:
    """Drive a waveform into tanh, level kept roughly; drive 0 leaves it."""
    if drive <= 0:
        return waveform
    peak = float(np.abs(waveform).max()) + 1e-9
    return (np.tanh((0.3 + drive) * waveform / peak) / np.tanh(0.3 + drive) * peak).astype(np.float32)


def crush(waveform: np.ndarray, bits: float, hold: int) -> np.ndarray:
    """Reduce word length and rate like an early sampler."""
    held = np.repeat(waveform[:, ::hold], hold, axis=1)[:, : waveform.shape[1]]
    peak = float(np.abs(held).max()) + 1e-9
    return (np.round(held / peak * 2**bits) / 2**bits * peak).astype(np.float32)


def chorus(waveform: np.ndarray, depth: float, cycles: int, sample_rate: int) -> np.ndarray:
    """Add a copy whose delay turns a whole number of times around the circle, opposite in the two channels."""
    length = waveform.shape[1]
    n = np.arange(length)
    turn = np.sin(np.float32(2 * np.pi * cycles / length) * n.astype(np.float32))
    reach = int((0.009 + abs(depth)) * sample_rate) + 2  # samples before the loop's first that the delay looks at
    wet = np.empty_like(waveform)
    for channel, sign in enumerate((1, -1)):
        lag = np.float32(sample_rate) * (np.float32(0.009) + np.float32(sign * depth) * turn)
        whole = np.ceil(lag)
        part = whole - lag
        below = n - whole.astype(np.intp) + reach
        source = np.concatenate([waveform[channel, -reach:], waveform[channel], waveform[channel, :reach]])
        lower = source[below]
        wet[channel] = lower + part * (source[below + 1] - lower)
    return 0.7 * waveform + 0.7 * wet


def high_pass(waveform: np.ndarray, hertz: float, sample_rate: int) -> np.ndarray:
    """Take the lows out of (channels, N)."""
    sections = signal.butter(2, hertz, "high", fs=sample_rate, output="sos")
    return circle.filter_sections(sections, waveform, sample_rate)


def swept_noise(
    level: np.ndarray, cutoff: np.ndarray, length: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Return noise (2, length) whose level and low-pass cutoff in Hz follow curves (frames,) once around the circle.

    Independent frames of white spectra under sine windows, half overlapping: their powers add up to a constant.
    """
    size, frames = 1024, len(level)
    hertz = np.arange(size // 2 + 1) * sample_rate / size
    gain = level[:, None] / (1 + (hertz / cutoff[:, None]) ** 4)
    white = rng.standard_normal((frames, size // 2 + 1, 2), dtype=np.float32).view(np.complex64)[..., 0]
    # Frames are strangers to one another: what the left has now the right has half a loop away.
    spectra = np.stack([white, np.roll(white, frames // 2, axis=0)])
    fade = np.sin(np.pi * (np.arange(size, dtype=np.float32) + 0.5) / size)
    grains = fft.irfft(spectra * gain.astype(np.float32)) * fade
    noise = np.zeros((2, length), np.float32)
    for i, start in enumerate(np.round(np.arange(frames) * length / frames).astype(int)):
        circle.place(noise, grains[:, i], int(start))
    return noise


def width(waveform: np.ndarray, amount: float, mono_below_hz: float, sample_rate: int) -> np.ndarray:
    """Scale the side signal of (..., 2, N) and take the lows out of it."""
    middle = 0.5 * (waveform[..., 0, :] + waveform[..., 1, :])
    side = 0.5 * amount * (waveform[..., 0, :] - waveform[..., 1, :])
    side = circle.filter_sections(
        signal.butter(4, mono_below_hz, "high", fs=sample_rate, output="sos"), side, sample_rate
    )
    return np.stack([middle + side, middle - side], axis=-2)
