"""The networks of this family and how they are trained; `__init__.py` says what they are."""

import itertools
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.spectrogram_gan.config import Config
from fourfloor.models.spectrogram_gan.layers import STRIDE, Down, ResizedUp, TransposedUp, initialize
from fourfloor.nn.adversarial import Sampling
from fourfloor.nn.wasserstein import gradient_penalty, spread

SLOPE = 0.2  # of the leaky rectifier, as DCGAN
MOMENTUM = 0.1  # of the running statistics of batches, as torch's
MAX_WEIGHTS = 2**26  # of the largest layer: 256 MiB
MAX_VALUES = 2**22  # of one layer's output for one picture
CALIBRATION_BATCHES, CALIBRATION_SIZE = 16, 32


class Model(nn.Module):
    """A generator and its discriminators; `shape` is the representation's `{"bins": int, "frames": int}`."""

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config = config
        start, channels = layer_sizes(config, shape)
        self.generator = Generator(config, start, channels[::-1])
        self.discriminators = nn.ModuleList(
            Discriminator(config, (start[0] >> scale, start[1] >> scale), channels) for scale in range(config.scales)
        )

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return the two players."""
        return {"discriminator": self.discriminators.parameters(), "generator": self.generator.parameters()}

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the discriminators' loss for every part of the batch, then the generator's."""
        config = self.config
        parts = zip(batch["x"].chunk(config.discriminator_steps), batch["bpm"].chunk(config.discriminator_steps),
                    strict=True)  # fmt: skip
        for x, bpm in parts:
            real, tempo = turn(x, config.turns), relative_tempo(bpm)
            with torch.no_grad():
                fake = self.generator(self.draw(len(x)), tempo)
            loss, judged = self.judge_loss(real, fake, tempo)
            yield "discriminator", loss, judged | spread(real, fake)
        if torch.is_grad_enabled():
            self.discriminators.requires_grad_(False)  # a fifth of the step is saved where only the way through counts
            scores = self.scores(self.generator(self.draw(len(tempo)), tempo), tempo)
            self.discriminators.requires_grad_(True)
            loss = torch.stack([generator_loss(score, config.loss) for score in scores]).mean()
            yield "generator", loss, {"generator": loss.detach()}

    def judge_loss(self, real: Tensor, fake: Tensor, tempo: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the discriminators minimize, mean over scales, and how often they are right."""
        pairs = list(zip(self.scores(real, tempo), self.scores(fake, tempo), strict=True))
        loss = torch.stack([discriminator_loss(*pair, self.config.loss) for pair in pairs]).mean()
        right = torch.stack([((a > 0).float().mean() + (b < 0).float().mean()) / 2 for a, b in pairs]).mean()
        parts = {"discriminator": loss.detach(), "right": right}
        if self.config.penalty_weight and torch.is_grad_enabled():
            penalty = gradient_penalty(lambda x: torch.stack(self.scores(x, tempo)).mean(dim=0), real, fake)
            return loss + self.config.penalty_weight * penalty, parts | {"penalty": penalty.detach()}
        return loss, parts

    def scores(self, x: Tensor, tempo: Tensor) -> list[Tensor]:
        """Return the score `(batch,)` of every scale."""
        scores = []
        for discriminator in self.discriminators:
            scores.append(discriminator(x, tempo))
            x = nn.functional.avg_pool2d(x.unsqueeze(1), STRIDE).squeeze(1)
        return scores

    def draw(self, n: int) -> Tensor:
        """Draw latents `(n, latent_dim)`."""
        return torch.randn(n, self.config.latent_dim, device=next(self.parameters()).device)

    @torch.no_grad()
    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw the `n` pictures of one loop; each number of z is the loop's or, at `variation`, the picture's own."""
        size, device = self.config.latent_dim, next(self.parameters()).device
        own, shared = torch.randn(n, size, generator=rng), torch.randn(size, generator=rng)
        z = torch.where(torch.rand(size, generator=rng) < sampling.variation, own, shared)
        return self.generator(z.to(device), relative_tempo(conditions["bpm"].to(device)))

    @torch.no_grad()
    def calibrate(self, batches: Iterable[dict[str, Tensor]], rng: torch.Generator) -> None:
        """Measure the generator's batch statistics again: those it has belong to weights that were not averaged."""
        norms = [layer for layer in self.generator.modules() if isinstance(layer, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over what follows
            norm.train()
        device = next(self.parameters()).device
        for batch in itertools.islice(batches, CALIBRATION_BATCHES):
            z = torch.randn(CALIBRATION_SIZE, self.config.latent_dim, generator=rng).to(device)
            bpm = batch["bpm"][torch.arange(CALIBRATION_SIZE) % len(batch["bpm"])]
            self.generator(z, relative_tempo(bpm))
        for norm in norms:
            norm.momentum = MOMENTUM
            norm.eval()


class Generator(nn.Module):
    """z `(batch, latent_dim)` to `(batch, bins, frames)` in [-1, 1]: a dense layer, then each layer doubles sides."""

    def __init__(self, config: Config, start: tuple[int, int], channels: list[int]) -> None:
        super().__init__()
        self.start, self.tempo = start, config.tempo
        self.dense = nn.Linear(config.latent_dim + config.tempo, channels[0] * start[0] * start[1])
        self.norms = nn.ModuleList(nn.BatchNorm2d(inside, momentum=MOMENTUM) for inside in channels[:-1])
        up = TransposedUp if config.upsampling == "transposed" else ResizedUp
        self.layers = nn.ModuleList(up(a, b, config) for a, b in itertools.pairwise(channels))
        self.apply(initialize)

    def forward(self, z: Tensor, tempo: Tensor) -> Tensor:
        """Return pictures for latents and tempi `(batch,)`."""
        told = torch.cat([z, tempo[:, None]], dim=1) if self.tempo else z
        x = self.dense(told).unflatten(1, (-1, *self.start))
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = layer(norm(x).relu())
        return torch.tanh(x).squeeze(1)


class Discriminator(nn.Module):
    """`(batch, bins, frames)` to a score `(batch,)`, real above 0: each layer halves both sides, then a dense layer."""

    def __init__(self, config: Config, start: tuple[int, int], channels: list[int]) -> None:
        super().__init__()
        self.tempo, self.batch_deviation = config.tempo, config.batch_deviation
        self.dropout = nn.Dropout(config.dropout)
        channels = [channels[0] + config.tempo, *channels[1:]]
        self.layers = nn.ModuleList(Down(a, b, config) for a, b in itertools.pairwise(channels))
        self.dense = nn.Linear(channels[-1] * start[0] * start[1] + config.batch_deviation, 1)
        self.apply(initialize)
        batch = config.normalization == "batch"
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) if batch else nn.Identity() for b in channels[2:])
        self.norms.apply(initialize)
        if config.normalization == "spectral":
            for layer in [*self.layers, self.dense]:
                nn.utils.parametrizations.spectral_norm(layer)

    def forward(self, x: Tensor, tempo: Tensor) -> Tensor:
        """Return the score."""
        x = x.unsqueeze(1)
        if self.tempo:
            x = torch.cat([x, tempo[:, None, None, None].expand_as(x)], dim=1)
        x = self.layers[0](x)  # as in DCGAN nothing is normalized next to the picture
        for norm, layer in zip(self.norms, self.layers[1:], strict=True):
            x = norm(layer(self.dropout(nn.functional.leaky_relu(x, SLOPE))))
        x = self.dropout(nn.functional.leaky_relu(x, SLOPE)).flatten(1)
        if self.batch_deviation:
            deviation = x.var(dim=0, unbiased=False).add(1e-8).sqrt().mean()
            x = torch.cat([x, deviation.expand(len(x), 1)], dim=1)
        return self.dense(x).squeeze(1)


def discriminator_loss(real: Tensor, fake: Tensor, kind: str) -> Tensor:
    """Return what a discriminator minimizes; real and fake are scores `(batch,)`."""
    real, fake = real.float(), fake.float()
    if kind == "hinge":
        return (1 - real).relu().mean() + (1 + fake).relu().mean()
    return nn.functional.softplus(-real).mean() + nn.functional.softplus(fake).mean()


def generator_loss(fake: Tensor, kind: str) -> Tensor:
    """Return what a generator minimizes; with cross-entropy the non-saturating one."""
    return -fake.float().mean() if kind == "hinge" else nn.functional.softplus(-fake.float()).mean()


def relative_tempo(bpm: Tensor) -> Tensor:
    """Return tempi in octaves from 128 BPM, four to a unit: house and techno lie within about 1."""
    return 4 * torch.log2(bpm / 128)


def turn(x: Tensor, turns: int) -> Tensor:
    """Turn each picture on its circle of frames by its own random multiple of frames / turns."""
    if turns == 1:
        return x
    frames = x.shape[-1]
    shift = torch.randint(turns, (len(x), 1), device=x.device) * (frames // turns)
    places = (torch.arange(frames, device=x.device) + shift) % frames
    return x.gather(2, places[:, None].expand_as(x))


def layer_sizes(config: Config, shape: dict[str, int]) -> tuple[tuple[int, int], list[int]]:
    """Return bins and frames of the smallest picture, and the channels from the whole picture to there."""
    bins, frames = shape["bins"], shape["frames"]
    shrinking = STRIDE ** (config.layers + config.scales - 1)
    if bins % shrinking or frames % shrinking:
        sides = f"{config.layers} layers and {config.scales} scales"
        raise FourfloorError(f"{bins} bins, {frames} frames: {sides} take multiples of {shrinking}")
    start = (bins // STRIDE**config.layers, frames // STRIDE**config.layers)
    channels = [1, *(config.width * STRIDE**layer for layer in range(config.layers))]
    dense = config.latent_dim * channels[-1] * start[0] * start[1]
    largest = max(dense, *(config.kernel**2 * a * b for a, b in itertools.pairwise(channels)))
    if largest > MAX_WEIGHTS or config.width * bins * frames > MAX_VALUES:
        raise FourfloorError(
            f"width {config.width}, layers {config.layers}: too large for {bins} bins, {frames} frames"
        )
    return start, channels
