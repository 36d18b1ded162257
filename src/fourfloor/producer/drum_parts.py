"""Which drums a loop has, what they play, and how they sound."""

from __future__ import annotations

import numpy as np

from fourfloor.producer import drums, effects, patterns, percussion, phrasing
from fourfloor.producer.kits import Kit
from fourfloor.producer.parts import Part
from fourfloor.producer.score import Event
from fourfloor.producer.styles import Style

Rng = np.random.Generator
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
