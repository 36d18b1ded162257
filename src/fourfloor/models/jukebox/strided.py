"""Strided and dilated convolutions over a closed loop: waveforms to latents and back (Dhariwal et al. 2020)."""

import math

from torch import Tensor, nn

DILATION_GROWTH = 3


class CircularConv(nn.Conv1d):
    """A convolution of `(batch, channels, time)` around the circle, as long as what went in."""

    def __init__(self, channels: int, following: int, kernel: int, dilation: int = 1) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(channels, following, kernel, padding=padding, dilation=dilation, padding_mode="circular")
        scale(self, channels * kernel)


class Down(nn.Conv1d):
    """Shorten time `stride` times."""

    def __init__(self, channels: int, following: int, stride: int) -> None:
        padding = stride // 2
        super().__init__(channels, following, 2 * stride, stride, padding, padding_mode="circular")
        scale(self, channels * 2 * stride)


class Up(nn.ConvTranspose1d):
    """Stretch time `stride` times: the transpose of `Down`."""

    def __init__(self, channels: int, following: int, stride: int) -> None:
        super().__init__(channels, following, 2 * stride, stride, stride + stride // 2)
        scale(self, channels * 2)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return `(batch, following, stride * time)`."""
        return super().forward(nn.functional.pad(x, (1, 1), mode="circular"))


class Residual(nn.Module):
    """A dilated convolution and one across channels, added to what went in; the i-th of a stack looks 3^i apart."""

    def __init__(self, width: int, i: int) -> None:
        super().__init__()
        self.look = CircularConv(width, width, 3, DILATION_GROWTH**i)
        self.mix = nn.Conv1d(width, width, 1)
        scale(self.look, 3 * width, math.sqrt(2))  # a ReLU keeps half of the power
        scale(self.mix, width, math.sqrt(2) / 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, width, time)` again."""
        return x + self.mix(self.look(x.relu()).relu())


def scale(layer: nn.Conv1d | nn.ConvTranspose1d, inputs: int, gain: float = 1.0) -> None:
    """Draw weights that keep the power of what goes in, times `gain` squared (He et al. 2015); biases are 0.

    With torch's defaults a signal shrinks from layer to layer until the codes carry little but biases.
    """
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


def strides_of(hop_length: int) -> list[int]:
    """Split a power of 2 into strides of 4, and one of 2 where it is left over."""
    halvings = hop_length.bit_length() - 1
    return [4] * (halvings // 2) + [2] * (halvings % 2)
