"""Where the one is: accents, pick-ups, turnarounds, crashes and rolls by which a listener finds the first beat.

Rows of velocities come in, one a drum part, and go out marked; a loop gets marks of the bar and marks of the phrase, in
the proportions of its style.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fourfloor.producer.patterns import STEPS

Rng = np.random.Generator
# Marks that come back every bar or two; what lands on the loop's first beat; what its last beats do. Weights: a style
# changes some.
BAR_MARKS = {"pickup": 1.0, "ghost": 0.8, "bell": 0.8, "tops": 1.0, "ride": 0.35, "accent": 2.0}
LANDINGS = {"crash": 1.2, "impact": 0.5, "hit": 0.4}
TURNS = {"roll": 1.0, "stop": 1.0}
# Share of the loops where a clap, snare or rim is made to play 2 and 4.
BACKBEAT = 0.9
FIRM = ("kick", "crash", "impact")
CYMBALS = ("hat", "shaker", "ride", "percussion", "open")
PICKUPS = ((14,), (15,), (14, 15), (13, 15))
KICK_PICKUPS = ((14,),)


@dataclass(kw_only=True, eq=False)
class Row:
    """One drum part: its role, a velocity for every sixteenth of the loop (0 = rest), how much louder than usual.

    `low_cut` in Hz takes its lows out, as a filter does in an intro.
    """

    name: str
    velocities: np.ndarray
    louder_db: float = 0.0
    low_cut: float | None = None

    @property
    def bars(self) -> np.ndarray:
        """The velocities, one row a bar; writing to it writes to the part."""
        return self.velocities.reshape(-1, STEPS)


def mark_drums(rows: list[Row], bars: int, weights: dict[str, float], rng: Rng) -> list[Row]:
    """Return the rows with marks of the bar, a landing on the first beat, and a turn in the last bar.

    Loops without a steady kick get more of them, and a backbeat. `weights` overrides the chances of single marks. A
    "swell" comes back as a row without a hit: noise, not a drum.
    """
    kick = next((row for row in rows if row.name == "kick"), None)
    steady = kick is not None and bool((kick.bars[:, ::4] > 0).mean() > 0.7)
    if not steady or rng.uniform() < BACKBEAT:
        rows = rows + keep_time(rows, bars, 0.0 if steady else 2.0, rng)
    if kick is not None:
        # A kick a sixteenth before the one covers it.
        kick.bars[:, -1] = 0
    marked = list(rows)
    for mark in draw_marks(BAR_MARKS, weights, 3 + int(not steady), rng):
        marked = mark_bar(mark, marked, bars, rng)
    turn(draw_marks(TURNS, weights, 1, rng)[0], marked, bars, rng)
    for mark in draw_marks(LANDINGS, weights, 1 + int(rng.uniform() < (0.4 if steady else 0.6)), rng):
        marked.append(landing(mark, bars, rng))
    if rng.uniform() < 0.3 * weights.get("swell", 1.0):
        marked.append(on_the_one("swell", bars, bars if bars % 2 else bars // 2))
    return [row for row in marked if row.velocities.any()]


def draw_marks(marks: dict[str, float], weights: dict[str, float], count: int, rng: Rng) -> list[str]:
    """Draw different marks by weight."""
    chances = np.array([weights.get(name, weight) for name, weight in marks.items()])
    return [str(name) for name in rng.choice(list(marks), min(count, len(marks)), False, chances / chances.sum())]


def keep_time(rows: list[Row], bars: int, louder_db: float, rng: Rng) -> list[Row]:
    """Put the backbeat on 2 and 4; return what must be added to the rows for it."""
    for name in ("clap", "snare"):
        for row in rows:
            if row.name == name:
                row.bars[:, [4, 12]] = 1.0
                row.bars[:, [0, 8]] = 0
                row.louder_db = louder_db
                return []
    names = ["clap", "snare"] if louder_db else ["clap", "snare", "rim"]
    added = Row(name=str(rng.choice(names)), velocities=np.zeros(bars * STEPS), louder_db=louder_db)
    added.bars[:, [4, 12]] = 1.0
    return [added]


def some_bars(bars: int, rng: Rng) -> slice:
    """Draw which bars carry a mark: all, the second of each two, or the last."""
    drawn = (slice(None), slice(None), slice(1, None, 2), slice(-1, None))[int(rng.integers(4))]
    return drawn if bars > 1 else slice(None)


def mark_bar(mark: str, rows: list[Row], bars: int, rng: Rng) -> list[Row]:
    """Make each bar, or each second one, begin audibly."""
    by_name = {row.name: row for row in rows}
    if mark == "pickup" and "kick" in by_name:
        lead_in(by_name["kick"], KICK_PICKUPS, some_bars(bars, rng), rng.uniform(0.4, 0.65), rng)
    elif mark == "accent" and "kick" in by_name:
        by_name["kick"].bars[:, 1:] *= rng.uniform(0.72, 0.88)
    elif mark == "tops" and any(row.name in CYMBALS for row in rows):
        depth = rng.uniform(0.6, 0.8)
        for row in rows:
            if row.name in CYMBALS:
                row.bars[:, 1:] *= depth
                if row.name != "open" and rng.uniform() < 0.6:
                    row.bars[:, 0] = 1.0
    elif mark == "ride" and "ride" not in by_name:
        return [*rows, on_the_one("ride", bars, 1, louder_db=4.0)]
    elif mark == "bell":
        every = 2 if bars % 2 == 0 and rng.uniform() < 0.3 else 1
        bell = on_the_one("percussion", bars, every, louder_db=4.0)
        if rng.uniform() < 0.4:
            bell.bars[:, int(rng.choice([14, 15]))] = rng.uniform(0.3, 0.5)
        return [*rows, bell]
    else:
        quiet = [row for row in rows if row.name in ("snare", "clap", "rim", "conga")]
        if quiet:
            lead_in(quiet[int(rng.integers(len(quiet)))], PICKUPS, some_bars(bars, rng), rng.uniform(0.2, 0.38), rng)
    return rows


def lead_in(row: Row, figures: tuple[tuple[int, ...], ...], where: slice, velocity: float, rng: Rng) -> None:
    """Add a pick-up to the next bar's one."""
    for step in figures[int(rng.integers(len(figures)))]:
        row.bars[where, step] = np.maximum(row.bars[where, step], velocity * rng.uniform(0.85, 1.0))


