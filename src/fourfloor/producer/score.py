"""What is played: events in beats and the finished loop with its ground truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

BEATS_PER_BAR = 4


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
