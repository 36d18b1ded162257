"""Basses, acid lines, chord rhythms, pads, arpeggios and melodies: a harmony goes in, events come out."""

from __future__ import annotations

import numpy as np

from fourfloor.producer.harmony import Harmony, chord
from fourfloor.producer.patterns import STEPS, euclid, grid, swing_offset
from fourfloor.producer.score import Event

Rng = np.random.Generator
STAB_GRIDS = (
    "x..8..8...8.....",
    "..x...x...x...x.",
    "x.....8.........",
    "...x..x....x..x.",
    "x..x..x...x.x...",
    "....8..8........",
    "..8..8....8..8..",
    "x...............",
    "......x...x.....",
    "x.8...8.x.8...8.",
    "x..8....x..8....",
    "..x..x..x..x..x.",
    "...8......8.....",
    "x.x..x.x..x..x..",
)
BASS_GRIDS = {
    "offbeat": ("..x...x...x...x.", "..x...x...x...xx", "..x8..x8..x8..x8"),
    "rolling": (".xxx.xxx.xxx.xxx", ".8x8.8x8.8x8.8x8", "..xx..xx..xx..xx", ".x.x.x.x.x.x.x.x"),
    "eighths": ("x.x.x.x.x.x.x.x.", "8.x.8.x.8.x.8.x."),
    "groove": (
        "x..x..x...x..x..",
        "x.....x..x..x.x.",
        "..xx..x...xx..x.",
        "x..8..8.x..8.8..",
        "x.x...8x..x...8.",
        "...x..x..x.x....",
        "x......x..x.8...",
        "..x..x.x..x..x.x",
    ),
    "long": ("x...............", "x.......x.......", "x.........x....."),
}

# Mean chance of a note to leave the root.
BASS_COLOR = {"offbeat": 0.1, "rolling": 0.15, "eighths": 0.2, "groove": 0.4, "long": 0.1}


def draw_bass(kind: str, harmony: Harmony, bars: int, octave: int, swing: float, rng: Rng) -> list[Event]:
    """Draw a bass line: a motif of one or two bars that follows the roots of the harmony."""
    rhythm, steps, last = _bass_motif(kind, rng)
    first = {int(np.flatnonzero(bar)[0]) + STEPS * i for i, bar in enumerate(rhythm.reshape(-1, STEPS))}
    softer = rng.uniform(0.75, 1.0)
    onsets = np.flatnonzero(np.resize(rhythm, bars * STEPS))
    gate = rng.uniform(0.4, 0.95)
    events = []
    for step, following in zip(onsets, [*onsets[1:], bars * STEPS + onsets[0]], strict=True):
        at = step % len(rhythm)
        table = last if step >= bars * STEPS - STEPS // 2 else steps
        velocity = rhythm[at] * ((1.0 if at in first else softer) * rng.uniform(0.9, 1))
        events.append(
            Event(
                instrument="bass",
                start=step / 4 + swing_offset(int(step), swing),
                duration=_bass_duration(kind, (following - step) / 4, gate),
                pitch=harmony.key.pitch(harmony.degree_at(step / 4) + table[step % len(table)], octave),
                velocity=float(velocity),
            )
        )
    return events


def _bass_motif(kind: str, rng: Rng) -> tuple[np.ndarray, list[int], list[int]]:
    """Draw the velocities (steps,) of a motif, the scale step of each sixteenth, and the steps of the last half bar."""
    options = BASS_GRIDS[kind]
    motif_bars = int(rng.choice([1, 2])) if kind == "groove" else 1
    rhythm = np.concatenate([grid(options[int(rng.integers(len(options)))]) for _ in range(motif_bars)])
    # The bar begins on the root and moves toward its end; some lines leave it in every last beat.
    chances = BASS_COLOR[kind] * np.resize(np.linspace(0.2, 1.8, STEPS), len(rhythm))
    if kind != "long" and rng.uniform() < 0.45:
        chances[-4:] = 0.9
    steps = [0 if rng.uniform() > chance else int(rng.choice([7, 4, 6, -1, 2, 7, -3])) for chance in chances]
    last = [int(rng.choice([7, 4, 6, 0, 2])) if rng.uniform() < 0.4 else step for step in steps]
    if kind in ("groove", "eighths") and rng.uniform() < 0.6:
        rhythm[::STEPS] = 1.0
    return rhythm, steps, last


