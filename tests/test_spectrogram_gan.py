"""The spectrogram GAN: shapes of DCGAN, its losses in closed form, and how a helicopter comes about."""

from typing import Any

import numpy as np
import pytest
import torch
from minimizing import minimize

from fourfloor.evaluation.scores import score_loop
from fourfloor.models.spectrogram_gan import network as spectrogram_gan
from fourfloor.models.spectrogram_gan.network import Config, Model, ResizedUp, Sampling, TransposedUp
from fourfloor.representations import spectrogram
from fourfloor.training import descent
from fourfloor.training.config import Config as TrainingConfig

SMALL = {"bins": 16, "frames": 32}


def small(**settings: Any) -> Model:
    torch.manual_seed(0)
    return Model(Config(layers=2, width=4, latent_dim=8, **settings), SMALL)


def batch(n: int = 8) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(n, SMALL["bins"], SMALL["frames"], generator=rng) * 2 - 1
    return {"x": x, "bpm": torch.linspace(120, 150, n)}


def test_the_networks_are_those_of_the_tutorial() -> None:
    model: Any = Model(Config(width=64), {"bins": 64, "frames": 64})
    assert [layer.weight.shape[0] for layer in model.generator.layers] == [512, 256, 128, 64]
    assert model.generator.start == (4, 4)
    assert [layer.weight.shape[0] for layer in model.discriminators[0].layers] == [64, 128, 256, 512]


@pytest.mark.parametrize("settings", [
    {}, {"upsampling": "resize", "circular": True}, {"normalization": "spectral", "loss": "hinge", "scales": 2},
    {"normalization": "none", "penalty_weight": 1.0, "batch_deviation": True, "tempo": True, "turns": 4},
    {"kernel": 5}, {"kernel": 5, "circular": True},
])  # fmt: skip
def test_samples_have_the_shape_and_range_of_pictures(settings: dict[str, Any]) -> None:
    model = small(**settings)
    for _, loss, _ in model.losses(batch(), 0):
        loss.backward()
    conditions = {"bpm": torch.full((3,), 126.0)}
    x = model.eval().sample(3, conditions, Sampling(), torch.Generator().manual_seed(0))
    assert x.shape == (3, 16, 32)
    assert x.abs().max() <= 1


def test_losses_of_scores_that_know_nothing() -> None:
    zero = torch.zeros(4)
    assert spectrogram_gan.discriminator_loss(zero, zero, "bce").item() == pytest.approx(2 * 0.693147, abs=1e-5)
    assert spectrogram_gan.discriminator_loss(zero, zero, "hinge").item() == 2.0
    assert spectrogram_gan.generator_loss(zero, "bce").item() == pytest.approx(0.693147, abs=1e-5)


def test_the_non_saturating_loss_pulls_hardest_where_the_discriminator_is_sure() -> None:
    score = torch.tensor([-8.0, 8.0], requires_grad=True)
    spectrogram_gan.generator_loss(score, "bce").backward()
    assert score.grad is not None
    assert score.grad[0].item() == pytest.approx(-0.5, abs=1e-3)
    assert score.grad[1].item() == pytest.approx(0.0, abs=1e-3)


def test_transposed_convolutions_draw_a_checkerboard_and_resized_ones_do_not() -> None:
    flat, config = torch.ones(1, 8, 8, 8), Config(circular=True)
    for layer, uneven in ((TransposedUp(8, 1, config), True), (ResizedUp(8, 1, config), False)):
        with torch.no_grad():
            row = layer(flat)[0, 0, 5]  # inside: the same input everywhere
        difference = (row[::2].mean() - row[1::2].mean()).abs().item()
        assert (difference > 1e-3) is uneven


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_a_circle_of_frames_has_no_seam(upsampling: Any) -> None:
    up = TransposedUp if upsampling == "transposed" else ResizedUp
    x = torch.randn(1, 4, 8, 8)
    for circular in (True, False):
        layer = up(4, 2, Config(circular=circular))
        with torch.no_grad():
            same = torch.allclose(layer(x.roll(3, dims=-1)), layer(x).roll(6, dims=-1), atol=1e-5)
        assert same is circular


