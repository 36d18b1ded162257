"""The losses of a Wasserstein GAN with gradient penalty (WGAN-GP; Gulrajani et al. 2017).

A critic scores x without bound, real high and generated low; the difference of the two means estimates the Wasserstein
distance as long as the critic's slope is at most 1. The penalty holds the slope there.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return what a critic minimizes: the negative of its estimate of the Wasserstein distance."""
    return fake_scores.float().mean() - real_scores.float().mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Return what a generator minimizes: the negative score of what it made."""
    return -fake_scores.float().mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """Return the mean squared distance of the critic's slope from 1, between pairs of real and fake `(batch, ...)`.

    `critic` gives one score an example, `(batch,)` or `(batch, 1)`. Needs gradients to be enabled.
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    between = (real + share * (fake - real)).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.float().flatten(1).norm(dim=1) - 1).square().mean()


def wasserstein_losses(
    generator: Callable[[Tensor], Tensor],
    critic: Callable[[Tensor], Tensor],
    reals: Sequence[Tensor],
    draw_z: Callable[[int], Tensor],
    penalty_weight: float,
) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
    """Yield the critic's loss once for each batch in `reals`, then the generator's, for a family's `losses`.

    Without gradients (validation) it yields the critic's estimate alone: the penalty needs one, and the generator's
    score has no zero to compare it with.
    """
    for real in reals:
        with torch.no_grad():
            fake = generator(draw_z(len(real)))
        loss = critic_loss(critic(real), critic(fake))
        parts = {"wasserstein": -loss.detach()}
        if torch.is_grad_enabled():
            penalty = gradient_penalty(critic, real, fake)
            parts["penalty"] = penalty.detach()
            loss = loss + penalty_weight * penalty
        yield "critic", loss, parts
    if torch.is_grad_enabled():
        loss = generator_loss(critic(generator(draw_z(len(reals[-1])))))
        yield "generator", loss, {"generator": loss.detach()}
