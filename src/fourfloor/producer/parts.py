"""One instrument of a loop: its events and its sound."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fourfloor.producer.score import Event
from fourfloor.producer.synths import Patch


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
