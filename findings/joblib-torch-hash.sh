#!/usr/bin/env bash
# joblib 1.6.0 `hash` of torch 2.13.0 tensors with equal values, and `Memory`, which keeps a function's results by it. Expected: equal hashes, as of numpy
# arrays. Seen: every tensor has a hash of its own, so the cache is never met (and grows): the tensor's address in memory is part of what is hashed.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q joblib==1.6.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
import joblib, numpy as np, torch
calls = []
def loudness(audio):
    calls.append(len(audio))
    return float((audio * audio).mean())
cached = joblib.Memory("cache", verbose=0).cache(loudness)
found = {}
for name, make in {"torch": torch.arange, "numpy": np.arange}.items():
    calls.clear()
    held = [make(1000.0) for _ in range(4)]
    for audio in held:
        cached(audio)
    found[name] = len({joblib.hash(audio) for audio in held}), len(calls)
print("joblib", joblib.__version__, "torch", torch.__version__, "of four equal inputs: different hashes, computations:", found)
raise SystemExit(0 if found == {"torch": (4, 4), "numpy": (1, 1)} else "changed")
P
