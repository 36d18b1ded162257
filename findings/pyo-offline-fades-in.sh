#!/usr/bin/env bash
# pyo 1.1.0, a constant of 0.5 rendered by an offline server. Expected: 0.5 from the first frame on. Seen: a fade over the first 5 ms, so the
# attack of a loop's first kick is lost in every rendering.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pyo==1.1.0 2>/dev/null
v/bin/python - <<'P' 2>/dev/null | grep '^pyo 1'
import struct
from importlib.metadata import version
import pyo
server = pyo.Server(audio="offline", sr=44_100, nchnls=1, buffersize=64)
server.setVerbosity(0)
server.boot()
server.recordOptions(dur=0.1, filename="out.wav", fileformat=0, sampletype=3)
sound = pyo.Sig(0.5).out()
server.start()
wav = open("out.wav", "rb").read()
at = wav.index(b"data")
values = struct.unpack_from("<2000f", wav, at + 8)
whole = next(frame for frame, value in enumerate(values) if value > 0.499)
print("pyo", version("pyo"), "frames 0, 100, 300:", [round(values[frame], 3) for frame in (0, 100, 300)], "all there from frame", whole)
raise SystemExit(0 if 200 < whole < 240 and values[0] < 0.01 else "changed")
P
