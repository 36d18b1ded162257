"""Pitched instruments: a subtractive patch on filtered wavetables, FM, struck strings, and the sliding acid line.

A `Patch` and a pitch give one note (2, n); `acid_line` renders a whole monophonic line on the circle, because its
slides tie notes together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fourfloor.producer.oscillators import (
    circular_phase,
    filtered_table,
    frequency,
    harmonics_below_nyquist,
    modes,
    read_table,
)
from fourfloor.producer.score import Event


@dataclass(frozen=True, kw_only=True)
class Patch:
    """The knobs of a subtractive voice; times in seconds, cutoff in Hz, envelope amount in octaves."""

    engine: str = "subtractive"  # or "fm", "string", "sub"
    shape: str = "saw"
    poles: int = 4
    resonance: float = 0.5
    cutoff: float = 800.0
    envelope: float = 2.0
    keytrack: float = 0.3
    attack: float = 0.003
    decay: float = 0.25
    sustain: float = 0.3
    release: float = 0.05
    filter_decay: float = 0.2
    voices: int = 1
    detune: float = 8.0
    octave_mix: float = 0.0
    drive: float = 0.0
    vibrato: float = 0.0
    ratio: float = 1.0
    index: float = 2.0


def amplitude_envelope(patch: Patch, t: np.ndarray, gate: float) -> np.ndarray:
    """Return attack, exponential decay to the sustain level, and a release after `gate` seconds."""
    level = patch.sustain + (1 - patch.sustain) * np.exp(-5 * np.maximum(t - patch.attack, 0) / patch.decay)
    level *= np.minimum(t / patch.attack, 1)
    return (level * np.exp(-6 * np.maximum(t - gate, 0) / patch.release)).astype(np.float32)


def subtractive(
    patch: Patch, hertz: float, t: np.ndarray, brightness: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the raw stereo voice (2, n) of detuned oscillators through the patch's filter."""
    table = filtered_table(
        patch.shape,
        patch.poles,
        patch.resonance,
        harmonics_below_nyquist(hertz * 2 ** (patch.octave_mix > 0), sample_rate),
    )
    octaves = patch.envelope * brightness * np.exp(-5 * t / patch.filter_decay)
    cutoff = patch.cutoff * (hertz / 130.8) ** patch.keytrack
    ratio = (cutoff / hertz * 2.0**octaves).astype(np.float32)
    offsets = np.linspace(-1, 1, patch.voices) if patch.voices > 1 else np.zeros(1)
    waveform = np.zeros((2, len(t)), np.float32)
    for i, offset in enumerate(offsets):
        cents = patch.detune * offset
        cycles = hertz * 2 ** (cents / 1200) * t.astype(np.float64) + rng.uniform()
        if patch.vibrato:
            cycles += hertz * patch.vibrato * np.sin(2 * np.pi * 5.5 * t) * np.minimum(t / 0.3, 1) / 35
        voice = read_table(table, cycles, ratio)
        if patch.octave_mix:
            voice = voice + patch.octave_mix * read_table(table, 2 * cycles, ratio / 2)
        pan = 0.7 * offset * (1 if i % 2 else -1) if patch.voices > 1 else 0.0
        waveform[0] += voice * np.sqrt(0.5 * (1 - pan))
        waveform[1] += voice * np.sqrt(0.5 * (1 + pan))
    return waveform / np.sqrt(patch.voices)


def fm(patch: Patch, hertz: float, t: np.ndarray, brightness: float) -> np.ndarray:
    """Return a two-operator FM voice (2, n) whose index falls with the filter envelope (Chowning 1973)."""
    index = patch.index * brightness * (0.25 + 0.75 * np.exp(-5 * t / patch.filter_decay))
    angle = 2 * np.pi * hertz * t.astype(np.float64)
    left = np.sin(angle + index * np.sin(patch.ratio * angle))
    right = np.sin(angle * 1.0015 + index * np.sin(patch.ratio * angle * 0.9985))
    return np.stack([left, right]).astype(np.float32) * 0.5


