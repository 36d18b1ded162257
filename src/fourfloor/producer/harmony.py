"""Keys, modes, progressions and chords, as scale degrees and MIDI pitches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = {
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "major": (0, 2, 4, 5, 7, 9, 11),
}
PROGRESSIONS = {
    "static": ((0,),),
    "two": ((0, 0, 5, 5), (0, 0, 3, 3), (0, 6), (0, 5), (0, 3), (0, 0, 6, 6), (0, 1), (0, 4)),
    "four": (
        (0, 5, 2, 6),
        (0, 3, 5, 4),
        (0, 6, 5, 6),
        (5, 6, 0, 0),
        (0, 2, 5, 3),
        (3, 4, 0, 0),
        (1, 4, 0, 0),
        (0, 4, 5, 3),
    ),
}
# Share of the static loops whose last half bar or bar leaves the tonic and so leads back to the one.
TURNAROUND = 0.3


@dataclass(frozen=True, kw_only=True)
class Key:
    """A tonic (0 = C) and a mode."""

    tonic: int
    mode: str

    @property
    def name(self) -> str:
        """Return the name as sample packs write it: "Amin", "F#maj"."""
        return NAMES[self.tonic] + ("maj" if self.mode in ("major", "mixolydian") else "min")

    def pitch(self, degree: int, octave: int) -> int:
        """Return the MIDI pitch of a scale degree counted from the tonic of an octave (C4 = 60)."""
        scale = MODES[self.mode]
        return 12 * (octave + 1) + self.tonic + scale[degree % 7] + 12 * (degree // 7)


@dataclass(frozen=True, kw_only=True)
class Harmony:
    """A key and the scale degree that rules each half bar of the loop."""

    key: Key
    degrees: tuple[int, ...]

    def degree_at(self, beat: float) -> int:
        """Return the chord's degree at a beat."""
        return self.degrees[int(beat // 2) % len(self.degrees)]


def draw_harmony(modes: tuple[str, ...], motion: tuple[float, float, float], bars: int, rng: Rng) -> Harmony:
    """Draw key and progression; `motion` weighs static, two-chord and four-chord loops."""
    key = Key(tonic=int(rng.integers(12)), mode=str(rng.choice(modes)))
    kind = str(rng.choice(["static", "two", "four"], p=motion))
    options = PROGRESSIONS[kind]
    degrees = options[int(rng.integers(len(options)))]
    halves = 2 * bars
    per_degree = 1 if kind == "four" and rng.uniform() < 0.15 else 2
    played = [degrees[(i // per_degree) % len(degrees)] for i in range(halves)]
    if kind == "static" and bars > 1 and rng.uniform() < TURNAROUND:
        last = int(rng.choice([1, 1, 2]))
        played[-last:] = [int(rng.choice([6, 5, 3, 4, 1]))] * last
    return Harmony(key=key, degrees=tuple(played))


def chord(harmony: Harmony, degree: int, octave: int, kind: str) -> list[int]:
    """Return the pitches of a chord on a degree: "fifth", "triad", "seventh", "ninth", "sus" or "octave"."""
    steps = {
        "fifth": (0, 4, 7),
        "triad": (0, 2, 4),
        "seventh": (0, 2, 4, 6),
        "ninth": (0, 2, 4, 6, 8),
        "sus": (0, 3, 4),
        "octave": (0, 7),
    }[kind]
    pitches = [harmony.key.pitch(degree + s, octave) for s in steps]
    center = 12 * (octave + 1) + 8
    # Inversions keep neighboring chords close: fold every voice toward one register.
    return sorted(p - 12 * round((p - center) / 12) for p in pitches) if kind not in ("octave", "fifth") else pitches
