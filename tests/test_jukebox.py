"""Jukebox: what its paper fixes, and that it samples what it was trained on."""

import math
from typing import Any

import pytest
import torch

from fourfloor.models.jukebox import Config, Model, Sampling
from fourfloor.models.jukebox.causal import CausalTransformer, Memory, draw_codes
from fourfloor.models.jukebox.spectral import spectral_loss
from fourfloor.models.jukebox.strided import Down, Residual, Up

SAMPLES = 2048
TINY = {
    "hop_lengths": (32, 256), "width": 4, "codebook_size": 16, "latent_dim": 8, "crop_samples": 2048,
    "prior_width": 32, "prior_depth": 1, "heads": 2, "window": 12, "vqvae_steps": 1,
}  # fmt: skip


def tiny(**changed: object) -> Model:
    torch.manual_seed(0)
    return Model(Config(**{**TINY, **changed}), {"samples": SAMPLES})  # type: ignore[arg-type]


def conditions(n: int) -> dict[str, torch.Tensor]:
    return {"bpm": torch.full((n,), 126.0), "style": torch.ones(n, dtype=torch.long)}


@pytest.mark.parametrize("hops", [(8,), (32, 256), (8, 32, 128)])  # the last: the paper's
def test_a_code_spans_its_hop(hops: tuple[int, ...]) -> None:
    model = tiny(hop_lengths=hops)
    x = torch.randn(2, SAMPLES)
    for level, hop in enumerate(hops):
        codes = model.encode(x, level)
        assert codes.shape == (2, SAMPLES // hop)
        assert model.decode(codes, level).shape == x.shape
    assert [len(model.vqvaes), len(model.upsamplers)] == [len(hops), len(hops) - 1]


@pytest.mark.parametrize("start", [0, 5, 60])  # the last goes on at the beginning of the circle
def test_the_codes_of_a_crop_are_those_of_the_whole(start: int) -> None:
    model: Any = tiny().eval()
    x = torch.randn(2, SAMPLES)
    sizes: list[int] = []
    model.vqvaes[0].encoder.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[2]))
    found = model.encode_crop(x, 0, start, 12)
    assert torch.equal(found, model.encode(x, 0).roll(-start, dims=1)[:, :12])
    assert sizes == [32 * (12 + 2 * 9), SAMPLES]


def test_a_latent_depends_on_no_sound_beyond_its_reach() -> None:
    autoencoder: Any = tiny().vqvaes[0]
    x = torch.randn(1, SAMPLES, requires_grad=True)
    autoencoder.encode(x)[0, 30].sum().backward()
    assert x.grad is not None
    heard = x.grad[0].nonzero()[:, 0]
    assert heard.min() >= 30 * 32 - autoencoder.reach
    assert heard.max() < 31 * 32 + autoencoder.reach


def test_a_level_is_trained_apart_from_the_others() -> None:
    model = tiny()
    own = {id(p) for p in model.vqvaes[0].parameters()}
    assert own.isdisjoint(id(p) for p in model.vqvaes[1].parameters())


