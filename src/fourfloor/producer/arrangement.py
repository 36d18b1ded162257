"""Which parts a loop has: draws kit, patterns, lines and sounds of a style into a list of `Part`.

Sample packs hold more than full mixes, so some loops are drums alone, lack kick or bass, or (rarely) are chords alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fourfloor.producer import harmony, phrasing
from fourfloor.producer.drum_parts import drum_parts, drum_rows
from fourfloor.producer.kits import Kit
from fourfloor.producer.oscillators import frequency
from fourfloor.producer.parts import Part
from fourfloor.producer.styles import Style
from fourfloor.producer.tonal_parts import bass_parts, music_parts

Rng = np.random.Generator
# Share of each kind of loop, and the groups of parts it keeps.
ARRANGEMENTS = {
    "full": (0.6, ("kick", "tops", "bass", "music")),
    "no music": (0.09, ("kick", "tops", "bass")),
    "drums": (0.08, ("kick", "tops")),
    "no bass": (0.08, ("kick", "tops", "music")),
    "no kick": (0.07, ("tops", "bass", "music")),
    "breakdown": (0.04, ("tops", "music")),
    "kick and bass": (0.03, ("kick", "bass", "music")),
    "music": (0.02, ("music", "bass")),
}
# Share of the loops without a kick that keep one with its lows filtered out, as intros do.
FILTERED_KICK = 0.6
# Loudness against the kick's in dB, of the loudest moments.
LEVELS = {
    "kick": 0.0,
    "clap": -5.5,
    "snare": -6.5,
    "rim": -9.5,
    "hat": -13.5,
    "open": -12.0,
    "ride": -14.0,
    "shaker": -16.0,
    "conga": -11.0,
    "percussion": -13.0,
    "crash": -7.0,
    "impact": -4.0,
    "bass": -1.5,
    "acid": -4.5,
    "stab": -5.0,
    "pad": -9.5,
    "lead": -7.0,
    "arp": -8.5,
    "noise": -15.0,
    "swell": -10.0,
}


def arrange(
    style: Style, bars: int, density: float, energy: float, kit: Kit | None, sample_rate: int, rng: Rng
) -> tuple[harmony.Harmony, list[Part]]:
    """Draw the parts of one loop, at least one with an event; `energy` opens the filters, up or down half an octave."""
    song = harmony.draw_harmony(style.modes, style.motion, bars, rng)
    shares = np.array([share for share, _ in ARRANGEMENTS.values()])
    _, groups = ARRANGEMENTS[str(rng.choice(list(ARRANGEMENTS), p=shares / shares.sum()))]
    swing, duck = float(rng.uniform(*style.swing)), float(rng.uniform(*style.duck))
    tune = frequency(song.key.pitch(0, 1))
    tune_hz = float(np.clip(tune if rng.uniform() < 0.5 else rng.uniform(43, 58), 41, 60))
    every_row = drum_rows(style, bars, density, rng)
    rows = [row for row in every_row if ("kick" if row.name == "kick" else "tops") in groups]
    if "kick" not in groups and rng.uniform() < FILTERED_KICK:
        thin = every_row[0]
        thin.low_cut, thin.louder_db = float(rng.uniform(150, 350)), -5.0
        rows.insert(0, thin)
    kick = "kick" in groups
    rows = phrasing.mark_drums(rows, bars, style.marks, rng)
    parts = drum_parts(rows, style, bars, swing, tune_hz, kit, sample_rate, rng)
    bass = bass_parts(style, song, bars, swing, duck, kick, rng)
    music = music_parts(style, song, bars, density, swing, duck, rng)
    parts += [part for part in bass if "bass" in groups or ("music" in groups and part.name == "acid")]
    parts += music if "music" in groups else []
    parts = [part for part in parts if part.events]
    if len(parts) < 2:
        rows = phrasing.mark_drums(every_row, bars, style.marks, rng)
        parts = drum_parts(rows, style, bars, swing, tune_hz, kit, sample_rate, rng)
        parts = [part for part in parts + bass if part.events]
    for part in parts:
        if part.patch is not None:
            part.patch = replace(part.patch, cutoff=part.patch.cutoff * 2 ** (energy - 0.5))
        part.level_db += LEVELS[part.name] + float(rng.normal(0, 1.8 if part.name != "kick" else 0.5))
    return song, parts
