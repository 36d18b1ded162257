#!/usr/bin/env bash
# essentia 2.1b6.dev1389 LoopBpmEstimator takes whole BPM only: an exact loop at 126.5 BPM is "not a loop" (0), one at 126 is found.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q essentia==2.1b6.dev1389 numpy==2.4.6 2>/dev/null
v/bin/python - 2>/dev/null <<'P'
from importlib.metadata import version
import numpy as np, essentia.standard as es
def loop(bpm):
    """Four bars of a kick a beat and noise between, to the sample."""
    audio = np.zeros(round(960 / bpm * 44_100), "float32")
    t = np.arange(8000) / 44_100
    kick = np.sin(2 * np.pi * 55 * t) * np.exp(-15 * t)
    hat = .3 * np.random.default_rng(0).standard_normal(3000) * np.exp(-np.arange(3000) / 500)
    for beat in range(16):
        for sound, at in ((kick, beat), (hat, beat + .5)):
            start = round(at * 60 / bpm * 44_100)
            audio[start:start + len(sound)] += sound[:len(audio) - start]
    return audio
found = {bpm: float(es.LoopBpmEstimator()(loop(bpm))) for bpm in (124.5, 126, 126.5, 128)}
print("essentia", version("essentia"), "tempo found by true tempo:", found)
raise SystemExit(0 if found == {124.5: 0, 126: 126, 126.5: 0, 128: 128} else 1)
P
