"""A variational autoencoder on magnitude spectrograms (Kingma and Welling 2014), with a choice of prior.

In: pictures `(batch, bins, frames)` in [-1, 1]. Out: pictures of the same shape. Strided convolutions lead to
`positions` latents of `latent_dim` numbers along time, transposed ones back. `error`, `kl_weight`, `free_bits` and
`prior` decide whether it lives: with a squared error far smaller than the KL every posterior becomes the prior, and the
decoder answers with the mean of all training data (posterior collapse: Bowman et al. 2016). The way out, in parts:
a decoder variance at its best value (Rybkin et al. 2021), free bits (Kingma et al. 2016), and latents that are drawn
from a flow fitted to the posteriors (Lipman et al. 2023; as in latent diffusion, Rombach et al. 2022).
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.nn.conv import CircularConvNeXt

KERNEL, STRIDE = 4, 2
MAX_WEIGHTS = 2**26  # of the largest layer: 256 MiB
MAX_VALUES = 2**22  # of one layer's output for one picture
MAX_LATENTS = 2**14  # of one picture, in all
CALIBRATION_BATCHES = 32  # of 16 pictures
GAUSSIAN_ROWS = 512
TIME_FEATURES = 64


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


class Model(nn.Module):
    """Encoder, decoder and prior; `shape` is the representation's `{"bins": int, "frames": int}`."""

    deviation: Tensor

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config = config
        start, channels = layer_sizes(config, shape)
        self.inside = (channels[-1], *start)  # what latents unfold to: channels, bins, frames
        folded = channels[-1] * start[0] * start[1] // config.positions
        self.encoder = nn.ModuleList(Down(a, b, config.axes) for a, b in itertools.pairwise(channels))
        self.to_latent = nn.Linear(folded, 2 * config.latent_dim)
        self.from_latent = nn.Linear(config.latent_dim, folded)
        self.decoder = nn.ModuleList(Up(a, b, config.axes) for a, b in itertools.pairwise(channels[::-1]))
        self.prior = make_prior(config)
        # Of what the decoder's mean leaves unexplained, a bin; measured by `calibrate`.
        self.register_buffer("deviation", torch.zeros(shape["bins"]))

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return the autoencoder, and the prior where it is learned."""
        own = [p for name, p in self.named_parameters() if not name.startswith("prior.")]
        groups: dict[str, Iterable[nn.Parameter]] = {"model": own}
        if isinstance(self.prior, FlowPrior):
            groups["prior"] = self.prior.parameters()
        return groups

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the latents, each `(batch, positions, latent_dim)`."""
        hidden = x.unsqueeze(1) if self.config.axes == "both" else x.unsqueeze(2)
        for layer in self.encoder:
            hidden = nn.functional.leaky_relu(layer(hidden), 0.1)
        folded = hidden.unflatten(3, (self.config.positions, -1)).permute(0, 3, 1, 2, 4).flatten(2)
        mean, log_variance = self.to_latent(folded).float().chunk(2, dim=-1)
        return mean, log_variance.clamp(-12, 6)

    def encode(self, x: Tensor) -> Tensor:
        """Return the means of the latents `(batch, positions, latent_dim)`."""
        return self.posterior(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """Return the mean picture `(batch, bins, frames)` of latents `(batch, positions, latent_dim)`."""
        channels, bins, _ = self.inside
        hidden = self.from_latent(z).unflatten(2, (channels, bins, -1)).permute(0, 2, 3, 1, 4).flatten(3)
        for layer in self.decoder:
            hidden = layer(nn.functional.leaky_relu(hidden, 0.1))
        return hidden.squeeze(1 if self.config.axes == "both" else 2)

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the evidence bound with its weights, then the loss of the prior on the latents as they are."""
        config = self.config
        x = turn(batch["x"], config.turns)
        mean, log_variance = self.posterior(x)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        squares = (self.decode(z).float() - x).square()
        kl = kl_per_dimension(mean, log_variance)
        weight = config.kl_weight * min(1.0, (step + 1) / max(1, config.kl_warmup_steps))
        charged = weight * config.positions * kl.clamp_min(config.free_bits).sum()
        if config.error == "calibrated":
            # -log likelihood of a picture at the variance that fits best, and all of it a value instead of a picture.
            loss = 0.5 * squares.mean().clamp_min(1e-9).log() + charged / x[0].numel()
        else:
            loss = (squares.mean() if config.error == "mean" else squares.sum() / len(x)) + charged
        parts = {"error": squares.mean(), "kl": config.positions * kl.sum(), "active": (kl > 0.01).float().sum()}
        yield "model", loss, {name: value.detach() for name, value in parts.items()}
        if isinstance(self.prior, FlowPrior):
            velocity = self.prior.loss(z.detach())
            yield "prior", velocity, {"velocity": velocity.detach()}

    @torch.no_grad()
    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw pictures `(n, bins, frames)`, each on its own; the conditions are not heard."""
        mean = self.decode(self.prior.draw(n, sampling, rng).to(self.deviation.device))
        noise = torch.randn(mean.shape, generator=rng).to(mean.device)
        return mean + sampling.noise * self.deviation[:, None] * noise

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]], rng: torch.Generator) -> None:
        """Measure what the decoder's means leave out of training pictures, per bin; fit the Gaussian to latents."""
        latents, squares = [], []
        for batch in itertools.islice(batches, CALIBRATION_BATCHES):
            x = turn(batch["x"], self.config.turns, rng)
            latents.append(self.encode(x))
            squares.append((self.decode(latents[-1]) - x).square().mean(dim=(0, 2)))
        self.deviation.copy_(torch.stack(squares).mean(dim=0).sqrt())
        if isinstance(self.prior, GaussianPrior):
            self.prior.fit(torch.cat(latents))


