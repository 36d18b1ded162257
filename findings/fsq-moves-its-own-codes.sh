#!/usr/bin/env bash
# vector-quantize-pytorch 1.32.0 `FSQ` quantizing its own code values, as when a decoded latent is encoded again. Expected: the same codes. Seen: with
# levels [8, 5, 5, 5] half of all 1,000 codes move, with [8, 8] or [16, 16] three quarters; with odd levels to 5 none: it bends every value by tanh first.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q vector-quantize-pytorch==1.32.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import torch
from vector_quantize_pytorch import FSQ
moved = {}
for levels in ([8, 5, 5, 5], [8, 8], [16, 16], [7, 7], [5, 5]):
    quantizer = FSQ(levels).eval()
    codes = torch.arange(quantizer.codebook_size)[None]
    values = quantizer.indices_to_codes(codes)
    moved[str(levels)] = round((quantizer(values)[1] != codes).float().mean().item(), 2)
print("vector-quantize-pytorch", version("vector-quantize-pytorch"), "part of all codes that moves:", moved)
raise SystemExit(0 if moved == {"[8, 5, 5, 5]": 0.5, "[8, 8]": 0.75, "[16, 16]": 0.75, "[7, 7]": 0.49, "[5, 5]": 0} else "changed")
P
