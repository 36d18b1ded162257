"""Jukebox's codebook: closed forms of its quantizer."""

import pytest
import torch

from fourfloor.models.jukebox import Config
from fourfloor.models.jukebox.quantize import VectorQuantizer


def quantizer_with(codebook: list[list[float]], **options: float) -> VectorQuantizer:
    """Return a quantizer that has seen each of its vectors once."""
    quantizer = VectorQuantizer(len(codebook), len(codebook[0]), **options)
    quantizer.codebook.copy_(torch.tensor(codebook))
    quantizer.sums.copy_(quantizer.codebook)
    quantizer.usage.fill_(1.0)
    return quantizer


def test_the_codebook_is_a_moving_average() -> None:
    quantizer = quantizer_with([[0.0], [10.0]], decay=0.9, restart_share=1e-4)
    quantizer(torch.tensor([[1.0], [2.0], [9.0]]))
    usage = [0.9 + 0.1 * 2, 0.9 + 0.1 * 1]
    sums = [0.9 * 0 + 0.1 * 3, 0.9 * 10 + 0.1 * 9]
    assert torch.allclose(quantizer.usage, torch.tensor(usage))
    assert torch.allclose(quantizer.codebook[:, 0], torch.tensor(sums) / torch.tensor(usage))


def test_the_codebook_stands_still_outside_training() -> None:
    quantizer = quantizer_with([[0.0], [10.0]]).eval()
    before = quantizer.codebook.clone()
    quantizer(torch.tensor([[1.0], [2.0]]))
    assert torch.equal(quantizer.codebook, before)


def test_dead_vectors_restart_at_latents() -> None:
    quantizer = quantizer_with([[0.0, 0.0], [1e6, 1e6], [-1e6, 0.0]], decay=0.0, restart_share=0.2)
    latents = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    restarts = [float(quantizer(latents).restarts) for _ in range(6)]
    # With no memory of former steps what lies far away is dead at once; among the latents it is not.
    assert restarts[0] == 2
    assert quantizer.codebook.abs().max() <= latents.abs().max()
    assert quantizer(latents).perplexity > 1.5


def test_a_first_batch_becomes_the_codebook() -> None:
    quantizer = VectorQuantizer(4, 3)
    latents = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)) + 50
    assert float(quantizer(latents).commitment) == pytest.approx(0.0, abs=1e-6)


def test_vectors_of_the_first_batch_that_nothing_chooses_later_restart_soon() -> None:
    quantizer = VectorQuantizer(4, 1)
    quantizer(torch.tensor([[0.0], [1.0], [2.0], [3.0]]))
    restarts = [quantizer(torch.tensor([[3.0], [3.1], [3.2], [3.3]])).restarts.item() for _ in range(40)]
    assert sum(restarts) >= 3
    assert quantizer.codebook.min() > 2.9


def test_gradients_pass_straight_through() -> None:
    quantizer = quantizer_with([[0.0, 0.0], [1.0, 1.0]]).eval()
    latents = torch.tensor([[0.2, 0.1], [0.9, 0.7]], requires_grad=True)
    weights = torch.tensor([[3.0, -1.0], [0.5, 2.0]])
    quantized = quantizer(latents)
    assert torch.equal(quantized.z, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    (quantized.z * weights).sum().backward()
    assert latents.grad is not None
    assert torch.equal(latents.grad, weights)


def test_commitment_draws_latents_to_their_vectors() -> None:
    quantizer = quantizer_with([[0.0], [4.0]]).eval()
    latents = torch.tensor([[1.0], [3.0]], requires_grad=True)
    commitment = quantizer(latents).commitment
    assert commitment.item() == pytest.approx((1 + 1) / 2)
    commitment.backward()
    assert latents.grad is not None
    assert torch.allclose(latents.grad, torch.tensor([[2 * 1 / 2], [2 * -1 / 2]]))
    assert Config().commitment_weight == 0.02  # the paper's


def test_perplexity_counts_the_codes_in_use() -> None:
    quantizer = quantizer_with([[0.0], [1.0], [2.0], [3.0]]).eval()
    assert float(quantizer(torch.tensor([[0.0], [1.0]])).perplexity) == pytest.approx(2.0)
    assert float(quantizer(torch.tensor([[0.0], [0.0]])).perplexity) == pytest.approx(1.0)
