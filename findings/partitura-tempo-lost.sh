#!/usr/bin/env bash
# partitura 1.9.0 `load_performance_midi` and `save_performance_midi` of sixteenths at 126.5 BPM. Expected: the file's tempo, as the part has a field for
# it (`mpq`). Seen: the field reads 500,000 and 120 BPM is written, so the notes sound at the right time but lie off every beat.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q partitura==1.9.0 mido==1.3.3 numpy==2.4.6 2>/dev/null
v/bin/python -W ignore - <<'P'
from importlib.metadata import version
import mido, partitura
def grid(name):
    song, places, tempi = mido.MidiFile(name), [], []
    for track in song.tracks:
        now = 0
        for message in track:
            now += message.time
            tempi += [message.tempo] if message.type == "set_tempo" else []
            places += [round(now / song.ticks_per_beat, 3)] if message.type == "note_on" and message.velocity else []
    return tempi, places[:5]
song = mido.MidiFile(ticks_per_beat=480)
song.tracks.append(track := mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=474_308)]))
for _ in range(16):
    track.append(mido.Message("note_on", note=60, velocity=100, time=0))
    track.append(mido.Message("note_off", note=60, time=120))
song.save("read.mid")
performance = partitura.load_performance_midi("read.mid")
partitura.save_performance_midi(performance, "again.mid")
found = grid("read.mid"), performance.performedparts[0].mpq, grid("again.mid")
print("partitura", version("partitura"), "tempo and places in beats, read:", found[0], "field:", found[1], "written:", found[2])
raise SystemExit(0 if found[0] == ([474_308], [0, 0.25, 0.5, 0.75, 1]) and found[1] == 500_000 and found[2][0] == [500_000] and found[2][1][1] == 0.237 else "changed")
P