def string(
    patch: Patch, hertz: float, seconds: float, brightness: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Return a struck stiff string (2, n): piano-like, inharmonic, upper partials short."""
    k = np.arange(1, min(24, int(0.4 * sample_rate / hertz)) + 1)
    partials = hertz * k * np.sqrt(1 + 4e-4 * k * k)
    gains = k ** -(1.6 - 0.6 * brightness) * np.abs(np.sin(np.pi * k * 0.13)) * 2
    decays = np.maximum(2.2 / (1 + 0.25 * k), 0.1) * patch.decay * 4
    left = modes(partials, decays, gains, seconds, sample_rate, rng.uniform(0, 6.28, len(k)))
    right = modes(partials * 1.0006, decays, gains, seconds, sample_rate, rng.uniform(0, 6.28, len(k)))
    return np.stack([left, right]) * 0.5


def note(
    patch: Patch, pitch: float, seconds: float, velocity: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """Render one note (2, n), gate `seconds` plus release."""
    t = np.arange(int((seconds + patch.release * 1.3) * sample_rate) + 8, dtype=np.float32) / np.float32(sample_rate)
    hertz = frequency(pitch)
    brightness = 0.35 + 0.65 * velocity
    if patch.engine == "fm":
        raw = fm(patch, hertz, t, brightness)
    elif patch.engine == "string":
        raw = string(patch, hertz, len(t) / sample_rate + 1e-4, brightness, sample_rate, rng)[:, : len(t)]
    elif patch.engine == "sub":
        sine = np.sin(2 * np.pi * hertz * t.astype(np.float64)).astype(np.float32)
        raw = np.stack([sine, sine]) * 0.7
    else:
        raw = subtractive(patch, hertz, t, brightness, sample_rate, rng)
    if patch.drive:
        raw = np.tanh((1 + 4 * patch.drive) * raw) / np.tanh(1 + 2 * patch.drive)
    raw = raw * (velocity * amplitude_envelope(patch, t, seconds))
    fade = min(int(0.003 * sample_rate), raw.shape[-1])
    raw[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return raw


def acid_line(
    patch: Patch, events: list[Event], length: int, beat_samples: float, sweep: np.ndarray, sample_rate: int
) -> np.ndarray:
    """Render a monophonic line (2, N): velocity above 0.85 is an accent, `sweep` (N,) moves the cutoff in octaves."""
    events = sorted(events, key=lambda e: e.start)
    hertz = np.empty(length, np.float32)
    amplitude = np.zeros(length, np.float32)
    octaves = np.zeros(length, np.float32)
    starts = [round(e.start * beat_samples) for e in events]
    origin = starts[0]
    for i, event in enumerate(events):
        begin = starts[i] - origin
        end = (starts[i + 1] if i + 1 < len(events) else origin + length) - origin
        t = np.arange(end - begin, dtype=np.float32) / np.float32(sample_rate)
        target, before = frequency(event.pitch), frequency(events[i - 1].pitch)
        tied = events[i - 1].slide and i > 0
        hertz[begin:end] = target * (before / target) ** np.exp(-t / 0.022) if tied else target
        accent = event.velocity > 0.85
        gate = len(t) / sample_rate if event.slide else event.duration * beat_samples / sample_rate
        attack = 1.0 if tied else np.minimum(t / 0.002, 1)
        release = np.exp(-np.maximum(t - gate, 0) / 0.008)
        amplitude[begin:end] = attack * release * np.exp(-t / 0.9) * (1.0 if accent else 0.7)
        octaves[begin:end] = (
            patch.envelope
            * (1.25 if accent else 0.8)
            * np.exp(-5 * t / (patch.filter_decay * (0.6 if accent else 1.0)))
        )
    amplitude[-int(0.004 * sample_rate) :] *= np.linspace(1, 0, int(0.004 * sample_rate), dtype=np.float32)
    table = filtered_table(patch.shape, 4, patch.resonance, harmonics_below_nyquist(float(hertz.max()), sample_rate))
    ratio = patch.cutoff * 2.0 ** (octaves + np.roll(sweep, -origin)) / hertz
    line = read_table(table, circular_phase(hertz, sample_rate), ratio) * amplitude
    line = np.tanh((1 + 5 * patch.drive) * line)
    return np.roll(np.stack([line, line]), origin, -1)
