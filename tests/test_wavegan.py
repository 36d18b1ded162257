"""WaveGAN against the figures of its paper, and the losses it shares with SpecGAN against closed forms."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fourfloor import models
from fourfloor.models.wavegan import Sampling
from fourfloor.models.wavegan import network as wavegan
from fourfloor.nn import wasserstein
from fourfloor.training import collapse


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def paper_size() -> wavegan.Model:
    with torch.device("meta"):
        return wavegan.Model(wavegan.Config(), {"samples": 16384})


def test_parameters_are_those_of_the_papers_tables(paper_size: Any) -> None:
    channels = [1024, 512, 256, 128, 64, 1]
    dense = 100 * 16 * 1024 + 16 * 1024
    up = sum(25 * a * b + b for a, b in itertools.pairwise(channels))
    down = sum(25 * a * b + a for a, b in itertools.pairwise(channels))
    assert parameters(paper_size.generator) == dense + up == 19_065_345
    assert parameters(paper_size.critic) == down + 16 * 1024 + 1 == 17_427_969


def test_lengths_are_those_of_the_papers_tables(paper_size: Any) -> None:
    shapes: list[tuple[int, ...]] = []
    for layer in [*paper_size.generator.layers, *paper_size.critic.layers]:
        layer.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    score = paper_size.critic(paper_size.generator(torch.empty(3, 100, device="meta")))
    assert shapes[:5] == [(512, 64), (256, 256), (128, 1024), (64, 4096), (1, 16384)]
    assert shapes[5:] == [(64, 4096), (128, 1024), (256, 256), (512, 64), (1024, 16)]
    assert score.shape == (3,)


def test_the_longer_variant_has_one_layer_and_a_doubling_more() -> None:
    with torch.device("meta"):
        model: Any = wavegan.Model(wavegan.Config(), {"samples": 65536})
    assert model.generator.dense.out_features == 16 * 2048
    assert [layer.out_channels for layer in model.generator.layers] == [1024, 512, 256, 128, 64, 1]
    assert model.generator(torch.empty(1, 100, device="meta")).shape == (1, 65536)
    assert model.critic.layers[-1].out_channels == 2048


def test_the_critic_hears_half_a_fragment_at_once() -> None:
    model: Any = wavegan.Model(wavegan.Config(width=2, phase_shuffle=0), {"samples": 16384})
    x = torch.randn(1, 16384, requires_grad=True)
    hidden = x.unsqueeze(1)
    for layer in model.critic.layers:
        hidden = nn.functional.leaky_relu(layer(hidden), 0.2)
    hidden[0, :, 8].sum().backward()
    assert x.grad is not None
    heard = x.grad[0].nonzero().flatten()
    assert int(heard[-1] - heard[0]) + 1 == 1 + 24 * (1 + 4 + 16 + 64 + 256) == 8185


def test_other_lengths_and_absurd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="16384 or 65536"):
        wavegan.Model(wavegan.Config(width=2), {"samples": 10000})
    wrongs = ("width", 4096), ("latent_dim", 0), ("critic_steps", 0), ("penalty_weight", -1.0), ("phase_shuffle", 16)
    for name, value in wrongs:
        with pytest.raises(ValueError, match="choose"):
            wavegan.Config(**{name: value})  # type: ignore[arg-type]


def test_phase_shuffle_shifts_and_reflects() -> None:
    x = torch.arange(8.0).expand(2, 3, 8)
    expected = {
        2: [2, 1, 0, 1, 2, 3, 4, 5], 1: [1, 0, 1, 2, 3, 4, 5, 6], 0: [0, 1, 2, 3, 4, 5, 6, 7],
        -1: [1, 2, 3, 4, 5, 6, 7, 6], -2: [2, 3, 4, 5, 6, 7, 6, 5],
    }  # fmt: skip
    torch.manual_seed(0)
    seen = {tuple(wavegan.shift_phase(x, 2)[1, 2].int().tolist()) for _ in range(100)}
    assert seen == {tuple(row) for row in expected.values()}
    assert torch.equal(wavegan.shift_phase(x, 0), x)


def test_without_phase_shuffle_the_critic_is_sure_of_its_score() -> None:
    x = torch.randn(2, 16384)
    for shuffle, certain in ((0, True), (2, False)):
        torch.manual_seed(0)
        model: Any = wavegan.Model(wavegan.Config(width=2, phase_shuffle=shuffle), {"samples": 16384})
        assert torch.equal(model.critic(x), model.critic(x)) is certain


def test_an_untrained_generator_makes_pitched_noise() -> None:
    """The paper's section 3.3: stride 4 leaves tones at multiples of a quarter of the rate, layer by layer."""
    torch.manual_seed(0)
    model: Any = wavegan.Model(wavegan.Config(width=4), {"samples": 16384})
    x = model.sample(16, {}, Sampling(), torch.Generator().manual_seed(0))
    power = torch.fft.rfft(x).abs().square().mean(dim=0)
    comb = torch.arange(1, 8) * 1024  # multiples of a sixteenth of the rate: of the last two layers
    between = comb + 300
    assert power[comb].mean() > 10 * power[between].mean()