def layer_sizes(config: Config, shape: dict[str, int]) -> tuple[tuple[int, int], list[int]]:
    """Return the bins and frames that the encoder ends with, and the channels from a picture to there."""
    bins, frames = shape["bins"], shape["frames"]
    shrinking = STRIDE**config.layers
    if frames % (shrinking * config.positions) or (config.axes == "both" and bins % shrinking):
        sizes = f"{config.layers} layers and {config.positions} positions"
        raise FourfloorError(f"{bins} bins, {frames} frames: {sizes} take multiples of {shrinking * config.positions}")
    if config.axes == "both":
        start = (bins // shrinking, frames // shrinking)
        channels = [1, *(config.width * 2**i for i in range(config.layers))]
    else:
        start = (1, frames // shrinking)
        channels = [bins, *([config.width] * config.layers)]
    weights = [KERNEL**2 * a * b for a, b in itertools.pairwise(channels)]
    folded = channels[-1] * start[0] * start[1] // config.positions
    values = config.width * frames // STRIDE * (bins // STRIDE if config.axes == "both" else 1)
    if max(*weights, 2 * folded * config.latent_dim) > MAX_WEIGHTS or values > MAX_VALUES:
        raise FourfloorError(
            f"width {config.width}, layers {config.layers}: too large for {bins} bins and {frames} frames"
        )
    return start, channels


def turn(x: Tensor, turns: int, rng: torch.Generator | None = None) -> Tensor:
    """Turn all pictures of a batch on their circle of frames by one random multiple of frames / turns."""
    if turns == 1:
        return x
    return x.roll(int(torch.randint(turns, (), generator=rng)) * x.shape[-1] // turns, dims=-1)


def kl_per_dimension(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence of the posteriors from N(0, 1) in nats, mean over batch and positions: `(latent_dim,)`."""
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
    return kl.mean(dim=(0, 1))


class Down(nn.Conv2d):
    """Halve the convolved axes; frames lie on a circle, as in the STFT, bins end in zeros."""

    def __init__(self, channels: int, following: int, axes: str) -> None:
        both = axes == "both"
        super().__init__(channels, following, (KERNEL if both else 1, KERNEL), (STRIDE if both else 1, STRIDE),
                         (1 if both else 0, 0))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, following, bins, frames / 2)`."""
        return super().forward(nn.functional.pad(x, (1, 1, 0, 0), mode="circular"))


class Up(nn.ConvTranspose2d):
    """Double the convolved axes: the transpose of `Down`."""

    def __init__(self, channels: int, following: int, axes: str) -> None:
        both = axes == "both"
        super().__init__(channels, following, (KERNEL if both else 1, KERNEL), (STRIDE if both else 1, STRIDE),
                         (1 if both else 0, 1))  # fmt: skip

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return `(batch, following, bins, 2 * frames)`."""
        return super().forward(nn.functional.pad(x, (1, 1, 0, 0), mode="circular"))[..., 2:-2]


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
