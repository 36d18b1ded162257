"""Convolution blocks over a closed loop."""

import torch
from torch import Tensor, nn


class CircularConvNeXt(nn.Module):
    """A ConvNeXt block (Liu et al. 2022) in one dimension whose padding wraps around the loop.

    Takes and returns `(batch, time, width)`. With `dilation` the taps of the kernel lie as many steps apart.
    """

    def __init__(self, width: int, kernel: int = 7, expansion: int = 4, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(
            width, width, kernel, padding=dilation * (kernel // 2), dilation=dilation, padding_mode="circular",
            groups=width,
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, time, width)` again."""
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        y = self.contract(nn.functional.gelu(self.expand(self.norm(y))))
        return x + self.scale * y
