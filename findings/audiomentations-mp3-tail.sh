#!/usr/bin/env bash
# audiomentations 0.43.1 `Mp3Compression` (fast-mp3-augment 0.2.0) of a steady tone, the encoder's delay taken off as it does by itself. Expected: all of
# the tone, as `lame` and a gapless player give it. Seen: the same length, but the last 530 samples (12 ms) are silence: a gap in every loop.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q audiomentations==0.43.1 fast-mp3-augment==0.2.0 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np
from audiomentations import Mp3Compression
silent = []
for frames in (334_672, 336_000, 340_000):
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(frames) / 44_100)).astype(np.float32)
    coded = Mp3Compression(128, 128, backend="fast-mp3-augment", p=1)(tone, 44_100)
    sounding = np.flatnonzero(np.abs(coded) > 1e-3)
    silent.append((len(coded) - frames, int(sounding[0]), int(len(coded) - 1 - sounding[-1])))
print("audiomentations", version("audiomentations"), "samples more, silent before, silent after:", silent)
raise SystemExit(0 if all(more == 0 and before < 10 and after > 300 for more, before, after in silent) else "changed")
P
