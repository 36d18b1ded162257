#!/usr/bin/env bash
# SNAC 1.2.1 (random weights, eval mode): `decode` draws noise, so the same codes give other audio at every call unless torch is seeded
# before, and the audio is padded to whole windows: 44,100 samples come back as 49,152. `SNAC(noise=False)` decodes alike.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q torch==2.13.0 numpy==2.4.6 snac==1.2.1 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import torch
from snac import SNAC
sizes = dict(sampling_rate=44_100, encoder_dim=8, encoder_rates=[2, 4, 8, 8], decoder_dim=64, decoder_rates=[8, 8, 4, 2],
             attn_window_size=32, codebook_size=64, codebook_dim=8, vq_strides=[8, 4, 2, 1])
found = {}
for noise in (True, False):
    torch.manual_seed(0)
    model = SNAC(**sizes, noise=noise).eval()
    with torch.inference_mode():
        codes = model.encode(.1 * torch.randn(1, 1, 44_100))
        first, second = model.decode(codes), model.decode(codes)
    found[noise] = torch.equal(first, second), first.shape[-1]
print("snac", version("snac"), "two decodings equal, samples of 44,100, with and without noise:", found)
raise SystemExit(0 if found == {True: (False, 49_152), False: (True, 49_152)} else "changed")
P
