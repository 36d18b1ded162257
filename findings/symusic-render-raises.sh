#!/usr/bin/env bash
# symusic, one note rendered with its `Synthesizer` and a SoundFont of one looped sample. Expected: an array of two channels, as 0.5.8 gives.
# Seen with 0.6.0: `render` ends in TypeError, as the wheel cannot turn its result into an array.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
cat >make.py <<'P'
import struct
def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
def records(form, *rows):
    return b"".join(struct.pack("<" + form, *row) for row in rows)
N, mod = 10_000, struct.pack("<HHhHH", 0, 0, 0, 0, 0)
parts = {
    b"phdr": records("20s3H3I", (b"loop", 0, 0, 0, 0, 0, 0), (b"EOP", 0, 0, 1, 0, 0, 0)), b"pbag": records("HH", (0, 0), (1, 0)),
    b"pmod": mod, b"pgen": records("HH", (41, 0), (0, 0)), b"inst": records("20sH", (b"loop", 0), (b"EOI", 1)),
    b"ibag": records("HH", (0, 0), (2, 0)), b"imod": mod, b"igen": records("HH", (54, 1), (53, 0), (0, 0)),
    b"shdr": records("20s5IBbHH", (b"loop", 0, N, 0, N, 44_100, 60, 0, 0, 1), (b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)),
}
audio = b"".join(struct.pack("<h", 8000 if n % 100 < 50 else -8000) for n in range(N)) + bytes(92)
info = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"loop\0\0")
body = chunk(b"LIST", b"INFO" + info) + chunk(b"LIST", b"sdta" + chunk(b"smpl", audio))
body += chunk(b"LIST", b"pdta" + b"".join(chunk(name, data) for name, data in parts.items()))
open("loop.sf2", "wb").write(chunk(b"RIFF", b"sfbk" + body))
P
python3 make.py
python3 -m venv v; v/bin/pip install -q numpy==2.2.6 2>/dev/null
for version in 0.5.8 0.6.0; do
  v/bin/pip install -q symusic==$version 2>/dev/null
  v/bin/python - <<'P'
from importlib.metadata import version
import numpy as np, symusic
score, track = symusic.Score(480), symusic.Track()
track.notes.append(symusic.Note(0, 960, 60, 100))
score.tracks.append(track)
try:
    audio = np.asarray(symusic.Synthesizer(sf_path="loop.sf2", sample_rate=44_100).render(score, stereo=True))
    found = audio.shape[0] == 2 and bool(np.abs(audio).max() > 0.01)
except TypeError as error:
    found = str(error).split("!")[0]
print("symusic", version("symusic"), "numpy", version("numpy"), "audio of two channels:", found)
expected = {"0.5.8": True, "0.6.0": "Unable to convert function return value to a Python type"}
raise SystemExit(0 if found == expected[version("symusic")] else "changed")
P
done
