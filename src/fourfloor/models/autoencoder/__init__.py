"""The plain autoencoder: fully connected layers squeeze a waveform fragment to a few numbers and unfold it again.

In: fragments `(batch, samples)`. Out: fragments of the same shape. One layer is the linear autoencoder, whose best
solution spans the principal components (Bourlard and Kamp 1988; Baldi and Hornik 1989); more layers put ReLUs between
(Hinton and Salakhutdinov 2006). Trained on the mean squared error. Sampling draws latents from one Gaussian that is
fitted to those of the training set, and knows nothing of the neighboring fragment.
"""

from dataclasses import dataclass

from fourfloor.errors import FourfloorError
from fourfloor.models import in_network

__all__ = ["Config", "Model", "Sampling"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the encoder; the decoder is its mirror image."""

    layers: int = 1  # of the encoder
    width: int = 512  # of the first hidden layer; the next ones shrink geometrically
    latent_dim: int = 256

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= 8:
            raise FourfloorError(f"layers {self.layers}: choose 1-8")
        if not 1 <= self.latent_dim <= self.width <= 4096:
            sizes = f"latent_dim {self.latent_dim}, width {self.width}"
            raise FourfloorError(f"{sizes}: choose 1 <= latent_dim <= width <= 4096")

    def widths(self, samples: int) -> list[int]:
        """List the sizes from a fragment to its latents, `layers + 1` of them."""
        steps = max(self.layers - 1, 1)
        ratio = self.latent_dim / self.width
        hidden = [round(self.width * ratio ** (i / steps)) for i in range(self.layers - 1)]
        return [samples, *hidden, self.latent_dim]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How latents are drawn."""

    temperature: float = 1.0  # multiplies their deviation from the mean

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 4:
            raise FourfloorError(f"temperature {self.temperature}: choose 0-4")


__getattr__ = in_network(__name__)
