"""Controls: what they measure on features of known truth, their ranks, and a prior that takes them as conditions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import RECIPES

from fourfloor import api, generation, loading, recipe
from fourfloor.dataset import Dataset
from fourfloor.generation import Request
from fourfloor.models import flow
from fourfloor.producer.loops import render_loop
from fourfloor.representations import controls, latent, low_end
from fourfloor.representations.controls import NAMES, Controls

FRAMES = 512  # four bars


def quiet() -> np.ndarray:
    """Return features of silence."""
    features = np.zeros((FRAMES, latent.FEATURE_DIM), np.float32)
    features[:, latent.MEL] = np.log(latent.LEVEL_FLOOR)
    features[:, latent.SIDE] = latent.SIDE_FLOOR
    features[:, latent.LOW][:, ::2] = np.log(low_end.FLOOR)
    return features


def hits(every: int, band: slice = latent.MEL) -> np.ndarray:
    """Return features with a decaying hit in some bands every so many frames."""
    features = quiet()
    decay = np.log(0.3) - (np.arange(FRAMES) % every)[:, None] / 4
    features[:, band] = np.maximum(features[:, band], decay)
    return features


@pytest.mark.parametrize("every", [8, 16, 32, 64])
def test_density_counts_onsets_a_beat(every: int) -> None:
    assert controls.density(hits(every)) == 32 / every
    assert controls.density(hits(every)[:128]) == 32 / every  # of one bar as of four
    assert controls.density(quiet()) == 0


@pytest.mark.parametrize("band", [5, 40, 80])
def test_brightness_is_where_the_spectrum_lies(band: int) -> None:
    features = quiet()
    features[:, band] = np.log(0.5)
    assert controls.brightness(features) == pytest.approx(np.log2(latent.band_centers_hz()[band] / 1000), abs=0.1)


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (0.2, 0.6), (0.6, 0.1)])
def test_low_end_is_a_share_of_power(low: float, high: float) -> None:
    time = np.arange(latent.SAMPLE_RATE * 240 // 120) / latent.SAMPLE_RATE
    tones = low * np.sin(2 * np.pi * 60 * time) + high * np.sin(2 * np.pi * 2000 * time)
    features = latent.analyze(tones[None].astype(np.float32), 120.0, 1)
    assert controls.low_end(features) == pytest.approx(low**2 / (low**2 + high**2), abs=0.05)


def test_a_kick_leaps_up_on_the_beat() -> None:
    kicks, offbeat = hits(32, slice(105, 107)), hits(32, slice(105, 107))
    assert controls.kick(kicks) == 1
    assert controls.kick(np.roll(offbeat, 16, axis=0)) == 0
    steady = quiet()
    steady[:, latent.LOW][:, ::2] = np.log(0.3)
    assert controls.kick(steady) == controls.kick(quiet()) == 0
    for rise, is_kick in ((0.05, 0), (0.2, 1)):  # on 0.3: a note that swells is no kick
        bass = quiet()
        on_beat = np.arange(len(bass)) % 32 < 6
        bass[:, latent.LOW][:, 2] = np.log(0.3 + rise * on_beat)
        assert controls.kick(bass) == is_kick


def test_energy_is_highest_where_all_bands_sound_all_the_time() -> None:
    full = quiet()
    full[:, latent.MEL] = np.log(0.1)
    assert controls.energy(full) == pytest.approx(0, abs=1e-3)
    assert controls.energy(full) > controls.energy(hits(8)) > controls.energy(hits(32))


def test_the_level_of_a_loop_changes_nothing() -> None:
    loop = render_loop(3, bars=1, sample_rate=44_100)
    loud, soft = (latent.analyze(gain * loop.waveform, loop.bpm, 1) for gain in (1.0, 0.5))
    np.testing.assert_allclose(controls.measure(soft), controls.measure(loud), atol=0.15)


def test_produced_loops_tell_their_kick_and_density() -> None:
    loops = [render_loop(seed, "minimal", bars=1, density=density) for seed in range(4) for density in (0.05, 0.95)]
    measured = np.array([controls.measure(latent.analyze(loop.waveform, loop.bpm, 1)) for loop in loops])
    onsets = [len({round(4 * event.start) for event in loop.events}) / 4 for loop in loops]
    assert np.corrcoef(measured[:, NAMES.index("density")], onsets)[0, 1] > 0.4
    kicks = [any(event.instrument == "kick" for event in loop.events) for loop in loops]
    assert np.mean((measured[:, NAMES.index("kick")] > 0) == kicks) >= 0.75


def test_ranks_are_shares_of_the_training_loops() -> None:
    measured = np.random.default_rng(0).gamma(2.0, size=(400, len(NAMES)))
    measured[:, NAMES.index("kick")] = np.arange(400) % 2
    scale = controls.quantiles_of(measured)
    ranked = np.stack([controls.ranks(row, scale) for row in measured])
    for column, name in enumerate(NAMES):
        if name != "kick":
            below = (measured[:, column][:, None] > measured[:, column]).mean(axis=1)
            np.testing.assert_allclose(ranked[:, column], below, atol=0.02)
    np.testing.assert_array_equal(ranked[:, NAMES.index("kick")], measured[:, NAMES.index("kick")])
    assert controls.is_scale(json.loads(json.dumps(scale)))
    assert controls.ranks(measured.max(axis=0) + 9, scale)[0] == 1
    ties = controls.quantiles_of(np.ones((9, len(NAMES))))
    assert controls.ranks(np.ones(len(NAMES)), ties)[0] == pytest.approx(0.5)


@pytest.mark.parametrize("damaged", [None, {}, {"density": [0.0]}, 3])
def test_a_damaged_scale_is_none(damaged: object) -> None:
    assert not controls.is_scale(damaged)


def test_what_is_asked_is_a_rank() -> None:
    assert Controls(kick=False, low_end=0.5).asked == {"low_end": 0.5, "kick": 0.0}
    np.testing.assert_array_equal(Controls(kick=True).values, [np.nan, np.nan, np.nan, 1.0, np.nan])
    for wrong in (-0.1, 1.5):
        with pytest.raises(ValueError, match=r"density .* is outside 0-1"):
            Controls(density=wrong)
    with pytest.raises(ValueError, match="density is nan: pass a finite number"):
        Controls(density=float("nan"))


def tiny(**options: Any) -> flow.Model:
    torch.manual_seed(0)
    model = flow.Model(flow.Config(width=32, depth=1, dropout=0.0, **options), {"latent_dim": 8})
    for p in model.parameters():
        p.data += 0.05 * torch.randn(p.shape)
    return model


def batch() -> dict[str, torch.Tensor]:
    return {
        "x": torch.randn(4, 32, 8), "bpm": torch.full((4,), 126.0), "style": torch.ones(4, dtype=torch.long),
        "controls": torch.rand(4, len(NAMES)),
    }  # fmt: skip


def test_every_control_moves_the_velocity_and_any_does_not() -> None:
    model, given = tiny(controls=True), batch()
    x, t, bpm, style = given["x"], torch.full((4,), 0.5), given["bpm"], given["style"]
    free = model(x, t, bpm, style)
    for column in range(len(NAMES)):
        low, high = (torch.full((4, len(NAMES)), torch.nan) for _ in range(2))
        low[:, column], high[:, column] = 0.0, 1.0
        velocities = [free, model(x, t, bpm, style, low), model(x, t, bpm, style, high)]
        assert all(not torch.allclose(a, b) for a, b in zip(velocities, velocities[1:] + velocities[:1], strict=True))
    assert torch.equal(model(x, t, bpm, style, torch.full((4, len(NAMES)), torch.nan)), free)


@pytest.mark.parametrize(
    ("options", "trained"),
    [({"control_dropout": 1.0}, False), ({"condition_dropout": 1.0}, False), ({"control_dropout": 0.5}, True)],
)
def test_dropped_controls_teach_nothing(options: dict[str, float], trained: bool) -> None:
    model = tiny(**{"controls": True, **options})
    next(model.losses(batch(), 0))[1].backward()
    assert model.control is not None
    assert model.control.weight.grad is not None
    assert (model.control.weight.grad.abs().sum() > 0) == trained


def test_without_controls_nothing_is_other_than_before() -> None:
    """The model draws the same random numbers and has the same weights as before there were controls."""
    model, given = tiny(), batch()
    assert not any("control" in name for name in model.state_dict())
    losses = []
    for each in (given, {key: value for key, value in given.items() if key != "controls"}):
        torch.manual_seed(1)
        losses.append(float(next(model.losses(each, 0))[1].detach()))
    assert losses[0] == losses[1]
    with_controls = tiny(controls=True, control_dropout=1.0)
    assert set(with_controls.state_dict()) - set(model.state_dict()) == {"control.weight"}


def test_the_scale_travels_with_the_model(trained_runs: dict[str, Path], dataset_folder: Path, tmp_path: Path) -> None:
    model = loading.load_model(str(trained_runs["prior"]))
    assert recipe.load(RECIPES / "prior.toml").model.controls
    assert model.prior.control_quantiles == Dataset([dataset_folder]).control_quantiles()
    api.export(trained_runs["prior"], str(trained_runs["decoder"]), tmp_path / "tiny")
    exported = loading.load_model(str(tmp_path / "tiny"))
    assert exported.prior.control_quantiles == model.prior.control_quantiles


def test_a_batch_holds_the_ranks_of_its_own_bars(dataset_folder: Path) -> None:
    dataset = Dataset([dataset_folder])
    config = latent.Config(bars_weights=(0.0, 0.0, 1.0, 0.0))
    drawn = latent.batch(dataset, dataset.codec(), config, "train", 8, np.random.default_rng(0))
    assert drawn["controls"].shape == (8, len(NAMES))
    assert drawn["controls"].dtype == np.float32
    assert drawn["controls"].min() >= 0
    assert drawn["controls"].max() <= 1
    assert (drawn["controls"][:, NAMES.index("kick")] == 1).all()


def test_asked_controls_change_the_loop_and_stand_in_its_file(trained_runs: dict[str, Path], tmp_path: Path) -> None:
    from fourfloor import audio

    wanted = Controls(density=0.9, kick=False)

    def make(out: Path, controls: Controls, **options: Any) -> Path:
        made = api.generate(out, model=trained_runs["prior"], bars=1, count=1, controls=controls, redraws=0, **options)
        assert made.loops[0].file is not None
        return made.loops[0].file

    file, plain = make(tmp_path, wanted), make(tmp_path, Controls())
    assert file.stem == "fourfloor_126bpm_prior_density-0p9_kick-0_1bars_s0"
    assert plain.stem == "fourfloor_126bpm_prior_1bars_s0"
    tags, plain_tags = audio.read_tags(file), audio.read_tags(plain)
    assert tags is not None
    assert plain_tags is not None
    assert json.loads(tags.comment)["controls"] == {"density": 0.9, "kick": 0.0}
    assert "controls" not in json.loads(plain_tags.comment)
    untagged = make(tmp_path / "plain", wanted, plain=True)
    assert audio.read_tags(untagged) is None
    assert (audio.decode(untagged) == audio.decode(file)).all()


def test_a_model_without_controls_says_so(prior_without_controls: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"plain was trained without controls \(energy\): train with"):
        api.generate(tmp_path / "none", model=prior_without_controls, controls=Controls(energy=0.8))
    assert not (tmp_path / "none").exists()
    model = loading.load_model(str(prior_without_controls))
    with pytest.raises(ValueError, match="without controls"):
        generation.make_loop(model, Request(controls=Controls(kick=True)))
    assert generation.make_loop(model, Request(bars=1)).shape == (2, 84_000)


def test_the_bundled_model_knows_controls() -> None:
    model = loading.load_model("warehouse")
    scale = model.prior.control_quantiles
    assert scale is not None
    assert all(np.ptp(scale[name]) > 0 for name in scale)
    bright, dark = (
        generation.sample_latents(model.prior, Request(bars=1, seed=7, controls=Controls(brightness=value)))
        for value in (1.0, 0.0)
    )
    measured = [controls.brightness(model.prior.codec.to_features(z)) for z in (bright, dark)]
    assert measured[0] > measured[1] + 0.2
