"""A transformer that answers with velocities: the network of a flow over the tokens of a loop."""

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from fourfloor.nn.attention import ModulatedBlock, layer_norm, loop_rotations
from fourfloor.nn.styles import MAX_STYLES

LATENTS_PER_TOKEN = 2
TOKENS_PER_BAR = 16
CONTROL_BUMPS = 5  # smooth functions of one control: 0, 1/4, 1/2, 3/4 and 1 are told apart


class Velocity(nn.Module):
    """A transformer over the tokens of a loop that is told time, tempo, style and, where it has any, controls."""

    def __init__(
        self, in_dim: int, out_dim: int, width: int, depth: int, heads: int, dropout: float, n_controls: int
    ) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.embed = nn.Linear(LATENTS_PER_TOKEN * in_dim, width)
        self.slot = nn.Parameter(torch.empty(TOKENS_PER_BAR, width))
        nn.init.normal_(self.slot, std=0.02)
        self.condition = nn.Sequential(nn.Linear(64 + 8, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Embedding(MAX_STYLES, width)
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(ModulatedBlock(width, heads, dropout) for _ in range(depth))
        self.out = nn.Linear(width, LATENTS_PER_TOKEN * out_dim)
        for zeroed in (self.out, self.modulation):
            nn.init.zeros_(zeroed.weight)
            nn.init.zeros_(zeroed.bias)
        nn.init.normal_(self.style.weight, std=0.02)
        self.control = nn.Linear(n_controls * CONTROL_BUMPS, width, bias=False) if n_controls else None
        with torch.no_grad():
            # Gates start open at a small value: closed ones would give the blocks no gradient at the first step.
            self.modulation.bias.view(6, width)[[2, 5]] = 0.1

    def forward(self, x: Tensor, t: Tensor, bpm: Tensor, style: Tensor, controls: Tensor | None = None) -> Tensor:
        """Return the velocity `(batch, latents, out_dim)` at `x` `(batch, latents, in_dim)`, time `t` in [0, 1].

        `t`, `bpm` and `style` are `(batch,)`, `controls` `(batch, n_controls)` in [0, 1], NaN for any; None where all
        are any.
        """
        made = self.out(layer_norm(self.hidden(x, t, bpm, style, controls)[-1]))
        return made.reshape(*x.shape[:2], -1)

    def hidden(
        self, x: Tensor, t: Tensor, bpm: Tensor, style: Tensor, controls: Tensor | None, blocks: int | None = None
    ) -> list[Tensor]:
        """Return what each of the first `blocks` blocks, or of all, has made of `x`: `(batch, tokens, width)`."""
        batch, latents, _ = x.shape
        tokens = latents // LATENTS_PER_TOKEN
        bars = tokens // TOKENS_PER_BAR
        condition = self.condition(torch.cat([time_features(t, 64), tempo_features(bpm, bars)], dim=-1))
        condition = condition + self.style(style)
        if self.control is not None and controls is not None:
            condition = condition + self.control(control_features(controls))
        condition = nn.functional.silu(condition)
        modulation = self.modulation(condition).view(batch, 6, -1)
        rotations = loop_rotations(tokens, TOKENS_PER_BAR, self.width // self.heads // 2, x.device)
        hidden = self.embed(x.reshape(batch, tokens, -1)) + self.slot.repeat(bars, 1)
        made = []
        for block in itertools.islice(self.blocks, blocks):
            hidden = block(hidden, modulation, rotations)
            made.append(hidden)
        return made


def logit_normal(n: int, **place: Any) -> Tensor:
    """Draw times in 0-1, most of them in the middle (Esser et al. 2024)."""
    return torch.sigmoid(torch.randn(n, **place))


def time_features(t: Tensor, dim: int) -> Tensor:
    """Return sines and cosines of `t` at geometric frequencies, `(batch, dim)`."""
    frequencies = torch.exp(torch.linspace(0.0, 5.0, dim // 2, device=t.device))
    angle = t[:, None] * frequencies * torch.pi
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def tempo_features(bpm: Tensor, bars: int) -> Tensor:
    """Return tempo and length as `(batch, 8)`: smooth functions of log tempo, and log2 of the bars."""
    octave = torch.log2(bpm / 128.0)[:, None]
    bumps = torch.exp(-(((octave - torch.linspace(-0.5, 0.5, 6, device=bpm.device)) / 0.2) ** 2))
    length = torch.full_like(octave, bars).log2()  # not a number by itself: a graph is traced for loops of any length
    return torch.cat([octave, bumps, length], dim=-1)


def control_features(controls: Tensor) -> Tensor:
    """Return smooth bumps along each of the controls `(batch, n)`, side by side `(batch, n * CONTROL_BUMPS)`.

    All bumps of a control that is NaN are 0, which no value gives: "any" is a condition of its own.
    """
    centers = torch.linspace(0, 1, CONTROL_BUMPS, device=controls.device)
    bumps = torch.exp(-(((controls[..., None] - centers) * (CONTROL_BUMPS - 1)) ** 2))
    return bumps.nan_to_num(0.0).flatten(1)
