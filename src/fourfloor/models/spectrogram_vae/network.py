"""The networks of this family and how they are trained; `__init__.py` says what they are."""

import itertools
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.spectrogram_vae.config import Config, Sampling
from fourfloor.models.spectrogram_vae.prior import FlowPrior, GaussianPrior, make_prior

KERNEL, STRIDE = 4, 2
MAX_WEIGHTS = 2**26  # of the largest layer: 256 MiB
MAX_VALUES = 2**22  # of one layer's output for one picture
CALIBRATION_BATCHES = 32  # of 16 pictures


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
        """Draw pictures `(n, bins, frames)`, each on its own; the conditions are ignored."""
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