def on_the_one(name: str, bars: int, every: int, louder_db: float = 0.0) -> Row:
    """Return a part that plays the first beat of every `every`-th bar."""
    row = Row(name=name, velocities=np.zeros(bars * STEPS), louder_db=louder_db)
    row.bars[::every, 0] = 1.0
    return row


def landing(mark: str, bars: int, rng: Rng) -> Row:
    """Return what falls on the first beat of the loop, sometimes also on its middle."""
    every = bars if bars % 2 or rng.uniform() < 0.6 else bars // 2
    if mark == "hit":
        return on_the_one("percussion", bars, every, louder_db=7.0)
    return on_the_one(mark, bars, every, louder_db=float(rng.uniform(0, 3)))


def turn(mark: str, rows: list[Row], bars: int, rng: Rng) -> None:
    """Let the last beats of the loop lead back to its first: drums stop, or one of them rolls."""
    drums = [row for row in rows if row.velocities.any()]
    if bars == 1 or not drums:
        return
    begin = int(rng.choice([8, 12, 12, 12, 14]))
    rollers = [row for row in drums if row.name in ("snare", "clap", "rim", "conga", "percussion")]
    if mark == "roll" and not rollers:
        rollers = [Row(name=str(rng.choice(["snare", "percussion"])), velocities=np.zeros(bars * STEPS))]
        rows += rollers
    if mark == "roll":
        steps = STEPS - begin
        roller = rollers[int(rng.integers(len(rollers)))]
        roller.bars[-1, begin:] = np.linspace(0.5, 1.0, steps) * (rng.uniform(size=steps) < rng.uniform(0.6, 1.0))
        if rng.uniform() < 0.7:
            for row in drums:
                if row.name in ("kick", *CYMBALS) and row is not roller:
                    row.bars[-1, begin:] = 0
        return
    kept = drums[int(rng.integers(len(drums)))] if len(drums) > 1 and rng.uniform() < 0.5 else None
    for row in drums:
        if row is not kept:
            row.bars[-1, begin:] = 0
