"""The networks of this family and how they are trained; `__init__.py` says what they are."""

import itertools
from collections.abc import Iterable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.jukebox import Config, Sampling
from fourfloor.models.jukebox.prior import Prior
from fourfloor.models.jukebox.quantize import Quantized, VectorQuantizer
from fourfloor.models.jukebox.spectral import spectral_loss
from fourfloor.models.jukebox.strided import DILATION_GROWTH, CircularConv, Down, Residual, Up, scale, strides_of
from fourfloor.nn.styles import NO_STYLE

MAX_CODES = 2**16  # of the lowest level in one x
MAX_TOP_CODES = 2**12  # the highest level's transformer looks at all of them


class Model(nn.Module):
    """Autoencoders and priors, one of each a level, the lowest first; `shape` is `{"samples": int}`."""

    written: Tensor

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config, self.samples = config, shape["samples"]
        check_size(config, self.samples)
        hops = config.hop_lengths
        self.vqvaes = nn.ModuleList(Autoencoder(config, hop) for hop in hops)
        codes = [self.samples // hop for hop in hops]
        ratios = [above // hop for hop, above in itertools.pairwise(hops)]
        self.upsamplers = nn.ModuleList(Prior(config, n, ratio) for n, ratio in zip(codes, ratios, strict=False))
        self.prior = Prior(config, codes[-1])
        # Whether the second phase has begun: validation, which has no step, then judges the transformers.
        self.register_buffer("written", torch.tensor(False))

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return the autoencoders, the highest level's transformer, and the others where there are levels below."""
        lower = {"upsampler": self.upsamplers.parameters()} if self.upsamplers else {}
        return {"vqvae": self.vqvaes.parameters(), "prior": self.prior.parameters(), **lower}

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the autoencoders' loss, or from step `vqvae_steps` the transformers'."""
        if torch.is_grad_enabled():
            self.written.fill_(step >= self.config.vqvae_steps)
        if self.written:
            yield from self._prior_losses(batch, step)
        else:
            yield self._vqvae_loss(batch["x"])

    def _vqvae_loss(self, x: Tensor) -> tuple[str, Tensor, dict[str, Tensor]]:
        """Return the sum of the levels' losses on one crop of each x."""
        crop = crop_each(x, min(self.config.crop_samples, self.samples))
        loss = x.new_zeros(())
        parts: dict[str, Tensor] = {}
        for hop, level in zip(self.config.hop_lengths, self.vqvaes, strict=True):
            rebuilt, quantized = level(crop)
            unexplained = (rebuilt - crop).square().mean() / crop.square().mean().clamp_min(1e-6)
            spectral = spectral_loss(crop, rebuilt, self.config.log_spectral_weight)
            distance = self.config.squared_weight * unexplained + self.config.spectral_weight * spectral
            loss = loss + distance + self.config.commitment_weight * quantized.commitment
            figures = {"unexplained": unexplained, "spectral": spectral, "commitment": quantized.commitment,
                       "perplexity": quantized.perplexity, "restarts": quantized.restarts}  # fmt: skip
            parts |= {f"{name}_{hop}": value.detach() for name, value in figures.items()}
        return "vqvae", loss, parts

    def _prior_losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the cross-entropy in nats a code of the highest level while it trains, then of those below."""
        x, bpm, style = batch["x"], batch["bpm"], batch["style"]
        turn = int(torch.randint(self.config.parts, ()))
        x = x.roll(turn * self.samples // self.config.parts, dims=1)
        top = len(self.vqvaes) - 1
        hidden = torch.rand(len(x), device=x.device) < self.config.condition_dropout
        conditions = {"bpm": bpm, "style": style.masked_fill(hidden, NO_STYLE)}
        codes = self.encode(x, top)
        # The highest level has the fewest codes, so it is the first that is learned by heart.
        steps = self.config.prior_steps
        if not steps or step < self.config.vqvae_steps + steps:
            loss = self.prior.loss(codes, conditions)
            yield "prior", loss, {"prior": loss.detach()}
        if self.upsamplers:
            total = x.new_zeros(())
            for level in reversed(range(top)):
                prior = cast(Prior, self.upsamplers[level])
                # A crop lies anywhere on the circle: no place is rarer at the ends.
                start = int(torch.randint(prior.places, ())) if prior.span < prior.places else 0
                own = self.encode_crop(x, level, start, prior.span)
                total = total + prior.loss(own, conditions, codes, start)
                codes = self.encode(x, level) if level else codes
            yield "upsampler", total, {"upsampler": total.detach()}

    @torch.no_grad()
    def encode(self, x: Tensor, level: int = 0) -> Tensor:
        """Return the codes `(batch, samples / hop)` of waveforms at a level, 0 the lowest."""
        autoencoder = cast(Autoencoder, self.vqvaes[level])
        return autoencoder.quantizer.nearest(autoencoder.encode(x).flatten(0, 1)).view(len(x), -1)

    def encode_crop(self, x: Tensor, level: int, start: int, span: int) -> Tensor:
        """Return `span` of the codes of waveforms from the place `start` on, around the circle, and encode no more."""
        hop = self.config.hop_lengths[level]
        margin = -(-cast(Autoencoder, self.vqvaes[level]).reach // hop)  # of codes whose sound lies outside the crop
        if span + 2 * margin >= x.shape[1] // hop:
            return self.encode(x, level).roll(-start, dims=1)[:, :span]
        piece = x.roll(hop * (margin - start), dims=1)[:, : hop * (span + 2 * margin)]
        return self.encode(piece, level)[:, margin : margin + span]

    def decode(self, codes: Tensor, level: int = 0) -> Tensor:
        """Return the waveforms `(batch, samples)` of codes of a level."""
        autoencoder = cast(Autoencoder, self.vqvaes[level])
        return autoencoder.decode(autoencoder.quantizer.lookup(codes))

    @torch.no_grad()
    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw waveforms `(n, samples)`, each on its own."""
        return self.continue_(torch.zeros(n, 0, device=self.written.device), conditions, sampling, rng)

    @torch.no_grad()
    def continue_(
        self, prompt: Tensor, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator
    ) -> Tensor:
        """Go on from the beginnings `(n, samples)` of waveforms, a multiple of the largest hop: `(n, all samples)`."""
        return self.decode(self.write(prompt, conditions, sampling, rng)[0])

    @torch.no_grad()
    def write(
        self, prompt: Tensor, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator
    ) -> list[Tensor]:
        """Draw the codes of every level, the lowest first; they begin with those of the prompt `(n, samples)`."""
        device = self.written.device
        known = {name: conditions[name].to(device) for name in ("bpm", "style")}
        levels = range(len(self.vqvaes))
        given = [torch.zeros(len(prompt), 0, dtype=torch.long, device=device)] * len(levels)
        if prompt.shape[1]:
            # What follows the prompt is not known yet: to its last codes it goes on at its beginning.
            tiled = prompt.to(device).repeat(1, -(-self.samples // prompt.shape[1]))[:, : self.samples]
            hops = self.config.hop_lengths
            given = [self.encode(tiled, level)[:, : prompt.shape[1] // hops[level]] for level in levels]
        written = [self.prior.sample(given[-1], known, sampling.top_temperature, sampling.top_p, rng)]
        for level in reversed(levels[:-1]):
            upsampler = cast(Prior, self.upsamplers[level])
            drawn = upsampler.sample(given[level], known, sampling.temperature, sampling.top_p, rng, written[0])
            written = [drawn, *written]
        return written


class Autoencoder(nn.Module):
    """One level: waveforms to latents, their nearest vectors, and back; time is a circle."""

    def __init__(self, config: Config, hop_length: int) -> None:
        super().__init__()
        strides = strides_of(hop_length)
        self.reach = reach_of(strides, config.depth)  # samples beyond its own that a latent depends on
        widths = [config.width * min(2**i, 4) for i in range(len(strides))]
        down: list[nn.Module] = []
        up: list[nn.Module] = [CircularConv(config.latent_dim, widths[-1], 3)]
        for channels, width, stride in zip([1, *widths], widths, strides, strict=False):
            down += [Down(channels, width, stride), *(Residual(width, i) for i in range(config.depth))]
        for channels, width, stride in zip([1, *widths][::-1][1:], widths[::-1], strides[::-1], strict=True):
            up += [*(Residual(width, i) for i in reversed(range(config.depth))), Up(width, channels, stride)]
        self.encoder = nn.Sequential(*down, CircularConv(widths[-1], config.latent_dim, 3))
        scale(cast(Up, up[-1]), 2 * widths[0], 0.1)  # begin near silence, not above the signal
        self.decoder = nn.Sequential(*up)
        sizes = config.codebook_size, config.latent_dim
        self.quantizer = VectorQuantizer(*sizes, config.codebook_decay, config.restart_share)

    def encode(self, x: Tensor) -> Tensor:
        """Return latents `(batch, codes, latent_dim)` of waveforms `(batch, samples)`."""
        return self.encoder(x.unsqueeze(1)).transpose(1, 2)

    def decode(self, z: Tensor) -> Tensor:
        """Return waveforms of latents or of their nearest vectors."""
        return self.decoder(z.transpose(1, 2)).squeeze(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Quantized]:
        """Return the reconstruction and what the codebook made of the latents."""
        quantized = self.quantizer(self.encode(x))
        return self.decode(quantized.z).float(), quantized


def reach_of(strides: list[int], depth: int) -> int:
    """Return how many samples to either side of its own a latent depends on."""
    reach, rate = 0, 1
    for stride in strides:
        reach += rate * (stride // 2 + stride * sum(DILATION_GROWTH**i for i in range(depth)))
        rate *= stride
    return reach + rate  # the last convolution sees one latent to either side


def crop_each(x: Tensor, length: int) -> Tensor:
    """Cut `length` samples of every x `(batch, samples)`, each from anywhere on its circle."""
    starts = torch.randint(x.shape[1], (len(x), 1), device=x.device)
    return x.gather(1, (starts + torch.arange(length, device=x.device)) % x.shape[1])


def check_size(config: Config, samples: int) -> None:
    """Raise FourfloorError where x cannot be cut into parts of whole codes, or holds too many."""
    lowest, highest = config.hop_lengths[0], config.hop_lengths[-1]
    if samples % (highest * config.parts):
        raise FourfloorError(
            f"samples {samples}: choose a multiple of {config.parts} parts x the largest hop {highest}"
        )
    reach = highest * DILATION_GROWTH ** max(config.depth - 1, 0)
    if min(samples, config.crop_samples) < reach:
        raise FourfloorError(
            f"samples {samples}, crop_samples {config.crop_samples}: choose {reach} or more or less depth"
        )
    if samples // lowest > MAX_CODES or samples // highest > MAX_TOP_CODES:
        raise FourfloorError(
            f"samples {samples} are over {MAX_CODES} codes or {MAX_TOP_CODES} on top; raise hop_lengths"
        )