def _bass_duration(kind: str, gap: float, gate: float) -> float:
    """Return how long a note sounds, in beats, where the next one follows after `gap` beats."""
    if gap < 1:
        return float(gap * (0.95 if kind == "long" else gate))
    return float(min(gap * 0.9, 4 if kind == "long" else gate))


def draw_acid(harmony: Harmony, bars: int, octave: int, swing: float, rng: Rng) -> list[Event]:
    """Draw a sixteenth-note line with rests, octaves, accents and slides; one bar repeated, its end varied."""
    density = rng.uniform(0.55, 0.95)
    palette = [0, 0, 0, 7, 7, 2, 6, 4, 1, -1, 14] if rng.uniform() < 0.7 else [0, 0, 7, 0, -7, 3, 9]
    length = int(rng.choice([16, 16, 16, 12, 32]))
    active, slides, accented = (
        rng.uniform(size=length) < density,
        rng.uniform(size=length) < 0.25,
        rng.uniform(size=length) < 0.3,
    )
    notes = rng.choice(palette, length)
    active[0], accented[0], notes[0] = True, True, 0
    if rng.uniform() < 0.5:
        accented[1:4] = accented[8:10] = False
    active[-1] = rng.uniform() < 0.2
    # A cycle of another length than the bar begins again with every second bar.
    phrase = 2 * STEPS if length < STEPS else length
    events = []
    for step in range(bars * STEPS):
        i = step % phrase % length
        if not active[i] or step == bars * STEPS - 1:
            continue
        tied = bool(slides[i]) and bool(active[(i + 1) % length]) and step < bars * STEPS - 2
        degree = harmony.degree_at(step / 4)
        events.append(
            Event(
                instrument="acid",
                start=step / 4 + swing_offset(step, swing),
                duration=0.25 if tied else 0.14,
                pitch=harmony.key.pitch(degree + int(notes[i]), octave),
                slide=tied,
                velocity=0.95 if accented[i] else 0.7,
            )
        )
    return events


def draw_stabs(
    rhythm: np.ndarray,
    harmony: Harmony,
    bars: int,
    octave: int,
    kind: str,
    gate: float,
    swing: float,
    rng: Rng,
) -> list[Event]:
    """Draw chord stabs over a rhythm (n,) of sixteenths that repeats; the last bar may vary."""
    velocities = np.resize(rhythm, bars * STEPS) * rng.uniform(0.75, 1.0)
    every = STEPS * int(rng.choice([1, 1, 2]))
    velocities[::every] = np.where(velocities[::every] > 0, 1.0, float(rng.uniform() < 0.35))
    if rng.uniform() < 0.5:
        velocities[-8:] = np.where(rng.uniform(size=8) < 0.3, 0.8, 0) if rng.uniform() < 0.5 else 0
    parallel = harmony.degrees[0] if rng.uniform() < 0.3 else None
    events = []
    for step in np.flatnonzero(velocities):
        degree = harmony.degree_at(step / 4) if parallel is None else parallel
        for pitch in chord(harmony, degree, octave, kind):
            events.append(
                Event(
                    instrument="stab",
                    start=step / 4 + swing_offset(int(step), swing),
                    duration=gate,
                    pitch=pitch,
                    velocity=float(velocities[step]),
                )
            )
    return events


