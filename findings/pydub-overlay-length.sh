#!/usr/bin/env bash
# pydub 0.25.1, loops of four bars at 126.5 and 127.5 BPM: `overlay`, `fade_in` and a slice over the whole loop. Expected: as many frames as
# before. Seen: 2 silent frames more at 126.5, so a gap at every pass, and 19 frames fewer at 127.5: whole milliseconds, rounded.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q pydub==0.25.1 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
from pydub import AudioSegment
found = {}
for bpm in (126.5, 127.5):
    frames = round(960 / bpm * 44_100)
    loop = AudioSegment(data=b"\1\1" * frames, sample_width=2, frame_rate=44_100, channels=1)
    made = loop.overlay(loop), loop.fade_in(5), loop[: len(loop)]
    found[bpm] = [int(each.frame_count()) - frames for each in made]
    print("pydub", version("pydub"), f"{bpm} BPM: frames more after overlay, fade_in, slice:", found[bpm], "ends in", set(made[0].raw_data[-4:]))
raise SystemExit(0 if found[126.5] == [2, 2, 2] and found[127.5][0] < 0 else "changed")
P
