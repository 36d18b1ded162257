"""SpecGAN against the figures of its paper."""

from typing import Any

import pytest
import torch
from torch import nn

from fourfloor.models.specgan import Sampling
from fourfloor.models.specgan import network as specgan
from fourfloor.models.wavegan import network as wavegan


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def paper_size() -> specgan.Model:
    with torch.device("meta"):
        return specgan.Model(specgan.Config(), {"bins": 128, "frames": 128})


def test_it_has_as_many_parameters_as_wavegan(paper_size: specgan.Model) -> None:
    """Kernels of 5 by 5 hold as much as kernels of 25, and 4 by 4 fields as much as 16 samples."""
    with torch.device("meta"):
        other = wavegan.Model(wavegan.Config(), {"samples": 16384})
    assert parameters(paper_size.generator) == parameters(other.generator) == 19_065_345
    assert parameters(paper_size.critic) == parameters(other.critic) == 17_427_969


def test_sides_are_those_of_the_papers_tables(paper_size: Any) -> None:
    shapes: list[tuple[int, ...]] = []
    for layer in [*paper_size.generator.layers, *paper_size.critic.layers]:
        layer.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    score = paper_size.critic(paper_size.generator(torch.empty(3, 100, device="meta")))
    assert shapes[:5] == [(512, 8, 8), (256, 16, 16), (128, 32, 32), (64, 64, 64), (1, 128, 128)]
    assert shapes[5:] == [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert score.shape == (3,)


def test_the_critic_sees_nearly_the_whole_picture_at_once() -> None:
    model: Any = specgan.Model(specgan.Config(width=2), {"bins": 256, "frames": 256})
    x = torch.randn(1, 256, 256, requires_grad=True)
    hidden = x.unsqueeze(1)
    for layer in model.critic.layers:
        hidden = nn.functional.leaky_relu(layer(hidden), 0.2)
    hidden[0, :, 4, 4].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [1 + 4 * (1 + 2 + 4 + 8 + 16)] * 2 == [125, 125]


def test_pictures_of_other_sides_keep_their_shape() -> None:
    model = specgan.Model(specgan.Config(width=2), {"bins": 64, "frames": 160})
    x = model.sample(3, {}, Sampling(), torch.Generator().manual_seed(0))
    assert x.shape == (3, 64, 160)
    assert x.abs().max() <= 1
    assert model.critic(x).shape == (3,)


def test_sides_that_do_not_halve_five_times_are_refused() -> None:
    for shape in ({"bins": 100, "frames": 128}, {"bins": 128, "frames": 2048}):
        with pytest.raises(ValueError, match="multiples of 32"):
            specgan.Model(specgan.Config(width=2), shape)
