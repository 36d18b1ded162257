#!/usr/bin/env bash
# A chained Ogg Vorbis of 1 s and 2 s has three lengths: soundfile and mutagen 1 s, ffprobe 2 s, ffmpeg's decoder 3 s; no error.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v ffmpeg >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends ffmpeg; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 mutagen==1.48.1 2>/dev/null
v/bin/python - <<'P'
import numpy as np, soundfile as s
for n in (1, 2):
    s.write(f"{n}.ogg", np.random.default_rng(n).normal(0, .1, n * 48000), 48000, format="OGG", subtype="VORBIS")
P
cat 1.ogg 2.ogg >x.ogg; ffmpeg -version | sed -n 1p
probe=$(ffprobe -v error -show_entries format=duration -of csv=p=0 x.ogg)
ffmpeg -v error -i x.ogg x.wav
PROBE=$probe v/bin/python - <<'P'
import os, mutagen, soundfile as s
found = len(s.read("x.ogg")[0]) / 48000, mutagen.File("x.ogg").info.length, float(os.environ["PROBE"]), len(s.read("x.wav")[0]) / 48000
print(s.__version__, "seconds: soundfile %.3f, mutagen %.3f, ffprobe %.3f, ffmpeg decoded %.3f" % found)
raise SystemExit(0 if [round(x, 1) for x in found] == [1.0, 1.0, 2.0, 3.0] else "changed")
P
