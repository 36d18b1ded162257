"""Which bass, chords and lines a loop has, what they play, and how they sound."""

from __future__ import annotations

import numpy as np

from fourfloor.producer import harmony, lines
from fourfloor.producer.instruments import acid_patch, bass_patch, lead_patch, stab_patch
from fourfloor.producer.parts import Part
from fourfloor.producer.score import Event
from fourfloor.producer.styles import Style

Rng = np.random.Generator


def bass_parts(
    style: Style, song: harmony.Harmony, bars: int, swing: float, duck: float, kick: bool, rng: Rng
) -> list[Part]:
    """Draw the bass and, by the style's chance, an acid line (instead of the bass or above it).

    Basses that play between the beats need a kick on them.
    """
    acid = rng.uniform() < style.acid
    octave = 1 if song.key.tonic >= 3 else 2
    parts = []
    if acid:
        parts.append(
            Part(
                name="acid",
                events=lines.draw_acid(song, bars, octave + 1, swing, rng),
                patch=acid_patch(rng),
                reverb=float(rng.choice([0, 0.08])),
                delay=float(rng.choice([0, 0.15, 0.3])),
                duck=0.5 * duck,
                low_cut=60.0,
                settings={"sweep": rng.uniform(0, 1.6), "cycles": float(rng.choice([1, 1, 2])), "turn": rng.uniform()},
            )
        )
    if not acid or rng.uniform() < 0.35:
        kinds = list(style.bass)
        weights = np.array([style.bass[k] for k in kinds], float)
        if not kick:
            kinds, weights = ["groove", "eighths", "long"], np.array([2.0, 1.0, 1.0])
        kind = str(rng.choice(kinds, p=weights / weights.sum()))
        parts.append(
            Part(
                name="bass",
                events=lines.draw_bass(kind, song, bars, octave, swing, rng),
                # Louder than the kick, an offbeat bass is heard as the beat.
                level_db=-2.0 if kind == "offbeat" else 0.0,
                duck=duck,
                low_cut=30.0,
                patch=bass_patch(str(rng.choice(style.bass_sounds)), rng),
            )
        )
    return parts


def music_parts(
    style: Style, song: harmony.Harmony, bars: int, density: float, swing: float, duck: float, rng: Rng
) -> list[Part]:
    """Draw stabs, pad, lead, arpeggio and noise."""
    scale = 0.5 + density
    parts = []
    if rng.uniform() < style.stab * scale:
        parts += [_stab(style, song, bars, swing, rng) for _ in range(1 + int(rng.uniform() < 0.15))]
    if rng.uniform() < style.pad * scale:
        parts.append(_pad(style, song, bars, rng))
    if rng.uniform() < style.lead * scale:
        events = lines.draw_lead(song, bars, int(rng.choice([4, 4, 5])), swing, rng)
        parts.append(Part(name="lead", events=events, patch=lead_patch(rng)))
    if rng.uniform() < style.arp * scale:
        parts.append(_arpeggio(song, bars, swing, rng))
    for part in parts:
        part.duck = duck * float(rng.choice([0.5, 1, 1]))
        part.reverb, part.delay = float(rng.uniform(0.1, 0.6)), float(rng.choice([0, 0.2, 0.45]))
        part.low_cut = float(rng.uniform(140, 280))
        part.settings["chorus"] = float(rng.choice([0, 0, 0.001, 0.003]))
    if rng.uniform() < style.noise * scale:
        parts.append(_noise(bars, duck, rng))
    return parts


def _stab(style: Style, song: harmony.Harmony, bars: int, swing: float, rng: Rng) -> Part:
    sound = str(rng.choice(style.stab_sounds))
    rhythm = lines.draw_rhythm(rng, int(rng.choice([1, 1, 2])))
    octave, chord = int(rng.choice([3, 4, 4])), str(rng.choice(style.chords))
    length = float(rng.choice([0.12, 0.2, 0.35, 0.6]))
    return Part(
        name="stab",
        events=lines.draw_stabs(rhythm, song, bars, octave, chord, length, swing, rng),
        patch=stab_patch(sound, rng),
        pan=float(rng.uniform(-0.2, 0.2)),
        settings={"sweep": float(rng.choice([0, 0.6, 1.4])), "turn": rng.uniform()},
    )


def _pad(style: Style, song: harmony.Harmony, bars: int, rng: Rng) -> Part:
    return Part(
        name="pad",
        events=lines.draw_pad(song, bars, int(rng.choice([3, 4])), str(rng.choice(style.chords))),
        settings={
            "brightness": float(np.exp(rng.uniform(np.log(400), np.log(4000)))),
            "spread": rng.uniform(8, 50),
            "tilt": rng.uniform(0.8, 1.8),
            "gated": float(rng.uniform() < 0.2),
        },
    )


def _arpeggio(song: harmony.Harmony, bars: int, swing: float, rng: Rng) -> Part:
    return Part(
        name="arp",
        events=lines.draw_arp(song, bars, int(rng.choice([3, 4, 5])), swing, rng),
        patch=lead_patch(rng),
        pan=float(rng.uniform(-0.4, 0.4)),
        settings={"sweep": float(rng.choice([0, 0.8])), "turn": rng.uniform()},
    )


def _noise(bars: int, duck: float, rng: Rng) -> Part:
    return Part(
        name="noise",
        events=[Event(instrument="noise", start=0.0, duration=4.0 * bars, pitch=60, velocity=0.6)],
        duck=duck,
        reverb=0.1,
        low_cut=300.0,
        settings={"kind": float(rng.integers(3)), "cycles": float(rng.choice([1, 2, 4]))},
    )
