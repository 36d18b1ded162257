#!/usr/bin/env bash
# essentia 2.1b6.dev1389 `LoudnessEBUR128` of a steady tone of one bar. Expected: the integrated loudness does not depend on `startAtZero`, which is said to
# move momentary and short-term values. Seen: 0.34 LU lower with it for one bar at 126.5 BPM, 1.55 LU lower for 400 ms, as windows half full of
# silence count.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q essentia==2.1b6.dev1389 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - 2>/dev/null <<'P'
import essentia, essentia.standard, numpy as np
tone = (0.1 * np.sin(2 * np.pi * 1000 * np.arange(334_672) / 44_100)).astype(np.float32)
found = {}
for frames in (17_640, 83_668, 334_672):
    stereo = np.stack([tone[:frames]] * 2, 1)
    found[frames] = [round(float(essentia.standard.LoudnessEBUR128(startAtZero=zero)(stereo)[2]), 2) for zero in (False, True)]
print("essentia", essentia.__version__, "LUFS by frames, without and with startAtZero:", found)
off = [without - there for without, there in found.values()]
raise SystemExit(0 if abs(off[0] - 1.55) < 0.1 and abs(off[1] - 0.34) < 0.05 and off[2] > 0.05 else 1)
P
