"""What is played: events in beats and the finished loop with its ground truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fourfloor.representations.score import ROLES
from fourfloor.signal.beatgrid import FRAMES_PER_BEAT, loop_frames


@dataclass(frozen=True, kw_only=True)
class Event:
    """One note or hit; `start` and `duration` in beats, `pitch` a MIDI number, `velocity` in (0, 1]."""

    instrument: str
    start: float
    duration: float
    pitch: float
    velocity: float
    slide: bool = False


@dataclass(frozen=True, kw_only=True)
class ProducedLoop:
    """A rendered loop (2, N) with everything known about it; `stems` (2, N) sum to the mix before the master bus.

    `groups` (4, 2, N) are kick, drums, bass and music after it, and sum to the waveform.

    `key` as sample packs write it ("Amin", "F#maj"), `mode` the scale itself ("dorian").
    """

    waveform: np.ndarray
    bpm: float
    bars: int
    key: str
    mode: str
    style: str
    events: list[Event]
    stems: dict[str, np.ndarray] = field(default_factory=dict)
    groups: np.ndarray | None = None


def roll(events: list[Event], bars: int) -> np.ndarray:
    """Return what drums and bass play, uint8 `(frames, ROLES)`: see `representations/score.py`."""
    played = np.zeros((loop_frames(bars), len(ROLES)), np.uint8)
    for event in events:
        if event.instrument not in ROLES:
            continue
        start = round(event.start * FRAMES_PER_BEAT)
        velocity, role = max(1, round(255 * event.velocity)), ROLES.index(event.instrument)
        at = start % len(played)
        played[at, role] = max(played[at, role], velocity)
        if event.instrument == "bass":
            stop = max(start + 1, round((event.start + event.duration) * FRAMES_PER_BEAT))
            played[np.arange(start, stop) % len(played), ROLES.index("pitch")] = round(event.pitch)
    return played
