#!/usr/bin/env bash
# Two overlapping notes of one pitch (on at 0 and 1 s, off at 2 and 4 s): symusic and miditoolkit end them at 2 and
# 4 s, pretty_midi ends both at 2 s, without a warning.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q numpy==2.4.6 mido==1.3.3 pretty_midi==0.2.11.post0 symusic==0.6.0 miditoolkit==1.0.1 'setuptools<81' 2>/dev/null
v/bin/python -W ignore - <<'P'
import mido, miditoolkit, pretty_midi, symusic
f = mido.MidiFile(ticks_per_beat=480); t = mido.MidiTrack(); f.tracks.append(t)
t.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
for kind, wait in (("note_on", 0), ("note_on", 480), ("note_off", 480), ("note_off", 960)):
    t.append(mido.Message(kind, note=60, velocity=64, time=wait))
f.save("x.mid")
ends = {
    "symusic": [n.end / 480 for n in symusic.Score("x.mid").tracks[0].notes],
    "miditoolkit": [n.end / 480 for n in miditoolkit.MidiFile("x.mid").instruments[0].notes],
    "pretty_midi": [float(n.end) for n in pretty_midi.PrettyMIDI("x.mid").instruments[0].notes],
}
for name, found in ends.items(): print(name, "notes end at", found)
raise SystemExit(0 if list(ends.values()) == [[2, 4], [2, 4], [2, 2]] else "changed")
P
