"""The transcriber: a loop into the onsets of kick, snare or clap, and hats, and the notes of the bass.

Circular convolutions over the frames of the beat grid, after which every frame says: does one of four instruments
begin here, how hard, which of two kinds is it (snare or clap, closed or open), and which note does the bass hold.
"""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network

__all__ = ["Config", "Model"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the transcriber and weights of its losses."""

    width: int = 160
    depth: int = 8
    onset_weight: float = 3.0  # of a frame in which something begins, beside one in which nothing does
    note_weight: float = 0.3
    velocity_weight: float = 0.3

    def __post_init__(self) -> None:
        if not 8 <= self.width <= 4096 or not 1 <= self.depth <= 64:
            raise FourfloorError(f"width {self.width}, depth {self.depth}: choose 8-4096 and 1-64")
        weights = (self.onset_weight, self.note_weight, self.velocity_weight)
        if not all(0 <= weight <= 1000 for weight in weights):
            raise FourfloorError(f"weights {weights}: choose 0-1000")


__getattr__ = in_network(__name__)
