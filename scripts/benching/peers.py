"""Run another model once at its true size with random weights, and write its CPU-seconds for one loop as JSON.

    python peers.py report.json sa3-small

Speed does not depend on the values of weights, so none are fetched. What is counted is the network's passes and the
decoding of one loop of 7.62 s on one thread, in single precision. Loading, text encoders, and everything that our own
number contains beside sampling and decoding (leveling, scoring, the search for copies) are not counted.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = ["diffusers==0.42.0", "transformers==5.23.0", "torch==2.13.0"]
SECONDS = 4 * 240 / 126  # four bars at 126 BPM
STEPS = 8  # passes of the diffusion models, as their distilled versions take
WORDS = 128  # tokens of a text prompt
CODES_A_SECOND, CODEBOOKS = 50, 4  # of MusicGen


def sa3_small() -> Callable[[], object]:
    """Return Stable Audio 3 small: 8 passes over 84 latents, 7.8 s, and its autoencoder."""
    import torch
    from diffusers import AutoencoderSAME, StableAudio3DiTModel

    network = StableAudio3DiTModel(embed_dim=1024, depth=20, num_heads=16, use_differential_attention=False).eval()
    decoder = AutoencoderSAME().eval()
    noise, words, told = torch.randn(1, 256, 84), torch.randn(1, WORDS, 768), torch.randn(1, 768)

    def loop() -> object:
        x = noise
        for step in range(STEPS):
            x = x - network(x, torch.tensor([1 - step / STEPS]), words, told).sample / STEPS
        return decoder.decode(x)

    return loop


def sao_small() -> Callable[[], object]:
    """Return Stable Audio Open small: 8 passes over the 256 frames that it always makes (11.9 s), and its autoencoder.

    A loop of 7.62 s is cut from these.
    """
    import torch
    from diffusers import AutoencoderOobleck, StableAudioDiTModel
    from diffusers.models.embeddings import get_1d_rotary_pos_embed

    network = StableAudioDiTModel(
        num_layers=16, attention_head_dim=128, num_attention_heads=8, num_key_value_attention_heads=8,
        global_states_input_dim=768, sample_size=256,
    ).eval()  # fmt: skip
    decoder = AutoencoderOobleck().eval()
    noise, words, told = torch.randn(1, 64, 256), torch.randn(1, WORDS, 768), torch.randn(1, 1, 768)
    positions = get_1d_rotary_pos_embed(64, 256 + 1, use_real=True, repeat_interleave_real=False)

    def loop() -> object:
        x = noise
        for step in range(STEPS):
            time_ = torch.tensor([1 - step / STEPS])
            x = x - network(x, time_, words, told, rotary_embedding=positions, return_dict=False)[0] / STEPS
        return decoder.decode(x)

    return loop


def musicgen_small() -> Callable[[], object]:
    """Return MusicGen small: 50 steps a second with guidance (a batch of two) and a cache, and EnCodec at 32 kHz."""
    import torch
    from transformers import EncodecConfig, EncodecModel, MusicgenDecoderConfig, MusicgenForCausalLM

    network = MusicgenForCausalLM(MusicgenDecoderConfig()).eval()
    decoder = EncodecModel(
        EncodecConfig(
            target_bandwidths=[2.2], sampling_rate=32_000, audio_channels=1, num_filters=64,
            upsampling_ratios=[8, 5, 4, 4], codebook_size=2048, use_causal_conv=False, norm_type="weight_norm",
        )
    ).eval()  # fmt: skip
    words = torch.randn(2, WORDS, network.config.hidden_size)

    def loop() -> object:
        steps, past = round(SECONDS * CODES_A_SECOND), None
        ids = torch.zeros(2 * CODEBOOKS, 1, dtype=torch.long)
        made = []
        for _ in range(steps):
            answer = network(input_ids=ids, encoder_hidden_states=words, past_key_values=past, use_cache=True)
            past = answer.past_key_values
            told, free = answer.logits[:, -1].view(2, CODEBOOKS, -1)
            ids = torch.softmax(free + 3 * (told - free), dim=-1).multinomial(1).repeat(2, 1)
            made.append(ids[:CODEBOOKS])
        codes = torch.cat(made, dim=1).clamp(max=decoder.config.codebook_size - 1)
        return decoder.decode(codes[None, None], [None])

    return loop


PEERS = {"sa3-small": sa3_small, "sao-small": sao_small, "musicgen-small": musicgen_small}


def main() -> None:
    """Build a peer and time one loop of it; the first tenth of a second of a process is spent before."""
    import torch

    report, name = sys.argv[1:]
    torch.set_num_threads(1)
    with torch.inference_mode():
        loop = PEERS[name]()
        began = time.process_time()
        loop()
        spent = time.process_time() - began
    Path(report).write_text(json.dumps({"loop": spent}))


if __name__ == "__main__":
    main()
