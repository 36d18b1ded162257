"""Rhythm: one-bar grids of velocities, their variation over bars (A-A-A-B), fills, swing and microtiming.

A grid is a float array (16,) of velocities, 0 = rest; `phrase` turns a grid into events over the whole loop.
"""

from __future__ import annotations

import numpy as np

from fourfloor.producer.score import Event
from fourfloor.signal.beatgrid import BEATS_PER_BAR

STEPS = 16
Rng = np.random.Generator


def grid(text: str) -> np.ndarray:
    """Read a grid from 16 characters: "." a rest, "1".."9" a velocity in tenths, "x" full."""
    return np.array([0.0 if c == "." else 1.0 if c == "x" else int(c) / 10 for c in text])


def euclid(hits: int, steps: int, rotation: int) -> np.ndarray:
    """Spread `hits` over `steps` as evenly as possible (Toussaint 2005), booleans (steps,)."""
    return np.roll((np.arange(steps) * hits) % steps < hits, rotation)


def polymeter(hits: int, cycle: int, rotation: int, bars: int) -> np.ndarray:
    """Repeat a euclidean cycle of another length than 16 against the bar, velocities (bars * 16,)."""
    return np.resize(euclid(hits, cycle, rotation), bars * STEPS) * 0.8


def accents(rng: Rng, depth: float) -> np.ndarray:
    """Draw a velocity contour (16,) that repeats every beat, half bar or bar, its first step the strongest."""
    period = int(rng.choice([4, 8, 16, 4]))
    contour = rng.uniform(0, 1, period)
    contour[0] = 0.0
    return np.resize(1 - depth * contour, STEPS)


HAT_GRIDS = (
    "..8...8...8...8.",
    "4.8.4.8.4.8.4.8.",
    "6386638663866386",
    "7487748774877487",
    "8.6.8.6.8.6.8.6.",
    "..84..8...84..86",
    "5.8.5.845.8.5.84",
    "..8...8...8..78.",
    "6.86..8.6.86..8.",
    "..86..86..86..86",
    ".484.484.484.484",
    "8.8.8.8.8.8.8.86",
)
CLAP_GRIDS = (
    "....x.......x...",
    "....x.......x...",
    "....x.......x..4",
    "....x..4....x...",
    "....x.......x.3.",
    "............x...",
    "....x.......x4..",
)
KICK_GRIDS = (
    "x...x...x...x...",
    "x...x...x...x...",
    "x...x...x...x...",
    "x...x...x...x..5",
    "x...x...x...x.4.",
    "x...x...x..4x...",
)
BROKEN_KICK_GRIDS = ("x.....x...x.....", "x..x..x...x..x..", "x.........x..5..", "x......x..x.....", "x..x......x.....")
SNARE_GRIDS = ("....x.......x...", "....x..3.3..x...", "....8.......8.3.", ".......4.4......", "....x.......x.33")
RIM_GRIDS = (
    "...8..8...8.....",
    "..8..8....8..8..",
    "...8.......8..8.",
    "x..8..8...8.8...",
    ".......8......8.",
    "...8...8..8.....",
    "..6...8.....6.8.",
    "....8.......8..5",
)
OPEN_GRIDS = (
    "..x...x...x...x.",
    "..x...x...x...x.",
    "......x.......x.",
    "..x.......x.....",
    "..............x.",
    "..x...x...x..x..",
)
RIDE_GRIDS = ("x...x...x...x...", "x.7.x.7.x.7.x.7.", "..x...x...x...x.", "x.77x.77x.77x.77", "7.x.7.x.7.x.7.x.")
SHAKER_GRIDS = ("7387738773877387", "5.8.5.8.5.8.5.8.", "8485848584858485", ".484.484.484.484", "8466846684668466")
CONGA_GRIDS = (
    "..5..8..5.8.5...",
    "3.38..88..38..88",
    "...8..8....8..66",
    "..8...85..8..8..",
    "8..5.8..8..5.88.",
    "......8.....8.86",
)
GRIDS = {
    "hat": HAT_GRIDS,
    "clap": CLAP_GRIDS,
    "kick": KICK_GRIDS,
    "broken_kick": BROKEN_KICK_GRIDS,
    "snare": SNARE_GRIDS,
    "rim": RIM_GRIDS,
    "open": OPEN_GRIDS,
    "ride": RIDE_GRIDS,
    "shaker": SHAKER_GRIDS,
    "conga": CONGA_GRIDS,
}


