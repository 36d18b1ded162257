"""The plain autoencoder: fully connected layers squeeze a waveform fragment to a few numbers and unfold it again.

In: fragments `(batch, samples)`. Out: fragments of the same shape. One layer is the linear autoencoder, whose best
solution spans the principal components (Bourlard and Kamp 1988; Baldi and Hornik 1989); more layers put ReLUs between
(Hinton and Salakhutdinov 2006). Trained on the mean squared error. Sampling draws latents from one Gaussian that is
fitted to those of the training set, and knows nothing of the neighboring fragment.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError

CALIBRATION_BATCHES = 128  # of 16 fragments, which the Gaussian is fitted to: many more than it has dimensions
SHRINKAGE = 0.02  # of the covariances toward 0, so that the Cholesky factor exists
VARIANCE_FLOOR = 1e-6  # of latents that never move
MAX_WEIGHTS = 2**26  # of the largest layer: 256 MiB


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


class Model(nn.Module):
    """Encoder, decoder and a Gaussian over the latents; `shape` is the representation's `{"samples": int}`."""

    mean: Tensor
    cholesky: Tensor

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        widths = config.widths(shape["samples"])
        if widths[0] * widths[1] > MAX_WEIGHTS:
            raise FourfloorError(f"samples {widths[0]} x width {widths[1]} is over {MAX_WEIGHTS} weights; lower either")
        self.encoder = dense(widths)
        self.decoder = dense(widths[::-1])
        # The Gaussian over latents, measured by `calibrate`: mean and lower Cholesky factor of the covariance.
        self.register_buffer("mean", torch.zeros(config.latent_dim))
        self.register_buffer("cholesky", torch.eye(config.latent_dim))

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return one group: encoder and decoder are trained together."""
        return {"model": self.parameters()}

    def encode(self, x: Tensor) -> Tensor:
        """Squeeze fragments `(batch, samples)` to latents `(batch, latent_dim)`."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """Unfold latents `(batch, latent_dim)` to fragments `(batch, samples)`."""
        return self.decoder(z)

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the mean squared error of the reconstruction."""
        x = batch["x"]
        error = (self.decode(self.encode(x)).float() - x).square().mean()
        yield "model", error, {"unexplained": error.detach() / x.square().mean().clamp_min(1e-9)}

    @torch.no_grad()
    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw fragments `(n, samples)`, each on its own; the conditions are ignored."""
        noise = torch.randn(n, len(self.mean), generator=rng).to(self.mean.device)
        return self.decode(self.mean + sampling.temperature * noise @ self.cholesky.T)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]], rng: torch.Generator) -> None:
        """Fit the Gaussian to the latents of training fragments."""
        latents = [self.encode(batch["x"]) for batch in itertools.islice(batches, CALIBRATION_BATCHES)]
        mean, cholesky = fit_gaussian(torch.cat(latents))
        self.mean.copy_(mean)
        self.cholesky.copy_(cholesky)


def dense(widths: list[int]) -> nn.Sequential:
    """Build fully connected layers of these sizes with ReLUs between them, none at the end."""
    layers: list[nn.Module] = []
    for size, following in itertools.pairwise(widths):
        layers += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def fit_gaussian(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean `(dim,)` and lower Cholesky factor `(dim, dim)` of latents `(n, dim)`, in float32.

    Covariances are shrunk toward 0 (Schäfer and Strimmer 2005, with a fixed intensity); variances stay as they are.
    """
    exact = z.double()
    mean = exact.mean(dim=0)
    covariance = (exact - mean).T @ (exact - mean) / max(len(z) - 1, 1)
    variances = covariance.diagonal().clamp_min(VARIANCE_FLOOR)
    shrunk = (1 - SHRINKAGE) * covariance
    shrunk.diagonal().copy_(variances)
    return mean.to(z.dtype), torch.linalg.cholesky(shrunk).to(z.dtype)