def draw_pad(harmony: Harmony, bars: int, octave: int, kind: str) -> list[Event]:
    """Hold each chord until the next one."""
    halves = [harmony.degree_at(2 * i) for i in range(2 * bars)]
    changes = [0] + [i for i in range(1, len(halves)) if halves[i] != halves[i - 1]]
    events = []
    for begin, end in zip(changes, [*changes[1:], len(halves)], strict=True):
        for pitch in chord(harmony, halves[begin], octave, kind):
            events.append(
                Event(instrument="pad", start=2.0 * begin, duration=2.0 * (end - begin), pitch=pitch, velocity=0.8)
            )
    return events


def draw_arp(harmony: Harmony, bars: int, octave: int, swing: float, rng: Rng) -> list[Event]:
    """Draw an arpeggio: a cycle over chord tones, of any length against a rhythm of its own."""
    rhythm = euclid(int(rng.integers(5, 17)), 16, int(rng.integers(4))) if rng.uniform() < 0.7 else euclid(4, 6, 0)
    order = rng.permutation([0, 2, 4, 7, 9])[: int(rng.integers(3, 6))]
    if rng.uniform() < 0.5:
        order = np.sort(order)
    gate, events, count = rng.uniform(0.1, 0.24), [], 0
    restart = STEPS * (bars if rng.uniform() < 0.25 else 1)
    for step in range(bars * STEPS):
        count = 0 if step % restart == 0 else count
        if not rhythm[step % len(rhythm)]:
            continue
        degree = harmony.degree_at(step / 4) + int(order[count % len(order)])
        count += 1
        events.append(
            Event(
                instrument="arp",
                start=step / 4 + swing_offset(step, swing),
                duration=gate,
                pitch=harmony.key.pitch(degree, octave),
                velocity=1.0 if step % STEPS == 0 else 0.85 if step % 4 == 0 else rng.uniform(0.5, 0.75),
            )
        )
    return events


def draw_lead(harmony: Harmony, bars: int, octave: int, swing: float, rng: Rng) -> list[Event]:
    """Draw a melody: a motif of one or two bars by a leaning random walk, answered by its variation."""
    motif_bars = int(rng.choice([1, 2]))
    steps = motif_bars * STEPS
    rhythm = np.zeros(steps, bool)
    position = int(rng.choice([0, 0, 2, 3]))
    while position < steps:
        rhythm[position] = True
        position += int(rng.choice([1, 2, 3, 4, 6, 8], p=[0.1, 0.28, 0.27, 0.2, 0.1, 0.05]))
    walk, contour = int(rng.choice([0, 2, 4])), []
    for _ in range(int(rhythm.sum())):
        contour.append(walk)
        walk = int(np.clip(walk + rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 4]), -4, 9))
    answer = [c if rng.uniform() < 0.6 else c + int(rng.choice([-2, -1, 1, 2])) for c in contour]
    onsets, events = np.flatnonzero(np.resize(rhythm, bars * STEPS)), []
    gate = rng.uniform(0.5, 1.0)
    for i, step in enumerate(onsets):
        following = onsets[i + 1] if i + 1 < len(onsets) else bars * STEPS
        notes = answer if (step // steps) % 2 else contour
        degree = notes[i % len(contour)] + (harmony.degree_at(step / 4) if rng.uniform() < 0.15 else 0)
        events.append(
            Event(
                instrument="lead",
                start=step / 4 + swing_offset(int(step), swing),
                duration=float((following - step) / 4 * gate),
                pitch=harmony.key.pitch(degree, octave),
                velocity=1.0 if step % STEPS == 0 else float(rng.uniform(0.65, 0.9)),
            )
        )
    return events


def draw_rhythm(rng: Rng, bars_long: int) -> np.ndarray:
    """Draw a stab rhythm of `bars_long` bars from the table or by euclid."""
    rows = []
    for _ in range(bars_long):
        if rng.uniform() < 0.3:
            rows.append(euclid(int(rng.integers(1, 7)), 16, int(rng.integers(16))) * 0.9)
        else:
            rows.append(grid(STAB_GRIDS[int(rng.integers(len(STAB_GRIDS)))]))
    return np.concatenate(rows)
