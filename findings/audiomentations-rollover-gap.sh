#!/usr/bin/env bash
# audiomentations 0.43.1 `Shift(rollover=True)` turning a loop by a quarter. Expected: `numpy.roll`, so that a seamless loop stays one. Seen: a fade out
# and a fade in of 5 ms each where the end meets the start, so every augmented loop has a dip there; `fade_duration=0` leaves it whole.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q audiomentations==0.43.1 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np
from audiomentations import Shift
tone = np.sin(2 * np.pi * 441 * np.arange(88_200) / 44_100).astype(np.float32)  # whole periods: without a seam
found = {}
for name, more in (("by default", {}), ("fade_duration=0", {"fade_duration": 0})):
    turned = Shift(0.25, 0.25, shift_unit="fraction", rollover=True, p=1, **more)(tone, 44_100)
    changed = np.flatnonzero(np.abs(turned - np.roll(tone, 22_050)) > 1e-6)
    found[name] = [len(turned), *(changed[[0, -1]].tolist() if len(changed) else [])]
print("audiomentations", version("audiomentations"), "samples, first and last that is not numpy.roll's:", found)
first, last = found["by default"][1:]
raise SystemExit(0 if 21_800 < first < 22_050 < last < 22_300 and found["fade_duration=0"] == [88_200] else "changed")
P
