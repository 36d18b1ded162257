#!/usr/bin/env bash
# moviepy 2.2.1 (imageio-ffmpeg 0.6.0) repeating loops of four bars with `AudioLoop`. Expected: every pass begins where the one before ends. Seen: a
# file is taken to last whole hundredths of a second, so a gap of 47 frames a pass at 126.5 BPM, and 85 frames of each pass lost at 124.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q moviepy==2.2.1 imageio-ffmpeg==0.6.0 numpy==2.2.6 soundfile==0.14.0 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import numpy as np, soundfile
from moviepy import AudioFileClip
from moviepy.audio.fx import AudioLoop
found = {}
for bpm in (120, 124, 126.5):
    loop = np.random.default_rng(0).integers(1, 9000, (round(960 / bpm * 44_100), 2), dtype=np.int16)
    soundfile.write("loop.wav", loop, 44_100)
    clip = AudioFileClip("loop.wav")
    clip.with_effects([AudioLoop(n_loops=2)]).write_audiofile("twice.wav", fps=44_100, nbytes=2, codec="pcm_s16le", logger=None)
    twice = soundfile.read("twice.wav", dtype="int16")[0]
    start = int(np.flatnonzero((twice[1:-1] == loop[0]).all(1) & (twice[2:] == loop[1]).all(1))[0]) + 1
    found[bpm] = start - len(loop), int((twice[:start] == 0).all(1).sum())
    print("moviepy", version("moviepy"), f"{bpm} BPM: file {len(loop) / 44_100:.6f} s, clip {clip.duration} s,",
          "second pass late by frames, silent frames before it:", found[bpm])
raise SystemExit(0 if found == {120: (0, 0), 124: (-85, 0), 126.5: (47, 47)} else "changed")
P
