#!/usr/bin/env bash
# soundfile 0.14.0 lists OGG and FLAC and opens .oga, yet refuses FLAC in Ogg as `flac --ogg` writes it; miniaudio 1.71 reads it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v flac >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends flac; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 soundfile==0.14.0 miniaudio==1.71 2>/dev/null
v/bin/python -c "import numpy as np, soundfile as s; s.write('in.wav', np.random.default_rng(0).normal(0, .1, (132300, 2)), 44100)"
flac --version; flac -s --ogg in.wav -o x.oga
v/bin/python - <<'P'
import miniaudio, soundfile as s
try:
    found = len(s.read("x.oga")[0])
except s.LibsndfileError as error:
    found = error.error_string
other = miniaudio.decode_file("x.oga").num_frames
print(s.__version__, s.__libsndfile_version__, f"132300 frames in: soundfile {found!r}; miniaudio {other}")
raise SystemExit(0 if "unknown error in flac" in str(found) and other == 132300 else "changed")
P
