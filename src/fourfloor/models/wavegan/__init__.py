"""WaveGAN: noise -> raw samples by transposed convolutions (Donahue, McAuley and Puckette 2019).

x is a fragment `(batch, samples)` in [-1, 1] of 16384 samples (the paper's tables) or 65536 (one layer and a doubling
of the channels more, as in the authors' code). Unconditional: it knows neither tempo nor style.
"""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network
from fourfloor.nn import adversarial
from fourfloor.nn.adversarial import Sampling

__all__ = ["Config", "Model", "Sampling"]

START_SAMPLES = 16


@dataclass(frozen=True, kw_only=True)
class Config(adversarial.Config):
    """Size of the networks and how they are trained; the values of the paper."""

    phase_shuffle: int = 2  # the critic's activations are shifted by up to as many samples; 0 switches it off

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.phase_shuffle < START_SAMPLES:
            raise FourfloorError(f"phase_shuffle {self.phase_shuffle}: choose 0-{START_SAMPLES - 1}")


__getattr__ = in_network(__name__)
