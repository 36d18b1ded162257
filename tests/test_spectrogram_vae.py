"""The spectrogram VAE: its sums in closed form, its symmetries, and collapse and cure in miniature."""

import itertools
from typing import Any

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from fourfloor.models.spectrogram_vae.network import (
    Config,
    Down,
    FlowPrior,
    GaussianPrior,
    Model,
    Sampling,
    Up,
    kl_per_dimension,
    turn,
)

SHAPE = {"bins": 16, "frames": 32}


def small(**changes: Any) -> Model:
    torch.manual_seed(0)
    return Model(Config(**{"layers": 2, "width": 8, "latent_dim": 4, **changes}), SHAPE)


def train(model: Model, x: torch.Tensor, steps: int, rate: float = 3e-3) -> dict[str, torch.Tensor]:
    """Minimize as the loop does; return the parts of the last step."""
    optimizers = {name: torch.optim.Adam(group, rate) for name, group in model.parameter_groups().items()}
    parts: dict[str, torch.Tensor] = {}
    for step in range(steps):
        for group, loss, values in model.losses({"x": x}, step):
            optimizers[group].zero_grad()
            loss.backward()
            optimizers[group].step()
            parts |= values
    return parts


def two_patterns() -> torch.Tensor:
    """Return 8 pictures, half of them bars to the left, half of them bars to the right."""
    x = torch.full((8, SHAPE["bins"], SHAPE["frames"]), -1.0)
    x[:4, :, :8] = 1.0
    x[4:, :, 16:24] = 1.0
    return x


def test_the_divergence_is_that_of_two_gaussians() -> None:
    mean, log_variance = torch.randn(3, 5, 4), torch.randn(3, 5, 4)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).mean(dim=(0, 1))
    assert torch.allclose(kl_per_dimension(mean, log_variance), expected, atol=1e-5)


@pytest.mark.parametrize("axes", ["both", "time"])
def test_up_is_the_transpose_of_down(axes: str) -> None:
    down, up = Down(3, 5, axes), Up(5, 3, axes)
    up.weight.data = down.weight.data
    for layer in (down, up):
        assert layer.bias is not None
        torch.nn.init.zeros_(layer.bias)
    bins = 8 if axes == "both" else 1
    x, y = torch.randn(2, 3, bins, 16), torch.randn(2, 5, 4 if axes == "both" else 1, 8)
    assert torch.allclose((down(x) * y).sum(), (x * up(y)).sum(), atol=1e-3)


def test_a_turned_picture_has_turned_latents() -> None:
    model = small(axes="time", positions=8)
    x = torch.randn(2, SHAPE["bins"], SHAPE["frames"])
    turned = model.encode(x.roll(8, dims=-1))
    assert torch.allclose(turned, model.encode(x).roll(2, dims=1), atol=1e-5)
    assert torch.allclose(model.decode(turned), model.decode(model.encode(x)).roll(8, dims=-1), atol=1e-5)


def test_turns_are_whole_bars() -> None:
    x = torch.arange(32.0).expand(2, 16, 32)
    seen = {int(turn(x, 4)[0, 0, 0]) for _ in range(60)}
    assert seen == {0, 8, 16, 24}


def test_the_calibrated_error_is_the_likelihood_at_the_best_variance() -> None:
    x = two_patterns()
    model = small(kl_weight=0.0)
    torch.manual_seed(1)
    ((_, loss, _),) = model.losses({"x": x}, 0)
    torch.manual_seed(1)
    mean, log_variance = model.posterior(x)
    guess = model.decode(mean + (0.5 * log_variance).exp() * torch.randn_like(mean))
    variances = (guess - x).square().mean() * torch.tensor([0.9, 1.0, 1.1])
    surprise = torch.stack([-Normal(guess, v.sqrt()).log_prob(x).mean() for v in variances])
    assert surprise.argmin() == 1
    constant = 0.5 + 0.5 * torch.log(torch.tensor(2 * torch.pi))
    assert torch.allclose(loss + constant, surprise[1], atol=1e-5)


