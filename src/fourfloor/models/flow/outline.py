"""What some numbers of a loop may be in each style: mixtures of normal distributions, drawn from with a part given.

A mixture has a normal around some training loops of a style, moved toward the style's mean as much as the normals widen
it: a smoothed bootstrap that keeps means and covariances (West 1993, *Approximating posteriors by mixtures*).
One normal for a style would miss its tails: loops that are sparse, dark, or without a kick.
"""

import torch
from torch import Tensor, nn

from fourfloor.errors import FourfloorError

KERNELS = 2048  # in all; the styles share them evenly
WIDTH = 0.6  # deviation of a kernel, of the deviation within a style: 0 would give outlines of training loops
FLOOR = 1e-4  # variance of what hardly varies


class Outlines(nn.Module):
    """Kernels of `(loops, dim)` numbers for each style from 1; style 0 means any."""

    center: Tensor
    style: Tensor
    share: Tensor
    spread: Tensor
    factor: Tensor

    def __init__(self, dim: int, styles: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(KERNELS, dim))
        self.register_buffer("style", torch.zeros(KERNELS))  # whose kernel it is; 0: nobody's
        self.register_buffer("share", torch.zeros(KERNELS))  # how often any style draws it
        self.register_buffer("spread", torch.zeros(styles, dim))  # deviation of a style's kernels
        self.register_buffer("factor", torch.zeros(dim, dim))  # Cholesky factor of the correlations of all

    def check(self, styles: int) -> None:
        """Raise FourfloorError where no `measure` of so many styles can have left these buffers."""
        is_whole = bool((self.style == self.style.round()).all())
        if not is_whole or self.style.min() < 0 or self.style.max() > styles:
            raise FourfloorError(f"outlines of other styles than the {styles} it names")
        if self.share.min() < 0 or self.share.max() > 1 or self.spread.min() < 0 or self.factor.abs().max() > 2:
            raise FourfloorError("outlines that cannot have been measured")

    def styles(self) -> list[int]:
        """List the numbers of the styles that were measured."""
        return sorted({int(number) for number in self.style.unique().tolist()} - {0})

    @torch.no_grad()
    def measure(self, x: Tensor, style: Tensor) -> None:
        """Measure the styles that occur in `x` `(loops, dim)` in random order; what is known of others is kept.

        The correlations within a style are those of all that was measured last.
        """
        present = style.unique().tolist()
        kept = [number for number in self.style.unique().tolist() if number and number not in present]
        quota = KERNELS // len(kept + present)
        centers, styles, shares = [], [], []
        for number in kept:
            mine = self.center[self.style == number][:quota]
            centers.append(mine)
            styles.append(mine.new_full((len(mine),), number))
            shares.append(torch.zeros_like(styles[-1]))
        standard = x.clone()
        for number in present:
            own = x[style == number]
            mean, deviation = own.mean(dim=0), own.var(dim=0, correction=0).add(FLOOR).sqrt()
            standard[style == number] = (own - mean) / deviation
            self.spread[number] = WIDTH * deviation
            mine = mean + (1 - WIDTH**2) ** 0.5 * (own[:quota] - mean)
            centers.append(mine)
            styles.append(mine.new_full((len(mine),), number))
            shares.append(torch.full_like(styles[-1], len(own) / len(mine)))
        correlation = standard.T @ standard / len(x) + FLOOR * torch.eye(x.shape[1], device=x.device)
        for buffer, parts in ((self.center, centers), (self.style, styles), (self.share, shares)):
            buffer.zero_()
            buffer[: sum(map(len, parts))] = torch.cat(parts)
        self.share /= self.share.max()  # at most 1, so that half precision holds them
        self.factor.copy_(torch.linalg.cholesky(correlation))

    def draw(self, style: Tensor, given: Tensor, rng: torch.Generator) -> Tensor:
        """Draw `(n, dim)` for styles `(n,)`; what is not NaN in `given` `(n, dim)` holds, the rest follows it.

        Any style is one of those measured last, as often as it occurred. Of a style that was not measured all is 0.
        """
        normal = torch.randn(given.shape, generator=rng).to(self.factor.device)
        drawn = torch.zeros_like(given)
        for row, number in enumerate(style.tolist()):
            candidates = (self.style == number if number else self.share > 0).nonzero()[:, 0]
            if not len(candidates):
                continue
            fixed = ~given[row].isnan()
            factor = self.factor[fixed]
            own = factor @ factor.T + FLOOR * torch.eye(len(factor), device=given.device)
            spread = self.spread[self.style[candidates].long()]
            away = (given[row, fixed] - self.center[candidates][:, fixed]) / spread[:, fixed]
            likely = -(away * torch.linalg.solve(own, away.T).T).sum(dim=1) / 2 - spread[:, fixed].log().sum(dim=1)
            if not number:
                likely += self.share[candidates].log()
            chosen = int(torch.multinomial(torch.softmax(likely, dim=0).cpu(), 1, generator=rng))
            # Regression on what is given moves a free draw to a conditional one (Matheron's rule).
            free = self.factor @ normal[row]
            free += self.factor @ factor.T @ torch.linalg.solve(own, away[chosen] - free[fixed])
            drawn[row] = self.center[candidates[chosen]] + spread[chosen] * free
        return drawn
