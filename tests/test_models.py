"""Every family, tested the moment its file exists: the contract, and what any model must do."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from minimizing import minimize
from torch import nn

from fourfloor import recipe, recipes
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.models import families, family_module
from fourfloor.networks import modules
from fourfloor.nn.attention import layer_norm
from fourfloor.representations import Representation, latent, representation_module
from fourfloor.training import descent, loop
from fourfloor.training.config import Budget, Config

RECIPES = sorted(recipes.names(), key=lambda name: name.rpartition("/")[2])
TINY: dict[str, dict[str, Any]] = {
    "jukebox": {"width": 4, "codebook_size": 16, "vqvae_steps": 1, "prior_width": 32, "prior_depth": 1, "window": 32},
    "wavegan": {"width": 2, "latent_dim": 8, "critic_steps": 1},
    "spectrogram_vae": {"width": 4, "latent_dim": 4, "prior": "flow", "prior_width": 16, "prior_depth": 1},
    "spectrogram_gan": {"width": 4, "latent_dim": 8},
    "specgan": {"width": 2, "latent_dim": 8, "critic_steps": 1},
    "autoencoder": {"width": 64, "latent_dim": 8},
    "flow": {"width": 64, "depth": 2, "bass_width": 32, "bass_depth": 1, "dropout": 0.0},
    "magnitude_decoder": {"width": 32, "latent_depth": 1, "frame_depth": 1, "edge_latents": 2},
    "separator": {"width": 64, "depth": 2, "basis": 32},
    "transcriber": {"width": 64, "depth": 2},
}
TINY_SAMPLING: dict[str, dict[str, Any]] = {"flow": {"steps": 2}, "spectrogram_vae": {"steps": 2}}
TINY_REPRESENTATION: dict[str, dict[str, Any]] = {"magnitude": {"crop_latents": 8}, "latent": {}}


def recipe_of(family: str) -> recipe.Recipe:
    return next(plan for plan in map(recipe.load, RECIPES) if plan.family == family)


def tiny(family: str, dataset: Dataset) -> tuple[Any, dict[str, torch.Tensor]]:
    """Return a small model of a family and a batch of the representation that its recipe names."""
    return tiny_of(recipe_of(family), dataset)


def tiny_of(plan: recipe.Recipe, dataset: Dataset) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """Return a recipe's model, made small, and a batch for it."""
    representation, config = tiny_representation(plan)
    torch.manual_seed(0)
    small = replace(plan.model, **TINY.get(plan.family, {}))
    model = family_module(plan.family).Model(small, representation.shape(config))
    codec = representation.fit(dataset, config)
    batch = representation.batch(dataset, codec, config, "train", 4, np.random.default_rng(3))
    return model, descent.to_tensors(batch, "cpu")


def tiny_representation(plan: recipe.Recipe) -> tuple[Representation, Any]:
    """Return a recipe's representation, made small where the table above says how."""
    small = TINY_REPRESENTATION.get(plan.representation_name, {})
    return representation_module(plan.representation_name), replace(plan.representation, **small)


def minimize_once(
    model: Any,
    batch: dict[str, torch.Tensor],
    step: int,
    optimizers: dict[str, list[torch.optim.Optimizer]],
    rate: float,
) -> list[float]:
    """Take one training step as the loop does; return the losses in their order."""
    losses = []
    for group, loss, _ in model.losses(batch, step):
        assert minimize(loss, optimizers[group], rate)
        losses.append(float(loss.detach()))
    return losses


@pytest.fixture(scope="module")
def dataset(dataset_folder: Path, truth_folder: Path) -> Dataset:
    """Return loops with the truth of produced ones, for the families that learn from it."""
    produced = Dataset([truth_folder])

    class WithTruth(Dataset):
        has_truth = True

        def truth(self, name: str, index: int) -> np.ndarray:
            return produced.truth(name, index % len(produced))

    return WithTruth([dataset_folder])


