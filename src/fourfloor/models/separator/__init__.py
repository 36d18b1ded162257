"""The separator: a loop into kick, drums, bass and music, by masks above and by waveforms in the low band.

One trunk of circular convolutions sees the low band's waveform and the powers above it, frame by frame on the beat
grid. Above, it answers with a mask for each stem, band and channel. In the low band it weighs the coefficients of a
learned basis, as Conv-TasNet does (Luo and Mesgarani 2019): the windows of kick, drums and bass are decoded from them,
and music is what is left. Nothing is transformed inside, so the network is matrix products and convolutions alone.
"""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network

__all__ = ["Config", "Model"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the separator and weight of its losses."""

    width: int = 160
    depth: int = 8
    basis: int = 128  # coefficients of a window of the low band
    high_weight: float = 0.5  # of the decibels of what lies above the low band alone, beside those of the whole
    silence: float = 1e-3  # of the mix's power: stems below that count as silent

    def __post_init__(self) -> None:
        if not 8 <= self.width <= 4096 or not 1 <= self.depth <= 64 or not 8 <= self.basis <= 4096:
            raise FourfloorError(
                f"width {self.width}, depth {self.depth}, basis {self.basis}: choose 8-4096, 1-64 and 8-4096"
            )
        if not 0 <= self.high_weight <= 100 or not 1e-6 <= self.silence <= 1:
            raise FourfloorError(f"high_weight {self.high_weight:g}, silence {self.silence:g}: choose 0-100, 1e-6-1")


__getattr__ = in_network(__name__)
