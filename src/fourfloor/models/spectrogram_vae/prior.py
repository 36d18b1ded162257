"""What the latents of a variational autoencoder are drawn from."""

import torch
from torch import Tensor, nn

from fourfloor.models.spectrogram_vae.config import Config, Sampling
from fourfloor.nn.conv import CircularConvNeXt

GAUSSIAN_ROWS = 512
TIME_FEATURES = 64


def make_prior(config: Config) -> "NormalPrior | GaussianPrior | FlowPrior":
    """Return what latents are drawn from."""
    if config.prior == "flow":
        return FlowPrior(config)
    return NormalPrior(config) if config.prior == "normal" else GaussianPrior(config)


class NormalPrior(nn.Module):
    """N(0, 1), which the posteriors only meet on average, and there not well."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.size = (config.positions, config.latent_dim)

    def draw(self, n: int, sampling: Sampling, rng: torch.Generator) -> Tensor:
        """Return `n` latents `(n, positions, latent_dim)`."""
        return sampling.temperature * torch.randn(n, *self.size, generator=rng)


class GaussianPrior(nn.Module):
    """One Gaussian over all latents of a picture, with the covariance of those of training pictures.

    It is kept as their deviations: their random combinations have that covariance, of any rank.
    """

    mean: Tensor
    deviations: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        size = (config.positions, config.latent_dim)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviations", torch.zeros(GAUSSIAN_ROWS, *size))

    def fit(self, z: Tensor) -> None:
        """Measure mean and covariance on up to `GAUSSIAN_ROWS` latents."""
        z = z[:GAUSSIAN_ROWS]
        self.mean.copy_(z.mean(dim=0))
        self.deviations.zero_()
        self.deviations[: len(z)] = (z - self.mean) / max(len(z) - 1, 1) ** 0.5

    def draw(self, n: int, sampling: Sampling, rng: torch.Generator) -> Tensor:
        """Return `n` latents `(n, positions, latent_dim)`."""
        weights = torch.randn(n, GAUSSIAN_ROWS, generator=rng).to(self.mean.device)
        return self.mean + sampling.temperature * torch.einsum("nr,rpd->npd", weights, self.deviations)


class FlowPrior(nn.Module):
    """A velocity field over `(batch, positions, latent_dim)`, from noise at t = 0 to latents at t = 1."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.prior_width
        self.size = (config.positions, config.latent_dim)
        self.dropout = config.prior_dropout
        self.embed = nn.Linear(config.latent_dim, width)
        self.place = nn.Parameter(0.02 * torch.randn(config.positions, width))
        self.times = nn.ModuleList(nn.Linear(TIME_FEATURES, width) for _ in range(config.prior_depth))
        # An odd kernel that sees a quarter of the loop to either side; four blocks see all of it.
        kernel = 2 * max(1, config.positions // 8) + 1
        self.blocks = nn.ModuleList(CircularConvNeXt(width, kernel) for _ in range(config.prior_depth))
        self.out = nn.Linear(width, config.latent_dim)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the velocity at `x`, time `t` `(batch,)`."""
        hidden = self.embed(x) + self.place
        angle = torch.pi * t[:, None] * torch.exp(torch.linspace(0.0, 5.0, TIME_FEATURES // 2, device=t.device))
        features = torch.cat([angle.sin(), angle.cos()], dim=-1)
        for block, time in zip(self.blocks, self.times, strict=True):
            hidden = nn.functional.dropout(hidden, self.dropout, self.training)
            hidden = block(hidden + time(features)[:, None])
        return self.out(nn.functional.layer_norm(hidden, hidden.shape[-1:]))

    def loss(self, z: Tensor) -> Tensor:
        """Return the flow-matching loss on latents."""
        noise = torch.randn_like(z)
        t = torch.sigmoid(torch.randn(len(z), device=z.device))
        blend = t[:, None, None]
        velocity = self((1 - blend) * noise + blend * z, t).float()
        return (velocity - (z - noise)).square().mean()

    def draw(self, n: int, sampling: Sampling, rng: torch.Generator) -> Tensor:
        """Carry noise to `n` latents `(n, positions, latent_dim)` by Euler steps."""
        z = sampling.temperature * torch.randn(n, *self.size, generator=rng).to(self.place.device)
        for i in range(sampling.steps):
            z = z + self(z, torch.full((n,), i / sampling.steps, device=z.device)) / sampling.steps
        return z
