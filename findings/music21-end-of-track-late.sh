#!/usr/bin/env bash
# music21 10.5.1 writing four beats of sixteenths as MIDI, or writing again what it read. Expected: an end-of-track at beat 4, where the last note ends, as
# in the file that it read. Seen: at beat 5, so a player that repeats the file rests for a beat at every pass.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q music21==10.5.1 mido==1.3.3 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import mido, music21
song = mido.MidiFile(ticks_per_beat=480)
song.tracks.append(track := mido.MidiTrack())
for _ in range(16):
    track.append(mido.Message("note_on", note=60, velocity=100, time=0))
    track.append(mido.Message("note_off", note=60, time=120))
song.save("read.mid")
music21.converter.parse("read.mid").write("midi", "again.mid")
line = music21.stream.Stream([music21.note.Note(60, quarterLength=0.25) for _ in range(16)])
line.write("midi", "own.mid")
found = {}
for name in ("read.mid", "again.mid", "own.mid"):
    read = mido.MidiFile(name)
    found[name] = max(sum(message.time for message in each) for each in read.tracks) / read.ticks_per_beat
print("music21", version("music21"), "beats until the last end-of-track:", found)
raise SystemExit(0 if found == {"read.mid": 4, "again.mid": 5, "own.mid": 5} else "changed")
P
