#!/usr/bin/env bash
# FluidSynth 2.3 starts each note of a MIDI file on a grid of 64 samples, even when it renders to a file: equal steps come out unequal.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
command -v fluidsynth >/dev/null || { apt-get update -qq; apt-get install -yqq --no-install-recommends fluidsynth; }
[ -f /usr/share/sounds/sf2/TimGM6mb.sf2 ] || { apt-get update -qq; apt-get install -yqq --no-install-recommends timgm6mb-soundfont; }
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 mido==1.3.3 soundfile==0.14.0 2>/dev/null
v/bin/python - <<'P'
import mido
f = mido.MidiFile(ticks_per_beat=480); t = mido.MidiTrack(); f.tracks.append(t)
for beat in range(24):
    t.append(mido.Message("note_on", channel=9, note=37, velocity=100, time=413 if beat else 960))
    t.append(mido.Message("note_off", channel=9, note=37, time=60))
f.save("x.mid")
P
fluidsynth --version 2>/dev/null | grep -i "runtime version" || true
fluidsynth -ni -q -R 0 -C 0 -r 44100 -T wav -F x.wav /usr/share/sounds/sf2/TimGM6mb.sf2 x.mid >/dev/null 2>&1
v/bin/python - <<'P'
import numpy as np, soundfile as s
y = np.abs(s.read("x.wav", always_2d=True)[0]).max(1); hits, start = [], 0
for beat in range(24):
    hits.append(start + int(np.argmax(y[start:] > .01 * y.max()))); start = hits[-1] + 12000
gaps = np.diff(hits); late = [h - 44100 - round(b * 44100 * 473 / 960) for b, h in enumerate(hits)]
print("gaps between equal steps of 21728.4:", sorted(set(map(int, gaps))), "late by", min(late), "to", max(late), "samples")
raise SystemExit(0 if max(gaps) - min(gaps) >= 48 and max(late) - min(late) >= 48 else "changed")
P
