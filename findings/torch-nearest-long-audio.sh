#!/usr/bin/env bash
# torch 2.13.0 `interpolate(scale_factor=2)` in modes "nearest" and "nearest-exact" on 17 million samples out (6.4 minutes at 44,100 Hz). Expected: every
# sample twice. Seen: from sample 16,777,216 on every fourth, and with "nearest-exact" from 8,388,608 (3.2 minutes) on every second and later more, is its
# neighbor, as places are counted in float32. `repeat_interleave` is exact.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q torch==2.13.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
import torch
samples = torch.arange(8_500_000, dtype=torch.int32).float()
expected, found = samples.repeat_interleave(2), {}
for mode in ("nearest", "nearest-exact"):
    wrong = torch.nonzero(torch.nn.functional.interpolate(samples[None, None], scale_factor=2, mode=mode)[0, 0] != expected)[:, 0]
    found[mode] = len(wrong), wrong[:3].tolist()
print("torch", torch.__version__, "wrong samples of 17,000,000, the first of them:", found)
same = found["nearest"] == (55_695, [16_777_219, 16_777_223, 16_777_227])
raise SystemExit(0 if same and found["nearest-exact"] == (4_305_695, [8_388_609, 8_388_611, 8_388_613]) else "changed")
P
