#!/usr/bin/env bash
# pedalboard 0.9.26 Limiter adds gain that grows as the threshold falls, and limits at full scale whatever the threshold: a tone of
# peak 0.1 comes out at 0.49 with a threshold of -10 dB (0.316), at full scale with -20 dB (0.1).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pedalboard==0.9.26 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np, pedalboard as pb
tone = .1 * np.sin(2 * np.pi * 220 * np.arange(44_100, dtype="float32") / 44_100)[None].astype("float32")
peaks = {db: round(float(np.abs(pb.Limiter(threshold_db=db)(tone, 44_100)[0, 20_000:]).max()), 2) for db in (0, -10, -20)}
print("pedalboard", version("pedalboard"), "peak of a tone of 0.1 by threshold in dB:", peaks)
raise SystemExit(0 if peaks[-20] > .9 and peaks[-10] > .4 else "changed")
P
