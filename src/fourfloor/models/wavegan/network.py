"""The networks of this family and how they are trained; `__init__.py` says what they are."""

import itertools

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError
from fourfloor.models.wavegan import START_SAMPLES, Config
from fourfloor.nn.wasserstein import WassersteinGAN

KERNEL, STRIDE = 25, 4
PADDING = 11  # turns a length into exactly its quarter, or its fourfold with one sample of output padding


class Model(WassersteinGAN):
    """The generator and its critic; `shape` is the representation's `{"samples": int}`."""

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        widths = layer_widths(config.width, shape["samples"])
        super().__init__(Generator(config.latent_dim, widths), Critic(widths, config.phase_shuffle), config)


def layer_widths(width: int, samples: int) -> list[int]:
    """Return the channels of each layer from x inward: 64, 128, 256, 512, 1024 for 16384 samples."""
    layers = next((k for k in range(2, 7) if START_SAMPLES * STRIDE**k == samples), None)
    if layers is None:
        raise FourfloorError(f"samples {samples}: a wavegan makes 256, 1024, 4096, 16384 or 65536; set one of them")
    return [width * 2**layer for layer in range(layers)]


class Generator(nn.Module):
    """z `(batch, latent_dim)` to `(batch, samples)`: a dense layer, then each layer lengthens fourfold."""

    def __init__(self, latent_dim: int, widths: list[int]) -> None:
        super().__init__()
        self.dense = nn.Linear(latent_dim, START_SAMPLES * widths[-1])
        channels = [*reversed(widths), 1]
        self.layers = nn.ModuleList(
            nn.ConvTranspose1d(inside, outside, KERNEL, STRIDE, PADDING, output_padding=1)
            for inside, outside in itertools.pairwise(channels)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Return x in [-1, 1]."""
        x = self.dense(z).unflatten(1, (-1, START_SAMPLES))
        for layer in self.layers:
            x = layer(torch.relu(x))
        return torch.tanh(x).squeeze(1)


class Critic(nn.Module):
    """`(batch, samples)` to a score `(batch,)`: each layer shortens to a quarter, then a dense layer."""

    def __init__(self, widths: list[int], phase_shuffle: int) -> None:
        super().__init__()
        channels = [1, *widths]
        self.layers = nn.ModuleList(
            nn.Conv1d(outside, inside, KERNEL, STRIDE, PADDING) for outside, inside in itertools.pairwise(channels)
        )
        self.dense = nn.Linear(START_SAMPLES * widths[-1], 1)
        self.phase_shuffle = phase_shuffle

    def forward(self, x: Tensor) -> Tensor:
        """Return the score; a real fragment should have a high one."""
        x = x.unsqueeze(1)
        for number, layer in enumerate(self.layers):
            if number:  # between any two convolutions
                x = shift_phase(x, self.phase_shuffle)
            x = nn.functional.leaky_relu(layer(x), 0.2)
        return self.dense(x.flatten(1)).squeeze(1)


def shift_phase(x: Tensor, most: int) -> Tensor:
    """Shift `(batch, channels, time)` by -most to most samples, the same for all, and reflect what is missing.

    Transposed convolutions leave artifacts at fixed phases, which a critic would otherwise tell real from fake by.
    """
    shift = int(torch.randint(-most, most + 1, ()))
    if shift == 0:
        return x
    padded = nn.functional.pad(x, (max(shift, 0), max(-shift, 0)), mode="reflect")
    return padded[..., : x.shape[-1]] if shift > 0 else padded[..., -x.shape[-1] :]
