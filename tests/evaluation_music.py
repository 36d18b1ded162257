"""Small, cheap music for the tests of the metric: a track has its own sounds and patterns, a part its own fills."""

import numpy as np

from fourfloor.evaluation.sources import Sample
from fourfloor.signal.beatgrid import loop_samples

RATE = 22_050


def play(track: int, part: int = 0, bpm: float | None = None, bars: int = 4) -> np.ndarray:
    """Play a part of a track: mono `(1, samples)` at 22.05 kHz, closed, kick on the beat, the rest of its own."""
    style, variation = np.random.default_rng(track), np.random.default_rng((track, part))
    bpm = bpm or tempo(track)
    samples = loop_samples(bpm, bars, RATE)
    step = samples / (16 * bars)
    out = np.zeros(samples)
    time = np.arange(RATE // 3) / RATE
    sounds = {
        "kick": np.exp(-time / style.uniform(0.05, 0.15))
        * np.sin(2 * np.pi * (style.uniform(45, 60) * time + 5 * (1 - np.exp(-time / 0.02)))),
        "hat": np.diff(style.standard_normal(len(time) + 1)) * np.exp(-time / style.uniform(0.01, 0.06)),
        "clap": style.standard_normal(len(time)) * np.exp(-time / style.uniform(0.04, 0.1)),
        "stab": sum(np.sin(2 * np.pi * style.uniform(200, 900) * k * time) / k for k in (1, 2, 3))
        * np.exp(-time / style.uniform(0.05, 0.25)),
    }
    root, levels = style.uniform(45, 80), style.uniform(0.1, 0.4, 3)
    patterns = {name: style.random(16) < chance for name, chance in (("hat", 0.5), ("stab", 0.25), ("bass", 0.5))}
    notes = style.choice([1, 1.5, 2, 1.19], 16)
    for index in range(16 * bars):
        place, beat = index % 16, index % 4 == 0
        fill = variation.random() < 0.15
        if beat:
            _add(out, 0.8 * sounds["kick"], index * step)
        if place in (4, 12):
            _add(out, levels[0] * sounds["clap"], index * step)
        if patterns["hat"][place] != fill:
            _add(out, levels[1] * sounds["hat"], index * step)
        if patterns["stab"][place] != fill:
            _add(out, levels[2] * sounds["stab"], index * step)
        if patterns["bass"][place] and not beat:
            _add(out, 0.3 * np.exp(-time / 0.1) * np.sin(2 * np.pi * root * notes[place] * time), index * step)
    return (0.5 * out / np.abs(out).max()).astype(np.float32)[None]


def tempo(track: int) -> float:
    """Give each track a tempo of its own, 110-150 BPM."""
    return float(round(np.random.default_rng((track, 99)).uniform(110, 150)))


def _add(out: np.ndarray, sound: np.ndarray, position: float) -> None:
    places = (round(position) + np.arange(len(sound))) % len(out)
    np.add.at(out, places, sound)


def sample(track: int, part: int = 0, bars: int = 4) -> Sample:
    """Wrap a part of a track for judging."""
    return Sample(
        waveform=play(track, part, bars=bars),
        sample_rate=RATE,
        bpm=tempo(track),
        bars=bars,
        track=f"track {track}",
        name=f"{track}.{part}",
    )
