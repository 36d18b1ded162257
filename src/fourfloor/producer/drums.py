"""Kicks, claps, snares, rims, hats, rides, crashes, impacts: one function draws one instrument from a random generator.

Each returns a mono hit (n,), peak 1. The circuits behind the Roland TR-808 and TR-909 give the structure (Werner 2014:
swept sine kick, six square oscillators for metal, bursts of band-passed noise for the clap); the numbers are drawn.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from fourfloor.producer.oscillators import modes

Rng = np.random.Generator


def seconds_axis(seconds: float, sample_rate: int) -> np.ndarray:
    """Return the times (n,) of the samples of a hit."""
    return np.arange(int(seconds * sample_rate), dtype=np.float32) / np.float32(sample_rate)


def decay(t: np.ndarray, seconds: float, hold: float = 0.0) -> np.ndarray:
    """Return an exponential decay to -60 dB in `seconds` after `hold`."""
    return np.exp(-6.9 / seconds * np.maximum(t - hold, 0)).astype(np.float32)


def band(noise: np.ndarray, low: float | None, high: float | None, sample_rate: int, order: int = 2) -> np.ndarray:
    """Filter a hit to a band in Hz; either edge may be open."""
    top = 0.45 * sample_rate
    if high is not None and high >= top:
        high = None
    if low is not None:
        noise = signal.sosfilt(signal.butter(order, low, "high", fs=sample_rate, output="sos"), noise)
    if high is not None:
        noise = signal.sosfilt(signal.butter(order, high, "low", fs=sample_rate, output="sos"), noise)
    return noise.astype(np.float32)


def finish(hit: np.ndarray, sample_rate: int) -> np.ndarray:
    """Fade the ends and bring the peak to 1."""
    fade = max(2, int(0.004 * sample_rate))
    hit = hit.copy()
    hit[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    hit[0] *= 0.5
    return (hit / (np.abs(hit).max() + 1e-9)).astype(np.float32)


def metal(t: np.ndarray, base: float, sample_rate: int, rng: Rng) -> np.ndarray:
    """Sum six square-like oscillators at inharmonic ratios, the raw tone of analog cymbals."""
    ratios = np.array([1.0, 1.483, 1.804, 2.55, 2.63, 3.89]) * rng.uniform(0.97, 1.03, 6)
    total = np.zeros(len(t), np.float32)
    for ratio in ratios:
        angle = np.float32(2 * np.pi * base * ratio) * t + np.float32(rng.uniform(0, 6.28))
        total += np.tanh(4 * np.sin(angle))
    return total / 6


def kick(rng: Rng, sample_rate: int, kind: str, tune_hz: float) -> np.ndarray:
    """Draw a kick: "909", "808", "deep", "hard" or "click"."""
    length, drop, drive, click, hold = {
        "909": (rng.uniform(0.28, 0.45), rng.uniform(150, 260), rng.uniform(1.0, 2.5), rng.uniform(0.15, 0.5), 0.03),
        "808": (rng.uniform(0.5, 0.95), rng.uniform(40, 110), rng.uniform(0.8, 1.6), rng.uniform(0.02, 0.15), 0.02),
        "deep": (rng.uniform(0.3, 0.5), rng.uniform(60, 150), rng.uniform(0.9, 1.5), rng.uniform(0.03, 0.2), 0.025),
        "hard": (rng.uniform(0.3, 0.5), rng.uniform(250, 600), rng.uniform(3.0, 9.0), rng.uniform(0.3, 0.8), 0.05),
        "click": (rng.uniform(0.2, 0.32), rng.uniform(180, 350), rng.uniform(1.0, 2.0), rng.uniform(0.2, 0.5), 0.015),
    }[kind]
    t = seconds_axis(length * 1.15, sample_rate)
    hertz = tune_hz + drop * np.exp(-t / rng.uniform(0.012, 0.03)) + 4 * drop * np.exp(-t / rng.uniform(0.0015, 0.004))
    phase = 2 * np.pi * np.cumsum(hertz, dtype=np.float64) / sample_rate
    body = np.sin(phase).astype(np.float32) * decay(t, length, hold)
    body = np.tanh(drive * body) / np.tanh(drive)
    if kind == "hard":
        body = band(
            np.tanh(rng.uniform(1.2, 3) * body + 0.15) - np.tanh(0.15), 30, rng.uniform(3500, 9000), sample_rate
        )
    noise = rng.standard_normal(len(t)).astype(np.float32) * decay(t, rng.uniform(0.012, 0.035))
    beater = band(noise, rng.uniform(800, 2500), rng.uniform(5000, 12000), sample_rate)
    beater /= np.abs(beater).max() + 1e-9
    return finish(body * decay(t, length * 1.15) ** 0.3 + click * beater, sample_rate)


def clap(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a hand clap: a few noise bursts and a tail."""
    t = seconds_axis(0.45, sample_rate)
    noise = rng.standard_normal(len(t)).astype(np.float32)
    gap, bursts = rng.uniform(0.007, 0.013), int(rng.integers(2, 5))
    envelope = np.zeros(len(t), np.float32)
    for i in range(bursts):
        since = t - i * gap * rng.uniform(0.92, 1.08)
        envelope = np.maximum(envelope, np.where(since >= 0, decay(np.maximum(since, 0), 0.025), 0))
    tail = t - bursts * gap
    envelope = np.maximum(envelope, np.where(tail >= 0, decay(np.maximum(tail, 0), rng.uniform(0.12, 0.4)) * 0.7, 0))
    center = rng.uniform(850, 1700)
    body = band(noise, center * 0.75, center * rng.uniform(1.3, 2.2), sample_rate)
    air = band(noise, 2500, 9000, sample_rate, 1)
    return finish((body / np.std(body) + rng.uniform(0.1, 0.7) * air / np.std(air)) * envelope, sample_rate)


