"""Layers that halve and double pictures, along time on a circle or not."""

from torch import Tensor, nn

from fourfloor.models.spectrogram_gan.config import Config

STRIDE = 2
INITIAL_DEVIATION = 0.02  # of weights, as DCGAN


class Down(nn.Conv2d):
    """Halve both sides; before the first frame lies the last, or nothing."""

    def __init__(self, channels: int, following: int, config: Config) -> None:
        edge = (config.kernel - 1) // 2
        super().__init__(channels, following, config.kernel, STRIDE, (edge, 0))
        self.edge, self.circular = edge, config.circular

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, following, bins / 2, frames / 2)`."""
        return super().forward(pad_time(x, self.edge, self.circular))


class TransposedUp(nn.ConvTranspose2d):
    """Double both sides: the transpose of `Down`. Neighbors are sums of different weights, hence checkerboards."""

    def __init__(self, channels: int, following: int, config: Config) -> None:
        super().__init__(channels, following, config.kernel, STRIDE, (config.kernel - 1) // 2, config.kernel % 2)
        self.circular = config.circular

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return `(batch, following, 2 * bins, 2 * frames)`."""
        return super().forward(pad_time(x, 1, self.circular))[..., STRIDE:-STRIDE]


class ResizedUp(nn.Conv2d):
    """Double both sides by repeating neighbors, then convolve."""

    def __init__(self, channels: int, following: int, config: Config) -> None:
        super().__init__(channels, following, 3, padding=(1, 0))
        self.circular = config.circular

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, following, 2 * bins, 2 * frames)`."""
        return super().forward(pad_time(nn.functional.interpolate(x, scale_factor=STRIDE), 1, self.circular))


def pad_time(x: Tensor, edge: int, circular: bool) -> Tensor:
    """Put so many frames before the first and after the last."""
    return nn.functional.pad(x, (edge, edge, 0, 0), mode="circular" if circular else "constant")


def initialize(layer: nn.Module) -> None:
    """Draw weights as DCGAN does."""
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, INITIAL_DEVIATION)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, INITIAL_DEVIATION)
