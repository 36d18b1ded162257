#!/usr/bin/env bash
# transformers 5.24.0 `DacModel` (random weights), coding four bars at 126.5 BPM without its feature extractor. Expected: at least as many samples as
# went in, as descript's own DAC pads to whole frames of 512. Seen: the last 336 are lost without a word, so each pass is 7.6 ms short.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q torch==2.13.0 numpy==2.4.6 transformers==5.24.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import torch
from transformers import DacConfig, DacFeatureExtractor, DacModel
torch.manual_seed(0)
sizes = dict(encoder_hidden_size=8, decoder_hidden_size=64, codebook_size=64, n_codebooks=2, sampling_rate=44_100)
model = DacModel(DacConfig(**sizes)).eval()
extractor = DacFeatureExtractor(sampling_rate=44_100, hop_length=model.config.hop_length)
loop, found = 0.1 * torch.randn(334_672), {}
with torch.inference_mode():
    padded = extractor(loop.numpy(), sampling_rate=44_100, return_tensors="pt")["input_values"]
    for name, audio in (("as it is", loop[None, None]), ("with extractor", padded)):
        found[name] = model(audio).audio_values.shape[-1] - len(loop)
print("transformers", version("transformers"), "frame", model.config.hop_length, "samples more than went in:", found)
raise SystemExit(0 if found == {"as it is": -336, "with extractor": 176} else "changed")
P
