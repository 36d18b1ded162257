"""The network of the separator and how it is trained; `__init__.py` says what it is for."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from fourfloor.models.separator import Config
from fourfloor.networks import Part
from fourfloor.nn.conv import CircularConvNeXt
from fourfloor.signal.beatgrid import BEATS_PER_BAR, FRAMES_PER_BEAT

STEMS = 4
DILATIONS = (1, 2, 4, 8, 16)
FRAMES_PER_BAR = BEATS_PER_BAR * FRAMES_PER_BEAT


class Model(nn.Module):
    """What a separator sees `(batch, frames, views * (low_window + bands))` to masks and windows of the low band."""

    def __init__(self, config: Config, shape: dict[str, int]) -> None:
        super().__init__()
        self.config, self.hop, self.low_window = config, shape["hop"], shape["low_window"]
        self.bands, self.views = shape["bands"], shape["views"]
        self.seen = self.views * (self.low_window + self.bands)
        self.embed = nn.Linear(self.seen, config.width)
        self.blocks = nn.ModuleList(
            CircularConvNeXt(config.width, expansion=2, dilation=DILATIONS[block % len(DILATIONS)])
            for block in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width)
        self.masks = nn.Linear(config.width, STEMS * self.bands)
        self.weights = nn.Linear(config.width, (STEMS - 1) * self.views * config.basis)
        self.encode = nn.Linear(self.low_window, config.basis, bias=False)
        self.decode = nn.Linear(config.basis, self.low_window, bias=False)

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return one group: everything is trained together."""
        return {"model": self.parameters()}

    def parts(self) -> dict[str, Part]:
        """Return the network that takes a loop apart."""
        seen = torch.zeros(1, 4 * FRAMES_PER_BAR, self.seen)
        grows = {"x": (1, FRAMES_PER_BAR)}
        return {"answer": Part(module=self, inputs={"x": seen}, outputs=("masks", "windows"), grows=grows)}

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the masks `(batch, frames, 4, bands)` and low windows `(batch, frames, 3, low_window)`."""
        hidden = self.embed(x)
        for block in self.blocks:
            hidden = block(hidden)
        hidden = self.norm(hidden)
        masks = self.masks(hidden).unflatten(-1, (STEMS, self.bands)).float().softmax(dim=-2)
        weights = self.weights(hidden).unflatten(-1, (STEMS - 1, self.views, -1))
        views = x[..., : self.views * self.low_window].unflatten(-1, (self.views, -1))
        weighed = (weights * self.encode(views).unsqueeze(-3)).sum(dim=-2)
        return masks, self.decode(weighed).float()

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the mean error of the stems in dB, of all of it and of what lies above the low band."""
        masks, windows = self(batch["x"])
        power, low = batch["power"], batch["low"]
        mix = power.sum(dim=2, keepdim=True)
        # Sounds that know nothing of one another: only its own power lies in a stem's mask times the mix.
        high_error = (masks.square() * mix - 2 * masks * power + power).sum(dim=-1).mean(dim=1)
        answered = overlapped(windows, self.hop)
        answered = torch.cat([answered, low.sum(dim=1, keepdim=True) - answered.sum(dim=1, keepdim=True)], dim=1)
        low_error = (answered - low).square().mean(dim=-1)
        low_power, high_power = low.square().mean(dim=-1), power.sum(dim=-1).mean(dim=1)
        whole = self.decibels(low_error + high_error, low_power + high_power)
        high = self.decibels(high_error, high_power)
        loss = whole.mean() + self.config.high_weight * high.mean()
        parts = {f"stem{number}": value.detach() for number, value in enumerate(whole.mean(dim=0))}
        yield "model", loss, {"whole": whole.mean().detach(), "high": high.mean().detach(), **parts}

    def decibels(self, error: Tensor, power: Tensor) -> Tensor:
        """Return how far the error `(batch, stems)` lies below the stem's power; below `silence` it is indifferent."""
        return 10 * torch.log10((error + self.config.silence) / (power + self.config.silence))


def overlapped(windows: Tensor, hop: int) -> Tensor:
    """Add windows `(batch, frames, stems, length)`, each centered on its frame, to `(batch, stems, frames * hop)`."""
    pieces = windows.unflatten(-1, (-1, hop)).unbind(dim=-2)
    placed = [torch.roll(piece, number - len(pieces) // 2, dims=1) for number, piece in enumerate(pieces)]
    return torch.stack(placed).sum(dim=0).permute(0, 2, 1, 3).flatten(2)
