#!/usr/bin/env bash
# rotary-embedding-torch 0.9.1, a module of rotary positions in a model turned to bfloat16 (`model.to(torch.bfloat16)`). Expected: positions exact, results
# rounded (an error of 0.002), as it computes angles in float32. Seen: its frequencies are rounded, so the error is 0.07 at position 200, 0.4 at 1,000
# and 0.8 at 4,000, as large as the numbers; attention goes by other distances than it was trained for.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q rotary-embedding-torch==0.9.1 torch==2.13.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import torch
from rotary_embedding_torch import RotaryEmbedding
torch.manual_seed(0)
queries, exact, half = torch.randn(1, 1, 4001, 64), RotaryEmbedding(dim=64), RotaryEmbedding(dim=64).to(torch.bfloat16)
with torch.no_grad():
    expected, seen = exact.rotate_queries_or_keys(queries), half.rotate_queries_or_keys(queries.bfloat16()).float()
def error(other):
    return [round((other - expected)[0, 0, position - 50:position].pow(2).mean().sqrt().item(), 4) for position in (200, 1000, 4000)]
found, rounded = error(seen), error(expected.bfloat16().float())
print("rotary-embedding-torch", version("rotary-embedding-torch"), "errors at 200, 1,000 and 4,000:", found, "by rounding alone:", rounded)
raise SystemExit(0 if max(rounded) < 0.004 and found[0] > 0.02 and found[1] > 0.3 and found[2] > 0.5 else "changed")
P
