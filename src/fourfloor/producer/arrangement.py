"""Which parts a loop has: draws kit, patterns, lines and sounds of a style into a list of `Part`.

Sample packs hold more than full mixes, so some loops are drums alone, lack kick or bass, or (rarely) are chords alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fourfloor.producer import drums, effects, harmony, lines, patterns, percussion, phrasing
from fourfloor.producer.instruments import acid_patch, bass_patch, lead_patch, stab_patch
from fourfloor.producer.kits import Kit
from fourfloor.producer.oscillators import frequency
from fourfloor.producer.score import Event
from fourfloor.producer.styles import Style
from fourfloor.producer.synths import Patch

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
MIDI_DRUMS = {
    "kick": 36,
    "clap": 39,
    "snare": 38,
    "rim": 37,
    "hat": 42,
    "open": 46,
    "ride": 51,
    "shaker": 82,
    "conga": 63,
    "crash": 49,
    "impact": 35,
}


@dataclass(kw_only=True)
class Part:
    """One instrument's events and its sound: `hit` (n,) for drums, `patch` for notes, neither for pads and noise."""

    name: str
    events: list[Event]
    hit: np.ndarray | None = None
    patch: Patch | None = None
    level_db: float = 0.0
    pan: float = 0.0
    reverb: float = 0.0
    delay: float = 0.0
    duck: float = 0.0
    low_cut: float | None = None
    settings: dict[str, float] = field(default_factory=dict)


def drum_hit(
    name: str, style: Style, tune_hz: float, kit: Kit | None, sample_rate: int, bits: float, hold: int, rng: Rng
) -> np.ndarray:
    """Return a drum role's one-shot (n,): the kit's when it has one, else synthesized, in `bits` bits unless 0."""
    sample = kit.draw(name, rng) if kit is not None else None
    if sample is not None:
        return sample
    hit = synthesized_hit(name, style, tune_hz, sample_rate, rng)
    return effects.crush(hit[None], bits, hold)[0] if bits and name != "kick" else hit


def synthesized_hit(name: str, style: Style, tune_hz: float, sample_rate: int, rng: Rng) -> np.ndarray:
    """Draw the one-shot of a drum role (n,)."""
    if name == "kick":
        return drums.kick(rng, sample_rate, str(rng.choice(style.kicks)), tune_hz)
    if name == "hat":
        return drums.hat(rng, sample_rate, str(rng.choice(["metal", "noise", "both"])), rng.uniform(0.025, 0.09))
    if name == "open":
        return drums.hat(rng, sample_rate, str(rng.choice(["metal", "noise", "both"])), rng.uniform(0.16, 0.42))
    if name == "shaker":
        return percussion.shaker(rng, sample_rate)
    if name == "conga":
        return percussion.percussion(rng, sample_rate, str(rng.choice(["conga", "bongo"])))
    if name == "percussion":
        return percussion.percussion(rng, sample_rate, str(rng.choice(percussion.PERCUSSION)))
    maker = {
        "clap": drums.clap,
        "snare": drums.snare,
        "rim": drums.rim,
        "ride": drums.ride,
        "crash": drums.crash,
        "impact": drums.impact,
    }[name]
    return maker(rng, sample_rate)


def drum_rows(style: Style, bars: int, density: float, rng: Rng) -> list[phrasing.Row]:
    """Draw what kick, tops and percussion play."""
    roles = ["kick"] + [name for name, chance in style.drums.items() if rng.uniform() < chance * (0.55 + 0.6 * density)]
    roles += ["percussion"] * int(rng.poisson(style.percussion * (0.3 + density)))
    fill_chance, begin = rng.uniform(0.1, 0.8), int(rng.choice([8, 12, 12, 14]))
    rows = []
    for name in roles[:11]:
        if name == "percussion" and rng.uniform() < 0.12:
            cycle = int(rng.choice([3, 5, 6, 7, 12]))
            velocities = patterns.polymeter(int(rng.integers(1, 4)), cycle, int(rng.integers(3)), bars)
        else:
            role = "broken_kick" if name == "kick" and rng.uniform() < style.broken else name
            chance = fill_chance if name != "kick" else 0.5 * fill_chance
            velocities = patterns.bars_of(role, bars, density, chance, begin, rng)
        rows.append(phrasing.Row(name=name, velocities=velocities))
    return rows


