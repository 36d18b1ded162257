"""The networks of this family and how they are trained; `__init__.py` says what they are."""

import itertools

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.specgan import Config
from fourfloor.nn.wasserstein import WassersteinGAN

KERNEL, STRIDE, PADDING = 5, 2, 2
LAYERS = 5
SHRINKING = STRIDE**LAYERS
MAX_SIDE = 1024


class Model(WassersteinGAN):
    """The generator and its critic; `shape` is the representation's `{"bins": int, "frames": int}`."""

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        bins, frames = shape["bins"], shape["frames"]
        if any(side % SHRINKING or not SHRINKING <= side <= MAX_SIDE for side in (bins, frames)):
            raise FourfloorError(
                f"{bins} bins, {frames} frames: a specgan takes multiples of {SHRINKING} up to {MAX_SIDE}"
            )
        start = (bins // SHRINKING, frames // SHRINKING)
        widths = [config.width * 2**layer for layer in range(LAYERS)]
        super().__init__(Generator(config.latent_dim, widths, start), Critic(widths, start), config)


class Generator(nn.Module):
    """z `(batch, latent_dim)` to `(batch, bins, frames)`: a dense layer, then each layer doubles both sides."""

    def __init__(self, latent_dim: int, widths: list[int], start: tuple[int, int]) -> None:
        super().__init__()
        self.start = start
        self.dense = nn.Linear(latent_dim, widths[-1] * start[0] * start[1])
        channels = [*reversed(widths), 1]
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(inside, outside, KERNEL, STRIDE, PADDING, output_padding=1)
            for inside, outside in itertools.pairwise(channels)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Return x in [-1, 1]."""
        x = self.dense(z).unflatten(1, (-1, *self.start))
        for layer in self.layers:
            x = layer(torch.relu(x))
        return torch.tanh(x).squeeze(1)


class Critic(nn.Module):
    """`(batch, bins, frames)` to a score `(batch,)`: each layer halves both sides, then a dense layer."""

    def __init__(self, widths: list[int], start: tuple[int, int]) -> None:
        super().__init__()
        channels = [1, *widths]
        self.layers = nn.ModuleList(
            nn.Conv2d(outside, inside, KERNEL, STRIDE, PADDING) for outside, inside in itertools.pairwise(channels)
        )
        self.dense = nn.Linear(widths[-1] * start[0] * start[1], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the score; a real picture should have a high one."""
        x = x.unsqueeze(1)
        for layer in self.layers:
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return self.dense(x.flatten(1)).squeeze(1)