def test_spectral_normalization_holds_the_gain_of_every_layer() -> None:
    model: Any = small(normalization="spectral")
    for _ in range(30):  # one power iteration each
        model.scores(batch()["x"], torch.zeros(8))
    for layer in [*model.discriminators[0].layers, model.discriminators[0].dense]:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1.0, abs=0.02)


def test_the_deviation_over_a_batch_tells_a_collapse() -> None:
    model: Any = small(normalization="none", batch_deviation=True)
    discriminator = model.discriminators[0]
    various, same = batch()["x"], batch()["x"][:1].expand(8, -1, -1)
    with torch.no_grad():
        discriminator.dense.weight.zero_()
        discriminator.dense.weight[0, -1] = 1.0
        assert model.scores(various, torch.zeros(8))[0][0] > 10 * model.scores(same, torch.zeros(8))[0][0]


def test_pieces_of_one_z_are_one_burst_again_and_again() -> None:
    model = small().eval()
    conditions = {"bpm": torch.full((5,), 126.0)}
    repeated = model.sample(5, conditions, Sampling(variation=0.0), torch.Generator().manual_seed(0))
    assert torch.allclose(repeated, repeated[:1].expand_as(repeated), atol=1e-6)  # sums split between threads
    varied = model.sample(5, conditions, Sampling(variation=1.0), torch.Generator().manual_seed(0))
    assert not torch.allclose(varied[0], varied[1])


def test_each_picture_turns_by_whole_parts() -> None:
    x = torch.arange(32.0).expand(64, 16, 32)
    torch.manual_seed(0)
    turned = spectrogram_gan.turn(x, 4)
    assert {int(value) for value in turned[:, 0, 0]} == {0, 8, 16, 24}
    assert torch.equal(turned.sort(dim=-1).values, x)


def test_the_discriminator_rests_while_the_generator_learns() -> None:
    model = small()
    groups = model.parameter_groups().items()
    optimizers = {name: descent.build_optimizers(list(group), TrainingConfig()) for name, group in groups}
    for group, loss, _ in model.losses(batch(), 0):
        before = [p.detach().clone() for p in model.discriminators.parameters()]
        minimize(loss, optimizers[group], 1e-3)
        moved = any(not torch.equal(a, b) for a, b in zip(before, model.discriminators.parameters(), strict=True))
        assert moved is (group == "discriminator")


def test_calibration_measures_the_statistics_of_the_weights_it_has() -> None:
    model: Any = small()
    with torch.no_grad():
        model.generator.dense.bias += 3.0
    model.eval()
    model.calibrate((batch() for _ in range(100)), torch.Generator().manual_seed(0))
    assert not model.generator.training
    assert model.generator.norms[0].running_mean.mean().item() == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(("settings", "word"), [
    ({"penalty_weight": 10.0}, "penalty_weight"), ({"width": 1000}, "width"), ({"scales": 9}, "scales"),
])  # fmt: skip
def test_settings_out_of_range_are_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Config(**settings)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        Model(Config(scales=2), {"bins": 64, "frames": 72})
    with pytest.raises(ValueError, match="too large"):
        Model(Config(layers=8, width=256), {"bins": 256, "frames": 256})


def test_one_burst_in_all_bands_end_to_end_is_a_helicopter() -> None:
    config = spectrogram.Config(samples=4096, n_fft=128, hop_length=64, values="linear", normalize="range")
    codec = spectrogram.Codec(np.full(64, 0.5, np.float32), np.full(64, 0.5, np.float32))
    rng = np.random.default_rng(0)
    burst = np.full((64, 64), -1.0, np.float32)
    burst[:, :16] += rng.rayleigh(0.3, (64, 16)).astype(np.float32)
    pieces = np.repeat(burst[None], spectrogram.count(config, 126.0, 4), axis=0)
    sound = spectrogram.decode(pieces, codec, config, 126.0, 4, rng)
    scores = score_loop(sound[None], 44_100, 126.0, 4)
    assert scores.independence < 0.1
    assert scores.pulse > 0.8
    assert not scores.tempo_hit  # .41 s are no part of a beat at 126 BPM
