"""What some numbers of a loop may be in each style: normal distributions, drawn from with a part of them given."""

import torch
from torch import Tensor, nn

SHRINKAGE = 100  # loops of a style that count as much for its covariance as those of all styles together
FLOOR = 1e-4  # variance of what hardly varies


class Levels(nn.Module):
    """Mean and covariance of `(loops, dim)` numbers for each style from 1; style 0 stands for any."""

    share: Tensor
    mean: Tensor
    factor: Tensor

    def __init__(self, dim: int, styles: int) -> None:
        super().__init__()
        self.register_buffer("share", torch.zeros(styles))  # of the loops that were measured
        self.register_buffer("mean", torch.zeros(styles, dim))
        # Cholesky factors of the covariances below one another: a matrix, which is exported in 8 bits.
        self.register_buffer("factor", torch.zeros(styles * dim, dim))

    @torch.no_grad()
    def measure(self, x: Tensor, style: Tensor) -> None:
        """Measure the styles that occur in `x` `(loops, dim)`; what is known of others is kept."""
        means = torch.stack([x[style == number].mean(dim=0) for number in range(len(self.share))]).nan_to_num(0.0)
        centered = x - means[style]
        pooled = centered.T @ centered / len(x)
        floor = FLOOR * torch.eye(x.shape[1], device=x.device)
        self.share.zero_()
        for number in style.unique().tolist():
            own = centered[style == number]
            covariance = (own.T @ own + SHRINKAGE * pooled) / (len(own) + SHRINKAGE)
            self.factor.view(len(self.share), *floor.shape)[number] = torch.linalg.cholesky(covariance + floor)
            self.mean[number] = means[number]
            self.share[number] = len(own) / len(x)

    def draw(self, style: Tensor, given: Tensor, rng: torch.Generator) -> Tensor:
        """Draw `(n, dim)` for styles `(n,)`; what is not NaN in `given` `(n, dim)` holds, the rest follows it.

        Any style is one of those measured last, as often as it occurred. Nothing measured gives zeros.
        """
        n, dim = given.shape
        if self.share.any():
            any_style = torch.multinomial(self.share.cpu(), n, replacement=True, generator=rng).to(style.device)
            style = torch.where(style == 0, any_style, style)
        normal = torch.randn(n, dim, generator=rng).to(self.factor.device)
        factors = self.factor.view(len(self.share), dim, dim)
        drawn = self.mean[style] + (factors[style] @ normal[..., None])[..., 0]
        for row, number in enumerate(style.tolist()):
            fixed = ~given[row].isnan()
            if fixed.any():
                # Regression on what is given moves a free draw to a conditional one (Matheron's rule).
                covariance = factors[number] @ factors[number].T
                own = covariance[fixed][:, fixed] + FLOOR * torch.eye(int(fixed.sum()), device=given.device)
                drawn[row] += covariance[:, fixed] @ torch.linalg.solve(own, (given[row] - drawn[row])[fixed])
        return drawn
