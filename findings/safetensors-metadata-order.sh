#!/usr/bin/env bash
# safetensors 0.8.0: the same tensors and the same metadata give another file, so another hash, from one call to the next.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q safetensors==0.8.0 numpy==2.4.6 2>/dev/null
PYTHONHASHSEED=0 v/bin/python - <<'P'
import numpy as np, safetensors
from safetensors.numpy import save
tensors, meta = {"w": np.ones(3, "f4")}, {"bpm": "126", "key": "Am", "bars": "4", "rate": "44100", "step": "1000"}
files = {save(tensors, metadata=meta) for _ in range(50)}
plain = {save(tensors, metadata={"bpm": "126"}) for _ in range(50)}
print(safetensors.__version__, f"50 calls: {len(files)} different files with five keys, {len(plain)} with one key")
raise SystemExit(0 if len(files) > 1 and len(plain) == 1 else "changed")
P
