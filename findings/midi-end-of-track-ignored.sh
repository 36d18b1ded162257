#!/usr/bin/env bash
# pretty_midi 0.2.11 and symusic 0.6.0 ignore where end-of-track stands: a 16-beat loop whose last note ends early is short.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv v; v/bin/pip install -q mido==1.3.3 pretty_midi==0.2.11.post0 symusic==0.6.0 'setuptools<81' 2>/dev/null
v/bin/python -W ignore - <<'P'
import mido, pretty_midi, symusic
f = mido.MidiFile(ticks_per_beat=480); t = mido.MidiTrack(); f.tracks.append(t)
t += [mido.MetaMessage("set_tempo", tempo=500000), mido.Message("note_on", note=36, velocity=9),
      mido.Message("note_off", note=36, time=240), mido.MetaMessage("end_of_track", time=16 * 480 - 240)]
f.save("x.mid")
found = (mido.MidiFile("x.mid").length, pretty_midi.PrettyMIDI("x.mid").get_end_time(), symusic.Score("x.mid").end() / 480 / 2)
print("seconds: mido %.2f, pretty_midi %.2f, symusic %.2f" % found)
raise SystemExit([round(x, 2) for x in found] != [8.0, 0.25, 0.25])
P
