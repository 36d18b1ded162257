"""The networks of this family and how they are trained; `__init__.py` says what they are."""

import itertools
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.autoencoder import Config, Sampling

CALIBRATION_BATCHES = 128  # of 16 fragments, which the Gaussian is fitted to: many more than it has dimensions
SHRINKAGE = 0.02  # of the covariances toward 0, so that the Cholesky factor exists
VARIANCE_FLOOR = 1e-6  # of latents that never move
MAX_WEIGHTS = 2**26  # of the largest layer: 256 MiB


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
