"""Rates and optimizers: how far a step goes, and in which direction."""

import pytest
import torch
from torch import nn

from fourfloor.training import descent
from fourfloor.training.config import Config
from fourfloor.training.muon import Muon, orthogonalized


def test_the_rate_warms_up_and_falls_to_a_tenth() -> None:
    config = Config(learning_rate=1.0, warmup_steps=10, decay_share=0.2)
    rates = [descent.learning_rate(config, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[50] == 1.0
    assert rates[99] == pytest.approx(0.1)
    assert descent.learning_rate(config, 10_000, None) == 1.0


@pytest.mark.parametrize("shape", [(96, 80), (70, 130)])
def test_muon_steps_like_torchs_own(shape: tuple[int, int]) -> None:
    start, gradients = torch.randn(shape), [torch.randn(shape) for _ in range(3)]
    moved = []
    for build in (
        lambda p: Muon([p], weight_decay=0.1, dtype=torch.bfloat16, lr=0.02),
        lambda p: torch.optim.Muon([p], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    ):
        matrix = torch.nn.Parameter(start.clone())
        optimizer = build(matrix)
        for gradient in gradients:
            matrix.grad = gradient.clone()
            optimizer.step()
        moved.append(matrix.detach())
    torch.testing.assert_close(moved[0], moved[1], atol=1e-5, rtol=1e-4)


def test_muon_brings_singular_values_near_one() -> None:
    matrix = torch.randn(80, 200, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalized(matrix))
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_muon_takes_the_matrices_only() -> None:
    model = nn.Sequential(nn.Linear(128, 128), nn.LayerNorm(128), nn.Linear(128, 4))
    adamw, muon = descent.build_optimizers(list(model.parameters()), Config(optimizer="muon"))
    assert [p.shape for p in muon.param_groups[0]["params"]] == [(128, 128)]
    assert len(adamw.param_groups[0]["params"]) == 5
