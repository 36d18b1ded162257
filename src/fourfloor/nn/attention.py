"""A transformer over the tokens of a closed loop, modulated by a condition."""

import torch
from einops import rearrange
from torch import Tensor, nn

LOOP_CYCLES = (1, 2, 3, 4)  # turns of the rotary phase over the whole loop
BAR_CYCLES = (1, 2, 3, 4, 6, 8)  # and over one bar


def loop_rotations(tokens: int, tokens_per_bar: int, pairs: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return cosine and sine `(tokens, pairs)` of rotary phases (Su et al. 2021) that close over the loop.

    Every phase makes a whole number of turns over the loop, so the attention does not know where the loop
    begins: what closes it is built in, not learned.
    """
    cycles_per_token = [c / tokens for c in LOOP_CYCLES] + [c / tokens_per_bar for c in BAR_CYCLES]
    chosen = torch.tensor([cycles_per_token[i % len(cycles_per_token)] for i in range(pairs)], device=device)
    angle = 2 * torch.pi * torch.arange(tokens, device=device)[:, None] * chosen
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs of channels of `(batch, heads, tokens, dim)` by the phases `(tokens, dim / 2)`."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class ModulatedBlock(nn.Module):
    """Attention and a gated MLP with scale, shift and gate from one shared projection of the condition.

    The six modulation vectors `(batch, 6, width)` are made once for all blocks and offset by a learned table
    here (AdaLN-single, Chen et al. 2023). Queries and keys are RMS-normalized.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.contract = nn.Linear(4 * width, width, bias=False)
        self.table = nn.Parameter(torch.zeros(6, width))

    def forward(self, x: Tensor, modulation: Tensor, rotations: tuple[Tensor, Tensor]) -> Tensor:
        """Return `(batch, tokens, width)` again."""
        scale_a, shift_a, gate_a, scale_m, shift_m, gate_m = (modulation + self.table).unsqueeze(2).unbind(1)
        x = x + gate_a * self.attend(layer_norm(x) * (1 + scale_a) + shift_a, rotations)
        hidden = nn.functional.gelu(self.expand(layer_norm(x) * (1 + scale_m) + shift_m))
        # One mask for all tokens of a loop: random numbers for each of them are a seventh of a step on a CPU.
        hidden = nn.functional.dropout1d(hidden.transpose(1, 2), self.dropout, self.training).transpose(1, 2)
        return x + gate_m * self.contract(hidden)

    def attend(self, x: Tensor, rotations: tuple[Tensor, Tensor]) -> Tensor:
        """Mix the tokens by multi-head attention."""
        query, key, value = rearrange(self.qkv(x), "b t (three h d) -> three b h t d", three=3, h=self.heads)
        # Norms and phases in full precision: autocast leaves the norms' weights in it anyway.
        query, key = rotate(self.query_norm(query.float()), *rotations), rotate(self.key_norm(key.float()), *rotations)
        # Written out: over 64 tokens the backward pass of torch's fused kernel takes 33 ms on a CPU, this one 7.
        scores = (query * query.shape[-1] ** -0.5).to(value.dtype) @ key.to(value.dtype).transpose(-1, -2)
        y = scores.softmax(dim=-1).to(value.dtype) @ value
        return self.out(rearrange(y, "b h t d -> b t (h d)"))


def layer_norm(x: Tensor) -> Tensor:
    """Normalize over the last axis without learned scale: the modulation supplies it."""
    return nn.functional.layer_norm(x, x.shape[-1:])