def drum_parts(
    rows: list[phrasing.Row],
    style: Style,
    bars: int,
    swing: float,
    tune_hz: float,
    kit: Kit | None,
    rate: int,
    rng: Rng,
) -> list[Part]:
    """Give each row its sound, place and timing."""
    # Sounds have a generator of their own: with a kit or without, the same music is played.
    sounds = rng.spawn(1)[0]
    bits, hold = float(rng.choice([0, 0, 0, 0, 0, 0, 7, 9])), int(rng.integers(1, 4))
    looseness = float(rng.choice([0, 0.002, 0.006]))
    parts: list[Part] = []
    for row in rows:
        name = row.name
        if name == "swell":
            parts.append(swell_part(row, bars, rng))
            continue
        firm = name in phrasing.FIRM
        push = 0.0 if firm else float(rng.normal(0, 0.008))
        pitch = MIDI_DRUMS.get(name, 76 + len(parts) % 5)
        events = patterns.hits(name, row.velocities, pitch, swing, push, 0.0 if firm else looseness, rng)
        parts.append(
            Part(
                name=name,
                events=events,
                hit=drum_hit(name, style, tune_hz, kit, rate, bits, hold, sounds),
                level_db=row.louder_db,
                pan=0.0 if name in ("clap", "snare", *phrasing.FIRM) else float(rng.uniform(-0.5, 0.5)),
                reverb=0.0 if name == "kick" else float(rng.choice([0.03, 0.08, 0.15, 0.3])),
                delay=float(rng.choice([0, 0, 0, 0.25])) if name in ("rim", "percussion", "conga") else 0.0,
                low_cut=row.low_cut if name in ("kick", "impact") else 120.0,
                duck=0.0 if name in phrasing.FIRM else float(rng.choice([0, 0, 0.3])),
            )
        )
    return parts


def swell_part(row: phrasing.Row, bars: int, rng: Rng) -> Part:
    """Return noise that rises toward every hit of a row and ends there."""
    ends = np.flatnonzero(row.velocities) / 4
    beats = float(rng.choice([1, 2, 2, 4]))
    events = [
        Event(instrument="swell", start=float((end - beats) % (4 * bars)), duration=beats, pitch=60, velocity=0.8)
        for end in ends
    ]
    return Part(name="swell", events=events, reverb=0.05, low_cut=300.0, settings={"power": rng.uniform(1, 3)})


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
        for _ in range(1 + int(rng.uniform() < 0.15)):
            sound = str(rng.choice(style.stab_sounds))
            rhythm = lines.draw_rhythm(rng, int(rng.choice([1, 1, 2])))
            events = lines.draw_chords(
                "stab",
                rhythm,
                song,
                bars,
                int(rng.choice([3, 4, 4])),
                str(rng.choice(style.chords)),
                float(rng.choice([0.12, 0.2, 0.35, 0.6])),
                swing,
                rng,
            )
            parts.append(
                Part(
                    name="stab",
                    events=events,
                    patch=stab_patch(sound, rng),
                    pan=float(rng.uniform(-0.2, 0.2)),
                    settings={"sweep": float(rng.choice([0, 0.6, 1.4])), "turn": rng.uniform()},
                )
            )
    if rng.uniform() < style.pad * scale:
        parts.append(
            Part(
                name="pad",
                events=lines.draw_pad(song, bars, int(rng.choice([3, 4])), str(rng.choice(style.chords))),
                settings={
                    "brightness": float(np.exp(rng.uniform(np.log(400), np.log(4000)))),
                    "spread": rng.uniform(8, 50),
                    "tilt": rng.uniform(0.8, 1.8),
                    "gated": float(rng.uniform() < 0.2),
                },
            )
        )
    if rng.uniform() < style.lead * scale:
        parts.append(
            Part(
                name="lead",
                events=lines.draw_lead(song, bars, int(rng.choice([4, 4, 5])), swing, rng),
                patch=lead_patch(rng),
            )
        )
    if rng.uniform() < style.arp * scale:
        parts.append(
            Part(
                name="arp",
                events=lines.draw_arp(song, bars, int(rng.choice([3, 4, 5])), swing, rng),
                patch=lead_patch(rng),
                pan=float(rng.uniform(-0.4, 0.4)),
                settings={"sweep": float(rng.choice([0, 0.8])), "turn": rng.uniform()},
            )
        )
    for part in parts:
        part.duck = duck * float(rng.choice([0.5, 1, 1]))
        part.reverb, part.delay = float(rng.uniform(0.1, 0.6)), float(rng.choice([0, 0.2, 0.45]))
        part.low_cut = float(rng.uniform(140, 280))
        part.settings["chorus"] = float(rng.choice([0, 0, 0.001, 0.003]))
    if rng.uniform() < style.noise * scale:
        parts.append(
            Part(
                name="noise",
                events=[Event(instrument="noise", start=0.0, duration=4.0 * bars, pitch=60, velocity=0.6)],
                duck=duck,
                reverb=0.1,
                low_cut=300.0,
                settings={"kind": float(rng.integers(3)), "cycles": float(rng.choice([1, 2, 4]))},
            )
        )
    return parts


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
