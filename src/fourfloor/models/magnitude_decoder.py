"""The decoder: latents to the distribution of every log magnitude on the beat grid.

It predicts mean and deviation rather than one value, because latents do not determine noise: a regression
would dim and smear hats and cymbals. Trained with the Gaussian likelihood; no inverse STFT in training.
The mean starts from the log-mel envelope that the latents already hold, so the network learns only what it lacks.
Beside it, it says how tonal each semitone is: magnitudes tell a line from a hump, but not a sine from narrow noise.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.nn.conv import CircularConvNeXt
from fourfloor.representations.latent import FRAMES_PER_LATENT, N_MELS
from fourfloor.representations.magnitude import mel_to_bins

MIN_LOG_SIGMA, MAX_LOG_SIGMA = -2.3, 0.7


@dataclass(frozen=True, kw_only=True)
class Config:
    """Size of the decoder and weight of its losses."""

    width: int = 224
    latent_depth: int = 4  # blocks at eight latents a beat
    frame_depth: int = 3  # blocks at 32 frames a beat
    l1_weight: float = 0.3
    tonal_weight: float = 0.0  # of the tonality's squared error; 0: all is noise
    edge_latents: int = 6  # at a crop's ends the wrapped context is wrong: they carry no loss

    def __post_init__(self) -> None:
        depths = (self.latent_depth, self.frame_depth)
        if not 8 <= self.width <= 4096 or not all(0 <= depth <= 64 for depth in depths):
            raise FourfloorError(f"width {self.width}, depths {depths}: choose width 8-4096 and depths 0-64")
        if not 0 <= self.tonal_weight <= 100:
            raise FourfloorError(f"tonal_weight {self.tonal_weight}: choose 0-100")


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

    def forward(self, z: Tensor, mel: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return mean and log deviation, each `(batch, frames, bins)`, and the tonality `(batch, latents, tones)`."""
        batch, latents, _ = z.shape
        hidden = self.embed(z)
        for block in self.latent_blocks:
            hidden = block(hidden)
        tonality = self.tonality(hidden).float() if self.config.tonal_weight else None
        hidden = self.upsample(hidden).reshape(batch, latents * FRAMES_PER_LATENT, -1) + self.embed_mel(mel)
        for block in self.frame_blocks:
            hidden = block(hidden)
        correction, log_sigma = self.head(self.norm(hidden)).float().chunk(2, dim=-1)
        return mel.float() @ self.envelope + correction, log_sigma.clamp(MIN_LOG_SIGMA, MAX_LOG_SIGMA), tonality

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