def draw_grid(role: str, density: float, rng: Rng) -> np.ndarray:
    """Draw a one-bar grid for a drum role: a known one mutated, or a euclidean one."""
    if role == "percussion":
        if rng.uniform() < 0.5:
            hits = int(rng.integers(2, 4 + round(5 * density)))
            return euclid(hits, STEPS, int(rng.integers(16))) * accents(rng, 0.5)
        role = str(rng.choice(["rim", "conga"]))
    base = grid(str(rng.choice(GRIDS[role])))
    if role in ("hat", "shaker", "rim", "conga"):
        base = base * accents(rng, 0.35)
        if rng.uniform() < 0.35:
            base = np.roll(base, int(rng.choice([-2, -1, 1, 2, 4, 8])) if role in ("rim", "conga") else 0)
        ghosts = (rng.uniform(size=STEPS) < 0.12 * density) & (base == 0)
        base = np.where(ghosts, rng.uniform(0.2, 0.4, STEPS), base)
        thinned = (rng.uniform(size=STEPS) < 0.25 * (1 - density)) & (base < 0.7)
        base = np.where(thinned, 0, base)
    return base


def vary(base: np.ndarray, amount: float, rng: Rng) -> np.ndarray:
    """Return a bar with a few hits dropped or added in its second half: variation leads into the next bar."""
    changed = base.copy()
    for _ in range(1 + int(rng.poisson(amount * 2))):
        step = int(rng.integers(STEPS // 2, STEPS))
        changed[step] = 0.0 if changed[step] > 0 and rng.uniform() < 0.6 else rng.uniform(0.3, 0.9)
    return changed


def fill(role: str, base: np.ndarray, begin: int, rng: Rng) -> np.ndarray:
    """Return the last bar's version: a kick that stops at step `begin`, a roll from there, a busier end."""
    changed = base.copy()
    if role == "kick":
        if rng.uniform() < 0.6:
            changed[begin:] = 0
        else:
            changed[[14, 15] if rng.uniform() < 0.5 else [11, 14]] = 0.7
    elif role in ("snare", "clap", "rim"):
        steps = np.arange(begin, STEPS)
        keep = rng.uniform(size=len(steps)) < rng.uniform(0.4, 1)
        changed[steps] = np.where(keep, np.linspace(0.35, 0.95, len(steps)), 0)
    elif role in ("hat", "shaker"):
        changed[begin:] = rng.uniform(0.4, 0.9, STEPS - begin) if rng.uniform() < 0.5 else 0
    else:
        changed[begin:] = vary(base, 2.0, rng)[begin:]
    return changed


def bars_of(role: str, bars: int, density: float, fill_chance: float, begin: int, rng: Rng) -> np.ndarray:
    """Return the velocities (bars * 16,) of a drum part in A-A-A-B, A-B-A-B or A-A'-A-B form.

    A fill of the last bar starts at step `begin`, the same for all parts of a loop.
    """
    a = draw_grid(role, density, rng)
    form = str(rng.choice(["AAAB", "ABAB", "AAAA", "AVAB"], p=[0.45, 0.15, 0.2, 0.2]))
    b = vary(a, 1.0, rng) if role not in ("kick", "ride", "clap") or rng.uniform() < 0.25 else a
    sections = {"A": a, "B": b, "V": vary(a, 0.5, rng) if role not in ("kick", "clap") else a}
    rows = [sections[form[i % 4]] for i in range(bars)]
    if rng.uniform() < fill_chance:
        rows[-1] = fill(role, rows[-1], begin, rng)
    return np.concatenate(rows)


def swing_offset(step: int, swing: float) -> float:
    """Return how late, in beats, a sixteenth is: `swing` 0.5 straight, 0.66 triplets."""
    return (swing - 0.5) * 0.5 if step % 2 else 0.0


def hits(
    instrument: str, velocities: np.ndarray, pitch: float, swing: float, push: float, looseness: float, rng: Rng
) -> list[Event]:
    """Turn velocities into events; `push` beats late (negative early), jitter of `looseness` beats."""
    loop_beats = len(velocities) / STEPS * BEATS_PER_BAR
    events = []
    for step in np.flatnonzero(velocities > 0):
        start = step / 4 + swing_offset(int(step), swing) + push + looseness * rng.standard_normal()
        velocity = float(np.clip(velocities[step] * rng.uniform(0.94, 1.04), 0.05, 1))
        events.append(
            Event(instrument=instrument, start=float(start % loop_beats), duration=0.25, pitch=pitch, velocity=velocity)
        )
    return events
