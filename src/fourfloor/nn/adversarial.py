"""What a recipe may set of a Wasserstein GAN; `wasserstein.py` holds the networks' side."""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the networks and how they are trained; the values of Donahue et al. 2019."""

    width: int = 64  # d in the paper's tables: channels next to x, doubled by every layer away from it
    latent_dim: int = 100
    critic_steps: int = 5  # for each step of the generator; a batch is cut into as many
    penalty_weight: float = 10.0

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 128 and 1 <= self.latent_dim <= 4096):
            raise FourfloorError(f"width {self.width}, latent_dim {self.latent_dim}: choose 1-128 and 1-4096")
        if not (1 <= self.critic_steps <= 100 and 0 <= self.penalty_weight <= 1e4):
            raise FourfloorError(
                f"critic_steps {self.critic_steps}, penalty_weight {self.penalty_weight}: choose 1-100 and 0-10000"
            )


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the pieces of one loop differ: our addition, the paper samples single pieces."""

    variation: float = 1.0  # share of z drawn again for each piece; 0 repeats one piece, 1 makes them strangers

    def __post_init__(self) -> None:
        if not 0 <= self.variation <= 1:
            raise FourfloorError(f"variation {self.variation}: choose 0-1")