@pytest.mark.parametrize("family", families())
def test_every_family_has_a_recipe(family: str) -> None:
    assert recipe_of(family).family == family


@pytest.mark.parametrize("family", families())
def test_groups_hold_every_parameter_once(family: str, dataset: Dataset) -> None:
    model, _ = tiny(family, dataset)
    grouped = [id(p) for group in model.parameter_groups().values() for p in group]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("family", families())
def test_every_parameter_gets_a_gradient(family: str, dataset: Dataset) -> None:
    model, batch = tiny(family, dataset)
    optimizers = descent.build_optimizers(list(model.parameters()), Config())
    without = {name for name, _ in model.named_parameters()}
    for step in range(3):  # two layers in a row start at zero and pass no gradient in the first steps
        for _, loss, _ in model.losses(batch, step):
            minimize(loss, optimizers, 1e-3)
            without -= {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert without == set()


# The loss that one batch must fall below in 80 steps; most fall to half of it, none begins there.
LEARNED = {
    "autoencoder": 0.02, "flow": 2.0, "jukebox": 0.2, "magnitude_decoder": -0.4, "specgan": -50.0, "wavegan": -50.0,
    "spectrogram_gan": 0.05, "spectrogram_vae": -1.55,
}  # fmt: skip


@pytest.mark.parametrize("family", families())
def test_one_batch_can_be_learned(family: str, dataset: Dataset) -> None:
    model, batch = tiny(family, dataset)
    groups = model.parameter_groups().items()
    optimizers = {name: descent.build_optimizers(list(group), Config()) for name, group in groups}
    losses = []
    for step in range(80):
        torch.manual_seed(step % 4)  # few different noises, so that the batch can be learned by heart
        losses.append(minimize_once(model, batch, step, optimizers, 3e-3)[0])  # of a GAN: the judge's
    first, last = np.mean(losses[:4]), np.mean(losses[-4:])
    assert last < LEARNED.get(family, first - 0.5 * abs(first)) < first


@pytest.mark.parametrize("family", families())
def test_one_step_in_bf16(family: str, dataset: Dataset) -> None:
    model, batch = tiny(family, dataset)
    optimizers = descent.build_optimizers(list(model.parameters()), Config())
    config = Config(precision="bf16")
    for _, loss, _ in descent.losses_of(model, batch, 0, config.precision, "cpu"):
        assert minimize(loss, optimizers, 1e-3)


@pytest.mark.parametrize("family", families())
def test_a_saved_model_gives_the_same_losses(family: str, dataset: Dataset) -> None:
    model, batch = tiny(family, dataset)
    other, _ = tiny(family, dataset)
    for p in other.parameters():
        p.data.normal_()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    losses = []
    for each in (model, other):
        torch.manual_seed(0)
        losses.append([float(loss.detach()) for _, loss, _ in each.eval().losses(batch, 0)])
    assert losses[0] == losses[1]


@pytest.mark.parametrize("family", [f for f in families() if hasattr(family_module(f), "Sampling")])
def test_the_seed_decides_the_sample(family: str, dataset: Dataset) -> None:
    model, batch = tiny(family, dataset)
    for p in model.parameters():
        p.data += 0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    sampling = family_module(family).Sampling(**TINY_SAMPLING.get(family, {}))
    first, again, other = (sampled(family, model.eval(), batch_of_two(batch), sampling, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first[0], first[1])


def sampled(family: str, model: nn.Module, batch: dict[str, torch.Tensor], sampling: Any, seed: int) -> np.ndarray:
    """Draw two x of two bars, as generation does."""
    module, conditions = family_module(family), {name: value.numpy() for name, value in batch.items()}
    if not hasattr(module, "sample"):
        return modules.sample(model, 2, conditions, sampling, seed, 2)
    networks = modules.networks(model, model.config, {"latent_dim": latent.LATENT_DIM})
    return module.sample(networks, 2, conditions, sampling, np.random.default_rng(seed), 2)


def batch_of_two(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value[:2] for key, value in batch.items() if key != "x"}


def test_a_prior_turned_by_a_bar_turns_its_velocity(dataset: Dataset) -> None:
    model, batch = tiny("flow", dataset)
    for p in model.parameters():
        p.data += 0.05 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    x, t = batch["x"], torch.full((4,), 0.5)
    bar = 32
    with torch.no_grad():
        velocity = model.eval()(x, t, batch["bpm"], batch["style"])
        turned = model(x.roll(bar, dims=1), t, batch["bpm"], batch["style"])
    assert torch.allclose(turned, velocity.roll(bar, dims=1), atol=1e-4)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_two_tiny_steps(name: str, dataset: Dataset, tmp_path: Path) -> None:
    plan = recipe.load(name)
    model, _ = tiny_of(plan, dataset)
    representation, config = tiny_representation(plan)
    codec = representation.fit(dataset, config)
    (tmp_path / "checkpoints").mkdir()
    task = loop.Task(
        model=model,
        batches=lambda split, size, rng: representation.batch(dataset, codec, config, split, 2, rng),
        config=replace(plan.training, validate_every=2, validation_batches=1, batch_size=2),
        run=tmp_path,
        meta={},
    )
    state = loop.train(task, Budget(steps=2))
    assert state.step == 2
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_the_guess_is_the_best_linear_one(dataset: Dataset) -> None:
    flow, (_, batch) = family_module("flow"), tiny("flow", dataset)
    torch.manual_seed(0)
    model = flow.Model(flow.Config(width=64, depth=3), {"latent_dim": latent.LATENT_DIM})
    model.eval().calibrate([batch] * 8, torch.Generator().manual_seed(0))
    x, conditions, wanted = model.noised(batch, torch.Generator().manual_seed(0))
    with torch.no_grad():
        hidden = layer_norm(model.hidden(x, *conditions, blocks=2)[-1])
    left = wanted.reshape(*hidden.shape[:2], -1) - hidden @ model.guess[:-1] - model.guess[-1]
    assert left.square().mean() < 0.95 * wanted.square().mean()
    assert abs(left.mean().item()) < 0.02
    first = model.guess.clone()
    model.calibrate([batch] * 8, torch.Generator().manual_seed(0))
    assert torch.equal(model.guess, first)
    for kept in ({"fit_guess": False}, {"depth": 2}):
        without = flow.Model(flow.Config(**{"width": 64, "depth": 3} | kept), {"latent_dim": latent.LATENT_DIM})
        without.calibrate([batch], torch.Generator())
        assert not without.guess.any()


class Broken(torch.nn.Module):
    """A family whose author forgot something."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
        self.groups: dict = {"model": [*self.inner.parameters(), *self.outer.parameters()]}

    def parameter_groups(self) -> dict:
        return self.groups

    def losses(self, batch: dict, step: int) -> tuple:
        return "model", torch.zeros(()), {}


def test_what_a_family_forgot_is_named() -> None:
    model = Broken()
    assert list(descent.groups_of(model)) == ["model"]
    with pytest.raises(FourfloorError, match=r"Model\.losses returns a tuple; yield \(group, loss, numbers\)"):
        next(descent.losses_of(model, {}, 0, "fp32", "cpu"))
    with pytest.raises(FourfloorError, match=r"Model\.losses yields 'modle'; parameter_groups has model"):
        descent.optimizers_of(model, {"model": []}, "modle")
    model.groups = {"model": list(model.inner.parameters())}
    with pytest.raises(FourfloorError, match=r"has outer\.weight in no group; put each parameter in one"):
        descent.groups_of(model)
    model.groups = {"one": list(model.parameters()), "two": list(model.inner.parameters())}
    with pytest.raises(FourfloorError, match=r"has inner\.weight in several groups"):
        descent.groups_of(model)
