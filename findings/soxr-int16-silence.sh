#!/usr/bin/env bash
# soxr 1.1.0 `resample` of int16 zeros from 44,100 to 48,000 Hz. Expected: zeros, as of float32. Seen: a quarter of the samples are 1 or -1, as 16-bit
# output is dithered, so silence is no longer found by "all zero" and a pack's rests no longer compress to nothing; int32 stays zero.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q soxr==1.1.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np, soxr
found = {}
for kind in (np.int16, np.int32, np.float32):
    silence = soxr.resample(np.zeros(44_100, kind), 44_100, 48_000)
    found[kind.__name__] = [round(float((silence != 0).mean()), 3), float(np.abs(silence).max())]
print("soxr", version("soxr"), "share of samples that are not 0, largest:", found)
raise SystemExit(0 if found["int16"][0] > 0.1 and found["int16"][1] == 1 and found["int32"] == found["float32"] == [0, 0] else "changed")
P
