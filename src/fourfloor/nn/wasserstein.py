"""A Wasserstein GAN with gradient penalty (WGAN-GP; Gulrajani et al. 2017): noise in, x out, and its losses.

A critic scores x without bound, real high and generated low; the difference of the two means estimates the Wasserstein
distance as long as the critic's slope is at most 1. The penalty holds the slope there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from fourfloor.nn.adversarial import Config, Sampling


class WassersteinGAN(nn.Module):
    """A generator `z (batch, latent_dim) -> x (batch, ...)` and a critic `x -> score (batch,)`, trained in turn."""

    def __init__(self, generator: nn.Module, critic: nn.Module, config: Config) -> None:
        super().__init__()
        self.generator, self.critic, self.config = generator, critic, config
        self.apply(initialize)

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return the two players."""
        return {"critic": self.critic.parameters(), "generator": self.generator.parameters()}

    def losses(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
        """Yield the critic's loss for every part of the batch, then the generator's."""
        device = batch["x"].device
        yield from wasserstein_losses(
            self.generator,
            self.critic,
            batch["x"].chunk(self.config.critic_steps),
            lambda n: torch.rand(n, self.config.latent_dim, device=device) * 2 - 1,
            self.config.penalty_weight,
        )

    @torch.no_grad()
    def sample(
        self, n: int, conditions: dict[str, Tensor], sampling: Sampling, rng: torch.Generator, bars: int = 4
    ) -> Tensor:
        """Draw the `n` pieces of one loop `(n, ...)`; tempo and style are not looked at.

        Each number of z is either the loop's or the piece's own, so that z stays uniform whatever the variation.
        """
        size = self.config.latent_dim
        own, shared = torch.rand(n, size, generator=rng) * 2 - 1, torch.rand(size, generator=rng) * 2 - 1
        z = torch.where(torch.rand(size, generator=rng) < sampling.variation, own, shared)
        return self.generator(z.to(next(self.parameters()).device))


def initialize(layer: nn.Module) -> None:
    """Draw weights as the authors' code does: uniform after Glorot and Bengio 2010, biases 0."""
    if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)


def wasserstein_losses(
    generator: Callable[[Tensor], Tensor],
    critic: Callable[[Tensor], Tensor],
    reals: Sequence[Tensor],
    draw_z: Callable[[int], Tensor],
    penalty_weight: float,
) -> Iterator[tuple[str, Tensor, dict[str, Tensor]]]:
    """Yield the critic's loss once for each batch in `reals`, then the generator's.

    Without gradients (validation) it yields the mean of the critic's negated estimates alone: the penalty needs a
    gradient, and the generator's score has no zero to compare it with.
    """
    if not torch.is_grad_enabled():
        estimates = [critic_loss(critic(real), critic(generator(draw_z(len(real))))) for real in reals]
        yield "critic", torch.stack(estimates).mean(), {}
        return
    for real in reals:
        with torch.no_grad():
            fake = generator(draw_z(len(real)))
        loss = critic_loss(critic(real), critic(fake))
        penalty = gradient_penalty(critic, real, fake)
        parts = {"wasserstein": -loss.detach(), "penalty": penalty.detach(), **spread(real, fake)}
        yield "critic", loss + penalty_weight * penalty, parts
    loss = generator_loss(critic(generator(draw_z(len(reals[-1])))))
    yield "generator", loss, {"generator": loss.detach()}


def spread(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Return by how much generated examples differ from each other, as a share of real ones `(batch, ...)`.

    0 is a generator that answers every z alike, near 1 a healthy one. Both are measured against their own level: an
    untrained generator is quiet, not collapsed. Of a single example nothing can be said.
    """
    if len(fake) < 2:
        return {}
    of_fake, of_real = (
        x.detach().float().std(dim=0, unbiased=False).mean() / x.detach().float().square().mean().sqrt().clamp_min(1e-9)
        for x in (fake, real)
    )
    return {"spread": of_fake / of_real.clamp_min(1e-6)}


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