def test_turned_codes_decode_to_turned_sound() -> None:
    model = tiny().eval()
    codes = torch.randint(16, (1, SAMPLES // 32))
    with torch.no_grad():
        sound, turned = model.decode(codes), model.decode(codes.roll(5, dims=1))
    assert torch.allclose(turned, sound.roll(5 * 32, dims=1), atol=1e-5)  # the end of a loop meets its start


@pytest.mark.parametrize("stride", [2, 4])
def test_up_is_the_transpose_of_down(stride: int) -> None:
    down, up = Down(3, 5, stride), Up(5, 3, stride)
    up.weight.data.copy_(down.weight.data)
    for layer in (down, up):
        assert layer.bias is not None
        torch.nn.init.zeros_(layer.bias)
    x, y = torch.randn(1, 3, 32), torch.randn(1, 5, 32 // stride)
    assert torch.allclose((down(x) * y).sum(), (x * up(y)).sum(), atol=1e-4)


def test_residual_blocks_look_ever_farther() -> None:
    reach = []
    for i in range(3):
        x = torch.full((1, 2, 64), 0.5)  # a ReLU passes no gradient from below 0
        x.requires_grad_()
        block = Residual(2, i)
        for weight in block.parameters():
            weight.data.abs_()
        block(x)[0, :, 32].sum().backward()
        assert x.grad is not None
        reach.append(int(x.grad.abs().sum(dim=1)[0].nonzero().max()) - 32)
    assert reach == [1, 3, 9]


def test_spectral_loss_is_zero_for_equal_signals_and_deaf_to_phase() -> None:
    time = torch.arange(4096) / 4096
    tone, shifted = torch.sin(6.2831853 * 300 * time)[None], torch.cos(6.2831853 * 300 * time)[None]
    assert float(spectral_loss(tone, tone)) == float(spectral_loss(tone, tone, 1.0)) == 0.0
    assert float(spectral_loss(tone, torch.zeros_like(tone))) == pytest.approx(1.0, abs=0.02)
    assert float(spectral_loss(tone, shifted)) < 0.1 < float((tone - shifted).square().mean())


def test_logarithms_hear_what_is_soft() -> None:
    rng = torch.Generator().manual_seed(0)
    loud = torch.sin(torch.arange(4096) * 0.1)[None]
    soft = 0.02 * torch.randn(1, 4096, generator=rng)
    norm, with_logarithms = (float(spectral_loss(loud + soft, loud, weight)) for weight in (0.0, 1.0))
    assert norm < 0.1
    assert with_logarithms > 1.0


def test_remembered_logits_equal_those_made_anew() -> None:
    torch.manual_seed(0)
    model = CausalTransformer(codes=11, width=32, depth=3, heads=2, window=5).eval()
    for p in model.parameters():
        p.data += 0.1 * torch.randn(p.shape)
    codes, context = torch.randint(11, (2, 20)), torch.randn(2, 20, 32)
    memory = Memory(model, 20)
    before = torch.nn.functional.pad(codes[:, :-1], (1, 0), value=model.start)
    with torch.no_grad():
        whole = model(codes, context)
        spans = [(0, 1), (1, 2), (2, 9), (9, 10), (10, 11), (11, 20)]  # places one by one and several at once
        grown = torch.cat([model.advance(before[:, a:b], context[:, a:b], memory) for a, b in spans], dim=1)
    assert torch.allclose(whole, grown, atol=1e-5)


def test_codes_are_written_from_what_came_before_within_the_window() -> None:
    torch.manual_seed(0)
    model = CausalTransformer(codes=11, width=32, depth=1, heads=2, window=4).eval()
    for p in model.parameters():
        p.data += 0.1 * torch.randn(p.shape)
    codes, context = torch.randint(11, (1, 16)), torch.randn(1, 16, 32)
    changed = codes.clone()
    changed[0, 6] = (codes[0, 6] + 1) % 11
    with torch.no_grad():
        differ = (model(codes, context) - model(changed, context)).abs().amax(dim=-1)[0] > 1e-6
    assert differ.nonzero()[:, 0].tolist() == [7, 8, 9, 10]  # not itself: a place sees the codes before it


def test_a_bar_is_written_from_the_bars_before_it() -> None:
    torch.manual_seed(0)
    model: Any = CausalTransformer(16, 32, 1, 2, window=2, recalled=(8, 16)).eval()
    context = torch.randn(2, 24, 32)
    codes = model.sample(context, torch.randint(16, (2, 3)), 0.0, 1.0, torch.Generator())
    logits = model(codes, context)
    assert torch.equal(logits.argmax(dim=-1)[:, 3:], codes[:, 3:])  # sampling sees what training shows
    changed = codes.clone()
    changed[:, 4] = (codes[:, 4] + 1) % 16
    moved = (model(changed, context) != logits).any(dim=-1).any(dim=0)
    assert moved.nonzero()[:, 0].tolist() == [5, 6, 12, 13, 20, 21]  # two places of the window, and a bar and two later


def test_few_codes_are_left_by_temperature_and_top_p() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().expand(2000, 4)
    rng = torch.Generator().manual_seed(0)
    assert set(draw_codes(logits, 1.0, 0.75, rng).tolist()) == {0, 1}
    assert set(draw_codes(logits, 0.0, 1.0, rng).tolist()) == {0}
    shares = torch.bincount(draw_codes(logits, 1.0, 1.0, rng), minlength=4) / 2000
    assert torch.allclose(shares, torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.04)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_squared_error_counts_with_its_weight(weight: float) -> None:
    def loss_of(**changed: float) -> tuple[float, dict[str, torch.Tensor]]:
        torch.manual_seed(1)
        ((_, loss, parts),) = tiny(**changed).losses({"x": 0.1 * torch.randn(2, SAMPLES)}, 0)
        return loss.item(), parts

    whole, parts = loss_of()
    weighed, _ = loss_of(squared_weight=weight)
    unexplained = parts["unexplained_32"].item() + parts["unexplained_256"].item()
    assert whole - weighed == pytest.approx((1 - weight) * unexplained, abs=1e-5)


def test_an_untrained_prior_needs_as_many_bits_as_the_codebook() -> None:
    model = tiny(codebook_size=256)
    codes = torch.randint(256, (64, SAMPLES // 256))
    bits = model.prior.loss(codes, conditions(64)).item() / math.log(2)
    assert bits == pytest.approx(8.0, abs=0.3)


def test_autoencoders_come_first_and_freeze() -> None:
    model = tiny(vqvae_steps=2)
    batch = {"x": 0.1 * torch.randn(2, SAMPLES), **conditions(2)}
    order = [[group for group, *_ in model.losses(batch, step)] for step in range(4)]
    assert order == [["vqvae"], ["vqvae"], ["prior", "upsampler"], ["prior", "upsampler"]]
    frozen = {name: value.clone() for name, value in model.vqvaes.state_dict().items()}
    for _, loss, _ in model.losses(batch, 9):
        loss.backward()
    assert all(p.grad is None for p in model.vqvaes.parameters())
    assert all(torch.equal(value, frozen[name]) for name, value in model.vqvaes.state_dict().items())
    with torch.no_grad():  # validation always passes step 0: it judges what is being trained
        assert [group for group, *_ in model.losses(batch, 0)] == ["prior", "upsampler"]


def test_the_highest_level_stops_first() -> None:
    model = tiny(vqvae_steps=1, prior_steps=2)
    batch = {"x": 0.1 * torch.randn(2, SAMPLES), **conditions(2)}
    order = [[group for group, *_ in model.losses(batch, step)] for step in range(5)]
    assert order == [["vqvae"], ["prior", "upsampler"], ["prior", "upsampler"], ["upsampler"], ["upsampler"]]
    with torch.no_grad():
        assert [group for group, *_ in model.losses(batch, 0)] == ["prior", "upsampler"]


def test_transformers_train_in_bf16_too() -> None:
    model = tiny()
    batch = {"x": 0.1 * torch.randn(2, SAMPLES), **conditions(2)}
    for step in (0, 1):
        with torch.autocast("cpu", torch.bfloat16):
            losses = [loss for _, loss, _ in model.losses(batch, step)]
        assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in losses)


@pytest.mark.parametrize("hops", [(32,), (32, 256), (16, 64, 256)])
def test_a_continuation_begins_with_the_prompt(hops: tuple[int, ...]) -> None:
    model = tiny(hop_lengths=hops).eval()
    prompt = torch.randn(2, SAMPLES // 4)
    written = model.write(prompt, conditions(2), Sampling(), torch.Generator().manual_seed(0))
    whole = prompt.repeat(1, 4)
    for level, (codes, hop) in enumerate(zip(written, hops, strict=True)):
        given = prompt.shape[1] // hop
        assert codes.shape == (2, SAMPLES // hop)
        assert torch.equal(codes[:, :given], model.encode(whole, level)[:, :given])
        assert codes.max() < 16
    sound = model.continue_(prompt, conditions(2), Sampling(), torch.Generator().manual_seed(0))
    assert torch.equal(sound, model.decode(written[0]))


def test_codes_learned_by_heart_are_written() -> None:
    """The second phase in miniature: after a prompt the rest is written as it was trained, led by the codes above."""
    model: Any = tiny(dropout=0.0, hop_lengths=(64, 256)).upsamplers[0]
    known, above, codes = conditions(1), torch.randint(16, (1, SAMPLES // 256)), torch.randint(16, (1, SAMPLES // 64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(50):
        loss = model.loss(codes, known, above)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    written = model.eval().sample(codes[:, :2], known, 0.0, 1.0, torch.Generator(), above)
    assert torch.equal(written, codes)


@pytest.mark.parametrize(
    ("changed", "samples"),
    [
        ({"hop_lengths": (32,), "prior_steps": 9}, 2048), ({"hop_lengths": (32, 48)}, 2048),
        ({"hop_lengths": (256, 32)}, 2048), ({"hop_lengths": ()}, 2048),
        ({"crop_samples": 1000}, 2048), ({"prior_width": 30}, 2048), ({"codebook_size": 1}, 2048),
        ({}, 2048 + 256), ({"hop_lengths": (4,)}, 2**20), ({"width": 10**9}, 2048), ({"depth": 5}, 2048),
        ({"squared_weight": 0.0, "spectral_weight": 0.0}, 2048),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(changed: dict[str, object], samples: int) -> None:
    with pytest.raises(ValueError, match=r"choose|raise"):
        Model(Config(**{**TINY, **changed}), {"samples": samples})  # type: ignore[arg-type]
