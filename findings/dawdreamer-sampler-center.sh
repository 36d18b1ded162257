#!/usr/bin/env bash
# DawDreamer 0.9.0, a new sampler plays a loop of eight clicks on middle C. Expected: at its own speed (its center note reads 0.47, which is 60
# of 127), or at another pitch by a few semitones. Seen: 32 times as fast, as 0.47 is taken for a note number; `set_parameter(0, 60)` mends it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q dawdreamer==0.9.0 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import dawdreamer, numpy as np
loop = np.zeros((2, 8 * 12_800), np.float32)
for click in range(8):
    loop[:, click * 12_800:][:, :4_000] = np.sin(np.arange(4_000) * np.pi / 4_000) / 2
def spacing(center):
    engine = dawdreamer.RenderEngine(44_100, 512)
    sampler = engine.make_sampler_processor("sampler", loop)
    if center is not None:
        sampler.set_parameter(0, center)
    reads = sampler.get_parameter(0)
    sampler.add_midi_note(60, 127, 0.0, 3.0)
    engine.load_graph([(sampler, [])])
    engine.render(3.0)
    loud = engine.get_audio()[0] > 0.25
    begins = np.flatnonzero(loud[1:] & ~loud[:-1])
    return reads, round(float(np.diff(begins).mean()))
new, told = spacing(None), spacing(60.0)
print("DawDreamer", version("dawdreamer"), "center note and frames between clicks 12,800 apart: new", new, "- set", told)
raise SystemExit(0 if abs(new[0] - 60 / 127) < 1e-4 and 380 < new[1] < 420 and told == (60, 12_800) else "changed")
P
