"""Jukebox: what its paper fixes, closed forms of its quantizer, and that it samples what it was trained on."""

import math
from typing import Any

import pytest
import torch

from fourfloor.models.jukebox import Config, Model, Sampling
from fourfloor.models.jukebox.causal import CausalTransformer, Memory, draw_codes
from fourfloor.models.jukebox.quantize import VectorQuantizer
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


@pytest.mark.parametrize("hops", [(8,), (32, 256), (8, 32, 128)])  # the last: the paper's
def test_a_code_spans_its_hop(hops: tuple[int, ...]) -> None:
    model = tiny(hop_lengths=hops)
    x = torch.randn(2, SAMPLES)
    for level, hop in enumerate(hops):
        codes = model.encode(x, level)
        assert codes.shape == (2, SAMPLES // hop)
        assert model.decode(codes, level).shape == x.shape
    assert [len(model.vqvaes), len(model.upsamplers)] == [len(hops), len(hops) - 1]


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


def test_few_codes_are_left_by_temperature_and_top_p() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().expand(2000, 4)
    rng = torch.Generator().manual_seed(0)
    assert set(draw_codes(logits, 1.0, 0.75, rng).tolist()) == {0, 1}
    assert set(draw_codes(logits, 0.0, 1.0, rng).tolist()) == {0}
    shares = torch.bincount(draw_codes(logits, 1.0, 1.0, rng), minlength=4) / 2000
    assert torch.allclose(shares, torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.04)


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
        ({"hop_lengths": (32, 48)}, 2048), ({"hop_lengths": (256, 32)}, 2048), ({"hop_lengths": ()}, 2048),
        ({"crop_samples": 1000}, 2048), ({"prior_width": 30}, 2048), ({"codebook_size": 1}, 2048),
        ({}, 2048 + 256), ({"hop_lengths": (4,)}, 2**20), ({"width": 10**9}, 2048), ({"depth": 5}, 2048),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(changed: dict[str, object], samples: int) -> None:
    with pytest.raises(ValueError, match=r"choose|raise"):
        Model(Config(**{**TINY, **changed}), {"samples": samples})  # type: ignore[arg-type]
