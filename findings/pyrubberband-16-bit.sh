#!/usr/bin/env bash
# pyrubberband 0.4.0 `time_stretch` of float64 tones of amplitude 1.5 and 0.00001. Expected: float in, float out. Seen: it hands audio to
# rubberband 3.1.2 as 16-bit WAV, so the loud tone is clipped at 1 and the quiet one comes back in steps of 0.00003, three times its size.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v rubberband >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends rubberband-cli >/dev/null; }
python3 -m venv v; v/bin/pip install -q pyrubberband==0.4.0 numpy==2.4.6 soundfile==0.14.0 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np, pyrubberband
tone = np.sin(2 * np.pi * 441 * np.arange(88_200) / 44_100)
made = {size: pyrubberband.time_stretch(size * tone, 44_100, 1.01)[9000:] for size in (1.5, 1e-5)}
loud, quiet = (float(np.abs(each).max()) for each in made.values())
steps = all(np.array_equal(each * 32768, np.round(each * 32768)) for each in made.values())
print("pyrubberband", version("pyrubberband"), "peaks of 1.5 and 0.00001:", round(loud, 4), round(quiet, 7), "whole 16-bit steps:", steps)
raise SystemExit(0 if loud < 1.01 and quiet == 2**-15 and steps else "changed")
P
