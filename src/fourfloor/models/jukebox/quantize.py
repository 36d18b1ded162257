"""Vector quantization: latents become the numbers of the nearest vectors of a codebook (van den Oord et al. 2017).

The codebook follows the latents by an exponential moving average instead of a gradient. A vector that hardly any latent
chooses is put where one of the batch's latents lies (random restarts, Dhariwal et al. 2020).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Quantized:
    """Latents after quantization."""

    z: Tensor  # the chosen vectors, shaped as the latents; gradients pass through to those
    codes: Tensor  # their numbers, without the last axis
    commitment: Tensor  # mean squared distance of latents to their vectors, whose gradient moves only the latents
    perplexity: Tensor  # of the codes in the batch: how many are in use, weighed by how often
    restarts: Tensor  # vectors put elsewhere at this step


class VectorQuantizer(nn.Module):
    """A codebook of `size` vectors of `dim` numbers; it moves only in training mode."""

    codebook: Tensor
    sums: Tensor
    usage: Tensor

    def __init__(self, size: int, dim: int, decay: float = 0.99, restart_share: float = 0.03) -> None:
        super().__init__()
        self.decay, self.restart_share = decay, restart_share
        self.register_buffer("codebook", torch.randn(size, dim))
        self.register_buffer("sums", torch.zeros(size, dim))  # moving average of the sum of a vector's latents
        self.register_buffer("usage", torch.zeros(size))  # and of their number; all 0: nothing was seen yet

    def forward(self, latents: Tensor) -> Quantized:
        """Quantize `(..., dim)`; in training mode, move the codebook toward them afterward."""
        flat = latents.float().flatten(0, -2)
        if self.training and not self.usage.any():
            self._settle(flat.detach())
        codes = self.nearest(flat)
        chosen = self.codebook[codes]
        counts = torch.bincount(codes, minlength=len(self.codebook)).float()
        restarts = self._follow(flat.detach(), codes, counts) if self.training else torch.zeros(())
        shares = counts / counts.sum()
        return Quantized(
            z=(flat + (chosen - flat).detach()).view(latents.shape),
            codes=codes.view(latents.shape[:-1]),
            commitment=(flat - chosen).square().mean(),
            perplexity=torch.special.entr(shares).sum().exp(),
            restarts=restarts,
        )

    @torch.no_grad()
    def nearest(self, latents: Tensor) -> Tensor:
        """Return the number of the nearest vector to each of the latents `(n, dim)`."""
        with torch.autocast(latents.device.type, enabled=False):
            distances = self.codebook.square().sum(dim=1) - 2 * latents.float() @ self.codebook.T
        return distances.argmin(dim=1)

    def lookup(self, codes: Tensor) -> Tensor:
        """Return the vectors `(..., dim)` of codes `(...)`."""
        return self.codebook[codes]

    def _settle(self, latents: Tensor) -> None:
        """Begin with latents of the first batch as vectors, all of them about to be restarted."""
        self.codebook.copy_(draw(latents, len(self.codebook)))
        self.usage.fill_(self._limit(latents))
        self.sums.copy_(self.codebook * self.usage[:, None])

    def _limit(self, latents: Tensor) -> float:
        """Return the usage under which a vector is dead."""
        return self.restart_share * len(latents) / len(self.codebook)

    def _follow(self, latents: Tensor, codes: Tensor, counts: Tensor) -> Tensor:
        """Move every vector to the moving average of its latents; restart those that have too few."""
        sums = torch.zeros_like(self.sums).index_add_(0, codes, latents)
        self.usage.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        # A restarted vector has just enough: if none of the next batch's latents chooses it, it is put elsewhere again.
        # Beginning with the mean usage instead, no vector dies for ln .03 / ln .99 = 349 steps.
        limit = self._limit(latents)
        dead = self.usage < limit
        self.usage.masked_fill_(dead, limit)
        self.sums.copy_(torch.where(dead[:, None], draw(latents, len(self.codebook)) * limit, self.sums))
        self.codebook.copy_(self.sums / self.usage[:, None])
        return dead.sum()


def draw(latents: Tensor, number: int) -> Tensor:
    """Draw `number` of the latents `(n, dim)`, none twice while there are enough."""
    order = torch.randperm(len(latents), device=latents.device)
    return latents[order.repeat(-(-number // len(latents)))[:number]]