def test_pieces_of_a_loop_share_what_variation_leaves() -> None:
    model: Any = wavegan.Model(wavegan.Config(width=2), {"samples": 256})
    same, some, other = (
        model.sample(4, {}, Sampling(variation=v), torch.Generator().manual_seed(0)) for v in (0.0, 0.3, 1.0)
    )
    assert torch.allclose(same, same[:1].expand_as(same), atol=1e-6)
    assert 0 < (some - some.mean(dim=0)).square().mean() < (other - other.mean(dim=0)).square().mean()


def linear_critic(slope: float) -> nn.Linear:
    critic = nn.Linear(4, 1)
    nn.init.constant_(critic.weight, slope / 2)  # four weights of slope / 2 have the norm `slope`
    return critic


@pytest.mark.parametrize(("slope", "penalty"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_the_penalty_is_the_squared_distance_of_the_slope_from_one(slope: float, penalty: float) -> None:
    critic = linear_critic(slope)
    measured = wasserstein.gradient_penalty(critic, torch.randn(5, 4), torch.randn(5, 4))
    assert float(measured.detach()) == pytest.approx(penalty, abs=1e-5)
    measured.backward()
    assert critic.weight.grad is not None
    assert critic.weight.grad.sum().item() == pytest.approx(2 * (slope - 1) * 2 if slope else 0.0, abs=1e-4)


def test_the_penalty_looks_between_real_and_fake() -> None:
    seen: list[Tensor] = []
    torch.manual_seed(0)

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(dim=(1, 2))

    wasserstein.gradient_penalty(critic, torch.zeros(64, 2, 3), torch.ones(64, 2, 3))
    share = seen[0][:, 0, 0]
    assert torch.equal(seen[0], share[:, None, None].expand(64, 2, 3))  # one point on the line for each pair
    assert 0 <= share.min() < 0.1 < 0.9 < share.max() <= 1


def test_the_critic_wants_real_above_fake_and_the_generator_fake_high() -> None:
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0])
    assert wasserstein.critic_loss(real, fake).item() == -2.5
    assert wasserstein.generator_loss(fake).item() == -1.5


def test_a_trained_critic_estimates_the_distance() -> None:
    """Between two points at distance D a linear critic of slope s gains s D - 10 (s - 1)^2: most at 1 + D / 20."""
    critic, distance = nn.Linear(1, 1), 2.0
    nn.init.constant_(critic.weight, 0.5)  # from below 0 it ends at the other slope of that size
    optimizer = torch.optim.Adam(critic.parameters(), 0.05)
    for _ in range(300):
        step = wasserstein.wasserstein_losses(
            lambda z: torch.full((len(z), 1), -distance), critic, [torch.zeros(4, 1)], lambda n: torch.rand(n, 1), 10.0
        )
        group, loss, parts = next(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert group == "critic"
    assert float(parts["wasserstein"]) == pytest.approx(distance * (1 + distance / 20), rel=0.01)


def test_the_critic_is_asked_five_times_on_different_music_then_the_generator_once() -> None:
    model: Any = wavegan.Model(wavegan.Config(width=2, phase_shuffle=0), {"samples": 256})
    heard: list[Tensor] = []
    model.critic.register_forward_pre_hook(lambda module, inputs: heard.append(inputs[0]))
    x = torch.randn(10, 256)
    groups = [group for group, _, _ in model.losses({"x": x}, 0)]
    assert groups == ["critic"] * 5 + ["generator"]
    assert torch.equal(torch.cat([heard[3 * i] for i in range(5)]), x)
    with torch.no_grad():
        assert [group for group, _, _ in model.losses({"x": x}, 0)] == ["critic"]


class OneAnswer(nn.Module):
    """A generator that does not look at its latents."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = nn.Parameter(answer)

    def forward(self, z: Tensor, *told: Tensor) -> Tensor:
        return self.answer.expand(len(z), *self.answer.shape)


@pytest.mark.parametrize("family", ["wavegan", "specgan", "spectrogram_gan"])
def test_a_generator_that_answers_everything_alike_is_told_by_its_spread(family: str) -> None:
    module = models.family_module(family)
    shape, size = ({"samples": 256}, (256,)) if family == "wavegan" else ({"bins": 64, "frames": 64}, (64, 64))
    model = module.Model(module.Config(width=2), shape)
    batch = {"x": torch.rand(10, *size) * 2 - 1, "bpm": torch.full((10,), 126.0)}

    def spreads() -> list[float]:
        return [float(parts["spread"]) for _, _, parts in model.losses(batch, 0) if "spread" in parts]

    healthy = spreads()
    assert 0.3 < min(healthy) <= max(healthy) < 3
    model.generator = OneAnswer(batch["x"][0])
    assert spreads() == [0.0] * len(healthy)
    low_steps: dict[str, int] = {}
    told = [collapse.follow(low_steps, {"spread": spreads()[-1]}, step) for step in range(1, 102)]
    assert [bool(messages) for messages in told] == [step == collapse.GRACE for step in range(1, 102)]
    assert "output variance at 0" in told[collapse.GRACE - 1][0]


def test_of_one_example_no_spread_is_said() -> None:
    one, two = torch.zeros(1, 4), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert wasserstein.spread(one, one) == {}
    assert float(wasserstein.spread(two, 0.1 * two)["spread"]) == pytest.approx(1.0)
    assert float(wasserstein.spread(two, two + 1.0)["spread"]) == pytest.approx(2**-0.5 * 2 / 10**0.5, rel=0.01)