def snare(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a snare: two drum modes and a noise tail."""
    t = seconds_axis(0.4, sample_rate)
    tone = rng.uniform(165, 240)
    shell = modes(
        np.array([tone, tone * rng.uniform(1.5, 1.8)]),
        rng.uniform(0.1, 0.22, 2),
        np.array([0.7, 0.45]),
        0.4,
        sample_rate,
    )
    noise = band(rng.standard_normal(len(t)), rng.uniform(900, 2200), rng.uniform(7000, 14000), sample_rate)
    noise = noise / np.std(noise) * 0.4 * decay(t, rng.uniform(0.12, 0.38), 0.005)
    return finish(np.tanh(rng.uniform(0.8, 2) * (shell[: len(t)] + rng.uniform(0.5, 1.2) * noise)), sample_rate)


def rim(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a rim shot or a clave: short, high modes."""
    base = rng.uniform(420, 1900)
    ratios = np.array([1.0, rng.uniform(1.4, 1.9), rng.uniform(2.2, 3.3)])
    hit = modes(base * ratios, rng.uniform(0.03, 0.09, 3), np.array([1.0, 0.7, 0.4]), 0.12, sample_rate)
    return finish(np.tanh(rng.uniform(1, 3) * hit), sample_rate)


def hat(rng: Rng, sample_rate: int, kind: str, seconds: float) -> np.ndarray:
    """Draw a hi-hat: "metal" (808), "noise" or "both" (909)."""
    t = seconds_axis(seconds * 1.1, sample_rate)
    tone = metal(t, rng.uniform(350, 620), sample_rate, rng) if kind != "noise" else np.zeros(len(t), np.float32)
    noise = rng.standard_normal(len(t)).astype(np.float32) * 0.35
    mixed = tone + {"metal": 0.1, "noise": 1.0, "both": 0.6}[kind] * noise
    shaped = band(mixed, rng.uniform(3500, 8000), rng.uniform(10000, 17000), sample_rate)
    return finish(shaped * decay(t, seconds, 0.002), sample_rate)


def ride(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a ride cymbal: a ping over dense inharmonic modes."""
    count = 26
    hertz = rng.uniform(300, 600) * np.cumprod(rng.uniform(1.07, 1.2, count))
    gains = rng.uniform(0.3, 1, count) * (hertz / 4000) ** 0.3
    wash = modes(hertz, rng.uniform(0.3, 1.1, count), gains, 0.9, sample_rate, rng.uniform(0, 6.28, count))
    t = seconds_axis(0.9, sample_rate)
    noise = band(rng.standard_normal(len(t)), 6000, 15000, sample_rate) * decay(t, rng.uniform(0.3, 0.8))
    mixed = band(
        wash[: len(t)] / np.std(wash) + 0.6 * noise / np.std(noise), rng.uniform(1500, 4000), None, sample_rate
    )
    return finish(mixed * (1 + 2 * decay(t, 0.05)), sample_rate)


def impact(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a boom: a low tone that falls, under dark noise that dies away."""
    t = seconds_axis(1.6, sample_rate)
    hertz = rng.uniform(34, 48) * (1 + rng.uniform(0.8, 2.5) * np.exp(-t / rng.uniform(0.04, 0.15)))
    tone = np.sin(2 * np.pi * np.cumsum(hertz, dtype=np.float64) / sample_rate) * decay(t, rng.uniform(0.5, 1.4))
    noise = band(rng.standard_normal(len(t)), 150, rng.uniform(4000, 12000), sample_rate, 1)
    wash = noise / np.std(noise) * decay(t, rng.uniform(0.6, 1.6))
    return finish(np.tanh(1.5 * tone + rng.uniform(0.25, 0.5) * wash), sample_rate)


def crash(rng: Rng, sample_rate: int) -> np.ndarray:
    """Draw a crash cymbal: a short, dark splash to a long, bright crash."""
    seconds = rng.uniform(0.5, 2.0)
    t = seconds_axis(seconds, sample_rate)
    noise = rng.standard_normal(len(t)).astype(np.float32)
    tone = metal(t, rng.uniform(300, 500), sample_rate, rng)
    mixed = band(noise * rng.uniform(0.2, 1.0) + tone, rng.uniform(1200, 4500), rng.uniform(6000, 16000), sample_rate)
    return finish(mixed * decay(t, seconds), sample_rate)
