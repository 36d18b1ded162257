#!/usr/bin/env bash
# music21 10.5.1 reading a bar of sixteenth hats, every second one late by a sixtieth of a beat (swing). Expected: sixteen places, the late ones rounded to
# the grid, as `parse` quantizes. Seen: nine: each hit on the eighth is put on the late one before it, as hits less than a sixteenth apart count as a
# chord. Straight hats and `quantizePost=False` keep their places.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q music21==10.5.1 mido==1.3.3 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import mido, music21
def places(late, **how):
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(track := mido.MidiTrack())
    last = 0
    for step in range(16):
        start = step * 120 + late * (step % 2)
        track.append(mido.Message("note_on", channel=9, note=42, velocity=100, time=start - last))
        track.append(mido.Message("note_off", channel=9, note=42, time=60))
        last = start + 60
    song.save("hats.mid")
    return sorted({round(float(note.offset), 3) for note in music21.converter.parse("hats.mid", **how).flatten().notes})
found = {"straight": places(0), "swung": places(8), "swung, quantizePost=False": places(8, quantizePost=False)}
print("music21", version("music21"), "places:", {name: [len(seen), seen[:5]] for name, seen in found.items()})
expected = [0.0, 0.25, 0.75, 1.25, 1.75]
raise SystemExit(0 if [len(seen) for seen in found.values()] == [16, 9, 16] and found["swung"][:5] == expected else "changed")
P
