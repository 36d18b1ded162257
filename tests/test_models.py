"""Every family, tested the moment its file exists: the contract, and what any model must do."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fourfloor import recipe, recipes
from fourfloor.dataset import Dataset
from fourfloor.errors import FourfloorError
from fourfloor.models import families, family_module
from fourfloor.models.flow.outline import Outlines
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
        assert descent.minimize(loss, optimizers[group], rate, 1.0)
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
            descent.minimize(loss, optimizers, 1e-3, 1.0)
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
        assert descent.minimize(loss, optimizers, 1e-3, 1.0)


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
    first, again, other = (
        model.eval().sample(2, batch_of_two(batch), sampling, torch.Generator().manual_seed(seed), 2)
        for seed in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not torch.allclose(first[0], first[1])


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


@pytest.mark.parametrize("asked", [None, 0.9])
def test_samples_have_the_outline_of_their_style(asked: float | None) -> None:
    flow = family_module("flow")
    model = flow.Model(flow.Config(width=16, depth=1, heads=1, controls=True), {"latent_dim": 4})
    rng = torch.Generator().manual_seed(0)
    style = torch.arange(512) % 2 + 1
    energy = torch.rand(512, 1, generator=rng)
    x = torch.randn(512, 32, 4, generator=rng) + 2.0 * style[:, None, None] + 3.0 * energy[:, None]
    ranks = torch.cat([energy.expand(-1, 5)], dim=1)
    model.prepare([{"x": x, "style": style, "controls": ranks}])
    wanted = torch.full((300, 5), torch.nan)
    if asked:
        wanted[:, -1] = asked
    conditions = {"bpm": torch.full((300,), 126.0), "style": torch.full((300,), 2), "controls": wanted}
    # The network is untrained and its velocity 0: what is led to the level by then stays there.
    samples = model.sample(300, conditions, flow.Sampling(level_share=1.0), rng, bars=1).mean(dim=1)
    expected = 4.0 + 3.0 * (asked or 0.5)
    assert samples.mean().item() == pytest.approx(expected, abs=0.15)
    assert samples.mean(dim=1).std().item() == pytest.approx(0.1 if asked else 3 / 12**0.5, abs=0.15)


def test_levels_keep_what_is_given_and_the_scatter_of_each_style() -> None:
    rng = torch.Generator().manual_seed(0)
    factors = torch.tensor([[[1.0, 0, 0], [0.8, 0.6, 0], [0, 0, 2]], [[3.0, 0, 0], [0, 1, 0], [-1, 0, 0.5]]])
    style = torch.arange(6000) % 2 + 1
    x = (factors[style - 1] @ torch.randn(6000, 3, 1, generator=rng))[..., 0] + style[:, None]
    levels = Outlines(3, 4)
    levels.measure(x, style)
    free = torch.full((4000, 3), torch.nan)
    for number in (1, 2):
        drawn = levels.draw(torch.full((4000,), number), free, rng)
        covariance = factors[number - 1] @ factors[number - 1].T
        assert torch.allclose(drawn.T.cov(), covariance, atol=0.7)  # the kernels' correlations are those of all styles
        assert torch.allclose(drawn.mean(dim=0), torch.tensor(float(number)), atol=0.2)
    given = free.clone()
    given[:, 0] = 2.0
    drawn = levels.draw(torch.ones(4000, dtype=torch.long), given, rng)
    assert torch.allclose(drawn[:, 0], given[:, 0], atol=1e-2)
    assert drawn[:, 1].mean().item() == pytest.approx(1 + 0.8 * 1, abs=0.2)
    assert drawn[:, 1].std().item() == pytest.approx(0.6, abs=0.2)
    anything = levels.draw(torch.zeros(4000, dtype=torch.long), free, rng)
    assert anything[:, 0].std().item() == pytest.approx((5 + 0.25) ** 0.5, abs=0.2)


def test_levels_draw_from_the_loops_that_have_what_is_given() -> None:
    rng = torch.Generator().manual_seed(0)
    first = torch.arange(1200) % 3 - 1.0
    x = torch.stack([first, torch.where(first == 0, 10.0, 0.0)], dim=1)
    levels = Outlines(2, 2)
    levels.measure(x + 0.1 * torch.randn(1200, 2, generator=rng), torch.ones(1200, dtype=torch.long))
    given = torch.tensor([[0.0, torch.nan]]).expand(1000, -1)
    drawn = levels.draw(torch.ones(1000, dtype=torch.long), given, rng)[:, 1]
    assert drawn.mean().item() > 5.0  # one normal knows no more than the mean of all, 3.3


def test_levels_of_styles_that_do_not_occur_are_kept_and_drawn_by_name_alone() -> None:
    rng = torch.Generator().manual_seed(0)
    levels = Outlines(2, 4)
    levels.measure(torch.randn(50, 2, generator=rng) + 20, torch.ones(50, dtype=torch.long))
    levels.measure(torch.randn(50, 2, generator=rng) - 20, torch.full((50,), 2))
    free = torch.full((100, 2), torch.nan)
    drawn = [levels.draw(torch.full((100,), number), free, rng) for number in range(4)]
    assert (drawn[1] > 10).all()
    assert (drawn[2] < -10).all()
    assert (drawn[0] < -10).all()  # any style is what was measured last
    assert (drawn[3] == 0).all()  # of nothing known


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


@pytest.mark.parametrize("spread", [0.4, 1.0, 3.0])
def test_the_flow_carries_noise_to_the_spread_of_the_data(spread: float, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = family_module("flow")
    model = flow.Model(flow.Config(width=16, depth=1, heads=1), {"latent_dim": 84})

    def velocity(x: Tensor, t: Tensor, *conditions: Tensor | float | None) -> Tensor:
        """Return the true velocity between normal noise and normal data."""
        t = t[:, None, None]
        return x * (t * spread**2 - (1 - t)) / (t**2 * spread**2 + (1 - t) ** 2)

    monkeypatch.setattr(model, "forward", velocity)
    conditions = {"bpm": torch.full((8,), 126.0), "style": torch.zeros(8, dtype=torch.long)}
    samples = model.sample(8, conditions, flow.Sampling(), torch.Generator().manual_seed(0))
    assert samples.std() == pytest.approx(spread, rel=0.02)


def test_sampling_goes_on_from_the_guess_of_the_first_blocks() -> None:
    flow = family_module("flow")
    model = flow.Model(flow.Config(width=16, depth=3, heads=1), {"latent_dim": 84})
    conditions = {"bpm": torch.full((2,), 126.0), "style": torch.zeros(2, dtype=torch.long)}

    def sample(**sampling: float) -> Tensor:
        rng = torch.Generator().manual_seed(0)
        return model.sample(2, conditions, flow.Sampling(level_share=0.0, **sampling), rng, bars=1)

    plain = sample()  # nothing is guessed yet
    model.guess[-1] = 1.0
    assert torch.equal(sample(autoguidance=0.0), plain)
    # An untrained network answers 0, so a quarter of the way it is led by -2 x the guess.
    assert torch.allclose(sample(autoguidance=2.0, autoguidance_share=0.25), plain - 0.5, atol=1e-5)
    with pytest.raises(ValueError, match="autoguidance_share 2: choose"):
        sample(autoguidance_share=2.0)


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


def test_a_guess_that_is_asked_for_and_was_never_fitted_is_missing() -> None:
    flow = family_module("flow")
    model = flow.Model(flow.Config(width=16, depth=3, heads=1), {"latent_dim": 84})
    assert model.missing(flow.Sampling()) == "the guess that autoguidance needs"
    assert model.missing(flow.Sampling(autoguidance=0.0)) is None
    model.guess[0, 0] = 1.0
    assert model.missing(flow.Sampling()) is None
    assert flow.Model(flow.Config(width=16, depth=2, heads=1), {"latent_dim": 84}).missing(flow.Sampling()) is None


def test_the_outline_is_what_remains_when_all_beats_are_alike() -> None:
    flow = family_module("flow")
    model = flow.Model(flow.Config(width=16, depth=1, heads=1), {"latent_dim": latent.LATENT_DIM})
    x = torch.randn(3, 128, latent.LATENT_DIM, generator=torch.Generator().manual_seed(0))
    outline = model.outline(x)
    filled = model.drawn_out(outline, 128)
    assert torch.allclose(model.outline(filled), outline, atol=1e-5)
    assert torch.allclose(filled.mean(dim=1), x.mean(dim=1), atol=1e-5)
    made, original = (loop[..., latent.KICK].unflatten(1, (16, 8)) for loop in (filled, x))
    assert torch.allclose(made, original.mean(dim=1, keepdim=True).expand_as(made), atol=1e-5)


def test_the_bass_is_drawn_for_the_rest_of_the_loop() -> None:
    flow = family_module("flow")
    torch.manual_seed(0)
    model = flow.Model(flow.Config(width=16, depth=1, heads=1, bass_width=32, bass_depth=1), {"latent_dim": 84})
    optimizer = torch.optim.AdamW(model.bass.parameters(), lr=5e-3)
    bpm, style = torch.full((16,), 126.0), torch.zeros(16, dtype=torch.long)

    def loops(rng: torch.Generator) -> Tensor:
        """Return loops of one bar, each of whose latents plays one of two notes that another channel names."""
        x = torch.randn(16, 32, 84, generator=rng)
        x[..., 0] = x[..., 0].sign() * 2
        x[..., latent.FREQUENCIES] = x[..., :1] / 4
        return x

    rng = torch.Generator().manual_seed(0)
    for _ in range(300):
        loss = model.bass_loss({"x": loops(rng), "bpm": bpm, "style": style})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = loops(rng)
    given = x.clone()
    given[..., latent.FREQUENCIES] = 0
    with torch.no_grad():
        drawn = model.eval().with_bass(given, bpm, style, rng)
    rest = slice(0, latent.FREQUENCIES.start)
    assert torch.equal(drawn[..., rest], x[..., rest])
    played, meant = drawn[..., latent.FREQUENCIES], x[..., latent.FREQUENCIES]
    assert (played.sign() == meant.sign()).float().mean() > 0.95
    assert played.abs().mean() == pytest.approx(0.5, rel=0.2)


def test_a_model_without_a_bass_of_its_own_draws_all_at_once() -> None:
    flow = family_module("flow")
    conditions = {"bpm": torch.full((2,), 126.0), "style": torch.zeros(2, dtype=torch.long)}
    samples = {}
    for width in (0, 16):
        torch.manual_seed(0)
        model = flow.Model(flow.Config(width=16, depth=1, heads=1, bass_width=width), {"latent_dim": 84}).eval()
        samples[width] = model.sample(2, conditions, flow.Sampling(), torch.Generator().manual_seed(0), bars=1)
    rest = slice(0, latent.FREQUENCIES.start)
    assert torch.equal(samples[0][..., rest], samples[16][..., rest])
    assert not torch.isclose(samples[0][..., latent.FREQUENCIES], samples[16][..., latent.FREQUENCIES]).any()
    with pytest.raises(ValueError, match="bass_width 20, bass_depth 4: choose"):
        flow.Config(bass_width=20)


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
