"""The network of the decoder and how it is trained; `__init__.py` says what it is for."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from fourfloor.models.magnitude_decoder import Config
from fourfloor.networks import Part
from fourfloor.nn.conv import CircularConvNeXt
from fourfloor.representations.latent import FRAMES_PER_LATENT, LATENTS_PER_BAR, N_MELS
from fourfloor.representations.magnitude import mel_to_bins

MIN_LOG_SIGMA, MAX_LOG_SIGMA = -2.3, 0.7
IN_8_BITS = ("latent_blocks.", "upsample.", "frame_blocks.", "head.")


class Model(nn.Module):
    """Latents `(batch, latents, latent_dim)` and their log-mel `(batch, frames, N_MELS)` to magnitudes and tonality.

    `shape` is the representation's `{"latent_dim": int, "bins": int, "tones": int}`.
    """

    envelope: Tensor

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.embed = nn.Linear(shape["latent_dim"], width)
        self.latent_blocks = nn.ModuleList(CircularConvNeXt(width, kernel=5) for _ in range(config.latent_depth))
        self.upsample = nn.Linear(width, FRAMES_PER_LATENT * width)
        self.embed_mel = nn.Linear(N_MELS, width)
        self.frame_blocks = nn.ModuleList(CircularConvNeXt(width) for _ in range(config.frame_depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * shape["bins"])
        nn.init.normal_(self.head.weight, std=1e-3)
        if config.tonal_weight:
            self.tonality = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, shape["tones"]))
        with torch.no_grad():
            mean_bias, sigma_bias = self.head.bias.chunk(2)
            mean_bias.fill_(-0.3)  # the mean of log-Rayleigh lies below the log of its power
            sigma_bias.fill_(-0.5)
        self.register_buffer("envelope", torch.from_numpy(mel_to_bins()), persistent=False)

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return one group: everything is trained together."""
        return {"model": self.parameters()}

    def parts(self) -> dict[str, Part]:
        """Return the network that decoding calls."""
        bar = torch.zeros(1, 4 * LATENTS_PER_BAR, self.embed.in_features)
        mel = torch.zeros(1, bar.shape[1] * FRAMES_PER_LATENT, N_MELS)
        tonality = ("tonality",) if self.config.tonal_weight else ()
        grows = {"z": (1, LATENTS_PER_BAR), "mel": (1, LATENTS_PER_BAR * FRAMES_PER_LATENT)}
        return {
            "decode": Part(
                module=Correction(self), inputs={"z": bar, "mel": mel}, outputs=("correction", "log_sigma", *tonality),
                grows=grows, in_8_bits=IN_8_BITS,
            )
        }  # fmt: skip

    def forward(self, z: Tensor, mel: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return mean and log deviation, each `(batch, frames, bins)`, and the tonality `(batch, latents, tones)`."""
        correction, log_sigma, *tonality = self.correct(z, mel)
        return mel.float() @ self.envelope + correction, log_sigma, tonality[0] if tonality else None

    def correct(self, z: Tensor, mel: Tensor) -> tuple[Tensor, ...]:
        """Return what the log-mel envelope lacks, the log deviation and, where there is one, the tonality."""
        batch, latents, _ = z.shape
        hidden = self.embed(z)
        for block in self.latent_blocks:
            hidden = block(hidden)
        tonality = (self.tonality(hidden).float(),) if self.config.tonal_weight else ()
        hidden = self.upsample(hidden).reshape(batch, latents * FRAMES_PER_LATENT, -1) + self.embed_mel(mel)
        for block in self.frame_blocks:
            hidden = block(hidden)
        correction, log_sigma = self.head(self.norm(hidden)).float().chunk(2, dim=-1)
        return correction, log_sigma.clamp(MIN_LOG_SIGMA, MAX_LOG_SIGMA), *tonality

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield likelihood and L1 of the magnitudes `x`, and the error of the `tonality`, given `z` and `mel`."""
        mean, log_sigma, tonality = self(batch["z"], batch["mel"])
        latents = self.config.edge_latents
        inside = slice(latents * FRAMES_PER_LATENT, -latents * FRAMES_PER_LATENT or None)
        error = (batch["x"] - mean)[:, inside]
        log_sigma = log_sigma[:, inside]
        likelihood = (0.5 * (error * torch.exp(-log_sigma)).square() + log_sigma).mean()
        l1 = error.abs().mean()
        loss = likelihood + self.config.l1_weight * l1
        parts = {"likelihood": likelihood.detach(), "l1": l1.detach()}
        if tonality is not None:
            missed = (batch["tonality"] - tonality)[:, latents : -latents or None].square().mean()
            loss = loss + self.config.tonal_weight * missed
            parts["tonality"] = missed.detach()
        yield "model", loss, parts


class Correction(nn.Module):
    """The part of a decoder that is exported: the envelope is added to it outside."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, mel: Tensor) -> tuple[Tensor, ...]:
        """Return what the log-mel envelope lacks, the log deviation and, where there is one, the tonality."""
        return self.model.correct(z, mel)
