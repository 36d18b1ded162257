#!/usr/bin/env bash
# mingus 0.6.1 `write_Track` at 126 and 126.5 BPM. Expected: MIDI files of both tempi, as MIDI counts microseconds a beat (474,308). Seen: 126 is
# written, 126.5 ends in TypeError, in `write_Bar` and `write_Composition` too: the tempo has to be a whole number.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q mingus==0.6.1 mido==1.3.3 2>/dev/null
v/bin/python - <<'P'
from importlib.metadata import version
import mido
from mingus.containers import Bar, Composition, Track
from mingus.midi import midi_file_out
bar, track, song = Bar("C", (4, 4)), Track(), Composition()
for _ in range(4):
    bar.place_notes("C-2", 4)
track.add_bar(bar)
song.add_track(track)
def tempo(write, content, bpm):
    try:
        write("out.mid", content, bpm)
    except TypeError as error:
        return str(error)
    return [message.tempo for message in mido.MidiFile("out.mid") if message.type == "set_tempo"][0]
writers = (midi_file_out.write_Bar, bar), (midi_file_out.write_Track, track), (midi_file_out.write_Composition, song)
found = {bpm: {tempo(*writer, bpm) for writer in writers} for bpm in (126, 126.5)}
print("mingus", version("mingus"), "microseconds a beat by BPM:", found)
raise SystemExit(0 if found == {126: {476_190}, 126.5: {"%x format: an integer is required, not float"}} else "changed")
P
