#!/usr/bin/env bash
# vector-quantize-pytorch 1.32.0 `VectorQuantize(kmeans_init=True)`, called once in eval mode before training, as trainers check themselves on held-out
# data. Expected: eval mode changes no weights. Seen: the codebook is set from that batch by k-means and counts as initialized, so training starts from
# held-out data instead of its own.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q vector-quantize-pytorch==1.32.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import torch
from vector_quantize_pytorch import VectorQuantize
torch.manual_seed(0)
layer = VectorQuantize(dim=8, codebook_size=16, kmeans_init=True).eval()
before = layer.codebook.clone()
with torch.no_grad():
    layer(100 + torch.randn(1, 64, 8))
after = layer.codebook.clone()
layer.train()(torch.randn(1, 64, 8))
found = [round(each.mean().item(), 1) for each in (before, after, layer.codebook)]
print("vector-quantize-pytorch", version("vector-quantize-pytorch"), "mean of the codebook: new, after eval around 100, after one step of training around 0:", found)
raise SystemExit(0 if found[0] == 0 and found[1] > 90 and found[2] > 50 else "changed")
P
