#!/usr/bin/env bash
# pedalboard 0.9.26 reads MP3 without taking off the encoder's delay and padding that the file's LAME header states, its own files
# included: a loop of 336,000 frames comes back 1,536 frames longer and 1,105 later. soundfile 0.14.0 gives back every frame.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pedalboard==0.9.26 soundfile==0.14.0 numpy==2.4.6 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np, pedalboard as pb, soundfile as sf
frames = 336_000
loop = np.zeros(frames, "float32")
for hit in range(0, frames, 21_000):
    loop[hit:hit + 4000] = .5 * np.sin(np.arange(4000) / 7) * np.exp(-np.arange(4000) / 600)
with pb.io.AudioFile("pedalboard.mp3", "w", 44_100, 1, quality=192) as file:
    file.write(loop[None])
sf.write("soundfile.mp3", loop, 44_100)
def late(read):
    return int(np.argmax([loop[19_000:41_000] @ read[19_000 + d:41_000 + d] for d in range(2000)]))
found = {}
for name in ("pedalboard.mp3", "soundfile.mp3"):
    with pb.io.AudioFile(name) as file:
        ours = file.read(file.frames)[0]
    other = sf.read(name, dtype="float32")[0]
    found[name] = [(len(read) - frames, late(read)) for read in (ours, other)]
print("pedalboard", version("pedalboard"), "soundfile", version("soundfile"), "frames too many, frames late, by each:", found)
raise SystemExit(0 if all(v == [(1536, 1105), (0, 0)] for v in found.values()) else "changed")
P
