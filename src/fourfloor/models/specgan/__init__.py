"""SpecGAN: noise -> log-magnitude spectrograms by transposed convolutions (Donahue, McAuley and Puckette 2019).

x is a picture `(batch, bins, frames)` in [-1, 1], 128 by 128 in the paper: 16384 samples, each bin with its own mean
and deviation, clipped at three. The representation makes pictures and inverts them. Unconditional.
"""

from dataclasses import dataclass

from fourfloor.models import in_network
from fourfloor.nn import adversarial
from fourfloor.nn.adversarial import Sampling

__all__ = ["Config", "Model", "Sampling"]


@dataclass(frozen=True, kw_only=True)
class Config(adversarial.Config):
    """Size of the networks and how they are trained; the values of the paper."""


__getattr__ = in_network(__name__)
