"""What a recipe may set of a variational autoencoder."""

from dataclasses import dataclass
from typing import Literal

from fourfloor.errors import FourfloorError

MAX_LATENTS = 2**14  # of one picture, in all


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the networks and what is minimized."""

    axes: Literal["both", "time"] = "both"  # convolved; with "time" bins are channels
    layers: int = 5  # each halves the convolved axes
    width: int = 16  # channels of the first layer; doubled by each next one where both axes shrink
    positions: int = 1  # latents along time; 1: one vector for the whole picture
    latent_dim: int = 64  # of each
    error: Literal["mean", "sum", "calibrated"] = "calibrated"  # of squares; calibrated: at its most likely variance
    kl_weight: float = 1.0
    kl_warmup_steps: int = 0  # over which the weight rises from 0
    free_bits: float = 0.0  # nats a latent dimension may hold at no cost, mean over batch and positions
    turns: int = 1  # pictures are turned by a random multiple of frames / turns; 4 for loops of 4 bars
    prior: Literal["normal", "gaussian", "flow"] = "normal"
    prior_width: int = 128  # of the flow
    prior_depth: int = 4
    prior_dropout: float = 0.0

    def __post_init__(self) -> None:
        sizes = {"layers": (1, 8), "width": (1, 1024), "positions": (1, 1024), "latent_dim": (1, 1024),
                 "turns": (1, 1024), "prior_width": (8, 1024), "prior_depth": (1, 16),
                 "kl_weight": (0, 1e6), "kl_warmup_steps": (0, 1e9), "free_bits": (0, 100)}  # fmt: skip
        for name, (low, high) in sizes.items():
            if not low <= getattr(self, name) <= high:
                raise FourfloorError(f"{name} {getattr(self, name)}: choose {low:g}-{high:g}")
        if self.positions * self.latent_dim > MAX_LATENTS:
            raise FourfloorError(
                f"positions {self.positions} x latent_dim {self.latent_dim}: choose up to {MAX_LATENTS}"
            )
        if not 0 <= self.prior_dropout < 1:
            raise FourfloorError(f"prior_dropout {self.prior_dropout}: choose 0 to below 1")


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How latents are drawn and decoded."""

    steps: int = 24  # of the flow
    temperature: float = 1.0  # multiplies the noise that latents are made from
    noise: float = 0.0  # share of the decoder's deviation that is drawn; 0: its mean

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 1000:
            raise FourfloorError(f"steps {self.steps}: choose 1-1000")
        if not (0 <= self.temperature <= 4 and 0 <= self.noise <= 4):
            raise FourfloorError(f"temperature {self.temperature}, noise {self.noise}: choose 0-4")
