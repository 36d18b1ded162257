#!/usr/bin/env bash
# pedalboard 0.9.26 `Convolution` with the impulse [1] and `Reverb(wet_level=0, dry_level=1)` on a tone. Expected: the tone as it is. Seen: 18 dB
# softer, as every impulse response is scaled to one energy, and 6 dB louder, as a dry level of 0.5 means as it is.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pedalboard==0.9.26 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np, pedalboard
tone = np.sin(2 * np.pi * 441 * np.arange(44_100) / 44_100).astype(np.float32) / 4
def convolution(response):
    return pedalboard.Convolution(np.float32([response]), sample_rate=44_100)
effects = {
    "impulse [1]": convolution([1]), "impulse [0.1]": convolution([0.1]),
    "reverb, dry 1": pedalboard.Reverb(wet_level=0, dry_level=1), "reverb, dry 0.5": pedalboard.Reverb(wet_level=0, dry_level=0.5),
}
found = {name: round(20 * np.log10(effect(tone, 44_100)[9000:].std() / tone[9000:].std()), 2) for name, effect in effects.items()}
print("pedalboard", version("pedalboard"), "gain in dB:", {name: float(gain) for name, gain in found.items()})
raise SystemExit(0 if np.allclose(list(found.values()), [-18.06, -18.06, 6.02, 0], atol=0.05) else "changed")
P
