"""Draws the sound of a pitched part: a `Patch` for each named family of sounds, its knobs random within taste."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fourfloor.producer.synths import Patch

Rng = np.random.Generator


def resonance(rng: Rng, low: float, high: float) -> float:
    """Draw a resonance on a coarse grid, so that tables are shared between parts."""
    return float(np.round(rng.uniform(low, high) * 4) / 4)


def bass_patch(sound: str, rng: Rng) -> Patch:
    """Draw a bass: "sub", "saw", "square", "organ", "fm" or "reese"."""
    shared = Patch(
        cutoff=float(np.exp(rng.uniform(np.log(120), np.log(700)))),
        envelope=rng.uniform(0.5, 3.5),
        resonance=resonance(rng, 0, 2.2),
        decay=rng.uniform(0.15, 0.6),
        sustain=rng.uniform(0.1, 0.8),
        release=rng.uniform(0.02, 0.08),
        filter_decay=rng.uniform(0.06, 0.35),
        drive=float(rng.choice([0, 0, 0.2, 0.6])),
        keytrack=0.5,
    )
    if sound == "sub":
        return replace(shared, engine="sub", drive=rng.uniform(0, 0.5), attack=0.006)
    if sound == "fm":
        return replace(shared, engine="fm", ratio=float(rng.choice([1, 2, 0.5, 3])), index=rng.uniform(1, 4))
    if sound == "reese":
        return replace(
            shared, voices=3, detune=rng.uniform(12, 30), cutoff=rng.uniform(250, 1200), envelope=0.5, sustain=0.9
        )
    if sound == "organ":
        return replace(shared, shape=str(rng.choice(["organ", "triangle", "hollow"])), cutoff=rng.uniform(500, 1500))
    return replace(shared, shape="saw" if sound == "saw" else str(rng.choice(["square", "pulse", "reed"])))


def acid_patch(rng: Rng) -> Patch:
    """Draw a 303-like patch."""
    return Patch(
        shape=str(rng.choice(["saw", "saw", "square"])),
        resonance=resonance(rng, 2.2, 3.7),
        cutoff=float(np.exp(rng.uniform(np.log(130), np.log(600)))),
        envelope=rng.uniform(1.5, 3.8),
        filter_decay=rng.uniform(0.12, 0.6),
        drive=rng.uniform(0, 0.9),
    )


# What sets each family of chord sounds apart from the plain saw; knobs are drawn in the order they stand in.
STABS: dict[str, Callable[[Rng], dict[str, Any]]] = {
    "epiano": lambda rng: {
        "engine": "fm", "ratio": float(rng.choice([1, 1, 14, 2])), "index": rng.uniform(0.4, 1.6),
        "decay": rng.uniform(0.5, 1.4), "sustain": 0.15,
    },
    "fm": lambda rng: {
        "engine": "fm", "ratio": float(rng.choice([1.41, 3.5, 2, 3, 5.2])), "index": rng.uniform(0.8, 3.5),
    },
    "piano": lambda rng: {"engine": "string", "decay": rng.uniform(0.4, 1.0), "sustain": 0.3, "release": 0.12},
    "organ": lambda rng: {
        "shape": str(rng.choice(["organ", "hollow"])), "cutoff": rng.uniform(1500, 6000), "envelope": 0.3,
        "sustain": 0.7,
    },
    "chordhit": lambda rng: {
        "voices": 2, "shape": str(rng.choice(["saw", "pulse", "reed"])), "cutoff": rng.uniform(250, 1000),
        "envelope": rng.uniform(1.5, 3.5), "poles": int(rng.choice([2, 4])),
    },
    "brass": lambda rng: {
        "voices": 2, "attack": rng.uniform(0.01, 0.04), "cutoff": rng.uniform(500, 1500), "sustain": 0.7,
    },
    "hoover": lambda rng: {
        "voices": 5, "shape": "pulse", "detune": rng.uniform(20, 40), "octave_mix": 0.6,
        "cutoff": rng.uniform(1500, 5000), "sustain": 0.8, "drive": 0.3,
    },
    "vox": lambda rng: {
        "shape": "reed", "poles": 2, "resonance": resonance(rng, 1.5, 3), "cutoff": rng.uniform(500, 1400),
        "envelope": rng.uniform(0.3, 1.2), "sustain": 0.6, "vibrato": 0.3,
    },
    "pluck": lambda rng: {
        "sustain": 0.0, "decay": rng.uniform(0.1, 0.3), "filter_decay": rng.uniform(0.05, 0.15),
        "cutoff": rng.uniform(300, 900), "envelope": rng.uniform(2, 4),
        "shape": str(rng.choice(["saw", "square", "triangle"])),
    },
    "saw": lambda rng: {
        "voices": int(rng.choice([3, 4, 5])), "detune": rng.uniform(8, 24),
        "octave_mix": float(rng.choice([0, 0, 0.4])),
    },
}  # fmt: skip


def stab_patch(sound: str, rng: Rng) -> Patch:
    """Draw a chord sound by family name, a saw for a name without a family of its own."""
    bright = float(np.exp(rng.uniform(np.log(500), np.log(4500))))
    base = Patch(
        cutoff=bright,
        envelope=rng.uniform(0.3, 3),
        resonance=resonance(rng, 0, 1.8),
        decay=rng.uniform(0.12, 0.6),
        sustain=rng.uniform(0.0, 0.5),
        release=rng.uniform(0.03, 0.3),
        filter_decay=rng.uniform(0.08, 0.4),
        keytrack=0.4,
    )
    return replace(base, **STABS.get(sound, STABS["saw"])(rng))


def lead_patch(rng: Rng) -> Patch:
    """Draw a lead or arpeggio sound."""
    sound = str(rng.choice(["saws", "mono", "pluck", "fm", "square", "vox", "bell"]))
    if sound == "mono":
        return Patch(
            shape=str(rng.choice(["saw", "pulse"])),
            cutoff=rng.uniform(800, 4000),
            envelope=rng.uniform(0.5, 2),
            sustain=0.7,
            resonance=resonance(rng, 0.5, 2.5),
            vibrato=float(rng.choice([0, 0.4])),
            drive=float(rng.choice([0, 0.4])),
        )
    if sound == "square":
        return Patch(
            shape=str(rng.choice(["square", "hollow"])), cutoff=rng.uniform(1000, 5000), sustain=0.6, envelope=0.8
        )
    if sound == "bell":
        return Patch(
            engine="fm",
            ratio=float(rng.choice([3.5, 1.41, 7.1, 2.76])),
            index=rng.uniform(0.6, 2.5),
            decay=rng.uniform(0.4, 1.2),
            sustain=0.0,
            release=0.4,
        )
    return replace(stab_patch(sound, rng), cutoff=rng.uniform(900, 4000))
