"""Jukebox, made small: autoencoders with codebooks, and transformers that write their codes (Dhariwal et al. 2020).

In: waveforms `(batch, samples)`. Out: waveforms of the same shape. Every level has its own VQ-VAE (van den Oord et al.
2017; Razavi et al. 2019): strided convolutions and dilated residual blocks squeeze `hop_length` samples to one code.
The highest level's codes are written by a causal transformer from left to right, given tempo, style and the place in
the bar; each lower level's by another one, which also sees the codes above. The lowest level's codes are decoded.

One run has two phases, as the paper: the autoencoders until step `vqvae_steps`, then the transformers on frozen codes.
Ours: what the few codes of a small collection cannot teach by attention, the highest level is shown (`recalled_parts`:
the codes at its place in the bars before), and it stops first (`prior_steps`), before it knows its loops by heart.
"""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network
from fourfloor.models.jukebox.config import Config
from fourfloor.nn.styles import MAX_STYLES

__all__ = ["MAX_STYLES", "Config", "Model", "Sampling"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How codes are drawn."""

    top_temperature: float = 1.0  # of the highest level: the music
    temperature: float = 1.0  # of the others: the sound
    top_p: float = 1.0  # share of the probability that codes are drawn from, the likeliest first

    def __post_init__(self) -> None:
        if not (0 <= self.top_temperature <= 4 and 0 <= self.temperature <= 4 and 0 < self.top_p <= 1):
            values = f"top_temperature {self.top_temperature}, temperature {self.temperature}, top_p {self.top_p}"
            raise FourfloorError(f"{values}: choose 0-4, 0-4 and above 0 to 1")


__getattr__ = in_network(__name__)
