#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2) reads half of a VBR MP3 that has no Xing tag, without an error; PyAV reads all of it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v lame >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends lame; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 av==18.1.0 2>/dev/null
v/bin/python -c "import numpy as np, soundfile as s; s.write('in.wav', np.random.default_rng(0).normal(0, .1, (132300, 2)), 44100)"
lame --quiet -V2 in.wav tagged.mp3; lame --quiet -t -V2 in.wav plain.mp3; lame --version | sed -n 1p
v/bin/python - <<'P'
import av, soundfile as s
seconds = lambda f: round(len(s.read(f)[0]) / 44100, 2)
decoded = round(sum(frame.samples for frame in av.open("plain.mp3").decode(audio=0)) / 44100, 2)
found = seconds("tagged.mp3"), seconds("plain.mp3"), decoded
print(s.__version__, s.__libsndfile_version__, "3.00 s in: with tag %s, without tag %s, PyAV without tag %s" % found)
raise SystemExit(0 if found[0] == 3.0 and found[1] < 2.5 and found[2] > 3.0 else "changed")
P