def test_free_bits_cost_nothing_and_pull_at_nothing() -> None:
    free, charged = small(free_bits=50.0, error="sum", kl_weight=1.0), small(error="sum", kl_weight=1.0)
    gradients = []
    for model in (free, charged, small(error="sum", kl_weight=0.0)):
        torch.manual_seed(1)
        ((_, loss, _),) = model.losses({"x": two_patterns()}, 0)
        loss.backward()
        assert model.to_latent.weight.grad is not None
        gradients.append(model.to_latent.weight.grad)
    assert torch.equal(gradients[0], gradients[2])
    assert not torch.allclose(gradients[1], gradients[2])


def test_a_mean_error_beside_a_summed_divergence_superposes_all_training_data() -> None:
    x = two_patterns()
    model = small(error="mean")
    parts = train(model, x, 100, 1e-2)
    assert parts["kl"] < 0.01
    pictures = model.sample(8, {}, Sampling(), torch.Generator().manual_seed(0))
    assert pictures.std(dim=0).mean() < 0.3 * x.std(dim=0).mean()  # z is hardly heard
    assert (pictures.mean(dim=0) - x.mean(dim=0)).abs().mean() < 0.1  # and what is heard is the mean of everything


def test_a_calibrated_error_keeps_the_pictures_apart() -> None:
    x = two_patterns()
    model = small(error="calibrated")
    parts = train(model, x, 100, 1e-2)
    assert parts["kl"] > 0.5
    assert (model.decode(model.encode(x)) - x).square().mean() < 0.05


def test_the_flow_draws_what_it_was_shown() -> None:
    torch.manual_seed(0)
    prior = FlowPrior(Config(latent_dim=2, positions=4, prior_width=32, prior_depth=1))
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    for _ in range(300):
        sign = 1 - 2 * torch.randint(2, (64, 1, 1)).float()
        loss = prior.loss(2 * sign + 0.1 * torch.randn(64, 4, 2))  # all positions agree on the sign
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        z = prior.eval().draw(128, Sampling(), torch.Generator().manual_seed(0))
    assert z.abs().mean() == pytest.approx(2.0, abs=0.3)
    agreement = z.mean(dim=(1, 2)).abs() / z.abs().mean(dim=(1, 2))
    assert agreement.mean() > 0.85  # about .25 if each number had a sign of its own


def test_the_gaussian_has_mean_and_covariance_of_what_it_was_fitted_to() -> None:
    prior = GaussianPrior(Config(latent_dim=2, positions=1))
    mixing, noise = torch.tensor([[1.0, 0.0], [0.8, 0.6]]), torch.Generator().manual_seed(0)
    z = 3 + torch.randn(512, 1, 2, generator=noise) @ mixing.T
    prior.fit(z)
    drawn = prior.draw(20_000, Sampling(), noise)[:, 0]
    assert torch.allclose(drawn.mean(dim=0), z[:, 0].mean(dim=0), atol=0.03)
    assert torch.allclose(torch.cov(drawn.T), torch.cov(z[:, 0].T), atol=0.04)
    assert torch.allclose(prior.draw(4, Sampling(temperature=0.0), noise), prior.mean.expand(4, 1, 2))


def test_calibration_measures_what_the_decoder_leaves_out() -> None:
    model = small()
    for p in model.decoder[-1].parameters():
        p.data.zero_()  # the decoder says 0 everywhere
    louder = torch.linspace(0.1, 0.5, SHAPE["bins"])
    batches = ({"x": louder[:, None] * torch.randn(4, *SHAPE.values())} for _ in itertools.count())
    model.calibrate(batches, torch.Generator())
    assert torch.allclose(model.deviation, louder, rtol=0.1)
    quiet, noisy = (model.sample(64, {}, Sampling(noise=n), torch.Generator().manual_seed(0)) for n in (0.0, 1.0))
    assert torch.count_nonzero(quiet) == 0
    assert torch.allclose(noisy.std(dim=(0, 2)), model.deviation, rtol=0.1)


@pytest.mark.parametrize("changes", [{"layers": 0}, {"kl_weight": -1.0}, {"free_bits": 1e3}, {"prior_dropout": 1.0}])
def test_a_value_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(changes))}.*choose"):
        Config(**changes)


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({"layers": 5}, SHAPE),
        ({"positions": 3}, SHAPE),
        ({"layers": 1, "width": 1024, "latent_dim": 1024}, {"bins": 512, "frames": 512}),
    ],
)
def test_a_size_that_does_not_fit_is_refused(changes: dict[str, Any], shape: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="bins"):
        Model(Config(**changes), shape)
