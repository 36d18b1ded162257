"""What a recipe may set of a spectrogram GAN."""

from dataclasses import dataclass
from typing import Literal

from fourfloor.errors import FourfloorError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the networks, how they are built and what they minimize."""

    layers: int = 4  # each halves both sides; 64 by 64 ends with 4 by 4
    width: int = 16  # channels next to the picture, doubled by every layer away from it; DCGAN: 64
    latent_dim: int = 100
    kernel: Literal[4, 5] = 4  # DCGAN: 5, whose steps overlap unevenly: checkerboards
    upsampling: Literal["transposed", "resize"] = "transposed"  # resize: nearest neighbor, then a convolution
    normalization: Literal["batch", "spectral", "none"] = "batch"  # of the discriminator; the generator's is batch
    dropout: float = 0.0  # in the discriminator
    loss: Literal["bce", "hinge"] = "bce"
    penalty_weight: float = 0.0  # of the discriminator's slope; not with batch normalization
    discriminator_steps: int = 1  # for each step of the generator; a batch is cut into as many
    scales: int = 1  # discriminators, each sees the picture at half the sides of the one before
    batch_deviation: bool = False  # shown to the discriminator's last layer
    tempo: bool = False  # both networks are told the tempo
    circular: bool = False  # frames lie on a circle; else zeros before and after
    turns: int = 1  # real pictures are turned by a random multiple of frames / turns; 4 for loops of 4 bars

    def __post_init__(self) -> None:
        sizes = {"layers": (1, 8), "width": (1, 256), "latent_dim": (1, 4096), "penalty_weight": (0, 1e4),
                 "discriminator_steps": (1, 100), "scales": (1, 4), "turns": (1, 1024)}  # fmt: skip
        for name, (low, high) in sizes.items():
            if not low <= getattr(self, name) <= high:
                raise FourfloorError(f"{name} {getattr(self, name)}: choose {low:g}-{high:g}")
        if not 0 <= self.dropout < 1:
            raise FourfloorError(f"dropout {self.dropout}: choose 0 to below 1")
        if self.penalty_weight and self.normalization == "batch":
            raise FourfloorError(
                "penalty_weight: a batch-normalized slope is not one example's; use another normalization"
            )
