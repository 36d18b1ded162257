#!/usr/bin/env bash
# pyloudnorm 0.2.0 counts an incomplete last block (BS.1770 drops it) and divides it by a full block's length, so the loudness of
# the same steady tone falls when a short clip is 20 ms longer.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pyloudnorm==0.2.0 numpy==2.4.6 scipy==1.17.1 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np, pyloudnorm
tone = .1 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
found = {ms: float(pyloudnorm.Meter(48000).integrated_loudness(tone[:ms * 48])) for ms in (440, 460, 500)}
print("pyloudnorm", version("pyloudnorm"), "LUFS of one tone:", {f"{ms} ms": round(v, 3) for ms, v in found.items()})
raise SystemExit(0 if abs(found[440] - found[500]) < .05 and found[460] < found[440] - .1 else "changed")
P
