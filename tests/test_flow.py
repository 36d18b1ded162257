"""The prior's sampling in numpy: outlines, guidance, the bass, and the way along a velocity that is known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from fourfloor.models import flow
from fourfloor.models.flow import sampling
from fourfloor.models.flow.outline import KERNELS, Outlines
from fourfloor.networks import Functions, Networks, modules
from fourfloor.representations import latent

Velocity = Callable[[np.ndarray, float], np.ndarray]


def tiny(**options: Any) -> Any:
    torch.manual_seed(0)
    return flow.Model(flow.Config(**{"width": 16, "depth": 1, "heads": 1, **options}), {"latent_dim": 84}).eval()


def networks(model: Any, velocity: Velocity | None = None) -> Networks:
    """Return a model's networks, or those of one that answers with a velocity and guesses 0."""
    given = modules.networks(model, model.config, {"latent_dim": model.latent_dim})
    if velocity is None:
        return given

    def answer(x: np.ndarray, t: np.ndarray, **_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return velocity(x, float(t[0])).astype(np.float32), np.zeros_like(x)

    return replace(given, functions=Functions(velocity=answer))


def conditions(n: int, style: int = 0, controls: np.ndarray | None = None) -> dict[str, np.ndarray]:
    given = {"bpm": np.full(n, 126.0, np.float32), "style": np.full(n, style)}
    return given if controls is None else given | {"controls": controls.astype(np.float32)}


@pytest.mark.parametrize("asked", [None, 0.9])
def test_samples_have_the_outline_of_their_style(asked: float | None) -> None:
    model = flow.Model(flow.Config(width=16, depth=1, heads=1, controls=True), {"latent_dim": 4})
    rng = np.random.default_rng(0)
    style, energy = np.arange(512) % 2 + 1, rng.random((512, 1))
    x = rng.standard_normal((512, 32, 4)) + 2.0 * style[:, None, None] + 3.0 * energy[:, None]
    batch = {"x": x, "style": style, "controls": np.repeat(energy, 5, axis=1)}
    model.prepare([{name: torch.from_numpy(values) for name, values in batch.items()}])
    wanted = np.full((300, 5), np.nan)
    if asked:
        wanted[:, -1] = asked
    # The velocity is 0: what is led to the level by then stays there.
    still = networks(model, lambda x, t: 0 * x)
    drawn = flow.sample(still, 300, conditions(300, 2, wanted), flow.Sampling(level_share=1.0), rng, bars=1)
    level = drawn.mean(axis=1)
    assert level.mean() == pytest.approx(4.0 + 3.0 * (asked or 0.5), abs=0.15)
    assert level.mean(axis=1).std() == pytest.approx(0.1 if asked else 3 / 12**0.5, abs=0.15)


def draw(outlines: Outlines, style: int, given: np.ndarray, n: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([outlines.draw(style, given, rng) for _ in range(n)])


def test_outlines_keep_what_is_given_and_the_scatter_of_each_style() -> None:
    rng = np.random.default_rng(0)
    factors = np.array([[[1.0, 0, 0], [0.8, 0.6, 0], [0, 0, 2]], [[3.0, 0, 0], [0, 1, 0], [-1, 0, 0.5]]])
    style = np.arange(6000) % 2 + 1
    x = (factors[style - 1] @ rng.standard_normal((6000, 3, 1)))[..., 0] + style[:, None]
    outlines = Outlines.empty(3, 4).measured(x, style)
    free = np.full(3, np.nan)
    for number in (1, 2):
        drawn = draw(outlines, number, free)
        covariance = factors[number - 1] @ factors[number - 1].T
        np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.7)  # the correlations are those of all styles
        np.testing.assert_allclose(drawn.mean(axis=0), number, atol=0.2)
    drawn = draw(outlines, 1, np.array([2.0, np.nan, np.nan]))
    np.testing.assert_allclose(drawn[:, 0], 2.0, atol=1e-2)
    assert drawn[:, 1].mean() == pytest.approx(1 + 0.8 * 1, abs=0.2)
    assert drawn[:, 1].std() == pytest.approx(0.6, abs=0.2)
    assert draw(outlines, 0, free)[:, 0].std() == pytest.approx((5 + 0.25) ** 0.5, abs=0.2)


def test_outlines_are_drawn_from_the_loops_that_have_what_is_given() -> None:
    rng = np.random.default_rng(0)
    first = np.arange(1200) % 3 - 1.0
    x = np.stack([first, np.where(first == 0, 10.0, 0.0)], axis=1) + 0.1 * rng.standard_normal((1200, 2))
    drawn = draw(Outlines.empty(2, 2).measured(x, np.ones(1200, int)), 1, np.array([0.0, np.nan]), 1000)[:, 1]
    assert drawn.mean() > 5.0  # one normal knows no more than the mean of all, 3.3


def test_outlines_of_styles_that_do_not_occur_are_kept_and_drawn_by_name_alone() -> None:
    rng = np.random.default_rng(0)
    outlines = Outlines.empty(2, 4).measured(rng.standard_normal((50, 2)) + 20, np.ones(50, int))
    outlines = outlines.measured(rng.standard_normal((50, 2)) - 20, np.full(50, 2))
    assert outlines.styles() == [1, 2]
    assert (outlines.style > 0).sum() == 100 <= KERNELS
    outlines.check(2)
    drawn = [draw(outlines, number, np.full(2, np.nan), 100) for number in range(4)]
    assert (drawn[1] > 10).all()
    assert (drawn[2] < -10).all()
    assert (drawn[0] < -10).all()  # any style is what was measured last
    assert (drawn[3] == 0).all()  # of nothing known


def test_the_outline_is_what_remains_when_all_beats_are_alike() -> None:
    x = np.random.default_rng(0).standard_normal((3, 128, latent.LATENT_DIM))
    outline = sampling.outline(x)
    filled = sampling.spread_out(outline, x.shape)
    np.testing.assert_allclose(sampling.outline(filled), outline, atol=1e-5)
    np.testing.assert_allclose(filled.mean(axis=1), x.mean(axis=1), atol=1e-5)
    made, original = (loop[..., latent.KICK].reshape(3, 16, 8, -1) for loop in (filled, x))
    np.testing.assert_allclose(made, np.broadcast_to(original.mean(axis=1, keepdims=True), made.shape), atol=1e-5)


@pytest.mark.parametrize("spread", [0.4, 1.0, 3.0])
def test_the_flow_carries_noise_to_the_spread_of_the_data(spread: float) -> None:
    def velocity(x: np.ndarray, t: float) -> np.ndarray:
        """Return the true velocity between normal noise and normal data."""
        return x * (t * spread**2 - (1 - t)) / (t**2 * spread**2 + (1 - t) ** 2)

    known = networks(tiny(), velocity)
    drawn = flow.sample(known, 8, conditions(8), flow.Sampling(), np.random.default_rng(0))
    assert drawn.dtype == np.float32
    assert drawn.std() == pytest.approx(spread, rel=0.02)


def test_sampling_goes_on_from_the_guess_of_the_first_blocks() -> None:
    model = tiny(depth=3)

    def sample(**options: Any) -> np.ndarray:
        rng, asked = np.random.default_rng(0), flow.Sampling(level_share=0.0, **options)
        return flow.sample(networks(model), 2, conditions(2), asked, rng, bars=1)

    plain = sample()  # nothing is guessed yet
    model.guess[-1] = 1.0
    np.testing.assert_array_equal(sample(autoguidance=0.0), plain)
    # An untrained network answers 0, so a quarter of the way it is led by -2 x the guess.
    np.testing.assert_allclose(sample(autoguidance=2.0, autoguidance_share=0.25), plain - 0.5, atol=1e-5)
    with pytest.raises(ValueError, match="autoguidance_share 2: choose"):
        sample(autoguidance_share=2.0)


def test_a_control_that_is_asked_for_is_exaggerated() -> None:
    model = tiny(controls=True)
    given = modules.networks(model, model.config, {"latent_dim": 84})

    def answer(x: np.ndarray, controls: np.ndarray, **_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full_like(x, 0.0 if np.isnan(controls).all() else 1.0), x

    asked = np.array([[np.nan, 0.9, np.nan, np.nan, np.nan]])
    led: dict[str, Any] = {"level_share": 0.0, "steps": 2}
    drawn = [
        flow.sample(
            replace(given, functions=Functions(velocity=answer)), 1, conditions(1, 0, controls),
            flow.Sampling(control_guidance=4.0, **led), np.random.default_rng(0), 1,
        )
        for controls in (asked, np.full((1, 5), np.nan))
    ]  # fmt: skip
    np.testing.assert_allclose(drawn[0] - drawn[1], 4.0, atol=1e-5)


def test_a_guess_that_is_asked_for_and_was_never_fitted_is_missing() -> None:
    model = tiny(depth=3)
    arrays, asked = modules.StateArrays(model), flow.Sampling()
    assert flow.missing(arrays, model.config, asked) == "the guess that autoguidance needs"
    assert flow.missing(arrays, model.config, flow.Sampling(autoguidance=0.0)) is None
    model.guess[0, 0] = 1.0
    assert flow.missing(arrays, model.config, asked) is None
    shallow = tiny(depth=2)
    assert flow.missing(modules.StateArrays(shallow), shallow.config, asked) is None


def test_the_bass_is_drawn_for_the_rest_of_the_loop() -> None:
    model = tiny(bass_width=32, bass_depth=1)
    optimizer = torch.optim.AdamW(model.bass.parameters(), lr=5e-3)
    bpm, style = torch.full((16,), 126.0), torch.zeros(16, dtype=torch.long)

    def loops(rng: torch.Generator) -> torch.Tensor:
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
    x = loops(rng).numpy()
    given = x.copy()
    given[..., latent.FREQUENCIES] = 0
    known, noise = networks(model.eval()), np.random.default_rng(0)
    drawn = np.concatenate([sampling.with_bass(known, loop[None], conditions(1), noise) for loop in given])
    rest = slice(0, latent.FREQUENCIES.start)
    np.testing.assert_array_equal(drawn[..., rest], x[..., rest])
    played, meant = drawn[..., latent.FREQUENCIES], x[..., latent.FREQUENCIES]
    assert (np.sign(played) == np.sign(meant)).mean() > 0.95
    assert np.abs(played).mean() == pytest.approx(0.5, rel=0.2)


def test_a_model_without_a_bass_of_its_own_draws_all_at_once() -> None:
    samples = {}
    for width in (0, 16):
        known = networks(tiny(bass_width=width))
        samples[width] = flow.sample(known, 1, conditions(1), flow.Sampling(), np.random.default_rng(0), bars=1)
    rest = slice(0, latent.FREQUENCIES.start)
    np.testing.assert_array_equal(samples[0][..., rest], samples[16][..., rest])
    assert not np.isclose(samples[0][..., latent.FREQUENCIES], samples[16][..., latent.FREQUENCIES]).any()
    with pytest.raises(ValueError, match="bass_width 20, bass_depth 4: choose"):
        flow.Config(bass_width=20)
