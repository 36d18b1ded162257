#!/usr/bin/env bash
# isobar 0.2.1, a `Timeline` at 126.5 BPM into a `MidiFileOutputDevice`. Expected: a file of that tempo. Seen: no tempo at all, which means 120 BPM, so a
# bar lasts 2.0 s instead of 1.897.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q isobar==0.2.1 mido==1.3.3 2>/dev/null
v/bin/python -W ignore - 2>/dev/null <<'P'
from importlib.metadata import version
import isobar, mido
device = isobar.MidiFileOutputDevice("bar.mid")
timeline = isobar.Timeline(126.5, output_device=device)
timeline.stop_when_done = True
timeline.schedule({"note": isobar.PSequence([60] * 16, 1), "duration": 0.25})
timeline.run()
device.write()
song = mido.MidiFile("bar.mid")
messages = [message for track in song.tracks for message in track]
tempi = [message.tempo for message in messages if message.type == "set_tempo"]
notes = sum(message.type == "note_on" and message.velocity > 0 for message in messages)
print("isobar", version("isobar"), "notes", notes, "tempi", tempi, "seconds", round(song.length, 3))
raise SystemExit(0 if (notes, tempi, round(song.length, 3)) == (16, [], 2.0) else 1)
P
